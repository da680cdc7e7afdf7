/*---
name: segment_summary
version: 1
title: Segments at a glance
description: Size, spend, value and response of each behavioural segment, or of one audience such as people who started a quote and did not submit it.
group: customers
personas: [lifecycle_lead, rewards_pm]
modules: [3]
metrics: [ltv_12m, ctr, cvr_click]
sources: [segment_members, user_metrics, daily_metrics]
params:
  segment: {type: segment, default: all}
  window:  {type: date_range, default: last_90d, max_days: 400}
columns:
  - {name: segment, type: text, label: Segment, entity: true}
  - {name: customers, type: count, label: People}
  - {name: share, type: fraction, label: Share}
  - {name: contactable, type: count, label: Opted in to e-mail}
  - {name: avg_spend, type: money, label: Average spend in ninety days, when_null: "no purchases known"}
  - {name: ltv, type: money, label: Value of the first year, when_null: "too young"}
  - {name: ctr, type: fraction, label: Click rate, when_null: "not measured"}
  - {name: cvr, type: fraction, label: Conversion rate, when_null: "not measured"}
  - {name: updated, type: date, label: Rebuilt, when_null: "live"}
  - {name: segment_id, type: text, hidden: true}
totals: [customers, contactable]
keywords: [segments, sizes, "how big", "audience size", overview, "segment size", "each segment"]
examples: ["how big are our segments", "segment overview", "size of high spenders", "audience sizes and avg spend"]
negatives: ["high spenders vs weekend shoppers", "consent by region"]
chart: {kind: bar, x: segment, y: customers, sort: desc}
answer:
  headline: "{total.customers|int} people in all, {total.contactable|int} of them opted in to e-mail. Largest: {first.segment} with {first.customers|int}."
  row: "{segment}: {customers|int} people ({share|pct1}), {avg_spend|money} in ninety days, click rate {ctr|pct2}, conversion rate {cvr|pct1}, {contactable|int} opted in"
  empty: "No segment of at least ten people matches."
  notes:
    - "Each person is in exactly one behavioural segment, so the sizes add up; audiences built from recent behaviour may overlap with them. Groups of fewer than ten people are not shown."
    - "Response is that of paid campaigns in {window}."
follow_ups: [segment_compare, consent_status, send_frequency]
drafts: [retargeting_audience]
access: {permission: query.run, pii: none}
limits: {timeout_ms: 5000, max_rows: 50}
cache_s: 600
test:
  fixture: shop
  params: {}
  expect: {rows: 2, total.customers: 50, total.contactable: 50, first.segment: Weekend Shopper, first.customers: 30, first.share: 0.6, first.avg_spend: 60.00, first.ltv: 120.00, first.ctr: 0.01, 1.segment: High Spender, 1.avg_spend: 400.00, 1.ltv: 480.00, 1.ctr: 0.03, 1.cvr: 0.05}
---*/
with {% include 'segment_members' %}, opted_in as (
  select c.customer_id
  from (
    select c.customer_id, c.status, row_number() over (partition by c.customer_id order by c.recorded_at desc) as n
    from facts.consents c
    where c.channel = 'email' and c.recorded_at <= :as_of
  ) c
  where c.n = 1 and c.status = 'granted'
), people as (
  select m.segment, m.actor_id, coalesce(l.customer_id, u.customer_id, m.actor_id) as customer_id,
         coalesce(l.customer_id, u.customer_id, m.actor_id) in (select o.customer_id from opted_in o) as opted_in,
         u.spend_90d, u.ltv_12m, u.as_of
  from members m
  left join facts.actor_links l on l.actor_id = m.actor_id
  left join facts.user_metrics u on u.actor_id = m.actor_id
), sizes as (
  select p.segment,
         count(distinct p.customer_id) as customers,
         count(distinct p.customer_id) filter (where p.opted_in) as contactable,
         sum(p.spend_90d) / nullif(count(p.spend_90d), 0) as avg_spend,
         sum(p.ltv_12m) / nullif(count(p.ltv_12m), 0) as ltv,
         max(p.as_of) as updated
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
       s.customers / nullif(sum(s.customers) over (), 0) as share,
       s.contactable,
       s.avg_spend,
       s.ltv,
       r.ctr,
       r.cvr,
       s.updated,
       s.segment as segment_id
from sizes s
left join response r on r.segment = upper(replace(s.segment, ' ', '_'))
where s.customers >= 10
order by s.customers desc nulls last, s.segment
