//! TikTok Ads against a TikTok that refuses what the real one would.
mod platform;

use super::answers::{ask, read, total};
use super::contract::contract;
use super::fake::Platform;
use super::recorded::Recorded;
use super::rig::{Case, Rig};
use crate::imports::{Told, bring};
use crate::world::World;
use adjutant::daily::sync::Order;
use adjutant::db::syncs::SyncState;
use adjutant::period::Window;
use adjutant::platforms::fault::Code;
use adjutant::platforms::tiktok_ads::{Account, Level, day, page};
use platform::{ADVERTISER, FakeTikTok};
use serde_json::{Value, json};
use std::sync::Mutex;
use tokio_util::sync::CancellationToken;

pub struct TikTokCase {
    stream: &'static str,
    value: &'static str,
    codes: &'static [i64],
}

const FACTS: &str = "select concat_ws('|', date, account_id, entity_kind, entity_id, channel, breakdown, impressions, clicks, reach, cost, \
     cost_base, conversions, conversion_value, revenue, revenue_base, revenue_basis, currency, extra) \
     from daily_metrics where source = 'tiktok_ads' order by 1";
const THINGS: &str = "select * from ( \
     select concat_ws('|', 'campaign', id, account_id, name, status, raw_status, channel, objective, bidding, daily_budget, lifetime_budget, currency) from campaigns \
     union all select concat_ws('|', 'ad_group', id, campaign_id, name, status, bid, daily_budget, currency, optimization_goal) from ad_groups \
     union all select concat_ws('|', 'ad', id, ad_group_id, campaign_id, format, array_to_string(headlines, ';'), body, call_to_action, final_url, status, policy_status) from creatives \
     union all select concat_ws('|', 'entity', kind, id, account_id, external_id, name) from entities) t order by 1";

impl Case for TikTokCase {
    fn key(&self) -> &'static str {
        "tiktok_ads"
    }

    fn stream(&self) -> &'static str {
        self.stream
    }

    fn config(&self) -> Value {
        json!({"advertiser_id": ADVERTISER, "value_metric": self.value})
    }

    fn secrets(&self) -> &'static [&'static str] {
        &["access_token"]
    }

    fn platform(&self) -> Box<dyn Platform> {
        Box::new(FakeTikTok { codes: Mutex::new(self.codes.to_vec()) })
    }

    fn facts(&self) -> &'static str {
        if self.by_day() { FACTS } else { THINGS }
    }

    fn by_day(&self) -> bool {
        self.stream.ends_with("_days")
    }
}

const fn case(stream: &'static str, codes: &'static [i64]) -> TikTokCase {
    TikTokCase { stream, value: "total_purchase_value", codes }
}

static ADS_BY_DAY: TikTokCase = case("ad_days", &[]);
static CAMPAIGNS_BY_DAY: TikTokCase =
    TikTokCase { stream: "campaign_days", value: "total_complete_payment_rate", codes: &[] };
static ACCOUNT_BY_DAY: TikTokCase = case("account_days", &[]);
static LISTED: TikTokCase = case("campaigns", &[]);
static BUSY: TikTokCase = case("ad_days", &[50_002, 40_100]);
static REVOKED: TikTokCase = case("ad_days", &[40_105]);
static REFUSED: TikTokCase = case("ad_days", &[40_001]);
static ODD: TikTokCase = case("ad_days", &[40_002]);

contract!(ad_days, crate::connectors::tiktok_ads::ADS_BY_DAY);

