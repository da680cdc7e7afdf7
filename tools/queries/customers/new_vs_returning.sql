/*---
name: new_vs_returning
version: 2
title: New and returning customers
description: First-time and repeat buyers over time, the revenue of each and the share that returning customers bring.
group: customers
personas: [lifecycle_lead, cmo]
modules: [3]
metrics: [new_customers, returning_customers, returning_revenue_share, revenue]
sources: [orders]
params:
  window:      {type: date_range, default: last_28d, max_days: 400}
  granularity: {type: granularity, default: auto}
  channel:     {type: channel, default: all}
columns:
  - {name: period, type: date, label: Period}
  - {name: new_customers, type: count, label: New}
  - {name: returning_customers, type: count, label: Returning}
  - {name: new_revenue, type: money, label: Revenue of new}
  - {name: returning_revenue, type: money, label: Revenue of returning}
  - {name: returning_share, type: fraction, label: Returning share of revenue, when_null: "no revenue"}
  - {name: guest_orders, type: count, label: Orders without a customer}
  - {name: guest_revenue, type: money, label: Their revenue}
  - {name: known_revenue, type: money, hidden: true}
  - {name: revenue, type: money, hidden: true}
totals: [new_customers, new_revenue, returning_revenue, guest_orders, guest_revenue, known_revenue, revenue, {name: returning_share, ratio: [returning_revenue, known_revenue]}]
keywords: [new, returning, existing, "first-time", "repeat share", buyers, "first time vs repeat"]
examples: ["new vs returning customers", "share of revenue from existing custs", "how many new buyers last month", "returning customer share"]
negatives: ["how many buy again within 90 days", "compare new and inactive customers"]
chart: {kind: stacked_bar, x: period, y: [new_revenue, returning_revenue]}
answer:
  headline: "{total.new_customers|int} new customers in {window}; returning ones brought {total.returning_share|pct1} of revenue ({total.returning_revenue|money})."
  row: "{period|date}: {new_customers|int} new and {returning_customers|int} returning customers, {new_revenue|money} and {returning_revenue|money}"
  empty: "No orders are recorded in {window}."
  notes:
    - "Returning: has ordered before. Somebody who orders in several periods counts in each, so returning customers are not added up. Orders that name no customer are neither new nor returning: they stand apart, outside the share. Revenue is after discounts, before refunds."
follow_ups: [repeat_purchase, cohort_retention, cac_by_channel]
drafts: []
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 500}
cache_s: 300
test:
  fixture: shop
  params: {window: {start: "2025-09-10", end: "2025-09-16"}, granularity: month}
  expect: {rows: 1, total.new_customers: 56, first.returning_customers: 4, total.new_revenue: 2800.00, total.returning_revenue: 2100.00, total.returning_share: 0.428571}
---*/
with sold as (
  select date_trunc(case when :granularity in ('day', 'week', 'month') then :granularity
                         when :granularity = 'hour' or :window_end - :window_start < 62 then 'day'
                         when :window_end - :window_start < 200 then 'week'
                         else 'month' end, o.ordered_at at time zone :time_zone)::date as period,
         o.customer_id,
         o.is_first_order,
         o.gross_base - o.discount_base as revenue_base
  from facts.orders o
  where o.ordered_at >= (:window_start - interval '1 day')::timestamptz and o.ordered_at < (:window_end + interval '2 days')::timestamptz
    and (o.ordered_at at time zone :time_zone)::date between :window_start and :window_end
    and o.status <> 'cancelled' and not o.is_test
    and (:channel is null or o.channel = :channel)
)
select s.period,
       count(distinct s.customer_id) filter (where s.is_first_order) as new_customers,
       count(distinct s.customer_id) filter (where not s.is_first_order and s.customer_id is not null) as returning_customers,
       coalesce(sum(s.revenue_base) filter (where s.is_first_order), 0) as new_revenue,
       coalesce(sum(s.revenue_base) filter (where not s.is_first_order and s.customer_id is not null), 0) as returning_revenue,
       coalesce(sum(s.revenue_base) filter (where not s.is_first_order and s.customer_id is not null), 0)
         / nullif(sum(s.revenue_base) filter (where s.customer_id is not null), 0) as returning_share,
       count(*) filter (where s.customer_id is null) as guest_orders,
       coalesce(sum(s.revenue_base) filter (where s.customer_id is null), 0) as guest_revenue,
       coalesce(sum(s.revenue_base) filter (where s.customer_id is not null), 0) as known_revenue,
       sum(s.revenue_base) as revenue
from sold s
group by s.period
order by s.period
