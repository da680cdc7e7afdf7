//! What drafts read of the facts: the present state of what they would change, and how it performed.
//!
//! Amounts named `_base` are in the organisation's currency, others in the account's. Days are account days.
use crate::db::{Error, OrgTx};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_sqlx::ToSqlx;
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::FromRow;

#[derive(Clone, Debug, FromRow)]
pub struct Organisation {
    pub time_zone: String,
    pub currency: String,
}

pub async fn organisation(tx: &mut OrgTx) -> Result<Option<Organisation>, Error> {
    sqlx::query_as("select time_zone, currency::text as currency from orgs").fetch_optional(&mut **tx).await
}

pub async fn settings(tx: &mut OrgTx) -> Result<Vec<(String, Value)>, Error> {
    sqlx::query_as("select key, value from org_settings").fetch_all(&mut **tx).await
}

/// A campaign by the names people use for it.
#[derive(Clone, Debug, FromRow)]
pub struct Named {
    pub id: String,
    pub name: String,
    pub source: String,
    pub status: String,
}

pub async fn campaign_names(tx: &mut OrgTx) -> Result<Vec<Named>, Error> {
    sqlx::query_as(
        "select id, name, source, status from campaigns where status <> 'removed' order by name, id",
    )
    .fetch_all(&mut **tx)
    .await
}

#[derive(Clone, Debug, FromRow)]
pub struct Campaign {
    pub id: String,
    pub source: String,
    pub account_id: String,
    pub name: String,
    pub status: String,
    /// The platform's own word for it; empty when none was read.
    pub raw_status: String,
    pub channel: String,
    pub daily_budget: Option<Decimal>,
    pub lifetime_budget: Option<Decimal>,
    pub budget_id: Option<String>,
    pub budget_shared: bool,
    pub budget_cap: Option<Decimal>,
    pub planned_budget: Option<Decimal>,
    pub currency: String,
    pub landing_page: Option<String>,
    pub is_brand: bool,
    pub tracking: String,
}

pub async fn campaign(tx: &mut OrgTx, id: &str) -> Result<Option<Campaign>, Error> {
    sqlx::query_as(
        "select id, source, account_id, name, status, raw_status, channel, daily_budget, lifetime_budget, budget_id, budget_shared, budget_cap,
                planned_budget, currency::text as currency, landing_page, is_brand, tracking
           from campaigns where id = $1",
    )
    .bind(id)
    .fetch_optional(&mut **tx)
    .await
}

/// Names of all campaigns that spend one shared budget.
pub async fn budget_users(tx: &mut OrgTx, source: &str, budget_id: &str) -> Result<Vec<String>, Error> {
    sqlx::query_scalar("select name from campaigns where source = $1 and budget_id = $2 order by name, id")
        .bind(source)
        .bind(budget_id)
        .fetch_all(&mut **tx)
        .await
}

/// One day of a campaign, an ad group or an ad.
#[derive(Clone, Debug, FromRow)]
pub struct Day {
    #[sqlx(try_from = "jiff_sqlx::Date")]
    pub date: Date,
    pub cost: Decimal,
    pub cost_base: Decimal,
    pub revenue_base: Decimal,
    pub conversions: Decimal,
    pub clicks: i64,
    pub impressions: i64,
}

pub async fn days(tx: &mut OrgTx, kind: &str, id: &str, from: Date, to: Date) -> Result<Vec<Day>, Error> {
    sqlx::query_as(
        "select date, coalesce(sum(cost), 0) as cost, coalesce(sum(cost_base), 0) as cost_base,
                coalesce(sum(revenue_base), 0) as revenue_base, coalesce(sum(conversions), 0) as conversions,
                coalesce(sum(clicks), 0)::bigint as clicks, coalesce(sum(impressions), 0)::bigint as impressions
           from daily_metrics
          where entity_kind = $1 and entity_id = $2 and breakdown = '' and date between $3 and $4
          group by date order by date",
    )
    .bind(kind)
    .bind(id)
    .bind(from.to_sqlx())
    .bind(to.to_sqlx())
    .fetch_all(&mut **tx)
    .await
}

/// Spend, platform conversions and platform revenue of a set of campaigns.
#[derive(Clone, Debug, Default, FromRow)]
pub struct Sums {
    pub cost_base: Decimal,
    pub revenue_base: Decimal,
    pub conversions: Decimal,
}

