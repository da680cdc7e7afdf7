/*---
name: seo_overlap
version: 2
title: Own pages competing for a query
description: Which own pages share the impressions of a keyword's queries, or of any query, how far they overlap, the verdict and the page to keep.
group: seo_content
personas: [perf_lead]
modules: [10]
metrics: [query_overlap, avg_position]
sources: [search_performance]
params:
  keyword: {type: keyword, default: all, expected: true, description: "A search term; queries that contain it are looked at. Without one: every query for which own pages compete, worst first."}
  window:  {type: date_range, default: last_90d, max_days: 400}
columns:
  - {name: query, type: text, label: Query}
  - {name: page, type: text, label: Page, entity: true}
  - {name: impression_share, type: fraction, label: Share of impressions}
  - {name: clicks, type: count, label: Clicks}
  - {name: position, type: number, label: Position}
  - {name: overlap, type: fraction, label: Overlap}
  - {name: verdict, type: text, label: Verdict}
  - {name: advice, type: text, label: Advice}
  - {name: impressions, type: count, hidden: true}
  - {name: subject, type: text, hidden: true}
  - {name: entity_id, type: text, hidden: true}
totals: [clicks, impressions]
keywords: [cannibalization, overlap, compete, "same keyword", "two pages", duplicate, cannibalize]
examples: ["cannibalization for trail shoes", "two pages ranking for the same keyword", "keyword overlap trail shoes", "which pages compete for trail shoes"]
negatives: ["kws that dropped in the serp", "where do competitors outrank us in ppc"]
chart: {kind: stacked_bar, x: query, y: impression_share, series: page}
answer:
  headline: "{first.subject}: {first.verdict}. {first.page} holds {first.impression_share|pct1} of the impressions of \"{first.query}\"; {first.overlap|pct1} go to other own pages."
  row: "{query}: {page} {impression_share|pct1} of impressions, {clicks|int} clicks, position {position|dec1}: {advice}"
  empty: "Nothing competes in {window}: no such query with several own pages is recorded (keyword: {keyword})."
  notes:
    - "Cannibalised: two or more own pages hold a fifth of the impressions each, within five positions. Mild: the others hold less, or stand further apart. Fewer than three hundred impressions is too little to judge."
    - "Keep the page that earns most clicks; point the others to it by links, merge them, or give them a topic of their own."
follow_ups: [seo_rank_changes, page_performance, seo_top_queries]
drafts: [generate_content_brief]
access: {permission: query.run, pii: none}
limits: {timeout_ms: 5000, max_rows: 100}
cache_s: 1800
test:
  fixture: shop
  params: {keyword: trail shoes, window: {start: "2025-05-05", end: "2025-05-18"}}
  expect: {rows: 3, first.query: trail shoes, first.page: /trail-shoes, first.impression_share: 0.6, first.overlap: 0.4, first.verdict: cannibalised}
---*/
with pages as (
  select s.query, s.page,
         sum(s.clicks) as organic_clicks, sum(s.impressions) as organic_impressions,
         sum(s.position_x_impressions) as position_x_impressions
  from facts.search_performance s
  where s.search_type = 'web' and s.grain = 'page_query' and s.date between :window_start and :window_end
    and (:keyword is null or position(lower(:keyword) in lower(s.query)) > 0)
  group by s.query, s.page
  having sum(s.impressions) > 0
), placed as (
  select p.query, p.page, p.organic_clicks, p.organic_impressions,
         {{ metric_of('avg_position', 'p') }} as place,
         p.organic_impressions / nullif(sum(p.organic_impressions) over w, 0) as share,
         sum(p.organic_impressions) over w as query_impressions,
         max(p.organic_impressions) over w as top_impressions,
         row_number() over (partition by p.query order by p.organic_clicks desc, p.organic_impressions desc, p.page) as n
  from pages p
  window w as (partition by p.query)
), judged as (
  select p.query,
         count(*) filter (where p.share >= 0.2) as big,
         max(p.place) filter (where p.share >= 0.2) - min(p.place) filter (where p.share >= 0.2) as spread,
         count(*) filter (where p.share >= 0.05) as seen
  from placed p
  group by p.query
), told as (
  select p.query, p.page, p.share, p.organic_clicks, p.organic_impressions, p.place, p.n, p.query_impressions, p.top_impressions, j.seen,
         case when p.query_impressions < 300 then 'too few impressions to tell'
              when j.big >= 2 and j.spread <= 5 then 'cannibalised'
              when j.seen >= 2 then 'mild'
              else 'none' end as verdict
  from placed p
  join judged j on j.query = p.query
)
select p.query,
       p.page,
       p.share as impression_share,
       p.organic_clicks as clicks,
       p.place as position,
       (p.query_impressions - p.top_impressions) / nullif(p.query_impressions, 0) as overlap,
       p.verdict,
       case when p.seen < 2 and p.n = 1 then 'alone: nothing to do'
            when p.n = 1 then 'keep this page'
            when p.share >= 0.2 then 'merge into the page to keep, or give it its own topic'
            when p.share >= 0.05 then 'link to the page to keep'
            else 'negligible' end as advice,
       p.organic_impressions as impressions,
       coalesce(:keyword, 'Of all keywords the worst') as subject,
       p.page as entity_id
from told p
where :keyword is not null or p.verdict in ('cannibalised', 'mild')
order by case when :keyword is null then case p.verdict when 'cannibalised' then 0 else 1 end
              when lower(p.query) <> lower(:keyword) then 1 else 0 end,
         case when :keyword is null then p.query_impressions - p.top_impressions end desc nulls last,
         p.query_impressions desc nulls last, p.query, p.n, p.page
