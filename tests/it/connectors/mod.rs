//! Connectors over the wire, against strict fakes of their platforms.
mod activecampaign;
mod answers;
mod clock;
mod contract;
mod fair;
mod fake;
mod ga4;
mod gates;
mod google;
mod google_ads;
mod hooks;
mod klaviyo;
mod linkedin_ads;
mod meta_ads;
mod microsoft_ads;
mod over_http;
mod plausible;
mod program;
mod recorded;
mod rig;
mod search_console;
mod shopify;
mod snapchat_ads;
mod stripe;
mod tables;
mod tiktok_ads;
mod told;

pub use over_http::opens;

/// Every one of these lines is among the facts.
fn has(facts: &[String], expected: &[&str]) {
    for line in expected {
        let last = &facts[facts.len().saturating_sub(6)..];
        assert!(facts.iter().any(|fact| fact == line), "{line} is not among {last:#?}");
    }
}
