//! What every connector must stand (`connectors.md` §3): the same tests for each, against its own fake.
use super::fake::{Fake, SECRET, Trouble};
use super::rig::{Case, NOON, Rig, Skipping, keyring, outside, secrets};
use crate::world::World;
use adjutant::clock::Clock as _;
use adjutant::daily::sync::{Add, Engine, Order};
use adjutant::db::audit::NewEntry;
use adjutant::db::sources::{self, SourceState};
use adjutant::db::syncs::{SyncState, Trigger};
use adjutant::platforms::client::Limits;
use adjutant::platforms::fault::Code;
use secrecy::SecretString;
use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Makes one test of each rule for one connector.
macro_rules! contract {
    ($name:ident, $case:expr) => {
        mod $name {
            use crate::connectors::contract::{self as rules, contract};
            contract!(@rules $case, happy_path, empty_account, two_pages, killed_between_pages, slowed_down,
                server_error_then_success, refused_twice, no_answer_in_time, truncated_json, unknown_field,
                missing_required_field, page_repeated, restated_day, same_run_twice, days_that_may_still_move,
                account_in_another_zone, secrets_stay_secret, cancelled, unconfigured, two_runs_at_once);
        }
    };
    (@rules $case:expr, $($rule:ident),*) => {$(
        #[tokio::test]
        async fn $rule() {
            rules::$rule(&$case).await;
        }
    )*};
}
pub(crate) use contract;

pub async fn happy_path(case: &'static dyn Case) {
    let rig = Rig::new(case).await;
    let finished = rig.good().await;
    let facts = rig.facts().await;
    assert!(!facts.is_empty() && finished.counts.rows_written > 0, "{finished:?}");
    assert_eq!(finished.counts.rows_unchanged, 0);
    assert!(finished.restated.is_empty(), "nothing was read before");
    assert_eq!(finished.warnings, serde_json::json!([]));
    let runs = rig.runs().await;
    assert_eq!((runs.len(), runs[0].state, runs[0].error_code.as_deref()), (1, SyncState::Succeeded, None));
    assert_eq!(runs[0].counts, finished.counts);
    let heard = "select count(*) from sources where state = 'connected' and last_synced_at is not null";
    assert_eq!(rig.count(heard).await, 1);
    assert_eq!(rig.count("select count(*) from source_streams where next_due_at > newest_at").await, 1);
}

pub async fn empty_account(case: &'static dyn Case) {
    let rig = Rig::new(case).await;
    rig.fake.set(|knobs| knobs.empty = true);
    let finished = rig.good().await;
    assert_eq!((rig.facts().await.len(), finished.counts.rows_read), (0, 0));
}

pub async fn two_pages(case: &'static dyn Case) {
    let whole = Rig::new(case).await;
    let one_page = whole.good().await;
    let rig = Rig::new(case).await;
    rig.fake.set(|knobs| knobs.page = 3);
    let finished = rig.good().await;
    assert!(finished.counts.requests > one_page.counts.requests, "{finished:?}");
    assert_eq!(rig.facts().await, whole.facts().await);
}

/// The program dies while it waits for a page: what was committed stays, and the next run comes to the same facts.
pub async fn killed_between_pages(case: &'static dyn Case) {
    let whole = Rig::new(case).await;
    whole.good().await;
    let rig = Rig::new(case).await;
    rig.fake.set(|knobs| knobs.page = 3);
    rig.fake.trouble(4, Trouble::Hang);
    let (engine, order) = (rig.engine.clone(), rig.order());
    let run = tokio::spawn(async move { engine.run(&order, CancellationToken::new(), &|_| {}).await });
    rig.fake.heard(4).await;
    run.abort();
    assert!(run.await.unwrap_err().is_cancelled());
    rig.fake.anew();
    // The dead run's connection is given back in its own time.
    let finished = loop {
        match rig.sync().await {
            Err(error) if error.code == Code::AlreadyRunning => tokio::task::yield_now().await,
            other => break other.unwrap(),
        }
    };
    assert_eq!(finished.state, SyncState::Succeeded, "{:?}", finished.error);
    assert_eq!(rig.facts().await, whole.facts().await);
    let states: Vec<_> = rig.runs().await.iter().map(|run| run.state).collect();
    assert!(states.contains(&SyncState::Failed) && states.contains(&SyncState::Succeeded), "{states:?}");
    assert_eq!(rig.count("select count(*) from sync_runs where error_code = 'cancelled'").await, 1);
}

