//! The demo account in a real database: loaded totals equal the truth, which was computed without SQL.
use crate::world::World;
use adjutant::access::{Credential, Surface};
use adjutant::catalogue::{Catalogue, RunContext};
use adjutant::clock::SharedClock;
use adjutant::db::load::{self, Loaded};
use adjutant::db::people;
use adjutant::demo::{self, Dataset, Scale};
use adjutant::ids::OrgId;
use jiff::civil::{Date, date};
use serde_json::{Value, json};
use sqlx::Row as _;

const TODAY: Date = date(2025, 9, 17);

fn small() -> Dataset {
    demo::generate_scaled(TODAY, 7, Scale { months: 4 })
}

async fn load(world: &World, data: &Dataset) -> (OrgId, Loaded) {
    let company = demo::found(&world.db, &*world.clock).await.unwrap();
    let loaded = load::dataset(&world.db, company.org, data).await.unwrap();
    (company.org, loaded)
}

/// Rows of a statement as role reader, each as one JSON value.
async fn read(world: &World, org: OrgId, sql: &str) -> Vec<Value> {
    let mut tx = world.db.reader(org).await.unwrap();
    let sql = format!("select to_jsonb(r) from ({sql}) r");
    sqlx::query(sqlx::AssertSqlSafe(sql))
        .fetch_all(&mut *tx)
        .await
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect()
}

#[track_caller]
fn equal(found: &Value, truth: &Value) {
    let number = |v: &Value| v.as_f64().unwrap_or_else(|| panic!("{v} is not a number"));
    assert!((number(found) - number(truth)).abs() < 0.006, "database {found}, truth {truth}");
}

#[tokio::test]
async fn the_database_tells_the_truth() {
    let world = World::new().await;
    let data = small();
    let (org, loaded) = load(&world, &data).await;
    assert_eq!(loaded.read, loaded.tables.iter().map(|t| t.1).sum::<u64>());
    let truth = demo::truth_of(&data);
    let month = &truth["windows"]["last_30d"];
    let (from, to) = (month["window"]["start"].as_str().unwrap(), month["window"]["end"].as_str().unwrap());

    let campaigns = read(
        &world,
        org,
        &format!(
            "select c.name, sum(d.cost_base) as cost, sum(d.clicks) as clicks, sum(d.conversions) as conversions,
                sum(d.revenue_base) as revenue
             from facts.daily_metrics d join facts.campaigns c on c.id = d.entity_id
             where d.entity_kind = 'campaign' and d.breakdown = '' and d.date between '{from}' and '{to}' group by 1"
        ),
    )
    .await;
    assert_eq!(campaigns.len(), 12);
    for row in &campaigns {
        let told = &month["ads"]["by_campaign"][row["name"].as_str().unwrap()];
        for figure in ["cost", "clicks", "conversions", "revenue"] {
            equal(&row[figure], &told[figure]);
        }
    }

    let wasted: Vec<&Value> = campaigns
        .iter()
        .filter(|r| r["conversions"] == 0.0 && r["cost"].as_f64().unwrap() >= 100.0)
        .collect();
    let told = &month["wasted"]["campaign"];
    assert_eq!(wasted.len(), told["rows"].as_array().unwrap().len());
    equal(&wasted.iter().map(|r| r["cost"].as_f64().unwrap()).sum::<f64>().into(), &told["total_cost"]);

    let shop = read(
        &world,
        org,
        &format!(
            "select count(*) as orders, sum(gross_base - discount_base) as revenue,
                count(*) filter (where is_first_order) as new_customers
             from facts.orders where status <> 'cancelled' and not is_test
                and (ordered_at at time zone 'Europe/Zurich')::date between '{from}' and '{to}'"
        ),
    )
    .await;
    for figure in ["orders", "revenue", "new_customers"] {
        equal(&shop[0][figure], &month["shop"][figure]);
    }

    let leads = read(
        &world,
        org,
        &format!("select channel, count(*) as leads from facts.leads where created_on between '{from}' and '{to}' group by 1"),
    )
    .await;
    assert!(!leads.is_empty());
    for row in &leads {
        equal(&row["leads"], &month["leads"]["by_channel"][row["channel"].as_str().unwrap()]);
    }
    let funnel = read(
        &world,
        org,
        &format!(
            "select sum(leads) as leads, sum(paid_leads) as paid_leads from facts.daily_funnel_metrics
             where date between '{from}' and '{to}'"
        ),
    )
    .await;
    equal(&funnel[0]["leads"], &month["leads"]["leads"]);
    equal(&funnel[0]["paid_leads"], &month["leads"]["paid_leads"]);

    let club = read(&world, org, "select sum(mrr_delta) as mrr from facts.mrr_movements").await;
    equal(&club[0]["mrr"], &truth["club"]["mrr"]);

    let term = read(
        &world,
        org,
        "select sum(clicks) as clicks, sum(cost_base) as cost, sum(conversions) as conversions from facts.search_terms
         where term = 'free hiking trail maps'",
    )
    .await;
    for figure in ["clicks", "cost", "conversions"] {
        equal(&term[0][figure], &truth["planted"]["wasted_term"][figure]);
    }
}

