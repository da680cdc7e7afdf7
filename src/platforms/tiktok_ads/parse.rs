//! Answers of TikTok's Business API, read without trust: ids are texts or whole numbers beyond 2^53, figures are texts, and
//! `-` stands for none.
use super::status::status;
use crate::money::Currency;
use crate::platforms::rows::{AdGroup, Campaign, Creative, Daily};
use crate::platforms::shape::{self, Missing, Seen, Unreadable};
use jiff::civil::Date;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde_json::{Map, Value};

/// One page of anything.
#[derive(Clone, Debug, Default)]
pub struct Page<T> {
    /// Each with what tells it from all others.
    pub rows: Vec<(String, T)>,
    /// Rows the page holds, those that were left out included.
    pub count: usize,
    /// Pages there are.
    pub pages: u32,
    pub seen: Seen,
}

/// Reads the envelope `{code, message, request_id, data: {list, page_info}}` and each row of its list.
pub fn page<T>(
    body: &[u8],
    read: impl Fn(&Value, &mut Seen) -> Result<(String, T), Missing>,
) -> Result<Page<T>, Unreadable> {
    let body = shape::json(body)?;
    let Some(top) = body.as_object() else { return Err(Unreadable::Not("an object".to_owned())) };
    let mut seen = Seen::default();
    seen.unknown(top, &["code", "message", "request_id", "data"], "");
    let data = body.get("data").unwrap_or(&Value::Null);
    let list = shape::list(data, "list", true)?;
    let mut rows = Vec::with_capacity(list.len());
    for entry in list {
        let row = read(entry, &mut seen);
        rows.extend(seen.row(row));
    }
    let pages = data.get("page_info").and_then(|info| shape::count(info.get("total_page")));
    let pages = pages.and_then(|pages| u32::try_from(pages).ok()).unwrap_or(1);
    Ok(Page { rows, count: list.len(), pages, seen })
}

/// Whose rows they are.
#[derive(Clone, Copy, Debug)]
pub struct Account<'a> {
    pub id: &'a str,
    pub currency: Currency,
}

/// A level of the account, as reports name it.
#[derive(Clone, Copy, Debug)]
pub struct Level {
    pub kind: &'static str,
    /// The dimension that holds its id.
    pub id: &'static str,
    pub data_level: &'static str,
}

/// What a report is asked for besides the value of conversions, which is a setting.
pub const METRICS: [&str; 6] =
    ["spend", "impressions", "clicks", "conversion", "reach", "video_play_actions"];

/// One row of a report by day: every metric of `asked` must be there, `-` counts as none.
pub fn day(
    entry: &Value,
    level: Level,
    account: Account<'_>,
    asked: &[&str],
    seen: &mut Seen,
) -> Result<(String, Daily), Missing> {
    let lacks = |field: &str| Missing(format!("list.{field}"));
    let part = |name: &str| entry.get(name).and_then(Value::as_object).ok_or_else(|| lacks(name));
    let (dimensions, metrics) = (part("dimensions")?, part("metrics")?);
    let mut extra =
        entry.as_object().map(|o| seen.unknown(o, &["dimensions", "metrics"], "list.")).unwrap_or_default();
    extra.extend(seen.unknown(metrics, asked, "metrics."));
    seen.unknown(dimensions, &[level.id, "stat_time_day"], "dimensions.");
    let external = shape::id(dimensions.get(level.id)).ok_or_else(|| lacks("dimensions"))?;
    // `2026-01-24 00:00:00`, a day of the advertiser.
    let moment = dimensions.get("stat_time_day").and_then(Value::as_str).unwrap_or_default();
    let date: Date = moment.get(..10).and_then(|day| day.parse().ok()).ok_or_else(|| lacks("dimensions"))?;
    let figure = |name: &str| -> Result<Decimal, Missing> {
        match metrics.get(name) {
            None if !asked.contains(&name) => Ok(Decimal::ZERO),
            Some(Value::String(text)) if text.trim() == "-" => Ok(Decimal::ZERO),
            value => shape::number(value).ok_or_else(|| lacks(&format!("metrics.{name}"))),
        }
    };
    let whole = |name: &str| -> Result<i64, Missing> {
        let number = figure(name)?;
        number
            .to_i64()
            .filter(|n| *n >= 0 && number.fract().is_zero())
            .ok_or_else(|| lacks(&format!("metrics.{name}")))
    };
    let mut row = Daily::new(date, account.id, level.kind, own(&external), account.currency);
    row.channel = "paid_social";
    row.cost = figure("spend")?;
    row.impressions = whole("impressions")?;
    row.clicks = whole("clicks")?;
    row.reach = whole("reach")?;
    row.conversions = figure("conversion")?;
    let value = asked.iter().find(|name| !METRICS.contains(name));
    row.conversion_value = value.map_or(Ok(Decimal::ZERO), |name| figure(name))?;
    row.revenue = row.conversion_value;
    let plays = whole("video_play_actions")?;
    if plays > 0 {
        extra.insert("video_play_actions".to_owned(), Value::from(plays));
    }
    row.extra = extra;
    Ok((format!("{date} {external}"), row))
}

