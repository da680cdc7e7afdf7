-- Alerts that somebody has seen, figures that are not whole while one lasts, days that are read again because of one; requests
-- that could not be stored; rows about people and pages that are counted from events.

alter table alerts
    add column acknowledged_at timestamptz,
    add column acknowledged_by uuid,
    -- What it is about: the source of events or the platform, and which connection.
    add column source text,
    add column connection uuid,
    -- Since when what it is about is wrong.
    add column since timestamptz,
    -- Set when the grace is over: figures of the source from then on are incomplete for as long as the alert is open.
    add column incomplete_from timestamptz,
    -- When days were asked to be read again.
    add column backfill_at timestamptz,
    add foreign key (org_id, acknowledged_by) references members (org_id, id);
create index alerts_incomplete on alerts (org_id, source) where closed_at is null and incomplete_from is not null;

-- The first day to be read again, beside what is due; null when nobody asked.
alter table source_streams add column backfill_from date;

-- Requests to store events in a minute, and those that the database did not take, as each server counted them.
create table ingest_minutes (
    org_id uuid not null references orgs,
    minute timestamptz not null,
    server uuid not null,
    requests bigint not null check (requests >= 0),
    failed bigint not null check (failed between 0 and requests),
    primary key (org_id, minute, server)
);

select protect_tables();

-- What a person did is found by their customer too, when they are erased or ask what is known of them.
create index events_of_customer on events (org_id, customer_id, occurred_at) where customer_id is not null;

-- Rows that are counted from events: those of other hands stay as they are.
alter table leads add column rolled boolean not null default false;
create index leads_of_customer on leads (org_id, customer_id) where customer_id is not null;
alter table pages add column rolled boolean not null default false;
alter table user_metrics add column rolled boolean not null default false;
