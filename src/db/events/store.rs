//! Events into their table, and the days that have to be computed again because of late ones.
use crate::db::OrgTx;
use crate::ids::{ApiKeyId, OrgId};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_sqlx::ToSqlx as _;
use rust_decimal::Decimal;
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

/// Adds events whose ids were claimed. Gives those of them that were there all the same: facts outlive the ledger.
pub async fn insert(
    tx: &mut OrgTx,
    org: OrgId,
    rows: &[Row<'_>],
    received: &Received<'_>,
) -> Result<Vec<Uuid>, sqlx::Error> {
    // An array of arrays of unequal lengths does not exist, so the few paths travel as JSON.
    let scrubbed: Vec<Option<String>> = rows
        .iter()
        .map(|row| {
            (!row.scrubbed_fields.is_empty()).then(|| serde_json::json!(row.scrubbed_fields).to_string())
        })
        .collect();
    let ids = column!(rows, id);
    let added = sqlx::query(
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
         on conflict (org_id, id, occurred_at) do nothing",
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
    .execute(&mut **tx)
    .await?
    .rows_affected();
    if added == rows.len() as u64 {
        return Ok(Vec::new());
    }
    sqlx::query_scalar(
        "select id from events where org_id = $1 and id = any($2) and batch_id is distinct from $3",
    )
    .bind(org)
    .bind(&ids)
    .bind(received.batch)
    .fetch_all(&mut **tx)
    .await
}

/// What is computed again for a day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Restated {
    pub entity_kind: String,
    pub entity_id: String,
    pub channel: String,
}

/// Queues days to be computed again, each once. They must be sorted: see the head of this room.
pub async fn restate(
    tx: &mut OrgTx,
    org: OrgId,
    days: &[(Date, Restated)],
    cause: &str,
    now: Timestamp,
) -> Result<u64, sqlx::Error> {
    let done = sqlx::query(
        "insert into restatements (org_id, date, entity_kind, entity_id, channel, cause, queued_at)
         select $1, u.date, u.kind, u.id, u.channel, $6, $7
         from unnest($2::date[], $3::text[], $4::text[], $5::text[]) u (date, kind, id, channel)
         on conflict do nothing",
    )
    .bind(org)
    .bind(days.iter().map(|(day, _)| day.to_sqlx()).collect::<Vec<_>>())
    .bind(days.iter().map(|(_, place)| place.entity_kind.as_str()).collect::<Vec<_>>())
    .bind(days.iter().map(|(_, place)| place.entity_id.as_str()).collect::<Vec<_>>())
    .bind(days.iter().map(|(_, place)| place.channel.as_str()).collect::<Vec<_>>())
    .bind(cause)
    .bind(now.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

/// How many days wait to be computed again, counted up to `most`.
pub async fn restated_depth(tx: &mut OrgTx, org: OrgId, most: i64) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select count(*) from (select from restatements where org_id = $1 limit $2) waiting")
        .bind(org)
        .bind(most)
        .fetch_one(&mut **tx)
        .await
}
