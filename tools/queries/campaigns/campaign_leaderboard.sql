/*---
name: campaign_leaderboard
version: 3
title: Campaigns ranked
description: Campaigns with return, click rate, conversions, revenue, acquisition cost, incrementality, spend and budget, ranked by one of them.
group: campaigns
personas: [perf_lead, cmo]
modules: [2]
metrics: [roas, ctr, conversions, revenue, cac, incrementality_pct, cost]
sources: [daily_metrics, daily_campaign_metrics, orders]
params:
  window:  {type: date_range, default: last_7d, max_days: 400}
  sort:    {type: enum, values: [roas, revenue, conversions, ctr, cac, incrementality_pct, cost], default: roas}
  status:  {type: enum, values: [all, active, paused, draft, ended, archived], default: all}
  type:    {type: enum, values: [all, DISCOUNT, CASHBACK, LOYALTY, ANNOUNCEMENT, REACTIVATION, RETARGETING, SEASONAL, OTHER], default: all}
  channel: {type: channel, default: all}
  platform: {type: platform, default: all}
  segment: {type: segment, default: all}
  limit:   {type: integer, default: 10, min: 1, max: 50}
columns:
  - {name: rank, type: count, label: "#"}
  - {name: campaign, type: text, label: Campaign, entity: true}
  - {name: type, type: text, label: Type, when_null: "not set"}
  - {name: status, type: text, label: Status}
  - {name: roas, type: ratio, label: Return, when_null: "small sample"}
  - {name: ctr, type: fraction, label: Click rate, when_null: "small sample"}
  - {name: conversions, type: count, label: Conversions}
  - {name: revenue, type: money, label: Revenue, when_null: "not recorded"}
  - {name: new_customers, type: count, label: New customers, when_null: "not known: no order names a campaign"}
  - {name: cac, type: money, label: Cost per new customer, when_null: "no value (under 10 new customers)"}
  - {name: incrementality, type: fraction, label: Incrementality, when_null: "no valid holdout, or too few converters"}
  - {name: cost, type: money, label: Spend}
  - {name: budget, type: money, label: Budget, when_null: "no budget known"}
  - {name: lead, type: text, hidden: true}
  - {name: return_cost, type: money, label: Spend with known revenue, hidden: true}
  - {name: entity_id, type: text, hidden: true}
totals: [conversions, revenue, cost, {name: roas, ratio: [revenue, return_cost]}]
keywords: [campaigns, rank, best, top, sort, leaderboard, table, list]
examples: ["best campaigns last 7d", "rank campaigns by roas", "top 5 cmpgns this month", "which campaigns bring most revenue", "campaign table sorted by ctr"]
negatives: ["which campaigns should i pause", "best ads", "discount vs cashback vs loyalty promos"]
chart: {kind: table, columns: [rank, campaign, roas, revenue, cost]}
answer:
  headline: "By {sort|label} in {window}: {first.lead}{first.campaign} first, revenue {first.revenue|money} for {first.cost|money} spend (return {first.roas|x2}). All {n} together: {total.roas|x2}."
  row: "{rank}. {campaign}: return {roas|x2}, spend {cost|money}, revenue {revenue|money}, {conversions|int} conversions, click rate {ctr|pct2}, cost per new customer {cac|money}"
  empty: "No campaign of that choice ran in {window}."
  notes:
    - "Revenue and conversions are what the ad platforms report. A return needs 100 of spend, a click rate 1,000 impressions, an acquisition cost ten new customers, else it is withheld and sorts last."
    - "Attributed revenue is not proof of cause; incrementality is, where a valid holdout exists; {freshness}."
follow_ups: [campaign_detail, campaign_underperformers, campaign_scale_candidates]
drafts: [pause_campaign, increase_budget, decrease_budget, reallocate_budget]
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 50}
cache_s: 300
test:
  fixture: shop
  params: {}
  expect: {rows: 5, first.campaign: Brand Search, first.roas: 5.263158, first.cac: 95.00, total.cost: 3770.00, total.revenue: 13860.00, total.roas: 3.676393}
---*/
with valued as (
  -- a source that reports conversions but never an amount has no revenue figure, not a revenue of zero
  select d.source
  from facts.daily_metrics d
  where d.entity_kind = 'campaign' and d.breakdown = '' and d.date between :window_start and :window_end
  group by d.source
  having sum(d.revenue_base) > 0 or sum(d.conversions) = 0
), sums as (
  select d.entity_id,
         {{ metric('roas', 'd') }} as roas, {{ metric('ctr', 'd') }} as ctr,
         {{ metric('conversions', 'd') }} as conversions, {{ metric('revenue', 'd') }} as revenue_base, {{ metric('cost', 'd') }} as cost_base,
         sum(d.impressions) as impressions, min(d.channel) as channel
  from (
    select m.entity_id, m.entity_kind, m.breakdown, m.date, m.channel, m.impressions, m.clicks, m.conversions, m.cost_base,
           case when v.source is not null then m.revenue_base end as revenue_base
    from facts.daily_metrics m
    left join valued v on v.source = m.source
  ) d
  where d.entity_kind = 'campaign'
    and d.breakdown = case when :segment is null then '' else 'segment=' || :segment end
    and d.date between :window_start and :window_end
  group by d.entity_id
), plans as (
  -- the budget of the days, at the rate of the day's own spend, or of the day where nothing was spent
  select m.campaign_id, nullif(sum(m.budget * case
           when m.cost > 0 then m.cost_base / m.cost
           when m.currency = (select o.currency from facts.orgs o) then 1
           else (select f.rate from facts.fx_rates f join facts.orgs o on o.currency = f.to_currency
                 where f.from_currency = m.currency and f.date between m.date - 10 and m.date order by f.date desc limit 1) end), 0) as budget
  from facts.daily_campaign_metrics m
  where not m.is_holdout and m.date between :window_start and :window_end
  group by m.campaign_id
), sold as (
  -- Where no order names its campaign, nobody knows who brought the new customers: that is not none.
  select exists (
    select 1 from facts.orders o where o.campaign_id is not null and o.ordered_at >= (:window_start - interval '1 day')::timestamptz and o.ordered_at < (:window_end + interval '2 days')::timestamptz and (o.ordered_at at time zone :time_zone)::date between :window_start and :window_end
  ) as names_campaigns
), firsts as (
  select o.campaign_id, count(*) as new_customers
  from facts.orders o
  where o.is_first_order and o.status <> 'cancelled' and not o.is_test
    and o.ordered_at >= (:window_start - interval '1 day')::timestamptz and o.ordered_at < (:window_end + interval '2 days')::timestamptz and (o.ordered_at at time zone :time_zone)::date between :window_start and :window_end
  group by o.campaign_id
), arms as (
  select e.id, e.entity_id, a.is_control, a.weight, sum(y.users) as users, sum(y.converters) as converters
  from facts.experiments e
  join facts.experiment_arms a on a.experiment_id = e.id
  join facts.experiment_daily y on y.experiment_id = e.id and y.arm = a.arm and y.date <= :window_end
  where e.kind = 'holdout' and e.entity_kind = 'campaign' and e.status in ('running', 'finished')
    and (e.ended_at is null or (e.ended_at at time zone :time_zone)::date >= :window_start)
  group by e.id, e.entity_id, a.arm, a.is_control, a.weight
), groups as (
  select a.id, a.entity_id, sum(a.weight) filter (where a.is_control) / nullif(sum(a.weight), 0) as control_share,
         sum(a.users) filter (where a.is_control) as control_users, sum(a.users) filter (where not a.is_control) as treated_users,
         sum(a.converters) filter (where a.is_control) as control_converters,
         sum(a.converters) filter (where not a.is_control) as treated_converters
  from arms a
  group by a.id, a.entity_id
), lifts as (
  -- void where the split missed its plan (chi-squared above 10.83, p < 0.001); withheld under 30 conversions held out
  select h.entity_id, case when sum(h.holdout_conversions) >= 30 then {{ metric('incrementality_pct', 'h') }} end as incrementality
  from (
    select g.entity_id, g.treated_converters as conversions, g.control_converters as holdout_conversions,
           g.control_converters * g.treated_users / g.control_users as baseline_conversions
    from groups g
    where g.control_users > 0 and g.treated_users > 0 and g.control_share > 0 and g.control_share < 1
      and power(g.control_users - (g.control_users + g.treated_users) * g.control_share, 2)
        <= 10.828 * (g.control_users + g.treated_users) * g.control_share * (1 - g.control_share)
  ) h
  group by h.entity_id
), listed as (
  select s.entity_id, coalesce(k.name, s.entity_id) as campaign, k.campaign_type as type, coalesce(k.status, 'unknown') as status,
         case when s.cost_base >= 100 then s.roas end as roas,
         case when s.impressions >= 1000 then s.ctr end as ctr,
         s.conversions, s.revenue_base as revenue, s.cost_base as cost, case when s.revenue_base is not null then s.cost_base end as return_cost, case when :segment is null and b.names_campaigns then coalesce(f.new_customers, 0) end as new_customers, s.cost_base,
         p.budget, l.incrementality
  from sums s
  cross join sold b
  left join facts.campaigns k on k.id = s.entity_id
  left join plans p on p.campaign_id = s.entity_id and :segment is null
  left join firsts f on f.campaign_id = s.entity_id and :segment is null
  left join lifts l on l.entity_id = s.entity_id and :segment is null
  where (:status is null or k.status = :status)
    and (:type is null or k.campaign_type = :type)
    and (:channel is null or coalesce(k.channel, s.channel) = :channel)
    and (:platform is null or k.source = :platform)
), ranked as (
  select l.entity_id, l.campaign, l.type, l.status, l.roas, l.ctr, l.conversions, l.revenue, l.cost, l.return_cost, l.budget, l.incrementality, l.new_customers,
         case when l.new_customers >= 10 then {{ metric_of('cac', 'l') }} end as cac,
         case when l.cost > 0 and l.new_customers = 0 then 1 else 0 end as bought_nobody
  from listed l
)
select row_number() over (
         order by r.key desc nulls last, case when :sort = 'cac' then r.bought_nobody else 0 end desc, r.revenue desc nulls last, r.entity_id
       ) as rank,
       r.campaign,
       r.type,
       r.status,
       r.roas,
       r.ctr,
       r.conversions,
       r.revenue,
       r.new_customers,
       r.cac,
       r.incrementality,
       r.cost,
       r.budget,
       case when r.key is null and :sort <> 'revenue' then 'no campaign has enough data for it, so by revenue: ' else '' end as lead,
       r.return_cost,
       r.entity_id
from (
  select d.entity_id, d.campaign, d.type, d.status, d.roas, d.ctr, d.conversions, d.revenue, d.new_customers, d.cac, d.incrementality, d.cost, d.budget,
         d.return_cost, d.bought_nobody,
         case :sort
           when 'roas' then d.roas when 'revenue' then d.revenue when 'conversions' then d.conversions when 'ctr' then d.ctr
           when 'cac' then -d.cac when 'incrementality_pct' then d.incrementality else d.cost
         end as key
  from ranked d
) r
order by rank, r.entity_id
