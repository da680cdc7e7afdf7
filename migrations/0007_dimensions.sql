-- The things facts are about. Ids are text: `{source}:{external_id}` for things of platforms, a path for
-- pages. Rows arrive in any order from any source, so the dimensions do not reference each other.
-- The last columns of most tables say where a row came from: `row_hash` lets an upsert skip what did not change.

-- `canonical_id` is itself, or the root of its `same_as` chain.
create table entities (
    org_id uuid not null references orgs,
    kind text not null check (kind in (
        'org', 'site', 'channel', 'account', 'source', 'campaign', 'ad_group', 'ad', 'creative',
        'keyword', 'search_term', 'query', 'page', 'product', 'variant', 'email', 'automation',
        'segment', 'post', 'topic', 'event', 'order', 'subscription', 'invoice', 'lead', 'experiment',
        'recommendation', 'draft', 'metric', 'dataset')),
    id text not null,
    account_id text not null default '',
    external_id text not null default '',
    name text not null default '',
    url text,
    canonical_id text not null default '',
    attrs jsonb not null default '{}',
    removed_at timestamptz,
    source text not null check (source in (
        'google_ads', 'meta_ads', 'tiktok_ads', 'linkedin_ads', 'reddit_ads', 'ga4', 'search_console',
        'dataforseo', 'plausible', 'shopify', 'tiendanube', 'mercadolibre', 'stripe', 'quickbooks',
        'activecampaign', 'klaviyo', 'csv', 'web', 'mobile', 'admin_portal', 'backend', 'slack',
        'system')),
    source_id uuid,
    sync_run_id uuid,
    first_seen_at timestamptz not null,
    updated_at timestamptz not null,
    source_updated_at timestamptz,
    row_hash bytea not null default '',
    extra jsonb not null default '{}',
    primary key (org_id, kind, id)
);
create index entities_by_name on entities (org_id, kind, lower(name));

create table entity_links (
    org_id uuid not null references orgs,
    from_kind text not null check (from_kind in (
        'org', 'site', 'channel', 'account', 'source', 'campaign', 'ad_group', 'ad', 'creative',
        'keyword', 'search_term', 'query', 'page', 'product', 'variant', 'email', 'automation',
        'segment', 'post', 'topic', 'event', 'order', 'subscription', 'invoice', 'lead', 'experiment',
        'recommendation', 'draft', 'metric', 'dataset')),
    from_id text not null,
    relation text not null check (relation in (
        'same_as', 'lands_on', 'promotes', 'sells', 'targets', 'bids_on', 'about')),
    to_kind text not null check (to_kind in (
        'org', 'site', 'channel', 'account', 'source', 'campaign', 'ad_group', 'ad', 'creative',
        'keyword', 'search_term', 'query', 'page', 'product', 'variant', 'email', 'automation',
        'segment', 'post', 'topic', 'event', 'order', 'subscription', 'invoice', 'lead', 'experiment',
        'recommendation', 'draft', 'metric', 'dataset')),
    to_id text not null,
    since date not null,
    until date,
    state text not null check (state in ('confirmed', 'suggested', 'rejected')),
    similarity numeric(9,6) check (similarity between 0 and 1),
    confidence numeric(9,6) not null default 0 check (confidence between 0 and 1),
    evidence text not null default '',
    set_by uuid,
    primary key (org_id, from_kind, from_id, relation, to_kind, to_id),
    foreign key (org_id, set_by) references members (org_id, id)
);

create table campaigns (
    org_id uuid not null references orgs,
    id text not null,
    account_id text not null default '',
    name text not null,
    status text not null default 'unknown' check (status in (
        'active', 'paused', 'draft', 'ended', 'archived', 'removed', 'unknown')),
    raw_status text not null default '',
    channel text not null default 'unknown' check (channel in (
        'paid_search', 'paid_social', 'display', 'video', 'seo', 'organic_social', 'email', 'sms',
        'push', 'in_app', 'referral', 'affiliate', 'direct', 'marketplace', 'offline', 'internal',
        'unknown')),
    campaign_type text check (campaign_type in (
        'DISCOUNT', 'CASHBACK', 'LOYALTY', 'ANNOUNCEMENT', 'REACTIVATION', 'RETARGETING', 'SEASONAL',
        'OTHER')),
    objective text not null default '',
    bidding text not null default '',
    daily_budget numeric(18,6),
    lifetime_budget numeric(18,6),
    budget_id text,
    budget_shared boolean not null default false,
    budget_cap numeric(18,6),
    planned_budget numeric(18,6),
    currency char(3) not null check (currency ~ '^[A-Z]{3}$'),
    starts_on date,
    ends_on date,
    landing_page text,
    is_brand boolean not null default false,
    is_brand_by text check (is_brand_by in ('label', 'name', 'terms', 'member')),
    labels text[] not null default '{}',
    final_url_suffix text not null default '',
    tracking text not null default 'unknown' check (tracking in ('ok', 'missing', 'unknown')),
    source text not null check (source in (
        'google_ads', 'meta_ads', 'tiktok_ads', 'linkedin_ads', 'reddit_ads', 'ga4', 'search_console',
        'dataforseo', 'plausible', 'shopify', 'tiendanube', 'mercadolibre', 'stripe', 'quickbooks',
        'activecampaign', 'klaviyo', 'csv', 'web', 'mobile', 'admin_portal', 'backend', 'slack',
        'system')),
    source_id uuid,
    sync_run_id uuid,
    first_seen_at timestamptz not null,
    updated_at timestamptz not null,
    source_updated_at timestamptz,
    row_hash bytea not null default '',
    extra jsonb not null default '{}',
    primary key (org_id, id)
);

