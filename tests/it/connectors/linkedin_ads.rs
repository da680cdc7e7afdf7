//! LinkedIn Ads against a LinkedIn that refuses what the real one would.
mod platform;

use super::answers::read;
use super::contract::contract;
use super::fake::{Platform, Trouble};
use super::recorded::Recorded;
use super::rig::{Case, Rig};
use adjutant::db::syncs::SyncState;
use adjutant::period::Window;
use adjutant::platforms::fault::Code;
use adjutant::platforms::linkedin_ads::{
    Account, Conversions, Groups, Level, campaign, creative, day, group, page,
};
use adjutant::platforms::shape::Seen;
use jiff::civil::Date;
use platform::{ACCOUNT, FakeLinkedIn, PLAIN};
use serde_json::{Value, json};

pub struct LinkedInCase {
    stream: &'static str,
    conversions: &'static str,
    version: &'static str,
    fake: FakeLinkedIn,
}

const FACTS: &str = "select concat_ws('|', date, account_id, entity_kind, entity_id, channel, breakdown, impressions, clicks, cost, cost_base, \
     conversions, conversion_value, revenue_base, currency, extra) from daily_metrics where source = 'linkedin_ads' order by 1";
const THINGS: &str = "select * from ( \
     select concat_ws('|', 'campaign', id, account_id, name, status, raw_status, channel, objective, bidding, daily_budget, currency, starts_on, array_to_string(labels, ';')) from campaigns \
     union all select concat_ws('|', 'ad', id, ad_group_id, campaign_id, format, array_to_string(headlines, ';'), final_url, status, policy_status) from creatives \
     union all select concat_ws('|', 'entity', kind, id, external_id, name) from entities) t order by 1";

impl Case for LinkedInCase {
    fn key(&self) -> &'static str {
        "linkedin_ads"
    }

    fn stream(&self) -> &'static str {
        self.stream
    }

    fn config(&self) -> Value {
        json!({"account_id": ACCOUNT.to_string(), "client_id": "fernhill", "conversions": self.conversions, "api_version": self.version})
    }

    fn secrets(&self) -> &'static [&'static str] {
        &["client_secret", "refresh_token"]
    }

    fn platform(&self) -> Box<dyn Platform> {
        Box::new(self.fake)
    }

    fn facts(&self) -> &'static str {
        if self.by_day() { FACTS } else { THINGS }
    }

    fn by_day(&self) -> bool {
        self.stream.ends_with("_days")
    }

    fn oauth(&self) -> bool {
        true
    }
}

const fn case(stream: &'static str, fake: FakeLinkedIn) -> LinkedInCase {
    LinkedInCase { stream, conversions: "website", version: "202604", fake }
}

static CAMPAIGNS: LinkedInCase = case("campaigns", PLAIN);
static CREATIVE_DAYS: LinkedInCase = case("creative_days", PLAIN);
static ACCOUNT_DAYS: LinkedInCase = case("account_days", PLAIN);
static CAMPAIGN_DAYS: LinkedInCase = LinkedInCase { conversions: "leads", ..case("campaign_days", PLAIN) };
static MANY: LinkedInCase = case("creative_days", FakeLinkedIn { creatives: 2_100, ..PLAIN });
static TOO_MANY: LinkedInCase = case("creative_days", FakeLinkedIn { creatives: 14_500, ..PLAIN });
static ENDING: LinkedInCase = case("campaigns", FakeLinkedIn { consent_s: 20 * 86_400, ..PLAIN });
static USED_UP: LinkedInCase = case(
    "campaigns",
    FakeLinkedIn {
        refusal: Some((
            429,
            "TOO_MANY_REQUESTS",
            "Resource level throttle APPLICATION DAY limit for calls to this resource is reached.",
        )),
        ..PLAIN
    },
);

contract!(campaigns, crate::connectors::linkedin_ads::CAMPAIGNS);

