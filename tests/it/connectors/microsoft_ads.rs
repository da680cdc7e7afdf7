//! Microsoft Advertising against a Microsoft that refuses what the real one would.
mod platform;
mod recordings;

pub use recordings::recorded;

use super::answers::{ask, read, total};
use super::fake::{Platform, Trouble};
use super::rig::{Case, Rig};
use super::stripe::lines;
use adjutant::platforms::fault::Code;
use platform::{ACCOUNT, CUSTOMER, FakeMicrosoft};
use serde_json::{Value, json};

pub struct MicrosoftCase {
    stream: &'static str,
    pending: usize,
    fails: bool,
    elsewhere: bool,
    groupless: bool,
}

const FACTS: &str = "select concat_ws('|', date, account_id, entity_kind, entity_id, channel, breakdown, impressions, clicks, cost, cost_base, \
     conversions, conversion_value, revenue, revenue_basis, currency, extra) from daily_metrics where source = 'microsoft_ads' order by 1";
const GROUPS: &str = "select concat_ws('|', id, campaign_id, name, status, bid, currency) from ad_groups where source = 'microsoft_ads' order by 1";

impl Case for MicrosoftCase {
    fn key(&self) -> &'static str {
        "microsoft_ads"
    }

    fn stream(&self) -> &'static str {
        self.stream
    }

    fn config(&self) -> Value {
        json!({"account_id": ACCOUNT, "customer_id": CUSTOMER, "client_id": "fernhill-app"})
    }

    fn secrets(&self) -> &'static [&'static str] {
        &["developer_token", "client_secret", "refresh_token"]
    }

    fn platform(&self) -> Box<dyn Platform> {
        Box::new(FakeMicrosoft {
            pending: self.pending,
            fails: self.fails,
            elsewhere: self.elsewhere,
            groupless: self.groupless,
            ..FakeMicrosoft::default()
        })
    }

    fn facts(&self) -> &'static str {
        if self.by_day() { FACTS } else { GROUPS }
    }

    fn by_day(&self) -> bool {
        self.stream.ends_with("_days")
    }

    fn oauth(&self) -> bool {
        true
    }
}

const fn case(stream: &'static str) -> MicrosoftCase {
    MicrosoftCase { stream, pending: 0, fails: false, elsewhere: false, groupless: false }
}

static CAMPAIGN_DAYS: MicrosoftCase = case("campaign_days");
static AD_GROUPS: MicrosoftCase = case("ad_groups");
static SLOW: MicrosoftCase = MicrosoftCase { pending: 4, ..case("campaign_days") };
static NEVER: MicrosoftCase = MicrosoftCase { pending: usize::MAX, ..case("campaign_days") };
static FAILS: MicrosoftCase = MicrosoftCase { fails: true, ..case("campaign_days") };
static ELSEWHERE: MicrosoftCase = MicrosoftCase { elsewhere: true, ..case("campaign_days") };
static GROUPLESS: MicrosoftCase = MicrosoftCase { groupless: true, ..case("ad_groups") };

/// Neither reports nor lists have pages: all rules but the two about that.
mod campaign_days {
    use crate::connectors::contract::{self as rules, contract};
    contract!(@rules crate::connectors::microsoft_ads::CAMPAIGN_DAYS, happy_path, empty_account, killed_between_pages, slowed_down,
        server_error_then_success, refused_twice, no_answer_in_time, truncated_json, unknown_field, missing_required_field,
        restated_day, same_run_twice, days_that_may_still_move, account_in_another_zone, secrets_stay_secret, cancelled,
        unconfigured, two_runs_at_once);
}

mod ad_groups {
    use crate::connectors::contract::{self as rules, contract};
    contract!(@rules crate::connectors::microsoft_ads::AD_GROUPS, happy_path, empty_account, killed_between_pages, slowed_down,
        server_error_then_success, refused_twice, no_answer_in_time, truncated_json, unknown_field, missing_required_field,
        restated_day, same_run_twice, secrets_stay_secret, cancelled, unconfigured, two_runs_at_once);
}