pub async fn slowed_down(case: &'static dyn Case) {
    let rig = Rig::new(case).await;
    rig.fake.trouble(1, Trouble::Slow(37));
    let finished = rig.good().await;
    assert_eq!(finished.counts.retries, 1);
    assert_eq!(rig.clock.longest(), 37, "what the platform asks for wins");
    assert!(finished.counts.throttled_ms >= 37_000);
}

pub async fn server_error_then_success(case: &'static dyn Case) {
    let rig = Rig::new(case).await;
    rig.fake.trouble(1, Trouble::Status(500));
    rig.fake.trouble(2, Trouble::Status(503));
    let finished = rig.good().await;
    assert_eq!(finished.counts.retries, 2);
}

/// A key that is no longer right is for a person: the connection asks for one, and the clock leaves it alone.
pub async fn refused_twice(case: &'static dyn Case) {
    let rig = Rig::new(case).await;
    rig.fake.trouble(0, Trouble::Status(401));
    let finished = rig.sync().await.unwrap();
    let expected = if case.oauth() { Code::Expired } else { Code::Invalid };
    let error = finished.error.unwrap();
    assert_eq!((finished.state, error.code), (SyncState::Failed, expected), "{error}");
    assert!(error.message.starts_with(&format!("{} {}: ", case.key(), case.stream())), "{error}");
    assert!(error.message.contains(" — "), "{error}");
    assert_eq!(finished.counts.retries, 0);
    assert_eq!(rig.count("select count(*) from sources where state = 'attention'").await, 1);
    rig.clock.set("2025-09-19T09:00:00Z");
    assert!(rig.engine.due(rig.world.org).await.unwrap().is_empty());
    // A person put it right and reads by hand: the connection is well again.
    let order = Order { trigger: Trigger::Manual, ..rig.order() };
    rig.fake.anew();
    let finished = rig.engine.run(&order, CancellationToken::new(), &|_| {}).await.unwrap();
    assert_eq!(finished.state, SyncState::Succeeded, "{:?}", finished.error);
    assert_eq!(rig.count("select count(*) from sources where state = 'connected'").await, 1);
    if case.oauth() {
        // A token that ends in the middle is fetched anew, and nobody hears of it.
        rig.fake.trouble(1, Trouble::Status(401));
        rig.good().await;
    }
}

pub async fn no_answer_in_time(case: &'static dyn Case) {
    let mut rig = Rig::new(case).await;
    rig.engine.outside.limits = Limits { read: Duration::from_millis(300), ..Limits::default() };
    rig.fake.trouble(1, Trouble::Hang);
    let finished = rig.good().await;
    assert!(finished.counts.retries >= 1);
    rig.fake.trouble(0, Trouble::Hang);
    let finished = rig.sync().await.unwrap();
    let error = finished.error.unwrap();
    assert_eq!((finished.state, error.code), (SyncState::Failed, Code::Unavailable), "{error}");
    assert!(error.message.contains("did not answer in time"), "{error}");
}

/// Half a page is no page: nothing of its slice is kept, and the days are read again.
pub async fn truncated_json(case: &'static dyn Case) {
    let rig = Rig::new(case).await;
    rig.good().await;
    let before = rig.facts().await;
    rig.fake.trouble(1, Trouble::Cut);
    let finished = rig.sync().await.unwrap();
    let error = finished.error.unwrap();
    assert_eq!((finished.state, error.code), (SyncState::Failed, Code::Unavailable), "{error}");
    assert!(error.message.contains("ends in the middle"), "{error}");
    assert_eq!(rig.facts().await, before);
    rig.good().await;
    assert_eq!(rig.facts().await, before);
    let holes = "select count(*) from source_streams where cursor ? 'holes'";
    assert_eq!(rig.count(holes).await, 0);
}

/// A field that nobody knows is a note, once.
pub async fn unknown_field(case: &'static dyn Case) {
    let rig = Rig::new(case).await;
    rig.fake.set(|knobs| knobs.unknown_field = true);
    let finished = rig.good().await;
    let noted = finished.warnings.as_array().unwrap();
    assert!(noted.iter().any(|note| note["code"] == "schema.new_field"), "{noted:?}");
    assert!(finished.counts.rows_written > 0);
    let again = rig.good().await;
    let noted = again.warnings.as_array().unwrap();
    assert!(noted.iter().all(|note| note["code"] != "schema.new_field"), "noted once: {noted:?}");
    assert!(rig.count("select max(count) from schema_drift where code = 'schema.new_field'").await > 1);
}

