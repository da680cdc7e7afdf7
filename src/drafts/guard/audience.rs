//! Guardrails on people: consent, size, age, and where an ad would be shown.
use super::{Case, GuardResult, Severity};
use crate::drafts::action::Guard;
use crate::drafts::proposal::Proposal;
use crate::drafts::words::count;
use serde_json::{Value, json};

/// The youngest that advertising may address.
const ADULT: i64 = 18;

/// The least people an audience needs (`actions.md` §11; confirm with the platform before live use).
pub fn minimum(platform: &str) -> i64 {
    match platform {
        "linkedin_ads" => 300,
        "tiktok_ads" | "reddit_ads" => 1000,
        _ => 100,
    }
}

/// Geo and language are set on the ad group. What was read and is empty blocks; what was not read holds the draft, so
/// that somebody looks into the account.
pub fn targeting(case: &Case<'_>) -> Vec<GuardResult> {
    let Some(ad) = &case.facts.ad else { return Vec::new() };
    let known = ad.group.targeting.as_ref().and_then(Value::as_object).cloned().unwrap_or_default();
    let mut found = Vec::new();
    for (name, keys) in
        [("geo", &["geo", "countries", "locations"][..]), ("language", &["languages", "locales"][..])]
    {
        let said: Vec<_> = keys.iter().filter_map(|key| known.get(*key)).collect();
        let inputs = json!({"targeting": known, "asked": name});
        found.push(if said.iter().any(|value| !empty(value)) {
            case.pass(Guard::TargetingMissing, Severity::Block, inputs)
        } else if said.is_empty() {
            let message =
                format!("The {name} targeting has not been read from the platform; check it there.");
            case.fail(Guard::TargetingMissing, Severity::Hold, message, inputs)
        } else {
            let message = format!("Campaign has no {name} targeting.");
            case.fail(Guard::TargetingMissing, Severity::Block, message, inputs)
        });
    }
    found
}

fn empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Minimum age 18, unless the category is allow-listed. An ad group whose minimum age was not read holds the draft of an
/// ad; a segment has none of its own.
pub fn minors(case: &Case<'_>) -> Vec<GuardResult> {
    let of_group =
        case.facts.ad.as_ref().and_then(|ad| ad.group.targeting.as_ref()?.get("age_min")?.as_i64());
    let of_segment = case.facts.audience.as_ref().and_then(|a| a.age_min.map(i64::from));
    let age = of_group.or(of_segment);
    let category = case.facts.audience.as_ref().map(|a| a.segment.clone()).unwrap_or_default();
    let listed = case.facts.org.limits.minor_categories.contains(&category);
    let inputs = json!({"age_min": age, "allow_listed": listed});
    vec![match age {
        Some(age) if age < ADULT && !listed => case.fail(
            Guard::MinorTargeting,
            Severity::Block,
            "Targeting includes people under 18.".to_owned(),
            inputs,
        ),
        None if case.facts.ad.is_some() && !listed => case.fail(
            Guard::MinorTargeting,
            Severity::Hold,
            "The minimum age has not been read from the platform; check it there.".to_owned(),
            inputs,
        ),
        _ => case.pass(Guard::MinorTargeting, Severity::Block, inputs),
    }]
}

/// A list holds only people who granted consent to advertising; without a single one there is nothing to upload. A rule
/// works on the platform's own pixel, whose consent the site asks for.
pub fn consent(case: &Case<'_>) -> Vec<GuardResult> {
    let (Proposal::Audience(audience), Some(facts)) = (case.proposal, &case.facts.audience) else {
        return Vec::new();
    };
    let all = facts.size.unwrap_or(0);
    let yes = facts.consenting.unwrap_or(0);
    let inputs = json!({"method": audience.method, "size": facts.size, "consenting": facts.consenting});
    if audience.method != "list" || yes > 0 {
        return vec![case.pass(Guard::Consent, Severity::Block, inputs)];
    }
    let message = format!("{} of {} recipients have no marketing consent.", count(all - yes), count(all));
    vec![case.fail(Guard::Consent, Severity::Block, message, inputs)]
}

/// Enough people for the platform to use the audience.
pub fn small(case: &Case<'_>) -> Vec<GuardResult> {
    let (Proposal::Audience(audience), Some(facts)) = (case.proposal, &case.facts.audience) else {
        return Vec::new();
    };
    let platform = facts.platform.as_str();
    let min = minimum(platform);
    let people = if audience.method == "list" { facts.consenting } else { facts.size };
    let inputs = json!({"people": people, "min": min, "platform": platform});
    vec![match people {
        Some(n) if n < min => {
            let message = format!("Audience has {} people; {platform} needs about {}.", count(n), count(min));
            case.fail(Guard::AudienceSmall, Severity::Hold, message, inputs)
        }
        Some(_) => case.pass(Guard::AudienceSmall, Severity::Hold, inputs),
        None => case.note(
            Guard::AudienceSmall,
            Severity::Hold,
            "The size is known to the platform only.".to_owned(),
            inputs,
        ),
    }]
}
