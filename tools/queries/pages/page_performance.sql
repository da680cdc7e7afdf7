/*---
name: page_performance
version: 3
title: Traffic and conversion per page
description: Sessions, engagement, bounce and exit rate and conversions of each page, or of one page or page type.
group: pages
personas: [perf_lead]
modules: []
metrics: [sessions, engaged_session_rate, bounce_rate, exit_rate, cvr_session]
sources: [daily_metrics, pages]
params:
  window:    {type: date_range, default: last_28d, max_days: 400}
  page:      {type: page, default: all}
  pages:     {type: pages, default: all, description: "Only these, side by side."}
  page_type: {type: enum, values_from: pages.page_type, default: all}
  sort:      {type: enum, values: [sessions, cvr, bounce_rate], default: sessions}
  limit:     {type: integer, default: 10, min: 1, max: 50}
columns:
  - {name: page, type: text, label: Page, entity: true}
  - {name: sessions, type: count, label: Sessions}
  - {name: engaged, type: fraction, label: Engaged}
  - {name: bounce, type: fraction, label: Bounced}
  - {name: exit, type: fraction, label: Exits, when_null: "no page views"}
  - {name: conversions, type: count, label: Conversions}
  - {name: cvr, type: fraction, label: Conversion rate}
  - {name: top_channel, type: text, label: Mostly from}
  - {name: sample, type: text, label: Sample, when_null: "enough"}
  - {name: page_type, type: text, label: Type, when_null: "unknown"}
  - {name: entity_id, type: text, hidden: true}
  - {name: sessions_a_day, type: count, hidden: true}
  - {name: test_rate, type: fraction, hidden: true}
totals: [sessions, conversions, {name: cvr, ratio: [conversions, sessions]}]
keywords: [page, "landing pages", "bounce rate", traffic, stats, sessions, "most traffic"]
examples: ["top landing pages", "page stats for /pricing", "bounce rate by page", "which pages get the most traffic"]
negatives: ["high traffic low conversion pages", "organic traffic vs last month"]
chart: {kind: table}
answer:
  headline: "{first.page} comes first of {n} in {window}: {first.sessions|int} sessions, {first.cvr|pct2} of them convert."
  row: "{rank}. {page}: {sessions|int} sessions mostly from {top_channel}, {engaged|pct1} engaged, {bounce|pct1} bounced, {conversions|int} conversions ({cvr|pct2})"
  empty: "No visits to this page are recorded in {window}."
  notes:
    - "A session counts for the page on which it began or that it saw, as the analytics source reports it; pages may overlap, so do not add them up to the site. Fewer than a hundred sessions is a small sample and ranks behind the others."
follow_ups: [page_copy_facts, seo_top_queries, checkout_abandonment]
drafts: []
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 50}
cache_s: 300
test:
  fixture: shop
  params: {window: {start: "2025-05-05", end: "2025-05-18"}}
  expect: {rows: 3, first.page: /pricing, first.sessions: 2000, first.engaged: 0.6, first.bounce: 0.4, first.exit: 0.15, first.conversions: 50, first.cvr: 0.025, first.top_channel: paid_search}
---*/
with names as (
  -- Whatever counts as this page, by the names that rows are stored under: an index finds them.
  select :page as id
  union all
  select e.id from facts.entities e
  where e.kind = 'page' and e.canonical_id = :page and e.canonical_id <> '' and e.canonical_id <> e.id
), by_channel as (
  select d.entity_id as page, d.channel,
         sum(d.sessions) as sessions, sum(d.engaged_sessions) as engaged_sessions, sum(d.bounces) as bounces,
         sum(d.pageviews) as pageviews, sum(d.exits) as exits, sum(d.conversions) as conversions
  from facts.daily_metrics d
  where d.entity_kind = 'page' and d.breakdown = '' and d.date between :window_start and :window_end
    and (:page is null or (d.entity_id = :page and d.platform_id = any ((select array_agg(n.id) from names n)::text[])))
    and (:pages is null or d.entity_id = any(:pages))
  group by d.entity_id, d.channel
), sums as (
  select c.page, sum(c.sessions) as sessions, sum(c.engaged_sessions) as engaged_sessions, sum(c.bounces) as bounces,
         sum(c.pageviews) as pageviews, sum(c.exits) as exits, sum(c.conversions) as conversions
  from by_channel c
  group by c.page
), main_channels as (
  select c.page, c.channel, row_number() over (partition by c.page order by c.sessions desc, c.channel) as n from by_channel c
), rated as (
  select s.page, s.sessions, s.conversions,
         {{ metric_of('engaged_session_rate', 's') }} as engaged,
         {{ metric_of('bounce_rate', 's') }} as bounce,
         {{ metric_of('exit_rate', 's') }} as exit_share,
         {{ metric_of('cvr_session', 's') }} as cvr
  from sums s
  where s.sessions > 0
)
select r.page,
       r.sessions,
       r.engaged,
       r.bounce,
       r.exit_share as exit,
       r.conversions,
       r.cvr,
       l.channel as top_channel,
       case when r.sessions < 100 then 'small sample' end as sample,
       nullif(p.page_type, '') as page_type,
       r.page as entity_id,
       -- What a test of the page is planned with: no plan stands on a small sample, nor on no conversion at all.
       ceil(r.sessions / nullif(:window_end - :window_start + 1, 0))::bigint as sessions_a_day,
       case when r.sessions >= 100 and r.conversions > 0 then r.cvr end as test_rate
from rated r
left join main_channels l on l.page = r.page and l.n = 1
left join facts.pages p on p.id = r.page
where :page_type is null or p.page_type = :page_type
order by case when :sort = 'sessions' or r.sessions >= 100 then 0 else 1 end,
         case :sort when 'cvr' then r.cvr when 'bounce_rate' then r.bounce else r.sessions end desc nulls last,
         r.page
