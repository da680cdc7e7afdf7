-- One day of one organisation, from its events and from what other hands wrote: read in one pass, counted, laid side by side
-- with what is stored. `statement.rs` puts lists, formulas and the writing parts in their places.
--
-- $1 organisation · $2 its day · $3, $4 the first instant of that day and of the next · $5 names that are counted · $6 its
-- currency · $7 to $10 arrivals: key, channel, campaign, whether it is a touch · $11 now · $12 whether the day is over
with fx as materialized (
  select $6::text as currency, 1::numeric as rate
  union all
  -- The rate of the day, or the last one known within three days (`connectors.md` §1.7).
  (select distinct on (from_currency) from_currency::text, rate from fx_rates
   where org_id = $1 and to_currency = $6 and from_currency <> $6 and date between $2::date - 3 and $2::date
   order by from_currency, date desc)),
e as materialized (
  select v.id, v.occurred_at, v.name, v.source, v.channel, v.entity_kind, left(coalesce(v.canonical_id, v.entity_id), 255) as entity_id,
    v.canonical_id is not null as mapped, v.actor_type, v.actor_id, v.customer_id, v.session_id,
    case when v.name = 'ad_conversion' then coalesce({conversion_value}, v.value) else v.value end * fx.rate as amount,
    fx.rate is null and (v.value is not null or v.name = 'ad_conversion') as missing,
    case when v.name in ('ad_impression', 'ad_click') then coalesce({count}, 1)
         when v.name = 'ad_conversion' then coalesce({conversions}, 1)
         when v.name = 'user_engagement' then {engagement_time_msec}
         when v.name = 'keyword_rank' then {rank_absolute}
         when v.name in ('subscription_created', 'subscription_updated', 'subscription_canceled') then {previous_mrr} * fx.rate
         when v.name = 'order_created' then (coalesce({tax}, 0) + coalesce({shipping}, 0)) * fx.rate
         when v.name = 'invoice_paid' then coalesce({tax}, 0) * fx.rate end as n,
    case when v.entity_kind in ('campaign', 'ad') or v.name = 'user_unsubscribed' then left(v.props ->> 'campaign_id', 128) end as camp,
    case when v.name in ('page_view', 'quote_flow_started', 'quote_submitted', 'consultation_started', 'booking_completed',
                         'lead_created') then left(v.props ->> 'city', 100) end as city,
    case when v.name in ('page_view', 'quote_flow_started', 'quote_submitted') then left(v.props ->> 'page_type', 100) end as page_type,
    case when v.name in ('quote_flow_started', 'quote_submitted') then left(v.props ->> 'flow', 100) end as flow,
    case v.name when 'campaign_delivered' then v.props ->> 'delivery_channel' when 'campaign_viewed' then v.props ->> 'view_type'
                when 'user_unsubscribed' then v.props ->> 'unsubscribe_type' when 'subscription_created' then v.props ->> 'change'
                when 'subscription_updated' then v.props ->> 'change' when 'subscription_canceled' then v.props ->> 'change' end as word,
    case v.name when 'session_start' then v.props ->> 'is_new_user' when 'form_submit' then v.props ->> 'is_lead'
                when 'email_opened' then v.props ->> 'is_machine_open' when 'campaign_delivered' then v.props ->> 'is_holdout'
                when 'user_purchased' then v.props ->> 'is_repeat_purchase' end as flag,
    case v.name when 'user_engagement' then left(v.props ->> 'page_path', 255)
                when 'session_start' then left(coalesce(v.props ->> 'landing_path', v.context ->> 'page_path', ''), 1024) end as page,
    case when v.name like 'subscription_%' then left(v.props ->> 'plan_id', 128) end as plan_id,
    case when v.name = 'session_start' or v.entity_kind in ('campaign', 'ad', 'email') then v.context ->> 'device' end as device,
    case when v.name = 'session_start' then v.context -> 'utm' end as utm,
    case when v.name = 'session_start' then {arrival_with_referrer}
         when v.channel = 'unknown' and v.name = any({goals}) then {arrival} end as arrival
  from events v
  left join fx on fx.currency = coalesce(v.currency, $6)
  where v.org_id = $1 and v.occurred_at >= $3 and v.occurred_at < $4 and v.name = any($5)
  union all
  -- Nothing, which the planner takes for a million rows: a month that was never analysed looks empty to it, and it would join
  -- a large day row by row.
  select {nothing} from jsonb_array_elements('[]') x, jsonb_array_elements('[]') y, jsonb_array_elements('[]') z),
