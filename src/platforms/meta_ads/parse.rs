//! Answers of the Graph API, read without trust.
use crate::money::{Currency, Money};
use crate::platforms::rows::{AdGroup, Campaign, Creative, Daily};
use crate::platforms::shape::{self, Missing, Seen, Unreadable};
use jiff::civil::Date;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde_json::{Map, Value, json};

/// One page of a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    pub rows: Vec<Value>,
    /// Where the next page begins, when there is one.
    pub after: Option<String>,
    pub seen: Seen,
}

/// Reads `{"data": […], "paging": {"cursors": {"after"}, "next"}}`. The cursor of a last page leads nowhere: only with `next`
/// is there another. `next` itself is not followed, as the platform writes the access token into it.
pub fn page(body: &[u8]) -> Result<Page, Unreadable> {
    let body = shape::json(body)?;
    let mut page = Page { rows: shape::list(&body, "data", true)?.to_vec(), ..Page::default() };
    if let Some(top) = body.as_object() {
        page.seen.unknown(top, &["data", "paging", "summary"], "");
    }
    let paging = body.get("paging");
    let more = paging.is_some_and(|paging| shape::text_if_any(paging, "next").is_some());
    let after = paging.and_then(|paging| shape::text_if_any(paging.get("cursors")?, "after"));
    page.after = after.filter(|_| more).map(str::to_owned);
    Ok(page)
}

/// Fields of a campaign, an ad set and an ad.
pub const CAMPAIGN: &[&str] = &[
    "id",
    "name",
    "objective",
    "effective_status",
    "bid_strategy",
    "daily_budget",
    "lifetime_budget",
    "start_time",
    "stop_time",
];
pub const AD_SET: &[&str] = &[
    "id",
    "campaign_id",
    "name",
    "effective_status",
    "bid_amount",
    "daily_budget",
    "lifetime_budget",
    "optimization_goal",
    "end_time",
];
pub const AD: &[&str] = &[
    "id",
    "adset_id",
    "campaign_id",
    "name",
    "effective_status",
    "creative{id,title,body,call_to_action_type,link_url,object_type,url_tags,object_story_spec,asset_feed_spec}",
];

/// Currencies whose budgets have no smaller unit, whatever ISO 4217 says (`connectors.md` §2.3).
const WHOLE: [&str; 11] = ["CLP", "COP", "CRC", "HUF", "ISK", "IDR", "JPY", "KRW", "PYG", "TWD", "VND"];

/// A budget or bid, which counts smallest units. Zero is none.
fn minor(row: &Value, field: &str, currency: Currency) -> Option<Decimal> {
    let exponent = if WHOLE.contains(&currency.as_str()) { 0 } else { 2 };
    let amount = shape::number(row.get(field)).filter(|amount| !amount.is_zero())?;
    Some(Money::from_minor(amount, exponent, currency).amount)
}

fn needed<'a>(row: &'a Value, field: &str) -> Result<&'a str, Missing> {
    shape::text_if_any(row, field).ok_or_else(|| Missing(format!("data.{field}")))
}

/// Our id of a thing of the account.
pub fn ours(external: &str) -> String {
    format!("meta_ads:{external}")
}

/// A state in our words (`connectors.md` §1.12). A thing whose time has come is over.
fn status(raw: &str, ends: Option<Date>, today: Date, seen: &mut Seen) -> &'static str {
    match raw {
        "ACTIVE" | "WITH_ISSUES" if ends.is_some_and(|end| end < today) => "ended",
        "ACTIVE" | "WITH_ISSUES" => "active",
        "PAUSED" | "CAMPAIGN_PAUSED" | "ADSET_PAUSED" | "DISAPPROVED" | "PENDING_BILLING_INFO" => "paused",
        "IN_PROCESS" | "PENDING_REVIEW" | "PREAPPROVED" => "draft",
        "DELETED" | "ARCHIVED" => "removed",
        other => {
            seen.odd_word("effective_status", other);
            "unknown"
        }
    }
}

/// The account's day of a moment such as `2025-08-01T10:00:00+0200`: it is told in the account's zone.
fn day_of(row: &Value, field: &str) -> Option<Date> {
    shape::text_if_any(row, field)?.get(..10)?.parse().ok()
}

fn name(row: &Value, id: &str) -> String {
    shape::text_if_any(row, "name").unwrap_or(id).to_owned()
}

