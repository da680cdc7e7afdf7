//! Rows with an end: deleted when it has come (`data-model.md` §7 Retention).
use super::OrgTx;
use crate::ids::OrgId;
use jiff::{Timestamp, ToSpan as _};
use jiff_sqlx::ToSqlx as _;

/// Tables whose rows carry `expires_at`. Names are the program's own.
const EXPIRING: [&str; 4] = ["query_results", "idempotency_keys", "login_sessions", "export_files"];

/// Days that the ids of events and samples of refused ones are kept (`events.md` §7, §10).
const KEPT_IDS_DAYS: i64 = 40;
const KEPT_SAMPLES_DAYS: i64 = 14;

/// Deletes what has expired in one organisation; returns how many rows.
pub async fn drop_expired(tx: &mut OrgTx, org: OrgId, now: Timestamp) -> Result<u64, sqlx::Error> {
    let mut dropped = 0;
    let month = now.checked_sub((30 * 24).hours()).unwrap_or(now);
    // A session's way in goes with it.
    sqlx::query(
        "delete from directory where kind = 'session' and org_id = $1 and key in
           (select encode(id_hash, 'hex') from login_sessions where org_id = $1 and expires_at <= $2)",
    )
    .bind(org)
    .bind(now.to_sqlx())
    .execute(&mut **tx)
    .await?;
    // Tokens of cards are known for a while longer, so that a late click hears why it does nothing.
    dropped += sqlx::query("delete from card_tokens where org_id = $1 and expires_at <= $2")
        .bind(org)
        .bind(month.to_sqlx())
        .execute(&mut **tx)
        .await?
        .rows_affected();
    for table in EXPIRING {
        let statement = format!("delete from {table} where org_id = $1 and expires_at <= $2");
        dropped += sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(org)
            .bind(now.to_sqlx())
            .execute(&mut **tx)
            .await?
            .rows_affected();
    }
    // Messages that arrived, and those that were given up, with the keys that keep them from being sent twice.
    dropped += super::outbox::purge(tx, org, month).await?;
    dropped += super::job_runs::purge(tx, org, month).await?;
    dropped += super::webhooks::deliveries::forget(tx, org, month).await?;
    // Deliveries of platforms with their bodies (`data-model.md` §7).
    dropped += super::hooks::forget(tx, org, month).await?;
    // A file that was sent and not imported waits for a day.
    let day = now.checked_sub(24.hours()).unwrap_or(now);
    dropped += super::imports::uploads::forget(tx, org, day).await?;
    // Event ids are known again for a day at least; Slack brings nothing that is older than two.
    let before = now.checked_sub(48.hours()).unwrap_or(now);
    dropped += super::slack::inbound::forget(tx, org, before).await?;
    // Longer than an event may be late, so that none returns unnoticed (`events.md` §7).
    let ids = now.checked_sub((KEPT_IDS_DAYS * 24).hours()).unwrap_or(now);
    dropped += super::events::ledger::forget(tx, org, ids).await?;
    let samples = now.checked_sub((KEPT_SAMPLES_DAYS * 24).hours()).unwrap_or(now);
    dropped += super::events::quality::drop_samples(tx, org, samples).await?;
    // Alerts look back an hour at most.
    let day = now.checked_sub(24.hours()).unwrap_or(now);
    dropped += super::events::measured::drop_minutes(tx, org, day).await?;
    Ok(dropped)
}