pub async fn missing_required_field(case: &'static dyn Case) {
    let rig = Rig::new(case).await;
    rig.good().await;
    let before = rig.facts().await;
    rig.fake.set(|knobs| knobs.missing_field = true);
    let finished = rig.sync().await.unwrap();
    let error = finished.error.unwrap();
    assert_eq!((finished.state, error.code), (SyncState::Failed, Code::SchemaBreaking), "{error}");
    assert_eq!(rig.facts().await, before, "good figures are not replaced by none");
    assert!(rig.count("select count(*) from schema_drift where code = 'schema.missing_field'").await > 0);
}

/// A platform that gives the same page again and again would be read for ever.
pub async fn page_repeated(case: &'static dyn Case) {
    let rig = Rig::new(case).await;
    rig.fake.set(|knobs| {
        knobs.page = 3;
        knobs.repeat = true;
    });
    let finished = rig.sync().await.unwrap();
    assert_eq!(finished.error.unwrap().code, Code::PageLoop);
}

pub async fn restated_day(case: &'static dyn Case) {
    let rig = Rig::new(case).await;
    rig.good().await;
    let before = rig.facts().await;
    let day = case.moves();
    rig.clock.set("2025-09-17T15:00:00Z");
    rig.fake.set(|knobs| knobs.restated = Some(day));
    let finished = rig.good().await;
    let after = rig.facts().await;
    let changed: Vec<_> = after.iter().filter(|line| !before.contains(line)).collect();
    assert!(!changed.is_empty() && before.len() == after.len());
    assert_eq!(i64::try_from(changed.len()).unwrap(), finished.counts.rows_written, "it and nothing else");
    if case.by_day() {
        assert!(changed.iter().all(|line| line.starts_with("2025-09-16")), "{changed:?}");
        assert_eq!(finished.restated, [day]);
        let queued = "select count(distinct date) from restatements where date = '2025-09-16'";
        assert_eq!(rig.count(queued).await, 1);
        assert_eq!(rig.count("select count(distinct date) from restatements").await, 1);
    }
}

pub async fn same_run_twice(case: &'static dyn Case) {
    let rig = Rig::new(case).await;
    let first = rig.good().await;
    let before = rig.facts().await;
    rig.clock.set("2025-09-17T12:00:00Z");
    let second = rig.good().await;
    assert_eq!((second.counts.rows_written, second.restated.len()), (0, 0), "{second:?}");
    assert!(second.counts.rows_read <= first.counts.rows_read);
    assert_eq!(rig.facts().await, before);
}

/// Today and the days that may still move are not final; older ones are.
pub async fn days_that_may_still_move(case: &'static dyn Case) {
    if !case.by_day() {
        return;
    }
    let rig = Rig::new(case).await;
    rig.good().await;
    let moving = "select count(*) from daily_metrics where date = '2025-09-17' and is_final";
    assert_eq!(rig.count(moving).await, 0);
    let through = "select count(*) from source_streams where complete_through > '2025-09-16'";
    assert_eq!(rig.count(through).await, 0, "today is not over");
    rig.clock.set("2025-12-20T09:00:00Z");
    rig.good().await;
    let open = "select count(*) from daily_metrics where date <= '2025-09-17' and not is_final";
    assert_eq!(rig.count(open).await, 0);
}

/// At 03:00 UTC it is still yesterday in Los Angeles, and already late in the day in Auckland.
pub async fn account_in_another_zone(case: &'static dyn Case) {
    if !case.by_day() {
        return;
    }
    for (zone, last) in [("America/Los_Angeles", "2025-09-16"), ("Pacific/Auckland", "2025-09-17")] {
        let rig = Rig::in_zone(case, zone).await;
        rig.clock.set("2025-09-17T03:00:00Z");
        rig.good().await;
        let facts = rig.facts().await;
        let newest = facts.iter().map(|line| &line[..10]).max().unwrap();
        assert!(newest <= last, "{zone}: {newest}");
        let asked = rig.runs().await;
        assert_eq!(asked[0].state, SyncState::Succeeded);
        let over = "select count(*) from source_streams where complete_through >= '2025-09-17'";
        assert_eq!(rig.count(over).await, 0, "{zone}");
    }
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Of a single listener in the program the library asks only the thread that meets a logging place first, and another test's
/// thread has none: the place would stay silent. Of two it asks both, wherever they are.
static SECOND: LazyLock<tracing::Dispatch> = LazyLock::new(|| {
    let everything = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE);
    tracing::Dispatch::new(everything.with_writer(std::io::sink).finish())
});

