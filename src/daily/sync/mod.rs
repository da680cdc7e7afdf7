//! Reads connections: one stream at a time, slice by slice, each slice committed with its cursor.
//!
//! A run that is killed goes on after its last slice. A slice that fails is a hole, and the others are read all the same.
//! One run reads a stream at a time, across replicas.
pub mod asked;
pub mod fault;
pub mod hooks;
pub mod manage;
pub mod overview;
pub mod progress;
mod sink;
mod wishes;

use super::connection::{self, Opening, Outside};
use crate::db::sources::{self, SecretsError, Source, SourceState};
use crate::db::syncs::{self, Counts, Ending, NewRun, SyncMode, SyncState, Trigger};
use crate::db::vault::Keyring;
use crate::db::{Db, people};
use crate::ids::{OrgId, SourceId, SyncRunId};
use crate::money::Currency;
use crate::period::Window;
use crate::platforms::contract::{Connector, Ctx, Shape, StreamSpec, SyncRequest};
use crate::platforms::fault::{Code, ConnectorError, Voice};
use crate::platforms::registry;
pub use fault::SourceFault;
use jiff::civil::Date;
use jiff::{SignedDuration, ToSpan as _};
pub use manage::{Add, By, Change, Wanted};
use progress::{Pace, Progress};
use serde_json::{Value, json};
use sink::{DbSink, Place, SliceDays};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Failed runs of a stream after which its connection rests, and for how long (`connectors.md` §1.4).
const BREAKER_FAILS: i32 = 5;
const BREAKER_REST: SignedDuration = SignedDuration::from_mins(30);
/// Slices that fail one after the other before a run gives up: the platform is away.
const GIVE_UP: usize = 3;

/// Reads connections of any organisation. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub db: Db,
    pub keys: Arc<Keyring>,
    pub outside: Outside,
}

/// One stream to be read.
#[derive(Clone, Debug)]
pub struct Order {
    pub org: OrgId,
    pub source: SourceId,
    pub stream: String,
    pub trigger: Trigger,
    /// Days to read whatever was read before.
    pub window: Option<Window>,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Finished {
    pub run: SyncRunId,
    pub stream: String,
    pub state: SyncState,
    pub counts: Counts,
    /// Closed days that say something else than before.
    pub restated: Vec<Date>,
    /// `{slice, code, message}` of what could not be read.
    pub holes: Vec<Value>,
    pub warnings: Value,
    pub error: Option<ConnectorError>,
}

/// Told after every slice that was kept or lost.
pub struct Step<'a> {
    pub stream: &'a str,
    pub slice: Option<Window>,
    /// Rows read and written so far.
    pub counts: &'a Counts,
    pub error: Option<&'a ConnectorError>,
}

