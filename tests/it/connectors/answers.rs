//! What a marketer hears of facts that a connection brought.
use super::rig::Rig;
use crate::world::World;
use adjutant::catalogue::{Catalogue, Cell, QueryResult, RunContext};
use adjutant::clock::SharedClock;
use adjutant::daily::sync::Order;
use adjutant::db::syncs::SyncState;
use rust_decimal::Decimal;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// Reads another stream of the rig's connection to a good end.
pub async fn read(rig: &Rig, stream: &str) {
    let order = Order { stream: stream.to_owned(), ..rig.order() };
    let finished = rig.engine.run(&order, CancellationToken::new(), &|_| {}).await.unwrap();
    assert_eq!(finished.state, SyncState::Succeeded, "{stream}: {:?}", finished.error);
}

/// The answer of a named query.
pub async fn ask(world: &World, query: &str, params: Value) -> QueryResult {
    let (catalogue, _) = Catalogue::load_whole(None);
    let clock: SharedClock = world.clock.clone();
    let context = RunContext { actor: world.compliance.clone(), turn: None, reason: None };
    let params = params.as_object().cloned().unwrap_or_default();
    catalogue.run(&world.db, &clock, &context, query, &params).await.unwrap()
}

pub fn total(result: &QueryResult, name: &str) -> Decimal {
    result.totals.get(name).and_then(Cell::number).unwrap().normalize()
}
