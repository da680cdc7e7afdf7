/*---
name: funnel_by_channel
version: 1
title: Funnel by channel
description: Visits, engaged visits, leads, trials and customers per channel with the rate of each step and the change since before.
group: funnel_leads
personas: [lifecycle_lead, perf_lead]
modules: [6]
metrics: [funnel_step_rate, visit_to_lead_rate]
sources: [daily_funnel_metrics]
params:
  window:  {type: date_range, default: last_28d, max_days: 400}
  compare: {type: compare, default: prior_period}
  channel: {type: channel, default: all}
columns:
  - {name: channel, type: text, label: Channel, entity: true}
  - {name: step, type: text, label: Step}
  - {name: count, type: count, label: Count}
  - {name: step_rate, type: fraction, label: Of the step before, when_null: "–"}
  - {name: overall, type: fraction, label: Of all visits, when_null: "no visits"}
  - {name: step_rate_before, type: fraction, label: Step rate before, when_null: "no comparison"}
  - {name: step_rate_change, type: pp, label: Change, when_null: "no comparison"}
  - {name: lost, type: count, label: Lost here, when_null: "–"}
  - {name: step_no, type: number, hidden: true}
totals: []
keywords: [funnel, "visit to lead", "lead to trial", "stage conversion", source, "drop-off channel", "stage by stage"]
examples: ["funnel by channel", "visit to customer rate per source", "where do we lose ppl by channel", "lead to trial rate for organic"]
negatives: ["conversion funnel for harvest sale", "how many leads did we get"]
chart: {kind: funnel, step: step, y: count, value: step_rate, series: channel}
answer:
  headline: "{first.channel} brought the most visits in {window}: {first.count|int}. Read each step against the one before it."
  row: "{channel}, {step}: {count|int} · of the step before: {step_rate|pct1} · of all visits: {overall|pct1}"
  empty: "No visits, leads or customers are recorded in {window}."
  notes:
    - "Each step counts what happened in the window, so a lead and its later purchase may lie in different windows. Steps that nobody uses are left out."
follow_ups: [leads_by_channel, checkout_abandonment, page_performance]
drafts: []
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 200}
cache_s: 300
test:
  fixture: shop
  params: {window: {start: "2024-05-13", end: "2024-05-19"}, compare: prior_period}
  expect: {rows: 8, first.channel: paid_search, first.step: visits, first.count: 2000}
---*/
with sums as (
  select f.channel, f.date >= :window_start and f.date <= :window_end as now,
         sum(f.visits) as visits, sum(f.engaged) as engaged, sum(f.leads) as leads,
         sum(f.trials) as trials, sum(f.customers) as customers
  from facts.daily_funnel_metrics f
  where f.date between least(:window_start, :compare_start) and :window_end
    and (f.date between :window_start and :window_end or f.date between :compare_start and :compare_end)
    and (:channel is null or f.channel = :channel)
  group by f.channel, f.date >= :window_start and f.date <= :window_end
), steps as (
  select s.channel, s.now, x.step_no, x.step, x.amount
  from sums s
  cross join lateral (values
    (1, 'visits', s.visits), (2, 'engaged visits', s.engaged), (3, 'leads', s.leads),
    (4, 'trials', s.trials), (5, 'customers', s.customers)
  ) as x (step_no, step, amount)
), used as (
  select t.step_no from steps t where t.now group by t.step_no having sum(t.amount) > 0
), rated as (
  select t.channel, t.now, t.step_no, t.step, t.amount,
         lag(t.amount) over w as previous,
         first_value(t.amount) over w as entries
  from steps t
  join used u on u.step_no = t.step_no
  window w as (partition by t.channel, t.now order by t.step_no)
)
select n.channel,
       n.step,
       n.amount as count,
       n.amount / nullif(n.previous, 0) as step_rate,
       n.amount / nullif(n.entries, 0) as overall,
       b.amount / nullif(b.previous, 0) as step_rate_before,
       n.amount / nullif(n.previous, 0) - b.amount / nullif(b.previous, 0) as step_rate_change,
       n.previous - n.amount as lost,
       n.step_no
from rated n
left join rated b on b.channel = n.channel and b.step_no = n.step_no and not b.now
where n.now and n.entries > 0
order by n.entries desc nulls last, n.channel, n.step_no
