//! How often one key or one signed-in member may knock: a bucket each, refilled evenly over the minute.
use super::problem::Problem;
use axum::http::StatusCode;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use uuid::Uuid;

/// Requests a minute of a signed-in member; keys carry their own figure.
pub const SESSION_PER_MINUTE: u32 = 300;

/// Buckets by key or member. Forgotten all at once when there are too many: a bucket is cheap to make anew.
#[derive(Default)]
pub struct Limits(Mutex<HashMap<(Uuid, u32), Arc<DefaultDirectRateLimiter>>>);

const MOST_BUCKETS: usize = 10_000;

impl Limits {
    /// Takes one request out of the bucket, or says when to come back.
    pub fn take(&self, who: Uuid, per_minute: u32) -> Result<(), Problem> {
        // None at all is not "without limit".
        let quota = NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN);
        let bucket = {
            let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if buckets.len() >= MOST_BUCKETS {
                buckets.clear();
            }
            let made = || Arc::new(RateLimiter::direct(Quota::per_minute(quota)));
            Arc::clone(buckets.entry((who, per_minute)).or_insert_with(made))
        };
        bucket.check().map_err(|early| {
            let wait = early.wait_time_from(DefaultClock::default().now()).as_secs() + 1;
            Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "rate.limited",
                format!("More than {per_minute} requests a minute. Try again in {wait} s."),
            )
            .with_retry_after(wait)
        })
    }
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
}
