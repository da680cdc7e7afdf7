-- Proposed changes, what people decided about them, and what came of it.

-- `type` is an action of tools/actions.
create table drafts (
    org_id uuid not null references orgs,
    id uuid not null,
    number bigint not null check (number >= 0),
    type text not null,
    platform text not null check (platform in (
        'google_ads', 'meta_ads', 'tiktok_ads', 'linkedin_ads', 'reddit_ads', 'ga4', 'search_console',
        'dataforseo', 'plausible', 'shopify', 'tiendanube', 'mercadolibre', 'stripe', 'quickbooks',
        'activecampaign', 'klaviyo', 'csv', 'web', 'mobile', 'admin_portal', 'backend', 'slack',
        'system', 'website', 'social', 'internal')),
    source_id uuid,
    entity_kind text not null check (entity_kind in (
        'org', 'site', 'channel', 'account', 'source', 'campaign', 'ad_group', 'ad', 'creative',
        'keyword', 'search_term', 'query', 'page', 'product', 'variant', 'email', 'automation',
        'segment', 'post', 'topic', 'event', 'order', 'subscription', 'invoice', 'lead', 'experiment',
        'recommendation', 'draft', 'metric', 'dataset')),
    entity_id text not null,
    state text not null default 'pending' check (state in (
        'pending', 'changes_requested', 'approved', 'scheduled', 'executing', 'stale', 'rolling_back',
        'executed', 'failed', 'measured', 'rolled_back', 'rejected', 'cancelled', 'expired')),
    stage text check (stage in ('validate', 'apply', 'verify', 'unknown', 'rollback')),
    changed boolean,
    revision integer not null default 1,
    payload_hash bytea not null,
    tier text not null check (tier in ('low', 'medium', 'high', 'critical')),
    required_approvals integer not null default 1,
    co_approvals text[] not null default '{}',
    money_moved numeric(18,6) not null default 0,
    currency char(3) not null check (currency ~ '^[A-Z]{3}$'),
    confidence numeric(9,6) not null default 0 check (confidence between 0 and 1),
    fast_track boolean not null default false,
    origin text not null check (origin in ('agent', 'member', 'scout', 'rollback')),
    requested_by uuid,
    opportunity_id uuid,
    turn_id uuid,
    conversation_id uuid,
    supersedes uuid,
    assigned_to uuid,
    group_id uuid,
    expires_at timestamptz not null,
    approval_expires_at timestamptz,
    execute_at timestamptz,
    held_until timestamptz,
    decided_by uuid,
    decided_at timestamptz,
    execution_mode text check (execution_mode in ('live', 'manual')),
    version integer not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (org_id, id),
    unique (org_id, number),
    foreign key (org_id, requested_by) references members (org_id, id),
    foreign key (org_id, decided_by) references members (org_id, id),
    foreign key (org_id, assigned_to) references members (org_id, id),
    foreign key (org_id, supersedes) references drafts (org_id, id),
    foreign key (org_id, group_id) references groups (org_id, id),
    foreign key (org_id, turn_id) references turns (org_id, id),
    foreign key (org_id, conversation_id) references conversations (org_id, id)
);
create index drafts_by_state on drafts (org_id, state, expires_at);

-- What a draft would change: two open drafts never meet on one field.
create table draft_targets (
    org_id uuid not null references orgs,
    draft_id uuid not null,
    entity_kind text not null check (entity_kind in (
        'org', 'site', 'channel', 'account', 'source', 'campaign', 'ad_group', 'ad', 'creative',
        'keyword', 'search_term', 'query', 'page', 'product', 'variant', 'email', 'automation',
        'segment', 'post', 'topic', 'event', 'order', 'subscription', 'invoice', 'lead', 'experiment',
        'recommendation', 'draft', 'metric', 'dataset')),
    entity_id text not null,
    field text not null,
    open boolean not null default true,
    primary key (org_id, draft_id, entity_kind, entity_id, field),
    foreign key (org_id, draft_id) references drafts (org_id, id) on delete cascade
);
create unique index draft_targets_open on draft_targets (org_id, entity_kind, entity_id, field) where open;

