/*---
name: campaign_detail
version: 2
title: One campaign in full
description: Impressions, clicks, conversions, revenue, spend, return, frequency and budget use of one campaign, in the window and before.
group: campaigns
personas: [perf_lead]
modules: [4]
metrics: [impressions, clicks, ctr, cpc, conversions, cvr_click, revenue, cost, roas, avg_frequency, budget_utilization]
sources: [daily_metrics, daily_campaign_metrics]
params:
  campaign: {type: campaign, required: true}
  window:   {type: date_range, default: last_7d, max_days: 400}
  compare:  {type: compare, default: prior_period}
columns:
  - {name: period, type: text, label: Period}
  - {name: impressions, type: count, label: Impressions}
  - {name: clicks, type: count, label: Clicks}
  - {name: ctr, type: fraction, label: Click rate, when_null: "no impressions"}
  - {name: cpc, type: money, label: Cost per click, when_null: "no clicks"}
  - {name: conversions, type: count, label: Conversions}
  - {name: cvr, type: fraction, label: Conversion rate, when_null: "no clicks"}
  - {name: revenue, type: money, label: Revenue, when_null: "not recorded"}
  - {name: cost, type: money, label: Spend}
  - {name: roas, type: ratio, label: Return, when_null: "no spend or no revenue recorded"}
  - {name: cpa, type: money, label: Cost per conversion, when_null: "no conversion yet"}
  - {name: frequency, type: ratio, label: Frequency, when_null: "not measured"}
  - {name: budget_used, type: fraction, label: Budget used, when_null: "no budget known"}
  - {name: sample, type: text, label: Sample, when_null: "enough"}
  - {name: campaign, type: text, label: Campaign, entity: true}
  - {name: status, type: text, label: Status}
  - {name: entity_id, type: text, hidden: true}
totals: []
keywords: [campaign, detail, stats, numbers, doing, "deep dive", everything, report]
examples: ["how is the harvest sale campaign doing", "stats for brand search", "deep dive on loyalty week", "everything about welcome offer", "harvest sale numbers"]
negatives: ["how are we doing", "conversion funnel for harvest sale", "which segments respond to harvest sale"]
chart: {kind: table, columns: [period, impressions, clicks, conversions, revenue, cost, roas]}
answer:
  headline: "{first.campaign} ({first.status}) in {window}: return {first.roas|x2}, revenue {first.revenue|money} on {first.cost|money} spend, {first.conversions|int} conversions."
  row: "{period}: {impressions|int} impressions, {clicks|int} clicks, click rate {ctr|pct2}, cost per click {cpc|money2}, {conversions|int} conversions ({cvr|pct2} of clicks), spend {cost|money}, return {roas|x2}, budget used {budget_used|pct1}"
  empty: "{campaign} has no recorded day in {window}."
  notes:
    - "Conversions and revenue are what the platform reports. Conversion rate is conversions per click; frequency counts the seven days that end on the last Sunday of the period; {freshness}."
follow_ups: [kpi_trend, creative_leaderboard, campaign_funnel]
drafts: [pause_campaign, increase_budget, decrease_budget]
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 10}
cache_s: 300
test:
  fixture: shop
  params: {campaign: "google_ads:1001"}
  expect: {rows: 2, first.campaign: Harvest Sale, first.impressions: 140000, first.ctr: 0.0075, first.roas: 1.5, first.cost: 980.00, first.frequency: 3.0, first.budget_used: 0.7}
---*/
with names as (
  -- Whatever counts as this campaign, by the names that rows are stored under: an index finds them.
  select :campaign as id
  union all
  select e.id from facts.entities e
  where e.kind = 'campaign' and e.canonical_id = :campaign and e.canonical_id <> '' and e.canonical_id <> e.id
), periods as (
  select 1 as n, 'now' as period, :window_start as first_day, :window_end as last_day
  union all
  select 2, 'before', :compare_start, :compare_end
), valued as (
  -- a source that reports conversions but never an amount has no revenue figure, not a revenue of zero
  select d.source
  from facts.daily_metrics d
  where d.entity_kind = 'campaign' and d.breakdown = '' and d.date between least(:window_start, :compare_start) and :window_end
  group by d.source
  having sum(d.revenue_base) > 0 or sum(d.conversions) = 0
), sums as (
  select p.n, p.period, p.first_day, p.last_day,
         {{ metric('impressions', 'd') }} as impressions, {{ metric('clicks', 'd') }} as clicks, {{ metric('ctr', 'd') }} as ctr,
         {{ metric('cpc', 'd') }} as cpc, {{ metric('conversions', 'd') }} as conversions, {{ metric('cvr_click', 'd') }} as cvr,
         {{ metric('revenue', 'd') }} as revenue, {{ metric('cost', 'd') }} as cost_base, {{ metric('roas', 'd') }} as roas,
         {{ metric('cpa', 'd') }} as cpa, min(d.entity_id) as entity_id
  from periods p
  join (
    select m.entity_id, m.date, m.impressions, m.clicks, m.conversions, m.cost_base, case when v.source is not null then m.revenue_base end as revenue_base
    from facts.daily_metrics m
    left join valued v on v.source = m.source
    where m.entity_kind = 'campaign' and m.breakdown = '' and m.entity_id = :campaign and m.platform_id = any ((select array_agg(n.id) from names n)::text[])
      and m.date between least(:window_start, :compare_start) and :window_end
  ) d on d.date between p.first_day and p.last_day
  group by p.n, p.period, p.first_day, p.last_day
), plans as (
  select p.n, sum(m.budget * case
           when m.cost > 0 then m.cost_base / m.cost
           when m.currency = (select o.currency from facts.orgs o) then 1
           else (select f.rate from facts.fx_rates f join facts.orgs o on o.currency = f.to_currency
                 where f.from_currency = m.currency and f.date between m.date - 10 and m.date order by f.date desc limit 1) end) as budget
  from periods p
  join facts.daily_campaign_metrics m on m.date between p.first_day and p.last_day
  where m.campaign_id = :campaign and not m.is_holdout and m.date between least(:window_start, :compare_start) and :window_end
  group by p.n
), sundays as (
  select p.n, max(d.date) as sunday
  from periods p
  join facts.daily_metrics d on d.date between p.first_day and p.last_day
  where d.entity_kind = 'campaign' and d.entity_id = :campaign and d.breakdown like 'exposures=%' and d.platform_id = any ((select array_agg(n.id) from names n)::text[])
    and d.date between least(:window_start, :compare_start) and :window_end
  group by p.n
), exposed as (
  -- people of that week, and the impressions of the same seven days
  select s.n,
         (select sum(x.frequency_users) from facts.daily_metrics x
          where x.entity_kind = 'campaign' and x.entity_id = :campaign and x.platform_id = any ((select array_agg(n.id) from names n)::text[]) and x.breakdown like 'exposures=%' and x.date = s.sunday
            and x.date between least(:window_start, :compare_start) and :window_end) as frequency_users,
         (select sum(x.impressions) from facts.daily_metrics x
          where x.entity_kind = 'campaign' and x.entity_id = :campaign and x.platform_id = any ((select array_agg(n.id) from names n)::text[]) and x.breakdown = '' and x.date between s.sunday - 6 and s.sunday
            and x.date between least(:window_start, :compare_start) - 6 and :window_end) as impressions
  from sundays s
), used as (
  select s.n, s.cost_base, p.budget
  from sums s
  join plans p on p.n = s.n
)
select s.period,
       s.impressions,
       s.clicks,
       s.ctr,
       s.cpc,
       s.conversions,
       s.cvr,
       s.revenue,
       s.cost_base as cost,
       s.roas,
       s.cpa,
       {{ metric_of('avg_frequency', 'e') }} as frequency,
       {{ metric_of('budget_utilization', 'u') }} as budget_used,
       case when s.cost_base < 100 or s.impressions < 1000 or s.clicks < 100 then 'small sample' end as sample,
       coalesce(k.name, s.entity_id) as campaign,
       coalesce(k.status, 'unknown') as status,
       s.entity_id
from sums s
left join exposed e on e.n = s.n
left join used u on u.n = s.n
left join facts.campaigns k on k.id = s.entity_id
order by s.n, s.entity_id
