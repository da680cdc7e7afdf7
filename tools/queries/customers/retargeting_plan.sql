/*---
name: retargeting_plan
version: 1
title: What reaching a segment with ads may bring
description: People of one segment or audience who may be reached by ads, an offer, the most to spend, and the conversions and revenue to expect as a range, with what that rests on.
group: customers
personas: [lifecycle_lead, perf_lead]
modules: [3]
metrics: [cpm, ctr, cvr_click]
sources: [segment_members, consents, daily_metrics]
params:
  segment:    {type: segment, required: true}
  window:     {type: date_range, default: last_90d, max_days: 400}
  per_person: {type: integer, default: 10, min: 1, max: 60, description: "Ads that one person is shown in thirty days, at most."}
columns:
  - {name: segment, type: text, label: Segment, entity: true}
  - {name: contactable, type: count, label: Opted in to ads}
  - {name: ads_each, type: count, label: Ads a person}
  - {name: budget, type: money, label: Spend at most}
  - {name: conversions_low, type: number, label: Conversions from}
  - {name: conversions_high, type: number, label: Conversions to}
  - {name: revenue_low, type: money, label: Revenue from, when_null: "no revenue known"}
  - {name: revenue_high, type: money, label: Revenue to, when_null: "no revenue known"}
  - {name: offer, type: text, label: Offer}
  - {name: basis, type: text, label: Resting on, values: [its own answer to campaigns, the answer of all segments together]}
  - {name: clicks, type: count, label: Clicks}
  - {name: conversions, type: count, label: Conversions}
  - {name: segment_id, type: text, hidden: true}
totals: []
keywords: ["retargeting plan", "retargeting budget", "retargeting bring", "retargeting cost", "retargeting offer"]
examples: ["retargeting plan for high spenders", "what would retargeting weekend shoppers bring", "how much should retargeting inactive customers cost at most"]
negatives: ["how big are our segments", "which segments respond to harvest sale"]
chart: {kind: table}
answer:
  headline: "{first.contactable|int} people may be reached by ads: {first.segment}."
  row: "Offer: {offer}. Spend at most {budget|money}: {ads_each|int} ads in thirty days for each of {contactable|int} people. Expected: {conversions_low|dec1} to {conversions_high|dec1} conversions worth {revenue_low|money} to {revenue_high|money}, resting on {basis} ({clicks|int} clicks, {conversions|int} conversions)"
  empty: "Neither a budget nor a range can be stated: fewer than ten people of the segment opted in to ads, or no campaign was split by audience in {window}."
  notes:
    - "Counted are those who opted in. The list of a draft also leaves out erased and young people, employees, whoever has no address, and holdouts."
    - "The range is where the conversion rate lies nineteen times in twenty. It holds what people would have bought anyway: hold a tenth of them out to see what the ads add."
follow_ups: [segment_summary, consent_status, send_frequency]
drafts: [retargeting_audience]
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 5}
cache_s: 600
stats: retargeting_plan
test:
  fixture: shop
  params: {segment: HIGH_SPENDER}
  expect: {rows: 1, first.contactable: 20, first.ads_each: 10, first.budget: 3.00, first.conversions_low: 0.24, first.conversions_high: 0.37, first.revenue_low: 12.17, first.revenue_high: 18.45, first.basis: its own answer to campaigns, first.clicks: 1680, first.conversions: 84}
---*/
with {% include 'segment_members' %}, chosen as (
  select coalesce(l.customer_id, m.actor_id) as customer_id
  from members m
  left join facts.actor_links l on l.actor_id = m.actor_id
), granted as (
  select c.customer_id
  from (
    select c.customer_id, c.status, row_number() over (partition by c.customer_id order by c.recorded_at desc) as n
    from facts.consents c
    where c.channel = 'ads' and c.recorded_at <= :as_of
  ) c
  where c.n = 1 and c.status = 'granted'
), reachable as (
  select count(distinct c.customer_id) as contactable from chosen c join granted g on g.customer_id = c.customer_id
), called as (
  -- A segment of the organisation's own is asked for by its id.
  select coalesce((select g.name from facts.segments g where g.id::text = :segment), :segment) as segment
), answers as (
  select upper(replace(d.breakdown, 'segment=', '')) = upper(replace(n.segment, ' ', '_')) as own,
         sum(d.impressions) as impressions, sum(d.clicks) as clicks, sum(d.conversions) as conversions,
         sum(d.cost_base) as cost_base, sum(d.revenue_base) as revenue_base
  from facts.daily_metrics d
  cross join called n
  where d.entity_kind = 'campaign' and d.breakdown like 'segment=%' and d.date between :window_start and :window_end
  group by 1
), known as (
  -- The segment's own answer, where it is more than a handful of clicks.
  select true as own, a.impressions, a.clicks, a.conversions, a.cost_base, a.revenue_base
  from answers a where a.own and a.clicks >= 100
  union all
  select false, sum(a.impressions), sum(a.clicks), sum(a.conversions), sum(a.cost_base), sum(a.revenue_base)
  from answers a
  where not exists (select 1 from answers o where o.own and o.clicks >= 100)
)
select replace(lower(n.segment), '_', ' ') as segment,
       r.contactable,
       case when k.own then 'its own answer to campaigns' else 'the answer of all segments together' end as basis,
       k.impressions,
       k.clicks,
       k.conversions,
       k.cost_base as cost,
       k.revenue_base as revenue,
       case upper(replace(:segment, ' ', '_'))
         when 'QUOTE_STARTED_NO_SUBMIT_7D' then 'their quote, to be finished where they left it, without a discount'
         when 'LEAD_NO_BOOKING_7D' then 'a free appointment this week'
         when 'CITY_PAGE_VIEWED_2X_14D' then 'what there is in their city'
         when 'HIGH_SPENDER' then 'early access to what is new, without a discount'
         when 'FREQUENT_SHOPPER' then 'a bundle of what they buy often, points instead of a discount'
         when 'WEEKEND_SHOPPER' then 'a bundle for the weekend only'
         when 'CATEGORY_FOCUSED' then 'what is new in their category'
         when 'LOCATION_CLUSTERED' then 'collection or an event near them'
         when 'NEW_SHOPPER' then 'free delivery of the second order'
         when 'SEASONAL_SPENDER' then 'a reminder before their season begins'
         when 'INACTIVE' then 'what is new since their last order, and a voucher only to half of them as a test'
         when 'CHURN_RISK_HIGH' then 'what is new since their last order, and a voucher only to half of them as a test'
         else 'what they looked at last, and a voucher only to half of them as a test' end as offer,
       :segment as segment_id
from reachable r
cross join known k
cross join called n
where r.contactable >= 10 and k.impressions > 0 and k.clicks > 0 and :per_person > 0
order by r.contactable
