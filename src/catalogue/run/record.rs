//! What was read, on record: the run with its rows for receipts and "show data", and who read restricted data.
use super::super::RunContext;
use super::super::result::QueryResult;
use super::super::spec::Query;
use crate::access::Credential;
use crate::clock::SharedClock;
use crate::db::Db;
use crate::ids::new_uuid;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Rows are kept so long for receipts and "show data".
const KEEP_ROWS: SignedDuration = SignedDuration::from_hours(24 * 30);

/// Writes the run, its rows, and the access record of restricted data, as role app, in one transaction.
pub(super) async fn record(
    db: &Db,
    clock: &SharedClock,
    context: &RunContext,
    query: &Query,
    result: &QueryResult,
    restricted: bool,
) -> Result<(), sqlx::Error> {
    let actor = &context.actor;
    let now = clock.now();
    let params = Value::Object(result.params.clone());
    let hash = Sha256::digest(serde_json_canonicalizer::to_vec(&params).unwrap_or_default());
    let key = match &actor.credential {
        Credential::ApiKey(id) => Some(*id),
        Credential::Session => None,
    };
    let count = |n: u64| i32::try_from(n).unwrap_or(i32::MAX);
    let day = |d: Option<Date>| d.map(|d| d.to_sqlx());
    let reason = context.reason.as_deref().map(|reason| crate::text::clean(reason, 500));
    // Restricted reading must be on record for certain before its rows are shown.
    let mut tx = if restricted { db.org(actor.org).await? } else { db.org_unhurried(actor.org).await? };
    let meta = json!({
        "query": result.query, "version": result.version, "title": result.title, "params": result.params,
        "window": result.window, "compare": result.compare, "currency": result.currency, "notes": result.notes,
        "freshness": result.freshness, "total_rows": result.total_rows, "chart": result.chart,
        "as_of": result.as_of.to_string(), "partial": result.partial, "truncated": result.truncated,
        "snapshot_id": result.snapshot_id, "rules": result.rules,
    });
    let expires = now.checked_add(KEEP_ROWS).unwrap_or(Timestamp::MAX);
    sqlx::query(
        "with run as (
             insert into query_runs (org_id, id, ran_at, query, version, params, params_hash, member_id, api_key_id, surface,
                 turn_id, window_start, window_end, as_of, rows, total_rows, truncated, partial, duration_ms, cost, cache_hit,
                 snapshot_id, reason)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, 0, $20, $21, $22))
         insert into query_results (org_id, run_id, columns, rows, totals, meta, expires_at)
         values ($1, $2, $23, $24, $25, $26, $27)",
    )
    .bind(actor.org)
    .bind(result.run_id)
    .bind(now.to_sqlx())
    .bind(&query.name)
    .bind(i32::try_from(query.version).unwrap_or(i32::MAX))
    .bind(&params)
    .bind(hash.as_slice())
    .bind(actor.member)
    .bind(key)
    .bind(actor.surface)
    .bind(context.turn)
    .bind(day(result.window.map(|w| w.start)))
    .bind(day(result.window.map(|w| w.end)))
    .bind(result.as_of.to_sqlx())
    .bind(count(result.rows.len() as u64))
    .bind(count(result.total_rows))
    .bind(result.truncated)
    .bind(result.partial)
    .bind(count(result.elapsed_ms))
    .bind(result.cache_hit)
    .bind(&result.snapshot_id)
    .bind(&reason)
    .bind(sqlx::types::Json(&result.columns))
    .bind(sqlx::types::Json(&result.rows))
    .bind(sqlx::types::Json(&result.totals))
    .bind(meta)
    .bind(expires.to_sqlx())
    .execute(&mut *tx)
    .await?;
    if restricted {
        sqlx::query(
            "insert into data_access_log (org_id, id, at, member_id, query, run_id, rows, reason) values ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(actor.org)
        .bind(new_uuid(&**clock))
        .bind(now.to_sqlx())
        .bind(actor.member)
        .bind(&query.name)
        .bind(result.run_id)
        .bind(count(result.rows.len() as u64))
        .bind(reason.unwrap_or_default())
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await
}
