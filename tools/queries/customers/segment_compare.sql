/*---
name: segment_compare
version: 1
title: Segments side by side
description: Two or three segments compared on size, spend, orders, value, response, churn risk and consent.
group: customers
personas: [lifecycle_lead, rewards_pm]
modules: [3]
metrics: [ltv_12m, ctr, cvr_click, churn_risk_30d]
sources: [segment_members, user_metrics, daily_metrics]
params:
  segments: {type: segments, required: true, description: "Two or three segments."}
  window:   {type: date_range, default: last_90d, max_days: 400}
columns:
  - {name: segment, type: text, label: Segment, entity: true}
  - {name: customers, type: count, label: People}
  - {name: avg_spend, type: money, label: Average spend in ninety days, when_null: "no purchases known"}
  - {name: orders_per_customer, type: number, label: Orders a person in ninety days, when_null: "no purchases known"}
  - {name: avg_order, type: money, label: Average order, when_null: "no orders"}
  - {name: ltv, type: money, label: Value of the first year, when_null: "too young"}
  - {name: ctr, type: fraction, label: Click rate, when_null: "not measured"}
  - {name: cvr, type: fraction, label: Conversion rate, when_null: "not measured"}
  - {name: churn_risk, type: fraction, label: Risk to lapse, when_null: "no model"}
  - {name: opted_in, type: fraction, label: Opted in to e-mail}
  - {name: segment_id, type: text, hidden: true}
totals: [customers]
keywords: ["compare segments", versus, difference, "between groups", buyers, compared]
examples: ["high spenders vs weekend shoppers", "compare new and inactive customers", "diff between frequent and seasonal buyers"]
negatives: ["how big are our segments", "revenue this wk vs last wk"]
chart: {kind: bar, x: segment, y: avg_spend, sort: desc}
answer:
  headline: "{first.segment} spends the most: {first.avg_spend|money} a person in ninety days."
  row: "{segment}: {customers|int} people, {avg_spend|money} and {orders_per_customer|dec1} orders each, click rate {ctr|pct2}, risk to lapse {churn_risk|pct1}, {opted_in|pct1} opted in"
  empty: "None of these segments has at least ten people."
  notes: ["Spend and orders are of the last ninety days, response that of paid campaigns in {window}."]
follow_ups: [segment_summary, consent_status, cohort_retention]
drafts: [retargeting_audience]
access: {permission: query.run, pii: none}
limits: {timeout_ms: 5000, max_rows: 10}
cache_s: 600
test:
  fixture: shop
  params: {segments: [HIGH_SPENDER, WEEKEND_SHOPPER]}
  expect: {rows: 2, first.segment: High Spender, first.customers: 20, first.avg_spend: 400.00, first.orders_per_customer: 5, first.avg_order: 80.00, first.churn_risk: 0.1, first.opted_in: 1, 1.customers: 30, 1.avg_order: 30.00, 1.churn_risk: 0.6}
---*/
with members as (
  select g.name as segment, m.actor_id
  from facts.segments g
  join facts.segment_members m on m.segment_id = g.id and m.left_on is null
  where g.id::text = any(:segments) or g.name = any(:segments) or upper(replace(g.name, ' ', '_')) = any(:segments)
), opted_in as (
  select c.customer_id
  from (
    select c.customer_id, c.status, row_number() over (partition by c.customer_id order by c.recorded_at desc) as n
    from facts.consents c
    where c.channel = 'email' and c.recorded_at <= :as_of
  ) c
  where c.n = 1 and c.status = 'granted'
), people as (
  select m.segment, coalesce(l.customer_id, u.customer_id, m.actor_id) as customer_id,
         coalesce(l.customer_id, u.customer_id, m.actor_id) in (select o.customer_id from opted_in o) as opted_in,
         u.orders_90d, u.spend_90d, u.ltv_12m, u.churn_30d
  from members m
  left join facts.actor_links l on l.actor_id = m.actor_id
  left join facts.user_metrics u on u.actor_id = m.actor_id
), sizes as (
  select p.segment,
         count(distinct p.customer_id) as customers,
         sum(p.spend_90d) / nullif(count(p.spend_90d), 0) as avg_spend,
         sum(p.orders_90d)::numeric / nullif(count(p.orders_90d), 0) as orders_per_customer,
         sum(p.spend_90d) / nullif(sum(p.orders_90d), 0) as avg_order,
         sum(p.ltv_12m) / nullif(count(p.ltv_12m), 0) as ltv,
         sum(p.churn_30d) / nullif(count(p.churn_30d), 0) as churn_risk,
         count(distinct p.customer_id) filter (where p.opted_in)::numeric / nullif(count(distinct p.customer_id), 0) as opted_in
  from people p
  group by p.segment
), response as (
  select upper(replace(d.breakdown, 'segment=', '')) as segment,
         {{ metric('ctr', 'd') }} as ctr,
         {{ metric('cvr_click', 'd') }} as cvr
  from facts.daily_metrics d
  where d.entity_kind = 'campaign' and d.breakdown like 'segment=%'
    and d.date between :window_start and :window_end
  group by upper(replace(d.breakdown, 'segment=', ''))
)
select case when s.segment = upper(s.segment) then initcap(replace(s.segment, '_', ' ')) else s.segment end as segment,
       s.customers,
       s.avg_spend,
       s.orders_per_customer,
       s.avg_order,
       s.ltv,
       r.ctr,
       r.cvr,
       s.churn_risk,
       s.opted_in,
       s.segment as segment_id
from sizes s
left join response r on r.segment = upper(replace(s.segment, ' ', '_'))
where s.customers >= 10
order by s.avg_spend desc nulls last, s.segment
