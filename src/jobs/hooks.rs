//! Works on what platforms delivered: takes deliveries under a lease, reads what they are about, tries again, gives up visibly.
//! Each connection is a lane of its own: one whose platform hangs, or that was flooded, keeps nobody else waiting.
use super::lanes::Lanes;
use crate::daily::sync::Engine;
use crate::drafts;
use crate::ids::{OrgId, SourceId};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Connections that are worked for at once, each on a few deliveries, and those of one organisation: four that hang leave
/// room for the others.
pub const ROOM: (usize, usize) = (32, 4);

/// Begins to work for every connection with deliveries that are due; gives how many that are. `owner` is this process.
pub async fn begin(
    engine: &Engine,
    owner: Uuid,
    lanes: &Lanes<SourceId>,
    stop: &CancellationToken,
) -> anyhow::Result<u64> {
    let mut begun = 0;
    for (org, _) in engine.db.organisations().await? {
        let waiting = match engine.delivered(org).await {
            Ok(waiting) => waiting,
            // One organisation's trouble is not the others'.
            Err(error) => {
                tracing::error!(%org, %error, "deliveries of platforms could not be looked for");
                continue;
            }
        };
        for source in waiting {
            let (engine, halt) = (engine.clone(), stop.clone());
            let piece = move || {
                let (engine, halt) = (engine.clone(), halt.clone());
                async move { some(&engine, (org, source), owner, &halt).await }
            };
            begun += u64::from(lanes.begin((org, source), stop, piece));
        }
    }
    Ok(begun)
}

/// A few deliveries of one connection; `false`: no more were due.
async fn some(
    engine: &Engine,
    (org, source): (OrgId, SourceId),
    owner: Uuid,
    stop: &CancellationToken,
) -> anyhow::Result<bool> {
    let done = engine.work(org, source, owner, stop).await?;
    if done.ended > 0 {
        drafts::mark_drifted(&engine.db, &*engine.outside.clock, org).await?;
    }
    Ok(done.more)
}
