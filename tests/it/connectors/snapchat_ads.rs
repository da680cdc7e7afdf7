//! Snapchat Ads against a Snapchat that refuses what the real one would.
mod platform;

use super::answers::{ask, read, total};
use super::contract::contract;
use super::fake::Platform;
use super::recorded::Recorded;
use super::rig::{Case, Rig};
use super::stripe::lines;
use adjutant::platforms::fault::Code;
use adjutant::platforms::shape::Seen;
use adjutant::platforms::snapchat_ads::{Account, FIELDS, Level, ad, ad_group, campaign, day, page};
use jiff::tz::TimeZone;
use platform::{ACCOUNT, FakeSnapchat};
use serde_json::{Value, json};

pub struct SnapchatCase(&'static str);

const FACTS: &str = "select concat_ws('|', date, account_id, entity_kind, entity_id, channel, breakdown, impressions, clicks, cost, cost_base, \
     conversions, conversion_value, revenue, attribution_window, currency, extra) from daily_metrics where source = 'snapchat_ads' order by 1";
const CAMPAIGNS: &str = "select concat_ws('|', id, account_id, name, status, raw_status, channel, objective, daily_budget, starts_on, ends_on) \
     from campaigns where source = 'snapchat_ads' order by 1";

impl Case for SnapchatCase {
    fn key(&self) -> &'static str {
        "snapchat_ads"
    }

    fn stream(&self) -> &'static str {
        self.0
    }

    fn config(&self) -> Value {
        json!({"ad_account_id": ACCOUNT, "client_id": "fernhill-app"})
    }

    fn secrets(&self) -> &'static [&'static str] {
        &["client_secret", "refresh_token"]
    }

    fn platform(&self) -> Box<dyn Platform> {
        Box::new(FakeSnapchat)
    }

    fn facts(&self) -> &'static str {
        if self.by_day() { FACTS } else { CAMPAIGNS }
    }

    fn by_day(&self) -> bool {
        self.0.ends_with("_days")
    }

    fn oauth(&self) -> bool {
        true
    }
}

static CAMPAIGN_DAYS: SnapchatCase = SnapchatCase("campaign_days");
static LISTED: SnapchatCase = SnapchatCase("campaigns");

contract!(campaign_days, crate::connectors::snapchat_ads::CAMPAIGN_DAYS);

#[tokio::test]
async fn a_campaign_has_its_day_as_the_report_says() {
    let rig = Rig::new(&CAMPAIGN_DAYS).await;
    rig.good().await;
    let facts = rig.facts().await;
    assert_eq!(facts.len(), 630, "90 days of seven campaigns");
    // The 16th: 16 + 10 and 16 + 20; millionths.
    for expected in [
        "2025-09-16|0fe2a000-0000-4000-8000-000000000001|campaign|snapchat_ads:c-00000000-0000|paid_social||2600|26|26.305000|26.305000|2.000000|52.500000|52.500000|28d_click_1d_view|EUR|{\"video_views\": 2340}",
        "2025-09-16|0fe2a000-0000-4000-8000-000000000001|campaign|snapchat_ads:c-00000000-0001|paid_social||3600|36|36.305000|36.305000|3.000000|72.500000|72.500000|28d_click_1d_view|EUR|{\"video_views\": 3240}",
    ] {
        assert!(facts.iter().any(|line| line == expected), "{expected}\n{:#?}", &facts[623..]);
    }
}

/// The clocks went back on 26 October: that day has 25 hours, and begins and ends at midnight all the same.
#[tokio::test]
async fn a_day_of_another_length_is_a_day() {
    let rig = Rig::new(&CAMPAIGN_DAYS).await;
    rig.clock.set("2025-10-28T09:00:00Z");
    rig.good().await;
    let days = "select count(*) from daily_metrics where date between '2025-10-25' and '2025-10-27'";
    assert_eq!(rig.count(days).await, 21);
}

