/*---
name: spend_by_channel
version: 4
title: Spend by channel
description: Where the advertising money went, its share of all spend, and the change against the comparison period.
group: spend_waste
personas: [cmo, perf_lead]
modules: [8]
metrics: [cost]
sources: [daily_metrics]
params:
  window:  {type: date_range, default: last_30d, max_days: 400}
  granularity: {type: enum, values: [none, day, week, month], default: none, description: "none: the whole window in one figure a channel."}
  compare: {type: compare, default: prior_period}
  channel: {type: channel, default: all}
  platform: {type: platform, default: all}
columns:
  - {name: channel, type: text, label: Channel, entity: true}
  - {name: cost, type: money, label: Spend}
  - {name: period, type: date, label: From, when_null: "whole window"}
  - {name: share, type: fraction, label: Share of spend}
  - {name: before, type: money, label: Before, when_null: "no data"}
  - {name: change, type: fraction, label: Change, when_null: "no comparison"}
  - {name: label, type: text, hidden: true}
  - {name: top_channel, type: text, label: Largest channel, hidden: true}
  - {name: top_share, type: fraction, label: Its share of the window, hidden: true}
  - {name: category, type: text, label: From, hidden: true}
  - {name: part, type: text, label: Part, hidden: true}
totals: [cost, before]
keywords: [spend, spent, cost, "budget went", investment, "how much money", "money go"]
examples: ["how much did we spend last month", "ad spend by channel", "where does the money go", "total spend ytd"]
negatives: ["what are we burning money on", "are we on pace with the budget"]
chart: {kind: stacked_bar, x: category, y: cost, series: part}
answer:
  headline: "You spent {total.cost|money} in {window}; {first.top_channel} took the largest part, {first.top_share|pct1}."
  row: "{label}: {cost|money}, {share|pct1} of spend · before: {before|money} · change: {change|change}"
  empty: "No advertising spend is recorded in {window}."
  notes: ["By day, week or month the share is of that period, and the comparison is left out.", "Spend is what the ad platforms reported for their campaigns, in your currency; {freshness}."]
follow_ups: [wasted_spend, cac_by_channel, cpl_by_campaign]
drafts: [reallocate_budget]
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 500}
cache_s: 300
test:
  fixture: shop
  params: {}
  expect: {rows: 3, total.cost: 14980.00, total.before: 13410.00, first.channel: paid_search, first.cost: 10780.00, first.before: 11010.00, first.share: 0.719626}
---*/
with days as (
  select d.channel, d.date, d.cost_base,
         case when :granularity <> 'none' and d.date >= :window_start
              then greatest(date_trunc(case :granularity when 'none' then 'day' else :granularity end, d.date::timestamp)::date, :window_start) end as period
  from facts.daily_metrics d
  where d.entity_kind = 'campaign' and d.breakdown = ''
    and d.date between least(:window_start, :compare_start) and :window_end
    and (d.date between :window_start and :window_end or (:granularity = 'none' and d.date between :compare_start and :compare_end))
    and (:channel is null or d.channel = :channel)
    and (:platform is null or d.source = :platform)
), spend as (
  select d.channel, d.period,
         coalesce(sum(d.cost_base) filter (where d.date between :window_start and :window_end), 0) as cost,
         sum(d.cost_base) filter (where d.date between :compare_start and :compare_end) as before
  from days d
  group by d.channel, d.period
), top as (
  -- Of the whole window, whatever the rows are split by.
  select w.channel, w.cost / nullif(sum(w.cost) over (), 0) as share
  from (select s.channel, sum(s.cost) as cost from spend s group by s.channel) w
  order by w.cost desc, w.channel
  limit 1
), known as materialized (
  -- A period before the first day of data has no value; a covered one without spend is a true zero.
  select :granularity = 'none' and exists (
    select 1 from facts.daily_metrics d
    where d.entity_kind = 'campaign' and d.breakdown = '' and d.date between :compare_start - 400 and :compare_start
  ) as before_known
)
select s.channel,
       s.cost,
       s.period,
       s.cost / nullif(sum(s.cost) over (partition by s.period), 0) as share,
       case when k.before_known then coalesce(s.before, 0) end as before,
       case when k.before_known then (s.cost - s.before) / nullif(abs(s.before), 0) end as change,
       concat_ws(' · ', to_char(s.period, 'YYYY-MM-DD'), s.channel) as label,
       t.channel as top_channel,
       t.share as top_share,
       coalesce(to_char(s.period, 'YYYY-MM-DD'), s.channel) as category,
       case when s.period is null then 'spend' else s.channel end as part
from spend s cross join known k cross join top t
where s.cost > 0 or (k.before_known and s.before > 0)
order by s.period nulls last, s.cost desc nulls last, s.channel
