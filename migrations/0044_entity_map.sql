-- The entity map and where leads came from.

-- Who said that two things belong together: a rule of the program, an operator at the command line, a file, a member.
alter table entity_links add column origin text not null default 'automatic'
    check (origin in ('automatic', 'operator', 'import', 'member'));
-- A thing is the same as one other thing at most: `same_as` is a forest, and the canonical entity is the root of its tree.
create unique index entity_links_one_same on entity_links (org_id, from_kind, from_id)
    where relation = 'same_as' and state = 'confirmed' and until is null;
create index entity_links_of_target on entity_links (org_id, to_kind, to_id);

-- What became of links, never rewritten: merges can be followed back, and undone.
create table entity_link_changes (
    org_id uuid not null references orgs,
    id uuid not null,
    at timestamptz not null,
    from_kind text not null,
    from_id text not null,
    relation text not null,
    to_kind text not null,
    to_id text not null,
    -- '' for a link that is new.
    was text not null check (was in ('', 'suggested', 'confirmed', 'ended', 'rejected')),
    state text not null check (state in ('confirmed', 'ended', 'rejected')),
    origin text not null check (origin in ('automatic', 'operator', 'import', 'member')),
    confidence numeric(9,6) not null check (confidence between 0 and 1),
    evidence text not null default '',
    set_by uuid,
    primary key (org_id, id),
    foreign key (org_id, set_by) references members (org_id, id)
);
create index entity_link_changes_of_thing on entity_link_changes (org_id, from_kind, from_id);

-- The things that the map knows, and whether each can be joined with anything else: it, or what it is the same as, takes part
-- in a link that holds, or it is a campaign whose landing page is known.
create view facts.entity_map with (security_barrier) as
with joined as (
    select l.org_id, l.from_kind as kind, l.from_id as id from public.entity_links l
        where l.state = 'confirmed' and l.until is null
    union
    select l.org_id, l.to_kind, l.to_id from public.entity_links l where l.state = 'confirmed' and l.until is null
    union
    select c.org_id, 'campaign', c.id from public.campaigns c where c.landing_page <> ''
)
select e.kind, e.id, e.source, e.account_id, e.external_id, e.name, coalesce(nullif(e.canonical_id, ''), e.id) as canonical_id,
    own.id is not null or root.id is not null as mapped
from public.entities e
left join joined own on own.org_id = e.org_id and own.kind = e.kind and own.id = e.id
left join joined root on root.org_id = e.org_id and root.kind = e.kind and root.id = e.canonical_id and e.canonical_id <> e.id
where e.removed_at is null;
grant select on facts.entity_map to adjutant_reader;

-- The touches that a lead is owed to. `said_*` is what the lead itself brought along when it came, kept so that `first` and
-- `last` can be computed again from nothing.
create table lead_sources (
    org_id uuid not null references orgs,
    lead_id text not null,
    which text not null check (which in ('said_first', 'said_last', 'first', 'last')),
    occurred_at timestamptz not null,
    channel text not null check (channel in (
        'paid_search', 'paid_social', 'display', 'video', 'seo', 'organic_social', 'email', 'sms',
        'push', 'in_app', 'referral', 'affiliate', 'direct', 'marketplace', 'offline', 'internal',
        'unknown')),
    campaign_id text,
    utm jsonb not null default '{}',
    referrer text not null default '',
    landing_path text not null default '',
    -- The touch it is, where it is one that was watched.
    touch_id uuid,
    computed_at timestamptz not null,
    primary key (org_id, lead_id, which),
    foreign key (org_id, lead_id) references leads (org_id, id) on delete cascade
);
create view facts.lead_sources with (security_barrier) as
select lead_id, which, occurred_at, channel, campaign_id, landing_path, touch_id is not null as watched
from public.lead_sources where which in ('first', 'last');
grant select on facts.lead_sources to adjutant_reader;
-- Looked up for every lead that is computed.
create index if not exists touches_of_customer on touches (org_id, customer_id, occurred_at) where customer_id is not null;

select protect_tables();
