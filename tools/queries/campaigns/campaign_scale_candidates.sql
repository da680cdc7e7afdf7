/*---
name: campaign_scale_candidates
version: 1
title: Campaigns worth more budget
description: Running campaigns with a high return that use up their budget, with the room left under their cap.
group: campaigns
personas: [perf_lead, cmo]
modules: [10]
metrics: [roas, marginal_roas, budget_utilization]
sources: [daily_metrics, daily_campaign_metrics, campaigns]
params:
  window:   {type: date_range, default: last_14d, max_days: 400}
  roas_min: {type: number, default: 4.0, min: 1, max: 20}
  util_min: {type: percent, default: 0.9, min: 0.5, max: 1}
columns:
  - {name: campaign, type: text, label: Campaign, entity: true}
  - {name: roas, type: ratio, label: Return}
  - {name: marginal_roas, type: ratio, label: Marginal return, when_null: "needs response curves, not built yet"}
  - {name: utilisation, type: fraction, label: Budget used}
  - {name: headroom, type: money, label: Room a day, when_null: "no cap set"}
  - {name: conversions, type: count, label: Conversions}
  - {name: cost, type: money, label: Spend}
  - {name: caution, type: text, label: Caution, when_null: "–"}
  - {name: entity_id, type: text, hidden: true}
totals: [cost, conversions]
keywords: [scale, raise, "increase budget", headroom, capped, winners, "more budget"]
examples: ["where can we scale", "winners worth more budget", "which camps are capped by budget", "campaigns to raise spend on"]
negatives: ["which campaigns should i pause", "where should the next 100k go"]
chart: {kind: table, columns: [campaign, roas, utilisation, headroom]}
answer:
  headline: "Over {roas_min|x2} and using more than {util_min|pct0} of the budget in {window}: {n}. First: {first.campaign} at {first.roas|x2}, room {first.headroom|money} a day."
  row: "{rank}. {campaign}: {roas|x2}, {utilisation|pct1} of budget used, room {headroom|money} a day, marginal return {marginal_roas|x2}. {caution}"
  empty: "No running campaign returns over {roas_min|x2} while using more than {util_min|pct1} of its budget in {window}."
  notes:
    - "The average return says little about the next amount spent: raise by at most 20 % a day and watch the marginal return; {freshness}."
follow_ups: [campaign_detail, impression_share_loss, campaign_leaderboard]
drafts: [increase_budget, reallocate_budget]
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 50}
cache_s: 300
test:
  fixture: shop
  params: {}
  expect: {rows: 1, first.campaign: Brand Search, first.roas: 5.128205, first.utilisation: 0.975, first.headroom: 100.00, first.conversions: 280, total.cost: 2730.00}
---*/
with sums as (
  select d.entity_id, {{ metric('roas', 'd') }} as roas, {{ metric('cost', 'd') }} as cost_base, {{ metric('conversions', 'd') }} as conversions,
         sum(d.cost) as cost_billed
  from facts.daily_metrics d
  where d.entity_kind = 'campaign' and d.breakdown = '' and d.date between :window_start and :window_end
  group by d.entity_id
), plans as (
  select m.campaign_id, sum(m.budget * case
           when m.cost > 0 then m.cost_base / m.cost
           when m.currency = (select o.currency from facts.orgs o) then 1
           else (select f.rate from facts.fx_rates f join facts.orgs o on o.currency = f.to_currency
                 where f.from_currency = m.currency and f.date between m.date - 10 and m.date order by f.date desc limit 1) end) as budget
  from facts.daily_campaign_metrics m
  where not m.is_holdout and m.date between :window_start and :window_end
  group by m.campaign_id
), used as (
  select s.entity_id, s.roas, s.cost_base, s.conversions, p.budget, s.cost_base / nullif(s.cost_billed, 0) as rate
  from sums s
  join plans p on p.campaign_id = s.entity_id
)
select k.name as campaign,
       u.roas,
       null::numeric as marginal_roas,
       {{ metric_of('budget_utilization', 'u') }} as utilisation,
       case when k.budget_cap is not null and k.daily_budget is not null then greatest(k.budget_cap - k.daily_budget, 0) * u.rate end as headroom,
       u.conversions,
       u.cost_base as cost,
       concat_ws('; ',
         case when k.is_brand then 'brand campaign: check its lift with a holdout first' end,
         case when k.tracking = 'missing' then 'conversion tracking is missing: do not raise' end,
         case when k.budget_shared then 'shares its budget with other campaigns' end) as caution,
       u.entity_id
from used u
join facts.campaigns k on k.id = u.entity_id
where k.status in ('active', 'unknown')
  and u.cost_base >= 100 and u.conversions >= 15
  and u.roas > :roas_min
  and {{ metric_of('budget_utilization', 'u') }} > :util_min
order by u.roas desc, u.cost_base desc, u.entity_id
