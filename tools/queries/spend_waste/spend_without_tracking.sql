/*---
name: spend_without_tracking
version: 3
title: Spend that nobody measures
description: Campaigns that spent money while conversion tracking was missing, unproven, or had stopped reporting.
group: spend_waste
personas: [perf_lead, data_science]
modules: [9, 10]
metrics: [cost]
sources: [daily_metrics, campaigns]
params:
  window:  {type: date_range, default: last_14d, max_days: 200}
  channel: {type: channel, default: all}
columns:
  - {name: campaign, type: text, label: Campaign, entity: true}
  - {name: cost, type: money, label: Unmeasured spend}
  - {name: tracking, type: text, label: Tracking}
  - {name: silent_days, type: count, label: Silent days}
  - {name: last_conversion, type: date, label: Last conversion, when_null: "never"}
  - {name: channel, type: text, label: Channel}
  - {name: entity_id, type: text, hidden: true}
  - {name: campaign_id, type: text, hidden: true}
totals: [cost]
keywords: [tracking, untracked, pixel, tag, "not measured", broken, "conversion tracking"]
examples: ["campaigns without conversion tracking", "untracked spend", "is tracking broken on any paid camp", "pixel or tag not firing where we spend"]
negatives: ["spend with zero conv", "is the data fresh"]
chart: {kind: table}
answer:
  headline: "{total.cost|money} was spent in {window} without measuring what came of it. Campaigns concerned: {n}, first {first.campaign}."
  row: "{campaign} ({channel}): {cost|money}, tracking {tracking}, last conversion {last_conversion|date}"
  empty: "Every campaign that spent money in {window} reports conversions; no gap found."
  notes:
    - "Missing and unproven follow the platform's own setting. Stopped: no conversion came although six or more were due, for the campaign, its platform or the whole site. Gap: such silence inside the window, over by now. Of both only the silent days are counted."
follow_ups: [data_freshness, wasted_spend, cpa_spikes]
drafts: [pause_campaign, decrease_budget]
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 100}
cache_s: 300
test:
  fixture: shop
  params: {window: {start: "2024-05-06", end: "2024-05-19"}}
  expect: {rows: 3, total.cost: 450.00, first.campaign: Spring Catalogue, first.tracking: gap, first.cost: 300.00, first.silent_days: 3}
---*/
with days as (
  select d.entity_id as campaign_id, d.source, d.channel, d.date, sum(d.clicks) as clicks, sum(d.conversions) as conversions,
         sum(d.cost_base) as cost_base
  from facts.daily_metrics d
  where d.entity_kind = 'campaign' and d.breakdown = ''
    and d.date between :window_start - 28 and :window_end
  group by d.entity_id, d.source, d.channel, d.date
), last_seen as (
  select d.entity_id as campaign_id, max(d.date) as last_on
  from facts.daily_metrics d
  where d.entity_kind = 'campaign' and d.breakdown = '' and d.conversions > 0
    and d.date between :window_start - 400 and :window_end
  group by d.entity_id
), scopes as (
  -- A tag may fail for one campaign, for a platform, or for the whole site: each is looked at for itself.
  select 'campaign ' || d.campaign_id as scope, d.date, sum(d.clicks) as clicks, sum(d.conversions) as conversions
  from days d group by d.campaign_id, d.date
  union all
  select 'platform ' || d.source, d.date, sum(d.clicks), sum(d.conversions) from days d group by d.source, d.date
  union all
  select 'all', d.date, sum(d.clicks), sum(d.conversions) from days d group by d.date
), silence as (
  -- Runs of days without a conversion: the running count of reporting days numbers them.
  select s.scope, s.date, s.clicks, s.conversions,
         sum(s.conversions) over w / nullif(sum(s.clicks) over w, 0) as rate,
         sum(case when s.conversions > 0 then 1 else 0 end) over (partition by s.scope order by s.date) as run
  from scopes s
  window w as (partition by s.scope)
), runs as (
  -- Six expected and none came: chance does that once in four hundred times.
  select s.scope, min(s.date) as first_day, max(s.date) as last_day
  from silence s
  where s.conversions = 0 and s.clicks > 0
  group by s.scope, s.run
  having sum(s.clicks * s.rate) >= 6
), broken as (
  select d.campaign_id, sum(d.cost_base) as cost, count(distinct d.date) as silent_days, max(d.date) as last_day
  from days d
  where d.date >= :window_start and d.conversions = 0 and d.clicks > 0
    and exists (
      select 1 from runs r
      where r.scope in ('campaign ' || d.campaign_id, 'platform ' || d.source, 'all')
        and d.date between r.first_day and r.last_day
    )
  group by d.campaign_id
), window_sums as (
  select d.campaign_id, max(d.channel) as channel, sum(d.cost_base) as cost, sum(d.conversions) as conversions, max(d.date) as last_day,
         count(distinct d.date) filter (where d.conversions = 0 and d.clicks > 0) as silent_days
  from days d
  where d.date >= :window_start and (:channel is null or d.channel = :channel)
  group by d.campaign_id
), states as (
  select w.campaign_id, w.channel, w.cost as window_cost, w.silent_days as window_silent, l.last_on,
         b.cost as broken_cost, b.silent_days as broken_days,
         case when k.tracking = 'missing' then 'missing'
              when b.last_day = w.last_day then 'stopped'
              when coalesce(k.tracking, 'unknown') = 'unknown' and w.conversions = 0 and l.last_on is null then 'unproven'
              when b.campaign_id is not null then 'gap'
         end as tracking,
         coalesce(k.name, w.campaign_id) as name
  from window_sums w
  left join facts.campaigns k on k.id = w.campaign_id
  left join last_seen l on l.campaign_id = w.campaign_id
  left join broken b on b.campaign_id = w.campaign_id
  where w.cost > 0
)
select s.name as campaign,
       case when s.tracking in ('gap', 'stopped') then s.broken_cost else s.window_cost end as cost,
       s.tracking,
       case when s.tracking in ('gap', 'stopped') then s.broken_days else s.window_silent end as silent_days,
       s.last_on as last_conversion,
       s.channel,
       s.campaign_id as entity_id,
       s.campaign_id
from states s
where s.tracking is not null
order by case when s.tracking in ('gap', 'stopped') then s.broken_cost else s.window_cost end desc nulls last, s.campaign_id
