/*---
name: impression_share_loss
version: 1
title: Impression share and what was lost
description: Share of the possible search impressions each campaign got, the share before, and what was lost to budget or to ad rank.
group: spend_waste
personas: [perf_lead]
modules: [4]
metrics: [impression_share]
sources: [daily_metrics]
params:
  window:   {type: date_range, default: last_28d, max_days: 200}
  platform: {type: platform, default: all}
columns:
  - {name: campaign, type: text, label: Campaign, entity: true}
  - {name: share, type: fraction, label: Impression share}
  - {name: before, type: fraction, label: Before, when_null: "no data before"}
  - {name: lost_budget, type: fraction, label: Lost to budget, when_null: "not reported"}
  - {name: lost_rank, type: fraction, label: Lost to rank, when_null: "not reported"}
  - {name: missed, type: count, label: Missed impressions}
  - {name: impressions, type: count, hidden: true}
  - {name: eligible, type: count, hidden: true}
  - {name: entity_id, type: text, hidden: true}
  - {name: campaign_id, type: text, hidden: true}
totals: [missed, {name: share, ratio: [impressions, eligible]}]
keywords: ["impression share", "share of voice", outranked, competitors, auction, "losing to rank", "lost to budget"]
examples: ["are we losing impression share", "where do competitors outrank us in ppc", "impression share on brand terms", "share of voice in search ads"]
negatives: ["did we fall out of top 10", "which camps are capped by budget"]
chart: {kind: bar, x: campaign, y: share, compare: before, sort: asc}
answer:
  headline: "Search campaigns got {total.share|pct1} of the impressions they could have had in {window}; {total.missed|int} were missed."
  row: "{campaign}: {share|pct1} now, {before|pct1} before; {lost_budget|pct1} lost to budget, {lost_rank|pct1} to rank"
  empty: "No search campaign reported impression share in {window}."
  notes: ["Lost to budget asks for money, lost to rank asks for better ads, pages or bids."]
follow_ups: [cpa_spikes, spend_by_channel, seo_rank_changes]
drafts: [increase_budget, reallocate_budget]
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 100}
cache_s: 600
test:
  fixture: shop
  params: {window: {start: "2024-05-06", end: "2024-05-19"}}
  expect: {rows: 1, first.share: 0.80, first.before: 0.90, first.lost_budget: 0.12, first.lost_rank: 0.08, total.missed: 35000}
---*/
with sums as (
  select d.entity_id as campaign_id,
         sum(d.impressions) filter (where d.breakdown = '' and d.date >= :window_start) as impressions,
         sum(d.eligible_impressions) filter (where d.breakdown = '' and d.date >= :window_start) as eligible_impressions,
         sum(d.impressions) filter (where d.breakdown = '' and d.date < :window_start) as before_impressions,
         sum(d.eligible_impressions) filter (where d.breakdown = '' and d.date < :window_start) as before_eligible,
         sum(d.eligible_impressions) filter (where d.breakdown = 'lost=budget' and d.date >= :window_start) as lost_budget,
         sum(d.eligible_impressions) filter (where d.breakdown = 'lost=rank' and d.date >= :window_start) as lost_rank
  from facts.daily_metrics d
  where d.entity_kind = 'campaign' and d.breakdown in ('', 'lost=budget', 'lost=rank')
    and d.date between :window_start - (:window_end - :window_start + 1) and :window_end
    and (d.breakdown <> '' or d.eligible_impressions > 0)
    and (:platform is null or d.source = :platform)
  group by d.entity_id
)
select coalesce(k.name, s.campaign_id) as campaign,
       {{ metric_of('impression_share', 's') }} as share,
       s.before_impressions / nullif(s.before_eligible, 0) as before,
       s.lost_budget / nullif(s.eligible_impressions, 0) as lost_budget,
       s.lost_rank / nullif(s.eligible_impressions, 0) as lost_rank,
       greatest(s.eligible_impressions - s.impressions, 0) as missed,
       s.impressions,
       s.eligible_impressions as eligible,
       s.campaign_id as entity_id,
       s.campaign_id
from sums s
left join facts.campaigns k on k.id = s.campaign_id
where s.eligible_impressions > 0
order by greatest(s.eligible_impressions - s.impressions, 0) desc nulls last, s.campaign_id
