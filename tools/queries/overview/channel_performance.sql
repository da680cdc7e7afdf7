/*---
name: channel_performance
version: 1
title: Channels side by side
description: Visits, conversions, revenue, spend, return and cost per conversion of every channel, with the change of revenue.
group: overview
personas: [cmo, perf_lead]
modules: [2]
metrics: [sessions, conversions, cvr_session, revenue, cost, roas, cpa]
sources: [daily_metrics]
params:
  window:  {type: date_range, default: last_28d, max_days: 400}
  compare: {type: compare, default: prior_period}
columns:
  - {name: channel, type: text, label: Channel, entity: true}
  - {name: sessions, type: count, label: Visits, when_null: "not recorded"}
  - {name: conversions, type: count, label: Conversions, when_null: "no value"}
  - {name: cvr, type: fraction, label: Conversion rate, when_null: "too few visits"}
  - {name: revenue, type: money, label: Revenue, when_null: "not recorded"}
  - {name: cost, type: money, label: Spend, when_null: "none"}
  - {name: roas, type: ratio, label: Return, when_null: "none"}
  - {name: cpa, type: money, label: Cost per conversion, when_null: "no value"}
  - {name: revenue_change, type: fraction, label: Revenue change, when_null: "nothing to compare"}
  - {name: basis, type: text, label: Counted from, hidden: true}
  - {name: entity_id, type: text, hidden: true}
totals: [sessions, conversions, revenue, cost, {name: cvr, ratio: [conversions, sessions]}]
keywords: [channel, channels, breakdown, paid, organic, mix, "side by side"]
examples: ["which channel is working best", "channel breakdown last 30 days", "compare all channels", "paid vs organic performance"]
negatives: ["ad spend by channel", "funnel by channel", "leads per channel 7 vs 28 days"]
chart: {kind: table, columns: [channel, sessions, conversions, revenue, cost, roas]}
answer:
  headline: "{first.channel|label} earned most in {window}: {first.revenue|money} of {total.revenue|money} over all channels; against {compare}: {first.revenue_change|change}."
  row: "{channel|label}: {sessions|int} visits, {conversions|int} conversions ({cvr|pct2}), revenue {revenue|money}, spend {cost|money}, return {roas|x2}"
  empty: "No channel had visits, orders or spend in {window}."
  notes:
    - "Conversions and revenue are {first.basis}. Spend comes from the ad platforms and is set against the revenue of the same channel."
    - "Credit goes to the channel of the visit; that is not proof that the channel caused the sale; {freshness}."
follow_ups: [change_drivers, spend_by_channel, funnel_by_channel]
drafts: [reallocate_budget]
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 50}
cache_s: 300
test:
  fixture: shop
  params: {}
  expect: {rows: 6, first.channel: paid_search, total.sessions: 40460, total.revenue: 79660.00, total.cost: 14060.00, first.roas: 3.458084}
---*/
with known as materialized (
  select exists (
    select 1 from facts.daily_metrics s
    where s.entity_kind = 'site' and s.breakdown = '' and s.date between :window_start and :window_end
  ) as has_site
), valued as (
  -- a source that reports conversions but never an amount has no revenue figure, not a revenue of zero
  select d.source
  from facts.daily_metrics d
  where d.entity_kind = 'campaign' and d.breakdown = '' and d.date between least(:window_start, :compare_start) and :window_end
  group by d.source
  having sum(d.revenue_base) > 0 or sum(d.conversions) = 0
), days as (
  -- visits and orders of the site; without a site, what the ad platforms report
  select d.channel, d.date, d.sessions, d.conversions, d.revenue_base, null::numeric as cost_base
  from facts.daily_metrics d
  where d.entity_kind = 'site' and d.breakdown = ''
    and (d.date between :window_start and :window_end or d.date between :compare_start and :compare_end)
  union all
  select d.channel, d.date, null, case when not k.has_site then d.conversions end, case when not k.has_site and d.source in (select v.source from valued v) then d.revenue_base end, d.cost_base
  from facts.daily_metrics d
  cross join known k
  where d.entity_kind = 'campaign' and d.breakdown = ''
    and (d.date between :window_start and :window_end or d.date between :compare_start and :compare_end)
), sums as (
  select d.channel,
         sum(d.sessions) filter (where d.date between :window_start and :window_end) as sessions,
         {{ metric('conversions', 'd', 'd.date between :window_start and :window_end') }} as conversions,
         {{ metric('cvr_session', 'd', 'd.date between :window_start and :window_end') }} as cvr,
         {{ metric('revenue', 'd', 'd.date between :window_start and :window_end') }} as revenue,
         {{ metric('revenue', 'd', 'd.date between :compare_start and :compare_end') }} as revenue_before,
         {{ metric('cost', 'd', 'd.date between :window_start and :window_end') }} as cost,
         {{ metric('roas', 'd', 'd.date between :window_start and :window_end') }} as roas,
         {{ metric('cpa', 'd', 'd.date between :window_start and :window_end') }} as cpa,
         count(*) filter (where d.date between :window_start and :window_end) as days
  from days d
  group by d.channel
)
select s.channel,
       s.sessions,
       s.conversions,
       case when s.sessions >= 100 then s.cvr end as cvr,
       s.revenue,
       s.cost,
       case when s.cost >= 100 then s.roas end as roas,
       case when s.conversions >= 10 then s.cpa end as cpa,
       (s.revenue - s.revenue_before) / nullif(abs(s.revenue_before), 0) as revenue_change,
       case when k.has_site then 'orders of the site' else 'as the ad platforms report them' end as basis,
       s.channel as entity_id
from sums s
cross join known k
where s.days > 0
order by s.revenue desc nulls last, s.cost desc nulls last, s.channel
