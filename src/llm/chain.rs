//! The chain of models as configured, each link with its repeats, bounds, breaker, record and budget.
use super::breaker::Breaker;
use super::budget::Budget;
use super::fallback::Fallback;
use super::openai::OpenAiModel;
use super::record::Record;
use super::retry::Retry;
use super::reuse::{Book, Reuse};
use super::settings::Settings;
use super::timeout::{FirstToken, Total};
use super::{ChatModel, ModelError};
use crate::clock::SharedClock;
use crate::db::Db;
use std::sync::Arc;

/// Builds the chain; `last` (the offline planner) answers when nothing else does, and alone without providers.
pub fn chain(
    settings: &Settings,
    db: &Db,
    clock: &SharedClock,
    last: Arc<dyn ChatModel>,
) -> Result<Arc<dyn ChatModel>, ModelError> {
    if settings.providers.is_empty() {
        return Ok(last);
    }
    let mut links: Vec<Arc<dyn ChatModel>> = Vec::new();
    for (rank, provider) in settings.providers.iter().enumerate() {
        let rank = i32::try_from(rank).unwrap_or(i32::MAX);
        let endpoint = Arc::new(OpenAiModel::new(provider, &settings.timeouts)?);
        let patient = Arc::new(FirstToken { inner: endpoint, limit: settings.timeouts.first_token });
        let repeated = Arc::new(Retry { inner: patient, settings: settings.retry.clone() });
        let bounded = Arc::new(Total { inner: repeated, limit: settings.timeouts.total });
        let recorded = Arc::new(Record {
            inner: bounded,
            provider: provider.name.clone(),
            price: provider.price,
            rank,
            db: db.clone(),
            clock: Arc::clone(clock),
        });
        let guarded = Arc::new(Breaker::new(recorded, Arc::clone(clock), settings.breaker.clone()));
        let paid = Arc::new(Budget {
            inner: guarded,
            db: db.clone(),
            clock: Arc::clone(clock),
            settings: settings.budget.clone(),
        });
        // Outermost: what is said again costs nothing and needs no provider.
        let book = Book { db: db.clone(), provider: provider.name.clone(), rank };
        links.push(Arc::new(Reuse::new(paid, Arc::clone(clock), settings.reuse).written_in(book)));
    }
    Ok(Arc::new(Fallback::new(links, last)))
}
