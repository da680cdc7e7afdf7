/*---
name: leads_by_city
version: 1
title: Leads by place
description: Leads and bookings per city with the booking rate and the change; places with fewer than ten leads are merged.
group: funnel_leads
personas: [perf_lead]
modules: []
metrics: [leads]
sources: [daily_funnel_metrics]
params:
  window:  {type: date_range, default: last_28d, max_days: 400}
  compare: {type: compare, default: prior_period}
  channel: {type: channel, default: all}
  city:    {type: city, default: all}
columns:
  - {name: city, type: text, label: City, entity: true}
  - {name: leads, type: count, label: Leads}
  - {name: bookings, type: count, label: Bookings}
  - {name: booking_rate, type: fraction, label: Booking rate}
  - {name: before, type: count, label: Leads before, when_null: "no data"}
  - {name: change, type: fraction, label: Change, when_null: "no comparison"}
totals: [leads, bookings, {name: booking_rate, ratio: [bookings, leads]}]
keywords: [leads, city, town, region, geo, location, place]
examples: ["leads by city", "which towns bring leads", "lyon vs porto leads", "geo split of leads"]
negatives: ["how many leads did we get", "best city pages by conversion"]
chart: {kind: bar, x: city, y: leads, compare: before, sort: desc}
answer:
  headline: "{first.city} brought the most leads in {window}: {first.leads|int} of {total.leads|int}."
  row: "{city}: {leads|int} leads, {bookings|int} bookings ({booking_rate|pct1}), {change|pct1} against before"
  empty: "No place had ten or more leads in {window}."
  notes:
    - "Places with fewer than ten leads are merged into \"other places\"; bookings are those made in the window, also of earlier leads."
    - "{freshness}."
follow_ups: [leads_by_channel, quote_booking_funnel, cpl_by_campaign]
drafts: []
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 200}
cache_s: 300
test:
  fixture: shop
  params: {window: {start: "2025-03-10", end: "2025-03-16"}, compare: none}
  expect: {rows: 3, total.leads: 150, first.city: Lyon, first.leads: 88, first.bookings: 22}
---*/
with places as (
  select f.city,
         coalesce(sum(f.leads) filter (where f.date between :window_start and :window_end), 0) as leads,
         coalesce(sum(f.bookings) filter (where f.date between :window_start and :window_end), 0) as bookings,
         coalesce(sum(f.leads) filter (where f.date between :compare_start and :compare_end), 0) as before
  from facts.daily_funnel_metrics f
  where (f.date between :window_start and :window_end or f.date between :compare_start and :compare_end)
    and (:channel is null or f.channel = :channel)
    and (:city is null or lower(f.city) = lower(:city))
  group by f.city
), merged as (
  select case when p.city = '' then 'place unknown'
              when p.leads < 10 then 'other places' else p.city end as city,
         case when p.city = '' then 2 when p.leads < 10 then 3 else 1 end as rank,
         sum(p.leads) as leads, sum(p.bookings) as bookings, sum(p.before) as before
  from places p
  group by 1, 2
), known as (
  select exists (select 1 from facts.daily_funnel_metrics f where f.date <= :compare_start) as before_known
)
select m.city,
       m.leads,
       m.bookings,
       m.bookings / nullif(m.leads, 0) as booking_rate,
       case when k.before_known and m.before >= 10 then m.before end as before,
       case when k.before_known and m.before >= 10 then (m.leads - m.before) / nullif(abs(m.before), 0) end as change
from merged m cross join known k
where m.leads >= 10
order by m.rank, m.leads desc nulls last, m.city
