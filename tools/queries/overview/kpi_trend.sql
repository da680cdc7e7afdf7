/*---
name: kpi_trend
version: 2
title: One metric over time
description: One metric of the registry by day, week or month, with the same days of the comparison period beside it.
group: overview
personas: [cmo, perf_lead, lifecycle_lead, rewards_pm, data_science, compliance]
modules: [1, 4]
metrics: [roas, revenue, cost, mer, conversions, cpa, cac, ctr, cpc, cpm, clicks, impressions, sessions, cvr_session, bounce_rate, orders, aov, leads, cpl, engagement_rate, open_rate]
sources: [daily_metrics, orders]
params:
  metric:
    type: metric
    required: true
    values: [all]
  window:      {type: date_range, default: last_28d, max_days: 400}
  granularity: {type: granularity, default: auto}
  channel:     {type: channel, default: all}
  campaign:    {type: campaign, default: all}
  segment:     {type: segment, default: all}
  compare:     {type: compare, default: prior_period}
columns:
  - {name: period, type: date, label: From}
  - {name: value, type: number, label: Value, when_null: "no value"}
  - {name: prior_value, type: number, label: Before, when_null: "no value before"}
  - {name: overall, type: number, label: Whole window, when_null: "no value", hidden: true}
  - {name: overall_before, type: number, label: Whole comparison window, when_null: "nothing to compare", hidden: true}
  - {name: reason, type: text, label: Why there is no value, hidden: true, values: [Z, W, X, I]}
  - {name: basis, type: text, label: Counted from, hidden: true}
  - {name: metric_id, type: text, hidden: true}
  - {name: entity_id, type: text, hidden: true}
totals: []
keywords: [trend, over time, plot, chart, graph, per day, by week, history]
examples: ["roas trend last 90d", "plot cpc by week", "revenue per day this month", "ctr over time for ppc", "chart sessions ytd"]
negatives: ["revenue this wk vs last wk", "kpi snapshot pls"]
chart: {kind: line, x: period, y: value, compare: prior_value}
answer:
  headline: "{metric|label} was {first.overall|metric} in {window} ({first.overall_before|metric} in {compare}), counted from {first.basis}."
  row: "{period|date}: {value|metric} (before {prior_value|metric})"
  empty: "There is no {metric|label} for that choice in {window}. Visits are not recorded per campaign, and messages only per channel."
  notes: ["Each point is a sum over a sum of its days, never an average of daily rates; gaps are days without data; {freshness}."]
follow_ups: [metric_compare, change_drivers, kpi_overview]
drafts: []
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 500}
cache_s: 300
engine: trend
test:
  fixture: shop
  params: {metric: roas, granularity: day}
  expect: {rows: 28, first.value: 3.782609, first.overall: 3.680654, first.overall_before: 3.827914}
---*/
