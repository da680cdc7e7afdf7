//! Daily figures computed in the database: one statement a day, and the queue of days to be computed again.
//!
//! Rows of a day that were computed carry `rolled`; they are compared with what the day should hold, so that a second time
//! changes nothing. Rows of other hands are never touched.
mod statement;

pub use statement::NAMES;

use crate::db::OrgTx;
use crate::db::events::{self, Restated};
use crate::ids::OrgId;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_sqlx::ToSqlx as _;

/// A day of an organisation as instants.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub day: Date,
    pub from: Timestamp,
    /// The first instant of the next day.
    pub to: Timestamp,
}

/// What an organisation counts in.
#[derive(Clone, Debug)]
pub struct Basis {
    pub currency: String,
    pub time_zone: String,
}

/// How people came, and what that is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// As [`arrivals`] gave it.
    pub key: String,
    pub channel: &'static str,
    /// Empty where none is meant.
    pub campaign_id: String,
    /// Whether somebody came from outside: who returns from paying did not.
    pub is_touch: bool,
}

/// A campaign that a link may mean.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Campaign {
    pub id: String,
    pub source: String,
    pub name: String,
    pub channel: String,
}

pub async fn basis(tx: &mut OrgTx, org: OrgId) -> Result<Basis, sqlx::Error> {
    let (currency, time_zone) =
        sqlx::query_as("select currency::text, time_zone from orgs where org_id = $1")
            .bind(org)
            .fetch_one(&mut **tx)
            .await?;
    Ok(Basis { currency, time_zone })
}

/// Waits until nobody else computes this day, and keeps others from it until the transaction ends. What is read afterwards
/// is planned for the very day, and may sort and hash in 64 MiB a step before it goes to disk.
pub async fn alone(tx: &mut OrgTx, org: OrgId, day: Date) -> Result<(), sqlx::Error> {
    sqlx::query(
        "select set_config('jit', 'off', true), set_config('plan_cache_mode', 'force_custom_plan', true),
                set_config('work_mem', '64MB', true),
                pg_advisory_xact_lock(hashtextextended($1::text || ' rollup ' || $2::text, 0))",
    )
    .bind(org)
    .bind(day.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The distinct ways in which people came on a day: click id, utm source, medium and campaign, and the referrer's host, each
/// behind a unit separator.
pub async fn arrivals(tx: &mut OrgTx, org: OrgId, span: Span) -> Result<Vec<String>, sqlx::Error> {
    let keys: Vec<Option<String>> = sqlx::query_scalar(sqlx::AssertSqlSafe(statement::ARRIVALS.as_str()))
        .bind(org)
        .bind(span.from.to_sqlx())
        .bind(span.to.to_sqlx())
        .fetch_all(&mut **tx)
        .await?;
    Ok(keys.into_iter().flatten().collect())
}

pub async fn campaigns(tx: &mut OrgTx, org: OrgId) -> Result<Vec<Campaign>, sqlx::Error> {
    sqlx::query_as("select id, source, name, channel from campaigns where org_id = $1 order by id")
        .bind(org)
        .fetch_all(&mut **tx)
        .await
}

/// Makes the computed rows of a day what they should be; gives how many were added, changed or removed. `is_over`: the day
/// has ended, and a row that changes was restated.
pub async fn rebuild(
    tx: &mut OrgTx,
    org: OrgId,
    span: Span,
    basis: &Basis,
    arrived: &[Arrived],
    now: Timestamp,
    is_over: bool,
) -> Result<u64, sqlx::Error> {
    let rows: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(statement::DAY.as_str()))
        .bind(org)
        .bind(span.day.to_sqlx())
        .bind(span.from.to_sqlx())
        .bind(span.to.to_sqlx())
        .bind(NAMES.as_slice())
        .bind(&basis.currency)
        .bind(arrived.iter().map(|one| one.key.as_str()).collect::<Vec<_>>())
        .bind(arrived.iter().map(|one| one.channel).collect::<Vec<_>>())
        .bind(arrived.iter().map(|one| one.campaign_id.as_str()).collect::<Vec<_>>())
        .bind(arrived.iter().map(|one| one.is_touch).collect::<Vec<_>>())
        .bind(now.to_sqlx())
        .bind(is_over)
        .fetch_one(&mut **tx)
        .await?;
    if rows > 0 {
        super::sums::stale(tx, org, Some((span.day, span.day))).await?;
    }
    Ok(u64::try_from(rows).unwrap_or(0))
}

/// Whether a day holds computed figures.
pub async fn is_rolled(tx: &mut OrgTx, org: OrgId, day: Date) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "select exists (select from daily_metrics where org_id = $1 and date = $2 and rolled)
             or exists (select from daily_funnel_metrics where org_id = $1 and date = $2 and rolled)
             or exists (select from daily_campaign_metrics where org_id = $1 and date = $2 and rolled)",
    )
    .bind(org)
    .bind(day.to_sqlx())
    .fetch_one(&mut **tx)
    .await
}

/// The first day after another that waits to be computed again.
pub async fn next_queued(
    tx: &mut OrgTx,
    org: OrgId,
    after: Option<Date>,
) -> Result<Option<Date>, sqlx::Error> {
    let day: Option<jiff_sqlx::Date> = sqlx::query_scalar(
        "select least((select min(date) from restatements where org_id = $1 and ($2::date is null or date > $2)),
                      (select min(date) from rollups_taken where org_id = $1 and ($2::date is null or date > $2)))",
    )
    .bind(org)
    .bind(after.map(|day| day.to_sqlx()))
    .fetch_one(&mut **tx)
    .await?;
    Ok(day.map(|day| day.to_jiff()))
}

