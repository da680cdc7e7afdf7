-- Questions, what was done to answer them, and what it cost.

create table conversations (
    org_id uuid not null references orgs,
    id uuid not null,
    surface text not null check (surface in ('slack', 'http', 'console', 'cli', 'openai', 'mcp', 'worker')),
    external_ref text,
    title text not null default '',
    owner_id uuid not null,
    visibility text not null default 'private' check (visibility in ('private', 'thread')),
    summary text,
    summary_upto integer not null default 0,
    last_turn_at timestamptz,
    deleted_at timestamptz,
    created_at timestamptz not null,
    primary key (org_id, id),
    unique (org_id, surface, external_ref),
    foreign key (org_id, owner_id) references members (org_id, id)
);
create index conversations_by_owner on conversations (org_id, owner_id, last_turn_at);

-- `owner` and `lease_until` say which replica works on it; an expired lease is taken over.
create table turns (
    org_id uuid not null references orgs,
    id uuid not null,
    conversation_id uuid not null,
    asker_id uuid not null,
    api_key_id uuid,
    surface text not null check (surface in ('slack', 'http', 'console', 'cli', 'openai', 'mcp', 'worker')),
    question text not null,
    context jsonb not null default '{}',
    state text not null default 'queued' check (state in (
        'queued', 'running', 'completed', 'failed', 'cancelled')),
    owner text,
    lease_until timestamptz,
    idempotency_key text,
    answer text,
    route text check (route in ('model', 'planner', 'playbook')),
    outcome text check (outcome in ('answered', 'clarified', 'refused', 'unknown', 'failed')),
    model text,
    prompt_version text not null default '',
    tokens_in bigint not null default 0 check (tokens_in >= 0),
    tokens_out bigint not null default 0 check (tokens_out >= 0),
    cost numeric(18,6) not null default 0,
    ttft_ms integer,
    total_ms integer,
    figures integer not null default 0,
    figures_traced integer not null default 0,
    created_at timestamptz not null,
    finished_at timestamptz,
    primary key (org_id, id),
    unique (org_id, asker_id, idempotency_key),
    foreign key (org_id, conversation_id) references conversations (org_id, id),
    foreign key (org_id, asker_id) references members (org_id, id),
    foreign key (org_id, api_key_id) references api_keys (org_id, id)
);
create index turns_of_conversation on turns (org_id, conversation_id, created_at, id);
create index turns_open on turns (org_id, lease_until) where state in ('queued', 'running');

-- The one log that every surface replays. Only the owner of the lease writes.
create table turn_events (
    org_id uuid not null references orgs,
    turn_id uuid not null,
    seq integer not null,
    at timestamptz not null,
    kind text not null check (kind in (
        'turn.started', 'status', 'text.delta', 'tool.started', 'tool.completed', 'tool.failed',
        'chart', 'draft.created', 'receipts', 'suggestions', 'turn.completed', 'turn.failed',
        'turn.cancelled')),
    payload jsonb not null,
    primary key (org_id, turn_id, seq),
    foreign key (org_id, turn_id) references turns (org_id, id) on delete cascade
);

create table tool_calls (
    org_id uuid not null references orgs,
    turn_id uuid not null,
    call_id text not null,
    tool text not null,
    params jsonb not null default '{}',
    run_id uuid,
    draft_id uuid,
    state text not null check (state in ('started', 'completed', 'failed')),
    error_code text,
    elapsed_ms integer not null default 0,
    created_at timestamptz not null,
    primary key (org_id, turn_id, call_id),
    foreign key (org_id, turn_id) references turns (org_id, id) on delete cascade
);

create table query_runs (
    org_id uuid not null,
    id uuid not null,
    ran_at timestamptz not null,
    query text not null,
    version integer not null,
    params jsonb not null default '{}',
    params_hash bytea not null,
    member_id uuid,
    api_key_id uuid,
    surface text not null check (surface in ('slack', 'http', 'console', 'cli', 'openai', 'mcp', 'worker')),
    turn_id uuid,
    window_start date,
    window_end date,
    as_of timestamptz not null,
    rows integer not null default 0,
    total_rows integer not null default 0,
    truncated boolean not null default false,
    partial boolean not null default false,
    duration_ms integer not null default 0,
    cost numeric(18,6) not null default 0,
    cache_hit boolean not null default false,
    snapshot_id text not null default '',
    reason text,
    primary key (org_id, id, ran_at)
) partition by range (ran_at);
create index query_runs_of_turn on query_runs (org_id, turn_id) where turn_id is not null;
create index query_runs_by_query on query_runs (org_id, query, ran_at);

