//! The entity map through the front door: imports and events bring names, rules link what is certain, people decide the rest,
//! facts follow.
use crate::crash::program;
use crate::imports::{Told, bring};
use crate::served::Served;
use crate::world::{Company, World};
use adjutant::access::Permission;
use adjutant::clock::Clock as _;
use adjutant::daily::map::{self, Outcome};
use adjutant::db::credentials::{self, NewApiKey};
use adjutant::db::entity_map::read;
use adjutant::ids::{ApiKeyId, OrgId};
use adjutant::jobs::entity_map;
use jiff::ToSpan as _;
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

const ADS: &str = "Day,Campaign ID,Campaign,Cost,Clicks\n\
    2025-09-10,77,Spring Sale,60,9\n2025-09-10,78,Trail Shoes Search,40,5\n";
const ORDERS: &str = "Order ID,Order date,Total,utm_source,utm_medium,utm_campaign\n\
    o1,2025-09-11T10:00:00Z,50,google,cpc,spring+sale\n\
    o2,2025-09-11T11:00:00Z,30,google,cpc,spring-sales\n\
    o3,2025-09-11T12:00:00Z,20,,,\n";

async fn ads(world: &World) {
    let told = Told { source: Some("google_ads"), ..Told::default() };
    bring(world, "ads", ADS.as_bytes(), &told).await.unwrap();
}

async fn orders(world: &World) {
    let told = Told { source: Some("shopify"), ..Told::default() };
    bring(world, "orders", ORDERS.as_bytes(), &told).await.unwrap();
}

async fn link(world: &World) -> Outcome {
    map::link(&world.db, &*world.clock, world.org).await.unwrap()
}

/// The links of an organisation in words.
async fn links(world: &World, org: OrgId) -> Vec<String> {
    let mut tx = world.db.org(org).await.unwrap();
    let held = read::links(&mut tx, org).await.unwrap();
    held.iter().map(|held| format!("{} {}", held.link, held.word())).collect()
}

async fn texts(world: &World, sql: &'static str) -> Vec<String> {
    let mut tx = world.db.org(world.org).await.unwrap();
    sqlx::query_scalar(sql).fetch_all(&mut *tx).await.unwrap()
}

const ORDERED: &str = "select id || ' ' || coalesce(campaign_id, '-') from orders order by id";

