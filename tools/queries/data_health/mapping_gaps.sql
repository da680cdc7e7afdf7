/*---
name: mapping_gaps
version: 2
title: What is not mapped
description: Campaigns with spend, and names used by events and links, that the entity map joins with nothing, with the most likely match of each.
group: data_health
personas: [data_science, perf_lead]
modules: [9]
metrics: []
sources: [daily_metrics, entities, entity_links, events]
params:
  entity_kind: {type: enum, values: [all, campaign, page, product, email], default: all}
  limit: {type: integer, default: 20, min: 1, max: 100}
columns:
  - {name: source_entity, type: text, label: Name, entity: true}
  - {name: type, type: text, label: Type}
  - {name: cost, type: money, label: Spend, when_null: "no spend"}
  - {name: events, type: count, label: Events, when_null: "none"}
  - {name: suggestion, type: text, label: Suggestion, when_null: "nothing alike"}
  - {name: relation, type: text, label: As, when_null: "–"}
  - {name: similarity, type: fraction, label: Alike, when_null: "–"}
  - {name: entity_id, type: text, hidden: true}
totals: [cost, events]
keywords: [unmapped, "not mapped", suggestions, "confirm mapping", "mapping gaps", "missing links"]
examples: ["unmapped campaigns list", "which pages aren't mapped", "mapping suggestions to confirm"]
negatives: ["entity mapping coverage", "how much is mapped", "what should we do next"]
chart: {kind: table}
answer:
  headline: "Not mapped in the last four weeks: {n}, with {total.cost|money} of spend; {first.source_entity} comes first."
  row: "{rank}. {type} {source_entity}: spend {cost|money}, events {events|int}; most like {suggestion} ({similarity|pct0})"
  empty: "Everything that was spent on or named in the last four weeks is mapped."
  notes: ["Nothing is linked by likeness alone: somebody confirms or rejects each suggestion."]
follow_ups: [mapping_coverage, spend_without_tracking]
drafts: []
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 100}
cache_s: 60
test:
  fixture: shop
  params: {entity_kind: campaign}
  expect: {rows: 1, first.source_entity: "utm:tiktok/trail_video", first.suggestion: Trail Videos, first.similarity: 0.8}
---*/
with spent as (
  select d.platform_id as id, sum(d.cost_base) as cost
  from facts.daily_metrics d
  where d.entity_kind = 'campaign' and d.breakdown = '' and d.date between :today::date - 28 and :today::date - 1
    and d.channel in ('paid_search', 'paid_social', 'display', 'video')
  group by d.platform_id
  having sum(d.cost_base) > 0
), heard as (
  select e.entity_kind as kind, e.entity_id as id, count(*) as events
  from facts.events e
  where e.canonical_id is null and e.source <> 'system' and e.entity_kind in ('campaign', 'page', 'product', 'email')
    and e.occurred_at >= (:today::date - 28)::timestamp at time zone :time_zone
  group by e.entity_kind, e.entity_id
), likely as (
  select l.from_kind as kind, l.from_id as id, l.relation, l.to_kind, l.to_id, l.similarity,
         row_number() over (partition by l.from_kind, l.from_id order by l.similarity desc, l.relation, l.to_id) as n
  from facts.entity_links l
  where l.state = 'suggested'
), gaps as (
  select 'campaign' as kind, s.id, s.cost, null::bigint as events
  from spent s
  left join facts.entity_map m on m.kind = 'campaign' and m.id = s.id
  where m.mapped is not true
  union all
  select h.kind, h.id, null, h.events from heard h
  union all
  -- Names of UTM parameters, and of other systems.
  select k.kind, k.id, null, null from likely k
  where k.n = 1 and k.kind in ('campaign', 'page', 'product', 'email')
    and not exists (select 1 from spent s where k.kind = 'campaign' and s.id = k.id)
    and not exists (select 1 from heard h where h.kind = k.kind and h.id = k.id)
)
select coalesce(nullif(m.name, ''), nullif(c.name, ''), g.id) as source_entity,
       g.kind as type,
       g.cost,
       g.events,
       coalesce(nullif(t.name, ''), k.to_id) as suggestion,
       k.relation,
       k.similarity,
       g.id as entity_id
from gaps g
left join likely k on k.kind = g.kind and k.id = g.id and k.n = 1
left join facts.entity_map m on m.kind = g.kind and m.id = g.id
left join facts.campaigns c on g.kind = 'campaign' and c.id = g.id
left join facts.entity_map t on t.kind = k.to_kind and t.id = k.to_id
where (:entity_kind is null or g.kind = :entity_kind)
order by g.cost desc nulls last, g.events desc nulls last, k.similarity desc nulls last, g.kind, g.id
