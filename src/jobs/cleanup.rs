//! What is kept for a while only: rows of query results, replies under idempotency keys, sessions, files, messages
//! that were sent.
use crate::app::App;
use crate::db::retention;

/// One round; gives how many rows were deleted.
pub async fn run(app: &App) -> anyhow::Result<u64> {
    let now = app.clock.now();
    let mut dropped = 0;
    for (org, _) in app.db.organisations().await? {
        let mut tx = app.db.org(org).await?;
        dropped += retention::drop_expired(&mut tx, org, now).await?;
        tx.commit().await?;
    }
    Ok(dropped)
}
