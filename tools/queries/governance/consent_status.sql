/*---
name: consent_status
version: 1
title: Who may be contacted
description: Customers who opted in, per region and channel, with the share and how the consent was given; on request for one segment or audience.
group: governance
personas: [compliance, lifecycle_lead]
modules: [11]
metrics: [consent_rate]
sources: [consents, customers]
params:
  consent_channel: {type: enum, values: [email, push, sms, ads, analytics], default: all}
  region:          {type: enum, values_from: customers.country, default: all}
  segment:         {type: segment, default: all}
columns:
  - {name: region, type: text, label: Region}
  - {name: channel, type: text, label: Channel}
  - {name: customers, type: count, label: Customers}
  - {name: contactable, type: count, label: Opted in}
  - {name: opted_in, type: fraction, label: Share opted in}
  - {name: denied, type: count, label: Opted out}
  - {name: method, type: text, label: Mostly by, when_null: "none"}
totals: []
keywords: [consent, "opt in", permission, "can we email", subscribed, "opted in"]
examples: ["opt in rate", "consent by region", "how many ppl can we email", "marketing permission share of inactive users"]
negatives: ["unsub rate", "consent trail of subject 5521", "how big are our segments"]
chart: {kind: stacked_bar, x: region, y: contactable, series: channel}
answer:
  headline: "{first.opted_in|pct1} of {first.customers|int} customers in {first.region} opted in to {first.channel}: {first.contactable|int} people."
  row: "{region}, {channel}: {contactable|int} of {customers|int} customers opted in ({opted_in|pct1}), {denied|int} opted out, mostly by {method} opt-in"
  empty: "No consents are recorded for at least ten customers."
  notes:
    - "The latest word of each customer counts; somebody who never said anything is not opted in. Channels overlap, and all regions come first. Regions with fewer than ten customers are merged."
follow_ups: [segment_summary, send_frequency, approvals_pending]
drafts: [retargeting_audience]
access: {permission: query.run, pii: none}
limits: {timeout_ms: 10000, max_rows: 200}
cache_s: 600
test:
  fixture: shop
  params: {consent_channel: email}
  expect: {rows: 1, first.region: FR, first.channel: email, first.customers: 100, first.contactable: 78, first.opted_in: 0.78, first.denied: 2, first.method: double}
---*/
with {% include 'segment_members' %}, chosen as (
  select coalesce(l.customer_id, m.actor_id) as customer_id
  from members m
  left join facts.actor_links l on l.actor_id = m.actor_id
), people as (
  select c.id, coalesce(nullif(c.country, ''), 'unknown') as region
  from facts.customers c
  where (:region is null or c.country = :region)
    and (:segment is null or c.id in (select x.customer_id from chosen x))
), regions as (
  select p.region, count(*) as customers from people p group by p.region
), named as (
  select r.region, case when r.customers < 10 then 'other regions' else r.region end as shown from regions r
), sizes as (
  select n.shown, sum(r.customers) as customers
  from regions r join named n on n.region = r.region
  group by n.shown
), latest as (
  select c.customer_id, c.channel, c.status, c.method,
         row_number() over (partition by c.customer_id, c.channel order by c.recorded_at desc) as n
  from facts.consents c
  where c.recorded_at <= :as_of and (:consent_channel is null or c.channel = :consent_channel)
), told as (
  select n.shown, l.channel,
         count(*) filter (where l.status = 'granted') as contactable,
         count(*) filter (where l.status = 'denied') as denied,
         mode() within group (order by l.method) filter (where l.status = 'granted') as method
  from latest l
  join people p on p.id = l.customer_id
  join named n on n.region = p.region
  where l.n = 1
  group by n.shown, l.channel
), overall as (
  select l.channel,
         count(*) filter (where l.status = 'granted') as contactable,
         count(*) filter (where l.status = 'denied') as denied,
         mode() within group (order by l.method) filter (where l.status = 'granted') as method
  from latest l
  join people p on p.id = l.customer_id
  where l.n = 1
  group by l.channel
), rated as (
  select 1 as level, t.shown, t.channel, s.customers, t.contactable as opted_in, t.denied, t.method
  from told t
  join sizes s on s.shown = t.shown
  where s.customers >= 10
  union all
  select 0, 'all regions', o.channel, n.customers, o.contactable, o.denied, o.method
  from overall o
  cross join (select sum(s.customers) as customers, count(*) as regions from sizes s) n
  where n.regions > 1 and n.customers >= 10
)
select r.shown as region,
       r.channel,
       r.customers,
       r.opted_in as contactable,
       {{ metric_of('consent_rate', 'r') }} as opted_in,
       r.denied,
       r.method
from rated r
order by r.level, r.shown = 'other regions', r.customers desc nulls last, r.shown, r.opted_in desc, r.channel
