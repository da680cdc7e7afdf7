/*---
name: mrr_movements
version: 1
title: Movements of recurring revenue
description: How the monthly recurring revenue moved, by expansion, contraction, churn and reactivation of accounts.
group: saas
personas: [cmo, rewards_pm]
modules: [8]
metrics: [net_new_mrr, mrr]
sources: [mrr_movements]
params:
  window:      {type: date_range, default: last_12m, max_days: 400}
  granularity: {type: enum, values: [month, week], default: month}
columns:
  - {name: month, type: date, label: From, entity: true}
  - {name: new, type: money, label: New}
  - {name: expansion, type: money, label: Expansion}
  - {name: contraction, type: money, label: Contraction}
  - {name: churn, type: money, label: Churn}
  - {name: reactivation, type: money, label: Reactivation}
  - {name: net, type: money, label: Net new}
  - {name: closing, type: money, label: MRR at the end}
totals: [new, expansion, contraction, churn, reactivation, net]
keywords: ["mrr waterfall", "mrr movement", expansion, contraction, bridge, "churned mrr"]
examples: ["mrr waterfall", "net new mrr by month", "expansion vs churned mrr", "mrr bridge last qtr"]
negatives: ["what's our mrr", "what drove the revenue change"]
chart: {kind: bar, x: month, y: net}
answer:
  headline: "Recurring revenue moved by {total.net|money} a month in {window}: {total.new|money} new, {total.expansion|money} expansion, {total.reactivation|money} came back, {total.contraction|money} contraction, {total.churn|money} churn."
  row: "{month|date}: net {net|money} (new {new|money}, expansion {expansion|money}, back {reactivation|money}, contraction {contraction|money}, churn {churn|money}), MRR {closing|money}"
  empty: "No source of subscriptions is connected, or nothing moved in {window}."
  notes: ["Contraction and churn are amounts below zero: the parts add up to the net. Periods without a movement are not listed."]
follow_ups: [mrr_overview, cohort_retention, kpi_overview]
drafts: []
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 100}
cache_s: 1800
test:
  fixture: shop
  params: {window: {start: "2025-08-01", end: "2025-09-16"}}
  expect: {rows: 2, total.net: 110.00, first.new: 140.00, first.expansion: 30.00, first.closing: 670.00, 1.churn: -100.00, 1.contraction: -10.00, 1.reactivation: 50.00, 1.net: -60.00, 1.closing: 610.00}
---*/
with before as (
  select coalesce(sum(m.mrr_delta), 0) as opening from facts.mrr_movements m where m.date < :window_start
), periods as (
  select greatest(date_trunc(:granularity, m.date::timestamp)::date, :window_start) as month,
         coalesce(sum(m.mrr_delta) filter (where m.kind = 'new'), 0) as new,
         coalesce(sum(m.mrr_delta) filter (where m.kind = 'expansion'), 0) as expansion,
         coalesce(sum(m.mrr_delta) filter (where m.kind = 'contraction'), 0) as contraction,
         coalesce(sum(m.mrr_delta) filter (where m.kind = 'churn'), 0) as churn,
         coalesce(sum(m.mrr_delta) filter (where m.kind = 'reactivation'), 0) as reactivation,
         sum(m.mrr_delta) as net
  from facts.mrr_movements m
  where m.date between :window_start and :window_end
  group by greatest(date_trunc(:granularity, m.date::timestamp)::date, :window_start)
)
select p.month, p.new, p.expansion, p.contraction, p.churn, p.reactivation, p.net,
       b.opening + sum(p.net) over (order by p.month) as closing
from periods p
cross join before b
order by p.month
