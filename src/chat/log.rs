//! Readers of a turn's log: what is stored, then what comes, without a gap, from any event on.
//!
//! A turn that this process drives is read from memory ([`Live`]); any other is read from the table until its last
//! event. Pieces of text are stored together: one row holds consecutive `text.delta` events with their lengths, under
//! the number of the first, so that every reader sees the same events with the same numbers.
use super::{TurnEvent, TurnEventKind};
use crate::clock::SharedClock;
use crate::db::turns::{self, StoredEvent};
use crate::db::{self, Db};
use crate::ids::{OrgId, TurnId};
use futures::StreamExt;
use futures::stream::BoxStream;
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Pieces that one stored row may hold at most; a reader steps back so far to find the row of an event.
pub(super) const PIECES: usize = 128;

/// How often the table is asked for news of a turn that another replica drives: at first, and at most.
const POLL: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// A turn that this process drives: its events since it took over, and how to stop it.
pub struct Live {
    pub turn: TurnId,
    state: Mutex<State>,
    changed: watch::Sender<u64>,
    /// Asks the driver to cancel.
    pub cancel: CancellationToken,
    /// The turn is no longer ours; nothing may be written or sent.
    pub lost: CancellationToken,
}

struct State {
    /// The number of the first event in `events`.
    first: i32,
    events: Vec<Arc<TurnEvent>>,
    closed: bool,
}

impl Live {
    /// `first` is the number of the next event.
    pub fn new(turn: TurnId, first: i32) -> Arc<Self> {
        Arc::new(Self {
            turn,
            state: Mutex::new(State { first, events: Vec::new(), closed: false }),
            changed: watch::Sender::new(0),
            cancel: CancellationToken::new(),
            lost: CancellationToken::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Numbers an event without showing it yet.
    pub fn next(&self, kind: TurnEventKind, clock: &SharedClock) -> TurnEvent {
        let state = self.lock();
        let seq = state.first + i32::try_from(state.events.len()).unwrap_or(i32::MAX);
        // Consecutive pieces of text carry one time, because they are stored in one row.
        let at = match (state.events.last(), &kind) {
            (Some(last), TurnEventKind::Text { restart: false, .. })
                if matches!(last.kind, TurnEventKind::Text { .. }) =>
            {
                last.at
            }
            _ => clock.now(),
        };
        TurnEvent { turn_id: self.turn, seq, at, kind }
    }

    /// Shows an event to the readers.
    pub fn show(&self, event: TurnEvent) -> Arc<TurnEvent> {
        let event = Arc::new(event);
        {
            let mut state = self.lock();
            state.closed |= event.kind.is_final();
            state.events.push(Arc::clone(&event));
        }
        self.changed.send_modify(|n| *n += 1);
        event
    }

    /// Tells readers that no more comes from here.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.send_modify(|n| *n += 1);
    }

    /// The events after a number, and whether that is all.
    fn after(&self, seq: i32) -> (i32, Vec<Arc<TurnEvent>>, bool) {
        let state = self.lock();
        let skip = usize::try_from(seq.saturating_add(1) - state.first).unwrap_or(0);
        (state.first, state.events.iter().skip(skip).cloned().collect(), state.closed)
    }
}

/// The turns that this process drives.
#[derive(Default)]
pub struct Hub {
    turns: Mutex<HashMap<(OrgId, TurnId), Arc<Live>>>,
}

impl Hub {
    fn lock(&self) -> MutexGuard<'_, HashMap<(OrgId, TurnId), Arc<Live>>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn get(&self, org: OrgId, turn: TurnId) -> Option<Arc<Live>> {
        self.lock().get(&(org, turn)).cloned()
    }

    pub fn add(&self, org: OrgId, live: &Arc<Live>) {
        self.lock().insert((org, live.turn), Arc::clone(live));
    }

    pub fn remove(&self, org: OrgId, live: &Arc<Live>) {
        let mut turns = self.lock();
        if turns.get(&(org, live.turn)).is_some_and(|held| Arc::ptr_eq(held, live)) {
            turns.remove(&(org, live.turn));
        }
    }

    /// No turn is being driven here.
    pub fn is_idle(&self) -> bool {
        self.lock().is_empty()
    }

    /// How many turns of an organisation are being driven here.
    pub fn count(&self, org: OrgId) -> usize {
        self.lock().keys().filter(|(of, _)| *of == org).count()
    }
}

struct Reader {
    hub: Arc<Hub>,
    db: Db,
    org: OrgId,
    turn: TurnId,
    /// The number of the last event given out.
    seq: i32,
    ready: VecDeque<TurnEvent>,
    pause: Duration,
    over: bool,
}

/// The events of a turn after `seq`, until its last one; none when `seq` is the last or lies behind it. The caller has
/// checked who may read it. Ends early only when the database stays away; a reader then comes back with the last number
/// it saw.
pub fn read(hub: Arc<Hub>, db: Db, org: OrgId, turn: TurnId, seq: i32) -> BoxStream<'static, TurnEvent> {
    let ready = VecDeque::new();
    let reader = Reader { hub, db, org, turn, seq: seq.max(0), ready, pause: POLL.0, over: false };
    futures::stream::unfold(reader, |mut reader| async move {
        let event = reader.next().await?;
        Some((event, reader))
    })
    .boxed()
}

