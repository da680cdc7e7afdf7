/*---
name: leads_by_channel
version: 2
title: Leads by channel
description: Lead counts per channel, their share of all leads and the change against the comparison period.
group: funnel_leads
personas: [perf_lead, cmo]
modules: []
metrics: [leads]
sources: [leads]
params:
  window:  {type: date_range, default: last_28d, max_days: 400}
  compare: {type: compare, default: prior_period}
  channel: {type: channel, default: all}
  platform: {type: platform, default: all}
columns:
  - {name: channel, type: text, label: Channel, entity: true}
  - {name: leads, type: count, label: Leads}
  - {name: before, type: count, label: Before, when_null: "no data"}
  - {name: change, type: fraction, label: Change, when_null: "no comparison"}
  - {name: share, type: fraction, label: Share of leads}
totals: [leads, before]
keywords: [leads, "lead count", enquiries, volume, "by source", "new leads"]
examples: ["how many leads did we get", "leads per channel 7 vs 28 days", "new leads this wk by source", "lead volume"]
negatives: ["cost per lead", "which towns bring leads", "where did lead 4812 come from"]
chart: {kind: bar, x: channel, y: leads, compare: before, sort: desc}
answer:
  headline: "{total.leads|int} leads came in during {window} (period before: {total.before|int}), most from {first.channel}."
  row: "{channel}: {leads|int} leads, {share|pct1} of all · before: {before|int} · change: {change|change}"
  empty: "No leads are recorded in {window}."
  notes: ["A lead counts on the day and for the channel that brought it in."]
follow_ups: [cpl_by_campaign, leads_by_city, quote_booking_funnel]
drafts: []
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 50}
cache_s: 300
test:
  fixture: shop
  params: {window: {start: "2024-05-13", end: "2024-05-19"}, compare: prior_period}
  expect: {rows: 3, total.leads: 50, total.before: 40, first.channel: paid_search, first.leads: 30, first.before: 24, first.change: 0.25, first.share: 0.6}
---*/
with sums as (
  select l.channel,
         count(*) filter (where l.created_on between :window_start and :window_end) as leads,
         count(*) filter (where l.created_on between :compare_start and :compare_end) as before
  from facts.leads l
  where l.created_on between least(:window_start, :compare_start) and :window_end
    and (l.created_on between :window_start and :window_end or l.created_on between :compare_start and :compare_end)
    and (:channel is null or l.channel = :channel)
    and (:platform is null or l.platform_campaign_id in (select c.id from facts.campaigns c where c.source = :platform))
  group by l.channel
), known as materialized (
  -- A period before the first lead of all has no value.
  select exists (select 1 from facts.leads l where l.created_on <= :compare_end) as before_known
)
select s.channel,
       s.leads,
       case when k.before_known then s.before end as before,
       case when k.before_known then (s.leads - s.before)::numeric / nullif(s.before, 0) end as change,
       s.leads / nullif(sum(s.leads) over (), 0) as share
from sums s cross join known k
where s.leads > 0 or s.before > 0
order by s.leads desc nulls last, s.channel
