//! Answers of `googleAds:search` and `googleAds:searchStream`, read without trust.
use crate::money::{Currency, Money};
use crate::platforms::rows::{AdGroup, Campaign, Creative, Keyword};
use crate::platforms::shape::{self, Missing, Seen, Unreadable};
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// One page, or all chunks of a stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    pub rows: Vec<Value>,
    pub next: Option<String>,
    pub seen: Seen,
}

const OF_PAGE: [&str; 7] = [
    "results",
    "nextPageToken",
    "fieldMask",
    "requestId",
    "totalResultsCount",
    "summaryRow",
    "queryResourceConsumption",
];

/// Reads a page, or the list of chunks that a stream is. Without rows the platform leaves the list out.
pub fn page(body: &[u8]) -> Result<Page, Unreadable> {
    let chunks = match shape::json(body)? {
        Value::Array(chunks) => chunks,
        one @ Value::Object(_) => vec![one],
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            return Err(Unreadable::Not("a page of rows".to_owned()));
        }
    };
    let mut page = Page::default();
    for mut chunk in chunks {
        let Some(object) = chunk.as_object_mut() else {
            return Err(Unreadable::Not("a page of rows".to_owned()));
        };
        page.seen.unknown(object, &OF_PAGE, "");
        page.next = object
            .get("nextPageToken")
            .and_then(Value::as_str)
            .filter(|token| !token.is_empty())
            .map(str::to_owned);
        match object.remove("results") {
            Some(Value::Array(rows)) => page.rows.extend(rows),
            None => {}
            Some(_) => return Err(Unreadable::Not("a list 'results'".to_owned())),
        }
    }
    Ok(page)
}

/// `cost_micros` is `costMicros` in an answer.
fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut name, word| {
        let mut letters = word.chars();
        name.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        name.push_str(letters.as_str());
        name
    })
}

/// What a row may hold: the fields that were asked for, by resource, and the names of resources.
pub struct Asked(BTreeMap<String, Vec<String>>);

impl Asked {
    pub fn new(fields: &[&str]) -> Self {
        let mut asked: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for field in fields {
            let mut path = field.split('.');
            let resource = camel(path.next().unwrap_or_default());
            let name = camel(path.next().unwrap_or_default());
            asked.entry(resource).or_insert_with(|| vec!["resourceName".to_owned()]).push(name);
        }
        Self(asked)
    }

    /// Notes what nobody asked for.
    pub fn compare(&self, row: &Value, seen: &mut Seen) {
        let Some(row) = row.as_object() else { return };
        for (resource, value) in row {
            // The resource of the query comes with its name alone when none of its fields was asked for.
            let bare = value.as_object().is_some_and(|object| object.keys().all(|key| key == "resourceName"));
            match (self.0.get(resource), value.as_object()) {
                (Some(names), Some(object)) => {
                    let names: Vec<&str> = names.iter().map(String::as_str).collect();
                    seen.unknown(object, &names, &format!("results.{resource}."));
                }
                _ if bare => {}
                _ => {
                    let one = Map::from_iter([(resource.clone(), value.clone())]);
                    seen.unknown(&one, &[], "results.");
                }
            }
        }
    }
}

/// The value at a path such as `adGroupAd.ad.id`.
pub fn at<'a>(row: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(row, |value, name| value.get(name))
}

pub fn text<'a>(row: &'a Value, path: &str) -> &'a str {
    at(row, path).and_then(Value::as_str).unwrap_or_default()
}

fn needed(path: &str) -> Missing {
    Missing(format!("results.{path}"))
}

/// An id, which is a text of digits; kept as it is.
pub fn id(row: &Value, path: &str) -> Result<String, Missing> {
    let text = text(row, path);
    if text.is_empty() { Err(needed(path)) } else { Ok(text.to_owned()) }
}

/// Our id of a thing of the account.
pub fn ours(external: &str) -> String {
    format!("google_ads:{external}")
}

/// The figures of a day.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    pub date: Date,
    pub impressions: i64,
    pub clicks: i64,
    pub cost: Decimal,
    pub conversions: Decimal,
    pub value: Decimal,
}

/// Metrics that every row of our reports has.
pub const NEEDED: &[&str] = &["impressions", "clicks", "costMicros"];

