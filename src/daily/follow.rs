//! What new rows change elsewhere.
use super::map;
use crate::clock::Clock;
use crate::db::Db;
use crate::drafts;
use crate::ids::OrgId;

/// Links the things that rows brought, and marks drafts about what is no longer as it was; gives the numbers of those drafts.
pub async fn follow(db: &Db, clock: &dyn Clock, org: OrgId) -> anyhow::Result<Vec<i64>> {
    map::link(db, clock, org).await?;
    Ok(drafts::mark_drifted(db, clock, org).await?)
}
