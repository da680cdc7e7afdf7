-- What was made of the facts: segments, experiments, targets, findings.

-- Amounts in the organisation's currency.
create table user_metrics (
    org_id uuid not null references orgs,
    actor_id text not null,
    customer_id text,
    orders_90d bigint not null default 0 check (orders_90d >= 0),
    spend_90d numeric(18,6) not null default 0,
    orders_12m bigint not null default 0 check (orders_12m >= 0),
    spend_12m numeric(18,6) not null default 0,
    aov numeric(18,6) not null default 0,
    ltv_12m numeric(18,6),
    ltv_projected numeric(18,6),
    p_alive numeric(9,6) check (p_alive between 0 and 1),
    churn_30d numeric(9,6) check (churn_30d between 0 and 1),
    rfm_r integer not null default 0,
    rfm_f integer not null default 0,
    rfm_m integer not null default 0,
    rfm_name text not null check (rfm_name in (
        'champion', 'loyal', 'at_risk', 'new', 'promising', 'needs_attention', 'hibernating', 'lost')),
    last_order_at timestamptz,
    last_seen_at timestamptz,
    median_gap_days numeric(20,6),
    stage text not null check (stage in ('new', 'active', 'at_risk', 'inactive')),
    as_of date not null,
    primary key (org_id, actor_id)
);
create index user_metrics_by_rfm on user_metrics (org_id, rfm_name);

create table segments (
    org_id uuid not null references orgs,
    id uuid not null,
    name text not null,
    kind text not null check (kind in ('behavioural', 'rule', 'list')),
    definition jsonb not null default '{}',
    purpose text not null default '',
    size bigint not null default 0 check (size >= 0),
    age_min integer,
    refresh text not null default 'daily' check (refresh in ('daily', 'static')),
    pushed_to uuid[] not null default '{}',
    definition_changed_at timestamptz,
    rebuilt_at timestamptz,
    created_at timestamptz not null,
    primary key (org_id, id),
    unique (org_id, name)
);

create table segment_members (
    org_id uuid not null references orgs,
    segment_id uuid not null,
    actor_id text not null,
    joined_on date not null,
    left_on date,
    primary key (org_id, segment_id, actor_id, joined_on),
    foreign key (org_id, segment_id) references segments (org_id, id) on delete cascade
);

create table segment_sizes (
    org_id uuid not null references orgs,
    segment_id uuid not null,
    date date not null,
    size bigint not null default 0 check (size >= 0),
    spend numeric(18,6) not null default 0,
    primary key (org_id, segment_id, date),
    foreign key (org_id, segment_id) references segments (org_id, id) on delete cascade
);

-- Append-only: the latest row decides; a suppression is a denial.
create table consents (
    org_id uuid not null references orgs,
    customer_id text not null,
    channel text not null check (channel in ('email', 'push', 'sms', 'ads', 'analytics')),
    recorded_at timestamptz not null,
    status text not null check (status in ('granted', 'denied', 'unknown')),
    method text not null check (method in ('single', 'double', 'imported')),
    region text not null default '',
    evidence text not null default '',
    source text not null default '',
    primary key (org_id, customer_id, channel, recorded_at)
);

create table experiments (
    org_id uuid not null references orgs,
    id uuid not null,
    name text not null,
    kind text not null check (kind in ('ab', 'holdout', 'geo', 'time_split')),
    entity_kind text not null check (entity_kind in (
        'org', 'site', 'channel', 'account', 'source', 'campaign', 'ad_group', 'ad', 'creative',
        'keyword', 'search_term', 'query', 'page', 'product', 'variant', 'email', 'automation',
        'segment', 'post', 'topic', 'event', 'order', 'subscription', 'invoice', 'lead', 'experiment',
        'recommendation', 'draft', 'metric', 'dataset')),
    entity_id text not null,
    status text not null check (status in ('draft', 'running', 'finished', 'cancelled')),
    hypothesis text not null default '',
    primary_metric text not null,
    plan jsonb not null default '{}',
    guardrails jsonb not null default '{}',
    started_at timestamptz,
    ended_at timestamptz,
    winner text,
    decision text,
    draft_id uuid,
    created_at timestamptz not null,
    primary key (org_id, id),
    foreign key (org_id, draft_id) references drafts (org_id, id)
);

create table experiment_arms (
    org_id uuid not null references orgs,
    experiment_id uuid not null,
    arm text not null,
    is_control boolean not null default false,
    weight numeric(20,6) not null default 1,
    primary key (org_id, experiment_id, arm),
    foreign key (org_id, experiment_id) references experiments (org_id, id) on delete cascade
);

create table experiment_assignments (
    org_id uuid not null references orgs,
    experiment_id uuid not null,
    actor_id text not null,
    arm text not null,
    assigned_at timestamptz not null,
    primary key (org_id, experiment_id, actor_id),
    foreign key (org_id, experiment_id, arm) references experiment_arms (org_id, experiment_id, arm)
);

-- `users` are those newly assigned that day.
create table experiment_daily (
    org_id uuid not null references orgs,
    experiment_id uuid not null,
    arm text not null,
    date date not null,
    users bigint not null default 0 check (users >= 0),
    converters bigint not null default 0 check (converters >= 0),
    orders bigint not null default 0 check (orders >= 0),
    revenue numeric(18,6) not null default 0,
    revenue_squared numeric(20,6) not null default 0,
    cost numeric(18,6) not null default 0,
    primary key (org_id, experiment_id, arm, date),
    foreign key (org_id, experiment_id, arm) references experiment_arms (org_id, experiment_id, arm)
);

