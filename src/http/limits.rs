//! How often one key or one signed-in member may knock, and how often a stranger may fail to sign in: a bucket each,
//! refilled evenly over the minute.
use super::problem::Problem;
use axum::http::StatusCode;
use governor::clock::{Clock as _, DefaultClock, QuantaInstant, Reference as _};
use governor::middleware::StateInformationMiddleware;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use uuid::Uuid;

/// Requests a minute of a signed-in member; keys carry their own figure.
pub const SESSION_PER_MINUTE: u32 = 300;

/// Failed sign-ins a minute from one address.
pub const FAILURES_PER_MINUTE: u32 = 30;

/// Buckets by key or member, and of failed sign-ins by address. Forgotten all at once when there are too many: a bucket is
/// cheap to make anew.
#[derive(Default)]
pub struct Limits {
    callers: Mutex<HashMap<(Uuid, u32), Arc<CountedLimiter>>>,
    /// Events of keys.
    volumes: Mutex<HashMap<(Uuid, u32), Volume>>,
    failures: Mutex<HashMap<IpAddr, Failures>>,
    /// Credentials that were good: a stranger behind the same address does not lock their owners out.
    known: Mutex<HashSet<u64>>,
    hasher: RandomState,
    /// Answers that are listened to, by member, and how many each may.
    streams: Arc<Mutex<HashMap<Uuid, usize>>>,
    most_streams: Option<usize>,
}

/// The events that a key may still send, as of a moment: as many as fit a minute, refilled evenly. Unlike the other buckets it takes
/// back what was not stored.
struct Volume {
    left: f64,
    at: QuantaInstant,
}

impl Volume {
    /// Refills up to a moment.
    fn refill(&mut self, per_minute: f64, now: QuantaInstant) {
        let seconds = Duration::from(now.duration_since(self.at)).as_secs_f64();
        self.left = (self.left + seconds * per_minute / 60.0).min(per_minute);
        self.at = now;
    }
}

/// A bucket that says what is left in it.
type CountedLimiter = DefaultDirectRateLimiter<StateInformationMiddleware>;

/// What a bucket says of itself: `RateLimit-Limit`, `-Remaining` and `-Reset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub limit: u32,
    pub remaining: u32,
    /// Seconds until the bucket is full again.
    pub reset: u64,
}

impl Rate {
    fn new(limit: u32, remaining: u32) -> Self {
        let missing = u64::from(limit.saturating_sub(remaining));
        Self { limit, remaining, reset: (missing * 60).div_ceil(u64::from(limit.max(1))) }
    }
}

/// One answer that is listened to; it counts until it is dropped.
pub struct Listening {
    who: Uuid,
    streams: Arc<Mutex<HashMap<Uuid, usize>>>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = streams.get_mut(&self.who) {
            *count -= 1;
            if *count == 0 {
                streams.remove(&self.who);
            }
        }
    }
}

/// What one address has left, and until when strangers there are not listened to.
struct Failures {
    bucket: DefaultDirectRateLimiter,
    until: Option<QuantaInstant>,
}

const MOST_BUCKETS: usize = 10_000;

impl Limits {
    /// With a bound on the answers that one caller listens to at once; otherwise there is none.
    pub fn with_streams(most: usize) -> Self {
        Self { most_streams: Some(most.max(1)), ..Self::default() }
    }

    /// Counts an answer that is about to be listened to.
    pub fn listen(&self, who: Uuid) -> Result<Listening, Problem> {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let count = streams.entry(who).or_default();
        if let Some(most) = self.most_streams.filter(|most| *count >= *most) {
            return Err(limited(&format!("{most} answers are being listened to already."), 1));
        }
        *count += 1;
        Ok(Listening { who, streams: Arc::clone(&self.streams) })
    }

    /// Takes one request out of the bucket, or says when to come back.
    pub fn take(&self, who: Uuid, per_minute: u32) -> Result<(), Problem> {
        self.take_counted(who, per_minute).1
    }

    /// The same, with what the bucket says of itself.
    pub fn take_counted(&self, who: Uuid, per_minute: u32) -> (Rate, Result<(), Problem>) {
        match bucket(&self.callers, who, per_minute).check() {
            Ok(state) => (Rate::new(per_minute, state.remaining_burst_capacity()), Ok(())),
            Err(early) => {
                let wait = early.wait_time_from(DefaultClock::default().now()).as_secs() + 1;
                (
                    Rate::new(per_minute, 0),
                    Err(limited(&format!("More than {per_minute} requests a minute."), wait)),
                )
            }
        }
    }

    /// Takes the events of a batch, all or none.
    pub fn take_events(&self, who: Uuid, per_minute: u32, events: u32) -> Result<(), Problem> {
        // None at all is not "without limit".
        let (most, wanted) = (f64::from(per_minute.max(1)), f64::from(events));
        if wanted > most {
            let text = format!(
                "A batch of {events} events never fits {per_minute} events a minute: send smaller ones."
            );
            return Err(limited(&text, 60));
        }
        let left = self.volume(who, per_minute, |volume| {
            let left = volume.left;
            if left >= wanted {
                volume.left -= wanted;
            }
            left
        });
        if left >= wanted {
            return Ok(());
        }
        let wait = ((wanted - left) * 60.0 / most).ceil().max(1.0) as u64;
        Err(limited(&format!("More than {per_minute} events a minute."), wait))
    }