/// Reports have no pages, their days are UTC wherever the account is, and a run reads them in weeks: all rules but the four
/// about that, which have tests of their own below.
mod creative_days {
    use crate::connectors::contract::{self as rules, contract};
    contract!(@rules crate::connectors::linkedin_ads::CREATIVE_DAYS, happy_path, empty_account, killed_between_pages, slowed_down,
        server_error_then_success, refused_twice, no_answer_in_time, unknown_field, missing_required_field,
        restated_day, same_run_twice, days_that_may_still_move, secrets_stay_secret, cancelled, unconfigured, two_runs_at_once);
}

#[tokio::test]
async fn a_creative_has_its_day_as_the_report_says() {
    let rig = Rig::new(&CREATIVE_DAYS).await;
    let finished = rig.good().await;
    assert_eq!(finished.counts.requests, 14, "thirteen weeks and a token");
    let facts = rig.facts().await;
    assert_eq!(facts.len(), 270, "90 days of three creatives");
    // The 16th: 16 + 10, 16 + 20, 16 + 30; money comes with a double's dust.
    for expected in [
        "2025-09-16|500100200|ad|linkedin_ads:130000720|paid_social||2600|26|26.200000|26.200000|0.000000|0.000000|0.000000|EUR|{\"oneClickLeads\": 7, \"landingPageClicks\": 25}",
        "2025-09-16|500100200|ad|linkedin_ads:130000722|paid_social||4600|46|46.200000|46.200000|2.000000|21.000000|21.000000|EUR|{\"oneClickLeads\": 7, \"landingPageClicks\": 45, \"externalWebsiteConversions\": 2}",
    ] {
        assert!(facts.iter().any(|line| line == expected), "{expected}\n{:#?}", &facts[262..]);
    }
}

#[tokio::test]
async fn the_account_has_its_day_as_the_report_says() {
    let rig = Rig::new(&ACCOUNT_DAYS).await;
    rig.good().await;
    let facts = rig.facts().await;
    assert_eq!(facts.len(), 90);
    let expected = "2025-09-16|500100200|account|linkedin_ads:500100200|paid_social||2600|26|26.200000|26.200000|0.000000|0.000000|0.000000|EUR|{\"oneClickLeads\": 7, \"landingPageClicks\": 25}";
    assert!(facts.iter().any(|line| line == expected), "{:#?}", &facts[86..]);
}

#[tokio::test]
async fn an_account_of_lead_forms_counts_those() {
    let rig = Rig::new(&CAMPAIGN_DAYS).await;
    rig.good().await;
    let facts = rig.facts().await;
    let expected = "2025-09-17|500100200|campaign|linkedin_ads:160000641|paid_social||3700|37|37.200000|37.200000|7.000000|10.500000|10.500000|EUR|{\"oneClickLeads\": 7, \"landingPageClicks\": 36, \"externalWebsiteConversions\": 1}";
    assert_eq!(facts.len(), 180);
    assert!(facts.iter().any(|line| line == expected), "{:#?}", &facts[176..]);
}

/// At 03:00 UTC it is the 17th for LinkedIn, also where the connection was made with another zone.
#[tokio::test]
async fn days_are_utc() {
    let rig = Rig::in_zone(&CREATIVE_DAYS, "America/Los_Angeles").await;
    rig.clock.set("2025-09-17T03:00:00Z");
    rig.good().await;
    assert!(rig.facts().await.last().unwrap().starts_with("2025-09-17"));
    assert_eq!(rig.count("select count(*) from sources where account_time_zone = 'UTC'").await, 1);
}

/// Half a page is no page: its week is a hole, the other weeks are read, and the next run reads the hole.
#[tokio::test]
async fn a_week_whose_report_broke_off_is_read_again() {
    let rig = Rig::new(&CREATIVE_DAYS).await;
    rig.good().await;
    let before = rig.facts().await;
    rig.fake.trouble(2, Trouble::Cut);
    let finished = rig.sync().await.unwrap();
    let error = finished.error.unwrap();
    assert_eq!(
        (finished.state, error.code, finished.holes.len()),
        (SyncState::Partial, Code::Unavailable, 1),
        "{error}"
    );
    assert!(error.message.contains("ends in the middle"), "{error}");
    assert_eq!(rig.facts().await, before);
    rig.good().await;
    assert_eq!(rig.facts().await, before);
    assert_eq!(rig.count("select count(*) from source_streams where cursor ? 'holes'").await, 0);
}

