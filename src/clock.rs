//! The only place that reads the system clock, and the one to wait by. Everything else is handed a [`Clock`].
use futures::FutureExt as _;
use futures::future::BoxFuture;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Where time comes from: wall time for records, a monotonic reading for durations.
pub trait Clock: Send + Sync + 'static {
    fn now(&self) -> Timestamp;
    fn monotonic(&self) -> Instant;

    /// Waits until the clock shows `at`; not at all when it does already. A clock that is moved by hand wakes its
    /// waiters when it is moved.
    fn until(&self, at: Timestamp) -> BoxFuture<'_, ()> {
        async move {
            // Again when the timer was early by a hair.
            while let Ok(left) = Duration::try_from(at.duration_since(self.now()))
                && !left.is_zero()
            {
                tokio::time::sleep(left).await;
            }
        }
        .boxed()
    }
}

pub type SharedClock = Arc<dyn Clock>;

pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the one place where the system clock is read")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn monotonic(&self) -> Instant {
        Instant::now()
    }
}

/// A clock that stands still until it is moved: tests, and `demo --today`.
pub struct ManualClock(watch::Sender<Timestamp>);

impl ManualClock {
    pub fn at(now: Timestamp) -> Arc<Self> {
        Arc::new(Self(watch::Sender::new(now)))
    }

    pub fn set(&self, now: Timestamp) {
        self.0.send_replace(now);
    }

    pub fn advance(&self, by: Duration) {
        self.0.send_modify(|now| *now = now.checked_add(by).unwrap_or(Timestamp::MAX));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.borrow()
    }

    fn monotonic(&self) -> Instant {
        Instant::now()
    }

    fn until(&self, at: Timestamp) -> BoxFuture<'_, ()> {
        let mut shown = self.0.subscribe();
        // The sender lives as long as the clock: the wait cannot fail.
        async move {
            let _ = shown.wait_for(|now| *now >= at).await;
        }
        .boxed()
    }
}

/// The system clock shifted by a constant, so that a demo can live on another day with time still running.
pub struct ShiftedClock(pub jiff::SignedDuration);

impl Clock for ShiftedClock {
    fn now(&self) -> Timestamp {
        SystemClock.now().checked_add(self.0).unwrap_or(Timestamp::MAX)
    }

    fn monotonic(&self) -> Instant {
        Instant::now()
    }
}

#[cfg(test)]
mod tests;
