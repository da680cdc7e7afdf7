/*---
name: cpl_by_campaign
version: 2
title: Cost per lead by campaign
description: Spend, leads and cost per lead of each lead campaign, worst first or cheapest first, with the change to the period before.
group: funnel_leads
personas: [perf_lead, cmo]
modules: []
metrics: [cpl, cost]
sources: [daily_metrics, leads]
params:
  window:  {type: date_range, default: last_30d, max_days: 200}
  channel: {type: channel, default: all}
  platform: {type: platform, default: all}
  sort:    {type: enum, values: [worst, cheapest], default: worst}
  limit:   {type: integer, default: 10, min: 1, max: 50}
columns:
  - {name: campaign, type: text, label: Campaign, entity: true}
  - {name: cost, type: money, label: Spend}
  - {name: paid_leads, type: count, label: Leads}
  - {name: cpl, type: money, label: Cost per lead, when_null: "spent, no lead yet"}
  - {name: before, type: money, label: Before, when_null: "no comparison"}
  - {name: change, type: fraction, label: Change, when_null: "no comparison"}
  - {name: sample, type: text, label: Sample, when_null: "enough"}
  - {name: channel, type: text, label: Channel}
  - {name: entity_id, type: text, hidden: true}
  - {name: campaign_id, type: text, hidden: true}
totals: [cost, paid_leads, {name: cpl, ratio: [cost, paid_leads]}]
keywords: [cpl, "cost per lead", "lead price", "cheap leads", "expensive leads", "cheapest leads"]
examples: ["cost per lead", "cpl by campaign", "cheapest leads come from where", "which campaign has the worst cpl"]
negatives: ["how many leads did we get", "what's our cac"]
chart: {kind: table}
answer:
  headline: "A lead cost {total.cpl|money} in {window}: {total.cost|money} for {total.paid_leads|int} leads."
  row: "{rank}. {campaign}: {cpl|money} ({cost|money} for {paid_leads|int} leads) · before: {before|money} · change: {change|change}"
  empty: "No paid campaign that brings leads had spend in {window}."
  notes:
    - "Listed: paid campaigns that brought a lead within the last half year or have leads as their goal; sales campaigns are not. Fewer than ten leads is a small sample."
follow_ups: [leads_by_channel, quote_booking_funnel, wasted_spend]
drafts: [reallocate_budget, decrease_budget, increase_budget, pause_campaign]
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 50}
cache_s: 300
test:
  fixture: shop
  params: {window: {start: "2024-05-13", end: "2024-05-19"}}
  expect: {rows: 3, total.cost: 2120.00, total.paid_leads: 40, total.cpl: 53.00, first.campaign: Trail Ads, first.cpl: 98.00, first.before: 87.50, first.change: 0.12}
---*/
with spend as (
  select d.entity_id as campaign_id, max(d.channel) as channel,
         coalesce(sum(d.cost_base) filter (where d.date >= :window_start), 0) as cost_base,
         coalesce(sum(d.cost_base) filter (where d.date < :window_start), 0) as before_cost
  from facts.daily_metrics d
  where d.entity_kind = 'campaign' and d.breakdown = ''
    and d.channel in ('paid_search', 'paid_social', 'display', 'video')
    and d.date between :window_start - (:window_end - :window_start + 1) and :window_end
    and (:channel is null or d.channel = :channel)
    and (:platform is null or d.source = :platform)
  group by d.entity_id
), leads as (
  select l.campaign_id,
         count(*) filter (where l.created_on >= :window_start) as paid_leads,
         count(*) filter (where l.created_on < :window_start
                            and l.created_on >= :window_start - (:window_end - :window_start + 1)) as before_leads,
         count(*) as ever
  from facts.leads l
  where l.campaign_id is not null and l.channel in ('paid_search', 'paid_social', 'display', 'video')
    and l.created_on between :window_start - 180 and :window_end
  group by l.campaign_id
), joined as (
  select s.campaign_id, s.channel, s.cost_base, coalesce(l.paid_leads, 0) as paid_leads,
         s.before_cost / nullif(l.before_leads, 0) as before,
         coalesce(k.name, s.campaign_id) as name
  from spend s
  left join leads l on l.campaign_id = s.campaign_id
  left join facts.campaigns k on k.id = s.campaign_id
  where s.cost_base > 0 and (l.ever > 0 or lower(coalesce(k.objective, '')) like '%lead%')
)
select j.name as campaign,
       j.cost_base as cost,
       j.paid_leads,
       {{ metric_of('cpl', 'j') }} as cpl,
       j.before,
       ({{ metric_of('cpl', 'j') }} - j.before) / nullif(abs(j.before), 0) as change,
       case when j.paid_leads < 10 then 'small sample' end as sample,
       j.channel,
       j.campaign_id as entity_id,
       j.campaign_id
from joined j
order by case when :sort = 'cheapest' then {{ metric_of('cpl', 'j') }} end nulls last,
         case when :sort = 'worst' and j.paid_leads = 0 then 0 else 1 end,
         case when :sort = 'worst' then {{ metric_of('cpl', 'j') }} end desc nulls last,
         j.cost_base desc, j.campaign_id
