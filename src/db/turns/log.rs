//! What belongs to a turn: its event log, tool calls, receipts and feedback.
use crate::db::{Error, OrgTx, instant};
use crate::ids::{DraftId, MemberId, OrgId, RunId, TurnId};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row as _};

/// Numbers that are left out when somebody else goes on with a log. A dead owner may have sent events that it could no
/// longer store: more than this many are not sent in the time that an owner waits for its database, so whoever saw them
/// finds everything that follows under higher numbers.
pub const GAP: i32 = 10_000;

/// An event to be appended; `kind` is a word of `turn_event`.
#[derive(Clone, Debug)]
pub struct NewEvent<'a> {
    pub seq: i32,
    pub at: Timestamp,
    pub kind: &'a str,
    pub payload: Value,
}

#[derive(Clone, Debug)]
pub struct StoredEvent {
    pub seq: i32,
    pub at: Timestamp,
    pub kind: String,
    pub payload: Value,
}

impl FromRow<'_, PgRow> for StoredEvent {
    fn from_row(row: &PgRow) -> Result<Self, Error> {
        Ok(Self {
            seq: row.try_get("seq")?,
            at: instant(row, "at")?,
            kind: row.try_get("kind")?,
            payload: row.try_get("payload")?,
        })
    }
}

/// Appends to the log as the owner of the lease. `false`, and nothing written: the turn is not the owner's any more.
/// What is there already stays: the owner says it again when it did not hear that the first time was committed.
pub async fn append(
    tx: &mut OrgTx,
    org: OrgId,
    turn: TurnId,
    owner: &str,
    events: &[NewEvent<'_>],
) -> Result<bool, Error> {
    // The lock keeps a cancellation from slipping in between the check and the rows.
    let mine: Option<i32> = sqlx::query_scalar(
        "select 1 from turns where org_id = $1 and id = $2 and owner = $3 and state = 'running' for share",
    )
    .bind(org)
    .bind(turn)
    .bind(owner)
    .fetch_optional(&mut **tx)
    .await?;
    if mine.is_none() {
        return Ok(false);
    }
    let seqs: Vec<i32> = events.iter().map(|e| e.seq).collect();
    let ats: Vec<jiff_sqlx::Timestamp> = events.iter().map(|e| e.at.to_sqlx()).collect();
    let kinds: Vec<&str> = events.iter().map(|e| e.kind).collect();
    let payloads: Vec<&Value> = events.iter().map(|e| &e.payload).collect();
    sqlx::query(
        "insert into turn_events (org_id, turn_id, seq, at, kind, payload)
         select $1, $2, * from unnest($3::integer[], $4::timestamptz[], $5::text[], $6::jsonb[])
         on conflict (org_id, turn_id, seq) do nothing",
    )
    .bind(org)
    .bind(turn)
    .bind(seqs)
    .bind(ats)
    .bind(kinds)
    .bind(payloads)
    .execute(&mut **tx)
    .await?;
    Ok(true)
}

/// Writes the last event after whatever is there, and after whatever its owner may have sent and not stored; the caller
/// holds the turn's row lock.
pub(super) async fn close(
    tx: &mut OrgTx,
    org: OrgId,
    turn: TurnId,
    kind: &str,
    payload: &Value,
    at: Timestamp,
) -> Result<StoredEvent, Error> {
    sqlx::query_as(
        "insert into turn_events (org_id, turn_id, seq, at, kind, payload)
         select $1, $2, coalesce(max(seq), 0) + $6, $3, $4, $5 from turn_events where org_id = $1 and turn_id = $2
         returning seq, at, kind, payload",
    )
    .bind(org)
    .bind(turn)
    .bind(at.to_sqlx())
    .bind(kind)
    .bind(payload)
    .bind(GAP)
    .fetch_one(&mut **tx)
    .await
}

/// The log from `seq` on (inclusive), at most `limit` events.
pub async fn events(
    tx: &mut OrgTx,
    org: OrgId,
    turn: TurnId,
    from: i32,
    limit: i64,
) -> Result<Vec<StoredEvent>, Error> {
    sqlx::query_as(
        "select seq, at, kind, payload from turn_events
         where org_id = $1 and turn_id = $2 and seq >= $3 order by seq limit $4",
    )
    .bind(org)
    .bind(turn)
    .bind(from)
    .bind(limit)
    .fetch_all(&mut **tx)
    .await
}

/// The number of the last stored event, 0 when there is none.
pub async fn last_seq(tx: &mut OrgTx, org: OrgId, turn: TurnId) -> Result<i32, Error> {
    sqlx::query_scalar("select coalesce(max(seq), 0) from turn_events where org_id = $1 and turn_id = $2")
        .bind(org)
        .bind(turn)
        .fetch_one(&mut **tx)
        .await
}

/// A tool call as stored: enough to go on after the owner died.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ToolCallRow {
    pub call_id: String,
    pub tool: String,
    pub params: Value,
    pub run_id: Option<RunId>,
    pub draft_id: Option<DraftId>,
    /// started, completed or failed.
    pub state: String,
    pub error_code: Option<String>,
    pub elapsed_ms: i32,
}