/// A report stops at 15,000 elements and does not say so: 2,100 creatives of a week are 14,700, and are asked for in halves.
#[tokio::test]
async fn a_report_that_may_be_cut_off_is_asked_for_in_parts() {
    let rig = Rig::new(&MANY).await;
    let days = Window { start: "2025-09-08".parse().unwrap(), end: "2025-09-14".parse().unwrap() };
    let finished = rig.sync_days(Some(days)).await.unwrap();
    assert_eq!(
        (finished.state, finished.counts.rows_read, finished.counts.requests),
        (SyncState::Succeeded, 14_700, 4)
    );
    assert_eq!(rig.count("select count(*) from daily_metrics").await, 14_700);
    let rig = Rig::new(&TOO_MANY).await;
    let day = Window { start: "2025-09-08".parse().unwrap(), end: "2025-09-08".parse().unwrap() };
    let error = rig.sync_days(Some(day)).await.unwrap().error.unwrap();
    assert_eq!(error.code, Code::Request, "{error}");
    assert_eq!(rig.count("select count(*) from daily_metrics").await, 0, "part of a day is no day");
}

#[tokio::test]
async fn campaigns_and_creatives_are_listed() {
    let rig = Rig::new(&CAMPAIGNS).await;
    rig.good().await;
    read(&rig, "creatives").await;
    let things = rig.facts().await;
    for line in [
        "ad|linkedin_ads:130000720||linkedin_ads:160000640|reference|Picture 0||active|APPROVED",
        "ad|linkedin_ads:130000721||linkedin_ads:160000640|textAd|Dry at last|https://fernhill.example/|active|REJECTED",
        "campaign|linkedin_ads:160000640|500100200|Campaign 0|active|ACTIVE|paid_social|LEAD_GENERATION|CPM MAX_LEAD|50.000000|EUR|2025-05-01|Spring",
        "campaign|linkedin_ads:160000647|500100200|Campaign 7|removed|PENDING_DELETION|paid_social|LEAD_GENERATION|CPM MAX_LEAD|50.000000|EUR|2025-05-01|Autumn",
        "entity|ad|linkedin_ads:130000720|130000720|Picture 0",
        "entity|campaign|linkedin_ads:160000640|160000640|Campaign 0",
    ] {
        assert!(things.iter().any(|thing| thing == line), "{line}\n{things:#?}");
    }
    assert_eq!(things.len(), 24);
}

#[tokio::test]
async fn a_consent_that_ends_soon_is_told() {
    let rig = Rig::new(&ENDING).await;
    let finished = rig.good().await;
    let notes = finished.warnings.to_string();
    assert!(notes.contains("auth.expires_soon") && notes.contains("2025-10-07"), "{notes}");
}

#[tokio::test]
async fn the_requests_of_a_day_that_are_used_up_end_the_run() {
    let rig = Rig::new(&USED_UP).await;
    let finished = rig.sync().await.unwrap();
    let error = finished.error.unwrap();
    assert_eq!((error.code, finished.counts.retries), (Code::QuotaDaily, 0), "{error}");
}

#[tokio::test]
async fn a_version_that_ended_says_what_to_do() {
    static OLD: LinkedInCase = LinkedInCase { version: "202401", ..case("campaigns", PLAIN) };
    let world = crate::world::World::new().await;
    let fake = super::fake::Fake::start(OLD.platform()).await;
    let clock = super::rig::Skipping::at(super::rig::NOON.parse().unwrap());
    let engine = adjutant::daily::sync::Engine {
        db: world.db.clone(),
        keys: super::rig::keyring(),
        outside: super::rig::outside(&OLD, &fake, clock),
    };
    let config = OLD.config();
    let add = adjutant::daily::sync::Add {
        connector: OLD.key(),
        name: "Old",
        config: config.as_object().unwrap().clone(),
        secrets: super::rig::secrets(&OLD),
        time_zone: "UTC",
        currency: "EUR".parse().unwrap(),
    };
    let at = super::rig::NOON.parse().unwrap();
    let entry = |id| adjutant::db::audit::NewEntry::by_operator("source.added", "source", id, at);
    let error = engine.add(world.org, add, entry).await.unwrap_err();
    assert!(error.code == Code::Request && error.message.contains("newer api_version"), "{error}");
}