/// The figures of a row, of which those metrics must be there that are `needed`.
pub fn figures(row: &Value, needed: &[&str], currency: Currency) -> Result<Figures, Missing> {
    let of = |name: &str| at(row, &format!("metrics.{name}"));
    for name in needed {
        shape::number(of(name)).ok_or_else(|| self::needed(&format!("metrics.{name}")))?;
    }
    let date = text(row, "segments.date").parse().map_err(|_| self::needed("segments.date"))?;
    Ok(Figures {
        date,
        impressions: shape::count(of("impressions")).unwrap_or(0),
        clicks: shape::count(of("clicks")).unwrap_or(0),
        cost: money(of("costMicros"), currency).unwrap_or_default(),
        conversions: shape::number(of("conversions")).unwrap_or_default().round_dp(6),
        value: shape::number(of("conversionsValue")).unwrap_or_default().round_dp(6),
    })
}

fn money(micros: Option<&Value>, currency: Currency) -> Option<Decimal> {
    Some(Money::from_micros(shape::number(micros)?, currency).amount.round_dp(6))
}

/// Where a campaign's ads are shown. Shopping, Performance Max and all else that runs across Google's networks is bought
/// beside search and counts there, as in a report that is imported.
pub fn channel(row: &Value, seen: &mut Seen) -> &'static str {
    match text(row, "campaign.advertisingChannelType") {
        "DISPLAY" => "display",
        "VIDEO" => "video",
        "SEARCH" | "SHOPPING" | "PERFORMANCE_MAX" | "DEMAND_GEN" | "DISCOVERY" | "MULTI_CHANNEL"
        | "HOTEL" | "TRAVEL" | "LOCAL" | "LOCAL_SERVICES" | "SMART" => "paid_search",
        other => {
            seen.odd_word("campaign.advertisingChannelType", other);
            "paid_search"
        }
    }
}

/// A state in our words (`connectors.md` §1.12).
fn status(raw: &str, field: &str, seen: &mut Seen) -> &'static str {
    match raw {
        "ENABLED" => "active",
        "PAUSED" => "paused",
        "REMOVED" => "removed",
        other => {
            seen.odd_word(field, other);
            "unknown"
        }
    }
}

/// `2037-12-30`, or `2037-12-30 23:59:59`.
fn day(raw: &str) -> Option<Date> {
    raw.split(' ').next()?.parse().ok()
}

/// A campaign as it stands on the account's day `today`.
pub fn campaign(
    row: &Value,
    account: &str,
    currency: Currency,
    today: Date,
    seen: &mut Seen,
) -> Result<Campaign, Missing> {
    let id = id(row, "campaign.id")?;
    let raw = text(row, "campaign.status");
    let either = |name: &str| {
        let moment = text(row, &format!("campaign.{name}DateTime"));
        day(if moment.is_empty() { text(row, &format!("campaign.{name}Date")) } else { moment })
    };
    let (starts_on, ends_on) = (either("start"), either("end"));
    let mut state = status(raw, "campaign.status", seen);
    if state == "active" && ends_on.is_some_and(|end| end < today) {
        state = "ended";
    }
    let budget = |name: &str| money(at(row, &format!("campaignBudget.{name}")), currency);
    let users = shape::count(at(row, "campaignBudget.referenceCount")).unwrap_or(1);
    let shared = at(row, "campaignBudget.explicitlyShared").and_then(Value::as_bool).unwrap_or(false);
    let suffix = text(row, "campaign.finalUrlSuffix");
    let mut extra = Map::new();
    if !suffix.is_empty() {
        extra.insert("final_url_suffix".to_owned(), Value::from(suffix));
    }
    Ok(Campaign {
        id: ours(&id),
        account_id: account.to_owned(),
        name: named(text(row, "campaign.name"), &id),
        status: state,
        raw_status: raw.to_owned(),
        channel: channel(row, seen),
        objective: text(row, "campaign.advertisingChannelType").to_owned(),
        bidding: text(row, "campaign.biddingStrategyType").to_owned(),
        daily_budget: budget("amountMicros"),
        // A campaign has one or the other.
        lifetime_budget: budget("totalAmountMicros").filter(|amount| !amount.is_zero()),
        budget_id: Some(text(row, "campaignBudget.id")).filter(|id| !id.is_empty()).map(str::to_owned),
        budget_shared: shared || users > 1,
        currency,
        starts_on,
        ends_on,
        labels: Vec::new(),
        extra,
    })
}

fn named(name: &str, id: &str) -> String {
    if name.is_empty() { id.to_owned() } else { name.to_owned() }
}

