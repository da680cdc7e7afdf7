//! Events of the program's own, stored in the transaction of their cause: that both are there, or neither.
use super::match_up::Batch;
use crate::clock::Clock;
use crate::db::OrgTx;
use crate::db::events::Received;
use crate::db::privacy::Marker;
use crate::events::{self, Event, PiiMode, Registry, Rejection, Rules, Source, Via};
use crate::ids::{OrgId, new_uuid};
use serde_json::Value;
use std::sync::OnceLock;

/// The built-in names: an organisation's own are never the program's.
fn registry() -> Option<&'static Registry> {
    static REGISTRY: OnceLock<Option<Registry>> = OnceLock::new();
    REGISTRY.get_or_init(|| Registry::built_in().ok()).as_ref()
}

/// Stores items like those of `POST /api/events`, of source `system`. `id`, `occurred_at` and `source` are filled in. They are
/// not counted among what came in. One that the registry refuses is a fault of ours: it is in the log, and keeps nothing back.
pub async fn emit(
    tx: &mut OrgTx,
    org: OrgId,
    clock: &dyn Clock,
    items: Vec<Value>,
) -> Result<(), sqlx::Error> {
    let Some(registry) = registry() else { return Ok(()) };
    let now = clock.now();
    let rules = Rules {
        registry,
        now,
        sources: &[Source::System],
        pii: PiiMode::Scrub,
        base_currency: None,
        may_write_system: true,
        via: Via::Internal,
        backfill: false,
    };
    let checked: Vec<Result<Event, Rejection>> = items
        .into_iter()
        .enumerate()
        .map(|(index, mut item)| {
            item["id"] = Value::String(new_uuid(clock).to_string());
            item["occurred_at"] = Value::String(now.to_string());
            item["source"] = Value::String(Source::System.as_str().to_owned());
            events::check(&item.to_string(), index, &rules)
        })
        .collect();
    for refused in checked.iter().filter_map(|item| item.as_ref().err()) {
        tracing::error!(code = refused.code, errors = ?refused.errors, "an event of our own is not as the registry has it");
    }
    let mut batch = Batch::new(&checked, now);
    let marker = Marker::of(tx, org).await?;
    batch.look_up(tx, org, false, &marker).await?;
    batch.claim(tx, org, now).await?;
    let received = Received { at: now, via: Via::Internal.as_str(), batch: new_uuid(clock), key: None };
    batch.insert(tx, org, &received).await
}
