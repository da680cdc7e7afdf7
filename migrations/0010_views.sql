-- All that named queries and detectors can see: views for adjutant_reader, owned by the owner, fenced by the tables'
-- own row-level security. No organisation key, no bytes, no contact fields, no free text that people wrote.

-- Facts and what they are about.
select expose('entities');
select expose('entity_links', hidden => '{evidence}');
select expose('campaigns');
select expose('ad_groups');
select expose('creatives');
select expose('keywords');
select expose('pages');
select expose('products');
select expose('variants');
select expose('actor_links');
select expose('orders', hidden => '{landing_site}');
select expose('order_items');
select expose('refunds', hidden => '{reason}');
select expose('touches');
select expose('daily_metrics');
select expose('daily_campaign_metrics');
select expose('daily_funnel_metrics');
select expose('search_terms');
select expose('search_performance');
select expose('keyword_ranks');
select expose('user_metrics');
select expose('segments');
select expose('segment_members');
select expose('segment_sizes');
select expose('experiments');
select expose('experiment_arms');
select expose('experiment_assignments');
select expose('experiment_daily');
select expose('metric_targets');
select expose('budgets');
select expose('anomalies');
select expose('fx_rates');
select expose('opportunities', hidden => '{status_reason}');
select expose('restatements');

-- People: opaque ids and what cannot be told apart.
select expose('customers',
    columns => '{id, kind, country, city, accepts_marketing, first_order_at, last_order_at, orders_count,
        total_spent, ltv, currency}',
    more => $$, 
        -- Under 18 in the year the row was last written; the year of the birthday counts as under.
        coalesce(birth_year >= extract(year from updated_at)::integer - 18, false) as minor,
        first_touch ->> 'channel' as first_touch_channel, last_touch ->> 'channel' as last_touch_channel$$);
select expose('leads',
    columns => '{id, source, created_on, created_at, lead_source, form, campaign_id, ad_id, city, page_type, flow,
        stage, value, currency, channel, customer_id, trial_at, booked_at, won_at}',
    more => $$, 
        first_touch ->> 'channel' as first_touch_channel, first_touch ->> 'campaign_id' as first_touch_campaign_id,
        last_touch ->> 'channel' as last_touch_channel, last_touch ->> 'campaign_id' as last_touch_campaign_id$$);
select expose('consents', hidden => '{evidence}');
select expose('events',
    columns => '{id, occurred_at, name, source, channel, entity_kind, entity_id, canonical_id, actor_type,
        actor_id, customer_id, session_id, session_seq, value, currency, received_at, ingest_lag_seconds,
        late_arrival, backfill, ingested_via, schema_version}');

-- The organisation and the state of its data.
select expose('orgs',
    columns => '{name, time_zone, currency, locale, week_start}');
select expose('members',
    columns => '{id, name, role, state}');
select expose('sources',
    columns => '{id, source, name, state, account_time_zone, currency, api_version, last_synced_at, created_at}');
select expose('source_streams',
    columns => '{source_id, stream, complete_through, newest_at, expected_rows, fails, next_due_at}');
select expose('sync_runs', hidden => '{cursor_before, cursor_after, error_message}');
select expose('imports',
    columns => '{id, dataset, state, counts, at, finished_at}');
select expose('data_quality_log');
select expose('job_runs');

-- Governance.
select expose('drafts');
select expose('draft_revisions',
    columns => '{draft_id, revision, diff, evidence, expected_effect, guardrails, editor_kind, editor_id,
        prompt_version, created_at}');
select expose('draft_targets');
select expose('reviews', hidden => '{note}');
select expose('executions', hidden => '{after, report}');
select expose('measurements');
select expose('breakers', hidden => '{reason}');
select expose('audit_log',
    columns => '{seq, at, actor_type, actor_id, on_behalf_of, surface, action, object_type, object_id, revision,
        consent_check}');
select expose('query_runs', hidden => '{params, reason}');
select expose('turns',
    columns => '{id, conversation_id, asker_id, surface, state, route, outcome, model, prompt_version, tokens_in,
        tokens_out, cost, ttft_ms, total_ms, figures, figures_traced, created_at, finished_at}');
select expose('tool_calls', hidden => '{params}');
select expose('feedback', hidden => '{note}');
select expose('model_calls');