/// Of the whole organisation, or of one platform account.
pub async fn sums(
    tx: &mut OrgTx,
    account: Option<(&str, &str)>,
    from: Date,
    to: Date,
) -> Result<Sums, Error> {
    sqlx::query_as(
        "select coalesce(sum(cost_base), 0) as cost_base, coalesce(sum(revenue_base), 0) as revenue_base,
                coalesce(sum(conversions), 0) as conversions
           from daily_metrics
          where entity_kind = 'campaign' and breakdown = '' and date between $1 and $2
            and ($3::text is null or (source = $3 and account_id = $4))",
    )
    .bind(from.to_sqlx())
    .bind(to.to_sqlx())
    .bind(account.map(|(source, _)| source))
    .bind(account.map(|(_, id)| id))
    .fetch_one(&mut **tx)
    .await
}

/// Whether the organisation has orders of its own at all.
pub async fn has_orders(tx: &mut OrgTx) -> Result<bool, Error> {
    sqlx::query_scalar("select exists (select from orders)").fetch_one(&mut **tx).await
}

/// Revenue of all orders (gross less discount, before refunds) between two instants.
pub async fn order_revenue(tx: &mut OrgTx, from: Timestamp, to: Timestamp) -> Result<Decimal, Error> {
    sqlx::query_scalar(
        "select coalesce(sum(gross_base - discount_base), 0)
           from orders where ordered_at >= $1 and ordered_at < $2 and status <> 'cancelled' and not is_test",
    )
    .bind(from.to_sqlx())
    .bind(to.to_sqlx())
    .fetch_one(&mut **tx)
    .await
}

/// Gross margin of the items with known costs between two instants; nothing under 30 orders.
pub async fn margin(tx: &mut OrgTx, from: Timestamp, to: Timestamp) -> Result<Option<Decimal>, Error> {
    sqlx::query_scalar(
        "select case when count(distinct l.order_id) >= 30
                then 1 - sum(l.qty * l.unit_cost) / nullif(sum(l.qty * l.unit_price - l.discount - l.refund), 0) end
           from order_items l
           join orders o on o.org_id = l.org_id and o.id = l.order_id
          where l.unit_cost is not null and o.ordered_at >= $1 and o.ordered_at < $2 and o.status <> 'cancelled'
            and not o.is_test",
    )
    .bind(from.to_sqlx())
    .bind(to.to_sqlx())
    .fetch_one(&mut **tx)
    .await
}

/// The last day for which a platform has campaign figures.
pub async fn newest_day(tx: &mut OrgTx, source: &str) -> Result<Option<Date>, Error> {
    let day: Option<jiff_sqlx::Date> = sqlx::query_scalar(
        "select max(date) from daily_metrics where source = $1 and entity_kind = 'campaign'",
    )
    .bind(source)
    .fetch_one(&mut **tx)
    .await?;
    Ok(day.map(jiff_sqlx::Date::to_jiff))
}

/// The newest rate into the organisation's currency on or before a day.
pub async fn fx_rate(tx: &mut OrgTx, from: &str, to: &str, day: Date) -> Result<Option<Decimal>, Error> {
    sqlx::query_scalar(
        "select rate from fx_rates where from_currency = $1 and to_currency = $2 and date <= $3
          order by date desc limit 1",
    )
    .bind(from)
    .bind(to)
    .bind(day.to_sqlx())
    .fetch_optional(&mut **tx)
    .await
}

/// Running experiments on an entity: id as text, and name.
pub async fn running_experiments(tx: &mut OrgTx, kind: &str, id: &str) -> Result<Vec<String>, Error> {
    sqlx::query_scalar(
        "select name from experiments where entity_kind = $1 and entity_id = $2 and status = 'running' order by name",
    )
    .bind(kind)
    .bind(id)
    .fetch_all(&mut **tx)
    .await
}

/// A search term of a campaign over 90 and 30 days.
#[derive(Clone, Debug, FromRow)]
pub struct Term {
    pub term: String,
    pub conversions_90: Decimal,
    pub clicks_90: i64,
    pub conversions_30: Decimal,
    pub clicks_30: i64,
    pub cost_30: Decimal,
}

pub async fn terms(
    tx: &mut OrgTx,
    campaign: &str,
    ad_group: Option<&str>,
    today: Date,
) -> Result<Vec<Term>, Error> {
    sqlx::query_as(
        "select term, coalesce(sum(conversions), 0) as conversions_90, coalesce(sum(clicks), 0)::bigint as clicks_90,
                coalesce(sum(conversions) filter (where date >= $3 - 30), 0) as conversions_30,
                coalesce(sum(clicks) filter (where date >= $3 - 30), 0)::bigint as clicks_30,
                coalesce(sum(cost) filter (where date >= $3 - 30), 0) as cost_30
           from search_terms
          where campaign_id = $1 and ($2::text is null or ad_group_id = $2) and date >= $3 - 90 and date < $3
          group by term order by term",
    )
    .bind(campaign)
    .bind(ad_group)
    .bind(today.to_sqlx())
    .fetch_all(&mut **tx)
    .await
}

