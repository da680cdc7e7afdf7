//! What runs by the clock. Each job takes its work with a conditional update, so that replicas may run side by side and a
//! killed one leaves nothing half done: those of [`schedule`] a slot, the others the rows they find.
pub mod audit_chain;
pub mod cleanup;
pub mod data_quality;
mod draft_deadlines;
pub mod entity_map;
pub mod freshness;
pub mod hooks;
pub mod lanes;
pub mod lead_sources;
mod lost_turns;
pub mod partitions;
pub mod privacy;
pub mod rollups;
pub mod schedule;
pub mod sources;
pub mod webhooks;

use crate::app::App;
use crate::chat;
use crate::daily::sync::Engine;
use crate::webhooks::Sender;
use futures::future::join_all;
use lanes::Lanes;
use schedule::{JOBS, Scheduler};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Gives what reads connections, once there is a key to open them with.
pub type Connections = Arc<dyn Fn() -> anyhow::Result<Option<Engine>> + Send + Sync>;

/// How soon after its minute a job of the schedule is noticed.
const NOTICED: Duration = Duration::from_secs(10);

/// How soon what a platform delivered is worked on.
const DELIVERED: Duration = Duration::from_secs(1);

/// Runs every job until `stop` is cancelled; the round under way is finished first, but for reading connections, which stops
/// between two pages. `connections` is asked each round: without a master key there is no engine yet, and nothing to open.
pub async fn run(
    app: App,
    chat: chat::Service,
    connections: Connections,
    sender: Sender,
    stop: CancellationToken,
) {
    type Task = Pin<Box<dyn Future<Output = ()> + Send>>;
    let scheduler = Arc::new(Scheduler::new(app.db.clone(), Arc::clone(&app.clock)));
    let mut jobs: Vec<Task> = JOBS
        .iter()
        .map(|job| -> Task {
            let scheduler = Arc::clone(&scheduler);
            Box::pin(every(job.name, NOTICED, stop.clone(), move || {
                let scheduler = Arc::clone(&scheduler);
                async move { scheduler.round(job).await.map(|_| 0) }
            }))
        })
        .collect();
    let overdue = app.clone();
    jobs.push(Box::pin(every("lost_turns", Duration::from_secs(5), stop.clone(), move || {
        let chat = chat.clone();
        async move { lost_turns::run(&chat).await }
    })));
    jobs.push(Box::pin(every("draft_deadlines", Duration::from_secs(30), stop.clone(), move || {
        let app = overdue.clone();
        async move { draft_deadlines::run(&app).await }
    })));
    let sending = Lanes::new(webhooks::ROOM.0, webhooks::ROOM.1);
    let (db, lanes, halt) = (app.db.clone(), sending.clone(), stop.clone());
    jobs.push(Box::pin(every("webhooks", Duration::from_secs(2), stop.clone(), move || {
        let (db, sender, lanes, halt) = (db.clone(), sender.clone(), lanes.clone(), halt.clone());
        async move { webhooks::begin(&db, &sender, &lanes, &halt).await }
    })));
    let owner = crate::ids::new_uuid(&*app.clock);
    let reading = Lanes::new(hooks::ROOM.0, hooks::ROOM.1);
    let (halt, delivered, lanes) = (stop.clone(), Arc::clone(&connections), reading.clone());
    jobs.push(Box::pin(every("hooks", DELIVERED, stop.clone(), move || {
        let (connections, halt, lanes) = (Arc::clone(&delivered), halt.clone(), lanes.clone());
        async move {
            // What keeps connections from being opened is told by the round that reads them.
            match connections() {
                Ok(Some(engine)) => hooks::begin(&engine, owner, &lanes, &halt).await,
                Ok(None) | Err(_) => Ok(0),
            }
        }
    })));
    let polling = Lanes::new(sources::ROOM.0, sources::ROOM.1);
    let (halt, lanes) = (stop.clone(), polling.clone());
    jobs.push(Box::pin(every("sources", Duration::from_secs(60), stop.clone(), move || {
        let (connections, halt, lanes) = (Arc::clone(&connections), halt.clone(), lanes.clone());
        async move {
            match connections()? {
                // Each organisation tells what was read for it.
                Some(engine) => sources::begin(&engine, &lanes, &halt).await.map(|_| 0),
                None => Ok(0),
            }
        }
    })));
    let fresh = app.clone();
    jobs.push(Box::pin(every("freshness", Duration::from_secs(60), stop.clone(), move || {
        let app = fresh.clone();
        async move { freshness::run(&app.db, &app.clock).await }
    })));
    jobs.push(Box::pin(every("partitions", DAY, stop, move || {
        let app = app.clone();
        async move { partitions::run(&app).await }
    })));
    join_all(jobs).await;
    // Pieces under way are finished too.
    sending.quiet(|_, _| true).await;
    reading.quiet(|_, _| true).await;
    polling.quiet(|_, _| true).await;
}

/// A round now, then one every `pace`. A failed round is logged and tried again at the next one.
async fn every<F, R>(name: &'static str, pace: Duration, stop: CancellationToken, round: F)
where
    F: Fn() -> R + Send,
    R: Future<Output = anyhow::Result<u64>> + Send,
{
    let mut ticks = tokio::time::interval(pace);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        match round().await {
            Ok(0) => {}
            Ok(done) => tracing::info!(job = name, done, "job round"),
            Err(error) => tracing::error!(job = name, error = format!("{error:#}"), "job round failed"),
        }
    }
}
