//! TikTok's Business API as it answers: HTTP 200 whatever it thinks, `code` in the body, lists as JSON in the address.
use crate::connectors::fake::{Asked, Knobs, Platform};
use jiff::ToSpan as _;
use jiff::civil::Date;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Mutex;

/// Beyond 2^53, as all ids of TikTok are: a double would make another number of it.
pub const ADVERTISER: &str = "7100000000000000123";
const CAMPAIGNS: [&str; 2] = ["7100000000000000337", "7100000000000000339"];
const AD_GROUPS: [&str; 3] = ["7100000000000000341", "7100000000000000343", "7100000000000000345"];
const ADS: [&str; 3] = ["7100000000000000351", "7100000000000000353", "7100000000000000355"];

/// `codes` are said instead of the next answers.
#[derive(Default)]
pub struct FakeTikTok {
    pub codes: Mutex<Vec<i64>>,
}

fn said(code: i64, message: &str) -> (u16, Value) {
    (200, json!({"code": code, "message": message, "request_id": "r-1", "data": {}}))
}

fn list(parameters: &BTreeMap<String, String>, name: &str) -> Option<Vec<String>> {
    serde_json::from_str(parameters.get(name)?).ok()
}

impl FakeTikTok {
    fn refusal(asked: &Asked, knobs: &Knobs) -> Option<(u16, Value)> {
        if asked.method != "GET" {
            return Some((405, json!({"message": "method not allowed"})));
        }
        if asked.header("access-token") != knobs.secret {
            return Some(said(40_105, "Access token is incorrect or has been revoked."));
        }
        let parameters = asked.parameters();
        let known = [
            "advertiser_id",
            "advertiser_ids",
            "fields",
            "filtering",
            "page",
            "page_size",
            "service_type",
            "report_type",
            "data_level",
            "dimensions",
            "metrics",
            "start_date",
            "end_date",
        ];
        if let Some(name) = parameters.keys().find(|name| !known.contains(&name.as_str())) {
            return Some(said(40_002, &format!("{name}: Unknown field.")));
        }
        let one = parameters.get("advertiser_id").cloned().into_iter().collect::<Vec<_>>();
        let mine = list(&parameters, "advertiser_ids").unwrap_or(one);
        if mine != [ADVERTISER] {
            return Some(said(40_001, "No permission to operate advertiser."));
        }
        let number = |name: &str| parameters.get(name).map_or(Some(1), |text| text.parse::<usize>().ok());
        let fits = number("page_size").is_some_and(|n| (1..=1_000).contains(&n))
            && number("page").is_some_and(|n| n >= 1);
        (!fits).then(|| said(40_002, "page_size: must be between 1 and 1000"))
    }

    fn report(parameters: &BTreeMap<String, String>, knobs: &Knobs) -> Result<Vec<Value>, (u16, Value)> {
        let of = |name: &str| parameters.get(name).map(String::as_str).unwrap_or_default();
        let (id, ids): (&str, &[&str]) = match of("data_level") {
            "AUCTION_CAMPAIGN" => ("campaign_id", &CAMPAIGNS),
            "AUCTION_ADGROUP" => ("adgroup_id", &AD_GROUPS),
            "AUCTION_AD" => ("ad_id", &ADS),
            "AUCTION_ADVERTISER" => ("advertiser_id", &[ADVERTISER]),
            _ => return Err(said(40_002, "data_level: invalid")),
        };
        if of("service_type") != "AUCTION" || of("report_type") != "BASIC" {
            return Err(said(40_002, "report_type: invalid"));
        }
        if list(parameters, "dimensions").is_none_or(|names| names != [id, "stat_time_day"]) {
            return Err(said(40_002, "dimensions: Not a valid list."));
        }
        let filters: Value = serde_json::from_str(of("filtering")).unwrap_or_default();
        let field = format!("{}_status", id.trim_end_matches("_id"));
        let all =
            filters[0]["field_name"] == field.as_str() && filters[0]["filter_value"] == "[\"STATUS_ALL\"]";
        if id == "advertiser_id" && parameters.contains_key("filtering") {
            return Err(said(40_002, "filtering: advertiser_status is not supported."));
        }
        let all = all || id == "advertiser_id";
        let metrics =
            list(parameters, "metrics").ok_or_else(|| said(40_002, "metrics: Not a valid list."))?;
        let day = |name: &str| of(name).parse::<Date>().map_err(|_| said(40_002, "start_date: invalid"));
        let (first, last) = (day("start_date")?, day("end_date")?);
        if first.until(last).unwrap().get_days() > 29 {
            return Err(said(40_002, "The maximum time span of a daily report is 30 days."));
        }
        let mut rows = Vec::new();
        for day in first.series(1.day()).take_while(|day| *day <= last && !knobs.empty) {
            for (n, entity) in ids.iter().enumerate() {
                // The last ad was deleted: without being asked for, it is not in the report.
                if !all && n + 1 == ids.len() {
                    continue;
                }
                let mut figures = serde_json::Map::new();
                for name in &metrics {
                    figures.insert(
                        name.clone(),
                        figure(name, day, n, knobs).ok_or_else(|| said(40_002, "metrics: invalid"))?,
                    );
                }
                if knobs.unknown_field {
                    figures.insert("mood".to_owned(), json!("sunny"));
                }
                if knobs.missing_field {
                    figures.remove("spend");
                }
                rows.push(json!({"dimensions": {id: entity, "stat_time_day": format!("{day} 00:00:00")}, "metrics": figures}));
            }
        }
        Ok(rows)
    }

