//! Sends what must arrive: one ordered queue a channel.
use super::Slack;
use tokio_util::sync::CancellationToken;

/// Sends until `stop`.
pub async fn run(_slack: &Slack, stop: CancellationToken) {
    stop.cancelled().await;
}
