//! The one writer of a turn's log: sends events live at once and stores them in batches within 50 ms.
//!
//! It holds the lease. Every batch proves that the lease is still ours; when it is not, nothing more is written or
//! sent. The last event is stored before it is shown.
use super::log::{Live, Row, gather};
use super::turn::Tally;
use super::{Receipt, TurnEvent, TurnEventKind};
use crate::clock::SharedClock;
use crate::db::turns::{self, Finish, NewEvent, NewReceipt, TurnState};
use crate::db::{self, Db, OrgTx};
use crate::ids::{DraftId, OrgId, RunId};
use crate::llm::Outcome;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Sleep;

/// Longest wait of an event before it is stored; the promise is 50 ms with the write itself.
const GATHER: Duration = Duration::from_millis(20);
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
    CallStarted { call_id: String, tool: String, params: Map<String, Value> },
    CallEnded(CallEnd),
    Finish { kind: Box<TurnEventKind>, tally: Box<Tally>, done: oneshot::Sender<()> },
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

    /// Ends the turn; returns when the end is stored, or the turn is lost.
    pub async fn finish(&self, kind: TurnEventKind, tally: Tally) {
        let (done, stored) = oneshot::channel();
        let _ = self.writes.send(Write::Finish { kind: Box::new(kind), tally: Box::new(tally), done });
        let _ = stored.await;
    }
}

/// Starts the writer of a turn whose lease `owner` holds.
pub fn start(db: Db, clock: SharedClock, org: OrgId, owner: String, live: Arc<Live>) -> Log {
    let (writes, inbox) = mpsc::unbounded_channel();
    let log = Log { live: Arc::clone(&live), clock: Arc::clone(&clock), writes };
    let writer = Writer {
        db,
        clock,
        org,
        owner,
        live,
        rows: Vec::new(),
        calls: Vec::new(),
        receipts: Vec::new(),
        prompt_version: String::new(),
    };
    tokio::spawn(writer.run(inbox));
    log
}

struct Writer {
    db: Db,
    clock: SharedClock,
    org: OrgId,
    owner: String,
    live: Arc<Live>,
    rows: Vec<Row>,
    calls: Vec<Write>,
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

impl Writer {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Write>) {
        let mut renew = tokio::time::interval(RENEW);
        renew.reset();
        renew.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // When what waits has to be stored.
        let mut due: Option<Pin<Box<Sleep>>> = None;
        loop {
            let outcome = tokio::select! {
                write = inbox.recv() => match write {
                    None => return,
                    Some(Write::Finish { kind, tally, done }) => {
                        if self.end(*kind, &tally).await.is_err() {
                            self.give_up();
                        }
                        let _ = done.send(());
                        return;
                    }
                    Some(write) => {
                        self.take(write);
                        due.get_or_insert_with(|| Box::pin(tokio::time::sleep(GATHER)));
                        if self.waiting() < ENOUGH { continue } else { self.flush().await }
                    }
                },
                () = passed(&mut due) => self.flush().await,
                _ = renew.tick() => self.flush().await,
            };
            due = None;
            if outcome.is_err() {
                self.give_up();
                return;
            }
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
            other @ (Write::CallStarted { .. } | Write::CallEnded(_)) => self.calls.push(other),
            Write::Finish { .. } => {}
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

    /// Stores what waits and renews the lease; tries again while the database is away.
    async fn flush(&mut self) -> Result<(), Lost> {
        self.store(None).await
    }

    async fn store(&mut self, end: Option<(&TurnEvent, &Tally)>) -> Result<(), Lost> {
        let begun = self.clock.monotonic();
        let mut pause = Duration::from_millis(50);
        loop {
            match self.attempt(end).await {
                Ok(true) => {
                    self.rows.clear();
                    self.calls.clear();
                    return Ok(());
                }
                Ok(false) => return Err(Lost),
                Err(error) => {
                    tracing::warn!(%error, turn = %self.live.turn, "a turn's log cannot be written");
                    if self.clock.monotonic().saturating_duration_since(begun) > PATIENCE {
                        return Err(Lost);
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(1));
                }
            }
        }
    }

    async fn attempt(&self, end: Option<(&TurnEvent, &Tally)>) -> Result<bool, db::Error> {
        let (org, turn) = (self.org, self.live.turn);
        let now = self.clock.now();
        // The end of a turn waits for the disk, and with it everything before; a turn that is cut in between goes on.
        let mut tx = if end.is_some() { self.db.org(org).await? } else { self.db.org_unhurried(org).await? };
        let until = now.checked_add(LEASE).unwrap_or(now);
        if end.is_none() && !turns::extend_lease(&mut tx, org, turn, &self.owner, until).await? {
            return Ok(false);
        }
        let mut events = self.events();
        if let Some((event, _)) = end {
            let payload = payload(&event.kind);
            events.push(NewEvent { seq: event.seq, at: event.at, kind: event.kind.word(), payload });
        }
        if !events.is_empty() && !turns::append(&mut tx, org, turn, &self.owner, &events).await? {
            return Ok(false);
        }
        self.write_calls(&mut tx, now).await?;
        if let Some((event, tally)) = end {
            let receipts: Vec<NewReceipt<'_>> = self.receipts.iter().map(receipt_row).collect();
            turns::save_receipts(&mut tx, org, turn, &receipts).await?;
            let end = finish_row(&event.kind, tally, &self.prompt_version);
            if !turns::finish(&mut tx, org, turn, &self.owner, &end, event.at).await? {
                return Ok(false);
            }
        }
        tx.commit().await?;
        Ok(true)
    }

    fn events(&self) -> Vec<NewEvent<'_>> {
        let rows = self.rows.iter().map(|row| match row {
            Row::Text(group) => {
                NewEvent { seq: group.seq, at: group.at, kind: "text.delta", payload: group.payload() }
            }
            Row::Other(event) => NewEvent {
                seq: event.seq,
                at: event.at,
                kind: event.kind.word(),
                payload: payload(&event.kind),
            },
        });
        rows.collect()
    }

