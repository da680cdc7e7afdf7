//! Search Console as it answers, behind Google's token service.
use super::contract::contract;
use super::fake::{Asked, Knobs, Platform};
use super::google;
use super::rig::{Case, Rig};
use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use serde_json::{Value, json};

const PROPERTY: &str = "sc-domain:fernhill.example";
const QUERY: &str = "/webmasters/v3/sites/sc-domain%3Afernhill.example/searchAnalytics/query";

pub struct FakeSearchConsole;

/// The last day that has figures.
const NEWEST: Date = date(2025, 9, 14);

fn values(dimension: &str) -> &'static [&'static str] {
    match dimension {
        "page" => &[
            "https://www.fernhill.example/",
            "https://www.fernhill.example/tents?sort=price",
            "https://www.fernhill.example/tents",
        ],
        "query" => &["rain jacket", "tent"],
        "device" => &["DESKTOP", "MOBILE"],
        _ => &["che", "deu"],
    }
}

impl Platform for FakeSearchConsole {
    fn is_data(&self, asked: &Asked) -> bool {
        asked.path.ends_with("/query")
    }

    fn answer(&self, asked: &Asked, knobs: &Knobs) -> (u16, Value) {
        if let Some(answer) = google::token(asked, knobs) {
            return answer;
        }
        if let Some(refusal) = google::unauthorised(asked, knobs) {
            return refusal;
        }
        if asked.method == "GET" && asked.path == "/webmasters/v3/sites" {
            return (200, json!({"siteEntry": [{"siteUrl": PROPERTY, "permissionLevel": "siteFullUser"}]}));
        }
        if asked.method != "POST" || asked.path != QUERY {
            return google::error(404, "NOT_FOUND", "Not found.");
        }
        let body = asked.json();
        let known = [
            "startDate",
            "endDate",
            "dimensions",
            "type",
            "aggregationType",
            "dataState",
            "rowLimit",
            "startRow",
        ];
        if body.as_object().unwrap().keys().any(|name| !known.contains(&name.as_str())) {
            return google::error(400, "INVALID_ARGUMENT", "Unknown name.");
        }
        let limit = body["rowLimit"].as_u64().unwrap_or(1_000);
        let day = |name: &str| body[name].as_str().and_then(|text| text.parse::<Date>().ok());
        let (Some(first), Some(last), true) = (day("startDate"), day("endDate"), limit <= 25_000) else {
            return google::error(400, "INVALID_ARGUMENT", "Request contains an invalid argument.");
        };
        let dimensions: Vec<&str> =
            body["dimensions"].as_array().unwrap().iter().map(|d| d.as_str().unwrap()).collect();
        let mut rows = Vec::new();
        for day in first.series(1.day()).take_while(|day| *day <= last.min(NEWEST) && !knobs.empty) {
            let mut keys = vec![vec![day.to_string()]];
            for dimension in &dimensions[1..] {
                let longer = |keys: Vec<String>| {
                    values(dimension).iter().map(move |v| [keys.clone(), vec![(*v).to_owned()]].concat())
                };
                keys = keys.into_iter().flat_map(longer).collect();
            }
            for (n, keys) in keys.into_iter().enumerate() {
                let moved = if knobs.restated == Some(day) { 40 } else { 0 };
                let mut row = json!({"keys": keys, "clicks": 3 + n, "impressions": 100 + 10 * n + moved, "ctr": 0.03, "position": 7.25});
                if knobs.unknown_field {
                    row["mood"] = json!("sunny");
                }
                if knobs.missing_field {
                    row.as_object_mut().unwrap().remove("impressions");
                }
                rows.push(row);
            }
        }
        let start = usize::try_from(body["startRow"].as_u64().unwrap_or(0)).unwrap();
        let start = if knobs.repeat { 0 } else { start };
        let page: Vec<Value> = rows.into_iter().skip(start).take(knobs.page).collect();
        if page.is_empty() {
            return (200, json!({"responseAggregationType": "byProperty"}));
        }
        (200, json!({"rows": page, "responseAggregationType": "byProperty"}))
    }
}

pub struct SearchCase(&'static str);

impl Case for SearchCase {
    fn key(&self) -> &'static str {
        "search_console"
    }

    fn stream(&self) -> &'static str {
        self.0
    }

    fn config(&self) -> Value {
        json!({"site": PROPERTY, "client_id": "fernhill.apps.example"})
    }

    fn secrets(&self) -> &'static [&'static str] {
        &["client_secret", "refresh_token"]
    }

    fn platform(&self) -> Box<dyn Platform> {
        Box::new(FakeSearchConsole)
    }

    fn facts(&self) -> &'static str {
        "select concat_ws('|', date, site, search_type, grain, page, query, device, country, clicks, impressions, \
         position_x_impressions) from search_performance where source = 'search_console' order by 1"
    }

    fn by_day(&self) -> bool {
        false
    }

    fn moves(&self) -> Date {
        date(2025, 9, 13)
    }

    fn oauth(&self) -> bool {
        true
    }
}

static DEVICES: SearchCase = SearchCase("devices");
static PAGES: SearchCase = SearchCase("pages");

contract!(devices, crate::connectors::search_console::DEVICES);

#[tokio::test]
async fn figures_come_late_and_the_cursor_knows() {
    let rig = Rig::new(&DEVICES).await;
    rig.good().await;
    let facts = rig.facts().await;
    // 90 days to the 17th in California, figures until the 14th, two devices.
    assert_eq!(facts.len(), 174);
    assert!(facts.contains(&"2025-09-14|fernhill.example|web|device|||mobile||4|110|797.500000".to_owned()));
    assert!(facts.iter().all(|line| line.as_str() < "2025-09-15"));
    assert_eq!(
        rig.count("select count(*) from source_streams where complete_through = '2025-09-14'").await,
        1
    );
}

#[tokio::test]
async fn addresses_of_one_page_are_one_row() {
    let rig = Rig::new(&PAGES).await;
    rig.good().await;
    let facts = rig.facts().await;
    assert_eq!(facts.len(), 174);
    assert!(facts.contains(&"2025-09-14|fernhill.example|web|page|/tents||||9|230|1667.500000".to_owned()));
}
