//! Works on what platforms delivered: takes deliveries under a lease, reads what they are about, tries again, gives up visibly.
use crate::daily::sync::Engine;
use crate::drafts;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Gives how many deliveries were ended. `owner` is this process.
pub async fn run(engine: &Engine, owner: Uuid, stop: &CancellationToken) -> anyhow::Result<u64> {
    let mut ended = 0;
    for (org, _) in engine.db.organisations().await? {
        let of_org = engine.work(org, owner, stop).await?;
        if of_org > 0 {
            drafts::mark_drifted(&engine.db, &*engine.outside.clock, org).await?;
        }
        ended += of_org;
    }
    Ok(ended)
}
