//! Every connector there is: one line each.
use super::contract::Connector;

/// In the order in which they are listed to people.
pub static CONNECTORS: &[&dyn Connector] = &[
    &super::google_ads::GoogleAds,
    &super::meta_ads::MetaAds,
    &super::ga4::Ga4,
    &super::plausible::Plausible,
    &super::search_console::SearchConsole,
    &super::stripe::Stripe,
    &super::tiktok_ads::TikTokAds,
    &super::linkedin_ads::LinkedInAds,
    &super::microsoft_ads::MicrosoftAds,
    &super::snapchat_ads::SnapchatAds,
    &super::activecampaign::ActiveCampaign,
    &super::klaviyo::Klaviyo,
    &super::shopify::Shopify,
];

/// The connector of a key.
pub fn connector(key: &str) -> Option<&'static dyn Connector> {
    CONNECTORS.iter().copied().find(|connector| connector.spec().key == key)
}
