//! The context of an event: known keys with fitting values are kept, others dropped with a warning.
use crate::events::json::Json;
use crate::events::lists::ConsentStatus;
use std::borrow::Cow;

/// Characters of a text, and of an address.
const TEXT: usize = 1_024;
const URL: usize = 8_192;
/// So many dropped keys are named.
const MOST_NAMED: usize = 10;

enum Rule {
    Text,
    Url,
    OneOf(&'static [&'static str]),
    /// ISO 3166-1 alpha-2, in capitals.
    Country,
    /// Objects of texts.
    Texts(&'static [&'static str]),
    Consent,
    /// Read for the country by whoever has a table of networks; never stored.
    Address,
}

/// `events.md` §1, and the segments of §3.2.
fn rule(key: &str) -> Option<Rule> {
    Some(match key {
        "app_version" | "region" | "locale" | "page_type" | "user_agent" => Rule::Text,
        "page_url" | "page_path" | "referrer" => Rule::Url,
        "platform" => Rule::OneOf(&["ios", "android", "web", "server"]),
        "device" => Rule::OneOf(&["desktop", "mobile", "tablet", "other"]),
        "user_segment" => Rule::OneOf(&[
            "HIGH_SPENDER",
            "FREQUENT_SHOPPER",
            "WEEKEND_SHOPPER",
            "CATEGORY_FOCUSED",
            "LOCATION_CLUSTERED",
            "NEW_SHOPPER",
            "INACTIVE",
            "SEASONAL_SPENDER",
        ]),
        "country" => Rule::Country,
        "utm" => Rule::Texts(&["source", "medium", "campaign", "term", "content"]),
        "click_ids" => {
            Rule::Texts(&["gclid", "gbraid", "wbraid", "fbclid", "ttclid", "li_fat_id", "rdt_cid", "msclkid"])
        }
        "experiment" => Rule::Texts(&["id", "variant"]),
        "consent" => Rule::Consent,
        "ip" => Rule::Address,
        _ => return None,
    })
}

#[derive(Default)]
pub struct Context<'a> {
    pub kept: Vec<(Cow<'a, str>, Json<'a>)>,
    /// Keys that were dropped; `context` itself where it is no object.
    pub dropped: Vec<String>,
    pub analytics: Option<ConsentStatus>,
}

pub fn read<'a>(sent: Option<&Json<'a>>) -> Context<'a> {
    let mut context = Context::default();
    let entries = match sent {
        None | Some(Json::Null) => return context,
        Some(Json::Map(entries)) => entries,
        Some(_) => {
            context.dropped.push("context".to_owned());
            return context;
        }
    };
    for (key, value) in entries.iter().filter(|(_, value)| *value != Json::Null) {
        let Some(rule) = rule(key) else {
            context.drop(key);
            continue;
        };
        let kept = context.keep(&rule, key, value);
        if let Some(value) = kept.filter(|value| *value != Json::Null) {
            context.kept.push((key.clone(), value));
        }
    }
    context
}

impl<'a> Context<'a> {
    fn drop(&mut self, key: &str) {
        if self.dropped.len() < MOST_NAMED {
            self.dropped.push(key.chars().take(64).collect());
        }
    }

    /// What is kept of a value; null where all of it is dropped on purpose.
    fn keep(&mut self, rule: &Rule, key: &str, value: &Json<'a>) -> Option<Json<'a>> {
        let fits = match (rule, value) {
            (Rule::Address, _) => return Some(Json::Null),
            (Rule::Text, Json::Text(text)) => short(text, TEXT),
            (Rule::Url, Json::Text(text)) => short(text, URL),
            (Rule::OneOf(words), Json::Text(text)) => words.contains(&&**text),
            (Rule::Country, Json::Text(text)) => {
                text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase())
            }
            (Rule::Texts(keys), Json::Map(entries)) => {
                let known = |key: &str, value: &Json<'_>| {
                    keys.contains(&key) && value.text().is_some_and(|text| short(text, TEXT))
                };
                return Some(self.members(key, entries, known));
            }
            (Rule::Consent, Json::Map(entries)) => {
                let status = |value: &Json<'_>| value.text().and_then(|text| text.parse().ok());
                self.analytics = value.get("analytics").and_then(status);
                let known = |key: &str, value: &Json<'_>| {
                    matches!(key, "marketing" | "analytics") && status(value).is_some()
                };
                return Some(self.members(key, entries, known));
            }
            _ => false,
        };
        if !fits {
            self.drop(key);
        }
        fits.then(|| value.clone())
    }

    fn members(
        &mut self,
        of: &str,
        entries: &[(Cow<'a, str>, Json<'a>)],
        known: impl Fn(&str, &Json<'_>) -> bool,
    ) -> Json<'a> {
        let mut kept = Vec::with_capacity(entries.len());
        for (key, value) in entries.iter().filter(|(_, value)| *value != Json::Null) {
            if known(key, value) {
                kept.push((key.clone(), value.clone()));
            } else {
                self.drop(&format!("{of}.{key}"));
            }
        }
        if kept.is_empty() { Json::Null } else { Json::Map(kept) }
    }
}

fn short(text: &str, limit: usize) -> bool {
    text.len() <= limit || text.chars().count() <= limit
}
