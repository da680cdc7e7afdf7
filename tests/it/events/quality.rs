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
async fn lateness_is_over_when_events_come_in_time_again_and_not_because_none_come() {
    let gate = Gate::new().await;
    let world = &gate.world;
    let clock: SharedClock = world.clock.clone();
    let look = async || {
        let changed = freshness::run(&world.db, &clock).await.unwrap();
        world.clock.advance(MINUTE);
        changed
    };
    gate.send(&(0..120).map(|n| gate.click(n, 600)).collect::<Vec<_>>()).await;
    assert_eq!((look().await, look().await), (0, 1));
    // For three hours nothing comes, then two late ones: of both nothing follows but that it goes on.
    for _ in 0..3 {
        world.clock.advance(HOUR);
        assert_eq!((look().await, look().await, look().await, look().await), (0, 0, 0, 0));
    }
    gate.send(&[gate.click(200, 600), gate.click(201, 10)]).await;
    assert_eq!((look().await, look().await, look().await, look().await), (0, 0, 0, 0));
    let key = "warning on_time_percent:mobile:campaign open".to_owned();
    assert_eq!(alerts(&gate).await, [key]);
    // It outlasted its grace of an hour: figures of the source are incomplete, and that is said once where it was told.
    let told = notices(&gate).await;
    assert_eq!(told.len(), 2, "{told:?}");
    let words = "select count(*) from outbox where channel_ref like 'notice:alert:%' and payload::text like '%marked incomplete%'";
    assert_eq!(gate.count(world.org, words).await, 1);
    let day = async || {
        let today = world.clock.now().to_zoned(jiff::tz::TimeZone::get("Europe/Zurich").unwrap()).date();
        let window = adjutant::period::Window::new(today, today).unwrap();
        adjutant::daily::rollup::range(&world.db, &*world.clock, world.org, window, &|_| {}).await.unwrap();
        let marked = "select count(*) from daily_metrics where source = 'mobile' and incomplete";
        gate.count(world.org, marked).await
    };
    assert!(day().await > 0);
    // Two hours later three come in time: it is over, and the figures are whole.
    world.clock.advance(HOUR * 2);
    gate.send(&[gate.click(300, 10), gate.click(301, 10), gate.click(302, 10)]).await;
    assert_eq!((look().await, look().await, look().await), (0, 0, 1));
    assert_eq!(alerts(&gate).await, ["warning on_time_percent:mobile:campaign closed"]);
    let queued = "select count(*) from restatements where cause = 'alert'";
    assert!(gate.count(world.org, queued).await > 0);
    assert_eq!(day().await, 0);
}

#[tokio::test]
async fn a_critical_alert_halts_every_execution_until_somebody_resets_it() {
    let gate = Gate::new().await;
    let replicas = Replicas::of(&gate.world);
    gate.world.clock.advance(MINUTE * 6);
    for n in 1..4 {
        gate.an_hour(1_000 * n, 10).await;
        replicas.hourly().await;
    }
    let admin = gate.served.session(&gate.world.admin).await;
    let viewer = gate.served.session(&gate.world.viewer).await;
    let read = gate.served.get("/api/quality", &viewer).await.body;
    assert_eq!(read["breakers"][0]["platform"], "*", "{read}");
    let opened = "select count(*) from audit_log where action = 'breaker.opened'";
    assert_eq!(gate.count(gate.world.org, opened).await, 1, "two alerts, one breaker");
    // Seen once, said in place, on nobody's second word.
    let alert = read["alerts"][0]["id"].as_str().unwrap();
    let path = format!("/api/quality/alerts/{alert}/acknowledge");
    let told = notices(&gate).await.len();
    for _ in 0..2 {
        let seen = gate.served.post(&path, &viewer, json!({})).await;
        assert_eq!(
            (seen.status.as_u16(), &seen.body["about"]["seen_by"]),
            (200, &json!("Vito Frey")),
            "{}",
            seen.body
        );
    }
    assert_eq!(notices(&gate).await.len(), told + 1);
    let nobody = format!("/api/quality/alerts/{}/acknowledge", Uuid::from_u128(1));
    assert_eq!(gate.served.post(&nobody, &viewer, json!({})).await.status, 404);
    let reset = "/api/quality/breakers/*/reset";
    let why = json!({"reason": "The sender was mended."});
    assert_eq!(gate.served.post(reset, &viewer, why.clone()).await.status, 403);
    assert_eq!(gate.served.post(reset, &admin, json!({"reason": " "})).await.status, 422);
    assert_eq!(gate.served.post(reset, &admin, why.clone()).await.status, 204);
    assert_eq!(gate.served.post(reset, &admin, why).await.status, 404);
    // The alert is still open, and opens nothing a second time.
    gate.an_hour(9_000, 10).await;
    replicas.hourly().await;
    assert_eq!(gate.served.get("/api/quality", &viewer).await.body["breakers"], json!([]));
    let entries = "select count(*) from audit_log where action in ('breaker.opened', 'breaker.reset')";
    assert_eq!(gate.count(gate.world.org, entries).await, 2);
}

