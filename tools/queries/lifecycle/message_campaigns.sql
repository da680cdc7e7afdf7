/*---
name: message_campaigns
version: 1
title: Results of messages
description: E-mails, push messages or texts with deliveries, opens, clicks, orders, revenue per recipient and unsubscribes.
group: lifecycle
personas: [lifecycle_lead]
modules: [2]
metrics: [open_rate, email_click_rate, ctor, revenue_per_recipient, unsubscribe_rate]
sources: [daily_metrics]
params:
  message_channel: {type: enum, values: [email, push, sms], default: email}
  window:          {type: date_range, default: last_28d, max_days: 400}
  sort:            {type: enum, values: [open_rate, ctor, revenue, rpr], default: revenue}
  limit:           {type: integer, default: 10, min: 1, max: 50}
columns:
  - {name: message, type: text, label: Message, entity: true}
  - {name: sent, type: count, label: Sent}
  - {name: delivered, type: count, label: Delivered}
  - {name: open_rate, type: fraction, label: Open rate, when_null: "nothing delivered"}
  - {name: click_rate, type: fraction, label: Click rate, when_null: "nothing delivered"}
  - {name: ctor, type: fraction, label: Clicks of openers, when_null: "no opens"}
  - {name: orders, type: count, label: Orders}
  - {name: revenue, type: money, label: Revenue}
  - {name: rpr, type: money, label: Revenue a recipient, when_null: "nothing sent"}
  - {name: unsub, type: fraction, label: Unsubscribed, when_null: "nothing delivered"}
  - {name: sample, type: text, label: Sample, when_null: "enough"}
  - {name: opens, type: count, hidden: true}
  - {name: clicks, type: count, hidden: true}
  - {name: unsubscribes, type: count, hidden: true}
  - {name: entity_id, type: text, hidden: true}
totals:
  - sent
  - delivered
  - opens
  - clicks
  - orders
  - revenue
  - unsubscribes
  - {name: open_rate, ratio: [opens, delivered]}
  - {name: click_rate, ratio: [clicks, delivered]}
  - {name: rpr, ratio: [revenue, sent]}
  - {name: unsub, ratio: [unsubscribes, delivered]}
keywords: [email, newsletter, push, sms, "open rate", results, mailing, "click rate"]
examples: ["best emails last month", "newsletter results", "open rates by email", "push notification performance", "revenue per recipient of our mailings"]
negatives: ["are we emailing too much", "bounce rate on emails", "emails with clicks but no sales"]
chart: {kind: table}
answer:
  headline: "{total.open_rate|pct1} of {total.delivered|int} delivered messages were opened in {window}; they earned {total.revenue|money}, {total.rpr|money} a recipient. Messages: {n}."
  row: "{rank}. {message}: {open_rate|pct1} opened, {ctor|pct1} of them clicked, {orders|int} orders, {revenue|money}, {unsub|pct2} unsubscribed"
  empty: "No {message_channel} message was sent in {window}."
  notes:
    - "Opens and clicks count once a recipient; opens by mail programs are left out where the sender marks them. Fewer than a thousand deliveries is a small sample and ranks behind the others."
follow_ups: [send_frequency, consent_status, engagement_heatmap]
drafts: []
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 50}
cache_s: 300
test:
  fixture: shop
  params: {}
  expect: {rows: 1, total.sent: 6000, total.delivered: 5950, first.orders: 55, first.open_rate: 0.253445, first.rpr: 0.458333, total.revenue: 2750.00}
---*/
with sums as (
  select d.entity_id,
         sum(d.sends) as sends, sum(d.email_bounces) as email_bounces, sum(d.opens) as opens,
         sum(d.email_clicks) as email_clicks, sum(d.conversions) as conversions,
         sum(d.revenue_base) as revenue_base, sum(d.unsubscribes) as unsubscribes
  from facts.daily_metrics d
  where d.entity_kind = 'email' and d.breakdown = '' and d.channel = :message_channel
    and d.date between :window_start and :window_end
  group by d.entity_id
), rated as (
  select s.entity_id, s.sends, s.sends - s.email_bounces as delivered, s.opens, s.email_clicks, s.conversions,
         s.revenue_base, s.unsubscribes,
         {{ metric_of('open_rate', 's') }} as open_rate,
         {{ metric_of('email_click_rate', 's') }} as click_rate,
         {{ metric_of('ctor', 's') }} as ctor,
         {{ metric_of('revenue_per_recipient', 's') }} as rpr,
         {{ metric_of('unsubscribe_rate', 's') }} as unsub
  from sums s
  where s.sends > 0
)
select coalesce(e.name, r.entity_id) as message,
       r.sends as sent,
       r.delivered,
       r.open_rate,
       r.click_rate,
       r.ctor,
       r.conversions as orders,
       r.revenue_base as revenue,
       r.rpr,
       r.unsub,
       case when r.delivered < 1000 then 'small sample' end as sample,
       r.opens,
       r.email_clicks as clicks,
       r.unsubscribes,
       r.entity_id
from rated r
left join facts.entities e on e.kind = 'email' and e.id = r.entity_id
order by case when :sort = 'revenue' or r.delivered >= 1000 then 0 else 1 end,
         case :sort when 'open_rate' then r.open_rate when 'ctor' then r.ctor
                    when 'rpr' then r.rpr else r.revenue_base end desc nulls last,
         r.entity_id
