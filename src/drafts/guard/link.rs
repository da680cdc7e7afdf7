//! Guardrails on links: where they may lead, and that their visits can be told apart.
use super::{Case, GuardResult, Severity};
use crate::drafts::action::Guard;
use crate::drafts::diff::full_url;
use crate::drafts::proposal::Proposal;
use crate::text::clean;
use serde_json::json;

/// The host of an https address, lower case, without `www.`; or what is wrong with it.
pub fn host(url: &str) -> Result<String, &'static str> {
    let rest = url.strip_prefix("https://").ok_or("without https")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@')
        || authority.contains('\\')
        || url.chars().any(|c| c.is_whitespace() || c.is_control())
    {
        return Err("as an address that cannot be trusted");
    }
    let name = authority.split(':').next().unwrap_or_default().to_lowercase();
    let valid =
        name.contains('.') && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'));
    if !valid {
        return Err("as an address without a domain");
    }
    Ok(name.strip_prefix("www.").unwrap_or(&name).to_owned())
}

/// https and a domain that the account already uses or allows. Reachability is checked right before execution: nothing is
/// fetched while drafting, so a draft can never be used to send a request.
pub fn url(case: &Case<'_>) -> Vec<GuardResult> {
    let Proposal::Ad(ad) = case.proposal else { return Vec::new() };
    let org = &case.facts.org;
    let shown = clean(&ad.final_url, 200);
    let inputs = json!({"url": ad.final_url, "allowed": org.domains, "fetched": false});
    let allowed = |host: &str| {
        let listed = org
            .domains
            .iter()
            .map(String::as_str)
            .chain(org.limits.allowed_domains.iter().map(String::as_str));
        listed
            .map(|d| d.strip_prefix("www.").unwrap_or(d))
            .any(|d| host == d || host.ends_with(&format!(".{d}")))
    };
    vec![match host(&ad.final_url) {
        Err(wrong) => {
            case.fail(Guard::UrlCheck, Severity::Block, format!("{shown} answered {wrong}."), inputs)
        }
        Ok(host) if !allowed(&host) => {
            let message = format!("{shown} answered from {host}, which is not a domain of this account.");
            case.fail(Guard::UrlCheck, Severity::Block, message, inputs)
        }
        Ok(_) => case.note(
            Guard::UrlCheck,
            Severity::Block,
            "Address and domain are checked; the page itself is fetched right before execution.".to_owned(),
            inputs,
        ),
    }]
}

/// Tags that every link of an ad carries (`actions.md` §12), in the order people expect.
const REQUIRED: &[&str] = &["utm_source", "utm_medium", "utm_campaign"];

/// The required tags that are missing from an address, appear twice, or have a value outside `[a-z0-9_-]{1,100}`.
pub fn missing_tags(url: &str) -> Vec<&'static str> {
    let query = url.split('#').next().and_then(|u| u.split_once('?')).map_or("", |(_, q)| q);
    let pairs: Vec<(&str, &str)> = query.split('&').filter_map(|p| p.split_once('=')).collect();
    REQUIRED
        .iter()
        .copied()
        .filter(|tag| {
            let values: Vec<&str> = pairs.iter().filter(|(k, _)| k == tag).map(|(_, v)| *v).collect();
            let fits = |v: &str| {
                (1..=100).contains(&v.len())
                    && v.bytes()
                        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
            };
            !matches!(values.as_slice(), [one] if fits(one))
        })
        .collect()
}

pub fn utm(case: &Case<'_>) -> Vec<GuardResult> {
    let Proposal::Ad(ad) = case.proposal else { return Vec::new() };
    let link = full_url(&ad.final_url, &ad.final_url_suffix);
    let missing = missing_tags(&link);
    let inputs = json!({"url": link, "missing": missing});
    vec![if missing.is_empty() {
        case.pass(Guard::UtmMissing, Severity::Block, inputs)
    } else {
        let message = format!("Link {} lacks {}.", clean(&ad.final_url, 200), missing.join(", "));
        case.fail(Guard::UtmMissing, Severity::Block, message, inputs)
    }]
}