/// Hears how a run goes.
pub type Listener<'a> = &'a (dyn Fn(Step<'_>) + Send + Sync);

/// Everything known of the connection of a run.
struct Loaded {
    connector: &'static dyn Connector,
    source: Source,
    ctx: Ctx,
    base: Currency,
}

impl Engine {
    /// Reads one stream. What goes wrong on the platform is in the result; an error means that no run was begun.
    pub async fn run(
        &self,
        order: &Order,
        cancel: CancellationToken,
        listener: Listener<'_>,
    ) -> Result<Finished, ConnectorError> {
        self.perform(order, SyncRunId::new(&*self.outside.clock), cancel, listener).await
    }

    /// The same under an id that may stand in the queue.
    async fn perform(
        &self,
        order: &Order,
        run: SyncRunId,
        cancel: CancellationToken,
        listener: Listener<'_>,
    ) -> Result<Finished, ConnectorError> {
        let loaded = self.load(order.org, order.source, &order.stream, cancel).await?;
        let (spec, voice) = (loaded.connector.spec(), loaded.ctx.voice.clone());
        let stream = spec.stream(&order.stream).ok_or_else(|| {
            let names: Vec<&str> = spec.streams.iter().map(|stream| stream.name).collect();
            voice.error(Code::Request, "there is no such stream", "", &format!("one of {}", names.join(", ")))
        })?;
        let failed = |e: sqlx::Error| storage(&voice, &e);
        let lock = syncs::lock(&self.db, order.org, order.source, stream.name).await.map_err(failed)?;
        let busy = || {
            let advice = "wait for the run under way";
            voice.error(Code::AlreadyRunning, "it is being read already", "", advice)
        };
        let Some(held) = lock else { return Err(busy()) };
        let mut tx = self.db.org(order.org).await.map_err(failed)?;
        let before = syncs::stream(&mut tx, order.org, order.source, stream.name).await.map_err(failed)?;
        let new = NewRun {
            id: run,
            source: order.source,
            stream: stream.name,
            mode: if order.window.is_some() { SyncMode::Backfill } else { SyncMode::Incremental },
            trigger: order.trigger,
            window: order.window,
            cursor: &before.cursor,
            api_version: &loaded.ctx.api_version,
        };
        if !syncs::begin(&mut tx, order.org, &new, self.outside.clock.now()).await.map_err(failed)? {
            return Err(busy());
        }
        tx.commit().await.map_err(failed)?;
        let place = Place {
            db: &self.db,
            clock: self.outside.clock.clone(),
            org: order.org,
            base: loaded.base,
            source: &loaded.source,
            stream,
            run: Some(run),
            account: loaded.connector.account(&loaded.source.config),
        };
        let mut sink = DbSink::new(place, voice.clone(), loaded.ctx.http.meter.clone(), before.cursor);
        let pages = self.outside.limits.pages;
        let reading = Reading { loaded: &loaded, stream, order, listener, pages };
        let told = match stream.shape {
            Shape::Series { restate_days, slice_days, kinds } => {
                let pace = Pace { restate_days, slice_days, backfill_days: stream.backfill_days };
                reading.series(&mut sink, pace, kinds).await
            }
            Shape::Changes | Shape::Listing => reading.changes(&mut sink).await,
        };
        let finished = Finished {
            run,
            stream: stream.name.to_owned(),
            state: told.state,
            counts: sink.measured(),
            restated: sink.restated.iter().copied().collect(),
            holes: told.holes,
            warnings: sink.warnings(),
            error: told.error,
        };
        self.end(order, stream, &loaded.source, &finished, before.fails).await.map_err(failed)?;
        held.release().await;
        Ok(finished)
    }

    /// Puts the end of a run on record, and opens or closes the breaker of its connection.
    async fn end(
        &self,
        order: &Order,
        stream: &StreamSpec,
        source: &Source,
        finished: &Finished,
        fails: i32,
    ) -> Result<(), sqlx::Error> {
        let now = self.outside.clock.now();
        let error = finished.error.as_ref();
        let ending = Ending {
            state: finished.state,
            counts: &finished.counts,
            holes: Value::Array(finished.holes.clone()),
            warnings: finished.warnings.clone(),
            error: error.map(|error| (error.code.as_str(), error.message.as_str())),
        };
        // A run that was cancelled, or that read days asked for, leaves the stream due when it was.
        let by_its_hour = finished.state != SyncState::Cancelled && order.window.is_none();
        let due =
            now.checked_add(SignedDuration::from_mins(stream.every_minutes)).ok().filter(|_| by_its_hour);
        let mut tx = self.db.org(order.org).await?;
        // As it is now: another stream may have asked for a person meanwhile, and the clock is none.
        let source = sources::get(&mut tx, order.org, source.id).await?.unwrap_or_else(|| source.clone());
        let waits = source.state == SourceState::Attention && source.breaker_until.is_none();
        let waits = waits && order.trigger != Trigger::Manual;
        syncs::finish(&mut tx, order.org, finished.run, &ending, due, now).await?;
        let heard = matches!(finished.state, SyncState::Succeeded | SyncState::Partial);
        let (state, until) = match error {
            Some(error) if error.code.needs_a_person() => (SourceState::Attention, None),
            Some(_) if finished.state == SyncState::Failed && fails + 1 >= BREAKER_FAILS => {
                (SourceState::Attention, now.checked_add(BREAKER_REST).ok())
            }
            _ if heard && !waits => (SourceState::Connected, None),
            _ => (source.state, source.breaker_until),
        };
        sources::set_state(&mut tx, order.org, source.id, state, until, heard, now).await?;
        tx.commit().await?;
        match error {
            Some(error) => tracing::warn!(
                source = %source.id, stream = stream.name, state = %finished.state, code = %error.code,
                "a stream was not read to the end"
            ),
            None => tracing::info!(
                source = %source.id, stream = stream.name, rows = finished.counts.rows_read,
                written = finished.counts.rows_written, "a stream was read"
            ),
        }
        Ok(())
    }

    async fn load(
        &self,
        org: OrgId,
        id: SourceId,
        stream: &str,
        cancel: CancellationToken,
    ) -> Result<Loaded, ConnectorError> {
        let voice = Voice::new("source", stream, Vec::new());
        let failed = |e: sqlx::Error| storage(&voice, &e);
        let mut tx = self.db.org(org).await.map_err(failed)?;
        let source = sources::get(&mut tx, org, id).await.map_err(failed)?.ok_or_else(|| {
            voice.error(
                Code::AccountNotFound,
                "there is no such connection",
                "",
                "see `adjutant source list`",
            )
        })?;
        let connector =
            registry::connector(&source.connector).ok_or_else(|| unknown(&voice, &source.connector))?;
        let secrets = sources::secrets(&mut tx, org, id, &self.keys).await.map_err(|e| sealing(&voice, e))?;
        let person_key = people::person_key(&mut tx, org).await.map_err(failed)?;
        let own = people::org(&mut tx, org).await.map_err(failed)?;
        crate::db::let_go(tx);
        let opening = Opening::of(connector, &source, secrets, person_key, stream);
        let ctx = connection::open(&self.outside, opening, cancel)?;
        let base = own.currency.parse().unwrap_or(source.currency);
        Ok(Loaded { connector, source, ctx, base })
    }

    /// Leaves a connection alone until somebody looked after it.
    pub async fn needs_a_person(&self, org: OrgId, id: SourceId) -> Result<(), sqlx::Error> {
        let mut tx = self.db.org(org).await?;
        let now = self.outside.clock.now();
        sources::set_state(&mut tx, org, id, SourceState::Attention, None, false, now).await?;
        tx.commit().await
    }

    /// Streams of an organisation whose next run by the clock is due.
    pub async fn due(&self, org: OrgId) -> Result<Vec<(SourceId, String)>, sqlx::Error> {
        let mut tx = self.db.org(org).await?;
        let due = syncs::due(&mut tx, org, self.outside.clock.now()).await;
        crate::db::let_go(tx);
        due
    }
}

/// What reading came to.
struct Told {
    state: SyncState,
    holes: Vec<Value>,
    error: Option<ConnectorError>,
}

struct Reading<'a> {
    loaded: &'a Loaded,
    stream: &'static StreamSpec,
    order: &'a Order,
    listener: Listener<'a>,
    pages: u32,
}

impl Reading<'_> {
    /// Reads a stream by day, newest slice first.
    async fn series(&self, sink: &mut DbSink<'_>, pace: Pace, kinds: &'static [&'static str]) -> Told {
        let today = self.loaded.ctx.today();
        let mut progress = Progress::read_from(&sink.cursor);
        let slices = progress.plan(self.order.window, today, pace);
        let old_enough = today.saturating_sub(pace.restate_days.days());
        let (mut kept, mut lost, mut in_a_row) = (0, Vec::new(), 0);
        let mut last_error = None;
        for slice in slices {
            let request = self.request(slice, None);
            sink.slice = Some(SliceDays {
                days: slice,
                kinds,
                final_before: old_enough,
                settled_before: old_enough,
                today,
                read_before: progress.read_before(slice),
            });
            let mut next = progress.clone();
            let result = match self.loaded.connector.sync(&self.loaded.ctx, &request, sink).await {
                Ok(outcome) => {
                    next.kept(slice, outcome.through, today);
                    if let Some(days) = &mut sink.slice {
                        days.settled_before = next.settled_before(old_enough);
                    }
                    sink.commit(json!(next), next.complete_through).await
                }
                Err(error) => Err(error),
            };
            let error = match result {
                Ok(()) => {
                    (progress, kept, in_a_row) = (next, kept + 1, 0);
                    (self.listener)(self.step(Some(slice), sink, None));
                    continue;
                }
                Err(error) => error,
            };
            sink.drop_slice();
            (self.listener)(self.step(Some(slice), sink, Some(&error)));
            lost.push(
                json!({"slice": [slice.start, slice.end], "code": error.code, "message": error.message}),
            );
            let over = ends_the_run(error.code);
            if !over {
                progress.failed(slice, today);
            }
            last_error = Some(error);
            in_a_row += 1;
            if over || in_a_row >= GIVE_UP {
                break;
            }
        }
        // Holes are remembered also when the last slices were lost.
        if !lost.is_empty() && json!(progress) != sink.cursor {
            sink.slice = None;
            if let Err(error) = sink.commit(json!(progress), progress.complete_through).await {
                last_error = Some(error);
            }
        }
        Told { state: state(kept, last_error.as_ref()), holes: lost, error: last_error }
    }

    /// Reads a stream of changes; the connector keeps its own place.
    async fn changes(&self, sink: &mut DbSink<'_>) -> Told {
        let today = self.loaded.ctx.today();
        let first = today.saturating_sub((self.stream.backfill_days - 1).max(0).days());
        let window = self.order.window.unwrap_or(Window { start: first, end: today });
        let cursor = (self.order.window.is_none() && sink.cursor != json!({})).then(|| sink.cursor.clone());
        sink.pinned = self.order.window.is_some();
        let request = self.request(window, cursor);
        let result = self.loaded.connector.sync(&self.loaded.ctx, &request, sink).await;
        let error = result.err();
        if error.is_some() {
            sink.drop_slice();
        }
        let kept = usize::from(error.is_none() || sink.counts.rows_read > 0);
        (self.listener)(self.step(None, sink, error.as_ref()));
        let holes = error.iter().map(|error| json!({"code": error.code, "message": error.message})).collect();
        Told { state: state(kept, error.as_ref()), holes, error }
    }

    fn request(&self, window: Window, cursor: Option<Value>) -> SyncRequest {
        let asked = self.order.window.is_some();
        SyncRequest { stream: self.stream, cursor, window, page_limit: self.pages, asked }
    }

    fn step<'a>(
        &'a self,
        slice: Option<Window>,
        sink: &'a DbSink<'_>,
        error: Option<&'a ConnectorError>,
    ) -> Step<'a> {
        Step { stream: self.stream.name, slice, counts: &sink.counts, error }
    }
}

