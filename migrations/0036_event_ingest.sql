-- What `POST /api/events` needs: ids known again, rejected items to look at, names that an organisation registers, and
-- counters that concurrent batches do not wait for each other on.

-- Monthly partitions, as in 0001, but only where a table is partitioned by range: a hash has no months and no default.
create or replace function ensure_partitions(first date, last date, only_table text default null) returns integer
    language plpgsql security definer set search_path = public, pg_temp as $$
declare
    parent record;
    month date;
    lower_bound text;
    upper_bound text;
    part text;
    empty boolean;
    made integer := 0;
begin
    if first is null or last is null or first > last or last - first > 36600 then
        raise exception 'ensure_partitions: % to % is not a range of at most a hundred years', first, last;
    end if;
    perform pg_advisory_xact_lock(7236001);
    for parent in
        select c.relname as name, a.attname as key, a.atttypid = 'date'::regtype as by_day
        from pg_partitioned_table p
        join pg_class c on c.oid = p.partrelid and c.relnamespace = 'public'::regnamespace
        join pg_attribute a on a.attrelid = c.oid and a.attnum = p.partattrs[0]
        where p.partstrat = 'r' and (only_table is null or c.relname = only_table)
        order by c.relname
    loop
        if to_regclass(format('public.%I', parent.name || '_default')) is null then
            execute format('create table %I partition of %I default', parent.name || '_default', parent.name);
        end if;
        -- Nothing stored yet: nobody is in the way of the quicker form, which locks the parent.
        select coalesce(sum(pg_relation_size(inhrelid)), 0) = 0 into empty
            from pg_inherits where inhparent = format('public.%I', parent.name)::regclass;
        for month in
            select generate_series(date_trunc('month', first::timestamp), last::timestamp, interval '1 month')::date
        loop
            part := parent.name || to_char(month, '"_y"YYYY"m"MM');
            continue when to_regclass(format('public.%I', part)) is not null;
            lower_bound := to_char(month, 'YYYY-MM-DD');
            upper_bound := to_char(month + interval '1 month', 'YYYY-MM-DD');
            if not parent.by_day then
                lower_bound := lower_bound || ' 00:00:00+00';
                upper_bound := upper_bound || ' 00:00:00+00';
            end if;
            made := made + 1;
            if empty then
                execute format('create table %I partition of %I for values from (%L) to (%L)',
                    part, parent.name, lower_bound, upper_bound);
                continue;
            end if;
            execute format('create table %I (like %I including defaults including constraints)', part, parent.name);
            execute format(
                'with moved as (delete from %I where %I >= %L and %I < %L returning *)'
                ' insert into %I select * from moved',
                parent.name || '_default', parent.key, lower_bound, parent.key, upper_bound, part);
            execute format('alter table %I attach partition %I for values from (%L) to (%L)',
                parent.name, part, lower_bound, upper_bound);
        end loop;
    end loop;
    return made;
end $$;

-- What is asked of events (`events.md` §10); by time they have an index since 0012. An event about nothing is stored as
-- about the organisation (`org`).
create index events_by_name on events (org_id, name, occurred_at);
create index events_of_actor on events (org_id, actor_id, occurred_at);
create index events_of_entity on events (org_id, entity_kind, entity_id, occurred_at) where entity_kind <> 'org';
-- Names without that property may carry anything under it, and what is too long for an index would keep the fact out. Whoever
-- asks by campaign repeats the condition.
create index events_of_campaign on events (org_id, (props ->> 'campaign_id'), occurred_at)
    where octet_length(props ->> 'campaign_id') <= 512;

-- Every id that came, for 40 days: longer than an event may be late, so that none returns unnoticed. `history` holds the
-- hashes that were replaced within five minutes, with when. A BRIN index is enough to find the old ones: rows lie in the
-- order in which they came, and it costs an insert next to nothing.
create table event_ids (
    org_id uuid not null,
    id uuid not null,
    occurred_on date not null,
    payload_hash bytea not null,
    first_received_at timestamptz not null,
    history jsonb,
    primary key (org_id, id)
) partition by hash (id);
do $$
begin
    for n in 0..15 loop
        execute format('create table event_ids_%s partition of event_ids for values with (modulus 16, remainder %s)', n, n);
    end loop;
end $$;
create index event_ids_by_age on event_ids using brin (org_id, first_received_at);

