//! Events into their table, and the days that have to be computed again because of late ones.
use crate::db::OrgTx;
use crate::ids::{ApiKeyId, OrgId};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_sqlx::ToSqlx as _;
use rust_decimal::Decimal;
use sqlx::Row as _;
use std::collections::HashSet;
use uuid::Uuid;

/// One event as the table has it; the columns that a whole batch shares are given to [`insert`].
#[derive(Clone, Debug)]
pub struct Row<'a> {
    pub id: Uuid,
    pub occurred_at: Timestamp,
    pub name: &'a str,
    pub source: &'static str,
    pub channel: &'static str,
    pub entity_kind: &'static str,
    pub entity_id: &'a str,
    pub canonical_id: Option<&'a str>,
    pub actor_type: &'static str,
    pub actor_id: &'a str,
    pub customer_id: Option<&'a str>,
    pub session_id: &'a str,
    pub session_seq: Option<i32>,
    pub value: Option<Decimal>,
    pub currency: Option<&'a str>,
    /// A JSON object.
    pub props: &'a str,
    /// A JSON object.
    pub context: &'a str,
    pub ingest_lag_seconds: i32,
    pub late_arrival: bool,
    pub backfill: bool,
    pub schema_version: i32,
    pub scrubbed_fields: &'a [String],
    pub payload_hash: &'a [u8],
}

/// What all events of a batch have in common.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    pub at: Timestamp,
    pub via: &'a str,
    pub batch: Uuid,
    pub key: Option<ApiKeyId>,
}

macro_rules! column {
    ($rows:ident, $field:ident) => {
        $rows.iter().map(|row| row.$field).collect::<Vec<_>>()
    };
}

/// A fact that outlived its id in the ledger.
#[derive(Clone, Debug)]
pub struct There {
    pub id: Uuid,
    pub payload_hash: Vec<u8>,
    pub received_at: Timestamp,
}

/// Adds events whose ids were claimed. Gives those that were there all the same, at the same moment: facts outlive the ledger,
/// which takes their content over.
pub async fn insert(
    tx: &mut OrgTx,
    org: OrgId,
    rows: &[Row<'_>],
    received: &Received<'_>,
) -> Result<Vec<There>, sqlx::Error> {
    // An array of arrays of unequal lengths does not exist, so the few paths travel as JSON.
    let scrubbed: Vec<Option<String>> = rows
        .iter()
        .map(|row| {
            (!row.scrubbed_fields.is_empty()).then(|| serde_json::json!(row.scrubbed_fields).to_string())
        })
        .collect();
    let ids = column!(rows, id);
    let added: Vec<Uuid> = sqlx::query_scalar(
        "insert into events (org_id, id, occurred_at, name, source, channel, entity_kind, entity_id, canonical_id,
             actor_type, actor_id, customer_id, session_id, session_seq, value, currency, props, context, received_at,
             ingest_lag_seconds, late_arrival, backfill, ingested_via, batch_id, api_key_id, schema_version,
             scrubbed_fields, payload_hash)
         select $1, u.id, u.occurred_at, u.name, u.source, u.channel, u.entity_kind, u.entity_id, u.canonical_id,
             u.actor_type, u.actor_id, u.customer_id, u.session_id, u.session_seq, u.value, u.currency, u.props::jsonb,
             u.context::jsonb, $2, u.lag, u.late, u.backfill, $3, $4, $5, u.schema_version,
             case when u.scrubbed is null then '{}'::text[]
                  else array(select jsonb_array_elements_text(u.scrubbed::jsonb)) end, u.hash
         from unnest($6::uuid[], $7::timestamptz[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[],
             $13::text[], $14::text[], $15::text[], $16::text[], $17::text[], $18::int[], $19::numeric[], $20::text[],
             $21::text[], $22::text[], $23::int[], $24::bool[], $25::bool[], $26::int[], $27::text[], $28::bytea[])
             u (id, occurred_at, name, source, channel, entity_kind, entity_id, canonical_id, actor_type, actor_id,
                customer_id, session_id, session_seq, value, currency, props, context, lag, late, backfill,
                schema_version, scrubbed, hash)
         on conflict (org_id, id, occurred_at) do nothing returning id",
    )
    .bind(org)
    .bind(received.at.to_sqlx())
    .bind(received.via)
    .bind(received.batch)
    .bind(received.key)
    .bind(&ids)
    .bind(rows.iter().map(|row| row.occurred_at.to_sqlx()).collect::<Vec<_>>())
    .bind(column!(rows, name))
    .bind(column!(rows, source))
    .bind(column!(rows, channel))
    .bind(column!(rows, entity_kind))
    .bind(column!(rows, entity_id))
    .bind(column!(rows, canonical_id))
    .bind(column!(rows, actor_type))
    .bind(column!(rows, actor_id))
    .bind(column!(rows, customer_id))
    .bind(column!(rows, session_id))
    .bind(column!(rows, session_seq))
    .bind(column!(rows, value))
    .bind(column!(rows, currency))
    .bind(column!(rows, props))
    .bind(column!(rows, context))
    .bind(column!(rows, ingest_lag_seconds))
    .bind(column!(rows, late_arrival))
    .bind(column!(rows, backfill))
    .bind(column!(rows, schema_version))
    .bind(scrubbed)
    .bind(column!(rows, payload_hash))
    .fetch_all(&mut **tx)
    .await?;
    if added.len() == rows.len() {
        return Ok(Vec::new());
    }
    let added: HashSet<Uuid> = added.into_iter().collect();
    let known: Vec<&Row<'_>> = rows.iter().filter(|row| !added.contains(&row.id)).collect();
    let there = sqlx::query(
        "update event_ids i set payload_hash = e.payload_hash
         from unnest($2::uuid[], $3::timestamptz[]) u (id, occurred_at)
         join events e on e.org_id = $1 and e.id = u.id and e.occurred_at = u.occurred_at
         where i.org_id = $1 and i.id = u.id returning e.id, e.payload_hash, e.received_at",
    )
    .bind(org)
    .bind(known.iter().map(|row| row.id).collect::<Vec<_>>())
    .bind(known.iter().map(|row| row.occurred_at.to_sqlx()).collect::<Vec<_>>())
    .fetch_all(&mut **tx)
    .await?;
    let read = |row: &sqlx::postgres::PgRow| {
        Ok(There {
            id: row.try_get("id")?,
            payload_hash: row.try_get("payload_hash")?,
            received_at: crate::db::instant(row, "received_at")?,
        })
    };
    there.iter().map(read).collect()
}

/// What is computed again for a day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Restated {
    pub entity_kind: String,
    pub entity_id: String,
    pub channel: String,
}

