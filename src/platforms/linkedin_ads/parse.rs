//! Answers of LinkedIn's Marketing API, read without trust: ids are whole numbers or URNs, money is text or a number with
//! the dust of a double.
use crate::money::Currency;
use crate::platforms::rows::{Campaign, Creative, Daily};
use crate::platforms::shape::{self, Missing, Seen, Unreadable};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// One page of anything.
#[derive(Clone, Debug, Default)]
pub struct Page<T> {
    /// Each with what tells it from all others.
    pub rows: Vec<(String, T)>,
    /// Elements the page holds, those that were left out included.
    pub count: usize,
    /// Where the next page begins.
    pub next: Option<String>,
    pub seen: Seen,
}

/// Reads `{elements, paging, metadata: {nextPageToken}}` and each element.
pub fn page<T>(
    body: &[u8],
    read: impl Fn(&Value, &mut Seen) -> Result<(String, T), Missing>,
) -> Result<Page<T>, Unreadable> {
    let body = shape::json(body)?;
    let Some(top) = body.as_object() else { return Err(Unreadable::Not("an object".to_owned())) };
    let mut seen = Seen::default();
    seen.unknown(top, &["elements", "paging", "metadata"], "");
    let elements = shape::list(&body, "elements", true)?;
    let mut rows = Vec::with_capacity(elements.len());
    for element in elements {
        let row = read(element, &mut seen);
        rows.extend(seen.row(row));
    }
    let next =
        body.get("metadata").and_then(|meta| shape::text_if_any(meta, "nextPageToken")).map(str::to_owned);
    Ok(Page { rows, count: elements.len(), next, seen })
}

/// Whose rows they are.
#[derive(Clone, Copy, Debug)]
pub struct Account<'a> {
    pub id: &'a str,
    pub currency: Currency,
}

/// Which figure counts as conversions (`connectors.md` §1.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conversions {
    /// On the website: `externalWebsiteConversions`.
    Website,
    /// Forms filled in on LinkedIn: `oneClickLeads`.
    Leads,
}

/// What a report is asked for: at most 20 fields are taken.
pub const FIELDS: [&str; 9] = [
    "dateRange",
    "pivotValues",
    "impressions",
    "clicks",
    "landingPageClicks",
    "costInLocalCurrency",
    "externalWebsiteConversions",
    "conversionValueInLocalCurrency",
    "oneClickLeads",
];

/// The level that a pivot makes rows of.
#[derive(Clone, Copy, Debug)]
pub struct Level {
    pub kind: &'static str,
    pub pivot: &'static str,
}

/// One element of a report by day.
pub fn day(
    element: &Value,
    level: Level,
    account: Account<'_>,
    conversions: Conversions,
    seen: &mut Seen,
) -> Result<(String, Daily), Missing> {
    let lacks = |field: &str| Missing(format!("elements.{field}"));
    let object = element.as_object().ok_or_else(|| lacks("dateRange"))?;
    let mut extra = seen.unknown(object, &FIELDS, "elements.");
    let date = element
        .get("dateRange")
        .and_then(|range| date(range.get("start")?))
        .ok_or_else(|| lacks("dateRange"))?;
    let urn = element
        .get("pivotValues")
        .and_then(|values| values.get(0)?.as_str())
        .ok_or_else(|| lacks("pivotValues"))?;
    let external = last(urn).ok_or_else(|| lacks("pivotValues"))?;
    let whole =
        |name: &str| -> Result<i64, Missing> { shape::count(object.get(name)).ok_or_else(|| lacks(name)) };
    // Figures of nothing are left out, so an absent one is none.
    let some = |name: &str| object.get(name).filter(|value| !value.is_null());
    let if_any = |name: &str| some(name).map_or(Ok(0), |_| whole(name));
    let amount = |name: &str| money(object.get(name)).ok_or_else(|| lacks(name));
    let mut row = Daily::new(date, account.id, level.kind, own(external), account.currency);
    row.channel = "paid_social";
    row.impressions = whole("impressions")?;
    row.clicks = whole("clicks")?;
    row.cost = amount("costInLocalCurrency")?;
    row.conversions = Decimal::from(match conversions {
        Conversions::Website => if_any("externalWebsiteConversions")?,
        Conversions::Leads => if_any("oneClickLeads")?,
    });
    row.conversion_value = some("conversionValueInLocalCurrency")
        .map_or(Ok(Decimal::ZERO), |_| amount("conversionValueInLocalCurrency"))?;
    row.revenue = row.conversion_value;
    for name in ["landingPageClicks", "oneClickLeads", "externalWebsiteConversions"] {
        let count = if_any(name)?;
        if count > 0 {
            extra.insert(name.to_owned(), Value::from(count));
        }
    }
    row.extra = extra;
    Ok((format!("{date} {external}"), row))
}

