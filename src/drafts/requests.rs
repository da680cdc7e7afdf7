//! The exact requests an approved draft comes to, by platform (`actions.md` §§7, 10, 11). Pure: nothing is sent here,
//! and no credential ever appears; headers are named only.
//!
//! `dry_run` adds what makes the platform check without changing anything, where it offers that.
pub mod audience;

use super::DraftError;
use super::proposal::{Ad, Negatives, Proposal, Reallocation};
use super::stages::stages;
use crate::money::Currency;
use jiff::civil::Date;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const GOOGLE: &str = "v24";
const META: &str = "v24.0";

/// One HTTP request as it would be sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Request {
    pub method: String,
    pub path: String,
    /// Names only.
    pub headers: Vec<String>,
    #[schema(value_type = Object)]
    pub body: Value,
    /// The account's day on which it is sent, with full pre-flight; at once when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub run_on: Option<Date>,
}

/// Where requests go.
pub struct Target<'a> {
    pub platform: &'a str,
    /// As the platform writes it; for Google without dashes.
    pub account_id: &'a str,
    pub currency: Currency,
    pub dry_run: bool,
}

impl Target<'_> {
    fn request(&self, method: &str, path: String, body: Value) -> Request {
        let headers: &[&str] = match self.platform {
            "google_ads" => &["Authorization", "developer-token", "login-customer-id"],
            "linkedin_ads" => &["Authorization", "LinkedIn-Version", "X-Restli-Protocol-Version"],
            "tiktok_ads" => &["Access-Token"],
            "reddit_ads" => &["Authorization", "User-Agent"],
            _ => &["Authorization"],
        };
        let mut headers: Vec<String> = headers.iter().map(|h| (*h).to_owned()).collect();
        // What changes an object in part says so; its value, PARTIAL_UPDATE, is the platform's constant.
        if self.platform == "linkedin_ads" && body.get("patch").is_some() {
            headers.push("X-RestLi-Method".to_owned());
        }
        let mut body = body;
        if self.dry_run {
            match self.platform {
                "google_ads" => body["validateOnly"] = json!(true),
                "meta_ads" => body["execution_options"] = json!(["validate_only"]),
                _ => {}
            }
        }
        Request { method: method.to_owned(), path, headers, body, run_on: None }
    }

    fn google(&self, service: &str, operations: Value) -> Request {
        let path = format!("/{GOOGLE}/customers/{}/{service}:mutate", self.customer());
        self.request("POST", path, json!({"operations": operations}))
    }

    /// A Google customer id has digits only.
    fn customer(&self) -> String {
        self.account_id.chars().filter(char::is_ascii_digit).collect()
    }

    fn meta_account(&self) -> String {
        let id = self.account_id;
        if id.starts_with("act_") { id.to_owned() } else { format!("act_{id}") }
    }

    fn unknown(&self) -> DraftError {
        DraftError::Broken(format!("no requests are known for {}", self.platform))
    }
}

/// The amount × 1,000,000 (Google, Reddit).
fn micros(amount: Decimal) -> String {
    (amount * Decimal::from(1_000_000)).trunc().to_i64().unwrap_or(i64::MAX).to_string()
}

/// The amount in the smallest unit of its currency (Meta).
fn minor(amount: Decimal, currency: Currency) -> i64 {
    let factor = Decimal::from(10_i64.pow(currency.exponent()));
    (amount * factor).trunc().to_i64().unwrap_or(i64::MAX)
}

/// The requests of a proposal, in the order they run.
pub fn requests(proposal: &Proposal, target: &Target<'_>) -> Result<Vec<Request>, DraftError> {
    Ok(match proposal {
        Proposal::Budget(b) => {
            let budget = b.budget_id.as_deref().unwrap_or_default();
            vec![set_daily_budget(target, &b.campaign_id, budget, b.new_daily_budget)?]
        }
        Proposal::Pause(p) => vec![set_status(target, &p.campaign_id, false)?],
        Proposal::Resume(r) => {
            let mut out = Vec::new();
            if let Some(new) = r.new_daily_budget {
                let budget = r.budget_id.as_deref().unwrap_or_default();
                out.push(set_daily_budget(target, &r.campaign_id, budget, new)?);
            }
            out.push(set_status(target, &r.campaign_id, true)?);
            out
        }
        Proposal::Reallocate(r) => reallocate(target, r)?,
        Proposal::Negatives(n) => vec![negatives(target, n)],
        Proposal::Brief(_) => Vec::new(),
        Proposal::Ad(a) => ad(target, a)?,
        Proposal::Audience(a) => audience::audience(target, a)?,
    })
}

