-- The organisation's secret for ids that are made from addresses (two version 4 UUIDs: 244 random bits).
alter table orgs add column person_key bytea not null
    default decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex');
