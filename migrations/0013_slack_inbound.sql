-- What came from Slack, stored before it is acknowledged and worked on afterwards.

-- One envelope. `event_key` finds a delivery that comes again; (channel_id, message_ts) finds the same message under
-- another event (`message` and `app_mention`). Envelopes of one `lane` (a thread) are worked on one after the other, by
-- `place`, then as they came; `lease_owner` works on it until `lease_until`.
create table slack_inbound (
    org_id uuid not null references orgs,
    event_key text not null,
    team text not null,
    kind text not null,
    channel_id text,
    message_ts text,
    lane text not null,
    place text not null default '',
    body jsonb not null,
    state text not null default 'new' check (state in ('new', 'done', 'dead')),
    attempts integer not null default 0,
    not_before timestamptz not null,
    lease_owner uuid,
    lease_until timestamptz,
    error text,
    received_at timestamptz not null,
    finished_at timestamptz,
    primary key (org_id, event_key),
    unique (org_id, channel_id, message_ts)
);
create index slack_inbound_waiting on slack_inbound (org_id, received_at) where state = 'new';
create index slack_inbound_lanes on slack_inbound (org_id, lane) where state = 'new';
create index slack_inbound_finished on slack_inbound (org_id, finished_at) where state <> 'new';

-- Who we are in a workspace: the app's own user and bot id tell our messages from those of others.
alter table slack_installs
    add column name text not null default '',
    add column bot_user text not null default '',
    add column bot_id text not null default '';

select protect_tables();
