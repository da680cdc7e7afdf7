//! Answers of Snapchat's Ads API, read without trust: each thing stands in an envelope of its own, money in millionths.
use crate::money::{Currency, Money};
use crate::platforms::rows::{AdGroup, Campaign, Creative, Daily};
use crate::platforms::shape::{self, Missing, Seen, Unreadable};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde_json::{Map, Value};

/// One page of anything.
#[derive(Clone, Debug)]
pub struct Page<T> {
    pub rows: Vec<T>,
    /// Things the page holds, those that were left out included.
    pub count: usize,
    /// The link to the next page.
    pub next: Option<String>,
    pub seen: Seen,
}

/// Whose rows they are.
#[derive(Clone, Copy, Debug)]
pub struct Account<'a> {
    pub id: &'a str,
    pub currency: Currency,
}

impl Account<'_> {
    /// An amount of millionths, exactly.
    fn money(&self, micros: Decimal) -> Decimal {
        Money::from_micros(micros, self.currency).amount
    }
}

/// A level of the account, in our word and in the API's.
#[derive(Clone, Copy, Debug)]
pub struct Level {
    pub kind: &'static str,
    pub breakdown: &'static str,
}

fn next(body: &Value) -> Option<String> {
    let link = body.pointer("/paging/next_link").and_then(Value::as_str);
    link.filter(|link| !link.is_empty()).map(str::to_owned)
}

/// Reads `{"{what}": [{"sub_request_status": "SUCCESS", "{name}": {…}}], "paging": {"next_link": …}}`.
pub fn page<T>(
    body: &[u8],
    what: &str,
    name: &str,
    read: impl Fn(&Value, &mut Seen) -> Result<T, Missing>,
) -> Result<Page<T>, Unreadable> {
    let body = shape::json(body)?;
    let list = shape::list(&body, what, true)?;
    let mut seen = Seen::default();
    let mut rows = Vec::with_capacity(list.len());
    for entry in list {
        let thing = entry.get(name).ok_or_else(|| Missing(format!("{what}.{name}")));
        let row = thing.and_then(|thing| read(thing, &mut seen));
        rows.extend(seen.row(row));
    }
    Ok(Page { rows, count: list.len(), next: next(&body), seen })
}

/// What reports are asked for besides the conversions, which are a setting.
pub const FIELDS: [&str; 4] = ["impressions", "swipes", "spend", "video_views"];

/// Reads figures by day: `timeseries_stats[].timeseries_stat.breakdown_stats.{level}[]`, each a thing with its days.
pub fn stats(
    body: &[u8],
    level: Level,
    account: Account<'_>,
    zone: &TimeZone,
    goal: &[String],
) -> Result<Page<(String, Daily)>, Unreadable> {
    let body = shape::json(body)?;
    let mut page = Page { rows: Vec::new(), count: 0, next: next(&body), seen: Seen::default() };
    for entry in shape::list(&body, "timeseries_stats", true)? {
        let parts = entry.get("timeseries_stat").and_then(|stat| stat.get("breakdown_stats"));
        // No list is no list without things: days that are stored would be taken for gone.
        for thing in shape::list(parts.unwrap_or(&Value::Null), level.breakdown, true)? {
            page.count += 1;
            let external = shape::id(thing.get("id"));
            for point in thing.get("timeseries").and_then(Value::as_array).into_iter().flatten() {
                let external = external.clone().ok_or_else(|| Missing("stats.id".to_owned()));
                let row = external.and_then(|id| day(point, &id, level, account, zone, goal, &mut page.seen));
                page.rows.extend(page.seen.row(row));
            }
        }
    }
    Ok(page)
}

