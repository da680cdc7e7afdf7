//! Connections are read by the clock, and left alone when that is of no use.
use super::fake::{SECRET, Trouble};
use super::plausible::SITES;
use super::rig::{Rig, keyring};
use adjutant::clock::Clock as _;
use adjutant::db::sources;
use adjutant::db::syncs::{self, SyncState};
use adjutant::db::{Db, PoolSizes};
use adjutant::period::Window;
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Streams that were read.
async fn round(rig: &Rig) -> i64 {
    let read = "select count(*) from sync_runs where state in ('succeeded', 'partial')";
    let before = rig.count(read).await;
    rig.round().await;
    rig.fake.anew();
    rig.count(read).await - before
}

fn later(rig: &Rig, minutes: u64) {
    let at = rig.clock.now() + Duration::from_secs(60 * minutes);
    rig.clock.set(&at.to_string());
}

#[tokio::test]
async fn a_new_connection_is_read_at_once_and_then_every_hour() {
    let rig = Rig::new(&SITES).await;
    assert_eq!(round(&rig).await, 3, "its three streams");
    assert_eq!(round(&rig).await, 0);
    later(&rig, 61);
    assert_eq!(round(&rig).await, 3);
    assert_eq!(
        rig.count("select count(*) from sync_runs where trigger = 'schedule' and state = 'succeeded'").await,
        6
    );
}

#[tokio::test]
async fn after_five_failed_runs_a_connection_rests_for_half_an_hour() {
    let rig = Rig::new(&SITES).await;
    for n in 1..=5 {
        rig.fake.trouble(0, Trouble::Status(503));
        let finished = rig.sync().await.unwrap();
        assert_eq!(finished.state, SyncState::Failed);
        let open = rig.count("select count(*) from sources where state = 'attention'").await;
        assert_eq!(open, i64::from(n == 5), "after {n}");
    }
    assert_eq!(round(&rig).await, 0, "it rests");
    later(&rig, 61);
    assert_eq!(round(&rig).await, 3, "and is tried again");
    assert_eq!(rig.count("select count(*) from sources where state = 'connected'").await, 1);
}

#[tokio::test]
async fn a_slice_that_fails_is_a_hole_and_only_it_is_read_again() {
    let rig = Rig::new(&SITES).await;
    // The second slice of 30 days has one request, tried five times.
    for request in 2..=6 {
        rig.fake.trouble(request, Trouble::Status(500));
    }
    let finished = rig.sync().await.unwrap();
    assert_eq!((finished.state, finished.holes.len()), (SyncState::Partial, 1), "{finished:?}");
    assert_eq!(finished.holes[0]["slice"], serde_json::json!(["2025-07-20", "2025-08-18"]));
    assert_eq!(rig.facts().await.len(), 180);
    let held = "select count(*) from source_streams where complete_through = '2025-07-19'";
    assert_eq!(rig.count(held).await, 1, "before the first hole");
    let finished = rig.good().await;
    assert_eq!(finished.counts.requests, 2, "the days that may still move, and the hole");
    assert_eq!(rig.facts().await.len(), 270);
    assert_eq!(
        rig.count("select count(*) from source_streams where complete_through = '2025-09-16'").await,
        1
    );
}

#[tokio::test]
async fn secrets_that_do_not_open_are_for_a_person() {
    let rig = Rig::new(&SITES).await;
    let mut superuser = rig.world.superuser().await;
    sqlx::query("update sources set key_id = 'another'").execute(&mut superuser).await.unwrap();
    assert_eq!(round(&rig).await, 0);
    assert_eq!(rig.count("select count(*) from sources where state = 'attention'").await, 1);
    assert!(rig.engine.due(rig.world.org).await.unwrap().is_empty());
    let secrets = BTreeMap::from([("api_key".to_owned(), SecretString::from(SECRET))]);
    let mut tx = rig.world.db.org(rig.world.org).await.unwrap();
    sources::set_secrets(&mut tx, rig.world.org, rig.source, &secrets, &keyring(), rig.clock.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    rig.engine.check(rig.world.org, rig.source).await.unwrap();
    assert_eq!(round(&rig).await, 3);
}

/// Goals, pages, site: in that order. The first one is refused; the others are not tried with the same key.
#[tokio::test]
async fn a_key_that_one_stream_found_refused_is_not_tried_by_the_next() {
    let rig = Rig::new(&SITES).await;
    rig.fake.trouble(1, Trouble::Status(401));
    assert_eq!(round(&rig).await, 0);
    assert_eq!(rig.count("select count(*) from sync_runs").await, 1);
    let waiting = "select count(*) from sources where state = 'attention' and breaker_until is null";
    assert_eq!(rig.count(waiting).await, 1);
    // A run of the clock that began before does not settle it either; a person does.
    rig.good().await;
    assert_eq!(rig.count(waiting).await, 1);
    rig.engine.check(rig.world.org, rig.source).await.unwrap();
    assert_eq!(rig.count(waiting).await, 0);
}

#[tokio::test]
async fn a_stream_stays_due_when_its_run_was_stopped_or_read_other_days() {
    let rig = Rig::new(&SITES).await;
    let due =
        "select count(*) from source_streams where stream = 'site' and next_due_at <= '2025-09-17T09:00:00Z'";
    let days = Window { start: "2025-09-01".parse().unwrap(), end: "2025-09-03".parse().unwrap() };
    let finished = rig.sync_days(Some(days)).await.unwrap();
    assert_eq!((finished.state, rig.facts().await.len()), (SyncState::Succeeded, 9));
    assert_eq!(rig.count(due).await, 1);
    let stopped = CancellationToken::new();
    stopped.cancel();
    let finished = rig.engine.run(&rig.order(), stopped, &|_| {}).await.unwrap();
    assert_eq!(finished.state, SyncState::Cancelled);
    assert_eq!(rig.count(due).await, 1);
    rig.good().await;
    assert_eq!((rig.count(due).await, rig.facts().await.len()), (0, 270));
}

/// The role's transactions are cut when they rest; the one that holds a stream rests as long as the run takes.
#[tokio::test]
async fn a_stream_is_held_for_as_long_as_its_run_takes() {
    let rig = Rig::new(&SITES).await;
    let mut superuser = rig.world.superuser().await;
    let name: String =
        sqlx::query_scalar("select current_database()").fetch_one(&mut superuser).await.unwrap();
    let brief = format!(
        "alter role adjutant_app in database {name} set idle_in_transaction_session_timeout = '50ms'"
    );
    sqlx::query(sqlx::AssertSqlSafe(brief)).execute(&mut superuser).await.unwrap();
    let db = Db::connect(&rig.world.url, PoolSizes { app: 4, reader: 1 }).await.unwrap();
    let (org, source) = (rig.world.org, rig.source);
    let held = syncs::lock(&db, org, source, "site").await.unwrap().unwrap();
    let mut other = db.org(org).await.unwrap();
    let pid: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut *other).await.unwrap();
    // Another transaction that rests is cut, so this one had its time.
    let alive = "select exists (select from pg_stat_activity where pid = $1)";
    while sqlx::query_scalar::<_, bool>(alive).bind(pid).fetch_one(&mut superuser).await.unwrap() {}
    assert!(syncs::lock(&db, org, source, "site").await.unwrap().is_none());
    held.release().await;
    assert!(syncs::lock(&db, org, source, "site").await.unwrap().is_some());
}
