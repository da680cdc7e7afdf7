//! Two campaigns of platforms that are one are one in every answer, with the names of the platforms beside for those who act there.
use crate::catalogue::load_shop;
use crate::crash::program;
use crate::served::{Served, catalogue};
use crate::world::World;
use serde_json::{Value, json};
use std::collections::BTreeMap;

async fn shop() -> World {
    let world = World::new().await;
    load_shop(&world.db, world.org, |sql| sql).await;
    world
}

async fn same(world: &World, campaign: &str, other: &str) {
    let words = ["entities", "accept", "campaign", campaign, "same_as", "campaign", other];
    let output = program(world).args(words).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The rows of a query, each by its column names.
async fn rows(world: &World, query: &str, params: Value) -> Vec<BTreeMap<String, Value>> {
    let served = Served::new(world).await;
    // What is remembered for some minutes is not asked.
    catalogue().forget(world.org).await;
    let token = served.session(&world.viewer).await;
    let reply = served.post(&format!("/api/tools/{query}"), &token, json!({ "params": params })).await;
    assert!(reply.status.is_success(), "{query}: {}", reply.body);
    let names: Vec<String> = reply.body["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| column["name"].as_str().unwrap().to_owned())
        .collect();
    let of = |row: &Value| names.iter().cloned().zip(row.as_array().unwrap().iter().cloned()).collect();
    reply.body["rows"].as_array().unwrap().iter().map(of).collect()
}

fn number(value: &Value) -> f64 {
    value.to_string().trim_matches('"').parse().unwrap_or(f64::NAN)
}

/// A figure of each campaign, by its id.
async fn by_campaign(world: &World, query: &str, params: Value, figure: &str) -> BTreeMap<String, f64> {
    let id = |row: &BTreeMap<String, Value>| row["entity_id"].as_str().unwrap_or_default().to_owned();
    rows(world, query, params).await.iter().map(|row| (id(row), number(&row[figure]))).collect()
}

const WEEK: (&str, &str) = ("2025-09-10", "2025-09-16");

fn week() -> Value {
    json!({"start": WEEK.0, "end": WEEK.1})
}

/// Every query that has a row a campaign, with the figure that adds up.
fn asked() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        ("campaign_leaderboard", json!({"window": week(), "sort": "cost", "limit": 50}), "cost"),
        ("cac_by_channel", json!({"window": week(), "by": "campaign"}), "cost"),
        ("metric_compare", json!({"window": week(), "metric": "cost", "by": "campaign"}), "now"),
        ("campaign_underperformers", json!({"window": week(), "min_days": 3, "roas_max": 10}), "cost"),
    ]
}

#[tokio::test]
async fn two_campaigns_that_are_one_are_one_row_and_nothing_is_lost() {
    let world = shop().await;
    let (one, other) = ("google_ads:1001", "tiktok_ads:3001");
    let mut before = Vec::new();
    for (query, params, figure) in asked() {
        let costs = by_campaign(&world, query, params, figure).await;
        // A week of 140 a day, and four days of 50.
        assert_eq!((costs.get(one), costs.get(other)), (Some(&980.0), Some(&200.0)), "{query}: {costs:?}");
        before.push(costs.values().sum::<f64>());
    }
    same(&world, other, one).await;
    for ((query, params, figure), whole) in asked().into_iter().zip(before) {
        let costs = by_campaign(&world, query, params, figure).await;
        assert_eq!((costs.get(one), costs.get(other)), (Some(&1180.0), None), "{query}: {costs:?}");
        assert_eq!(costs.values().sum::<f64>(), whole, "{query}");
    }
    // Its return is that of both: 210 a day on 1,180.
    let params = json!({"window": week(), "metric": "roas", "by": "campaign"});
    let roas = by_campaign(&world, "metric_compare", params, "now").await;
    assert!((roas[one] - 1470.0 / 1180.0).abs() < 1e-5, "{roas:?}");
    // Both names mean it, and so does the id that the platform has.
    for name in ["Trail Videos", "Harvest Sale", other] {
        let detail = rows(&world, "campaign_detail", json!({"campaign": name, "window": week()})).await;
        assert_eq!((&detail[0]["entity_id"], number(&detail[0]["cost"])), (&json!(one), 1180.0), "{name}");
    }
    // Said to be two again, they are two.
    let words = ["entities", "reject", "campaign", other, "same_as", "campaign", one];
    assert!(program(&world).args(words).output().await.unwrap().status.success());
    let (query, params, figure) = asked().remove(0);
    let costs = by_campaign(&world, query, params, figure).await;
    assert_eq!((costs.get(one), costs.get(other)), (Some(&980.0), Some(&200.0)));
}

