/*---
name: target_gaps
version: 3
title: What is off target
description: Every metric with a target (the organisation's own, else the registry's) that misses it in the window, with the gap and since when, and targets of metrics that no day measures.
group: overview
personas: [cmo, perf_lead, lifecycle_lead, rewards_pm]
modules: [1]
metrics: [roas, mer, cac, cpa, cpc, ctr, cvr_session, bounce_rate, aov, revenue, conversions, leads, cpl, engagement_rate, open_rate]
sources: [daily_metrics, orders, metric_targets]
params:
  window: {type: date_range, default: last_7d, max_days: 400}
  owner:  {type: enum, values: [all, CMO, PML, CRM, RPM], default: all}
columns:
  - {name: metric, type: text, label: Metric}
  - {name: value, type: number, label: Value, when_null: "not a daily figure"}
  - {name: target, type: number, label: Target}
  - {name: gap, type: number, label: Gap, when_null: "not judged here"}
  - {name: gap_share, type: fraction, label: Gap of target, when_null: "not judged here"}
  - {name: since, type: date, label: Off target since, when_null: "not on every day"}
  - {name: owner, type: text, label: Owner}
  - {name: metric_id, type: text, hidden: true}
  - {name: off, type: count, hidden: true}
totals: [off]
keywords: [target, goal, red, missing, off, below, behind, kpi]
examples: ["what's red right now", "anything below target", "which kpis are missing their goal", "off target metrics"]
negatives: ["how are we doing", "are we on pace"]
chart: {kind: table, columns: [metric, value, target, gap, since]}
answer:
  headline: "Off target in {window}: {total.off|int}. Widest gap: {first.metric}, {first.value|metric} against a target of {first.target|metric}."
  row: "{metric}: {value|metric}, target {target|metric}, gap {gap|metric} ({gap_share|pct1}), since {since|date}"
  empty: "No metric with a target and enough data misses it in {window}."
  notes:
    - "Judged is every target that is set, by whatever its days measure. Incrementality, lifetime value and others that no single day tells are named without a verdict: see the overview of key figures."
    - "Amounts and counts are scaled from the window to the period of their target. Metrics with too few observations are left out, not shown as met; {freshness}."
follow_ups: [kpi_overview, kpi_trend, change_drivers]
drafts: []
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 50}
cache_s: 300
test:
  fixture: shop
  params: {}
  expect: {rows: 2, first.metric: Click-through rate, first.value: 0.012356, first.gap: -0.007644}
---*/
with listed as (
  select m.metric_id, m.metric, m.owner, m.direction <> 'up' as lower_is_better, m.registered, m.adds_up
  from (values
    {{ registered('roas', 'mer', 'cac', 'cpa', 'cpl', 'cpc', 'cpm', 'ctr', 'cvr_click', 'landing_rate', 'impression_share', 'cvr_session',
                  'bounce_rate', 'engaged_session_rate', 'pages_per_session', 'avg_engagement_sec', 'aov', 'engagement_rate', 'open_rate',
                  'email_click_rate', 'ctor', 'unsubscribe_rate', 'delivery_rate', 'revenue', 'cost', 'impressions', 'clicks', 'conversions',
                  'sessions', 'pageviews', 'orders', 'new_customers', 'leads') }}
  ) as m (metric_id, metric, owner, direction, registered, adds_up)
), own as (
  select distinct on (t.metric) t.metric, t.target, t.band ->> 'per' as per
  from facts.metric_targets t
  where t.scope in ('org', '') and t.valid_from <= :window_end
  order by t.metric, t.valid_from desc, t.scope desc
), targets as (
  -- a target for an amount or a count stands for the period its band names ({"per": "week"}); without one it is not judged
  select l.metric_id, l.metric || case when l.adds_up then ' a ' || o.per else '' end as metric, l.owner, l.lower_is_better,
         case when not l.adds_up or o.per in ('day', 'week', 'month') then coalesce(o.target, l.registered) end as target,
         case when l.adds_up then case o.per when 'week' then 7 when 'month' then 30 else 1 end else 1 end as times
  from listed l
  left join own o on o.metric = l.metric_id
), ads as (
  select d.date, sum(d.impressions) as impressions, sum(d.eligible_impressions) as eligible_impressions, sum(d.clicks) as clicks, sum(d.landed) as landed,
         sum(d.conversions) as conversions, sum(d.cost_base) as cost_base
  from facts.daily_metrics d
  where d.entity_kind = 'campaign' and d.breakdown = '' and d.date between least(:window_start, :window_end - 89) and :window_end
  group by d.date
), valued as (
  -- a source that reports conversions but never an amount has no return; the others do
  select d.source
  from facts.daily_metrics d
  where d.entity_kind = 'campaign' and d.breakdown = '' and d.date between least(:window_start, :window_end - 89) and :window_end
  group by d.source
  having sum(d.revenue_base) > 0 or sum(d.conversions) = 0
), returns as (
  select d.date, sum(d.cost_base) as cost_base, sum(d.revenue_base) as revenue_base
  from facts.daily_metrics d
  join valued v on v.source = d.source
  where d.entity_kind = 'campaign' and d.breakdown = '' and d.date between least(:window_start, :window_end - 89) and :window_end
  group by d.date
), site as (
  select d.date, sum(d.sessions) as sessions, sum(d.engaged_sessions) as engaged_sessions, sum(d.engaged_seconds) as engaged_seconds, sum(d.pageviews) as pageviews, sum(case when d.bounces = 0 and d.engaged_sessions > 0 then d.sessions - d.engaged_sessions else d.bounces end) as bounces, sum(d.conversions) as conversions, sum(d.revenue_base) as revenue_base
  from facts.daily_metrics d
  where d.entity_kind = 'site' and d.breakdown = '' and d.date between least(:window_start, :window_end - 89) and :window_end
  group by d.date
), messages as (
  select d.date, sum(d.sends) as sends, sum(d.email_bounces) as email_bounces, sum(d.opens) as opens, sum(d.email_clicks) as email_clicks,
         sum(d.unsubscribes) as unsubscribes
  from facts.daily_metrics d
  where d.entity_kind = 'email' and d.breakdown = '' and d.channel in ('email', 'push') and d.date between least(:window_start, :window_end - 89) and :window_end
  group by d.date
), sales as (
  select (o.ordered_at at time zone :time_zone)::date as date, count(*) as orders, sum(o.gross_base - o.discount_base) as revenue_base,
         count(*) filter (where o.is_first_order and o.channel in ('paid_search', 'paid_social', 'display', 'video')) as new_customers,
         count(*) filter (where o.is_first_order) as first_orders
  from facts.orders o
  where o.status <> 'cancelled' and not o.is_test and o.ordered_at >= (least(:window_start, :window_end - 89) - interval '1 day')::timestamptz and o.ordered_at < (:window_end + interval '2 days')::timestamptz and (o.ordered_at at time zone :time_zone)::date between least(:window_start, :window_end - 89) and :window_end
  group by 1
), contacts as (
  select l.created_on as date, count(*) as leads, count(*) filter (where l.channel in ('paid_search', 'paid_social', 'display', 'video')) as paid_leads
  from facts.leads l
  where l.created_on between least(:window_start, :window_end - 89) and :window_end
  group by l.created_on
), spans as (
  -- 0: the whole window; 1: each of the 90 days up to its end, for "since"
  select 0 as kind, :window_start as first_day, :window_end as last_day
  union all
  select 1, :window_end - n, :window_end - n
  from generate_series(0, 89) as n
), calendar as (
  select least(:window_start, :window_end - 89) + n as date
  from generate_series(0, :window_end - least(:window_start, :window_end - 89)) as n
), sums as (
  -- at most one row a day of each kind stands beside the others, so the sums do not multiply
  select s.kind, s.last_day, s.last_day - s.first_day + 1 as days,
         {{ metric('roas', 'r') }} as roas, {{ metric('cpa', 'a') }} as cpa, {{ metric('cpc', 'a') }} as cpc, {{ metric('ctr', 'a') }} as ctr,
         {{ metric('cpm', 'a') }} as cpm, {{ metric('cvr_click', 'a') }} as cvr_click, {{ metric('landing_rate', 'a') }} as landing_rate,
         {{ metric('impression_share', 'a') }} as impression_share, sum(a.eligible_impressions) as eligible_impressions,
         sum(a.cost_base) as cost_base, sum(a.impressions) as impressions, sum(a.clicks) as clicks, sum(a.conversions) as paid_conversions,
         {{ metric('cvr_session', 'w') }} as cvr_session, {{ metric('bounce_rate', 'w') }} as bounce_rate, sum(w.sessions) as sessions,
         {{ metric('engaged_session_rate', 'w') }} as engaged_session_rate, {{ metric('pages_per_session', 'w') }} as pages_per_session,
         {{ metric('avg_engagement_sec', 'w') }} as avg_engagement_sec, sum(w.pageviews) as pageviews,
         sum(w.revenue_base) as revenue_base, sum(w.conversions) as conversions,
         {{ metric('engagement_rate', 'm') }} as engagement_rate, {{ metric('open_rate', 'm') }} as open_rate, sum(m.sends) as sends,
         {{ metric('email_click_rate', 'm') }} as email_click_rate, {{ metric('ctor', 'm') }} as ctor, sum(m.opens) as opens,
         {{ metric('unsubscribe_rate', 'm') }} as unsubscribe_rate, {{ metric('delivery_rate', 'm') }} as delivery_rate,
         {{ metric('aov', 'o') }} as aov, sum(o.orders) as orders, sum(o.new_customers) as new_customers, sum(o.first_orders) as first_orders,
         sum(l.leads) as leads, sum(l.paid_leads) as paid_leads
  from spans s
  join calendar c on c.date between s.first_day and s.last_day
  left join ads a on a.date = c.date
  left join returns r on r.date = c.date
  left join site w on w.date = c.date
  left join messages m on m.date = c.date
  left join sales o on o.date = c.date
  left join contacts l on l.date = c.date
  group by s.kind, s.first_day, s.last_day
), measured as (
  -- too few observations give no value for the window; single days only serve "since"
  select z.kind, z.last_day, v.metric_id, v.value
  from sums z
  cross join lateral (values
    ('roas', case when z.kind = 1 or z.cost_base >= 100 then z.roas end),
    ('mer', case when z.kind = 1 or z.cost_base >= 100 then {{ metric_of('mer', 'z') }} end),
    ('cac', case when z.kind = 1 or z.new_customers >= 10 then {{ metric_of('cac', 'z') }} end),
    ('cpa', case when z.kind = 1 or z.paid_conversions >= 10 then z.cpa end),
    ('cpl', case when z.kind = 1 or z.paid_leads >= 10 then {{ metric_of('cpl', 'z') }} end),
    ('cpc', case when z.kind = 1 or z.clicks >= 100 then z.cpc end),
    ('ctr', case when z.kind = 1 or z.impressions >= 1000 then z.ctr end),
    ('cpm', case when z.kind = 1 or z.impressions >= 1000 then z.cpm end),
    ('cvr_click', case when z.kind = 1 or z.clicks >= 100 then z.cvr_click end),
    ('landing_rate', case when z.kind = 1 or z.clicks >= 100 then z.landing_rate end),
    ('impression_share', case when z.kind = 1 or z.eligible_impressions >= 1000 then z.impression_share end),
    ('cvr_session', case when z.kind = 1 or z.sessions >= 100 then z.cvr_session end),
    ('bounce_rate', case when z.kind = 1 or z.sessions >= 100 then z.bounce_rate end),
    ('engaged_session_rate', case when z.kind = 1 or z.sessions >= 100 then z.engaged_session_rate end),
    ('pages_per_session', case when z.kind = 1 or z.sessions >= 100 then z.pages_per_session end),
    ('avg_engagement_sec', case when z.kind = 1 or z.sessions >= 100 then z.avg_engagement_sec end),
    ('aov', case when z.kind = 1 or z.orders >= 10 then z.aov end),
    ('engagement_rate', case when z.kind = 1 or z.sends >= 1000 then z.engagement_rate end),
    ('open_rate', case when z.kind = 1 or z.sends >= 1000 then z.open_rate end),
    ('email_click_rate', case when z.kind = 1 or z.sends >= 1000 then z.email_click_rate end),
    ('ctor', case when z.kind = 1 or z.opens >= 100 then z.ctor end),
    ('unsubscribe_rate', case when z.kind = 1 or z.sends >= 1000 then z.unsubscribe_rate end),
    ('delivery_rate', case when z.kind = 1 or z.sends >= 100 then z.delivery_rate end),
    ('cost', z.cost_base / z.days),
    ('impressions', z.impressions / z.days),
    ('clicks', z.clicks / z.days),
    ('sessions', z.sessions / z.days),
    ('pageviews', z.pageviews / z.days),
    ('orders', z.orders / z.days),
    ('new_customers', z.first_orders / z.days),
    ('revenue', z.revenue_base / z.days),
    ('conversions', z.conversions / z.days),
    ('leads', z.leads / z.days)
  ) as v (metric_id, value)
), judged as (
  select t.metric_id, t.metric, t.owner, t.target, t.lower_is_better, m.kind, m.last_day, m.value * t.times as value,
         case when t.lower_is_better then m.value * t.times > t.target else m.value * t.times < t.target end as is_off
  from measured m
  join targets t on t.metric_id = m.metric_id
  where m.value is not null and t.target is not null and (:owner is null or t.owner = :owner)
), streaks as (
  select j.metric_id, min(j.last_day) as since
  from judged j
  left join (
    select g.metric_id, max(g.last_day) as last_good
    from judged g
    where g.kind = 1 and not g.is_off
    group by g.metric_id
  ) b on b.metric_id = j.metric_id
  where j.kind = 1 and (b.last_good is null or j.last_day > b.last_good)
  group by j.metric_id
), told as (
  select j.metric, j.value, j.target, j.value - j.target as gap, (j.value - j.target) / nullif(abs(j.target), 0) as gap_share, s.since,
         j.owner, j.metric_id, 1 as off
  from judged j
  left join streaks s on s.metric_id = j.metric_id
  where j.kind = 0 and j.is_off
  union all
  select r.metric, null, o.target, null, null, null, r.owner, o.metric, 0
  from own o
  join (values
    {{ registered() }}
  ) as r (metric_id, metric, owner, direction, registered, adds_up) on r.metric_id = o.metric
  where o.target is not null and not exists (select 1 from listed l where l.metric_id = o.metric) and (:owner is null or r.owner = :owner)
)
select t.metric,
       t.value,
       t.target,
       t.gap,
       t.gap_share,
       t.since,
       t.owner,
       t.metric_id,
       t.off
from told t
order by abs(t.gap_share) desc nulls last, t.metric_id