/// Records that a call was begun. `false`: this call was recorded before (a retry).
pub async fn start_call(
    tx: &mut OrgTx,
    org: OrgId,
    turn: TurnId,
    call_id: &str,
    tool: &str,
    params: &Value,
    at: Timestamp,
) -> Result<bool, Error> {
    let done = sqlx::query(
        "insert into tool_calls (org_id, turn_id, call_id, tool, params, state, created_at)
         values ($1, $2, $3, $4, $5, 'started', $6) on conflict do nothing",
    )
    .bind(org)
    .bind(turn)
    .bind(call_id)
    .bind(tool)
    .bind(params)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// How a tool call ended; an error code means that it failed.
#[derive(Clone, Copy, Debug, Default)]
pub struct CallEnd<'a> {
    pub run: Option<RunId>,
    pub draft: Option<DraftId>,
    pub error_code: Option<&'a str>,
    pub elapsed_ms: i32,
}

pub async fn finish_call(
    tx: &mut OrgTx,
    org: OrgId,
    turn: TurnId,
    call_id: &str,
    end: &CallEnd<'_>,
) -> Result<(), Error> {
    sqlx::query(
        "update tool_calls set state = case when $6::text is null then 'completed' else 'failed' end,
             run_id = $4, draft_id = $5, error_code = $6, elapsed_ms = $7
         where org_id = $1 and turn_id = $2 and call_id = $3",
    )
    .bind(org)
    .bind(turn)
    .bind(call_id)
    .bind(end.run)
    .bind(end.draft)
    .bind(end.error_code)
    .bind(end.elapsed_ms)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub async fn calls(tx: &mut OrgTx, org: OrgId, turn: TurnId) -> Result<Vec<ToolCallRow>, Error> {
    sqlx::query_as(
        "select call_id, tool, params, run_id, draft_id, state, error_code, elapsed_ms from tool_calls
         where org_id = $1 and turn_id = $2 order by created_at, call_id",
    )
    .bind(org)
    .bind(turn)
    .fetch_all(&mut **tx)
    .await
}

/// One figure of an answer and where it came from.
#[derive(Clone, Debug)]
pub struct NewReceipt<'a> {
    pub figure: &'a str,
    pub value: Option<Decimal>,
    pub unit: &'a str,
    /// traced, calculated or unverified.
    pub status: &'a str,
    pub run: Option<RunId>,
    pub row: Option<i32>,
    pub column: Option<&'a str>,
    pub steps: Option<Value>,
}

/// Stores the receipts of an answer, in order; what was stored before is replaced.
pub async fn save_receipts(
    tx: &mut OrgTx,
    org: OrgId,
    turn: TurnId,
    receipts: &[NewReceipt<'_>],
) -> Result<(), Error> {
    sqlx::query("delete from receipts where org_id = $1 and turn_id = $2")
        .bind(org)
        .bind(turn)
        .execute(&mut **tx)
        .await?;
    let numbers: Vec<i32> = (1..).take(receipts.len()).collect();
    let each = |text: fn(&NewReceipt<'_>) -> Option<String>| receipts.iter().map(text).collect::<Vec<_>>();
    sqlx::query(
        "insert into receipts (org_id, turn_id, n, figure, value, unit, status, run_id, row, col, steps)
         select $1, $2, * from unnest($3::integer[], $4::text[], $5::numeric[], $6::text[], $7::text[], $8::uuid[],
             $9::integer[], $10::text[], $11::jsonb[])",
    )
    .bind(org)
    .bind(turn)
    .bind(numbers)
    .bind(each(|r| Some(r.figure.to_owned())))
    .bind(receipts.iter().map(|r| r.value).collect::<Vec<_>>())
    .bind(each(|r| Some(r.unit.to_owned())))
    .bind(each(|r| Some(r.status.to_owned())))
    .bind(receipts.iter().map(|r| r.run.map(|run| run.0)).collect::<Vec<_>>())
    .bind(receipts.iter().map(|r| r.row).collect::<Vec<_>>())
    .bind(each(|r| r.column.map(str::to_owned)))
    .bind(receipts.iter().map(|r| r.steps.clone()).collect::<Vec<_>>())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

crate::closed_list! {
    Rating = "rating" { Up = "up", Down = "down" }
}

/// What a member thought of an answer; the last word counts.
#[derive(Clone, Debug)]
pub struct Feedback<'a> {
    pub member: MemberId,
    pub rating: Rating,
    pub note: Option<&'a str>,
}

pub async fn give_feedback(
    tx: &mut OrgTx,
    org: OrgId,
    turn: TurnId,
    feedback: &Feedback<'_>,
    at: Timestamp,
) -> Result<(), Error> {
    sqlx::query(
        "insert into feedback (org_id, turn_id, member_id, rating, note, created_at) values ($1, $2, $3, $4, $5, $6)
         on conflict (org_id, turn_id, member_id) do update
         set rating = excluded.rating, note = excluded.note, created_at = excluded.created_at",
    )
    .bind(org)
    .bind(turn)
    .bind(feedback.member)
    .bind(feedback.rating)
    .bind(feedback.note)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}
