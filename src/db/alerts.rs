//! What is wrong with the data, and since when: checks by windows, each counted once whoever looked, and alerts, each incident
//! open once (`events.md` §9).
use super::{Error, OrgTx, instant, instant_if_any};
use crate::ids::{MemberId, OrgId, SourceId};
use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;
use serde::Serialize;
use serde_json::Value;
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use uuid::Uuid;

/// How a check stood before a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    pub bad: i32,
    pub good: i32,
    pub is_open: bool,
}

/// Takes a window of a check; nothing where it, or a later one, was counted already. Nobody else counts for this check until the
/// end of the transaction.
pub async fn take(
    tx: &mut OrgTx,
    org: OrgId,
    key: &str,
    window: Timestamp,
) -> Result<Option<Standing>, Error> {
    let row: Option<(i32, i32)> = sqlx::query_as(
        "insert into quality_checks as c (org_id, check_key, last_window) values ($1, $2, $3)
         on conflict (org_id, check_key) do update set last_window = excluded.last_window
           where c.last_window < excluded.last_window
         returning bad, good",
    )
    .bind(org)
    .bind(key)
    .bind(window.to_sqlx())
    .fetch_optional(&mut **tx)
    .await?;
    let Some((bad, good)) = row else { return Ok(None) };
    let is_open: bool = sqlx::query_scalar(
        "select exists (select from alerts where org_id = $1 and dedupe_key = $2 and closed_at is null)",
    )
    .bind(org)
    .bind(key)
    .fetch_one(&mut **tx)
    .await?;
    Ok(Some(Standing { bad, good, is_open }))
}

/// Notes how a check stands after the window that was taken.
pub async fn note(
    tx: &mut OrgTx,
    org: OrgId,
    key: &str,
    (bad, good): (i32, i32),
    value: Option<f64>,
) -> Result<(), Error> {
    sqlx::query(
        "update quality_checks set bad = $3, good = $4, value = round($5::float8::numeric, 6)
          where org_id = $1 and check_key = $2",
    )
    .bind(org)
    .bind(key)
    .bind(bad)
    .bind(good)
    .bind(value)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The last window of a check that was counted; none before the first.
pub async fn last_window(tx: &mut OrgTx, org: OrgId, key: &str) -> Result<Option<Timestamp>, Error> {
    let row = sqlx::query("select last_window from quality_checks where org_id = $1 and check_key = $2")
        .bind(org)
        .bind(key)
        .fetch_optional(&mut **tx)
        .await?;
    row.map(|row| instant(&row, "last_window")).transpose()
}

/// Something that is wrong, or was.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct AlertRow {
    pub id: Uuid,
    /// `quality`, `storage`, `lateness`, `freshness`, `hooks` or `breaker`.
    pub code: String,
    /// The check: what is measured, of which source and class, or which connection.
    pub key: String,
    pub severity: String,
    /// `title` and `lines` in words.
    #[schema(value_type = Object)]
    pub about: Value,
    pub value: Option<f64>,
    #[schema(value_type = String, format = DateTime)]
    pub opened_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub closed_at: Option<Timestamp>,
    /// Somebody has seen it: `about.seen_by` says who.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub acknowledged_at: Option<Timestamp>,
    /// The source of events, or the platform, that it is about; none where it is about more than one.
    pub source: Option<String>,
    /// The connection that it is about.
    pub connection: Option<SourceId>,
    /// Since when it is wrong, where that is known better than when it was noticed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// Figures of the source from then on are marked incomplete for as long as the alert is open.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub incomplete_from: Option<Timestamp>,
}

const COLUMNS: &str = "id, code, dedupe_key, severity, about, value::float8 as value, opened_at, closed_at, acknowledged_at, \
                       source, connection, since, incomplete_from";

fn read(row: &PgRow) -> Result<AlertRow, Error> {
    Ok(AlertRow {
        id: row.try_get("id")?,
        code: row.try_get("code")?,
        key: row.try_get("dedupe_key")?,
        severity: row.try_get("severity")?,
        about: row.try_get("about")?,
        value: row.try_get("value")?,
        opened_at: instant(row, "opened_at")?,
        closed_at: instant_if_any(row, "closed_at")?,
        acknowledged_at: instant_if_any(row, "acknowledged_at")?,
        source: row.try_get("source")?,
        connection: row.try_get("connection")?,
        since: instant_if_any(row, "since")?,
        incomplete_from: instant_if_any(row, "incomplete_from")?,
    })
}

