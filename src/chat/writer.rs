//! The one writer of a turn's log: sends events live at once and stores them in pages within 50 ms.
//!
//! It holds the lease. Every page proves that the lease is still ours; when it is not, nothing more is written or
//! sent. The last event is stored before it is shown, with whatever waits or is on its way.
mod rows;

use super::ledger::Ledger;
use super::log::{Live, Row, gather};
use super::turn::Tally;
use super::{Receipt, TurnEvent, TurnEventKind};
use crate::clock::SharedClock;
use crate::db;
use crate::db::turns::{self, NewCall, NewEvent, NewReceipt, Page};
use crate::ids::{DraftId, OrgId, RunId, TurnId};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use jiff::SignedDuration;
use rows::{finish_row, measured, receipt_row};
pub use rows::{new_event, payload};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Sleep;

/// Longest wait of an event before it is handed to the ledger, which waits a little longer; the promise is 50 ms with the
/// write itself.
const GATHER: Duration = Duration::from_millis(15);
/// Characters of text that are stored without further wait.
const ENOUGH: usize = 256;
/// A lease is renewed three times before it runs out.
pub const LEASE: SignedDuration = SignedDuration::from_secs(9);
const RENEW: Duration = Duration::from_secs(3);
/// A database that stays away longer than the lease has taken the turn from us.
const PATIENCE: Duration = Duration::from_secs(8);

/// What the driver tells the writer.
enum Write {
    Event(Arc<TurnEvent>),
    CallStarted {
        call_id: String,
        tool: String,
        params: Map<String, Value>,
    },
    CallEnded(CallEnd),
    /// Everything before this is to be stored at once.
    Flush(oneshot::Sender<()>),
    Finish {
        kind: Box<TurnEventKind>,
        tally: Box<Tally>,
        done: oneshot::Sender<()>,
    },
}

/// How a tool call ended, for its row.
pub struct CallEnd {
    pub call_id: String,
    pub run: Option<RunId>,
    pub draft: Option<DraftId>,
    pub error_code: Option<String>,
    pub elapsed: Duration,
}

/// The driver's side: sends live, hands over to be stored.
#[derive(Clone)]
pub struct Log {
    live: Arc<Live>,
    clock: SharedClock,
    writes: mpsc::UnboundedSender<Write>,
}

impl Log {
    pub fn emit(&self, kind: TurnEventKind) {
        let event = self.live.show(self.live.next(kind, &self.clock));
        // A writer that is gone has lost the turn; the driver hears of it by `lost`.
        let _ = self.writes.send(Write::Event(event));
    }

    pub fn call_started(&self, call_id: &str, tool: &str, params: &Map<String, Value>) {
        let (call_id, tool, params) = (call_id.to_owned(), tool.to_owned(), params.clone());
        let _ = self.writes.send(Write::CallStarted { call_id, tool, params });
    }

    pub fn call_ended(&self, end: CallEnd) {
        let _ = self.writes.send(Write::CallEnded(end));
    }

