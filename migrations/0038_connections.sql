-- What payloads of a platform said that nobody expected: fields that are new, fields that are missing, words of a list that
-- are unknown. One row a field of a stream, counted.
create table schema_drift (
    org_id uuid not null references orgs,
    source_id uuid not null,
    stream text not null,
    field text not null,
    code text not null check (code in ('schema.new_field', 'schema.missing_field', 'schema.unknown_value')),
    first_at timestamptz not null,
    last_at timestamptz not null,
    count bigint not null check (count > 0),
    primary key (org_id, source_id, stream, field, code),
    foreign key (org_id, source_id) references sources (org_id, id) on delete cascade
);

-- The days of a connection whose figures still move.
create index daily_metrics_moving on daily_metrics (org_id, source_id, date) where not is_final and source_id is not null;

select protect_tables();
