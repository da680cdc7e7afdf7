//! Reads the streams of connections that are due. The lock of a stream keeps replicas apart; a connection that needs a person is
//! left alone until one came. Each organisation is a lane of its own: one whose platform hangs, or whose history is long, keeps
//! nobody else waiting.
use super::lanes::Lanes;
use crate::daily::sync::{Engine, Finished, Order};
use crate::db::syncs::{SyncState, Trigger};
use crate::db::{sources, syncs};
use crate::ids::{OrgId, SourceId};
use crate::period::{Window, local_day};
use crate::platforms::fault::Code;
use jiff::tz::TimeZone;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// Organisations that are read for at once, a stream each: every stream holds one of the pool's 24 connections
/// (`db::PoolSizes`), of which two thirds are left to everything else.
pub const ROOM: (usize, usize) = (8, 1);

/// Begins a round for every organisation that is not in one; gives how many were begun. What each reads it tells by itself.
pub async fn begin(engine: &Engine, lanes: &Lanes<()>, stop: &CancellationToken) -> anyhow::Result<u64> {
    let mut begun = 0;
    for (org, _) in engine.db.organisations().await? {
        let round = Round { engine: engine.clone(), org, stop: stop.clone() };
        let (round, so_far) = (Arc::new(round), Arc::new(Mutex::new(SoFar::default())));
        let piece = move || {
            let (round, so_far) = (Arc::clone(&round), Arc::clone(&so_far));
            async move {
                let mut so_far = so_far.lock().await;
                round.piece(&mut so_far).await
            }
        };
        begun += u64::from(lanes.begin((org, ()), stop, piece));
    }
    Ok(begun)
}

/// One time round the streams of an organisation, a piece at a time.
struct Round {
    engine: Engine,
    org: OrgId,
    stop: CancellationToken,
}

/// How far a round is.
#[derive(Default)]
struct SoFar {
    /// What somebody asked for was looked at.
    asked: bool,
    tried: BTreeSet<(SourceId, String)>,
    /// Streams.
    read: u64,
    /// Rows.
    written: i64,
}

impl SoFar {
    fn count(&mut self, finished: &Finished) {
        self.read += u64::from(matches!(finished.state, SyncState::Succeeded | SyncState::Partial));
        self.written += finished.counts.rows_written;
    }
}

impl Round {
    /// `false`: the round is over. What new rows change elsewhere follows at its end, however it ended.
    async fn piece(&self, so_far: &mut SoFar) -> anyhow::Result<bool> {
        let more = self.read_one(so_far).await;
        if matches!(more, Ok(true)) && !self.stop.is_cancelled() {
            return more;
        }
        if so_far.read > 0 {
            tracing::info!(job = "sources", org = %self.org, read = so_far.read, "job round");
        }
        if so_far.written > 0 {
            self.engine.follow(self.org).await?;
        }
        more
    }

    /// What is due is asked again before each stream: a key that one stream found refused is not tried by the next one.
    async fn read_one(&self, so_far: &mut SoFar) -> anyhow::Result<bool> {
        let Self { engine, org, stop } = self;
        let org = *org;
        if !so_far.asked {
            // What somebody asked for comes first: a server that ended, or another one, left it waiting.
            so_far.asked = true;
            let asked = engine.work_off(org, stop).await?;
            so_far.read += asked.streams;
            so_far.written += asked.written;
            return Ok(true);
        }
        if let Some((source, stream)) =
            engine.due(org).await?.into_iter().find(|one| !so_far.tried.contains(one))
        {
            so_far.tried.insert((source, stream.clone()));
            let order = Order { org, source, stream, trigger: Trigger::Schedule, window: None };
            match engine.run(&order, stop.child_token(), &|_| {}).await {
                Ok(finished) => so_far.count(&finished),
                Err(error) if error.code == Code::AlreadyRunning => {}
                Err(error) => {
                    tracing::warn!(%source, stream = order.stream, code = %error.code, "a stream could not be begun");
                    if error.code.needs_a_person() {
                        engine.needs_a_person(org, source).await?;
                    }
                }
            }
            return Ok(true);
        }
        let Some(order) = backfill(engine, org).await? else { return Ok(false) };
        match engine.run(&order, stop.child_token(), &|_| {}).await {
            Ok(finished) => so_far.count(&finished),
            Err(error) => {
                tracing::warn!(source = %order.source, stream = order.stream, code = %error.code, "days could not be read again");
            }
        }
        Ok(true)
    }
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
