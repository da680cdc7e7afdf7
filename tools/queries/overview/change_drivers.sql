/*---
name: change_drivers
version: 3
title: What drove the change
description: Splits a change of revenue, conversions or leads into volume, mix and rate, by channel, campaign, city or device; the parts add up.
group: overview
personas: [cmo, perf_lead]
modules: [1]
metrics: [revenue, conversions, leads, cvr_session, aov]
sources: [daily_metrics, daily_funnel_metrics, orders]
params:
  metric:  {type: metric, values: [revenue, conversions, leads], default: revenue}
  window:  {type: date_range, default: last_7d, max_days: 400}
  compare: {type: compare, default: prior_period}
  by:      {type: enum, values: [channel, campaign, city, device], default: channel}
columns:
  - {name: group, type: text, label: Group, entity: true}
  - {name: volume, type: number, label: Volume, when_null: "–"}
  - {name: mix, type: number, label: Mix, when_null: "–"}
  - {name: rate, type: number, label: Rate, when_null: "–"}
  - {name: rate_conversion, type: number, label: of which conversion rate, when_null: "–"}
  - {name: rate_value, type: number, label: of which order value, when_null: "–"}
  - {name: total, type: number, label: Together}
  - {name: part, type: text, label: Part}
  - {name: value_before, type: number, label: Whole before, hidden: true}
  - {name: value_now, type: number, label: Whole now, hidden: true}
  - {name: basis, type: text, label: Counted from, hidden: true}
  - {name: metric_id, type: text, hidden: true}
  - {name: entity_id, type: text, hidden: true}
totals: [volume, mix, rate, total]
keywords: [drivers, drove, decompose, "breakdown of change", mix, volume, explain, because]
examples: ["what drove the revenue change", "mix or conversion rate problem?", "decompose the drop vs last week", "break down the increase by channel into volume and rate"]
negatives: ["revenue this wk vs last wk", "anything weird yesterday"]
chart: {kind: waterfall, label: group, delta: total, start: value_before, end: value_now}
answer:
  headline: "{metric|label} moved from {first.value_before|metric} in {compare} to {first.value_now|metric} in {window}: volume {total.volume|metric}, mix {total.mix|metric}, rate {total.rate|metric}."
  row: "{group}: {total|metric} ({part}; mix {mix|metric}, rate {rate|metric})"
  empty: "There is nothing to decompose: {metric|label} by {by} needs visits or clicks in both {window} and {compare}."
  notes:
    - "Volume: more or fewer visits at the old average. Mix: visits moved to better or worse groups. Rate: a group's own yield per visit changed. Groups that are new or gone stand with their whole value. What carries no group stands as unattributed, so that the parts add up to the whole."
    - "Counted from {first.basis}; {freshness}."
follow_ups: [metric_compare, channel_performance, anomalies_recent]
drafts: []
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 200}
cache_s: 300
test:
  fixture: shop
  params: {}
  expect: {rows: 6, total.total: 700.00, total.volume: -272.275862, total.mix: 510.275862, total.rate: 462.00, first.value_before: 19740.00, first.value_now: 20440.00}
---*/
with rows as (
  select case :by when 'device' then substr(d.breakdown, 8) else d.channel end as key, d.date,
         d.sessions::numeric as weight, d.conversions, case :metric when 'revenue' then d.revenue_base else d.conversions end as amount
  from facts.daily_metrics d
  where :metric in ('revenue', 'conversions') and :by in ('channel', 'device') and d.entity_kind = 'site'
    and d.date between least(:window_start, :compare_start) and :window_end
    and case :by when 'device' then d.breakdown like 'device=%' else d.breakdown = '' end
  union all
  select d.entity_id, d.date, d.clicks, d.conversions, case :metric when 'revenue' then d.revenue_base else d.conversions end
  from facts.daily_metrics d
  where :metric in ('revenue', 'conversions') and :by = 'campaign' and d.entity_kind = 'campaign' and d.breakdown = ''
    and d.date between least(:window_start, :compare_start) and :window_end
  union all
  select case :by when 'city' then f.city when 'campaign' then f.campaign_id else f.channel end, f.date, f.visits,
         case :metric when 'leads' then f.leads else 0 end, case :metric when 'leads' then f.leads else 0 end
  from facts.daily_funnel_metrics f
  where ((:metric = 'leads' and :by <> 'device') or (:metric <> 'leads' and :by = 'city'))
    and f.date between least(:window_start, :compare_start) and :window_end
  union all
  -- Where an order went is known from the order alone; the funnel tells only the visits of a city.
  select o.city, (o.ordered_at at time zone :time_zone)::date, 0, 1, case :metric when 'revenue' then o.gross_base - o.discount_base else 1 end
  from facts.orders o
  where :metric <> 'leads' and :by = 'city' and o.status <> 'cancelled' and not o.is_test
    and o.ordered_at >= (least(:window_start, :compare_start) - interval '1 day')::timestamptz
    and o.ordered_at < (:window_end + interval '2 days')::timestamptz
), groups as (
  select coalesce(nullif(r.key, ''), 'unattributed') as key,
         coalesce(sum(r.weight) filter (where r.date between :compare_start and :compare_end), 0) as s0,
         coalesce(sum(r.conversions) filter (where r.date between :compare_start and :compare_end), 0) as c0,
         coalesce(sum(r.amount) filter (where r.date between :compare_start and :compare_end), 0) as r0,
         coalesce(sum(r.weight) filter (where r.date between :window_start and :window_end), 0) as s1,
         coalesce(sum(r.conversions) filter (where r.date between :window_start and :window_end), 0) as c1,
         coalesce(sum(r.amount) filter (where r.date between :window_start and :window_end), 0) as r1
  from rows r
  where (r.date between :window_start and :window_end or r.date between :compare_start and :compare_end)
  group by coalesce(nullif(r.key, ''), 'unattributed')
), whole as (
  -- of the groups with visits in both periods: only these have a mix and a rate
  select sum(g.s0) as s0, sum(g.r0) as r0, sum(g.s1) as s1, sum(g.r0) / nullif(sum(g.s0), 0) as mean0
  from groups g
  where g.s0 > 0 and g.s1 > 0
), ends as (
  select sum(g.r0) as value_before, sum(g.r1) as value_now, sum(g.s0) as weight_before, sum(g.s1) as weight_now
  from groups g
), parts as (
  select g.key,
         case when g.s0 > 0 and g.s1 > 0 then 'changed' when g.s0 > 0 then 'left' else 'entered' end as part,
         case when g.s0 > 0 and g.s1 > 0 then w.s1 * (g.s1 / w.s1 - g.s0 / w.s0) * (g.r0 / g.s0 - w.mean0) end as mix,
         case when g.s0 > 0 and g.s1 > 0 then g.s1 * (g.r1 / g.s1 - g.r0 / g.s0) end as rate,
         case when :metric = 'revenue' and g.s0 > 0 and g.s1 > 0 and g.c0 > 0 and g.c1 > 0
           then g.s1 * (g.c1 / g.s1 - g.c0 / g.s0) * (g.r0 / g.c0 + g.r1 / g.c1) / 2 end as rate_conversion,
         case when :metric = 'revenue' and g.s0 > 0 and g.s1 > 0 and g.c0 > 0 and g.c1 > 0
           then g.s1 * (g.r1 / g.c1 - g.r0 / g.c0) * (g.c0 / g.s0 + g.c1 / g.s1) / 2 end as rate_value,
         g.r1 - g.r0 as moved
  from groups g
  cross join whole w
), lines as (
  select 0 as place, null as key, (w.s1 - w.s0) * w.mean0 as volume, null::numeric as mix, null::numeric as rate,
         null::numeric as rate_conversion, null::numeric as rate_value, (w.s1 - w.s0) * w.mean0 as total, 'volume' as part
  from whole w
  where w.mean0 is not null
  union all
  select case p.part when 'changed' then 1 else 2 end, p.key, null, p.mix, p.rate, p.rate_conversion, p.rate_value,
         case p.part when 'changed' then p.mix + p.rate else p.moved end, p.part
  from parts p
)
select case
         when l.key is null and :by = 'campaign' then 'all clicks'
         when l.key is null then 'all visits'
         else coalesce(k.name, l.key)
       end as "group",
       l.volume,
       l.mix,
       l.rate,
       l.rate_conversion,
       l.rate_value,
       l.total,
       l.part,
       e.value_before,
       e.value_now,
       case
         when :metric = 'leads' then 'leads and visits of the site'
         when :by = 'city' then 'visits of the site and the orders themselves, by the city they went to'
         when :by = 'campaign' then 'clicks and results as the ad platforms report them'
         else 'visits and orders of the site'
       end as basis,
       :metric as metric_id,
       l.key as entity_id
from lines l
cross join ends e
left join facts.campaigns k on :by = 'campaign' and k.id = l.key
where e.weight_before > 0 and e.weight_now > 0
order by l.place, abs(l.total) desc, l.key
