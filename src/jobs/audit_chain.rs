//! Once a day the record of decisions is recomputed; a broken link is an error in the log, and of the run. A good head is
//! anchored and told in the log, outside the database: a later rewrite of everything shows against it.
use super::schedule::Round;
use crate::db::audit;

/// Gives how many entries were walked.
pub async fn run(round: Round) -> anyhow::Result<u64> {
    let org = round.org;
    let verdict = audit::verify(&round.db, org).await?;
    if let Some(broken) = &verdict.broken {
        tracing::error!(%org, entry = broken.seq, problem = %broken.problem, "the audit chain is broken");
        anyhow::bail!("the audit chain is broken at entry {}: {}", broken.seq, broken.problem);
    }
    if audit::anchor(&round.db, org, &verdict, round.clock.now()).await? {
        tracing::info!(%org, entry = verdict.head_seq, hash = verdict.head_hash, "audit head");
    }
    Ok(u64::try_from(verdict.entries).unwrap_or(0))
}