fn text(row: &Value, field: &str) -> String {
    shape::text_if_any(row, field).unwrap_or_default().to_owned()
}

fn known(row: &Value, fields: &[&str], seen: &mut Seen) {
    // `creative{…}` comes as `creative`.
    let names: Vec<&str> = fields.iter().map(|field| field.split('{').next().unwrap_or(field)).collect();
    if let Some(object) = row.as_object() {
        seen.unknown(object, &names, "data.");
    }
}

/// A campaign as it stands on the account's day `today`.
pub fn campaign(
    row: &Value,
    account: &str,
    currency: Currency,
    today: Date,
    seen: &mut Seen,
) -> Result<Campaign, Missing> {
    known(row, CAMPAIGN, seen);
    let (id, raw) = (needed(row, "id")?, text(row, "effective_status"));
    let ends_on = day_of(row, "stop_time");
    Ok(Campaign {
        id: ours(id),
        account_id: account.to_owned(),
        name: name(row, id),
        status: status(&raw, ends_on, today, seen),
        raw_status: raw,
        channel: "paid_social",
        objective: text(row, "objective"),
        bidding: text(row, "bid_strategy"),
        daily_budget: minor(row, "daily_budget", currency),
        lifetime_budget: minor(row, "lifetime_budget", currency),
        budget_id: None,
        budget_shared: false,
        currency,
        starts_on: day_of(row, "start_time"),
        ends_on,
        labels: Vec::new(),
        extra: Map::new(),
    })
}

pub fn ad_set(row: &Value, currency: Currency, today: Date, seen: &mut Seen) -> Result<AdGroup, Missing> {
    known(row, AD_SET, seen);
    let id = needed(row, "id")?;
    let mut extra = Map::new();
    if let Some(amount) = minor(row, "lifetime_budget", currency) {
        extra.insert("lifetime_budget".to_owned(), json!(amount));
    }
    Ok(AdGroup {
        id: ours(id),
        campaign_id: ours(needed(row, "campaign_id")?),
        name: name(row, id),
        status: status(&text(row, "effective_status"), day_of(row, "end_time"), today, seen),
        bid: minor(row, "bid_amount", currency),
        daily_budget: minor(row, "daily_budget", currency),
        currency,
        optimization_goal: text(row, "optimization_goal"),
        extra,
    })
}

/// An ad with its creative, whose words stand in one of three places: on itself, in the story it makes, or in lists that the
/// platform combines.
pub fn ad(row: &Value, seen: &mut Seen) -> Result<Creative, Missing> {
    known(row, AD, seen);
    let id = needed(row, "id")?;
    let creative = row.get("creative").unwrap_or(&Value::Null);
    let story = |field: &str| -> Option<String> {
        let spec = creative.get("object_story_spec")?;
        let part = spec.get("link_data").or_else(|| spec.get("video_data"))?;
        shape::text_if_any(part, field).map(str::to_owned)
    };
    let feed = |list: &str, field: &str| -> Vec<String> {
        let spec = creative.get("asset_feed_spec").and_then(|spec| spec.get(list)).and_then(Value::as_array);
        spec.into_iter()
            .flatten()
            .filter_map(|one| Some(shape::text_if_any(one, field)?.to_owned()))
            .collect()
    };
    let own = |field: &str| shape::text_if_any(creative, field).map(str::to_owned);
    let mut headlines = feed("titles", "text");
    if headlines.is_empty() {
        headlines.extend(own("title").or_else(|| story("name")).or_else(|| story("title")));
    }
    let mut descriptions = feed("descriptions", "text");
    if descriptions.is_empty() {
        descriptions.extend(story("description").or_else(|| story("link_description")));
    }
    let body = own("body").or_else(|| story("message")).or_else(|| feed("bodies", "text").into_iter().next());
    let link = own("link_url")
        .or_else(|| story("link"))
        .or_else(|| feed("link_urls", "website_url").into_iter().next());
    let mut extra = Map::from_iter([("name".to_owned(), json!(name(row, id)))]);
    for (ours, theirs) in [("creative_id", "id"), ("url_tags", "url_tags")] {
        extra.extend(own(theirs).map(|value| (ours.to_owned(), json!(value))));
    }
    Ok(Creative {
        id: ours(id),
        ad_group_id: ours(needed(row, "adset_id")?),
        campaign_id: ours(needed(row, "campaign_id")?),
        format: own("object_type").unwrap_or_default().to_ascii_lowercase(),
        headlines,
        descriptions,
        body: body.unwrap_or_default(),
        call_to_action: own("call_to_action_type").unwrap_or_default(),
        final_url: link.unwrap_or_default(),
        // An ad has no end of its own.
        status: status(&text(row, "effective_status"), None, Date::MIN, seen),
        policy_status: match text(row, "effective_status").as_str() {
            "DISAPPROVED" => "disapproved",
            "PENDING_REVIEW" => "pending_review",
            _ => "",
        }
        .to_owned(),
        extra,
    })
}

