//! The Graph API as it answers: signed requests, fields that exist, cursors, and reports that take their time.
use crate::connectors::fake::{Asked, Knobs, Platform};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::ToSpan as _;
use jiff::civil::Date;
use serde_json::{Map, Value, json};
use sha2::Sha256;
use std::collections::BTreeMap;
use std::sync::Mutex;

pub const ACCOUNT: &str = "1700000000000017";
const VERSION: &str = "/v24.0/";

type Query = BTreeMap<String, String>;

/// A report that was ordered, and how often somebody looked whether it is ready.
pub struct Report {
    query: Query,
    looks: u32,
}

#[derive(Default)]
pub struct FakeMeta {
    pub reports: Mutex<Vec<Report>>,
    /// So many days of insights are too much at once.
    pub too_much: Option<i32>,
    /// Rows of its own, instead of those that are made up.
    pub filed: Vec<Value>,
}

fn error(code: i64, below: i64, message: &str) -> (u16, Value) {
    let error = json!({"message": message, "type": "OAuthException", "code": code, "error_subcode": below,
        "fbtrace_id": "made-up"});
    (400, json!({ "error": error }))
}

fn proof(secret: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(secret.as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Fields of an edge; those with braces have fields of their own.
fn exists(edge: &str, field: &str) -> bool {
    let fields: &[&str] = match edge {
        "campaigns" => &[
            "id",
            "name",
            "objective",
            "effective_status",
            "status",
            "bid_strategy",
            "daily_budget",
            "lifetime_budget",
            "start_time",
            "stop_time",
            "updated_time",
        ],
        "adsets" => &[
            "id",
            "campaign_id",
            "name",
            "effective_status",
            "status",
            "bid_amount",
            "daily_budget",
            "lifetime_budget",
            "optimization_goal",
            "end_time",
            "start_time",
            "updated_time",
            "targeting",
        ],
        "ads" => &[
            "id",
            "adset_id",
            "campaign_id",
            "name",
            "effective_status",
            "status",
            "creative",
            "updated_time",
        ],
        "creative" => &[
            "id",
            "title",
            "body",
            "call_to_action_type",
            "link_url",
            "object_type",
            "url_tags",
            "object_story_spec",
            "asset_feed_spec",
        ],
        "insights" => &[
            "campaign_id",
            "adset_id",
            "ad_id",
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
        ],
        "report" => &["async_status", "async_percent_completion"],
        _ => &["name", "currency", "timezone_name", "account_status"],
    };
    fields.contains(&field)
}

/// Fields of a list such as `id,creative{id,title}`, with the edge that each stands under.
fn listed(edge: &str, fields: &str) -> Vec<(String, String)> {
    let (outer, inner) = match fields.split_once('{') {
        Some((outer, rest)) => (outer, rest.split('}').next().unwrap_or_default()),
        None => (fields, ""),
    };
    let of = |edge: &str, list: &str| -> Vec<(String, String)> {
        let names = list.split(',').filter(|name| !name.is_empty());
        names.map(|name| (edge.to_owned(), name.to_owned())).collect()
    };
    [of(edge, outer), of("creative", inner)].concat()
}

fn thing(edge: &str, n: i64, knobs: &Knobs) -> Value {
    let state = ["ACTIVE", "PAUSED", "IN_PROCESS", "ARCHIVED"][usize::try_from((n - 1) % 4).unwrap()];
    let budget = 5_000 + if knobs.restated.is_some() && n == 1 { 500 } else { 0 };
    match edge {
        "campaigns" => json!({
            "id": n.to_string(), "name": format!("Autumn {n}"), "objective": "OUTCOME_SALES", "effective_status": state,
            "bid_strategy": "LOWEST_COST_WITHOUT_CAP", "daily_budget": budget.to_string(),
            "start_time": "2025-06-01T08:00:00+0200",
            "stop_time": if n == 5 { json!("2025-08-31T22:00:00+0200") } else { Value::Null },
        }),
        "adsets" => json!({
            "id": (n * 10).to_string(), "campaign_id": n.to_string(), "name": format!("Set {n}"), "effective_status": "ACTIVE",
            "lifetime_budget": "120000", "optimization_goal": "OFFSITE_CONVERSIONS", "bid_amount": "250",
        }),
        _ => json!({
            "id": (n * 100).to_string(), "adset_id": (n * 10).to_string(), "campaign_id": n.to_string(),
            "name": format!("Loop {n}"), "effective_status": "ADSET_PAUSED",
            "creative": {"id": format!("9{n}"), "title": "Light tents", "body": "Up in a minute.",
                "call_to_action_type": "SHOP_NOW", "object_type": "SHARE", "link_url": "https://www.fernhill.example/tents"},
        }),
    }
}

/// Three campaigns with one set and one ad each, day by day.
fn insights(query: &Query, knobs: &Knobs, filed: &[Value]) -> Vec<Value> {
    let (first, last) = range(query).unwrap();
    if !filed.is_empty() {
        let day = |row: &Value| row["date_start"].as_str().unwrap().parse::<Date>().unwrap();
        return filed.iter().filter(|row| first <= day(row) && day(row) <= last).cloned().collect();
    }
    let mut rows = Vec::new();
    for day in first.series(1.day()).take_while(|day| *day <= last) {
        for n in 1..=if query["level"] == "account" { 1 } else { 3_i64 } {
            let moved = if knobs.restated == Some(day) { 2 } else { 0 };
            let mut row = json!({
                "campaign_id": n.to_string(), "date_start": day, "date_stop": day,
                "impressions": (1000 * n + i64::from(day.day())).to_string(), "clicks": (31 * n).to_string(),
                "spend": format!("{}.{:02}", 10 * n, day.day()), "reach": (800 * n).to_string(), "frequency": "1.25",
                "actions": [
                    {"action_type": "landing_page_view", "value": "15", "7d_click": "15"},
                    {"action_type": "omni_purchase", "value": (3 + moved).to_string(), "7d_click": (2 + moved).to_string(), "1d_view": "1"},
                    {"action_type": "purchase", "value": (3 + moved).to_string(), "7d_click": (2 + moved).to_string(), "1d_view": "1"},
                    {"action_type": "offsite_conversion.fb_pixel_purchase", "value": "3", "7d_click": "2", "1d_view": "1"},
                ],
                "action_values": [{"action_type": "purchase", "value": "118.00", "7d_click": "100.50", "1d_view": "17.50"}],
            });
            // Nobody followed a link of the third one, and then the field is left out.
            if n < 3 {
                row["inline_link_clicks"] = json!((20 * n).to_string());
            }
            if query["level"] == "account" {
                row.as_object_mut().unwrap().remove("campaign_id");
            } else if query["level"] != "campaign" {
                row["adset_id"] = json!((n * 10).to_string());
            }
            if query["level"] == "ad" {
                row["ad_id"] = json!((n * 100).to_string());
            }
            if knobs.missing_field {
                row.as_object_mut().unwrap().remove("spend");
            }
            rows.push(row);
        }
    }
    rows
}

fn range(query: &Query) -> Option<(Date, Date)> {
    let range: Value = serde_json::from_str(query.get("time_range")?).ok()?;
    let day = |name: &str| range[name].as_str()?.parse::<Date>().ok();
    Some((day("since")?, day("until")?)).filter(|(since, until)| since <= until)
}

impl FakeMeta {
    /// What is wrong with a question for insights.
    fn refusal(&self, query: &Query) -> Option<(u16, Value)> {
        let Some((since, until)) = range(query) else {
            return Some(error(100, 0, "(#100) time_range should contain a valid since and until"));
        };
        let level = query.get("level").map(String::as_str);
        if !matches!(level, Some("campaign" | "adset" | "ad" | "account"))
            || query.get("time_increment").is_none_or(|n| n != "1")
        {
            return Some(error(
                100,
                0,
                "(#100) level must be one of the following values: ad, adset, campaign, account",
            ));
        }
        // Only things below an account have states to be filtered by.
        if level == Some("account") && query.contains_key("filtering") {
            return Some(error(100, 0, "(#100) Filtering field account.effective_status is invalid"));
        }
        let windows: Vec<String> = query
            .get("action_attribution_windows")
            .and_then(|list| serde_json::from_str(list).ok())
            .unwrap_or_default();
        let known = ["1d_click", "7d_click", "28d_click", "1d_view", "1d_engaged_view"];
        if windows.is_empty() || windows.iter().any(|window| !known.contains(&window.as_str())) {
            return Some(error(
                100,
                0,
                "(#100) action_attribution_windows must be one of the following values",
            ));
        }
        let fields = listed("insights", query.get("fields").map_or("", String::as_str));
        if let Some((_, name)) = fields.iter().find(|(edge, name)| !exists(edge, name)) {
            return Some(error(100, 0, &format!("(#100) {name} is not valid for fields param.")));
        }
        let days = since.until(until).unwrap().get_days() + 1;
        self.too_much.is_some_and(|most| days > most).then(|| {
            error(1, 99, "Please reduce the amount of data you're asking for, then retry your request")
        })
    }

    fn page(rows: &[Value], query: &Query, path: &str, knobs: &Knobs) -> (u16, Value) {
        let offset: usize =
            query.get("after").and_then(|after| after.strip_prefix("QX")?.parse().ok()).unwrap_or(0);
        let offset = if knobs.repeat { 0 } else { offset };
        let limit: usize = query.get("limit").map_or(25, |limit| limit.parse().unwrap());
        let limit = limit.min(knobs.page);
        let rows = if knobs.empty { &[] } else { rows };
        let page: Vec<Value> = rows
            .iter()
            .skip(offset)
            .take(limit)
            .map(|row| {
                let mut row = row.clone();
                if knobs.unknown_field {
                    row["mood"] = json!("sunny");
                }
                if knobs.missing_field && row.get("date_start").is_none() {
                    row.as_object_mut().unwrap().remove("id");
                }
                row
            })
            .collect();
        let end = offset + page.len();
        if page.is_empty() {
            return (200, json!({"data": []}));
        }
        let mut paging = json!({"cursors": {"before": format!("QX{offset}"), "after": format!("QX{end}")}});
        if end < rows.len() {
            paging["next"] =
                json!(format!("https://graph.facebook.com{path}?access_token=visible&after=QX{end}"));
        }
        (200, json!({"data": page, "paging": paging}))
    }

    fn edge(&self, asked: &Asked, edge: &str, query: &Query, knobs: &Knobs) -> (u16, Value) {
        if edge == "insights" {
            if let Some(refusal) = self.refusal(query) {
                return refusal;
            }
            if asked.method == "POST" {
                let mut reports = self.reports.lock().unwrap();
                reports.push(Report { query: query.clone(), looks: 0 });
                return (200, json!({"report_run_id": (6000 + reports.len()).to_string()}));
            }
            return Self::page(&insights(query, knobs, &self.filed), query, &asked.path, knobs);
        }
        let fields = listed(edge, query.get("fields").map_or("id", String::as_str));
        if let Some((_, name)) = fields.iter().find(|(edge, name)| !exists(edge, name)) {
            return error(100, 0, &format!("(#100) Tried accessing nonexisting field ({name})"));
        }
        let states: Vec<String> = query
            .get("effective_status")
            .and_then(|list| serde_json::from_str(list).ok())
            .unwrap_or_default();
        // Without a filter what was archived is kept back.
        let shown = |row: &Value| match states.as_slice() {
            [] => row["effective_status"] != "ARCHIVED",
            states => states.iter().any(|state| row["effective_status"] == **state),
        };
        let wanted = |row: Value| -> Value {
            let Value::Object(row) = row else { return row };
            let names: Vec<&str> =
                fields.iter().filter(|(of, _)| of == edge).map(|(_, name)| name.as_str()).collect();
            let kept = row.into_iter().filter(|(name, value)| {
                (names.contains(&name.as_str()) || name == "creative") && !value.is_null()
            });
            Value::Object(kept.collect::<Map<_, _>>())
        };
        let rows: Vec<Value> = (1..=11).map(|n| thing(edge, n, knobs)).filter(shown).map(wanted).collect();
        Self::page(&rows, query, &asked.path, knobs)
    }

    fn report(&self, id: usize, rest: &str, asked: &Asked, query: &Query, knobs: &Knobs) -> (u16, Value) {
        let mut reports = self.reports.lock().unwrap();
        let Some(report) = reports.get_mut(id) else {
            return error(100, 33, "Unsupported get request. Object with this ID does not exist.");
        };
        if rest == "insights" {
            if report.looks < 2 {
                return error(100, 0, "(#100) Job is not complete yet.");
            }
            return Self::page(&insights(&report.query, knobs, &self.filed), query, &asked.path, knobs);
        }
        report.looks += 1;
        let (state, done) = if report.looks < 2 { ("Job Running", 40) } else { ("Job Completed", 100) };
        (200, json!({"id": id.to_string(), "async_status": state, "async_percent_completion": done}))
    }
}

impl Platform for FakeMeta {
    fn answer(&self, asked: &Asked, knobs: &Knobs) -> (u16, Value) {
        let pairs = |bytes: &[u8]| form_urlencoded::parse(bytes).into_owned().collect::<Query>();
        let mut query = pairs(asked.query.as_bytes());
        if query.contains_key("access_token") || query.contains_key("input_token") {
            panic!("a token stands in an address");
        }
        if asked.header("authorization") != format!("Bearer {}", knobs.secret) {
            return error(190, 0, "Invalid OAuth access token - Cannot parse access token");
        }
        if query.remove("appsecret_proof") != Some(proof(&knobs.secret)) {
            return error(100, 0, "Invalid appsecret_proof provided in the API argument");
        }
        query.extend(pairs(&asked.body));
        let Some(path) = asked.path.strip_prefix(VERSION) else {
            return error(2635, 0, "You are calling a deprecated version of the Ads API.");
        };
        let (node, rest) = path.split_once('/').unwrap_or((path, ""));
        match (asked.method.as_str(), node, rest) {
            ("POST", "debug_token", "") if query.get("method").is_some_and(|method| method == "get") => (
                200,
                json!({"data": {"app_id": "1", "is_valid": true, "type": "SYSTEM_USER", "expires_at": 0,
                    "scopes": ["ads_read", "business_management"]}}),
            ),
            ("GET", node, "") if node == format!("act_{ACCOUNT}") => (
                200,
                json!({"id": node, "name": "Fernhill",
                "currency": "EUR", "timezone_name": knobs.zone, "account_status": 1}),
            ),
            ("GET", node, "campaigns" | "adsets" | "ads" | "insights") | ("POST", node, "insights")
                if node == format!("act_{ACCOUNT}") =>
            {
                self.edge(asked, rest, &query, knobs)
            }
            ("GET", id, "" | "insights") if id.parse::<usize>().is_ok_and(|id| id > 6000) => {
                self.report(id.parse::<usize>().unwrap() - 6001, rest, asked, &query, knobs)
            }
            _ => error(100, 33, "Unsupported get request. Object with this ID does not exist."),
        }
    }
}
