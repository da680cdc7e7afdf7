/*---
name: mapping_coverage
version: 2
title: How much is mapped
description: Per kind of thing and source, the share of the spend, or of the events, whose thing the entity map can join with others.
group: data_health
personas: [data_science]
modules: [9]
metrics: [entity_mapping_coverage]
sources: [daily_metrics, events]
params:
  window: {type: date_range, default: last_28d, max_days: 400}
columns:
  - {name: entity_kind, type: text, label: Kind, entity: true}
  - {name: source, type: text, label: Source}
  - {name: share, type: fraction, label: Mapped, when_null: "nothing named"}
  - {name: unmapped_cost, type: money, label: Spend not mapped, when_null: "no spend"}
  - {name: unmapped_events, type: count, label: Events not mapped, when_null: "counted by spend"}
  - {name: mapped_cost, type: money, hidden: true}
  - {name: named_cost, type: money, hidden: true}
totals: [unmapped_cost, unmapped_events, mapped_cost, named_cost, {name: share, ratio: [mapped_cost, named_cost]}]
keywords: ["mapping coverage", mapped, "unmapped share", "entity map", "mapping rate"]
examples: ["entity mapping coverage", "how much is mapped", "unmapped spend share"]
negatives: ["unmapped campaigns list", "missing events by source", "spend without tracking"]
chart: {kind: bar, x: entity_kind, y: share, sort: asc}
answer:
  headline: "{total.share|pct1} of the paid spend in {window} is mapped; {total.unmapped_cost|money} is spent on campaigns that nothing is joined with."
  row: "{entity_kind} of {source}: {share|pct1} mapped · spend not mapped: {unmapped_cost|money} · events not mapped: {unmapped_events|int}"
  empty: "Nothing was spent in {window}, and no event named a thing."
  notes: ["A campaign is mapped when it is joined with a page, a product or another name of it. An event is mapped when the map knows the thing that it names. Comparisons across channels need four fifths."]
follow_ups: [mapping_gaps, data_quality, spend_without_tracking]
drafts: []
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 100}
cache_s: 300
test:
  fixture: shop
  params: {window: {start: "2024-05-13", end: "2024-05-19"}}
  expect: {rows: 2, total.unmapped_cost: 1210.00, total.share: 0.480686695279, first.source: google_ads, first.share: 0.103703703704, first.unmapped_cost: 1210.00}
---*/
with spend as (
  select 'campaign' as entity_kind, d.source, sum(d.cost_base) as named,
         coalesce(sum(d.cost_base) filter (where m.mapped), 0) as mapped
  from facts.daily_metrics d
  left join facts.entity_map m on m.kind = 'campaign' and m.id = d.platform_id
  where d.entity_kind = 'campaign' and d.breakdown = '' and d.date between :window_start and :window_end
    and d.channel in ('paid_search', 'paid_social', 'display', 'video')
  group by d.source
  having sum(d.cost_base) > 0
), counted as (
  select e.entity_kind, e.source, count(*)::numeric as named, count(e.canonical_id)::numeric as mapped
  from facts.events e
  where e.entity_kind not in ('org', 'site') and e.source <> 'system'
    and e.occurred_at >= (:window_start::date)::timestamp at time zone :time_zone
    and e.occurred_at < (:window_end::date + 1)::timestamp at time zone :time_zone
  group by e.entity_kind, e.source
), both_kinds as (
  select s.entity_kind, s.source, s.named, s.mapped, true as spent from spend s
  union all
  select c.entity_kind, c.source, c.named, c.mapped, false from counted c
)
select b.entity_kind,
       b.source,
       {{ metric_of('entity_mapping_coverage', 'b') }} as share,
       case when b.spent then b.named - b.mapped end as unmapped_cost,
       case when not b.spent then (b.named - b.mapped)::bigint end as unmapped_events,
       case when b.spent then b.mapped end as mapped_cost,
       case when b.spent then b.named end as named_cost
from both_kinds b
order by b.spent desc, b.named - b.mapped desc, b.entity_kind, b.source
