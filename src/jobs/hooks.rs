//! Works on what platforms delivered: takes deliveries under a lease, reads what they are about, tries again, gives up visibly.
use crate::daily::sync::Engine;
use crate::drafts;
use crate::ids::OrgId;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Gives how many deliveries were ended. `owner` is this process.
pub async fn run(engine: &Engine, owner: Uuid, stop: &CancellationToken) -> anyhow::Result<u64> {
    let mut ended = 0;
    for (org, _) in engine.db.organisations().await? {
        // One organisation's trouble is not the others'.
        match organisation(engine, org, owner, stop).await {
            Ok(of_org) => ended += of_org,
            Err(error) => {
                tracing::error!(%org, error = format!("{error:#}"), "deliveries of platforms could not be worked on");
            }
        }
    }
    Ok(ended)
}

async fn organisation(
    engine: &Engine,
    org: OrgId,
    owner: Uuid,
    stop: &CancellationToken,
) -> anyhow::Result<u64> {
    let ended = engine.work(org, owner, stop).await?;
    if ended > 0 {
        drafts::mark_drifted(&engine.db, &*engine.outside.clock, org).await?;
    }
    Ok(ended)
}