-- Sources of which figures are missing: an alert about them outlasts its grace, or less than 90 % came of what the hours of the day
-- were expected to bring (`events.md` §8, §9).
gaps as materialized (
  select source from alerts
  where org_id = $1 and closed_at is null and source is not null and incomplete_from < $4
  union
  select source from (select source, class, hour, sum(expected) as expected, sum(received) as received from data_quality_log
                      where org_id = $1 and hour >= $3 and hour < $4 group by source, class, hour) h
  where expected > 0 group by source having sum(received) < 0.9 * sum(expected)),
a as materialized (
  select * from unnest($7::text[], $8::text[], $9::text[], $10::bool[]) a (key, channel, campaign_id, is_touch)),

-- What other hands state of this day. A week without their rows on either side is theirs no more.
stated as materialized (
  select s.source, k.kind from unnest({sources}) s (source) cross join unnest({kinds}) k (kind)
  where exists (select from daily_metrics d where d.org_id = $1 and d.source = s.source and d.entity_kind = k.kind and not d.rolled
                  and d.date between $2::date - 7 and $2::date)
    and exists (select from daily_metrics d where d.org_id = $1 and d.source = s.source and d.entity_kind = k.kind and not d.rolled
                  and d.date between $2::date and $2::date + 7)),
stated_campaigns as materialized (
  select s.source from unnest({sources}) s (source)
  where exists (select from daily_campaign_metrics d where d.org_id = $1 and d.source = s.source and not d.rolled
                  and d.date between $2::date - 7 and $2::date)
    and exists (select from daily_campaign_metrics d where d.org_id = $1 and d.source = s.source and not d.rolled
                  and d.date between $2::date and $2::date + 7)),
stated_funnel as materialized (
  select s.source from unnest({sources}) s (source)
  where exists (select from daily_funnel_metrics d where d.org_id = $1 and d.source = s.source and not d.rolled
                  and d.date between $2::date - 7 and $2::date)
    and exists (select from daily_funnel_metrics d where d.org_id = $1 and d.source = s.source and not d.rolled
                  and d.date between $2::date and $2::date + 7)),
given as materialized (
  select
    exists (select from orders where org_id = $1 and ordered_at >= $3 - interval '7 days' and ordered_at < $4 and not is_test)
      and exists (select from orders where org_id = $1 and ordered_at >= $3 and ordered_at < $4 + interval '7 days' and not is_test)
      as orders,
    exists (select from refunds where org_id = $1 and refunded_at >= $3 - interval '30 days' and refunded_at < $4
              and (source not in ('stripe', 'quickbooks') or exists (select from orders o where o.org_id = $1 and o.id = order_id)))
      and exists (select from refunds where org_id = $1 and refunded_at >= $3 and refunded_at < $4 + interval '30 days'
              and (source not in ('stripe', 'quickbooks') or exists (select from orders o where o.org_id = $1 and o.id = order_id))) as refunds,
    exists (select from sources where org_id = $1 and source in ('stripe', 'quickbooks') and state in ('connected', 'attention'))
      as billing,
    exists (select from daily_metrics d where d.org_id = $1 and d.entity_kind = 'site' and d.date = $2 and not d.rolled
              and (d.revenue_basis = 'orders' or d.revenue_base <> 0)) as site_sales,
    exists (select from stated_funnel) as funnel_sales,
    exists (select from touches t where t.org_id = $1 and t.occurred_at >= $3 and t.occurred_at < $4 and not t.rolled) as touches),

-- Visits: the first start of each session, and what it did on its day.
starts as materialized (
  select distinct on (s.sid) s.* from (
    select case when e.session_id = '' then e.id::text else e.session_id end as sid, e.session_id, e.id, e.occurred_at, e.source,
      e.actor_id, e.customer_id, coalesce(e.flag = 'true', false) as is_new, e.page, e.device, e.utm, e.arrival,
      case when e.channel <> 'unknown' then e.channel else coalesce(a.channel, 'unknown') end as channel,
      coalesce(a.campaign_id, '') as campaign_id, coalesce(a.is_touch, true) as is_touch
    from e left join a on a.key = e.arrival
    where e.name = 'session_start') s
  order by s.sid, s.occurred_at, s.id),
