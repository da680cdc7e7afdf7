//! A world with one connection to one fake platform, and a clock on which waiting takes no time.
use super::fake::{Fake, Platform, SECRET};
use crate::world::World;
use adjutant::clock::Clock;
use adjutant::daily::connection::Outside;
use adjutant::daily::sync::{Add, Engine, Finished, Order};
use adjutant::db::audit::NewEntry;
use adjutant::db::syncs::{self, Run, SyncState, Trigger};
use adjutant::db::vault::Keyring;
use adjutant::ids::SourceId;
use adjutant::jobs::lanes::Lanes;
use adjutant::jobs::sources::{ROOM, begin};
use adjutant::period::Window;
use adjutant::platforms::client::Limits;
use adjutant::platforms::fault::ConnectorError;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// A platform under test.
pub trait Case: Send + Sync {
    fn key(&self) -> &'static str;
    fn stream(&self) -> &'static str;
    /// Settings by name.
    fn config(&self) -> Value;
    /// Names of the secrets; each has the canary as its value.
    fn secrets(&self) -> &'static [&'static str];
    fn platform(&self) -> Box<dyn Platform>;
    /// One statement that writes the facts as lines of text, without anything that says when they were written.
    fn facts(&self) -> &'static str;
    /// Figures by day, which are restated; else things that change.
    fn by_day(&self) -> bool {
        true
    }
    /// A day whose figures the fake can correct.
    fn moves(&self) -> Date {
        date(2025, 9, 16)
    }
    /// Access tokens that end.
    fn oauth(&self) -> bool {
        false
    }
}

/// Time that passes by waiting for it.
pub struct Skipping {
    now: Mutex<Timestamp>,
    pub waited: Mutex<Vec<SignedDuration>>,
}

impl Skipping {
    pub fn at(now: Timestamp) -> Arc<Self> {
        Arc::new(Self { now: Mutex::new(now), waited: Mutex::default() })
    }

    pub fn set(&self, now: &str) {
        *self.now.lock().unwrap() = now.parse().unwrap();
    }

    /// Seconds of the longest wait.
    pub fn longest(&self) -> i64 {
        self.waited.lock().unwrap().iter().map(|wait| wait.as_secs()).max().unwrap_or(0)
    }
}

impl Clock for Skipping {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    fn monotonic(&self) -> Instant {
        Instant::now()
    }

    fn until(&self, at: Timestamp) -> BoxFuture<'_, ()> {
        async move {
            let mut now = self.now.lock().unwrap();
            if at > *now {
                self.waited.lock().unwrap().push(at.duration_since(*now));
                *now = at;
            }
        }
        .boxed()
    }
}

/// Wednesday, 11:00 in Zurich.
pub const NOON: &str = "2025-09-17T09:00:00Z";

pub struct Rig {
    pub world: World,
    pub fake: Fake,
    pub clock: Arc<Skipping>,
    pub engine: Engine,
    pub source: SourceId,
    case: &'static dyn Case,
}

pub fn outside(case: &dyn Case, fake: &Fake, clock: Arc<Skipping>) -> Outside {
    let key = case.key().to_ascii_uppercase();
    let hosts = ["AUTH", "DATA", "CLIENT"].map(|host| format!("{key}_{host}"));
    let names = [key].into_iter().chain(hosts);
    Outside {
        clock,
        chance: Arc::new(|| 0.5),
        limits: Limits { read: Duration::from_secs(20), ..Limits::default() },
        base_urls: names.map(|name| (name, fake.url.clone())).collect(),
        allow_insecure: true,
    }
}

pub fn keyring() -> Arc<Keyring> {
    let key = SecretString::from("AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=");
    Arc::new(Keyring::new(&key, None).unwrap())
}

pub fn secrets(case: &dyn Case) -> BTreeMap<String, SecretString> {
    case.secrets().iter().map(|name| ((*name).to_owned(), SecretString::from(SECRET))).collect()
}

impl Rig {
    pub async fn new(case: &'static dyn Case) -> Self {
        Self::in_zone(case, "Europe/Zurich").await
    }

    /// A connection whose account keeps the days of a zone.
    pub async fn in_zone(case: &'static dyn Case, zone: &str) -> Self {
        let world = World::new().await;
        let fake = Fake::start(case.platform()).await;
        fake.set(|knobs| knobs.zone = zone.to_owned());
        let clock = Skipping::at(NOON.parse().unwrap());
        let engine =
            Engine { db: world.db.clone(), keys: keyring(), outside: outside(case, &fake, clock.clone()) };
        let config = case.config();
        let add = Add {
            connector: case.key(),
            name: "Under test",
            config: config.as_object().unwrap().clone(),
            secrets: secrets(case),
            time_zone: zone,
            currency: "EUR".parse().unwrap(),
        };
        let now = clock.now();
        let (source, _) = engine
            .add(world.org, add, |id| NewEntry::by_operator("source.added", "source", id, now))
            .await
            .unwrap();
        fake.anew();
        Self { world, fake, clock, engine, source, case }
    }

    pub fn order(&self) -> Order {
        Order {
            org: self.world.org,
            source: self.source,
            stream: self.case.stream().to_owned(),
            trigger: Trigger::Schedule,
            window: None,
        }
    }

    /// Reads the stream; what was made to go wrong before is over when it returns.
    pub async fn sync(&self) -> Result<Finished, ConnectorError> {
        self.sync_days(None).await
    }

    pub async fn sync_days(&self, window: Option<Window>) -> Result<Finished, ConnectorError> {
        let order = Order { window, ..self.order() };
        let result = self.engine.run(&order, CancellationToken::new(), &|_| {}).await;
        self.fake.anew();
        result
    }

    /// Reads the stream to a good end.
    pub async fn good(&self) -> Finished {
        let finished = self.sync().await.unwrap();
        assert_eq!(finished.state, SyncState::Succeeded, "{:?}", finished.error);
        finished
    }

    /// A round of the job that reads by the clock.
    pub async fn round(&self) {
        let lanes = Lanes::new(ROOM.0, ROOM.1);
        assert_eq!(begin(&self.engine, &lanes, &CancellationToken::new()).await.unwrap(), 1);
        lanes.quiet(|_, ()| true).await;
    }

    /// The facts as lines.
    pub async fn facts(&self) -> Vec<String> {
        let mut tx = self.world.db.org(self.world.org).await.unwrap();
        sqlx::query_scalar(sqlx::AssertSqlSafe(self.case.facts().to_owned()))
            .fetch_all(&mut *tx)
            .await
            .unwrap()
    }

    pub async fn runs(&self) -> Vec<Run> {
        let mut tx = self.world.db.org(self.world.org).await.unwrap();
        syncs::runs(&mut tx, self.world.org, self.source, 100).await.unwrap()
    }

    /// A number of the organisation's database.
    pub async fn count(&self, sql: &'static str) -> i64 {
        let mut tx = self.world.db.org(self.world.org).await.unwrap();
        sqlx::query_scalar(sql).fetch_one(&mut *tx).await.unwrap()
    }
}
