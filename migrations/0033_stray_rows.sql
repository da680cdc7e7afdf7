-- Default partitions that hold rows: dates for which nobody made a month. The program may look at no partition itself.
create function stray_partitions() returns setof text
    language plpgsql stable security definer set search_path = public, pg_temp as $$
declare
    part record;
    held boolean;
begin
    for part in
        select c.relname as name
        from pg_partitioned_table p
        join pg_class c on c.oid = p.partdefid and c.relnamespace = 'public'::regnamespace
        order by c.relname
    loop
        execute format('select exists (select from %I)', part.name) into held;
        if held then
            return next part.name;
        end if;
    end loop;
end $$;
revoke all on function stray_partitions() from public;
grant execute on function stray_partitions() to adjutant_app;
