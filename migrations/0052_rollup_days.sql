-- What is known of the work on days: so that nothing waits for a day that is being computed, and none is computed for nothing.

-- Entries taken off the queue of a day, until its figures are committed. Whoever brings late facts meanwhile queues the day anew
-- and waits for nobody; a worker that dies leaves the day here for the next.
create table rollups_taken (
    org_id uuid not null references orgs,
    date date not null,
    entries bigint not null check (entries > 0),
    taken_at timestamptz not null,
    primary key (org_id, date)
);
-- What the figures of a day were computed from, as one hash of counts and newest moments.
create table rollups_seen (
    org_id uuid not null references orgs,
    date date not null,
    seen text not null,
    computed_at timestamptz not null,
    primary key (org_id, date)
);
-- Things whose stored events have yet to follow their links.
create table entity_moves (
    org_id uuid not null references orgs,
    kind text not null,
    id text not null,
    queued_at timestamptz not null,
    primary key (org_id, kind, id)
);
select protect_tables();

-- Events about things that nobody knew when they came: the map looks for them every hour, among all events of a month.
create index events_unmapped on events (org_id, occurred_at) include (entity_kind, entity_id, source)
    where canonical_id is null and entity_kind <> 'org';