/// `adjutant entities …`: whether it went well, and what it said.
async fn said(world: &World, words: &[&str]) -> (bool, String) {
    let mut command = program(world);
    let output =
        command.arg("entities").args(words).stdout(std::process::Stdio::piped()).output().await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

const SPRING: [&str; 5] = ["campaign", "utm:google/spring_sales", "same_as", "campaign", "google_ads:77"];

async fn decided(world: &World, verb: &str, link: &[&str]) -> String {
    let (fine, words) = said(world, &[&[verb], link].concat()).await;
    assert!(fine, "{words}");
    words
}

#[tokio::test]
async fn what_is_certain_is_linked_once_and_orders_have_their_campaign() {
    let world = World::new().await;
    ads(&world).await;
    orders(&world).await;
    let first = link(&world).await;
    assert_eq!(first.linked, 1);
    let spring = "campaign utm:google/spring_sale same_as campaign google_ads:77 confirmed";
    assert_eq!(links(&world, world.org).await, [spring]);
    assert_eq!(texts(&world, ORDERED).await, ["shopify:o1 google_ads:77", "shopify:o2 -", "shopify:o3 -"]);
    assert_eq!(link(&world).await, Outcome::default(), "a second run changes nothing");
    assert_eq!(entity_map::link(world.round()).await.unwrap(), 0);
}

#[tokio::test]
async fn the_order_in_which_files_come_makes_no_difference() {
    let mut seen = BTreeSet::new();
    for turned in [false, true] {
        let world = World::new().await;
        if turned {
            orders(&world).await;
            link(&world).await;
            ads(&world).await;
        } else {
            ads(&world).await;
            link(&world).await;
            orders(&world).await;
        }
        link(&world).await;
        seen.insert((links(&world, world.org).await, texts(&world, ORDERED).await));
    }
    assert_eq!(seen.len(), 1, "{seen:#?}");
}

#[tokio::test]
async fn what_is_alike_waits_for_a_person_and_a_no_is_remembered() {
    let world = World::new().await;
    ads(&world).await;
    orders(&world).await;
    let (fine, words) = said(&world, &["suggest"]).await;
    assert!(
        fine && words.contains("0.77  campaign utm:google/spring_sales same_as campaign google_ads:77"),
        "{words}"
    );
    assert_eq!(texts(&world, ORDERED).await[1], "shopify:o2 -", "a suggestion links nothing");
    let words = decided(&world, "reject", &SPRING).await;
    assert!(words.contains("rejected"), "{words}");
    let (_, words) = said(&world, &["suggest"]).await;
    assert!(!words.contains("spring_sales"), "{words}");
    // Somebody thinks better of it.
    let words = decided(&world, "accept", &SPRING).await;
    assert!(words.contains("linked; 1 events, orders and leads followed"), "{words}");
    assert!(decided(&world, "accept", &SPRING).await.contains("so it was already"));
    assert_eq!(texts(&world, ORDERED).await[1], "shopify:o2 google_ads:77");
    let (_, words) = said(&world, &["history", "campaign", "utm:google/spring_sales"]).await;
    assert!(
        words.contains("suggested → rejected (operator)") && words.contains("rejected → confirmed"),
        "{words}"
    );
    decided(&world, "reject", &SPRING).await;
    assert_eq!(texts(&world, ORDERED).await[1], "shopify:o2 -", "it is undone");
    let acts = texts(&world, "select action from audit_log where action like 'entity.%' order by seq").await;
    assert_eq!(acts, ["entity.rejected", "entity.linked", "entity.rejected"]);
}

#[tokio::test]
async fn what_cannot_be_linked_is_told_and_nothing_is_written() {
    let world = World::new().await;
    ads(&world).await;
    let told = async |link: [&str; 5]| {
        let (fine, words) = said(&world, &[&["accept"][..], &link[..]].concat()).await;
        assert!(!fine, "{words}");
        words
    };
    let words = told(["campaign", "x", "same_as", "campaign", "google_ads:1"]).await;
    assert!(words.contains("there is no campaign google_ads:1"), "{words}");
    let words = told(["campaign", "google_ads:77", "same_as", "page", "/"]).await;
    assert!(words.contains("of two kinds"), "{words}");
    let words = told(["campaign", "x", "wears", "campaign", "google_ads:77"]).await;
    assert!(words.contains("unknown relation 'wears'; one of: same_as"), "{words}");
    let words = told(["campaign", "google_ads:77", "same_as", "campaign", "google_ads:77"]).await;
    assert!(words.contains("cannot be linked to itself"), "{words}");
    decided(&world, "accept", &["campaign", "google_ads:78", "same_as", "campaign", "google_ads:77"]).await;
    let words = told(["campaign", "google_ads:77", "same_as", "campaign", "google_ads:78"]).await;
    assert!(words.contains("the other way round"), "{words}");
    decided(&world, "accept", &["campaign", "x", "same_as", "campaign", "google_ads:78"]).await;
    let words = told(["campaign", "x", "same_as", "campaign", "google_ads:77"]).await;
    assert!(
        words.contains("is the same as campaign google_ads:78 already; reject that link first"),
        "{words}"
    );
    let canonical =
        texts(&world, "select canonical_id from entities where kind = 'campaign' order by id").await;
    assert_eq!(canonical, ["google_ads:77", "google_ads:77"]);
    assert_eq!(links(&world, world.org).await.len(), 2);
}

/// A key that may send events.
async fn key(world: &World) -> String {
    let text = credentials::new_key_text(&mut rand::rng());
    let scopes: BTreeSet<Permission> = [Permission::EventWrite].into();
    let member = world.marketer.member;
    let new = NewApiKey { name: "events", member, scopes: &scopes, per_minute: 1_000, expires_at: None };
    let mut tx = world.db.org(world.org).await.unwrap();
    let id = ApiKeyId::new(&*world.clock);
    credentials::create_api_key(&mut tx, world.org, id, &text, &new, world.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    text.expose_secret().to_owned()
}

fn opened(world: &World, id: u128, thing: &str) -> Value {
    let at = world.clock.now() - 3.hours();
    json!({"id": Uuid::from_u128(id), "name": "x_banner_seen", "occurred_at": at.to_string(), "source": "web",
           "channel": "paid_search", "entity": {"type": "campaign", "id": thing},
           "actor": {"type": "user", "id": "u_1"}, "properties": {"place": "top"}})
}

const EVENTS: &str = "select entity_id || ' ' || coalesce(canonical_id, '-') from events order by entity_id";

#[tokio::test]
async fn events_follow_when_links_change_and_their_days_are_computed_again() {
    let world = World::new().await;
    let served = Served::new(&world).await;
    let admin = served.session(&world.admin).await;
    let name = json!({"class": "user", "actor": true, "entity": ["campaign"],
                      "properties": [{"name": "place", "type": "str"}]});
    let put =
        served.request(Method::PUT, "/api/events/registry/x_banner_seen", &admin).json(&name).send().await;
    assert!(put.unwrap().status().is_success());
    let key = key(&world).await;
    let names = ["77", "google_ads:78", "spring_sale", "sprng"];
    let batch: Vec<Value> = (1..).zip(names).map(|(id, name)| opened(&world, id, name)).collect();
    let told = served.post("/api/events", &key, json!({ "events": batch })).await;
    assert_eq!(told.body["accepted"], 4, "{}", told.body);
    assert_eq!(texts(&world, EVENTS).await, ["77 -", "google_ads:78 -", "spring_sale -", "sprng -"]);
    // The platform is read after its campaigns were named.
    ads(&world).await;
    let outcome = link(&world).await;
    assert_eq!((outcome.linked, outcome.facts), (2, 3), "{outcome:?}");
    let all = ["77 google_ads:77", "google_ads:78 google_ads:78", "spring_sale google_ads:77"];
    assert_eq!(texts(&world, EVENTS).await, [&all[..], &["sprng -"]].concat());
    assert_eq!(link(&world).await, Outcome::default());
    // What comes from now on is known at once, by the other name too.
    let more = [opened(&world, 9, "spring_sale")];
    let told = served.post("/api/events", &key, json!({ "events": more })).await;
    assert_eq!(told.body["results"][0]["warnings"], Value::Null, "{}", told.body);
    decided(&world, "accept", &["campaign", "sprng", "same_as", "campaign", "google_ads:77"]).await;
    assert_eq!(texts(&world, EVENTS).await[4], "sprng google_ads:77");
    decided(&world, "reject", &["campaign", "spring_sale", "same_as", "campaign", "google_ads:77"]).await;
    assert_eq!(texts(&world, EVENTS).await[2..], ["spring_sale -", "spring_sale -", "sprng google_ads:77"]);
    let queued = "select distinct date || ' ' || entity_id || ' ' || cause from restatements
                  where entity_kind = 'campaign' and cause = 'entity map' order by 1";
    assert_eq!(
        texts(&world, queued).await,
        ["77", "google_ads:77", "google_ads:78", "spring_sale", "sprng"]
            .map(|id| format!("2025-09-17 {id} entity map"))
    );
    // What the program itself writes is no gap, whatever it names.
    let mut tx = world.db.org(world.org).await.unwrap();
    sqlx::query(
        "insert into events select (jsonb_populate_record(e, jsonb_build_object('id', gen_random_uuid(), 'source', 'system',
           'entity_id', 'of the program', 'canonical_id', null, 'occurred_at', '2025-09-15T10:00:00Z'))).* from events e limit 1",
    )
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let window = json!({"window": {"start": "2025-09-01", "end": "2025-09-16"}});
    let mapped = query(&served, &world.company, "mapping_coverage", window).await;
    assert!(!mapped["rows"].to_string().contains("system"), "{mapped}");
    let gaps = query(&served, &world.company, "mapping_gaps", json!({})).await;
    assert!(!gaps["rows"].to_string().contains("of the program"), "{gaps}");
    let (_, words) = said(&world, &["coverage", "--until", "2025-09-16"]).await;
    assert!(!words.contains("system"), "{words}");
    let other = world.other_org().await;
    assert!(links(&world, other.org).await.is_empty());
}

