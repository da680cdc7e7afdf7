/*---
name: send_frequency
version: 1
title: How often people are mailed
description: People by e-mails a week, with open and click rate, the share that unsubscribed and the revenue of each group.
group: lifecycle
personas: [lifecycle_lead]
modules: [10]
metrics: [open_rate, email_click_rate]
sources: [events, orders]
params:
  segment: {type: segment, default: all}
  window:  {type: date_range, default: last_28d, max_days: 120}
columns:
  - {name: sends_per_week, type: count, label: E-mails a week}
  - {name: users, type: count, label: People}
  - {name: open_rate, type: fraction, label: Open rate}
  - {name: click_rate, type: fraction, label: Click rate}
  - {name: unsub_users, type: fraction, label: Unsubscribed}
  - {name: revenue, type: money, label: Revenue from e-mail}
  - {name: revenue_per_person, type: money, label: Revenue a person}
  - {name: sends, type: count, hidden: true}
  - {name: unsubscribed, type: count, hidden: true}
totals: [users, sends, unsubscribed, revenue, {name: unsub_users, ratio: [unsubscribed, users]}]
keywords: ["too many emails", frequency, "sends per user", fatigue, "per week", "emailing too much", "emails per person"]
examples: ["are we emailing too much", "unsub vs send frequency", "messages per user per week", "email fatigue among frequent shoppers"]
negatives: ["newsletter results", "how often do ppl see our ads", "who is opting out and why"]
chart: {kind: line, x: sends_per_week, y: unsub_users}
answer:
  headline: "{total.users|int} people were mailed in {window} and {total.unsub_users|pct1} of them unsubscribed; watch how it changes with the number of e-mails a week."
  row: "{sends_per_week|int} a week: {users|int} people, {open_rate|pct1} opened, {click_rate|pct1} clicked, {unsub_users|pct1} unsubscribed, {revenue_per_person|money} each"
  empty: "No e-mail of single recipients is recorded in {window}, or every group has fewer than ten people."
  notes:
    - "E-mails a week are rounded up; the last group holds five and more. People who get more mail are often the better customers: this shows where fatigue begins, not what frequency causes."
follow_ups: [message_campaigns, consent_status, segment_summary]
drafts: []
access: {permission: query.run, pii: none}
limits: {timeout_ms: 10000, max_rows: 10}
cache_s: 1800
test:
  fixture: shop
  params: {window: {start: "2025-06-02", end: "2025-06-15"}}
  expect: {rows: 2, total.users: 24, total.unsubscribed: 3, first.sends_per_week: 1, first.users: 12, first.open_rate: 0.5, 1.sends_per_week: 4, 1.open_rate: 0.125, 1.unsub_users: 0.25}
---*/
with members as (
  select m.actor_id
  from facts.segments g
  join facts.segment_members m on m.segment_id = g.id and m.left_on is null
  where g.id::text = :segment or upper(replace(g.name, ' ', '_')) = upper(replace(:segment, ' ', '_'))
), mail as (
  select e.actor_id, max(e.customer_id) as customer_id,
         count(*) filter (where e.name = 'email_sent') as sends,
         count(distinct e.entity_id) filter (where e.name = 'email_opened') as opens,
         count(distinct e.entity_id) filter (where e.name = 'email_clicked') as clicks,
         bool_or(e.name in ('email_unsubscribed', 'user_unsubscribed')) as unsubscribed
  from facts.events e
  where e.name in ('email_sent', 'email_opened', 'email_clicked', 'email_unsubscribed', 'user_unsubscribed')
    and e.occurred_at >= (:window_start - interval '1 day')::timestamptz and e.occurred_at < (:window_end + interval '2 days')::timestamptz
    and (e.occurred_at at time zone :time_zone)::date between :window_start and :window_end
    and (:segment is null or e.actor_id in (select m.actor_id from members m))
  group by e.actor_id
), earned as (
  select o.customer_id, sum(o.gross_base - o.discount_base) as revenue
  from facts.orders o
  where o.channel = 'email' and o.status <> 'cancelled' and not o.is_test and o.customer_id is not null
    and o.ordered_at >= (:window_start - interval '1 day')::timestamptz and o.ordered_at < (:window_end + interval '2 days')::timestamptz
    and (o.ordered_at at time zone :time_zone)::date between :window_start and :window_end
  group by o.customer_id
), grouped as (
  select least(ceil(m.sends * 7.0 / (:window_end - :window_start + 1)), 5)::int as sends_per_week,
         m.actor_id, m.sends, m.opens, m.clicks, m.unsubscribed, coalesce(r.revenue, 0) as revenue
  from mail m
  left join earned r on r.customer_id = m.customer_id
  where m.sends > 0
)
select g.sends_per_week,
       count(*) as users,
       sum(g.opens) / nullif(sum(g.sends), 0) as open_rate,
       sum(g.clicks) / nullif(sum(g.sends), 0) as click_rate,
       count(*) filter (where g.unsubscribed)::numeric / nullif(count(*), 0) as unsub_users,
       sum(g.revenue) as revenue,
       sum(g.revenue) / nullif(count(*), 0) as revenue_per_person,
       sum(g.sends) as sends,
       count(*) filter (where g.unsubscribed) as unsubscribed
from grouped g
group by g.sends_per_week
having count(*) >= 10
order by g.sends_per_week