-- The rows of a run, for receipts and "show data".
create table query_results (
    org_id uuid not null references orgs,
    run_id uuid not null,
    columns jsonb not null default '[]',
    rows jsonb not null default '[]',
    totals jsonb not null default '{}',
    meta jsonb not null default '{}',
    expires_at timestamptz not null,
    primary key (org_id, run_id)
);
create index query_results_expiry on query_results (org_id, expires_at);

create table receipts (
    org_id uuid not null references orgs,
    turn_id uuid not null,
    n integer not null,
    figure text not null,
    value numeric(20,6),
    unit text not null default '',
    status text not null check (status in ('traced', 'calculated', 'unverified')),
    run_id uuid,
    row integer,
    col text,
    steps jsonb,
    primary key (org_id, turn_id, n),
    foreign key (org_id, turn_id) references turns (org_id, id) on delete cascade
);

create table memories (
    org_id uuid not null references orgs,
    id uuid not null,
    kind text not null check (kind in ('fact', 'preference')),
    text text not null,
    state text not null check (state in ('proposed', 'kept', 'deleted')),
    turn_id uuid,
    member_id uuid,
    decided_by uuid,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (org_id, id),
    foreign key (org_id, turn_id) references turns (org_id, id),
    foreign key (org_id, member_id) references members (org_id, id),
    foreign key (org_id, decided_by) references members (org_id, id)
);

create table embeddings (
    org_id uuid not null references orgs,
    kind text not null check (kind in ('question', 'answer', 'draft', 'outcome', 'rejection')),
    ref_id uuid not null,
    method text not null check (method in ('provider', 'lexical')),
    model text not null,
    embedding vector(768) not null,
    text_hash bytea not null,
    created_at timestamptz not null,
    primary key (org_id, kind, ref_id, model)
);
create index embeddings_of_model on embeddings (org_id, method, model);

create table feedback (
    org_id uuid not null references orgs,
    turn_id uuid not null,
    member_id uuid not null,
    rating text not null check (rating in ('up', 'down')),
    note text,
    created_at timestamptz not null,
    primary key (org_id, turn_id, member_id),
    foreign key (org_id, turn_id) references turns (org_id, id) on delete cascade,
    foreign key (org_id, member_id) references members (org_id, id)
);

create table model_calls (
    org_id uuid not null,
    id uuid not null,
    at timestamptz not null,
    turn_id uuid,
    purpose text not null check (purpose in ('answer', 'summary', 'embedding', 'eval')),
    provider text not null,
    model text not null,
    tokens_in bigint not null default 0 check (tokens_in >= 0),
    tokens_out bigint not null default 0 check (tokens_out >= 0),
    cost numeric(18,6) not null default 0,
    latency_ms integer not null default 0,
    ttft_ms integer,
    state text not null check (state in ('ok', 'error', 'timeout', 'broken')),
    error_code text,
    fallback_rank integer not null default 0,
    primary key (org_id, id, at)
) partition by range (at);

create table usage_counters (
    org_id uuid not null references orgs,
    window_start timestamptz not null,
    kind text not null check (kind in ('tokens', 'cost', 'queries', 'turns')),
    amount numeric(20,6) not null default 0,
    primary key (org_id, window_start, kind)
);

create table report_runs (
    org_id uuid not null references orgs,
    id uuid not null,
    kind text not null check (kind in (
        'daily', 'weekly', 'board', 'compliance', 'experiments', 'data', 'saas', 'stock', 'seo')),
    window_start date not null,
    window_end date not null,
    sections jsonb not null default '[]',
    file bytea,
    generated_at timestamptz not null,
    primary key (org_id, id)
);

create table report_deliveries (
    org_id uuid not null references orgs,
    report_id uuid not null,
    recipient text not null,
    delivered_at timestamptz not null,
    opened_at timestamptz,
    primary key (org_id, report_id, recipient),
    foreign key (org_id, report_id) references report_runs (org_id, id) on delete cascade
);

select protect_tables();
