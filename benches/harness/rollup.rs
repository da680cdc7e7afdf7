//! A large advertiser, made in the database: entities × days of `daily_metrics`, their dimensions, campaign days, orders.
//!
//! Of 10,000 entities 500 are campaigns, 2,000 ad groups, 5,000 ads and 2,500 pages, each with one row a day; a row of
//! the whole site for each channel and day, and 250 orders a day, come on top.
use adjutant::ids::OrgId;
use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff_sqlx::ToSqlx as _;
use sqlx::{Connection as _, PgConnection};

pub struct Size {
    pub entities: usize,
    pub days: usize,
}

/// The things measured: kind by share, source and channel in turn.
const ENTITIES: &str = "
    create temp table bench_entities as
    select n, kind,
           case when kind = 'page' then '/p/' || n else ad_source || ':' || (1000 + n) end as id,
           case when kind = 'page' then (array['seo', 'direct', 'email', 'referral'])[1 + n % 4] else ad_channel end as channel,
           case when kind = 'page' then 'web' else ad_source end as source
    from (select n, (array['google_ads', 'google_ads', 'meta_ads', 'tiktok_ads'])[1 + n % 4] as ad_source,
                 (array['paid_search', 'display', 'paid_social', 'video'])[1 + n % 4] as ad_channel,
                 case when n < $1 * 5 / 100 then 'campaign' when n < $1 * 25 / 100 then 'ad_group'
                      when n < $1 * 75 / 100 then 'ad' else 'page' end as kind
          from generate_series(0, $1 - 1) n) e";

const DIMENSIONS: &[&str] = &[
    "insert into campaigns (org_id, id, name, status, channel, campaign_type, objective, daily_budget, currency, starts_on,
                            is_brand, tracking, source, first_seen_at, updated_at)
     select $1, id, 'Campaign ' || n, case when n % 9 = 0 then 'paused' else 'active' end, channel,
            (array['DISCOUNT', 'CASHBACK', 'LOYALTY', 'SEASONAL', 'OTHER'])[1 + n % 5], 'sales', 80 + n % 50, 'EUR',
            date '2024-06-01', n % 20 = 0, 'ok', source, '2024-06-01', '2024-06-01'
     from bench_entities where kind = 'campaign'",
    "insert into ad_groups (org_id, id, campaign_id, name, status, currency, source, first_seen_at, updated_at)
     select $1, g.id, c.id, 'Group ' || g.n, 'active', 'EUR', g.source, '2024-06-01', '2024-06-01'
     from bench_entities g
     join (select id, n, count(*) over () as many from bench_entities where kind = 'campaign') c on c.n = g.n % c.many
     where g.kind = 'ad_group'",
    "insert into creatives (org_id, id, ad_group_id, campaign_id, format, headlines, status, launched_on, source, first_seen_at, updated_at)
     select $1, a.id, g.id, c.id, 'text', array['Headline ' || a.n], 'active', date '2024-06-01' + a.n % 400, a.source,
            '2024-06-01', '2024-06-01'
     from bench_entities a
     join (select id, n, count(*) over () as many from bench_entities where kind = 'campaign') c on c.n = a.n % c.many
     join (select id, row_number() over (order by n) - 1 as place, count(*) over () as many
           from bench_entities where kind = 'ad_group') g on g.place = a.n % g.many
     where a.kind = 'ad'",
    "insert into pages (org_id, id, url, title, page_type, first_seen_on, source, first_seen_at, updated_at)
     select $1, id, 'https://shop.example' || id, 'Page ' || n, (array['product', 'category', 'article'])[1 + n % 3],
            date '2024-06-01', source, '2024-06-01', '2024-06-01'
     from bench_entities where kind = 'page'",
];