/// Opens an alert, unless the incident is open already.
pub async fn open(tx: &mut OrgTx, org: OrgId, alert: &AlertRow) -> Result<bool, Error> {
    let done = sqlx::query(
        "insert into alerts (org_id, id, code, dedupe_key, severity, about, value, opened_at, sent_at, source, connection, since)
         values ($1, $2, $3, $4, $5, $6, round($7::float8::numeric, 6), $8, $8, $9, $10, $11)
         on conflict (org_id, dedupe_key) where closed_at is null do nothing",
    )
    .bind(org)
    .bind(alert.id)
    .bind(&alert.code)
    .bind(&alert.key)
    .bind(&alert.severity)
    .bind(&alert.about)
    .bind(alert.value)
    .bind(alert.opened_at.to_sqlx())
    .bind(&alert.source)
    .bind(alert.connection)
    .bind(alert.since.map(|at| at.to_sqlx()))
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Closes the incident; gives the alert, if one was open.
pub async fn close(tx: &mut OrgTx, org: OrgId, key: &str, at: Timestamp) -> Result<Option<AlertRow>, Error> {
    let statement = format!(
        "update alerts set closed_at = $3 where org_id = $1 and dedupe_key = $2 and closed_at is null returning {COLUMNS}"
    );
    let row = sqlx::query(sqlx::AssertSqlSafe(statement))
        .bind(org)
        .bind(key)
        .bind(at.to_sqlx())
        .fetch_optional(&mut **tx)
        .await?;
    row.as_ref().map(read).transpose()
}

/// Keys of open alerts of a code whose checks took no window since a moment: nothing more was heard of what they are about.
pub async fn left_alone(
    tx: &mut OrgTx,
    org: OrgId,
    code: &str,
    since: Timestamp,
) -> Result<Vec<String>, Error> {
    sqlx::query_scalar(
        "select a.dedupe_key from alerts a
         left join quality_checks c on c.org_id = a.org_id and c.check_key = a.dedupe_key
         where a.org_id = $1 and a.code = $2 and a.closed_at is null and coalesce(c.last_window < $3, true)
         order by 1",
    )
    .bind(org)
    .bind(code)
    .bind(since.to_sqlx())
    .fetch_all(&mut **tx)
    .await
}

/// Keys of the open alerts of a code.
pub async fn open_keys(tx: &mut OrgTx, org: OrgId, code: &str) -> Result<Vec<String>, Error> {
    sqlx::query_scalar(
        "select dedupe_key from alerts where org_id = $1 and code = $2 and closed_at is null order by 1",
    )
    .bind(org)
    .bind(code)
    .fetch_all(&mut **tx)
    .await
}

/// One alert, locked until the end of the transaction.
pub async fn get(tx: &mut OrgTx, org: OrgId, id: Uuid) -> Result<Option<AlertRow>, Error> {
    let statement = format!("select {COLUMNS} from alerts where org_id = $1 and id = $2 for update");
    let row =
        sqlx::query(sqlx::AssertSqlSafe(statement)).bind(org).bind(id).fetch_optional(&mut **tx).await?;
    row.as_ref().map(read).transpose()
}

/// Notes who has seen an alert, in words and by id. `by` is none for whoever runs the program itself.
pub async fn acknowledge(
    tx: &mut OrgTx,
    org: OrgId,
    id: Uuid,
    (name, by): (&str, Option<MemberId>),
    at: Timestamp,
) -> Result<(), Error> {
    sqlx::query(
        "update alerts set acknowledged_at = $3, acknowledged_by = $4, about = about || jsonb_build_object('seen_by', $5::text)
          where org_id = $1 and id = $2",
    )
    .bind(org)
    .bind(id)
    .bind(at.to_sqlx())
    .bind(by)
    .bind(name)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Open alerts of a code and key prefix that have lasted for longer than a grace since they opened, or since days were last asked
/// to be read again because of them.
pub async fn outlasting(
    tx: &mut OrgTx,
    org: OrgId,
    (code, suffix): (&str, &str),
    grace: SignedDuration,
    now: Timestamp,
) -> Result<Vec<AlertRow>, Error> {
    let statement = format!(
        "select {COLUMNS} from alerts
          where org_id = $1 and code = $2 and closed_at is null and right(dedupe_key, length($3)) = $3
            and coalesce(backfill_at, opened_at) <= $4 order by dedupe_key for update"
    );
    let before = now.checked_sub(grace).unwrap_or(Timestamp::MIN);
    let rows = sqlx::query(sqlx::AssertSqlSafe(statement))
        .bind(org)
        .bind(code)
        .bind(suffix)
        .bind(before.to_sqlx())
        .fetch_all(&mut **tx)
        .await?;
    rows.iter().map(read).collect()
}

/// Notes that days were asked to be read again, and from when on figures are incomplete.
pub async fn mark_incomplete(
    tx: &mut OrgTx,
    org: OrgId,
    id: Uuid,
    from: Timestamp,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query(
        "update alerts set incomplete_from = coalesce(incomplete_from, $3), backfill_at = $4 where org_id = $1 and id = $2",
    )
    .bind(org)
    .bind(id)
    .bind(from.to_sqlx())
    .bind(now.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Open alerts first, then the last ones that closed; the newest first.
pub async fn list(tx: &mut OrgTx, org: OrgId, most: i64) -> Result<Vec<AlertRow>, Error> {
    let statement = format!(
        "select {COLUMNS} from alerts where org_id = $1 order by closed_at is not null, opened_at desc, id desc limit $2"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(org).bind(most).fetch_all(&mut **tx).await?;
    rows.iter().map(read).collect()
}