/// The account's currency is the organisation's here, so amounts in base are the same.
#[tokio::test]
async fn an_ad_has_its_day_as_the_report_says() {
    let rig = Rig::new(&ADS_BY_DAY).await;
    rig.good().await;
    let facts = rig.facts().await;
    assert_eq!(facts.len(), 270, "90 days of three ads, the deleted one too");
    // The 16th: 16 + 10, 16 + 20 and 16 + 30 make all figures; the second ad has no goal, so its conversions are `-`.
    for expected in [
        "2025-09-16|7100000000000000123|ad|tiktok_ads:7100000000000000351|paid_social||2600|26|2080|26.300000|26.300000|2.000000|52.500000|52.500000|52.500000|platform|EUR|{\"video_play_actions\": 2340}",
        "2025-09-16|7100000000000000123|ad|tiktok_ads:7100000000000000353|paid_social||3600|36|2880|36.310000|36.310000|0.000000|0.000000|0.000000|0.000000|platform|EUR|{\"video_play_actions\": 3240}",
        "2025-09-16|7100000000000000123|ad|tiktok_ads:7100000000000000355|paid_social||4600|46|3680|46.320000|46.320000|4.000000|92.500000|92.500000|92.500000|platform|EUR|{\"video_play_actions\": 4140}",
    ] {
        assert!(facts.iter().any(|line| line == expected), "{expected}\n{:?}", &facts[264..]);
    }
}

#[tokio::test]
async fn the_account_has_its_day_as_the_report_says() {
    let rig = Rig::new(&ACCOUNT_BY_DAY).await;
    rig.good().await;
    let facts = rig.facts().await;
    assert_eq!(facts.len(), 90);
    let expected = "2025-09-16|7100000000000000123|account|tiktok_ads:7100000000000000123|paid_social||2600|26|2080|26.300000|26.300000|2.000000|52.500000|52.500000|52.500000|platform|EUR|{\"video_play_actions\": 2340}";
    assert!(facts.iter().any(|line| line == expected), "{:?}", &facts[86..]);
}

#[tokio::test]
async fn the_value_of_conversions_is_the_metric_that_was_chosen() {
    let rig = Rig::new(&CAMPAIGNS_BY_DAY).await;
    rig.good().await;
    let facts = rig.facts().await;
    assert_eq!(facts.len(), 180);
    let expected = "2025-09-17|7100000000000000123|campaign|tiktok_ads:7100000000000000337|paid_social||2700|27|2160|27.300000|27.300000|2.000000|81.250000|81.250000|81.250000|platform|EUR|{\"video_play_actions\": 2430}";
    assert!(facts.iter().any(|line| line == expected), "{:?}", &facts[176..]);
}

#[tokio::test]
async fn campaigns_ad_groups_and_ads_are_listed_with_the_deleted_ones() {
    let rig = Rig::new(&LISTED).await;
    for stream in ["campaigns", "ad_groups", "ads"] {
        read(&rig, stream).await;
    }
    let things = rig.facts().await;
    let expected = [
        "ad_group|tiktok_ads:7100000000000000341|tiktok_ads:7100000000000000337|Group 0|active|12.500000|EUR|CONVERT",
        "ad_group|tiktok_ads:7100000000000000343|tiktok_ads:7100000000000000337|Group 1|ended|12.500000|EUR|CONVERT",
        "ad_group|tiktok_ads:7100000000000000345|tiktok_ads:7100000000000000339|Group 2|removed|12.500000|EUR|CONVERT",
        "ad|tiktok_ads:7100000000000000351|tiktok_ads:7100000000000000341|tiktok_ads:7100000000000000337|SINGLE_VIDEO|Clip 0|Dry at last|SHOP_NOW|https://fernhill.example/tents|active|",
        "ad|tiktok_ads:7100000000000000353|tiktok_ads:7100000000000000343|tiktok_ads:7100000000000000337|SINGLE_VIDEO|Clip 1|Dry at last|SHOP_NOW|https://fernhill.example/tents|unknown|AD_STATUS_AUDIT_DENY",
        "ad|tiktok_ads:7100000000000000355|tiktok_ads:7100000000000000345|tiktok_ads:7100000000000000339|SINGLE_VIDEO|Clip 2|Dry at last|SHOP_NOW|https://fernhill.example/tents|removed|",
        "campaign|tiktok_ads:7100000000000000337|7100000000000000123|Spring tents|active|ENABLE CAMPAIGN_STATUS_ENABLE|paid_social|WEB_CONVERSIONS|BID_TYPE_NO_BID|50.000000|EUR",
        "campaign|tiktok_ads:7100000000000000339|7100000000000000123|Autumn boots|removed|DISABLE CAMPAIGN_STATUS_DELETE|paid_social|TRAFFIC||900.000000|EUR",
        "entity|ad_group|tiktok_ads:7100000000000000341|7100000000000000123|7100000000000000341|Group 0",
        "entity|ad|tiktok_ads:7100000000000000351|7100000000000000123|7100000000000000351|Clip 0",
        "entity|campaign|tiktok_ads:7100000000000000337|7100000000000000123|7100000000000000337|Spring tents",
    ];
    for line in expected {
        assert!(things.iter().any(|thing| thing == line), "{line}\n{things:#?}");
    }
    assert_eq!(things.len(), 16, "eight things, each an entity");
    // A budget that changed is that campaign's alone; what did not change is not written.
    let again = rig.good().await;
    assert_eq!((again.counts.rows_written, again.counts.rows_unchanged), (0, 2));
    rig.fake.set(|knobs| knobs.restated = Some("2025-09-16".parse().unwrap()));
    let changed = rig.good().await;
    assert_eq!((changed.counts.rows_written, changed.counts.rows_unchanged), (1, 1));
    assert!(
        rig.facts().await.iter().any(|line| line.contains("Spring tents") && line.contains("|75.500000|"))
    );
}

