//! The Analytics Data API as it answers: dimensions and metrics that exist and go together, texts for numbers.
use crate::connectors::fake::{Asked, Knobs, Platform};
use crate::connectors::google;
use jiff::ToSpan as _;
use jiff::civil::Date;
use serde_json::{Value, json};

pub const PROPERTY: &str = "4711";

const DIMENSIONS: [&str; 9] = [
    "date",
    "sessionDefaultChannelGroup",
    "deviceCategory",
    "sessionSource",
    "sessionMedium",
    "sessionCampaignName",
    "pagePath",
    "landingPage",
    "eventName",
];
const METRICS: [&str; 10] = [
    "sessions",
    "engagedSessions",
    "totalUsers",
    "newUsers",
    "screenPageViews",
    "userEngagementDuration",
    "keyEvents",
    "totalRevenue",
    "eventCount",
    "eventValue",
];

/// What the property has to say of its figures, besides them.
#[derive(Clone, Copy, Default)]
pub struct FakeGa4 {
    /// Small rows are withheld, some are folded together, and all are estimated from a quarter.
    pub vague: bool,
}

fn bad(message: &str) -> (u16, Value) {
    google::error(400, "INVALID_ARGUMENT", message)
}

fn names(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

/// Values of the dimensions after the day, row by row.
fn values(dimensions: &[String]) -> Vec<Vec<&'static str>> {
    let names: Vec<&str> = dimensions.iter().map(String::as_str).collect();
    match names.as_slice() {
        [] => vec![vec![]],
        ["sessionDefaultChannelGroup"] => {
            vec![vec!["Cross-network"], vec!["Organic Search"], vec!["Paid Search"], vec!["Unassigned"]]
        }
        ["sessionDefaultChannelGroup", "deviceCategory"] => vec![
            vec!["Organic Search", "desktop"],
            vec!["Organic Search", "mobile"],
            vec!["Paid Search", "smart tv"],
        ],
        ["sessionDefaultChannelGroup", ..] => vec![
            vec!["Organic Search", "google", "organic", "(not set)"],
            vec!["Paid Search", "google", "cpc", "Autumn 1"],
        ],
        ["pagePath"] => vec![vec!["/"], vec!["/tents"], vec!["(other)"]],
        ["landingPage"] => vec![vec!["/"], vec!["/tents"], vec![""]],
        _ => vec![vec!["page_view"], vec!["purchase"]],
    }
}

fn figure(metric: &str, day: Date, n: i64, knobs: &Knobs) -> String {
    let moved = if knobs.restated == Some(day) { 2 } else { 0 };
    let date = i64::from(day.day());
    match metric {
        "sessions" => (100 * n + date).to_string(),
        "engagedSessions" => (60 * n).to_string(),
        "totalUsers" => (90 * n).to_string(),
        "newUsers" => (40 * n).to_string(),
        "screenPageViews" => (300 * n).to_string(),
        "userEngagementDuration" => (5_000 * n).to_string(),
        "keyEvents" if n == 1 => "0".to_owned(),
        "keyEvents" => format!("{}.5", n + moved),
        "totalRevenue" if n == 1 => "0".to_owned(),
        "totalRevenue" => format!("{}.75", 100 * n),
        "eventCount" => (700 * n).to_string(),
        _ => format!("{n}.25"),
    }
}

