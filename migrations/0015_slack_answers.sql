-- Answers on their way into Slack: enough that another process can go on, and that nothing is said twice.
create table slack_answers (
    org_id uuid not null references orgs,
    turn_id uuid not null,
    -- Who asked: the member, and the person and workspace that Slack knows.
    member_id uuid not null,
    team text not null,
    person text not null,
    person_team text not null default '',
    -- Where it is shown: a thread, or only to the asker through the address of a command or click.
    channel text not null,
    thread_ts text not null default '',
    way text not null check (way in ('thread', 'private')),
    response_url text not null default '',
    -- Messages of the answer and the text they hold; see `slack::asking::present::Position`.
    position jsonb not null default '{}',
    state text not null default 'showing' check (state in ('showing', 'shown', 'unsaid')),
    owner text,
    lease_until timestamptz,
    -- The click that shared a private answer with its channel.
    shared_by text,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (org_id, turn_id),
    foreign key (org_id, turn_id) references turns (org_id, id) on delete cascade,
    foreign key (org_id, member_id) references members (org_id, id)
);
create index slack_answers_open on slack_answers (org_id, lease_until) where state = 'showing';
create index slack_answers_of_thread on slack_answers (org_id, channel, thread_ts, created_at);

-- Home tabs as they were last published: Slack's hash, and the pages that the person had turned to.
create table slack_homes (
    org_id uuid not null references orgs,
    team text not null,
    person text not null,
    hash text not null default '',
    pages jsonb not null default '{}',
    published_at timestamptz not null,
    primary key (org_id, team, person)
);

select protect_tables();
