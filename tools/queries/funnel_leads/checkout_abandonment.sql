/*---
name: checkout_abandonment
version: 3
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
  - {name: counted, type: text, label: Counted, values: [people, people by the day]}
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
    - "Where the steps of single people are known, each is counted once, in the period of the first cart, and has bought who did so within thirty days of it. Else people are counted once a day ('people by the day'), and who comes back is counted again. By payment method the count starts at the checkout, because a cart has no payment method yet."
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
), steps as (
  -- The same people one by one, where their events are kept: by no split, because events tell none here.
  select coalesce(e.customer_id, l.customer_id, e.actor_id) as person, e.name = 'add_to_cart' as cart, e.occurred_at as at,
         (e.occurred_at at time zone :time_zone)::date as date
  from facts.events e
  left join facts.actor_links l on l.actor_id = e.actor_id
  where :by = 'none' and e.name in ('add_to_cart', 'purchase', 'user_purchased')
    and e.occurred_at >= (:window_start::timestamp at time zone :time_zone)
    and e.occurred_at < ((:window_end + 31)::timestamp at time zone :time_zone) and e.occurred_at <= :as_of
), single as (
  -- Known is a window of which no day has carts without the people who filled them.
  select exists (select 1 from steps s where s.cart and s.date <= :window_end)
         and not exists (
           select 1 from facts.daily_metrics d
           where d.entity_kind = 'event' and d.entity_id = 'add_to_cart' and d.breakdown = '' and d.users > 0
             and d.date between :window_start and :window_end
             and not exists (select 1 from steps s where s.cart and s.date = d.date)
         ) as known
), carts as (
  select s.person, min(s.at) as at, min(s.date) as date
  from steps s
  where s.cart and s.date <= :window_end
  group by s.person
), people as (
  select date_trunc(case when :granularity in ('day', 'week', 'month') then :granularity
                         when :granularity = 'hour' or :window_end - :window_start < 62 then 'day'
                         when :window_end - :window_start < 200 then 'week'
                         else 'month' end, c.date::timestamp)::date as period,
         exists (
           select 1 from steps s
           where not s.cart and s.person = c.person and s.at >= c.at and s.at < c.at + interval '30 days'
         ) as bought
  from carts c
), sums as (
  select d.period, d.split, sum(d.cart_users) as cart_users, sum(d.buyers) as buyers, 'people by the day' as counted
  from days d
  where not exists (select 1 from single g where g.known)
  group by d.period, d.split
  union all
  select p.period, null, count(*), count(*) filter (where p.bought), 'people'
  from people p
  where exists (select 1 from single g where g.known)
  group by p.period
)
select s.period,
       s.split,
       s.cart_users as carts,
       s.buyers as purchases,
       -- Who fills a cart on one day and buys on the next is counted on both: there may be more buyers than carts.
       greatest(0, s.cart_users - s.buyers) as abandoned,
       case when s.buyers <= s.cart_users then {{ metric_of('cart_abandonment_rate', 's') }} end as abandonment,
       s.counted
from sums s
where s.cart_users > 0 or s.buyers > 0
order by s.period, s.split nulls first
