//! Audiences: rules over the platform's own pixel (`actions.md` §11). Lists of people go out as files, never from here.
use super::{GOOGLE, META, Request, Target};
use crate::drafts::DraftError;
use crate::drafts::proposal::Audience;
use serde_json::{Value, json};

/// Where people were seen and what they have not done since.
struct Rule {
    seen: &'static str,
    without: Option<&'static str>,
    times: u32,
    /// How far back it looks, whatever a member's stay is.
    days: u32,
}

fn rule(segment: &str) -> Option<Rule> {
    Some(match segment {
        "quote_started_no_submit_7d" => {
            Rule { seen: "/quote", without: Some("/quote/thank-you"), times: 1, days: 7 }
        }
        "lead_no_booking_7d" => {
            Rule { seen: "/lead/thank-you", without: Some("/booking/thank-you"), times: 1, days: 7 }
        }
        "city_page_viewed_2x_14d" => Rule { seen: "/city/", without: None, times: 2, days: 14 },
        _ => return None,
    })
}

/// The days that a built-in segment looks back (`actions.md` §11).
pub fn window(segment: &str) -> Option<u32> {
    rule(segment).map(|rule| rule.days)
}

/// Whether a platform keeps members for as long as the rule looks back: it has one number for both. Google has two.
pub fn one_window(platform: &str) -> bool {
    matches!(platform, "meta_ads" | "tiktok_ads")
}

/// Whether a segment can be described to a platform's pixel. Counting visits is something only Meta's rules do.
pub fn has_rule(platform: &str, segment: &str) -> bool {
    let by_pixel = matches!(platform, "google_ads" | "meta_ads" | "tiktok_ads");
    by_pixel && rule(segment).is_some_and(|rule| rule.times == 1 || platform == "meta_ads")
}

/// Requests for a rule audience; an empty one that a list is uploaded to otherwise.
pub fn audience(target: &Target<'_>, a: &Audience) -> Result<Vec<Request>, DraftError> {
    let rule = if a.method == "rule" { rule(&a.segment) } else { None };
    Ok(vec![match target.platform {
        "google_ads" => google(target, a, rule.as_ref()),
        "meta_ads" => meta(target, a, rule.as_ref()),
        "tiktok_ads" => tiktok(target, a, rule.as_ref()),
        "linkedin_ads" => {
            let body = json!({"account": format!("urn:li:sponsoredAccount:{}", target.account_id), "name": a.name,
                "sourcePlatform": "FIRST_PARTY", "type": "USER"});
            target.request("POST", "/rest/dmpSegments".to_owned(), body)
        }
        "reddit_ads" => {
            let body = json!({"data": {"name": a.name, "type": "CUSTOMER_LIST"}});
            target.request(
                "POST",
                format!("/api/v3/ad_accounts/{}/custom_audiences", target.account_id),
                body,
            )
        }
        _ => return Err(target.unknown()),
    }])
}

fn google(target: &Target<'_>, a: &Audience, rule: Option<&Rule>) -> Request {
    let operand = |path: &str, days: u32| {
        json!({"rule": {"ruleItemGroups": [{"ruleItems": [{"name": "url__",
            "stringRuleItem": {"operator": "CONTAINS", "value": path}}]}]}, "lookbackWindowDays": days})
    };
    let mut create =
        json!({"name": a.name, "membershipLifeSpan": a.membership_days, "membershipStatus": "OPEN"});
    match rule {
        Some(rule) => {
            let excluded: Vec<Value> =
                rule.without.map(|path| operand(path, rule.days)).into_iter().collect();
            create["ruleBasedUserList"] = json!({"prepopulationStatus": "REQUESTED", "flexibleRuleUserList": {
                "inclusiveRuleOperator": "AND", "inclusiveOperands": [operand(rule.seen, rule.days)], "exclusiveOperands": excluded}});
        }
        None => create["crmBasedUserList"] = json!({"uploadKeyType": "CONTACT_INFO"}),
    }
    let path = format!("/{GOOGLE}/customers/{}/userLists:mutate", target.customer());
    target.request("POST", path, json!({"operations": [{"create": create}]}))
}

fn meta(target: &Target<'_>, a: &Audience, rule: Option<&Rule>) -> Request {
    let group = |path: &str, times: u32, days: u32| {
        let seconds = u64::from(days) * 86_400;
        let mut rule = json!({"event_sources": [{"id": "{{pixel_id}}", "type": "pixel"}], "retention_seconds": seconds,
            "filter": {"operator": "and", "filters": [{"field": "url", "operator": "i_contains", "value": path}]}});
        if times > 1 {
            rule["aggregation"] = json!({"type": "count", "operator": ">=", "value": times.to_string()});
        }
        json!({"operator": "or", "rules": [rule]})
    };
    let body = match rule {
        Some(rule) => {
            let mut rules = json!({"inclusions": group(rule.seen, rule.times, rule.days)});
            if let Some(path) = rule.without {
                rules["exclusions"] = group(path, 1, rule.days);
            }
            json!({"name": a.name, "rule": rules, "prefill": true})
        }
        None => json!({"name": a.name, "subtype": "CUSTOM", "customer_file_source": "USER_PROVIDED_ONLY"}),
    };
    target.request("POST", format!("/{META}/{}/customaudiences", target.meta_account()), body)
}

fn tiktok(target: &Target<'_>, a: &Audience, rule: Option<&Rule>) -> Request {
    let set = |path: &str, days: u32| {
        json!({"operator": "OR", "rules": [{"event_source_ids": ["{{pixel_id}}"], "retention_days": days,
            "filter_set": {"operator": "OR", "filters": [{"field": "EVENT", "operator": "EQ", "value": "ViewContent",
                "parameter_filters": [{"field": "URL", "operator": "CONTAINS", "value": path}]}]}}]})
    };
    match rule {
        Some(rule) => {
            let mut spec = json!({"inclusion_rule_set": set(rule.seen, rule.days)});
            if let Some(path) = rule.without {
                spec["exclusion_rule_set"] = set(path, rule.days);
            }
            let body = json!({"advertiser_id": target.account_id, "custom_audience_name": a.name, "rule_spec": spec});
            target.request("POST", "/open_api/v1.3/dmp/custom_audience/rule/create/".to_owned(), body)
        }
        None => {
            let body = json!({"advertiser_id": target.account_id, "custom_audience_name": a.name,
                "file_paths": ["{{uploaded_file}}"], "calculate_type": "EMAIL_SHA256"});
            target.request("POST", "/open_api/v1.3/dmp/custom_audience/create/".to_owned(), body)
        }
    }
}
