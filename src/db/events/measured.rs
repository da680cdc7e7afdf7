//! The quality log read back: hours by source and class, what they were expected to bring, how long sources are usually quiet.
use crate::db::{OrgTx, instant, instant_if_any};
use crate::ids::OrgId;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::Row as _;
use uuid::Uuid;

/// One hour of a source and class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    pub source: String,
    pub class: String,
    /// Median of the same weekday and hour; none where too few weeks are known.
    pub expected: Option<i64>,
    pub received: i64,
    pub valid: i64,
    pub duplicate: i64,
    pub late: i64,
    pub stored: i64,
    pub required_filled: i64,
    pub required_total: i64,
    pub unknown_props: i64,
    pub mapped: i64,
    pub named: i64,
    /// Of this hour and the fortnight before.
    pub newest_at: Option<Timestamp>,
    /// Seconds within which at least 95 of 100 events of the hour came: the longest of its batches, so that it is an upper bound.
    pub lag_p95_s: i32,
}

/// Every source and class that brought something in the weeks up to an hour; what did not come in the hour itself counts nought.
pub async fn hour(
    tx: &mut OrgTx,
    org: OrgId,
    hour: Timestamp,
    (weeks, least_weeks): (i64, i64),
) -> Result<Vec<Measured>, sqlx::Error> {
    let rows = sqlx::query(
        "with known as (
             select source, class, min(hour) as first,
                    max(newest_at) filter (where hour > $2 - interval '14 days') as newest_at
             from data_quality_log
             where org_id = $1 and hour > $2 - make_interval(days => 7 * $3::int + 1) and hour <= $2 group by source, class),
         past as (
             select k.source, k.class, n, coalesce(sum(q.received), 0) as received
             from known k cross join generate_series(1, $3::int) n
             left join data_quality_log q on q.org_id = $1 and q.source = k.source and q.class = k.class
                  and q.hour = $2 - make_interval(days => 7 * n)
             where k.first <= $2 - make_interval(days => 7 * n)
             group by k.source, k.class, n),
         usual as (
             select source, class, count(*) as weeks,
                    percentile_cont(0.5) within group (order by received::float8) as expected
             from past group by source, class)
         select k.source, k.class, k.newest_at,
                case when u.weeks >= $4 then round(u.expected)::bigint end as expected,
                coalesce(sum(q.received), 0)::bigint as received, coalesce(sum(q.valid), 0)::bigint as valid,
                coalesce(sum(q.duplicate), 0)::bigint as duplicate, coalesce(sum(q.late), 0)::bigint as late,
                coalesce(sum(q.stored), 0)::bigint as stored,
                coalesce(sum(q.required_filled), 0)::bigint as required_filled,
                coalesce(sum(q.required_total), 0)::bigint as required_total,
                coalesce(sum(q.unknown_props), 0)::bigint as unknown_props,
                coalesce(sum(q.mapped), 0)::bigint as mapped, coalesce(sum(q.named), 0)::bigint as named,
                coalesce(max(q.lag_p95_s), 0) as lag_p95_s
         from known k
         left join usual u on u.source = k.source and u.class = k.class
         left join data_quality_log q on q.org_id = $1 and q.source = k.source and q.class = k.class and q.hour = $2
         group by k.source, k.class, k.newest_at, u.weeks, u.expected order by k.source, k.class",
    )
    .bind(org)
    .bind(hour.to_sqlx())
    .bind(weeks)
    .bind(least_weeks)
    .fetch_all(&mut **tx)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Measured {
                source: row.try_get("source")?,
                class: row.try_get("class")?,
                expected: row.try_get("expected")?,
                received: row.try_get("received")?,
                valid: row.try_get("valid")?,
                duplicate: row.try_get("duplicate")?,
                late: row.try_get("late")?,
                stored: row.try_get("stored")?,
                required_filled: row.try_get("required_filled")?,
                required_total: row.try_get("required_total")?,
                unknown_props: row.try_get("unknown_props")?,
                mapped: row.try_get("mapped")?,
                named: row.try_get("named")?,
                newest_at: instant_if_any(row, "newest_at")?,
                lag_p95_s: row.try_get("lag_p95_s")?,
            })
        })
        .collect()
}

/// Notes what an hour was expected to bring.
pub async fn expect(
    tx: &mut OrgTx,
    org: OrgId,
    hour: Timestamp,
    expected: &[(&str, &str, i64)],
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into data_quality_log as q (org_id, hour, source, class, shard, expected)
         select $1, $2, u.source, u.class, 0, u.expected from unnest($3::text[], $4::text[], $5::bigint[])
              u (source, class, expected)
         on conflict (org_id, hour, source, class, shard) do update set expected = excluded.expected",
    )
    .bind(org)
    .bind(hour.to_sqlx())
    .bind(expected.iter().map(|(source, ..)| *source).collect::<Vec<_>>())
    .bind(expected.iter().map(|(_, class, _)| *class).collect::<Vec<_>>())
    .bind(expected.iter().map(|(.., n)| *n).collect::<Vec<_>>())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Events stored in the 24 hours that end at a moment, and the median of so many days before; none where that is less known.
