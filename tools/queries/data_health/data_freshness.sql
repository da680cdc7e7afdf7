/*---
name: data_freshness
version: 1
title: Age of the data
description: For every source the newest data, its age, the age it should not exceed and whether it is fresh, late or stale.
group: data_health
personas: [data_science, cmo, perf_lead, lifecycle_lead, rewards_pm, compliance, ops]
modules: [9]
metrics: []
sources: [sources, daily_metrics]
params:
  source: {type: source, default: all}
columns:
  - {name: source, type: text, label: Source, entity: true}
  - {name: newest, type: date, label: Newest data, when_null: "none yet"}
  - {name: age, type: hours, label: Age, when_null: "no data"}
  - {name: target, type: hours, label: Should be under, when_null: "none"}
  - {name: status, type: text, label: State, values: [fresh, late, stale, needs attention, no data yet, imported, switched off]}
  - {name: stream, type: text, label: Oldest stream, when_null: "–"}
  - {name: last_sync, type: instant, label: Last sync, when_null: "never"}
  - {name: next_due, type: instant, label: Next sync, when_null: "–"}
  - {name: connector, type: text, hidden: true}
  - {name: entity_id, type: text, hidden: true}
  - {name: fresh, type: count, hidden: true}
  - {name: not_fresh, type: count, hidden: true}
totals: [fresh, not_fresh]
keywords: [fresh, freshness, stale, "last updated", lag, "up to date", delay, "how old"]
examples: ["is the data fresh", "when was the data last updated", "data lag", "stale sources", "why is today missing"]
negatives: ["sync failures", "how complete is the event data", "usage cost today"]
chart: {kind: table}
answer:
  headline: "{total.fresh|int} of {n} sources are as fresh as they should be."
  row: "{source}: newest {newest|date}, {age|hours} old, limit {target|hours}: {status}"
  empty: "No source is connected and nothing was imported yet."
  notes:
    - "Windows end yesterday: today is only whole tonight. Daily sources are measured from the end of their last whole day, streams from their newest record, and each source by its oldest stream."
follow_ups: [source_runs, data_quality, spend_without_tracking]
drafts: []
access: {permission: query.run, pii: none}
limits: {timeout_ms: 5000, max_rows: 100}
cache_s: 30
test:
  fixture: shop
  params: {}
  expect: {total.not_fresh: 2, first.source: "Rank checks", first.status: stale, first.age: 83, first.target: 26}
---*/
with connections as (
  select s.id, s.source as connector, s.name, s.state, s.last_synced_at
  from facts.sources s
  where :source is null or s.source = :source
), streams as (
  select c.id, t.stream, t.next_due_at, t.fails, t.complete_through,
         case when t.complete_through is not null and (t.newest_at is null or c.connector not in ('stripe', 'quickbooks'))
              then ((t.complete_through + 1)::timestamp at time zone :time_zone)
              else t.newest_at end as newest_at,
         t.complete_through is not null as daily
  from connections c
  join facts.source_streams t on t.source_id = c.id
), oldest as (
  select x.id, x.stream, x.next_due_at, x.newest_at, x.daily, x.complete_through, x.fails,
         row_number() over (partition by x.id order by x.newest_at nulls first, x.stream) as n
  from streams x
), connected as (
  select c.name as source, c.connector, c.id::text as entity_id, c.state, c.last_synced_at, o.stream, o.next_due_at, o.newest_at, o.fails,
         coalesce(o.complete_through, (o.newest_at at time zone :time_zone)::date) as newest,
         case when c.connector = 'csv' then null
              when c.connector = 'search_console' then 72
              when c.connector = 'dataforseo' then 26
              when o.daily then 24
              when c.connector in ('shopify', 'tiendanube', 'mercadolibre', 'stripe') then 1
              when c.connector in ('plausible', 'activecampaign', 'klaviyo') then 2
              else 6 end as target,
         case when c.connector = 'csv' then null
              when c.connector = 'search_console' then 120
              when c.connector = 'dataforseo' or o.daily then 48
              when c.connector in ('shopify', 'tiendanube', 'mercadolibre', 'stripe') then 6
              else 24 end as acceptable
  from connections c
  left join oldest o on o.id = c.id and o.n = 1
), days as (
  select d.source as connector, d.newest
  from facts.newest_daily_metrics d where d.newest between :today - 400 and :today
  union all
  select o.source, (o.newest at time zone :time_zone)::date
  from facts.newest_orders o where o.newest > :as_of - interval '400 days' and o.newest <= :as_of
  union all
  select l.source, max(l.created_on) from facts.leads l where l.created_on between :today - 400 and :today group by l.source
  union all
  select s.source, s.newest from facts.newest_search_performance s where s.newest between :today - 400 and :today
  union all
  select k.source, k.newest from facts.newest_keyword_ranks k where k.newest between :today - 400 and :today
), unconnected as (
  -- Data that came without a connection: first-party events and imported files.
  select d.connector, max(d.newest) as newest
  from days d
  where (:source is null or d.connector = :source)
    and not exists (select 1 from facts.sources s where s.source = d.connector)
  group by d.connector
), listed as (
  select c.source, c.connector, c.entity_id, c.state, c.last_synced_at, c.stream, c.next_due_at, c.newest, c.fails,
         extract(epoch from :as_of - c.newest_at) / 3600 as age, c.target::numeric as target, c.acceptable::numeric as acceptable
  from connected c
  union all
  select u.connector, u.connector, u.connector, 'imported', null, null, null, u.newest, 0,
         extract(epoch from :as_of - ((u.newest + 1)::timestamp at time zone :time_zone)) / 3600,
         case when u.connector in ('web', 'mobile', 'admin_portal', 'backend', 'system') then 24 end,
         case when u.connector in ('web', 'mobile', 'admin_portal', 'backend', 'system') then 48 end
  from unconnected u
), judged as (
  select l.source, l.connector, l.entity_id, l.last_synced_at, l.stream, l.next_due_at, l.newest,
         greatest(l.age, 0) as age, l.target,
         case when l.state = 'disabled' then 'switched off'
              when l.age is null then 'no data yet'
              when l.state = 'attention' then 'needs attention'
              when l.target is null then 'imported'
              when l.age <= l.target then 'fresh'
              when l.age <= l.acceptable then 'late'
              else 'stale' end as status
  from listed l
)
select j.source,
       j.newest,
       j.age,
       j.target,
       j.status,
       j.stream,
       j.last_synced_at as last_sync,
       j.next_due_at as next_due,
       j.connector,
       j.entity_id,
       case when j.status in ('fresh', 'imported', 'switched off') then 1 else 0 end as fresh,
       case when j.status in ('fresh', 'imported', 'switched off') then 0 else 1 end as not_fresh
from judged j
order by case j.status when 'stale' then 1 when 'needs attention' then 2 when 'no data yet' then 3 when 'late' then 4 when 'fresh' then 5 else 6 end,
         j.age desc nulls first, j.source, j.entity_id
