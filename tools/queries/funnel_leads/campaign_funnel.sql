/*---
name: campaign_funnel
version: 2
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
    - "People are counted once a day; a person who comes back on another day counts again. Less than four fifths of clicks landing points to a slow or broken page."
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
with sums as (
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
), steps as (
  select x.step_no, x.step, x.users, x.other_users
  from sums s
  cross join lateral (values
    (1, 'impressions', s.impressions, s.other_impressions),
    (2, 'clicks', s.clicks, s.other_clicks),
    (3, 'landed on the page', s.landed, s.other_landed),
    (4, 'put into the cart', s.cart_users, s.other_cart_users),
    (5, 'purchased', s.buyers, s.other_buyers)
  ) as x (step_no, step, users, other_users)
), rated as (
  select t.step_no, t.step, t.users, t.other_users,
         lag(t.users) over (order by t.step_no) as previous,
         lag(t.other_users) over (order by t.step_no) as other_previous,
         first_value(t.users) over (order by t.step_no) as entries
  from steps t
), judged as (
  -- The click is a choice of the many; the worst step is sought after it.
  select r.step_no, r.step, r.users, r.other_users, r.previous, r.other_previous, r.entries,
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
       case when j.step_no = 3 and j.previous >= 100 and j.users < 0.8 * j.previous
              then 'too few clicks land: check the page and its speed'
            when j.worst and j.step_no = 5 then 'largest loss after the click: checkout'
            when j.worst then 'largest loss after the click'
       end as comment,
       j.step_no
from judged j
where j.entries > 0
order by j.step_no
