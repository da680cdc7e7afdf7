//! Replies kept under a caller's idempotency key for a day: a retry gets the reply, not a second effect.
use super::OrgTx;
use crate::ids::OrgId;
use jiff::Timestamp;
use jiff::ToSpan as _;
use jiff_sqlx::ToSqlx as _;
use serde_json::Value;

/// How long a reply is kept (`actions.md` §2).
const KEPT_HOURS: i64 = 24;

/// A reply given before.
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

/// Keeps a reply; the first one stands.
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
        "insert into idempotency_keys (org_id, scope, key, body_hash, status, reply, expires_at, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict (org_id, scope, key) do update set body_hash = excluded.body_hash, status = excluded.status,
           reply = excluded.reply, expires_at = excluded.expires_at
         where idempotency_keys.expires_at <= $8",
    )
    .bind(org)
    .bind(scope)
    .bind(key)
    .bind(&reply.body_hash)
    .bind(reply.status)
    .bind(&reply.reply)
    .bind(expires_at.to_sqlx())
    .bind(now.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}
