//! `kill -9` of the real server while clients send, who retry until they hear: nothing is lost, nothing counts twice.
//! A million events the same way: `TEST_EVENTS=1000000 cargo test --release --test it -- events::killed`.
use super::*;
use crate::crash::Program;
use adjutant::clock::SystemClock;
use futures::future::join_all;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// Of a hundred items so many break a rule, are sent twice, or are late.
const BAD: u128 = 7;
const TWICE: u128 = 5;
const LATE: u128 = 3;
const CLIENTS: usize = 4;
const BATCH: usize = 250;

#[allow(clippy::disallowed_methods, reason = "a longer run is asked for from outside")]
fn wanted() -> u128 {
    let given = std::env::var("TEST_EVENTS").ok();
    given.map_or(20_000, |n| n.parse().expect("TEST_EVENTS is a number"))
}

/// The n-th item, its true id, and whether it is a good one.
fn item(n: u128, now: Timestamp) -> (Value, u128, bool) {
    let kind = n % 100;
    // Some are the item before them again.
    let id = if kind >= 100 - TWICE { n - TWICE } else { n } + 1;
    let ago = if id % 100 < LATE { 2 * 86_400 } else { (id % 3_000) as i64 };
    let mut event = match id % 2 {
        0 => purchase(id, before(now, ago), &format!("{}.5", id % 90)),
        _ => click(id, before(now, ago)),
    };
    let bad = (10..10 + BAD).contains(&kind);
    if bad {
        match kind % 4 {
            0 => event["id"] = json!("abc"),
            1 => event["name"] = json!("campaign_clickd"),
            2 => event["occurred_at"] = json!("2026-01-25 09:30"),
            _ => event["source"] = json!("fax"),
        }
    }
    (event, id, !bad)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_while_clients_send_and_retry_loses_nothing_and_doubles_nothing() {
    let world = World::new().await;
    let rules = KeyRules { events_per_minute: i32::MAX, ..ordinary() };
    let key =
        key(&world.db, &SystemClock, &world.marketer, &[Permission::EventWrite], i32::MAX, &rules).await;
    let now = SystemClock.now();
    let wanted = wanted();
    let mut batches: Vec<Vec<u128>> = Vec::new();
    for from in (0..wanted).step_by(BATCH) {
        batches.push((from..wanted.min(from + BATCH as u128)).collect());
    }
    let batches = Arc::new(batches);
    let mut server = Program::serve(&world, None).await;
    let (publish, url) = watch::channel(server.url.clone());
    let heard = Arc::new(AtomicUsize::new(0));
    let (progress, mut progressed) = watch::channel(0);
    let progress = Arc::new(progress);
    let next = Arc::new(AtomicUsize::new(0));
    let clients = (0..CLIENTS).map(|_| {
        let (batches, next, heard, progress) =
            (batches.clone(), next.clone(), heard.clone(), progress.clone());
        let (mut url, key) = (url.clone(), key.clone());
        tokio::spawn(async move {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let mut sums: BTreeMap<String, i64> = BTreeMap::new();
            let mut retried = 0;
            while let Some(batch) = batches.get(next.fetch_add(1, Ordering::SeqCst)) {
                let events: Vec<Value> = batch.iter().map(|n| item(*n, now).0).collect();
                let body = json!({ "events": events }).to_string();
                let told = loop {
                    let at = url.borrow_and_update().clone();
                    let request =
                        client.post(format!("{at}/api/events")).bearer_auth(&key).body(body.clone());
                    let answer = async { request.send().await.ok()?.bytes().await.ok() };
                    let told = answer.await.and_then(|body| serde_json::from_slice::<Value>(&body).ok());
                    match told.filter(|told| told["received"].is_number()) {
                        Some(told) => break told,
                        // Cut off, nobody there, or sent back by a busy server: again, at the latest after a while.
                        None => {
                            retried += 1;
                            let _ = tokio::time::timeout(Duration::from_millis(500), url.changed()).await;
                        }
                    }
                };
                assert_eq!(told["received"], batch.len(), "{told}");
                for status in ["accepted", "duplicate", "replaced", "suppressed", "rejected"] {
                    *sums.entry(status.to_owned()).or_default() += told[status].as_i64().unwrap();
                }
                progress.send_replace(heard.fetch_add(1, Ordering::SeqCst) + 1);
            }
            (sums, retried)
        })
    });
    let clients: Vec<_> = clients.collect();
    // Twice, with clients who send all the while: until the next server is there, none of them is answered.
    for part in [1, 2] {
        progressed.wait_for(|done| done * 3 >= batches.len() * part).await.unwrap();
        server.kill().await;
        server = Program::serve(&world, None).await;
        publish.send_replace(server.url.clone());
    }
    let mut sums: BTreeMap<String, i64> = BTreeMap::new();
    let mut retried = 0;
    for client in join_all(clients).await {
        let (own, again) = client.unwrap();
        retried += again;
        own.into_iter().for_each(|(status, n)| *sums.entry(status).or_default() += n);
    }
    assert!(retried > 0, "no batch was on its way when the server was killed");

    // An independent recount of what was sent.
    let mut good: BTreeMap<u128, Value> = BTreeMap::new();
    let (mut refused, mut again) = (0, 0);
    for n in 0..wanted {
        let (event, id, fit) = item(n, now);
        if !fit {
            refused += 1;
        } else if good.insert(id, event).is_some() {
            again += 1;
        }
    }
    let total: i64 = sums.values().sum();
    assert_eq!(total, wanted as i64, "{sums:?}");
    assert_eq!(sums["rejected"], refused, "{sums:?}");
    // A batch that was stored before its reply was lost comes back as duplicates.
    assert_eq!(sums["accepted"] + sums["duplicate"], good.len() as i64 + again, "{sums:?}");
    assert!(sums["accepted"] <= good.len() as i64, "{sums:?}");
    assert_eq!((sums["replaced"], sums["suppressed"]), (0, 0));

    let counted = async |sql: &'static str| count(&world.db, world.org, sql).await;
    let purchases: Vec<&Value> = good.values().filter(|event| event["name"] == "user_purchased").collect();
    let tenths: f64 =
        purchases.iter().map(|event| event["value"].as_str().unwrap().parse::<f64>().unwrap() * 10.0).sum();
    let late = good.keys().filter(|id| **id % 100 < LATE).count() as i64;
    // What the server itself noted meanwhile (so many of these come late) is apart.
    let sent = "select count(*) from events where ingested_via = 'api'";
    assert_eq!(counted(sent).await, good.len() as i64);
    let ids = "select count(distinct id) from events where ingested_via = 'api'";
    assert_eq!(counted(ids).await, good.len() as i64);
    let ledger = "select count(*) from event_ids i where not exists (
                      select from events e where e.org_id = i.org_id and e.id = i.id and e.ingested_via = 'internal')";
    assert_eq!(counted(ledger).await, good.len() as i64);
    assert_eq!(
        counted("select count(*) from events where name = 'user_purchased'").await,
        purchases.len() as i64
    );
    assert_eq!(counted("select (sum(value) * 10)::bigint from events").await, tenths as i64);
    assert_eq!(counted("select count(*) from events where late_arrival").await, late);
    assert_eq!(counted("select sum(stored)::bigint from data_quality_log").await, good.len() as i64);
    assert_eq!(counted("select sum(late)::bigint from data_quality_log").await, late);
}