/// What `/campaign/get/` is asked for.
pub const CAMPAIGN: [&str; 9] = [
    "advertiser_id",
    "campaign_id",
    "campaign_name",
    "objective_type",
    "budget",
    "budget_mode",
    "bid_type",
    "operation_status",
    "secondary_status",
];

pub fn campaign(entry: &Value, account: Account<'_>, seen: &mut Seen) -> Result<(String, Campaign), Missing> {
    let thing = Thing::read(entry, "campaign_id", "campaign_name", &CAMPAIGN, seen)?;
    let (daily_budget, lifetime_budget) = budgets(entry, seen);
    let row = Campaign {
        id: own(&thing.external),
        account_id: account.id.to_owned(),
        name: thing.name,
        status: thing.status,
        raw_status: thing.raw_status,
        channel: "paid_social",
        objective: word(entry, "objective_type"),
        bidding: word(entry, "bid_type"),
        daily_budget,
        lifetime_budget,
        budget_id: None,
        budget_shared: false,
        currency: account.currency,
        starts_on: None,
        ends_on: None,
        labels: Vec::new(),
        extra: thing.extra,
    };
    Ok((thing.external, row))
}

/// What `/adgroup/get/` is asked for.
pub const AD_GROUP: [&str; 14] = [
    "advertiser_id",
    "adgroup_id",
    "adgroup_name",
    "campaign_id",
    "budget",
    "budget_mode",
    "bid_price",
    "conversion_bid_price",
    "billing_event",
    "optimization_goal",
    "schedule_start_time",
    "schedule_end_time",
    "operation_status",
    "secondary_status",
];

pub fn ad_group(entry: &Value, account: Account<'_>, seen: &mut Seen) -> Result<(String, AdGroup), Missing> {
    let mut thing = Thing::read(entry, "adgroup_id", "adgroup_name", &AD_GROUP, seen)?;
    let campaign = parent(entry, "campaign_id").ok_or_else(|| Missing("list.campaign_id".to_owned()))?;
    let (daily_budget, lifetime_budget) = budgets(entry, seen);
    if let Some(budget) = lifetime_budget {
        thing.extra.insert("lifetime_budget".to_owned(), Value::from(budget.to_string()));
    }
    for name in ["billing_event", "schedule_start_time", "schedule_end_time"] {
        if let Some(text) = shape::text_if_any(entry, name) {
            thing.extra.insert(name.to_owned(), Value::from(text));
        }
    }
    let row = AdGroup {
        id: own(&thing.external),
        campaign_id: campaign,
        name: thing.name.clone(),
        status: thing.status,
        bid: some(entry, "bid_price").or_else(|| some(entry, "conversion_bid_price")),
        daily_budget,
        currency: account.currency,
        optimization_goal: word(entry, "optimization_goal"),
        extra: thing.raw(),
    };
    Ok((thing.external, row))
}

