//! Reads the streams of connections that are due. The lock of a stream keeps replicas apart; a connection that needs a person is
//! left alone until one came.
use crate::daily::sync::{Engine, Order};
use crate::db::syncs::{SyncState, Trigger};
use crate::db::{sources, syncs};
use crate::ids::OrgId;
use crate::period::{Window, local_day};
use crate::platforms::fault::Code;
use jiff::tz::TimeZone;
use std::collections::BTreeSet;
use tokio_util::sync::CancellationToken;

/// Gives how many streams were read.
pub async fn run(engine: &Engine, stop: &CancellationToken) -> anyhow::Result<u64> {
    let mut read = 0;
    for (org, _) in engine.db.organisations().await? {
        let (streams, written) = organisation(engine, org, stop).await?;
        read += streams;
        if written > 0 {
            engine.follow(org).await?;
        }
    }
    Ok(read)
}

/// Streams read and rows written. What is due is asked again before each: a key that one stream found refused is not tried
/// by the next one.
async fn organisation(engine: &Engine, org: OrgId, stop: &CancellationToken) -> anyhow::Result<(u64, i64)> {
    // What somebody asked for comes first: a server that ended, or another one, left it waiting.
    let asked = engine.work_off(org, stop).await?;
    let (mut read, mut written) = (asked.streams, asked.written);
    let mut tried = BTreeSet::new();
    while !stop.is_cancelled() {
        let due = engine.due(org).await?.into_iter().find(|one| !tried.contains(one));
        let Some((source, stream)) = due else { break };
        tried.insert((source, stream.clone()));
        let order = Order { org, source, stream, trigger: Trigger::Schedule, window: None };
        match engine.run(&order, stop.child_token(), &|_| {}).await {
            Ok(finished) => {
                read += u64::from(matches!(finished.state, SyncState::Succeeded | SyncState::Partial));
                written += finished.counts.rows_written;
            }
            Err(error) if error.code == Code::AlreadyRunning => {}
            Err(error) => {
                tracing::warn!(%source, stream = order.stream, code = %error.code, "a stream could not be begun");
                if error.code.needs_a_person() {
                    engine.needs_a_person(org, source).await?;
                }
            }
        }
    }
    while !stop.is_cancelled() {
        let Some(order) = backfill(engine, org).await? else { break };
        match engine.run(&order, stop.child_token(), &|_| {}).await {
            Ok(finished) => {
                read += u64::from(matches!(finished.state, SyncState::Succeeded | SyncState::Partial));
                written += finished.counts.rows_written;
            }
            Err(error) => {
                tracing::warn!(source = %order.source, stream = order.stream, code = %error.code, "days could not be read again");
            }
        }
    }
    Ok((read, written))
}

/// Days that an alert asked to be read again (`events.md` §8), up to today as the account counts it. One that fails is asked again
/// when its grace is over once more.
async fn backfill(engine: &Engine, org: OrgId) -> anyhow::Result<Option<Order>> {
    let now = engine.outside.clock.now();
    let mut tx = engine.db.org(org).await?;
    let Some((source, stream, first)) = syncs::take_backfill(&mut tx, org, now).await? else {
        return Ok(None);
    };
    let zone = sources::get(&mut tx, org, source).await?.map(|source| source.account_time_zone);
    tx.commit().await?;
    let zone = TimeZone::get(&zone.unwrap_or_default()).unwrap_or(TimeZone::UTC);
    let today = local_day(now, &zone);
    let window = Some(Window { start: first.min(today), end: today });
    Ok(Some(Order { org, source, stream, trigger: Trigger::Backfill, window }))
}
