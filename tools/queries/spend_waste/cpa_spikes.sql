/*---
name: cpa_spikes
version: 4
title: Jumps of cost per conversion
description: Campaigns whose cost per conversion rose above their own baseline of the four weeks before, tracking gaps and sale days left out.
group: spend_waste
personas: [perf_lead]
modules: [10]
metrics: [cpa]
sources: [daily_metrics]
params:
  window:     {type: date_range, default: last_7d, max_days: 90}
  min_change: {type: percent, default: 0.40, min: 0, max: 2}
  channel:    {type: channel, default: all}
  platform:   {type: platform, default: all}
columns:
  - {name: campaign, type: text, label: Campaign, entity: true}
  - {name: cpa, type: money, label: Cost per conversion, when_null: "spent, no conversion yet"}
  - {name: baseline, type: money, label: Usual}
  - {name: change, type: fraction, label: Change, when_null: "no conversion to compare"}
  - {name: conversions, type: count, label: Conversions}
  - {name: cost, type: money, label: Spend}
  - {name: extra_cost, type: money, label: Extra cost}
  - {name: driver, type: text, label: Main cause}
  - {name: days_left_out, type: count, label: Days left out}
  - {name: entity_id, type: text, hidden: true}
  - {name: campaign_id, type: text, hidden: true}
totals: [cost, conversions, extra_cost]
keywords: [cpa, "cost per conversion", pricier, jumped, spike, "cost conversion shoot"]
examples: ["is cpa going up anywhere", "cost per conv spiked?", "which camps got pricier per conversion", "cpa jump this wk"]
negatives: ["what's our cac", "cost per lead", "unusual spikes or drops this wk"]
chart: {kind: bar, x: campaign, y: cpa, compare: baseline, sort: desc}
answer:
  headline: "Campaigns that pay clearly more per conversion than usual in {window}: {n}. The rise cost {total.extra_cost|money}; first {first.campaign}."
  row: "{rank}. {campaign}: {cpa|money} against {baseline|money} usually ({change|change}), {conversions|int} conversions, mainly because {driver}"
  empty: "No campaign's cost per conversion rose by {min_change|pct1} or more in {window}."
  notes:
    - "Baseline: the same weekdays of the four weeks before. Left out on both sides: days on which tracking was down, sale days with twice the usual orders, incomplete days and yesterday while it is provisional."
    - "A rise must also be larger than chance."
follow_ups: [spend_without_tracking, wasted_spend, impression_share_loss]
drafts: [decrease_budget, reallocate_budget, pause_campaign]
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 50}
cache_s: 300
test:
  fixture: shop
  params: {window: {start: "2024-05-13", end: "2024-05-19"}}
  expect: {rows: 1, first.campaign: Trail Ads, first.baseline: 20.00, first.cpa: 35.00, first.change: 0.75, first.conversions: 24, first.extra_cost: 360.00, first.days_left_out: 1}
---*/
with raw_days as (
  select d.entity_id as campaign_id, d.source, d.date, sum(d.clicks) as clicks, sum(d.conversions) as conversions,
         sum(d.cost_base) as cost_base, d.date >= :window_start as now,
         bool_or(d.incomplete or not (d.is_final or d.date < :today - 1)) as unsettled
  from facts.daily_metrics d
  where d.entity_kind = 'campaign' and d.breakdown = ''
    and d.date between :window_start - 28 and :window_end
    and (:channel is null or d.channel = :channel)
    and (:platform is null or d.source = :platform)
  group by d.entity_id, d.source, d.date
), orders_by_day as (
  select d.date, sum(d.conversions) as orders
  from facts.daily_metrics d
  where d.entity_kind = 'site' and d.breakdown = '' and d.date between :window_start - 56 and :window_end
  group by d.date
), sale_days as (
  -- Twice the orders of the middle same weekday of the weeks before: a sale or a holiday, not a usual day.
  select a.date
  from orders_by_day a
  join orders_by_day b on b.date in (a.date - 7, a.date - 14, a.date - 21, a.date - 28)
  group by a.date, a.orders
  having count(*) >= 2 and a.orders >= 20
     and a.orders >= 2 * percentile_cont(0.5) within group (order by b.orders)
), rated as (
  -- Windows instead of joins: what is joined here has no statistics, and a join by weekday would compare every pair of days.
  select r.campaign_id, r.source, r.date, r.clicks, r.conversions, r.cost_base, r.now, r.unsettled,
         sum(r.clicks) over by_day as day_clicks,
         sum(r.conversions) over by_day as day_conversions,
         sum(r.conversions) filter (where r.conversions > 0) over by_campaign
           / nullif(sum(r.clicks) filter (where r.conversions > 0) over by_campaign, 0) as own_rate
  from raw_days r
  window by_day as (partition by r.source, r.date), by_campaign as (partition by r.campaign_id)
), expected as (
  select r.campaign_id, r.date, r.clicks, r.conversions, r.cost_base, r.now, r.unsettled,
         r.day_conversions, r.clicks * r.own_rate as own_expected,
         r.day_clicks * sum(r.conversions) filter (where r.day_conversions > 0) over by_platform
           / nullif(sum(r.clicks) filter (where r.day_conversions > 0) over by_platform, 0) as day_expected
  from rated r
  window by_platform as (partition by r.source)
), days as (
  select e.campaign_id, e.date, e.clicks, e.conversions, e.cost_base, e.now,
         e.unsettled or s.date is not null
           or (e.day_conversions = 0 and e.day_expected >= 3)
           or (e.day_expected >= 8 and e.day_conversions < 0.25 * e.day_expected)
           or (e.conversions = 0 and e.own_expected >= 3) as left_out
  from expected e
  left join sale_days s on s.date = e.date
), compared_days as (
  -- Only weekdays that are still present in the window are compared.
  select d.campaign_id, d.clicks, d.conversions, d.cost_base, d.now, d.left_out,
         bool_or(d.now and not d.left_out)
           over (partition by d.campaign_id, extract(isodow from d.date)) as weekday_present
  from days d
), sums as (
  select d.campaign_id,
         coalesce(sum(d.cost_base) filter (where d.now), 0) as cost_base,
         coalesce(sum(d.clicks) filter (where d.now), 0) as clicks,
         coalesce(sum(d.conversions) filter (where d.now), 0) as conversions,
         coalesce(sum(d.cost_base) filter (where not d.now), 0) as base_cost,
         coalesce(sum(d.clicks) filter (where not d.now), 0) as base_clicks,
         coalesce(sum(d.conversions) filter (where not d.now), 0) as base_conversions
  from compared_days d
  where not d.left_out and d.weekday_present
  group by d.campaign_id
), skipped as (
  select d.campaign_id, count(distinct d.date) as days_left_out from days d where d.now and d.left_out group by d.campaign_id
), compared as (
  select s.campaign_id, s.cost_base, s.clicks, s.conversions,
         {{ metric_of('cpa', 's') }} as cpa,
         s.base_cost / nullif(s.base_conversions, 0) as baseline,
         s.base_clicks, s.base_cost, s.base_conversions
  from sums s
  where s.base_conversions >= 10 and s.cost_base > 0
), judged as (
  select c.campaign_id, c.cost_base, c.conversions, c.cpa, c.baseline,
         (c.cpa - c.baseline) / nullif(c.baseline, 0) as change,
         c.cost_base / nullif(c.baseline, 0) as expected,
         {{ metric_of('cpc', 'c') }} / nullif(c.base_cost / nullif(c.base_clicks, 0), 0) as click_price_ratio,
         (c.base_conversions / nullif(c.base_clicks, 0)) / nullif({{ metric_of('cvr_click', 'c') }}, 0) as rate_ratio
  from compared c
)
select coalesce(k.name, j.campaign_id) as campaign,
       j.cpa,
       j.baseline,
       j.change,
       j.conversions,
       j.cost_base as cost,
       j.cost_base - j.conversions * j.baseline as extra_cost,
       case when j.conversions = 0 or j.rate_ratio > j.click_price_ratio
            then 'fewer clicks turn into conversions' else 'clicks cost more' end as driver,
       coalesce(x.days_left_out, 0) as days_left_out,
       j.campaign_id as entity_id,
       j.campaign_id
from judged j
left join facts.campaigns k on k.id = j.campaign_id
left join skipped x on x.campaign_id = j.campaign_id
where (j.change >= :min_change or (j.conversions = 0 and j.expected >= 3))
  and (j.conversions - j.expected) / sqrt(nullif(j.expected, 0)) <= -1.644854
order by (j.conversions = 0) desc, j.change desc nulls last, j.campaign_id