fn date(parts: &Value) -> Option<Date> {
    let part = |name: &str| shape::count(parts.get(name));
    Date::new(
        i16::try_from(part("year")?).ok()?,
        i8::try_from(part("month")?).ok()?,
        i8::try_from(part("day")?).ok()?,
    )
    .ok()
}

/// Money to six decimals: LinkedIn adds doubles up, so a cent may come as `14.200000000000001` and nothing as `-2E-18`.
fn money(value: Option<&Value>) -> Option<Decimal> {
    shape::number(value).map(|amount| amount.round_dp(6).normalize())
}

/// Names of campaign groups by id.
pub type Groups = BTreeMap<String, String>;

pub fn group(element: &Value, seen: &mut Seen) -> Result<(String, String), Missing> {
    let lacks = |field: &str| Missing(format!("elements.{field}"));
    let known = [
        "id",
        "name",
        "account",
        "status",
        "servingStatuses",
        "runSchedule",
        "totalBudget",
        "dailyBudget",
        "test",
        "backfilled",
        "created",
        "lastModified",
        "changeAuditStamps",
        "allowedCampaignTypes",
        "objectiveType",
        "budgetOptimization",
    ];
    if let Some(object) = element.as_object() {
        seen.unknown(object, &known, "groups.");
    }
    let id = shape::id(element.get("id")).ok_or_else(|| lacks("id"))?;
    let name = shape::text(element, "name").map_err(|_| lacks("name"))?;
    Ok((id, name.to_owned()))
}

const CAMPAIGN: [&str; 36] = [
    "id",
    "name",
    "account",
    "status",
    "servingStatuses",
    "campaignGroup",
    "type",
    "format",
    "objectiveType",
    "costType",
    "optimizationTargetType",
    "optimizationPreference",
    "pacingStrategy",
    "creativeSelection",
    "dailyBudget",
    "totalBudget",
    "unitCost",
    "runSchedule",
    "locale",
    "associatedEntity",
    "audienceExpansionEnabled",
    "offsiteDeliveryEnabled",
    "offsitePreferences",
    "storyDeliveryEnabled",
    "targetingCriteria",
    "targeting",
    "test",
    "version",
    "created",
    "lastModified",
    "changeAuditStamps",
    "politicalIntent",
    "connectedTelevisionOnly",
    "urlTrackingInfo",
    "creativeGroup",
    "experimentationType",
];

pub fn campaign(
    element: &Value,
    account: Account<'_>,
    groups: &Groups,
    seen: &mut Seen,
) -> Result<(String, Campaign), Missing> {
    let lacks = |field: &str| Missing(format!("elements.{field}"));
    let object = element.as_object().ok_or_else(|| lacks("id"))?;
    let external = shape::id(object.get("id")).ok_or_else(|| lacks("id"))?;
    let name = shape::text(element, "name").map_err(|_| lacks("name"))?;
    let raw_status = shape::text(element, "status").map_err(|_| lacks("status"))?;
    let mut extra = seen.unknown(object, &CAMPAIGN, "elements.");
    let group = shape::text_if_any(element, "campaignGroup").and_then(last);
    for (field, value) in [
        ("campaign_group", group),
        ("type", shape::text_if_any(element, "type")),
        ("format", shape::text_if_any(element, "format")),
    ] {
        if let Some(value) = value {
            extra.insert(field.to_owned(), Value::from(value));
        }
    }
    if let Some(serving) = object.get("servingStatuses") {
        extra.insert("serving".to_owned(), serving.clone());
    }
    let budget = |field: &str| object.get(field).and_then(|budget| money(budget.get("amount")));
    let told = ["dailyBudget", "totalBudget"]
        .into_iter()
        .find_map(|field| shape::text_if_any(object.get(field)?, "currencyCode")?.parse().ok());
    let day = |field: &str| {
        let at = object.get("runSchedule").and_then(|schedule| shape::count(schedule.get(field)))?;
        Some(TimeZone::UTC.to_datetime(Timestamp::from_millisecond(at).ok()?).date())
    };
    let bidding =
        [shape::text_if_any(element, "costType"), shape::text_if_any(element, "optimizationTargetType")];
    let row = Campaign {
        id: own(&external),
        account_id: account.id.to_owned(),
        name: name.to_owned(),
        status: status(raw_status, "status", seen),
        raw_status: raw_status.to_owned(),
        channel: "paid_social",
        objective: shape::text_if_any(element, "objectiveType").unwrap_or_default().to_owned(),
        bidding: bidding.into_iter().flatten().collect::<Vec<_>>().join(" "),
        daily_budget: budget("dailyBudget"),
        lifetime_budget: budget("totalBudget"),
        budget_id: None,
        budget_shared: false,
        currency: told.unwrap_or(account.currency),
        starts_on: day("start"),
        ends_on: day("end"),
        labels: group.and_then(|id| groups.get(id)).cloned().into_iter().collect(),
        extra,
    };
    Ok((external, row))
}

