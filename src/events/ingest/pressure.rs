//! When a batch is sent back for later, and for how long (`events.md` §6).
use crate::ids::OrgId;
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Days that may wait to be computed again.
pub const MOST_WAITING: i64 = 50_000;
/// As far as the queue is counted.
pub const COUNTED: i64 = 4 * MOST_WAITING;
/// How long a batch may wait for its turn and for a connection.
pub const PATIENCE: Duration = Duration::from_secs(2);
/// The queue of an organisation is counted again after so many seconds.
const COUNT_EVERY: i64 = 5;
/// For so many seconds the health page tells of a batch that was sent back.
const TOLD: i64 = 60;
/// `Retry-After` in seconds, before the spread of a fifth to both sides.
const RETRY: (f64, f64) = (1.0, 120.0);
const SPREAD: f64 = 0.2;

crate::closed_list! {
    /// Why batches are sent back.
    Reason = "back-pressure" {
        /// Too many days wait to be computed again.
        RollupQueue = "rollup_queue",
        /// No turn or no connection to the database for too long.
        Pool = "pool",
    }
}

/// A batch is sent back; nothing of it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pressed {
    pub reason: Reason,
    /// Seconds.
    pub retry_after: u64,
}

/// The queue of an organisation when it was last counted, and how fast it shrinks (entries a second).
#[derive(Clone, Copy)]
struct Seen {
    at: Timestamp,
    depth: i64,
    drained: f64,
}

/// What one server knows of the load. `jitter` gives numbers from 0 to 1.
pub struct Pressure {
    jitter: Box<dyn Fn() -> f64 + Send + Sync>,
    queues: Mutex<HashMap<OrgId, Seen>>,
    last: Mutex<Option<(Timestamp, Pressed)>>,
}

impl Pressure {
    pub fn new(jitter: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        Self { jitter: Box::new(jitter), queues: Mutex::default(), last: Mutex::default() }
    }

    /// Whether the queue of an organisation is to be counted again.
    pub fn is_stale(&self, org: OrgId, now: Timestamp) -> bool {
        let queues = lock(&self.queues);
        queues.get(&org).is_none_or(|seen| (now.as_second() - seen.at.as_second()).abs() >= COUNT_EVERY)
    }

    /// The queue was counted.
    pub fn observe(&self, org: OrgId, depth: i64, now: Timestamp) {
        let mut queues = lock(&self.queues);
        let drained = queues.get(&org).map_or(0.0, |before| {
            let seconds = now.duration_since(before.at).as_secs_f64();
            let gone = (before.depth - depth) as f64;
            if seconds > 0.0 && gone > 0.0 { gone / seconds } else { before.drained }
        });
        queues.insert(org, Seen { at: now, depth, drained });
    }

    /// Sends a batch back while too much waits.
    pub fn queue(&self, org: OrgId, now: Timestamp) -> Result<(), Pressed> {
        let seen = lock(&self.queues).get(&org).copied();
        match seen.filter(|seen| seen.depth > MOST_WAITING) {
            Some(seen) => Err(self.press(Reason::RollupQueue, seen.depth as f64 / seen.drained, now)),
            None => Ok(()),
        }
    }

    /// Sends a batch back that waited too long, behind so many others that take so many seconds each.
    pub fn pool(&self, ahead: usize, seconds_each: f64, now: Timestamp) -> Pressed {
        self.press(Reason::Pool, ahead as f64 * seconds_each, now)
    }

    fn press(&self, reason: Reason, seconds: f64, now: Timestamp) -> Pressed {
        // A queue that nobody is seen to empty has no end: infinity or none at all.
        let seconds = if seconds.is_nan() { RETRY.1 } else { seconds.clamp(RETRY.0, RETRY.1) };
        let spread = 1.0 + SPREAD * (2.0 * (self.jitter)() - 1.0);
        let pressed = Pressed { reason, retry_after: (seconds * spread).round().max(1.0) as u64 };
        *lock(&self.last) = Some((now, pressed));
        pressed
    }

    /// The last batch that was sent back, if that was a moment ago.
    pub fn lately(&self, now: Timestamp) -> Option<Pressed> {
        lock(&self.last)
            .filter(|(at, _)| (now.as_second() - at.as_second()).abs() <= TOLD)
            .map(|(_, pressed)| pressed)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