#[tokio::test]
async fn a_campaign_has_its_day_as_the_report_says() {
    let rig = Rig::new(&CAMPAIGN_DAYS).await;
    let finished = rig.good().await;
    assert_eq!(
        finished.counts.requests, 10,
        "three reports, each ordered, asked for and fetched, and a token"
    );
    let facts = rig.facts().await;
    assert_eq!(facts.len(), 270, "90 days of three campaigns");
    // The 16th: 16 + 10, 16 + 20, 16 + 30; thousands are separated, and `--` is none.
    for expected in [
        "2025-09-16|180500100|campaign|microsoft_ads:531|paid_search||1260|26|26.300000|26.300000|2.500000|52.250000|52.250000|platform|EUR|{}",
        "2025-09-16|180500100|campaign|microsoft_ads:532|paid_search||1360|36|36.310000|36.310000|0.000000|72.250000|72.250000|platform|EUR|{}",
        "2025-09-16|180500100|campaign|microsoft_ads:533|display||1460|46|46.320000|46.320000|4.500000|92.250000|92.250000|platform|EUR|{}",
    ] {
        assert!(facts.iter().any(|line| line == expected), "{expected}\n{:#?}", &facts[264..]);
    }
    // The zone and the currency are the account's, told in Microsoft's words.
    let told = "select count(*) from sources where account_time_zone = 'Europe/Berlin' and currency = 'EUR'";
    assert_eq!(rig.count(told).await, 1);
}

#[tokio::test]
async fn levels_stand_side_by_side_and_things_have_names() {
    let rig = Rig::new(&CAMPAIGN_DAYS).await;
    for stream in [
        "campaigns",
        "ad_groups",
        "account_days",
        "campaign_days",
        "ad_group_days",
        "ad_days",
        "keyword_days",
        "search_terms",
    ] {
        read(&rig, stream).await;
    }
    let kinds = lines(
        &rig,
        "select concat_ws('|', entity_kind, count(*)) from daily_metrics group by entity_kind order by 1",
    )
    .await;
    assert_eq!(kinds, ["account|90", "ad_group|270", "ad|270", "campaign|270", "keyword|270"]);
    let names =
        lines(&rig, "select concat_ws('|', kind, id, external_id, name) from entities order by 1").await;
    for expected in [
        "campaign|microsoft_ads:531|531|Campaign, 0",
        "ad_group|microsoft_ads:7001|7001|Group 1",
        "ad|microsoft_ads:80000000000000|80000000000000|Ad \"0\"",
        // It has no title: its number is its name.
        "ad|microsoft_ads:80000000000001|80000000000001|80000000000001",
        "keyword|microsoft_ads:84000000000362|84000000000362|tent 2",
    ] {
        assert!(names.iter().any(|line| line == expected), "{expected}\n{names:#?}");
    }
    let campaigns = lines(&rig, "select concat_ws('|', id, status, raw_status, channel, bidding, daily_budget) from campaigns order by 1").await;
    assert_eq!(
        campaigns,
        [
            "microsoft_ads:531|active|Active|paid_search|EnhancedCpc|50.500000",
            "microsoft_ads:532|paused|BudgetPaused|paid_search|EnhancedCpc|50.500000",
            "microsoft_ads:533|active|Active|display|EnhancedCpc|50.500000",
        ]
    );
    let terms = lines(&rig, "select concat_ws('|', campaign_id, ad_group_id, term, match_type, status, impressions, clicks, cost) \
        from search_terms where date = '2025-09-16' order by 1").await;
    assert_eq!(
        terms,
        [
            "microsoft_ads:531|microsoft_ads:7000|red tent|PHRASE|none|1260|26|26.300000",
            "microsoft_ads:532|microsoft_ads:7001|red tent|PHRASE|none|1360|36|36.310000",
            "microsoft_ads:533|microsoft_ads:7002|red tent|PHRASE|none|1460|46|46.320000",
        ]
    );
    // The three campaigns of the 16th, and no other level on top.
    let yesterday = ask(&rig.world, "spend_by_channel", json!({"window": "yesterday"})).await;
    assert_eq!(total(&yesterday, "cost"), "108.93".parse().unwrap());
    assert!(format!("{:?}", yesterday.rows).contains("display"));
}

