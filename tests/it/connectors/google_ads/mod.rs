//! Google Ads through the engine: what its rows become.
mod fake;

use super::contract::contract;
use super::fake::Platform;
use super::has;
use super::recorded::Recorded;
use super::rig::{Case, Rig};
use adjutant::platforms::client::{Reply, Verdict};
use adjutant::platforms::fault::Code;
use adjutant::platforms::google_ads::{judge, parse};
use fake::ACCOUNT;
pub use fake::FakeGoogleAds;
use rust_decimal::Decimal;
use serde_json::{Value, json};

pub struct AdsCase {
    stream: &'static str,
    by_day: bool,
    facts: &'static str,
}

const DAILY: &str = "select concat_ws('|', date, account_id, entity_kind, entity_id, channel, breakdown, impressions, \
     eligible_impressions, clicks, conversions, conversion_value, cost, cost_base, revenue, revenue_basis, currency) \
     from daily_metrics where source = 'google_ads' order by 1";
const TERMS: &str = "select concat_ws('|', date, campaign_id, ad_group_id, term, match_type, status, impressions, clicks, \
     cost, cost_base, conversions, conversion_value) from search_terms where source = 'google_ads' order by 1";

const fn daily(stream: &'static str) -> AdsCase {
    AdsCase { stream, by_day: true, facts: DAILY }
}

const fn list(stream: &'static str, facts: &'static str) -> AdsCase {
    AdsCase { stream, by_day: false, facts }
}

impl Case for AdsCase {
    fn key(&self) -> &'static str {
        "google_ads"
    }

    fn stream(&self) -> &'static str {
        self.stream
    }

    fn config(&self) -> Value {
        json!({"customer_id": "123-456-7890", "client_id": "fernhill.apps.example", "login_customer_id": "987-654-3210"})
    }

    fn secrets(&self) -> &'static [&'static str] {
        &["developer_token", "client_secret", "refresh_token"]
    }

    fn platform(&self) -> Box<dyn Platform> {
        Box::new(FakeGoogleAds::default())
    }

    fn facts(&self) -> &'static str {
        self.facts
    }

    fn by_day(&self) -> bool {
        self.by_day
    }

    fn oauth(&self) -> bool {
        true
    }
}

static CAMPAIGN_DAYS: AdsCase = daily("daily_campaigns");
static AD_GROUP_DAYS: AdsCase = daily("daily_ad_groups");
static AD_DAYS: AdsCase = daily("daily_ads");
static KEYWORD_DAYS: AdsCase = daily("daily_keywords");
static ACCOUNT_DAYS: AdsCase = daily("daily_account");
static SEARCH_TERMS: AdsCase = list("search_terms", TERMS);
pub static CAMPAIGNS: AdsCase = list(
    "campaigns",
    "select concat_ws('|', c.id, c.account_id, c.name, c.status, c.raw_status, c.channel, c.bidding, c.daily_budget, c.budget_id, \
     c.budget_shared, c.starts_on, c.ends_on, e.name, e.external_id) from campaigns c join entities e on e.kind = 'campaign' and \
     e.id = c.id where c.source = 'google_ads' order by 1",
);
static AD_GROUPS: AdsCase = list(
    "ad_groups",
    "select concat_ws('|', id, campaign_id, name, status, bid) from ad_groups where source = 'google_ads' order by 1",
);
static ADS: AdsCase = list(
    "ads",
    "select concat_ws('|', c.id, c.ad_group_id, c.campaign_id, c.format, c.headlines, c.descriptions, c.final_url, c.status, \
     c.policy_status, e.name) from creatives c join entities e on e.kind = 'ad' and e.id = c.id where c.source = 'google_ads' order by 1",
);
static KEYWORDS: AdsCase = list(
    "keywords",
    "select concat_ws('|', id, ad_group_id, text, match_type, negative, bid, quality_score, ad_relevance, \
     landing_page_experience, status) from keywords where source = 'google_ads' order by 1",
);

contract!(campaign_days, crate::connectors::google_ads::CAMPAIGN_DAYS);
contract!(account_days, crate::connectors::google_ads::ACCOUNT_DAYS);
contract!(search_terms, crate::connectors::google_ads::SEARCH_TERMS);
contract!(campaigns, crate::connectors::google_ads::CAMPAIGNS);

async fn read(case: &'static AdsCase) -> Vec<String> {
    let rig = Rig::new(case).await;
    let finished = rig.good().await;
    assert_eq!(finished.warnings, json!([]));
    rig.facts().await
}

