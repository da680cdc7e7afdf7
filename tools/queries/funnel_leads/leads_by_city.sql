/*---
name: leads_by_city
version: 1
title: Leads by place
description: Leads and bookings per city with the booking rate and the change; places with fewer than ten leads are merged.
group: funnel_leads
personas: [perf_lead]
modules: []
metrics: [leads]
sources: [leads]
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
  row: "{city}: {leads|int} leads, {bookings|int} bookings ({booking_rate|pct1}) · change in leads: {change|change}"
  empty: "No place had ten or more leads in {window}."
  notes:
    - "Places with fewer than ten leads are merged into other places. Bookings are those of the same leads up to now, so the newest leads may still book."
follow_ups: [leads_by_channel, quote_booking_funnel, cpl_by_campaign]
drafts: []
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 200}
cache_s: 300
test:
  fixture: shop
  params: {window: {start: "2024-05-13", end: "2024-05-19"}, compare: none}
  expect: {rows: 3, total.leads: 50, total.bookings: 12, first.city: Lyon, first.leads: 26, first.bookings: 6, first.booking_rate: 0.230769}
---*/
with places as (
  select l.city,
         count(*) filter (where l.created_on between :window_start and :window_end) as leads,
         count(*) filter (where l.created_on between :window_start and :window_end and l.booked_at is not null) as bookings,
         count(*) filter (where l.created_on between :compare_start and :compare_end) as before
  from facts.leads l
  where l.created_on between least(:window_start, :compare_start) and :window_end
    and (l.created_on between :window_start and :window_end or l.created_on between :compare_start and :compare_end)
    and (:channel is null or l.channel = :channel)
    and (:city is null or lower(l.city) = lower(:city))
  group by l.city
), merged as (
  select case when p.city = '' then 'place unknown'
              when p.leads < 10 then 'other places' else p.city end as city,
         case when p.city = '' then 2 when p.leads < 10 then 3 else 1 end as rank,
         sum(p.leads) as leads, sum(p.bookings) as bookings, sum(p.before) as before
  from places p
  group by 1, 2
), known as materialized (
  select exists (select 1 from facts.leads l where l.created_on <= :compare_end) as before_known
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
