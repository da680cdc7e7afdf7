-- What every later file uses. Run as adjutant_owner; the roles, the extension `vector` and the grants on the database
-- itself are made before the migrations by `src/db/roles.rs`, because only a role that may create roles can.

-- A function of ours is for whom it is granted to, not for everybody.
alter default privileges revoke execute on functions from public;
grant select on _sqlx_migrations to adjutant_app;

create schema facts;
grant usage on schema facts to adjutant_reader;

-- Fences every table that has `org_id` and no fence yet: row-level security also for the owner, one policy, and the
-- row statements for adjutant_app. Called at the end of each file that makes tables. Partitions are reached through
-- their parent only: nobody but the owner has rights on them.
create function protect_tables() returns void
    language plpgsql set search_path = public, pg_temp as $$
declare
    name text;
begin
    for name in
        select c.relname from pg_class c
        join pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id' and not a.attisdropped
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
          and not c.relispartition and not c.relrowsecurity
        order by c.relname
    loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format(
            'create policy tenant on %I using (org_id = nullif(current_setting(''app.org_id'', true), '''')::uuid)'
            ' with check (org_id = nullif(current_setting(''app.org_id'', true), '''')::uuid)', name);
        execute format('grant select, insert, update, delete on %I to adjutant_app', name);
    end loop;
end $$;

-- A view of a table for named queries: the given columns (all when none are given), never `org_id`, never bytes
-- (encrypted values, hashes), never `extra`. `more` adds computed columns.
create function expose(name text, columns text[] default null, hidden text[] default '{}', more text default '')
    returns void language plpgsql set search_path = public, pg_temp as $$
declare
    list text;
begin
    select string_agg(format('%I', a.attname), ', '
                      order by coalesce(array_position(columns, a.attname::text), a.attnum))
        into list
        from pg_attribute a
        where a.attrelid = name::regclass and a.attnum > 0 and not a.attisdropped
          and a.attname not in ('org_id', 'extra') and a.atttypid <> 'bytea'::regtype
          and (columns is null or a.attname = any (columns)) and not a.attname = any (hidden);
    if columns is not null and exists (
        select from unnest(columns) wanted
        where not exists (select from pg_attribute where attrelid = name::regclass and attname = wanted)
    ) then
        raise exception 'expose(%): a column does not exist', name;
    end if;
    execute format(
        'create view facts.%I with (security_barrier) as select %s%s from public.%I', name, list, more, name);
    execute format('grant select on facts.%I to adjutant_reader', name);
end $$;

-- Monthly partitions of every partitioned table (or of one), for the months from `first` to `last`, and a default
-- partition for everything else. Rows that wait in the default partition move to their month. Returns how many
-- partitions were made. The program calls it (it may not run DDL itself).
create function ensure_partitions(first date, last date, only_table text default null) returns integer
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
        where only_table is null or c.relname = only_table
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
grant execute on function ensure_partitions(date, date, text) to adjutant_app;