create table ad_groups (
    org_id uuid not null references orgs,
    id text not null,
    campaign_id text not null,
    name text not null default '',
    status text not null default 'unknown' check (status in (
        'active', 'paused', 'draft', 'ended', 'archived', 'removed', 'unknown')),
    bid numeric(18,6),
    daily_budget numeric(18,6),
    currency char(3) not null check (currency ~ '^[A-Z]{3}$'),
    optimization_goal text not null default '',
    targeting jsonb not null default '{}',
    last_significant_edit_at timestamptz,
    source text not null check (source in (
        'google_ads', 'meta_ads', 'tiktok_ads', 'linkedin_ads', 'reddit_ads', 'ga4', 'search_console',
        'dataforseo', 'plausible', 'shopify', 'tiendanube', 'mercadolibre', 'stripe', 'quickbooks',
        'activecampaign', 'klaviyo', 'csv', 'web', 'mobile', 'admin_portal', 'backend', 'slack',
        'system')),
    source_id uuid,
    sync_run_id uuid,
    first_seen_at timestamptz not null,
    updated_at timestamptz not null,
    source_updated_at timestamptz,
    row_hash bytea not null default '',
    extra jsonb not null default '{}',
    primary key (org_id, id)
);
create index ad_groups_of_campaign on ad_groups (org_id, campaign_id);

-- One row an ad.
create table creatives (
    org_id uuid not null references orgs,
    id text not null,
    ad_group_id text not null default '',
    campaign_id text not null default '',
    format text not null default '',
    headlines text[] not null default '{}',
    descriptions text[] not null default '{}',
    body text not null default '',
    call_to_action text not null default '',
    final_url text not null default '',
    media jsonb not null default '{}',
    content_hash bytea not null default '',
    status text not null default 'unknown' check (status in (
        'active', 'paused', 'draft', 'ended', 'archived', 'removed', 'unknown')),
    launched_on date,
    policy_status text not null default '',
    source text not null check (source in (
        'google_ads', 'meta_ads', 'tiktok_ads', 'linkedin_ads', 'reddit_ads', 'ga4', 'search_console',
        'dataforseo', 'plausible', 'shopify', 'tiendanube', 'mercadolibre', 'stripe', 'quickbooks',
        'activecampaign', 'klaviyo', 'csv', 'web', 'mobile', 'admin_portal', 'backend', 'slack',
        'system')),
    source_id uuid,
    sync_run_id uuid,
    first_seen_at timestamptz not null,
    updated_at timestamptz not null,
    source_updated_at timestamptz,
    row_hash bytea not null default '',
    extra jsonb not null default '{}',
    primary key (org_id, id)
);
create index creatives_of_ad_group on creatives (org_id, ad_group_id);

create table keywords (
    org_id uuid not null references orgs,
    id text not null,
    ad_group_id text not null default '',
    text text not null,
    match_type text not null check (match_type in ('EXACT', 'PHRASE', 'BROAD')),
    negative boolean not null default false,
    bid numeric(18,6),
    currency char(3) not null check (currency ~ '^[A-Z]{3}$'),
    quality_score integer,
    ad_relevance text not null default '',
    landing_page_experience text not null default '',
    status text not null default 'unknown' check (status in (
        'active', 'paused', 'draft', 'ended', 'archived', 'removed', 'unknown')),
    source text not null check (source in (
        'google_ads', 'meta_ads', 'tiktok_ads', 'linkedin_ads', 'reddit_ads', 'ga4', 'search_console',
        'dataforseo', 'plausible', 'shopify', 'tiendanube', 'mercadolibre', 'stripe', 'quickbooks',
        'activecampaign', 'klaviyo', 'csv', 'web', 'mobile', 'admin_portal', 'backend', 'slack',
        'system')),
    source_id uuid,
    sync_run_id uuid,
    first_seen_at timestamptz not null,
    updated_at timestamptz not null,
    source_updated_at timestamptz,
    row_hash bytea not null default '',
    extra jsonb not null default '{}',
    primary key (org_id, id)
);
create index keywords_of_ad_group on keywords (org_id, ad_group_id);

