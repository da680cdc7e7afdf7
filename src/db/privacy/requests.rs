//! Requests to erase: `pending → running → done | failed`, and failed ones are tried again. Requests to know what is stored
//! wait for an administrator, who hands the file on: `pending → done`.
use super::erase::Report;
use super::marks::Marker;
use crate::db::{Error, OrgTx, instant, instant_if_any};
use crate::ids::OrgId;
use jiff::{Timestamp, ToSpan as _};
use jiff_sqlx::ToSqlx as _;
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use uuid::Uuid;

/// A request has to be fulfilled within this (`events.md` §11).
pub const DUE_DAYS: i64 = 30;

crate::closed_list! {
    RequestState = "request state" {
        Pending = "pending",
        Running = "running",
        Done = "done",
        /// To be tried again.
        Failed = "failed",
    }
}

crate::closed_list! {
    Kind = "kind of request" { Erase = "erase", Export = "export" }
}

/// How long the file of an answered request can be had again, days: a download may break off.
const AGAIN_DAYS: i64 = 7;

/// A request as people read it: whom it is about is not told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Request {
    pub id: Uuid,
    pub kind: Kind,
    pub state: RequestState,
    pub reason: String,
    #[schema(value_type = String, format = DateTime)]
    pub requested_at: Timestamp,
    /// When it has to be done.
    #[schema(value_type = String, format = DateTime)]
    pub due_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<Timestamp>,
    /// How often it was begun.
    pub attempts: i32,
    /// `rows` by table, `audiences` that were handed to a platform.
    #[schema(value_type = Object)]
    pub report: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

const COLUMNS: &str = "id, kind, state, reason, created_at, due_at, finished_at, attempts, report, error";

fn request(row: &PgRow) -> Result<Request, Error> {
    Ok(Request {
        id: row.try_get("id")?,
        kind: row.try_get("kind")?,
        state: row.try_get("state")?,
        reason: row.try_get("reason")?,
        requested_at: instant(row, "created_at")?,
        due_at: instant(row, "due_at")?,
        finished_at: instant_if_any(row, "finished_at")?,
        attempts: row.try_get("attempts")?,
        report: row.try_get("report")?,
        error: row.try_get("error")?,
    })
}

/// Asks for subjects to be erased, or told. Gives the open request for the same ones where there is one, and whether this one is new.
pub async fn ask(
    tx: &mut OrgTx,
    org: OrgId,
    id: Uuid,
    kind: Kind,
    (subjects, reason): (&[String], &str),
    now: Timestamp,
) -> Result<(Request, bool), Error> {
    let marker = Marker::of(tx, org).await?;
    let mut marks: Vec<Vec<u8>> = subjects.iter().map(|subject| marker.mark(subject)).collect();
    marks.sort();
    marks.dedup();
    // Of two who ask at once the second sees the first one's request.
    sqlx::query("select pg_advisory_xact_lock(hashtextextended($1::text || ' erase request', 0))")
        .bind(org)
        .execute(&mut **tx)
        .await?;
    let open = format!(
        "select {COLUMNS} from privacy_jobs
          where org_id = $1 and kind = $3 and state <> 'done' and subject_hashes = $2 limit 1"
    );
    let open = sqlx::query(sqlx::AssertSqlSafe(open))
        .bind(org)
        .bind(&marks)
        .bind(kind)
        .fetch_optional(&mut **tx)
        .await?;
    if let Some(open) = open {
        return Ok((request(&open)?, false));
    }
    let made = format!(
        "insert into privacy_jobs (org_id, id, kind, subject_hashes, subjects, reason, due_at, created_at)
         values ($1, $2, $8, $3, $4, $5, $6, $7) returning {COLUMNS}"
    );
    let due = now.checked_add((DUE_DAYS * 24).hours()).unwrap_or(now);
    let row = sqlx::query(sqlx::AssertSqlSafe(made))
        .bind(org)
        .bind(id)
        .bind(&marks)
        .bind(subjects)
        .bind(reason)
        .bind(due.to_sqlx())
        .bind(now.to_sqlx())
        .bind(kind)
        .fetch_one(&mut **tx)
        .await?;
    Ok((request(&row)?, true))
}

