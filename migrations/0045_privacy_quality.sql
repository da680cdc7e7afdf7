-- People who are to be forgotten, and marks that keep them from coming back.

-- A request to erase. `subjects` holds the ids as they were given until the work is done, and nothing after; `subject_hashes`
-- are their marks (HMAC under the organisation's key), by which the same request is known again.
create table privacy_jobs (
    org_id uuid not null references orgs,
    id uuid not null,
    kind text not null check (kind in ('erase', 'export')),
    subject_hashes bytea[] not null,
    subjects text[] not null default '{}',
    reason text not null,
    state text not null default 'pending' check (state in ('pending', 'running', 'done', 'failed')),
    due_at timestamptz not null,
    attempts integer not null default 0,
    report jsonb not null default '{}',
    error text,
    created_at timestamptz not null,
    started_at timestamptz,
    finished_at timestamptz,
    primary key (org_id, id)
);
create index privacy_jobs_open on privacy_jobs (org_id, created_at) where state <> 'done';

-- One row an id that was a person's. `sweep` says where rows under it are still to be looked for: everywhere (the mark came
-- from elsewhere, after a restore), in what other jobs compute, or nowhere.
create table tombstones (
    org_id uuid not null references orgs,
    subject_hmac bytea not null,
    at timestamptz not null,
    sweep text not null check (sweep in ('all', 'derived', 'done')),
    primary key (org_id, subject_hmac)
);
create index tombstones_to_sweep on tombstones (org_id, at) where sweep <> 'done';

-- What is wrong with the data, from when until when. One incident is open once.
create table alerts (
    org_id uuid not null references orgs,
    id uuid not null,
    code text not null,
    dedupe_key text not null,
    severity text not null check (severity in ('critical', 'warning', 'info')),
    about jsonb not null default '{}',
    value numeric(20,6),
    opened_at timestamptz not null,
    closed_at timestamptz,
    sent_at timestamptz,
    message_ref text,
    primary key (org_id, id)
);
create unique index alerts_open on alerts (org_id, dedupe_key) where closed_at is null;
create index alerts_by_time on alerts (org_id, opened_at);

-- How many windows in a row a check was bad or good; each window counts once, whoever looked.
create table quality_checks (
    org_id uuid not null references orgs,
    check_key text not null,
    last_window timestamptz not null,
    bad integer not null default 0 check (bad >= 0),
    good integer not null default 0 check (good >= 0),
    value numeric(20,6),
    primary key (org_id, check_key)
);

select protect_tables();

-- How many events were live (no backfill), and how many of them came as soon as their class allows (`events.md` §8).
alter table data_quality_log
    add column live bigint not null default 0 check (live >= 0),
    add column on_time bigint not null default 0 check (on_time >= 0);
