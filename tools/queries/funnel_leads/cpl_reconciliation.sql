/*---
name: cpl_reconciliation
version: 1
title: Cost per lead against spend
description: Spend of paid channels or campaigns, split into what is owed to leads and what brought none, beside the total that the platforms report for their accounts, with the difference.
group: funnel_leads
personas: [perf_lead, data_science]
modules: []
metrics: [cpl, cost]
sources: [daily_metrics, leads]
params:
  window: {type: date_range, default: last_30d, max_days: 200}
  by: {type: enum, values: [channel, campaign], default: channel}
  channel: {type: channel, default: all}
columns:
  - {name: name, type: text, label: Name, entity: true}
  - {name: cost, type: money, label: Spend}
  - {name: allocated, type: money, label: On campaigns with leads}
  - {name: unallocated, type: money, label: On campaigns without}
  - {name: paid_leads, type: count, label: Leads}
  - {name: cpl, type: money, label: Cost per lead, when_null: "no lead yet"}
  - {name: platform, type: money, label: Platform's total, when_null: "told by channel only"}
  - {name: difference, type: money, label: Difference, when_null: "not told"}
  - {name: sample, type: text, label: Sample, when_null: "enough"}
totals: [cost, allocated, unallocated, paid_leads, platform, difference, {name: cpl, ratio: [cost, paid_leads]}]
keywords: ["leads reconciled with spend", "spend owed to leads", "unallocated spend", "cost per lead adds up", "account total"]
examples: ["does cost per lead add up to our spend", "spend that brought no leads against total spend by channel", "reconcile cost per lead with spend", "unallocated lead spend by campaign"]
negatives: ["cost per lead", "cpl by campaign", "what's our cac", "how much did we spend per channel"]
chart: {kind: table}
answer:
  headline: "Of {total.cost|money} spent in {window}, {total.allocated|money} is on campaigns that brought {total.paid_leads|int} leads ({total.cpl|money} each) and {total.unallocated|money} on campaigns that brought none."
  row: "{rank}. {name}: {cost|money}, of it {unallocated|money} without leads · {paid_leads|int} leads at {cpl|money} · platform: {platform|money}, difference {difference|money}"
  empty: "No paid channel had spend or leads in {window}."
  notes:
    - "A lead counts where its last touch was; spend is all of it, also that of campaigns which sell."
    - "The difference is what a platform reports for the account beyond its campaigns. Fewer than ten leads is a small sample."
follow_ups: [cpl_by_campaign, leads_by_channel, wasted_spend]
drafts: []
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 200}
cache_s: 300
test:
  fixture: shop
  params: {window: {start: "2024-05-13", end: "2024-05-19"}}
  expect: {rows: 2, total.cost: 2330.00, total.allocated: 2120.00, total.unallocated: 210.00, total.paid_leads: 40, total.cpl: 58.25, first.name: paid_search, first.cost: 1350.00}
---*/
with spend as (
  select coalesce(m.canonical_id, d.entity_id) as campaign_id, d.channel, sum(d.cost_base) as cost_base
  from facts.daily_metrics d
  left join facts.entity_map m on m.kind = 'campaign' and m.id = d.entity_id
  where d.entity_kind = 'campaign' and d.breakdown = '' and d.date between :window_start and :window_end
    and d.channel in ('paid_search', 'paid_social', 'display', 'video')
    and (:channel is null or d.channel = :channel)
  group by 1, 2
), led as (
  select coalesce(m.canonical_id, l.campaign_id, '') as campaign_id, l.channel, count(*) as paid_leads
  from facts.leads l
  left join facts.entity_map m on m.kind = 'campaign' and m.id = l.campaign_id
  where l.channel in ('paid_search', 'paid_social', 'display', 'video')
    and l.created_on between :window_start and :window_end
    and (:channel is null or l.channel = :channel)
  group by 1, 2
), cells as (
  select coalesce(s.campaign_id, l.campaign_id) as campaign_id, coalesce(s.channel, l.channel) as channel,
         coalesce(s.cost_base, 0) as cost_base, coalesce(l.paid_leads, 0) as paid_leads,
         exists (select 1 from led b where b.campaign_id = coalesce(s.campaign_id, l.campaign_id)) as brought
  from spend s
  full join led l on l.campaign_id = s.campaign_id and l.channel = s.channel
  where coalesce(s.cost_base, 0) > 0 or l.paid_leads > 0
), told as (
  select d.channel, sum(d.cost_base) as platform
  from facts.daily_metrics d
  where d.entity_kind = 'account' and d.breakdown = '' and d.date between :window_start and :window_end
    and d.channel in ('paid_search', 'paid_social', 'display', 'video')
  group by d.channel
), grouped as (
  select case when :by = 'campaign' then c.campaign_id else c.channel end as key,
         sum(c.cost_base) as cost_base, sum(c.paid_leads)::bigint as paid_leads,
         coalesce(sum(c.cost_base) filter (where c.brought), 0) as allocated
  from cells c
  group by 1
)
select case when :by = 'channel' then g.key else coalesce(k.name, nullif(g.key, ''), 'no campaign') end as name,
       g.cost_base as cost,
       g.allocated,
       g.cost_base - g.allocated as unallocated,
       g.paid_leads,
       {{ metric_of('cpl', 'g') }} as cpl,
       t.platform,
       t.platform - g.cost_base as difference,
       case when g.paid_leads < 10 then 'small sample' end as sample
from grouped g
left join facts.campaigns k on :by = 'campaign' and k.id = g.key
left join told t on :by = 'channel' and t.channel = g.key
order by g.cost_base desc, g.key