#[tokio::test]
async fn campaign_days_have_money_channels_shares_and_devices() {
    let facts = read(&CAMPAIGN_DAYS).await;
    // 90 days of three campaigns, whole and on two devices.
    assert_eq!(facts.len(), 810);
    // On the 16th: 12.34 and 16 cents; half of what could be had was had; value is the platform's own.
    has(
        &facts,
        &[
            "2025-09-16|1234567890|campaign|google_ads:1|paid_search||1016|2032|41|1.500000|100.250000|12.500000|12.500000|100.250000|platform|EUR",
            "2025-09-16|1234567890|campaign|google_ads:2|paid_search||2016|0|42|1.500000|100.250000|24.840000|24.840000|100.250000|platform|EUR",
            "2025-09-16|1234567890|campaign|google_ads:3|video||3016|0|43|1.500000|100.250000|37.180000|37.180000|100.250000|platform|EUR",
            "2025-09-16|1234567890|campaign|google_ads:1|paid_search|device=mobile|516|0|41|1.500000|100.250000|12.500000|12.500000|100.250000|platform|EUR",
        ],
    );
}

#[tokio::test]
async fn each_level_is_its_own_and_performance_max_has_campaigns_only() {
    for (case, line) in [
        (
            &AD_GROUP_DAYS,
            "2025-09-17|1234567890|ad_group|google_ads:10|paid_search||1017|0|41|1.500000|100.250000|12.510000|12.510000|100.250000|platform|EUR",
        ),
        (
            &AD_DAYS,
            "2025-09-17|1234567890|ad|google_ads:300|video||3017|0|43|1.500000|100.250000|37.190000|37.190000|100.250000|platform|EUR",
        ),
        (
            &KEYWORD_DAYS,
            "2025-09-17|1234567890|keyword|google_ads:10~71|paid_search||1017|0|41|1.500000|100.250000|12.510000|12.510000|100.250000|platform|EUR",
        ),
    ] {
        let facts = read(case).await;
        assert_eq!(facts.len(), 180, "two of three campaigns have something below them");
        has(&facts, &[line]);
    }
}

/// 12.50, 24.84 and 37.18 of the campaigns, and 50 cents that are nobody's.
#[tokio::test]
async fn the_account_is_one_row_a_day_of_no_channel() {
    let facts = read(&ACCOUNT_DAYS).await;
    assert_eq!(facts.len(), 90);
    has(
        &facts,
        &[
            "2025-09-16|1234567890|account|google_ads:1234567890|unknown||6016|0|46|1.500000|100.250000|75.020000|75.020000|100.250000|platform|EUR",
        ],
    );
}

#[tokio::test]
async fn search_terms_are_in_lower_case_and_close_variants_count_with_their_kind() {
    let facts = read(&SEARCH_TERMS).await;
    // Two match types in the two campaigns with ad groups, and the terms of Performance Max.
    assert_eq!(facts.len(), 90 * 5);
    has(
        &facts,
        &[
            "2025-09-17|google_ads:1|google_ads:10|light tent|EXACT|added|534|82|25.020000|25.020000|3.000000|200.500000",
            "2025-09-17|google_ads:1|google_ads:10|light tent|BROAD|added|267|41|12.510000|12.510000|1.500000|100.250000",
            "2025-09-17|google_ads:2||tent|BROAD|none|2017|42|24.850000|24.850000|1.500000|100.250000",
        ],
    );
}

/// Terms of a day that were there before, from a file or from an earlier run, are gone when the platform has them no more.
#[tokio::test]
async fn a_term_that_vanished_there_vanishes_here() {
    let rig = Rig::new(&SEARCH_TERMS).await;
    rig.good().await;
    let all = rig.facts().await.len();
    rig.fake.set(|knobs| knobs.empty = true);
    rig.good().await;
    assert_eq!(rig.facts().await.len(), all - 31 * 5, "of the days that may still move");
}

#[tokio::test]
async fn what_an_account_consists_of_is_listed() {
    let facts = read(&CAMPAIGNS).await;
    assert_eq!(facts.len(), 11);
    has(
        &facts,
        &[
            "google_ads:2|1234567890|Autumn 2|active|ENABLED|paid_search|MAXIMIZE_CONVERSIONS|50.000000|902|t|2024-03-01|2037-12-30|Autumn 2|2",
            "google_ads:3|1234567890|Autumn 3|paused|PAUSED|video|MAXIMIZE_CONVERSIONS|50.000000|903|f|2024-03-01|2037-12-30|Autumn 3|3",
            "google_ads:4|1234567890|Autumn 4|removed|REMOVED|paid_search|MAXIMIZE_CONVERSIONS|50.000000|904|f|2024-03-01|2037-12-30|Autumn 4|4",
            "google_ads:5|1234567890|Autumn 5|ended|ENABLED|paid_search|MAXIMIZE_CONVERSIONS|50.000000|905|f|2024-03-01|2025-08-31|Autumn 5|5",
        ],
    );
    has(&read(&AD_GROUPS).await, &["google_ads:10|google_ads:1|Group 1|active|0.750000"]);
    has(
        &read(&ADS).await,
        &[
            "google_ads:100|google_ads:10|google_ads:1|responsive_search_ad|{\"Tents for two\",\"Light tents\"}|{\"Up in a minute.\"}|\
         https://www.fernhill.example/tents|active|approved|Tents for two",
        ],
    );
    has(
        &read(&KEYWORDS).await,
        &[
            "google_ads:10~71|google_ads:10|light tent|PHRASE|f|0.640000|7|above_average|average|active",
            "google_ads:30~71|google_ads:30|light tent|PHRASE|t|0.640000|7|above_average|average|active",
        ],
    );
}

