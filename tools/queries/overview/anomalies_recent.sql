/*---
name: anomalies_recent
version: 1
title: Unusual days
description: Days that a statistical test flagged, with what was expected and what came; anomalies that people refuted are left out.
group: overview
personas: [data_science, perf_lead]
modules: [9, 10]
metrics: []
sources: [anomalies]
params:
  window:   {type: date_range, default: last_7d, max_days: 400}
  severity: {type: enum, values: [all, critical, warning, info], default: all}
  limit:    {type: integer, default: 10, min: 1, max: 50}
columns:
  - {name: day, type: date, label: Day}
  - {name: metric, type: text, label: Metric}
  - {name: entity, type: text, label: Where, entity: true}
  - {name: kind, type: text, label: Kind}
  - {name: actual, type: number, label: Came, when_null: "nothing"}
  - {name: expected, type: number, label: Expected, when_null: "unknown"}
  - {name: deviation, type: fraction, label: Deviation, when_null: "no baseline"}
  - {name: severity, type: text, label: Severity}
  - {name: state, type: text, label: State}
  - {name: metric_id, type: text, hidden: true}
  - {name: entity_kind, type: text, hidden: true}
  - {name: entity_id, type: text, hidden: true}
totals: []
keywords: [anomaly, weird, unusual, strange, outlier, spike, drop, odd, off]
examples: ["anything weird yesterday", "unusual spikes or drops this wk", "list anomalies last 3 days", "what looks off in the data", "strange movements"]
negatives: ["what drove the revenue change", "anything below target"]
chart: {kind: table, columns: [day, metric, entity, actual, expected, severity]}
answer:
  headline: "Flagged as unusual in {window}: {n}. Gravest: {first.metric} of {first.entity} on {first.day|date}, {first.actual|metric} instead of {first.expected|metric}."
  row: "{day|date}: {metric} of {entity} {kind}: {actual|metric} instead of {expected|metric} ({deviation|change}), {severity}"
  empty: "Nothing is flagged as unusual in {window}. The daily test that flags days is not part of this version, so only days that were flagged from outside appear: silence is no proof of a quiet week. Ask for jumps of cost per conversion or for a trend instead."
  notes: ["A flagged day is a statistical finding, not a cause; days on which a source was late are not flagged; {freshness}."]
follow_ups: [change_drivers, kpi_trend, data_freshness]
drafts: []
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 50}
cache_s: 300
test:
  fixture: shop
  params: {}
  expect: {rows: 2, first.severity: critical, first.entity: Harvest Sale, first.deviation: -0.5}
---*/
select a.day,
       replace(a.metric, '_', ' ') as metric,
       coalesce(k.name, nullif(e.name, ''), a.entity_id) as entity,
       replace(a.type, '_', ' ') as kind,
       a.actual,
       a.expected,
       (a.actual - a.expected) / nullif(abs(a.expected), 0) as deviation,
       a.severity,
       a.state,
       a.metric as metric_id,
       a.entity_kind,
       a.entity_id
from facts.anomalies a
left join facts.campaigns k on a.entity_kind = 'campaign' and k.id = a.entity_id
left join facts.entities e on e.kind = a.entity_kind and e.id = a.entity_id
where a.day between :window_start and :window_end
  and a.state <> 'refuted'
  and (:severity is null or a.severity = :severity)
order by case a.severity when 'critical' then 1 when 'warning' then 2 else 3 end, a.day desc,
         abs((a.actual - a.expected) / nullif(a.expected, 0)) desc nulls last, a.id
