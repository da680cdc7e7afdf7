-- What a day is computed from, as one hash: how many rows there are of each sort, and when the newest was written. Two equal hashes
-- are two equal days, but for what is written without leaving a trace here: rows of the funnel and figures of campaigns that
-- are written anew in their number, assignments of tests, links of people, earlier purchases of who buys on the day (those queue
-- it). The night computes a month whatever was seen.
--
-- $1 organisation · $2 its day · $3, $4 the first instant of that day and of the next · $5 its currency · $6 its zone · $7 whether
-- the day is over
select md5(concat_ws('|', $5::text, $6::text, $7::bool,
  (select concat_ws(' ', count(*), max(received_at)) from events where org_id = $1 and occurred_at >= $3 and occurred_at < $4),
  (select concat_ws(' ', count(*), max(updated_at)) from orders
   where org_id = $1 and ordered_at >= $3::timestamptz - interval '7 days' and ordered_at < $4::timestamptz + interval '7 days'),
  (select concat_ws(' ', count(*), max(updated_at)) from refunds
   where org_id = $1 and refunded_at >= $3::timestamptz - interval '30 days' and refunded_at < $4::timestamptz + interval '30 days'),
  (select concat_ws(' ', count(*), max(updated_at)) from daily_metrics where org_id = $1 and date = $2 and not rolled),
  -- What was given back counts as its order says, however old that is.
  (select concat_ws(' ', count(*), max(o.updated_at)) from refunds r join orders o on o.org_id = r.org_id and o.id = r.order_id
   where r.org_id = $1 and r.refunded_at >= $3 and r.refunded_at < $4),
  (select concat_ws(' ', count(*), max(restated_at)) from daily_campaign_metrics where org_id = $1 and date = $2 and not rolled),
  (select count(*) from daily_funnel_metrics where org_id = $1 and date = $2 and not rolled),
  -- What makes the figures of a source incomplete.
  (select string_agg(distinct source, ' ' order by source) from alerts
   where org_id = $1 and closed_at is null and source is not null and incomplete_from < $4),
  (select string_agg(source, ' ' order by source)
   from (select source from data_quality_log where org_id = $1 and hour >= $3 and hour < $4 and expected > 0
         group by source having sum(received) < 0.9 * sum(expected)) q),
  -- What other hands state of the weeks around it.
  (select string_agg(s.source || k.kind, ' ' order by s.source, k.kind)
   from unnest({sources}) s (source) cross join unnest({kinds}) k (kind)
   where exists (select from daily_metrics d where d.org_id = $1 and d.source = s.source and d.entity_kind = k.kind and not d.rolled
                   and d.date between $2::date - 7 and $2::date)
     and exists (select from daily_metrics d where d.org_id = $1 and d.source = s.source and d.entity_kind = k.kind and not d.rolled
                   and d.date between $2::date and $2::date + 7)),
  (select string_agg(s.source, ' ' order by s.source) from unnest({sources}) s (source)
   where exists (select from daily_campaign_metrics d where d.org_id = $1 and d.source = s.source and not d.rolled
                   and d.date between $2::date - 7 and $2::date + 7)),
  (select string_agg(s.source, ' ' order by s.source) from unnest({sources}) s (source)
   where exists (select from daily_funnel_metrics d where d.org_id = $1 and d.source = s.source and not d.rolled
                   and d.date between $2::date - 7 and $2::date + 7)),
  exists (select from touches where org_id = $1 and occurred_at >= $3 and occurred_at < $4 and not rolled),
  (select string_agg(concat_ws(' ', from_currency, date, rate), ' ' order by from_currency, date) from fx_rates
   where org_id = $1 and to_currency = $5 and date between $2::date - 3 and $2::date),
  (select string_agg(concat_ws(' ', source, state), ' ' order by id) from sources where org_id = $1),
  (select concat_ws(' ', count(*), max(updated_at)) from campaigns where org_id = $1),
  (select concat_ws(' ', count(*), max(at)) from entity_link_changes where org_id = $1),
  (select string_agg(concat_ws(' ', period, period_start, scope_id, amount, currency), ' ' order by period, period_start, scope_id)
   from budgets where org_id = $1 and scope_kind = 'campaign' and period_start between $2::date - 92 and $2::date),
  (select string_agg(concat_ws(' ', id, status, started_at, ended_at), ' ' order by id) from experiments
   where org_id = $1 and kind = 'holdout')))