    fn things(
        path: &str,
        parameters: &BTreeMap<String, String>,
        knobs: &Knobs,
    ) -> Result<Vec<Value>, (u16, Value)> {
        let filter: Value =
            parameters.get("filtering").and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let all = filter["primary_status"] == "STATUS_ALL";
        let fields = list(parameters, "fields").ok_or_else(|| said(40_002, "fields: Not a valid list."))?;
        let rows: Vec<Value> = match path {
            "/open_api/v1.3/campaign/get/" => campaigns(),
            "/open_api/v1.3/adgroup/get/" => ad_groups(),
            "/open_api/v1.3/ad/get/" => ads(),
            _ => return Err((404, json!({"message": "not found"}))),
        };
        let mut answer = Vec::new();
        for row in rows {
            let deleted = row["secondary_status"].as_str().unwrap().ends_with("_DELETE");
            if knobs.empty || (deleted && !all) {
                continue;
            }
            let mut row = row.as_object().unwrap().clone();
            if let Some(name) = fields.iter().find(|name| !row.contains_key(*name)) {
                return Err(said(40_002, &format!("fields: {name} is not supported.")));
            }
            row.retain(|name, _| fields.contains(name));
            if knobs.restated.is_some() && row.get("campaign_name").is_some_and(|name| name == "Spring tents")
            {
                row.insert("budget".to_owned(), json!(75.5));
            }
            if knobs.unknown_field {
                row.insert("mood".to_owned(), json!("sunny"));
            }
            if knobs.missing_field {
                row.remove("operation_status");
            }
            answer.push(Value::Object(row));
        }
        Ok(answer)
    }
}

fn figure(name: &str, day: Date, n: usize, knobs: &Knobs) -> Option<Value> {
    let n = i64::try_from(n).unwrap();
    let base = i64::from(day.day()) + 10 * (n + 1);
    let moved = if knobs.restated == Some(day) { 5 } else { 0 };
    Some(match name {
        "spend" => json!(format!("{base}.{:02}", 30 + n)),
        "impressions" => json!((base * 100).to_string()),
        "clicks" => json!((base + moved).to_string()),
        // The second one has no goal.
        "conversion" | "total_purchase_value" | "total_complete_payment_rate" if n == 1 => json!("-"),
        "conversion" => json!((base / 10 + moved).to_string()),
        "total_purchase_value" => json!(format!("{}.50", base * 2)),
        "total_complete_payment_rate" => json!(format!("{}.25", base * 3)),
        "reach" => json!((base * 80).to_string()),
        "video_play_actions" => json!(base * 90),
        _ => return None,
    })
}

