//! A batch of events, from checked items to durable rows: `POST /api/events`, and whoever else brings events.
//!
//! [`Ingest::prepare`] reads what a batch is judged by, [`Prepared::check`] judges its items (pure), [`Ingest::store`] writes
//! what is fit in one transaction and says what became of each item after its commit.
mod emit;
mod match_up;
mod outcomes;
mod pressure;
mod result;
mod tally;

pub use emit::emit;
pub use pressure::{Pressed, Pressure, Reason};
pub use result::{ItemResult, Status, Summary};

use crate::access::{Actor, Credential, Permission};
use crate::clock::SharedClock;
use crate::db::Db;
use crate::db::events::{self as rows, known, measured, quality, registry};
use crate::db::privacy::Marker;
use crate::events::registry::{Custom, RegistryFault};
use crate::events::{self, Event, PiiMode, Registry, Rejection, Rules, Source, Via};
use crate::ids::{ApiKeyId, OrgId, new_uuid};
use jiff::tz::TimeZone;
use jiff::{Timestamp, TimestampRound, Unit};
use result::Outcome;
use serde_json::json;
use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

/// Times a batch is stored anew when the database gave another one the way (SQLSTATE 40P01, 40001).
const TRIES: usize = 4;
/// Of the connections of this server, batches use one in so many at once: questions are not to wait for events.
const SHARE: u32 = 3;

/// Batches that are unpacked and judged at once: each may take some 50 MiB meanwhile.
const AT_THE_DESK: usize = 4;

/// Why a batch was not stored. Nothing of it is.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    #[error("too much is under way ({}); try again in {} s", .0.reason, .0.retry_after)]
    Pressed(Pressed),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<Pressed> for IngestError {
    fn from(pressed: Pressed) -> Self {
        Self::Pressed(pressed)
    }
}

