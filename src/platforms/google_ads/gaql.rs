//! What is asked of Google Ads, in its query language: one list of fields a resource. Rows are read by the same lists.
use crate::period::Window;

/// A query: the fields of one resource, and which rows.
#[derive(Clone, Debug)]
pub struct Query {
    pub from: &'static str,
    pub fields: Vec<&'static str>,
    pub days: Option<Window>,
    /// A further condition.
    pub only: Option<&'static str>,
}

/// Fields of every report by day.
const FIGURES: &[&str] = &[
    "segments.date",
    "campaign.id",
    "campaign.advertising_channel_type",
    "metrics.impressions",
    "metrics.clicks",
    "metrics.cost_micros",
    "metrics.conversions",
    "metrics.conversions_value",
];

impl Query {
    fn new(from: &'static str, fields: &[&[&'static str]], days: Option<Window>) -> Self {
        Self { from, fields: fields.concat(), days, only: None }
    }

    /// The account itself.
    pub fn customer() -> Self {
        let fields = [
            "customer.id",
            "customer.descriptive_name",
            "customer.currency_code",
            "customer.time_zone",
            "customer.manager",
        ];
        Self::new("customer", &[&fields], None)
    }

    /// The account as a whole by day, which no campaign is named for: what campaigns add up to is compared with it.
    pub fn daily_account(days: Window) -> Self {
        let fields: Vec<&str> =
            FIGURES.iter().copied().filter(|field| !field.starts_with("campaign.")).collect();
        Self::new("customer", &[&fields, &["customer.id"]], Some(days))
    }

    /// Campaigns with their budgets. Without any segment, so that those are there too that nobody saw.
    pub fn campaigns(version: u32) -> Self {
        let fields = [
            "campaign.id",
            "campaign.name",
            "campaign.status",
            "campaign.advertising_channel_type",
            "campaign.bidding_strategy_type",
            "campaign.final_url_suffix",
            "campaign_budget.id",
            "campaign_budget.amount_micros",
            "campaign_budget.total_amount_micros",
            "campaign_budget.explicitly_shared",
            "campaign_budget.reference_count",
        ];
        // The days became moments with v23.
        let span = if version >= 23 {
            ["campaign.start_date_time", "campaign.end_date_time"]
        } else {
            ["campaign.start_date", "campaign.end_date"]
        };
        Self::new("campaign", &[&fields, &span], None)
    }

    pub fn ad_groups() -> Self {
        let fields = [
            "ad_group.id",
            "ad_group.name",
            "ad_group.status",
            "ad_group.type",
            "ad_group.cpc_bid_micros",
            "campaign.id",
        ];
        Self::new("ad_group", &[&fields], None)
    }

    pub fn ads() -> Self {
        let fields = [
            "ad_group_ad.status",
            "ad_group_ad.ad_strength",
            "ad_group_ad.policy_summary.approval_status",
            "ad_group_ad.ad.id",
            "ad_group_ad.ad.name",
            "ad_group_ad.ad.type",
            "ad_group_ad.ad.final_urls",
            "ad_group_ad.ad.responsive_search_ad.headlines",
            "ad_group_ad.ad.responsive_search_ad.descriptions",
            "ad_group_ad.ad.responsive_display_ad.headlines",
            "ad_group_ad.ad.responsive_display_ad.descriptions",
            "ad_group.id",
            "campaign.id",
        ];
        Self::new("ad_group_ad", &[&fields], None)
    }

    /// Keywords, negative ones too, which no report by day has.
    pub fn keywords() -> Self {
        let fields = [
            "ad_group_criterion.criterion_id",
            "ad_group_criterion.status",
            "ad_group_criterion.negative",
            "ad_group_criterion.keyword.text",
            "ad_group_criterion.keyword.match_type",
            "ad_group_criterion.effective_cpc_bid_micros",
            "ad_group_criterion.quality_info.quality_score",
            "ad_group_criterion.quality_info.creative_quality_score",
            "ad_group_criterion.quality_info.post_click_quality_score",
            "ad_group.id",
            "campaign.id",
        ];
        Self {
            only: Some("ad_group_criterion.type = 'KEYWORD'"),
            ..Self::new("ad_group_criterion", &[&fields], None)
        }
    }

    pub fn daily_campaigns(days: Window) -> Self {
        let shares = [
            "metrics.search_impression_share",
            "metrics.search_budget_lost_impression_share",
            "metrics.search_rank_lost_impression_share",
        ];
        Self::new("campaign", &[FIGURES, &shares], Some(days))
    }

    pub fn campaigns_by_device(days: Window) -> Self {
        Self::new("campaign", &[FIGURES, &["segments.device"]], Some(days))
    }

    pub fn daily_ad_groups(days: Window) -> Self {
        Self::new("ad_group", &[FIGURES, &["ad_group.id"]], Some(days))
    }

    pub fn daily_ads(days: Window) -> Self {
        Self::new("ad_group_ad", &[FIGURES, &["ad_group_ad.ad.id"]], Some(days))
    }

    pub fn daily_keywords(days: Window) -> Self {
        let key = ["ad_group.id", "ad_group_criterion.criterion_id"];
        Self::new("keyword_view", &[FIGURES, &key], Some(days))
    }

    pub fn search_terms(days: Window) -> Self {
        let key = [
            "search_term_view.search_term",
            "search_term_view.status",
            "segments.search_term_match_type",
            "ad_group.id",
        ];
        Self::new("search_term_view", &[FIGURES, &key], Some(days))
    }

    /// Search terms of Performance Max, which has no ad groups.
    pub fn campaign_search_terms(days: Window) -> Self {
        let key = ["campaign_search_term_view.search_term"];
        Self {
            only: Some("campaign.advertising_channel_type = 'PERFORMANCE_MAX'"),
            ..Self::new("campaign_search_term_view", &[FIGURES, &key], Some(days))
        }
    }

    /// The query as it is sent.
    pub fn text(&self) -> String {
        let days = self.days.map(|days| format!("segments.date BETWEEN '{}' AND '{}'", days.start, days.end));
        let conditions: Vec<String> = days.into_iter().chain(self.only.map(str::to_owned)).collect();
        let mut text = format!("SELECT {} FROM {}", self.fields.join(", "), self.from);
        if !conditions.is_empty() {
            text.push_str(&format!(" WHERE {}", conditions.join(" AND ")));
        }
        text
    }
}