/// Sums over campaigns, ad groups and ads are each the account's: they stand side by side and are never added up.
#[tokio::test]
async fn levels_stand_side_by_side() {
    let rig = Rig::new(&ADS_BY_DAY).await;
    for stream in ["campaign_days", "ad_group_days", "ad_days"] {
        read(&rig, stream).await;
    }
    // The two campaigns of the 16th: 26.30 and 36.31.
    let spent = "select (sum(cost_base) * 100)::bigint from daily_metrics where entity_kind = 'campaign' and breakdown = '' and date = '2025-09-16'";
    assert_eq!(rig.count(spent).await, 6_261);
    assert_eq!(rig.count("select count(distinct entity_kind) from daily_metrics").await, 3);
    let before = rig.facts().await;
    rig.good().await;
    assert_eq!(rig.facts().await, before, "a level that is read again leaves the others alone");
}

/// The same days as an export of TikTok's own, uploaded, are answered alike.
#[tokio::test]
async fn an_export_of_the_same_days_gives_the_same_answers() {
    let rig = Rig::new(&ADS_BY_DAY).await;
    for stream in ["campaigns", "ad_groups", "ads", "campaign_days", "ad_group_days", "ad_days"] {
        read(&rig, stream).await;
    }
    let lines = "select string_agg(concat_ws(',', date, account_id, replace(entity_id, 'tiktok_ads:', ''), impressions, clicks, cost, conversions, \
         conversion_value), chr(10)) from daily_metrics where entity_kind = 'campaign'";
    let mut tx = rig.world.db.org(rig.world.org).await.unwrap();
    let lines: String = sqlx::query_scalar(lines).fetch_one(&mut *tx).await.unwrap();
    drop(tx);
    let file =
        format!("Day,Account ID,Campaign ID,Impressions,Clicks,Cost,Conversions,Conv. value\n{lines}\n");
    let uploaded = World::new().await;
    let told = Told { source: Some("tiktok_ads"), ..Told::default() };
    bring(&uploaded, "ads", file.as_bytes(), &told).await.unwrap();
    for (query, params) in [
        ("spend_by_channel", json!({"window": "yesterday"})),
        ("spend_by_channel", json!({"window": "last 30 days"})),
        ("cac_by_channel", json!({"window": "last 30 days"})),
    ] {
        let synced = ask(&rig.world, query, params.clone()).await;
        let imported = ask(&uploaded, query, params).await;
        assert_eq!(format!("{:?}", synced.rows), format!("{:?}", imported.rows), "{query}");
        assert_eq!(format!("{:?}", synced.totals), format!("{:?}", imported.totals), "{query}");
    }
    // The two campaigns of the 16th: 26.30 and 36.31, and neither their ad groups nor their ads on top.
    let yesterday = ask(&rig.world, "spend_by_channel", json!({"window": "yesterday"})).await;
    assert_eq!(total(&yesterday, "cost"), "62.61".parse().unwrap());
}