paths as materialized (
  select session_id, pages, msec, page_type, city, last_view, msec >= 10000 or pages >= 2 as engaged
  from (
    select session_id, count(*) filter (where name = 'page_view') as pages,
      coalesce(sum(n) filter (where name = 'user_engagement'), 0) as msec,
      (array_agg(page_type order by occurred_at, id) filter (where name = 'page_view'))[1] as page_type,
      (array_agg(city order by occurred_at, id) filter (where name = 'page_view'))[1] as city,
      (array_agg(id order by occurred_at desc, id desc) filter (where name = 'page_view'))[1] as last_view
    from e where session_id <> '' and name in ('page_view', 'user_engagement') group by session_id) s),
p as materialized (
  select e.id, e.occurred_at, e.name, e.source, e.entity_id, e.actor_id, coalesce(e.customer_id, e.actor_id) as person, e.session_id,
    e.n, e.amount, e.missing, e.flag, e.page,
    case when e.channel <> 'unknown' then e.channel else coalesce(s.channel, a.channel, 'unknown') end as channel,
    coalesce(nullif(s.campaign_id, ''), a.campaign_id, '') as campaign_id,
    coalesce(e.city, t.city, '') as city, coalesce(e.page_type, t.page_type, '') as page_type, coalesce(e.flow, '') as flow,
    coalesce(t.engaged, false) as engaged, t.last_view
  from e
  left join starts s on s.session_id = e.session_id and e.session_id <> ''
  left join paths t on t.session_id = e.session_id
  left join a on a.key = e.arrival and s.sid is null
  where e.name = 'page_view' or e.name = 'user_engagement' or e.name = any({goals})),

-- Campaigns that events name, as the account knows them.
camps as materialized (
  select n.source, n.camp, coalesce(c.id, n.camp) as id, coalesce(c.channel, 'unknown') as channel
  from (select distinct source, camp from e where camp <> '') n
  left join lateral (select c.id, c.channel from campaigns c where c.org_id = $1 and c.id in (n.camp, n.source || ':' || n.camp)
                     order by c.id = n.camp desc limit 1) c on true),
-- Who was held out of a campaign: by its test, or because a delivery of the day says so.
held as materialized (
  select c.id as campaign_id, g.actor_id
  from camps c
  join experiments x on x.org_id = $1 and x.entity_id in (c.id, c.camp)
  join experiment_arms m on m.org_id = x.org_id and m.experiment_id = x.id and m.is_control
  join experiment_assignments g on g.org_id = m.org_id and g.experiment_id = m.experiment_id and g.arm = m.arm
  where x.kind = 'holdout' and x.entity_kind = 'campaign' and x.started_at < $4
    and (x.ended_at is null or x.ended_at >= $3)
    and g.actor_id in (select actor_id from e where name like 'campaign\_%')
  union
  select c.id, e.actor_id from e join camps c on c.source = e.source and c.camp = e.camp
  where e.name = 'campaign_delivered' and e.flag = 'true'),
own as materialized (
  select e.name, e.source, e.actor_id, e.amount, e.missing,
    case when e.entity_kind = 'campaign' and e.mapped then e.entity_id else c.id end as campaign_id,
    case when e.channel <> 'unknown' then e.channel 
      when e.name = 'campaign_delivered' and e.word in ('push', 'email', 'sms', 'in_app') then e.word else c.channel end as channel,
    h.actor_id is not null as is_holdout
  from e join camps c on c.source = e.source and c.camp = e.camp
  left join held h on h.campaign_id = c.id and h.actor_id = e.actor_id
  where e.name in ('campaign_delivered', 'campaign_clicked', 'campaign_converted')),
