-- Where facts come from, and the work queues.

-- One row a connection; `source` is its connector.
create table sources (
    org_id uuid not null references orgs,
    id uuid not null,
    source text not null check (source in (
        'google_ads', 'meta_ads', 'tiktok_ads', 'linkedin_ads', 'reddit_ads', 'ga4', 'search_console',
        'dataforseo', 'plausible', 'shopify', 'tiendanube', 'mercadolibre', 'stripe', 'quickbooks',
        'activecampaign', 'klaviyo', 'csv')),
    name text not null,
    config jsonb not null default '{}',
    secrets bytea,
    key_id text,
    state text not null default 'connected' check (state in (
        'unconfigured', 'connected', 'attention', 'disabled')),
    account_time_zone text not null default 'UTC',
    currency char(3) not null check (currency ~ '^[A-Z]{3}$'),
    api_version text not null default '',
    last_synced_at timestamptz,
    breaker_until timestamptz,
    paused_by uuid,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (org_id, id),
    foreign key (org_id, paused_by) references members (org_id, id)
);

create table source_streams (
    org_id uuid not null references orgs,
    source_id uuid not null,
    stream text not null,
    cursor jsonb not null default '{}',
    complete_through date,
    newest_at timestamptz,
    expected_rows bigint check (expected_rows >= 0),
    quota jsonb not null default '{}',
    fails integer not null default 0,
    next_due_at timestamptz,
    primary key (org_id, source_id, stream),
    foreign key (org_id, source_id) references sources (org_id, id) on delete cascade
);
create index source_streams_due on source_streams (org_id, next_due_at);

create table sync_runs (
    org_id uuid not null references orgs,
    id uuid not null,
    source_id uuid not null,
    stream text not null,
    mode text not null check (mode in ('incremental', 'backfill', 'full')),
    trigger text not null check (trigger in ('schedule', 'manual', 'webhook', 'backfill')),
    state text not null check (state in ('queued', 'running', 'succeeded', 'partial', 'failed', 'cancelled')),
    window_from date,
    window_to date,
    started_at timestamptz not null,
    finished_at timestamptz,
    requests integer not null default 0,
    retries integer not null default 0,
    throttled_ms bigint not null default 0,
    rows_read bigint not null default 0,
    rows_written bigint not null default 0,
    rows_unchanged bigint not null default 0,
    cursor_before jsonb,
    cursor_after jsonb,
    holes jsonb not null default '[]',
    warnings jsonb not null default '[]',
    error_code text,
    error_message text,
    api_version text not null default '',
    cost numeric(18,6) not null default 0,
    constraint sync_runs_counts check (least(
        throttled_ms, rows_read, rows_written, rows_unchanged) >= 0),
    primary key (org_id, id),
    foreign key (org_id, source_id) references sources (org_id, id)
);
create index sync_runs_by_source on sync_runs (org_id, source_id, started_at);

create table imports (
    org_id uuid not null references orgs,
    id uuid not null,
    dataset text not null check (dataset in (
        'daily_metrics', 'campaigns', 'search_terms', 'search_performance', 'keyword_ranks', 'orders',
        'customers', 'products', 'inventory_levels', 'subscriptions', 'invoices', 'refunds', 'leads',
        'ad_costs', 'fx_rates', 'entity_links', 'events', 'suppressions')),
    file_name text not null default '',
    file_hash bytea not null,
    mapping jsonb not null default '{}',
    detected jsonb not null default '{}',
    state text not null check (state in (
        'uploaded', 'mapped', 'previewed', 'committing', 'done', 'failed', 'undone')),
    counts jsonb not null default '{}',
    errors jsonb not null default '[]',
    by_member uuid,
    at timestamptz not null,
    finished_at timestamptz,
    primary key (org_id, id),
    foreign key (org_id, by_member) references members (org_id, id)
);
create index imports_by_file on imports (org_id, file_hash);

create table import_chunks (
    org_id uuid not null references orgs,
    import_id uuid not null,
    n integer not null,
    body bytea,
    primary key (org_id, import_id, n),
    foreign key (org_id, import_id) references imports (org_id, id) on delete cascade
);

