//! What every handler is given.
use super::limits::Limits;
use crate::app::App;
use crate::chat;
use crate::daily::sync::asked::Desk;
use crate::events::ingest::Ingest;
use crate::webhooks;
use axum::extract::FromRef;
use metrics_exporter_prometheus::PrometheusHandle;
use std::sync::Arc;

/// The server's shared parts. Cheap to clone.
#[derive(Clone)]
pub struct Server {
    pub app: App,
    pub chat: chat::Service,
    pub events: Arc<Ingest>,
    pub limits: Arc<Limits>,
    pub webhooks: webhooks::Settings,
    pub sources: Desk,
    pub metrics: PrometheusHandle,
}

impl FromRef<Server> for crate::clock::SharedClock {
    fn from_ref(server: &Server) -> Self {
        Arc::clone(&server.app.clock)
    }
}
