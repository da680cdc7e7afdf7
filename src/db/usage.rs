//! What models cost: one row a call, and counters by hour and organisation for the budgets.
use super::{Db, Error, OrgTx};
use crate::ids::{OrgId, TurnId};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use rust_decimal::Decimal;
use std::time::Duration;
use uuid::Uuid;

/// One finished (or failed) call of a model, a row of `model_calls`.
#[derive(Clone, Debug)]
pub struct ModelCall {
    pub id: Uuid,
    pub at: Timestamp,
    /// The beginning of the hour it counts for.
    pub hour: Timestamp,
    pub turn: Option<TurnId>,
    /// answer, summary, embedding, eval.
    pub purpose: &'static str,
    pub provider: String,
    pub model: String,
    pub tokens_in: u64,
    pub tokens_out: u64,
    /// USD.
    pub cost: Decimal,
    pub latency: Duration,
    pub ttft: Option<Duration>,
    /// ok, error, timeout, broken; reused: an earlier answer was given again, and nothing was called.
    pub state: &'static str,
    pub error_code: Option<String>,
    /// 0 for the first choice.
    pub fallback_rank: i32,
}

/// What an organisation has spent in an hour, and its own limits where it has set any (`hourly_limits`).
#[derive(Clone, Debug, Default, sqlx::FromRow)]
pub struct Spent {
    pub tokens: Decimal,
    pub cost: Decimal,
    pub tokens_limit: Option<Decimal>,
    pub cost_limit: Option<Decimal>,
}

/// Spending of the hour that begins at `hour`.
pub async fn spent(db: &Db, org: OrgId, hour: Timestamp) -> Result<Spent, Error> {
    let mut tx = db.org(org).await?;
    let spent = sqlx::query_as(
        "select coalesce(sum(amount) filter (where kind = 'tokens'), 0) as tokens,
                coalesce(sum(amount) filter (where kind = 'cost'), 0) as cost,
                (select (value->>'tokens')::numeric from org_settings where org_id = $1 and key = 'hourly_limits')
                    as tokens_limit,
                (select (value->>'cost')::numeric from org_settings where org_id = $1 and key = 'hourly_limits')
                    as cost_limit
           from usage_counters where org_id = $1 and window_start = $2",
    )
    .bind(org)
    .bind(hour.to_sqlx())
    .fetch_one(&mut *tx)
    .await?;
    super::let_go(tx);
    Ok(spent)
}

/// How many turns an organisation has begun in the hour, and its own limit where it has set one (`hourly_limits`).
pub async fn turns(tx: &mut OrgTx, org: OrgId, hour: Timestamp) -> Result<(Decimal, Option<Decimal>), Error> {
    sqlx::query_as(
        "select coalesce((select amount from usage_counters
                           where org_id = $1 and window_start = $2 and kind = 'turns'), 0),
                (select (value->>'turns')::numeric from org_settings where org_id = $1 and key = 'hourly_limits')",
    )
    .bind(org)
    .bind(hour.to_sqlx())
    .fetch_one(&mut **tx)
    .await
}

/// Counts a turn that has begun. Apart from the turn itself: two hundred askers must not wait for one row.
pub async fn count_turn(db: &Db, org: OrgId, hour: Timestamp) -> Result<(), Error> {
    let mut tx = db.org_unhurried(org).await?;
    sqlx::query(
        "insert into usage_counters (org_id, window_start, kind, amount) values ($1, $2, 'turns', 1)
         on conflict (org_id, window_start, kind) do update set amount = usage_counters.amount + 1",
    )
    .bind(org)
    .bind(hour.to_sqlx())
    .execute(&mut *tx)
    .await?;
    tx.commit().await
}

/// What the calls of one turn came to.
#[derive(Clone, Debug, Default)]
pub struct TurnSpent {
    pub tokens_in: u64,
    pub tokens_out: u64,
    /// USD.
    pub cost: Decimal,
}

/// Tokens and cost of a turn so far.
pub async fn of_turn(tx: &mut OrgTx, org: OrgId, turn: TurnId) -> Result<TurnSpent, Error> {
    let (tokens_in, tokens_out, cost): (i64, i64, Decimal) = sqlx::query_as(
        "select coalesce(sum(c.tokens_in), 0)::bigint, coalesce(sum(c.tokens_out), 0)::bigint, coalesce(sum(c.cost), 0)
         from turns t join model_calls c on c.org_id = t.org_id and c.turn_id = t.id and c.at >= t.created_at
         where t.org_id = $1 and t.id = $2",
    )
    .bind(org)
    .bind(turn)
    .fetch_one(&mut **tx)
    .await?;
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    Ok(TurnSpent { tokens_in: count(tokens_in), tokens_out: count(tokens_out), cost })
}

/// Writes the call and adds it to the counters of its hour, in one statement. Its commit does not wait for the disk: the
/// end of the turn does, and makes this durable with it; a crash of the machine before that loses the turn as well.
pub async fn record_call(db: &Db, org: OrgId, call: &ModelCall) -> Result<(), Error> {
    let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let millis = |time: Duration| i32::try_from(time.as_millis()).unwrap_or(i32::MAX);
    let mut tx = db.org_unhurried(org).await?;
    sqlx::query(
        "with call as (
             insert into model_calls (org_id, id, at, turn_id, purpose, provider, model, tokens_in, tokens_out, cost,
                                      latency_ms, ttft_ms, state, error_code, fallback_rank)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15))
         insert into usage_counters (org_id, window_start, kind, amount)
         select $1, $16, spent.kind, spent.amount
         from (values ('tokens', $8::bigint::numeric + $9::bigint), ('cost', $10::numeric)) spent (kind, amount)
         where $8::bigint + $9::bigint + $10::numeric > 0
         on conflict (org_id, window_start, kind) do update set amount = usage_counters.amount + excluded.amount",
    )
    .bind(org)
    .bind(call.id)
    .bind(call.at.to_sqlx())
    .bind(call.turn)
    .bind(call.purpose)
    .bind(&call.provider)
    .bind(&call.model)
    .bind(count(call.tokens_in))
    .bind(count(call.tokens_out))
    .bind(call.cost)
    .bind(millis(call.latency))
    .bind(call.ttft.map(millis))
    .bind(call.state)
    .bind(&call.error_code)
    .bind(call.fallback_rank)
    .bind(call.hour.to_sqlx())
    .execute(&mut *tx)
    .await?;
    tx.commit().await
}
