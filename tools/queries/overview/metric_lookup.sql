/*---
name: metric_lookup
version: 1
title: What a metric means
description: Definition, formula, unit, target and owner of the metrics that fit a word, from the metric registry and the organisation's own targets.
group: overview
personas: [cmo, perf_lead, lifecycle_lead, rewards_pm, data_science, compliance, ops]
modules: []
metrics: []
sources: [metric_targets]
params:
  q: {type: text, required: true}
columns:
  - {name: metric, type: text, label: Metric}
  - {name: definition, type: text, label: Meaning}
  - {name: formula, type: text, label: Formula}
  - {name: unit, type: text, label: Unit}
  - {name: target, type: text, label: Target, when_null: "no target set"}
  - {name: benchmark, type: text, label: Benchmark, when_null: "none"}
  - {name: owner, type: text, label: Owner}
  - {name: example, type: text, label: Worked example, when_null: "none"}
  - {name: metric_id, type: text, hidden: true}
totals: []
keywords: [define, definition, meaning, formula, calculated, mean, explain, "what is"]
examples: ["how is incrementality calculated", "what does mer mean", "define cpa", "explain the ltv formula", "meaning of bounce rate"]
negatives: ["what's our cac", "incrementality by campaign"]
chart: {kind: table, columns: [metric, definition, formula, target]}
answer:
  headline: "{first.metric} = {first.formula}"
  row: "{metric}: {definition} Target {target}, benchmark {benchmark}, owner {owner}. Example: {example}"
  empty: "The registry has no metric like \"{q}\"."
  notes: ["Every figure is a sum over a sum of the same rows and window; without enough data there is no value instead of a wrong one."]
follow_ups: [kpi_overview, kpi_trend]
drafts: []
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 10}
cache_s: 3600
stats: metric_lookup
test:
  fixture: shop
  params: {q: cac}
  expect: {rows: 1, first.metric: Customer acquisition cost, first.metric_id: cac, first.formula: "Σ cost / Σ new_customers", first.target: "90"}
---*/
select distinct on (t.metric) t.metric, t.target
from facts.metric_targets t
where t.scope in ('org', '') and t.valid_from <= :today
order by t.metric, t.valid_from desc, t.scope desc