/// One list may be short by mistake; two in a row are believed. What comes back is as it was.
#[tokio::test]
async fn a_campaign_that_two_lists_leave_out_is_removed() {
    let rig = Rig::new(&CAMPAIGNS).await;
    rig.good().await;
    let before = rig.facts().await;
    let removed = "select count(*) from campaigns where status = 'removed'";
    assert_eq!(rig.count(removed).await, 2, "as the platform says");
    rig.fake.set(|knobs| knobs.empty = true);
    rig.good().await;
    assert_eq!(rig.facts().await, before);
    rig.good().await;
    assert_eq!(rig.count(removed).await, 11);
    rig.fake.set(|knobs| knobs.empty = false);
    rig.good().await;
    assert_eq!(rig.facts().await, before);
    rig.fake.set(|knobs| knobs.empty = true);
    rig.good().await;
    assert_eq!(rig.facts().await, before, "it is counted anew");
}

/// The account says whose it is: its zone and currency are not what somebody typed.
#[tokio::test]
async fn the_account_tells_its_zone_and_currency() {
    let rig = Rig::in_zone(&CAMPAIGNS, "America/New_York").await;
    let told =
        "select count(*) from sources where account_time_zone = 'America/New_York' and currency = 'EUR'";
    assert_eq!(rig.count(told).await, 1);
    let asked = rig.engine.check(rig.world.org, rig.source).await.unwrap();
    assert_eq!(asked.account, format!("Fernhill Outdoor ({ACCOUNT})"));
}

fn verdict(status: u16, error: Value) -> Verdict {
    let body = json!({"error": {"code": status, "status": "X", "details": [{"errors": [error]}]}});
    let status = reqwest::StatusCode::from_u16(status).unwrap();
    judge(&Reply { status, headers: Default::default(), body: serde_json::to_vec(&body).unwrap() })
}

#[test]
fn reasons_two_levels_down_decide() {
    let quota = |delay: &str| {
        json!({"errorCode": {"quotaError": "RESOURCE_EXHAUSTED"}, "message": "Too many requests.",
            "details": {"quotaErrorDetails": {"rateScope": "DEVELOPER", "retryDelay": delay}}})
    };
    let Verdict::Again { code, wait, .. } = verdict(429, quota("30s")) else {
        panic!("it may be tried again")
    };
    assert_eq!((code, wait), (Code::RateLimited, Some(30)));
    let Verdict::Bad { code, .. } = verdict(429, quota("41234s")) else { panic!("not today") };
    assert_eq!(code, Code::QuotaDaily);
    for (status, kind, name, expected) in [
        (400, "queryError", "REQUESTED_METRICS_FOR_MANAGER", Code::AccountManager),
        (403, "authorizationError", "USER_PERMISSION_DENIED", Code::Scope),
        (403, "authorizationError", "CUSTOMER_NOT_ENABLED", Code::AccountNotFound),
        (401, "authenticationError", "OAUTH_TOKEN_EXPIRED", Code::Invalid),
        (400, "requestError", "UNSUPPORTED_VERSION", Code::Request),
    ] {
        let error = json!({"errorCode": {kind: name}, "message": "No."});
        let Verdict::Bad { code, .. } = verdict(status, error) else { panic!("{name}") };
        assert_eq!(code, expected, "{name}");
    }
    let transient = json!({"errorCode": {"internalError": "TRANSIENT_ERROR"}, "message": "Try again."});
    assert!(matches!(verdict(500, transient), Verdict::Again { code: Code::Unavailable, .. }));
}

/// An answer as it was recorded: a stream of one chunk.
pub fn recorded(file: &Recorded) -> Option<usize> {
    if file.name != "wire_googleAdwordsResponseApi.json" {
        return None;
    }
    let mut page = parse::page(&file.body).unwrap();
    let asked = parse::Asked::new(&["metrics.clicks", "metrics.cost_micros", "segments.date"]);
    let (mut clicks, mut cost) = (0, Decimal::ZERO);
    for row in &page.rows {
        asked.compare(row, &mut page.seen);
        let figures = parse::figures(row, &["clicks", "costMicros"], "EUR".parse().unwrap()).unwrap();
        clicks += figures.clicks;
        cost += figures.cost;
    }
    assert_eq!((page.rows.len(), page.next), (7, None));
    assert!(page.seen.new_fields.is_empty(), "{:?}", page.seen);
    // 204 + 220 + 206 + 167 + 152 + 148 + 147, and the millionths likewise.
    assert_eq!((clicks, cost.to_string()), (1244, "6568.616021".to_owned()));
    Some(page.rows.len())
}