#[tokio::test]
async fn a_report_that_takes_its_time_is_waited_for() {
    let rig = Rig::new(&SLOW).await;
    let finished = rig.good().await;
    // 5, 10, 20 and 40 seconds, three times.
    assert_eq!((finished.counts.requests, rig.clock.longest()), (22, 40));
    let rig = Rig::new(&NEVER).await;
    let error = rig.sync().await.unwrap().error.unwrap();
    assert_eq!(error.code, Code::JobTimeout, "{error}");
    let rig = Rig::new(&FAILS).await;
    let error = rig.sync().await.unwrap().error.unwrap();
    assert_eq!(error.code, Code::JobFailed, "{error}");
}

/// A report that is said to lie with somebody else is not fetched there.
#[tokio::test]
async fn a_report_is_fetched_from_microsoft_only() {
    let rig = Rig::new(&ELSEWHERE).await;
    let error = rig.sync().await.unwrap().error.unwrap();
    assert_eq!(error.code, Code::Request);
    assert!(error.message.contains("another host, lakeside.example"), "{error}");
}

/// Its days would be counted in the organisation's zone.
#[tokio::test]
async fn a_zone_that_nobody_knows_is_refused() {
    let rig = Rig::new(&CAMPAIGN_DAYS).await;
    rig.fake.set(|knobs| knobs.zone = "Atlantis".to_owned());
    let error = rig.engine.check(rig.world.org, rig.source).await.unwrap_err();
    assert_eq!(error.code, Code::MissingConfig, "{error}");
    assert!(error.message.contains("AtlantisLemuria"), "{error}");
}

#[tokio::test]
async fn a_campaign_without_ad_groups_has_none() {
    let rig = Rig::new(&GROUPLESS).await;
    rig.good().await;
    assert_eq!(rig.facts().await.len(), 2, "those of the other two");
}

/// Half an archive is no report: the days stay as they were.
#[tokio::test]
async fn an_archive_that_breaks_off_is_read_again() {
    let rig = Rig::new(&CAMPAIGN_DAYS).await;
    rig.good().await;
    let before = rig.facts().await;
    // Ordered, asked for, fetched.
    rig.fake.trouble(3, Trouble::Cut);
    let finished = rig.sync().await.unwrap();
    let error = finished.error.unwrap();
    assert_eq!(error.code, Code::Unavailable, "{error}");
    assert!(error.message.contains("ends in the middle"), "{error}");
    assert_eq!(rig.facts().await, before);
    rig.good().await;
    assert_eq!(rig.facts().await, before);
}

#[tokio::test]
async fn a_code_in_a_refusal_is_what_it_says() {
    use adjutant::platforms::client::{Reply, Verdict};
    use reqwest::StatusCode;
    use reqwest::header::HeaderMap;
    let connector = adjutant::platforms::registry::connector("microsoft_ads").unwrap();
    let verdict = |list: &str, code: i64| {
        let body =
            json!({"TrackingId": "t", list: [null, {"Code": code, "ErrorCode": "Said", "Message": "No."}]})
                .to_string();
        (connector.judge())(&Reply {
            status: StatusCode::BAD_REQUEST,
            headers: HeaderMap::new(),
            body: body.into_bytes(),
        })
    };
    for (list, code, expected) in [
        ("Errors", 109, Code::Invalid),
        ("OperationErrors", 106, Code::Scope),
        ("BatchErrors", 1_234, Code::Request),
    ] {
        let Verdict::Bad { code: found, what, platform_code, .. } = verdict(list, code) else {
            panic!("{code}")
        };
        assert_eq!((found, platform_code), (expected, format!("{code} Said")));
        assert!(what.ends_with(": No."), "{what}");
    }
    let busy = verdict("Errors", 117);
    assert!(matches!(busy, Verdict::Again { code: Code::RateLimited, wait: Some(60), .. }), "{busy:?}");
}
