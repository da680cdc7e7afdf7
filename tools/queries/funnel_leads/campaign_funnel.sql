/*---
name: campaign_funnel
version: 3
title: Campaign funnel
description: From impression to click, landing, cart and purchase for one campaign or all of them, on request beside a second campaign.
group: funnel_leads
personas: [lifecycle_lead, perf_lead]
modules: [6]
metrics: [funnel_step_rate, ctr, landing_rate, add_to_cart_rate, checkout_completion_rate]
sources: [daily_campaign_metrics]
params:
  campaign:   {type: campaign, default: all}
  compare_to: {type: campaign, description: "A second campaign to put beside the first."}
  window:     {type: date_range, default: last_28d, max_days: 400}
columns:
  - {name: step, type: text, label: Step}
  - {name: users, type: count, label: Count}
  - {name: step_rate, type: fraction, label: Of the step before, when_null: "–"}
  - {name: drop, type: fraction, label: Lost here, when_null: "–"}
  - {name: other_users, type: count, label: Other campaign, when_null: "none chosen"}
  - {name: other_step_rate, type: fraction, label: Other rate, when_null: "none chosen"}
  - {name: comment, type: text, label: Note, when_null: "–"}
  - {name: counted, type: text, label: Counted, values: [times, people, people by the day]}
  - {name: step_no, type: number, hidden: true}
totals: []
keywords: [funnel, "click to purchase", landing, cart, steps, "drop off", campaign]
examples: ["conversion funnel for harvest sale", "where do users drop off after the click", "click to purchase steps", "harvest sale vs loyalty week funnel"]
negatives: ["funnel by channel", "funnel for the quote flow in lyon"]
chart: {kind: funnel, step: step, y: users, value: step_rate, compare: other_users}
answer:
  headline: "From {first.users|int} impressions to purchases in {window}, step by step."
  row: "{step}: {users|int} · of the step before: {step_rate|pct1} · {comment}"
  empty: "The campaign had no impressions in {window}."
  notes:
    - "From the landing on, each person is counted once where single people are known: who came through the campaign in the window, filled a cart within thirty days and then bought. Else people are counted once a day ('people by the day'), and who comes back counts again. Less than four fifths of clicks landing points to a slow or broken page."
follow_ups: [checkout_abandonment, campaign_detail, page_performance]
drafts: []
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 20}
cache_s: 300
test:
  fixture: shop
  params: {window: {start: "2024-05-06", end: "2024-05-12"}, campaign: "google_ads:9001"}
  expect: {rows: 5, first.step: impressions, first.users: 70000}
---*/
with daily as (
  select coalesce(sum(d.impressions) filter (where :campaign is null or d.campaign_id = :campaign), 0) as impressions,
         coalesce(sum(d.clicks) filter (where :campaign is null or d.campaign_id = :campaign), 0) as clicks,
         coalesce(sum(d.landed) filter (where :campaign is null or d.campaign_id = :campaign), 0) as landed,
         coalesce(sum(d.cart_users) filter (where :campaign is null or d.campaign_id = :campaign), 0) as cart_users,
         coalesce(sum(d.buyers) filter (where :campaign is null or d.campaign_id = :campaign), 0) as buyers,
         sum(d.impressions) filter (where d.campaign_id = :compare_to) as other_impressions,
         sum(d.clicks) filter (where d.campaign_id = :compare_to) as other_clicks,
         sum(d.landed) filter (where d.campaign_id = :compare_to) as other_landed,
         sum(d.cart_users) filter (where d.campaign_id = :compare_to) as other_cart_users,
         sum(d.buyers) filter (where d.campaign_id = :compare_to) as other_buyers
  from facts.daily_campaign_metrics d
  where d.date between :window_start and :window_end and not d.is_holdout
), acts as (
  select coalesce(e.customer_id, l.customer_id, e.actor_id) as person, e.name = 'add_to_cart' as cart, e.occurred_at as at,
         (e.occurred_at at time zone :time_zone)::date as date
  from facts.events e
  left join facts.actor_links l on l.actor_id = e.actor_id
  where e.name in ('add_to_cart', 'purchase', 'user_purchased')
    and e.occurred_at >= (:window_start::timestamp at time zone :time_zone)
    and e.occurred_at < ((:window_end + 31)::timestamp at time zone :time_zone) and e.occurred_at <= :as_of
), arrivals as (
  select t.campaign_id, coalesce(t.customer_id, l.customer_id, t.actor_id) as person, min(t.occurred_at) as at
  from facts.touches t
  left join facts.actor_links l on l.actor_id = t.actor_id
  where t.kind in ('visit', 'click') and t.campaign_id is not null
    and (:campaign is null or t.campaign_id = :campaign or t.campaign_id = :compare_to)
    and t.occurred_at >= (:window_start::timestamp at time zone :time_zone)
    and t.occurred_at < ((:window_end + 1)::timestamp at time zone :time_zone)
  group by 1, 2
), came as (
  select 1 as side, a.person, min(a.at) as at from arrivals a
  where :campaign is null or a.campaign_id = :campaign
  group by a.person
  union all
  select 2, a.person, min(a.at) from arrivals a where a.campaign_id = :compare_to group by a.person
), went as (
  select c.side, c.person, min(k.at) as cart_at, min(b.at) as bought_at
  from came c
  left join acts k on k.cart and k.person = c.person and k.at >= c.at and k.at < c.at + interval '30 days'
  left join acts b on not b.cart and b.person = c.person and b.at >= k.at and b.at < c.at + interval '30 days'
  group by c.side, c.person
), people as (
  select count(*) filter (where w.side = 1) as landed, count(w.cart_at) filter (where w.side = 1) as cart_users,
         count(w.bought_at) filter (where w.side = 1) as buyers, count(*) filter (where w.side = 2) as other_landed,
         count(w.cart_at) filter (where w.side = 2) as other_cart_users,
         count(w.bought_at) filter (where w.side = 2) as other_buyers
  from went w
), single as (
  -- Known is a window of which no day has carts without the people who filled them.
  select exists (select 1 from came c where c.side = 1) and exists (select 1 from acts a where a.cart and a.date <= :window_end)
         and not exists (
           select 1 from facts.daily_campaign_metrics d
           where d.date between :window_start and :window_end and not d.is_holdout and d.cart_users > 0
             and (:campaign is null or d.campaign_id in (:campaign, :compare_to))
             and not exists (select 1 from acts a where a.cart and a.date = d.date)
         ) as known
), sums as (
  select d.impressions, d.clicks, d.other_impressions, d.other_clicks, g.known,
         case when g.known then p.landed else d.landed end as landed,
         case when g.known then p.cart_users else d.cart_users end as cart_users,
         case when g.known then p.buyers else d.buyers end as buyers,
         case when g.known and :compare_to is not null then p.other_landed else d.other_landed end as other_landed,
         case when g.known and :compare_to is not null then p.other_cart_users else d.other_cart_users end as other_cart_users,
         case when g.known and :compare_to is not null then p.other_buyers else d.other_buyers end as other_buyers
  from daily d
  cross join people p
  cross join single g
), steps as (
  select x.step_no, x.step, x.users, x.other_users, s.known,
         case when x.step_no <= 2 then 'times' when s.known then 'people' else 'people by the day' end as counted
  from sums s
  cross join lateral (values
    (1, 'impressions', s.impressions, s.other_impressions),
    (2, 'clicks', s.clicks, s.other_clicks),
    (3, 'landed on the page', s.landed, s.other_landed),
    (4, 'put into the cart', s.cart_users, s.other_cart_users),
    (5, 'purchased', s.buyers, s.other_buyers)
  ) as x (step_no, step, users, other_users)
), rated as (
  select t.step_no, t.step, t.users, t.other_users, t.known, t.counted,
         lag(t.users) over (order by t.step_no) as previous,
         lag(t.other_users) over (order by t.step_no) as other_previous,
         first_value(t.users) over (order by t.step_no) as entries
  from steps t
), judged as (
  -- The click is a choice of the many; the worst step is sought after it.
  select r.step_no, r.step, r.users, r.other_users, r.previous, r.other_previous, r.entries, r.known, r.counted,
         r.step_no > 2 and r.previous > 0 and
           r.users / nullif(r.previous, 0) = min(r.users / nullif(r.previous, 0))
             filter (where r.step_no > 2) over () as worst
  from rated r
)
select j.step,
       j.users,
       j.users / nullif(j.previous, 0) as step_rate,
       -- People are counted by the day, so a step may hold more than the one before: then nothing is known of a loss.
       case when j.users <= j.previous then 1 - j.users / nullif(j.previous, 0) end as drop,
       j.other_users,
       j.other_users / nullif(j.other_previous, 0) as other_step_rate,
       case when j.step_no = 3 and not j.known and j.previous >= 100 and j.users < 0.8 * j.previous
              then 'too few clicks land: check the page and its speed'
            when j.worst and j.step_no = 5 then 'largest loss after the click: checkout'
            when j.worst then 'largest loss after the click'
       end as comment,
       j.counted,
       j.step_no
from judged j
where j.entries > 0
order by j.step_no
