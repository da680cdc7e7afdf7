/*---
name: seo_striking_distance
version: 2
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
  - {name: basis, type: text, label: Click rates}
  - {name: entity_id, type: text, hidden: true}
totals: [impressions, clicks, click_gain]
keywords: ["striking distance", "page 2", "almost ranking", "position 4-15", "quick seo", "ranking between"]
examples: ["keywords on page 2", "almost ranking kws", "striking distance terms", "quick seo wins pos 4-15"]
negatives: ["did we fall out of top 10", "any quick wins", "high impressions low ctr pages in search"]
chart: {kind: scatter, x: position, y: click_gain, label: query, size: impressions}
answer:
  headline: "Queries just below the places that get clicked: {n}. Better places could bring about {total.click_gain|int} more clicks in such a window."
  row: "{rank}. {query} ({page}): position {position|dec1} with {impressions|int} impressions; at {target_position|dec1} about {click_gain|int} more clicks ({basis} click rates)"
  empty: "No query stands between position four and fifteen with {min_impressions|int} impressions in {window}."
  notes:
    - "More clicks: impressions times the usual click rate at a place five better (third at best) less that at today's place. Your own click rate of a place counts once it has 5,000 impressions in the window, else a general one. It is an estimate, not a promise."
follow_ups: [seo_top_queries, seo_overlap, page_performance]
drafts: [generate_content_brief]
access: {permission: query.run, pii: none}
limits: {timeout_ms: 5000, max_rows: 50}
cache_s: 1800
test:
  fixture: shop
  params: {window: {start: "2025-05-05", end: "2025-05-18"}}
  expect: {rows: 2, first.query: trail shoes, first.page: /trail-shoes, first.position: 4.6, first.target_position: 3, first.click_gain: 252}
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
), usual(place, rate) as (
  -- The general click rate by place (non-brand queries of many sites).
  values (1, 0.28), (2, 0.15), (3, 0.10), (4, 0.07), (5, 0.05), (6, 0.04), (7, 0.03), (8, 0.025), (9, 0.022), (10, 0.02),
         (11, 0.018), (12, 0.016), (13, 0.014), (14, 0.012), (15, 0.010), (16, 0.0092)
), own as (
  -- The site's own click rate by place, where enough was seen at it; names of one's own brand rank first anyway.
  select round(q.position_x_impressions / q.organic_impressions)::integer as place,
         sum(q.organic_clicks) / sum(q.organic_impressions) as rate
  from queries q
  where q.n = 1 and q.organic_impressions > 0
    and not exists (
      select 1 from facts.keywords k
      join facts.ad_groups g on g.id = k.ad_group_id
      join facts.campaigns c on c.id = g.campaign_id
      where c.is_brand and lower(k.text) = q.query
    )
  group by round(q.position_x_impressions / q.organic_impressions)
  having sum(q.organic_impressions) >= 5000
), curve as (
  select u.place, coalesce(o.rate, u.rate) as rate, o.rate is not null as own
  from usual u left join own o on o.place = u.place
), expected as (
  -- straight lines between two places
  select a.query, a.page, a.organic_clicks, a.organic_impressions, a.place, a.target,
         n0.rate + (a.place - n0.place) * (n1.rate - n0.rate) as rate_now,
         t0.rate + (a.target - t0.place) * (t1.rate - t0.rate) as rate_then,
         case when n0.own and t0.own then 'your own' when n0.own or t0.own then 'partly your own' else 'general' end as basis
  from aimed a
  join curve n0 on n0.place = floor(a.place)
  join curve n1 on n1.place = floor(a.place) + 1
  join curve t0 on t0.place = floor(a.target)
  join curve t1 on t1.place = floor(a.target) + 1
)
select e.query,
       e.page,
       e.place as position,
       e.organic_impressions as impressions,
       e.organic_clicks as clicks,
       e.target as target_position,
       greatest(e.organic_impressions * (e.rate_then - e.rate_now), 0) as click_gain,
       e.basis,
       e.page as entity_id
from expected e
order by greatest(e.organic_impressions * (e.rate_then - e.rate_now), 0) desc nulls last, e.query
