/*---
name: opportunities_top
version: 1
title: What is worth doing
description: Open opportunities that the daily scout found, ranked by money at stake, confidence, risk and effort.
group: overview
personas: [cmo, perf_lead]
modules: [10]
metrics: [opportunity_score]
sources: [opportunities]
params:
  window:  {type: date_range, default: last_7d, max_days: 400}
  type:    {type: enum, values_from: opportunities.kind, default: all}
  channel: {type: channel, default: all}
  status:  {type: enum, values: [all, new, reviewed, approved], default: all}
  limit:   {type: integer, default: 10, min: 1, max: 50}
columns:
  - {name: title, type: text, label: Opportunity, entity: true}
  - {name: channel, type: text, label: Channel}
  - {name: impact_7d, type: money, label: Worth in 7 days}
  - {name: confidence, type: fraction, label: Confidence}
  - {name: effort, type: text, label: Effort}
  - {name: risk, type: text, label: Risk}
  - {name: score, type: number, label: Score}
  - {name: status, type: text, label: Status}
  - {name: why, type: text, label: Why}
  - {name: stage, type: text, label: Stage, hidden: true}
  - {name: opportunity_id, type: text, hidden: true}
  - {name: kind, type: text, hidden: true}
  - {name: entity_kind, type: text, hidden: true}
  - {name: entity_id, type: text, hidden: true}
totals: [impact_7d]
keywords: [opportunity, "quick win", todo, "should do", "next best", suggestions, priorities]
examples: ["what should i do today", "top opps this week", "any quick wins", "best opportunities by score", "recommendations for me"]
negatives: ["which campaigns should i pause", "drafts waiting for approval"]
chart: {kind: table, columns: [title, channel, impact_7d, confidence, score]}
answer:
  headline: "Open opportunities seen in {window}: {n}. First: {first.title}, worth about {first.impact_7d|money} in seven days at {first.confidence|pct0} confidence."
  row: "{rank}. {title}: {why} Worth {impact_7d|money} in 7 days, confidence {confidence|pct1}, effort {effort}, risk {risk}{stage}"
  empty: "No open opportunity is on record for {window}. The daily scout that finds them is not part of this version, so this does not mean there are none: ask for wasted spend, campaigns to scale or striking-distance keywords instead."
  notes: ["Score is value × confidence × risk factor ÷ effort. Items under 65 % confidence are exploratory: worth a look, not a proposal; {freshness}."]
follow_ups: [campaign_underperformers, wasted_spend, anomalies_recent]
drafts: [pause_campaign, increase_budget, decrease_budget, reallocate_budget, add_negative_keyword]
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 50}
cache_s: 300
test:
  fixture: shop
  params: {}
  expect: {rows: 3, first.title: "Increase budget: Brand Search", first.score: 448.00, total.impact_7d: 2790.00}
---*/
select upper(left(o.kind, 1)) || substr(replace(o.kind, '_', ' '), 2) || ': ' || coalesce(nullif(o.entity_name, ''), o.entity_id) as title,
       o.channel,
       o.value_7d as impact_7d,
       o.confidence,
       o.effort,
       o.risk,
       o.score,
       o.status,
       o.hypothesis as why,
       case when o.exploratory then ' (exploratory)' else '' end as stage,
       o.id::text as opportunity_id,
       o.kind,
       o.entity_kind,
       o.entity_id
from facts.opportunities o
where o.last_seen between :window_start and :window_end
  and o.status in ('new', 'reviewed', 'approved', 'executing', 'measuring')
  and (:status is null or o.status = :status)
  and (:type is null or o.kind = :type)
  and (:channel is null or o.channel = :channel)
order by o.exploratory, o.score desc, o.value_7d desc, o.id
