//! Meta Ads through the engine: what its rows become.
mod fake;

use super::contract::contract;
use super::fake::Platform;
use super::has;
use super::recorded::Recorded;
use super::rig::{Case, Rig};
use adjutant::period::Window;
use adjutant::platforms::client::{Reply, Verdict};
use adjutant::platforms::fault::Code;
use adjutant::platforms::meta_ads::{judge, parse, usage};
use adjutant::platforms::shape::Seen;
use fake::ACCOUNT;
pub use fake::FakeMeta;
use serde_json::{Value, json};

pub struct MetaCase {
    stream: &'static str,
    by_day: bool,
    facts: &'static str,
    too_much: Option<i32>,
}

const DAILY: &str = "select concat_ws('|', date, account_id, entity_kind, entity_id, channel, impressions, reach, clicks, landed, \
     conversions, conversion_value, cost, revenue, attribution_window, currency, extra ->> 'all_clicks') \
     from daily_metrics where source = 'meta_ads' order by 1";

const fn daily(stream: &'static str, too_much: Option<i32>) -> MetaCase {
    MetaCase { stream, by_day: true, facts: DAILY, too_much }
}

const fn list(stream: &'static str, facts: &'static str) -> MetaCase {
    MetaCase { stream, by_day: false, facts, too_much: None }
}

impl Case for MetaCase {
    fn key(&self) -> &'static str {
        "meta_ads"
    }

    fn stream(&self) -> &'static str {
        self.stream
    }

    fn config(&self) -> Value {
        json!({"account_id": format!("act_{ACCOUNT}")})
    }

    fn secrets(&self) -> &'static [&'static str] {
        &["access_token", "app_secret"]
    }

    fn platform(&self) -> Box<dyn Platform> {
        Box::new(FakeMeta { too_much: self.too_much, ..FakeMeta::default() })
    }

    fn facts(&self) -> &'static str {
        self.facts
    }

    fn by_day(&self) -> bool {
        self.by_day
    }
}

static CAMPAIGN_DAYS: MetaCase = daily("daily_campaigns", None);
static IN_HALVES: MetaCase = daily("daily_campaigns", Some(10));
static AD_SET_DAYS: MetaCase = daily("daily_ad_groups", None);
static AD_DAYS: MetaCase = daily("daily_ads", None);
static ACCOUNT_DAYS: MetaCase = daily("daily_account", None);
static CAMPAIGNS: MetaCase = list(
    "campaigns",
    "select concat_ws('|', id, account_id, name, status, raw_status, channel, objective, daily_budget, starts_on, ends_on) \
     from campaigns where source = 'meta_ads' order by 1",
);
static AD_SETS: MetaCase = list(
    "ad_groups",
    "select concat_ws('|', id, campaign_id, name, status, bid, daily_budget, extra ->> 'lifetime_budget', optimization_goal) \
     from ad_groups where source = 'meta_ads' order by 1",
);
static ADS: MetaCase = list(
    "ads",
    "select concat_ws('|', c.id, c.ad_group_id, c.campaign_id, c.format, c.headlines, c.body, c.call_to_action, c.final_url, \
     c.status, e.name) from creatives c join entities e on e.kind = 'ad' and e.id = c.id where c.source = 'meta_ads' order by 1",
);

contract!(campaign_days, crate::connectors::meta_ads::CAMPAIGN_DAYS);
contract!(account_days, crate::connectors::meta_ads::ACCOUNT_DAYS);
contract!(campaigns, crate::connectors::meta_ads::CAMPAIGNS);

async fn read(case: &'static MetaCase) -> Vec<String> {
    let rig = Rig::new(case).await;
    let finished = rig.good().await;
    assert_eq!(finished.warnings, json!([]));
    rig.facts().await
}