/// Takes the oldest request that is not done and was not tried in this round; gives whom it is about. Whoever runs requests
/// is alone (a job of the schedule), so that one found running was left by somebody who died.
pub async fn take(
    tx: &mut OrgTx,
    org: OrgId,
    tried: &[Uuid],
    now: Timestamp,
) -> Result<Option<(Uuid, Vec<String>)>, Error> {
    sqlx::query_as(
        "update privacy_jobs set state = 'running', attempts = attempts + 1, started_at = coalesce(started_at, $3)
          where org_id = $1 and id = (
              select id from privacy_jobs where org_id = $1 and kind = 'erase' and state <> 'done' and not id = any($2)
               order by created_at, id limit 1 for update skip locked)
         returning id, subjects",
    )
    .bind(org)
    .bind(tried)
    .bind(now.to_sqlx())
    .fetch_optional(&mut **tx)
    .await
}

/// It is done: whom it was about is forgotten here too. In the transaction of the work.
pub async fn done(
    tx: &mut OrgTx,
    org: OrgId,
    id: Uuid,
    report: &Report,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query(
        "update privacy_jobs set state = 'done', subjects = '{}', report = $3, error = null, finished_at = $4
          where org_id = $1 and id = $2",
    )
    .bind(org)
    .bind(id)
    .bind(json!(report))
    .bind(now.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// It could not be done; `error` names nobody.
pub async fn failed(tx: &mut OrgTx, org: OrgId, id: Uuid, error: &str) -> Result<(), Error> {
    sqlx::query("update privacy_jobs set state = 'failed', error = $3 where org_id = $1 and id = $2 and state = 'running'")
        .bind(org)
        .bind(id)
        .bind(error)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Whom a request to be told is about, as long as that is known.
pub async fn to_tell(tx: &mut OrgTx, org: OrgId, id: Uuid) -> Result<Option<Vec<String>>, Error> {
    sqlx::query_scalar(
        "select subjects from privacy_jobs where org_id = $1 and id = $2 and kind = 'export' and subjects <> '{}'",
    )
    .bind(org)
    .bind(id)
    .fetch_optional(&mut **tx)
    .await
}

/// The file was handed out whole, with so many rows.
pub async fn told(tx: &mut OrgTx, org: OrgId, id: Uuid, rows: u64, now: Timestamp) -> Result<(), Error> {
    sqlx::query(
        "update privacy_jobs set state = 'done', attempts = attempts + 1, report = $3, finished_at = coalesce(finished_at, $4)
          where org_id = $1 and id = $2 and kind = 'export'",
    )
    .bind(org)
    .bind(id)
    .bind(json!({ "rows": rows }))
    .bind(now.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Forgets whom requests were about that were answered a while ago.
pub async fn forget_told(tx: &mut OrgTx, org: OrgId, now: Timestamp) -> Result<(), Error> {
    let before = now.checked_sub((AGAIN_DAYS * 24).hours()).unwrap_or(now);
    sqlx::query(
        "update privacy_jobs set subjects = '{}'
          where org_id = $1 and kind = 'export' and state = 'done' and finished_at < $2 and subjects <> '{}'",
    )
    .bind(org)
    .bind(before.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// How many requests of a kind should have been done by now, and since when the oldest of them.
pub async fn overdue(
    tx: &mut OrgTx,
    org: OrgId,
    kind: Kind,
    now: Timestamp,
) -> Result<Option<(i64, Timestamp)>, Error> {
    let row = sqlx::query(
        "select count(*) as n, min(due_at) as since from privacy_jobs
          where org_id = $1 and state <> 'done' and due_at < $2 and kind = $3",
    )
    .bind(org)
    .bind(now.to_sqlx())
    .bind(kind)
    .fetch_one(&mut **tx)
    .await?;
    let since = instant_if_any(&row, "since")?;
    since.map(|since| Ok((row.try_get("n")?, since))).transpose()
}

pub async fn find(tx: &mut OrgTx, org: OrgId, id: Uuid) -> Result<Option<Request>, Error> {
    let statement = format!("select {COLUMNS} from privacy_jobs where org_id = $1 and id = $2");
    let row =
        sqlx::query(sqlx::AssertSqlSafe(statement)).bind(org).bind(id).fetch_optional(&mut **tx).await?;
    row.as_ref().map(request).transpose()
}

/// The newest first; of one kind where it is given.
pub async fn list(tx: &mut OrgTx, org: OrgId, kind: Option<Kind>, most: i64) -> Result<Vec<Request>, Error> {
    let statement = format!(
        "select {COLUMNS} from privacy_jobs where org_id = $1 and ($3::text is null or kind = $3)
         order by created_at desc, id desc limit $2"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(statement))
        .bind(org)
        .bind(most)
        .bind(kind)
        .fetch_all(&mut **tx)
        .await?;
    rows.iter().map(request).collect()
}
