//! The entity map by the clock: what is certain is linked, what is alike is suggested.
use super::schedule::Round;
use crate::daily::map;

/// Gives how much changed: links, things, and facts that followed.
pub async fn link(round: Round) -> anyhow::Result<u64> {
    Ok(map::link(&round.db, &*round.clock, round.org).await?.changed())
}

/// Gives how many suggestions are open.
pub async fn suggest(round: Round) -> anyhow::Result<u64> {
    Ok(map::suggest(&round.db, &*round.clock, round.org).await?)
}
