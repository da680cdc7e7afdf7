//! From click ids, UTM parameters and referrer to a channel: the first match wins (`connectors.md` §1.13).
use std::collections::BTreeMap;

/// What is known of a visit.
#[derive(Clone, Debug, Default)]
pub struct Arrival<'a> {
    pub utm_source: Option<&'a str>,
    pub utm_medium: Option<&'a str>,
    /// Landing URL or path with its query string.
    pub landing: Option<&'a str>,
    pub referrer: Option<&'a str>,
}

const SEARCH: &[&str] =
    &["google.", "bing.", "duckduckgo.", "yahoo.", "ecosia.", "qwant.", "baidu.", "yandex."];
const SOCIAL: &[&str] = &[
    "facebook.",
    "instagram.",
    "linkedin.",
    "lnkd.in",
    "tiktok.",
    "twitter.",
    "t.co",
    "x.com",
    "reddit.",
    "pinterest.",
    "youtube.",
    "snapchat.",
    "threads.",
];
const MARKETPLACES: &[&str] = &["amazon.", "ebay.", "etsy.", "mercadolibre.", "mercadolivre.", "zalando."];

/// The query parameters of a URL or path, names in lower case.
pub fn parameters(url: &str) -> BTreeMap<String, String> {
    url.split_once('?')
        .map(|(_, query)| query.split('#').next().unwrap_or_default())
        .into_iter()
        .flat_map(|query| query.split('&'))
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect()
}

/// The host of a URL, without `www.`, in lower case.
pub fn host(url: &str) -> Option<String> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#', ':']).next()?.trim_start_matches("www.").to_ascii_lowercase();
    (host.contains('.') && !host.contains(' ')).then_some(host)
}

fn is_social(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [
        "facebook",
        "instagram",
        "meta",
        "fb",
        "ig",
        "linkedin",
        "tiktok",
        "twitter",
        "x",
        "reddit",
        "pinterest",
        "snapchat",
    ]
    .contains(&name.as_str())
        || SOCIAL.iter().any(|site| name.contains(site))
}

/// One of the channels of `data-model.md` §8.
pub fn derive(arrival: &Arrival<'_>) -> &'static str {
    let parameters = arrival.landing.map(parameters).unwrap_or_default();
    let has = |names: &[&str]| names.iter().any(|name| parameters.contains_key(*name));
    if has(&["gclid", "gbraid", "wbraid", "msclkid"]) {
        return "paid_search";
    }
    if has(&["ttclid", "li_fat_id", "rdt_cid"]) {
        return "paid_social";
    }
    let given = |own: Option<&str>, name: &str| {
        own.map(str::to_owned).or_else(|| parameters.get(name).cloned()).filter(|text| !text.is_empty())
    };
    let source = given(arrival.utm_source, "utm_source").unwrap_or_default();
    let medium = given(arrival.utm_medium, "utm_medium").unwrap_or_default().to_ascii_lowercase();
    match medium.replace(['-', '_', ' '], "").as_str() {
        "cpc" | "ppc" | "sem" | "paidsearch" if is_social(&source) => return "paid_social",
        "cpc" | "ppc" | "sem" | "paidsearch" => return "paid_search",
        "paidsocial" | "socialpaid" => return "paid_social",
        "display" | "banner" | "cpm" => return "display",
        "video" | "cpv" => return "video",
        "email" | "newsletter" => return "email",
        "sms" => return "sms",
        "push" => return "push",
        "affiliate" | "partner" => return "affiliate",
        "social" => return "organic_social",
        "organic" => return "seo",
        "referral" => return "referral",
        _ => {}
    }
    match arrival.referrer.and_then(host) {
        Some(host) if SEARCH.iter().any(|site| host.contains(site)) => "seo",
        Some(host) if SOCIAL.iter().any(|site| host == *site || host.contains(site)) => "organic_social",
        Some(host) if MARKETPLACES.iter().any(|site| host.contains(site)) => "marketplace",
        Some(_) => "referral",
        None => "direct",
    }
}

/// The channel of a default channel group, as GA4 and Plausible name them. Paid shopping and campaigns over all of Google's
/// networks are bought in Google Ads beside search, so they count there; shopping sites are marketplaces.
pub fn of_group(group: &str) -> Option<&'static str> {
    Some(match group.to_ascii_lowercase().as_str() {
        "direct" => "direct",
        "organic search" => "seo",
        "paid search" | "paid shopping" | "cross-network" => "paid_search",
        "display" => "display",
        "paid social" => "paid_social",
        "organic social" | "organic video" => "organic_social",
        "paid video" => "video",
        "email" => "email",
        "sms" => "sms",
        "push" | "mobile push notifications" => "push",
        "affiliates" => "affiliate",
        "organic shopping" => "marketplace",
        "referral" | "ai assistants" => "referral",
        "audio" | "paid other" | "unassigned" | "(other)" | "(not set)" | "" => "unknown",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