/// Whatever goes wrong, no log of any library, no error and no record holds a secret.
pub async fn secrets_stay_secret(case: &'static dyn Case) {
    let rig = Rig::new(case).await;
    LazyLock::force(&SECOND);
    let logs = Lines::default();
    let writer = logs.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let listening = tracing::subscriber::set_default(subscriber);
    rig.good().await;
    for trouble in [Trouble::Status(401), Trouble::Status(400), Trouble::Cut, Trouble::Status(500)] {
        rig.fake.trouble(0, trouble);
        let finished = rig.sync().await.unwrap();
        let error = finished.error.unwrap();
        assert!(!error.message.contains(SECRET) && !format!("{error:?}").contains(SECRET), "{error}");
    }
    let stored = "select count(*) from (select to_jsonb(s)::text t from sources s union all select to_jsonb(r)::text from sync_runs r
         union all select to_jsonb(a)::text from audit_log a) all_of_it where t like '%canary%'";
    assert_eq!(rig.count(stored).await, 0);
    drop(listening);
    let said = String::from_utf8_lossy(&logs.0.lock().unwrap()).into_owned();
    assert!(said.contains("a stream was read"), "the logs were listened to");
    let line = said.lines().find(|line| line.contains(SECRET));
    assert!(line.is_none(), "{line:?}");
}

pub async fn cancelled(case: &'static dyn Case) {
    let rig = Rig::new(case).await;
    rig.fake.trouble(2, Trouble::Hang);
    rig.fake.set(|knobs| knobs.page = 3);
    let (engine, order, cancel) = (rig.engine.clone(), rig.order(), CancellationToken::new());
    let on = cancel.clone();
    let run = tokio::spawn(async move { engine.run(&order, on, &|_| {}).await });
    rig.fake.heard(2).await;
    cancel.cancel();
    let finished = run.await.unwrap().unwrap();
    assert_eq!((finished.state, finished.error.unwrap().code), (SyncState::Cancelled, Code::Cancelled));
    let connected = "select count(*) from sources where state = 'connected'";
    assert_eq!(rig.count(connected).await, 1, "that is nobody's fault");
    rig.fake.anew();
    rig.good().await;
}

/// Without its settings or with a wrong key nothing is stored, and the words say what to do.
pub async fn unconfigured(case: &'static dyn Case) {
    let world = World::new().await;
    let fake = Fake::start(case.platform()).await;
    let clock = Skipping::at(NOON.parse().unwrap());
    let engine =
        Engine { db: world.db.clone(), keys: keyring(), outside: outside(case, &fake, clock.clone()) };
    let config = case.config();
    let add = |secrets| Add {
        connector: case.key(),
        name: "New",
        config: config.as_object().unwrap().clone(),
        secrets,
        time_zone: "UTC",
        currency: "EUR".parse().unwrap(),
    };
    let entry = |id| NewEntry::by_operator("source.added", "source", id, clock.now());
    let error = engine.add(world.org, add(Default::default()), entry).await.unwrap_err();
    assert_eq!(error.code, Code::MissingConfig);
    assert!(case.secrets().iter().all(|name| error.message.contains(name)), "{error}");
    assert!(fake.asked().is_empty());
    fake.set(|knobs| knobs.secret = "another".to_owned());
    let error = engine.add(world.org, add(secrets(case)), entry).await.unwrap_err();
    assert!(error.code.needs_a_person(), "{error}");
    let mut tx = world.db.org(world.org).await.unwrap();
    assert!(sources::all(&mut tx, world.org).await.unwrap().is_empty());
    drop(tx);
    // One that is stored without its secrets is not read either, and says which are missing.
    fake.set(|knobs| knobs.secret = SECRET.to_owned());
    let (id, _) = engine.add(world.org, add(secrets(case)), entry).await.unwrap();
    let mut tx = world.db.org(world.org).await.unwrap();
    let none = std::collections::BTreeMap::<String, SecretString>::new();
    sources::set_secrets(&mut tx, world.org, id, &none, &keyring(), clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    let error = engine.check(world.org, id).await.unwrap_err();
    assert_eq!(error.code, Code::MissingConfig, "{error}");
    let mut tx = world.db.org(world.org).await.unwrap();
    assert_eq!(sources::all(&mut tx, world.org).await.unwrap()[0].state, SourceState::Connected);
}

pub async fn two_runs_at_once(case: &'static dyn Case) {
    let rig = Rig::new(case).await;
    rig.fake.trouble(1, Trouble::Hang);
    let (engine, order) = (rig.engine.clone(), rig.order());
    let run = tokio::spawn(async move { engine.run(&order, CancellationToken::new(), &|_| {}).await });
    rig.fake.heard(1).await;
    let second = rig.engine.run(&rig.order(), CancellationToken::new(), &|_| {}).await.unwrap_err();
    assert_eq!(second.code, Code::AlreadyRunning, "{second}");
    run.abort();
    assert!(run.await.unwrap_err().is_cancelled());
}
