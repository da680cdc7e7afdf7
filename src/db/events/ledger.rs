//! The ledger of ids: whether an event came before, with what content, and when.
use super::Restated;
use crate::db::OrgTx;
use crate::ids::OrgId;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_sqlx::ToSqlx as _;
use sqlx::Row as _;
use uuid::Uuid;

/// An id on its way in.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    pub id: Uuid,
    /// The UTC day of `occurred_at`.
    pub occurred_on: Date,
    pub payload_hash: [u8; 32],
}

/// What the ledger has under an id.
#[derive(Clone, Debug)]
pub struct Known {
    pub id: Uuid,
    pub occurred_on: Date,
    pub payload_hash: Vec<u8>,
    pub first_received_at: Timestamp,
}

/// Hashes of replaced contents that are kept with an id; the oldest goes first.
const HISTORY: i32 = 100;

/// Takes the ids that are free; gives those. `claims` must be sorted by id and hold each id once: batches that share ids then
/// wait for each other in one order.
pub async fn claim(
    tx: &mut OrgTx,
    org: OrgId,
    claims: &[Claim],
    now: Timestamp,
) -> Result<Vec<Uuid>, sqlx::Error> {
    let ids: Vec<Uuid> = claims.iter().map(|claim| claim.id).collect();
    let days: Vec<jiff_sqlx::Date> = claims.iter().map(|claim| claim.occurred_on.to_sqlx()).collect();
    let hashes: Vec<&[u8]> = claims.iter().map(|claim| claim.payload_hash.as_slice()).collect();
    sqlx::query_scalar(
        "insert into event_ids (org_id, id, occurred_on, payload_hash, first_received_at)
         select $1, u.id, u.day, u.hash, $2 from unnest($3::uuid[], $4::date[], $5::bytea[]) u (id, day, hash)
         on conflict (org_id, id) do nothing returning id",
    )
    .bind(org)
    .bind(now.to_sqlx())
    .bind(ids)
    .bind(days)
    .bind(hashes)
    .fetch_all(&mut **tx)
    .await
}

/// What is stored under ids; with `lock` nobody else changes it until the end of the transaction.
pub async fn find(tx: &mut OrgTx, org: OrgId, ids: &[Uuid], lock: bool) -> Result<Vec<Known>, sqlx::Error> {
    let columns = "select id, occurred_on, payload_hash, first_received_at from event_ids
                   where org_id = $1 and id = any($2) order by id";
    let statement = if lock { format!("{columns} for update") } else { columns.to_owned() };
    let rows = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(org).bind(ids).fetch_all(&mut **tx).await?;
    rows.iter()
        .map(|row| {
            Ok(Known {
                id: row.try_get("id")?,
                occurred_on: row.try_get::<jiff_sqlx::Date, _>("occurred_on")?.to_jiff(),
                payload_hash: row.try_get("payload_hash")?,
                first_received_at: crate::db::instant(row, "first_received_at")?,
            })
        })
        .collect()
}

/// Takes the stored content of ids out, so that another can take its place: the ledger has the new hash and keeps the old one
/// in its history. Gives the late ones among the removed, whose days have to be computed again. The rows must be locked.
pub async fn replace(
    tx: &mut OrgTx,
    org: OrgId,
    claims: &[Claim],
    before: &[Known],
    now: Timestamp,
) -> Result<Vec<(Timestamp, Restated)>, sqlx::Error> {
    let ids: Vec<Uuid> = claims.iter().map(|claim| claim.id).collect();
    let days: Vec<jiff_sqlx::Date> = claims.iter().map(|claim| claim.occurred_on.to_sqlx()).collect();
    let hashes: Vec<&[u8]> = claims.iter().map(|claim| claim.payload_hash.as_slice()).collect();
    sqlx::query(
        "update event_ids e set payload_hash = u.hash, occurred_on = u.day, history =
           case when jsonb_array_length(coalesce(e.history, '[]')) >= $6 then e.history - 0 else coalesce(e.history, '[]') end
           || jsonb_build_object('hash', encode(e.payload_hash, 'hex'), 'replaced_at', $2)
         from unnest($3::uuid[], $4::date[], $5::bytea[]) u (id, day, hash)
         where e.org_id = $1 and e.id = u.id",
    )
    .bind(org)
    .bind(now.to_sqlx())
    .bind(&ids)
    .bind(days)
    .bind(hashes)
    .bind(HISTORY)
    .execute(&mut **tx)
    .await?;
    let old_ids: Vec<Uuid> = before.iter().map(|known| known.id).collect();
    let old_days: Vec<jiff_sqlx::Date> = before.iter().map(|known| known.occurred_on.to_sqlx()).collect();
    let rows = sqlx::query(
        "delete from events e using unnest($2::uuid[], $3::date[]) u (id, day)
         where e.org_id = $1 and e.id = u.id
           and e.occurred_at >= u.day::timestamp at time zone 'UTC'
           and e.occurred_at < (u.day + 1)::timestamp at time zone 'UTC'
         returning e.late_arrival, e.occurred_at, e.entity_kind, e.entity_id, e.channel",
    )
    .bind(org)
    .bind(old_ids)
    .bind(old_days)
    .fetch_all(&mut **tx)
    .await?;
    let mut late = Vec::new();
    for row in &rows {
        if row.try_get("late_arrival")? {
            let place = Restated {
                entity_kind: row.try_get("entity_kind")?,
                entity_id: row.try_get("entity_id")?,
                channel: row.try_get("channel")?,
            };
            late.push((crate::db::instant(row, "occurred_at")?, place));
        }
    }
    Ok(late)
}

/// Forgets ids that came before a moment; gives how many.
pub async fn forget(tx: &mut OrgTx, org: OrgId, before: Timestamp) -> Result<u64, sqlx::Error> {
    let done = sqlx::query("delete from event_ids where org_id = $1 and first_received_at < $2")
        .bind(org)
        .bind(before.to_sqlx())
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected())
}