ads as materialized (
  select e.source, case when e.channel <> 'unknown' then e.channel else c.channel end as channel,
    case when e.entity_kind = 'campaign' and e.mapped then e.entity_id else c.id end as campaign_id,
    case when e.entity_kind = 'ad' then e.entity_id end as ad_id, e.name, sum(e.n) as n, sum(e.amount) as amount,
    bool_or(e.missing) as missing
  from e join camps c on c.source = e.source and c.camp = e.camp
  where e.name in ('ad_impression', 'ad_click', 'ad_conversion', 'ad_cost')
  group by 1, 2, 3, 4, 5),

-- Sales: orders and invoices go before `user_purchased`, that before `purchase` (`events.md` §7).
bought as materialized (
  select p.*, case p.name when 'order_created' then 1 when 'invoice_paid' then 1 when 'user_purchased' then 2 else 3 end as rank
  from p where p.name = any({sales})),
sold as materialized (
  select b.source, b.channel, b.campaign_id, b.city, b.page_type, b.missing,
    case when b.name in ('order_created', 'invoice_paid') then greatest(b.amount - b.n, 0) else b.amount end as amount,
    -- A first sale, as far as events tell: none of this person before it.
    b.flag is distinct from 'true' and not exists (
      select from events o where o.org_id = $1 and o.actor_id = b.actor_id and o.name = any({sales})
        and (o.occurred_at, o.id) < (b.occurred_at, b.id)) as is_first
  from bought b, given g
  where case when g.orders then b.name = 'invoice_paid' else b.rank = (select min(rank) from bought) end
  union all
  select o.source, o.channel, coalesce(o.campaign_id, ''), left(coalesce(o.city, ''), 100), '', false, o.gross_base - o.discount_base,
    o.is_first_order
  from orders o, given g
  where g.orders and o.org_id = $1 and o.ordered_at >= $3 and o.ordered_at < $4 and not o.is_test and o.status <> 'cancelled'),
refunded as materialized (
  select p.source, p.channel, p.amount, p.missing from p, given g where p.name = 'refund' and not g.refunds
  union all
  select r.source, coalesce(o.channel, 'unknown'), r.amount * x.rate, x.rate is null
  from refunds r
  cross join given g
  left join orders o on o.org_id = r.org_id and o.id = r.order_id
  left join fx on fx.currency = r.currency
  -- At the rate of the sale: what is given back whole leaves nothing (`metrics.md` rule 9).
  cross join lateral (select coalesce(case when o.currency = r.currency then o.gross_base / nullif(o.gross, 0) end, fx.rate) as rate) x
  -- Of a biller's refunds only those of sales that are counted as orders: an invoice's never was one.
  where g.refunds and (r.source not in ('stripe', 'quickbooks') or o.id is not null) and r.org_id = $1 and r.refunded_at >= $3 and r.refunded_at < $4
    -- A cancelled order is no sale: what was given back of it is not taken from the others.
    and not coalesce(o.is_test, false) and coalesce(o.status, '') <> 'cancelled'),

