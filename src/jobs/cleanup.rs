//! What is kept for a while only: rows of query results, replies under idempotency keys, sessions, files, messages
//! that were sent, runs of jobs.
use super::schedule::Round;
use crate::db::retention;

/// Gives how many rows were deleted.
pub async fn run(round: Round) -> anyhow::Result<u64> {
    let mut tx = round.db.org(round.org).await?;
    let dropped = retention::drop_expired(&mut tx, round.org, round.clock.now()).await?;
    tx.commit().await?;
    Ok(dropped)
}