    /// Gives back the events of a batch of which nothing was stored: sending it again costs nothing.
    pub fn give_back_events(&self, who: Uuid, per_minute: u32, events: u32) {
        self.volume(who, per_minute, |volume| {
            volume.left = (volume.left + f64::from(events)).min(f64::from(per_minute.max(1)));
        });
    }

    /// Does something with what a key may still send now.
    fn volume<T>(&self, who: Uuid, per_minute: u32, act: impl FnOnce(&mut Volume) -> T) -> T {
        let now = DefaultClock::default().now();
        let most = f64::from(per_minute.max(1));
        let mut volumes = self.volumes.lock().unwrap_or_else(PoisonError::into_inner);
        if volumes.len() >= MOST_BUCKETS {
            volumes.clear();
        }
        let volume = volumes.entry((who, per_minute)).or_insert(Volume { left: most, at: now });
        volume.refill(most, now);
        act(volume)
    }

    /// Whether an address may try a credential now: too many failed, and only those known to be good go on.
    pub fn may_try(&self, address: IpAddr, credential: &str) -> Result<(), Problem> {
        let now = DefaultClock::default().now();
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let until = failures.get(&address).and_then(|f| f.until).filter(|until| *until > now);
        drop(failures);
        let Some(until) = until else { return Ok(()) };
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(&self.hasher.hash_one(credential)) {
            return Ok(());
        }
        let wait = Duration::from(until.duration_since(now)).as_secs() + 1;
        Err(limited("Too many failed sign-ins from this address.", wait))
    }

    /// Remembers how a try ended.
    pub fn tried(&self, address: IpAddr, credential: &str, good: bool) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let hash = self.hasher.hash_one(credential);
        if good {
            if known.len() >= MOST_BUCKETS {
                known.clear();
            }
            known.insert(hash);
            return;
        }
        // It may have been good once: expired or revoked since.
        known.remove(&hash);
        drop(known);
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= MOST_BUCKETS {
            failures.clear();
        }
        let quota = Quota::per_minute(NonZeroU32::new(FAILURES_PER_MINUTE).unwrap_or(NonZeroU32::MIN));
        let made = || Failures { bucket: RateLimiter::direct(quota), until: None };
        let one = failures.entry(address).or_insert_with(made);
        if let Err(early) = one.bucket.check() {
            one.until = Some(early.earliest_possible());
        }
    }
}

/// The bucket of a key or member, made full where there is none.
fn bucket(
    buckets: &Mutex<HashMap<(Uuid, u32), Arc<CountedLimiter>>>,
    who: Uuid,
    per_minute: u32,
) -> Arc<CountedLimiter> {
    // None at all is not "without limit".
    let quota = NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN);
    let mut buckets = buckets.lock().unwrap_or_else(PoisonError::into_inner);
    if buckets.len() >= MOST_BUCKETS {
        buckets.clear();
    }
    let made = || {
        let counted =
            RateLimiter::direct(Quota::per_minute(quota)).with_middleware::<StateInformationMiddleware>();
        Arc::new(counted)
    };
    Arc::clone(buckets.entry((who, per_minute)).or_insert_with(made))
}

fn limited(why: &str, wait: u64) -> Problem {
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate.limited", format!("{why} Try again in {wait} s."))
        .with_retry_after(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_of_none_is_not_without_limit() {
        let (limits, who) = (Limits::default(), Uuid::from_u128(1));
        assert!(limits.take(who, 0).is_ok());
        assert_eq!(limits.take(who, 0).unwrap_err().code, "rate.limited");
    }

    #[test]
    fn events_are_taken_all_or_none_and_the_bucket_says_what_is_left() {
        let (limits, who) = (Limits::default(), Uuid::from_u128(1));
        let (rate, first) = limits.take_counted(who, 60);
        assert!(first.is_ok());
        assert_eq!(rate, Rate { limit: 60, remaining: 59, reset: 1 });
        assert!(limits.take_events(who, 1000, 600).is_ok());
        assert_eq!(limits.take_events(who, 1000, 600).unwrap_err().code, "rate.limited");
        assert!(limits.take_events(who, 1000, 400).is_ok());
        assert!(limits.take_events(who, 1000, 1001).unwrap_err().detail.contains("smaller"));
        assert!(limits.take_events(who, 1000, 0).is_ok());
        // What was not stored may be sent again at once.
        limits.give_back_events(who, 1000, 400);
        assert!(limits.take_events(who, 1000, 400).is_ok());
        assert_eq!(limits.take_events(who, 1000, 600).unwrap_err().code, "rate.limited");
        limits.give_back_events(who, 1000, 4000);
        assert!(limits.take_events(who, 1000, 1000).is_ok());
        assert_eq!(
            limits.take_events(who, 1000, 600).unwrap_err().code,
            "rate.limited",
            "never more than a minute's"
        );
    }

    #[test]
    fn strangers_of_an_address_are_shut_out_after_too_many_failures_and_nobody_else_is() {
        let limits = Limits::default();
        let (here, there) = (IpAddr::from([192, 0, 2, 7]), IpAddr::from([192, 0, 2, 8]));
        limits.tried(here, "good", true);
        for n in 0..FAILURES_PER_MINUTE {
            assert!(limits.may_try(here, "bad").is_ok(), "{n}");
            limits.tried(here, "bad", false);
        }
        limits.tried(here, "bad", false);
        let refused = limits.may_try(here, "another").unwrap_err();
        assert_eq!((refused.code.as_str(), refused.status), ("rate.limited", 429));
        assert!(refused.retry_after.is_some());
        assert!(limits.may_try(here, "good").is_ok());
        assert!(limits.may_try(there, "another").is_ok());
    }
}
