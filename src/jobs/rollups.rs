//! Daily figures from events and syncs: the days that still move every five minutes, late ones by the hour, a month at night.
use super::schedule::Round;
use crate::daily::rollup::{self, Built};

/// What the job of [`recent`] is called.
pub const JOB: &str = "rollup";

/// Every five minutes: today, yesterday, and what a downtime left out. Gives how many rows changed.
pub async fn recent(round: Round) -> anyhow::Result<u64> {
    Ok(changed(&rollup::recent(&round.db, &*round.clock, round.org, round.since).await?))
}

/// Every hour: the days that late facts queued. Gives how many entries of the queue were worked.
pub async fn restated(round: Round) -> anyhow::Result<u64> {
    let built = rollup::restated(&round.db, &*round.clock, round.org).await?;
    Ok(built.iter().map(|day| day.queued).sum())
}

/// Every night: the last 30 days, whatever was said of them meanwhile. Gives how many rows changed.
pub async fn month(round: Round) -> anyhow::Result<u64> {
    Ok(changed(&rollup::month(&round.db, &*round.clock, round.org).await?))
}

/// Every hour: months that are over are summed for long windows. Gives how many.
pub async fn months(round: Round) -> anyhow::Result<u64> {
    Ok(rollup::months(&round.db, &*round.clock, round.org).await?)
}

fn changed(built: &[Built]) -> u64 {
    built.iter().map(|day| day.rows).sum()
}