-- Names that an organisation registered itself. `properties` is the list as the registry shows it.
create table event_registry (
    org_id uuid not null references orgs,
    name text not null check (name ~ '^x_[a-z0-9_]{1,62}$'),
    version integer not null default 1,
    class text not null check (class in ('campaign', 'user', 'marketer', 'system')),
    actor boolean not null default false,
    entity text[] not null default '{}',
    properties jsonb not null default '[]',
    set_by uuid,
    updated_at timestamptz not null,
    primary key (org_id, name),
    foreign key (org_id, set_by) references members (org_id, id)
);

-- A few of the items that were refused, without personal data, for 14 days.
create table rejected_samples (
    org_id uuid not null references orgs,
    id uuid not null,
    at timestamptz not null,
    source text not null default '',
    code text not null,
    fragment jsonb not null default '{}',
    primary key (org_id, id)
);
create index rejected_samples_by_code on rejected_samples (org_id, code, at);

-- Batches that are stored at the same time count in different shards (by connection): nobody waits for another's commit.
-- What was refused may have had no known source.
alter table data_quality_log
    add column shard smallint not null default 0,
    add column replaced bigint not null default 0 check (replaced >= 0),
    add column suppressed bigint not null default 0 check (suppressed >= 0),
    drop constraint data_quality_log_pkey,
    add primary key (org_id, hour, source, class, shard),
    drop constraint data_quality_log_source_check,
    add constraint data_quality_log_source_check check (source in (
        'google_ads', 'meta_ads', 'tiktok_ads', 'linkedin_ads', 'reddit_ads', 'ga4', 'search_console',
        'dataforseo', 'plausible', 'shopify', 'tiendanube', 'mercadolibre', 'stripe', 'quickbooks',
        'activecampaign', 'klaviyo', 'csv', 'web', 'mobile', 'admin_portal', 'backend', 'slack',
        'system', 'unknown')),
    drop constraint data_quality_log_class_check,
    add constraint data_quality_log_class_check check (class in (
        'campaign', 'user', 'marketer', 'system', 'metrics', 'batch', 'unknown'));
create or replace view facts.data_quality_log with (security_barrier) as
select hour, source, class, sum(expected)::bigint as expected, sum(received)::bigint as received,
    sum(valid)::bigint as valid, sum(duplicate)::bigint as duplicate, sum(late)::bigint as late,
    sum(stored)::bigint as stored, sum(required_filled)::bigint as required_filled,
    sum(required_total)::bigint as required_total, sum(unknown_props)::bigint as unknown_props,
    sum(mapped)::bigint as mapped, sum(named)::bigint as named, max(newest_at) as newest_at,
    max(lag_p95_s) as lag_p95_s
from public.data_quality_log
group by hour, source, class;

-- Events a minute of one key (`events.md` §6).
alter table api_keys add column events_per_minute integer not null default 50000 check (events_per_minute > 0);

-- Drops the months of a table that ended before a day, for every organisation: retention. Nothing is dropped while one of
-- them is under a legal hold. Gives the names of what was dropped; the program calls it (it may not run DDL itself).
create function drop_months(only_table text, before date) returns setof text
    language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '3s' as $$
declare
    org record;
    held boolean := false;
    part text;
begin
    if only_table is null or only_table not in ('events', 'data_quality_log') or before is null then
        raise exception 'drop_months: the months of % are kept for ever', only_table;
    end if;
    for org in select o.org_id from organisations() o (org_id, slug) loop
        -- The owner is fenced as well.
        perform set_config('app.org_id', org.org_id::text, true);
        held := held or exists (select from org_settings where key = 'legal_hold' and value = 'true');
    end loop;
    perform set_config('app.org_id', '', true);
    if held then
        return;
    end if;
    for part in
        select c.relname from pg_inherits i
        join pg_class c on c.oid = i.inhrelid
        where i.inhparent = format('public.%I', only_table)::regclass
          and c.relname ~ ('^' || only_table || '_y[0-9]{4}m[0-9]{2}$')
          and to_date(right(c.relname, 7), 'YYYY"m"MM') + interval '1 month' <= before
        order by c.relname
    loop
        execute format('drop table %I', part);
        return next part;
    end loop;
end $$;
revoke all on function drop_months(text, date) from public;
grant execute on function drop_months(text, date) to adjutant_app;

select protect_tables();