/// Takes a day off the queue: its entries become one that nobody but a worker touches ([`taken`]). A transaction of its own that
/// is soon over, so that nobody who brings late facts waits while the day is computed. What is counted afterwards sees every
/// fact whose entry was taken: a batch that is under way holds its entry until its facts are committed, so that it is left for
/// the next time, and one that comes later queues the day anew.
pub async fn take_queued(tx: &mut OrgTx, org: OrgId, day: Date, now: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query(
        "with mine as (select date, entity_kind, entity_id, channel from restatements where org_id = $1 and date = $2
                       order by entity_kind, entity_id, channel for update skip locked),
         gone as (delete from restatements r using mine m
                  where r.org_id = $1 and r.date = m.date and r.entity_kind = m.entity_kind and r.entity_id = m.entity_id
                    and r.channel = m.channel
                  returning 1)
         insert into rollups_taken as t (org_id, date, entries, taken_at)
         select $1, $2, n.entries, $3 from (select count(*) as entries from gone) n where n.entries > 0
         on conflict (org_id, date) do update set entries = t.entries + excluded.entries, taken_at = excluded.taken_at",
    )
    .bind(org)
    .bind(day.to_sqlx())
    .bind(now.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// How many entries of a day were taken and are not worked yet; they are gone when this transaction is committed.
pub async fn taken(tx: &mut OrgTx, org: OrgId, day: Date) -> Result<u64, sqlx::Error> {
    let entries: Option<i64> =
        sqlx::query_scalar("delete from rollups_taken where org_id = $1 and date = $2 returning entries")
            .bind(org)
            .bind(day.to_sqlx())
            .fetch_optional(&mut **tx)
            .await?;
    Ok(entries.and_then(|entries| u64::try_from(entries).ok()).unwrap_or(0))
}

/// What a day is computed from as it stands now, and what it was when it was computed last. Read before it is computed: what
/// comes between is seen the next time.
pub async fn seen(
    tx: &mut OrgTx,
    org: OrgId,
    span: Span,
    basis: &Basis,
    is_over: bool,
) -> Result<(String, Option<String>), sqlx::Error> {
    let now: String = sqlx::query_scalar(sqlx::AssertSqlSafe(statement::SEEN.as_str()))
        .bind(org)
        .bind(span.day.to_sqlx())
        .bind(span.from.to_sqlx())
        .bind(span.to.to_sqlx())
        .bind(&basis.currency)
        .bind(&basis.time_zone)
        .bind(is_over)
        .fetch_one(&mut **tx)
        .await?;
    let before = sqlx::query_scalar("select seen from rollups_seen where org_id = $1 and date = $2")
        .bind(org)
        .bind(span.day.to_sqlx())
        .fetch_optional(&mut **tx)
        .await?;
    Ok((now, before))
}

/// Notes what a day was computed from.
pub async fn note_seen(
    tx: &mut OrgTx,
    org: OrgId,
    day: Date,
    seen: &str,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into rollups_seen (org_id, date, seen, computed_at) values ($1, $2, $3, $4)
         on conflict (org_id, date) do update set seen = excluded.seen, computed_at = excluded.computed_at",
    )
    .bind(org)
    .bind(day.to_sqlx())
    .bind(seen)
    .bind(now.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The days after this one on which a first sale may have become a later one.
pub async fn next_sales(
    tx: &mut OrgTx,
    org: OrgId,
    span: Span,
    basis: &Basis,
) -> Result<Vec<Date>, sqlx::Error> {
    let days: Vec<jiff_sqlx::Date> = sqlx::query_scalar(sqlx::AssertSqlSafe(statement::NEXT_SALES.as_str()))
        .bind(org)
        .bind(span.from.to_sqlx())
        .bind(span.to.to_sqlx())
        .bind(&basis.time_zone)
        .fetch_all(&mut **tx)
        .await?;
    Ok(days.into_iter().map(|day| day.to_jiff()).collect())
}

/// Days on which computed rows stand beside what somebody else stated later of the same thing.
pub async fn overlaid(tx: &mut OrgTx, org: OrgId) -> Result<Vec<Date>, sqlx::Error> {
    let days: Vec<jiff_sqlx::Date> = sqlx::query_scalar(sqlx::AssertSqlSafe(statement::OVERLAID.as_str()))
        .bind(org)
        .fetch_all(&mut **tx)
        .await?;
    Ok(days.into_iter().map(|day| day.to_jiff()).collect())
}

/// Computed days among these, queued because somebody else stated them now.
pub async fn restate_stated(
    tx: &mut OrgTx,
    org: OrgId,
    (first, last): (Date, Date),
    source: &str,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let days: Vec<jiff_sqlx::Date> = sqlx::query_scalar(
        "select distinct date from daily_metrics where org_id = $1 and rolled and date between $2 and $3 order by date",
    )
    .bind(org)
    .bind(first.to_sqlx())
    .bind(last.to_sqlx())
    .fetch_all(&mut **tx)
    .await?;
    let stated = Restated {
        entity_kind: "source".to_owned(),
        entity_id: source.to_owned(),
        channel: "unknown".to_owned(),
    };
    let days: Vec<_> = days.into_iter().map(|day| (day.to_jiff(), stated.clone())).collect();
    events::restate(tx, org, &days, &format!("sync of {source}"), now).await
}
