//! The breaker of executions (`actions.md` §5): while it is open on a platform, or on everything, nothing is executed there until
//! somebody resets it.
use super::{Error, OrgTx, instant_if_any};
use crate::ids::{MemberId, OrgId};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use serde::Serialize;
use sqlx::Row as _;
use sqlx::postgres::PgRow;

/// Every platform at once.
pub const EVERYTHING: &str = "*";

/// A breaker that is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Breaker {
    /// A platform, or `*` for all of them.
    pub platform: String,
    /// `open` or `half_open`.
    pub state: String,
    /// Why, in words.
    pub cause: String,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub opened_at: Option<Timestamp>,
}

fn read(row: &PgRow) -> Result<Breaker, Error> {
    Ok(Breaker {
        platform: row.try_get("platform")?,
        state: row.try_get("state")?,
        cause: row.try_get("cause")?,
        opened_at: instant_if_any(row, "opened_at")?,
    })
}

/// Opens a breaker; `false`: it is open already, and its first cause stays.
pub async fn open(
    tx: &mut OrgTx,
    org: OrgId,
    platform: &str,
    cause: &str,
    at: Timestamp,
) -> Result<bool, Error> {
    let done = sqlx::query(
        "insert into breakers as b (org_id, platform, state, cause, opened_at) values ($1, $2, 'open', $3, $4)
         on conflict (org_id, platform) do update
           set state = 'open', cause = excluded.cause, opened_at = excluded.opened_at, reset_by = null, reason = null
           where b.state <> 'open'",
    )
    .bind(org)
    .bind(platform)
    .bind(cause)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Closes a breaker; `false`: it is closed. `by` is none for whoever runs the program on the server's own machine.
pub async fn reset(
    tx: &mut OrgTx,
    org: OrgId,
    platform: &str,
    by: Option<MemberId>,
    reason: &str,
) -> Result<bool, Error> {
    let done = sqlx::query(
        "update breakers set state = 'closed', reset_by = $3, reason = $4
          where org_id = $1 and platform = $2 and state <> 'closed'",
    )
    .bind(org)
    .bind(platform)
    .bind(by)
    .bind(reason)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Those that are not closed, that for everything first.
pub async fn open_ones(tx: &mut OrgTx, org: OrgId) -> Result<Vec<Breaker>, Error> {
    let rows = sqlx::query(
        "select platform, state, cause, opened_at from breakers where org_id = $1 and state <> 'closed' order by platform",
    )
    .bind(org)
    .fetch_all(&mut **tx)
    .await?;
    rows.iter().map(read).collect()
}
