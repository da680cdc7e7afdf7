-- Two more platforms that rows come from: Microsoft Ads and Snapchat Ads. Every list of sources takes them: the checks of
-- the tables, and the views of the newest day of each source. The new lists hold the old ones, so no row that is there can
-- break them, and none is read for it.
do $$
declare
    old constant text := '''reddit_ads''::text';
    new constant text := '''reddit_ads''::text, ''microsoft_ads''::text, ''snapchat_ads''::text';
    lists jsonb;
    entry record;
begin
    -- Wholes before their parts: what a part merely inherited is gone with its whole.
    select jsonb_agg(jsonb_build_object('oid', c.conrelid, 'named', format('%I.%I', n.nspname, t.relname),
               'conname', c.conname, 'said', pg_get_constraintdef(c.oid), 'part', t.relispartition)
               order by t.relispartition, t.relname, c.conname)
    into lists
    from pg_constraint c
    join pg_class t on t.oid = c.conrelid
    join pg_namespace n on n.oid = t.relnamespace
    where c.contype = 'c' and n.nspname = 'public'
      and pg_get_constraintdef(c.oid) like '%' || old || '%''klaviyo''::text%';
    for entry in select * from jsonb_to_recordset(lists) as l (oid oid, named text, conname text) loop
        if exists (select from pg_constraint c where c.conrelid = entry.oid and c.conname = entry.conname) then
            execute format('alter table %s drop constraint %I', entry.named, entry.conname);
        end if;
    end loop;
    for entry in
        select * from jsonb_to_recordset(lists) as l (named text, conname text, said text, part boolean) where not part
    loop
        execute format('alter table %s add constraint %I %s not valid',
            entry.named, entry.conname, replace(entry.said, old, new));
    end loop;
    for entry in
        select t.relname, pg_get_viewdef(t.oid) as said
        from pg_class t join pg_namespace n on n.oid = t.relnamespace
        where t.relkind = 'v' and n.nspname = 'facts' and t.relname like 'newest\_%'
    loop
        execute format('create or replace view facts.%I with (security_barrier) as %s',
            entry.relname, replace(entry.said, old, new));
    end loop;
end $$;
