/*---
name: search_terms_mining
version: 2
title: Converting terms not targeted yet
description: Search terms that brought conversions but are nobody's exact keyword, with clicks, spend and cost per conversion.
group: campaigns
personas: [perf_lead]
modules: [10]
metrics: [clicks, conversions, cost, cpa]
sources: [search_terms, keywords]
params:
  window:          {type: date_range, default: last_28d, max_days: 400}
  min_conversions: {type: integer, default: 3, min: 1, max: 1000}
  limit:           {type: integer, default: 10, min: 1, max: 50}
columns:
  - {name: term, type: text, label: Search term, entity: true}
  - {name: clicks, type: count, label: Clicks}
  - {name: conversions, type: count, label: Conversions}
  - {name: cost, type: money, label: Spend}
  - {name: cpa, type: money, label: Cost per conversion}
  - {name: sample, type: text, label: Sample, when_null: "enough"}
  - {name: campaign, type: text, label: Campaign}
  - {name: entity_id, type: text, hidden: true}
  - {name: campaign_id, type: text, hidden: true}
  - {name: ad_group_id, type: text, hidden: true}
totals: [clicks, conversions, cost, {name: cpa, ratio: [cost, conversions]}]
keywords: ["search terms", "keyword ideas", "add keywords", mining, "bid on", "new keywords"]
examples: ["new keyword ideas from search terms", "search terms we should add", "converting queries we don't bid on", "kw mining"]
negatives: ["negative keyword candidates", "which keywords bring organic clicks"]
chart: {kind: table, columns: [term, clicks, conversions, cost, cpa]}
answer:
  headline: "Search terms that convert in {window} without an exact keyword of their own: {n}, {total.conversions|int} conversions. First: \"{first.term}\" at {first.cpa|money} per conversion."
  row: "{rank}. \"{term}\": {conversions|int} conversions from {clicks|int} clicks, {cost|money} spent, {cpa|money} each ({campaign})"
  empty: "No search term without an exact keyword reached {min_conversions} conversions in {window}."
  notes: ["Terms already added, excluded or bid on exactly in any campaign are left out. Under ten conversions the cost per conversion is a small sample; {freshness}."]
follow_ups: [search_term_waste, campaign_detail, wasted_spend]
drafts: []
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 50}
cache_s: 300
test:
  fixture: shop
  params: {}
  expect: {rows: 2, first.term: trail bottle 1l, first.clicks: 100, first.cpa: 10.00, total.cost: 105.00, total.conversions: 9}
---*/
with sums as (
  select lower(t.term) as term, {{ metric('clicks', 't') }} as clicks, {{ metric('conversions', 't') }} as conversions,
         {{ metric('cost', 't') }} as cost, {{ metric('cpa', 't') }} as cpa,
         (array_agg(t.platform_campaign_id order by t.conversions desc, t.clicks desc, t.platform_campaign_id))[1] as campaign_id,
         (array_agg(t.ad_group_id order by t.conversions desc, t.clicks desc, t.platform_campaign_id))[1] as ad_group_id,
         bool_or(t.status <> 'none') as is_handled
  from facts.search_terms t
  where t.date between :window_start and :window_end
  group by lower(t.term)
)
select s.term,
       s.clicks,
       s.conversions,
       s.cost,
       s.cpa,
       case when s.conversions < 10 then 'small sample' end as sample,
       coalesce(k.name, s.campaign_id) as campaign,
       s.term as entity_id,
       s.campaign_id,
       s.ad_group_id
from sums s
left join facts.campaigns k on k.id = s.campaign_id
where s.conversions >= :min_conversions
  and not s.is_handled
  and not exists (
    select 1 from facts.keywords w
    where lower(w.text) = s.term and (w.negative or w.match_type = 'EXACT') and w.status <> 'removed'
  )
order by s.conversions desc, s.cpa, s.term
