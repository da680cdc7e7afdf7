-- Who belongs to :segment at :as_of, live where the segment is a rule; without one, everybody in a behavioural segment.
quote_starts as (
  -- The last start of each person: without a submit after it the quote is unfinished, whatever was submitted before.
  select e.actor_id, max(e.occurred_at) as started_at
  from facts.events e
  where :segment = 'quote_started_no_submit_7d' and e.name = 'quote_flow_started'
    and e.occurred_at > :as_of - interval '7 days' and e.occurred_at <= :as_of
  group by e.actor_id
), city_views as (
  select e.actor_id
  from facts.events e
  join facts.pages p on p.id = e.entity_id and p.page_type = 'city'
  where :segment = 'city_page_viewed_2x_14d' and e.name = 'page_view'
    and e.occurred_at > :as_of - interval '14 days' and e.occurred_at <= :as_of
  group by e.actor_id
  having count(*) >= 2
), members as (
  select g.name as segment, m.actor_id
  from facts.segments g
  join facts.segment_members m on m.segment_id = g.id and m.left_on is null
  where case when :segment is null then g.kind = 'behavioural'
             else g.id::text = :segment or upper(replace(g.name, ' ', '_')) = upper(replace(:segment, ' ', '_')) end
    -- A live count of an unfinished quote beats last night's list.
    and not exists (select 1 from quote_starts q)
  union
  select 'quote_started_no_submit_7d', q.actor_id
  from quote_starts q
  where not exists (
    select 1 from facts.events e
    where e.name = 'quote_submitted' and e.actor_id = q.actor_id
      and e.occurred_at > q.started_at and e.occurred_at <= :as_of
  )
  union
  select 'lead_no_booking_7d', coalesce(l.customer_id, l.id)
  from facts.leads l
  where :segment = 'lead_no_booking_7d' and l.booked_at is null
    and l.created_at > :as_of - interval '7 days' and l.created_at <= :as_of - interval '24 hours'
  union
  select 'city_page_viewed_2x_14d', c.actor_id
  from city_views c
  where not exists (
    select 1 from facts.events e where e.name = 'lead_created' and e.actor_id = c.actor_id and e.occurred_at <= :as_of
  )
  union
  select 'churn_risk_high', u.actor_id
  from facts.user_metrics u
  where :segment = 'churn_risk_high' and u.churn_30d >= 0.5
)
