-- Webhooks that other programs ask for (`events.md` §12): where to send what, and every delivery.

-- `secret` and `old_secret` are sealed (`db/vault.rs`) under `key_id`; the old one signs beside the new one until
-- `old_secret_until`. `failing_since` is the first try that failed since the last one that did not.
create table webhook_endpoints (
    org_id uuid not null references orgs,
    id uuid not null,
    url text not null,
    description text not null default '',
    types text[] not null check (cardinality(types) > 0),
    secret bytea not null,
    old_secret bytea,
    old_secret_until timestamptz,
    key_id text not null,
    enabled boolean not null default true,
    disabled_reason text check (disabled_reason in ('person', 'gone', 'failing')),
    failing_since timestamptz,
    last_success_at timestamptz,
    created_by uuid,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (org_id, id),
    foreign key (org_id, created_by) references members (org_id, id)
);

-- `body` is what is signed and sent, byte for byte, at every try. A queued row is sent at `next_at`; whoever sends it moves that on
-- first, so that nobody else does meanwhile, and a sender that dies leaves it to be sent again.
create table webhook_deliveries (
    org_id uuid not null references orgs,
    endpoint_id uuid not null,
    message_id uuid not null,
    type text not null,
    body text not null check (octet_length(body) <= 20480),
    state text not null default 'queued' check (state in ('queued', 'done', 'failed')),
    attempt integer not null default 0,
    status integer,
    error text,
    took_ms integer,
    created_at timestamptz not null,
    next_at timestamptz,
    finished_at timestamptz,
    primary key (org_id, endpoint_id, message_id),
    foreign key (org_id, endpoint_id) references webhook_endpoints (org_id, id) on delete cascade,
    check ((state = 'queued') = (next_at is not null))
);
create index webhook_deliveries_waiting on webhook_deliveries (org_id, endpoint_id, next_at) where state = 'queued';
create index webhook_deliveries_by_time on webhook_deliveries (org_id, created_at);

select protect_tables();
