/*---
name: campaign_segments
version: 2
title: One campaign by audience
description: Reach, click rate, conversion rate, revenue and return of one campaign for each behavioural segment.
group: campaigns
personas: [perf_lead]
modules: [3, 4]
metrics: [ctr, cvr_click, revenue, roas]
sources: [daily_metrics]
params:
  campaign: {type: campaign, required: true}
  window:   {type: date_range, default: last_28d, max_days: 400}
columns:
  - {name: segment, type: text, label: Segment, entity: true}
  - {name: reached, type: count, label: Reached on the best day}
  - {name: impressions, type: count, label: Impressions}
  - {name: ctr, type: fraction, label: Click rate, when_null: "small sample"}
  - {name: cvr, type: fraction, label: Conversion rate, when_null: "small sample"}
  - {name: conversions, type: count, label: Conversions}
  - {name: revenue, type: money, label: Revenue}
  - {name: cost, type: money, label: Spend}
  - {name: roas, type: ratio, label: Return, when_null: "too little spend"}
  - {name: campaign, type: text, label: Campaign, hidden: true}
  - {name: segment_id, type: text, hidden: true}
  - {name: entity_id, type: text, hidden: true}
totals: [impressions, conversions, revenue, cost, {name: roas, ratio: [revenue, cost]}]
keywords: ["campaign by segment", audience, respond, split, "who converts"]
examples: ["which segments respond to harvest sale", "brand search by audience", "who converts on loyalty week", "welcome offer split by segment"]
negatives: ["how big are our segments", "how is the harvest sale campaign doing"]
chart: {kind: bar, x: segment, y: roas, sort: desc}
answer:
  headline: "{first.campaign} by audience in {window}: {first.segment} answer best, return {first.roas|x2}, conversion rate {first.cvr|pct2}; all segments together {total.roas|x2}."
  row: "{rank}. {segment}: reached on the best day {reached|int}, click rate {ctr|pct2}, conversion rate {cvr|pct2}, revenue {revenue|money}, return {roas|x2}"
  empty: "There is no split by audience for that campaign in {window}."
  notes: ["Reach is the best single day: people come back, so days are not added up. Audiences under ten people are put into \"other\". A difference between audiences is a hint, not a test; {freshness}."]
follow_ups: [campaign_detail, segment_summary, campaign_leaderboard]
drafts: [retargeting_audience]
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 50}
cache_s: 300
test:
  fixture: shop
  params: {campaign: "google_ads:1001"}
  expect: {rows: 4, first.segment: high spender, first.reached: 1500, first.ctr: 0.03, first.cvr: 0.05, first.roas: 5.0, total.revenue: 5320.00, total.cost: 2521.00}
---*/
with names as (
  -- Whatever counts as this campaign, by the names that rows are stored under: an index finds them.
  select :campaign as id
  union all
  select e.id from facts.entities e
  where e.kind = 'campaign' and e.canonical_id = :campaign and e.canonical_id <> '' and e.canonical_id <> e.id
), sizes as (
  select substr(d.breakdown, 9) as segment, max(d.users) as people
  from facts.daily_metrics d
  where d.entity_kind = 'campaign' and d.entity_id = :campaign and d.platform_id = any ((select array_agg(n.id) from names n)::text[]) and d.breakdown like 'segment=%'
    and d.date between :window_start and :window_end
  group by 1
), days as (
  select case when s.people >= 10 then s.segment else 'other' end as segment, d.entity_id, d.users, d.impressions, d.clicks, d.conversions,
         d.cost_base, d.revenue_base
  from facts.daily_metrics d
  join sizes s on s.segment = substr(d.breakdown, 9)
  where d.entity_kind = 'campaign' and d.entity_id = :campaign and d.platform_id = any ((select array_agg(n.id) from names n)::text[]) and d.breakdown like 'segment=%'
    and d.date between :window_start and :window_end
), sums as (
  select d.segment, min(d.entity_id) as entity_id, max(d.users) as reached, sum(d.impressions) as impressions, sum(d.clicks) as clicks,
         {{ metric('ctr', 'd') }} as ctr, {{ metric('cvr_click', 'd') }} as cvr, {{ metric('conversions', 'd') }} as conversions,
         {{ metric('revenue', 'd') }} as revenue, {{ metric('cost', 'd') }} as cost, {{ metric('roas', 'd') }} as roas
  from days d
  group by d.segment
)
select replace(lower(s.segment), '_', ' ') as segment,
       case when s.reached >= 10 then s.reached end as reached,
       s.impressions,
       case when s.impressions >= 1000 then s.ctr end as ctr,
       case when s.clicks >= 100 then s.cvr end as cvr,
       s.conversions,
       s.revenue,
       s.cost,
       case when s.cost >= 100 then s.roas end as roas,
       coalesce(k.name, s.entity_id) as campaign,
       s.segment as segment_id,
       s.entity_id
from sums s
left join facts.campaigns k on k.id = s.entity_id
order by case when s.cost >= 100 then s.roas end desc nulls last, s.revenue desc, s.segment
