-- What a day is computed from, as one hash: how many rows there are of each sort, and when the newest was written. Two equal hashes
-- are two equal days, but for what is written without leaving a trace here (assignments of tests, links of people): the night
-- computes a month whatever was seen.
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
  (select count(*) from daily_campaign_metrics where org_id = $1 and date = $2 and not rolled),
  (select count(*) from daily_funnel_metrics where org_id = $1 and date = $2 and not rolled),
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
