//! Bringing things to the app: in order, acknowledged within three seconds, tried again as Slack does.
mod http;
pub use http::signature;
mod settle;
pub mod socket;
#[cfg(test)]
mod tests;

use super::Shared;
use super::options::Transport;
use super::trouble::Mishap;
use super::workspace::{Outcome, Sent};
use futures::future::join_all;
use jiff::Timestamp;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// What Slack gives an app for an acknowledgement.
pub const PATIENCE: Duration = Duration::from_secs(3);
/// When an event is tried again: nearly at once, after a minute, after five.
const AGAIN: [Duration; 3] = [Duration::ZERO, Duration::from_secs(60), Duration::from_secs(300)];
/// How long the next delivery waits for the one before, in real time: enough to keep the order, too little to matter when the
/// app hangs.
const IN_ORDER: Duration = Duration::from_millis(250);
/// What is delivered; where it goes over HTTP, and how it is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Event,
    Interaction,
    Command,
}

impl Kind {
    /// The name of the envelope.
    pub fn envelope(self) -> &'static str {
        match self {
            Self::Event => "events_api",
            Self::Interaction => "interactive",
            Self::Command => "slash_commands",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Event => "/slack/events",
            Self::Interaction => "/slack/interactions",
            Self::Command => "/slack/commands",
        }
    }
}

/// One thing to bring to the app.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub id: String,
    pub kind: Kind,
    pub body: Value,
}

/// A delivery and who waits for its end.
pub struct Letter {
    pub delivery: Delivery,
    pub done: Option<oneshot::Sender<Outcome>>,
}

/// Which try this is, as Slack says it in headers and envelopes.
#[derive(Clone, Copy)]
struct Attempt {
    n: u32,
    reason: &'static str,
}

/// Waits until the clock shows this time, or the fake stops.
async fn until(shared: &Shared, at: Timestamp) {
    tokio::select! {
        () = shared.options.clock.until(at) => {}
        () = shared.stop.cancelled() => {}
    }
}

/// Takes letters in order, for as long as the fake lives.
pub async fn postman(shared: Arc<Shared>, mut letters: mpsc::UnboundedReceiver<Letter>) {
    loop {
        let letter = tokio::select! {
            () = shared.stop.cancelled() => return,
            letter = letters.recv() => letter,
        };
        let Some(letter) = letter else { return };
        let letter = match shared.keep_if_holding(letter) {
            Some(letter) => letter,
            None => continue,
        };
        let (first, ended) = oneshot::channel();
        tokio::spawn(bring(Arc::clone(&shared), letter, first));
        let _ = tokio::time::timeout(IN_ORDER, ended).await;
    }
}

/// All tries of one delivery; `first` is told when the first one ended.
async fn bring(shared: Arc<Shared>, letter: Letter, first: oneshot::Sender<()>) {
    let Letter { delivery, done } = letter;
    let mut first = Some(first);
    let mut reason = "";
    let mut last = Outcome::Unreachable;
    let mut began = shared.now();
    for n in 0..=AGAIN.len() {
        if n > 0 {
            // Counted from the try before, so that it does not matter when this task gets to run.
            let pause = AGAIN.get(n - 1).copied().unwrap_or_default();
            until(&shared, began.checked_add(pause).unwrap_or(Timestamp::MAX)).await;
            began = shared.now();
        }
        let attempt = Attempt { n: u32::try_from(n).unwrap_or(u32::MAX), reason };
        last = try_once(&shared, &delivery, attempt).await;
        if let Some(first) = first.take() {
            let _ = first.send(());
        }
        reason = match &last {
            Outcome::Acknowledged(_) => break,
            Outcome::Refused(_) => "http_error",
            Outcome::Late | Outcome::Dropped => "http_timeout",
            Outcome::Unreachable => "connection_failed",
        };
        // Only events are tried again; a person whose click failed sees so and clicks again.
        if delivery.kind != Kind::Event || shared.stop.is_cancelled() {
            break;
        }
    }
    settle::settle(&shared, &delivery, &last);
    if let Some(done) = done {
        let _ = done.send(last);
    }
    shared.change(|ws, _| ws.under_way -= 1);
}

async fn try_once(shared: &Arc<Shared>, delivery: &Delivery, attempt: Attempt) -> Outcome {
    let mishap = shared.change(|ws, _| if attempt.n == 0 { ws.trouble.mishaps.pop_front() } else { None });
    let outcome = match mishap {
        Some(Mishap::Drop) => Outcome::Dropped,
        Some(Mishap::Duplicate(times)) => {
            let tries = (0..=times).map(|_| send(shared, delivery, attempt));
            join_all(tries).await.pop().unwrap_or(Outcome::Unreachable)
        }
        None => send(shared, delivery, attempt).await,
    };
    if outcome == Outcome::Dropped {
        remember(shared, delivery, attempt, &outcome);
    }
    outcome
}

async fn send(shared: &Arc<Shared>, delivery: &Delivery, attempt: Attempt) -> Outcome {
    let deadline = shared.now().checked_add(PATIENCE).unwrap_or(Timestamp::MAX);
    let sending = async {
        match shared.options.transport {
            Transport::Http => http::send(shared, delivery, attempt).await,
            Transport::Socket => socket::send(shared, delivery, attempt).await,
        }
    };
    // A clock that is moved by hand may jump; an app that works on it has as much of real time.
    let late = async { tokio::join!(until(shared, deadline), tokio::time::sleep(PATIENCE)) };
    let outcome = tokio::select! {
        outcome = sending => outcome,
        _ = late => Outcome::Late,
    };
    remember(shared, delivery, attempt, &outcome);
    outcome
}

fn remember(shared: &Shared, delivery: &Delivery, attempt: Attempt, outcome: &Outcome) {
    let sent = Sent {
        id: delivery.id.clone(),
        kind: delivery.kind.envelope(),
        body: delivery.body.clone(),
        attempt: attempt.n,
        outcome: outcome.clone(),
    };
    shared.change(|ws, _| ws.sent.push(sent));
}