const CREATIVE: [&str; 16] = [
    "id",
    "name",
    "account",
    "campaign",
    "content",
    "inlineContent",
    "intendedStatus",
    "isServing",
    "isTest",
    "review",
    "servingHoldReasons",
    "leadgenCallToAction",
    "createdAt",
    "createdBy",
    "lastModifiedAt",
    "lastModifiedBy",
];

pub fn creative(element: &Value, seen: &mut Seen) -> Result<(String, Creative), Missing> {
    let lacks = |field: &str| Missing(format!("elements.{field}"));
    let object = element.as_object().ok_or_else(|| lacks("id"))?;
    let number = shape::id(object.get("id")).ok_or_else(|| lacks("id"))?;
    let external = last(&number).ok_or_else(|| lacks("id"))?;
    let raw_status = shape::text(element, "intendedStatus").map_err(|_| lacks("intendedStatus"))?;
    let campaign = shape::text(element, "campaign").ok().and_then(last).ok_or_else(|| lacks("campaign"))?;
    let mut extra = seen.unknown(object, &CREATIVE, "elements.");
    extra.insert("raw_status".to_owned(), Value::from(raw_status));
    let content = object.get("content").and_then(Value::as_object);
    if let Some(reference) = content.and_then(|content| content.get("reference")) {
        extra.insert("reference".to_owned(), reference.clone());
    }
    if let Some(reasons) = object.get("servingHoldReasons") {
        extra.insert("held".to_owned(), reasons.clone());
    }
    let said = |field: &str| said(content, field);
    let headline = said("headline").or_else(|| shape::text_if_any(element, "name"));
    let row = Creative {
        id: own(external),
        // LinkedIn has no level between a campaign and its ads.
        ad_group_id: String::new(),
        campaign_id: own(campaign),
        format: content.and_then(|content| content.keys().next()).cloned().unwrap_or_default(),
        headlines: headline.map(str::to_owned).into_iter().collect(),
        descriptions: said("description").map(str::to_owned).into_iter().collect(),
        body: String::new(),
        call_to_action: object
            .get("leadgenCallToAction")
            .and_then(|call| shape::text_if_any(call, "label"))
            .or_else(|| said("callToAction"))
            .unwrap_or_default()
            .to_owned(),
        final_url: said("landingPage").unwrap_or_default().to_owned(),
        status: status(raw_status, "intendedStatus", seen),
        policy_status: object
            .get("review")
            .and_then(|review| shape::text_if_any(review, "status"))
            .unwrap_or_default()
            .to_owned(),
        extra,
    };
    Ok((external.to_owned(), row))
}

/// A text of whatever form of ad the content is: `{"textAd": {"headline": …}}`.
fn said<'a>(content: Option<&'a Map<String, Value>>, field: &str) -> Option<&'a str> {
    content?.values().find_map(|form| shape::text_if_any(form, field))
}

/// The state in our words (`connectors.md` §1.12).
fn status(raw: &str, field: &str, seen: &mut Seen) -> &'static str {
    match raw {
        "ACTIVE" => "active",
        "PAUSED" => "paused",
        "DRAFT" => "draft",
        "COMPLETED" | "CANCELED" => "ended",
        "ARCHIVED" => "archived",
        "REMOVED" | "PENDING_DELETION" => "removed",
        other => {
            seen.odd_word(field, other);
            "unknown"
        }
    }
}

/// The id at the end of a URN, or the id itself.
fn last(urn: &str) -> Option<&str> {
    let id = urn.rsplit(':').next()?;
    (!id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())).then_some(id)
}

/// The id as every table writes it.
fn own(external: &str) -> String {
    format!("linkedin_ads:{external}")
}

#[cfg(test)]
mod tests;
