/*---
name: creative_fatigue
version: 2
title: Ads that tire
description: Ads at least two weeks old whose click rate fell against their own 28 days before the window.
group: campaigns
personas: [perf_lead]
modules: [5, 10]
metrics: [ctr, creative_fatigue_ratio]
sources: [daily_metrics, creatives]
params:
  window:    {type: date_range, default: last_7d, max_days: 90}
  channel:   {type: channel, default: all}
  max_ratio: {type: number, default: 0.75, min: 0.1, max: 1}
columns:
  - {name: creative, type: text, label: Ad, entity: true}
  - {name: headline, type: text, label: Headline, when_null: "no text known"}
  - {name: ctr_now, type: fraction, label: Click rate now}
  - {name: ctr_before, type: fraction, label: Click rate before}
  - {name: ratio, type: ratio, label: Ratio}
  - {name: days_live, type: days, label: Days live}
  - {name: impressions, type: count, label: Impressions now}
  - {name: campaign, type: text, label: Campaign}
  - {name: shown, type: text, hidden: true}
  - {name: entity_id, type: text, hidden: true}
  - {name: campaign_id, type: text, hidden: true}
totals: [impressions]
keywords: [creatives, fatigue, tired, burnout, "burning out", refresh, "wear out", "falling ctr"]
examples: ["which ads are burning out", "ad fatigue check", "creatives with falling ctr", "time to refresh any ads?", "tired creatives"]
negatives: ["best ads", "how often do ppl see our ads"]
chart: {kind: bar, x: creative, y: ctr_now, compare: ctr_before, sort: none}
answer:
  headline: "Ads that lost their pull in {window}: {n}. Worst: \"{first.shown}\" of {first.campaign}, click rate {first.ctr_now|pct2} after {first.ctr_before|pct2}."
  row: "{rank}. \"{shown}\" ({campaign}): {ctr_now|pct2} now, {ctr_before|pct2} before ({ratio|x2}), live {days_live|int} days"
  empty: "No ad older than two weeks fell below {max_ratio|x2} of its earlier click rate in {window}."
  notes: ["Before is the 28 days ahead of the window. Both sides need 5,000 impressions. If neighbours in the same campaign fell as well, look at the auction or the season first; {freshness}."]
follow_ups: [creative_leaderboard, campaign_frequency, campaign_detail]
drafts: [ad]
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 100}
cache_s: 300
test:
  fixture: shop
  params: {}
  expect: {rows: 3, first.headline: Harvest 20% off, first.ctr_now: 0.007, first.ctr_before: 0.03, first.ratio: 0.233333, first.days_live: 78}
---*/
with sums as (
  select d.entity_id,
         {{ metric('ctr', 'd', 'd.date between :window_start and :window_end') }} as ctr_now,
         {{ metric('ctr', 'd', 'd.date between :window_start - 28 and :window_start - 1') }} as ctr_before,
         {{ metric('impressions', 'd', 'd.date between :window_start and :window_end') }} as impressions,
         {{ metric('impressions', 'd', 'd.date between :window_start - 28 and :window_start - 1') }} as impressions_before
  from facts.daily_metrics d
  where d.entity_kind = 'ad' and d.breakdown = '' and d.date between :window_start - 28 and :window_end
    and (:channel is null or d.channel = :channel)
  group by d.entity_id
)
select coalesce(nullif(nullif(e.name, ''), a.headlines[1]), concat_ws(' ', nullif(replace(a.format, '_', ' '), ''), 'ad', regexp_replace(s.entity_id, '^[^:]*:', ''))) as creative,
       nullif(a.headlines[1], '') as headline,
       s.ctr_now,
       s.ctr_before,
       s.ctr_now / nullif(s.ctr_before, 0) as ratio,
       :window_end - coalesce(a.launched_on, f.first_day) + 1 as days_live,
       s.impressions,
       coalesce(k.name, a.campaign_id, 'unknown') as campaign,
       coalesce(nullif(a.headlines[1], ''), nullif(e.name, ''), s.entity_id) as shown,
       s.entity_id,
       a.platform_campaign_id as campaign_id
from sums s
left join facts.creatives a on a.id = s.entity_id
left join lateral (
  -- for the few that tired and whose launch nobody recorded
  select min(d.date) as first_day
  from facts.daily_metrics d
  where a.launched_on is null and d.entity_kind = 'ad' and d.breakdown = '' and d.entity_id = s.entity_id
    and d.date between :window_start - 90 and :window_end and (:channel is null or d.channel = :channel)
) f on true
left join facts.campaigns k on k.id = a.campaign_id
left join facts.entities e on e.kind = 'ad' and e.id = s.entity_id
where s.impressions >= 5000 and s.impressions_before >= 5000
  and :window_end - coalesce(a.launched_on, f.first_day) + 1 >= 14
  and s.ctr_now <= :max_ratio * s.ctr_before
order by s.ctr_now / nullif(s.ctr_before, 0), s.impressions desc, s.entity_id
