//! Months that are over, summed for long windows.
use super::basis;
use crate::clock::Clock;
use crate::db::{Db, let_go, sums};
use crate::ids::OrgId;
use crate::period::local_day;

/// Sums each month before this one whose sums are not there or hold no longer, each in a transaction of its own; gives how many.
/// A month that somebody is writing waits for the next time.
pub async fn months(db: &Db, clock: &dyn Clock, org: OrgId) -> Result<u64, sqlx::Error> {
    let (_, zone) = basis(db, org).await?;
    let mut tx = db.org(org).await?;
    let unmade = sums::unmade(&mut tx, org, local_day(clock.now(), &zone)).await?;
    let_go(tx);
    let mut made = 0;
    for month in unmade {
        let mut tx = db.org(org).await?;
        if sums::make(&mut tx, org, month, clock.now()).await? {
            tx.commit().await?;
            made += 1;
        } else {
            let_go(tx);
        }
    }
    Ok(made)
}