fn campaigns() -> Vec<Value> {
    vec![
        json!({"advertiser_id": ADVERTISER, "campaign_id": CAMPAIGNS[0], "campaign_name": "Spring tents", "objective_type": "WEB_CONVERSIONS",
            "budget": 50.0, "budget_mode": "BUDGET_MODE_DAY", "bid_type": "BID_TYPE_NO_BID", "operation_status": "ENABLE",
            "secondary_status": "CAMPAIGN_STATUS_ENABLE"}),
        json!({"advertiser_id": ADVERTISER, "campaign_id": CAMPAIGNS[1], "campaign_name": "Autumn boots", "objective_type": "TRAFFIC",
            "budget": 900.0, "budget_mode": "BUDGET_MODE_TOTAL", "bid_type": null, "operation_status": "DISABLE",
            "secondary_status": "CAMPAIGN_STATUS_DELETE"}),
    ]
}

fn ad_groups() -> Vec<Value> {
    let row = |n: usize, campaign: &str, secondary: &str| {
        json!({"advertiser_id": ADVERTISER, "adgroup_id": AD_GROUPS[n], "adgroup_name": format!("Group {n}"), "campaign_id": campaign,
            "budget": 0.0, "budget_mode": "BUDGET_MODE_INFINITE", "bid_price": 0.0, "conversion_bid_price": 12.5,
            "billing_event": "OCPM", "optimization_goal": "CONVERT", "schedule_start_time": "2025-05-01 00:00:00",
            "schedule_end_time": "2035-05-01 00:00:00", "operation_status": "ENABLE", "secondary_status": secondary})
    };
    vec![
        row(0, CAMPAIGNS[0], "ADGROUP_STATUS_DELIVERY_OK"),
        row(1, CAMPAIGNS[0], "ADGROUP_STATUS_TIME_DONE"),
        row(2, CAMPAIGNS[1], "ADGROUP_STATUS_CAMPAIGN_DELETE"),
    ]
}

fn ads() -> Vec<Value> {
    let row = |n: usize, campaign: &str, secondary: &str| {
        json!({"advertiser_id": ADVERTISER, "ad_id": ADS[n], "ad_name": format!("Clip {n}"), "adgroup_id": AD_GROUPS[n],
            "campaign_id": campaign, "ad_format": "SINGLE_VIDEO", "ad_text": "Dry at last", "call_to_action": "SHOP_NOW",
            "landing_page_url": "https://fernhill.example/tents", "operation_status": "ENABLE", "secondary_status": secondary})
    };
    vec![
        row(0, CAMPAIGNS[0], "AD_STATUS_DELIVERY_OK"),
        row(1, CAMPAIGNS[0], "AD_STATUS_AUDIT_DENY"),
        row(2, CAMPAIGNS[1], "AD_STATUS_CAMPAIGN_DELETE"),
    ]
}

impl Platform for FakeTikTok {
    fn answer(&self, asked: &Asked, knobs: &Knobs) -> (u16, Value) {
        if let Some(refusal) = Self::refusal(asked, knobs) {
            return refusal;
        }
        if asked.path == "/open_api/v1.3/advertiser/info/" {
            let account = json!({"advertiser_id": ADVERTISER, "name": "Fernhill", "currency": "EUR", "timezone": "UTC+2",
                "display_timezone": knobs.zone});
            return (
                200,
                json!({"code": 0, "message": "OK", "request_id": "r-1", "data": {"list": [account]}}),
            );
        }
        if let Some(code) = self.codes.lock().unwrap().pop() {
            return said(code, "Something is the matter.");
        }
        let parameters = asked.parameters();
        let rows = if asked.path == "/open_api/v1.3/report/integrated/get/" {
            Self::report(&parameters, knobs)
        } else {
            Self::things(&asked.path, &parameters, knobs)
        };
        let rows = match rows {
            Ok(rows) => rows,
            Err(refusal) => return refusal,
        };
        let number =
            |name: &str| parameters.get(name).and_then(|text| text.parse::<usize>().ok()).unwrap_or(1);
        let size = number("page_size").min(knobs.page);
        let number = if knobs.repeat { 1 } else { number("page") };
        let total = rows.len();
        let shown: Vec<Value> = rows.into_iter().skip((number - 1) * size).take(size).collect();
        let info = json!({"page": number, "page_size": size, "total_number": total, "total_page": total.div_ceil(size)});
        (
            200,
            json!({"code": 0, "message": "OK", "request_id": "r-1", "data": {"list": shown, "page_info": info}}),
        )
    }
}