#[tokio::test]
async fn a_code_in_a_good_answer_is_what_it_says() {
    let rig = Rig::new(&BUSY).await;
    let finished = rig.good().await;
    assert_eq!(finished.counts.retries, 2, "too many requests, then trouble, then the answer");
    for (case, code) in [(&REVOKED, Code::Invalid), (&REFUSED, Code::Scope), (&ODD, Code::Request)] {
        let rig = Rig::new(case).await;
        let finished = rig.sync().await.unwrap();
        let error = finished.error.unwrap();
        assert_eq!(error.code, code, "{error}");
        assert!(error.message.contains(&format!("({})", case.codes[0])), "{error}");
        let waits = rig.count("select count(*) from sources where state = 'attention'").await;
        assert_eq!(waits, i64::from(code.needs_a_person()));
    }
}

/// A report takes 30 days; more are asked for in parts, the newest first.
#[tokio::test]
async fn long_histories_are_read_in_parts() {
    let rig = Rig::new(&ADS_BY_DAY).await;
    let days = Window { start: "2025-06-01".parse().unwrap(), end: "2025-09-17".parse().unwrap() };
    let finished = rig
        .engine
        .run(&Order { window: Some(days), ..rig.order() }, CancellationToken::new(), &|_| {})
        .await
        .unwrap();
    assert_eq!((finished.state, finished.counts.requests), (SyncState::Succeeded, 4));
    let first = rig.fake.asked()[0].parameters();
    assert_eq!((first["start_date"].as_str(), first["end_date"].as_str()), ("2025-08-19", "2025-09-17"));
    assert_eq!(rig.facts().await.len(), 109 * 3);
}

/// Rows that another connector recorded of a real account.
pub fn recorded(file: &Recorded) -> Option<usize> {
    if file.name != "airbyte_expected_records2.jsonl" {
        return None;
    }
    let account = Account { id: ADVERTISER, currency: "USD".parse().unwrap() };
    let (mut figures, mut others) = (0, 0);
    for (stream, data) in &file.lines() {
        let Some((kind, id)) = [("ad", "ad_id"), ("ad_group", "adgroup_id"), ("campaign", "campaign_id")]
            .into_iter()
            .find(|(_, id)| data["dimensions"].get(id).is_some())
        else {
            // Audiences, pictures, films and the account itself are nothing we ask for.
            assert!(
                data["dimensions"].get("advertiser_id").is_some() || data.get("dimensions").is_none(),
                "{stream}"
            );
            others += 1;
            continue;
        };
        // What is asked for is what the recorded report has of our metrics.
        let ours = [
            "spend",
            "impressions",
            "clicks",
            "conversion",
            "reach",
            "video_play_actions",
            "total_purchase_value",
        ];
        let asked: Vec<&str> = ours.into_iter().filter(|name| data["metrics"].get(name).is_some()).collect();
        let body = json!({"code": 0, "message": "OK", "request_id": "r", "data": {"list": [data], "page_info": {"total_page": 1}}});
        let body = serde_json::to_vec(&body).unwrap();
        let level = Level { kind, id, data_level: "" };
        let page = page(&body, |entry, seen| day(entry, level, account, &asked, seen)).unwrap();
        assert_eq!((page.rows.len(), page.count, page.pages), (1, 1, 1), "{stream}: {:?}", page.seen);
        let (_, row) = &page.rows[0];
        let plain = |name: &str| match &data["metrics"][name] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        assert_eq!(row.cost.to_string(), plain("spend"), "{stream}");
        assert_eq!(
            (row.impressions.to_string(), row.clicks.to_string()),
            (plain("impressions"), plain("clicks")),
            "{stream}"
        );
        assert_eq!(row.entity_id, format!("tiktok_ads:{}", data["dimensions"][id]), "{stream}");
        assert_eq!(row.date.to_string(), plain_day(data), "{stream}");
        figures += 1;
    }
    assert!(figures >= 12 && others >= 8, "{figures} reports, {others} others");
    Some(figures + others)
}

fn plain_day(data: &Value) -> &str {
    &data["dimensions"]["stat_time_day"].as_str().unwrap()[..10]
}
