//! What came in, counted by source and class in each hour, and a few of the items that were refused.
use crate::db::OrgTx;
use crate::ids::OrgId;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

/// The counts of one batch for one source and class (`unknown` where an item said neither).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub received: i64,
    /// Received less rejected.
    pub valid: i64,
    pub duplicate: i64,
    pub replaced: i64,
    pub suppressed: i64,
    pub late: i64,
    /// Accepted and replaced.
    pub stored: i64,
    pub required_filled: i64,
    pub required_total: i64,
    /// Items with properties that the registry does not know.
    pub unknown_props: i64,
    /// Items that name a thing, and those whose thing is in the entity map.
    pub named: i64,
    pub mapped: i64,
    /// The newest event that was not late.
    pub newest_at: Option<Timestamp>,
    /// Seconds that 95 of 100 events that were not late took to come.
    pub lag_p95_s: i32,
    /// Stored and no backfill, and those of them that came as soon as their class allows.
    pub live: i64,
    pub on_time: i64,
}

/// Adds counts to an hour, in the shard of this connection. `groups` must be sorted by source and class.
pub async fn count(
    tx: &mut OrgTx,
    org: OrgId,
    hour: Timestamp,
    groups: &[((&str, &str), Counts)],
) -> Result<(), sqlx::Error> {
    let of = |get: fn(&Counts) -> i64| groups.iter().map(|(_, counts)| get(counts)).collect::<Vec<_>>();
    sqlx::query(
        "insert into data_quality_log as q (org_id, hour, source, class, shard, received, valid, duplicate, replaced,
             suppressed, late, stored, required_filled, required_total, unknown_props, named, mapped, newest_at, lag_p95_s,
             live, on_time)
         select $1, $2, u.source, u.class, (pg_backend_pid() % 32)::smallint, u.received, u.valid, u.duplicate, u.replaced,
             u.suppressed, u.late, u.stored, u.filled, u.total, u.unknown, u.named, u.mapped, u.newest, u.lag,
             u.live, u.on_time
         from unnest($3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[],
             $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[],
             $17::timestamptz[], $18::int[], $19::bigint[], $20::bigint[])
             u (source, class, received, valid, duplicate, replaced, suppressed, late, stored, filled, total, unknown,
                named, mapped, newest, lag, live, on_time)
         on conflict (org_id, hour, source, class, shard) do update set
             received = q.received + excluded.received, valid = q.valid + excluded.valid,
             duplicate = q.duplicate + excluded.duplicate, replaced = q.replaced + excluded.replaced,
             suppressed = q.suppressed + excluded.suppressed, late = q.late + excluded.late,
             stored = q.stored + excluded.stored, required_filled = q.required_filled + excluded.required_filled,
             required_total = q.required_total + excluded.required_total,
             unknown_props = q.unknown_props + excluded.unknown_props, named = q.named + excluded.named,
             mapped = q.mapped + excluded.mapped, newest_at = greatest(q.newest_at, excluded.newest_at),
             lag_p95_s = greatest(q.lag_p95_s, excluded.lag_p95_s),
             live = q.live + excluded.live, on_time = q.on_time + excluded.on_time",
    )
    .bind(org)
    .bind(hour.to_sqlx())
    .bind(groups.iter().map(|((source, _), _)| *source).collect::<Vec<_>>())
    .bind(groups.iter().map(|((_, class), _)| *class).collect::<Vec<_>>())
    .bind(of(|c| c.received))
    .bind(of(|c| c.valid))
    .bind(of(|c| c.duplicate))
    .bind(of(|c| c.replaced))
    .bind(of(|c| c.suppressed))
    .bind(of(|c| c.late))
    .bind(of(|c| c.stored))
    .bind(of(|c| c.required_filled))
    .bind(of(|c| c.required_total))
    .bind(of(|c| c.unknown_props))
    .bind(of(|c| c.named))
    .bind(of(|c| c.mapped))
    .bind(groups.iter().map(|(_, counts)| counts.newest_at.map(|at| at.to_sqlx())).collect::<Vec<_>>())
    .bind(groups.iter().map(|(_, counts)| counts.lag_p95_s).collect::<Vec<_>>())
    .bind(of(|c| c.live))
    .bind(of(|c| c.on_time))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// An item that was refused. `fragment` is a JSON object without personal data.
#[derive(Clone, Debug)]
pub struct Sample<'a> {
    pub id: Uuid,
    pub source: &'a str,
    pub code: &'a str,
    pub fragment: &'a str,
}

/// Samples of one code that are kept in an hour.
const SAMPLES_AN_HOUR: i64 = 100;

/// Keeps samples, as long as the hour has not enough of their code. What the database cannot keep as a sample is not kept:
/// it must never cost the facts of its batch, so that it is written behind a savepoint.
pub async fn keep_samples(
    tx: &mut OrgTx,
    org: OrgId,
    samples: &[Sample<'_>],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let mut point = tx.begin().await?;
    match write_samples(&mut point, org, samples, now).await {
        Ok(()) => point.commit().await,
        // Data that does not fit (class 22): the only fault that is the sample's own.
        Err(error)
            if error.as_database_error().and_then(|e| e.code()).is_some_and(|c| c.starts_with("22")) =>
        {
            tracing::warn!(%error, "samples of refused events cannot be kept");
            point.rollback().await
        }
        Err(error) => Err(error),
    }
}

async fn write_samples(
    connection: &mut PgConnection,
    org: OrgId,
    samples: &[Sample<'_>],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into rejected_samples (org_id, id, at, source, code, fragment)
         select $1, u.id, $2, u.source, u.code, u.fragment::jsonb
         from unnest($3::uuid[], $4::text[], $5::text[], $6::text[]) u (id, source, code, fragment)
         where (select count(*) from (select from rejected_samples r
                                      where r.org_id = $1 and r.code = u.code and r.at > $2 - interval '1 hour'
                                      limit $7) kept) < $7",
    )
    .bind(org)
    .bind(now.to_sqlx())
    .bind(samples.iter().map(|sample| sample.id).collect::<Vec<_>>())
    .bind(samples.iter().map(|sample| sample.source).collect::<Vec<_>>())
    .bind(samples.iter().map(|sample| sample.code).collect::<Vec<_>>())
    .bind(samples.iter().map(|sample| sample.fragment).collect::<Vec<_>>())
    .bind(SAMPLES_AN_HOUR)
    .execute(connection)
    .await?;
    Ok(())
}

/// Drops samples that were taken before a moment; gives how many.
pub async fn drop_samples(tx: &mut OrgTx, org: OrgId, before: Timestamp) -> Result<u64, sqlx::Error> {
    let done = sqlx::query("delete from rejected_samples where org_id = $1 and at < $2")
        .bind(org)
        .bind(before.to_sqlx())
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected())
}
