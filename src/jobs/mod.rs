//! What runs by the clock. Each job finds its work in rows and takes it with a conditional update, so that replicas may run
//! the same job side by side and a killed one leaves nothing half done.
pub mod audit_chain;
pub mod cleanup;
mod draft_deadlines;
mod lost_turns;
pub mod partitions;

use crate::app::App;
use crate::chat;
use futures::future::join_all;
use std::future::Future;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Runs every job at its pace until `stop` is cancelled; the round under way is finished first.
pub async fn run(app: App, chat: chat::Service, stop: CancellationToken) {
    let (a, b, c, d, e) = (app.clone(), app.clone(), app.clone(), chat, app);
    let jobs: [std::pin::Pin<Box<dyn Future<Output = ()> + Send>>; 5] = [
        Box::pin(every("lost_turns", Duration::from_secs(5), stop.clone(), move || {
            let chat = d.clone();
            async move { lost_turns::run(&chat).await }
        })),
        Box::pin(every("draft_deadlines", Duration::from_secs(30), stop.clone(), move || {
            let app = a.clone();
            async move { draft_deadlines::run(&app).await }
        })),
        Box::pin(every("cleanup", Duration::from_secs(3600), stop.clone(), move || {
            let app = b.clone();
            async move { cleanup::run(&app).await }
        })),
        Box::pin(every("partitions", DAY, stop.clone(), move || {
            let app = e.clone();
            async move { partitions::run(&app).await }
        })),
        Box::pin(every("audit_chain", DAY, stop, move || {
            let app = c.clone();
            async move { audit_chain::run(&app).await }
        })),
    ];
    join_all(jobs).await;
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