#[tokio::test]
async fn every_level_is_read_by_itself_and_a_purchase_counts_once() {
    let facts = read(&CAMPAIGN_DAYS).await;
    assert_eq!(facts.len(), 270, "90 days of three campaigns");
    // Two purchases after a click and one after a view, worth 100.50 and 17.50; nobody followed a link of the third.
    has(
        &facts,
        &[
            "2025-09-16|1700000000000017|campaign|meta_ads:1|paid_social|1016|800|20|15|3.000000|118.000000|10.160000|118.000000|7d_click_1d_view|EUR|31",
            "2025-09-16|1700000000000017|campaign|meta_ads:3|paid_social|3016|2400|0|15|3.000000|118.000000|30.160000|118.000000|7d_click_1d_view|EUR|93",
        ],
    );
    has(
        &read(&AD_SET_DAYS).await,
        &[
            "2025-09-17|1700000000000017|ad_group|meta_ads:20|paid_social|2017|1600|40|15|3.000000|118.000000|20.170000|118.000000|7d_click_1d_view|EUR|62",
        ],
    );
    has(
        &read(&AD_DAYS).await,
        &[
            "2025-09-17|1700000000000017|ad|meta_ads:100|paid_social|1017|800|20|15|3.000000|118.000000|10.170000|118.000000|7d_click_1d_view|EUR|31",
        ],
    );
}

#[tokio::test]
async fn the_account_is_one_row_a_day() {
    let facts = read(&ACCOUNT_DAYS).await;
    assert_eq!(facts.len(), 90);
    has(
        &facts,
        &[
            "2025-09-16|1700000000000017|account|meta_ads:1700000000000017|paid_social|1016|800|20|15|3.000000|118.000000|10.160000|118.000000|7d_click_1d_view|EUR|31",
        ],
    );
}

/// "Please reduce the amount of data": the days are asked for in halves, and come to the same.
#[tokio::test]
async fn what_is_too_much_at_once_is_read_in_halves() {
    assert_eq!(read(&IN_HALVES).await, read(&CAMPAIGN_DAYS).await);
}

/// A week is asked for at once; more is a report, of which the first look says that it is not ready.
#[tokio::test]
async fn more_than_a_week_is_a_report_that_is_waited_for() {
    let rig = Rig::new(&CAMPAIGN_DAYS).await;
    let day = |text: &str| text.parse().unwrap();
    let week = Window { start: day("2025-09-01"), end: day("2025-09-07") };
    let finished = rig.sync_days(Some(week)).await.unwrap();
    assert_eq!((finished.counts.requests, rig.facts().await.len()), (1, 21), "{:?}", finished.error);
    let longer = Window { start: day("2025-09-01"), end: day("2025-09-08") };
    let finished = rig.sync_days(Some(longer)).await.unwrap();
    // Order, two looks, one page.
    assert_eq!((finished.counts.requests, rig.facts().await.len()), (4, 24), "{:?}", finished.error);
    assert_eq!(rig.clock.longest(), 5);
}

#[tokio::test]
async fn what_an_account_consists_of_is_listed() {
    let facts = read(&CAMPAIGNS).await;
    assert_eq!(facts.len(), 11, "archived ones too");
    has(
        &facts,
        &[
            "meta_ads:1|1700000000000017|Autumn 1|active|ACTIVE|paid_social|OUTCOME_SALES|50.000000|2025-06-01",
            "meta_ads:3|1700000000000017|Autumn 3|draft|IN_PROCESS|paid_social|OUTCOME_SALES|50.000000|2025-06-01",
            "meta_ads:4|1700000000000017|Autumn 4|removed|ARCHIVED|paid_social|OUTCOME_SALES|50.000000|2025-06-01",
            "meta_ads:5|1700000000000017|Autumn 5|ended|ACTIVE|paid_social|OUTCOME_SALES|50.000000|2025-06-01|2025-08-31",
        ],
    );
    has(&read(&AD_SETS).await, &["meta_ads:10|meta_ads:1|Set 1|active|2.500000|1200|OFFSITE_CONVERSIONS"]);
    has(
        &read(&ADS).await,
        &[
            "meta_ads:100|meta_ads:10|meta_ads:1|share|{\"Light tents\"}|Up in a minute.|SHOP_NOW|https://www.fernhill.example/tents|\
         paused|Loop 1",
        ],
    );
}