create table draft_revisions (
    org_id uuid not null references orgs,
    draft_id uuid not null,
    revision integer not null,
    payload jsonb not null,
    before jsonb not null default '{}',
    before_hash bytea not null,
    rollback_plan jsonb not null default '[]',
    payload_hash bytea not null,
    diff jsonb not null default '[]',
    evidence jsonb not null default '[]',
    expected_effect jsonb not null default '{}',
    guardrails jsonb not null default '[]',
    editor_kind text not null check (editor_kind in ('member', 'agent', 'system', 'api_key')),
    editor_id text not null,
    prompt_version text,
    created_at timestamptz not null,
    primary key (org_id, draft_id, revision),
    foreign key (org_id, draft_id) references drafts (org_id, id) on delete cascade
);

-- A decision binds to the hash of one revision.
create table reviews (
    org_id uuid not null references orgs,
    draft_id uuid not null,
    revision integer not null,
    reviewer_id uuid not null,
    decision text not null check (decision in ('approve', 'reject', 'request_changes', 'hold')),
    payload_hash bytea not null,
    role_used text not null,
    surface text not null check (surface in ('slack', 'http', 'console', 'cli', 'openai', 'mcp', 'worker')),
    reason_code text check (reason_code in (
        'wrong_data', 'too_risky', 'bad_timing', 'not_strategic', 'duplicate', 'policy', 'other')),
    note text,
    valid boolean not null default true,
    at timestamptz not null,
    primary key (org_id, draft_id, revision, reviewer_id, decision),
    foreign key (org_id, draft_id, revision) references draft_revisions (org_id, draft_id, revision),
    foreign key (org_id, reviewer_id) references members (org_id, id)
);

-- The row behind the single-use `Approved`.
create table approvals (
    org_id uuid not null references orgs,
    draft_id uuid not null,
    revision integer not null,
    payload_hash bytea not null,
    before_hash bytea not null,
    approvers uuid[] not null default '{}',
    minted_at timestamptz not null,
    expires_at timestamptz not null,
    consumed_at timestamptz,
    execution_id uuid,
    primary key (org_id, draft_id, revision),
    foreign key (org_id, draft_id, revision) references draft_revisions (org_id, draft_id, revision)
);

create table card_messages (
    org_id uuid not null references orgs,
    draft_id uuid not null,
    surface text not null check (surface in ('slack', 'http', 'console', 'cli', 'openai', 'mcp', 'worker')),
    channel_ref text not null,
    message_ref text not null,
    shown_revision integer not null,
    shown_state text not null check (shown_state in (
        'pending', 'changes_requested', 'approved', 'scheduled', 'executing', 'stale', 'rolling_back',
        'executed', 'failed', 'measured', 'rolled_back', 'rejected', 'cancelled', 'expired')),
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (org_id, draft_id, channel_ref),
    foreign key (org_id, draft_id) references drafts (org_id, id) on delete cascade
);

create table card_tokens (
    org_id uuid not null references orgs,
    token_hash bytea not null,
    draft_id uuid not null,
    revision integer not null,
    action text not null,
    expires_at timestamptz not null,
    primary key (org_id, token_hash),
    foreign key (org_id, draft_id) references drafts (org_id, id) on delete cascade
);

create table guardrail_overrides (
    org_id uuid not null references orgs,
    draft_id uuid not null,
    revision integer not null,
    code text not null,
    member_id uuid not null,
    reason text not null,
    created_at timestamptz not null,
    primary key (org_id, draft_id, revision, code),
    foreign key (org_id, draft_id) references drafts (org_id, id),
    foreign key (org_id, member_id) references members (org_id, id)
);

create table executions (
    org_id uuid not null references orgs,
    id uuid not null,
    draft_id uuid not null,
    revision integer not null,
    kind text not null check (kind in ('apply', 'rollback')),
    mode text not null check (mode in ('live', 'dry_run', 'manual')),
    state text not null check (state in ('running', 'succeeded', 'noop', 'failed', 'compensated')),
    stage text check (stage in ('validate', 'apply', 'verify', 'unknown', 'rollback')),
    changed boolean not null default false,
    executor_kind text not null check (executor_kind in ('member', 'agent', 'system', 'api_key')),
    executor_id text,
    heartbeat_at timestamptz not null,
    after jsonb,
    report jsonb,
    started_at timestamptz not null,
    finished_at timestamptz,
    primary key (org_id, id),
    foreign key (org_id, draft_id) references drafts (org_id, id)
);
create unique index executions_once on executions (org_id, draft_id, revision, kind)
    where mode <> 'dry_run' and state <> 'compensated' and not (state = 'failed' and not changed);
