/*---
name: cac_by_channel
version: 4
title: Cost per new customer
description: Spend, new customers and acquisition cost per channel, campaign, segment, city or platform, against the target and the comparison period.
group: spend_waste
personas: [cmo, perf_lead]
modules: [1]
metrics: [cac, cost, new_customers]
sources: [daily_metrics, orders]
params:
  window:  {type: date_range, default: last_28d, max_days: 400}
  compare: {type: compare, default: prior_period}
  by:      {type: enum, values: [channel, campaign, segment, city, platform], default: channel}
columns:
  - {name: name, type: text, label: Group, entity: true}
  - {name: cost, type: money, label: Spend}
  - {name: new_customers, type: count, label: New customers}
  - {name: cac, type: money, label: Cost per new customer, when_null: "spent, no new customer yet"}
  - {name: before, type: money, label: Before, when_null: "–"}
  - {name: change, type: fraction, label: Change, when_null: "no comparison"}
  - {name: vs_target, type: fraction, label: Against target, when_null: "–"}
  - {name: sample, type: text, label: Sample, when_null: "enough"}
  - {name: entity_id, type: text, hidden: true}
  - {name: campaign_id, type: text, hidden: true}
totals: [cost, new_customers, {name: cac, ratio: [cost, new_customers]}]
keywords: [cac, "acquisition cost", "cost per customer", "new customer cost", expensive, "per new customer"]
examples: ["what's our cac", "cost to get a customer by channel", "cac by campaign last qtr", "which source is too expensive per new customer"]
negatives: ["is cpa going up anywhere", "cost per lead", "cac vs last year"]
chart: {kind: bar, x: name, y: cac, compare: before, sort: desc}
answer:
  headline: "A new customer cost {total.cac|money} in {window}: {total.cost|money} for {total.new_customers|int} new customers on paid activity."
  row: "{name}: {cac|money} ({cost|money} for {new_customers|int} new customers) · before: {before|money} · against target: {vs_target|change}"
  empty: "There is no acquisition cost by {by} in {window}: no spend is recorded that way, or no order of the window names a campaign. By channel it needs no campaign."
  notes:
    - "New customers are first orders credited to the channel or campaign that the order names; groups without spend are not listed."
    - "Fewer than ten new customers is a small sample. By segment or city only spend counts that a platform split that way."
follow_ups: [spend_by_channel, new_vs_returning, cpa_spikes]
drafts: [reallocate_budget, decrease_budget]
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 200}
cache_s: 300
test:
  fixture: shop
  params: {}
  expect: {rows: 3, total.cost: 14060.00, total.new_customers: 184, total.cac: 76.413043, first.name: video, first.cost: 200.00, first.new_customers: 0}
---*/
with spend as (
  select case :by when 'channel' then d.channel when 'platform' then d.source when 'segment' then substr(d.breakdown, 9)
                  when 'city' then substr(d.breakdown, 6) else d.entity_id end as id,
         coalesce(sum(d.cost_base) filter (where d.date between :window_start and :window_end), 0) as cost_base,
         coalesce(sum(d.cost_base) filter (where d.date between :compare_start and :compare_end), 0) as before_cost
  from facts.daily_metrics d
  where d.entity_kind = 'campaign'
    and case :by when 'segment' then d.breakdown like 'segment=%' when 'city' then d.breakdown like 'city=%' else d.breakdown = '' end
    and d.date between least(:window_start, :compare_start) and :window_end
    and (d.date between :window_start and :window_end or d.date between :compare_start and :compare_end)
  group by 1
), members as (
  select coalesce(l.customer_id, m.actor_id) as customer_id, min(upper(replace(g.name, ' ', '_'))) as segment
  from facts.segments g
  join facts.segment_members m on m.segment_id = g.id and m.left_on is null
  left join facts.actor_links l on l.actor_id = m.actor_id
  where :by = 'segment' and g.kind = 'behavioural'
  group by coalesce(l.customer_id, m.actor_id)
), firsts as (
  select case :by when 'channel' then o.channel when 'platform' then k.source when 'segment' then s.segment
                  when 'city' then o.city else o.campaign_id end as id,
         (o.ordered_at at time zone :time_zone)::date as day
  from facts.orders o
  -- A platform is told from its own campaign, whatever that counts as.
  left join facts.campaigns k on k.id = o.platform_campaign_id
  left join members s on s.customer_id = o.customer_id
  where o.is_first_order and o.status <> 'cancelled' and not o.is_test
    and o.ordered_at >= (least(:window_start, :compare_start) - interval '1 day')::timestamptz
    and o.ordered_at < (:window_end + interval '2 days')::timestamptz
), customers as (
  select f.id,
         count(*) filter (where f.day between :window_start and :window_end) as new_customers,
         count(*) filter (where f.day between :compare_start and :compare_end) as before_customers
  from firsts f
  where f.id is not null
    and (f.day between :window_start and :window_end or f.day between :compare_start and :compare_end)
  group by f.id
), target as (
  select t.scope, t.target
  from (
    select m.scope, m.target, row_number() over (partition by m.scope order by m.valid_from desc) as n
    from facts.metric_targets m
    where m.metric = 'cac' and m.valid_from <= :window_end
  ) t where t.n = 1
), joined as (
  select s.id, s.cost_base, coalesce(c.new_customers, 0) as new_customers,
         s.before_cost / nullif(c.before_customers, 0) as before,
         coalesce(own.target, general.target, {{ target('cac') }}) as target
  from spend s
  left join customers c on c.id = s.id
  left join target own on own.scope = s.id
  left join target general on general.scope in ('org', '')
  where s.cost_base > 0
    -- Orders that name no campaign say nothing of campaigns and their platforms: not known is not zero.
    and (:by not in ('campaign', 'platform') or exists (
      select 1 from facts.orders o
      where o.campaign_id is not null
        and o.ordered_at >= (:window_start - interval '1 day')::timestamptz and o.ordered_at < (:window_end + interval '2 days')::timestamptz
        and (o.ordered_at at time zone :time_zone)::date between :window_start and :window_end
    ))
)
select case :by when 'campaign' then coalesce(k.name, j.id) when 'segment' then lower(replace(j.id, '_', ' ')) else j.id end as name,
       j.cost_base as cost,
       j.new_customers,
       {{ metric_of('cac', 'j') }} as cac,
       j.before,
       ({{ metric_of('cac', 'j') }} - j.before) / nullif(abs(j.before), 0) as change,
       ({{ metric_of('cac', 'j') }} - j.target) / nullif(j.target, 0) as vs_target,
       case when j.new_customers < 10 then 'small sample' end as sample,
       j.id as entity_id,
       case when :by = 'campaign' then j.id end as campaign_id
from joined j
left join facts.campaigns k on :by = 'campaign' and k.id = j.id
order by (j.new_customers = 0) desc, {{ metric_of('cac', 'j') }} desc nulls last, j.cost_base desc, j.id