impl FakeGa4 {
    fn report(self, body: &Value, knobs: &Knobs) -> (u16, Value) {
        let known = [
            "dateRanges",
            "dimensions",
            "metrics",
            "orderBys",
            "limit",
            "offset",
            "returnPropertyQuota",
            "dimensionFilter",
            "metricFilter",
            "keepEmptyRows",
            "currencyCode",
        ];
        if let Some(name) = body.as_object().unwrap().keys().find(|name| !known.contains(&name.as_str())) {
            return bad(&format!(
                "Invalid JSON payload received. Unknown name \"{name}\": Cannot find field."
            ));
        }
        if let Some(refusal) = together(body) {
            return refusal;
        }
        let (dimensions, metrics) = (names(&body["dimensions"]), names(&body["metrics"]));
        for order in body["orderBys"].as_array().into_iter().flatten() {
            let name = order["dimension"]["dimensionName"].as_str().unwrap_or_default();
            if !dimensions.iter().any(|known| known == name) {
                return bad("Order bys must be on dimensions or metrics of the request.");
            }
        }
        // int64 is a text in JSON.
        let whole = |name: &str| body[name].as_str().map(|text| text.parse::<usize>().unwrap());
        let (Some(limit), offset) = (whole("limit"), whole("offset").unwrap_or(0)) else {
            return bad("Invalid value at 'limit' (TYPE_INT64)");
        };
        if limit > 250_000 {
            return bad("The limit is more than 250000.");
        }
        let day =
            |name: &str| body["dateRanges"][0][name].as_str().and_then(|text| text.parse::<Date>().ok());
        let (Some(first), Some(last)) = (day("startDate"), day("endDate")) else {
            return bad("A dateRange is required.");
        };
        let mut rows = Vec::new();
        for date in first.series(1.day()).take_while(|day| *day <= last && !knobs.empty) {
            for (n, values) in values(&dimensions[1..]).into_iter().enumerate() {
                let mut texts = vec![json!({"value": date.strftime("%Y%m%d").to_string()})];
                texts.extend(values.iter().map(|text| json!({ "value": text })));
                let n = i64::try_from(n).unwrap() + 1;
                let figures: Vec<Value> =
                    metrics.iter().map(|name| json!({"value": figure(name, date, n, knobs)})).collect();
                let mut row = json!({"dimensionValues": texts, "metricValues": figures});
                if knobs.unknown_field {
                    row["mood"] = json!("sunny");
                }
                if knobs.missing_field {
                    row.as_object_mut().unwrap().remove("metricValues");
                }
                rows.push(row);
            }
        }
        let offset = if knobs.repeat { 0 } else { offset };
        let page: Vec<&Value> = rows.iter().skip(offset).take(limit.min(knobs.page)).collect();
        let left = |remaining: i64| json!({"consumed": 4, "remaining": remaining});
        let mut answer = json!({
            "dimensionHeaders": body["dimensions"],
            "metricHeaders": metrics.iter().map(|name| json!({"name": name, "type": "TYPE_INTEGER"})).collect::<Vec<_>>(),
            "rowCount": rows.len(), "metadata": {"currencyCode": "EUR", "timeZone": knobs.zone},
            "propertyQuota": {"tokensPerDay": left(199_990), "tokensPerHour": left(39_990),
                "tokensPerProjectPerHour": left(13_990), "concurrentRequests": {"remaining": 10},
                "serverErrorsPerProjectPerHour": {"remaining": 10}},
            "kind": "analyticsData#runReport",
        });
        if self.vague {
            answer["metadata"]["subjectToThresholding"] = json!(true);
            answer["metadata"]["dataLossFromOtherRow"] = json!(true);
            answer["metadata"]["samplingMetadatas"] =
                json!([{"samplesReadCount": "25", "samplingSpaceSize": "100"}]);
        }
        // Without rows the list is left out.
        if !page.is_empty() {
            answer["rows"] = json!(page);
        }
        (200, answer)
    }
}

/// What is wrong with the dimensions and metrics of a question.
fn together(body: &Value) -> Option<(u16, Value)> {
    let (dimensions, metrics) = (names(&body["dimensions"]), names(&body["metrics"]));
    if dimensions.len() > 9 || metrics.len() > 10 || metrics.is_empty() {
        return Some(bad("Requests are limited to 9 dimensions and 10 metrics."));
    }
    let odd = dimensions.iter().find(|name| !DIMENSIONS.contains(&name.as_str()));
    if let Some(name) = odd.or_else(|| metrics.iter().find(|name| !METRICS.contains(&name.as_str()))) {
        return Some(bad(&format!("Field {name} is not a valid dimension or metric.")));
    }
    let has = |list: &[String], name: &str| list.iter().any(|known| known == name);
    // Figures of visits say nothing of one event.
    if has(&dimensions, "eventName") && has(&metrics, "engagedSessions") {
        return Some(bad("Please remove engagedSessions to make the request compatible."));
    }
    None
}

impl Platform for FakeGa4 {
    fn is_data(&self, asked: &Asked) -> bool {
        asked.path.ends_with(":runReport")
    }

    fn answer(&self, asked: &Asked, knobs: &Knobs) -> (u16, Value) {
        if let Some(answer) = google::token(asked, knobs) {
            return answer;
        }
        if let Some(refusal) = google::unauthorised(asked, knobs) {
            return refusal;
        }
        let verb = asked.path.strip_prefix(&format!("/v1beta/properties/{PROPERTY}:"));
        match (asked.method.as_str(), verb) {
            ("POST", Some("runReport")) => self.report(&asked.json(), knobs),
            ("POST", Some("checkCompatibility")) => {
                let body = asked.json();
                if body["compatibilityFilter"] != "INCOMPATIBLE" {
                    return bad("A filter is asked for here.");
                }
                together(&body).unwrap_or((200, json!({})))
            }
            _ => google::error(
                403,
                "PERMISSION_DENIED",
                "User does not have sufficient permissions for this property.",
            ),
        }
    }
}