    /// Returns when everything said so far is stored; never when the turn is lost, which the driver hears by `lost`.
    pub async fn flushed(&self) {
        let (done, stored) = oneshot::channel();
        let _ = self.writes.send(Write::Flush(done));
        if stored.await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Ends the turn; returns when the end is stored, or the turn is lost.
    pub async fn finish(&self, kind: TurnEventKind, tally: Tally) {
        let (done, stored) = oneshot::channel();
        let _ = self.writes.send(Write::Finish { kind: Box::new(kind), tally: Box::new(tally), done });
        let _ = stored.await;
    }
}

/// Starts the writer of a turn whose lease `owner` holds.
pub fn start(ledger: Arc<Ledger>, clock: SharedClock, org: OrgId, owner: String, live: Arc<Live>) -> Log {
    let (writes, inbox) = mpsc::unbounded_channel();
    let log = Log { live: Arc::clone(&live), clock: Arc::clone(&clock), writes };
    let writer = Writer {
        ledger,
        clock,
        org,
        owner,
        live,
        rows: Vec::new(),
        calls: BTreeMap::new(),
        changed: BTreeSet::new(),
        receipts: Vec::new(),
        prompt_version: String::new(),
    };
    tokio::spawn(writer.run(inbox));
    log
}

struct Writer {
    ledger: Arc<Ledger>,
    clock: SharedClock,
    org: OrgId,
    owner: String,
    live: Arc<Live>,
    rows: Vec<Row>,
    /// The calls of this turn by id, and those of them that were not stored as they stand.
    calls: BTreeMap<String, NewCall>,
    changed: BTreeSet<String>,
    receipts: Vec<Receipt>,
    prompt_version: String,
}

/// Waits until the time is up; for ever when none is set.
async fn passed(due: &mut Option<Pin<Box<Sleep>>>) {
    match due {
        Some(sleep) => sleep.as_mut().await,
        None => std::future::pending().await,
    }
}

/// The turn is not ours any more, or the database stayed away too long.
struct Lost;

/// A page on its way.
struct Flight {
    page: Arc<Page>,
    landing: BoxFuture<'static, Result<(), Lost>>,
}

async fn landed(flight: &mut Option<Flight>) -> Result<(), Lost> {
    match flight {
        Some(flight) => flight.landing.as_mut().await,
        None => std::future::pending().await,
    }
}

impl Writer {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Write>) {
        let mut renew = tokio::time::interval(RENEW);
        renew.reset();
        renew.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // When what waits has to be stored.
        let mut due: Option<Pin<Box<Sleep>>> = None;
        let mut flight: Option<Flight> = None;
        loop {
            let free = flight.is_none();
            let renewing = tokio::select! {
                write = inbox.recv() => match write {
                    None => return,
                    Some(Write::Finish { kind, tally, done }) => {
                        let page = flight.as_ref().map(|flight| Arc::clone(&flight.page));
                        if self.end(*kind, &tally, page).await.is_err() {
                            self.give_up();
                        }
                        let _ = done.send(());
                        return;
                    }
                    Some(Write::Flush(done)) => {
                        if self.flush(&mut flight).await.is_err() {
                            self.give_up();
                            return;
                        }
                        due = None;
                        let _ = done.send(());
                        continue;
                    }
                    Some(write) => {
                        self.take(write);
                        due.get_or_insert_with(|| Box::pin(tokio::time::sleep(GATHER)));
                        if self.waiting() < ENOUGH || !free { continue }
                        false
                    }
                },
                () = passed(&mut due), if free => false,
                _ = renew.tick(), if free => true,
                outcome = landed(&mut flight) => {
                    flight = None;
                    if outcome.is_err() {
                        self.give_up();
                        return;
                    }
                    continue;
                }
            };
            due = None;
            flight = Some(self.launch(renewing));
        }
    }

    fn take(&mut self, write: Write) {
        match write {
            Write::Event(event) => {
                if let TurnEventKind::Receipts { figures } = &event.kind {
                    self.receipts.clone_from(figures);
                }
                gather(&mut self.rows, &event);
            }
            Write::CallStarted { call_id, tool, params } => {
                if !self.calls.contains_key(&call_id) {
                    let begun_at = self.clock.now();
                    let params = Value::Object(params);
                    let call = NewCall { call_id: call_id.clone(), tool, params, begun_at, end: None };
                    self.changed.insert(call_id.clone());
                    self.calls.insert(call_id, call);
                }
            }
            Write::CallEnded(end) => {
                if let Some(call) = self.calls.get_mut(&end.call_id) {
                    call.end = Some(turns::CallEnd {
                        run: end.run,
                        draft: end.draft,
                        error_code: end.error_code,
                        elapsed_ms: i32::try_from(end.elapsed.as_millis()).unwrap_or(i32::MAX),
                    });
                    self.changed.insert(end.call_id);
                }
            }
            Write::Flush(_) | Write::Finish { .. } => {}
        }
    }

    /// Characters of text that wait.
    fn waiting(&self) -> usize {
        self.rows.iter().map(|row| if let Row::Text(group) = row { group.text.len() } else { 0 }).sum()
    }

    fn give_up(&self) {
        tracing::warn!(turn = %self.live.turn, "the lease of a turn was lost");
        self.live.lost.cancel();
        self.live.close();
    }

