-- How a message on its way out is tried, and who sends in a channel.
alter table outbox
    -- The process that has it in hand.
    add column owner text,
    -- A failed try waits until then, and what follows it in its channel waits with it.
    add column retry_at timestamptz,
    -- A try was begun and its end is unknown: it may have arrived.
    add column uncertain boolean not null default false,
    -- The blocks were refused: sent as plain text.
    add column plain boolean not null default false,
    add column error text;
create index outbox_open on outbox (org_id, surface, channel_ref, seq) where state in ('queued', 'sending');
create index outbox_done on outbox (org_id, sent_at) where state in ('sent', 'dead');

-- One sender at a time in a channel, across replicas. Rows are there while somebody sends.
create table outbox_lanes (
    org_id uuid not null references orgs,
    surface text not null check (surface in ('slack', 'http', 'console', 'cli', 'openai', 'mcp', 'worker')),
    channel_ref text not null,
    owner text not null,
    lease_until timestamptz not null,
    primary key (org_id, surface, channel_ref)
);

select protect_tables();
