/*---
name: metric_compare
version: 2
title: One metric, two periods
description: One metric of the registry in the window and in the comparison period, split by channel, campaign, segment or city.
group: overview
personas: [cmo, perf_lead, lifecycle_lead, rewards_pm, data_science, compliance]
modules: [1, 2]
metrics: [roas, revenue, cost, conversions, cpa, cac, ctr, cpc, clicks, impressions, sessions, cvr_session, bounce_rate, orders, aov, leads, cpl]
sources: [daily_metrics, orders]
params:
  metric:
    type: metric
    required: true
    values: [roas, revenue, net_revenue, cost, mer, conversions, cpa, cac, ctr, cpc, cpm, clicks, impressions, impression_share, landing_rate, cvr_click, sessions, pageviews, cvr_session, bounce_rate, engaged_session_rate, avg_engagement_sec, pages_per_session, orders, aov, new_customers, leads, cpl, engagement_rate, open_rate, email_click_rate, ctor, unsubscribe_rate]
  window:  {type: date_range, default: last_7d, max_days: 400}
  compare: {type: compare, default: prior_period}
  by:      {type: enum, values: [channel, campaign, segment, city, none], default: none}
columns:
  - {name: group, type: text, label: Group, entity: true}
  - {name: now, type: number, label: Now, when_null: "no value"}
  - {name: before, type: number, label: Before, when_null: "no value before"}
  - {name: change, type: fraction, label: Change, when_null: "nothing to compare"}
  - {name: change_pp, type: pp, label: Points, when_null: "–"}
  - {name: basis, type: text, label: Counted from, hidden: true}
  - {name: metric_id, type: text, hidden: true}
  - {name: entity_id, type: text, hidden: true}
totals: []
keywords: [vs, compared, against, change, previous, wow, mom, yoy]
examples: ["revenue this wk vs last wk", "how did conversions change mom", "cac vs last year", "is ctr up or down vs prev period"]
negatives: ["plot cpc by week", "what drove the revenue change", "harvest sale vs loyalty week funnel"]
chart: {kind: bar, x: group, y: now, compare: before, sort: desc}
answer:
  headline: "{metric|label} of {first.group|label}: {first.now|metric} in {window}, {first.before|metric} in {compare}; change {first.change|change}."
  row: "{group}: {now|metric}, before {before|metric}, {change|change}"
  empty: "There is no {metric|label} by {by} in {window} or {compare}. Try another split: visits and messages are known by channel only, cities only for orders and leads."
  notes: ["Counted from {first.basis}. The change of a rate is told in percentage points (pp), that of all else in percent; {freshness}."]
follow_ups: [kpi_trend, change_drivers, channel_performance]
drafts: []
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 200}
cache_s: 300
test:
  fixture: shop
  params: {metric: roas, by: campaign}
  expect: {rows: 5, first.group: Brand Search, first.now: 5.263158, first.before: 5.0}
---*/
with picked as (
  select q.metric,
         q.metric in ('impressions', 'clicks', 'ctr', 'cpm', 'cpc', 'cpa', 'cost', 'roas', 'impression_share', 'landing_rate', 'cvr_click') and :by <> 'city'
           or (q.metric in ('conversions', 'revenue') and (:by in ('campaign', 'segment') or (not q.has_site and :by <> 'city'))) as ads,
         (q.metric in ('cac', 'cpl') and :by in ('channel', 'campaign', 'none')) or (q.metric = 'mer' and :by = 'none') as ads_cost,
         :by in ('channel', 'none') and ((q.metric in ('conversions', 'revenue') and q.has_site)
           or q.metric in ('net_revenue', 'sessions', 'pageviews', 'cvr_session', 'bounce_rate', 'engaged_session_rate', 'avg_engagement_sec', 'pages_per_session')) as site,
         q.metric = 'mer' and :by = 'none' as site_revenue,
         q.metric in ('engagement_rate', 'open_rate', 'email_click_rate', 'ctor', 'unsubscribe_rate') and :by in ('channel', 'none') as messages,
         (q.metric in ('orders', 'aov', 'new_customers') and :by <> 'segment') or (q.metric = 'cac' and :by in ('channel', 'campaign', 'none'))
           or (q.metric in ('revenue', 'conversions') and :by = 'city') as orders,
         (q.metric = 'leads' and :by <> 'segment') or (q.metric = 'cpl' and :by in ('channel', 'campaign', 'none')) as leads
  from (
    select :metric as metric,
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
  select d.date,
         case :by when 'channel' then d.channel when 'campaign' then d.entity_id when 'segment' then substr(d.breakdown, 9) else 'all' end as key,
         case when p.ads then d.impressions end::numeric as impressions, case when p.ads then d.eligible_impressions end::numeric as eligible_impressions,
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
    and d.date between least(:window_start, :compare_start) and :window_end
    and case when :by = 'segment' then d.breakdown like 'segment=%' else d.breakdown = '' end
  union all
  select d.date, case :by when 'channel' then d.channel else 'all' end, null, null, null, null,
         case when p.site then d.conversions end, null, d.revenue_base, case when p.site then d.refund_base end,
         d.sessions, d.engaged_sessions, d.engaged_seconds,
         case when d.bounces = 0 and d.engaged_sessions > 0 then d.sessions - d.engaged_sessions else d.bounces end, d.pageviews, null, null, null, null, null, null, null, null, null
  from facts.daily_metrics d
  cross join picked p
  where (p.site or p.site_revenue) and d.entity_kind = 'site' and d.breakdown = '' and d.date between least(:window_start, :compare_start) and :window_end
  union all
  select d.date, case :by when 'channel' then d.channel else 'all' end, null, null, null, null, null, null, null, null, null, null, null, null, null,
         null, null, null, null, d.sends, d.email_bounces, d.opens, d.email_clicks, d.unsubscribes
  from facts.daily_metrics d
  cross join picked p
  where p.messages and d.entity_kind = 'email' and d.breakdown = '' and d.channel in ('email', 'push')
    and d.date between least(:window_start, :compare_start) and :window_end
  union all
  select (o.ordered_at at time zone :time_zone)::date,
         case :by when 'channel' then o.channel when 'campaign' then o.campaign_id when 'city' then coalesce(o.city, 'unknown') else 'all' end,
         null, null, null, null, case when p.metric = 'conversions' then 1 end, null,
         case when p.metric in ('aov', 'revenue') then o.gross_base - o.discount_base end, null, null, null, null, null, null, 1,
         case when o.is_first_order then 1 else 0 end, null, null, null, null, null, null, null
  from facts.orders o
  cross join picked p
  where p.orders and o.ordered_at >= (least(:window_start, :compare_start) - interval '1 day')::timestamptz and o.ordered_at < (:window_end + interval '2 days')::timestamptz and (o.ordered_at at time zone :time_zone)::date between least(:window_start, :compare_start) and :window_end
    and o.status <> 'cancelled' and not o.is_test and (:by <> 'campaign' or o.campaign_id is not null)
    and (p.metric <> 'cac' or o.channel in ('paid_search', 'paid_social', 'display', 'video'))
  union all
  select l.created_on,
         case :by when 'channel' then l.channel when 'campaign' then l.campaign_id when 'city' then coalesce(l.city, 'unknown') else 'all' end,
         null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
         1, case when l.channel in ('paid_search', 'paid_social', 'display', 'video') then 1 else 0 end, null, null, null, null, null
  from facts.leads l
  cross join picked p
  where p.leads and (:by <> 'campaign' or l.campaign_id is not null)
), compared as (
  select r.key,
         {{ metric_case('r', 'r.date between :window_start and :window_end') }} as now,
         {{ metric_case('r', 'r.date between :compare_start and :compare_end') }} as before
  from rows r
  where r.date between :window_start and :window_end or r.date between :compare_start and :compare_end
  group by r.key
), known as materialized (
  select coalesce(bool_or(r.date between :window_start and :window_end), false) as now,
         coalesce(bool_or(r.date between :compare_start and :compare_end), false) as before
  from rows r
), covered as (
  -- In a period with data, a group of which nothing is recorded had none of what is counted: a true zero. A ratio has no value.
  select c.key,
         case when c.now is null and k.now and p.counts then 0 else c.now end as now,
         case when c.before is null and k.before and p.counts then 0 else c.before end as before
  from compared c
  cross join known k
  cross join (
    select q.metric in ('impressions', 'clicks', 'conversions', 'revenue', 'net_revenue', 'cost', 'sessions', 'pageviews', 'orders',
                        'new_customers', 'leads') as counts
    from picked q
  ) p
)
select case :by
         when 'none' then 'all activity'
         when 'campaign' then coalesce(k.name, c.key)
         when 'segment' then replace(lower(c.key), '_', ' ')
         else c.key
       end as "group",
       c.now,
       c.before,
       (c.now - c.before) / nullif(abs(c.before), 0) as change,
       case when p.metric in ('ctr', 'impression_share', 'landing_rate', 'cvr_click', 'cvr_session', 'bounce_rate', 'engaged_session_rate', 'engagement_rate', 'open_rate', 'email_click_rate', 'ctor', 'unsubscribe_rate')
         then c.now - c.before end as change_pp,
       case
         when p.metric = 'mer' then 'orders of the site and the spend of all campaigns'
         when p.ads then 'the ad platforms'
         when p.site then 'visits and orders of the site'
         when p.messages then 'delivered messages'
         when p.metric = 'cac' then 'paid spend and first orders of paid channels'
         when p.orders then 'orders'
         else 'leads and paid spend'
       end as basis,
       p.metric as metric_id,
       case when :by in ('campaign', 'channel', 'segment') then c.key end as entity_id
from covered c
cross join picked p
left join facts.campaigns k on :by = 'campaign' and k.id = c.key
where c.now is not null or c.before is not null
-- Money spent on nothing sorts as the worst, not last.
order by (p.metric in ('cac', 'cpa', 'cpl') and c.now is null) desc, c.now desc nulls last, c.key
