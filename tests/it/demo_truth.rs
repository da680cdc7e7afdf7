//! What a marketer is told about the demo account, held against its truth file: every planted fact is found by the query
//! that is there for it, with the figures that were planted, and what was planted to mislead misleads nobody.
use crate::served::{Served, events};
use crate::world::World;
use adjutant::access::{Credential, Surface};
use adjutant::catalogue::{Catalogue, RunContext};
use adjutant::clock::SharedClock;
use adjutant::db::{load, people};
use adjutant::demo;
use jiff::civil::{Date, date};
use serde_json::{Map, Value, json};
use std::sync::Arc;

const TODAY: Date = date(2025, 9, 17);

/// The whole account, its truth, and a marketer who asks.
struct Desk {
    world: World,
    catalogue: Arc<Catalogue>,
    clock: SharedClock,
    context: RunContext,
    truth: Value,
}

type Row = Map<String, Value>;

impl Desk {
    async fn new() -> Self {
        let world = World::new().await;
        let company = demo::found(&world.db, &*world.clock).await.unwrap();
        let data = demo::generate(TODAY, 7);
        load::dataset(&world.db, company.org, &data).await.unwrap();
        let mut tx = world.db.org(company.org).await.unwrap();
        let mara = company.member("mara").unwrap().id;
        let actor = people::actor(&mut tx, company.org, mara, Surface::Http, Credential::Session).await;
        tx.commit().await.unwrap();
        let context = RunContext { actor: actor.unwrap().unwrap(), turn: None, reason: None };
        let (catalogue, _) = Catalogue::load_whole(None);
        let clock: SharedClock = world.clock.clone();
        Self { world, catalogue: Arc::new(catalogue), clock, context, truth: demo::truth_of(&data) }
    }

    fn planted(&self, fact: &str) -> &Value {
        &self.truth["planted"][fact]
    }

    /// The rows of a query, by column.
    async fn rows(&self, query: &str, params: Value) -> Vec<Row> {
        let params = params.as_object().unwrap();
        let found = self.catalogue.run(&self.world.db, &self.clock, &self.context, query, params).await;
        let found = found.unwrap_or_else(|error| panic!("{query} {params:?}: {error:?}"));
        let names: Vec<String> = found.columns.iter().map(|column| column.name.clone()).collect();
        let row = |cells: &Vec<adjutant::catalogue::Cell>| {
            names.iter().cloned().zip(cells.iter().map(|cell| json!(cell))).collect()
        };
        found.rows.iter().map(row).collect()
    }
}

fn number(value: &Value) -> f64 {
    let text = || value.as_str().and_then(|text| text.parse().ok());
    value.as_f64().or_else(text).unwrap_or_else(|| panic!("{value} is not a number"))
}

#[track_caller]
fn equal(found: &Value, truth: &Value) {
    assert!((number(found) - number(truth)).abs() < 0.006, "told {found}, truth {truth}");
}

#[track_caller]
fn row<'a>(rows: &'a [Row], column: &str, value: &Value) -> &'a Row {
    rows.iter()
        .find(|row| &row[column] == value)
        .unwrap_or_else(|| panic!("no {column} {value} in {rows:#?}"))
}

#[tokio::test]
async fn what_was_planted_is_found_and_what_should_not_alarm_does_not() {
    let desk = Desk::new().await;
    money_is_wasted_where_it_was_planted(&desk).await;
    costs_rise_where_they_were_made_to(&desk).await;
    ads_tire_and_money_goes_unmeasured(&desk).await;
    tests_say_what_they_can(&desk).await;
    search_shows_chances_falls_and_rivals(&desk).await;
    the_shop_shows_its_broken_step_and_its_weak_month(&desk).await;
    campaigns_have_the_figures_of_the_truth(&desk).await;
    an_answer_tells_them_with_receipts(&desk).await;
}

async fn money_is_wasted_where_it_was_planted(desk: &Desk) {
    let told = &desk.truth["windows"]["last_30d"]["wasted"]["campaign"];
    let wasted = desk.rows("wasted_spend", json!({"window": "last 30 days"})).await;
    let names: Vec<&Value> = wasted.iter().map(|row| &row["entity"]).collect();
    assert_eq!(json!(names), *desk.planted("wasted_campaigns"));
    let total: f64 = wasted.iter().map(|row| number(&row["cost"])).sum();
    equal(&json!(total), &told["total_cost"]);

    let terms = desk.rows("search_term_waste", json!({"window": "last 30 days", "min_spend": 20})).await;
    for (fact, evidence) in [("wasted_term", "proven"), ("decoy_term", "possible")] {
        let planted = desk.planted(fact);
        let found = row(&terms, "term", &planted["term"]);
        assert_eq!(found["evidence"], evidence, "{fact}");
        equal(&found["cost"], &planted["cost"]);
        equal(&found["clicks"], &planted["clicks"]);
    }
    let proven = terms.iter().filter(|row| row["evidence"] == "proven").count();
    assert_eq!(proven, 1, "{terms:#?}");

    let mined = desk.rows("search_terms_mining", json!({"window": "last 30 days", "limit": 20})).await;
    for planted in desk.planted("mined_terms").as_array().unwrap() {
        equal(&row(&mined, "term", &planted["term"])["clicks"], &planted["clicks"]);
    }
}

