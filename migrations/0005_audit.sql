-- Who did what: insert-only, chained per organisation. `src/db/audit.rs` computes and verifies the chain.

create table audit_log (
    org_id uuid not null references orgs,
    seq bigint not null check (seq >= 0),
    at timestamptz not null,
    actor_type text not null check (actor_type in ('member', 'agent', 'system', 'api_key')),
    actor_id text not null,
    on_behalf_of uuid,
    surface text not null check (surface in ('slack', 'http', 'console', 'cli', 'openai', 'mcp', 'worker')),
    action text not null,
    object_type text not null,
    object_id text not null default '',
    revision integer,
    payload_hash bytea,
    before jsonb,
    after jsonb,
    reason text,
    consent_check text,
    request_id text,
    prev_hash bytea not null,
    entry_hash bytea not null,
    primary key (org_id, seq)
);
create index audit_log_by_object on audit_log (org_id, object_type, object_id, seq);
create index audit_log_by_time on audit_log (org_id, at);

-- The end of the chain; its row lock is the chain's order.
create table audit_heads (
    org_id uuid not null references orgs,
    seq bigint not null check (seq >= 0),
    hash bytea not null,
    primary key (org_id)
);

create table audit_anchors (
    org_id uuid not null references orgs,
    seq bigint not null check (seq >= 0),
    hash bytea not null,
    signature bytea not null,
    published_to text not null,
    at timestamptz not null,
    primary key (org_id, seq)
);

create table data_access_log (
    org_id uuid not null references orgs,
    id uuid not null,
    at timestamptz not null,
    member_id uuid not null,
    query text not null,
    run_id uuid not null,
    rows integer not null default 0,
    reason text not null,
    primary key (org_id, id),
    foreign key (org_id, member_id) references members (org_id, id)
);

select protect_tables();

-- Nobody changes the past: not the program (grants), not its owner (trigger).
revoke update, delete on audit_log, data_access_log from adjutant_app;
revoke delete on audit_heads from adjutant_app;

create function refuse_change() returns trigger
    language plpgsql as $$
begin
    raise exception '% is append-only: % is refused', tg_table_name, tg_op using errcode = 'insufficient_privilege';
end $$;
create trigger append_only before update or delete or truncate on audit_log
    for each statement execute function refuse_change();
