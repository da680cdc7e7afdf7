/*---
name: data_quality
version: 1
title: Quality of the incoming data
description: Per source what came of what was expected, and the share that was valid, duplicate, late and complete.
group: data_health
personas: [data_science]
modules: [9]
metrics: [ingestion_rate, validation_pass_rate, duplicate_rate, late_arrival_rate, completeness_pct]
sources: [data_quality_log]
params:
  window: {type: date_range, default: last_7d, max_days: 400}
  source: {type: source, default: all}
columns:
  - {name: source, type: text, label: Source, entity: true}
  - {name: ingestion, type: fraction, label: Came in, when_null: "nothing expected"}
  - {name: validation, type: fraction, label: Valid, when_null: "nothing came"}
  - {name: duplicates, type: fraction, label: Duplicates, when_null: "nothing came"}
  - {name: late, type: fraction, label: Late, when_null: "nothing stored"}
  - {name: completeness, type: fraction, label: Complete, when_null: "nothing checked"}
  - {name: received, type: count, label: Received}
  - {name: verdict, type: text, label: Verdict}
  - {name: worst_day, type: date, label: Worst day, when_null: "–"}
  - {name: expected, type: count, hidden: true}
  - {name: valid, type: count, hidden: true}
totals: [received, expected, valid, {name: ingestion, ratio: [received, expected]}, {name: validation, ratio: [valid, received]}]
keywords: [quality, duplicates, "missing events", validation, completeness, "event data"]
examples: ["data quality score", "missing events by source", "duplicate events", "validation failures", "completeness"]
negatives: ["is the data fresh", "sync failures", "why don't our numbers match the ad platform"]
chart: {kind: table}
answer:
  headline: "{total.ingestion|pct1} of the expected records came in during {window}, {total.validation|pct1} of them valid; {first.source} is the weakest: {first.verdict}."
  row: "{source}: {ingestion|pct1} came in, {validation|pct1} valid, {duplicates|pct2} duplicates, {late|pct1} late, {completeness|pct1} complete: {verdict}"
  empty: "No quality measurements in {window}."
  notes: ["Expected is the middle of the same weekday and hour of four weeks. Critical: less than ninety-five per cent came in or were valid; warning: less than ninety per cent complete."]
follow_ups: [data_freshness, source_runs, spend_without_tracking]
drafts: []
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 100}
cache_s: 300
test:
  fixture: shop
  params: {}
  expect: {rows: 2, total.received: 2880, first.source: web, first.ingestion: 0.90, first.validation: 0.99, first.verdict: "critical: records are missing"}
---*/
with hours as (
  select q.source, (q.hour at time zone :time_zone)::date as day, q.expected, q.received, q.valid, q.duplicate, q.late, q.stored,
         q.required_filled, q.required_total
  from facts.data_quality_log q
  where q.hour >= (:window_start - interval '1 day')::timestamptz and q.hour < (:window_end + interval '2 days')::timestamptz
    and (q.hour at time zone :time_zone)::date between :window_start and :window_end
    and (:source is null or q.source = :source)
), sums as (
  select h.source, sum(h.expected) as expected, sum(h.received) as received, sum(h.valid) as valid,
         sum(h.duplicate) as duplicate, sum(h.late) as late, sum(h.stored) as stored,
         sum(h.required_filled) as required_filled, sum(h.required_total) as required_total
  from hours h
  group by h.source
), worst as (
  select d.source, d.day, row_number() over (partition by d.source order by d.share, d.day) as n
  from (
    select h.source, h.day, {{ metric('ingestion_rate', 'h') }} as share
    from hours h group by h.source, h.day
  ) d
  where d.share < 0.95
), rated as (
  select s.source, s.received, s.expected, s.valid,
         {{ metric_of('ingestion_rate', 's') }} as ingestion,
         {{ metric_of('validation_pass_rate', 's') }} as validation,
         {{ metric_of('duplicate_rate', 's') }} as duplicates,
         {{ metric_of('late_arrival_rate', 's') }} as late,
         {{ metric_of('completeness_pct', 's') }} as completeness
  from sums s
)
select r.source,
       r.ingestion,
       r.validation,
       r.duplicates,
       r.late,
       r.completeness,
       r.received,
       case when r.ingestion < 0.95 then 'critical: records are missing'
            when r.validation < 0.95 then 'critical: too many are invalid'
            when r.completeness < 0.90 then 'warning: fields are missing'
            when r.late > 0.05 then 'many arrive late'
            when r.duplicates > 0.01 then 'many duplicates'
            else 'good' end as verdict,
       w.day as worst_day,
       r.expected,
       r.valid
from rated r
left join worst w on w.source = r.source and w.n = 1
order by least(coalesce(r.ingestion, 1), coalesce(r.validation, 1), coalesce(r.completeness, 1)), r.source
