/*---
name: cpl_reconciliation
version: 2
title: Cost per lead against spend
description: Spend of paid channels, platforms or campaigns, split into what is owed to leads and what brought none, beside the totals that platforms state for their accounts, with the difference.
group: funnel_leads
personas: [perf_lead, data_science]
modules: []
metrics: [cpl, cost]
sources: [daily_metrics, leads]
params:
  window: {type: date_range, default: last_30d, max_days: 200}
  by: {type: enum, values: [channel, platform, campaign], default: channel}
  channel: {type: channel, default: all}
columns:
  - {name: name, type: text, label: Name, entity: true}
  - {name: cost, type: money, label: Spend}
  - {name: allocated, type: money, label: On campaigns with leads}
  - {name: unallocated, type: money, label: On campaigns without}
  - {name: paid_leads, type: count, label: Leads}
  - {name: cpl, type: money, label: Cost per lead, when_null: "no lead yet"}
  - {name: platform, type: money, label: Platform's total, when_null: "not stated for these"}
  - {name: difference, type: money, label: Difference, when_null: "not compared"}
  - {name: sample, type: text, label: Sample, when_null: "enough"}
  - {name: compared, type: text, hidden: true}
  - {name: not_compared, type: text, hidden: true}
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
    - "Fewer than ten leads is a small sample. The difference is what a platform states for its account beyond the sum of its campaigns, on days of which both are known; by channel where all of the account is of that channel."
    - "Compared with the account's total: {first.compared}."
    - "Not compared, because no total of the account was stated: {first.not_compared}."
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
  select d.entity_id as campaign_id, d.channel, d.source, sum(d.cost_base) as cost_base,
         row_number() over (partition by d.entity_id, d.channel order by sum(d.cost_base) desc, d.source) as place
  from facts.daily_metrics d
  where d.entity_kind = 'campaign' and d.breakdown = '' and d.date between :window_start and :window_end
    and d.channel in ('paid_search', 'paid_social', 'display', 'video')
    and (:channel is null or d.channel = :channel)
  group by d.entity_id, d.channel, d.source
), led as (
  select coalesce(l.campaign_id, '') as campaign_id, l.channel, count(*) as paid_leads
  from facts.leads l
  where l.channel in ('paid_search', 'paid_social', 'display', 'video')
    and l.created_on between :window_start and :window_end
    and (:channel is null or l.channel = :channel)
  group by 1, 2
), cells as (
  -- A campaign on several platforms has its leads where it cost most.
  select coalesce(s.campaign_id, l.campaign_id) as campaign_id, coalesce(s.channel, l.channel) as channel,
         coalesce(s.source, k.source) as platform,
         coalesce(s.cost_base, 0) as cost_base, coalesce(l.paid_leads, 0) as paid_leads,
         exists (select 1 from led b where b.campaign_id = coalesce(s.campaign_id, l.campaign_id)) as brought
  from spend s
  full join led l on l.campaign_id = s.campaign_id and l.channel = s.channel and s.place = 1
  left join facts.campaigns k on k.id = l.campaign_id
  where coalesce(s.cost_base, 0) > 0 or l.paid_leads > 0
), told as (
  -- What platforms state of their accounts. A sum of the campaigns in a file says nothing beyond them.
  select d.source, d.account_id, d.date, sum(d.cost_base) as told
  from facts.daily_metrics d
  where d.entity_kind = 'account' and d.breakdown = '' and d.date between :window_start and :window_end and not d.is_sum
  group by d.source, d.account_id, d.date
), account_days as (
  select d.source, d.account_id, d.date, d.channel, sum(d.cost_base) as cost_base
  from facts.daily_metrics d
  where d.entity_kind = 'campaign' and d.breakdown = '' and d.date between :window_start and :window_end
  group by d.source, d.account_id, d.date, d.channel
), platforms as (
  -- On the days of an account of which both are known.
  select u.source, sum(u.cost_base) as spent, sum(u.spent) as beside, sum(u.told) as told,
         coalesce(bool_and(u.told is not null), false) as whole, max(u.most) as channel, max(u.most) = min(u.least) as is_one
  from (
    select coalesce(t.source, a.source) as source, sum(a.cost_base) as cost_base,
           case when t.date is not null then coalesce(sum(a.cost_base), 0) end as spent, t.told,
           max(a.channel) as most, min(a.channel) as least
    from told t
    full join account_days a on a.source = t.source and a.account_id = t.account_id and a.date = t.date
    group by coalesce(t.source, a.source), coalesce(t.account_id, a.account_id), coalesce(t.date, a.date), t.date, t.told
  ) u
  group by u.source
), stated as (
  select p.source as key, p.told, p.beside
  from platforms p where :by = 'platform' and p.told is not null and :channel is null
  union all
  select p.channel, sum(p.told), sum(p.beside)
  from platforms p
  where :by = 'channel' and p.told is not null and p.is_one
    and not exists (
      select 1 from account_days o
      where o.channel = p.channel and o.cost_base > 0
        and o.source not in (select q.source from platforms q where q.told is not null and q.is_one))
  group by p.channel
), lists as (
  select string_agg(n.name, ', ' order by n.name) filter (where n.told is not null) as compared,
         string_agg(n.name || case when n.told is null then '' else ' on some days' end, ', ' order by n.name)
           filter (where n.spent > 0 and not n.whole) as not_compared
  from (
    select replace(replace(initcap(replace(p.source, '_', ' ')), 'Tiktok', 'TikTok'), 'Linkedin', 'LinkedIn') as name,
           p.told, p.spent, p.whole
    from platforms p
  ) n
), grouped as (
  select case :by when 'campaign' then c.campaign_id when 'platform' then coalesce(c.platform, 'unknown') else c.channel end as key,
         sum(c.cost_base) as cost_base, sum(c.paid_leads)::bigint as paid_leads,
         coalesce(sum(c.cost_base) filter (where c.brought), 0) as allocated
  from cells c
  group by 1
)
select case when :by = 'campaign' then coalesce(k.name, nullif(g.key, ''), 'no campaign') else g.key end as name,
       g.cost_base as cost,
       g.allocated,
       g.cost_base - g.allocated as unallocated,
       g.paid_leads,
       {{ metric_of('cpl', 'g') }} as cpl,
       t.told as platform,
       t.told - t.beside as difference,
       case when g.paid_leads < 10 then 'small sample' end as sample,
       l.compared,
       l.not_compared
from grouped g
cross join lists l
left join facts.campaigns k on :by = 'campaign' and k.id = g.key
left join stated t on t.key = g.key
order by g.cost_base desc, g.key