-- `id` is the path.
create table pages (
    org_id uuid not null references orgs,
    id text not null,
    url text not null default '',
    title text not null default '',
    page_type text not null default '',
    city text,
    topic text,
    language text not null default '',
    indexable boolean,
    first_seen_on date not null,
    title_changed_on date,
    content_changed_on date,
    source text not null check (source in (
        'google_ads', 'meta_ads', 'tiktok_ads', 'linkedin_ads', 'reddit_ads', 'ga4', 'search_console',
        'dataforseo', 'plausible', 'shopify', 'tiendanube', 'mercadolibre', 'stripe', 'quickbooks',
        'activecampaign', 'klaviyo', 'csv', 'web', 'mobile', 'admin_portal', 'backend', 'slack',
        'system')),
    source_id uuid,
    sync_run_id uuid,
    first_seen_at timestamptz not null,
    updated_at timestamptz not null,
    source_updated_at timestamptz,
    row_hash bytea not null default '',
    extra jsonb not null default '{}',
    primary key (org_id, id)
);

create table products (
    org_id uuid not null references orgs,
    id text not null,
    name text not null,
    category text not null default '',
    status text not null default '',
    lead_time_days numeric(20,6),
    lead_time_sd numeric(20,6),
    order_cost numeric(18,6),
    holding_rate numeric(9,6) check (holding_rate between 0 and 1),
    source text not null check (source in (
        'google_ads', 'meta_ads', 'tiktok_ads', 'linkedin_ads', 'reddit_ads', 'ga4', 'search_console',
        'dataforseo', 'plausible', 'shopify', 'tiendanube', 'mercadolibre', 'stripe', 'quickbooks',
        'activecampaign', 'klaviyo', 'csv', 'web', 'mobile', 'admin_portal', 'backend', 'slack',
        'system')),
    source_id uuid,
    sync_run_id uuid,
    first_seen_at timestamptz not null,
    updated_at timestamptz not null,
    source_updated_at timestamptz,
    row_hash bytea not null default '',
    extra jsonb not null default '{}',
    primary key (org_id, id)
);

create table variants (
    org_id uuid not null references orgs,
    id text not null,
    product_id text not null,
    sku text not null default '',
    name text not null default '',
    price numeric(18,6) not null default 0,
    compare_at numeric(18,6),
    unit_cost numeric(18,6),
    currency char(3) not null check (currency ~ '^[A-Z]{3}$'),
    source text not null check (source in (
        'google_ads', 'meta_ads', 'tiktok_ads', 'linkedin_ads', 'reddit_ads', 'ga4', 'search_console',
        'dataforseo', 'plausible', 'shopify', 'tiendanube', 'mercadolibre', 'stripe', 'quickbooks',
        'activecampaign', 'klaviyo', 'csv', 'web', 'mobile', 'admin_portal', 'backend', 'slack',
        'system')),
    source_id uuid,
    sync_run_id uuid,
    first_seen_at timestamptz not null,
    updated_at timestamptz not null,
    source_updated_at timestamptz,
    row_hash bytea not null default '',
    extra jsonb not null default '{}',
    primary key (org_id, id)
);
create index variants_of_product on variants (org_id, product_id);

-- People: contact fields are encrypted; views show none of them.
create table customers (
    org_id uuid not null references orgs,
    id text not null,
    email bytea,
    email_hash bytea,
    phone bytea,
    phone_hash bytea,
    kind text not null default 'customer' check (kind in ('contact', 'customer')),
    country text not null default '',
    city text not null default '',
    birth_year integer,
    accepts_marketing boolean not null default false,
    first_order_at timestamptz,
    last_order_at timestamptz,
    orders_count bigint not null default 0 check (orders_count >= 0),
    total_spent numeric(18,6) not null default 0,
    ltv numeric(18,6) not null default 0,
    currency char(3) not null check (currency ~ '^[A-Z]{3}$'),
    first_touch jsonb not null default '{}',
    last_touch jsonb not null default '{}',
    erased_at timestamptz,
    source text not null check (source in (
        'google_ads', 'meta_ads', 'tiktok_ads', 'linkedin_ads', 'reddit_ads', 'ga4', 'search_console',
        'dataforseo', 'plausible', 'shopify', 'tiendanube', 'mercadolibre', 'stripe', 'quickbooks',
        'activecampaign', 'klaviyo', 'csv', 'web', 'mobile', 'admin_portal', 'backend', 'slack',
        'system')),
    source_id uuid,
    sync_run_id uuid,
    first_seen_at timestamptz not null,
    updated_at timestamptz not null,
    source_updated_at timestamptz,
    row_hash bytea not null default '',
    extra jsonb not null default '{}',
    primary key (org_id, id)
);
create index customers_by_email on customers (org_id, email_hash) where email_hash is not null;

create table actor_links (
    org_id uuid not null references orgs,
    actor_id text not null,
    customer_id text not null,
    primary key (org_id, actor_id)
);
create index actor_links_of_customer on actor_links (org_id, customer_id);

create table fx_rates (
    org_id uuid not null references orgs,
    date date not null,
    from_currency char(3) not null check (from_currency ~ '^[A-Z]{3}$'),
    to_currency char(3) not null check (to_currency ~ '^[A-Z]{3}$'),
    rate numeric(20,6) not null,
    primary key (org_id, date, from_currency, to_currency),
    check (rate > 0)
);

select protect_tables();
