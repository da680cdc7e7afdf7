//! Messages on their way to endpoints: waiting, sent, given up.
use crate::db::{Error, OrgTx, instant, instant_if_any};
use crate::ids::{OrgId, WebhookId};
use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;
use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row as _};
use uuid::Uuid;

crate::closed_list! {
    DeliveryState = "state of a delivery" { Queued = "queued", Done = "done", Failed = "failed" }
}

/// How long a delivery belongs to a sender that is not heard of again: several times the longest try.
const LEASE: SignedDuration = SignedDuration::from_secs(180);
/// Deliveries of one endpoint that are on their way at once.
pub const AT_ONCE: i64 = 4;

/// A delivery as people see it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Delivery {
    #[schema(value_type = String, format = Uuid)]
    pub message_id: Uuid,
    #[serde(rename = "type")]
    pub kind: String,
    pub state: DeliveryState,
    /// Tries so far.
    pub attempt: i32,
    /// What the endpoint answered last.
    pub status: Option<i32>,
    /// What went wrong last.
    pub error: Option<String>,
    /// The last try, milliseconds.
    pub took_ms: Option<i32>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<Timestamp>,
}

impl FromRow<'_, PgRow> for Delivery {
    fn from_row(row: &PgRow) -> Result<Self, Error> {
        let state: String = row.try_get("state")?;
        Ok(Self {
            message_id: row.try_get("message_id")?,
            kind: row.try_get("type")?,
            state: state.parse().map_err(|error: crate::access::UnknownValue| Error::Decode(error.into()))?,
            attempt: row.try_get("attempt")?,
            status: row.try_get("status")?,
            error: row.try_get("error")?,
            took_ms: row.try_get("took_ms")?,
            created_at: instant(row, "created_at")?,
            next_at: instant_if_any(row, "next_at")?,
            finished_at: instant_if_any(row, "finished_at")?,
        })
    }
}

/// Deliveries of an endpoint, newest first.
pub async fn list(
    tx: &mut OrgTx,
    org: OrgId,
    endpoint: WebhookId,
    state: Option<DeliveryState>,
    limit: i64,
) -> Result<Vec<Delivery>, Error> {
    sqlx::query_as(
        "select message_id, type, state, attempt, status, error, took_ms, created_at, next_at, finished_at
         from webhook_deliveries where org_id = $1 and endpoint_id = $2 and ($3::text is null or state = $3)
         order by created_at desc, message_id desc limit $4",
    )
    .bind(org)
    .bind(endpoint)
    .bind(state.map(DeliveryState::as_str))
    .bind(limit)
    .fetch_all(&mut **tx)
    .await
}

/// Sends a delivery again from the first try on. None: there is no such delivery; `false`: it waits to be sent already.
pub async fn again(
    tx: &mut OrgTx,
    org: OrgId,
    endpoint: WebhookId,
    message: Uuid,
    at: Timestamp,
) -> Result<Option<bool>, Error> {
    let state: Option<String> = sqlx::query_scalar(
        "select state from webhook_deliveries where org_id = $1 and endpoint_id = $2 and message_id = $3 for update",
    )
    .bind(org)
    .bind(endpoint)
    .bind(message)
    .fetch_optional(&mut **tx)
    .await?;
    let Some(state) = state else { return Ok(None) };
    if state == DeliveryState::Queued.as_str() {
        return Ok(Some(false));
    }
    sqlx::query(
        "update webhook_deliveries set state = 'queued', attempt = 0, next_at = $4, finished_at = null
         where org_id = $1 and endpoint_id = $2 and message_id = $3",
    )
    .bind(org)
    .bind(endpoint)
    .bind(message)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(Some(true))
}

/// A delivery that is to be sent now.
#[derive(Clone, Debug, FromRow)]
pub struct Due {
    pub endpoint_id: WebhookId,
    pub message_id: Uuid,
    pub body: String,
    /// This try included.
    pub attempt: i32,
    pub url: String,
}