impl Reader {
    async fn next(&mut self) -> Option<TurnEvent> {
        let mut failures = 0;
        loop {
            if let Some(event) = self.ready.pop_front() {
                self.seq = event.seq;
                self.over = event.kind.is_final();
                self.pause = POLL.0;
                return Some(event);
            }
            if self.over {
                return None;
            }
            if let Some(live) = self.hub.get(self.org, self.turn)
                && self.live(&live).await
            {
                continue;
            }
            match stored(&self.db, self.org, self.turn, self.seq).await {
                Ok(events) => {
                    self.ready.extend(events);
                    failures = 0;
                }
                Err(error) => {
                    failures += 1;
                    tracing::warn!(%error, turn = %self.turn, "a turn's log cannot be read");
                    if failures > 20 {
                        return None;
                    }
                }
            }
            if self.ready.is_empty() {
                if self.has_ended().await {
                    return None;
                }
                tokio::time::sleep(self.pause).await;
                self.pause = (self.pause * 2).min(POLL.1);
            }
        }
    }

    /// Nothing came after what the reader has, and nothing will: the last event lies behind it.
    async fn has_ended(&self) -> bool {
        let last = last_stored(&self.db, self.org, self.turn).await.ok().flatten();
        last.is_some_and(|event| event.kind.is_final() && event.seq <= self.seq)
    }

    /// Takes what the live turn has, waiting for more; false when the table has to be asked.
    async fn live(&mut self, live: &Live) -> bool {
        let mut changed = live.changed.subscribe();
        loop {
            changed.mark_unchanged();
            let (first, events, closed) = live.after(self.seq);
            if self.seq.saturating_add(1) < first {
                return false;
            }
            if !events.is_empty() {
                self.ready.extend(events.iter().map(|event| (**event).clone()));
                return true;
            }
            if closed || changed.changed().await.is_err() {
                return false;
            }
        }
    }
}

async fn last_stored(db: &Db, org: OrgId, turn: TurnId) -> Result<Option<TurnEvent>, db::Error> {
    let mut tx = db.org(org).await?;
    let last = turns::last_seq(&mut tx, org, turn).await?;
    tx.commit().await?;
    Ok(stored(db, org, turn, last - 1).await?.into_iter().next_back())
}

/// The stored events after a number, text opened up into its pieces.
pub async fn stored(db: &Db, org: OrgId, turn: TurnId, seq: i32) -> Result<Vec<TurnEvent>, db::Error> {
    let back = i32::try_from(PIECES).unwrap_or(0);
    let mut tx = db.org(org).await?;
    let rows = turns::events(&mut tx, org, turn, (seq.saturating_add(1) - back).max(0), 10_000).await?;
    tx.commit().await?;
    let mut events = Vec::new();
    for row in rows {
        open(turn, &row, &mut events);
    }
    events.retain(|event| event.seq > seq);
    Ok(events)
}

/// A stored row as the events it stands for.
fn open(turn: TurnId, row: &StoredEvent, out: &mut Vec<TurnEvent>) {
    let pieces: Vec<usize> = row
        .payload
        .get("pieces")
        .and_then(Value::as_array)
        .map(|list| list.iter().filter_map(Value::as_u64).filter_map(|n| usize::try_from(n).ok()).collect())
        .unwrap_or_default();
    let tagged = json!({"kind": row.kind, "payload": row.payload});
    let kind = match serde_json::from_value::<TurnEventKind>(tagged) {
        Ok(kind) => kind,
        Err(error) => {
            tracing::error!(%error, turn = %turn, seq = row.seq, "a stored event cannot be read");
            return;
        }
    };
    let event = |seq, kind| TurnEvent { turn_id: turn, seq, at: row.at, kind };
    let TurnEventKind::Text { text, restart } = &kind else {
        out.push(event(row.seq, kind));
        return;
    };
    if pieces.len() < 2 {
        out.push(event(row.seq, kind));
        return;
    }
    let mut rest = text.chars();
    for (n, length) in (0i32..).zip(pieces) {
        let text: String = rest.by_ref().take(length).collect();
        out.push(event(row.seq + n, TurnEventKind::Text { text, restart: *restart && n == 0 }));
    }
}

/// One row for consecutive pieces of text: number, time and payload.
#[derive(Debug)]
pub(super) struct Group {
    pub seq: i32,
    pub at: jiff::Timestamp,
    pub text: String,
    pub restart: bool,
    pub pieces: Vec<usize>,
}

impl Group {
    pub fn payload(&self) -> Value {
        let mut payload = json!({"text": self.text});
        if let Some(fields) = payload.as_object_mut() {
            if self.restart {
                fields.insert("restart".into(), json!(true));
            }
            if self.pieces.len() > 1 {
                fields.insert("pieces".into(), json!(self.pieces));
            }
        }
        payload
    }
}

/// What is written to the table: text in groups, everything else as it is.
#[derive(Debug)]
pub(super) enum Row {
    Text(Group),
    Other(Arc<TurnEvent>),
}

/// Adds an event to the rows waiting to be written, joining text to text.
pub(super) fn gather(rows: &mut Vec<Row>, event: &Arc<TurnEvent>) {
    let TurnEventKind::Text { text, restart } = &event.kind else {
        rows.push(Row::Other(Arc::clone(event)));
        return;
    };
    let length = text.chars().count();
    if let (Some(Row::Text(group)), false) = (rows.last_mut(), *restart)
        && group.pieces.len() < PIECES
    {
        group.text.push_str(text);
        group.pieces.push(length);
        return;
    }
    rows.push(Row::Text(Group {
        seq: event.seq,
        at: event.at,
        text: text.clone(),
        restart: *restart,
        pieces: vec![length],
    }));
}

#[cfg(test)]
mod tests;
