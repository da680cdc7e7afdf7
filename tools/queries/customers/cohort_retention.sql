/*---
name: cohort_retention
version: 1
title: Retention by cohort
description: Share of each cohort of new customers that orders again in each month or week after the first order; not cumulative.
group: customers
personas: [lifecycle_lead, cmo]
modules: [3]
metrics: [retention_m1, retention_m2, retention_m3]
sources: [orders]
params:
  by:      {type: enum, values: [month, week], default: month}
  basis:   {type: enum, values: [first_order, sign_up], default: first_order}
  channel: {type: channel, default: all}
  segment: {type: segment, default: all}
  window:  {type: date_range, default: last_12m, max_days: 800}
columns:
  - {name: cohort, type: date, label: Cohort}
  - {name: size, type: count, label: People}
  - {name: m0, type: fraction, label: "0", when_null: ""}
  - {name: m1, type: fraction, label: "1", when_null: ""}
  - {name: m2, type: fraction, label: "2", when_null: ""}
  - {name: m3, type: fraction, label: "3", when_null: ""}
  - {name: m4, type: fraction, label: "4", when_null: ""}
  - {name: m5, type: fraction, label: "5", when_null: ""}
  - {name: m6, type: fraction, label: "6", when_null: ""}
  - {name: m7, type: fraction, label: "7", when_null: ""}
  - {name: m8, type: fraction, label: "8", when_null: ""}
  - {name: m9, type: fraction, label: "9", when_null: ""}
  - {name: m10, type: fraction, label: "10", when_null: ""}
  - {name: m11, type: fraction, label: "11", when_null: ""}
  - {name: m12, type: fraction, label: "12", when_null: ""}
  - {name: back_next, type: count, hidden: true}
  - {name: size_next, type: count, hidden: true}
totals: [size, back_next, size_next, {name: next, ratio: [back_next, size_next]}]
keywords: [retention, cohort, "come back", return, stick, "month 1", "month 3", "ordered again"]
examples: ["retention by cohort", "do customers come back", "month 3 retention for the jan cohort", "cohort heatmap", "m1 retention of paid social signups"]
negatives: ["second order rate", "nrr by cohort", "how much is the spring cohort worth"]
chart: {kind: heatmap, row: cohort, columns: [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12]}
answer:
  headline: "{total.next|pct1} of new customers order again in the {by} after their first: {total.back_next|int} of {total.size_next|int}. Cohorts: {n}."
  row: "{cohort|date} ({size|int} people): first {by} after {m1|pct1}, second {m2|pct1}, third {m3|pct1}"
  empty: "No cohort of {window} has at least ten people."
  notes:
    - "Each cell is the share of the cohort that ordered in that calendar {by}; a cell stays empty until the {by} is over. The figures may rise and fall, they are not cumulative. Cohorts under ten people are withheld."
follow_ups: [repeat_purchase, new_vs_returning, segment_summary]
drafts: []
access: {permission: query.run, pii: none}
limits: {timeout_ms: 10000, max_rows: 120}
cache_s: 1800
test:
  fixture: shop
  params: {window: {start: "2024-02-01", end: "2024-02-29"}}
  expect: {rows: 1, first.size: 12, first.m0: 1, first.m1: 0.25, first.m2: 0.25, first.m3: 0, first.m4: 0.083333, total.next: 0.25}
---*/
with members as (
  select coalesce(l.customer_id, m.actor_id) as customer_id
  from facts.segments g
  join facts.segment_members m on m.segment_id = g.id and m.left_on is null
  left join facts.actor_links l on l.actor_id = m.actor_id
  where g.id::text = :segment or upper(replace(g.name, ' ', '_')) = upper(replace(:segment, ' ', '_'))
), starts as (
  select o.customer_id, min(o.ordered_at) as started_at
  from facts.orders o
  where :basis = 'first_order' and o.is_first_order and o.customer_id is not null
    and o.status <> 'cancelled' and not o.is_test
    and o.ordered_at >= (:window_start - interval '1 day')::timestamptz and o.ordered_at < (:window_end + interval '2 days')::timestamptz
    and (:channel is null or o.channel = :channel)
  group by o.customer_id
  union all
  select e.customer_id, min(e.occurred_at)
  from facts.events e
  where :basis = 'sign_up' and e.name = 'sign_up' and e.customer_id is not null
    and (:channel is null or e.channel = :channel)
  group by e.customer_id
), cohorts as (
  select s.customer_id, s.started_at,
         date_trunc(:by, s.started_at at time zone :time_zone)::date as cohort
  from starts s
  where (s.started_at at time zone :time_zone)::date between :window_start and :window_end
    and (:segment is null or s.customer_id in (select m.customer_id from members m))
), activity as (
  select distinct c.cohort, c.customer_id,
         case when :by = 'week'
              then (date_trunc('week', o.ordered_at at time zone :time_zone)::date - c.cohort) / 7
              else (extract(year from o.ordered_at at time zone :time_zone)::int - extract(year from c.cohort)::int) * 12
                   + extract(month from o.ordered_at at time zone :time_zone)::int - extract(month from c.cohort)::int
         end as age
  from cohorts c
  join facts.orders o on o.customer_id = c.customer_id
  where o.status <> 'cancelled' and not o.is_test and o.ordered_at >= c.started_at
    and o.ordered_at >= (:window_start - interval '1 day')::timestamptz
), sizes as (
  select c.cohort, count(*) as size from cohorts c group by c.cohort having count(*) >= 10
), counted as (
  select s.cohort, s.size, case when :by = 'week' then 7 else 30 end as step_days,
         count(a.customer_id) filter (where a.age = 0) as m0,
         count(a.customer_id) filter (where a.age = 1) as m1,
         count(a.customer_id) filter (where a.age = 2) as m2,
         count(a.customer_id) filter (where a.age = 3) as m3,
         count(a.customer_id) filter (where a.age = 4) as m4,
         count(a.customer_id) filter (where a.age = 5) as m5,
         count(a.customer_id) filter (where a.age = 6) as m6,
         count(a.customer_id) filter (where a.age = 7) as m7,
         count(a.customer_id) filter (where a.age = 8) as m8,
         count(a.customer_id) filter (where a.age = 9) as m9,
         count(a.customer_id) filter (where a.age = 10) as m10,
         count(a.customer_id) filter (where a.age = 11) as m11,
         count(a.customer_id) filter (where a.age = 12) as m12
  from sizes s
  left join activity a on a.cohort = s.cohort and a.age between 0 and 12
  group by s.cohort, s.size
)
select c.cohort,
       c.size,
       case when c.step_days = 7 and c.cohort + 7 <= :today
              or c.step_days = 30 and (c.cohort + interval '1 month')::date <= :today
            then c.m0::numeric / nullif(c.size, 0) end as m0,
       case when c.step_days = 7 and c.cohort + 14 <= :today
              or c.step_days = 30 and (c.cohort + interval '2 month')::date <= :today
            then c.m1::numeric / nullif(c.size, 0) end as m1,
       case when c.step_days = 7 and c.cohort + 21 <= :today
              or c.step_days = 30 and (c.cohort + interval '3 month')::date <= :today
            then c.m2::numeric / nullif(c.size, 0) end as m2,
       case when c.step_days = 7 and c.cohort + 28 <= :today
              or c.step_days = 30 and (c.cohort + interval '4 month')::date <= :today
            then c.m3::numeric / nullif(c.size, 0) end as m3,
       case when c.step_days = 7 and c.cohort + 35 <= :today
              or c.step_days = 30 and (c.cohort + interval '5 month')::date <= :today
            then c.m4::numeric / nullif(c.size, 0) end as m4,
       case when c.step_days = 7 and c.cohort + 42 <= :today
              or c.step_days = 30 and (c.cohort + interval '6 month')::date <= :today
            then c.m5::numeric / nullif(c.size, 0) end as m5,
       case when c.step_days = 7 and c.cohort + 49 <= :today
              or c.step_days = 30 and (c.cohort + interval '7 month')::date <= :today
            then c.m6::numeric / nullif(c.size, 0) end as m6,
       case when c.step_days = 7 and c.cohort + 56 <= :today
              or c.step_days = 30 and (c.cohort + interval '8 month')::date <= :today
            then c.m7::numeric / nullif(c.size, 0) end as m7,
       case when c.step_days = 7 and c.cohort + 63 <= :today
              or c.step_days = 30 and (c.cohort + interval '9 month')::date <= :today
            then c.m8::numeric / nullif(c.size, 0) end as m8,
       case when c.step_days = 7 and c.cohort + 70 <= :today
              or c.step_days = 30 and (c.cohort + interval '10 month')::date <= :today
            then c.m9::numeric / nullif(c.size, 0) end as m9,
       case when c.step_days = 7 and c.cohort + 77 <= :today
              or c.step_days = 30 and (c.cohort + interval '11 month')::date <= :today
            then c.m10::numeric / nullif(c.size, 0) end as m10,
       case when c.step_days = 7 and c.cohort + 84 <= :today
              or c.step_days = 30 and (c.cohort + interval '12 month')::date <= :today
            then c.m11::numeric / nullif(c.size, 0) end as m11,
       case when c.step_days = 7 and c.cohort + 91 <= :today
              or c.step_days = 30 and (c.cohort + interval '13 month')::date <= :today
            then c.m12::numeric / nullif(c.size, 0) end as m12,
       case when c.step_days = 7 and c.cohort + 14 <= :today
              or c.step_days = 30 and (c.cohort + interval '2 month')::date <= :today
            then c.m1 end as back_next,
       case when c.step_days = 7 and c.cohort + 14 <= :today
              or c.step_days = 30 and (c.cohort + interval '2 month')::date <= :today
            then c.size end as size_next
from counted c
order by c.cohort