/// Endpoints that are on and have a delivery that is due.
pub async fn waiting(tx: &mut OrgTx, org: OrgId, now: Timestamp) -> Result<Vec<WebhookId>, Error> {
    sqlx::query_scalar(
        "select e.id from webhook_endpoints e
         where e.org_id = $1 and e.enabled
           and exists (select from webhook_deliveries d where d.org_id = $1 and d.endpoint_id = e.id and d.state = 'queued'
                         and d.next_at <= $2)",
    )
    .bind(org)
    .bind(now.to_sqlx())
    .fetch_all(&mut **tx)
    .await
}

/// Takes a few deliveries of an endpoint whose time has come, the oldest first; until its lease is over nobody else takes them.
pub async fn take(
    tx: &mut OrgTx,
    org: OrgId,
    endpoint: WebhookId,
    now: Timestamp,
) -> Result<Vec<Due>, Error> {
    sqlx::query_as(
        "with due as materialized (
           select q.message_id, e.url from webhook_deliveries q
           join webhook_endpoints e on e.org_id = q.org_id and e.id = q.endpoint_id and e.enabled
           where q.org_id = $1 and q.endpoint_id = $2 and q.state = 'queued' and q.next_at <= $3
           order by q.next_at limit $5 for update of q skip locked)
         update webhook_deliveries d set attempt = d.attempt + 1, next_at = $4
         from due
         where d.org_id = $1 and d.endpoint_id = $2 and d.message_id = due.message_id
         returning d.endpoint_id, d.message_id, d.body, d.attempt, due.url",
    )
    .bind(org)
    .bind(endpoint)
    .bind(now.to_sqlx())
    .bind(now.checked_add(LEASE).unwrap_or(now).to_sqlx())
    .bind(AT_ONCE)
    .fetch_all(&mut **tx)
    .await
}

/// How a try ended.
#[derive(Clone, Debug, Default)]
pub struct Tried<'a> {
    pub status: Option<i32>,
    pub error: Option<&'a str>,
    pub took_ms: i32,
    /// The next try; none after a success, or when there is none.
    pub next_at: Option<Timestamp>,
}

/// Notes how a try ended, at the delivery and at its endpoint; gives since when the endpoint fails, if it does. A delivery that
/// was taken over or given up meanwhile stays as it is.
pub async fn tried(
    tx: &mut OrgTx,
    org: OrgId,
    due: &Due,
    outcome: &Tried<'_>,
    at: Timestamp,
) -> Result<Option<Timestamp>, Error> {
    let state = match (outcome.error, outcome.next_at) {
        (None, _) => DeliveryState::Done,
        (Some(_), Some(_)) => DeliveryState::Queued,
        (Some(_), None) => DeliveryState::Failed,
    };
    // The endpoint first: whoever switches it off takes its deliveries after it.
    let good = outcome.error.is_none();
    let row = sqlx::query(
        "update webhook_endpoints set
             last_success_at = case when $3 then $4 else last_success_at end,
             failing_since = case when $3 then null else coalesce(failing_since, $4) end
         where org_id = $1 and id = $2 returning failing_since",
    )
    .bind(org)
    .bind(due.endpoint_id)
    .bind(good)
    .bind(at.to_sqlx())
    .fetch_optional(&mut **tx)
    .await?;
    sqlx::query(
        "update webhook_deliveries set state = $5, status = $6, error = $7, took_ms = $8, next_at = $9,
             finished_at = case when $5 = 'queued' then null else $10::timestamptz end
         where org_id = $1 and endpoint_id = $2 and message_id = $3 and attempt = $4 and state = 'queued'",
    )
    .bind(org)
    .bind(due.endpoint_id)
    .bind(due.message_id)
    .bind(due.attempt)
    .bind(state.as_str())
    .bind(outcome.status)
    .bind(outcome.error)
    .bind(outcome.took_ms)
    .bind(outcome.next_at.filter(|_| state == DeliveryState::Queued).map(|at| at.to_sqlx()))
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    row.map_or(Ok(None), |row| instant_if_any(&row, "failing_since"))
}

/// Forgets deliveries that were put down before a moment and wait no more; gives how many.
pub async fn forget(tx: &mut OrgTx, org: OrgId, before: Timestamp) -> Result<u64, Error> {
    let done = sqlx::query(
        "delete from webhook_deliveries where org_id = $1 and created_at < $2 and state <> 'queued'",
    )
    .bind(org)
    .bind(before.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}