-- Daily figures of things: one line a figure.
lines as materialized (
  select g.source, 'site' as kind, 'site' as id, g.channel, x.m, x.v::numeric as v, false as missing, false as sale
  from (select s.source, s.channel, count(*) as visits, count(*) filter (where t.engaged) as engaged,
          count(distinct s.actor_id) as users, count(distinct s.actor_id) filter (where s.is_new) as fresh
        from starts s left join paths t on t.session_id = s.session_id group by 1, 2) g
  cross join lateral (values ('sessions', visits), ('engaged_sessions', engaged), ('bounces', visits - engaged), ('users', users),
                             ('new_users', fresh)) x (m, v)
  union all
  select g.source, 'site', 'site', g.channel, x.m, x.v, false, false
  from (select source, channel, count(*) filter (where name = 'page_view') as views,
          floor(coalesce(sum(n) filter (where name = 'user_engagement'), 0) / 1000) as seconds
        from p where name in ('page_view', 'user_engagement') group by 1, 2) g
  cross join lateral (values ('pageviews', views::numeric), ('engaged_seconds', seconds)) x (m, v)
  union all
  select g.source, 'page', g.entity_id, g.channel, x.m, x.v, false, false
  from (select source, entity_id, channel, count(*) as views, count(distinct nullif(session_id, '')) as visits,
          count(distinct nullif(session_id, '')) filter (where engaged) as engaged, count(distinct actor_id) as users,
          count(*) filter (where id = last_view) as exits
        from p where name = 'page_view' group by 1, 2, 3) g
  cross join lateral (values ('pageviews', views), ('sessions', visits), ('engaged_sessions', engaged), ('bounces', visits - engaged),
                             ('users', users), ('exits', exits)) x (m, v)
  union all
  select source, 'page', page, channel, 'engaged_seconds', floor(sum(n) / 1000), false, false
  from p where name = 'user_engagement' and page <> '' group by 1, 3, 4
  union all
  select l.source, l.kind, l.id, l.channel, x.m, x.v, l.missing, false
  from (select source, 'ad' as kind, ad_id as id, channel, name, n, amount, missing from ads where ad_id is not null
        union all
        -- What is sent of the campaign itself goes before the sum of its ads.
        select source, 'campaign', campaign_id, channel, name, n, amount, missing from ads
        where ad_id is null or not exists (select from ads w where w.ad_id is null and w.source = ads.source
                                             and w.campaign_id = ads.campaign_id and w.name = ads.name)) l
  cross join lateral (values (case l.name when 'ad_impression' then 'impressions' when 'ad_click' then 'clicks'
                                          when 'ad_conversion' then 'conversions' end, l.n),
                             (case l.name when 'ad_conversion' then 'conversion_value' when 'ad_cost' then 'cost' end, l.amount),
                             (case l.name when 'ad_conversion' then 'revenue' end, l.amount)) x (m, v)
  where x.m is not null
  union all
  select g.source, 'campaign', g.campaign_id, g.channel, x.m, x.v, g.missing, false
  from (select source, campaign_id, channel, count(*) filter (where name = 'campaign_delivered') as shown,
          count(distinct actor_id) filter (where name = 'campaign_delivered') as reached,
          count(*) filter (where name = 'campaign_clicked') as clicked, count(*) filter (where name = 'campaign_converted') as converted,
          coalesce(sum(amount) filter (where name = 'campaign_converted'), 0) as amount, bool_or(missing) as missing
        from own where not is_holdout group by 1, 2, 3) g
  cross join lateral (values ('impressions', shown::numeric), ('reach', reached), ('clicks', clicked), ('conversions', converted),
                             ('conversion_value', amount), ('revenue', amount)) x (m, v)
  union all
  -- Once a recipient, message and day; opens by machines are none.
  select g.source, 'email', g.entity_id, g.channel, x.m, x.v, false, false
  from (select source, entity_id, case when channel <> 'unknown' then channel else 'email' end as channel,
          count(*) filter (where name = 'email_sent') as sent,
          count(distinct actor_id) filter (where name = 'email_opened' and flag is distinct from 'true') as opened,
          count(distinct actor_id) filter (where name = 'email_clicked') as clicked,
          count(distinct actor_id) filter (where name = 'email_bounced') as bounced
        from e where name in ('email_sent', 'email_opened', 'email_clicked', 'email_bounced') and entity_kind = 'email'
        group by 1, 2, 3) g
  cross join lateral (values ('sends', sent), ('opens', opened), ('email_clicks', clicked), ('email_bounces', bounced)) x (m, v)
  union all
  -- Who leaves is counted once a day, whatever says so.
  select l.source, l.kind, l.id, l.channel, 'unsubscribes', count(*), false, false
  from (select distinct on (e.actor_id) e.source,
          case when e.name = 'email_unsubscribed' then 'email' when c.id is not null then 'campaign' else 'org' end as kind,
          case when e.name = 'email_unsubscribed' then e.entity_id else coalesce(c.id, 'org') end as id,
          case when e.channel <> 'unknown' then e.channel when e.name = 'email_unsubscribed' then 'email'
               when e.word in ('email_only', 'push_only', 'sms_only') then left(e.word, -5) else 'unknown' end as channel
        from e left join camps c on c.source = e.source and c.camp = e.camp
        where (e.name = 'email_unsubscribed' or e.name = 'user_unsubscribed' and e.word is distinct from 'frequency_cap')
        order by e.actor_id, e.name = 'user_unsubscribed', e.occurred_at, e.id) l
  group by 1, 2, 3, 4
  union all
  select g.source, 'keyword', g.entity_id, 'seo', x.m, x.v, false, false
  from (select source, entity_id, sum(n) as places, count(n) as found from e where name = 'keyword_rank' group by 1, 2) g
  cross join lateral (values ('rank_sum', places), ('rank_n', found::numeric)) x (m, v)
  where g.found > 0
  union all
  select source, 'page', entity_id, 'seo', case name when 'backlink_gained' then 'backlinks_gained' else 'backlinks_lost' end, count(*),
    false, false
  from e where name in ('backlink_gained', 'backlink_lost') group by source, entity_id, name
  union all
  select g.source, 'site', 'site', g.channel, x.m, x.v, g.missing, true
  from (select source, channel, count(*) as n, coalesce(sum(amount), 0) as amount, bool_or(missing) as missing from sold group by 1, 2) g
  cross join lateral (values ('conversions', n::numeric), ('revenue', amount)) x (m, v)
  union all
  select source, 'site', 'site', channel, 'refund', coalesce(sum(amount), 0), bool_or(missing), true from refunded group by 1, 4),
