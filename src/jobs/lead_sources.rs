//! Leads that are new, or that new touches may belong to, get their first and last touch.
use super::schedule::Round;
use crate::daily::leads;
use crate::db::lead_sources::Scope;
use jiff::{SignedDuration, Timestamp};

/// A touch may be that late (`events.md` §1): leads that came since are looked at again.
const LATE: SignedDuration = SignedDuration::from_hours(31 * 24);

/// Gives how many leads say something else than before.
pub async fn run(round: Round) -> anyhow::Result<u64> {
    let came = round.clock.now().checked_sub(LATE).unwrap_or(Timestamp::MIN);
    let scope = match round.since {
        Some(written) => Scope::New { came, written },
        None => Scope::All,
    };
    let done = leads::find(&round.db, &*round.clock, round.org, scope, false, &|_| {}).await?;
    Ok(done.changed)
}
