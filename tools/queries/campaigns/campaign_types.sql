/*---
name: campaign_types
version: 1
title: Results by campaign type
description: Campaigns, spend, revenue, return and incrementality for each type of promotion.
group: campaigns
personas: [cmo, rewards_pm]
modules: [2]
metrics: [cost, revenue, roas, incrementality_pct]
sources: [daily_metrics, campaigns]
params:
  window:  {type: date_range, default: last_30d, max_days: 400}
  channel: {type: channel, default: all}
columns:
  - {name: type, type: text, label: Type, entity: true}
  - {name: campaigns, type: count, label: Campaigns}
  - {name: cost, type: money, label: Spend}
  - {name: revenue, type: money, label: Revenue, when_null: "not recorded"}
  - {name: roas, type: ratio, label: Return, when_null: "no value"}
  - {name: incrementality, type: fraction, label: Incrementality, when_null: "no valid holdout, or too few converters"}
  - {name: return_cost, type: money, label: Spend with known revenue, hidden: true}
  - {name: entity_id, type: text, hidden: true}
totals: [campaigns, cost, revenue, {name: roas, ratio: [revenue, return_cost]}]
keywords: [type, "promo type", discount, cashback, loyalty, win-back, vip, kinds]
examples: ["discount vs cashback vs loyalty promos", "perf by campaign type", "which promo type pays off", "win-back campaigns compared with vip ones"]
negatives: ["rank campaigns by roas", "are discounts hurting margin"]
chart: {kind: stacked_bar, x: type, y: revenue}
answer:
  headline: "{first.type} earned most of all types in {window}: revenue {first.revenue|money} for {first.cost|money} spend (return {first.roas|x2}); all types together {total.roas|x2}."
  row: "{type}: {campaigns|int} running, spend {cost|money}, revenue {revenue|money}, return {roas|x2}, incrementality {incrementality|pct1}"
  empty: "No campaign ran in {window}."
  notes:
    - "Types are those set on the campaigns; campaigns without one stand under \"other\". Revenue is what the ad platforms report; incrementality comes from holdouts and is not added to it; {freshness}."
follow_ups: [campaign_leaderboard, campaign_detail, channel_performance]
drafts: [reallocate_budget]
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 20}
cache_s: 300
test:
  fixture: shop
  params: {}
  expect: {rows: 6, first.type: other, first.roas: 5.059022, total.campaigns: 6, total.cost: 14980.00, total.revenue: 55230.00}
---*/
with valued as (
  -- a source that reports conversions but never an amount has no revenue figure, not a revenue of zero
  select d.source
  from facts.daily_metrics d
  where d.entity_kind = 'campaign' and d.breakdown = '' and d.date between :window_start and :window_end
  group by d.source
  having sum(d.revenue_base) > 0 or sum(d.conversions) = 0
), sums as (
  select coalesce(k.campaign_type, 'OTHER') as type, count(distinct d.entity_id) as campaigns,
         {{ metric('cost', 'd') }} as cost, {{ metric('revenue', 'd') }} as revenue, {{ metric('roas', 'd', 'd.revenue_base is not null') }} as roas,
         {{ metric('cost', 'd', 'd.revenue_base is not null') }} as return_cost
  from (
    select m.entity_id, m.cost_base, case when v.source is not null then m.revenue_base end as revenue_base
    from facts.daily_metrics m
    left join valued v on v.source = m.source
    where m.entity_kind = 'campaign' and m.breakdown = '' and m.date between :window_start and :window_end
      and (:channel is null or m.channel = :channel)
  ) d
  left join facts.campaigns k on k.id = d.entity_id
  group by 1
), arms as (
  select e.id, coalesce(k.campaign_type, 'OTHER') as type, a.is_control, a.weight, sum(y.users) as users, sum(y.converters) as converters
  from facts.experiments e
  join facts.campaigns k on k.id = e.entity_id and (:channel is null or k.channel = :channel)
  join facts.experiment_arms a on a.experiment_id = e.id
  join facts.experiment_daily y on y.experiment_id = e.id and y.arm = a.arm and y.date <= :window_end
  where e.kind = 'holdout' and e.entity_kind = 'campaign' and e.status in ('running', 'finished')
    and (e.ended_at is null or (e.ended_at at time zone :time_zone)::date >= :window_start)
  group by e.id, k.campaign_type, a.arm, a.is_control, a.weight
), groups as (
  select a.id, a.type, sum(a.weight) filter (where a.is_control) / nullif(sum(a.weight), 0) as control_share,
         sum(a.users) filter (where a.is_control) as control_users, sum(a.users) filter (where not a.is_control) as treated_users,
         sum(a.converters) filter (where a.is_control) as control_converters,
         sum(a.converters) filter (where not a.is_control) as treated_converters
  from arms a
  group by a.id, a.type
), lifts as (
  -- void where the split missed its plan (chi-squared above 10.83, p < 0.001); withheld under 30 conversions held out
  select h.type, case when sum(h.holdout_conversions) >= 30 then {{ metric('incrementality_pct', 'h') }} end as incrementality
  from (
    select g.type, g.treated_converters as conversions, g.control_converters as holdout_conversions,
           g.control_converters * g.treated_users / g.control_users as baseline_conversions
    from groups g
    where g.control_users > 0 and g.treated_users > 0 and g.control_share > 0 and g.control_share < 1
      and power(g.control_users - (g.control_users + g.treated_users) * g.control_share, 2)
        <= 10.828 * (g.control_users + g.treated_users) * g.control_share * (1 - g.control_share)
  ) h
  group by h.type
)
select lower(s.type) as type,
       s.campaigns,
       s.cost,
       s.revenue,
       case when s.cost >= 100 then s.roas end as roas,
       l.incrementality,
       s.return_cost,
       s.type as entity_id
from sums s
left join lifts l on l.type = s.type
order by s.revenue desc nulls last, s.cost desc, s.type
