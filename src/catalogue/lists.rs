//! Closed lists that files of `tools/` refer to (`data-model.md` §8, `actions.md` §9).

pub const GROUPS: &[&str] = &[
    "overview",
    "campaigns",
    "spend_waste",
    "funnel_leads",
    "attribution",
    "customers",
    "lifecycle",
    "seo_content",
    "pages",
    "social",
    "commerce",
    "saas",
    "forecast_budget",
    "experiments",
    "data_health",
    "governance",
];

pub const PERSONAS: &[&str] =
    &["cmo", "perf_lead", "lifecycle_lead", "rewards_pm", "data_science", "compliance", "ops"];

pub const CHANNELS: &[&str] = &[
    "paid_search",
    "paid_social",
    "display",
    "video",
    "seo",
    "organic_social",
    "email",
    "sms",
    "push",
    "in_app",
    "referral",
    "affiliate",
    "direct",
    "marketplace",
    "offline",
    "internal",
    "unknown",
];

pub use crate::db::facts::SOURCES;

pub const SEGMENTS: &[&str] = &[
    "HIGH_SPENDER",
    "FREQUENT_SHOPPER",
    "WEEKEND_SHOPPER",
    "CATEGORY_FOCUSED",
    "LOCATION_CLUSTERED",
    "NEW_SHOPPER",
    "INACTIVE",
    "SEASONAL_SPENDER",
    "GENERAL",
];

/// Audiences that `segment_summary` and `consent_status` count from events and predictions (`actions.md` §11).
pub const AUDIENCES: &[&str] =
    &["quote_started_no_submit_7d", "lead_no_booking_7d", "city_page_viewed_2x_14d", "churn_risk_high"];

/// Kinds of entity that a parameter can name.
pub const ENTITY_KINDS: &[&str] =
    &["campaign", "creative", "page", "product", "keyword", "city", "experiment", "sales_channel"];

/// The action types of `actions.md` §9.
pub const DRAFT_TYPES: &[&str] = &[
    "increase_budget",
    "decrease_budget",
    "pause_campaign",
    "resume_campaign",
    "adjust_bid",
    "add_negative_keyword",
    "create_ad_group",
    "create_rsa",
    "create_ab_test",
    "trigger_automation",
    "adjust_send_time",
    "create_segment",
    "launch_ab_test",
    "content_test",
    "update_page_copy",
    "add_internal_link",
    "generate_content_brief",
    "refresh_content",
    "manual_review_required",
    "ad_campaign",
    "ad_set",
    "ad",
    "retargeting_audience",
    "email_drip",
    "reallocate_budget",
    "adjust_frequency",
    "launch_holdout",
    "pause_creative",
    "boost_creative",
    "update_targeting",
    "update_segment",
    "change_landing_page",
    "draft_email",
    "draft_social_post",
    "trigger_sync",
    "map_entities",
    "reorder_stock",
    "price_change",
];

pub const CHARTS: &[&str] =
    &["line", "bar", "stacked_bar", "funnel", "heatmap", "table", "scatter", "waterfall"];
