//! Streams of connections and their runs: cursors, counts, who runs what now.
mod record;

pub use record::{Queued, StreamState, ask, last_runs, page, queued, restart, streams, waiting};

use super::events::own::{self, Own};
use super::sources::SourceState;
use super::webhooks::{self, Message, MessageType};
use super::{Db, Error, OrgTx, instant, instant_if_any};
use crate::ids::{OrgId, SourceId, SyncRunId};
use crate::period::Window;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_sqlx::ToSqlx as _;
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

crate::closed_list! {
    /// What a run reads.
    SyncMode = "sync mode" {
        Incremental = "incremental",
        Backfill = "backfill",
        Full = "full",
    }
}

crate::closed_list! {
    /// Why a run began.
    Trigger = "trigger" {
        Schedule = "schedule",
        Manual = "manual",
        Webhook = "webhook",
        Backfill = "backfill",
    }
}

crate::closed_list! {
    /// How far a run is (`data-model.md` §8).
    SyncState = "sync state" {
        Queued = "queued",
        Running = "running",
        Succeeded = "succeeded",
        /// Something was read and something could not be: `holes` tells what.
        Partial = "partial",
        Failed = "failed",
        Cancelled = "cancelled",
    }
}

/// What is remembered of a stream between runs.
#[derive(Clone, Debug, Default)]
pub struct StreamRow {
    pub cursor: Value,
    pub complete_through: Option<Date>,
    /// Failed runs in a row.
    pub fails: i32,
    pub next_due_at: Option<Timestamp>,
}

/// Holds a stream: while it lives, nobody else reads it. The lock ends with the connection, also when the process dies.
pub struct StreamLock(OrgTx);

impl StreamLock {
    /// Lets go at once. One that is only dropped is let go when its connection comes back to the pool.
    pub async fn release(self) {
        if let Err(error) = self.0.rollback().await {
            tracing::debug!(%error, "the lock of a stream went with its connection");
        }
    }
}

/// Takes the lock of a stream; nothing when another run has it.
pub async fn lock(db: &Db, org: OrgId, source: SourceId, stream: &str) -> Result<Option<StreamLock>, Error> {
    let mut tx = db.org(org).await?;
    // The role's transactions are cut when they rest for a minute; this one rests as long as the run takes.
    sqlx::query("set local idle_in_transaction_session_timeout = 0").execute(&mut *tx).await?;
    let free: bool = sqlx::query_scalar("select pg_try_advisory_xact_lock(hashtextextended($1, 38))")
        .bind(format!("{org}/{source}/{stream}"))
        .fetch_one(&mut *tx)
        .await?;
    Ok(free.then_some(StreamLock(tx)))
}

/// A run that begins.
pub struct NewRun<'a> {
    pub id: SyncRunId,
    pub source: SourceId,
    pub stream: &'a str,
    pub mode: SyncMode,
    pub trigger: Trigger,
    pub window: Option<Window>,
    pub cursor: &'a Value,
    pub api_version: &'a str,
}

/// Counts of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Counts {
    pub requests: i64,
    pub retries: i64,
    /// Milliseconds spent waiting for the platform's limits.
    pub throttled_ms: i64,
    pub rows_read: i64,
    pub rows_written: i64,
    pub rows_unchanged: i64,
}

/// How a run ended.
pub struct Ending<'a> {
    pub state: SyncState,
    pub counts: &'a Counts,
    pub holes: Value,
    pub warnings: Value,
    pub error: Option<(&'a str, &'a str)>,
}

/// A run as the record has it; one that is under way counts what it kept so far.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Run {
    pub id: SyncRunId,
    pub stream: String,
    pub mode: SyncMode,
    pub trigger: Trigger,
    pub state: SyncState,
    pub window_from: Option<Date>,
    pub window_to: Option<Date>,
    pub started_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    #[serde(flatten)]
    pub counts: Counts,
    pub holes: Value,
    pub warnings: Value,
    pub error_code: Option<String>,
    pub error_message: Option<String>,
}

/// What is remembered of a stream; nothing yet for a new one.
pub async fn stream(tx: &mut OrgTx, org: OrgId, source: SourceId, stream: &str) -> Result<StreamRow, Error> {
    let row = sqlx::query(
        "select cursor, complete_through, fails, next_due_at from source_streams
         where org_id = $1 and source_id = $2 and stream = $3",
    )
    .bind(org)
    .bind(source)
    .bind(stream)
    .fetch_optional(&mut **tx)
    .await?;
    let Some(row) = row else { return Ok(StreamRow { cursor: json!({}), ..StreamRow::default() }) };
    Ok(StreamRow {
        cursor: row.try_get("cursor")?,
        complete_through: row
            .try_get::<Option<jiff_sqlx::Date>, _>("complete_through")?
            .map(jiff_sqlx::Date::to_jiff),
        fails: row.try_get("fails")?,
        next_due_at: instant_if_any(&row, "next_due_at")?,
    })
}