#[tokio::test]
async fn waste_is_that_of_all_parts_and_names_what_is_to_be_paused() {
    let world = shop().await;
    let wasted = |start: &str| json!({"window": {"start": start, "end": WEEK.1}, "min_spend": 100});
    let alone = rows(&world, "wasted_spend", wasted(WEEK.0)).await;
    let ids = |rows: &[BTreeMap<String, Value>]| -> Vec<String> {
        rows.iter().map(|row| row["entity_id"].as_str().unwrap().to_owned()).collect()
    };
    assert!(ids(&alone).contains(&"tiktok_ads:3001".to_owned()), "{alone:?}");
    // As a part of a campaign that sells it is no waste.
    same(&world, "tiktok_ads:3001", "google_ads:1001").await;
    assert!(
        !ids(&rows(&world, "wasted_spend", wasted(WEEK.0)).await).contains(&"tiktok_ads:3001".to_owned())
    );
    let words =
        ["entities", "reject", "campaign", "tiktok_ads:3001", "same_as", "campaign", "google_ads:1001"];
    assert!(program(&world).args(words).output().await.unwrap().status.success());
    // Two that brought nothing are one row: 12 days of 30, and 4 of 50.
    let mut tx = world.db.org(world.org).await.unwrap();
    let silent = "update daily_metrics set conversions = 0, revenue = 0, revenue_base = 0 where entity_id = 'google_ads:1003'";
    sqlx::query(silent).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    same(&world, "google_ads:1003", "tiktok_ads:3001").await;
    let found = rows(&world, "wasted_spend", wasted("2025-08-20")).await;
    let row = found.iter().find(|row| row["entity_id"] == "tiktok_ads:3001").unwrap();
    assert_eq!((number(&row["cost"]), &row["entity"]), (560.0, &json!("Trail Videos")), "{row:?}");
    assert_eq!(row["platform_ids"], "google_ads:1003, tiktok_ads:3001");
    assert!(row["caution"].as_str().unwrap().contains("google_ads:1003, tiktok_ads:3001"), "{row:?}");
    assert!(!ids(&found).contains(&"google_ads:1003".to_owned()), "{found:?}");
    let metric =
        json!({"window": {"start": "2025-08-20", "end": WEEK.1}, "metric": "wasted_spend", "by": "campaign"});
    assert_eq!(by_campaign(&world, "metric_compare", metric, "now").await["tiktok_ads:3001"], 560.0);
}

#[tokio::test]
async fn what_acts_on_a_search_term_names_the_campaign_of_the_platform() {
    let world = shop().await;
    let params = json!({"window": week(), "min_spend": 1});
    let campaigns = async || -> Vec<Value> {
        let found = rows(&world, "search_term_waste", params.clone()).await;
        found.into_iter().map(|row| row["campaign_id"].clone()).collect()
    };
    let before = campaigns().await;
    assert!(before.contains(&json!("google_ads:1001")), "{before:?}");
    same(&world, "google_ads:1001", "google_ads:1002").await;
    let mut tx = world.db.org(world.org).await.unwrap();
    sqlx::query("update campaigns set is_brand = false").execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    assert!(campaigns().await.contains(&json!("google_ads:1001")), "an exclusion is made in one campaign");
}

/// A question goes by the whole, an action by the part that was named.
#[tokio::test]
async fn who_asks_to_pause_a_part_pauses_that_part() {
    let world = shop().await;
    same(&world, "meta_ads:2001", "google_ads:1001").await;
    let served = Served::new(&world).await;
    let token = served.session(&world.marketer).await;
    let answer = served.ask(&token, "draft a pause for Welcome Offer").await.to_string();
    let mut tx = world.db.org(world.org).await.unwrap();
    let drafted =
        "select entity_id from drafts where type = 'pause_campaign' order by created_at desc limit 1";
    let drafted: String = sqlx::query_scalar(drafted).fetch_one(&mut *tx).await.unwrap();
    assert_eq!(drafted, "meta_ads:2001", "{answer}");
}
