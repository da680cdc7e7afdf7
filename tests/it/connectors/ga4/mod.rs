//! Google Analytics 4 through the engine: what its rows become.
mod fake;

use super::contract::contract;
use super::fake::Platform;
use super::has;
use super::recorded::Recorded;
use super::rig::{Case, Rig};
use adjutant::platforms::client::{Reply, Verdict};
use adjutant::platforms::contract::Connector as _;
use adjutant::platforms::fault::Code;
use adjutant::platforms::ga4::{Ga4, page};
use fake::{FakeGa4, PROPERTY};
use serde_json::{Value, json};

pub struct Ga4Case {
    stream: &'static str,
    vague: bool,
}

impl Case for Ga4Case {
    fn key(&self) -> &'static str {
        "ga4"
    }

    fn stream(&self) -> &'static str {
        self.stream
    }

    fn config(&self) -> Value {
        json!({"property_id": format!("properties/{PROPERTY}"), "client_id": "fernhill.apps.example"})
    }

    fn secrets(&self) -> &'static [&'static str] {
        &["client_secret", "refresh_token"]
    }

    fn platform(&self) -> Box<dyn Platform> {
        Box::new(FakeGa4 { vague: self.vague })
    }

    fn facts(&self) -> &'static str {
        "select concat_ws('|', date, account_id, entity_kind, entity_id, channel, breakdown, sessions, engaged_sessions, bounces, \
         users, new_users, pageviews, engaged_seconds, conversions, conversion_value, revenue, incomplete, extra) \
         from daily_metrics where source = 'ga4' order by 1"
    }

    fn oauth(&self) -> bool {
        true
    }
}

static SITE: Ga4Case = Ga4Case { stream: "site", vague: false };
static VAGUE: Ga4Case = Ga4Case { stream: "site", vague: true };
static CHANNELS: Ga4Case = Ga4Case { stream: "channels", vague: false };
static PAGES: Ga4Case = Ga4Case { stream: "pages", vague: false };
static EVENTS: Ga4Case = Ga4Case { stream: "events", vague: false };

contract!(site, crate::connectors::ga4::SITE);
contract!(events, crate::connectors::ga4::EVENTS);

async fn read(case: &'static Ga4Case) -> Vec<String> {
    let rig = Rig::new(case).await;
    let finished = rig.good().await;
    assert_eq!(finished.warnings, json!([]));
    rig.facts().await
}

#[tokio::test]
async fn visits_are_filed_under_our_channels_and_devices() {
    let facts = read(&SITE).await;
    // Paid search and what runs across networks are one channel; three rows by device.
    assert_eq!(facts.len(), 90 * 6);
    // 116 and 316 visits, of which 60 and 180 engaged; what was bought is conversion value, since orders tell the revenue.
    has(
        &facts,
        &[
            "2025-09-16|4711|site|site|paid_search||432|240|192|360|160|1200|20000|3.500000|300.750000|0.000000|f|{}",
            "2025-09-16|4711|site|site|seo||216|120|96|180|80|600|10000|2.500000|200.750000|0.000000|f|{}",
            "2025-09-16|4711|site|site|unknown||416|240|176|360|160|1200|20000|4.500000|400.750000|0.000000|f|{}",
            "2025-09-16|4711|site|site|seo|device=mobile|216|120|96|180|80|600|10000|2.500000|200.750000|0.000000|f|{}",
            "2025-09-16|4711|site|site|paid_search|device=tv|316|180|136|270|120|900|15000|3.500000|300.750000|0.000000|f|{}",
        ],
    );
}

#[tokio::test]
async fn visits_keep_where_they_came_from() {
    let facts = read(&CHANNELS).await;
    assert_eq!(facts.len(), 180);
    has(
        &facts,
        &[
            "2025-09-17|4711|channel|paid_search|paid_search|source=google; medium=cpc; campaign=Autumn 1|217|120|97|180|80|600|10000|\
         2.500000|200.750000|0.000000|f|{}",
            "2025-09-17|4711|channel|seo|seo|source=google; medium=organic; campaign=(not set)|117|60|57|90|40|300|5000|\
         0.000000|0.000000|0.000000|f|{}",
        ],
    );
}