/// Begins a run, a new one or one that was asked for; `false` when somebody else began that one. Runs of the stream that still
/// say they are running are over: whoever calls holds the stream's lock.
pub async fn begin(tx: &mut OrgTx, org: OrgId, new: &NewRun<'_>, at: Timestamp) -> Result<bool, Error> {
    let dead: Vec<SyncRunId> = sqlx::query_scalar(
        "update sync_runs set state = 'failed', finished_at = $4, error_code = 'cancelled',
           error_message = 'the program ended in the middle of this run; the next one goes on after the last slice that was kept'
         where org_id = $1 and source_id = $2 and stream = $3 and state = 'running' returning id",
    )
    .bind(org)
    .bind(new.source)
    .bind(new.stream)
    .bind(at.to_sqlx())
    .fetch_all(&mut **tx)
    .await?;
    let failed = |run: &SyncRunId| Own {
        name: "sync_failed",
        cause: vec![run.to_string()],
        at,
        entity: None,
        customer: None,
        props: json!({"source_id": new.source, "run_id": run, "code": "cancelled"}),
    };
    own::tell(tx, org, &dead.iter().map(failed).collect::<Vec<_>>()).await?;
    let begun = sqlx::query(
        "insert into sync_runs as r (org_id, id, source_id, stream, mode, trigger, state, window_from, window_to, started_at,
           cursor_before, api_version)
         values ($1, $2, $3, $4, $5, $6, 'running', $7, $8, $9, $10, $11)
         on conflict (org_id, id) do update set state = 'running', started_at = excluded.started_at,
           cursor_before = excluded.cursor_before, api_version = excluded.api_version
         where r.state = 'queued'",
    )
    .bind(org)
    .bind(new.id)
    .bind(new.source)
    .bind(new.stream)
    .bind(new.mode)
    .bind(new.trigger)
    .bind(new.window.map(|window| window.start.to_sqlx()))
    .bind(new.window.map(|window| window.end.to_sqlx()))
    .bind(at.to_sqlx())
    .bind(new.cursor)
    .bind(new.api_version)
    .execute(&mut **tx)
    .await?;
    sqlx::query(
        "insert into source_streams (org_id, source_id, stream) values ($1, $2, $3)
         on conflict (org_id, source_id, stream) do nothing",
    )
    .bind(org)
    .bind(new.source)
    .bind(new.stream)
    .execute(&mut **tx)
    .await?;
    Ok(begun.rows_affected() > 0)
}

/// Moves a cursor, in the transaction of the rows it stands for, and keeps what the run counted so far. Nothing is moved,
/// and `false` returned, when the cursor is no longer `from`: somebody else took the stream.
#[expect(clippy::too_many_arguments, reason = "one row's columns")]
pub async fn checkpoint(
    tx: &mut OrgTx,
    org: OrgId,
    source: SourceId,
    stream: &str,
    run: SyncRunId,
    from: &Value,
    to: &Value,
    complete_through: Option<Date>,
    counts: &Counts,
    at: Timestamp,
) -> Result<bool, Error> {
    let moved = sqlx::query(
        "update source_streams set cursor = $5, complete_through = coalesce($6, complete_through), newest_at = $7
         where org_id = $1 and source_id = $2 and stream = $3 and cursor = $4",
    )
    .bind(org)
    .bind(source)
    .bind(stream)
    .bind(from)
    .bind(to)
    .bind(complete_through.map(|day| day.to_sqlx()))
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    if moved.rows_affected() == 0 {
        return Ok(false);
    }
    counted(tx, org, run, counts).await?;
    sqlx::query("update sync_runs set cursor_after = $3 where org_id = $1 and id = $2")
        .bind(org)
        .bind(run)
        .bind(to)
        .execute(&mut **tx)
        .await?;
    Ok(true)
}