fresh_daily as materialized (
  select $2::date as date, l.source, '' as account_id, l.kind as entity_kind, l.id as entity_id, l.channel, '' as breakdown,
    {daily_pivots}, case l.kind when 'site' then 'orders' else 'platform' end as revenue_basis, $6::text as currency,
    bool_or(l.missing) or l.source in (select source from gaps) as incomplete
  from lines l cross join given g
  where l.v is not null
    and case when l.sale then not g.site_sales else not exists (
      select from stated s where {measure_of_stated} = {measure_of_line}) end
  group by l.source, l.kind, l.id, l.channel),

-- Campaigns: what platforms and events say of them, the visits and orders that came through them, and their budgets.
campaign_facts as materialized (
  select d.source, d.entity_id as campaign_id, d.channel, false as is_holdout, x.m, x.v, d.incomplete as missing
  from daily_metrics d
  cross join lateral (values {stored_lines}) x (m, v)
  where d.org_id = $1 and d.date = $2 and d.entity_kind = 'campaign' and d.breakdown = '' and not d.rolled and x.v <> 0
  union all
  select d.source, d.entity_id, d.channel, false, x.m, x.v, d.incomplete
  from fresh_daily d
  cross join lateral (values {fresh_lines}) x (m, v)
  where d.entity_kind = 'campaign'
  union all
  select g.source, g.campaign_id, g.channel, g.is_holdout, x.m, x.v, g.missing
  from (select source, campaign_id, channel, is_holdout, count(distinct actor_id) filter (where name = 'campaign_delivered') as reached,
          count(distinct actor_id) filter (where name = 'campaign_clicked') as clickers,
          count(distinct actor_id) filter (where name = 'campaign_converted') as buyers,
          count(*) filter (where name = 'campaign_converted') as converted,
          coalesce(sum(amount) filter (where name = 'campaign_converted'), 0) as amount, bool_or(missing) as missing
        from own group by 1, 2, 3, 4) g
  cross join lateral (values ('clickers', clickers::numeric), ('buyers', buyers), (case when is_holdout then 'reach' end, reached),
                             (case when is_holdout then 'conversions' end, converted),
                             (case when is_holdout then 'conversion_value' end, amount),
                             (case when is_holdout then 'revenue' end, amount)) x (m, v)
  where x.m is not null
  union all
  select c.source, c.id, c.channel, false, x.m, x.v, false
  from (select campaign_id, count(*) as landed, 0 as carts from starts where campaign_id <> '' group by 1
        union all
        select campaign_id, 0, count(distinct person) from p where name = 'add_to_cart' and campaign_id <> '' group by 1) g
  join campaigns c on c.org_id = $1 and c.id = g.campaign_id
  cross join lateral (values ('visited', landed::numeric), ('cart_users', carts)) x (m, v)
  where x.v > 0
  union all
  select c.source, c.id, c.channel, false, x.m, x.v, false
  from (select campaign_id, count(*) as n, sum(gross_base - discount_base) as amount, count(*) filter (where is_first_order) as fresh
        from orders where org_id = $1 and ordered_at >= $3 and ordered_at < $4 and not is_test and status <> 'cancelled'
          and campaign_id is not null group by 1) g
  join campaigns c on c.org_id = $1 and c.id = g.campaign_id
  cross join lateral (values ('attributed_orders', n::numeric), ('attributed_revenue', amount), ('new_customers', fresh)) x (m, v)),
