//! Turns: one question and everything done to answer it.
//!
//! A turn is stored before work on it starts. Who works on it holds a lease, and only that owner appends to its log
//! (`log.rs`); when the lease runs out somebody else takes over. The state leaves `queued`/`running` once.
mod log;

pub use log::{
    CallEnd, Feedback, NewReceipt, Rating, ToolCallRow, calls, finish_call, give_feedback, save_receipts,
    start_call,
};
pub use log::{GAP, NewEvent, StoredEvent, append, events, last_seq};

use super::{Error, OrgTx, instant, instant_if_any};
use crate::access::Surface;
use crate::ids::{ApiKeyId, ConversationId, MemberId, OrgId, TurnId};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row as _};

crate::closed_list! {
    TurnState = "turn state" {
        Queued = "queued",
        Running = "running",
        Completed = "completed",
        Failed = "failed",
        Cancelled = "cancelled",
    }
}

impl TurnState {
    /// Somebody works on it, or should.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Running)
    }
}

/// A turn to be stored.
#[derive(Clone, Debug)]
pub struct NewTurn<'a> {
    pub id: TurnId,
    pub conversation: ConversationId,
    pub asker: MemberId,
    pub api_key: Option<ApiKeyId>,
    pub surface: Surface,
    pub question: &'a str,
    /// Chips: page, chart, campaign, dates.
    pub context: &'a Value,
    /// The same key of the same asker gives the same turn.
    pub idempotency_key: Option<&'a str>,
}

/// What became of a request to make a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    New,
    /// The idempotency key was used before; [`by_key`] says for what.
    Existing,
}

#[derive(Clone, Debug)]
pub struct Turn {
    pub id: TurnId,
    pub conversation: ConversationId,
    pub asker: MemberId,
    pub api_key: Option<ApiKeyId>,
    pub surface: Surface,
    pub question: String,
    pub context: Value,
    pub state: TurnState,
    pub owner: Option<String>,
    pub lease_until: Option<Timestamp>,
    pub answer: Option<String>,
    pub route: Option<String>,
    pub outcome: Option<String>,
    pub model: Option<String>,
    pub created_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

impl FromRow<'_, PgRow> for Turn {
    fn from_row(row: &PgRow) -> Result<Self, Error> {
        Ok(Self {
            id: row.try_get("id")?,
            conversation: row.try_get("conversation_id")?,
            asker: row.try_get("asker_id")?,
            api_key: row.try_get("api_key_id")?,
            surface: row.try_get("surface")?,
            question: row.try_get("question")?,
            context: row.try_get("context")?,
            state: row.try_get("state")?,
            owner: row.try_get("owner")?,
            lease_until: instant_if_any(row, "lease_until")?,
            answer: row.try_get("answer")?,
            route: row.try_get("route")?,
            outcome: row.try_get("outcome")?,
            model: row.try_get("model")?,
            created_at: instant(row, "created_at")?,
            finished_at: instant_if_any(row, "finished_at")?,
        })
    }
}

const COLUMNS: &str = "id, conversation_id, asker_id, api_key_id, surface, question, context, state, owner, \
                       lease_until, answer, route, outcome, model, created_at, finished_at";

/// Stores a question, queued. The conversation exists and is the asker's to use (checked by the caller).
pub async fn create(tx: &mut OrgTx, org: OrgId, new: &NewTurn<'_>, at: Timestamp) -> Result<Created, Error> {
    let made = sqlx::query(
        "insert into turns (org_id, id, conversation_id, asker_id, api_key_id, surface, question, context,
                            idempotency_key, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         on conflict (org_id, asker_id, idempotency_key) do nothing",
    )
    .bind(org)
    .bind(new.id)
    .bind(new.conversation)
    .bind(new.asker)
    .bind(new.api_key)
    .bind(new.surface)
    .bind(new.question)
    .bind(new.context)
    .bind(new.idempotency_key)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    if made.rows_affected() == 0 {
        return Ok(Created::Existing);
    }
    sqlx::query(
        "update conversations set last_turn_at = greatest(last_turn_at, $3) where org_id = $1 and id = $2",
    )
    .bind(org)
    .bind(new.conversation)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(Created::New)
}

/// The turn that an idempotency key of this asker began.
pub async fn by_key(tx: &mut OrgTx, org: OrgId, asker: MemberId, key: &str) -> Result<Option<Turn>, Error> {
    let statement =
        format!("select {COLUMNS} from turns where org_id = $1 and asker_id = $2 and idempotency_key = $3");
    sqlx::query_as(sqlx::AssertSqlSafe(statement))
        .bind(org)
        .bind(asker)
        .bind(key)
        .fetch_optional(&mut **tx)
        .await
}

pub async fn get(tx: &mut OrgTx, org: OrgId, id: TurnId) -> Result<Option<Turn>, Error> {
    let statement = format!("select {COLUMNS} from turns where org_id = $1 and id = $2");
    sqlx::query_as(sqlx::AssertSqlSafe(statement)).bind(org).bind(id).fetch_optional(&mut **tx).await
}

/// The last `limit` turns of a conversation, oldest first.
pub async fn of_conversation(
    tx: &mut OrgTx,
    org: OrgId,
    conversation: ConversationId,
    limit: i64,
) -> Result<Vec<Turn>, Error> {
    let statement = format!(
        "select * from (select {COLUMNS} from turns where org_id = $1 and conversation_id = $2
                        order by created_at desc, id desc limit $3) t
         order by created_at, id"
    );
    sqlx::query_as(sqlx::AssertSqlSafe(statement))
        .bind(org)
        .bind(conversation)
        .bind(limit)
        .fetch_all(&mut **tx)
        .await
}

