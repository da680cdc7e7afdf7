//! Measures and alerts through the front door: each alert opens once and closes once, whoever looks and how often
//! (`events.md` §8, §9; `connectors.md` §1.8).
use super::{Gate, before};
use crate::world::World;
use adjutant::clock::{Clock as _, SharedClock};
use adjutant::jobs::freshness;
use adjutant::jobs::schedule::{JOBS, Job, Scheduler};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use std::time::Duration;
use uuid::Uuid;

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

fn job() -> &'static Job {
    JOBS.iter().find(|job| job.name == "data_quality").unwrap()
}

/// Two replicas of a server.
struct Replicas {
    one: Scheduler,
    two: Scheduler,
}

impl Replicas {
    fn of(world: &World) -> Self {
        let clock: SharedClock = world.clock.clone();
        Self {
            one: Scheduler::new(world.db.clone(), clock.clone()),
            two: Scheduler::new(world.db.clone(), clock),
        }
    }

    async fn hourly(&self) {
        let (a, b) = tokio::join!(self.one.round(job()), self.two.round(job()));
        assert_eq!(a.unwrap() + b.unwrap(), 1);
    }
}

/// Alerts as `severity key open|closed`.
async fn alerts(gate: &Gate) -> Vec<String> {
    let session = gate.served.session(&gate.world.viewer).await;
    let read = gate.served.get("/api/quality", &session).await;
    assert_eq!(read.status, 200, "{}", read.body);
    let word = |alert: &Value| {
        let state = if alert["closed_at"].is_null() { "open" } else { "closed" };
        format!("{} {} {state}", alert["severity"].as_str().unwrap(), alert["key"].as_str().unwrap())
    };
    let mut words: Vec<String> = read.body["alerts"].as_array().unwrap().iter().map(word).collect();
    words.sort();
    words
}

async fn notices(gate: &Gate) -> Vec<(String, bool)> {
    let mut tx = gate.world.db.org(gate.world.org).await.unwrap();
    sqlx::query_as(
        "select payload #>> '{notice,title}', payload #>> '{notice,resolved_at}' is not null from outbox
          where channel_ref like 'notice:alert:%' order by created_at, id",
    )
    .fetch_all(&mut *tx)
    .await
    .unwrap()
}

impl Gate {
    /// 30 events of this hour, so many of them refused; `from` keeps their ids apart.
    async fn an_hour(&self, from: u128, refused: usize) {
        let mut events: Vec<Value> = (0..30).map(|n| self.click(from + n, 60)).collect();
        for event in events.iter_mut().take(refused) {
            event["properties"] = json!({});
        }
        self.send(&events).await;
        self.world.clock.advance(HOUR);
    }
}

