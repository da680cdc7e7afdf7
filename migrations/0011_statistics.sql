-- After much was loaded at once, the planner must know it before the first question comes. Only the owner of a table may
-- gather statistics, so the program asks through this function.
create function refresh_statistics() returns void
    language plpgsql security definer set search_path = public, pg_temp as $$
declare
    name text;
begin
    for name in
        select c.relname from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
          and c.relowner = (select oid from pg_roles where rolname = current_user)
        order by c.relname
    loop
        execute format('analyze %I', name);
    end loop;
end $$;
grant execute on function refresh_statistics() to adjutant_app;