/// A keyword of a campaign's ad groups, negative or not.
#[derive(Clone, Debug, FromRow)]
pub struct KeywordRow {
    pub ad_group_id: String,
    pub text: String,
    pub match_type: String,
    pub negative: bool,
    pub status: String,
}

pub async fn keywords(tx: &mut OrgTx, campaign: &str) -> Result<Vec<KeywordRow>, Error> {
    sqlx::query_as(
        "select k.ad_group_id, k.text, k.match_type, k.negative, k.status
           from keywords k join ad_groups g on g.org_id = k.org_id and g.id = k.ad_group_id
          where g.campaign_id = $1 order by k.text, k.match_type",
    )
    .bind(campaign)
    .fetch_all(&mut **tx)
    .await
}

#[derive(Clone, Debug, FromRow)]
pub struct AdGroup {
    pub id: String,
    pub name: String,
    pub status: String,
    pub targeting: Option<Value>,
}

/// Ad groups of a campaign, those seen most since `from` (or ever) first.
pub async fn ad_groups(tx: &mut OrgTx, campaign: &str, from: Option<Date>) -> Result<Vec<AdGroup>, Error> {
    sqlx::query_as(
        "select g.id, g.name, g.status, g.targeting from ad_groups g
          where g.campaign_id = $1 and g.status <> 'removed'
          order by (select coalesce(sum(m.impressions), 0) from daily_metrics m
                     where m.org_id = g.org_id and m.entity_kind = 'ad_group' and m.entity_id = g.id
                       and m.breakdown = '' and ($2::date is null or m.date >= $2)) desc, g.id",
    )
    .bind(campaign)
    .bind(from.map(|day| day.to_sqlx()))
    .fetch_all(&mut **tx)
    .await
}

/// An ad of a group with its texts and what it earned since a day.
#[derive(Clone, Debug, FromRow)]
pub struct Creative {
    pub id: String,
    pub headlines: Vec<String>,
    pub descriptions: Vec<String>,
    pub body: Option<String>,
    pub final_url: Option<String>,
    pub status: String,
    pub impressions: i64,
    pub clicks: i64,
}

pub async fn creatives(tx: &mut OrgTx, ad_group: &str, from: Date) -> Result<Vec<Creative>, Error> {
    sqlx::query_as(
        "select c.id, c.headlines, c.descriptions, c.body, c.final_url, c.status,
                coalesce(sum(m.impressions), 0)::bigint as impressions, coalesce(sum(m.clicks), 0)::bigint as clicks
           from creatives c
           left join daily_metrics m on m.org_id = c.org_id and m.entity_kind = 'ad' and m.entity_id = c.id
                and m.breakdown = '' and m.date >= $2
          where c.ad_group_id = $1
          group by c.org_id, c.id, c.headlines, c.descriptions, c.body, c.final_url, c.status
          order by impressions desc, c.id",
    )
    .bind(ad_group)
    .bind(from.to_sqlx())
    .fetch_all(&mut **tx)
    .await
}

/// Addresses that the organisation's own ads and pages lead to: the source of the list of allowed domains.
pub async fn known_links(tx: &mut OrgTx) -> Result<Vec<String>, Error> {
    sqlx::query_scalar(
        "select distinct substring(link from '^https?://[^/?#]+') from (
           select landing_page as link from campaigns union all
           select final_url from creatives union all
           select url from pages) all_links
          where link ~ '^https?://' limit 500",
    )
    .fetch_all(&mut **tx)
    .await
}

/// One page that was shown for a query, summed over the days.
#[derive(Clone, Debug, FromRow)]
pub struct Ranking {
    pub query: String,
    pub page: String,
    pub clicks: i64,
    pub impressions: i64,
    /// Mean position, weighted by impressions.
    pub position: Option<Decimal>,
}

/// Search results for queries that hold every word of `pattern` (a LIKE pattern, lower case).
pub async fn rankings(tx: &mut OrgTx, pattern: &str, from: Date) -> Result<Vec<Ranking>, Error> {
    sqlx::query_as(
        "select query, page, coalesce(sum(clicks), 0)::bigint as clicks,
                coalesce(sum(impressions), 0)::bigint as impressions,
                sum(position_x_impressions) / nullif(sum(impressions), 0) as position
           from search_performance
          where grain = 'page_query' and date >= $2 and lower(query) like $1
          group by query, page order by impressions desc, query, page limit 200",
    )
    .bind(pattern)
    .bind(from.to_sqlx())
    .fetch_all(&mut **tx)
    .await
}
