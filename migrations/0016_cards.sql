-- Cards know their thread and what they show; a token is good in one channel, and in a view for one person.
alter table card_messages
    -- Empty: the card begins a thread of its own. `message_ref` is empty until the card has arrived.
    add column thread_ref text not null default '',
    add column shown_version integer not null default 0,
    -- What was rendered last, and is shown once it has arrived.
    add column drawn_revision integer not null default 0,
    add column drawn_state text not null default 'pending' check (drawn_state in (
        'pending', 'changes_requested', 'approved', 'scheduled', 'executing', 'stale', 'rolling_back',
        'executed', 'failed', 'measured', 'rolled_back', 'rejected', 'cancelled', 'expired')),
    add column drawn_version integer not null default 0;
create index card_messages_in_channel on card_messages (org_id, channel_ref);

alter table card_tokens
    -- Empty: good wherever it is clicked (tokens that only show something).
    add column channel_ref text not null default '',
    add column member_id uuid,
    add column created_at timestamptz not null default 'epoch',
    add foreign key (org_id, member_id) references members (org_id, id) on delete cascade;
alter table card_tokens alter column created_at drop default;
create index card_tokens_by_end on card_tokens (org_id, expires_at);

-- Who was reminded of which revision: half of its life, the last hour.
create table card_reminders (
    org_id uuid not null references orgs,
    draft_id uuid not null,
    revision integer not null,
    member_id uuid not null,
    reminder text not null check (reminder in ('half', 'last')),
    at timestamptz not null,
    primary key (org_id, draft_id, revision, member_id, reminder),
    foreign key (org_id, draft_id) references drafts (org_id, id) on delete cascade,
    foreign key (org_id, member_id) references members (org_id, id) on delete cascade
);

-- Where a pushed message stands in each channel, so that an incident is told once and brought up to date in place.
create table notice_messages (
    org_id uuid not null references orgs,
    kind text not null check (kind in ('digest', 'alert', 'weekly', 'reminder')),
    notice_key text not null,
    channel_ref text not null,
    -- Empty until it has arrived.
    message_ref text not null default '',
    state text not null check (state in ('open', 'resolved')),
    body jsonb not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (org_id, kind, notice_key, channel_ref)
);

-- What the surfaces have to show next.
create index outbox_announced on outbox (org_id, created_at) where surface = 'worker' and state = 'queued';

select protect_tables();
