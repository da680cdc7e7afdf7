//! Where leads came from: the first touch and the last one of each, found among the touches that were watched and what the lead
//! itself told, part by part, so that a run may be cut anywhere.
mod choose;

use super::map::roots;
use crate::clock::Clock;
use crate::db::Db;
use crate::db::lead_sources::{self, Scope};
use crate::ids::OrgId;

/// Leads of one transaction.
const PART: i64 = 500;

/// How far a run is, told after every part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Leads to be looked at, counted when the run began.
    pub of: u64,
    pub done: u64,
    /// Leads that say something else than before.
    pub changed: u64,
}

/// A run that stops after so many leads, at the end of a part.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bounds<'a> {
    /// Leads after this id only, in the order of their ids.
    pub after: &'a str,
    /// None: all of them.
    pub most: Option<u64>,
}

/// Finds first and last touch of leads. With `rebuild` the first touch is found anew, too; otherwise one that was written stays.
pub async fn find(
    db: &Db,
    clock: &dyn Clock,
    org: OrgId,
    scope: Scope<'_>,
    rebuild: bool,
    heard: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Progress, sqlx::Error> {
    find_within(db, clock, org, scope, rebuild, Bounds::default(), heard).await.map(|(progress, _)| progress)
}

/// As [`find`], for so many leads; gives the id after which to go on, where there are more.
pub async fn find_within(
    db: &Db,
    clock: &dyn Clock,
    org: OrgId,
    scope: Scope<'_>,
    rebuild: bool,
    bounds: Bounds<'_>,
    heard: &(dyn Fn(Progress) + Send + Sync),
) -> Result<(Progress, Option<String>), sqlx::Error> {
    let mut tx = db.org(org).await?;
    let roots = roots(&mut tx, org).await?;
    let of = lead_sources::count(&mut tx, org, &scope, bounds.after).await?;
    crate::db::let_go(tx);
    let mut progress = Progress { of, ..Progress::default() };
    let mut after = bounds.after.to_owned();
    loop {
        let left = bounds.most.map_or(u64::MAX, |most| most.saturating_sub(progress.done));
        if left == 0 && progress.done < of {
            return Ok((progress, Some(after)));
        }
        let part = i64::try_from(left.max(1)).map_or(PART, |left| left.min(PART));
        let mut tx = db.org(org).await?;
        let leads = lead_sources::next(&mut tx, org, &scope, &after, part).await?;
        let Some(last) = leads.iter().map(|lead| &lead.id).max() else { return Ok((progress, None)) };
        after.clone_from(last);
        let found: Vec<_> = leads.iter().map(|lead| choose::found(lead, &roots, rebuild)).collect();
        progress.changed += lead_sources::put(&mut tx, org, &found, clock.now()).await?;
        tx.commit().await?;
        progress.done += leads.len() as u64;
        heard(progress);
    }
}