pub fn ad_group(row: &Value, currency: Currency, seen: &mut Seen) -> Result<AdGroup, Missing> {
    let id = id(row, "adGroup.id")?;
    Ok(AdGroup {
        campaign_id: ours(&self::id(row, "campaign.id")?),
        name: named(text(row, "adGroup.name"), &id),
        id: ours(&id),
        status: status(text(row, "adGroup.status"), "adGroup.status", seen),
        bid: money(at(row, "adGroup.cpcBidMicros"), currency),
        daily_budget: None,
        currency,
        optimization_goal: text(row, "adGroup.type").to_owned(),
        extra: Map::new(),
    })
}

pub fn ad(row: &Value, seen: &mut Seen) -> Result<Creative, Missing> {
    let texts = |list: &str| -> Vec<String> {
        ["responsiveSearchAd", "responsiveDisplayAd"]
            .iter()
            .filter_map(|kind| at(row, &format!("adGroupAd.ad.{kind}.{list}"))?.as_array())
            .flatten()
            .filter_map(|asset| shape::text_if_any(asset, "text").map(str::to_owned))
            .collect()
    };
    let mut extra = Map::new();
    for (name, path) in [("name", "adGroupAd.ad.name"), ("ad_strength", "adGroupAd.adStrength")] {
        let said = text(row, path);
        if !said.is_empty() {
            extra.insert(name.to_owned(), Value::from(said));
        }
    }
    Ok(Creative {
        id: ours(&id(row, "adGroupAd.ad.id")?),
        ad_group_id: ours(&id(row, "adGroup.id")?),
        campaign_id: ours(&id(row, "campaign.id")?),
        format: text(row, "adGroupAd.ad.type").to_ascii_lowercase(),
        headlines: texts("headlines"),
        descriptions: texts("descriptions"),
        body: String::new(),
        call_to_action: String::new(),
        final_url: at(row, "adGroupAd.ad.finalUrls")
            .and_then(|urls| urls.get(0)?.as_str())
            .unwrap_or_default()
            .to_owned(),
        status: status(text(row, "adGroupAd.status"), "adGroupAd.status", seen),
        policy_status: text(row, "adGroupAd.policySummary.approvalStatus").to_ascii_lowercase(),
        extra,
    })
}

/// Criteria are numbered within their ad group.
pub fn keyword_id(row: &Value) -> Result<String, Missing> {
    let group = id(row, "adGroup.id")?;
    Ok(ours(&format!("{group}~{}", id(row, "adGroupCriterion.criterionId")?)))
}

pub fn keyword(row: &Value, currency: Currency, seen: &mut Seen) -> Result<Keyword, Missing> {
    let of = |name: &str| text(row, &format!("adGroupCriterion.{name}"));
    Ok(Keyword {
        id: keyword_id(row)?,
        ad_group_id: ours(&id(row, "adGroup.id")?),
        text: id(row, "adGroupCriterion.keyword.text")?,
        match_type: match_type(of("keyword.matchType"), seen),
        negative: at(row, "adGroupCriterion.negative").and_then(Value::as_bool).unwrap_or(false),
        bid: money(at(row, "adGroupCriterion.effectiveCpcBidMicros"), currency),
        currency,
        quality_score: shape::count(at(row, "adGroupCriterion.qualityInfo.qualityScore")),
        ad_relevance: of("qualityInfo.creativeQualityScore").to_ascii_lowercase(),
        landing_page_experience: of("qualityInfo.postClickQualityScore").to_ascii_lowercase(),
        status: status(of("status"), "adGroupCriterion.status", seen),
        extra: Map::new(),
    })
}

/// A close variant counts as its kind; what the platform matched by itself counts as broad.
pub fn match_type(raw: &str, seen: &mut Seen) -> &'static str {
    match raw {
        "EXACT" | "NEAR_EXACT" => "EXACT",
        "PHRASE" | "NEAR_PHRASE" => "PHRASE",
        "BROAD" | "AI_MAX" | "PERFORMANCE_MAX" => "BROAD",
        other => {
            seen.odd_word("segments.searchTermMatchType", other);
            "BROAD"
        }
    }
}

pub fn term_status(raw: &str) -> &'static str {
    match raw {
        "ADDED" => "added",
        "EXCLUDED" | "ADDED_EXCLUDED" => "excluded",
        _ => "none",
    }
}

/// The device of a row, as breakdowns write it.
pub fn device(row: &Value, seen: &mut Seen) -> &'static str {
    match text(row, "segments.device") {
        "MOBILE" => "device=mobile",
        "DESKTOP" => "device=desktop",
        "TABLET" => "device=tablet",
        "CONNECTED_TV" => "device=tv",
        "OTHER" => "device=other",
        other => {
            seen.odd_word("segments.device", other);
            "device=other"
        }
    }
}

#[cfg(test)]
mod tests;