/// Further slices of this run would meet the same.
fn ends_the_run(code: Code) -> bool {
    code.needs_a_person()
        || matches!(
            code,
            Code::AccountNotFound
                | Code::AccountManager
                | Code::QuotaDaily
                | Code::RateLimited
                | Code::CostLimit
                | Code::AlreadyRunning
                | Code::Cancelled
                | Code::Storage
        )
}

fn state(kept: usize, error: Option<&ConnectorError>) -> SyncState {
    match error {
        None => SyncState::Succeeded,
        Some(error) if error.code == Code::Cancelled => SyncState::Cancelled,
        Some(_) if kept > 0 => SyncState::Partial,
        Some(_) => SyncState::Failed,
    }
}

fn unknown(voice: &Voice, key: &str) -> ConnectorError {
    let keys: Vec<&str> = registry::CONNECTORS.iter().map(|connector| connector.spec().key).collect();
    let advice = format!("there are {}", keys.join(", "));
    voice.error(Code::MissingConfig, &format!("'{key}' is no platform that can be read"), "", &advice)
}

fn storage(voice: &Voice, error: &sqlx::Error) -> ConnectorError {
    tracing::error!(%error, "a connection could not be read or written");
    voice.error(Code::Storage, "the database did not take it", "", "look at the server's log")
}

fn sealing(voice: &Voice, error: SecretsError) -> ConnectorError {
    match error {
        SecretsError::Vault(error) => {
            voice.error(Code::MissingConfig, "its secrets do not open", "", &error.to_string())
        }
        SecretsError::Database(error) => storage(voice, &error),
    }
}