/// A registered name that cannot be.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    #[error(transparent)]
    Fault(#[from] RegistryFault),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// The registry of an organisation as it was last read; `stamp` changes with it.
struct Own {
    stamp: (i64, i64),
    registry: Arc<Registry>,
}

/// What stores events. One a server.
pub struct Ingest {
    db: Db,
    clock: SharedClock,
    built_in: Arc<Registry>,
    own: Mutex<HashMap<OrgId, Own>>,
    pressure: Pressure,
    outcomes: outcomes::Outcomes,
    /// This server among all that ever ran.
    server: Uuid,
    gate: Semaphore,
    desk: Arc<Semaphore>,
    permits: u32,
    waiting: AtomicUsize,
    /// Microseconds that the last batch took to store.
    took: AtomicU64,
}

/// What the items of a batch are judged by.
pub struct Prepared {
    org: OrgId,
    key: Option<ApiKeyId>,
    now: Timestamp,
    registry: Arc<Registry>,
    currency: String,
    zone: TimeZone,
    sources: Vec<Source>,
    pii: PiiMode,
    strict_references: bool,
    /// Events a minute that the key may send.
    pub events_per_minute: Option<u32>,
    may_write_system: bool,
    via: Via,
    marker: Marker,
}

impl Prepared {
    /// Judges an item by its text. `index` is its place in the batch.
    pub fn check(&self, text: &str, index: usize) -> Result<Event, Rejection> {
        let rules = Rules {
            registry: &self.registry,
            now: self.now,
            sources: &self.sources,
            pii: self.pii,
            base_currency: Some(&self.currency),
            may_write_system: self.may_write_system,
            via: self.via,
            backfill: false,
        };
        events::check(text, index, &rules)
    }
}

impl Ingest {
    /// `jitter` gives numbers from 0 to 1: it spreads the moments at which those who were sent back come again.
    pub fn new(
        db: Db,
        clock: SharedClock,
        jitter: impl Fn() -> f64 + Send + Sync + 'static,
    ) -> Result<Self, RegistryFault> {
        let permits = (db.most_transactions() / SHARE).max(2);
        Ok(Self {
            built_in: Arc::new(Registry::built_in()?),
            own: Mutex::default(),
            pressure: Pressure::new(jitter),
            outcomes: outcomes::Outcomes::default(),
            server: new_uuid(&*clock),
            gate: Semaphore::new(permits as usize),
            desk: Arc::new(Semaphore::new(AT_THE_DESK)),
            permits,
            waiting: AtomicUsize::new(0),
            took: AtomicU64::new(0),
            db,
            clock,
        })
    }

    /// Why batches were sent back a moment ago; none if they were not.
    pub fn pressed(&self) -> Option<Pressed> {
        self.pressure.lately(self.clock.now())
    }

    /// Notes how a request to store events ended: `failed` where the database did not take it. `org` is none where it could not
    /// even say whose request it was.
    pub fn note(&self, org: Option<OrgId>, failed: bool) {
        self.outcomes.note(org, failed, self.clock.now());
    }

    /// Awaits something that needs a connection, but for no longer than two seconds where none is free.
    pub async fn patiently<T>(&self, work: impl Future<Output = T>) -> Result<T, Pressed> {
        tokio::pin!(work);
        loop {
            match tokio::time::timeout(pressure::PATIENCE, &mut work).await {
                Ok(done) => return Ok(done),
                Err(_) if self.db.exhausted() => return Err(self.pool_pressed()),
                // The database itself is slow, or away and being waited for.
                Err(_) => {}
            }
        }
    }

    fn pool_pressed(&self) -> Pressed {
        let seconds = self.took.load(Ordering::Relaxed) as f64 / 1e6 / f64::from(self.permits);
        self.pressure.pool(self.waiting.load(Ordering::Relaxed), seconds, self.clock.now())
    }

    /// Reads what a batch of this caller is judged by, and sends it back while too much is waiting.
    pub async fn prepare(&self, actor: &Actor, via: Via) -> Result<Prepared, IngestError> {
        let (org, now) = (actor.org, self.clock.now());
        let key = match actor.credential {
            Credential::ApiKey(key) => Some(key),
            Credential::Session => None,
        };
        let mut tx = self.db.org_at_once(org).await?;
        let setting = known::setting(&mut tx, org, key).await?;
        if self.pressure.is_stale(org, now) {
            let depth = rows::restated_depth(&mut tx, org, pressure::COUNTED).await?;
            self.pressure.observe(org, depth, now);
        }
        let registry = match self.remembered(org, setting.registered) {
            Some(registry) => registry,
            None => self.remember(org, setting.registered, registry::all(&mut tx, org).await?),
        };
        crate::db::let_go(tx);
        self.pressure.queue(org, now)?;
        let rules = setting.key.unwrap_or_default();
        Ok(Prepared {
            org,
            key,
            now,
            registry,
            currency: setting.currency,
            zone: TimeZone::get(&setting.time_zone).unwrap_or(TimeZone::UTC),
            sources: allowed(&rules.sources),
            pii: rules.pii_mode.parse().unwrap_or(PiiMode::Reject),
            strict_references: rules.strict_references,
            events_per_minute: key.and_then(|_| u32::try_from(rules.events_per_minute).ok()),
            may_write_system: actor.may(Permission::EventWriteSystem),
            via,
            marker: setting.marker,
        })
    }

    /// A turn to unpack and judge a batch, in which it is received; it lasts until it is dropped.
    pub async fn turn(&self, prepared: &mut Prepared) -> Result<OwnedSemaphorePermit, Pressed> {
        let turn = tokio::time::timeout(pressure::PATIENCE, Arc::clone(&self.desk).acquire_owned()).await;
        prepared.now = self.clock.now();
        match turn {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(self.pool_pressed()),
        }
    }

    /// Every name that an organisation may send.
    pub async fn registry(&self, org: OrgId) -> Result<Arc<Registry>, sqlx::Error> {
        let mut tx = self.db.org(org).await?;
        let setting = known::setting(&mut tx, org, None).await?;
        match self.remembered(org, setting.registered) {
            Some(registry) => Ok(registry),
            None => Ok(self.remember(org, setting.registered, registry::all(&mut tx, org).await?)),
        }
    }

    /// Checks a name of an organisation's own as the registry would have it.
    pub fn check_custom(&self, custom: &Custom) -> Result<(), RegistryFault> {
        self.built_in.with_custom([custom.clone()]).map(|_| ())
    }

    fn remembered(&self, org: OrgId, stamp: (i64, i64)) -> Option<Arc<Registry>> {
        if stamp.0 == 0 {
            return Some(Arc::clone(&self.built_in));
        }
        let own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        own.get(&org).filter(|own| own.stamp == stamp).map(|own| Arc::clone(&own.registry))
    }

    /// A name that a newer version of the program has no place for is left out: the others go on.
    fn remember(&self, org: OrgId, stamp: (i64, i64), names: Vec<registry::Registered>) -> Arc<Registry> {
        let customs = names.into_iter().filter_map(|row| {
            let name = row.name.clone();
            let custom = custom_of(row).and_then(|custom| {
                self.check_custom(&custom).map_err(|fault| fault.to_string())?;
                Ok(custom)
            });
            custom.map_err(|fault| tracing::error!(name, fault, "a registered event cannot be used")).ok()
        });
        let registry = match self.built_in.with_custom(customs) {
            Ok(registry) => Arc::new(registry),
            Err(fault) => {
                tracing::error!(%fault, "the registered events cannot be used");
                Arc::clone(&self.built_in)
            }
        };
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        own.insert(org, Own { stamp, registry: Arc::clone(&registry) });
        registry
    }

    /// Stores what passed the check, in one transaction; the summary is given after its commit. With `validate_only` all of
    /// it happens but the commit.
    pub async fn store(
        &self,
        prepared: &Prepared,
        checked: Vec<Result<Event, Rejection>>,
        validate_only: bool,
    ) -> Result<Summary, IngestError> {
        let batch = new_uuid(&*self.clock);
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let turn = tokio::time::timeout(pressure::PATIENCE, self.gate.acquire()).await;
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        let Ok(Ok(_turn)) = turn else { return Err(self.pool_pressed().into()) };
        let began = self.clock.monotonic();
        let mut tries = 0;
        let (outcomes, warnings) = loop {
            tries += 1;
            match self.write(prepared, batch, &checked, validate_only).await {
                Ok(stored) => break stored,
                Err(IngestError::Database(error)) if tries < TRIES && gave_way(&error) => {}
                Err(error) => return Err(error),
            }
        };
        let took = self.clock.monotonic().duration_since(began).as_micros();
        self.took.store(u64::try_from(took).unwrap_or(u64::MAX), Ordering::Relaxed);
        let summary = Summary::new(batch, checked, outcomes, warnings);
        if !validate_only {
            count(&summary);
        }
        Ok(summary)
    }

    async fn write(
        &self,
        prepared: &Prepared,
        batch: Uuid,
        checked: &[Result<Event, Rejection>],
        validate_only: bool,
    ) -> Result<(Vec<Outcome>, match_up::Warnings), IngestError> {
        let (org, now) = (prepared.org, prepared.now);
        // Patience ends here: what has a connection is carried out, so that its end is known.
        let mut tx = self.patiently(self.db.org_at_once(org)).await??;
        let mut matched = match_up::Batch::new(checked, now);
        matched.look_up(&mut tx, org, prepared.strict_references, &prepared.marker).await?;
        let removed = matched.claim(&mut tx, org, now).await?;
        let received = rows::Received { at: now, via: prepared.via.as_str(), batch, key: prepared.key };
        matched.insert(&mut tx, org, &received).await?;
        if !validate_only {
            let consents = matched.consents();
            if !consents.is_empty() {
                crate::db::consents::append(&mut tx, org, &consents, now).await?;
            }
            let days = matched.late_days(removed, &prepared.zone);
            if !days.is_empty() {
                rows::restate(&mut tx, org, &days, "late_arrival", now).await?;
            }
            let samples = tally::samples(checked, || new_uuid(&*self.clock));
            if !samples.is_empty() {
                quality::keep_samples(&mut tx, org, &samples, now).await?;
            }
            // Last, because its rows are the ones that other batches may want too.
            let hour = now.round(TimestampRound::new().smallest(Unit::Hour).mode(jiff::RoundMode::Trunc));
            let counts = tally::counts(checked, &matched.outcomes, |index| matched.is_mapped(index));
            quality::count(&mut tx, org, hour.unwrap_or(now), &counts).await?;
            let minutes = self.outcomes.over(org, now);
            if !minutes.is_empty() {
                measured::keep_minutes(&mut tx, org, self.server, &minutes).await?;
            }
            tx.commit().await?;
            self.outcomes.kept(org, &minutes);
        } else {
            tx.rollback().await?;
        }
        Ok(matched.end())
    }
}

/// What a key may send: what an admin granted besides what every key may; where first-party sources are named, those alone.
fn allowed(granted: &[String]) -> Vec<Source> {
    let granted: Vec<Source> = granted.iter().filter_map(|source| source.parse().ok()).collect();
    let narrowed = granted.iter().any(|source| Source::ORDINARY.contains(source));
    let ordinary = Source::ORDINARY.iter().copied().filter(|_| !narrowed);
    ordinary.chain(granted.iter().copied()).collect()
}

fn custom_of(row: registry::Registered) -> Result<Custom, String> {
    let custom = json!({"name": row.name, "version": row.version, "class": row.class, "actor": row.actor,
                        "entity": row.entity, "properties": row.properties});
    serde_json::from_value(custom).map_err(|error| error.to_string())
}

/// The database ended this transaction in favour of another, or a queue was emptied under it: nothing happened, so it may be
/// tried again.
pub fn gave_way(error: &sqlx::Error) -> bool {
    if matches!(error, sqlx::Error::RowNotFound) {
        return true;
    }
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| matches!(&*code, "40P01" | "40001" | "55P03"))
}

fn count(summary: &Summary) {
    for (status, n) in [
        (Status::Accepted, summary.accepted),
        (Status::Duplicate, summary.duplicate),
        (Status::Replaced, summary.replaced),
        (Status::Suppressed, summary.suppressed),
        (Status::Rejected, summary.rejected),
    ] {
        if n > 0 {
            metrics::counter!("adjutant_events_total", "status" => status.as_str()).increment(n as u64);
        }
    }
}
