//! Ids of closed lists in the words of a marketer: `paid_search` is "paid search". Names that people gave to their own
//! things stay as they are, however they are written.
use super::lists::{AUDIENCES, CHANNELS, DRAFT_TYPES, SEGMENTS, SOURCES};
use super::spec::Column;

/// Ids that words with spaces do not tell well enough. Without figures: an answer's figures all have a receipt.
const OWN: &[(&str, &str)] = &[
    ("seo", "organic search"),
    ("sms", "SMS"),
    ("in_app", "in-app"),
    ("google_ads", "Google Ads"),
    ("meta_ads", "Meta Ads"),
    ("tiktok_ads", "TikTok Ads"),
    ("linkedin_ads", "LinkedIn Ads"),
    ("reddit_ads", "Reddit Ads"),
    ("microsoft_ads", "Microsoft Ads"),
    ("snapchat_ads", "Snapchat Ads"),
    ("ga4", "Google Analytics"),
    ("search_console", "Search Console"),
    ("dataforseo", "DataForSEO"),
    ("shopify", "Shopify"),
    ("stripe", "Stripe"),
    ("klaviyo", "Klaviyo"),
    ("activecampaign", "ActiveCampaign"),
    ("quickbooks", "QuickBooks"),
    ("quote_started_no_submit_7d", "quote started, not sent"),
    ("lead_no_booking_7d", "lead without a booking"),
    ("city_page_viewed_2x_14d", "city page seen again"),
    ("churn_risk_high", "high risk of leaving"),
];

/// Columns that hold ids of ours, never names of the organisation's things.
const OURS: &[&str] = &[
    "status",
    "state",
    "stage",
    "step",
    "type",
    "kind",
    "event",
    "platform",
    "device",
    "surface",
    "outcome",
    "stream",
    "action",
    "reason_code",
    "page_type",
    "from_step",
    "to_step",
];

/// The words for a text cell.
pub fn words(text: &str, column: Option<&Column>) -> String {
    if let Some((_, own)) = OWN.iter().find(|(id, _)| *id == text) {
        return (*own).to_owned();
    }
    let listed =
        [CHANNELS, SOURCES, SEGMENTS, AUDIENCES, DRAFT_TYPES].iter().any(|list| list.contains(&text));
    let ours = column.is_some_and(|column| !column.entity && OURS.contains(&column.name.as_str()));
    let id = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if listed || (ours && text.chars().all(id)) {
        return text.to_lowercase().replace('_', " ");
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::ColumnType;

    #[test]
    fn ids_are_worded_and_names_are_not() {
        let column = |name: &str, entity| Column {
            name: name.to_owned(),
            kind: ColumnType::Text,
            label: None,
            unit: None,
            when_null: None,
            entity,
            pii: None,
            hidden: false,
            few: None,
        };
        let (channel, campaign, stage) =
            (column("channel", true), column("campaign", true), column("stage", false));
        assert_eq!(words("paid_search", Some(&channel)), "paid search");
        assert_eq!(words("seo", None), "organic search");
        assert_eq!(words("HIGH_SPENDER", None), "high spender");
        assert_eq!(words("linkedin_ads", None), "LinkedIn Ads");
        assert_eq!(words("add_to_cart", Some(&stage)), "add to cart");
        for name in ["summer_sale_2025", "Paid_Search Q4", "BRAND_DE"] {
            assert_eq!(words(name, Some(&campaign)), name);
        }
    }
}
