/*---
name: audit_search
version: 1
title: Search of the audit log
description: Entries of the immutable log, newest first, by person, kind of actor, action, campaign or words.
group: governance
personas: [compliance]
modules: [11]
metrics: []
sources: [audit_log]
params:
  window:     {type: date_range, default: last_30d, max_days: 2600}
  actor:      {type: text, description: "Part of a person's name, or an id."}
  actor_type: {type: enum, values: [all, member, agent, system, api_key], default: all}
  action:     {type: text, description: "Part of an action, such as draft.approved."}
  campaign:   {type: campaign, default: all}
  q:          {type: text, description: "Words to look for in action, object and actor."}
  limit:      {type: integer, default: 20, min: 1, max: 200}
columns:
  - {name: at, type: instant, label: When}
  - {name: actor, type: text, label: Who}
  - {name: action, type: text, label: Action}
  - {name: object, type: text, label: What, entity: true}
  - {name: consent_check, type: text, label: Consent check, when_null: "none needed"}
  - {name: status, type: text, label: Outcome}
  - {name: surface, type: text, label: Through}
  - {name: seq, type: number, label: Entry}
  - {name: entries, type: count, hidden: true}
  - {name: entity_id, type: text, hidden: true}
totals: [entries]
keywords: [audit, log, trail, "who edited", "who changed", "everything did", "audit trail"]
examples: ["audit log for harvest sale", "who edited targeting or budget", "everything the ai did last week", "audit trail of user 17"]
negatives: ["what changed in the ad accounts", "who queried customer data", "what got approved last month"]
chart: {kind: table}
answer:
  headline: "Entries of the audit log that match in {window}: {n}."
  row: "{at|time} {actor}: {action} · {object} · {status}, through {surface} (entry {seq})"
  empty: "No entry of the audit log matches in {window}."
  notes: ["The log can only grow: every entry carries the hash of the one before it, so a change would show. Today's entries are included when the window ends yesterday."]
follow_ups: [approvals_history, approvals_pending, consent_status]
drafts: []
access: {permission: audit.read, pii: none}
limits: {timeout_ms: 5000, max_rows: 200}
cache_s: 0
test:
  fixture: shop
  params: {campaign: "google_ads:1002"}
  expect: {rows: 2, total.entries: 2, first.action: execution.executed, first.status: done, first.object: "draft #5 Increase budget: Brand Search", 1.action: draft.approved, 1.actor: Aron Keller}
---*/
with drafts as (
  select d.id::text as id, d.entity_id,
         'draft #' || d.number || ' ' || upper(left(d.type, 1)) || substr(replace(d.type, '_', ' '), 2) || ': '
           || coalesce(e.name, d.entity_id) as name
  from facts.drafts d
  left join facts.entities e on e.kind = d.entity_kind and e.id = d.entity_id
), entries as (
  select l.seq, l.at, l.actor_type, l.actor_id, l.action, l.object_type, l.object_id, l.surface, l.consent_check,
         coalesce(m.name, case l.actor_type when 'agent' then 'the agent' when 'system' then 'the program'
                                            when 'api_key' then 'an API key' else l.actor_id end)
           || case when b.name is not null and l.actor_type <> 'member' then ' for ' || b.name else '' end as who,
         coalesce(d.name, k.name, replace(l.object_type, '_', ' ') || case when l.object_id = '' then '' else ' ' || l.object_id end) as object,
         d.entity_id as draft_entity
  from facts.audit_log l
  left join facts.members m on l.actor_type = 'member' and m.id::text = l.actor_id
  left join facts.members b on b.id = l.on_behalf_of
  left join drafts d on l.object_type in ('draft', 'execution', 'rollback') and d.id = l.object_id
  left join facts.campaigns k on l.object_type = 'campaign' and k.id = l.object_id
  where ((l.at at time zone :time_zone)::date between :window_start and :window_end
         or (:window_end = :today - 1 and (l.at at time zone :time_zone)::date = :today))
    and (:actor_type is null or :actor_type = 'all' or l.actor_type = :actor_type)
)
select e.at,
       e.who as actor,
       e.action,
       e.object,
       nullif(e.consent_check, '') as consent_check,
       case when e.action like '%failed' or e.action like '%broken' then 'failed'
            when e.action like '%refused' or e.action like '%denied' or e.action like '%blocked' then 'refused'
            when e.action like '%started' or e.action like '%requested' then 'begun'
            else 'done' end as status,
       e.surface,
       e.seq,
       1 as entries,
       e.object_id as entity_id
from entries e
where (:actor is null or position(lower(:actor) in lower(e.who)) > 0 or e.actor_id = :actor)
  and (:action is null or position(lower(:action) in lower(e.action)) > 0)
  and (:campaign is null or e.object_id = :campaign or e.draft_entity = :campaign)
  and (:q is null or position(lower(:q) in lower(e.who || ' ' || e.action || ' ' || e.object || ' ' || e.object_id)) > 0)
order by e.seq desc