#[tokio::test]
async fn campaigns_ad_squads_and_ads_are_listed() {
    let rig = Rig::new(&LISTED).await;
    for stream in ["campaigns", "ad_groups", "ads"] {
        read(&rig, stream).await;
    }
    let campaigns = rig.facts().await;
    for expected in [
        "snapchat_ads:c-00000000-0000|0fe2a000-0000-4000-8000-000000000001|Campaign 0|active|ACTIVE|paid_social|WEB_CONVERSION|50.000000|2025-01-02",
        "snapchat_ads:c-00000000-0001|0fe2a000-0000-4000-8000-000000000001|Campaign 1|paused|PAUSED|paid_social|WEB_CONVERSION|50.000000|2025-01-02",
        "snapchat_ads:c-00000000-0002|0fe2a000-0000-4000-8000-000000000001|Campaign 2|ended|ACTIVE|paid_social|WEB_CONVERSION|50.000000|2025-01-02|2025-03-02",
    ] {
        assert!(campaigns.iter().any(|line| line == expected), "{expected}\n{campaigns:#?}");
    }
    let squads = lines(
        &rig,
        "select concat_ws('|', id, campaign_id, name, status, bid, daily_budget) from ad_groups order by 1",
    )
    .await;
    assert_eq!(
        squads[0],
        "snapchat_ads:s-00000000-0000|snapchat_ads:c-00000000-0000|Squad 0|active|1.500000|20.000000"
    );
    let ads = lines(
        &rig,
        "select concat_ws('|', id, ad_group_id, format, status, policy_status) from creatives order by 1",
    )
    .await;
    assert_eq!(ads[1], "snapchat_ads:d-00000000-0001|snapchat_ads:s-00000000-0001|SNAP_AD|active|REJECTED");
    assert_eq!(rig.count("select count(*) from entities where source = 'snapchat_ads'").await, 21);
    // A budget that changed is that campaign's alone.
    rig.fake.set(|knobs| knobs.restated = Some("2025-09-16".parse().unwrap()));
    let changed = rig.good().await;
    assert_eq!((changed.counts.rows_written, changed.counts.rows_unchanged), (1, 6));
}

/// Each level is the account's: they stand side by side and are never added up.
#[tokio::test]
async fn levels_stand_side_by_side() {
    let rig = Rig::new(&CAMPAIGN_DAYS).await;
    for stream in ["campaigns", "campaign_days", "ad_group_days", "ad_days"] {
        read(&rig, stream).await;
    }
    assert_eq!(rig.count("select count(distinct entity_kind) from daily_metrics").await, 3);
    // Seven campaigns of the 16th: seven times 16 and 10 + … + 70, and 0.305 each.
    let yesterday = ask(&rig.world, "spend_by_channel", json!({"window": "yesterday"})).await;
    assert_eq!(total(&yesterday, "cost").round_dp(2), "394.14".parse().unwrap());
}

/// What could not be told is not gone.
#[tokio::test]
async fn an_answer_that_failed_in_part_takes_nothing_away() {
    for case in [&CAMPAIGN_DAYS, &LISTED] {
        let rig = Rig::new(case).await;
        rig.good().await;
        let before = rig.facts().await;
        rig.fake.set(|knobs| knobs.fails_in_part = true);
        let error = rig.sync().await.unwrap().error.unwrap();
        assert_eq!(error.code, Code::Unavailable, "{error}");
        assert!(error.message.contains("The entity could not be loaded."), "{error}");
        assert_eq!(rig.facts().await, before);
        rig.fake.set(|knobs| knobs.fails_in_part = false);
        rig.good().await;
        assert_eq!(rig.facts().await, before);
    }
}

#[tokio::test]
async fn another_conversion_has_no_value() {
    let rig = Rig::new(&CAMPAIGN_DAYS).await;
    let set = async |conversion: &str| {
        let config = json!({"ad_account_id": ACCOUNT, "client_id": "fernhill-app", "conversion": conversion})
            .to_string();
        let mut superuser = rig.world.superuser().await;
        sqlx::query("update sources set config = $1::jsonb")
            .bind(config)
            .execute(&mut superuser)
            .await
            .unwrap();
    };
    set("conversion_sign_ups").await;
    rig.good().await;
    assert_eq!(
        rig.count("select count(*) from daily_metrics where conversion_value <> 0 or conversions = 0").await,
        0
    );
    set("conversion_moods").await;
    let error = rig.sync().await.unwrap().error.unwrap();
    assert_eq!(error.code, Code::Request);
    assert!(
        error.message.contains("conversion_moods is not a field") && error.message.contains("E1001"),
        "{error}"
    );
    set("x&fields=spend").await;
    assert_eq!(rig.sync().await.unwrap().error.unwrap().code, Code::MissingConfig);
}

