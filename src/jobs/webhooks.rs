//! Sends what waits for other programs. Each endpoint is a lane of its own: one that hangs keeps only its own messages waiting.
use super::lanes::Lanes;
use crate::db::Db;
use crate::db::webhooks::deliveries::AT_ONCE;
use crate::ids::WebhookId;
use crate::webhooks::Sender;
use tokio_util::sync::CancellationToken;

/// Endpoints that are sent to at once, a few messages each, and those of one organisation.
pub const ROOM: (usize, usize) = (64, 8);

/// Begins to send to every endpoint that something is due for; gives how many that are.
pub async fn begin(
    db: &Db,
    sender: &Sender,
    lanes: &Lanes<WebhookId>,
    stop: &CancellationToken,
) -> anyhow::Result<u64> {
    let mut begun = 0;
    for (org, _) in db.organisations().await? {
        let waiting = match sender.waiting(org).await {
            Ok(waiting) => waiting,
            Err(error) => {
                tracing::error!(%org, error = format!("{error:#}"), "webhooks could not be looked for");
                continue;
            }
        };
        for endpoint in waiting {
            let sender = sender.clone();
            let piece = move || {
                let sender = sender.clone();
                // What comes meanwhile is found by the next round.
                async move { Ok(i64::try_from(sender.send(org, endpoint).await?)? >= AT_ONCE) }
            };
            begun += u64::from(lanes.begin((org, endpoint), stop, piece));
        }
    }
    Ok(begun)
}
