//! Snapchat's Ads API as it answers: an envelope around each thing, links to what follows, days that must begin at midnight.
use crate::connectors::fake::{Asked, Knobs, Platform};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _, Zoned};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

pub const ACCOUNT: &str = "0fe2a000-0000-4000-8000-000000000001";

pub struct FakeSnapchat;

/// A part of an answer that could not be given.
static FAILED: LazyLock<Value> = LazyLock::new(
    || json!({"sub_request_status": "ERROR", "sub_request_error_reason": "The entity could not be loaded."}),
);

fn error(status: u16, code: &str, said: &str) -> (u16, Value) {
    (
        status,
        json!({"request_status": "ERROR", "request_id": "r-1", "debug_message": said, "display_message": said, "error_code": code}),
    )
}

pub fn id(sort: &str, n: usize) -> String {
    format!("{sort}-00000000-{n:04}")
}

fn things(what: &str) -> Vec<Value> {
    (0..7)
        .map(|n| match what {
            "campaigns" => json!({"id": id("c", n), "updated_at": "2025-01-01T08:00:00.000Z", "created_at": "2025-01-01T08:00:00.000Z",
                "name": format!("Campaign {n}"), "ad_account_id": ACCOUNT, "status": if n == 1 { "PAUSED" } else { "ACTIVE" },
                "objective": "WEB_CONVERSION", "buy_model": "AUCTION", "start_time": "2025-01-02T08:00:00.000Z",
                "end_time": if n == 2 { json!("2025-03-02T08:00:00.000Z") } else { Value::Null }, "daily_budget_micro": 50_000_000,
                "delivery_status": ["VALID"]}),
            "adsquads" => json!({"id": id("s", n), "name": format!("Squad {n}"), "campaign_id": id("c", n), "status": "ACTIVE",
                "bid_micro": 1_500_000, "daily_budget_micro": 20_000_000, "optimization_goal": "SWIPES", "billing_event": "IMPRESSION"}),
            _ => json!({"id": id("d", n), "name": format!("Clip {n}"), "ad_squad_id": id("s", n), "status": "ACTIVE", "type": "SNAP_AD",
                "review_status": if n == 1 { "REJECTED" } else { "APPROVED" }}),
        })
        .collect()
}

fn figure(name: &str, on: Date, n: usize, knobs: &Knobs) -> Option<Value> {
    let base = i64::from(on.day()) + 10 * (i64::try_from(n).unwrap() + 1);
    let moved = if knobs.restated == Some(on) { 5 } else { 0 };
    Some(match name {
        "impressions" => json!(base * 100),
        "swipes" => json!(base + moved),
        "spend" => json!(base * 1_000_000 + 305_000),
        "video_views" => json!(base * 90),
        "conversion_purchases" => json!(base / 10),
        "conversion_sign_ups" => json!(base / 5),
        "conversion_purchases_value" => json!(base * 2_000_000 + 500_000),
        _ => return None,
    })
}

impl FakeSnapchat {
    /// The things of a page, and the link to the next one.
    fn cut(rows: Vec<Value>, asked: &Asked, knobs: &Knobs, most: usize) -> Option<(Vec<Value>, Value)> {
        let parameters = asked.parameters();
        let size = parameters.get("limit").map_or(Some(50), |text| text.parse::<usize>().ok())?;
        if !(50..=most).contains(&size) {
            return None;
        }
        let cursor: usize = parameters.get("cursor").map_or(Some(0), |text| text.parse().ok())?;
        let skip = if knobs.repeat { 0 } else { cursor };
        let total = rows.len();
        let shown: Vec<Value> = rows.into_iter().skip(skip).take(size.min(knobs.page)).collect();
        let after = skip + shown.len();
        let paging = if after < total {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(parameters.iter().filter(|(name, _)| *name != "cursor"));
            query.append_pair("cursor", &after.to_string());
            json!({"next_link": format!("http://{}{}?{}", asked.header("host"), asked.path, query.finish())})
        } else {
            json!({})
        };
        Some((shown, paging))
    }

    fn list(what: &str, asked: &Asked, knobs: &Knobs) -> (u16, Value) {
        let known = ["limit", "cursor"];
        if let Some(name) = asked.parameters().keys().find(|name| !known.contains(&name.as_str())) {
            return error(400, "E1001", &format!("{name} is not a parameter"));
        }
        let name = what.trim_end_matches('s');
        let mut rows = if knobs.empty { Vec::new() } else { things(what) };
        for (n, row) in rows.iter_mut().enumerate() {
            let row = row.as_object_mut().unwrap();
            if knobs.unknown_field {
                row.insert("mood".to_owned(), json!("sunny"));
            }
            if knobs.missing_field {
                row.remove("status");
            }
            if knobs.restated.is_some() && n == 0 && what == "campaigns" {
                row.insert("daily_budget_micro".to_owned(), json!(75_500_000));
            }
        }
        let Some((shown, paging)) = Self::cut(rows, asked, knobs, 1_000) else {
            return error(400, "E1001", "limit");
        };
        let mut shown: Vec<Value> =
            shown.into_iter().map(|row| json!({"sub_request_status": "SUCCESS", name: row})).collect();
        if knobs.fails_in_part {
            shown.push(FAILED.clone());
        }
        (200, json!({"request_status": "SUCCESS", "request_id": "r-1", "paging": paging, what: shown}))
    }

