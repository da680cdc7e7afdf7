/*---
name: wasted_spend
version: 6
title: Spend without conversions
description: Campaigns, creatives or search terms that cost at least a threshold and brought no conversion in the window.
group: spend_waste
personas: [perf_lead, cmo]
modules: [10]
metrics: [wasted_spend, waste_share]
sources: [daily_metrics, search_terms]
params:
  window:    {type: date_range, default: last_30d, max_days: 400}
  level:     {type: enum, values: [campaign, creative, search_term], default: campaign}
  min_spend: {type: money, default: 100, min: 0, max: 1000000}
  channel:   {type: channel, default: all}
  platform:  {type: platform, default: all}
  limit:     {type: integer, default: 10, min: 1, max: 50}
columns:
  - {name: entity, type: text, label: Name, entity: true}
  - {name: cost, type: money, label: Spend}
  - {name: clicks, type: count, label: Clicks}
  - {name: conversions, type: count, label: Conversions}
  - {name: expected, type: number, label: Expected conversions, when_null: "no rate to compare with"}
  - {name: evidence, type: text, label: Evidence}
  - {name: last_conversion_on, type: date, label: Last conversion, when_null: "never"}
  - {name: caution, type: text, label: Mind, when_null: "nothing special"}
  - {name: share, type: fraction, label: Share of spend}
  - {name: saving, type: money, label: Saved a week, hidden: true}
  - {name: unreported, type: money, label: Left out, hidden: true}
  - {name: campaign, type: text, hidden: true}
  - {name: entity_kind, type: text, hidden: true}
  - {name: entity_id, type: text, hidden: true}
  - {name: campaign_id, type: text, hidden: true}
  - {name: ad_group_id, type: text, hidden: true}
  - {name: platform_ids, type: text, hidden: true}
totals: [cost, clicks, share, saving]
keywords: [waste, wasted, burning, leak, "zero conversions", "no conversions", useless, "nothing to show"]
examples: ["what are we burning money on", "wasted ad spend past 30d", "spend with zero conv", "budget leaks", "find waste"]
negatives: ["how much did we spend", "which search terms should be negatives", "losers last 2 wks"]
chart: {kind: bar, x: entity, y: cost, sort: desc}
answer:
  headline: "{total.cost|money} went to {n} {level|plural} without a conversion in {window}: {total.share|pct1} of spend, {total.saving|money} a week."
  row: "{rank}. {entity}: {cost|money}, {clicks|int} clicks, {evidence} ({expected|dec1} conversions were to be expected), last conversion {last_conversion_on|date}"
  empty: "No {level} spent {min_spend|money} or more without a conversion in {window}. Nothing wasted at this level, as far as conversions are reported: spend without tracking lists campaigns that report none."
  notes:
    - "Proven: at the channel's usual rate at least three conversions were expected; possible: too few clicks to be sure, so wait or look closer before you cut."
    - "Left out: campaigns that report no conversions at all ({first.unreported|money} in {window}). Whether that was wasted cannot be told; spend without tracking lists them."
    - "Yesterday's clicks and days on which tracking was down do not count as proof. Conversions may arrive late; {freshness}."
follow_ups: [search_term_waste, cpa_spikes, spend_without_tracking]
drafts: [pause_campaign, decrease_budget, reallocate_budget, add_negative_keyword]
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 50}
cache_s: 300
test:
  fixture: shop
  params: {window: {start: "2024-05-06", end: "2024-05-19"}, min_spend: 100}
  expect: {rows: 2, total.cost: 570.00, total.clicks: 285, total.share: 0.134752, first.entity: Spring Clearance, first.evidence: proven, first.expected: 8.966038, total.saving: 285.00}
---*/
with platform_days as (
  select d.source, d.date, sum(d.clicks) as clicks, sum(d.conversions) as conversions
  from facts.daily_metrics d
  where d.entity_kind = 'campaign' and d.breakdown = '' and d.date between :window_start and :window_end
  group by d.source, d.date
), platform_rates as (
  select p.source, {{ metric('cvr_click', 'p') }} as rate
  from platform_days p group by p.source
), outages as (
  -- A whole platform that reports (almost) nothing where several conversions were due: tracking, not waste.
  select p.source, p.date
  from platform_days p join platform_rates r on r.source = p.source
  where (p.conversions = 0 and p.clicks * r.rate >= 3)
     or (p.clicks * r.rate >= 8 and p.conversions < 0.25 * p.clicks * r.rate)
), campaign_days as (
  select d.entity_id as campaign_id, d.platform_id, d.source, d.channel, d.date, d.clicks, d.conversions, d.cost_base,
         o.date is null and not d.incomplete and (d.is_final or d.date < :today - 1) as settled
  from facts.daily_metrics d
  left join outages o on o.source = d.source and o.date = d.date
  where d.entity_kind = 'campaign' and d.breakdown = '' and d.date between :window_start and :window_end
    and (:channel is null or d.channel = :channel)
    and (:platform is null or d.source = :platform)
), settled_days as (
  select distinct c.source, c.date from campaign_days c where c.settled
), channel_rates as (
  -- Brand campaigns convert far better: they are compared with each other only.
  select c.channel, coalesce(k.is_brand, false) as is_brand,
         nullif(sum(c.conversions), 0) / nullif(sum(c.clicks), 0) as rate
  from campaign_days c left join facts.campaigns k on k.id = c.campaign_id
  where c.settled
  group by c.channel, coalesce(k.is_brand, false)
), units as (
  -- What acts on ads and search terms is one campaign of a platform; campaigns that are one are judged as one.
  select 'campaign' as entity_kind, c.campaign_id as entity_id, c.campaign_id, null::text as ad_group_id, c.channel,
         sum(c.cost_base) as cost, sum(c.clicks) as clicks, sum(c.conversions) as conversions,
         coalesce(sum(c.clicks) filter (where c.settled), 0) as proof_clicks, array_agg(distinct c.platform_id) as parts
  from campaign_days c
  where :level = 'campaign'
  group by c.campaign_id, c.channel
  union all
  select 'creative', d.entity_id, max(a.platform_campaign_id), max(a.ad_group_id), d.channel,
         sum(d.cost_base), sum(d.clicks), sum(d.conversions),
         coalesce(sum(d.clicks) filter (where s.date is not null and not d.incomplete), 0), null
  from facts.daily_metrics d
  left join facts.creatives a on a.id = d.entity_id
  left join settled_days s on s.source = d.source and s.date = d.date
  where :level = 'creative' and d.entity_kind = 'ad' and d.breakdown = ''
    and d.date between :window_start and :window_end
    and (:channel is null or d.channel = :channel)
    and (:platform is null or d.source = :platform)
  group by d.entity_id, d.channel
  union all
  select 'search_term', t.term, t.platform_campaign_id, max(t.ad_group_id), coalesce(k.channel, 'unknown'),
         sum(t.cost_base), sum(t.clicks), sum(t.conversions),
         coalesce(sum(t.clicks) filter (where s.date is not null), 0), null
  from facts.search_terms t
  left join facts.campaigns k on k.id = t.platform_campaign_id
  left join settled_days s on s.source = k.source and s.date = t.date
  where :level = 'search_term' and t.status <> 'excluded'
    and t.date between :window_start and :window_end
    and (:channel is null or k.channel = :channel)
    and (:platform is null or k.source = :platform)
  group by t.term, t.platform_campaign_id, coalesce(k.channel, 'unknown')
), scope as (
  select sum(u.cost) as cost,
         sum(u.cost) filter (where k.tracking = 'missing') as unreported
  from units u left join facts.campaigns k on k.id = u.campaign_id
), wasted as (
  select u.entity_kind, u.entity_id, u.campaign_id, u.ad_group_id, u.cost, u.clicks, u.conversions, u.expected, u.parts,
         coalesce(c.name, k.name) as campaign,
         coalesce(k.is_brand, false) as is_brand,
         lower(coalesce(k.objective, '')) like '%aware%' or lower(coalesce(k.objective, '')) like '%reach%' as awareness,
         k.status
  from (
    -- Each part at the rate of its own channel.
    select x.entity_kind, x.entity_id, x.campaign_id, max(x.ad_group_id) as ad_group_id, sum(x.cost) as cost, sum(x.clicks) as clicks,
           sum(x.conversions) as conversions, sum(x.proof_clicks * r.rate) as expected,
           string_agg(array_to_string(x.parts, ', '), ', ' order by x.channel) as parts
    from units x
    left join facts.campaigns b on b.id = x.campaign_id
    left join channel_rates r on r.channel = x.channel and r.is_brand = coalesce(b.is_brand, false)
    group by x.entity_kind, x.entity_id, x.campaign_id
  ) u
  left join facts.campaigns k on k.id = u.campaign_id
  left join facts.campaigns c on c.id = k.canonical_id
  where u.conversions = 0 and u.cost >= :min_spend and u.cost > 0
    -- No conversion told is not no conversion.
    and coalesce(k.tracking, 'unknown') <> 'missing'
), last_seen as (
  select w.entity_kind, w.entity_id, w.campaign_id, max(x.date) as last_on
  from wasted w
  join (
    select d.entity_kind as kind, d.entity_id as id, null::text as campaign_id, d.date
    from facts.daily_metrics d
    where d.entity_kind = case :level when 'creative' then 'ad' else 'campaign' end
      and :level <> 'search_term' and d.breakdown = '' and d.conversions > 0
      and d.date between :window_start - 400 and :window_end
    union all
    select 'search_term', t.term, t.platform_campaign_id, t.date
    from facts.search_terms t
    where :level = 'search_term' and t.conversions > 0 and t.date between :window_start - 400 and :window_end
  ) x on x.id = w.entity_id
     and x.kind = case w.entity_kind when 'creative' then 'ad' else w.entity_kind end
     and (x.campaign_id is null or x.campaign_id = w.campaign_id)
  group by w.entity_kind, w.entity_id, w.campaign_id
)
select case w.entity_kind
         when 'campaign' then coalesce(w.campaign, w.entity_id)
         when 'creative' then coalesce(nullif(a.headlines[1], ''), e.name, w.entity_id)
         else w.entity_id
       end as entity,
       w.cost,
       w.clicks,
       w.conversions,
       w.expected,
       case when w.expected >= 3 and not w.awareness
            then 'proven' else 'possible' end as evidence,
       l.last_on as last_conversion_on,
       case when w.awareness then 'its goal is awareness'
            when w.is_brand then 'brand campaign'
            when w.status = 'paused' then 'already paused'
            when w.status in ('ended', 'archived', 'removed') then 'already ended'
            when w.parts like '%, %' then 'runs as ' || w.parts || ': each is paused by itself'
       end as caution,
       w.cost / nullif(p.cost, 0) as share,
       w.cost * 7 / (:window_end - :window_start + 1) as saving,
       p.unreported,
       w.campaign,
       w.entity_kind,
       w.entity_id,
       w.campaign_id,
       w.ad_group_id,
       w.parts as platform_ids
from wasted w
cross join scope p
left join facts.creatives a on w.entity_kind = 'creative' and a.id = w.entity_id
left join facts.entities e on w.entity_kind = 'creative' and e.kind = 'ad' and e.id = w.entity_id
left join last_seen l on l.entity_kind = w.entity_kind and l.entity_id = w.entity_id
                     and l.campaign_id is not distinct from w.campaign_id
order by w.cost desc nulls last, w.entity_id, w.campaign_id
