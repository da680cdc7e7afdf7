//! Runs that somebody asked for: they wait in the record of runs, so that none is lost, and are begun one after the other.
use super::fault::SourceFault;
use super::manage::{By, known_stream, spec_of};
use super::{Engine, Order};
use crate::daily::follow::follow;
use crate::db::audit;
use crate::db::let_go;
use crate::db::sources::{self, SourceState};
use crate::db::syncs::{self, Counts, Ending, Queued, SyncState, Trigger};
use crate::ids::{OrgId, SourceId, SyncRunId};
use crate::period::{Window, local_day};
use crate::platforms::fault::{Code, ConnectorError};
use jiff::tz::TimeZone;
use jiff::{ToSpan as _, civil::Date};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The oldest day that may be asked for, in months before today (`connectors.md` §1.3).
const OLDEST_MONTHS: i32 = 37;
/// Runs that were asked for and are read at the same time by one process; each holds a connection to the database.
const AT_ONCE: usize = 2;
/// And of one organisation, below the whole: one whose platform hangs leaves places to the others.
const OF_ONE: usize = 1;

/// What a round of reading came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Worked {
    pub streams: u64,
    pub written: i64,
}

impl Engine {
    /// Puts a run of a stream, or of each stream, in the queue. Streams that are being read or wait already are left out.
    pub async fn ask(
        &self,
        org: OrgId,
        id: SourceId,
        stream: Option<&str>,
        days: (Option<Date>, Option<Date>),
        by: By<'_>,
    ) -> Result<Vec<Queued>, SourceFault> {
        let mut tx = self.db.org(org).await?;
        let found = sources::get(&mut tx, org, id).await?.filter(|source| source.connector != "csv");
        let source = found.ok_or(SourceFault::NotFound)?;
        let_go(tx);
        if source.state == SourceState::Disabled {
            return Err(SourceFault::Disabled(source.name));
        }
        let now = self.outside.clock.now();
        let zone = TimeZone::get(&source.account_time_zone).unwrap_or(TimeZone::UTC);
        let window = window(days, local_day(now, &zone))?;
        let wanted: Vec<&str> = match stream {
            Some(stream) => {
                known_stream(&source, stream)?;
                vec![stream]
            }
            None => spec_of(&source.connector)?.streams.iter().map(|stream| stream.name).collect(),
        };
        let mut free = Vec::new();
        for stream in wanted {
            if let Some(lock) = syncs::lock(&self.db, org, id, stream).await? {
                lock.release().await;
                free.push(stream);
            }
        }
        let mut tx = self.db.org(org).await?;
        if !sources::hold(&mut tx, org, id).await? {
            return Err(SourceFault::NotFound);
        }
        let waiting = syncs::waiting(&mut tx, org, id).await?;
        let mut queued = Vec::new();
        for stream in free.into_iter().filter(|stream| !waiting.iter().any(|other| other == stream)) {
            let run = Queued {
                id: SyncRunId::new(&*self.outside.clock),
                source: id,
                stream: stream.to_owned(),
                trigger: Trigger::Manual,
                window,
            };
            syncs::ask(&mut tx, org, &run, now).await?;
            queued.push(run);
        }
        if queued.is_empty() {
            return Err(SourceFault::Busy);
        }
        let streams: Vec<&str> = queued.iter().map(|run| run.stream.as_str()).collect();
        let after = json!({"name": source.name, "streams": streams, "from": days.0, "to": days.1});
        audit::append(&mut tx, org, &by.entry("source.sync_asked", id, after, now)).await?;
        tx.commit().await?;
        Ok(queued)
    }

    /// Reads what waits in an organisation's queue. Several may do so at once: each stream is one's alone.
    pub async fn work_off(&self, org: OrgId, stop: &CancellationToken) -> Result<Worked, sqlx::Error> {
        let mut worked = Worked::default();
        let mut tried = BTreeSet::new();
        while !stop.is_cancelled() {
            let mut tx = self.db.org(org).await?;
            let waiting = syncs::queued(&mut tx, org).await?;
            let_go(tx);
            let Some(next) = waiting.into_iter().find(|run| !tried.contains(&run.id)) else { break };
            tried.insert(next.id);
            let order = Order {
                org,
                source: next.source,
                stream: next.stream,
                trigger: next.trigger,
                window: next.window,
            };
            match self.perform(&order, next.id, stop.child_token(), &|_| {}).await {
                Ok(finished) => {
                    let read = matches!(finished.state, SyncState::Succeeded | SyncState::Partial);
                    worked.streams += u64::from(read);
                    worked.written += finished.counts.rows_written;
                }
                Err(error) if error.code == Code::AlreadyRunning => {}
                Err(error) => self.refuse(org, next.id, &error).await?,
            }
        }
        Ok(worked)
    }