    async fn write_calls(&self, tx: &mut OrgTx, now: Timestamp) -> Result<(), db::Error> {
        let (org, turn) = (self.org, self.live.turn);
        for call in &self.calls {
            match call {
                Write::CallStarted { call_id, tool, params } => {
                    turns::start_call(tx, org, turn, call_id, tool, &json!(params), now).await?;
                }
                Write::CallEnded(end) => {
                    let elapsed = i32::try_from(end.elapsed.as_millis()).unwrap_or(i32::MAX);
                    let row = turns::CallEnd {
                        run: end.run,
                        draft: end.draft,
                        error_code: end.error_code.as_deref(),
                        elapsed_ms: elapsed,
                    };
                    turns::finish_call(tx, org, turn, &end.call_id, &row).await?;
                }
                Write::Event(_) | Write::Finish { .. } => {}
            }
        }
        Ok(())
    }

    async fn end(&mut self, kind: TurnEventKind, tally: &Tally) -> Result<(), Lost> {
        if let TurnEventKind::Completed { prompt_version, .. } = &kind {
            self.prompt_version.clone_from(prompt_version);
        }
        let event = self.live.next(kind, &self.clock);
        self.store(Some((&event, tally))).await?;
        self.live.show(event);
        Ok(())
    }
}

/// The payload of an event as it is stored and sent.
pub fn payload(kind: &TurnEventKind) -> Value {
    match serde_json::to_value(kind) {
        Ok(Value::Object(mut fields)) => fields.remove("payload").unwrap_or(Value::Null),
        Ok(_) | Err(_) => Value::Null,
    }
}

fn receipt_row(receipt: &Receipt) -> NewReceipt<'_> {
    NewReceipt {
        figure: &receipt.figure,
        value: receipt.value.map(|value| value.round_dp(6)),
        unit: &receipt.unit,
        status: receipt.status.as_str(),
        run: receipt.run_id,
        row: receipt.row.and_then(|row| i32::try_from(row).ok()),
        column: receipt.column.as_deref(),
        steps: receipt.steps.clone(),
    }
}

fn finish_row<'a>(kind: &'a TurnEventKind, tally: &'a Tally, version: &'a str) -> Finish<'a> {
    let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let (state, answer, outcome, total_ms) = match kind {
        TurnEventKind::Completed { answer, outcome, total_ms, .. } => {
            (TurnState::Completed, Some(answer.as_str()), *outcome, i32::try_from(*total_ms).ok())
        }
        TurnEventKind::Cancelled { .. } => (TurnState::Cancelled, None, Outcome::Failed, None),
        TurnEventKind::Failed { .. }
        | TurnEventKind::Started { .. }
        | TurnEventKind::Status { .. }
        | TurnEventKind::Text { .. }
        | TurnEventKind::ToolStarted { .. }
        | TurnEventKind::ToolCompleted { .. }
        | TurnEventKind::ToolFailed { .. }
        | TurnEventKind::Chart { .. }
        | TurnEventKind::DraftCreated { .. }
        | TurnEventKind::Receipts { .. }
        | TurnEventKind::Suggestions { .. } => (TurnState::Failed, None, Outcome::Failed, None),
    };
    let answered = !tally.model.is_empty();
    Finish {
        state,
        answer,
        route: answered.then_some(if tally.chosen_by_planner { "planner" } else { "model" }),
        outcome: Some(outcome.as_str()),
        model: answered.then_some(tally.model.as_str()),
        prompt_version: version,
        tokens_in: count(tally.tokens_in),
        tokens_out: count(tally.tokens_out),
        cost: tally.cost,
        ttft_ms: tally.ttft.and_then(|time| i32::try_from(time.as_millis()).ok()),
        total_ms,
        figures: i32::try_from(tally.figures).unwrap_or(i32::MAX),
        figures_traced: i32::try_from(tally.figures_traced).unwrap_or(i32::MAX),
    }
}