/// Each stage on its day. The decrease first, so that the sum never exceeds what was agreed: the donor's, and the
/// receiver's where the previous budgets come back.
fn reallocate(target: &Target<'_>, r: &Reallocation) -> Result<Vec<Request>, DraftError> {
    let end = |end: &super::proposal::End, new| {
        let own = Target {
            platform: &end.platform,
            account_id: &end.account_id,
            currency: end.currency,
            dry_run: target.dry_run,
        };
        set_daily_budget(&own, &end.campaign_id, end.budget_id.as_deref().unwrap_or_default(), new)
    };
    let mut out = Vec::new();
    for stage in stages(r) {
        let (from, to) = (end(&r.from, stage.from_new)?, end(&r.to, stage.to_new)?);
        let pair = if stage.restores { [to, from] } else { [from, to] };
        out.extend(pair.map(|request| Request { run_on: Some(stage.on), ..request }));
    }
    Ok(out)
}

/// `set_daily_budget` of §7. Google addresses the budget, the others the campaign. Where no id of the budget was read (exports
/// have none) its place holds the field of the account that names it, which is read before the request is sent.
pub fn set_daily_budget(
    target: &Target<'_>,
    campaign: &str,
    budget: &str,
    amount: Decimal,
) -> Result<Request, DraftError> {
    Ok(match target.platform {
        "google_ads" => {
            let customer = target.customer();
            let resource = match budget {
                "" => format!("{{{{customers/{customer}/campaigns/{campaign}.campaign_budget}}}}"),
                _ => format!("customers/{customer}/campaignBudgets/{budget}"),
            };
            let update = json!({"resourceName": resource, "amountMicros": micros(amount)});
            target.google("campaignBudgets", json!([{"update": update, "updateMask": "amountMicros"}]))
        }
        "meta_ads" => {
            let body = json!({"daily_budget": minor(amount, target.currency)});
            target.request("POST", format!("/{META}/{campaign}"), body)
        }
        "linkedin_ads" => {
            let budget = json!({"amount": amount.to_string(), "currencyCode": target.currency});
            let body = json!({"patch": {"$set": {"dailyBudget": budget}}});
            target.request(
                "POST",
                format!("/rest/adAccounts/{}/adCampaigns/{campaign}", target.account_id),
                body,
            )
        }
        "tiktok_ads" => {
            let body = json!({"advertiser_id": target.account_id, "campaign_id": campaign, "budget": amount});
            target.request("POST", "/open_api/v1.3/campaign/update/".to_owned(), body)
        }
        // Reddit keeps budgets on ad groups, and a draft names a campaign.
        "reddit_ads" => {
            let message =
                "A daily budget on reddit_ads belongs to an ad group; change it in the ads manager.";
            return Err(DraftError::payload("/campaign", message));
        }
        _ => return Err(target.unknown()),
    })
}

/// `set_status` of §7 on a campaign.
pub fn set_status(target: &Target<'_>, campaign: &str, active: bool) -> Result<Request, DraftError> {
    let word = |on: &'static str, off: &'static str| if active { on } else { off };
    Ok(match target.platform {
        "google_ads" => {
            let resource = format!("customers/{}/campaigns/{campaign}", target.customer());
            let update = json!({"resourceName": resource, "status": word("ENABLED", "PAUSED")});
            target.google("campaigns", json!([{"update": update, "updateMask": "status"}]))
        }
        "meta_ads" => {
            target.request("POST", format!("/{META}/{campaign}"), json!({"status": word("ACTIVE", "PAUSED")}))
        }
        "linkedin_ads" => {
            let body = json!({"patch": {"$set": {"status": word("ACTIVE", "PAUSED")}}});
            target.request(
                "POST",
                format!("/rest/adAccounts/{}/adCampaigns/{campaign}", target.account_id),
                body,
            )
        }
        "tiktok_ads" => {
            let body = json!({"advertiser_id": target.account_id, "campaign_ids": [campaign],
                "operation_status": word("ENABLE", "DISABLE")});
            target.request("POST", "/open_api/v1.3/campaign/status/update/".to_owned(), body)
        }
        "reddit_ads" => {
            let body = json!({"data": {"configured_status": word("ACTIVE", "PAUSED")}});
            target.request(
                "PATCH",
                format!("/api/v3/ad_accounts/{}/campaigns/{campaign}", target.account_id),
                body,
            )
        }
        _ => return Err(target.unknown()),
    })
}

fn negatives(target: &Target<'_>, n: &Negatives) -> Request {
    let customer = target.customer();
    let (service, parent, resource) = match n.level.as_str() {
        "ad_group" => ("adGroupCriteria", "adGroup", "adGroups"),
        "shared_list" => ("sharedCriteria", "sharedSet", "sharedSets"),
        _ => ("campaignCriteria", "campaign", "campaigns"),
    };
    let operations: Vec<Value> = n
        .keywords
        .iter()
        .map(|keyword| {
            let mut create = json!({"keyword": {"text": keyword.text, "matchType": keyword.match_type}});
            create[parent] = json!(format!("customers/{customer}/{resource}/{}", n.parent_id));
            if n.level != "shared_list" {
                create["negative"] = json!(true);
            }
            json!({"create": create})
        })
        .collect();
    target.google(service, json!(operations))
}

