/*---
name: ai_usage_cost
version: 1
title: What the assistant costs
description: Questions, tokens and cost of the assistant by day, person, model or named query, and the cost of one answer.
group: governance
personas: [ops, cmo]
modules: [9]
metrics: [cost_per_answer]
sources: [turns, model_calls, query_runs]
params:
  window: {type: date_range, default: last_30d, max_days: 400}
  by:     {type: enum, values: [day, user, model, query], default: day}
columns:
  - {name: name, type: text, label: Group, entity: true}
  - {name: questions, type: count, label: Questions}
  - {name: tokens, type: count, label: Tokens}
  - {name: cost, type: money, label: Cost}
  - {name: per_answer, type: money, label: Cost an answer, when_null: "no question"}
  - {name: runs, type: count, label: Runs}
totals: [questions, tokens, cost, runs, {name: per_answer, ratio: [cost, questions]}]
keywords: ["ai cost", tokens, "bot cost", usage, "per answer", "token usage"]
examples: ["how much does the bot cost", "ai cost this month by user", "tokens used", "cost per answer"]
negatives: ["how much did we spend last month", "groundedness last month"]
chart: {kind: stacked_bar, x: name, y: cost}
answer:
  headline: "The assistant cost {total.cost|money2} in {window}, {total.per_answer|money2} for each of {total.questions|int} questions."
  row: "{name}: {cost|money2}, {tokens|int} tokens, {questions|int} questions"
  empty: "Nobody asked anything in {window}."
  notes: ["By model and by query, a question that used several counts in each of them. Answers of the offline planner need no model and cost nothing but the query."]
follow_ups: [data_freshness, source_runs]
drafts: []
access: {permission: query.run, pii: none}
limits: {timeout_ms: 5000, max_rows: 400}
cache_s: 300
test:
  fixture: shop
  params: {by: user}
  expect: {rows: 2, total.questions: 3, total.tokens: 5600, total.cost: 0.06, total.per_answer: 0.02, first.name: Mara Lindt, first.questions: 2, first.cost: 0.05}
---*/
with asked as (
  select t.id, t.asker_id, (t.created_at at time zone :time_zone)::date as day, t.tokens_in + t.tokens_out as tokens, t.cost
  from facts.turns t
  where t.created_at >= (:window_start - interval '1 day')::timestamptz and t.created_at < (:window_end + interval '2 days')::timestamptz and (t.created_at at time zone :time_zone)::date between :window_start and :window_end
), grouped as (
  select to_char(a.day, 'YYYY-MM-DD') as name, count(*) as questions, sum(a.tokens) as tokens, sum(a.cost) as cost, count(*) as runs
  from asked a where :by = 'day'
  group by a.day
  union all
  select coalesce(m.name, 'unknown'), count(*), sum(a.tokens), sum(a.cost), count(*)
  from asked a left join facts.members m on m.id = a.asker_id
  where :by = 'user'
  group by a.asker_id, m.name
  union all
  select c.model, count(distinct c.turn_id), sum(c.tokens_in + c.tokens_out), sum(c.cost), count(*)
  from facts.model_calls c
  where :by = 'model' and c.at >= (:window_start - interval '1 day')::timestamptz and c.at < (:window_end + interval '2 days')::timestamptz
    and (c.at at time zone :time_zone)::date between :window_start and :window_end
  group by c.model
  union all
  select q.query, count(distinct q.turn_id), 0, sum(q.cost), count(*)
  from facts.query_runs q
  where :by = 'query' and q.ran_at >= (:window_start - interval '1 day')::timestamptz and q.ran_at < (:window_end + interval '2 days')::timestamptz
    and (q.ran_at at time zone :time_zone)::date between :window_start and :window_end
  group by q.query
)
select g.name,
       g.questions,
       g.tokens,
       g.cost,
       g.cost / nullif(g.questions, 0) as per_answer,
       g.runs
from grouped g
order by case when :by = 'day' then g.name end, g.cost desc nulls last, g.runs desc, g.name
