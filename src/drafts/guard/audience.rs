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
/// ad.
pub fn minors(case: &Case<'_>) -> Vec<GuardResult> {
    let Some(ad) = &case.facts.ad else { return young_members(case) };
    let age = ad.group.targeting.as_ref().and_then(|targeting| targeting.get("age_min")?.as_i64());
    let inputs = json!({"age_min": age});
    vec![match age {
        Some(age) if age < ADULT => under_age(case, inputs),
        Some(_) => case.pass(Guard::MinorTargeting, Severity::Block, inputs),
        None => case.fail(
            Guard::MinorTargeting,
            Severity::Hold,
            "The minimum age has not been read from the platform; check it there.".to_owned(),
            inputs,
        ),
    }]
}

fn under_age(case: &Case<'_>, inputs: Value) -> GuardResult {
    let message = "Targeting includes people under 18.".to_owned();
    case.fail(Guard::MinorTargeting, Severity::Block, message, inputs)
}

/// The same for the people of an audience: a segment for younger people, or one known younger person, blocks. Somebody
/// whose year of birth is unknown is no minor, but counted; a list of people of whom no age was ever read holds. Who a
/// pixel sees, and of which age, is the platform's to know.
fn young_members(case: &Case<'_>) -> Vec<GuardResult> {
    let facts = case.facts.audience.clone().unwrap_or_default();
    let listed = case.facts.org.limits.minor_categories.contains(&facts.segment);
    let by_list = matches!(case.proposal, Proposal::Audience(audience) if audience.method == "list");
    let people = if by_list { facts.consenting } else { facts.size }.unwrap_or(0);
    let unknown = (people - facts.age_known).max(0);
    let inputs = json!({"age_min": facts.age_min, "under_18": facts.minors, "age_unknown": unknown, "people": people,
        "allow_listed": listed});
    let adults = facts.age_min.is_some_and(|age| i64::from(age) >= ADULT);
    let younger = facts.age_min.is_some() && !adults || facts.minors > 0;
    vec![if listed {
        case.pass(Guard::MinorTargeting, Severity::Block, inputs)
    } else if younger {
        under_age(case, inputs)
    } else if by_list && people > 0 && facts.age_known == 0 && !adults {
        let message = format!(
            "No age is known of the {} people of this list; make sure that nobody is under 18, or set the segment's minimum age.",
            count(people)
        );
        case.fail(Guard::MinorTargeting, Severity::Hold, message, inputs)
    } else if unknown > 0 && !adults {
        let message = format!("The age of {} of {} people is not known.", count(unknown), count(people));
        case.note(Guard::MinorTargeting, Severity::Block, message, inputs)
    } else {
        case.pass(Guard::MinorTargeting, Severity::Block, inputs)
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