    /// What waits, as a page; nothing waits any more.
    fn page(&mut self) -> Page {
        let events = self.rows.drain(..).map(|row| match row {
            Row::Text(group) => {
                NewEvent { seq: group.seq, at: group.at, kind: "text.delta", payload: group.payload() }
            }
            Row::Other(event) => new_event(&event),
        });
        let events = events.collect();
        let changed = std::mem::take(&mut self.changed);
        let calls = changed.iter().filter_map(|id| self.calls.get(id).cloned()).collect();
        Page { turn: self.live.turn, owner: self.owner.clone(), events, calls, renew: None }
    }

    /// Sends what waits to the ledger.
    fn launch(&mut self, renewing: bool) -> Flight {
        let mut page = self.page();
        page.renew = renewing.then(|| {
            let now = self.clock.now();
            now.checked_add(LEASE).unwrap_or(now)
        });
        let page = Arc::new(page);
        let (ledger, clock) = (Arc::clone(&self.ledger), Arc::clone(&self.clock));
        let (org, sent) = (self.org, Arc::clone(&page));
        let landing = async move {
            let append = || ledger.append(org, Arc::clone(&sent));
            patiently(&clock, sent.turn, append).await
        };
        Flight { page, landing: landing.boxed() }
    }

    /// Stores what is on its way and what waits, before anything else is done.
    async fn flush(&mut self, flight: &mut Option<Flight>) -> Result<(), Lost> {
        if let Some(flight) = flight.take() {
            flight.landing.await?;
        }
        self.launch(true).landing.await
    }

    /// Ends the turn with all that was not stored yet: what waits, and what is `on_its_way` (it may arrive or not).
    async fn end(
        &mut self,
        kind: TurnEventKind,
        tally: &Tally,
        on_its_way: Option<Arc<Page>>,
    ) -> Result<(), Lost> {
        if let TurnEventKind::Completed { prompt_version, .. } = &kind {
            self.prompt_version.clone_from(prompt_version);
        }
        let event = self.live.next(kind, &self.clock);
        let mut page = self.page();
        if let Some(sent) = on_its_way {
            page.events.splice(..0, sent.events.iter().cloned());
            let again =
                sent.calls.iter().filter(|call| !page.calls.iter().any(|c| c.call_id == call.call_id));
            page.calls.extend(again.cloned().collect::<Vec<_>>());
        }
        page.events.push(new_event(&event));
        let (clock, turn) = (Arc::clone(&self.clock), self.live.turn);
        let this = &*self;
        patiently(&clock, turn, || async { this.store_end(&page, &event, tally).await.map_err(Arc::new) })
            .await?;
        measured(&event.kind, tally);
        self.live.show(event);
        Ok(())
    }

    /// The end of a turn waits for the disk, and with it everything before; a turn that is cut in between goes on.
    async fn store_end(&self, page: &Page, event: &TurnEvent, tally: &Tally) -> Result<bool, db::Error> {
        let mut tx = self.ledger.db.org(self.org).await?;
        let receipts: Vec<NewReceipt<'_>> = self.receipts.iter().map(receipt_row).collect();
        let end = finish_row(&event.kind, tally, &self.prompt_version);
        let mine = turns::finish(&mut tx, self.org, page, &end, &receipts, event.at).await?;
        tx.commit().await?;
        Ok(mine)
    }
}

/// Tries again while the database is away, for a while.
async fn patiently<F>(clock: &SharedClock, turn: TurnId, mut write: impl FnMut() -> F) -> Result<(), Lost>
where
    F: Future<Output = Result<bool, Arc<db::Error>>>,
{
    let begun = clock.monotonic();
    let mut pause = Duration::from_millis(50);
    loop {
        match write().await {
            Ok(true) => return Ok(()),
            Ok(false) => return Err(Lost),
            Err(error) => {
                tracing::warn!(%error, %turn, "a turn's log cannot be written");
                if clock.monotonic().saturating_duration_since(begun) > PATIENCE {
                    return Err(Lost);
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(1));
            }
        }
    }
}
