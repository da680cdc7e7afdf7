//! How fast events are taken: batches over HTTP, every rule checked, one durable transaction each, against COPY of the rows
//! that came of it, in the same run. Server, clients and database are all on this machine.
//!
//! `cargo bench --bench events`; after `--`: `--events N` (200,000), `--batch N` (500), `--clients N` (6).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench prints its figures and stops at the first thing that does not work"
)]
#[allow(dead_code, reason = "each bench uses its part of the harness")]
mod harness;

use adjutant::access::Permission;
use adjutant::app::App;
use adjutant::catalogue::Catalogue;
use adjutant::chat::offline::OfflinePlanner;
use adjutant::chat::{self, Parts, Service};
use adjutant::clock::{SharedClock, SystemClock};
use adjutant::db::PoolSizes;
use adjutant::db::credentials::{self, NewApiKey};
use adjutant::db::events::known::{self, KeyRules};
use adjutant::events::ingest::Ingest;
use adjutant::http::{self, limits::Limits, state::Server};
use adjutant::ids::{ApiKeyId, new_uuid};
use adjutant::llm::ChatModel;
use adjutant::webhooks;
use futures::future::join_all;
use harness::args::Args;
use harness::cost::Cost;
use harness::figures::{Samples, machine};
use harness::{World, company};
use jiff::ToSpan as _;
use jiff::tz::TimeZone;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sqlx::{Executor as _, PgConnection};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use tokio_util::sync::CancellationToken;

fn main() {
    rustls::crypto::ring::default_provider().install_default().expect("one provider of TLS");
    let args = Args::read(&["events", "batch", "clients"]);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(bench(&args));
}

async fn bench(args: &Args) {
    println!("machine: {}", machine());
    let (events, batch, clients) =
        (args.number("events", 200_000), args.number("batch", 500), args.number("clients", 6));
    let clock: SharedClock = Arc::new(SystemClock);
    let today = clock.now().to_zoned(TimeZone::UTC).date();
    let (world, _) = World::open("bench_events", false, today, PoolSizes::default()).await;
    let actor = company(&world.db, &*clock, "events").await;
    let text = credentials::new_key_text(&mut rand::rng());
    let scopes = [Permission::EventWrite].into_iter().collect();
    let new = NewApiKey {
        name: "events",
        member: actor.member,
        scopes: &scopes,
        per_minute: i32::MAX,
        expires_at: None,
    };
    let id = ApiKeyId::new(&*clock);
    let mut tx = world.db.org(actor.org).await.expect("a transaction");
    credentials::create_api_key(&mut tx, actor.org, id, &text, &new, clock.now()).await.expect("a key");
    let rules =
        KeyRules { pii_mode: "reject".to_owned(), events_per_minute: i32::MAX, ..KeyRules::default() };
    assert!(known::set_key_rules(&mut tx, actor.org, id, &rules).await.expect("its rules"));
    tx.commit().await.expect("a commit");

    let (url, stop) = serve(&world, &clock).await;
    let warm = bodies(&clock, batch * 40, batch);
    send(&url, text.expose_secret(), &warm, clients, batch).await;
    let made = bodies(&clock, events, batch);
    let bytes: usize = made.iter().map(String::len).sum();
    println!("{events} events in batches of {batch}, {} bytes each, {clients} clients\n", bytes / events);
    world.settle().await;
    let cost = Cost::so_far(&world.cluster);
    let (took, samples) = send(&url, text.expose_secret(), &made, clients, batch).await;
    let over_http = events as f64 / took;
    println!("over HTTP, checked, durable   {over_http:9.0} events/s   (bar: 20000)");
    println!("  a batch: {}", samples.line());
    println!("  a thousand events: {}", cost.line(&world.cluster, events / 1000));

    let together = copies(&world, batch, clients).await;
    let alone = copies(&world, usize::MAX, 1).await;
    println!("COPY, {batch} rows a transaction, {clients} connections {together:9.0} rows/s");
    println!("COPY, all rows in one                  {alone:9.0} rows/s");
    for (name, copy) in [("batches", together), ("one COPY", alone)] {
        println!("over HTTP is {:.0} % of {name}   (bar: 40 %)", 100.0 * over_http / copy);
    }
    stop.cancel();
    world.db.close().await;
    world.cluster.stop().await;
}

async fn serve(world: &World, clock: &SharedClock) -> (String, CancellationToken) {
    let catalogue = Arc::new(Catalogue::load(None).expect("the catalogue loads"));
    let planner: Arc<dyn ChatModel> = Arc::new(
        OfflinePlanner::new(Arc::clone(&catalogue), world.db.clone(), Arc::clone(clock))
            .expect("the planner"),
    );
    let chat = Service::new(Parts {
        db: world.db.clone(),
        clock: Arc::clone(clock),
        catalogue: Arc::clone(&catalogue),
        model: Arc::clone(&planner),
        planner: Arc::clone(&planner),
        settings: chat::Settings::default(),
    })
    .expect("the chat room");
    let app = App { db: world.db.clone(), clock: Arc::clone(clock), catalogue, model: planner };
    let metrics = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder().handle();
    let events = Ingest::new(app.db.clone(), Arc::clone(clock), || 0.5).expect("the registry");
    let stop = CancellationToken::new();
    let server = Server {
        app,
        chat,
        events: Arc::new(events),
        limits: Arc::new(Limits::default()),
        webhooks: webhooks::Settings::closed(),
        sources: harness::no_connections(&stop),
        metrics,
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/api/events", listener.local_addr().expect("an address"));
    tokio::spawn(http::serve(listener, server, 1 << 20, axum::Router::new(), stop.clone()));
    (url, stop)
}

/// Sends every body once; seconds, and how long each took.
async fn send(url: &str, key: &str, bodies: &[String], clients: usize, batch: usize) -> (f64, Samples) {
    let client = reqwest::Client::builder().tcp_nodelay(true).no_proxy().build().expect("a client");
    let next = AtomicUsize::new(0);
    let begun = Instant::now();
    let one = || async {
        let mut own = Samples::default();
        while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
            let sent = Instant::now();
            let request = client.post(url).bearer_auth(key).header("content-type", "application/json");
            let answer = request.body(body.clone()).send().await.expect("an answer");
            let status = answer.status();
            let text = answer.text().await.expect("its body");
            own.add(sent.elapsed());
            assert_eq!(status, 200, "{}", &text[..text.len().min(2000)]);
            assert!(text.contains(&format!("\"accepted\":{batch},")), "{}", &text[..200]);
        }
        own
    };
    let mut samples = Samples::default();
    for own in join_all((0..clients).map(|_| one())).await {
        samples.extend(&own);
    }
    (begun.elapsed().as_secs_f64(), samples)
}

