/*---
name: seo_top_queries
version: 1
title: Organic search queries
description: What people search when they find the site or one page, with clicks, impressions, click rate, position and whether ads pay for it too.
group: seo_content
personas: [perf_lead]
modules: []
metrics: [organic_clicks, organic_ctr, avg_position]
sources: [search_performance, search_terms]
params:
  window: {type: date_range, default: last_28d, max_days: 400}
  page:   {type: page, default: all}
  sort:   {type: enum, values: [clicks, impressions, position], default: clicks}
  limit:  {type: integer, default: 10, min: 1, max: 50}
columns:
  - {name: query, type: text, label: Query, entity: true}
  - {name: clicks, type: count, label: Clicks}
  - {name: impressions, type: count, label: Impressions}
  - {name: ctr, type: fraction, label: Click rate}
  - {name: position, type: number, label: Position}
  - {name: ad_spend, type: money, label: Paid for it in ads, when_null: "nothing"}
totals: [clicks, impressions, ad_spend, {name: ctr, ratio: [clicks, impressions]}]
keywords: ["search queries", "organic keywords", "search for us", "top queries", "organic clicks", "driving clicks"]
examples: ["top search queries", "what do ppl search to find us", "best organic keywords", "queries driving clicks to /pricing"]
negatives: ["new keyword ideas from search terms", "how is seo doing", "keywords on page 2"]
chart: {kind: table}
answer:
  headline: "\"{first.query}\" brought most of all: {first.clicks|int} of {total.clicks|int} organic clicks in {window}. Queries: {n}."
  row: "{rank}. {query}: {clicks|int} clicks, {impressions|int} impressions ({ctr|pct2}), position {position|dec1} · ads paid for it: {ad_spend|money}"
  empty: "No organic query is recorded in {window}."
  notes:
    - "Search engines hide rare queries. Paying for ads on a query that already ranks first to third is worth a test: the brand of others may still stand above you."
follow_ups: [seo_striking_distance, seo_rank_changes, search_term_waste]
drafts: [generate_content_brief]
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 50}
cache_s: 1800
test:
  fixture: shop
  params: {window: {start: "2025-05-05", end: "2025-05-18"}}
  expect: {rows: 3, total.clicks: 560, first.query: trail shoes, first.clicks: 420, first.position: 4.6}
---*/
with best as (
  select min(case s.grain when 'query' then 1 when 'page_query' then 2 end) as grain_no
  from facts.search_performance s
  where s.search_type = 'web' and s.date between :window_start and :window_end
    and (:page is null or s.grain = 'page_query')
), sums as (
  select s.query,
         sum(s.clicks) as organic_clicks, sum(s.impressions) as organic_impressions,
         sum(s.position_x_impressions) as position_x_impressions
  from facts.search_performance s
  join best b on b.grain_no = case s.grain when 'query' then 1 when 'page_query' then 2 end
  where s.search_type = 'web' and s.date between :window_start and :window_end
    and (:page is null or (s.grain = 'page_query' and s.page = :page))
  group by s.query
), ads as (
  select lower(t.term) as query, sum(t.cost_base) as cost
  from facts.search_terms t
  where t.date between :window_start and :window_end
  group by lower(t.term)
)
select m.query,
       m.organic_clicks as clicks,
       m.organic_impressions as impressions,
       {{ metric_of('organic_ctr', 'm') }} as ctr,
       {{ metric_of('avg_position', 'm') }} as position,
       nullif(a.cost, 0) as ad_spend
from sums m
left join ads a on a.query = lower(m.query)
where m.organic_impressions > 0
order by case :sort when 'clicks' then m.organic_clicks when 'impressions' then m.organic_impressions end desc nulls last,
         case when :sort = 'position' then {{ metric_of('avg_position', 'm') }} end nulls last,
         m.organic_impressions desc, m.query