/// Rows that another connector recorded of a real account.
pub fn recorded(file: &Recorded) -> Option<usize> {
    if file.name != "airbyte_expected_records.jsonl" {
        return None;
    }
    let account = Account { id: ACCOUNT, currency: "USD".parse().unwrap() };
    let zone = TimeZone::get("America/Los_Angeles").unwrap();
    let goal = ["conversion_purchases", "conversion_purchases_value"].map(str::to_owned);
    let today = "2025-09-17".parse().unwrap();
    let (mut things, mut days, mut others) = (0, 0, 0);
    for (stream, data) in file.lines() {
        let mut seen = Seen::default();
        let own = format!("snapchat_ads:{}", data["id"].as_str().unwrap());
        let wrapped = |what: &str, name: &str| {
            json!({"request_status": "SUCCESS", what: [{"sub_request_status": "SUCCESS", name: data}]})
                .to_string()
        };
        let id = match stream.as_str() {
            "campaigns" => {
                let read = |entry: &Value, seen: &mut Seen| campaign(entry, account, today, seen);
                let page =
                    page(wrapped("campaigns", "campaign").as_bytes(), "campaigns", "campaign", read).unwrap();
                seen = page.seen;
                page.rows[0].1.id.clone()
            }
            "adsquads" => {
                let read = |entry: &Value, seen: &mut Seen| ad_group(entry, account, today, seen);
                let page =
                    page(wrapped("adsquads", "adsquad").as_bytes(), "adsquads", "adsquad", read).unwrap();
                seen = page.seen;
                page.rows[0].1.id.clone()
            }
            "ads" => {
                let page = page(wrapped("ads", "ad").as_bytes(), "ads", "ad", ad).unwrap();
                seen = page.seen;
                page.rows[0].1.id.clone()
            }
            "campaigns_stats_daily" | "adsquads_stats_daily" | "ads_stats_daily" => {
                // The other connector put the figures beside the times; of them we ask for a few.
                let stats: serde_json::Map<String, Value> = FIELDS
                    .into_iter()
                    .chain(goal.iter().map(String::as_str))
                    .map(|name| (name.to_owned(), data[name].clone()))
                    .collect();
                let point =
                    json!({"start_time": data["start_time"], "end_time": data["end_time"], "stats": stats});
                let level = Level { kind: "campaign", breakdown: "campaign" };
                let (_, row) =
                    day(&point, data["id"].as_str().unwrap(), level, account, &zone, &goal, &mut seen)
                        .unwrap();
                assert_eq!(row.date.to_string(), data["start_time"].as_str().unwrap()[..10]);
                assert_eq!(
                    (row.impressions, row.clicks),
                    (data["impressions"].as_i64().unwrap(), data["swipes"].as_i64().unwrap())
                );
                let micros = row.cost * rust_decimal::Decimal::from(1_000_000);
                assert_eq!(micros.to_string().parse::<f64>().unwrap(), data["spend"].as_f64().unwrap());
                days += 1;
                row.entity_id
            }
            // Hours, whole accounts, pictures, creatives, audiences and organisations: nothing we ask for.
            _ => {
                others += 1;
                continue;
            }
        };
        assert_eq!(id, own, "{stream}");
        assert!(
            seen.missing.is_empty() && seen.new_fields.is_empty() && seen.unknown_values.is_empty(),
            "{stream}: {seen:?}"
        );
        things += 1;
    }
    assert!(things >= 40 && days >= 30 && others >= 60, "{things} things, {days} days, {others} others");
    Some(things + others)
}