#[tokio::test]
async fn links_go_out_as_a_file_and_come_back_all_or_none() {
    let world = World::new().await;
    ads(&world).await;
    orders(&world).await;
    link(&world).await;
    decided(&world, "accept", &SPRING).await;
    let folder = tempfile(&world);
    let path = folder.join("links.csv").display().to_string();
    let (fine, words) = said(&world, &["export", &path]).await;
    assert!(fine && words.contains("2 links in"), "{words}");
    let before = links(&world, world.org).await;
    let (fine, words) = said(&world, &["import", &path]).await;
    assert!(fine && words.contains("read 2 links: 0 new or changed, 2 unchanged"), "{words}");
    assert_eq!(links(&world, world.org).await, before);
    let origins = "select origin from entity_links order by from_id";
    assert_eq!(texts(&world, origins).await, ["automatic", "operator"], "a rule's word stays a rule's");

    let faulty = folder.join("faulty.csv").display().to_string();
    let lines = "from_kind,from_id,relation,to_kind,to_id,state\n\
        campaign,utm:google/new,same_as,campaign,google_ads:78,confirmed\n\
        campaign,utm:google/other,same_as,campaign,google_ads:1,confirmed\n";
    std::fs::write(&faulty, lines).unwrap();
    let (fine, words) = said(&world, &["import", &faulty]).await;
    assert!(!fine && words.contains("Line 3: there is no campaign google_ads:1"), "{words}");
    assert!(words.contains("[entity.unknown]") && words.contains("nothing was read"), "{words}");
    assert_eq!(links(&world, world.org).await, before, "the good line is not written either");
    std::fs::write(&faulty, lines.replace("google_ads:1,", "google_ads:78,")).unwrap();
    let (fine, words) = said(&world, &["import", &faulty, "--dry-run"]).await;
    assert!(fine && words.contains("would read 2 links: 2 new or changed"), "{words}");
    assert_eq!(links(&world, world.org).await, before);
    let (fine, words) = said(&world, &["import", &faulty]).await;
    assert!(fine, "{words}");
    assert_eq!(links(&world, world.org).await.len(), 4);
    std::fs::remove_dir_all(folder).unwrap();
}