/// Times a day is queued anew because its row was taken away in the meantime.
const QUEUE_TRIES: usize = 5;

/// Queues days to be computed again, each once. They must be sorted: see the head of this room.
///
/// A row that waits already is held (shared: batches do not wait for each other), so that it is not taken away before the
/// facts of this transaction are there to be seen. Whoever works the queue deletes the row first and computes in a later
/// statement of the same READ COMMITTED transaction.
pub async fn restate(
    tx: &mut OrgTx,
    org: OrgId,
    days: &[(Date, Restated)],
    cause: &str,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    if days.is_empty() {
        return Ok(());
    }
    let dates: Vec<jiff_sqlx::Date> = days.iter().map(|(day, _)| day.to_sqlx()).collect();
    let of = |get: fn(&Restated) -> &str| days.iter().map(|(_, place)| get(place)).collect::<Vec<_>>();
    let (kinds, ids, channels) =
        (of(|place| &place.entity_kind), of(|place| &place.entity_id), of(|place| &place.channel));
    for _ in 0..QUEUE_TRIES {
        sqlx::query(
            "insert into restatements (org_id, date, entity_kind, entity_id, channel, cause, queued_at)
             select $1, u.date, u.kind, u.id, u.channel, $6, $7
             from unnest($2::date[], $3::text[], $4::text[], $5::text[]) u (date, kind, id, channel)
             on conflict do nothing",
        )
        .bind(org)
        .bind(&dates)
        .bind(&kinds)
        .bind(&ids)
        .bind(&channels)
        .bind(cause)
        .bind(now.to_sqlx())
        .execute(&mut **tx)
        .await?;
        let held: Vec<i32> = sqlx::query_scalar(
            "select 1 from restatements r
             join unnest($2::date[], $3::text[], $4::text[], $5::text[]) u (date, kind, id, channel)
               on r.date = u.date and r.entity_kind = u.kind and r.entity_id = u.id and r.channel = u.channel
             where r.org_id = $1 for key share of r",
        )
        .bind(org)
        .bind(&dates)
        .bind(&kinds)
        .bind(&ids)
        .bind(&channels)
        .fetch_all(&mut **tx)
        .await?;
        if held.len() == days.len() {
            return Ok(());
        }
    }
    // As if the database had ended the transaction: it is tried again as a whole.
    Err(sqlx::Error::RowNotFound)
}

/// How many days wait to be computed again, counted up to `most`.
pub async fn restated_depth(tx: &mut OrgTx, org: OrgId, most: i64) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select count(*) from (select from restatements where org_id = $1 limit $2) waiting")
        .bind(org)
        .bind(most)
        .fetch_one(&mut **tx)
        .await
}
