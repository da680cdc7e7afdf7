/*---
name: time_to_convert
version: 2
title: Time to purchase or booking
description: Hours from the first touch to the first purchase per channel, and from lead to booking, as quartiles over those who converted.
group: funnel_leads
personas: [perf_lead, lifecycle_lead]
modules: [4]
metrics: [time_to_first_conversion_h]
sources: [orders, touches, leads]
params:
  campaign: {type: campaign, default: all}
  channel:  {type: channel, default: all}
  window:   {type: date_range, default: last_90d, max_days: 400}
columns:
  - {name: name, type: text, label: From and to}
  - {name: p25, type: hours, label: Fastest quarter}
  - {name: median, type: hours, label: Median}
  - {name: p75, type: hours, label: Slowest quarter}
  - {name: converters, type: count, label: Converters}
  - {name: sample, type: text, label: Sample, when_null: "enough"}
totals: [converters]
keywords: ["time to purchase", "how long", speed, delay, "days to", median, "between click"]
examples: ["how long till they buy", "median time to first purchase after seeing an ad", "days from lead to booking", "speed to convert by channel"]
negatives: ["gap between first and second order", "where did lead 4812 come from"]
chart: {kind: bar, x: name, y: median, lo: p25, hi: p75, sort: asc}
answer:
  headline: "Fastest in {window}: {first.name}, half of them within {first.median|hours}."
  row: "{name}: half within {median|hours}, a quarter within {p25|hours}, three quarters within {p75|hours} ({converters|int} people)"
  empty: "Fewer than ten people in each group converted in {window}, too few for a time."
  notes:
    - "Purchases: from the first touch within thirty days before a customer's first order. Bookings: from the lead. Only those who converted count; fewer than thirty is a small sample, groups under ten are withheld."
follow_ups: [campaign_funnel, quote_booking_funnel, leads_by_channel]
drafts: []
access: {permission: query.run, pii: none}
limits: {timeout_ms: 5000, max_rows: 50}
cache_s: 600
test:
  fixture: shop
  params: {window: {start: "2024-08-05", end: "2024-08-11"}}
  expect: {rows: 1, first.name: "first touch to purchase, seo", first.p25: 10.75, first.median: 20.5, first.p75: 30.25, first.converters: 40}
---*/
with stream as (
  -- Orders and touches of each customer in one line, so that no customer is joined with itself.
  select o.customer_id, o.ordered_at as at, true as is_order, o.is_first_order, o.channel, null::text as campaign_id
  from facts.orders o
  where o.customer_id is not null and o.status <> 'cancelled' and not o.is_test
    and o.ordered_at >= (:window_start - interval '60 days')::timestamptz and o.ordered_at < (:window_end + interval '2 days')::timestamptz
  union all
  select t.customer_id, t.occurred_at, false, false, null, t.campaign_id
  from facts.touches t
  where t.customer_id is not null
    and t.occurred_at >= (:window_start - interval '32 days')::timestamptz and t.occurred_at < (:window_end + interval '2 days')::timestamptz
), paths as (
  -- Counted backwards, an order and the touches since the order before it share a number.
  select s.customer_id, s.at, s.is_order, s.is_first_order, s.channel, s.campaign_id,
         count(*) filter (where s.is_order)
           over (partition by s.customer_id order by s.at desc, s.is_order rows between unbounded preceding and current row) as path_no
  from stream s
), ends as (
  select p.customer_id, p.at, p.is_order, p.campaign_id,
         max(p.at) filter (where p.is_order) over (partition by p.customer_id, p.path_no) as ordered_at,
         max(p.channel) filter (where p.is_order) over (partition by p.customer_id, p.path_no) as channel,
         bool_or(p.is_first_order) over (partition by p.customer_id, p.path_no) as first,
         p.path_no
  from paths p
  where p.path_no > 0
), bought as (
  select e.customer_id, 'first touch to purchase, ' || e.channel as name,
         extract(epoch from e.ordered_at - min(e.at)) / 3600 as hours
  from ends e
  where e.first and not e.is_order and e.at > e.ordered_at - interval '30 days'
    and (e.ordered_at at time zone :time_zone)::date between :window_start and :window_end
    and (:channel is null or e.channel = :channel)
    and (:campaign is null or e.campaign_id = :campaign)
  group by e.customer_id, e.path_no, e.ordered_at, e.channel
), booked as (
  select l.id as customer_id, 'lead to booking' as name,
         extract(epoch from l.booked_at - l.created_at) / 3600 as hours
  from facts.leads l
  where l.booked_at is not null and l.booked_at >= l.created_at
    and (l.booked_at at time zone :time_zone)::date between :window_start and :window_end
    and (:channel is null or l.channel = :channel)
    and (:campaign is null or l.campaign_id = :campaign)
), spans as (
  select b.name, b.customer_id, b.hours from bought b
  union all
  select b.name, b.customer_id, b.hours from booked b
)
select s.name,
       (percentile_cont(0.25) within group (order by s.hours))::numeric as p25,
       (percentile_cont(0.5) within group (order by s.hours))::numeric as median,
       (percentile_cont(0.75) within group (order by s.hours))::numeric as p75,
       count(distinct s.customer_id) as converters,
       case when count(distinct s.customer_id) < 30 then 'small sample' end as sample
from spans s
group by s.name
having count(distinct s.customer_id) >= 10
order by percentile_cont(0.5) within group (order by s.hours), s.name