fn tempfile(world: &World) -> std::path::PathBuf {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("entities-{}", world.org));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// `{"rows": …, "totals": …}` of a query, as a viewer asks it.
async fn query(served: &Served, company: &Company, name: &str, params: Value) -> Value {
    let token = served.session(&company.viewer).await;
    let reply = served.post(&format!("/api/tools/{name}"), &token, json!({ "params": params })).await;
    assert!(reply.status.is_success(), "{}", reply.body);
    reply.body
}

#[tokio::test]
async fn the_coverage_of_the_program_the_query_and_the_metric_is_one_figure() {
    let world = World::new().await;
    let served = Served::new(&world).await;
    ads(&world).await;
    orders(&world).await;
    link(&world).await;
    // 60 of 100 was spent on the campaign that orders name.
    let (fine, words) = said(&world, &["coverage", "--until", "2025-09-16"]).await;
    assert!(fine && words.contains("together 60.0 % from"), "{words}");
    let window = json!({"start": "2025-08-20", "end": "2025-09-16"});
    let body = query(&served, &world.company, "mapping_coverage", json!({ "window": window })).await;
    assert!(body.to_string().contains("0.6"), "{body}");
    let token = served.session(&world.viewer).await;
    let answer = served.ask(&token, "entity mapping coverage").await;
    assert!(answer.to_string().contains("60.0"), "{answer}");
    let compared = query(
        &served,
        &world.company,
        "metric_compare",
        json!({"metric": "entity_mapping_coverage", "window": window}),
    )
    .await;
    assert!(compared.to_string().contains("0.6"), "{compared}");
    // The other campaign is a gap.
    let gaps = query(&served, &world.company, "mapping_gaps", json!({})).await;
    assert!(gaps.to_string().contains("Trail Shoes Search"), "{gaps}");
}

#[tokio::test]
async fn another_name_of_a_campaign_is_understood_in_a_question() {
    let world = World::new().await;
    let served = Served::new(&world).await;
    ads(&world).await;
    let mut tx = world.db.org(world.org).await.unwrap();
    sqlx::query(
        "insert into entities (org_id, kind, id, source, external_id, name, canonical_id, first_seen_at, updated_at)
         values ($1, 'campaign', 'ga4:fv', 'ga4', 'fv', 'Blossom Weeks', 'ga4:fv', '2025-09-01Z', '2025-09-01Z')",
    )
    .bind(world.org)
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    decided(&world, "accept", &["campaign", "ga4:fv", "same_as", "campaign", "google_ads:77"]).await;
    let detail =
        query(&served, &world.company, "campaign_detail", json!({"campaign": "blossom weeks"})).await;
    assert!(detail.to_string().contains("google_ads:77"), "{detail}");
}
