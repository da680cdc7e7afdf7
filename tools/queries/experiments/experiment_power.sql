/*---
name: experiment_power
version: 1
title: How many users a test needs
description: Users per arm and in all, and days, for a baseline rate, the smallest effect worth finding, the power and the split.
group: experiments
personas: [data_science]
modules: []
metrics: [relative_lift]
sources: []
params:
  baseline:    {type: percent, required: true, max: 1, description: "The rate today, such as 2%."}
  mde:         {type: percent, required: true, max: 5, description: "The smallest effect worth finding: relative (10% lifts 2% to 2.2%), or points with mde_type pp."}
  mde_type:    {type: enum, values: [relative, pp], default: relative}
  power:       {type: percent, default: 0.80, min: 0.5, max: 0.99}
  split:       {type: percent, default: 0.50, min: 0.01, max: 0.99, description: "Share of users who get the change."}
  daily_users: {type: integer, min: 1, max: 100000000, description: "Users a day who can take part."}
columns:
  - {name: per_arm, type: count, label: Users in the larger arm}
  - {name: total, type: count, label: Users in all}
  - {name: days, type: count, label: Days, when_null: "say how many users come a day"}
  - {name: baseline, type: fraction, label: Rate today}
  - {name: target_rate, type: fraction, label: Rate to find}
  - {name: mde_check, type: fraction, label: Detectable effect, when_null: "none"}
  - {name: treated, type: count, hidden: true}
  - {name: control, type: count, hidden: true}
totals: []
keywords: ["sample size", power, mde, "how many users", duration, "how long to run", "how big a sample"]
examples: ["how many users do i need for a test", "sample size for 2% base and 10% uplift", "how long to run an ab test", "mde with 20k users a day"]
negatives: ["did variant b win", "are our holdouts ok"]
chart: {kind: table}
answer:
  headline: "You need {first.total|int} users in all to find a move from {first.baseline|pct2} to {first.target_rate|pct2}."
  row: "{per_arm|int} users in the larger arm, {total|int} in all; days: {days|int}"
  empty: "With these numbers no sample size can be computed."
  notes:
    - "Two-sided at five per cent; the larger of the pooled and the unpooled formula. Days are whole weeks, at least one. Decide at the planned number, not when it first looks good."
follow_ups: [experiment_result, experiment_learnings]
drafts: []
stats: experiment_power
access: {permission: query.run, pii: none}
limits: {timeout_ms: 1000, max_rows: 5}
cache_s: 3600
test:
  fixture: shop
  params: {baseline: 0.02, mde: 0.10, daily_users: 12000}
  expect: {rows: 1, first.per_arm: 80682, first.total: 161364, first.days: 14, first.target_rate: 0.022}
---*/
select 1 as one
order by 1
