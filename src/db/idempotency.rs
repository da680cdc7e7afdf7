//! Replies kept under a caller's idempotency key for a day: a retry gets the reply, not a second effect.
use super::OrgTx;
use crate::ids::OrgId;
use jiff::Timestamp;
use jiff::ToSpan as _;
use jiff_sqlx::ToSqlx as _;
use serde_json::Value;

/// How long a reply is kept (`actions.md` §2).
const KEPT_HOURS: i64 = 24;

/// How long a request that is being carried out holds its key: if the server dies, a retry may take over after that.
const LEASE_SECONDS: i64 = 60;

/// A reply given before; status 0 = the request is being carried out.
#[derive(Debug, sqlx::FromRow)]
pub struct Reply {
    pub body_hash: Vec<u8>,
    pub status: i32,
    pub reply: Value,
}

pub async fn find(
    tx: &mut OrgTx,
    org: OrgId,
    scope: &str,
    key: &str,
    now: Timestamp,
) -> Result<Option<Reply>, sqlx::Error> {
    sqlx::query_as(
        "select body_hash, status, reply from idempotency_keys
         where org_id = $1 and scope = $2 and key = $3 and expires_at > $4",
    )
    .bind(org)
    .bind(scope)
    .bind(key)
    .bind(now.to_sqlx())
    .fetch_optional(&mut **tx)
    .await
}

/// Takes a key for a request that is about to be carried out. `false`: somebody has it, with a reply or at work.
pub async fn reserve(
    tx: &mut OrgTx,
    org: OrgId,
    scope: &str,
    key: &str,
    body_hash: &[u8],
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let lease = now.checked_add(LEASE_SECONDS.seconds()).unwrap_or(Timestamp::MAX);
    let done = sqlx::query(
        "insert into idempotency_keys (org_id, scope, key, body_hash, status, reply, expires_at, created_at)
         values ($1, $2, $3, $4, 0, 'null', $5, $6)
         on conflict (org_id, scope, key) do update set body_hash = excluded.body_hash, status = 0, reply = 'null',
           expires_at = excluded.expires_at, created_at = excluded.created_at
         where idempotency_keys.expires_at <= $6",
    )
    .bind(org)
    .bind(scope)
    .bind(key)
    .bind(body_hash)
    .bind(lease.to_sqlx())
    .bind(now.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Gives a key back whose request failed: it may be tried again.
pub async fn release(tx: &mut OrgTx, org: OrgId, scope: &str, key: &str) -> Result<(), sqlx::Error> {
    sqlx::query("delete from idempotency_keys where org_id = $1 and scope = $2 and key = $3 and status = 0")
        .bind(org)
        .bind(scope)
        .bind(key)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Keeps the reply of a key that was reserved.
pub async fn keep(
    tx: &mut OrgTx,
    org: OrgId,
    scope: &str,
    key: &str,
    reply: &Reply,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let expires_at = now.checked_add(KEPT_HOURS.hours()).unwrap_or(Timestamp::MAX);
    sqlx::query(
        "update idempotency_keys set status = $4, reply = $5, expires_at = $6
          where org_id = $1 and scope = $2 and key = $3 and body_hash = $7 and status = 0",
    )
    .bind(org)
    .bind(scope)
    .bind(key)
    .bind(reply.status)
    .bind(&reply.reply)
    .bind(expires_at.to_sqlx())
    .bind(&reply.body_hash)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
