//! Sums of daily figures kept for long windows: by day without the thing, and by month with it. They are made of whole months
//! that are over and hold as long as the month is in `metric_sums`: whoever changes rows of a month calls [`stale`] in the same
//! transaction.
use super::OrgTx;
use crate::ids::OrgId;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_sqlx::ToSqlx as _;

/// Daily rows, and where their sums are.
pub struct Family {
    pub rows: &'static str,
    /// Sums by day, without the thing.
    pub days: &'static str,
    /// Sums by month, with it.
    pub months: &'static str,
    /// The column that names the thing.
    pub thing: &'static str,
    /// What else tells rows of a day apart.
    pub keys: &'static str,
    /// The columns that add up over things and days; amounts in the organisation's currency.
    pub summed: &'static [&'static str],
}

#[rustfmt::skip]
pub const FAMILIES: [Family; 2] = [
    Family {
        rows: "daily_metrics",
        days: "metric_days",
        months: "metric_months",
        thing: "entity_id",
        keys: "entity_kind, source, account_id, channel, breakdown",
        summed: &[
            "impressions", "eligible_impressions", "clicks", "landed", "engagements", "shares",
            "sessions", "engaged_sessions", "engaged_seconds", "bounces", "pageviews", "exits",
            "new_users", "sends", "opens", "email_clicks", "email_bounces", "unsubscribes", "complaints",
            "backlinks_gained", "backlinks_lost", "conversions", "conversion_value_base", "cost_base",
            "revenue_base", "refund_base",
        ],
    },
    Family {
        rows: "daily_campaign_metrics",
        days: "campaign_days",
        months: "campaign_months",
        thing: "campaign_id",
        keys: "source, channel, is_holdout",
        summed: &[
            "impressions", "eligible_impressions", "clicks", "landed", "engagements", "shares",
            "sessions", "engaged_sessions", "new_customers", "buyers", "clickers", "cart_users",
            "conversions", "attributed_orders", "conversion_value_base", "cost_base", "revenue_base",
            "budget", "planned_spend", "attributed_revenue",
        ],
    },
];

/// Says that rows of these days (of any day: nothing) are being written: the sums of their months hold no longer. Waits for
/// whoever is summing one of the months; many may write at once.
pub async fn stale(tx: &mut OrgTx, org: OrgId, days: Option<(Date, Date)>) -> Result<(), sqlx::Error> {
    let (first, last) = days.unzip();
    sqlx::query(
        "select pg_advisory_xact_lock_shared(hashtextextended($1::text || ' sums ' || m::date, 0))
         from (select coalesce($2, (select min(date) from daily_metrics where org_id = $1)) as first,
                      coalesce($3, (select max(date) from daily_metrics where org_id = $1)) as last) d,
              generate_series(date_trunc('month', d.first::timestamp), d.last::timestamp, interval '1 month') m",
    )
    .bind(org)
    .bind(first.map(|day| day.to_sqlx()))
    .bind(last.map(|day| day.to_sqlx()))
    .execute(&mut **tx)
    .await?;
    // In the order of the months: two that take away several would wait for each other.
    sqlx::query(
        "with held as materialized (
           select month from metric_sums where org_id = $1 and ($2::date is null or month >= date_trunc('month', $2::timestamp))
             and ($3::date is null or month <= $3) order by month for update)
         delete from metric_sums s using held where s.org_id = $1 and s.month = held.month",
    )
    .bind(org)
    .bind(first.map(|day| day.to_sqlx()))
    .bind(last.map(|day| day.to_sqlx()))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The months before the one of `today` that have rows but no sums, newest first.
pub async fn unmade(tx: &mut OrgTx, org: OrgId, today: Date) -> Result<Vec<Date>, sqlx::Error> {
    let months: Vec<jiff_sqlx::Date> = sqlx::query_scalar(
        "select m::date from (select min(date) as first from daily_metrics where org_id = $1) d,
                generate_series(date_trunc('month', d.first::timestamp),
                                date_trunc('month', $2::timestamp) - interval '1 month', interval '1 month') m
         where not exists (select from metric_sums s where s.org_id = $1 and s.month = m::date)
         order by m desc",
    )
    .bind(org)
    .bind(today.to_sqlx())
    .fetch_all(&mut **tx)
    .await?;
    Ok(months.into_iter().map(jiff_sqlx::Date::to_jiff).collect())
}

/// Sums a month anew; false while somebody writes one of its days. The month's rows are read after the lock is held, so that no
/// row of a writer who is done is missed.
pub async fn make(tx: &mut OrgTx, org: OrgId, month: Date, now: Timestamp) -> Result<bool, sqlx::Error> {
    let month = month.first_of_month();
    let last = month.last_of_month();
    let free: bool = sqlx::query_scalar(
        "select pg_try_advisory_xact_lock(hashtextextended($1::text || ' sums ' || $2::text, 0))",
    )
    .bind(org)
    .bind(month.to_string())
    .fetch_one(&mut **tx)
    .await?;
    if !free {
        return Ok(false);
    }
    for family in &FAMILIES {
        let Family { rows, days, months, thing, keys, summed } = family;
        let list = summed.join(", ");
        let sums = summed.iter().map(|column| format!("sum({column})")).collect::<Vec<_>>().join(", ");
        for statement in [
            format!("delete from {days} where org_id = $1 and date between $2 and $3"),
            format!("delete from {months} where org_id = $1 and month between $2 and $3"),
            format!(
                "insert into {days} (org_id, date, {keys}, {list}) select $1, date, {keys}, {sums} from {rows}
                 where org_id = $1 and date between $2 and $3 group by date, {keys}"
            ),
            format!(
                "insert into {months} (org_id, month, first_day, last_day, {keys}, {thing}, {list})
                 select $1, $2::date, min(date), max(date), {keys}, {thing}, {sums} from {rows}
                 where org_id = $1 and date between $2 and $3 group by {keys}, {thing}"
            ),
        ] {
            sqlx::query(sqlx::AssertSqlSafe(statement))
                .bind(org)
                .bind(month.to_sqlx())
                .bind(last.to_sqlx())
                .execute(&mut **tx)
                .await?;
        }
    }
    sqlx::query(
        "insert into metric_sums (org_id, month, made_at) values ($1, $2, $3)
         on conflict (org_id, month) do update set made_at = excluded.made_at",
    )
    .bind(org)
    .bind(month.to_sqlx())
    .bind(now.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(true)
}