    fn stats(asked: &Asked, knobs: &Knobs) -> (u16, Value) {
        let parameters = asked.parameters();
        let of = |name: &str| parameters.get(name).map(String::as_str).unwrap_or_default();
        let (breakdown, sort) = match of("breakdown") {
            "campaign" => ("campaign", "c"),
            "adsquad" => ("adsquad", "s"),
            "ad" => ("ad", "d"),
            _ => return error(400, "E1001", "breakdown"),
        };
        if of("granularity") != "DAY"
            || of("swipe_up_attribution_window") != "28_DAY"
            || of("view_attribution_window") != "1_DAY"
        {
            return error(400, "E1001", "granularity");
        }
        let zone = TimeZone::get(&knobs.zone).unwrap();
        // A day begins at the account's midnight, written with the account's offset.
        let midnight = |name: &str| -> Option<Zoned> {
            let at = of(name).parse::<Timestamp>().ok()?.to_zoned(zone.clone());
            let written = at.strftime("%Y-%m-%dT%H:%M:%S.000%:z").to_string();
            (at.hour() == 0 && at.minute() == 0 && written == of(name)).then_some(at)
        };
        let (Some(start), Some(end)) = (midnight("start_time"), midnight("end_time")) else {
            return error(
                400,
                "E1008",
                "Unsupported Stats Query: Timeseries queries with DAY granularity must have a start time that is the start of day",
            );
        };
        let days: Vec<Date> = start.date().series(1.day()).take_while(|on| *on < end.date()).collect();
        if days.is_empty() || days.len() > 31 {
            return error(
                400,
                "E1008",
                "Unsupported Stats Query: DAY granularity queries are limited to 31 days",
            );
        }
        let names: Vec<&str> = of("fields").split(',').collect();
        let mut rows = Vec::new();
        for n in 0..if knobs.empty { 0 } else { 7 } {
            let mut points = Vec::new();
            for on in &days {
                let mut figures = Map::new();
                for name in &names {
                    let Some(value) = figure(name, *on, n, knobs) else {
                        return error(400, "E1001", &format!("{name} is not a field"));
                    };
                    figures.insert((*name).to_owned(), value);
                }
                if knobs.unknown_field {
                    figures.insert("mood".to_owned(), json!(1));
                }
                if knobs.missing_field {
                    figures.remove("spend");
                }
                let at = |on: Date| {
                    on.at(0, 0, 0, 0)
                        .to_zoned(zone.clone())
                        .unwrap()
                        .strftime("%Y-%m-%dT%H:%M:%S.000%:z")
                        .to_string()
                };
                points.push(
                    json!({"start_time": at(*on), "end_time": at(on.tomorrow().unwrap()), "stats": figures}),
                );
            }
            rows.push(json!({"id": id(sort, n), "type": breakdown.to_uppercase(), "granularity": "DAY", "timeseries": points}));
        }
        let Some((shown, paging)) = Self::cut(rows, asked, knobs, 200) else {
            return error(400, "E1001", "limit");
        };
        let stat = json!({"id": ACCOUNT, "type": "AD_ACCOUNT", "granularity": "DAY", "breakdown_stats": {breakdown: shown}});
        let stat = json!({"sub_request_status": "SUCCESS", "timeseries_stat": stat});
        let stat = if knobs.fails_in_part { FAILED.clone() } else { stat };
        (
            200,
            json!({"request_status": "SUCCESS", "request_id": "r-1", "paging": paging,
            "timeseries_stats": [stat]}),
        )
    }
}

impl Platform for FakeSnapchat {
    fn answer(&self, asked: &Asked, knobs: &Knobs) -> (u16, Value) {
        if asked.path == "/login/oauth2/access_token" {
            let form = asked.form();
            let good =
                ["client_secret", "refresh_token"].iter().all(|name| form.get(*name) == Some(&knobs.secret));
            return if good {
                (200, json!({"access_token": "snap-access", "token_type": "Bearer", "expires_in": 1800}))
            } else {
                (400, json!({"error": "invalid_grant"}))
            };
        }
        if asked.method != "GET" {
            return error(405, "E1000", "method not allowed");
        }
        if asked.header("authorization") != "Bearer snap-access" {
            return error(401, "E2000", "unauthorized");
        }
        let Some(below) = asked.path.strip_prefix(&format!("/v1/adaccounts/{ACCOUNT}")) else {
            return error(404, "E3003", "Resource can not be found");
        };
        match below {
            "" => (
                200,
                json!({"request_status": "SUCCESS", "adaccounts": [{"sub_request_status": "SUCCESS",
                "adaccount": {"id": ACCOUNT, "name": "Fernhill", "currency": "EUR", "timezone": knobs.zone, "status": "ACTIVE"}}]}),
            ),
            "/stats" => Self::stats(asked, knobs),
            "/campaigns" | "/adsquads" | "/ads" => Self::list(below.trim_start_matches('/'), asked, knobs),
            _ => error(404, "E3003", "Resource can not be found"),
        }
    }

    fn is_data(&self, asked: &Asked) -> bool {
        asked.path != "/login/oauth2/access_token"
    }
}
