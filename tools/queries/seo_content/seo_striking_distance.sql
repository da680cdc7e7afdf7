/*---
name: seo_striking_distance
version: 1
title: Queries almost on the first places
description: Queries at position four to fifteen with enough demand, the page that ranks, and the clicks that a better place would bring.
group: seo_content
personas: [perf_lead]
modules: [10]
metrics: [striking_distance_count, avg_position]
sources: [search_performance]
params:
  window:          {type: date_range, default: last_28d, max_days: 400}
  min_impressions: {type: integer, default: 100, min: 1, max: 1000000}
  limit:           {type: integer, default: 10, min: 1, max: 50}
columns:
  - {name: query, type: text, label: Query, entity: true}
  - {name: page, type: text, label: Page, when_null: "page not reported"}
  - {name: position, type: number, label: Position}
  - {name: impressions, type: count, label: Impressions}
  - {name: clicks, type: count, label: Clicks}
  - {name: target_position, type: number, label: Within reach}
  - {name: click_gain, type: number, label: More clicks}
  - {name: entity_id, type: text, hidden: true}
totals: [impressions, clicks, click_gain]
keywords: ["striking distance", "page 2", "almost ranking", "position 4-15", "quick seo", "ranking between"]
examples: ["keywords on page 2", "almost ranking kws", "striking distance terms", "quick seo wins pos 4-15"]
negatives: ["did we fall out of top 10", "any quick wins", "high impressions low ctr pages in search"]
chart: {kind: scatter, x: position, y: click_gain, label: query, size: impressions}
answer:
  headline: "Queries just below the places that get clicked: {n}. Better places could bring about {total.click_gain|int} more clicks in such a window."
  row: "{rank}. {query} ({page}): position {position|dec1} with {impressions|int} impressions; at {target_position|dec1} about {click_gain|int} more clicks"
  empty: "No query stands between position four and fifteen with {min_impressions|int} impressions in {window}."
  notes:
    - "More clicks: impressions times the usual click rate at a place five better (third at best) less that at today's place. It is an estimate from a general curve, not a promise."
follow_ups: [seo_top_queries, seo_overlap, page_performance]
drafts: [generate_content_brief]
access: {permission: query.run, pii: none}
limits: {timeout_ms: 5000, max_rows: 50}
cache_s: 1800
test:
  fixture: shop
  params: {window: {start: "2025-05-05", end: "2025-05-18"}}
  expect: {rows: 2, first.query: trail shoes, first.page: /trail-shoes, first.position: 4.6, first.target_position: 3, first.click_gain: 294}
---*/
with best as (
  select min(case s.grain when 'page_query' then 1 when 'query' then 2 end) as grain_no
  from facts.search_performance s
  where s.search_type = 'web' and s.date between :window_start and :window_end
), pages as (
  select s.query, s.page,
         sum(s.clicks) as clicks, sum(s.impressions) as impressions, sum(s.position_x_impressions) as position_x_impressions
  from facts.search_performance s
  join best b on b.grain_no = case s.grain when 'page_query' then 1 when 'query' then 2 end
  where s.search_type = 'web' and s.date between :window_start and :window_end
  group by s.query, s.page
), queries as (
  select p.query, p.page, p.impressions as page_impressions,
         sum(p.clicks) over w as organic_clicks,
         sum(p.impressions) over w as organic_impressions,
         sum(p.position_x_impressions) over w as position_x_impressions,
         row_number() over (partition by p.query order by p.impressions desc, p.page) as n
  from pages p
  window w as (partition by p.query)
), placed as (
  select q.query, nullif(q.page, '') as page, q.organic_clicks, q.organic_impressions,
         {{ metric_of('avg_position', 'q') }} as place
  from queries q
  where q.n = 1 and q.organic_impressions >= :min_impressions
), aimed as (
  select p.query, p.page, p.organic_clicks, p.organic_impressions, p.place, greatest(3, p.place - 5) as target
  from placed p
  where p.place between 4 and 15
), expected as (
  -- The usual click rate at a place, straight lines between known points.
  select a.query, a.page, a.organic_clicks, a.organic_impressions, a.place, a.target,
       case when a.place <= 1 then 0.28
            when a.place <= 2 then 0.28 - 0.13 * (a.place - 1)
            when a.place <= 3 then 0.15 - 0.05 * (a.place - 2)
            when a.place <= 4 then 0.10 - 0.03 * (a.place - 3)
            when a.place <= 5 then 0.07 - 0.02 * (a.place - 4)
            when a.place <= 7 then 0.05 - 0.01 * (a.place - 5)
            when a.place <= 8 then 0.03 - 0.005 * (a.place - 7)
            when a.place <= 9 then 0.025 - 0.003 * (a.place - 8)
            when a.place <= 10 then 0.022 - 0.002 * (a.place - 9)
            when a.place <= 15 then 0.020 - 0.002 * (a.place - 10)
            when a.place <= 20 then 0.010 - 0.0008 * (a.place - 15)
            else 0.002 end as rate_now,
       case when a.target <= 1 then 0.28
            when a.target <= 2 then 0.28 - 0.13 * (a.target - 1)
            when a.target <= 3 then 0.15 - 0.05 * (a.target - 2)
            when a.target <= 4 then 0.10 - 0.03 * (a.target - 3)
            when a.target <= 5 then 0.07 - 0.02 * (a.target - 4)
            when a.target <= 7 then 0.05 - 0.01 * (a.target - 5)
            when a.target <= 8 then 0.03 - 0.005 * (a.target - 7)
            when a.target <= 9 then 0.025 - 0.003 * (a.target - 8)
            when a.target <= 10 then 0.022 - 0.002 * (a.target - 9)
            when a.target <= 15 then 0.020 - 0.002 * (a.target - 10)
            when a.target <= 20 then 0.010 - 0.0008 * (a.target - 15)
            else 0.002 end as rate_then
  from aimed a
)
select e.query,
       e.page,
       e.place as position,
       e.organic_impressions as impressions,
       e.organic_clicks as clicks,
       e.target as target_position,
       e.organic_impressions * (e.rate_then - e.rate_now) as click_gain,
       e.page as entity_id
from expected e
order by e.organic_impressions * (e.rate_then - e.rate_now) desc nulls last, e.query
