//! Turns: one question and everything done to answer it.
//!
//! A turn is stored before work on it starts. Who works on it holds a lease, and only that owner appends to its log
//! (`pages.rs`); when the lease runs out somebody else takes over. The state leaves `queued`/`running` once.
mod log;
mod pages;

pub use log::{
    EarlierRun, Feedback, GAP, Rating, StoredEvent, ToolCallRow, calls, events, give_feedback, last_seq,
    runs_of, told_before,
};
pub use pages::{CallEnd, Created, NewCall, NewEvent, NewReceipt, Opening, Page, append_all, create, finish};

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
    /// The words that a model is told.
    pub prompt_version: &'a str,
    /// The same key of the same asker gives the same turn.
    pub idempotency_key: Option<&'a str>,
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

/// The last `limit` answered turns of a conversation but for one, oldest first, and how many there are in all.
pub async fn answered_of_conversation(
    tx: &mut OrgTx,
    org: OrgId,
    conversation: ConversationId,
    but: TurnId,
    limit: i64,
) -> Result<(Vec<Turn>, i64), Error> {
    let statement = format!(
        "select *, (select count(*) from turns where org_id = $1 and conversation_id = $2 and state = 'completed'
                     and id <> $3) as answered
         from (select {COLUMNS} from turns
               where org_id = $1 and conversation_id = $2 and state = 'completed' and id <> $3
               order by created_at desc, id desc limit $4) t
         order by created_at, id"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(statement))
        .bind(org)
        .bind(conversation)
        .bind(but)
        .bind(limit)
        .fetch_all(&mut **tx)
        .await?;
    let answered = rows.first().map_or(Ok(0), |row| row.try_get("answered"))?;
    Ok((rows.iter().map(Turn::from_row).collect::<Result<_, _>>()?, answered))
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
    /// Empty: as it was when the turn began.
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