create table import_mappings (
    org_id uuid not null references orgs,
    id uuid not null,
    name text not null,
    header_fingerprint text not null,
    mapping jsonb not null default '{}',
    created_at timestamptz not null,
    primary key (org_id, id),
    unique (org_id, header_fingerprint, name)
);

-- `seq` orders the messages of one channel.
create table outbox (
    org_id uuid not null references orgs,
    id uuid not null,
    surface text not null check (surface in ('slack', 'http', 'console', 'cli', 'openai', 'mcp', 'worker')),
    channel_ref text not null,
    seq bigint not null check (seq >= 0),
    kind text not null check (kind in ('message', 'update', 'card', 'dm', 'file', 'email')),
    payload jsonb not null,
    dedupe_key text not null,
    state text not null default 'queued' check (state in ('queued', 'sending', 'sent', 'dead')),
    attempts integer not null default 0,
    not_before timestamptz not null,
    sent_at timestamptz,
    external_ref text,
    created_at timestamptz not null,
    primary key (org_id, id),
    unique (org_id, dedupe_key),
    unique (org_id, channel_ref, seq)
);
create index outbox_due on outbox (org_id, not_before) where state in ('queued', 'sending');

create table job_runs (
    org_id uuid not null references orgs,
    id uuid not null,
    job text not null,
    key text,
    state text not null check (state in ('running', 'succeeded', 'failed', 'given_up')),
    crashes integer not null default 0,
    started_at timestamptz not null,
    finished_at timestamptz,
    error_code text,
    primary key (org_id, id)
);
create index job_runs_by_job on job_runs (org_id, job, started_at);

-- Days whose rollups must be computed again.
create table restatements (
    org_id uuid not null references orgs,
    date date not null,
    entity_kind text not null check (entity_kind in (
        'org', 'site', 'channel', 'account', 'source', 'campaign', 'ad_group', 'ad', 'creative',
        'keyword', 'search_term', 'query', 'page', 'product', 'variant', 'email', 'automation',
        'segment', 'post', 'topic', 'event', 'order', 'subscription', 'invoice', 'lead', 'experiment',
        'recommendation', 'draft', 'metric', 'dataset')),
    entity_id text not null,
    channel text not null check (channel in (
        'paid_search', 'paid_social', 'display', 'video', 'seo', 'organic_social', 'email', 'sms',
        'push', 'in_app', 'referral', 'affiliate', 'direct', 'marketplace', 'offline', 'internal',
        'unknown')),
    cause text not null default '',
    queued_at timestamptz not null,
    primary key (org_id, date, entity_kind, entity_id, channel)
);

create table data_quality_log (
    org_id uuid not null,
    hour timestamptz not null,
    source text not null check (source in (
        'google_ads', 'meta_ads', 'tiktok_ads', 'linkedin_ads', 'reddit_ads', 'ga4', 'search_console',
        'dataforseo', 'plausible', 'shopify', 'tiendanube', 'mercadolibre', 'stripe', 'quickbooks',
        'activecampaign', 'klaviyo', 'csv', 'web', 'mobile', 'admin_portal', 'backend', 'slack',
        'system')),
    class text not null check (class in ('campaign', 'user', 'marketer', 'system', 'metrics', 'batch')),
    expected bigint not null default 0,
    received bigint not null default 0,
    valid bigint not null default 0,
    duplicate bigint not null default 0,
    late bigint not null default 0,
    stored bigint not null default 0,
    required_filled bigint not null default 0,
    required_total bigint not null default 0,
    unknown_props bigint not null default 0,
    mapped bigint not null default 0,
    named bigint not null default 0,
    newest_at timestamptz,
    lag_p95_s integer not null default 0,
    constraint data_quality_log_counts check (least(
        expected, received, valid, duplicate, late, stored, required_filled, required_total,
        unknown_props, mapped, named) >= 0),
    primary key (org_id, hour, source, class)
) partition by range (hour);

select protect_tables();
