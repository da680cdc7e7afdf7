/*---
name: experiment_result
version: 1
title: Result of an experiment
description: Users, conversions and rate per variant with the lift over control, its interval, the p-value and a careful verdict.
group: experiments
personas: [perf_lead, data_science]
modules: [5]
metrics: [relative_lift, holdout_lift_pp, incrementality_pct]
sources: [experiment_daily]
params:
  experiment: {type: experiment, required: true, description: "The name of the test or holdout."}
columns:
  - {name: variant, type: text, label: Variant, entity: true}
  - {name: users, type: count, label: Users}
  - {name: conversions, type: count, label: Converters}
  - {name: rate, type: fraction, label: Rate, when_null: "no users yet"}
  - {name: lift, type: pp, label: Lift, when_null: "–"}
  - {name: relative_lift, type: fraction, label: Relative lift, when_null: "–"}
  - {name: ci, type: text, label: "95 % interval of the lift", when_null: "–"}
  - {name: p, type: number, label: p-value, when_null: "–"}
  - {name: verdict, type: text, label: Verdict}
  - {name: planned, type: count, label: Planned users in all, when_null: "not planned"}
  - {name: experiment, type: text, hidden: true}
  - {name: status, type: text, hidden: true}
  - {name: lift_low, type: pp, hidden: true}
  - {name: lift_high, type: pp, hidden: true}
  - {name: rate_low, type: fraction, hidden: true}
  - {name: rate_high, type: fraction, hidden: true}
  - {name: incrementality, type: fraction, hidden: true}
  - {name: incremental_conversions, type: number, hidden: true}
  - {name: split_p, type: number, hidden: true}
  - {name: method, type: text, hidden: true}
  - {name: is_control, type: bool, hidden: true}
  - {name: weight, type: number, hidden: true}
  - {name: mde, type: fraction, hidden: true}
  - {name: entity_id, type: text, hidden: true}
totals: [users, conversions]
keywords: [result, variant, won, significant, "p value", winner, "test outcome", "who won"]
examples: ["result of the checkout button test", "did variant b win", "is the ab test significant", "p value for the checkout button test"]
negatives: ["what tests are running", "past test winners", "what was truly incremental"]
chart: {kind: bar, x: variant, y: rate, lo: rate_low, hi: rate_high}
answer:
  headline: "{first.experiment} ({first.status}): {total.conversions|int} of {total.users|int} users converted."
  row: "{variant}: {conversions|int} of {users|int} ({rate|pct2}) · lift {lift|pp} ({ci}) · p {p} · {verdict}"
  empty: "No experiment of this name has users yet."
  notes:
    - "Users count as assigned, whether they saw the change or not. Before the planned number of users nobody has won: looking early finds effects that are not there."
    - "If the arms did not get the share of users they were planned to get, the result is void."
follow_ups: [experiment_power, experiment_learnings, page_performance]
drafts: []
stats: experiment_result
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 20}
cache_s: 300
test:
  fixture: shop
  params: {experiment: Checkout button test}
  expect: {rows: 2, total.users: 40000, total.conversions: 860, first.variant: control, first.rate: 0.02, first.verdict: control, 1.variant: variant_b, 1.rate: 0.023, 1.lift: 0.003, 1.p: 0.0386, "1.verdict": "significant: better than control"}
---*/
with one as (
  select e.id, e.name, e.status, e.plan, e.entity_id
  from facts.experiments e
  where e.id::text = :experiment or lower(e.name) = lower(:experiment)
), seen as (
  select d.experiment_id, d.arm, sum(d.users) as users, sum(d.converters) as converters
  from facts.experiment_daily d
  join one o on o.id = d.experiment_id
  where d.date <= :today
  group by d.experiment_id, d.arm
)
select a.arm as variant,
       coalesce(s.users, 0) as users,
       coalesce(s.converters, 0) as conversions,
       (o.plan ->> 'n')::numeric as planned,
       o.name as experiment,
       o.status,
       a.is_control,
       a.weight,
       (o.plan ->> 'mde')::numeric as mde,
       o.entity_id
from one o
join facts.experiment_arms a on a.experiment_id = o.id
left join seen s on s.experiment_id = o.id and s.arm = a.arm
order by a.is_control desc, a.arm