#[tokio::test]
async fn a_page_has_its_views_and_landings_in_one_row_and_what_is_no_page_is_kept() {
    let facts = read(&PAGES).await;
    assert_eq!(facts.len(), 360);
    has(
        &facts,
        &[
            "2025-09-17|4711|page|/tents|unknown||217|120|97|180|0|600|10000|0.000000|0.000000|0.000000|f|{}",
            "2025-09-17|4711|page|(not set)|unknown||317|180|137|0|0|0|0|0.000000|0.000000|0.000000|f|{}",
            "2025-09-17|4711|page|(other)|unknown||0|0|0|270|0|900|15000|0.000000|0.000000|0.000000|f|{}",
        ],
    );
}

#[tokio::test]
async fn only_key_events_are_conversions() {
    let facts = read(&EVENTS).await;
    assert_eq!(facts.len(), 180);
    has(
        &facts,
        &[
            "2025-09-17|4711|event|page_view|unknown||0|0|0|90|0|0|0|0.000000|1.250000|0.000000|f|{\"event_count\": 700}",
            "2025-09-17|4711|event|purchase|unknown||0|0|0|180|0|0|0|2.500000|200.750000|200.750000|f|{\"event_count\": 1400}",
        ],
    );
}

/// Withheld, folded and estimated figures are kept and marked: who asks hears of it.
#[tokio::test]
async fn figures_that_are_not_exact_say_so() {
    let rig = Rig::new(&VAGUE).await;
    let finished = rig.good().await;
    let codes: Vec<&str> =
        finished.warnings.as_array().unwrap().iter().map(|note| note["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["platform.other_row", "platform.sampled", "platform.thresholded"]);
    let marked = "select count(*) from daily_metrics where source = 'ga4' and incomplete and extra ->> 'sampled' = '0.25' \
                  and (extra ->> 'other_row')::boolean";
    assert_eq!(rig.count(marked).await, 540);
}

#[tokio::test]
async fn the_property_tells_its_zone_and_currency() {
    let rig = Rig::in_zone(&SITE, "Asia/Tokyo").await;
    let told = "select count(*) from sources where account_time_zone = 'Asia/Tokyo' and currency = 'EUR'";
    assert_eq!(rig.count(told).await, 1);
}

#[test]
fn a_quota_of_the_day_is_not_asked_again_today() {
    let said = |message: &str| {
        let body = json!({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": message}});
        let status = reqwest::StatusCode::TOO_MANY_REQUESTS;
        Ga4.judge()(&Reply { status, headers: Default::default(), body: serde_json::to_vec(&body).unwrap() })
    };
    let day = said("Exhausted property tokens per day. These quota tokens will return in a day.");
    assert!(matches!(day, Verdict::Bad { code: Code::QuotaDaily, .. }), "{day:?}");
    let hour = said(
        "Exhausted property tokens for a project per hour. These quota tokens will return in under an hour.",
    );
    assert!(matches!(hour, Verdict::Again { code: Code::RateLimited, wait: Some(3600), .. }), "{hour:?}");
    let busy = said("Exhausted concurrent requests quota.");
    assert!(matches!(busy, Verdict::Again { code: Code::RateLimited, wait: None, .. }), "{busy:?}");
}

/// An answer as it was recorded.
pub fn recorded(file: &Recorded) -> Option<usize> {
    if file.name != "wire_analyticsResponse.json" {
        return None;
    }
    let page = page(&file.body, 1, 1).unwrap();
    assert_eq!((page.rows.len(), page.count, page.total), (4, 4, Some(5)));
    let users: Vec<String> = page.rows.iter().map(|row| format!("{} {}", row.day, row.metrics[0])).collect();
    assert_eq!(users, ["2024-06-14 2", "2024-06-13 101", "2024-06-12 1011", "2024-06-11 10"]);
    assert_eq!(page.time_zone.as_deref(), Some("Europe/Warsaw"));
    assert!(page.seen.new_fields.is_empty() && page.seen.missing.is_empty(), "{:?}", page.seen);
    Some(page.count)
}
