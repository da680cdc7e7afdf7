//! Builds and holds what every surface shares: configuration, database, clock, models, catalogue.
use crate::{catalogue::Catalogue, clock::SharedClock, db::Db, llm::ChatModel};
use std::sync::Arc;

/// One running Adjutant. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub db: Db,
    pub clock: SharedClock,
    pub catalogue: Arc<Catalogue>,
    pub model: Arc<dyn ChatModel>,
}
