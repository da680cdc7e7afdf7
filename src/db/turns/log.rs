//! What is read of a turn (its event log and tool calls), how anybody closes its log, and feedback.
use crate::db::{Error, OrgTx, instant};
use crate::ids::{DraftId, MemberId, OrgId, RunId, TurnId};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row as _};

/// Numbers that are left out when somebody else goes on with a log. A dead owner may have sent events that it could no
/// longer store: more than this many are not sent in the time that an owner waits for its database, so whoever saw them
/// finds everything that follows under higher numbers.
pub const GAP: i32 = 10_000;

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

/// The events that told rows or drafts in the last `limit` turns before this one, in the same conversation.
pub async fn told_before(
    tx: &mut OrgTx,
    org: OrgId,
    turn: TurnId,
    limit: i64,
) -> Result<Vec<StoredEvent>, Error> {
    sqlx::query_as(
        "select e.seq, e.at, e.kind, e.payload
           from (select t.id from turns t join turns now on now.org_id = t.org_id and now.id = $2
                  where t.org_id = $1 and t.conversation_id = now.conversation_id
                    and (t.created_at, t.id) < (now.created_at, now.id)
                  order by t.created_at desc, t.id desc limit $3) earlier
           join turn_events e on e.org_id = $1 and e.turn_id = earlier.id
          where e.kind in ('chart', 'draft.created')",
    )
    .bind(org)
    .bind(turn)
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

/// A result that an earlier turn of a conversation read: its call, and what answered that turn.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct EarlierRun {
    pub turn_id: TurnId,
    pub call_id: String,
    pub run_id: RunId,
    pub route: Option<String>,
}

/// The newest `limit` results of these turns, oldest first.
pub async fn runs_of(
    tx: &mut OrgTx,
    org: OrgId,
    turns: &[TurnId],
    limit: i64,
) -> Result<Vec<EarlierRun>, Error> {
    let ids: Vec<_> = turns.iter().map(|turn| turn.0).collect();
    sqlx::query_as(
        "select turn_id, call_id, run_id, route from (
             select c.turn_id, c.call_id, c.run_id, t.route, c.created_at
             from tool_calls c join turns t on t.org_id = c.org_id and t.id = c.turn_id
             where c.org_id = $1 and c.turn_id = any($2) and c.state = 'completed' and c.run_id is not null
             order by c.created_at desc, c.call_id desc limit $3) r
         order by created_at, call_id",
    )
    .bind(org)
    .bind(ids)
    .bind(limit)
    .fetch_all(&mut **tx)
    .await
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
