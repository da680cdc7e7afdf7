/*---
name: seo_rank_changes
version: 1
title: Moves in the search rankings
description: Queries whose position rose or fell between the first and the last week of the window, from the rank tracker or from search data.
group: seo_content
personas: [perf_lead]
modules: [10]
metrics: [rank_change, avg_position]
sources: [keyword_ranks, search_performance]
params:
  window:    {type: date_range, default: last_28d, max_days: 200}
  direction: {type: enum, values: [all, up, down], default: all}
  keyword:   {type: keyword, default: all, description: "Only queries that contain it."}
  limit:     {type: integer, default: 10, min: 1, max: 50}
columns:
  - {name: query, type: text, label: Query, entity: true}
  - {name: page, type: text, label: Page, when_null: "not ranked"}
  - {name: before, type: number, label: Before, when_null: "not ranked"}
  - {name: now, type: number, label: Now, when_null: "not ranked"}
  - {name: change, type: number, label: Places gained}
  - {name: volume, type: count, label: Searches a month, when_null: "unknown"}
  - {name: note, type: text, label: Note, when_null: "–"}
  - {name: basis, type: text, label: Measured by}
  - {name: entity_id, type: text, hidden: true}
totals: []
keywords: [ranking, "position change", dropped, gains, "top 10", serp, "lost positions"]
examples: ["lost rankings", "kws that dropped in the serp", "position gains this month", "did we fall out of top 10"]
negatives: ["cannibalization for trail shoes", "unusual spikes or drops this wk", "keywords on page 2"]
chart: {kind: table}
answer:
  headline: "Queries that moved by a place or more in {window}: {n}. First of all \"{first.query}\", {first.change|signed} places."
  row: "{rank}. {query}: {before|dec1} → {now|dec1} ({change|signed} places) · {page} · searches a month: {volume|int} · {note}"
  empty: "No ranking moved by a place or more in {window}."
  notes:
    - "Compared are the first and the last week of the window: the middle daily rank of the tracker, or the position weighted by impressions (at least a hundred in each week). A positive number is a gain. Not ranked counts as place one hundred and one."
follow_ups: [seo_overlap, content_decay, seo_top_queries]
drafts: [generate_content_brief]
access: {permission: query.run, pii: none}
limits: {timeout_ms: 5000, max_rows: 50}
cache_s: 1800
test:
  fixture: shop
  params: {window: {start: "2025-05-05", end: "2025-05-18"}}
  expect: {rows: 3, first.query: trail bottle, first.before: 4, first.now: 11, first.change: -7, first.note: left the top ten}
---*/
with edges as (
  select least(7, (:window_end - :window_start + 1) / 2) as days
), tracked as (
  select lower(k.keyword) as query,
         percentile_cont(0.5) within group (order by case when k.found then coalesce(k.rank_absolute, 101) else 101 end)
           filter (where k.date < :window_start + e.days) as was,
         percentile_cont(0.5) within group (order by case when k.found then coalesce(k.rank_absolute, 101) else 101 end)
           filter (where k.date > :window_end - e.days) as is_now,
         max(k.search_volume) as volume,
         max(nullif(regexp_replace(k.url, '^https?://[^/]+', ''), '')) filter (where k.found and k.date > :window_end - e.days) as page
  from facts.keyword_ranks k
  cross join edges e
  where k.date between :window_start and :window_end
    and (:keyword is null or position(lower(:keyword) in lower(k.keyword)) > 0)
  group by lower(k.keyword)
), best as (
  select min(case s.grain when 'page_query' then 1 when 'query' then 2 end) as grain_no
  from facts.search_performance s
  where s.search_type = 'web' and s.date between :window_start and :window_end
), searched as (
  select lower(s.query) as query, s.page,
         sum(s.impressions) filter (where s.date < :window_start + e.days) as impressions_then,
         sum(s.position_x_impressions) filter (where s.date < :window_start + e.days) as weight_then,
         sum(s.impressions) filter (where s.date > :window_end - e.days) as impressions_now,
         sum(s.position_x_impressions) filter (where s.date > :window_end - e.days) as weight_now
  from facts.search_performance s
  join best b on b.grain_no = case s.grain when 'page_query' then 1 when 'query' then 2 end
  cross join edges e
  where s.search_type = 'web' and s.date between :window_start and :window_end
    and (:keyword is null or position(lower(:keyword) in lower(s.query)) > 0)
  group by lower(s.query), s.page
), weighed as (
  select s.query,
         sum(s.weight_then) / nullif(sum(s.impressions_then), 0) as was,
         sum(s.weight_now) / nullif(sum(s.impressions_now), 0) as is_now
  from searched s
  where not exists (select 1 from tracked t where t.query = s.query)
  group by s.query
  having sum(s.impressions_then) >= 100 and sum(s.impressions_now) >= 100
), top_pages as (
  select p.query, p.page
  from (
    select s.query, s.page, row_number() over (partition by s.query order by s.impressions_now desc nulls last, s.page) as n
    from searched s
  ) p
  where p.n = 1
), moved as (
  select t.query, t.page, t.was::numeric as was, t.is_now::numeric as is_now, t.volume, 'rank tracker' as basis
  from tracked t
  where t.was is not null and t.is_now is not null
  union all
  select w.query, nullif(p.page, ''), w.was, w.is_now, null, 'search data'
  from weighed w
  left join top_pages p on p.query = w.query
)
select m.query,
       m.page,
       nullif(m.was, 101) as before,
       nullif(m.is_now, 101) as now,
       m.was - m.is_now as change,
       m.volume,
       case when m.was <= 10 and m.is_now > 10 then 'left the top ten'
            when m.was > 10 and m.is_now <= 10 then 'entered the top ten'
            when m.was <= 3 and m.is_now > 3 then 'left the top three'
            when m.was > 3 and m.is_now <= 3 then 'entered the top three' end as note,
       m.basis,
       m.page as entity_id
from moved m
where abs(m.was - m.is_now) >= 1
  and (:direction is null or :direction = 'all'
       or (:direction = 'up' and m.is_now < m.was) or (:direction = 'down' and m.is_now > m.was))
order by (m.was <= 10 and m.is_now > 10) desc, abs(m.was - m.is_now) desc, m.volume desc nulls last, m.query
