-- What people pay again and again. A movement is signed: what an account adds to, or takes from, the recurring revenue on
-- a day, in the organisation's currency a month; the sum of an account's movements is what it pays now. Trials pay nothing.
create table plans (
    org_id uuid not null references orgs,
    id text not null,
    name text not null,
    interval text not null check (interval in ('month', 'year')),
    amount numeric(18,6) not null check (amount >= 0),
    currency char(3) not null check (currency ~ '^[A-Z]{3}$'),
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

create table subscriptions (
    org_id uuid not null references orgs,
    id text not null,
    customer_id text not null,
    plan_id text not null,
    status text not null check (status in (
        'trialing', 'active', 'past_due', 'unpaid', 'paused', 'incomplete', 'canceled')),
    quantity numeric(20,6) not null default 1,
    mrr numeric(18,6) not null default 0 check (mrr >= 0),
    trial_mrr numeric(18,6) not null default 0 check (trial_mrr >= 0),
    currency char(3) not null check (currency ~ '^[A-Z]{3}$'),
    started_at timestamptz not null,
    trial_started_at timestamptz,
    trial_ends_at timestamptz,
    canceled_at timestamptz,
    cancel_reason text not null default '',
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
create index subscriptions_of_customer on subscriptions (org_id, customer_id);

create table mrr_movements (
    org_id uuid not null references orgs,
    date date not null,
    subscription_id text not null,
    kind text not null check (kind in ('new', 'expansion', 'contraction', 'churn', 'reactivation')),
    mrr_delta numeric(18,6) not null,
    plan_id text not null,
    channel text not null default 'unknown',
    primary key (org_id, date, subscription_id, kind),
    check (case when kind in ('contraction', 'churn') then mrr_delta <= 0 else mrr_delta >= 0 end)
);
create index mrr_movements_of_subscription on mrr_movements (org_id, subscription_id, date);

select protect_tables();
select expose('plans');
select expose('subscriptions', hidden => '{cancel_reason}');
select expose('mrr_movements');