#[tokio::test]
async fn requests_that_the_database_does_not_take_for_five_minutes_are_an_alert_afterwards_too() {
    let gate = Gate::new().await;
    let world = &gate.world;
    let clock: SharedClock = world.clock.clone();
    let mut superuser = world.superuser().await;
    sqlx::raw_sql(
        "create function gone() returns trigger language plpgsql as
           $$ begin raise exception 'gone' using errcode = '57P01'; end $$;
         create trigger fail before insert on events for each row execute function gone()",
    )
    .execute(&mut superuser)
    .await
    .unwrap();
    for minute in 0..7 {
        for n in 0..5 {
            let sent = gate.send(&[gate.click(minute * 10 + n + 1, 5)]).await;
            assert_eq!((sent.status.as_u16(), &sent.body["code"]), (503, &json!("storage.unavailable")));
        }
        world.clock.advance(MINUTE);
    }
    freshness::run(&world.db, &clock).await.unwrap();
    assert_eq!(alerts(&gate).await, [""; 0], "nobody could write it down yet");
    sqlx::raw_sql("drop trigger fail on events").execute(&mut superuser).await.unwrap();
    for minute in 0..3 {
        gate.send(&(0..3).map(|n| gate.click(1_000 + minute * 10 + n, 5)).collect::<Vec<_>>()).await;
        world.clock.advance(MINUTE);
    }
    freshness::run(&world.db, &clock).await.unwrap();
    freshness::run(&world.db, &clock).await.unwrap();
    assert_eq!(alerts(&gate).await, ["critical storage_errors_percent open"]);
    for minute in 0..4 {
        gate.send(&[gate.click(2_000 + minute, 5)]).await;
        world.clock.advance(MINUTE);
    }
    freshness::run(&world.db, &clock).await.unwrap();
    assert_eq!(alerts(&gate).await, ["critical storage_errors_percent closed"]);
    assert_eq!(notices(&gate).await.len(), 2);
}

#[tokio::test]
async fn a_batch_that_was_not_stored_costs_its_key_nothing() {
    let gate = Gate::new().await;
    let mut rules = super::ordinary();
    rules.events_per_minute = 10;
    let key = gate.key_with(rules).await;
    let mut superuser = gate.world.superuser().await;
    sqlx::raw_sql(
        "create function gone() returns trigger language plpgsql as
           $$ begin raise exception 'gone' using errcode = '57P01'; end $$;
         create trigger fail before insert on events for each row execute function gone()",
    )
    .execute(&mut superuser)
    .await
    .unwrap();
    let batch: Vec<Value> = (1..9).map(|n| gate.click(n, 5)).collect();
    for _ in 0..3 {
        assert_eq!(gate.send_as(&key, &batch).await.status, 503);
    }
    sqlx::raw_sql("drop trigger fail on events").execute(&mut superuser).await.unwrap();
    assert_eq!(gate.send_as(&key, &batch).await.status, 200);
    assert_eq!(gate.send_as(&key, &batch).await.body["code"], "rate.limited");
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
