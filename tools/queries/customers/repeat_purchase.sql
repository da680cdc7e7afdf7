/*---
name: repeat_purchase
version: 1
title: Second orders within ninety days
description: Share of new customers who order again within ninety days, and the usual gap, by month of the first order.
group: customers
personas: [lifecycle_lead, rewards_pm]
modules: [3]
metrics: [repeat_purchase_rate]
sources: [orders]
params:
  window:  {type: date_range, default: last_12m, max_days: 800}
  channel: {type: channel, default: all}
  segment: {type: segment, default: all}
columns:
  - {name: cohort, type: date, label: First order in}
  - {name: customers, type: count, label: Customers}
  - {name: repeat_rate, type: fraction, label: Ordered again, when_null: "too young"}
  - {name: median_gap, type: days, label: Median days to the second order, when_null: "none yet"}
  - {name: sample, type: text, label: Sample, when_null: "enough"}
  - {name: mature, type: count, hidden: true}
  - {name: repeaters, type: count, hidden: true}
totals: [customers, mature, repeaters, {name: repeat_rate, ratio: [repeaters, mature]}]
keywords: [repeat, "second order", again, "reorder by customers", "gap between orders", "buy again"]
examples: ["repeat purchase rate", "how many buy again within 90 days", "second order rate", "gap between first and second order"]
negatives: ["new vs returning customers", "retention by cohort"]
chart: {kind: line, x: cohort, y: repeat_rate}
answer:
  headline: "{total.repeat_rate|pct1} of customers order again within ninety days ({total.repeaters|int} of {total.mature|int} whose first order is old enough)."
  row: "{cohort|date}: {repeat_rate|pct1} of {customers|int} customers, median gap {median_gap|dec1} days ({sample})"
  empty: "No month in {window} has at least ten new customers."
  notes:
    - "Only customers whose first order is at least ninety days old enter the rate. Months with fewer than ten of them are withheld, fewer than a hundred is a small sample."
follow_ups: [cohort_retention, new_vs_returning, segment_summary]
drafts: [retargeting_audience]
access: {permission: query.run, pii: none}
limits: {timeout_ms: 5000, max_rows: 60}
cache_s: 1800
test:
  fixture: shop
  params: {window: {start: "2024-02-01", end: "2024-02-29"}}
  expect: {rows: 1, total.customers: 12, total.repeaters: 9, first.repeat_rate: 0.75, first.median_gap: 20}
---*/
with sold as (
  select o.customer_id, o.ordered_at, o.is_first_order, o.channel,
         lead(o.ordered_at) over (partition by o.customer_id order by o.ordered_at, o.id) as next_at
  from facts.orders o
  where o.customer_id is not null and o.status <> 'cancelled' and not o.is_test
    and o.ordered_at >= (:window_start - interval '1 day')::timestamptz and o.ordered_at < (:window_end + interval '92 days')::timestamptz
), members as (
  select coalesce(l.customer_id, m.actor_id) as customer_id
  from facts.segments g
  join facts.segment_members m on m.segment_id = g.id and m.left_on is null
  left join facts.actor_links l on l.actor_id = m.actor_id
  where g.id::text = :segment or upper(replace(g.name, ' ', '_')) = upper(replace(:segment, ' ', '_'))
), firsts as (
  select date_trunc('month', s.ordered_at at time zone :time_zone)::date as cohort,
         s.customer_id,
         s.ordered_at <= :as_of - interval '90 days' as mature,
         s.next_at is not null and s.next_at <= s.ordered_at + interval '90 days' as repeated,
         extract(epoch from s.next_at - s.ordered_at) / 86400 as gap
  from sold s
  where s.is_first_order
    and (s.ordered_at at time zone :time_zone)::date between :window_start and :window_end
    and (:channel is null or s.channel = :channel)
    and (:segment is null or s.customer_id in (select m.customer_id from members m))
)
select f.cohort,
       count(*) as customers,
       case when count(*) filter (where f.mature) >= 10
            then count(*) filter (where f.mature and f.repeated)::numeric / nullif(count(*) filter (where f.mature), 0)
       end as repeat_rate,
       case when count(*) filter (where f.repeated) >= 10 or count(*) filter (where f.mature) >= 10
            then (percentile_cont(0.5) within group (order by f.gap) filter (where f.repeated))::numeric
       end as median_gap,
       case when count(*) filter (where f.mature) < 100 then 'small sample' end as sample,
       count(*) filter (where f.mature) as mature,
       count(*) filter (where f.mature and f.repeated) as repeaters
from firsts f
group by f.cohort
having count(*) >= 10
order by f.cohort
