//! Requests are paced by a token bucket, and by what the platform says of its quota.
use crate::clock::SharedClock;
use crate::platforms::contract::{Budget, Quota};
use jiff::{SignedDuration, Timestamp};
use std::sync::{Mutex, PoisonError};

/// The share of a quota that is left to people and to executions (`connectors.md` §1.4).
const RESERVED: f64 = 0.2;
/// From this share of a quota on, requests go at half the pace; from the next one on they wait until it is free again.
const SLOW: f64 = 0.75;
const PAUSE: f64 = 0.9;
/// How long a pause lasts when the platform does not say, seconds.
const PAUSE_S: i64 = 60;

#[derive(Clone, Copy, Debug)]
struct Level {
    tokens: f64,
    at: Timestamp,
    slow: bool,
    closed_until: Option<Timestamp>,
}

/// Holds `burst` requests and gains `per_second` of them, less what is reserved.
pub struct Bucket {
    budget: Budget,
    clock: SharedClock,
    level: Mutex<Level>,
}

impl Bucket {
    pub fn new(budget: Budget, clock: SharedClock) -> Self {
        let level = Level { tokens: budget.burst.max(1.0), at: clock.now(), slow: false, closed_until: None };
        Self { budget, clock, level: Mutex::new(level) }
    }

    /// Waits for a place and takes it.
    pub async fn take(&self) {
        while let Some(until) = self.try_take(self.clock.now()) {
            self.clock.until(until).await;
        }
    }

    /// Takes a place, or says when there may be one.
    fn try_take(&self, now: Timestamp) -> Option<Timestamp> {
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(until) = level.closed_until.filter(|until| now < *until) {
            return Some(until);
        }
        level.closed_until = None;
        let rate = self.budget.per_second * (1.0 - RESERVED) * if level.slow { 0.5 } else { 1.0 };
        let gained = now.duration_since(level.at).as_secs_f64().max(0.0) * rate;
        level.tokens = (level.tokens + gained).min(self.budget.burst.max(1.0));
        level.at = now;
        if level.tokens >= 1.0 {
            level.tokens -= 1.0;
            return None;
        }
        // A millisecond more than needed, so that rounding never asks for the same instant again.
        let wait = SignedDuration::from_millis(((1.0 - level.tokens) / rate * 1000.0) as i64 + 1);
        Some(now.checked_add(wait).unwrap_or(Timestamp::MAX))
    }

    /// Heeds what the platform says of its quota.
    pub fn heed(&self, quota: Quota) {
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        level.slow = quota.used >= SLOW;
        if quota.used >= PAUSE {
            let wait = SignedDuration::from_secs(quota.resets_in.unwrap_or(PAUSE_S).max(1));
            level.closed_until = self.clock.now().checked_add(wait).ok();
        }
    }
}
