//! Runs that were asked for, and the record of all of them.
use super::{Run, Trigger, run};
use crate::db::{Error, OrgTx, instant_if_any};
use crate::ids::{OrgId, SourceId, SyncRunId};
use crate::period::Window;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_sqlx::ToSqlx as _;
use serde::Serialize;
use sqlx::Row as _;
use sqlx::postgres::PgRow;

/// A run that waits to be begun.
#[derive(Clone, Debug)]
pub struct Queued {
    pub id: SyncRunId,
    pub source: SourceId,
    pub stream: String,
    pub trigger: Trigger,
    pub window: Option<Window>,
}

/// How far a stream is.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct StreamState {
    pub stream: String,
    /// The last day that was read whole, with no hole before it; only streams by day have one.
    pub complete_through: Option<Date>,
    /// When rows were kept last.
    pub newest_at: Option<Timestamp>,
    /// When the clock reads it next.
    pub next_due_at: Option<Timestamp>,
    /// Failed runs in a row.
    pub fails: i32,
}

/// Puts a run in the queue.
pub async fn ask(tx: &mut OrgTx, org: OrgId, run: &Queued, at: Timestamp) -> Result<(), Error> {
    sqlx::query(
        "insert into sync_runs (org_id, id, source_id, stream, mode, trigger, state, window_from, window_to, started_at)
         values ($1, $2, $3, $4, $5, $6, 'queued', $7, $8, $9)",
    )
    .bind(org)
    .bind(run.id)
    .bind(run.source)
    .bind(&run.stream)
    .bind(if run.window.is_some() { "backfill" } else { "incremental" })
    .bind(run.trigger)
    .bind(run.window.map(|window| window.start.to_sqlx()))
    .bind(run.window.map(|window| window.end.to_sqlx()))
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

fn day(row: &PgRow, name: &str) -> Result<Option<Date>, Error> {
    Ok(row.try_get::<Option<jiff_sqlx::Date>, _>(name)?.map(jiff_sqlx::Date::to_jiff))
}

/// Runs that wait, the oldest first.
pub async fn queued(tx: &mut OrgTx, org: OrgId) -> Result<Vec<Queued>, Error> {
    let rows = sqlx::query(
        "select id, source_id, stream, trigger, window_from, window_to from sync_runs
         where org_id = $1 and state = 'queued' order by started_at, id",
    )
    .bind(org)
    .fetch_all(&mut **tx)
    .await?;
    rows.iter()
        .map(|row| {
            let days = day(row, "window_from")?.zip(day(row, "window_to")?);
            Ok(Queued {
                id: row.try_get("id")?,
                source: row.try_get("source_id")?,
                stream: row.try_get("stream")?,
                trigger: row.try_get("trigger")?,
                window: days.and_then(|(from, to)| Window::new(from, to)),
            })
        })
        .collect()
}

/// The streams of a connection of which a run waits.
pub async fn waiting(tx: &mut OrgTx, org: OrgId, source: SourceId) -> Result<Vec<String>, Error> {
    sqlx::query_scalar(
        "select distinct stream from sync_runs where org_id = $1 and source_id = $2 and state = 'queued'",
    )
    .bind(org)
    .bind(source)
    .fetch_all(&mut **tx)
    .await
}

/// Runs of a connection, newest first: of one stream if named, and from `after` (the last one of the page before) on.
pub async fn page(
    tx: &mut OrgTx,
    org: OrgId,
    source: SourceId,
    stream: Option<&str>,
    after: Option<SyncRunId>,
    limit: i64,
) -> Result<Vec<Run>, Error> {
    let rows = sqlx::query(
        "select id, stream, mode, trigger, state, window_from, window_to, started_at, finished_at, requests::bigint,
           retries::bigint, throttled_ms, rows_read, rows_written, rows_unchanged, holes, warnings, error_code, error_message
         from sync_runs
         where org_id = $1 and source_id = $2 and ($3::text is null or stream = $3)
           and ($4::uuid is null or (started_at, id) <
             (select p.started_at, p.id from sync_runs p where p.org_id = $1 and p.id = $4))
         order by started_at desc, id desc limit $5",
    )
    .bind(org)
    .bind(source)
    .bind(stream)
    .bind(after)
    .bind(limit)
    .fetch_all(&mut **tx)
    .await?;
    rows.iter().map(run).collect()
}

/// The last run of each stream of a connection.
pub async fn last_runs(tx: &mut OrgTx, org: OrgId, source: SourceId) -> Result<Vec<Run>, Error> {
    let rows = sqlx::query(
        "select distinct on (stream) id, stream, mode, trigger, state, window_from, window_to, started_at, finished_at,
           requests::bigint, retries::bigint, throttled_ms, rows_read, rows_written, rows_unchanged, holes, warnings,
           error_code, error_message
         from sync_runs where org_id = $1 and source_id = $2 order by stream, started_at desc, id desc",
    )
    .bind(org)
    .bind(source)
    .fetch_all(&mut **tx)
    .await?;
    rows.iter().map(run).collect()
}

/// How far each stream of a connection is.
pub async fn streams(tx: &mut OrgTx, org: OrgId, source: SourceId) -> Result<Vec<StreamState>, Error> {
    let rows = sqlx::query(
        "select stream, complete_through, newest_at, next_due_at, fails from source_streams
         where org_id = $1 and source_id = $2 order by stream",
    )
    .bind(org)
    .bind(source)
    .fetch_all(&mut **tx)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(StreamState {
                stream: row.try_get("stream")?,
                complete_through: day(row, "complete_through")?,
                newest_at: instant_if_any(row, "newest_at")?,
                next_due_at: instant_if_any(row, "next_due_at")?,
                fails: row.try_get("fails")?,
            })
        })
        .collect()
}

/// Forgets how far every stream of a connection was read, and has each read at the next round of the clock.
pub async fn restart(tx: &mut OrgTx, org: OrgId, source: SourceId, at: Timestamp) -> Result<(), Error> {
    sqlx::query(
        "update source_streams set cursor = '{}', complete_through = null, next_due_at = $3
         where org_id = $1 and source_id = $2",
    )
    .bind(org)
    .bind(source)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}
