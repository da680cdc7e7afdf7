/*---
name: seo_overview
version: 1
title: Organic search at a glance
description: Organic clicks, impressions, click rate, average position and the number of queries within reach, against the comparison period.
group: seo_content
personas: [perf_lead, cmo]
modules: []
metrics: [organic_clicks, organic_ctr, avg_position, striking_distance_count]
sources: [search_performance]
params:
  window:  {type: date_range, default: last_28d, max_days: 400}
  compare: {type: compare, default: prior_period}
columns:
  - {name: clicks, type: count, label: Clicks}
  - {name: clicks_before, type: count, label: Clicks before, when_null: "no comparison"}
  - {name: change, type: fraction, label: Change, when_null: "no comparison"}
  - {name: impressions, type: count, label: Impressions}
  - {name: ctr, type: fraction, label: Click rate, when_null: "no impressions"}
  - {name: avg_position, type: number, label: Average position, when_null: "no impressions"}
  - {name: position_before, type: number, label: Position before, when_null: "no comparison"}
  - {name: striking, type: count, label: Queries within reach, when_null: "queries not reported"}
totals: []
keywords: [seo, "organic search", "organic traffic", summary, "search clicks", "seo health"]
examples: ["how is seo doing", "organic traffic vs last month", "search clicks summary", "seo health"]
negatives: ["organic traffic fell, why", "top search queries", "share of voice in search ads"]
chart: {kind: table}
answer:
  headline: "Search brought {first.clicks|int} organic clicks in {window} ({first.change|change}), average position {first.avg_position|dec1}."
  row: "{clicks|int} clicks from {impressions|int} impressions ({ctr|pct2}), position {avg_position|dec1} ({position_before|dec1} before), {striking|int} queries within reach"
  empty: "No organic search data in {window}. Connect Search Console or import its export."
  notes:
    - "Within reach: queries at position four to fifteen with at least a hundred impressions. Positions are weighted by impressions; search engines hide rare queries, so queries add up to less than the total."
follow_ups: [seo_top_queries, seo_striking_distance, seo_rank_changes]
drafts: [generate_content_brief]
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 5}
cache_s: 1800
test:
  fixture: shop
  params: {window: {start: "2025-05-05", end: "2025-05-18"}}
  expect: {rows: 1, first.clicks: 700, first.clicks_before: 560, first.change: 0.25, first.impressions: 14000, first.ctr: 0.05, first.avg_position: 5.0, first.striking: 2}
---*/
with best as (
  -- Grains overlap: the whole site if it is there, else the coarsest other one.
  select min(case s.grain when 'site' then 1 when 'page' then 2 when 'query' then 3 when 'page_query' then 4 end) as grain_no
  from facts.search_performance s
  where s.search_type = 'web' and s.date between :window_start and :window_end
), sums as (
  select sum(s.clicks) filter (where s.date between :window_start and :window_end) as organic_clicks,
         sum(s.impressions) filter (where s.date between :window_start and :window_end) as organic_impressions,
         sum(s.position_x_impressions) filter (where s.date between :window_start and :window_end) as position_x_impressions,
         sum(s.clicks) filter (where s.date between :compare_start and :compare_end) as before_clicks,
         sum(s.impressions) filter (where s.date between :compare_start and :compare_end) as before_impressions,
         sum(s.position_x_impressions) filter (where s.date between :compare_start and :compare_end) as before_position
  from facts.search_performance s
  join best b on b.grain_no = case s.grain when 'site' then 1 when 'page' then 2 when 'query' then 3 when 'page_query' then 4 end
  where s.search_type = 'web' and s.date between least(:window_start, :compare_start) and :window_end
    and (s.date between :window_start and :window_end or s.date between :compare_start and :compare_end)
), query_grain as (
  select min(case s.grain when 'query' then 3 when 'page_query' then 4 end) as grain_no
  from facts.search_performance s
  where s.search_type = 'web' and s.date between :window_start and :window_end
), within_reach as (
  select s.query
  from facts.search_performance s
  join query_grain g on g.grain_no = case s.grain when 'query' then 3 when 'page_query' then 4 end
  where s.search_type = 'web' and s.date between :window_start and :window_end
  group by s.query
  having sum(s.impressions) >= 100
     and sum(s.position_x_impressions) / nullif(sum(s.impressions), 0) between 4 and 15
)
select t.organic_clicks as clicks,
       t.before_clicks as clicks_before,
       (t.organic_clicks - t.before_clicks) / nullif(abs(t.before_clicks), 0) as change,
       t.organic_impressions as impressions,
       {{ metric_of('organic_ctr', 't') }} as ctr,
       {{ metric_of('avg_position', 't') }} as avg_position,
       t.before_position / nullif(t.before_impressions, 0) as position_before,
       case when g.grain_no is not null then (select count(*) from within_reach w) end as striking
from sums t cross join query_grain g
where t.organic_impressions > 0
order by 1
