/*---
name: search_term_waste
version: 4
title: Search terms to exclude
description: Search terms that cost at least a threshold and never converted, with the reason to exclude each as a negative keyword.
group: spend_waste
personas: [perf_lead]
modules: [10]
metrics: [wasted_spend]
sources: [search_terms, daily_metrics, keywords]
params:
  window:    {type: date_range, default: last_30d, max_days: 400}
  min_spend: {type: money, default: 50, min: 0, max: 1000000}
  channel:   {type: channel, default: all}
  limit:     {type: integer, default: 10, min: 1, max: 50}
columns:
  - {name: term, type: text, label: Search term, entity: true}
  - {name: cost, type: money, label: Spend}
  - {name: clicks, type: count, label: Clicks}
  - {name: conversions, type: count, label: Conversions}
  - {name: expected, type: number, label: Expected conversions, when_null: "no rate to compare with"}
  - {name: evidence, type: text, label: Evidence}
  - {name: reason, type: text, label: Reason}
  - {name: campaign, type: text, label: Campaign}
  - {name: share, type: fraction, label: Share of search spend, hidden: true}
  - {name: saving, type: money, label: Saved a week, hidden: true}
  - {name: match_type, type: text, hidden: true}
  - {name: campaign_id, type: text, hidden: true}
  - {name: ad_group_id, type: text, hidden: true}
totals: [cost, clicks, share, saving]
keywords: [negative, exclude, "irrelevant terms", junk, block, "search terms waste", negatives]
examples: ["negative keyword candidates", "search terms wasting budget", "irrelevant queries we pay for", "junk kws to exclude"]
negatives: ["new keyword ideas from search terms", "what are we burning money on"]
chart: {kind: table}
answer:
  headline: "{total.cost|money} went to search terms that never converted in {window}, {total.share|pct1} of all spend on search terms, {total.saving|money} a week; found: {n}, first \"{first.term}\"."
  row: "{rank}. \"{term}\" in {campaign}: {cost|money} for {clicks|int} clicks, {evidence}: {reason}"
  empty: "No search term spent {min_spend|money} or more without a conversion in {window}."
  notes:
    - "Left out: brand campaigns, campaigns that report no conversions, terms that are already keywords or negatives, and terms that converted in any campaign within the last ninety days."
    - "Also left out: terms bid on as exact keywords, and days on which a platform's tracking was down. Proven: at the campaign type's usual rate at least three conversions were expected. Conversions may arrive late; {freshness}."
follow_ups: [wasted_spend, seo_top_queries, spend_by_channel]
drafts: [add_negative_keyword]
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 50}
cache_s: 300
test:
  fixture: shop
  params: {}
  expect: {rows: 1, total.cost: 120.00, first.term: free trail map, first.evidence: possible, first.expected: 1.996962, total.saving: 28.00}
---*/
with platform_days as (
  select d.source, d.date, sum(d.clicks) as clicks, sum(d.conversions) as conversions
  from facts.daily_metrics d
  where d.entity_kind = 'campaign' and d.breakdown = '' and d.date between :window_start and :window_end
  group by d.source, d.date
), platform_rates as (
  select p.source, {{ metric('cvr_click', 'p') }} as rate from platform_days p group by p.source
), outages as (
  -- A whole platform that reports (almost) nothing where several conversions were due: tracking, not waste.
  select p.source, p.date
  from platform_days p join platform_rates r on r.source = p.source
  where (p.conversions = 0 and p.clicks * r.rate >= 3)
     or (p.clicks * r.rate >= 8 and p.conversions < 0.25 * p.clicks * r.rate)
), bid_on as (
  -- Somebody chose these words, to buy them or to keep them out.
  select lower(w.text) as term, w.negative, g.platform_campaign_id as campaign_id
  from facts.keywords w
  join facts.ad_groups g on g.id = w.ad_group_id
  where w.match_type = 'EXACT' and w.status not in ('removed', 'archived')
), terms as (
  -- What is excluded is excluded in one campaign of a platform.
  select t.term, t.platform_campaign_id as campaign_id, max(t.ad_group_id) as ad_group_id, max(t.match_type) as match_type,
         sum(t.cost_base) as cost, sum(t.clicks) as clicks, sum(t.conversions) as conversions,
         coalesce(sum(t.clicks) filter (where t.date < :today - 1 and o.date is null), 0) as proof_clicks,
         bool_or(t.status <> 'none') as handled
  from facts.search_terms t
  left join outages o on o.source = t.source and o.date = t.date
  where t.date between :window_start and :window_end
  group by t.term, t.platform_campaign_id
), scope as (
  select sum(t.cost) as cost
  from terms t
  left join facts.campaigns k on k.id = t.campaign_id
  where :channel is null or k.channel = :channel
), converted as (
  select distinct lower(t.term) as term
  from facts.search_terms t
  where t.conversions > 0 and t.date between :window_end - 89 and :window_end
), rates as (
  -- The rate of the other, non-brand search campaigns over the same days.
  select d.channel, nullif(sum(d.conversions), 0) / nullif(sum(d.clicks), 0) as rate
  from facts.daily_metrics d
  join facts.campaigns k on k.id = d.entity_id and not k.is_brand
  where d.entity_kind = 'campaign' and d.breakdown = '' and d.date between :window_start and :window_end
  group by d.channel
), candidates as (
  select t.term, t.campaign_id, t.ad_group_id, t.match_type, t.cost, t.clicks, t.conversions,
         t.proof_clicks * r.rate as expected,
         coalesce(k.name, t.campaign_id) as campaign,
         ' ' || lower(t.term) || ' ' as padded
  from terms t
  left join facts.campaigns k on k.id = t.campaign_id
  left join rates r on r.channel = k.channel
  where t.conversions = 0 and t.cost >= :min_spend and t.cost > 0
    and not t.handled
    and (:channel is null or k.channel = :channel)
    and not exists (
      select 1 from bid_on b
      where b.term = lower(t.term) and (b.campaign_id = t.campaign_id or not b.negative)
    )
    and not coalesce(k.is_brand, false)
    and coalesce(k.tracking, 'unknown') <> 'missing'
    and lower(t.term) not in (select c.term from converted c)
)
select c.term,
       c.cost,
       c.clicks,
       c.conversions,
       c.expected,
       case when c.expected >= 3 then 'proven' else 'possible' end as evidence,
       case
         when c.padded like '% job %' or c.padded like '% jobs %' or c.padded like '% career%'
           or c.padded like '% salary %' or c.padded like '% hiring %' then 'people look for work'
         when c.padded like '% free %' or c.padded like '% gratis %' then 'people look for something free'
         when c.padded like '% used %' or c.padded like '% second hand %' then 'people look for used goods'
         when c.padded like '% login %' or c.padded like '% log in %' or c.padded like '% customer service %'
           or c.padded like '% phone number %' then 'people look for support or their account'
         when c.padded like '% diy %' or c.padded like '% how to %' or c.padded like '% what is %'
           or c.padded like '% meaning %' or c.padded like '% definition %' then 'people look for information'
         when c.padded like '% template %' or c.padded like '% pdf %' or c.padded like '% manual %'
           or c.padded like '% wiki%' then 'people look for a document'
         when c.expected >= 3 then 'enough clicks to expect a sale, none came'
         else 'no conversion so far'
       end as reason,
       c.campaign,
       c.cost / nullif(p.cost, 0) as share,
       c.cost * 7 / (:window_end - :window_start + 1) as saving,
       c.match_type,
       c.campaign_id,
       c.ad_group_id
from candidates c
cross join scope p
order by c.cost desc nulls last, c.term, c.campaign_id
