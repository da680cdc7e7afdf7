-- Rows that were computed from events and from other rows, so that a day that is computed again deletes and rewrites its own
-- and leaves alone what a sync, an import or the demo wrote. Whoever else writes such a row makes it their own.
alter table daily_metrics add column rolled boolean not null default false;
alter table daily_campaign_metrics add column rolled boolean not null default false;
alter table daily_funnel_metrics add column rolled boolean not null default false;
alter table touches add column rolled boolean not null default false;
alter table mrr_movements add column rolled boolean not null default false;

-- Which days and kinds other hands state, and which days hold computed rows.
create index daily_metrics_stated on daily_metrics (org_id, source, entity_kind, date) where not rolled;
create index daily_campaign_metrics_stated on daily_campaign_metrics (org_id, source, date) where not rolled;
create index daily_funnel_metrics_stated on daily_funnel_metrics (org_id, source, date) where not rolled;
create index touches_stated on touches (org_id, occurred_at) where not rolled;
create index daily_metrics_rolled on daily_metrics (org_id, date, source, entity_kind) where rolled;
