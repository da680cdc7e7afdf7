-- Everything that is asked goes by canonical entities: the views show of a campaign, page or product the one that people and
-- rules say it is, and beside it the name that the platform or shop gave, for those who act there.

-- The few things that are the same as another. Everything else has no row here, and is itself.
create index entities_linked on entities (org_id, kind, id) include (canonical_id)
    where canonical_id <> '' and canonical_id <> id;

-- Puts a view that `expose` made in terms of canonical entities: column `key` holds things of `kind` (an expression over the
-- table `t`), and what it held before is in `platform_` and its name (`platform_id` of an `entity_id`). Where nobody asks for either, the planner leaves the
-- join out.
create function expose_canonical(name text, kind text, key text, more text default '') returns void
    language plpgsql set search_path = public, pg_temp as $$
declare
    list text;
begin
    select string_agg(
               case when a.attname = key then format('coalesce(c.canonical_id, t.%I) as %I', a.attname, a.attname)
                    else format('t.%I', a.attname) end, ', ' order by a.attnum)
        into list
        from pg_attribute a
        where a.attrelid = ('facts.' || quote_ident(name))::regclass and a.attnum > 0 and not a.attisdropped;
    execute format(
        'create or replace view facts.%I with (security_barrier) as select %s, t.%I as %I%s from public.%I t'
        ' left join public.entities c on c.org_id = t.org_id and c.kind = %s and c.id = t.%I'
        ' and c.canonical_id <> '''' and c.canonical_id <> c.id',
        name, list, key, 'platform_' || replace(key, 'entity_', ''), more, name, kind, key);
end $$;

-- A row of an account that is the sum of its campaigns says nothing that they do not.
select expose_canonical('daily_metrics', 't.entity_kind', 'entity_id', ', t.extra ? ''derived_from'' as is_sum');
select expose_canonical('daily_campaign_metrics', '''campaign''', 'campaign_id');
select expose_canonical('daily_funnel_metrics', '''campaign''', 'campaign_id');
select expose_canonical('search_terms', '''campaign''', 'campaign_id');
select expose_canonical('search_performance', '''page''', 'page');
select expose_canonical('orders', '''campaign''', 'campaign_id');
select expose_canonical('touches', '''campaign''', 'campaign_id');
select expose_canonical('ad_groups', '''campaign''', 'campaign_id');
select expose_canonical('creatives', '''campaign''', 'campaign_id');
select expose_canonical('order_items', '''product''', 'product_id');
select expose_canonical('variants', '''product''', 'product_id');
select expose_canonical('experiments', 't.entity_kind', 'entity_id');
select expose_canonical('budgets', 't.scope_kind', 'scope_id');
drop function expose_canonical(text, text, text, text);

-- A lead's campaign, and those of its first and last touch.
create or replace view facts.leads with (security_barrier) as
select t.id, t.source, t.created_on, t.created_at, t.lead_source, t.form, coalesce(c.canonical_id, t.campaign_id) as campaign_id,
    t.ad_id, t.city, t.page_type, t.flow, t.stage, t.value, t.currency, t.channel, t.customer_id, t.trial_at, t.booked_at, t.won_at,
    t.first_touch ->> 'channel' as first_touch_channel,
    coalesce(f.canonical_id, t.first_touch ->> 'campaign_id') as first_touch_campaign_id,
    t.last_touch ->> 'channel' as last_touch_channel,
    coalesce(l.canonical_id, t.last_touch ->> 'campaign_id') as last_touch_campaign_id,
    t.campaign_id as platform_campaign_id
from public.leads t
left join public.entities c on c.org_id = t.org_id and c.kind = 'campaign' and c.id = t.campaign_id
    and c.canonical_id <> '' and c.canonical_id <> c.id
left join public.entities f on f.org_id = t.org_id and f.kind = 'campaign' and f.id = t.first_touch ->> 'campaign_id'
    and f.canonical_id <> '' and f.canonical_id <> f.id
left join public.entities l on l.org_id = t.org_id and l.kind = 'campaign' and l.id = t.last_touch ->> 'campaign_id'
    and l.canonical_id <> '' and l.canonical_id <> l.id;
create or replace view facts.lead_sources with (security_barrier) as
select t.lead_id, t.which, t.occurred_at, t.channel, coalesce(c.canonical_id, t.campaign_id) as campaign_id, t.landing_path,
    t.touch_id is not null as watched, t.campaign_id as platform_campaign_id
from public.lead_sources t
left join public.entities c on c.org_id = t.org_id and c.kind = 'campaign' and c.id = t.campaign_id
    and c.canonical_id <> '' and c.canonical_id <> c.id
where t.which in ('first', 'last');

-- A platform's campaigns stay what they are; beside each stands the campaign that it counts as.
do $$
declare
    list text;
begin
    select string_agg(format('t.%I', a.attname), ', ' order by a.attnum) into list
        from pg_attribute a where a.attrelid = 'facts.campaigns'::regclass and a.attnum > 0 and not a.attisdropped;
    execute format(
        'create or replace view facts.campaigns with (security_barrier) as'
        ' select %s, coalesce((select c.canonical_id from public.entities c where c.org_id = t.org_id and c.kind = ''campaign'''
        ' and c.id = t.id and c.canonical_id <> '''' and c.canonical_id <> c.id), t.id) as canonical_id from public.campaigns t', list);
end $$;
