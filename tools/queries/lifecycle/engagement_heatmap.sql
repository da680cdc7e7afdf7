/*---
name: engagement_heatmap
version: 2
title: When people are active
description: Weekday and hour at which people visit, view pages, open mails and click, as a share of the busiest hour; on request for one channel, campaign or segment.
group: lifecycle
personas: [lifecycle_lead, data_science, perf_lead]
modules: [4, 7]
metrics: [hour_heat_index]
sources: [touches, events]
params:
  window:   {type: date_range, default: last_28d, max_days: 120}
  channel:  {type: channel, default: all}
  campaign: {type: campaign, default: all}
  segment:  {type: segment, default: all}
columns:
  - {name: weekday, type: text, label: Weekday}
  - {name: hour, type: count, label: Hour, when_null: "all day"}
  - {name: people, type: count, label: People}
  - {name: rate, type: fraction, label: Share of active people}
  - {name: index, type: fraction, label: Of the busiest hour}
  - {name: band, type: text, label: Band}
  - {name: weekday_no, type: number, hidden: true}
totals: []
keywords: ["best time", hour, weekday, when, peak, heatmap, "most active", "best hour"]
examples: ["best time to send", "when are ppl most active", "engagement by hour and day", "what hour for weekend shoppers", "peak times for harvest sale"]
negatives: ["how long till they buy", "cohort heatmap"]
chart: {kind: heatmap, row: weekday, column: hour, value: index, band: band}
answer:
  headline: "Busiest in {window}: {first.weekday}, hour {first.hour|int}, when {first.rate|pct1} of the active people were there."
  row: "{weekday}, hour {hour|int}: {rate|pct1} of active people, {index|pct1} of the busiest ({band})"
  empty: "Too few recorded visits and clicks in {window}: no hour reaches fifty people."
  notes:
    - "Hours in your time zone. An hour counts a person once; hours with fewer than fifty people are left out, and where all hours of the week are that small, hours of the day or whole days are shown. Being there is not the same as buying: test a new send time."
follow_ups: [message_campaigns, send_frequency, segment_summary]
drafts: []
access: {permission: query.run, pii: none}
limits: {timeout_ms: 10000, max_rows: 168}
cache_s: 3600
test:
  fixture: shop
  params: {window: {start: "2025-06-02", end: "2025-06-05"}}
  expect: {rows: 1, first.weekday: Tuesday, first.hour: 19, first.people: 60, first.rate: 0.576923, first.band: peak}
---*/
with members as (
  select m.actor_id
  from facts.segments g
  join facts.segment_members m on m.segment_id = g.id and m.left_on is null
  where g.id::text = :segment or upper(replace(g.name, ' ', '_')) = upper(replace(:segment, ' ', '_'))
), active as (
  select t.actor_id,
         extract(isodow from t.occurred_at at time zone :time_zone)::int as weekday_no,
         extract(hour from t.occurred_at at time zone :time_zone)::int as hour
  from facts.touches t
  where t.occurred_at >= (:window_start - interval '1 day')::timestamptz and t.occurred_at < (:window_end + interval '2 days')::timestamptz
    and (t.occurred_at at time zone :time_zone)::date between :window_start and :window_end
    and (:channel is null or t.channel = :channel)
    and (:campaign is null or t.campaign_id = :campaign)
    and (:segment is null or t.actor_id in (select m.actor_id from members m))
  union all
  select e.actor_id,
         extract(isodow from e.occurred_at at time zone :time_zone)::int,
         extract(hour from e.occurred_at at time zone :time_zone)::int
  from facts.events e
  where e.name in ('page_view', 'email_opened', 'email_clicked') and :campaign is null
    and e.occurred_at >= (:window_start - interval '1 day')::timestamptz and e.occurred_at < (:window_end + interval '2 days')::timestamptz
    and (e.occurred_at at time zone :time_zone)::date between :window_start and :window_end
    and (:channel is null or e.channel = :channel)
    and (:segment is null or e.actor_id in (select m.actor_id from members m))
), everyone as (
  select count(distinct a.actor_id) as people from active a
), levels as (
  -- Hours of the week where people are many enough, else hours of the day, else days of the week.
  select 1 as level, a.weekday_no, a.hour, a.actor_id from active a
  union all
  select 2, 0, a.hour, a.actor_id from active a
  union all
  select 3, a.weekday_no, null, a.actor_id from active a
), all_cells as (
  select l.level, l.weekday_no, l.hour, count(distinct l.actor_id) as people
  from levels l
  group by l.level, l.weekday_no, l.hour
  having count(distinct l.actor_id) >= 50
), cells as (
  select c.weekday_no, c.hour, c.people
  from all_cells c
  where c.level = (select min(x.level) from all_cells x)
), indexed as (
  select c.weekday_no, c.hour, c.people,
         c.people::numeric / nullif(y.people, 0) as rate,
         c.people::numeric / nullif(max(c.people) over (), 0) as index
  from cells c cross join everyone y
)
select case i.weekday_no when 0 then 'every day' when 1 then 'Monday' when 2 then 'Tuesday' when 3 then 'Wednesday' when 4 then 'Thursday'
                         when 5 then 'Friday' when 6 then 'Saturday' else 'Sunday' end as weekday,
       i.hour,
       i.people,
       i.rate,
       i.index,
       case when i.index >= 0.6 then 'peak' when i.index >= 0.4 then 'high'
            when i.index >= 0.2 then 'medium' else 'low' end as band,
       i.weekday_no
from indexed i
order by i.people desc nulls last, i.weekday_no, i.hour nulls last
