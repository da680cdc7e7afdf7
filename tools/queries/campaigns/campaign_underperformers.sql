/*---
name: campaign_underperformers
version: 2
title: Campaigns to consider pausing
description: Campaigns that hit a pause rule (return too low, click rate too low, or over plan at a poor return) with score and contribution.
group: campaigns
personas: [perf_lead, cmo]
modules: [10]
metrics: [roas, ctr, cost, conversions, contribution_after_marketing]
sources: [daily_metrics, daily_campaign_metrics, campaigns]
params:
  window:   {type: date_range, default: last_7d, max_days: 400}
  min_days: {type: integer, default: 7, min: 3, max: 60}
  roas_max: {type: number, default: 2.0, min: 0.5, max: 10}
  ctr_max:  {type: percent, default: 0.01, min: 0.001, max: 0.1}
  limit:    {type: integer, default: 10, min: 1, max: 50}
columns:
  - {name: campaign, type: text, label: Campaign, entity: true}
  - {name: days_active, type: days, label: Days live}
  - {name: roas, type: ratio, label: Return, when_null: "no value"}
  - {name: ctr, type: fraction, label: Click rate, when_null: "too few impressions"}
  - {name: cost, type: money, label: Spend}
  - {name: conversions, type: count, label: Conversions}
  - {name: contribution, type: money, label: Contribution, when_null: "no revenue recorded"}
  - {name: pause_score, type: number, label: Pause score}
  - {name: reason, type: text, label: Rule hit}
  - {name: margin, type: fraction, label: Margin used, hidden: true}
  - {name: margin_basis, type: text, label: Margin from, hidden: true}
  - {name: entity_id, type: text, hidden: true}
totals: [cost, contribution]
keywords: [pause, worst, losers, underperform, weak, "losing money", kill, stop]
examples: ["which campaigns should i pause", "worst performing cmpgns", "losers last 2 wks", "anything running under 2x roas", "campaigns losing money"]
negatives: ["pause harvest sale now", "best campaigns last 7d", "wasted ad spend past 30d"]
chart: {kind: bar, x: campaign, y: pause_score, sort: desc}
answer:
  headline: "Hitting a pause rule in {window}: {n}, with {total.cost|money} spent and {total.contribution|money} contributed. First: {first.campaign} ({first.reason})."
  row: "{rank}. {campaign}: return {roas|x2}, click rate {ctr|pct2}, spend {cost|money}, contribution {contribution|money}, score {pause_score|int} ({reason})"
  empty: "No running campaign hits a pause rule in {window}: return under {roas_max|x2} after {min_days} days, click rate under {ctr_max|pct1}, or over plan below 1.5x."
  notes:
    - "Contribution is platform-reported revenue × {first.margin|pct1} margin ({first.margin_basis}) less spend. Brand campaigns, and those bought for awareness or reach, are left out: judge them by a holdout, not by return."
    - "Only running campaigns (or those whose state no file tells) with at least 100 of spend or 1,000 impressions are judged; {freshness}."
follow_ups: [campaign_detail, creative_leaderboard, wasted_spend]
drafts: [pause_campaign, decrease_budget, reallocate_budget]
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 50}
cache_s: 300
test:
  fixture: shop
  params: {}
  expect: {rows: 1, first.campaign: Harvest Sale, first.days_active: 78, first.roas: 1.5, first.ctr: 0.0075, first.contribution: -245.00, first.pause_score: 90, total.cost: 980.00}
---*/
with valued as (
  -- a source that reports conversions but never an amount has no revenue figure, not a revenue of zero
  select d.source
  from facts.daily_metrics d
  where d.entity_kind = 'campaign' and d.breakdown = '' and d.date between :window_start and :window_end
  group by d.source
  having sum(d.revenue_base) > 0 or sum(d.conversions) = 0
), sums as (
  select d.entity_id, {{ metric('roas', 'd') }} as roas, {{ metric('ctr', 'd') }} as ctr, {{ metric('conversions', 'd') }} as conversions,
         {{ metric('cost', 'd') }} as cost_base, {{ metric('revenue', 'd') }} as revenue_base, sum(d.impressions) as impressions
  from (
    select m.entity_id, m.impressions, m.clicks, m.conversions, m.cost_base, case when v.source is not null then m.revenue_base end as revenue_base
    from facts.daily_metrics m
    left join valued v on v.source = m.source
    where m.entity_kind = 'campaign' and m.breakdown = '' and m.date between :window_start and :window_end
  ) d
  group by d.entity_id
), plans as (
  select m.campaign_id, sum(m.planned_spend * case
           when m.cost > 0 then m.cost_base / m.cost
           when m.currency = (select o.currency from facts.orgs o) then 1
           else (select f.rate from facts.fx_rates f join facts.orgs o on o.currency = f.to_currency
                 where f.from_currency = m.currency and f.date between m.date - 10 and m.date order by f.date desc limit 1) end) as planned
  from facts.daily_campaign_metrics m
  where not m.is_holdout and m.date between :window_start and :window_end
  group by m.campaign_id
), margins as (
  -- of the last 90 days with known costs; unknown margins are taken as 50 % (break-even return 2.0x)
  select case when count(distinct i.order_id) >= 30 then {{ metric('gross_margin_rate', 'i') }} end as margin
  from (
    select l.order_id, l.qty * l.unit_price - l.discount as revenue_base, l.refund as refund_base, l.qty * l.unit_cost as cogs
    from facts.order_items l
    join facts.orders o on o.id = l.order_id and o.status <> 'cancelled' and not o.is_test
    where l.unit_cost is not null and o.ordered_at >= ((:window_end - 89) - interval '1 day')::timestamptz and o.ordered_at < (:window_end + interval '2 days')::timestamptz and (o.ordered_at at time zone :time_zone)::date between :window_end - 89 and :window_end
  ) i
), judged as (
  select s.entity_id, coalesce(k.name, s.entity_id) as campaign,
         :window_end - coalesce(k.starts_on, (
           select min(l.date) from facts.daily_metrics l
           where l.entity_kind = 'campaign' and l.entity_id = s.entity_id and l.breakdown = '' and l.date between :window_end - 400 and :window_end
         )) + 1 as days_active,
         case when s.cost_base >= 100 and coalesce(k.tracking, 'unknown') <> 'missing' then s.roas end as roas,
         case when s.impressions >= 1000 then s.ctr end as ctr,
         s.conversions, s.cost_base as cost, -- what a campaign that reports no conversions earned is not known
         case when coalesce(k.tracking, 'unknown') <> 'missing' then s.revenue_base end as revenue, p.planned,
         lower(coalesce(k.objective, '')) like '%aware%' or lower(coalesce(k.objective, '')) like '%reach%' as for_attention,
         coalesce(m.margin, 0.5) as margin, case when m.margin is null then 'assumed, costs of goods unknown' else 'orders of 90 days' end as margin_basis
  from sums s
  cross join margins m
  left join facts.campaigns k on k.id = s.entity_id
  left join plans p on p.campaign_id = s.entity_id
  where coalesce(k.status, 'unknown') in ('active', 'unknown') and not coalesce(k.is_brand, false) and s.cost_base > 0
), hit as (
  select j.entity_id, j.campaign, j.days_active, j.roas, j.ctr, j.cost, j.conversions, j.revenue, j.margin, j.margin_basis,
         j.days_active >= :min_days and j.roas < :roas_max and not j.for_attention as low_return,
         j.days_active >= case when :min_days > 7 then :min_days else 5 end and j.ctr < :ctr_max and not j.for_attention as low_clicks,
         j.planned > 0 and j.cost > 1.10 * j.planned and j.roas < 1.5 and not j.for_attention as over_plan
  from judged j
)
select h.campaign,
       h.days_active,
       h.roas,
       h.ctr,
       h.cost,
       h.conversions,
       h.revenue * h.margin - h.cost as contribution,
       least(100, 50
         + case when h.roas is null then 0 when h.roas < 1 then 30 when h.roas < 2 then 20 + 10 * (2 - h.roas) when h.roas < 3 then 10 else 0 end
         + case when h.days_active < 3 then 0 when h.days_active < 7 then 5 else 10 end
         + case when h.ctr is null then 0 when h.ctr < 0.005 then 10 when h.ctr < 0.01 then 5 else 0 end) as pause_score,
       concat_ws(', ',
         case when h.low_return then 'return too low' end,
         case when h.low_clicks then 'click rate too low' end,
         case when h.over_plan then 'over plan at a poor return' end) as reason,
       h.margin,
       h.margin_basis,
       h.entity_id
from hit h
where h.low_return or h.low_clicks or h.over_plan
order by pause_score desc, contribution nulls last, h.entity_id
