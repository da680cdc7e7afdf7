-- What every turn pays for.
--
-- Whole figures of a kind (campaigns, pages, the site) by day, without the rows that break them down by device, hour or
-- region: those are nine of ten rows of an advertiser with breakdowns, and a query over totals read them all.
create index daily_metrics_totals on daily_metrics (org_id, entity_kind, date) where breakdown = '';

-- A row of a turn belongs to a turn, and the turn to its organisation: asking for the organisation as well, row by row,
-- makes concurrent turns meet on one row of `orgs`.
alter table turn_events drop constraint turn_events_org_id_fkey;
alter table tool_calls drop constraint tool_calls_org_id_fkey;
alter table receipts drop constraint receipts_org_id_fkey;
