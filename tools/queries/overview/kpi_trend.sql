/*---
name: kpi_trend
version: 1
title: One metric over time
description: One metric of the registry by day, week or month, with the same days of the comparison period beside it.
group: overview
personas: [cmo, perf_lead, lifecycle_lead, rewards_pm, data_science, compliance]
modules: [1, 4]
metrics: [roas, revenue, cost, mer, conversions, cpa, cac, ctr, cpc, cpm, clicks, impressions, sessions, cvr_session, bounce_rate, orders, aov, leads, cpl, engagement_rate, open_rate]
sources: [daily_metrics, orders]
params:
  metric:
    type: metric
    required: true
    values: [roas, revenue, net_revenue, cost, mer, conversions, cpa, cac, ctr, cpc, cpm, clicks, impressions, impression_share, landing_rate, cvr_click, sessions, pageviews, cvr_session, bounce_rate, engaged_session_rate, avg_engagement_sec, pages_per_session, orders, aov, new_customers, leads, cpl, engagement_rate, open_rate, email_click_rate, ctor, unsubscribe_rate]
  window:      {type: date_range, default: last_28d, max_days: 400}
  granularity: {type: granularity, default: auto}
  channel:     {type: channel, default: all}
  campaign:    {type: campaign, default: all}
  segment:     {type: segment, default: all}
  compare:     {type: compare, default: prior_period}
columns:
  - {name: period, type: date, label: From}
  - {name: value, type: number, label: Value, when_null: "no value"}
  - {name: prior_value, type: number, label: Before, when_null: "no value before"}
  - {name: overall, type: number, label: Whole window, when_null: "no value", hidden: true}
  - {name: overall_before, type: number, label: Whole comparison window, when_null: "nothing to compare", hidden: true}
  - {name: basis, type: text, label: Counted from, hidden: true}
  - {name: metric_id, type: text, hidden: true}
  - {name: entity_id, type: text, hidden: true}
totals: []
keywords: [trend, over time, plot, chart, graph, per day, by week, history]
examples: ["roas trend last 90d", "plot cpc by week", "revenue per day this month", "ctr over time for ppc", "chart sessions ytd"]
negatives: ["revenue this wk vs last wk", "kpi snapshot pls"]
chart: {kind: line, x: period, y: value, compare: prior_value}
answer:
  headline: "{metric|label} was {first.overall|metric} in {window} ({first.overall_before|metric} in {compare}), counted from {first.basis}."
  row: "{period|date}: {value|metric} (before {prior_value|metric})"
  empty: "There is no {metric|label} for that choice in {window}. Visits are not recorded per campaign, and messages only per channel."
  notes: ["Each point is a sum over a sum of its days, never an average of daily rates; gaps are days without data; {freshness}."]
follow_ups: [metric_compare, change_drivers, kpi_overview]
drafts: []
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 500}
cache_s: 300
test:
  fixture: shop
  params: {metric: roas, granularity: day}
  expect: {rows: 28, first.value: 3.782609, first.overall: 3.680654, first.overall_before: 3.827914}
---*/
with picked as (
  select q.metric, q.narrow,
         q.metric in ('impressions', 'clicks', 'ctr', 'cpm', 'cpc', 'cpa', 'cost', 'roas', 'impression_share', 'landing_rate', 'cvr_click')
           or (q.metric in ('conversions', 'revenue') and (q.narrow or not q.has_site)) as ads,
         q.metric in ('cac', 'cpl') or (q.metric = 'mer' and :channel is null and not q.narrow) as ads_cost,
         (q.metric in ('conversions', 'revenue') and q.has_site and not q.narrow)
           or (not q.narrow and q.metric in ('net_revenue', 'sessions', 'pageviews', 'cvr_session', 'bounce_rate', 'engaged_session_rate', 'avg_engagement_sec', 'pages_per_session')) as site,
         q.metric = 'mer' and :channel is null and not q.narrow as site_revenue,
         q.metric in ('engagement_rate', 'open_rate', 'email_click_rate', 'ctor', 'unsubscribe_rate') and not q.narrow as messages,
         q.metric in ('orders', 'aov', 'new_customers', 'cac') and :segment is null as orders,
         q.metric in ('leads', 'cpl') and :segment is null as leads
  from (
    select :metric as metric, :campaign is not null or :segment is not null as narrow,
           exists (
             select 1 from facts.daily_metrics s
             where s.entity_kind = 'site' and s.date between :window_start and :window_end
           ) as has_site
  ) q
), valued as (
  select d.source
  from facts.daily_metrics d
  where d.entity_kind = 'campaign' and d.breakdown = '' and d.date between least(:window_start, :compare_start) and :window_end
  group by d.source
  having sum(d.revenue_base) > 0 or sum(d.conversions) = 0
), rows as (
  -- 1: what the ad platforms report, a campaign and day
  select d.date, case when p.ads then d.impressions end::numeric as impressions, case when p.ads then d.eligible_impressions end::numeric as eligible_impressions,
         case when p.ads then d.clicks end::numeric as clicks, case when p.ads then d.landed end::numeric as landed,
         case when p.ads then d.conversions end as conversions, d.cost_base, case when p.ads then d.revenue_base end as revenue_base,
         null::numeric as refund_base, null::numeric as sessions, null::numeric as engaged_sessions, null::numeric as engaged_seconds,
         null::numeric as bounces, null::numeric as pageviews, null::numeric as orders, null::numeric as new_customers,
         null::numeric as leads, null::numeric as paid_leads, null::numeric as sends, null::numeric as email_bounces, null::numeric as opens,
         null::numeric as email_clicks, null::numeric as unsubscribes
  from facts.daily_metrics d
  cross join picked p
  where (p.ads or p.ads_cost) and d.entity_kind = 'campaign'
    -- a share of what is not recorded is no value, not zero
    and (p.metric not in ('roas', 'revenue') or d.source in (select v.source from valued v))
    and (p.metric <> 'impression_share' or d.eligible_impressions > 0) and (p.metric <> 'landing_rate' or d.landed > 0)
    and d.breakdown = case when :segment is null then '' else 'segment=' || :segment end
    and d.date between least(:window_start, :compare_start) and :window_end
    and (:channel is null or d.channel = :channel)
    and (:campaign is null or d.entity_id = :campaign)
  union all
  -- 2: the site
  select d.date, null, null, null, null, case when p.site then d.conversions end, null, d.revenue_base, case when p.site then d.refund_base end,
         d.sessions, d.engaged_sessions, d.engaged_seconds,
         case when d.bounces = 0 and d.engaged_sessions > 0 then d.sessions - d.engaged_sessions else d.bounces end, d.pageviews, null, null, null, null, null, null, null, null, null
  from facts.daily_metrics d
  cross join picked p
  where (p.site or p.site_revenue) and d.entity_kind = 'site' and d.breakdown = '' and (:channel is null or d.channel = :channel)
    and d.date between least(:window_start, :compare_start) and :window_end
  union all
  -- 3: e-mail and push messages
  select d.date, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
         d.sends, d.email_bounces, d.opens, d.email_clicks, d.unsubscribes
  from facts.daily_metrics d
  cross join picked p
  where p.messages and d.entity_kind = 'email' and d.breakdown = '' and d.channel in ('email', 'push')
    and d.date between least(:window_start, :compare_start) and :window_end
    and (:channel is null or d.channel = :channel)
  union all
  -- 4: orders; an acquisition cost counts first orders of paid channels
  select (o.ordered_at at time zone :time_zone)::date, null, null, null, null, null, null,
         case when p.metric = 'aov' then o.gross_base - o.discount_base end, null, null, null, null, null, null, 1,
         case when o.is_first_order then 1 else 0 end, null, null, null, null, null, null, null
  from facts.orders o
  cross join picked p
  where p.orders and o.ordered_at >= (least(:window_start, :compare_start) - interval '1 day')::timestamptz and o.ordered_at < (:window_end + interval '2 days')::timestamptz and (o.ordered_at at time zone :time_zone)::date between least(:window_start, :compare_start) and :window_end
    and o.status <> 'cancelled' and not o.is_test
    and (p.metric <> 'cac' or o.channel in ('paid_search', 'paid_social', 'display', 'video'))
    and (:channel is null or o.channel = :channel)
    and (:campaign is null or o.campaign_id = :campaign)
  union all
  -- 5: leads
  select l.created_on, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
         1, case when l.channel in ('paid_search', 'paid_social', 'display', 'video') then 1 else 0 end, null, null, null, null, null
  from facts.leads l
  cross join picked p
  where p.leads and (:channel is null or l.channel = :channel) and (:campaign is null or l.campaign_id = :campaign)
), days as (
  select :window_start + n as date,
         greatest(date_trunc(case :granularity when 'hour' then 'day' else :granularity end, (:window_start + n)::timestamp)::date, :window_start) as period,
         case when :compare_start + n <= :compare_end then :compare_start + n end as prior_date
  from generate_series(0, :window_end - :window_start) as n
), span as (
  select min(r.date) filter (where r.date >= :window_start) as first_day, max(r.date) filter (where r.date >= :window_start) as last_day,
         min(r.date) filter (where r.date <= :compare_end) as first_prior, max(r.date) filter (where r.date <= :compare_end) as last_prior
  from rows r
  where r.date between :window_start and :window_end or r.date between :compare_start and :compare_end
), now_values as (
  select d.period, min(d.date) as first_date, max(d.date) as last_date, {{ metric_case('r') }} as value
  from days d
  left join rows r on r.date = d.date
  group by d.period
), prior_values as (
  select d.period, min(d.prior_date) as first_date, max(d.prior_date) as last_date, {{ metric_case('r') }} as value
  from days d
  left join rows r on r.date = d.prior_date
  group by d.period
), overall as (
  select {{ metric_case('r', 'r.date between :window_start and :window_end') }} as value,
         {{ metric_case('r', 'r.date between :compare_start and :compare_end') }} as prior_value,
         count(*) as n
  from rows r
  where r.date between :window_start and :window_end or r.date between :compare_start and :compare_end
), additive as (
  -- covered and nothing happened is a true zero; outside the covered days there is no value
  select :metric in ('revenue', 'net_revenue', 'cost', 'conversions', 'clicks', 'impressions', 'sessions', 'pageviews', 'orders', 'new_customers', 'leads') as yes
)
select v.period,
       case when a.yes and v.last_date >= s.first_day and v.first_date <= s.last_day then coalesce(v.value, 0) else v.value end as value,
       case when a.yes and b.last_date >= s.first_prior and b.first_date <= s.last_prior then coalesce(b.value, 0) else b.value end as prior_value,
       o.value as overall,
       o.prior_value as overall_before,
       case
         when p.metric = 'mer' then 'orders of the site and the spend of all campaigns'
         when p.ads then 'the ad platforms'
         when p.site then 'visits and orders of the site'
         when p.messages then 'delivered messages'
         when p.metric = 'cac' then 'paid spend and first orders of paid channels'
         when p.orders then 'orders'
         else 'leads and paid spend'
       end || case when :granularity = 'hour' then ', by day because hours are not kept' else '' end as basis,
       p.metric as metric_id,
       :campaign as entity_id
from now_values v
join prior_values b on b.period = v.period
cross join overall o
cross join span s
cross join additive a
cross join picked p
where o.n > 0
order by v.period
