/*---
name: checkout_abandonment
version: 2
title: Abandoned carts
description: People who filled a cart, people who bought, and the share that left, over time, on request by device or payment method.
group: funnel_leads
personas: [lifecycle_lead, rewards_pm]
modules: [6]
metrics: [cart_abandonment_rate]
sources: [daily_metrics]
params:
  window:      {type: date_range, default: last_28d, max_days: 400}
  granularity: {type: granularity, default: auto}
  by:          {type: enum, values: [none, device, payment_method], default: none}
columns:
  - {name: period, type: date, label: Period}
  - {name: split, type: text, label: Split, when_null: "all"}
  - {name: carts, type: count, label: Carts}
  - {name: purchases, type: count, label: Purchases}
  - {name: abandoned, type: count, label: Abandoned}
  - {name: abandonment, type: fraction, label: Abandonment, when_null: "not known: more bought than filled a cart"}
totals: [carts, purchases, abandoned, {name: abandonment, ratio: [abandoned, carts]}]
keywords: [checkout, cart, abandonment, abandoned, payment, mobile, basket]
examples: ["cart abandonment rate", "how many ppl leave at checkout", "abandoned carts trend", "is checkout broken on mobile"]
negatives: ["quote form drop off", "where do users drop off after the click"]
chart: {kind: line, x: period, y: abandonment, series: split}
answer:
  headline: "{total.abandonment|pct1} of carts were left in {window}: {total.abandoned|int} of {total.carts|int}."
  row: "{period|date} {split}: {abandonment|pct1} ({purchases|int} purchases from {carts|int} carts)"
  empty: "No carts are recorded in {window}."
  notes:
    - "People are counted once a day. By payment method the count starts at the checkout, because a cart has no payment method yet."
follow_ups: [campaign_funnel, funnel_by_channel, page_performance]
drafts: [retargeting_audience]
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 500}
cache_s: 300
test:
  fixture: shop
  params: {window: {start: "2024-05-13", end: "2024-05-19"}, granularity: week, by: device}
  expect: {rows: 2, total.carts: 400, total.purchases: 100, total.abandonment: 0.75, first.split: desktop, first.abandonment: 0.45}
---*/
with days as (
  select date_trunc(case when :granularity in ('day', 'week', 'month') then :granularity
                         when :granularity = 'hour' or :window_end - :window_start < 62 then 'day'
                         when :window_end - :window_start < 200 then 'week'
                         else 'month' end, d.date::timestamp)::date as period,
         case :by when 'device' then replace(d.breakdown, 'device=', '')
                  when 'payment_method' then replace(d.breakdown, 'payment_method=', '') end as split,
         case when d.entity_id = 'purchase' then d.users else 0 end as buyers,
         case when d.entity_id = 'purchase' then 0 else d.users end as cart_users
  from facts.daily_metrics d
  where d.entity_kind = 'event' and d.date between :window_start and :window_end
    and d.entity_id in ('purchase', case when :by = 'payment_method' then 'checkout_started' else 'add_to_cart' end)
    and case :by when 'device' then d.breakdown like 'device=%'
                 when 'payment_method' then d.breakdown like 'payment\_method=%'
                 else d.breakdown = '' end
), sums as (
  select d.period, d.split, sum(d.cart_users) as cart_users, sum(d.buyers) as buyers
  from days d
  group by d.period, d.split
)
select s.period,
       s.split,
       s.cart_users as carts,
       s.buyers as purchases,
       -- Who fills a cart on one day and buys on the next is counted on both: there may be more buyers than carts.
       greatest(0, s.cart_users - s.buyers) as abandoned,
       case when s.buyers <= s.cart_users then {{ metric_of('cart_abandonment_rate', 's') }} end as abandonment
from sums s
where s.cart_users > 0 or s.buyers > 0
order by s.period, s.split nulls first
