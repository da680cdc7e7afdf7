//! Months that are over, summed for long windows.
use super::basis;
use crate::clock::Clock;
use crate::db::{Db, is_away, let_go, sums};
use crate::ids::OrgId;
use crate::period::local_day;
use jiff::civil::Date;

/// Why a run did not make all sums.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The database's word on the first of the months that failed; all others were made.
    #[error(
        "the sums of {} could not be made and are tried again at the next run; answers over them come from the daily rows",
        months.iter().map(|month| month.strftime("%Y-%m").to_string()).collect::<Vec<_>>().join(", ")
    )]
    Months {
        months: Vec<Date>,
        #[source]
        first: sqlx::Error,
    },
    #[error(transparent)]
    Storage(#[from] sqlx::Error),
}

/// Sums each month before this one whose sums are not there or hold no longer, each in a transaction of its own; gives how many.
/// A month that somebody is writing waits for the next time. One that fails keeps no other from being summed; the run has failed
/// all the same.
pub async fn months(db: &Db, clock: &dyn Clock, org: OrgId) -> Result<u64, Fault> {
    let (_, zone) = basis(db, org).await?;
    let mut tx = db.org(org).await?;
    let unmade = sums::unmade(&mut tx, org, local_day(clock.now(), &zone)).await?;
    let_go(tx);
    let (mut made, mut failed, mut first) = (0, Vec::new(), None);
    for month in unmade {
        match one(db, clock, org, month).await {
            Ok(done) => made += u64::from(done),
            Err(error) if is_away(&error) => return Err(error.into()),
            Err(error) => {
                tracing::error!(%month, %error, "the figures of a month could not be summed");
                failed.push(month);
                first.get_or_insert(error);
            }
        }
    }
    first.map_or(Ok(made), |first| Err(Fault::Months { months: failed, first }))
}

async fn one(db: &Db, clock: &dyn Clock, org: OrgId, month: Date) -> Result<bool, sqlx::Error> {
    let mut tx = db.org(org).await?;
    let done = sums::make(&mut tx, org, month, clock.now()).await?;
    if done {
        tx.commit().await?;
    } else {
        let_go(tx);
    }
    Ok(done)
}