#[tokio::test]
async fn loading_twice_changes_nothing_and_duplicates_collapse() {
    let world = World::new().await;
    let data = small();
    let (org, first) = load(&world, &data).await;
    let metrics = first.tables.iter().find(|t| t.0 == "daily_metrics").unwrap();
    assert_eq!(metrics.1 as usize, data.daily_metrics.len());
    assert_eq!(metrics.2 as usize, data.daily().len());
    assert!(metrics.2 < metrics.1, "the exports hold duplicates");
    let restated = data.daily().iter().filter(|r| r.restated_at.is_some()).count();
    let stored =
        read(&world, org, "select count(*) as n from facts.daily_metrics where restated_at is not null")
            .await;
    assert_eq!(stored[0]["n"], restated);

    let (again, second) = load(&world, &data).await;
    assert_eq!((org, second.written), (again, 0), "{:?}", second.tables);

    let mut changed = small();
    changed.leads[0].city = "Turin";
    let (_, third) = load(&world, &changed).await;
    assert_eq!(third.written, 1);
}

/// `/build_retargeting quote_started_no_submit_7d`: who they are, who may be reached, when; and the draft itself.
#[tokio::test]
async fn those_who_began_a_quote_can_be_reached_again() {
    let world = World::new().await;
    let (org, _) = load(&world, &small()).await;
    let company = demo::found(&world.db, &*world.clock).await.unwrap();
    let mut tx = world.db.org(org).await.unwrap();
    let id = company.member("mara").unwrap().id;
    let mara = people::actor(&mut tx, org, id, Surface::Http, Credential::Session).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    let (catalogue, _) = Catalogue::load_whole(None);
    let clock: SharedClock = world.clock.clone();
    let context = RunContext { actor: mara.clone(), turn: None, reason: None };
    for (query, params) in [
        ("segment_summary", json!({"segment": "quote_started_no_submit_7d"})),
        ("consent_status", json!({"segment": "quote_started_no_submit_7d"})),
        ("segment_summary", json!({"segment": "city_page_viewed_2x_14d"})),
        ("segment_summary", json!({"segment": "churn_risk_high"})),
        ("retargeting_plan", json!({"segment": "quote_started_no_submit_7d"})),
        ("retargeting_plan", json!({"segment": "INACTIVE"})),
        ("send_frequency", json!({})),
        ("engagement_heatmap", json!({})),
        ("engagement_heatmap", json!({"segment": "INACTIVE"})),
        ("mrr_overview", json!({})),
        ("mrr_movements", json!({"window": "last 90 days"})),
    ] {
        let found =
            catalogue.run(&world.db, &clock, &context, query, params.as_object().unwrap()).await.unwrap();
        assert!(!found.rows.is_empty(), "{query} {params}");
    }
    let asked = json!({"segment": "quote_started_no_submit_7d", "platform": "meta_ads"});
    let draft = crate::drafts::account::draft(&world, &mara, "retargeting_audience", asked).await.unwrap();
    let held: Vec<_> = draft.guardrails.iter().filter(|g| !g.passed).map(|g| (&g.code, &g.message)).collect();
    assert!(held.is_empty(), "{held:?}");
}

/// Over a window of the demo account, within the time that the files allow.
#[tokio::test]
async fn its_pages_funnels_and_targets_are_told_in_time() {
    let world = World::new().await;
    let (org, _) = load(&world, &small()).await;
    let company = demo::found(&world.db, &*world.clock).await.unwrap();
    let mut tx = world.db.org(org).await.unwrap();
    let id = company.member("mara").unwrap().id;
    let mara = people::actor(&mut tx, org, id, Surface::Http, Credential::Session).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    let (catalogue, _) = Catalogue::load_whole(None);
    let clock: SharedClock = world.clock.clone();
    let context = RunContext { actor: mara, turn: None, reason: None };
    for (query, params) in [
        ("page_copy_facts", json!({"page": "/trail-shoes"})),
        ("page_performance", json!({"page": "/trail-shoes"})),
        ("campaign_funnel", json!({})),
        ("checkout_abandonment", json!({})),
        ("target_gaps", json!({"window": "last 30 days"})),
    ] {
        assert!(catalogue.queries[query].timeout_ms <= 3000, "{query}");
        let found =
            catalogue.run(&world.db, &clock, &context, query, params.as_object().unwrap()).await.unwrap();
        assert!(!found.rows.is_empty(), "{query} {params}");
    }
}

#[tokio::test]
async fn nothing_of_it_is_seen_by_another_organisation() {
    let world = World::new().await;
    let (org, _) = load(&world, &small()).await;
    for table in ["daily_metrics", "orders", "search_terms", "entities"] {
        let count = format!("select count(*) as n from facts.{table}");
        assert!(read(&world, org, &count).await[0]["n"].as_i64().unwrap() > 100, "{table}");
        assert_eq!(read(&world, world.org, &count).await[0]["n"], 0, "{table}");
    }
}

#[tokio::test]
async fn the_company_is_found_again_with_its_people() {
    let world = World::new().await;
    let company = demo::found(&world.db, &*world.clock).await.unwrap();
    let again = demo::found(&world.db, &*world.clock).await.unwrap();
    assert_eq!((company.org, &company.members), (again.org, &again.members));
    for name in ["mara", "alex", "Noor"] {
        assert!(company.member(name).is_some(), "{name}");
    }
}
