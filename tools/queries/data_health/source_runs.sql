/*---
name: source_runs
version: 2
title: Imports and synchronisations
description: Runs of the sources and file imports with start, duration, rows, state and error, newest first, failures marked.
group: data_health
personas: [data_science]
modules: [9]
metrics: []
sources: [sync_runs, imports]
params:
  window: {type: date_range, default: last_7d, max_days: 100}
  source: {type: source, default: all}
  status: {type: enum, values: [all, succeeded, partial, failed], default: all}
  limit:  {type: integer, default: 10, min: 1, max: 100}
columns:
  - {name: source, type: text, label: Source, entity: true}
  - {name: started, type: instant, label: Started}
  - {name: duration, type: number, label: Seconds, unit: s, when_null: "still running"}
  - {name: rows_read, type: count, label: Rows read, when_null: "not recorded"}
  - {name: rows_written, type: count, label: Rows written, when_null: "not recorded"}
  - {name: status, type: text, label: State}
  - {name: error, type: text, label: Error, when_null: "none"}
  - {name: stream, type: text, label: What}
  - {name: trigger, type: text, label: Started by}
  - {name: failed, type: count, hidden: true}
  - {name: runs, type: count, hidden: true}
  - {name: entity_id, type: text, hidden: true}
totals: [runs, failed, rows_read, rows_written]
keywords: [sync, import, etl, connector, "failed run", job, load]
examples: ["sync failures", "did the import run last night", "etl errors", "connector status"]
negatives: ["is the data fresh", "validation failures"]
chart: {kind: table}
answer:
  headline: "{total.failed|int} of {total.runs|int} runs in {window} failed; {total.rows_written|int} rows changed."
  row: "{started|time} {source}, {stream}: {status}, {rows_read|int} rows read · error: {error}"
  empty: "No import or synchronisation ran in {window}."
  notes: ["Failures come first. A partial run kept what it could read; the next run reads the holes again. The window includes today up to now."]
follow_ups: [data_freshness, data_quality]
drafts: []
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 100}
cache_s: 30
test:
  fixture: shop
  params: {window: {start: "2025-09-10", end: "2025-09-16"}}
  expect: {rows: 7, total.runs: 7, total.failed: 2, total.rows_read: 1900, total.rows_written: 570, 1.error: csv.bad_date, first.source: "Rank checks", first.status: failed, first.error: source.rate.limited, first.duration: 12}
---*/
with runs as (
  select s.name as source, s.source as connector, r.started_at, r.finished_at, r.rows_read, r.rows_written, r.state, r.error_code,
         r.stream, r.trigger, r.id::text as entity_id
  from facts.sync_runs r
  join facts.sources s on s.id = r.source_id
  union all
  select 'file import', 'csv', i.at, i.finished_at,
         -- Imports of earlier versions tell no rows, and their `written` is an object by table.
         case when jsonb_typeof(i.counts -> 'rows') = 'number' then (i.counts ->> 'rows')::bigint end,
         case when jsonb_typeof(i.counts -> 'written_rows') = 'number' then (i.counts ->> 'written_rows')::bigint
              when jsonb_typeof(i.counts -> 'written') = 'object' then (
                select sum(coalesce((w.value ->> 'added')::bigint, 0) + coalesce((w.value ->> 'changed')::bigint, 0))::bigint
                from jsonb_each(i.counts -> 'written') w
                where jsonb_typeof(w.value) = 'object') end,
         case i.state when 'done' then 'succeeded' when 'failed' then 'failed' when 'undone' then 'cancelled'
                      when 'committing' then 'running' else 'queued' end,
         i.counts ->> 'error', i.dataset, 'upload', i.id::text
  from facts.imports i
)
select r.source,
       r.started_at as started,
       extract(epoch from r.finished_at - r.started_at) as duration,
       r.rows_read,
       r.rows_written,
       r.state as status,
       r.error_code as error,
       r.stream,
       r.trigger,
       case when r.state = 'failed' then 1 else 0 end as failed,
       1 as runs,
       r.entity_id
from runs r
where ((r.started_at at time zone :time_zone)::date between :window_start and :window_end
       -- Asked for up to yesterday, people mean up to now: last night's run began today.
       or (:window_end = :today - 1 and (r.started_at at time zone :time_zone)::date = :today))
  and r.started_at <= :as_of
  and (:source is null or r.connector = :source)
  and (:status is null or :status = 'all' or r.state = :status)
order by (r.state = 'failed') desc, (r.state = 'partial') desc, r.started_at desc, r.entity_id