fn reply(error: Value, headers: &[(&'static str, &str)]) -> Reply {
    let headers = headers.iter().map(|(name, value)| {
        (
            reqwest::header::HeaderName::from_static(name),
            reqwest::header::HeaderValue::from_str(value).unwrap(),
        )
    });
    Reply {
        status: reqwest::StatusCode::BAD_REQUEST,
        headers: headers.collect(),
        body: serde_json::to_vec(&json!({ "error": error })).unwrap(),
    }
}

#[test]
fn codes_in_the_body_decide_since_everything_is_a_400() {
    let said =
        |code: i64, below: i64| reply(json!({"message": "No.", "code": code, "error_subcode": below}), &[]);
    for (code, below, expected) in [
        (190, 463, Code::Invalid),
        (200, 0, Code::Scope),
        (10, 0, Code::Scope),
        (100, 33, Code::AccountNotFound),
        (100, 3018, Code::WindowTooOld),
        (100, 0, Code::Request),
    ] {
        let Verdict::Bad { code: read, .. } = judge(&said(code, below)) else { panic!("{code}/{below}") };
        assert_eq!(read, expected, "{code}/{below}");
    }
    for (code, expected) in [
        (1, Code::Unavailable),
        (2, Code::Unavailable),
        (4, Code::RateLimited),
        (17, Code::RateLimited),
        (32, Code::RateLimited),
        (613, Code::RateLimited),
        (80_000, Code::RateLimited),
        (80_004, Code::RateLimited),
    ] {
        let Verdict::Again { code: read, .. } = judge(&said(code, 0)) else { panic!("{code}") };
        assert_eq!(read, expected, "{code}");
    }
}

#[test]
fn the_fullest_quota_counts_and_says_when_it_is_free_again() {
    let business = r#"{"1700000000000017": [{"type": "ads_insights", "call_count": 41, "total_cputime": 97, "total_time": 12,
        "estimated_time_to_regain_access": 7}]}"#;
    let throttle =
        r#"{"app_id_util_pct": 12.5, "acc_id_util_pct": 60, "ads_api_access_tier": "standard_access"}"#;
    let one = usage(&reply(json!({}), &[("x-fb-ads-insights-throttle", throttle)])).unwrap();
    assert_eq!((one.used, one.resets_in), (0.6, None));
    let headers = [
        ("x-fb-ads-insights-throttle", throttle),
        ("x-business-use-case-usage", &business.replace('\n', " ")),
    ];
    let answer = reply(json!({"message": "Slow down.", "code": 80_000}), &headers);
    let all = usage(&answer).unwrap();
    assert_eq!((all.used, all.resets_in), (1.0, Some(420)));
    assert!(matches!(judge(&answer), Verdict::Again { wait: Some(420), .. }));
    assert_eq!(usage(&reply(json!({}), &[])), None);
}

/// An answer as it was recorded: four days of an account as one.
pub fn recorded(file: &Recorded) -> Option<usize> {
    if file.name != "wire_metaAdsTemplateDataForCurrentDay.json" {
        return None;
    }
    let page = parse::page(&file.body).unwrap();
    assert_eq!((page.rows.len(), page.after.as_deref()), (1, None));
    let told = parse::Told {
        level: "account",
        account: "17",
        currency: "EUR".parse().unwrap(),
        conversion: "purchase",
        windows: &[],
    };
    let mut seen = Seen::default();
    let day = parse::day(&page.rows[0], &told, &mut seen).unwrap();
    assert_eq!((day.date.to_string(), day.cost.to_string()), ("2024-06-21".to_owned(), "361.79".to_owned()));
    assert_eq!((&day.extra["all_clicks"], day.conversions.is_zero()), (&json!("204"), true));
    assert!(seen.new_fields.is_empty() && page.seen.new_fields.is_empty(), "{seen:?}");
    Some(page.rows.len())
}
