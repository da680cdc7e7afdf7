/*---
name: experiment_learnings
version: 1
title: What experiments taught
description: Finished experiments with the effect of the best variant on control, whether it was significant or void, and what was decided.
group: experiments
personas: [perf_lead, cmo]
modules: []
metrics: [relative_lift]
sources: [experiments]
params:
  window: {type: date_range, default: last_12m, max_days: 1500}
  type:   {type: enum, values: [ab, holdout, geo, time_split], default: all}
  limit:  {type: integer, default: 10, min: 1, max: 50}
columns:
  - {name: experiment, type: text, label: Experiment, entity: true}
  - {name: result, type: text, label: Result}
  - {name: effect, type: fraction, label: Effect on the rate, when_null: "not to be trusted"}
  - {name: decision, type: text, label: Decision, when_null: "none recorded"}
  - {name: best, type: text, label: Variant}
  - {name: users, type: count, label: Users}
  - {name: ended_on, type: date, label: Ended}
  - {name: hypothesis, type: text, label: Hypothesis, when_null: "none recorded"}
  - {name: entity_id, type: text, hidden: true}
totals: [users]
keywords: [learned, learnings, "past tests", winners, "failed ideas", lessons]
examples: ["what did we learn from tests", "past test winners", "which test ideas failed"]
negatives: ["result of the checkout button test", "what tests are running"]
chart: {kind: table}
answer:
  headline: "Experiments that ended in {window}: {n}. The latest was {first.experiment}: {first.result}."
  row: "{rank}. {experiment} ({ended_on|date}): {result}, effect {effect|pct1}; decided: {decision}"
  empty: "No experiment ended in {window}."
  notes:
    - "Effect: relative change of the conversion rate of the variant against control. Significant: two-sided at five per cent. Void: the arms did not get their planned share of users."
follow_ups: [experiment_result, experiment_power]
drafts: []
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 50}
cache_s: 600
test:
  fixture: shop
  params: {window: {start: "2025-06-01", end: "2025-09-16"}}
  expect: {rows: 2, first.experiment: Checkout button test, first.result: "significant: better than control", first.effect: 0.15, first.decision: ship variant B, 1.result: "void: the split missed its plan", 1.users: 20000}
---*/
with finished as (
  select e.id, e.name, e.entity_id, e.hypothesis, e.winner, e.decision, (e.ended_at at time zone :time_zone)::date as ended_on
  from facts.experiments e
  where e.status = 'finished' and e.ended_at is not null
    and (e.ended_at at time zone :time_zone)::date between :window_start and :window_end
    and (:type is null or e.kind = :type)
), arms as (
  select f.id, a.arm, a.is_control, a.weight,
         coalesce(sum(d.users), 0) as users, coalesce(sum(d.converters), 0) as converters
  from finished f
  join facts.experiment_arms a on a.experiment_id = f.id
  left join facts.experiment_daily d on d.experiment_id = a.experiment_id and d.arm = a.arm
  group by f.id, a.arm, a.is_control, a.weight
), totals as (
  select a.id, sum(a.users) as users, sum(a.weight) as weight, count(*) as arms from arms a group by a.id
), splits as (
  select a.id,
         sum(power(a.users - t.users * a.weight / nullif(t.weight, 0), 2) / nullif(t.users * a.weight / nullif(t.weight, 0), 0)) as chi2,
         -- p < 0.001 with one, two or more degrees of freedom
         max(case t.arms when 2 then 10.828 when 3 then 13.816 else 16.266 end) as bound
  from arms a join totals t on t.id = a.id
  group by a.id
), compared as (
  select v.id, v.arm, v.users, v.converters, c.users as control_users, c.converters as control_converters,
         v.converters / nullif(v.users, 0) as rate, c.converters / nullif(c.users, 0) as control_rate,
         (v.converters + c.converters) / nullif(v.users + c.users, 0) as pooled,
         f.winner
  from arms v
  join arms c on c.id = v.id and c.is_control
  join finished f on f.id = v.id
  where not v.is_control
), ranked as (
  select x.id, x.arm, x.rate, x.control_rate,
         (x.rate - x.control_rate)
           / nullif(sqrt(x.pooled * (1 - x.pooled) * (1 / nullif(x.users, 0) + 1 / nullif(x.control_users, 0))), 0) as z,
         row_number() over (partition by x.id order by (x.arm = x.winner) desc nulls last, x.rate desc nulls last, x.arm) as n
  from compared x
)
select f.name as experiment,
       case when s.chi2 > s.bound then 'void: the split missed its plan'
            when r.z is null then 'too small to tell'
            when r.z >= 1.959964 then 'significant: better than control'
            when r.z <= -1.959964 then 'significant: worse than control'
            else 'not significant' end as result,
       case when s.chi2 is null or s.chi2 <= s.bound then (r.rate - r.control_rate) / nullif(r.control_rate, 0) end as effect,
       nullif(f.decision, '') as decision,
       r.arm as best,
       t.users,
       f.ended_on,
       nullif(f.hypothesis, '') as hypothesis,
       f.entity_id
from finished f
join totals t on t.id = f.id
left join splits s on s.id = f.id
left join ranked r on r.id = f.id and r.n = 1
order by f.ended_on desc, f.name
