/*---
name: lead_source_chain
version: 2
title: Where one lead came from
description: First, middle and last touch of one lead, in order, with channel, campaign and landing page; never a name or a contact.
group: funnel_leads
personas: [perf_lead, data_science]
modules: []
metrics: []
sources: [leads, touches]
params:
  lead: {type: lead, required: true, description: "The id of the lead."}
columns:
  - {name: at, type: instant, label: When, when_null: "not recorded"}
  - {name: touch, type: text, label: Touch}
  - {name: channel, type: text, label: Channel}
  - {name: campaign, type: text, label: Campaign, when_null: "no campaign", entity: true}
  - {name: landing_page, type: text, label: Landing page, when_null: "unknown"}
  - {name: hours_before_lead, type: hours, label: Hours before the lead, when_null: "not recorded"}
  - {name: campaign_id, type: text, hidden: true}
totals: []
keywords: ["lead id", "came from", "first touch", history, origin, "single lead", touchpoints]
examples: ["where did lead 4812 come from", "first touch of lead 4812", "attribution chain for lead 977", "source history of this lead"]
negatives: ["how many leads did we get", "most common conversion paths"]
chart: {kind: table}
answer:
  headline: "Lead {lead} took {n} steps; it began with {first.channel}."
  row: "{at|date}: {touch}, {channel}, {campaign}, {landing_page}"
  empty: "No lead with the id {lead} is known, or nothing is recorded of its way here."
  notes: ["Touches of the ninety days before the lead. Names and contacts are never shown."]
follow_ups: [leads_by_channel, cpl_by_campaign, time_to_convert]
drafts: []
access: {permission: query.run, pii: masked}
limits: {timeout_ms: 3000, max_rows: 100}
cache_s: 60
test:
  fixture: shop
  params: {lead: "4812"}
  expect: {rows: 3, first.touch: first touch, first.channel: seo, first.hours_before_lead: 290}
---*/
with one as (
  select l.id, l.created_at, l.customer_id, l.first_touch_channel, l.first_touch_campaign_id, l.last_touch_channel,
         l.last_touch_campaign_id
  from facts.leads l
  -- The whole id goes before the number alone; of a number that several leads have, the caller is asked.
  where l.id = :lead
     or (split_part(l.id, ':', 2) = :lead and not exists (select 1 from facts.leads x where x.id = :lead))
), seen as (
  select t.occurred_at as at, t.channel, t.campaign_id, t.landing_path, o.created_at
  from one o
  join facts.touches t on t.customer_id = o.customer_id
  where t.occurred_at <= o.created_at and t.occurred_at <= :as_of and t.occurred_at > o.created_at - interval '90 days'
), chain as (
  select s.at, 1 as step, s.channel, s.campaign_id, s.landing_path, s.created_at from seen s
  union all
  -- What the form itself stored, where no visit is recorded: the moments are not known.
  select null::timestamptz, x.step, x.channel, x.campaign_id, null, o.created_at
  from one o
  cross join lateral (values (1, o.first_touch_channel, o.first_touch_campaign_id),
                             (2, o.last_touch_channel, o.last_touch_campaign_id)) as x (step, channel, campaign_id)
  where x.channel is not null and not exists (select 1 from seen s)
), numbered as (
  select c.at, c.channel, c.campaign_id, c.landing_path, c.created_at,
         row_number() over (order by c.at, c.step, c.channel, c.landing_path) as n,
         count(*) over () as touches
  from chain c
)
select n.at,
       case when n.n = 1 and n.touches = 1 then 'only touch'
            when n.n = 1 then 'first touch'
            when n.n = n.touches then 'last touch'
            else 'touch between' end as touch,
       n.channel,
       coalesce(k.name, nullif(n.campaign_id, '')) as campaign,
       nullif(n.landing_path, '') as landing_page,
       extract(epoch from n.created_at - n.at) / 3600 as hours_before_lead,
       n.campaign_id
from numbered n
left join facts.campaigns k on k.id = n.campaign_id
order by n.at, n.n