pub async fn volume(
    tx: &mut OrgTx,
    org: OrgId,
    end: Timestamp,
    days: i64,
) -> Result<(i64, Option<i64>), sqlx::Error> {
    sqlx::query_as(
        "with first as (select min(hour) as hour from data_quality_log
                        where org_id = $1 and hour >= $2 - make_interval(days => $3::int + 1) and stored > 0),
         day as (
             select n, coalesce(sum(q.stored), 0) as stored from generate_series(0, $3::int) n
             left join data_quality_log q on q.org_id = $1 and q.hour >= $2 - make_interval(days => n + 1)
                  and q.hour < $2 - make_interval(days => n)
             group by n)
         select (select stored::bigint from day where n = 0),
                (select round(percentile_cont(0.5) within group (order by stored::float8))::bigint from day where n > 0
                    and (select hour from first) <= $2 - make_interval(days => $3::int))",
    )
    .bind(org)
    .bind(end.to_sqlx())
    .bind(days)
    .fetch_one(&mut **tx)
    .await
}

/// How a source is usually quiet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quiet {
    pub source: String,
    /// Hours that 95 of 100 gaps between hours with events stay within.
    pub usual_hours: i64,
    pub gaps: i64,
    /// The last hour that brought something.
    pub last: Timestamp,
}

/// Sources that brought something in the days before a moment.
pub async fn quiet(tx: &mut OrgTx, org: OrgId, end: Timestamp, days: i64) -> Result<Vec<Quiet>, sqlx::Error> {
    let rows = sqlx::query(
        "with active as (select distinct source, hour from data_quality_log
                         where org_id = $1 and hour >= $2 - make_interval(days => $3::int) and hour < $2
                           and received > 0 and source <> 'unknown'),
         gap as (select source, hour,
                        extract(epoch from hour - lag(hour) over (partition by source order by hour)) / 3600 as hours
                 from active)
         select source, count(hours) as gaps, max(hour) as last,
                coalesce(percentile_disc(0.95) within group (order by hours), 0)::bigint as usual
         from gap group by source order by source",
    )
    .bind(org)
    .bind(end.to_sqlx())
    .bind(days)
    .fetch_all(&mut **tx)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Quiet {
                source: row.try_get("source")?,
                usual_hours: row.try_get("usual")?,
                gaps: row.try_get("gaps")?,
                last: instant(row, "last")?,
            })
        })
        .collect()
}

/// Live events of a source and class since an hour, and how many of them came in time.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Lag {
    pub source: String,
    pub class: String,
    pub live: i64,
    pub on_time: i64,
}

pub async fn lags(tx: &mut OrgTx, org: OrgId, since: Timestamp) -> Result<Vec<Lag>, sqlx::Error> {
    sqlx::query_as(
        "select source, class, sum(live)::bigint as live, sum(on_time)::bigint as on_time from data_quality_log
         where org_id = $1 and hour >= $2 group by source, class having sum(live) > 0 order by source, class",
    )
    .bind(org)
    .bind(since.to_sqlx())
    .fetch_all(&mut **tx)
    .await
}

/// Requests to store events in one minute, and those that failed because the database did not take them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Minute {
    pub minute: Timestamp,
    pub requests: i64,
    pub failed: i64,
}

/// Keeps the minutes that a server counted, each once.
pub async fn keep_minutes(
    tx: &mut OrgTx,
    org: OrgId,
    server: Uuid,
    minutes: &[Minute],
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into ingest_minutes (org_id, minute, server, requests, failed)
         select $1, u.minute, $2, u.requests, u.failed from unnest($3::timestamptz[], $4::bigint[], $5::bigint[])
              u (minute, requests, failed)
         on conflict do nothing",
    )
    .bind(org)
    .bind(server)
    .bind(minutes.iter().map(|one| one.minute.to_sqlx()).collect::<Vec<_>>())
    .bind(minutes.iter().map(|one| one.requests).collect::<Vec<_>>())
    .bind(minutes.iter().map(|one| one.failed).collect::<Vec<_>>())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The minutes from one to another (not included) that brought requests, of all servers.
pub async fn minutes(
    tx: &mut OrgTx,
    org: OrgId,
    (from, to): (Timestamp, Timestamp),
) -> Result<Vec<Minute>, sqlx::Error> {
    let rows = sqlx::query(
        "select minute, sum(requests)::bigint as requests, sum(failed)::bigint as failed from ingest_minutes
          where org_id = $1 and minute >= $2 and minute < $3 group by minute order by minute",
    )
    .bind(org)
    .bind(from.to_sqlx())
    .bind(to.to_sqlx())
    .fetch_all(&mut **tx)
    .await?;
    let read = |row: &sqlx::postgres::PgRow| {
        Ok(Minute {
            minute: instant(row, "minute")?,
            requests: row.try_get("requests")?,
            failed: row.try_get("failed")?,
        })
    };
    rows.iter().map(read).collect()
}

/// Forgets minutes before a moment; gives how many.
pub async fn drop_minutes(tx: &mut OrgTx, org: OrgId, before: Timestamp) -> Result<u64, sqlx::Error> {
    let done = sqlx::query("delete from ingest_minutes where org_id = $1 and minute < $2")
        .bind(org)
        .bind(before.to_sqlx())
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected())
}
