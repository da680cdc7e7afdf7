-- What platforms deliver, stored before it is acknowledged and worked on afterwards; and bills, which Stripe has.

-- One delivery, known again by the platform's own id of it. `body` is what was signed, byte for byte. `lease_owner` works on it
-- until `lease_until`; `not_before` is the next try. `ignored` is about nothing that is read, `dead` was given up after all tries.
create table webhook_events (
    org_id uuid not null references orgs,
    source_id uuid not null,
    external_id text not null check (octet_length(external_id) between 1 and 512),
    topic text not null,
    headers jsonb not null default '{}',
    body bytea not null,
    state text not null default 'new' check (state in ('new', 'done', 'ignored', 'dead')),
    attempts integer not null default 0,
    not_before timestamptz not null,
    lease_owner uuid,
    lease_until timestamptz,
    error_code text,
    error text,
    received_at timestamptz not null,
    finished_at timestamptz,
    primary key (org_id, source_id, external_id),
    foreign key (org_id, source_id) references sources (org_id, id) on delete cascade
);
create index webhook_events_waiting on webhook_events (org_id, not_before) where state = 'new';
create index webhook_events_by_time on webhook_events (org_id, received_at);

create table invoices (
    org_id uuid not null references orgs,
    id text not null,
    subscription_id text,
    customer_id text not null default '',
    status text not null,
    amount_due numeric(18,6) not null default 0,
    amount_paid numeric(18,6) not null default 0,
    currency char(3) not null check (currency ~ '^[A-Z]{3}$'),
    issued_at timestamptz not null,
    due_at timestamptz,
    paid_at timestamptz,
    attempts integer not null default 0 check (attempts >= 0),
    failure_code text,
    recovered_at timestamptz,
    source text not null,
    source_id uuid,
    sync_run_id uuid,
    first_seen_at timestamptz not null,
    updated_at timestamptz not null,
    source_updated_at timestamptz,
    row_hash bytea not null default '',
    extra jsonb not null default '{}',
    primary key (org_id, id)
);
create index invoices_by_time on invoices (org_id, issued_at);
create index invoices_of_subscription on invoices (org_id, subscription_id);

select protect_tables();
select expose('invoices');