/// What figures are read by.
pub struct Told<'a> {
    /// `campaign`, `adset` or `ad`.
    pub level: &'static str,
    pub account: &'a str,
    pub currency: Currency,
    /// The one action type that counts.
    pub conversion: &'a str,
    pub windows: &'a [String],
}

/// Fields of the insights of a level.
pub fn fields(level: &str) -> Vec<&'static str> {
    let ids: &[&str] = match level {
        "campaign" => &["campaign_id"],
        "adset" => &["campaign_id", "adset_id"],
        "ad" => &["campaign_id", "adset_id", "ad_id"],
        _ => &[],
    };
    let figures = [
        "impressions",
        "clicks",
        "inline_link_clicks",
        "spend",
        "reach",
        "frequency",
        "actions",
        "action_values",
        "date_start",
        "date_stop",
    ];
    ids.iter().copied().chain(figures).collect()
}

/// How often an action of this type came about, or what it was worth: in the windows that were asked for, where the answer
/// has them apart, else as the platform adds them up. Nothing of another type, since one purchase has several.
fn action(row: &Value, list: &str, kind: &str, windows: &[String]) -> Decimal {
    let entries = row.get(list).and_then(Value::as_array);
    let Some(entry) =
        entries.into_iter().flatten().find(|entry| shape::text_if_any(entry, "action_type") == Some(kind))
    else {
        return Decimal::ZERO;
    };
    let apart: Vec<Decimal> = windows.iter().filter_map(|window| shape::number(entry.get(window))).collect();
    let sum = if apart.is_empty() {
        shape::number(entry.get("value")).unwrap_or_default()
    } else {
        apart.into_iter().sum()
    };
    sum.round_dp(6)
}

/// A day of a thing.
pub fn day(row: &Value, told: &Told<'_>, seen: &mut Seen) -> Result<Daily, Missing> {
    known(row, &fields(told.level), seen);
    let (kind, id) = match told.level {
        "campaign" => ("campaign", needed(row, "campaign_id")?),
        "adset" => ("ad_group", needed(row, "adset_id")?),
        "ad" => ("ad", needed(row, "ad_id")?),
        // The account as a whole, which what its campaigns add up to is compared with.
        _ => ("account", told.account),
    };
    let date: Date = needed(row, "date_start")?.parse().map_err(|_| Missing("data.date_start".to_owned()))?;
    let spend = shape::number(row.get("spend")).ok_or_else(|| Missing("data.spend".to_owned()))?;
    if told.level != "account" && needed(row, "date_stop")? != needed(row, "date_start")? {
        return Err(Missing("data.date_stop".to_owned()));
    }
    let mut day = Daily::new(date, told.account, kind, ours(id), told.currency);
    day.channel = "paid_social";
    day.impressions = shape::count(row.get("impressions")).unwrap_or(0);
    day.reach = shape::count(row.get("reach")).unwrap_or(0);
    // Left out where there was none.
    day.clicks = shape::count(row.get("inline_link_clicks")).unwrap_or(0);
    day.landed = action(row, "actions", "landing_page_view", told.windows).round().to_i64().unwrap_or(0);
    day.cost = spend;
    day.conversions = action(row, "actions", told.conversion, told.windows);
    day.conversion_value = action(row, "action_values", told.conversion, told.windows);
    // The platform's own account of what its ads brought (§1.12).
    day.revenue = day.conversion_value;
    day.attribution_window = told.windows.join("_");
    for (ours, theirs) in [("all_clicks", "clicks"), ("frequency", "frequency")] {
        if let Some(value) = shape::number(row.get(theirs)) {
            day.extra.insert(ours.to_owned(), json!(value));
        }
    }
    Ok(day)
}

#[cfg(test)]
mod tests;
