-- The totals of 0030 with what most queries sum, so that they need not visit rows of 400 bytes each: half the time of a
-- query over all ads of a large advertiser.
drop index daily_metrics_totals;
create index daily_metrics_totals on daily_metrics (org_id, entity_kind, date)
    include (entity_id, source, channel, impressions, clicks, conversions, cost_base, revenue_base)
    where breakdown = '';

-- The newest order of each source, as 0012 has it for other tables: 23 look-ups instead of every order of 400 days.
create index orders_of_source on orders (org_id, source, ordered_at);
create view facts.newest_orders with (security_barrier) as
select s.source, n.newest from unnest(array[
    'google_ads', 'meta_ads', 'tiktok_ads', 'linkedin_ads', 'reddit_ads', 'ga4', 'search_console', 'dataforseo',
    'plausible', 'shopify', 'tiendanube', 'mercadolibre', 'stripe', 'quickbooks', 'activecampaign', 'klaviyo', 'csv',
    'web', 'mobile', 'admin_portal', 'backend', 'slack', 'system']) s (source)
cross join lateral (select max(o.ordered_at) as newest from public.orders o where o.source = s.source) n
where n.newest is not null;
grant select on facts.newest_orders to adjutant_reader;
