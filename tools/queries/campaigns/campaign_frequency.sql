/*---
name: campaign_frequency
version: 2
title: How often people see the ads
description: How many people saw a campaign once, twice or more often in the last measured week of the window.
group: campaigns
personas: [perf_lead]
modules: [4]
metrics: [avg_frequency, share_exposed_4plus]
sources: [daily_metrics]
params:
  campaign: {type: campaign, default: all}
  window:   {type: date_range, default: last_28d, max_days: 400}
columns:
  - {name: exposures, type: text, label: Times seen}
  - {name: users, type: count, label: People}
  - {name: share, type: fraction, label: Share}
  - {name: exposed, type: count, label: All people, hidden: true}
  - {name: share_4plus, type: fraction, label: Four times or more, hidden: true}
  - {name: frequency, type: ratio, label: Average, when_null: "not measured", hidden: true}
  - {name: week_ending, type: date, label: Week to}
  - {name: entity_id, type: text, hidden: true}
totals: [users]
keywords: [frequency, exposure, overexposed, "how often", "impressions per user", saturation]
examples: ["how often do ppl see our ads", "frequency on welcome offer", "are we overexposing anyone", "exposure distribution"]
negatives: ["how many emails per person are we sending", "which ads are burning out"]
chart: {kind: bar, x: exposures, y: users, sort: none}
answer:
  headline: "In the week to {first.week_ending|date} people saw the ads {first.frequency|x2} on average; {first.share_4plus|pct1} of {first.exposed|int} saw them four times or more."
  row: "{exposures}: {users|int} people ({share|pct1})"
  empty: "No exposure counts are known for that choice in {window}: the platform has not reported how often people saw the ads."
  notes: ["Counted over the seven days to the last Sunday of the window that has figures. Over several campaigns a person counts once in each. More than 20 % at four times or more is a warning sign; {freshness}."]
follow_ups: [creative_fatigue, campaign_detail, campaign_segments]
drafts: [decrease_budget]
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 20}
cache_s: 300
test:
  fixture: shop
  params: {campaign: "meta_ads:2001"}
  expect: {rows: 5, first.exposures: once, first.users: 9000, first.share: 0.45, first.exposed: 20000, first.share_4plus: 0.1, first.frequency: 2.8, total.users: 20000}
---*/
with names as (
  -- Whatever counts as this campaign, by the names that rows are stored under: an index finds them.
  select :campaign as id
  union all
  select e.id from facts.entities e
  where e.kind = 'campaign' and e.canonical_id = :campaign and e.canonical_id <> '' and e.canonical_id <> e.id
), week as (
  select max(d.date) as sunday
  from facts.daily_metrics d
  where d.entity_kind = 'campaign' and d.breakdown like 'exposures=%' and d.frequency_users > 0
    and d.date between :window_start and :window_end
    and (:campaign is null or (d.entity_id = :campaign and d.platform_id = any ((select array_agg(n.id) from names n)::text[])))
), counts as (
  select substr(d.breakdown, 11) as bucket, sum(d.frequency_users) as users
  from facts.daily_metrics d
  join week w on w.sunday = d.date
  where d.entity_kind = 'campaign' and d.breakdown like 'exposures=%' and (:campaign is null or (d.entity_id = :campaign and d.platform_id = any ((select array_agg(n.id) from names n)::text[])))
    and d.date between :window_start and :window_end
  group by 1
), whole as (
  select sum(c.users) as frequency_users, sum(c.users) filter (where c.bucket in ('4_7', '8plus')) as often
  from counts c
), shown as (
  -- impressions of the same seven days and of the campaigns whose people were counted
  select sum(d.impressions) as impressions
  from facts.daily_metrics d
  join week w on d.date between w.sunday - 6 and w.sunday
  where d.entity_kind = 'campaign' and d.breakdown = '' and d.date between :window_start - 6 and :window_end
    and d.entity_id in (
      select x.entity_id from facts.daily_metrics x
      join week v on v.sunday = x.date
      where x.entity_kind = 'campaign' and x.breakdown like 'exposures=%' and (:campaign is null or (x.entity_id = :campaign and x.platform_id = any ((select array_agg(n.id) from names n)::text[])))
        and x.date between :window_start and :window_end
    )
), average as (
  select s.impressions, w.frequency_users
  from shown s
  cross join whole w
)
select case c.bucket when '1' then 'once' when '2' then 'twice' when '3' then '3 times' when '4_7' then '4 to 7 times' when '8plus' then '8 times or more' else c.bucket end as exposures,
       c.users,
       c.users / nullif(w.frequency_users, 0) as share,
       w.frequency_users as exposed,
       coalesce(w.often, 0) / nullif(w.frequency_users, 0) as share_4plus,
       {{ metric_of('avg_frequency', 'a') }} as frequency,
       k.sunday as week_ending,
       :campaign as entity_id
from counts c
cross join whole w
cross join average a
cross join week k
order by case c.bucket when '1' then 1 when '2' then 2 when '3' then 3 when '4_7' then 4 when '8plus' then 5 else 6 end, c.bucket