/// Rows that another connector recorded of a real account.
pub fn recorded(file: &Recorded) -> Option<usize> {
    if file.name != "airbyte_expected_records.jsonl" {
        return None;
    }
    let account = Account { id: "500100200", currency: "USD".parse().unwrap() };
    let mut read = std::collections::BTreeMap::<&str, usize>::new();
    for (stream, mut data) in file.lines() {
        let body = |data: &Value| {
            serde_json::to_vec(&json!({"elements": [data], "paging": {"start": 0, "count": 10, "links": []}}))
                .unwrap()
        };
        let fine =
            |seen: &Seen, rows: usize| assert!(rows == 1 && seen.missing.is_empty(), "{stream}: {seen:?}");
        match stream.as_str() {
            "campaign_groups" => {
                let page = page(&body(&data), group).unwrap();
                fine(&page.seen, page.rows.len());
                assert!(page.seen.new_fields.is_empty(), "{:?}", page.seen);
                *read.entry("groups").or_default() += 1;
            }
            "campaigns" => {
                let page =
                    page(&body(&data), |element, seen| campaign(element, account, &Groups::new(), seen))
                        .unwrap();
                fine(&page.seen, page.rows.len());
                assert!(
                    page.seen.new_fields.is_empty() && page.seen.unknown_values.is_empty(),
                    "{:?}",
                    page.seen
                );
                assert_eq!(page.rows[0].1.id, format!("linkedin_ads:{}", data["id"]));
                *read.entry("campaigns").or_default() += 1;
            }
            "creatives" => {
                let page = page(&body(&data), creative).unwrap();
                fine(&page.seen, page.rows.len());
                assert!(
                    page.seen.new_fields.is_empty() && page.seen.unknown_values.is_empty(),
                    "{:?}",
                    page.seen
                );
                *read.entry("creatives").or_default() += 1;
            }
            report if report.ends_with("_analytics") => {
                // The other connector wrote the day as a text.
                let date: Date = data["start_date"].as_str().unwrap().parse().unwrap();
                data["dateRange"] =
                    json!({"start": {"year": date.year(), "month": date.month(), "day": date.day()}});
                let level = Level { kind: "ad", pivot: "CREATIVE" };
                let read_day = |element: &Value, seen: &mut Seen| {
                    day(element, level, account, Conversions::Website, seen)
                };
                let page = page(&body(&data), read_day).unwrap();
                let urn = data["pivotValues"][0].as_str().unwrap();
                let whole = data.get("costInLocalCurrency").is_some();
                // A country is a word, a report by company has no money: nothing we ask for.
                let ours = whole && urn.rsplit(':').next().unwrap().bytes().all(|byte| byte.is_ascii_digit());
                assert_eq!(page.rows.len(), usize::from(ours), "{report}: {:?}", page.seen);
                if let Some((_, row)) = page.rows.first() {
                    assert_eq!(row.impressions as f64, data["impressions"].as_f64().unwrap(), "{report}");
                    let cost: f64 = row.cost.to_string().parse().unwrap();
                    assert!(
                        (cost - data["costInLocalCurrency"].as_f64().unwrap()).abs() < 1e-6 && cost >= 0.0,
                        "{report}: {cost}"
                    );
                }
                *read.entry("reports").or_default() += 1;
            }
            // Accounts, their users, and conversions: nothing we list.
            "accounts" | "account_users" | "conversions" => *read.entry("others").or_default() += 1,
            other => panic!("{other} is a stream that nobody knows"),
        }
    }
    assert!(
        read["groups"] >= 3 && read["campaigns"] >= 3 && read["creatives"] >= 3 && read["reports"] >= 10,
        "{read:?}"
    );
    Some(read.values().sum())
}
