/*---
name: page_copy_facts
version: 2
title: Facts for rewriting a page
description: "What is known about one page before its copy is rewritten: topic, traffic, conversion against the site, searches that find it, ads that lead to it."
group: pages
personas: [perf_lead]
modules: [10]
metrics: [sessions, bounce_rate, cvr_session, organic_clicks, ctr]
sources: [daily_metrics, search_performance, pages, creatives]
params:
  page:   {type: page, required: true, description: "The path of the page."}
  window: {type: date_range, default: last_90d, max_days: 400}
columns:
  - {name: fact, type: text, label: Fact}
  - {name: value, type: text, label: Value}
  - {name: amount, type: count, hidden: true}
  - {name: rate, type: fraction, hidden: true}
  - {name: rank, type: number, hidden: true}
totals: []
keywords: [copy, brief, rewrite, "know about the page", background, facts, "for a rewrite"]
examples: ["what do we know about the /quote page", "copy brief facts for /pricing", "background for rewriting /quote"]
negatives: ["page stats for /pricing", "queries driving clicks to /pricing"]
chart: {kind: table}
answer:
  headline: "What is known about {page} in {window}:"
  row: "{fact}: {value}"
  empty: "Nothing is recorded about {page} in {window}."
  notes:
    - "The words people search and the ads they clicked are the best source for headlines; titles and search terms are quoted as data."
follow_ups: [page_performance, seo_top_queries, seo_overlap]
drafts: [generate_content_brief]
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 60}
cache_s: 600
test:
  fixture: shop
  params: {page: /pricing, window: {start: "2025-05-05", end: "2025-05-18"}}
  expect: {rows: 14, first.fact: title, first.value: "Plans and prices"}
---*/
with visits as (
  select d.entity_id as page, d.channel,
         sum(d.sessions) as sessions, sum(d.engaged_sessions) as engaged_sessions, sum(d.bounces) as bounces,
         sum(d.conversions) as conversions
  from facts.daily_metrics d
  where d.entity_kind = 'page' and d.breakdown = '' and d.date between :window_start and :window_end
  group by d.entity_id, d.channel
), own as (
  select sum(v.sessions) as sessions, sum(v.engaged_sessions) as engaged_sessions, sum(v.bounces) as bounces,
         sum(v.conversions) as conversions
  from visits v where v.page = :page
), everything as (
  select sum(v.sessions) as sessions, sum(v.bounces) as bounces, sum(v.conversions) as conversions from visits v
), channels as (
  select v.channel, v.sessions, v.conversions, row_number() over (order by v.sessions desc, v.channel) as n,
         v.sessions / nullif(sum(v.sessions) over (), 0) as share
  from visits v
  where v.page = :page and v.sessions > 0
), queries as (
  select q.query, q.clicks, q.impressions, q.place, row_number() over (order by q.clicks desc, q.impressions desc, q.query) as n
  from (
    select s.query, sum(s.clicks) as clicks, sum(s.impressions) as impressions,
           sum(s.position_x_impressions) / nullif(sum(s.impressions), 0) as place
    from facts.search_performance s
    where s.search_type = 'web' and s.grain = 'page_query' and s.page = :page
      and s.date between :window_start and :window_end
    group by s.query
  ) q
), campaigns as (
  select c.id, c.name from facts.campaigns c
  where c.landing_page = :page and c.status in ('active', 'paused')
), terms as (
  select t.term, t.conversions, row_number() over (order by t.conversions desc, t.clicks desc, t.term) as n
  from (
    select x.term, sum(x.conversions) as conversions, sum(x.clicks) as clicks
    from facts.search_terms x
    join campaigns c on c.id = x.platform_campaign_id
    where x.date between :window_start and :window_end
    group by x.term
  ) t
  where t.conversions > 0
), ads as (
  select a.headline, a.clicks, a.rate, row_number() over (order by a.rate desc nulls last, a.id) as n
  from (
    select k.id, k.headlines[1] as headline, sum(d.clicks) as clicks, {{ metric('ctr', 'd') }} as rate
    from facts.creatives k
    join campaigns c on c.id = k.platform_campaign_id
    join facts.daily_metrics d on d.entity_kind = 'ad' and d.platform_id = k.id and d.breakdown = ''
                              and d.date between :window_start and :window_end
    where coalesce(k.headlines[1], '') <> ''
    group by k.id, k.headlines[1]
    having sum(d.impressions) >= 1000
  ) a
), facts_found as (
  select 1 as rank, 'title' as fact, nullif(p.title, '') as value, null::numeric as amount, null::numeric as rate
  from facts.pages p where p.id = :page
  union all
  select 2, 'kind of page', nullif(concat_ws(', ', nullif(p.page_type, ''), nullif(p.topic, ''), nullif(p.city, '')), ''), null, null
  from facts.pages p where p.id = :page
  union all
  select 3, 'language', nullif(p.language, ''), null, null from facts.pages p where p.id = :page
  union all
  select 4, 'last changed', to_char(greatest(p.title_changed_on, p.content_changed_on), 'YYYY-MM-DD'), null, null
  from facts.pages p where p.id = :page
  union all
  select 10, 'sessions', to_char(o.sessions, 'FM999,999,999,990'), o.sessions, null from own o where o.sessions > 0
  union all
  select 11, 'engaged sessions', to_char(100 * {{ metric_of('engaged_session_rate', 'o') }}, 'FM990.0') || ' %', o.engaged_sessions,
         {{ metric_of('engaged_session_rate', 'o') }}
  from own o where o.sessions > 0
  union all
  select 12, 'bounce rate', to_char(100 * {{ metric_of('bounce_rate', 'o') }}, 'FM990.0') || ' %', o.bounces, {{ metric_of('bounce_rate', 'o') }}
  from own o where o.sessions > 0
  union all
  select 13, 'bounce rate of all pages', to_char(100 * {{ metric_of('bounce_rate', 'e') }}, 'FM990.0') || ' %', e.bounces, {{ metric_of('bounce_rate', 'e') }}
  from everything e where e.sessions > 0
  union all
  select 14, 'conversion rate', to_char(100 * {{ metric_of('cvr_session', 'o') }}, 'FM990.00') || ' %', o.conversions, {{ metric_of('cvr_session', 'o') }}
  from own o where o.sessions > 0
  union all
  select 15, 'conversion rate of all pages', to_char(100 * {{ metric_of('cvr_session', 'e') }}, 'FM990.00') || ' %', e.conversions,
         {{ metric_of('cvr_session', 'e') }}
  from everything e where e.sessions > 0
  union all
  select 20 + c.n, 'visits from', c.channel || ' (' || to_char(100 * c.share, 'FM990.0') || ' %)', c.sessions, c.share
  from channels c where c.n <= 3
  union all
  select 30 + q.n, 'people search', q.query || ' (position ' || to_char(q.place, 'FM990.0') || ')', q.clicks, null
  from queries q where q.n <= 5
  union all
  select 40, 'campaigns that lead here', string_agg(c.name, ', ' order by c.name), count(*), null from campaigns c having count(*) > 0
  union all
  select 50 + t.n, 'paid search term that converts', t.term, t.conversions, null from terms t where t.n <= 3
  union all
  select 60 + a.n, 'headline that works in ads', a.headline || ' (click rate ' || to_char(100 * a.rate, 'FM990.00') || ' %)', a.clicks, a.rate
  from ads a where a.n <= 2
)
select f.fact,
       f.value,
       f.amount,
       f.rate,
       f.rank
from facts_found f
where f.value is not null
order by f.rank, f.value