/// What `/ad/get/` is asked for.
pub const AD: [&str; 11] = [
    "advertiser_id",
    "ad_id",
    "ad_name",
    "adgroup_id",
    "campaign_id",
    "ad_format",
    "ad_text",
    "call_to_action",
    "landing_page_url",
    "operation_status",
    "secondary_status",
];

pub fn ad(entry: &Value, seen: &mut Seen) -> Result<(String, Creative), Missing> {
    let thing = Thing::read(entry, "ad_id", "ad_name", &AD, seen)?;
    let secondary = shape::text_if_any(entry, "secondary_status").unwrap_or_default();
    let reviewed = secondary.contains("AUDIT") || secondary.contains("REVIEW");
    let row = Creative {
        id: own(&thing.external),
        ad_group_id: parent(entry, "adgroup_id").unwrap_or_default(),
        campaign_id: parent(entry, "campaign_id").unwrap_or_default(),
        format: word(entry, "ad_format"),
        // TikTok's ads have no headline: their name is what people know them by.
        headlines: vec![thing.name.clone()],
        descriptions: Vec::new(),
        body: word(entry, "ad_text"),
        call_to_action: word(entry, "call_to_action"),
        final_url: word(entry, "landing_page_url"),
        status: thing.status,
        policy_status: if reviewed { secondary.to_owned() } else { String::new() },
        extra: thing.raw(),
    };
    Ok((thing.external, row))
}

/// What campaigns, ad groups and ads have in common.
struct Thing {
    external: String,
    name: String,
    status: &'static str,
    raw_status: String,
    extra: Map<String, Value>,
}

impl Thing {
    fn read(entry: &Value, id: &str, name: &str, known: &[&str], seen: &mut Seen) -> Result<Self, Missing> {
        let lacks = |field: &str| Missing(format!("list.{field}"));
        let object = entry.as_object().ok_or_else(|| lacks(id))?;
        let external = shape::id(object.get(id)).ok_or_else(|| lacks(id))?;
        let called = shape::text(entry, name).map_err(|_| lacks(name))?;
        let operation = shape::text(entry, "operation_status").map_err(|_| lacks("operation_status"))?;
        let secondary = shape::text_if_any(entry, "secondary_status").unwrap_or_default();
        let extra = seen.unknown(object, known, "list.");
        let status = status(operation, secondary).unwrap_or_else(|| {
            seen.odd_word("operation_status", operation);
            "unknown"
        });
        Ok(Self {
            external,
            name: called.to_owned(),
            status,
            raw_status: [operation, secondary].join(" ").trim().to_owned(),
            extra,
        })
    }

    /// For rows without a column for the platform's own word.
    fn raw(&self) -> Map<String, Value> {
        let mut extra = self.extra.clone();
        extra.insert("raw_status".to_owned(), Value::from(self.raw_status.as_str()));
        extra
    }
}

/// The id as every table writes it.
fn own(external: &str) -> String {
    format!("tiktok_ads:{external}")
}

fn parent(entry: &Value, field: &str) -> Option<String> {
    shape::id(entry.get(field)).map(|external| own(&external))
}

fn word(entry: &Value, field: &str) -> String {
    shape::text_if_any(entry, field).unwrap_or_default().to_owned()
}

/// An amount; zero stands for none.
fn some(entry: &Value, field: &str) -> Option<Decimal> {
    shape::number(entry.get(field)).filter(|amount| !amount.is_zero())
}

/// Budget a day, and over the whole life.
fn budgets(entry: &Value, seen: &mut Seen) -> (Option<Decimal>, Option<Decimal>) {
    let budget = some(entry, "budget");
    match shape::text_if_any(entry, "budget_mode").unwrap_or_default() {
        "BUDGET_MODE_DAY" | "BUDGET_MODE_DYNAMIC_DAILY_BUDGET" => (budget, None),
        "BUDGET_MODE_TOTAL" => (None, budget),
        "" | "BUDGET_MODE_INFINITE" => (None, None),
        other => {
            seen.odd_word("budget_mode", other);
            (None, None)
        }
    }
}

#[cfg(test)]
mod tests;
