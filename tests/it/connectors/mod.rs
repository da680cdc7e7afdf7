//! Connectors over the wire, against strict fakes of their platforms.
mod activecampaign;
mod answers;
mod clock;
mod contract;
mod fair;
mod fake;
mod ga4;
mod google;
mod google_ads;
mod hooks;
mod linkedin_ads;
mod meta_ads;
mod over_http;
mod plausible;
mod program;
mod rig;
mod search_console;
mod shopify;
mod stripe;
mod tables;
mod tiktok_ads;
mod told;

pub use over_http::opens;

/// A recorded payload, where it lies; the project does without.
fn recorded(path: &str) -> Option<Vec<u8>> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/payloads").join(path);
    let body = std::fs::read(&path).ok();
    if body.is_none() {
        eprintln!("skipped: no recorded payload at {}", path.display());
    }
    body
}

/// Every one of these lines is among the facts.
fn has(facts: &[String], expected: &[&str]) {
    for line in expected {
        let last = &facts[facts.len().saturating_sub(6)..];
        assert!(facts.iter().any(|fact| fact == line), "{line} is not among {last:#?}");
    }
}