async fn counted(tx: &mut OrgTx, org: OrgId, run: SyncRunId, counts: &Counts) -> Result<(), Error> {
    let small = |n: i64| i32::try_from(n).unwrap_or(i32::MAX);
    sqlx::query(
        "update sync_runs set requests = $3, retries = $4, throttled_ms = $5, rows_read = $6, rows_written = $7,
           rows_unchanged = $8
         where org_id = $1 and id = $2",
    )
    .bind(org)
    .bind(run)
    .bind(small(counts.requests))
    .bind(small(counts.retries))
    .bind(counts.throttled_ms)
    .bind(counts.rows_read)
    .bind(counts.rows_written)
    .bind(counts.rows_unchanged)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Ends a run. A failed one counts towards the breaker; a cancelled one leaves the count, any other one closes it. Without
/// `next_due_at` the stream stays due when it was.
pub async fn finish(
    tx: &mut OrgTx,
    org: OrgId,
    run: SyncRunId,
    ending: &Ending<'_>,
    next_due_at: Option<Timestamp>,
    at: Timestamp,
) -> Result<(), Error> {
    counted(tx, org, run, ending.counts).await?;
    let failed = ending.state == SyncState::Failed;
    let row = sqlx::query(
        "with over as (
           update sync_runs set state = $3, finished_at = $4, holes = $5, warnings = $6, error_code = $7, error_message = $8
           where org_id = $1 and id = $2 returning source_id, stream)
         update source_streams s set fails = case when $9 then s.fails + 1 when $11 then s.fails else 0 end,
           next_due_at = coalesce($10, s.next_due_at)
         from over where s.org_id = $1 and s.source_id = over.source_id and s.stream = over.stream
         returning s.source_id, s.stream, s.fails, (select started_at from sync_runs where org_id = $1 and id = $2) as started_at",
    )
    .bind(org)
    .bind(run)
    .bind(ending.state)
    .bind(at.to_sqlx())
    .bind(&ending.holes)
    .bind(&ending.warnings)
    .bind(ending.error.map(|(code, _)| code))
    .bind(ending.error.map(|(_, message)| message))
    .bind(failed)
    .bind(next_due_at.map(|due| due.to_sqlx()))
    .bind(ending.state == SyncState::Cancelled)
    .fetch_optional(&mut **tx)
    .await?;
    let kind = match ending.state {
        SyncState::Succeeded | SyncState::Partial => MessageType::SyncCompleted,
        SyncState::Failed => MessageType::SyncFailed,
        SyncState::Queued | SyncState::Running | SyncState::Cancelled => return Ok(()),
    };
    let Some(row) = row else { return Ok(()) };
    let (source, stream): (SourceId, String) = (row.try_get("source_id")?, row.try_get("stream")?);
    let (fails, started): (i32, Timestamp) = (row.try_get("fails")?, instant(&row, "started_at")?);
    let (name, props) = if failed {
        let code = ending.error.map_or("unknown", |(code, _)| code);
        ("sync_failed", json!({"source_id": source, "run_id": run, "code": code, "attempts": fails}))
    } else {
        let seconds = at.duration_since(started).as_secs().max(0);
        let (read, written) = (ending.counts.rows_read, ending.counts.rows_written);
        (
            "sync_completed",
            json!({"source_id": source, "run_id": run, "rows_read": read, "rows_written": written,
            "duration_seconds": seconds}),
        )
    };
    let event = Own { name, cause: vec![run.to_string()], at, entity: None, customer: None, props };
    own::tell(tx, org, &[event]).await?;
    let data = json!({
        "object": { "type": "sync_run", "id": run },
        "source_id": source,
        "stream": stream,
        "state": ending.state,
        "error_code": ending.error.map(|(code, _)| code),
        "rows_written": ending.counts.rows_written,
        "path": format!("/api/sources/{source}/runs"),
    });
    webhooks::announce(tx, org, &Message { id: run.0, kind, at, data }).await?;
    Ok(())
}

/// The latest runs of a connection, newest first.
pub async fn runs(tx: &mut OrgTx, org: OrgId, source: SourceId, limit: i64) -> Result<Vec<Run>, Error> {
    page(tx, org, source, None, None, limit).await
}

fn run(row: &PgRow) -> Result<Run, Error> {
    let day = |name: &str| -> Result<Option<Date>, Error> {
        Ok(row.try_get::<Option<jiff_sqlx::Date>, _>(name)?.map(jiff_sqlx::Date::to_jiff))
    };
    Ok(Run {
        id: row.try_get("id")?,
        stream: row.try_get("stream")?,
        mode: row.try_get("mode")?,
        trigger: row.try_get("trigger")?,
        state: row.try_get("state")?,
        window_from: day("window_from")?,
        window_to: day("window_to")?,
        started_at: instant(row, "started_at")?,
        finished_at: instant_if_any(row, "finished_at")?,
        counts: Counts {
            requests: row.try_get("requests")?,
            retries: row.try_get("retries")?,
            throttled_ms: row.try_get("throttled_ms")?,
            rows_read: row.try_get("rows_read")?,
            rows_written: row.try_get("rows_written")?,
            rows_unchanged: row.try_get("rows_unchanged")?,
        },
        holes: row.try_get("holes")?,
        warnings: row.try_get("warnings")?,
        error_code: row.try_get("error_code")?,
        error_message: row.try_get("error_message")?,
    })
}