create table metric_targets (
    org_id uuid not null references orgs,
    metric text not null,
    scope text not null default '',
    target numeric(20,6) not null,
    band jsonb not null default '{}',
    owner_id uuid,
    valid_from date not null,
    created_at timestamptz not null,
    primary key (org_id, metric, scope, valid_from),
    foreign key (org_id, owner_id) references members (org_id, id)
);

create table budgets (
    org_id uuid not null references orgs,
    period text not null check (period in ('month', 'quarter', 'campaign')),
    period_start date not null,
    scope_kind text not null,
    scope_id text not null,
    amount numeric(18,6) not null,
    currency char(3) not null check (currency ~ '^[A-Z]{3}$'),
    created_at timestamptz not null,
    primary key (org_id, period, period_start, scope_kind, scope_id)
);

create table anomalies (
    org_id uuid not null references orgs,
    id uuid not null,
    day date not null,
    metric text not null,
    entity_kind text not null check (entity_kind in (
        'org', 'site', 'channel', 'account', 'source', 'campaign', 'ad_group', 'ad', 'creative',
        'keyword', 'search_term', 'query', 'page', 'product', 'variant', 'email', 'automation',
        'segment', 'post', 'topic', 'event', 'order', 'subscription', 'invoice', 'lead', 'experiment',
        'recommendation', 'draft', 'metric', 'dataset')),
    entity_id text not null,
    type text not null check (type in ('spike', 'drop', 'zero_value', 'duplicate', 'missing_data')),
    severity text not null check (severity in ('critical', 'warning', 'info')),
    expected numeric(20,6),
    actual numeric(20,6),
    deviation numeric(20,6),
    affected bigint not null default 0 check (affected >= 0),
    state text not null default 'open' check (state in ('open', 'confirmed', 'refuted', 'closed')),
    opportunity_id uuid,
    created_at timestamptz not null,
    primary key (org_id, id)
);
create index anomalies_by_day on anomalies (org_id, day);

create table opportunities (
    org_id uuid not null references orgs,
    id uuid not null,
    kind text not null,
    detector_group text not null check (detector_group in (
        'preflight', 'funnel', 'paid', 'seo', 'email', 'pages', 'content', 'social', 'cross_channel',
        'engine', 'operations')),
    polarity text not null check (polarity in ('opportunity', 'risk', 'hygiene')),
    channel text not null check (channel in (
        'paid_search', 'paid_social', 'display', 'video', 'seo', 'organic_social', 'email', 'sms',
        'push', 'in_app', 'referral', 'affiliate', 'direct', 'marketplace', 'offline', 'internal',
        'unknown', 'pages', 'content', 'cross_channel')),
    entity_kind text not null check (entity_kind in (
        'org', 'site', 'channel', 'account', 'source', 'campaign', 'ad_group', 'ad', 'creative',
        'keyword', 'search_term', 'query', 'page', 'product', 'variant', 'email', 'automation',
        'segment', 'post', 'topic', 'event', 'order', 'subscription', 'invoice', 'lead', 'experiment',
        'recommendation', 'draft', 'metric', 'dataset')),
    entity_id text not null,
    entity_name text not null default '',
    secondary jsonb not null default '{}',
    qualifier text not null default '',
    time_window jsonb not null default '{}',
    evidence jsonb not null default '[]',
    hypothesis text not null default '',
    recommended_drafts jsonb not null default '[]',
    value_7d numeric(18,6) not null default 0,
    value_low numeric(18,6) not null default 0,
    value_high numeric(18,6) not null default 0,
    uplift jsonb not null default '{}',
    currency char(3) not null check (currency ~ '^[A-Z]{3}$'),
    confidence numeric(9,6) not null default 0 check (confidence between 0 and 1),
    confidence_parts jsonb not null default '{}',
    effort text not null check (effort in ('low', 'medium', 'high')),
    risk text not null check (risk in ('low', 'medium', 'high')),
    score numeric(20,6) not null default 0,
    score100 numeric(20,6) not null default 0,
    urgency numeric(20,6) not null default 0,
    feasibility numeric(20,6) not null default 0,
    priority numeric(20,6) not null default 0,
    band text not null check (band in ('critical', 'high', 'medium', 'low')),
    alert_level text not null check (alert_level in ('none', 'digest', 'immediate')),
    exploratory boolean not null default false,
    fast_track boolean not null default false,
    dedupe_key text not null,
    first_seen date not null,
    last_seen date not null,
    times_seen integer not null default 1,
    review_by timestamptz,
    expires_at timestamptz,
    snoozed_until timestamptz,
    status text not null default 'new' check (status in (
        'new', 'reviewed', 'approved', 'executing', 'measuring', 'snoozed', 'suppressed', 'completed',
        'dismissed', 'resolved', 'expired')),
    status_reason text,
    reviewed_by uuid,
    reviewed_at timestamptz,
    draft_ids uuid[] not null default '{}',
    suppressed_by uuid,
    parent_id uuid,
    previous_id uuid,
    detector_version text not null,
    params_hash bytea not null,
    run_id uuid not null,
    result jsonb,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (org_id, id),
    foreign key (org_id, reviewed_by) references members (org_id, id)
);
create unique index opportunities_open on opportunities (org_id, dedupe_key)
    where status in ('new', 'reviewed', 'approved', 'executing', 'measuring', 'snoozed', 'suppressed');
create index opportunities_by_status on opportunities (org_id, status, score100);

select protect_tables();
