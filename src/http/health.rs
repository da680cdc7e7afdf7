//! For machines: alive, ready, measured.
use super::problem::Problem;
use super::state::Server;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde_json::{Value, json};

/// Alive
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, description = "The process runs")))]
pub async fn alive() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// Ready
#[utoipa::path(get, path = "/readyz", tag = "health", responses(
    (status = 200, description = "The database answers as both roles; `events` says whether batches are sent back, and why"),
    (status = 503, description = "Not now; try again", body = Problem)))]
pub async fn ready(State(server): State<Server>) -> Result<Json<Value>, Problem> {
    server.app.db.healthy().await.map_err(|error| {
        tracing::warn!(%error, "not ready");
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "storage.unavailable", "The database does not answer.")
            .with_retry_after(2)
    })?;
    Ok(Json(json!({
        "status": "ready",
        "queries": server.app.catalogue.queries.len(),
        "model": server.app.model.name(),
        "events": match server.events.pressed() {
            None => json!({ "state": "ok" }),
            Some(pressed) => json!({
                "state": "backpressure",
                "reason": pressed.reason,
                "retry_after": pressed.retry_after,
            }),
        },
    })))
}

/// Prometheus metrics
#[utoipa::path(get, path = "/metrics", tag = "health", responses(
    (status = 200, description = "Counters and histograms in the text format of Prometheus", content_type = "text/plain")))]
pub async fn measures(State(server): State<Server>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], server.metrics.render())
}