fn ad(target: &Target<'_>, a: &Ad) -> Result<Vec<Request>, DraftError> {
    match target.platform {
        "google_ads" => {
            let text = |line: &super::proposal::Line| match &line.pin {
                Some(pin) => json!({"text": line.text, "pinnedField": pin}),
                None => json!({"text": line.text}),
            };
            let mut search = json!({
                "headlines": a.headlines.iter().map(text).collect::<Vec<_>>(),
                "descriptions": a.descriptions.iter().map(text).collect::<Vec<_>>(),
            });
            for (key, path) in [("path1", &a.path1), ("path2", &a.path2)] {
                if let Some(path) = path {
                    search[key] = json!(path);
                }
            }
            let create = json!({
                "adGroup": format!("customers/{}/adGroups/{}", target.customer(), a.ad_set_id),
                "status": "PAUSED",
                "ad": {"finalUrls": [a.final_url], "finalUrlSuffix": a.final_url_suffix, "responsiveSearchAd": search},
            });
            Ok(vec![target.google("adGroupAds", json!([{"create": create}]))])
        }
        "meta_ads" => Ok(meta_ads(target, a)),
        _ => Err(target.unknown()),
    }
}

/// A creative and its ad for each variant, in that order; the ad takes the id that the request before it answers with.
fn meta_ads(target: &Target<'_>, a: &Ad) -> Vec<Request> {
    let account = target.meta_account();
    let mut out = Vec::new();
    for variant in a.variants() {
        let mut link = json!({"link": a.final_url, "message": variant.body, "name": variant.title});
        if !variant.description.is_empty() {
            link["description"] = json!(variant.description);
        }
        if let Some(button) = &a.call_to_action {
            link["call_to_action"] = json!({"type": button, "value": {"link": a.final_url}});
        }
        if let Some(image) = &a.image {
            link["image_hash"] = json!(image);
        }
        // The page that speaks is the account's; it is filled in where the account is connected.
        let creative = json!({"name": variant.name, "url_tags": a.final_url_suffix,
            "object_story_spec": {"page_id": "{{page_id}}", "link_data": link}});
        out.push(target.request("POST", format!("/{META}/{account}/adcreatives"), creative));
        let before = out.len();
        let ad = json!({"name": variant.name, "adset_id": a.ad_set_id, "status": "PAUSED",
            "creative": {"creative_id": format!("{{{{steps.{before}.id}}}}")}});
        out.push(target.request("POST", format!("/{META}/{account}/ads"), ad));
    }
    out
}

/// The requests that run a rollback plan, where its steps are known before execution.
pub fn rollback_requests(
    proposal: &Proposal,
    plan: &Value,
    target: &Target<'_>,
) -> Result<Vec<Request>, DraftError> {
    let mut out = Vec::new();
    for step in plan.as_array().into_iter().flatten() {
        let text = |key: &str| step.get(key).and_then(Value::as_str).unwrap_or_default();
        match (text("op"), step.get("campaign_id").and_then(Value::as_str)) {
            ("set_daily_budget", Some(campaign)) => {
                let amount: Decimal = text("to").parse().map_err(|_| {
                    DraftError::Broken("a rollback plan holds an amount that is not a number".to_owned())
                })?;
                let (own, budget) = addressed(proposal, campaign, target);
                out.push(set_daily_budget(&own, campaign, budget.unwrap_or_default(), amount)?);
            }
            ("set_status", Some(campaign)) => out.push(set_status(target, campaign, text("to") == "ACTIVE")?),
            // These address what the platform's answer names (an ad, criteria, an audience): the plan itself says what.
            _ => {}
        }
    }
    Ok(out)
}

/// Where one campaign of a proposal is reached, and its budget.
fn addressed<'a>(
    proposal: &'a Proposal,
    campaign: &str,
    target: &Target<'a>,
) -> (Target<'a>, Option<&'a str>) {
    let same = Target { ..*target };
    match proposal {
        Proposal::Budget(b) => (same, b.budget_id.as_deref()),
        Proposal::Resume(r) => (same, r.budget_id.as_deref()),
        Proposal::Reallocate(r) => {
            let end = if r.from.campaign_id == campaign { &r.from } else { &r.to };
            let own = Target {
                platform: &end.platform,
                account_id: &end.account_id,
                currency: end.currency,
                dry_run: target.dry_run,
            };
            (own, end.budget_id.as_deref())
        }
        Proposal::Pause(_)
        | Proposal::Negatives(_)
        | Proposal::Brief(_)
        | Proposal::Ad(_)
        | Proposal::Audience(_) => (same, None),
    }
}