campaign_lines as materialized (
  select * from campaign_facts
  union all
  -- A day of which nothing is known of a platform has no budget either: it would look unspent.
  select c.source, c.id, c.channel, false, x.m, b.amount * fx.rate / greatest(b.days, 1), fx.rate is null
  -- Of a month and its quarter the month counts: one campaign has one budget a day.
  from (select distinct on (s.scope_id) s.*
        from (select scope_id, amount, currency::text, period, period_start,
                case period when 'month' then (period_start + interval '1 month')::date - period_start
                            when 'quarter' then (period_start + interval '3 months')::date - period_start end as days
              from budgets where org_id = $1 and scope_kind = 'campaign' and period in ('month', 'quarter')) s
        where $2::date >= s.period_start and $2::date < s.period_start + s.days
        order by s.scope_id, s.period, s.period_start desc) b
  join campaigns c on c.org_id = $1 and c.id = b.scope_id
  left join fx on fx.currency = b.currency
  cross join (values ('budget'), ('planned_spend')) x (m)
  where exists (select from campaign_facts f where f.source = c.source)),
fresh_campaign as materialized (
  select $2::date as date, l.campaign_id, l.channel, l.source, l.is_holdout, {campaign_pivots},
    'platform' as revenue_basis, $6::text as currency, bool_or(l.missing) or l.source in (select source from gaps) as incomplete
  from campaign_lines l
  where l.v is not null and not exists (select from stated_campaigns s where s.source = l.source)
  group by l.campaign_id, l.channel, l.source, l.is_holdout),

-- The funnel: from visit to customer.
funnel_lines as materialized (
  select s.source, s.channel, s.campaign_id, coalesce(t.city, '') as city, coalesce(t.page_type, '') as page_type, '' as flow, x.m,
    sum(x.v)::numeric as v, false as sale
  from starts s left join paths t on t.session_id = s.session_id
  cross join lateral (values ('visits', 1), ('engaged', coalesce(t.engaged, false)::int)) x (m, v)
  group by 1, 2, 3, 4, 5, 7
  union all
  -- A person is one lead a day, the one that came first.
  select l.source, l.channel, l.campaign_id, l.city, l.page_type, l.flow, x.m, count(*), false
  from (select distinct on (person) * from p
        where name in ('lead_created', 'sign_up', 'quote_submitted') or name = 'form_submit' and flag is distinct from 'false'
        order by person, occurred_at, id) l
  cross join (values ('leads'), ('paid_leads')) x (m)
  where x.m = 'leads' or l.channel in ('paid_search', 'paid_social', 'display', 'video')
  group by 1, 2, 3, 4, 5, 6, 7
  union all
  select source, channel, campaign_id, city, page_type, flow, 'trials', count(*), false
  from (select distinct on (p.person) p.* from p, given g
        where p.name = case when g.billing then 'trial_started' else 'trial_start' end
        order by p.person, p.occurred_at, p.id) l
  group by 1, 2, 3, 4, 5, 6
  union all
  select source, channel, campaign_id, city, page_type, flow,
    case name when 'quote_flow_started' then 'quote_starts' when 'quote_submitted' then 'quote_submits'
              when 'consultation_started' then 'consultation_starts' else 'bookings' end, count(*), false
  from p where name in ('quote_flow_started', 'quote_submitted', 'consultation_started', 'booking_completed')
  group by 1, 2, 3, 4, 5, 6, 7
  union all
  select s.source, s.channel, s.campaign_id, s.city, s.page_type, '', x.m, sum(x.v), true
  from sold s cross join lateral (values ('customers', s.is_first::int::numeric), ('revenue', s.amount)) x (m, v)
  group by 1, 2, 3, 4, 5, 7),
fresh_funnel as materialized (
  select $2::date as date, l.source, l.channel, l.campaign_id, l.city, l.page_type, l.flow, {funnel_pivots}
  from funnel_lines l cross join given g
  where case when l.sale then not g.funnel_sales else not exists (
    select from stated_funnel s where {measure_of_funnel} = {measure_of_flow}) end
  group by l.source, l.channel, l.campaign_id, l.city, l.page_type, l.flow),

