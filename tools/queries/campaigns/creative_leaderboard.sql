/*---
name: creative_leaderboard
version: 2
title: Ads ranked
description: Ads with headline, call to action, click rate, conversion rate, revenue and return, best or worst first.
group: campaigns
personas: [perf_lead]
modules: [5]
metrics: [impressions, ctr, conversions, cvr_click, revenue, roas]
sources: [daily_metrics, creatives]
params:
  campaign: {type: campaign, default: all}
  window:   {type: date_range, default: last_14d, max_days: 400}
  sort:     {type: enum, values: [ctr, roas, cvr, conversions, revenue], default: ctr}
  order:    {type: enum, values: [top, bottom], default: top}
  limit:    {type: integer, default: 10, min: 1, max: 50}
columns:
  - {name: creative, type: text, label: Ad, entity: true}
  - {name: headline, type: text, label: Headline, when_null: "no text known"}
  - {name: cta, type: text, label: Call to action, when_null: "none"}
  - {name: impressions, type: count, label: Impressions}
  - {name: ctr, type: fraction, label: Click rate, when_null: "small sample"}
  - {name: conversions, type: count, label: Conversions}
  - {name: cvr, type: fraction, label: Conversion rate, when_null: "small sample"}
  - {name: revenue, type: money, label: Revenue, when_null: "not recorded"}
  - {name: cost, type: money, label: Spend}
  - {name: roas, type: ratio, label: Return, when_null: "no value"}
  - {name: campaign, type: text, label: Campaign}
  - {name: shown, type: text, hidden: true}
  - {name: lead, type: text, hidden: true}
  - {name: return_cost, type: money, label: Spend with known revenue, hidden: true}
  - {name: entity_id, type: text, hidden: true}
  - {name: campaign_id, type: text, hidden: true}
totals: [impressions, conversions, revenue, cost, {name: roas, ratio: [revenue, return_cost]}]
keywords: [creative, "ad copy", headline, cta, image, "best ad", "worst ad"]
examples: ["best ads", "which headline wins", "top creatives by ctr", "ad copy performance for brand search", "worst creative in harvest sale"]
negatives: ["best campaigns last 7d", "which ads are burning out"]
chart: {kind: table, columns: [creative, headline, ctr, cvr, roas]}
answer:
  headline: "Of {n} ads in {window}, {order|label} by {sort|label}: {first.lead}\"{first.shown}\" of {first.campaign}, click rate {first.ctr|pct2}, conversion rate {first.cvr|pct2}, return {first.roas|x2}."
  row: "{rank}. \"{shown}\" ({campaign}): click rate {ctr|pct2}, conversion rate {cvr|pct2}, revenue {revenue|money}, return {roas|x2}"
  empty: "No ad of that choice had impressions in {window}."
  notes: ["A click rate needs 1,000 impressions, a conversion rate 100 clicks, a return 100 of spend; without them the value is withheld and sorts last. Being first is not a test result: an A/B test is; {freshness}."]
follow_ups: [creative_fatigue, campaign_detail, experiment_result]
drafts: [ad]
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 50}
cache_s: 300
test:
  fixture: shop
  params: {}
  expect: {rows: 8, first.headline: The official store, first.ctr: 0.1, first.cvr: 0.1, first.roas: 5.128205, total.revenue: 27090.00, total.cost: 7480.00}
---*/
with valued as (
  -- a source that reports conversions but never an amount has no revenue figure, not a revenue of zero
  select d.source
  from facts.daily_metrics d
  where d.entity_kind = 'ad' and d.breakdown = '' and d.date between :window_start and :window_end
  group by d.source
  having sum(d.revenue_base) > 0 or sum(d.conversions) = 0
), sums as (
  select d.entity_id, sum(d.impressions) as impressions, sum(d.clicks) as clicks,
         {{ metric('ctr', 'd') }} as ctr, {{ metric('conversions', 'd') }} as conversions, {{ metric('cvr_click', 'd') }} as cvr,
         {{ metric('revenue', 'd') }} as revenue, {{ metric('cost', 'd') }} as cost, {{ metric('roas', 'd') }} as roas
  from (
    select m.entity_id, m.impressions, m.clicks, m.conversions, m.cost_base, case when v.source is not null then m.revenue_base end as revenue_base
    from facts.daily_metrics m
    left join valued v on v.source = m.source
    where m.entity_kind = 'ad' and m.breakdown = '' and m.date between :window_start and :window_end
  ) d
  group by d.entity_id
), listed as (
  select s.entity_id, coalesce(nullif(nullif(e.name, ''), a.headlines[1]), concat_ws(' ', nullif(replace(a.format, '_', ' '), ''), 'ad', regexp_replace(s.entity_id, '^[^:]*:', ''))) as creative,
         nullif(a.headlines[1], '') as headline, nullif(a.call_to_action, '') as cta, s.impressions,
         case when s.impressions >= 1000 then s.ctr end as ctr, s.conversions,
         case when s.clicks >= 100 then s.cvr end as cvr, s.revenue, s.cost, case when s.revenue is not null then s.cost end as return_cost,
         case when s.cost >= 100 then s.roas end as roas,
         coalesce(k.name, a.campaign_id, 'unknown') as campaign, a.platform_campaign_id as campaign_id
  from sums s
  left join facts.creatives a on a.id = s.entity_id
  left join facts.campaigns k on k.id = a.campaign_id
  left join facts.entities e on e.kind = 'ad' and e.id = s.entity_id
  where (:campaign is null or a.campaign_id = :campaign) and s.impressions > 0
), keyed as (
  select l.creative, l.headline, l.cta, l.impressions, l.ctr, l.conversions, l.cvr, l.revenue, l.cost, l.return_cost, l.roas, l.campaign, l.entity_id, l.campaign_id,
         case :sort when 'ctr' then l.ctr when 'roas' then l.roas when 'cvr' then l.cvr when 'conversions' then l.conversions else l.revenue end as key
  from listed l
)
select k.creative,
       k.headline,
       k.cta,
       k.impressions,
       k.ctr,
       k.conversions,
       k.cvr,
       k.revenue,
       k.cost,
       k.roas,
       k.campaign,
       coalesce(k.headline, k.creative) as shown,
       case when k.key is null then 'no ad has enough data for it, so by impressions: ' else '' end as lead,
       k.return_cost,
       k.entity_id,
       k.campaign_id
from keyed k
order by case when :order = 'bottom' then k.key end nulls last, case when :order = 'top' then k.key end desc nulls last, k.impressions desc, k.entity_id
