/*---
name: kpi_overview
version: 2
title: The five key figures
description: Return on ad spend, incrementality, acquisition cost, lifetime value and engagement with target, change and days off target.
group: overview
personas: [cmo]
modules: [1]
metrics: [roas, incrementality_pct, cac, ltv_12m, engagement_rate]
sources: [daily_metrics, orders]
params:
  window:  {type: date_range, default: last_7d, max_days: 400}
  compare: {type: compare, default: prior_period}
columns:
  - {name: metric, type: text, label: Metric}
  - {name: value, type: number, label: Value, when_null: "no value"}
  - {name: target, type: number, label: Target, when_null: "no target set"}
  - {name: before, type: number, label: Before, when_null: "no value before"}
  - {name: change, type: fraction, label: Change, when_null: "nothing to compare"}
  - {name: change_pp, type: pp, label: Points, when_null: "–", hidden: true}
  - {name: days_off_target, type: count, label: Days off target, when_null: "not a daily figure"}
  - {name: status, type: text, label: Status}
  - {name: metric_id, type: text, hidden: true}
totals: []
keywords: [kpi, overview, summary, snapshot, dashboard, doing, numbers, headline]
examples: ["how are we doing", "give me the numbers for last wk", "kpi snapshot pls", "exec summary 30d", "top line please"]
negatives: ["roas trend last 90d", "what's red right now", "how is the harvest sale campaign doing"]
chart: {kind: table, columns: [metric, value, target, change, status]}
answer:
  headline: "{first.metric} is {first.value|metric} in {window}, target {first.target|metric}; against {compare}: {first.change|change}."
  row: "{metric}: {value|metric}, target {target|metric}, {change|change}, {status}"
  empty: "There is no figure for {window} yet: connect or import ad, order or e-mail data first."
  notes:
    - "Return counts the revenue the ad platforms report; acquisition cost is paid spend per first order credited to a paid channel. Credit is not proof of cause."
    - "Incrementality counts each valid holdout from its start to the end of the window; lifetime value counts customers whose first year is over."
    - "A card turns red after three days in a row off target; {freshness}."
follow_ups: [target_gaps, kpi_trend, change_drivers]
drafts: []
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 10}
cache_s: 300
test:
  fixture: shop
  params: {}
  expect: {rows: 5, first.metric: Return on ad spend, first.value: 3.676393, first.before: 3.566038, first.status: on target, first.days_off_target: 0, 1.value: 0.3, 2.value: 76.938776, 3.value: 218.75, 4.value: 0.24, 4.status: watch, 1.status: off target}
---*/
with periods as (
  select 1 as n, :window_start as first_day, :window_end as last_day
  union all
  select 2, :compare_start, :compare_end
), valued as (
  -- a source that reports conversions but never an amount has no return; the others do
  select d.source
  from facts.daily_metrics d
  where d.entity_kind = 'campaign' and d.breakdown = '' and d.date between least(:window_start, :compare_start, :window_end - 89) and :window_end
  group by d.source
  having sum(d.revenue_base) > 0 or sum(d.conversions) = 0
), rows as (
  select d.date, d.cost_base, d.revenue_base, 0 as new_customers, 0 as sends, 0 as email_bounces, 0 as opens, v.source is not null as has_value
  from facts.daily_metrics d
  left join valued v on v.source = d.source
  where d.entity_kind = 'campaign' and d.breakdown = '' and d.date between least(:window_start, :compare_start, :window_end - 89) and :window_end
  union all
  select (o.ordered_at at time zone :time_zone)::date, 0, 0, 1, 0, 0, 0, false
  from facts.orders o
  where o.is_first_order and o.status <> 'cancelled' and not o.is_test
    and o.channel in ('paid_search', 'paid_social', 'display', 'video')
    and o.ordered_at >= (least(:window_start, :compare_start, :window_end - 89) - interval '1 day')::timestamptz and o.ordered_at < (:window_end + interval '2 days')::timestamptz and (o.ordered_at at time zone :time_zone)::date between least(:window_start, :compare_start, :window_end - 89) and :window_end
  union all
  select d.date, 0, 0, 0, d.sends, d.email_bounces, d.opens, false
  from facts.daily_metrics d
  where d.entity_kind = 'email' and d.channel in ('email', 'push') and d.breakdown = '' and d.date between least(:window_start, :compare_start, :window_end - 89) and :window_end
), sums as (
  select p.n,
         {{ metric('roas', 'r', 'r.has_value') }} as roas, sum(r.cost_base) as cost_base,
         {{ metric('cac', 'r') }} as cac, sum(r.new_customers) as new_customers,
         {{ metric('engagement_rate', 'r') }} as engagement_rate, sum(r.sends) as sends
  from periods p
  join rows r on r.date between p.first_day and p.last_day
  group by p.n
), firsts as (
  select o.customer_id, min(o.ordered_at) as first_at
  from facts.orders o
  where o.is_first_order and o.customer_id is not null and o.status <> 'cancelled' and not o.is_test
    and o.ordered_at < (:window_end - interval '12 months' + interval '2 days')::timestamptz
  group by o.customer_id
), matured as materialized (
  -- who has had a year: few of all, so they are picked before their orders are looked at
  select p.n, f.customer_id, f.first_at
  from periods p
  join firsts f on (f.first_at at time zone :time_zone)::date <= p.last_day - interval '12 months'
), first_years as (
  select m.n, count(distinct m.customer_id) as matured_customers, sum(o.gross_base - o.discount_base) as revenue_base
  from matured m
  join facts.orders o on o.customer_id = m.customer_id and o.ordered_at >= m.first_at and o.ordered_at < m.first_at + interval '12 months'
    and o.status <> 'cancelled' and not o.is_test
  group by m.n
), arms as (
  select p.n, e.id, a.is_control, a.weight, sum(y.users) as users, sum(y.converters) as converters
  from periods p
  join facts.experiments e on e.kind = 'holdout' and e.status in ('running', 'finished')
    and (e.started_at at time zone :time_zone)::date <= p.last_day
    and (e.ended_at is null or (e.ended_at at time zone :time_zone)::date >= p.first_day)
  join facts.experiment_arms a on a.experiment_id = e.id
  join facts.experiment_daily y on y.experiment_id = e.id and y.arm = a.arm and y.date <= p.last_day
  group by p.n, e.id, a.arm, a.is_control, a.weight
), groups as (
  select a.n, a.id, sum(a.weight) filter (where a.is_control) / nullif(sum(a.weight), 0) as control_share,
         sum(a.users) filter (where a.is_control) as control_users, sum(a.users) filter (where not a.is_control) as treated_users,
         sum(a.converters) filter (where a.is_control) as control_converters,
         sum(a.converters) filter (where not a.is_control) as treated_converters
  from arms a
  group by a.n, a.id
), holdouts as (
  -- a split that missed its plan (chi-squared above 10.83, p < 0.001) voids the result
  select g.n, g.treated_converters as conversions, g.control_converters as holdout_conversions,
         g.control_converters * g.treated_users / g.control_users as baseline_conversions
  from groups g
  where g.control_users > 0 and g.treated_users > 0 and g.control_share > 0 and g.control_share < 1
    and power(g.control_users - (g.control_users + g.treated_users) * g.control_share, 2)
      <= 10.828 * (g.control_users + g.treated_users) * g.control_share * (1 - g.control_share)
), lifts as (
  select h.n, {{ metric('incrementality_pct', 'h') }} as incrementality_pct, sum(h.holdout_conversions) as holdout_conversions
  from holdouts h
  group by h.n
), cards as (
  select p.n, c.place, c.metric_id, c.metric, c.lower_is_better, c.registered, c.value, c.small
  from periods p
  left join sums s on s.n = p.n
  left join first_years y on y.n = p.n
  left join lifts l on l.n = p.n
  cross join lateral (values
    (1, 'roas', 'Return on ad spend', false, {{ target('roas') }}, s.roas, s.cost_base < 100),
    (2, 'incrementality_pct', 'Incrementality', false, {{ target('incrementality_pct') }}, l.incrementality_pct, l.holdout_conversions < 30),
    (3, 'cac', 'Customer acquisition cost', true, {{ target('cac') }}, s.cac, s.new_customers < 10),
    (4, 'ltv_12m', 'Lifetime value, first 12 months', false, {{ target('ltv_12m') }}, {{ metric_of('ltv_12m', 'y') }}, y.matured_customers < 100),
    (5, 'engagement_rate', 'Message engagement rate', false, {{ target('engagement_rate') }}, s.engagement_rate, s.sends < 1000)
  ) as c (place, metric_id, metric, lower_is_better, registered, value, small)
), own_targets as (
  select distinct on (t.metric) t.metric, t.target
  from facts.metric_targets t
  where t.scope in ('org', '') and t.valid_from <= :window_end
  order by t.metric, t.valid_from desc, t.scope desc
), daily as (
  select r.date, v.metric_id, v.value
  from (
    select q.date, {{ metric('roas', 'q', 'q.has_value') }} as roas, {{ metric('cac', 'q') }} as cac, {{ metric('engagement_rate', 'q') }} as engagement_rate
    from rows q
    where q.date between :window_end - 89 and :window_end
    group by q.date
  ) r
  cross join lateral (values ('roas', r.roas), ('cac', r.cac), ('engagement_rate', r.engagement_rate)) as v (metric_id, value)
  where v.value is not null
), judged as (
  select c.place, c.metric_id, c.metric, c.value, coalesce(o.target, c.registered) as target, b.value as before, c.small,
         c.lower_is_better
  from cards c
  left join cards b on b.n = 2 and b.metric_id = c.metric_id
  left join own_targets o on o.metric = c.metric_id
  where c.n = 1
), streaks as (
  select j.metric_id, count(d.date) filter (where d.date > coalesce(j.last_good, date '-infinity')) as days
  from (
    select k.metric_id,
           max(d.date) filter (where case when k.lower_is_better then d.value <= k.target else d.value >= k.target end) as last_good
    from judged k
    join daily d on d.metric_id = k.metric_id
    group by k.metric_id
  ) j
  join daily d on d.metric_id = j.metric_id
  group by j.metric_id
)
select j.metric,
       j.value,
       j.target,
       j.before,
       (j.value - j.before) / nullif(abs(j.before), 0) as change,
       case when j.metric_id in ('incrementality_pct', 'engagement_rate') then j.value - j.before end as change_pp,
       s.days as days_off_target,
       case
         when j.value is null then case j.metric_id
           when 'incrementality_pct' then 'no value: no valid holdout'
           when 'ltv_12m' then 'no value: no customer is a year old yet'
           when 'cac' then 'no value: no spend or no new customer'
           when 'roas' then 'no value: no spend or no revenue recorded'
           else 'no value: no message delivered'
         end
         when j.small then 'small sample'
         when j.target is null then 'no target'
         when case when j.lower_is_better then j.value <= j.target else j.value >= j.target end then 'on target'
         when s.days < 3 then 'watch'
         else 'off target'
       end as status,
       j.metric_id
from judged j
left join streaks s on s.metric_id = j.metric_id
where exists (select 1 from judged k where k.value is not null)
order by j.place, j.metric_id
