/*---
name: approvals_pending
version: 2
title: Drafts that wait for a decision
description: Open drafts with who asked, how long they wait, risk, money at stake, expected effect and how many approvals are missing, oldest first.
group: governance
personas: [compliance, cmo, perf_lead, lifecycle_lead, rewards_pm, data_science, ops]
modules: [10, 11]
metrics: [approval_backlog]
sources: [drafts]
params:
  type:  {type: enum, values_from: drafts.type, default: all}
  mine:  {type: bool, default: false, description: "Only drafts that the caller asked for or is to review."}
  limit: {type: integer, default: 10, min: 1, max: 50}
columns:
  - {name: draft, type: text, label: Draft, entity: true}
  - {name: type, type: text, label: Kind}
  - {name: requested_by, type: text, label: Asked by}
  - {name: age, type: hours, label: Waiting}
  - {name: risk, type: text, label: Risk}
  - {name: impact, type: money, label: Expected in a week, when_null: "not in money"}
  - {name: at_stake, type: money, label: Money moved a day}
  - {name: approvals, type: text, label: Approvals}
  - {name: reviewer, type: text, label: Reviewer, when_null: "anyone who may"}
  - {name: state, type: text, label: State}
  - {name: expires, type: instant, label: Expires}
  - {name: blocked_by, type: text, label: Held up by, when_null: "nothing"}
  - {name: waiting, type: count, hidden: true}
  - {name: overdue, type: count, hidden: true}
  - {name: entity_id, type: text, hidden: true}
  - {name: number, type: number, hidden: true}
totals: [waiting, overdue, impact, at_stake]
keywords: [approval, pending, "review queue", waiting, "my drafts", "needs approval", "waiting on"]
examples: ["what needs approval", "pending drafts", "my review queue", "anything waiting on me"]
negatives: ["what got approved last month", "what should i do today"]
chart: {kind: table}
answer:
  headline: "Waiting for a decision: {total.waiting|int}, the oldest for {first.age|hours}; longer than a day: {total.overdue|int}."
  row: "{draft}: {risk} risk · at stake a day: {at_stake|money} · expected in a week: {impact|money} · asked by {requested_by}, {age|hours} ago · approvals {approvals}"
  empty: "Nothing waits for a decision."
  notes: ["Oldest first. Decide with the buttons of each card; nothing runs before. Drafts expire by themselves, so silence is a no."]
follow_ups: [approvals_history, audit_search, consent_status]
drafts: []
access: {permission: draft.read, pii: none}
limits: {timeout_ms: 3000, max_rows: 50}
cache_s: 10
test:
  fixture: shop
  params: {}
  expect: {rows: 2, total.waiting: 2, total.overdue: 1, total.at_stake: 190.00, first.draft: "#7 Pause campaign: Harvest Sale", first.age: 49, first.risk: medium, first.impact: 490.00, first.requested_by: Mara Lindt, first.approvals: "0 of 1"}
---*/
with counted as (
  select r.draft_id, r.revision, count(distinct r.reviewer_id) filter (where r.decision = 'approve' and r.valid) as approvals
  from facts.reviews r
  group by r.draft_id, r.revision
), blocked as (
  select v.draft_id, v.revision, string_agg(g.value ->> 'code', ', ' order by g.value ->> 'code') as codes
  from facts.draft_revisions v
  cross join lateral jsonb_array_elements(case when jsonb_typeof(v.guardrails) = 'array' then v.guardrails else '[]' end) as g (value)
  where g.value ->> 'passed' = 'false' and g.value ->> 'severity' in ('block', 'hold')
  group by v.draft_id, v.revision
)
select '#' || d.number || ' ' || upper(left(d.type, 1)) || substr(replace(d.type, '_', ' '), 2) || ': '
         || coalesce(e.name, k.name, s.name, d.entity_id) as draft,
       d.type,
       case when m.name is not null and d.origin = 'agent' then m.name
            when m.name is not null then m.name
            when d.origin = 'scout' then 'the scout'
            when d.origin = 'rollback' then 'a rollback'
            else 'the agent' end as requested_by,
       extract(epoch from :as_of - d.created_at) / 3600 as age,
       d.tier as risk,
       case when v.expected_effect ->> 'metric' in ('contribution', 'revenue', 'spend_saved', 'value_7d', 'cost')
            then (v.expected_effect ->> 'value')::numeric end as impact,
       d.money_moved as at_stake,
       coalesce(c.approvals, 0)::text || ' of ' || d.required_approvals::text as approvals,
       a.name as reviewer,
       replace(d.state, '_', ' ') as state,
       d.expires_at as expires,
       b.codes as blocked_by,
       1 as waiting,
       case when d.created_at < :as_of - interval '24 hours' then 1 else 0 end as overdue,
       d.id::text as entity_id,
       d.number
from facts.drafts d
left join facts.draft_revisions v on v.draft_id = d.id and v.revision = d.revision
left join counted c on c.draft_id = d.id and c.revision = d.revision
left join blocked b on b.draft_id = d.id and b.revision = d.revision
left join facts.members m on m.id = d.requested_by
left join facts.members a on a.id = d.assigned_to
left join facts.entities e on e.kind = d.entity_kind and e.id = d.entity_id
left join facts.campaigns k on d.entity_kind = 'campaign' and k.id = d.entity_id
left join facts.segments s on d.entity_kind = 'segment' and s.id::text = d.entity_id
where d.state in ('pending', 'changes_requested') and d.expires_at > :as_of
  and (:type is null or d.type = :type)
  and (not coalesce(:mine, false) or d.requested_by::text = :me or d.assigned_to::text = :me)
order by d.created_at, d.number