/// Up to `limit` turns of a conversation that were asked before another of its turns, oldest first.
pub async fn of_conversation_before(
    tx: &mut OrgTx,
    org: OrgId,
    conversation: ConversationId,
    before: TurnId,
    limit: i64,
) -> Result<Vec<Turn>, Error> {
    let statement = format!(
        "select * from (select {COLUMNS} from turns
                        where org_id = $1 and conversation_id = $2
                          and (created_at, id) < (select created_at, id from turns
                                                  where org_id = $1 and conversation_id = $2 and id = $3)
                        order by created_at desc, id desc limit $4) t
         order by created_at, id"
    );
    sqlx::query_as(sqlx::AssertSqlSafe(statement))
        .bind(org)
        .bind(conversation)
        .bind(before)
        .bind(limit)
        .fetch_all(&mut **tx)
        .await
}

/// Takes an open turn that nobody else holds. `false`: it is finished, or another owner's lease still runs.
pub async fn take_lease(
    tx: &mut OrgTx,
    org: OrgId,
    id: TurnId,
    owner: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<bool, Error> {
    let done = sqlx::query(
        "update turns set state = 'running', owner = $3, lease_until = $5
         where org_id = $1 and id = $2 and state in ('queued', 'running')
           and (owner is null or owner = $3 or lease_until is null or lease_until < $4)",
    )
    .bind(org)
    .bind(id)
    .bind(owner)
    .bind(now.to_sqlx())
    .bind(until.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Keeps a lease. `false`: the turn was cancelled or taken over; stop working on it.
pub async fn extend_lease(
    tx: &mut OrgTx,
    org: OrgId,
    id: TurnId,
    owner: &str,
    until: Timestamp,
) -> Result<bool, Error> {
    let done = sqlx::query(
        "update turns set lease_until = $4 where org_id = $1 and id = $2 and owner = $3 and state = 'running'",
    )
    .bind(org)
    .bind(id)
    .bind(owner)
    .bind(until.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Open turns without a living owner: the lease ran out before `now`, or nobody took them since `queued_before`.
pub async fn abandoned(
    tx: &mut OrgTx,
    org: OrgId,
    now: Timestamp,
    queued_before: Timestamp,
    limit: i64,
) -> Result<Vec<TurnId>, Error> {
    sqlx::query_scalar(
        "select id from turns
         where org_id = $1 and state in ('queued', 'running')
           and (lease_until < $2 or (lease_until is null and created_at < $3))
         order by created_at, id limit $4",
    )
    .bind(org)
    .bind(now.to_sqlx())
    .bind(queued_before.to_sqlx())
    .bind(limit)
    .fetch_all(&mut **tx)
    .await
}

/// How a turn ended.
#[derive(Clone, Debug)]
pub struct Finish<'a> {
    /// `Completed`, `Failed` or `Cancelled`.
    pub state: TurnState,
    pub answer: Option<&'a str>,
    /// model, planner or playbook.
    pub route: Option<&'a str>,
    /// One of the outcomes of `data-model.md` §8.
    pub outcome: Option<&'a str>,
    pub model: Option<&'a str>,
    pub prompt_version: &'a str,
    pub tokens_in: i64,
    pub tokens_out: i64,
    /// USD.
    pub cost: Decimal,
    pub ttft_ms: Option<i32>,
    pub total_ms: Option<i32>,
    pub figures: i32,
    pub figures_traced: i32,
}

/// Ends a turn; write its last event in the same transaction. `false`: not the owner's any more.
pub async fn finish(
    tx: &mut OrgTx,
    org: OrgId,
    id: TurnId,
    owner: &str,
    end: &Finish<'_>,
    at: Timestamp,
) -> Result<bool, Error> {
    let done = sqlx::query(
        "update turns set state = $4, answer = $5, route = $6, outcome = $7, model = $8, prompt_version = $9,
             tokens_in = $10, tokens_out = $11, cost = $12, ttft_ms = $13, total_ms = $14, figures = $15,
             figures_traced = $16, finished_at = $17, lease_until = null
         where org_id = $1 and id = $2 and owner = $3 and state = 'running'",
    )
    .bind(org)
    .bind(id)
    .bind(owner)
    .bind(end.state)
    .bind(end.answer)
    .bind(end.route)
    .bind(end.outcome)
    .bind(end.model)
    .bind(end.prompt_version)
    .bind(end.tokens_in)
    .bind(end.tokens_out)
    .bind(end.cost)
    .bind(end.ttft_ms)
    .bind(end.total_ms)
    .bind(end.figures)
    .bind(end.figures_traced)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends an open turn from any replica, whoever holds it, and closes its log with `turn.cancelled`. The owner notices
/// when its next write is refused. `None`: the turn had ended before.
pub async fn cancel(
    tx: &mut OrgTx,
    org: OrgId,
    id: TurnId,
    payload: &Value,
    at: Timestamp,
) -> Result<Option<StoredEvent>, Error> {
    let done = sqlx::query(
        "update turns set state = 'cancelled', outcome = 'failed', finished_at = $3, lease_until = null
         where org_id = $1 and id = $2 and state in ('queued', 'running')",
    )
    .bind(org)
    .bind(id)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(None);
    }
    log::close(tx, org, id, "turn.cancelled", payload, at).await.map(Some)
}
