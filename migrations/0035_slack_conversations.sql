-- Whose a conversation with us is. What is meant for a person is addressed to the person or to the conversation; both
-- stand in one queue, which is called by the person, so that it is the same before and after the conversation is known.
create table slack_conversations (
    org_id uuid not null references orgs,
    channel_ref text not null,
    person text not null,
    known_since timestamptz not null,
    primary key (org_id, channel_ref)
);
create index slack_conversations_of on slack_conversations (org_id, person);

select protect_tables();