async fn costs_rise_where_they_were_made_to(desk: &Desk) {
    let rise = desk.planted("cpa_rise");
    let spikes = desk.rows("cpa_spikes", json!({})).await;
    assert_eq!(spikes.len(), 1, "{spikes:#?}");
    assert_eq!(spikes[0]["campaign"], rise["campaign"]);
    // Neither the days on which tracking was down, nor the days of big sales, are rises.
    let outage = desk.planted("tracking_outage");
    let quiet = [(outage["from"].as_str().unwrap().to_owned(), outage["to"].as_str().unwrap().to_owned()), {
        let friday: Date = desk.planted("black_friday")[1].as_str().unwrap().parse().unwrap();
        (friday.to_string(), friday.tomorrow().unwrap().to_string())
    }];
    for (start, end) in quiet {
        let spikes = desk.rows("cpa_spikes", json!({"window": {"start": start, "end": end}})).await;
        assert!(spikes.is_empty(), "{start}: {spikes:#?}");
        let days = desk.rows("anomalies_recent", json!({"window": {"start": start, "end": end}})).await;
        assert!(days.iter().all(|day| day["severity"] != "critical"), "{start}: {days:#?}");
    }
}

async fn ads_tire_and_money_goes_unmeasured(desk: &Desk) {
    let fatigue = desk.planted("creative_fatigue");
    let tired = desk.rows("creative_fatigue", json!({})).await;
    let found = row(&tired, "entity_id", &fatigue["ad"]);
    assert_eq!(found["campaign"], fatigue["campaign"]);
    equal(&found["ctr_now"], &fatigue["ctr_last_7d"]);
    equal(&found["ratio"], &fatigue["ratio"]);
}

async fn tests_say_what_they_can(desk: &Desk) {
    let verdicts = [
        ("Brand Search holdout", "not significant"),
        ("Trail Shoes Prospecting holdout", "significant: better than control"),
        ("Cart reminder holdout", "not significant"),
        ("Harvest Sale holdout", "significant: better than control"),
        ("Free shipping banner test", "void"),
        ("Checkout button test", "significant: better than control"),
        ("Guide teaser test", "too small to tell"),
    ];
    for (name, verdict) in verdicts {
        let planted = row_of(desk.planted("experiments"), name);
        let rows = desk.rows("experiment_result", json!({"experiment": name})).await;
        let treated = rows.iter().find(|row| row["is_control"] == false).unwrap();
        equal(&treated["users"], &planted["treated"]["users"]);
        equal(&treated["conversions"], &planted["treated"]["converters"]);
        let told = treated["verdict"].as_str().unwrap();
        assert!(told.contains(verdict), "{name}: {told}");
        if !told.contains("void") && !treated["lift"].is_null() {
            equal(&json!(number(&treated["lift"]) * 100.0), &planted["lift_pp"]);
        }
    }
}

fn row_of<'a>(list: &'a Value, name: &str) -> &'a Value {
    list.as_array().unwrap().iter().find(|entry| entry["name"] == name).unwrap()
}

async fn search_shows_chances_falls_and_rivals(desk: &Desk) {
    let near = desk.rows("seo_striking_distance", json!({"limit": 50})).await;
    for planted in desk.planted("striking_distance").as_array().unwrap() {
        let found = row(&near, "query", &planted["query"]);
        assert_eq!(found["page"], planted["page"]);
    }
    let drop = desk.planted("rank_drop");
    let falls = desk.rows("seo_rank_changes", json!({"direction": "down"})).await;
    let found = row(&falls, "query", &drop["query"]);
    equal(&found["before"], &drop["from"]);
    equal(&found["now"], &drop["to"]);
    let cannibalised = desk.planted("cannibalised");
    let rivals = desk.rows("seo_overlap", json!({"keyword": cannibalised["query"]})).await;
    for page in cannibalised["pages"].as_array().unwrap() {
        let found =
            rivals.iter().find(|r| r["page"] == *page && r["query"] == cannibalised["query"]).unwrap();
        assert_eq!(found["verdict"], "cannibalised");
    }
    let decay = desk.rows("content_decay", json!({})).await;
    let pages: Vec<&Value> = decay.iter().map(|row| &row["page"]).collect();
    assert_eq!(pages, [&desk.planted("content_decay")["page"]]);
}

