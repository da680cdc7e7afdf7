/*---
name: approvals_history
version: 1
title: Decisions on drafts
description: Drafts that were decided, by whom, how and how fast, with the reason of a rejection and the share that was approved.
group: governance
personas: [compliance, cmo]
modules: [11]
metrics: [approval_acceptance_rate, time_to_review_h]
sources: [drafts, reviews]
params:
  window:   {type: date_range, default: last_30d, max_days: 800}
  type:     {type: enum, values_from: drafts.type, default: all}
  decision: {type: enum, values: [all, approved, rejected, cancelled, expired], default: all}
  limit:    {type: integer, default: 10, min: 1, max: 100}
columns:
  - {name: decided, type: instant, label: Decided}
  - {name: draft, type: text, label: Draft, entity: true}
  - {name: reviewer, type: text, label: Reviewer, when_null: "nobody"}
  - {name: decision, type: text, label: Decision}
  - {name: hours, type: hours, label: After}
  - {name: note, type: text, label: Reason, when_null: "–"}
  - {name: outcome, type: text, label: Now}
  - {name: risk, type: text, label: Risk}
  - {name: type, type: text, label: Kind}
  - {name: median_hours, type: hours, hidden: true}
  - {name: approved, type: count, hidden: true}
  - {name: judged, type: count, hidden: true}
  - {name: entity_id, type: text, hidden: true}
totals: [approved, judged, {name: acceptance, ratio: [approved, judged]}]
keywords: [approved, rejected, "acceptance rate", "review time", decisions, "approved vs rejected"]
examples: ["what got approved last month", "rejected drafts", "acceptance rate of ai suggestions", "avg review time"]
negatives: ["what needs approval", "actions executed last wk", "did our recs work"]
chart: {kind: table}
answer:
  headline: "{total.approved|int} of {total.judged|int} drafts were approved in {window} ({total.acceptance|pct1}); half of the decisions took less than {first.median_hours|hours}."
  row: "{decided|date} {draft}: {decision} by {reviewer} after {hours|hours} · reason: {note} · now {outcome}"
  empty: "No draft was decided in {window}."
  notes: ["The share counts approved and rejected drafts; cancelled and expired ones were never judged. What reviewers wrote stays on the card."]
follow_ups: [approvals_pending, audit_search]
drafts: []
access: {permission: draft.read, pii: none}
limits: {timeout_ms: 3000, max_rows: 100}
cache_s: 60
test:
  fixture: shop
  params: {}
  expect: {rows: 4, total.approved: 2, total.judged: 3, total.acceptance: 0.666667, first.draft: "#5 Increase budget: Brand Search", first.decision: approved, first.reviewer: Aron Keller, first.hours: 2, first.median_hours: 4, 1.decision: rejected, 1.note: bad timing}
---*/
with decided as (
  select d.id, d.number, d.type, d.entity_kind, d.entity_id, d.state, d.tier, d.revision, d.decided_by, d.created_at,
         coalesce(d.decided_at, d.updated_at) as decided_at,
         case when d.state in ('rejected', 'cancelled', 'expired') then d.state else 'approved' end as decision
  from facts.drafts d
  where (d.state in ('rejected', 'cancelled', 'expired') or d.decided_at is not null)
    and d.state not in ('pending', 'changes_requested')
    and (coalesce(d.decided_at, d.updated_at) at time zone :time_zone)::date between :window_start and :window_end
    and (:type is null or d.type = :type)
), wanted as (
  select d.id, d.number, d.type, d.entity_kind, d.entity_id, d.state, d.tier, d.revision, d.decided_by, d.decided_at, d.decision,
         extract(epoch from d.decided_at - d.created_at) / 3600 as hours
  from decided d
  where :decision is null or :decision = 'all' or d.decision = :decision
), middle as (
  select (percentile_cont(0.5) within group (order by w.hours))::numeric as hours
  from wanted w where w.decision in ('approved', 'rejected')
), reasons as (
  select r.draft_id, max(replace(r.reason_code, '_', ' ')) as reason
  from facts.reviews r
  where r.decision = 'reject' and r.reason_code is not null
  group by r.draft_id
)
select w.decided_at as decided,
       '#' || w.number || ' ' || upper(left(w.type, 1)) || substr(replace(w.type, '_', ' '), 2) || ': '
         || coalesce(e.name, k.name, s.name, w.entity_id) as draft,
       m.name as reviewer,
       w.decision,
       w.hours,
       case when w.decision = 'rejected' then r.reason end as note,
       replace(w.state, '_', ' ') as outcome,
       w.tier as risk,
       w.type,
       x.hours as median_hours,
       case when w.decision = 'approved' then 1 else 0 end as approved,
       case when w.decision in ('approved', 'rejected') then 1 else 0 end as judged,
       w.id::text as entity_id
from wanted w
cross join middle x
left join reasons r on r.draft_id = w.id
left join facts.members m on m.id = w.decided_by
left join facts.entities e on e.kind = w.entity_kind and e.id = w.entity_id
left join facts.campaigns k on w.entity_kind = 'campaign' and k.id = w.entity_id
left join facts.segments s on w.entity_kind = 'segment' and s.id::text = w.entity_id
order by w.decided_at desc, w.number desc