    /// A run that could not even be begun says why.
    async fn refuse(&self, org: OrgId, run: SyncRunId, error: &ConnectorError) -> Result<(), sqlx::Error> {
        tracing::warn!(%run, code = %error.code, "a run that was asked for could not be begun");
        let ending = Ending {
            state: SyncState::Failed,
            counts: &Counts::default(),
            holes: Value::Array(Vec::new()),
            warnings: Value::Array(Vec::new()),
            error: Some((error.code.as_str(), error.message.as_str())),
        };
        let mut tx = self.db.org(org).await?;
        syncs::finish(&mut tx, org, run, &ending, None, self.outside.clock.now()).await?;
        tx.commit().await
    }

    /// What new rows change elsewhere: links of the entity map, and drafts about what is no longer as it was.
    pub async fn follow(&self, org: OrgId) -> anyhow::Result<()> {
        follow(&self.db, &*self.outside.clock, org).await.map(drop)
    }
}

/// The days asked for; up to today when only the first is said.
fn window(days: (Option<Date>, Option<Date>), today: Date) -> Result<Option<Window>, SourceFault> {
    let (from, to) = match days {
        (None, None) => return Ok(None),
        (None, Some(_)) => {
            return Err(SourceFault::Days("`to` needs a `from`: the first day to be read".to_owned()));
        }
        (Some(from), to) => (from, to.unwrap_or(today)),
    };
    let oldest = today.saturating_sub(OLDEST_MONTHS.months());
    if from < oldest || to > today {
        let text = format!("days from {oldest} (37 months ago) to {today}, the account's today, can be read");
        return Err(SourceFault::Days(text));
    }
    let backwards = || SourceFault::Days(format!("`from` ({from}) lies after `to` ({to})"));
    Window::new(from, to).map(Some).ok_or_else(backwards)
}

/// Gives what reads connections; with a key of its own, made where there was none.
pub type Opens = Arc<dyn Fn() -> anyhow::Result<Engine> + Send + Sync>;

/// Manages connections for a server, and begins what is asked for there at once. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    opens: Opens,
    places: Arc<Semaphore>,
    own: Arc<Mutex<HashMap<OrgId, Arc<Semaphore>>>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Desk {
    /// `stop` ends what is being read between two pages; what waits then is begun after the next start.
    pub fn new(opens: Opens, stop: CancellationToken) -> Self {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        Self { opens, places, own: Arc::default(), tasks: TaskTracker::new(), stop }
    }

    pub fn engine(&self) -> anyhow::Result<Engine> {
        (self.opens)()
    }

    /// Begins what waits in an organisation's queue, in the background. The job that reads connections by the clock finds
    /// whatever is left.
    pub fn begin(&self, engine: Engine, org: OrgId) {
        let (places, stop) = (Arc::clone(&self.places), self.stop.clone());
        let own = self.own(org);
        self.tasks.spawn(async move {
            // The own place first: who waits for it keeps none of the others'.
            let Ok(_own) = own.acquire().await else { return };
            let Ok(_place) = places.acquire().await else { return };
            let done = match engine.work_off(org, &stop).await {
                Ok(Worked { written: 0, .. }) => Ok(()),
                Ok(_) => engine.follow(org).await,
                Err(error) => Err(error.into()),
            };
            if let Err(error) = done {
                tracing::error!(
                    error = format!("{error:#}"),
                    "runs that were asked for wait for the next round"
                );
            }
        });
    }

    fn own(&self, org: OrgId) -> Arc<Semaphore> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(own.entry(org).or_insert_with(|| Arc::new(Semaphore::new(OF_ONE))))
    }

    /// Until nothing is under way that was begun here.
    pub async fn settle(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
    }
}