create index executions_running on executions (org_id, heartbeat_at) where state = 'running';

create table execution_steps (
    org_id uuid not null references orgs,
    execution_id uuid not null,
    step integer not null,
    idempotency_key text not null,
    request jsonb not null default '{}',
    response jsonb,
    state text not null check (state in ('written', 'sent', 'done', 'failed', 'unknown', 'compensated')),
    sent_at timestamptz,
    done_at timestamptz,
    primary key (org_id, execution_id, step),
    foreign key (org_id, execution_id) references executions (org_id, id) on delete cascade
);

create table measurements (
    org_id uuid not null references orgs,
    draft_id uuid not null,
    checkpoint_days integer not null,
    metric text not null,
    method text not null check (method in ('experiment', 'did', 'own')),
    baseline numeric(20,6),
    expected numeric(20,6),
    observed numeric(20,6),
    delta numeric(20,6),
    low numeric(20,6),
    high numeric(20,6),
    verdict text check (verdict in ('win', 'neutral', 'loss', 'inconclusive')),
    accuracy numeric(20,6),
    due_at timestamptz not null,
    measured_at timestamptz,
    primary key (org_id, draft_id, checkpoint_days, metric),
    foreign key (org_id, draft_id) references drafts (org_id, id)
);
create index measurements_due on measurements (org_id, due_at) where measured_at is null;

create table spend_envelope (
    org_id uuid not null references orgs,
    day date not null,
    limit_amount numeric(18,6) not null default 0,
    reserved numeric(18,6) not null default 0,
    executed numeric(18,6) not null default 0,
    currency char(3) not null check (currency ~ '^[A-Z]{3}$'),
    primary key (org_id, day)
);

create table spend_reservations (
    org_id uuid not null references orgs,
    draft_id uuid not null,
    day date not null,
    amount numeric(18,6) not null,
    state text not null check (state in ('reserved', 'executed', 'released')),
    primary key (org_id, draft_id, day),
    foreign key (org_id, draft_id) references drafts (org_id, id)
);

-- `*` is the kill switch for all platforms.
create table breakers (
    org_id uuid not null references orgs,
    platform text not null,
    state text not null check (state in ('closed', 'open', 'half_open')),
    cause text not null default '',
    opened_at timestamptz,
    reset_by uuid,
    reason text,
    primary key (org_id, platform),
    foreign key (org_id, reset_by) references members (org_id, id)
);

create table freeze_windows (
    org_id uuid not null references orgs,
    id uuid not null,
    platform text not null,
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    reason text not null default '',
    created_at timestamptz not null,
    primary key (org_id, id),
    check (starts_at < ends_at)
);

create table export_files (
    org_id uuid not null references orgs,
    id uuid not null,
    draft_id uuid,
    kind text not null check (kind in ('audience', 'draft', 'report', 'errors', 'privacy')),
    name text not null,
    body bytea not null,
    by_member uuid not null,
    downloaded_at timestamptz,
    expires_at timestamptz not null,
    created_at timestamptz not null,
    primary key (org_id, id),
    foreign key (org_id, draft_id) references drafts (org_id, id),
    foreign key (org_id, by_member) references members (org_id, id)
);
create index export_files_expiry on export_files (org_id, expires_at);

create table idempotency_keys (
    org_id uuid not null references orgs,
    scope text not null,
    key text not null,
    body_hash bytea not null,
    status integer not null,
    reply jsonb not null,
    expires_at timestamptz not null,
    created_at timestamptz not null,
    primary key (org_id, scope, key)
);
create index idempotency_expiry on idempotency_keys (org_id, expires_at);

-- Numbers people read (draft numbers): rows, not sequences, so that they are per organisation and without gaps.
create table counters (
    org_id uuid not null references orgs,
    name text not null,
    value bigint not null default 0 check (value >= 0),
    primary key (org_id, name)
);

select protect_tables();