/// Streams whose next run is due, of connections that may run without a person: connection and stream.
pub async fn due(tx: &mut OrgTx, org: OrgId, at: Timestamp) -> Result<Vec<(SourceId, String)>, Error> {
    sqlx::query_as(
        "select t.source_id, t.stream from source_streams t
         join sources s on s.org_id = t.org_id and s.id = t.source_id
         where t.org_id = $1 and t.next_due_at <= $2 and s.secrets is not null
           and (s.state = $3 or (s.state = $4 and s.breaker_until <= $2))
         order by t.next_due_at, t.source_id, t.stream",
    )
    .bind(org)
    .bind(at.to_sqlx())
    .bind(SourceState::Connected)
    .bind(SourceState::Attention)
    .fetch_all(&mut **tx)
    .await
}

/// Asks for days to be read again from one on: of one connection, or of all of a connector. Those that wait for a person, or
/// that are switched off, are left alone. Gives how many streams were asked.
pub async fn ask_backfill(
    tx: &mut OrgTx,
    org: OrgId,
    (connector, connection): (Option<&str>, Option<SourceId>),
    from: Date,
) -> Result<u64, Error> {
    let done = sqlx::query(
        "update source_streams t set backfill_from = least(coalesce(t.backfill_from, $4), $4)
           from sources s
          where t.org_id = $1 and s.org_id = t.org_id and s.id = t.source_id and s.secrets is not null
            and case when $3::uuid is null then s.source = $2 else s.id = $3 end
            and (s.state = 'connected' or s.state = 'attention' and s.breaker_until is not null)",
    )
    .bind(org)
    .bind(connector)
    .bind(connection)
    .bind(from.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

/// Takes a stream of which days are to be read again: connection, stream, first day. What fails is asked again by whoever asked.
pub async fn take_backfill(
    tx: &mut OrgTx,
    org: OrgId,
    at: Timestamp,
) -> Result<Option<(SourceId, String, Date)>, Error> {
    let row: Option<(SourceId, String, jiff_sqlx::Date)> = sqlx::query_as(
        "with next as (
           select t.source_id, t.stream, t.backfill_from from source_streams t
           join sources s on s.org_id = t.org_id and s.id = t.source_id
           where t.org_id = $1 and t.backfill_from is not null and s.secrets is not null
             and (s.state = $3 or (s.state = $4 and s.breaker_until <= $2))
           order by t.source_id, t.stream limit 1 for update of t skip locked)
         update source_streams t set backfill_from = null from next n
          where t.org_id = $1 and t.source_id = n.source_id and t.stream = n.stream
         returning t.source_id, t.stream, n.backfill_from",
    )
    .bind(org)
    .bind(at.to_sqlx())
    .bind(SourceState::Connected)
    .bind(SourceState::Attention)
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|(source, stream, day)| (source, stream, day.to_jiff())))
}

/// The streams of a new connection are due at once.
pub async fn expect(
    tx: &mut OrgTx,
    org: OrgId,
    source: SourceId,
    streams: &[&str],
    at: Timestamp,
) -> Result<(), Error> {
    sqlx::query(
        "insert into source_streams (org_id, source_id, stream, next_due_at)
         select $1, $2, stream, $4 from unnest($3::text[]) as wanted (stream)
         on conflict (org_id, source_id, stream) do nothing",
    )
    .bind(org)
    .bind(source)
    .bind(streams)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Forgets how far a stream was read; the next run begins anew. Facts stay and are compared.
pub async fn reset(tx: &mut OrgTx, org: OrgId, source: SourceId, stream: &str) -> Result<(), Error> {
    sqlx::query(
        "update source_streams set cursor = '{}', complete_through = null
         where org_id = $1 and source_id = $2 and stream = $3",
    )
    .bind(org)
    .bind(source)
    .bind(stream)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The last day that every stream with days has read whole, by connection.
pub async fn complete_through(tx: &mut OrgTx, org: OrgId) -> Result<Vec<(SourceId, Date)>, Error> {
    let rows: Vec<(SourceId, jiff_sqlx::Date)> = sqlx::query_as(
        "select source_id, min(complete_through) from source_streams
          where org_id = $1 and complete_through is not null group by source_id",
    )
    .bind(org)
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|(source, day)| (source, day.to_jiff())).collect())
}
