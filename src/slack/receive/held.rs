//! Clicks, commands and shortcuts. Slack does not bring them again, so what cannot be stored at once is held until the
//! database takes it.
use super::{Answer, Patience};
use crate::db;
use crate::slack::Slack;
use crate::slack::cards::reply::{self, Place};
use crate::slack::wire::{Envelope, Inbound, Origin};
use anyhow::{Context as _, anyhow};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::time::error::Elapsed;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The pause between two tries to store a click.
const AGAIN: Duration = Duration::from_millis(250);
/// How many are held at once; one more is given up when nobody waits for it any more.
const MOST: usize = 256;
/// How long a stopping program waits for the database to take them, and then for those who clicked to be told that it did
/// not. Together less than the senders of the outbox may take.
const GRACE: Duration = Duration::from_secs(8);
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Where Slack has shown the person an error already.
const LATE: &str = "I took this late: my database was away for a moment. It counts, and I am on it; you need not do it again.";
const LOST: &str =
    "Sorry, I could not take this: it could not be stored. Nothing was done. Please try again in a moment.";

/// What this process has accepted and not stored yet.
pub(crate) struct Held {
    room: Arc<Semaphore>,
    /// By order of receipt: the lane of each.
    lanes: watch::Sender<BTreeMap<u64, String>>,
    next: AtomicU64,
    tasks: TaskTracker,
    /// The program ends: nothing is held any longer.
    over: CancellationToken,
}

impl Default for Held {
    fn default() -> Self {
        Self {
            room: Arc::new(Semaphore::new(MOST)),
            lanes: watch::Sender::default(),
            next: AtomicU64::new(0),
            tasks: TaskTracker::new(),
            over: CancellationToken::new(),
        }
    }
}

/// The place of one of them in its lane, until it is dropped.
struct Turn {
    lanes: watch::Sender<BTreeMap<u64, String>>,
    number: u64,
    lane: String,
}

impl Turn {
    /// Waits until nothing is held that came before it in its lane.
    async fn comes(&self) {
        nothing_before(&self.lanes, &self.lane, self.number).await;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.lanes.send_modify(|held| drop(held.remove(&self.number)));
    }
}

async fn nothing_before(lanes: &watch::Sender<BTreeMap<u64, String>>, lane: &str, number: u64) {
    let mut seen = lanes.subscribe();
    // The sender is borrowed, so it is there.
    let _ = seen.wait_for(|held| !held.range(..number).any(|(_, one)| one == lane)).await;
}

impl Held {
    fn turn(&self, lane: &str) -> Turn {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.lanes.send_if_modified(|held| {
            held.insert(number, lane.to_owned());
            // Nobody waits for something to be held.
            false
        });
        Turn { lanes: self.lanes.clone(), number, lane: lane.to_owned() }
    }

    /// Waits until nothing of a lane is held: what came later is stored later.
    pub async fn nothing_of(&self, lane: &str) {
        nothing_before(&self.lanes, lane, u64::MAX).await;
    }

    /// Waits for what is held, so long as a stopping program may; what is left then is given up, and its people are told.
    pub async fn drain(&self) {
        self.tasks.close();
        if timeout(GRACE, self.tasks.wait()).await.is_err() {
            self.over.cancel();
            let _ = timeout(LAST_WORDS, self.tasks.wait()).await;
        }
    }
}

/// Whether a store may work in a moment: always, but where the database understood what it was given and refuses it (SQLSTATE
/// classes 22 and 23).
fn passes(error: &anyhow::Error) -> bool {
    let code = error.downcast_ref::<db::Error>().and_then(|error| error.as_database_error()?.code());
    !code.is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
}

/// Who waits for it: who closed a form does not.
fn waits(inbound: &Inbound) -> Option<Origin> {
    let (Inbound::Action { origin, .. } | Inbound::Command { origin, .. } | Inbound::Shortcut { origin, .. }) =
        inbound
    else {
        return None;
    };
    Some(origin.clone())
}

impl Slack {
    /// Stores what is not brought again, in the order of receipt within its lane. What cannot be stored in time is told to be
    /// late, and stored all the same as soon as the database answers, whether or not anybody waits for it any more; then
    /// the person is told so, as they are when it could not be kept. Whoever decides again meanwhile finds it decided;
    /// whoever asks again is answered twice.
    pub(super) async fn keep_in_the_end(
        &self,
        payload: Value,
        first: &Envelope,
        patience: Patience,
        at: Timestamp,
    ) -> Result<anyhow::Result<(Answer, &'static str)>, Elapsed> {
        let held = &self.inner.held;
        let room = Arc::clone(&held.room).try_acquire_owned().ok();
        let most = if room.is_some() { patience.in_the_end } else { patience.others };
        let turn = held.turn(&first.lane);
        let (slack, waits, kind) = (self.clone(), waits(&first.inbound), first.kind.clone());
        let (say, hear) = oneshot::channel();
        held.tasks.spawn(async move {
            let stored = async {
                turn.comes().await;
                loop {
                    match slack.keep(&payload, false, at).await {
                        Err(error) if passes(&error) => {
                            tracing::debug!(error = format!("{error:#}"), "a click is held");
                        }
                        outcome => return outcome,
                    }
                    sleep(AGAIN).await;
                }
            };
            let outcome = tokio::select! {
                outcome = timeout(most, stored) => {
                    outcome.context("the database does not answer").and_then(|outcome| outcome)
                }
                () = slack.inner.held.over.cancelled() => Err(anyhow!("the program ends")),
            };
            drop((turn, room));
            if let Err(error) = &outcome {
                tracing::error!(kind, error = format!("{error:#}"), "a click or command was not stored");
            }
            let (lost, stored) = (outcome.is_err(), matches!(outcome, Ok((_, "stored"))));
            // Nobody hears: Slack was told that it is late.
            let late = say.send(outcome).is_err();
            if let Some(origin) = waits.filter(|_| lost || (late && stored)) {
                slack.tell_of_held(&origin, if lost { LOST } else { LATE }).await;
            }
        });
        timeout(patience.others, async { hear.await.unwrap_or_else(|error| Err(anyhow!(error))) }).await
    }

    /// Through the address of the click, else in the person's own conversation with us: never in a channel, where it may
    /// be that nothing is to be said.
    async fn tell_of_held(&self, origin: &Origin, words: &'static str) {
        let place = Place {
            channel: String::new(),
            thread: None,
            user: origin.user.clone(),
            response_url: origin.response_url.clone(),
        };
        reply::whisper(self, &place, &reply::ours(words)).await;
    }
}