/// A thing's day: `{"start_time": …, "end_time": …, "stats": {…}}`.
pub fn day(
    point: &Value,
    external: &str,
    level: Level,
    account: Account<'_>,
    zone: &TimeZone,
    goal: &[String],
    seen: &mut Seen,
) -> Result<(String, Daily), Missing> {
    let lacks = |field: &str| Missing(format!("stats.{field}"));
    let figures = point.get("stats").and_then(Value::as_object).ok_or_else(|| lacks("stats"))?;
    let begins =
        point.get("start_time").and_then(Value::as_str).and_then(|time| time.parse::<Timestamp>().ok());
    let date: Date = crate::period::local_day(begins.ok_or_else(|| lacks("start_time"))?, zone);
    let known: Vec<&str> = FIELDS.iter().copied().chain(goal.iter().map(String::as_str)).collect();
    seen.unknown(figures, &known, "stats.");
    let count = |name: &str| shape::count(figures.get(name)).ok_or_else(|| lacks(name));
    let number = |name: &str| shape::number(figures.get(name)).ok_or_else(|| lacks(name));
    let mut row = Daily::new(date, account.id, level.kind, own(external), account.currency);
    row.channel = "paid_social";
    row.impressions = count("impressions")?;
    row.clicks = count("swipes")?;
    row.cost = account.money(number("spend")?);
    if let Some(conversion) = goal.first() {
        row.conversions = number(conversion)?;
    }
    if let Some(value) = goal.get(1) {
        row.conversion_value = account.money(number(value)?);
        row.revenue = row.conversion_value;
    }
    row.attribution_window = "28d_click_1d_view".to_owned();
    let views = shape::count(figures.get("video_views")).unwrap_or(0);
    if views > 0 {
        row.extra = Map::from_iter([("video_views".to_owned(), Value::from(views))]);
    }
    Ok((format!("{date} {external}"), row))
}

/// What campaigns, ad squads and ads have in common.
struct Thing {
    external: String,
    name: String,
    status: &'static str,
    extra: Map<String, Value>,
}

impl Thing {
    fn read(entry: &Value, what: &str, known: &[&str], seen: &mut Seen) -> Result<Self, Missing> {
        let lacks = |field: &str| Missing(format!("{what}.{field}"));
        let object = entry.as_object().ok_or_else(|| lacks("id"))?;
        let external = shape::id(object.get("id")).ok_or_else(|| lacks("id"))?;
        let name = shape::text(entry, "name").map_err(|_| lacks("name"))?;
        let raw = shape::text(entry, "status").map_err(|_| lacks("status"))?;
        let mut extra = seen.unknown(object, known, &format!("{what}."));
        let status = match raw {
            "ACTIVE" => "active",
            "PAUSED" => "paused",
            "PENDING" => "draft",
            "DELETED" => "removed",
            "ARCHIVED" => "archived",
            other => {
                seen.odd_word(&format!("{what}.status"), other);
                "unknown"
            }
        };
        // Why it does not deliver, in Snapchat's words.
        if let Some(Value::Array(reasons)) = object.get("delivery_status") {
            extra.insert("delivery_status".to_owned(), Value::Array(reasons.clone()));
        }
        Ok(Self { external, name: name.to_owned(), status, extra })
    }
}

/// Something whose time is over has ended, whatever it is set to.
fn over(entry: &Value, today: Date, status: &'static str) -> (&'static str, Option<Date>) {
    let ends = date(entry, "end_time");
    let ended = status == "active" && ends.is_some_and(|ends| ends < today);
    (if ended { "ended" } else { status }, ends)
}

/// The UTC day of a moment.
fn date(entry: &Value, field: &str) -> Option<Date> {
    let at: Timestamp = shape::text_if_any(entry, field)?.parse().ok()?;
    Some(crate::period::local_day(at, &TimeZone::UTC))
}

const CAMPAIGN: [&str; 27] = [
    "id",
    "updated_at",
    "created_at",
    "name",
    "ad_account_id",
    "status",
    "objective",
    "start_time",
    "end_time",
    "buy_model",
    "delivery_status",
    "creation_state",
    "daily_budget_micro",
    "lifetime_spend_cap_micro",
    "pacing_properties",
    "measurement_spec",
    "measurement_properties",
    "regulations",
    "shared_properties",
    "objective_v2_properties",
    "allocation_type",
    "optimization_goal",
    "bid_strategy",
    "lifetime_budget_micro",
    "pixel_id",
    "product_properties",
    "deleted",
];

/// A campaign by its id.
pub fn campaign(
    entry: &Value,
    account: Account<'_>,
    today: Date,
    seen: &mut Seen,
) -> Result<(String, Campaign), Missing> {
    let thing = Thing::read(entry, "campaigns", &CAMPAIGN, seen)?;
    let (status, ends_on) = over(entry, today, thing.status);
    let row = Campaign {
        id: own(&thing.external),
        account_id: account.id.to_owned(),
        name: thing.name,
        status,
        raw_status: word(entry, "status"),
        channel: "paid_social",
        objective: word(entry, "objective"),
        bidding: word(entry, "buy_model"),
        daily_budget: micros(entry, "daily_budget_micro", account),
        lifetime_budget: micros(entry, "lifetime_spend_cap_micro", account),
        budget_id: None,
        budget_shared: false,
        currency: account.currency,
        starts_on: date(entry, "start_time"),
        ends_on,
        labels: Vec::new(),
        extra: thing.extra,
    };
    Ok((thing.external, row))
}

