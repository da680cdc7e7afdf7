-- Organisations, their people, and how those are recognised.

-- An organisation: the tenant. `week_start` 1 is Monday.
create table orgs (
    org_id uuid not null,
    name text not null,
    slug text not null,
    time_zone text not null,
    currency char(3) not null check (currency ~ '^[A-Z]{3}$'),
    locale text not null default 'en',
    week_start integer not null default 1,
    date_order text not null default 'dmy' check (date_order in ('dmy', 'mdy', 'ymd')),
    packs text[] not null default '{}',
    state text not null default 'active' check (state in ('active', 'suspended', 'deleting')),
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (org_id),
    check (week_start between 1 and 7)
);

create table members (
    org_id uuid not null references orgs,
    id uuid not null,
    email bytea,
    email_hash bytea not null,
    name text not null,
    role text not null check (role in ('viewer', 'analyst', 'marketer', 'approver', 'admin', 'compliance')),
    state text not null default 'active' check (state in ('invited', 'active', 'disabled')),
    password_hash text,
    sso_subject text,
    locale text not null default '',
    time_zone text not null default '',
    last_seen_at timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (org_id, id),
    unique (org_id, email_hash)
);

-- Settings an organisation changed; `src/db/settings.rs` holds the closed list of keys and their defaults.
create table org_settings (
    org_id uuid not null references orgs,
    key text not null,
    value jsonb not null,
    set_by uuid,
    set_at timestamptz not null,
    primary key (org_id, key),
    foreign key (org_id, set_by) references members (org_id, id)
);

-- What a member may do beyond the role; `operator` is a bundle. `scope` limits by platform, type, tier.
create table member_grants (
    org_id uuid not null references orgs,
    member_id uuid not null,
    permission text not null,
    scope jsonb not null default '{}',
    granted_by uuid,
    granted_at timestamptz not null,
    primary key (org_id, member_id, permission),
    check (permission in (
        'conversation.use', 'query.run', 'query.export', 'query.restricted', 'draft.read',
        'draft.export', 'draft.create', 'draft.revise', 'draft.comment', 'draft.approve',
        'draft.reject', 'draft.approve_high', 'draft.execute', 'draft.schedule', 'draft.rollback',
        'guardrail.configure', 'guardrail.override', 'breaker.reset', 'kill_switch', 'opportunity.manage',
        'detector.configure', 'report.manage', 'source.manage', 'import.commit', 'event.write',
        'event.write_system', 'webhook.manage', 'member.manage', 'key.manage', 'settings.manage',
        'audit.read', 'privacy.manage', 'operator')),
    foreign key (org_id, member_id) references members (org_id, id) on delete cascade,
    foreign key (org_id, granted_by) references members (org_id, id)
);

create table groups (
    org_id uuid not null references orgs,
    id uuid not null,
    name text not null,
    created_at timestamptz not null,
    primary key (org_id, id),
    unique (org_id, name)
);

create table group_members (
    org_id uuid not null references orgs,
    group_id uuid not null,
    member_id uuid not null,
    primary key (org_id, group_id, member_id),
    foreign key (org_id, group_id) references groups (org_id, id) on delete cascade,
    foreign key (org_id, member_id) references members (org_id, id) on delete cascade
);

-- Who a person is on a surface. Two identities of one member count once.
create table identities (
    org_id uuid not null references orgs,
    surface text not null check (surface in ('slack', 'http', 'console', 'cli', 'openai', 'mcp', 'worker')),
    team text not null default '',
    external_user text not null,
    member_id uuid not null,
    verified_by text not null check (verified_by in ('email', 'link', 'sso')),
    linked_at timestamptz not null,
    primary key (org_id, surface, team, external_user),
    foreign key (org_id, member_id) references members (org_id, id) on delete cascade
);

-- Keys of programs; each acts as a member with fewer permissions.
create table api_keys (
    org_id uuid not null references orgs,
    id uuid not null,
    prefix text not null,
    name text not null default '',
    secret_hash bytea not null,
    member_id uuid not null,
    scopes text[] not null default '{}',
    sources text[] not null default '{}',
    pii_mode text not null default 'reject' check (pii_mode in ('reject', 'scrub')),
    strict_references boolean not null default false,
    per_minute integer not null default 120,
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz,
    created_at timestamptz not null,
    primary key (org_id, id),
    unique (org_id, prefix),
    foreign key (org_id, member_id) references members (org_id, id)
);

create table login_sessions (
    org_id uuid not null references orgs,
    id_hash bytea not null,
    member_id uuid not null,
    data jsonb not null default '{}',
    expires_at timestamptz not null,
    step_up_at timestamptz,
    created_at timestamptz not null,
    primary key (org_id, id_hash),
    foreign key (org_id, member_id) references members (org_id, id) on delete cascade
);

create table login_links (
    org_id uuid not null references orgs,
    token_hash bytea not null,
    member_id uuid not null,
    purpose text not null check (purpose in ('invite', 'login', 'link', 'reset')),
    expires_at timestamptz not null,
    used_at timestamptz,
    created_at timestamptz not null,
    primary key (org_id, token_hash),
    foreign key (org_id, member_id) references members (org_id, id) on delete cascade
);

create table slack_installs (
    org_id uuid not null references orgs,
    team text not null,
    app_id text not null,
    bot_token bytea not null,
    scopes text[] not null default '{}',
    state text not null default 'active' check (state in ('active', 'revoked')),
    shared_channels jsonb not null default '{}',
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (org_id, team)
);

create table notification_settings (
    org_id uuid not null references orgs,
    kind text not null check (kind in ('digest', 'alert', 'weekly', 'reminder')),
    channel_ref text not null,
    mode text not null check (mode in ('on', 'off', 'redirect')),
    target text,
    updated_at timestamptz not null,
    primary key (org_id, kind, channel_ref)
);

-- Finds the organisation of a key that comes from outside, before a transaction of that organisation can be opened.
-- The one table whose rows of all organisations are read together, and only by the functions below.
create table directory (
    kind text not null check (kind in (
        'org', 'slack_team', 'login_email_hash', 'api_key_prefix', 'source', 'session', 'oauth_state')),
    key text not null,
    org_id uuid not null references orgs,
    target text not null default '',
    primary key (kind, key)
);
create index directory_org on directory (org_id);
alter table directory enable row level security;
alter table directory force row level security;
-- current_user is the owner only inside the owner's SECURITY DEFINER functions.
create policy tenant on directory
    using (org_id = nullif(current_setting('app.org_id', true), '')::uuid or current_user = 'adjutant_owner')
    with check (org_id = nullif(current_setting('app.org_id', true), '')::uuid);
grant select, insert, update, delete on directory to adjutant_app;

create function route(wanted_kind text, wanted_key text, out org_id uuid, out target text)
    returns setof record language sql stable security definer set search_path = public, pg_temp as
$$ select d.org_id, d.target from directory d where d.kind = wanted_kind and d.key = wanted_key $$;
grant execute on function route(text, text) to adjutant_app;

-- Every organisation with its slug, for work that goes round all of them (schedules, leases, start-up).
create function organisations(out org_id uuid, out slug text)
    returns setof record language sql stable security definer set search_path = public, pg_temp as
$$ select d.org_id, d.key from directory d where d.kind = 'org' order by d.key $$;
grant execute on function organisations() to adjutant_app;

select protect_tables();
