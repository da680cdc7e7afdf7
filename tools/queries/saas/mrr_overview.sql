/*---
name: mrr_overview
version: 1
title: Recurring revenue
description: Monthly and annual recurring revenue, paying accounts, revenue per account, retention and churn, in the window and before.
group: saas
personas: [cmo]
modules: [1]
metrics: [mrr, arr, net_new_mrr, active_accounts, arpa, nrr, mrr_churn_rate]
sources: [mrr_movements]
params:
  window:  {type: date_range, default: last_30d, max_days: 400}
  compare: {type: compare, default: prior_period}
columns:
  - {name: period, type: text, label: Period, entity: true}
  - {name: mrr, type: money, label: MRR}
  - {name: arr, type: money, label: ARR}
  - {name: net_new, type: money, label: Net new}
  - {name: accounts, type: count, label: Paying accounts}
  - {name: arpa, type: money, label: Per account, when_null: "no account"}
  - {name: nrr, type: fraction, label: Net retention, when_null: "nothing to keep yet"}
  - {name: churn, type: fraction, label: MRR churn, when_null: "nothing to lose yet"}
  - {name: sample, type: text, label: Sample, when_null: "enough"}
  - {name: opening, type: money, label: At the start, hidden: true}
totals: []
keywords: [mrr, arr, arpa, saas, "recurring revenue", subscriptions, nrr, "net revenue retention"]
examples: ["what's our mrr", "arr now", "saas kpis", "recurring revenue this month", "arpa"]
negatives: ["mrr waterfall", "how are we doing", "retention by cohort"]
chart: {kind: table, columns: [period, mrr, net_new, accounts, nrr, churn]}
answer:
  headline: "Recurring revenue at the end of {window}: {first.mrr|money} a month from {first.accounts|int} accounts, {first.net_new|money} net new; net retention {first.nrr|pct1}."
  row: "{period}: MRR {mrr|money} (ARR {arr|money}), net new {net_new|money}, {accounts|int} accounts at {arpa|money2}, net retention {nrr|pct1}, churn {churn|pct1}"
  empty: "No source of subscriptions is connected, so there is no recurring revenue to read. Retention and repeat purchases of customers come from the orders: ask “retention by cohort” or “repeat purchase rate”."
  notes:
    - "Yearly plans count a twelfth a month; trials pay nothing. Net retention leaves out accounts that are new or came back; churn counts accounts that left and plans made smaller."
    - "Fewer than fifty accounts at the start is a small sample."
follow_ups: [mrr_movements, cohort_retention, kpi_overview]
drafts: []
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 2}
cache_s: 1800
test:
  fixture: shop
  params: {}
  expect: {rows: 2, first.mrr: 610.00, first.arr: 7320.00, first.net_new: 10.00, first.accounts: 11, first.arpa: 55.454545, first.nrr: 0.866667, first.churn: 0.183333, 1.mrr: 600.00, 1.net_new: 100.00, 1.nrr: 1}
---*/
with periods as (
  select 1 as n, 'now' as period, :window_start as first_day, :window_end as last_day
  union all
  select 2, 'before', :compare_start, :compare_end
), accounts as (
  select p.n, p.period, m.subscription_id,
         coalesce(sum(m.mrr_delta) filter (where m.date < p.first_day), 0) as opening,
         sum(m.mrr_delta) as closing,
         coalesce(sum(m.mrr_delta) filter (where m.date >= p.first_day), 0) as net_new,
         coalesce(sum(m.mrr_delta) filter (where m.date >= p.first_day and m.kind = 'expansion'), 0) as expansion,
         -coalesce(sum(m.mrr_delta) filter (where m.date >= p.first_day and m.kind in ('contraction', 'churn')), 0) as lost
  from periods p
  join facts.mrr_movements m on m.date <= p.last_day
  group by p.n, p.period, m.subscription_id
), sums as (
  select a.n, a.period,
         sum(a.closing) as mrr, sum(a.net_new) as net_new,
         count(*) filter (where a.closing > 0) as active_accounts,
         count(*) filter (where a.opening > 0) as opening_accounts,
         sum(a.opening) as opening_mrr,
         coalesce(sum(a.expansion) filter (where a.opening > 0), 0) as expansion_mrr,
         coalesce(sum(a.lost) filter (where a.opening > 0), 0) as lost_mrr
  from accounts a
  group by a.n, a.period
)
select s.period,
       s.mrr,
       12 * s.mrr as arr,
       s.net_new,
       s.active_accounts as accounts,
       {{ metric_of('arpa', 's') }} as arpa,
       {{ metric_of('nrr', 's') }} as nrr,
       {{ metric_of('mrr_churn_rate', 's') }} as churn,
       case when s.opening_accounts < 50 then 'small sample' end as sample,
       s.opening_mrr as opening
from sums s
order by s.n