const AD_SQUAD: [&str; 46] = [
    "id",
    "updated_at",
    "created_at",
    "name",
    "status",
    "campaign_id",
    "type",
    "targeting",
    "targeting_reach_status",
    "placement",
    "placement_v2",
    "billing_event",
    "auto_bid",
    "target_bid",
    "bid_strategy",
    "bid_micro",
    "daily_budget_micro",
    "lifetime_budget_micro",
    "start_time",
    "end_time",
    "optimization_goal",
    "delivery_constraint",
    "delivery_properties_version",
    "pacing_type",
    "child_ad_type",
    "forced_view_setting",
    "creation_state",
    "delivery_status",
    "skadnetwork_properties",
    "event_sources",
    "cap_and_exclusion_config",
    "ad_scheduling_config",
    "conversion_window",
    "pixel_id",
    "product_properties",
    "reach_goal",
    "impression_goal",
    "roas_value_micro",
    "reach_and_frequency_status",
    "reach_and_frequency_micro",
    "story_ad_creative_type",
    "included_content_types",
    "excluded_content_types",
    "measurement_provider_names",
    "conversion_location",
    "attribution_window",
];

/// An ad squad by its id.
pub fn ad_group(
    entry: &Value,
    account: Account<'_>,
    today: Date,
    seen: &mut Seen,
) -> Result<(String, AdGroup), Missing> {
    let mut thing = Thing::read(entry, "adsquads", &AD_SQUAD, seen)?;
    let campaign =
        shape::id(entry.get("campaign_id")).ok_or_else(|| Missing("adsquads.campaign_id".to_owned()))?;
    for field in ["status", "billing_event", "bid_strategy"] {
        thing.extra.insert(field.to_owned(), Value::from(word(entry, field)));
    }
    if let Some(budget) = micros(entry, "lifetime_budget_micro", account) {
        thing.extra.insert("lifetime_budget".to_owned(), Value::from(budget.to_string()));
    }
    let row = AdGroup {
        id: own(&thing.external),
        campaign_id: own(&campaign),
        name: thing.name,
        status: over(entry, today, thing.status).0,
        bid: micros(entry, "bid_micro", account),
        daily_budget: micros(entry, "daily_budget_micro", account),
        currency: account.currency,
        optimization_goal: word(entry, "optimization_goal"),
        extra: thing.extra,
    };
    Ok((thing.external, row))
}

const AD: [&str; 18] = [
    "id",
    "updated_at",
    "created_at",
    "name",
    "ad_squad_id",
    "creative_id",
    "status",
    "type",
    "render_type",
    "review_status",
    "review_status_reasons",
    "review_status_details",
    "delivery_status",
    "paying_advertiser_name",
    "third_party_paid_impression_tracking_urls",
    "third_party_swipe_tracking_urls",
    "third_party_on_swipe_tracking_urls",
    "approval_type",
];

/// An ad by its id. Its words and pictures are a creative of their own, which is not read.
pub fn ad(entry: &Value, seen: &mut Seen) -> Result<(String, Creative), Missing> {
    let thing = Thing::read(entry, "ads", &AD, seen)?;
    let mut extra = thing.extra;
    extra.insert("name".to_owned(), Value::from(thing.name.as_str()));
    let review = word(entry, "review_status");
    let row = Creative {
        id: own(&thing.external),
        ad_group_id: shape::id(entry.get("ad_squad_id")).map(|id| own(&id)).unwrap_or_default(),
        campaign_id: String::new(),
        format: word(entry, "type"),
        headlines: vec![thing.name],
        descriptions: Vec::new(),
        body: String::new(),
        call_to_action: String::new(),
        final_url: String::new(),
        status: thing.status,
        policy_status: if review == "APPROVED" { String::new() } else { review },
        extra,
    };
    Ok((thing.external, row))
}

/// The id as every table writes it.
fn own(external: &str) -> String {
    format!("snapchat_ads:{external}")
}

fn word(entry: &Value, field: &str) -> String {
    shape::text_if_any(entry, field).unwrap_or_default().to_owned()
}

/// An amount; zero stands for none.
fn micros(entry: &Value, field: &str, account: Account<'_>) -> Option<Decimal> {
    shape::number(entry.get(field)).filter(|amount| !amount.is_zero()).map(|amount| account.money(amount))
}

#[cfg(test)]
mod tests;