/// COPY of the rows that are stored, into the same table, emptied; rows a second.
async fn copies(world: &World, batch: usize, connections: usize) -> f64 {
    use futures::StreamExt as _;
    let mut superuser = world.superuser().await;
    let mut text = Vec::new();
    let mut rows = superuser.copy_out_raw("copy (select * from events) to stdout").await.expect("the rows");
    while let Some(piece) = rows.next().await {
        text.extend_from_slice(&piece.expect("a piece"));
    }
    drop(rows);
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let parts: Vec<Vec<u8>> = lines.chunks(batch.min(lines.len())).map(<[_]>::concat).collect();
    superuser.execute("truncate events").await.expect("an empty table");
    superuser.execute("checkpoint").await.expect("a checkpoint");
    let next = AtomicUsize::new(0);
    let mut sessions = Vec::new();
    for _ in 0..connections {
        sessions.push(world.superuser().await);
    }
    let begun = Instant::now();
    let one = |mut session: PgConnection| {
        let (next, parts) = (&next, &parts);
        async move {
            while let Some(part) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
                let mut copy = session.copy_in_raw("copy events from stdin").await.expect("COPY");
                copy.send(part.as_slice()).await.expect("rows");
                copy.finish().await.expect("a commit");
            }
        }
    };
    join_all(sessions.into_iter().map(one)).await;
    lines.len() as f64 / begun.elapsed().as_secs_f64()
}

/// Batches of what shops send: clicks, views, purchases, mails, ads.
fn bodies(clock: &SharedClock, events: usize, batch: usize) -> Vec<String> {
    let made: Vec<Value> = (0..events).map(|n| event(clock, n)).collect();
    made.chunks(batch).map(|events| json!({ "events": events }).to_string()).collect()
}

fn event(clock: &SharedClock, n: usize) -> Value {
    let at = clock.now().checked_sub(((n % 7_200) as i64).seconds()).expect("a time");
    let campaign = format!("5d0f7a52-6f0e-4a9b-8a43-0d3a5cf4{:04x}", n % 200);
    let actor = json!({"type": "user", "id": format!("u_{}", n % 50_000)});
    let mut event = json!({"id": new_uuid(&**clock), "occurred_at": at.to_string(), "source": "web", "actor": actor,
                           "session": {"id": format!("s_{}", n / 5), "sequence": n % 5},
                           "context": {"platform": "web", "country": "CH", "device": "mobile"}});
    let (name, more) = match n % 8 {
        0 => (
            "campaign_clicked",
            json!({"channel": "push", "entity": {"type": "campaign", "id": campaign},
                   "properties": {"campaign_id": campaign, "click_type": "cta", "time_to_click_seconds": n % 90}}),
        ),
        1 => (
            "user_purchased",
            json!({"value": format!("{}.90", n % 300), "currency": "EUR",
                   "properties": {"order_id": new_uuid(&**clock), "order_value": format!("{}.90", n % 300),
                                  "promo_code_used": n.is_multiple_of(2), "order_category": "shoes"}}),
        ),
        2 | 3 => (
            "page_view",
            json!({"channel": "seo", "entity": {"type": "page", "id": format!("/guides/{}", n % 500)},
                   "properties": {"page_path": format!("/guides/{}", n % 500), "page_title": "How to choose trail shoes",
                                  "page_type": "guide", "is_entry": n.is_multiple_of(3)}}),
        ),
        4 => (
            "session_start",
            json!({"properties": {"landing_path": "/sale", "is_new_user": n.is_multiple_of(2)}}),
        ),
        5 => (
            "email_opened",
            json!({"channel": "email", "entity": {"type": "email", "id": campaign},
                   "properties": {"campaign_id": campaign, "message_id": format!("m_{n}"), "device": "desktop"}}),
        ),
        6 => (
            "add_to_cart",
            json!({"currency": "EUR", "properties": {"cart_id": format!("cart_{n}"), "cart_value": 49.9, "item_count": 2}}),
        ),
        _ => (
            "ad_click",
            json!({"channel": "paid_search", "entity": {"type": "ad", "id": format!("ad_{}", n % 900)},
                   "properties": {"campaign_id": campaign, "ad_id": format!("ad_{}", n % 900), "keyword": "trail shoes"}}),
        ),
    };
    event["name"] = json!(name);
    for (key, value) in more.as_object().expect("an object") {
        event[key] = value.clone();
    }
    event
}
