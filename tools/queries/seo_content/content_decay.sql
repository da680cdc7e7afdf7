/*---
name: content_decay
version: 1
title: Content that loses search traffic
description: Articles whose organic clicks of the last four weeks fell clearly below their best four weeks within the window.
group: seo_content
personas: [perf_lead]
modules: [10]
metrics: [content_decay_ratio, organic_clicks]
sources: [search_performance, pages]
params:
  window:    {type: date_range, default: last_90d, max_days: 400}
  max_ratio: {type: percent, default: 0.70, min: 0, max: 1}
  limit:     {type: integer, default: 10, min: 1, max: 50}
columns:
  - {name: page, type: text, label: Page, entity: true}
  - {name: clicks_now, type: count, label: Clicks now}
  - {name: clicks_best, type: count, label: Best four weeks}
  - {name: ratio, type: ratio, label: Now to best}
  - {name: since, type: date, label: Best until}
  - {name: lost_clicks, type: count, label: Clicks lost}
  - {name: position_now, type: number, label: Position now, when_null: "not seen"}
  - {name: position_best, type: number, label: Position then, when_null: "not seen"}
  - {name: changed_on, type: date, label: Last changed, when_null: "unknown"}
  - {name: title, type: text, hidden: true}
  - {name: entity_id, type: text, hidden: true}
totals: [clicks_now, clicks_best, lost_clicks]
keywords: [decay, "old posts", "losing traffic", refresh, decline, outdated, dying]
examples: ["old posts losing traffic", "decaying content", "what articles to refresh", "blog traffic decline"]
negatives: ["lost rankings", "time to refresh any ads?"]
chart: {kind: bar, x: page, y: clicks_now, compare: clicks_best, sort: desc}
answer:
  headline: "Articles clearly below their best four weeks: {n}. Together they lost {total.lost_clicks|int} organic clicks."
  row: "{rank}. {page}: {clicks_now|int} clicks in the last four weeks, {clicks_best|int} at best ({ratio|x2}), position {position_best|dec1} → {position_now|dec1}, last changed {changed_on|date}"
  empty: "No article fell to {max_ratio|pct1} or less of its best four weeks in {window}."
  notes:
    - "Articles are pages of type article, blog, guide or content. Best: the four weeks with most clicks inside the window, at least a hundred clicks. A season also looks like decay: compare with last year before you rewrite."
follow_ups: [seo_rank_changes, page_performance, page_copy_facts]
drafts: [generate_content_brief]
access: {permission: query.run, pii: none}
limits: {timeout_ms: 5000, max_rows: 50}
cache_s: 3600
test:
  fixture: shop
  params: {window: {start: "2025-02-18", end: "2025-05-18"}}
  expect: {rows: 1, first.page: /guides/boots, first.clicks_now: 112, first.clicks_best: 280, first.ratio: 0.4, first.lost_clicks: 168}
---*/
with best_grain as (
  select min(case s.grain when 'page' then 1 when 'page_query' then 2 end) as grain_no
  from facts.search_performance s
  where s.search_type = 'web' and s.date between :window_start and :window_end
), daily as (
  select s.page, s.date, sum(s.clicks) as clicks, sum(s.impressions) as impressions,
         sum(s.position_x_impressions) as position_x_impressions
  from facts.search_performance s
  join best_grain b on b.grain_no = case s.grain when 'page' then 1 when 'page_query' then 2 end
  left join facts.pages p on p.id = s.page
  where s.search_type = 'web' and s.date between :window_start and :window_end
    and (p.page_type in ('article', 'blog', 'guide', 'content', 'post')
         or (coalesce(p.page_type, '') = '' and (s.page like '/blog/%' or s.page like '/guides/%' or s.page like '/articles/%')))
  group by s.page, s.date
), days as (
  -- Every day of every page, so that four weeks are always four weeks.
  select g.page, :window_start + n as date, coalesce(d.clicks, 0) as clicks, coalesce(d.impressions, 0) as impressions,
         coalesce(d.position_x_impressions, 0) as position_x_impressions
  from (select distinct y.page from daily y) g
  cross join generate_series(0, :window_end - :window_start) as n
  left join daily d on d.page = g.page and d.date = :window_start + n
), rolling as (
  select d.page, d.date,
         sum(d.clicks) over w as clicks,
         sum(d.impressions) over w as organic_impressions,
         sum(d.position_x_impressions) over w as position_x_impressions,
         count(*) over w as days
  from days d
  window w as (partition by d.page order by d.date rows between 27 preceding and current row)
), ranked as (
  select r.page, r.date, r.clicks,
         {{ metric_of('avg_position', 'r') }} as place,
         row_number() over (partition by r.page order by r.clicks desc, r.date desc) as n
  from rolling r
  where r.days = 28
)
select b.page,
       l.clicks as clicks_now,
       b.clicks as clicks_best,
       l.clicks / nullif(b.clicks, 0) as ratio,
       b.date as since,
       b.clicks - l.clicks as lost_clicks,
       l.place as position_now,
       b.place as position_best,
       coalesce(p.content_changed_on, p.title_changed_on) as changed_on,
       nullif(p.title, '') as title,
       b.page as entity_id
from ranked b
join ranked l on l.page = b.page and l.date = :window_end
left join facts.pages p on p.id = b.page
where b.n = 1 and b.clicks >= 100 and l.clicks <= :max_ratio * b.clicks
order by b.clicks - l.clicks desc nulls last, b.page
