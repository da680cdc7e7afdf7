-- First and last moment of each fact table, for the freshness of every answer.
--
-- The views of 0010 are security barriers, so `max(date)` over them reads every row of the organisation (100 ms on the
-- demo account, seconds on a large one). Here the aggregate stands inside the view, on the table itself, where the
-- planner answers it from the ends of an index. Row-level security fences it as it does everything the owner reads.
-- One view a table: a view over all of them would plan every branch for every question.
create function expose_coverage(name text, moment text) returns void
    language plpgsql set search_path = public, pg_temp as $$
begin
    execute format(
        'create view facts.%I with (security_barrier) as'
        ' select (select min(%I) from public.%I) as oldest, (select max(%I) from public.%I) as newest',
        'coverage_' || name, moment, name, moment, name);
    execute format('grant select on facts.%I to adjutant_reader', 'coverage_' || name);
end $$;

select expose_coverage(t, 'date') from unnest(array[
    'daily_metrics', 'daily_campaign_metrics', 'daily_funnel_metrics', 'search_terms', 'search_performance',
    'keyword_ranks', 'experiment_daily', 'segment_sizes']) t;
select expose_coverage('leads', 'created_on');
select expose_coverage('orders', 'ordered_at');
select expose_coverage('touches', 'occurred_at');
select expose_coverage('events', 'occurred_at');

-- The end of the newest sync, in each run's snapshot; without an index it reads every sync there ever was.
create index sync_runs_by_end on sync_runs (org_id, finished_at);
-- Touches and events are looked at by time; their keys begin with an id.
create index touches_by_time on touches (org_id, occurred_at);
create index events_by_time on events (org_id, occurred_at);
select expose_coverage('sync_runs', 'finished_at');
select expose_coverage('imports', 'finished_at');

-- The newest day of each source, for the question how fresh the data is: 23 look-ups in a small index (equal keys are
-- stored once) instead of a scan of every row of 400 days (2.7 s on 10,000 entities).
create function expose_sources(name text) returns void
    language plpgsql set search_path = public, pg_temp as $$
begin
    execute format('create index %I on %I (org_id, source, date)', name || '_of_source', name);
    execute format(
        'create view facts.%I with (security_barrier) as'
        ' select s.source, n.newest from unnest(array['
        '''google_ads'', ''meta_ads'', ''tiktok_ads'', ''linkedin_ads'', ''reddit_ads'', ''ga4'', ''search_console'','
        '''dataforseo'', ''plausible'', ''shopify'', ''tiendanube'', ''mercadolibre'', ''stripe'', ''quickbooks'','
        '''activecampaign'', ''klaviyo'', ''csv'', ''web'', ''mobile'', ''admin_portal'', ''backend'', ''slack'', ''system'''
        ']) s (source)'
        ' cross join lateral (select max(t.date) as newest from public.%I t where t.source = s.source) n'
        ' where n.newest is not null',
        'newest_' || name, name);
    execute format('grant select on facts.%I to adjutant_reader', 'newest_' || name);
end $$;
select expose_sources(t) from unnest(array['daily_metrics', 'search_performance', 'keyword_ranks']) t;
drop function expose_coverage(text, text), expose_sources(text);
