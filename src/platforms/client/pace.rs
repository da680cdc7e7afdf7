//! How long to wait before another attempt.
use super::Reply;
use jiff::SignedDuration;

/// Longest wait of our own choosing, milliseconds (`connectors.md` §1.4).
const LONGEST_MS: f64 = 60_000.0;

/// Full jitter: between nothing and 1 s × 2^attempt, at most a minute; what the platform asks for wins when it is longer.
/// `chance` lies between 0 and 1, `asked` is in seconds.
pub fn delay(attempt: u32, chance: f64, asked: Option<i64>) -> SignedDuration {
    let most = (1000.0 * f64::from(1_u32 << attempt.min(16))).min(LONGEST_MS);
    let own = SignedDuration::from_millis((most * chance.clamp(0.0, 1.0)) as i64);
    asked.map_or(own, |seconds| own.max(SignedDuration::from_secs(seconds.max(0))))
}

/// Seconds that `Retry-After` asks for. Platforms send seconds; a date is read against the answer's own `Date`.
pub fn retry_after(reply: &Reply) -> Option<i64> {
    let text = reply.header("retry-after")?.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return Some(seconds.max(0.0).ceil() as i64);
    }
    let moment = |text: &str| jiff::fmt::rfc2822::parse(text).ok().map(|at| at.timestamp());
    let (at, now) = (moment(text)?, moment(reply.header("date")?)?);
    Some(at.duration_since(now).as_secs().max(0))
}
