//! The rows of a demo account: one plain struct a table, named and keyed as the data model says.
//!
//! Amounts are [`Micros`] in the row's currency, with a `_base` twin in the organisation's. Provenance
//! (`row_hash`, `first_seen_at`…) is the loader's business.
use crate::db::load::{Bytes, Line, Micros, Record};
use jiff::{Timestamp, civil::Date};
use serde_json::Value;
use std::sync::Arc;
use uuid::Uuid;

/// A name or id that many rows share.
pub type Id = Arc<str>;

macro_rules! rows {
    ($($(#[$doc:meta])* $name:ident = $table:literal [$($key:ident),*] { $($field:ident: $kind:ty),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name { $(pub $field: $kind),* }

        impl Record for $name {
            const TABLE: &'static str = $table;
            const KEY: &'static [&'static str] = &[$(stringify!($key)),*];
            const COLUMNS: &'static [&'static str] = &[$(stringify!($field)),*];
            fn put(&self, line: &mut Line) {
                $(line.field(&self.$field);)*
            }
        }
    )*};
}

rows! {
    Source = "sources" [id] {
        id: Uuid, source: &'static str, name: String, config: Value, state: &'static str,
        account_time_zone: &'static str, currency: &'static str, api_version: &'static str, last_synced_at: Option<Timestamp>,
    }
    SourceStream = "source_streams" [source_id, stream] {
        source_id: Uuid, stream: &'static str, cursor: Value, complete_through: Option<Date>, newest_at: Option<Timestamp>,
        expected_rows: Option<i64>, quota: Value, fails: i32, next_due_at: Timestamp,
    }
    SyncRun = "sync_runs" [id] {
        id: Uuid, source_id: Uuid, stream: &'static str, mode: &'static str, trigger: &'static str, state: &'static str,
        window_from: Option<Date>, window_to: Option<Date>, started_at: Timestamp, finished_at: Option<Timestamp>,
        requests: i32, retries: i32, throttled_ms: i64, rows_read: i64, rows_written: i64, rows_unchanged: i64,
        holes: Value, warnings: Value, error_code: Option<String>, error_message: Option<String>,
        api_version: &'static str, cost: Micros,
    }
    /// Quality of one source and class in one hour; completeness is computed on read.
    Quality = "data_quality_log" [hour, source, class, shard] {
        hour: Timestamp, source: &'static str, class: &'static str, shard: i16, expected: i64, received: i64, valid: i64, duplicate: i64,
        late: i64, stored: i64, required_filled: i64, required_total: i64, unknown_props: i64, mapped: i64, named: i64,
        newest_at: Option<Timestamp>, lag_p95_s: i32,
    }
    FxRate = "fx_rates" [date, from_currency, to_currency] {
        date: Date, from_currency: &'static str, to_currency: &'static str, rate: Micros,
    }
    Setting = "org_settings" [key] { key: &'static str, value: Value, set_at: Timestamp }
    Target = "metric_targets" [metric, scope, valid_from] {
        metric: &'static str, scope: &'static str, target: f64, band: Value, valid_from: Date,
    }
    Budget = "budgets" [period, period_start, scope_kind, scope_id] {
        period: &'static str, period_start: Date, scope_kind: &'static str, scope_id: Id, amount: Micros, currency: &'static str,
    }
    Entity = "entities" [kind, id] {
        kind: &'static str, id: Id, source: &'static str, account_id: Id, external_id: Id, name: Id, url: Option<Id>,
        canonical_id: Id, attrs: Value,
    }
    Campaign = "campaigns" [id] {
        id: Id, source: &'static str, account_id: Id, name: Id, status: &'static str, raw_status: &'static str,
        channel: &'static str, campaign_type: Option<&'static str>, objective: &'static str, bidding: &'static str,
        daily_budget: Option<Micros>, budget_cap: Option<Micros>, planned_budget: Option<Micros>, currency: &'static str,
        budget_shared: bool, starts_on: Option<Date>, ends_on: Option<Date>, landing_page: Option<Id>, is_brand: bool,
        is_brand_by: &'static str, labels: Vec<String>, final_url_suffix: String, tracking: &'static str,
    }
    AdGroup = "ad_groups" [id] {
        id: Id, source: &'static str, campaign_id: Id, name: Id, status: &'static str, currency: &'static str,
        optimization_goal: &'static str, targeting: Value,
    }
    /// One ad.
    Creative = "creatives" [id] {
        id: Id, source: &'static str, ad_group_id: Id, campaign_id: Id, format: &'static str, headlines: Vec<String>,
        descriptions: Vec<String>, body: String, call_to_action: &'static str, final_url: String, media: Value,
        content_hash: Hash, status: &'static str, launched_on: Option<Date>, policy_status: &'static str,
    }
    Keyword = "keywords" [id] {
        id: Id, source: &'static str, ad_group_id: Id, text: String, match_type: &'static str, negative: bool,
        bid: Option<Micros>, currency: &'static str, quality_score: Option<i32>, ad_relevance: &'static str,
        landing_page_experience: &'static str, status: &'static str,
    }
    Page = "pages" [id] {
        id: Id, source: &'static str, url: String, title: String, page_type: &'static str, city: Option<&'static str>,
        topic: Option<&'static str>, language: &'static str, indexable: Option<bool>, first_seen_on: Date,
        title_changed_on: Option<Date>, content_changed_on: Option<Date>,
    }
    Product = "products" [id] {
        id: Id, source: &'static str, name: Id, category: &'static str, status: &'static str, lead_time_days: Option<f64>,
        lead_time_sd: Option<f64>, order_cost: Option<Micros>, holding_rate: Option<f64>,
    }
    Variant = "variants" [id] {
        id: Id, source: &'static str, product_id: Id, sku: Id, price: Micros, compare_at: Option<Micros>,
        unit_cost: Option<Micros>, currency: &'static str,
    }
    /// A person as the shop knows them, without name or contact.
    Customer = "customers" [id] {
        id: Id, source: &'static str, kind: &'static str, email_hash: Option<Hash>, country: &'static str, city: &'static str,
        birth_year: Option<i32>, accepts_marketing: bool, first_order_at: Option<Timestamp>, last_order_at: Option<Timestamp>,
        orders_count: i64, total_spent: Micros, ltv: Micros, currency: &'static str, first_touch: Value, last_touch: Value,
    }
    Order = "orders" [id] {
        id: Id, source: &'static str, ordered_at: Timestamp, status: &'static str, financial_status: &'static str,
        fulfilment_status: &'static str, currency: &'static str, gross: Micros, discount: Micros, shipping: Micros, tax: Micros,
        total: Micros, refunded: Micros, fees: Micros, net: Micros, reward_cost: Micros, customer_id: Option<Id>,
        is_first_order: bool, campaign_id: Option<Id>, channel: &'static str, sales_channel: &'static str, city: &'static str,
        location: &'static str, utm: Id, landing_site: Option<Id>, payment_method: Option<&'static str>, promo_code: bool,
        cancelled_at: Option<Timestamp>, is_test: bool, gross_base: Micros, discount_base: Micros, shipping_base: Micros,
        tax_base: Micros, total_base: Micros, refunded_base: Micros, fees_base: Micros, net_base: Micros,
        reward_cost_base: Micros,
    }
    OrderItem = "order_items" [order_id, line] {
        order_id: Id, line: i32, source: &'static str, product_id: Option<Id>, variant_id: Option<Id>, sku: Id,
        category: &'static str, qty: i64, unit_price: Micros, discount: Micros, refund: Micros, unit_cost: Option<Micros>,
    }
    Refund = "refunds" [id] {
        id: Id, source: &'static str, order_id: Option<Id>, refunded_at: Timestamp, amount: Micros,
        currency: &'static str, reason: &'static str,
    }
    Lead = "leads" [id] {
        id: Id, source: &'static str, created_on: Date, created_at: Timestamp, lead_source: &'static str, form: &'static str,
        campaign_id: Option<Id>,
        customer_id: Option<Id>, city: &'static str, page_type: &'static str, flow: &'static str, stage: &'static str,
        value: Option<Micros>, currency: &'static str, first_touch: Value, last_touch: Value, channel: &'static str,
        trial_at: Option<Timestamp>, booked_at: Option<Timestamp>, won_at: Option<Timestamp>,
    }
    /// One session (or click, or view) of one person.
    Touch = "touches" [id, occurred_at] {
        occurred_at: Timestamp, id: Uuid, actor_id: Id, customer_id: Option<Id>, session_id: Id, kind: &'static str,
        channel: &'static str, source: &'static str, campaign_id: Option<Id>, utm: Id, referrer_host: &'static str,
        landing_path: Id, device: &'static str, city: &'static str, is_paid: bool,
    }
    /// Additive facts of one entity and day. Rows of different `entity_kind` are never added up.
    DailyMetric = "daily_metrics" [date, source, account_id, entity_kind, entity_id, channel, breakdown] {
        date: Date, source: &'static str, account_id: Id, entity_kind: &'static str, entity_id: Id, channel: &'static str,
        breakdown: Id, impressions: i64, eligible_impressions: i64, clicks: i64, landed: i64, reach: i64, frequency_users: i64,
        sessions: i64, engaged_sessions: i64, engaged_seconds: i64, bounces: i64, pageviews: i64, exits: i64, users: i64,
        new_users: i64, conversions: Micros, sends: i64, opens: i64, email_clicks: i64, email_bounces: i64, unsubscribes: i64,
        complaints: i64, backlinks_gained: i64, backlinks_lost: i64, conversion_value: Micros, conversion_value_base: Micros,
        cost: Micros, cost_base: Micros, revenue: Micros, revenue_base: Micros, refund: Micros, refund_base: Micros,
        revenue_basis: &'static str, currency: &'static str, attribution_window: &'static str, is_final: bool,
        incomplete: bool, restated_at: Option<Timestamp>,
    }
    CampaignDay = "daily_campaign_metrics" [date, campaign_id, channel, source, is_holdout] {
        date: Date, campaign_id: Id, channel: &'static str, source: &'static str, is_holdout: bool, impressions: i64,
        eligible_impressions: i64, clicks: i64, landed: i64, reach: i64, conversions: Micros, conversion_value: Micros,
        conversion_value_base: Micros, cost: Micros, cost_base: Micros, revenue: Micros, revenue_base: Micros,
        revenue_basis: &'static str, currency: &'static str, budget: Micros, planned_spend: Micros, attributed_orders: Micros,
        attributed_revenue: Micros, new_customers: i64, buyers: i64, clickers: i64, cart_users: i64,
    }
    FunnelDay = "daily_funnel_metrics" [date, source, channel, campaign_id, city, page_type, flow] {
        date: Date, source: &'static str, channel: &'static str, campaign_id: Id, city: &'static str, page_type: &'static str,
        flow: &'static str, visits: i64, engaged: i64, leads: i64, paid_leads: i64, trials: i64, customers: i64,
        quote_starts: i64, quote_submits: i64, consultation_starts: i64, bookings: i64, revenue: Micros,
    }
    SearchTerm = "search_terms" [date, campaign_id, ad_group_id, term, match_type] {
        date: Date, source: &'static str, campaign_id: Id, ad_group_id: Id, term: Id, match_type: &'static str, impressions: i64,
        clicks: i64, cost: Micros, cost_base: Micros, conversions: Micros, conversion_value: Micros,
        conversion_value_base: Micros, currency: &'static str, status: &'static str,
    }
    /// Organic search of one day at one grain; grains are never added up.
    SearchDay = "search_performance" [date, site, search_type, grain, page, query, device, country] {
        date: Date, source: &'static str, site: Id, search_type: &'static str, grain: &'static str, page: Id, query: Id,
        device: &'static str, country: &'static str, clicks: i64, impressions: i64, position_x_impressions: f64,
    }
    Rank = "keyword_ranks" [date, engine, keyword, location, language, device] {
        date: Date, source: &'static str, engine: &'static str, keyword: Id, location: &'static str, language: &'static str,
        device: &'static str, rank_absolute: Option<i32>, rank_group: Option<i32>, url: Id, found: bool,
        search_volume: Option<i64>, serp_features: Vec<String>,
    }
    UserMetrics = "user_metrics" [actor_id] {
        actor_id: Id, customer_id: Option<Id>, orders_90d: i64, spend_90d: Micros, orders_12m: i64, spend_12m: Micros,
        aov: Micros, ltv_12m: Option<Micros>, churn_30d: Option<f64>, rfm_r: i32, rfm_f: i32, rfm_m: i32,
        rfm_name: &'static str, last_order_at: Option<Timestamp>, last_seen_at: Option<Timestamp>, median_gap_days: Option<f64>,
        stage: &'static str, as_of: Date,
    }
    Segment = "segments" [id] {
        id: Uuid, name: &'static str, kind: &'static str, definition: Value, purpose: String, size: i64, refresh: &'static str,
        definition_changed_at: Timestamp, rebuilt_at: Timestamp,
    }
    SegmentMember = "segment_members" [segment_id, actor_id, joined_on] {
        segment_id: Uuid, actor_id: Id, joined_on: Date, left_on: Option<Date>,
    }
    SegmentSize = "segment_sizes" [segment_id, date] { segment_id: Uuid, date: Date, size: i64, spend: Micros }
    Consent = "consents" [customer_id, channel, recorded_at] {
        customer_id: Id, channel: &'static str, recorded_at: Timestamp, status: &'static str, method: &'static str,
        region: &'static str, evidence: &'static str, source: &'static str,
    }
    ActorLink = "actor_links" [actor_id] { actor_id: Id, customer_id: Id }
    Event = "events" [id, occurred_at] {
        id: Uuid, occurred_at: Timestamp, name: &'static str, source: &'static str, channel: &'static str,
        entity_kind: &'static str, entity_id: Id, actor_type: &'static str, actor_id: Id, customer_id: Option<Id>,
        props: Value, received_at: Timestamp, ingested_via: &'static str, payload_hash: Hash,
    }
    SubscriptionPlan = "plans" [id] {
        id: &'static str, name: &'static str, interval: &'static str, amount: Micros, currency: &'static str,
        source: &'static str,
    }
    Subscription = "subscriptions" [id] {
        id: Id, customer_id: Id, plan_id: &'static str, status: &'static str, mrr: Micros, trial_mrr: Micros,
        currency: &'static str, started_at: Timestamp, trial_started_at: Option<Timestamp>,
        trial_ends_at: Option<Timestamp>, canceled_at: Option<Timestamp>, cancel_reason: &'static str, source: &'static str,
    }
    /// What one account adds to the recurring revenue on a day; below zero when it takes.
    Movement = "mrr_movements" [date, subscription_id, kind] {
        date: Date, subscription_id: Id, kind: &'static str, mrr_delta: Micros, plan_id: &'static str, channel: &'static str,
    }
    Experiment = "experiments" [id] {
        id: Uuid, name: &'static str, kind: &'static str, entity_kind: &'static str, entity_id: Id, status: &'static str,
        hypothesis: &'static str, primary_metric: &'static str, plan: Value, guardrails: Value, started_at: Option<Timestamp>,
        ended_at: Option<Timestamp>, winner: Option<&'static str>, decision: Option<&'static str>,
    }
    Arm = "experiment_arms" [experiment_id, arm] { experiment_id: Uuid, arm: &'static str, is_control: bool, weight: f64 }
    ArmDay = "experiment_daily" [experiment_id, arm, date] {
        experiment_id: Uuid, arm: &'static str, date: Date, users: i64, converters: i64, orders: i64, revenue: Micros,
        revenue_squared: f64, cost: Micros,
    }
}

/// SHA-256 of a text, as a column.
#[derive(Clone, Debug, PartialEq)]
pub struct Hash(pub Bytes);

impl Default for Hash {
    fn default() -> Self {
        Self::of("")
    }
}

impl Hash {
    pub fn of(text: &str) -> Self {
        use sha2::Digest;
        Self(Bytes(sha2::Sha256::digest(text.as_bytes()).to_vec()))
    }
}

impl crate::db::load::Field for Hash {
    fn put(&self, out: &mut String) {
        self.0.put(out);
    }
}

/// Whole things counted, as a number with decimals.
pub fn whole(count: i64) -> Micros {
    Micros(count * 1_000_000)
}