#[tokio::test]
async fn an_alert_opens_once_and_closes_once_over_two_replicas() {
    let gate = Gate::new().await;
    let replicas = Replicas::of(&gate.world);
    let refused = "critical validation_pass_rate_percent:mobile:campaign";
    let whole = "critical validation_pass_rate_percent:all:all";
    gate.world.clock.advance(MINUTE * 6);
    let mut seen = Vec::new();
    for (n, bad) in [0, 10, 0, 10, 10, 10, 0, 0, 0, 0].into_iter().enumerate() {
        gate.an_hour(1_000 * (n as u128 + 1), bad).await;
        replicas.hourly().await;
        let open = alerts(&gate).await;
        let of =
            |key: &str| open.iter().find(|alert| alert.starts_with(key)).map(|alert| alert.ends_with("open"));
        assert_eq!(of(refused), of(whole));
        seen.push(of(refused));
    }
    let (no, open, closed) = (None, Some(true), Some(false));
    assert_eq!(seen, [no, no, no, no, open, open, open, open, closed, closed]);
    let told = notices(&gate).await;
    let of: Vec<bool> = told
        .iter()
        .filter(|(title, _)| title.contains("of mobile (campaign)") && title.starts_with("Validation"))
        .map(|(_, resolved)| *resolved)
        .collect();
    assert_eq!(of, [false, true], "{told:?}");
    // The facts of it: one event each, and the hours reported.
    let org = gate.world.org;
    let detected = "select count(*) from events where name = 'anomaly_detected' and ingested_via = 'internal'
                     and entity_id = 'validation_pass_rate_percent:mobile:campaign'";
    assert_eq!(gate.count(org, detected).await, 1);
    for name in ["ingest_report", "data_refresh_completed"] {
        let sql = match name {
            "ingest_report" => {
                "select count(*) from events where name = 'ingest_report' and props ->> 'source' = 'mobile'"
            }
            _ => {
                "select count(*) from events where name = 'data_refresh_completed' and props ->> 'data_source' = 'mobile'"
            }
        };
        assert_eq!(gate.count(org, sql).await, 10, "{name}");
    }
    let rate = "select count(*) from events where name = 'ingest_report'
                 and (props ->> 'validation_pass_rate_percent')::numeric = 66.667";
    assert_eq!(gate.count(org, rate).await, 4);
    // Another organisation has no part in it.
    let other = gate.world.other_org().await;
    let session = gate.served.session(&other.viewer).await;
    let read = gate.served.get("/api/quality", &session).await;
    assert_eq!((&read.body["alerts"], &read.body["measures"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn hours_that_nobody_measured_are_made_up_for_each_once() {
    let gate = Gate::new().await;
    let replicas = Replicas::of(&gate.world);
    gate.world.clock.advance(MINUTE * 6);
    gate.an_hour(1_000, 0).await;
    replicas.hourly().await;
    for n in 2..6 {
        gate.an_hour(1_000 * n, 10).await;
    }
    replicas.hourly().await;
    let open = alerts(&gate).await;
    assert!(
        open.contains(&"critical validation_pass_rate_percent:mobile:campaign open".to_owned()),
        "{open:?}"
    );
    let sql = "select count(*) from events where name = 'ingest_report'";
    assert_eq!(gate.count(gate.world.org, sql).await, 5);
    // By hand on top of it: nothing is counted twice.
    adjutant::jobs::data_quality::run(gate.world.round()).await.unwrap();
    assert_eq!(gate.count(gate.world.org, sql).await, 5);
    assert_eq!(alerts(&gate).await, open);
}

#[tokio::test]
async fn what_is_expected_is_the_median_of_the_same_hour_and_silence_is_told() {
    let gate = Gate::new().await;
    let replicas = Replicas::of(&gate.world);
    // Every hour of four weeks brought a hundred, one of them ten thousand.
    let mut tx = gate.world.db.org(gate.world.org).await.unwrap();
    sqlx::query(AssertSqlSafe(format!(
        "insert into data_quality_log (org_id, hour, source, class, received, valid, stored, newest_at)
         select '{}', h, 'web', 'user', n, n, n, h + interval '59 minutes'
         from generate_series('2025-08-20T09:00Z'::timestamptz, '2025-09-17T08:00Z', '1 hour') h
         cross join lateral (select case when h = '2025-09-03T09:00Z' then 10000 else 100 end n) n",
        gate.world.org
    )))
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    gate.world.clock.advance(MINUTE * 66);
    replicas.hourly().await;
    let sql = "select expected from data_quality_log where source = 'web' and hour = '2025-09-17T09:00Z'";
    assert_eq!(gate.count(gate.world.org, sql).await, 100);
    assert_eq!(alerts(&gate).await, [""; 0], "one window is no alert");
    gate.world.clock.advance(HOUR);
    replicas.hourly().await;
    let open = alerts(&gate).await;
    assert!(open.contains(&"critical ingestion_rate_percent:web:user open".to_owned()), "{open:?}");
    assert!(open.contains(&"warning data_freshness_minutes:web:user open".to_owned()), "{open:?}");
    gate.world.clock.advance(HOUR);
    replicas.hourly().await;
    let open = alerts(&gate).await;
    assert!(open.contains(&"warning silence:web open".to_owned()), "{open:?}");
}

#[tokio::test]
async fn late_events_and_old_connections_are_told_within_minutes_once() {
    let gate = Gate::new().await;
    let world = &gate.world;
    let clock: SharedClock = world.clock.clone();
    let look = async || {
        let (a, b) = tokio::join!(freshness::run(&world.db, &clock), freshness::run(&world.db, &clock));
        world.clock.advance(MINUTE);
        a.unwrap() + b.unwrap()
    };
    // A campaign's events may take five minutes; these take ten.
    let late: Vec<Value> = (0..120).map(|n| gate.click(n, 600)).collect();
    gate.send(&late).await;
    let source = |name: &str, connector: &str, synced: i64| {
        let (id, at) = (Uuid::from_u128(u128::from(name.len() as u64)), before(world.clock.now(), synced));
        format!(
            "insert into sources (org_id, id, source, name, state, currency, key_id, last_synced_at, created_at, updated_at)
             values ('{}', '{id}', '{connector}', '{name}', 'connected', 'EUR', 'k', '{at}', '2025-01-01Z', '2025-01-01Z')",
            world.org
        )
    };
    let mut tx = world.db.org(world.org).await.unwrap();
    for statement in [source("Shop", "shopify", 7 * 3600), source("Search", "google_ads", 23 * 3600)] {
        sqlx::query(AssertSqlSafe(statement)).execute(&mut *tx).await.unwrap();
    }
    tx.commit().await.unwrap();
    assert_eq!(look().await, 0);
    assert_eq!(look().await, 2);
    assert_eq!(look().await, 0);
    let shop = format!("warning freshness:{} open", Uuid::from_u128(4));
    assert_eq!(alerts(&gate).await, [shop.as_str(), "warning on_time_percent:mobile:campaign open"]);
    // The connection's runs fail, then a person rests it: both alerts end.
    let state = async |state: &str| {
        let mut tx = world.db.org(world.org).await.unwrap();
        let statement = format!("update sources set state = '{state}' where name = 'Shop'");
        sqlx::query(AssertSqlSafe(statement)).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
    };
    state("attention").await;
    assert_eq!((look().await, look().await), (0, 1));
    state("disabled").await;
    assert_eq!(look().await, 2);
    assert_eq!(look().await, 0);
    let closed: Vec<String> =
        alerts(&gate).await.into_iter().filter(|alert| alert.ends_with("closed")).collect();
    assert_eq!(closed.len(), 2, "{closed:?}");
    let told = notices(&gate).await;
    assert_eq!(told.iter().filter(|(title, _)| title.starts_with("Shop (shopify)")).count(), 4, "{told:?}");
    let ages = gate.served.get("/api/quality", &gate.served.session(&world.viewer).await).await.body;
    let fresh: Vec<&Value> =
        ages["connections"].as_array().unwrap().iter().map(|one| &one["is_stale"]).collect();
    assert_eq!(fresh, [false]);
}

#[tokio::test]
async fn the_command_line_says_the_same_and_fails_while_an_alert_is_open() {
    let gate = Gate::new().await;
    let clock: SharedClock = gate.world.clock.clone();
    gate.send(&(0..120).map(|n| gate.click(n, 600)).collect::<Vec<_>>()).await;
    for _ in 0..2 {
        freshness::run(&gate.world.db, &clock).await.unwrap();
        gate.world.clock.advance(MINUTE);
    }
    let output = crate::crash::program(&gate.world)
        .arg("quality")
        .stdout(std::process::Stdio::piped())
        .output()
        .await
        .unwrap();
    let words = String::from_utf8(output.stdout).unwrap();
    assert!(!output.status.success() && words.contains("Events of mobile (campaign) come late"), "{words}");
}
