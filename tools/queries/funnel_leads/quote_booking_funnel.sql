/*---
name: quote_booking_funnel
version: 2
title: From quote to booking
description: Quotes started and submitted, consultations started and bookings made, with the rate and the loss of each step.
group: funnel_leads
personas: [lifecycle_lead, perf_lead]
modules: [6]
metrics: [quote_submit_rate, consultation_booking_rate, funnel_step_rate]
sources: [daily_funnel_metrics]
params:
  window:  {type: date_range, default: last_28d, max_days: 400}
  flow:    {type: enum, values_from: daily_funnel_metrics.flow, default: all}
  channel: {type: channel, default: all}
  city:    {type: city, default: all}
columns:
  - {name: step, type: text, label: Step}
  - {name: count, type: count, label: Count}
  - {name: step_rate, type: fraction, label: Of the step before, when_null: "–"}
  - {name: lost, type: count, label: Not finished, when_null: "–"}
  - {name: overall, type: fraction, label: Of all started, when_null: "none started"}
  - {name: before, type: count, label: Before, when_null: "no data"}
  - {name: step_rate_before, type: fraction, label: Step rate before, when_null: "–"}
  - {name: step_no, type: number, hidden: true}
totals: []
keywords: [quote, booking, consultation, form, started, submitted, "not finished"]
examples: ["quote to booking conv", "quotes started but not finished", "consultation bookings rate", "quote form drop off", "funnel for the quote flow in lyon"]
negatives: ["abandoned carts trend", "funnel by channel"]
chart: {kind: funnel, step: step, y: count, value: step_rate}
answer:
  headline: "{first.count|int} quotes were started in {window}; this is how far they got."
  row: "{step}: {count|int} · of the step before: {step_rate|pct1} (earlier {step_rate_before|pct1}) · not finished: {lost|int}"
  empty: "No quote was started in {window}."
  notes:
    - "Every step counts what happened in the window. A consultation may come without a quote, so its count can exceed the step before."
follow_ups: [leads_by_city, cpl_by_campaign, page_copy_facts]
drafts: [retargeting_audience]
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 10}
cache_s: 300
test:
  fixture: shop
  params: {window: {start: "2024-05-13", end: "2024-05-19"}, flow: insurance}
  expect: {rows: 4, first.step: quotes started, first.count: 200, first.before: 160}
---*/
with sums as (
  select coalesce(sum(f.quote_starts) filter (where f.date >= :window_start), 0) as quote_starts,
         coalesce(sum(f.quote_submits) filter (where f.date >= :window_start), 0) as quote_submits,
         coalesce(sum(f.consultation_starts) filter (where f.date >= :window_start), 0) as consultation_starts,
         coalesce(sum(f.bookings) filter (where f.date >= :window_start), 0) as bookings,
         coalesce(sum(f.quote_starts) filter (where f.date < :window_start), 0) as quote_starts_before,
         coalesce(sum(f.quote_submits) filter (where f.date < :window_start), 0) as quote_submits_before,
         coalesce(sum(f.consultation_starts) filter (where f.date < :window_start), 0) as consultation_starts_before,
         coalesce(sum(f.bookings) filter (where f.date < :window_start), 0) as bookings_before
  from facts.daily_funnel_metrics f
  where f.date between :window_start - (:window_end - :window_start + 1) and :window_end
    and (:flow is null or f.flow = :flow)
    and (:channel is null or f.channel = :channel)
    and (:city is null or lower(f.city) = lower(:city))
), known as (
  -- Before the first day of data nothing is known; that is not a period without quotes.
  select exists (
    select 1 from facts.daily_funnel_metrics f
    where f.date between :window_start - (:window_end - :window_start + 1) - 400 and :window_start - (:window_end - :window_start + 1)
  ) as before_known
), steps as (
  select x.step_no, x.step, x.amount, case when k.before_known then x.before end as before
  from sums s
  cross join known k
  cross join lateral (values
    (1, 'quotes started', s.quote_starts, s.quote_starts_before),
    (2, 'quotes submitted', s.quote_submits, s.quote_submits_before),
    (3, 'consultations started', s.consultation_starts, s.consultation_starts_before),
    (4, 'bookings made', s.bookings, s.bookings_before)
  ) as x (step_no, step, amount, before)
), rated as (
  select t.step_no, t.step, t.amount, t.before,
         lag(t.amount) over (order by t.step_no) as previous,
         lag(t.before) over (order by t.step_no) as previous_before,
         first_value(t.amount) over (order by t.step_no) as entries,
         sum(t.amount) over () as everything
  from steps t
)
select r.step,
       r.amount as count,
       r.amount / nullif(r.previous, 0) as step_rate,
       r.previous - r.amount as lost,
       r.amount / nullif(r.entries, 0) as overall,
       r.before,
       r.before / nullif(r.previous_before, 0) as step_rate_before,
       r.step_no
from rated r
where r.everything > 0
order by r.step_no