/// `$2`, `$3`: first and last day.
const FACTS: &[&str] = &[
    "insert into daily_metrics (org_id, date, source, account_id, entity_kind, entity_id, channel, impressions,
         eligible_impressions, clicks, landed, reach, conversions, conversion_value, conversion_value_base, cost, cost_base,
         revenue, revenue_base, sessions, engaged_sessions, engaged_seconds, bounces, pageviews, exits, users, new_users,
         currency, is_final, first_seen_at, updated_at)
     select $1, f.day, f.source, 'a1', f.kind, f.id, f.channel, ad * x * 60, ad * x * 80, ad * x * 2, ad * x * 2, ad * x * 40,
            x / 12, ad * (x / 12) * 61.5, ad * (x / 12) * 61.5, ad * x * 0.87, ad * x * 0.87, ad * (x / 12) * 61.5,
            ad * (x / 12) * 61.5, (1 - ad) * x * 5, (1 - ad) * x * 3, (1 - ad) * x * 140, (1 - ad) * x * 2, (1 - ad) * x * 11,
            (1 - ad) * x * 2, (1 - ad) * x * 4, (1 - ad) * x, 'EUR', true, f.day + interval '1 day', f.day + interval '1 day'
     from (select day::date, e.source, e.kind, e.id, e.channel, case when e.kind = 'page' then 0 else 1 end as ad,
                  5 + (abs(hashint4(e.n * 1000 + (day::date - date '2024-01-01'))) % 40) as x
           from generate_series($2::date, $3::date, interval '1 day') day cross join bench_entities e) f
     order by f.day",
    "insert into daily_metrics (org_id, date, source, entity_kind, entity_id, channel, sessions, engaged_sessions,
         engaged_seconds, bounces, pageviews, users, new_users, conversions, revenue, revenue_base, revenue_basis, currency,
         is_final, first_seen_at, updated_at)
     select $1, day::date, 'web', 'site', 'site', channel, x * 50, x * 30, x * 1400, x * 20, x * 110, x * 40, x * 10, x, x * 70.5,
            x * 70.5, 'orders', 'EUR', true, day + interval '1 day', day + interval '1 day'
     from generate_series($2::date, $3::date, interval '1 day') day,
          unnest(array['paid_search', 'paid_social', 'display', 'video', 'seo', 'email', 'direct', 'referral']) channel,
          lateral (select 5 + abs(hashtext(channel || day::text)) % 40 as x) r",
    "insert into daily_campaign_metrics (org_id, date, campaign_id, channel, source, impressions, clicks, landed, reach,
         conversions, conversion_value, conversion_value_base, cost, cost_base, revenue, revenue_base, currency, is_final,
         budget, planned_spend, attributed_orders, attributed_revenue, new_customers, buyers, clickers, cart_users)
     select $1, m.date, m.entity_id, m.channel, m.source, m.impressions, m.clicks, m.landed, m.reach, m.conversions,
            m.conversion_value, m.conversion_value_base, m.cost, m.cost_base, m.revenue, m.revenue_base, 'EUR', true,
            m.cost * 1.1, m.cost * 1.1, m.conversions, m.revenue, (m.conversions / 3)::bigint, m.conversions::bigint, m.clicks,
            m.clicks / 3
     from daily_metrics m
     where m.org_id = $1 and m.date between $2::date and $3::date and m.entity_kind = 'campaign'",
    "insert into orders (org_id, id, ordered_at, status, currency, gross, discount, total, net, gross_base, discount_base,
         total_base, net_base, customer_id, is_first_order, campaign_id, channel, sales_channel, city, payment_method, source,
         first_seen_at, updated_at)
     select $1, 'shopify:' || (day::date - date '2020-01-01') || '-' || i, day + i * interval '5 minutes', 'paid', 'EUR', 80, 5,
            75, 75, 80, 5, 75, 75, 'c' || abs(hashint4((day::date - date '2024-01-01') * 250 + i)) % 30000, i % 3 = 0,
            case when i % 2 = 0 then 'google_ads:' || 1000 + i % 500 end,
            (array['paid_search', 'seo', 'paid_social', 'direct', 'email'])[1 + i % 5], 'online', (array['Bern', 'Basel', 'Chur'])[1 + i % 3],
            'card', 'shopify', day + interval '1 day', day + interval '1 day'
     from generate_series($2::date, $3::date, interval '1 day') day, generate_series(1, 250) i",
];

/// Fills an organisation, a month at a time; returns the rows of `daily_metrics`.
pub async fn load(url: &str, org: OrgId, size: &Size, today: Date) -> u64 {
    let mut admin = PgConnection::connect(url).await.expect("the superuser connects");
    let entities = i32::try_from(size.entities).expect("a sensible number of entities");
    sqlx::query(ENTITIES).bind(entities).execute(&mut admin).await.expect("the entities");
    for statement in DIMENSIONS {
        sqlx::query(*statement).bind(org).execute(&mut admin).await.expect("a dimension");
    }
    let days = i64::try_from(size.days).expect("a sensible number of days");
    let last = today.saturating_sub(1.day());
    let mut first = last.saturating_sub((days - 1).days());
    let mut rows = 0;
    while first <= last {
        let end = first.last_of_month().min(last);
        for (place, statement) in FACTS.iter().enumerate() {
            let done = sqlx::query(*statement)
                .bind(org)
                .bind(first.to_sqlx())
                .bind(end.to_sqlx())
                .execute(&mut admin)
                .await
                .expect("a month of facts");
            rows += if place < 2 { done.rows_affected() } else { 0 };
        }
        first = end.saturating_add(1.day());
    }
    admin.close().await.expect("the superuser leaves");
    rows
}
