//! Tables of real accounts, told in the words of their platforms: what comes out is what is in the files.
use super::fake::Platform;
use super::google_ads::FakeGoogleAds;
use super::meta_ads::FakeMeta;
use super::rig::{Case, Rig};
use adjutant::period::Window;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use std::collections::BTreeMap;

type Line = BTreeMap<String, String>;

/// The lines of a table where it lies; the project does without.
fn table(name: &str) -> Option<Vec<Line>> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/data/account_tables/dbt_ad_reporting");
    let path = root.join(format!("{name}.csv"));
    let Ok(mut reader) = csv::Reader::from_path(&path) else {
        eprintln!("skipped: no table at {}", path.display());
        return None;
    };
    Some(reader.deserialize().map(|line| line.unwrap()).collect())
}

fn sum(lines: &[Line], column: &str) -> Decimal {
    lines.iter().map(|line| line[column].trim_end_matches('.').parse::<Decimal>().unwrap()).sum()
}

struct Filed {
    key: &'static str,
    stream: &'static str,
    config: fn() -> Value,
    secrets: &'static [&'static str],
    platform: fn() -> Box<dyn Platform>,
    oauth: bool,
}

impl Case for Filed {
    fn key(&self) -> &'static str {
        self.key
    }

    fn stream(&self) -> &'static str {
        self.stream
    }

    fn config(&self) -> Value {
        (self.config)()
    }

    fn secrets(&self) -> &'static [&'static str] {
        self.secrets
    }

    fn platform(&self) -> Box<dyn Platform> {
        (self.platform)()
    }

    fn facts(&self) -> &'static str {
        "select concat_ws('|', sum(impressions), sum(clicks), trim_scale(sum(cost)), trim_scale(sum(conversions))) \
         from daily_metrics where breakdown = '' and source_id is not null"
    }

    fn oauth(&self) -> bool {
        self.oauth
    }
}

const GOOGLE: &str = "google_ads_campaign_stats_data";
const META: &str = "facebook_ads_basic_ad_data";

/// The platform adds up what is not asked for; with devices, a row is one of them.
fn google() -> Box<dyn Platform> {
    let mut sums: BTreeMap<(String, String, Option<String>), [Decimal; 5]> = BTreeMap::new();
    for line in table(GOOGLE).unwrap() {
        for device in [None, Some(line["device"].clone())] {
            let sum = sums.entry((line["date"].clone(), line["id"].clone(), device)).or_default();
            let columns = ["impressions", "clicks", "cost_micros", "conversions", "conversions_value"];
            for (at, column) in columns.into_iter().enumerate() {
                sum[at] += line[column].parse::<Decimal>().unwrap();
            }
        }
    }
    let row = |((date, id, device), figures): ((String, String, Option<String>), [Decimal; 5])| {
        let [impressions, clicks, cost, conversions, value] = figures.map(|figure| figure.to_string());
        let mut row = json!({
            "campaign": {"id": id, "advertisingChannelType": "SEARCH"}, "segments": {"date": date},
            "metrics": {"impressions": impressions, "clicks": clicks, "costMicros": cost,
                "conversions": conversions.parse::<f64>().unwrap(), "conversionsValue": value.parse::<f64>().unwrap()},
        });
        if let Some(device) = device {
            row["segments"]["device"] = json!(device);
        }
        row
    };
    Box::new(FakeGoogleAds { filed: sums.into_iter().map(row).collect() })
}

fn meta() -> Box<dyn Platform> {
    let row = |line: Line| {
        json!({"ad_id": line["ad_id"], "adset_id": "1", "campaign_id": "1", "date_start": line["date"], "date_stop": line["date"],
            "impressions": line["impressions"], "inline_link_clicks": line["inline_link_clicks"],
            "spend": line["spend"].trim_end_matches('.')})
    };
    Box::new(FakeMeta { filed: table(META).unwrap().into_iter().map(row).collect(), ..FakeMeta::default() })
}

static GOOGLE_TABLE: Filed = Filed {
    key: "google_ads",
    stream: "daily_campaigns",
    config: || json!({"customer_id": "123-456-7890", "client_id": "fernhill.apps.example", "login_customer_id": "9876543210"}),
    secrets: &["developer_token", "client_secret", "refresh_token"],
    platform: google,
    oauth: true,
};
static META_TABLE: Filed = Filed {
    key: "meta_ads",
    stream: "daily_ads",
    config: || json!({"account_id": "1700000000000017"}),
    secrets: &["access_token", "app_secret"],
    platform: meta,
    oauth: false,
};

async fn same(case: &'static Filed, days: [&str; 2], expected: [Decimal; 4]) {
    let rig = Rig::new(case).await;
    let window = Window::new(days[0].parse().unwrap(), days[1].parse().unwrap());
    let first = rig.sync_days(window).await.unwrap();
    assert!(first.error.is_none() && first.counts.rows_written > 0, "{first:?}");
    let told = expected.map(|sum| sum.normalize().to_string()).join("|");
    assert_eq!(rig.facts().await.concat(), told);
    let second = rig.sync_days(window).await.unwrap();
    assert_eq!((second.counts.rows_written, second.restated.len()), (0, 0), "{second:?}");
    assert_eq!(rig.facts().await.concat(), told);
}

#[tokio::test]
async fn totals_of_a_google_account_are_those_of_its_table() {
    let Some(lines) = table(GOOGLE) else { return };
    let cost = sum(&lines, "cost_micros") / Decimal::from(1_000_000);
    let of = |column| sum(&lines, column);
    same(
        &GOOGLE_TABLE,
        ["2021-01-01", "2021-03-31"],
        [of("impressions"), of("clicks"), cost, of("conversions")],
    )
    .await;
}

#[tokio::test]
async fn totals_of_a_meta_account_are_those_of_its_table() {
    let Some(lines) = table(META) else { return };
    let of = |column| sum(&lines, column);
    same(
        &META_TABLE,
        ["2020-12-01", "2020-12-31"],
        [of("impressions"), of("inline_link_clicks"), of("spend"), Decimal::ZERO],
    )
    .await;
}