-- Touches: visits, clicks and views of people, each under the id of its event.
fresh_touch as materialized (
  select t.occurred_at, t.id, t.actor_id, coalesce(t.customer_id, k.customer_id) as customer_id, t.session_id, t.kind, t.channel,
    t.source, t.campaign_id, t.ad_id, t.utm, t.referrer_host, t.landing_path, t.device, t.city,
    t.channel in ('paid_search', 'paid_social', 'display', 'video') as is_paid
  from (
    select s.occurred_at, s.id, s.actor_id, s.customer_id, s.session_id, 'visit' as kind, s.channel,
      coalesce(nullif(split_part(s.arrival, E'\x1f', 2), ''), split_part(s.arrival, E'\x1f', 5)) as source,
      nullif(s.campaign_id, '') as campaign_id, null::text as ad_id,
      case when jsonb_typeof(s.utm) = 'object' then s.utm else '{}' end as utm,
      split_part(s.arrival, E'\x1f', 5) as referrer_host, split_part(s.page, '?', 1) as landing_path,
      coalesce(s.device, '') as device, coalesce(v.city, '') as city
    from starts s left join paths v on v.session_id = s.session_id
    where s.is_touch
    union all
    select e.occurred_at, e.id, e.actor_id, e.customer_id, e.session_id,
      case when e.name = 'campaign_viewed' and e.word is distinct from 'clicked_cta' then 'view' else 'click' end,
      case when e.channel <> 'unknown' then e.channel when e.entity_kind = 'email' then 'email' else coalesce(c.channel, 'unknown') end,
      e.source, case when e.entity_kind = 'campaign' and e.mapped then e.entity_id else c.id end,
      case when e.entity_kind = 'ad' then e.entity_id end, '{}', '', '', coalesce(e.device, ''), ''
    from e left join camps c on c.source = e.source and c.camp = e.camp
    where e.name in ('ad_click', 'campaign_clicked', 'campaign_viewed', 'email_clicked')) t
  cross join given g
  left join lateral (select l.customer_id from actor_links l where l.org_id = $1 and l.actor_id = t.actor_id limit 1) k on true
  where t.actor_id <> '' and t.actor_id not like 'erased:%' and not g.touches),

-- Movements of recurring revenue, one a subscription, day and kind.
fresh_move as materialized (
  select $2::date as date, subscription_id, kind, least(greatest(sum(delta), -999999999999), 999999999999) as mrr_delta,
    min(plan_id) as plan_id, min(channel) as channel
  from (
    select e.entity_id as subscription_id, e.channel, coalesce(e.plan_id, '') as plan_id,
      case when e.word = 'new' or e.word is null and e.name = 'subscription_created' then 'new'
           when e.word = 'churn' or e.word is null and e.name = 'subscription_canceled' then 'churn'
           when e.word = 'reactivation' then 'reactivation'
           when e.word in ('upgrade', 'downgrade') or e.word is null and e.name = 'subscription_updated'
             then case when e.amount >= e.n then 'expansion' else 'contraction' end end as kind,
      case when e.word = 'churn' or e.word is null and e.name = 'subscription_canceled' then -coalesce(e.n, e.amount)
           when e.word in ('upgrade', 'downgrade') or e.word is null and e.name = 'subscription_updated' then e.amount - e.n
           else e.amount end as delta
    from e where e.name in ('subscription_created', 'subscription_updated', 'subscription_canceled')) m
  where kind is not null and delta is not null and (delta <> 0 or kind = 'new')
    and not exists (select from mrr_movements o where o.org_id = $1 and o.subscription_id = m.subscription_id and not o.rolled)
  group by subscription_id, kind),

-- An actor who goes by the id that a source has for a customer is that customer.
put_link as (
  insert into actor_links (org_id, actor_id, customer_id)
  select distinct on (n.actor_id) $1, n.actor_id, c.id
  from (select distinct actor_id, source from e where actor_type in ('user', 'contact', 'customer') and actor_id <> '') n
  cross join lateral (select u.id from customers u where u.org_id = $1 and u.id = n.source || ':' || n.actor_id
                        and u.erased_at is null limit 1) c
  order by n.actor_id, c.id
  on conflict do nothing returning 1),
