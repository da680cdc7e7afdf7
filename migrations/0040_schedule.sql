-- Runs by the clock: one row for each moment a job was due (its slot), whichever replica ran it, and one for each run that a
-- person asked for.
alter table job_runs
    add slot timestamptz,
    add trigger text not null default 'schedule' check (trigger in ('schedule', 'manual')),
    add owner text not null default '',
    add heartbeat_at timestamptz,
    add attempts integer not null default 1,
    add retry_at timestamptz,
    add done bigint not null default 0 check (done >= 0),
    add error text;
create unique index job_runs_slot on job_runs (org_id, job, slot) where trigger = 'schedule';
