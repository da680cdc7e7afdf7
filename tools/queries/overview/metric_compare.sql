/*---
name: metric_compare
version: 3
title: One metric, two periods
description: One metric of the registry in the window and in the comparison period, split by channel, campaign, segment or city.
group: overview
personas: [cmo, perf_lead, lifecycle_lead, rewards_pm, data_science, compliance]
modules: [1, 2]
metrics: [roas, revenue, cost, conversions, cpa, cac, ctr, cpc, clicks, impressions, sessions, cvr_session, bounce_rate, orders, aov, leads, cpl]
sources: [daily_metrics, orders]
params:
  metric:
    type: metric
    required: true
    values: [all]
  window:  {type: date_range, default: last_7d, max_days: 400}
  compare: {type: compare, default: prior_period}
  by:      {type: enum, values: [channel, campaign, segment, city, none], default: none}
columns:
  - {name: group, type: text, label: Group, entity: true}
  - {name: now, type: number, label: Now, when_null: "no value"}
  - {name: before, type: number, label: Before, when_null: "no value before"}
  - {name: change, type: fraction, label: Change, when_null: "nothing to compare"}
  - {name: change_pp, type: pp, label: Points, when_null: "–"}
  - {name: reason, type: text, label: Why there is no value, hidden: true, values: [Z, W, X, I]}
  - {name: basis, type: text, label: Counted from, hidden: true}
  - {name: metric_id, type: text, hidden: true}
  - {name: entity_id, type: text, hidden: true}
totals: []
keywords: [vs, compared, against, change, previous, wow, mom, yoy]
examples: ["revenue this wk vs last wk", "how did conversions change mom", "cac vs last year", "is ctr up or down vs prev period"]
negatives: ["plot cpc by week", "what drove the revenue change", "harvest sale vs loyalty week funnel"]
chart: {kind: bar, x: group, y: now, compare: before, sort: desc}
answer:
  headline: "{metric|label} of {first.group|label}: {first.now|metric} in {window}, {first.before|metric} in {compare}; change {first.change|change}."
  row: "{group}: {now|metric}, before {before|metric}, {change|change}"
  empty: "There is no {metric|label} by {by} in {window} or {compare}. Try another split: visits and messages are known by channel only, cities only for orders and leads."
  notes: ["Counted from {first.basis}. The change of a rate is told in percentage points (pp), that of all else in percent; {freshness}."]
follow_ups: [kpi_trend, change_drivers, channel_performance]
drafts: []
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 200}
cache_s: 300
engine: compare
test:
  fixture: shop
  params: {metric: roas, by: campaign}
  expect: {rows: 5, first.group: Brand Search, first.now: 5.263158, first.before: 5.0}
---*/