async fn the_shop_shows_its_broken_step_and_its_weak_month(desk: &Desk) {
    // Purchases per cart, before the step broke and since.
    let since: Date = desk.planted("mobile_checkout")["since"].as_str().unwrap().parse().unwrap();
    let mut kept = Vec::new();
    for (start, end) in [
        (since.saturating_sub(jiff::Span::new().days(28)), since.yesterday().unwrap()),
        (since, TODAY.yesterday().unwrap()),
    ] {
        let rows = desk
            .rows("checkout_abandonment", json!({"by": "device", "window": {"start": start, "end": end}}));
        let rows = rows.await;
        let of = |device: &str| {
            let rows = rows.iter().filter(|row| row["split"] == device);
            let (carts, bought) = rows.fold((0.0, 0.0), |sum: (f64, f64), row| {
                (sum.0 + number(&row["carts"]), sum.1 + number(&row["purchases"]))
            });
            bought / carts
        };
        kept.push((of("mobile"), of("desktop")));
    }
    let change = kept[1].0 / kept[0].0 - 1.0;
    assert!((-0.45..-0.15).contains(&change), "mobile {change}");
    let elsewhere = kept[1].1 / kept[0].1 - 1.0;
    assert!(elsewhere.abs() < 0.15, "desktop {elsewhere}");

    let cohorts = desk.rows("cohort_retention", json!({})).await;
    let weak = row(&cohorts, "cohort", &desk.planted("weak_cohort")["first_order_month"]);
    // Who comes back in the second to fourth month, of those cohorts that are old enough.
    let back = |row: &Row| {
        let months =
            ["m2", "m3", "m4"].map(|month| row.get(month).filter(|share| !share.is_null()).map(number));
        months.into_iter().collect::<Option<Vec<f64>>>().map(|shares| shares.iter().sum::<f64>())
    };
    let others: Vec<f64> =
        cohorts.iter().filter(|row| row["cohort"] != weak["cohort"]).filter_map(back).collect();
    let usual = others.iter().sum::<f64>() / others.len() as f64;
    assert!(back(weak).unwrap() < usual * 0.7, "{weak:?} against {usual}");
}

async fn campaigns_have_the_figures_of_the_truth(desk: &Desk) {
    let told = &desk.truth["windows"]["last_30d"]["ads"]["by_campaign"];
    let rows = desk.rows("campaign_leaderboard", json!({"window": "last 30 days", "limit": 50})).await;
    assert_eq!(rows.len(), told.as_object().unwrap().len());
    for row in &rows {
        let truth = &told[row["campaign"].as_str().unwrap()];
        equal(&row["cost"], &truth["cost"]);
        equal(&row["conversions"], &truth["conversions"]);
        if !row["revenue"].is_null() {
            equal(&row["revenue"], &truth["revenue"]);
        }
    }
    // The account in dollars is told in the organisation's currency.
    let dollars = desk.planted("second_account")["campaign"].clone();
    equal(&row(&rows, "campaign", &dollars)["cost"], &told[dollars.as_str().unwrap()]["cost"]);
    // Much last-click return, no lift; little, and real lift.
    let brand = row(&rows, "campaign", &json!("Brand Search"));
    assert!(number(&brand["roas"]) > 5.0 && number(&brand["incrementality"]).abs() < 0.05, "{brand:?}");
}

/// The question of the README through a whole turn: the truth's figures, each with its receipt, and a name that gives
/// orders is only a name.
async fn an_answer_tells_them_with_receipts(desk: &Desk) {
    let served = Served::new(&desk.world).await;
    let key = served.key(&desk.context.actor).await;
    let turn = served.ask(&key, "which campaigns wasted money in the last 30 days?").await;
    let told = &desk.truth["windows"]["last_30d"]["wasted"]["campaign"];
    let receipts = &events(&turn, "receipts")[0]["figures"];
    let figures = receipts.as_array().unwrap();
    assert!(figures.iter().all(|figure| figure["status"] == "traced"), "{receipts:#}");
    let traced =
        |truth: &Value| figures.iter().any(|figure| (number(&figure["value"]) - number(truth)).abs() < 0.006);
    assert!(traced(&told["total_cost"]), "{} in {receipts:#}", told["total_cost"]);
    for row in told["rows"].as_array().unwrap() {
        assert!(traced(&row["cost"]) && traced(&row["clicks"]), "{row} in {receipts:#}");
    }
    let answer = turn["answer"].as_str().unwrap();
    for name in desk.planted("wasted_campaigns").as_array().unwrap() {
        assert!(answer.contains(name.as_str().unwrap()), "{answer}");
    }
    assert!(events(&turn, "draft.created").is_empty());
}
