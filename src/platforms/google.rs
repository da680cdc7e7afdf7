//! What Google's APIs have in common: their error bodies.
use super::client::{Reply, Verdict, by_status};
use super::fault::Code;
use super::shape;

/// Reasons in a 403 that mean "slow down", not "no".
const TOO_MANY: [&str; 5] = [
    "rateLimitExceeded",
    "userRateLimitExceeded",
    "quotaExceeded",
    "dailyLimitExceeded",
    "RATE_LIMIT_EXCEEDED",
];

/// Reads `{"error": {"status", "message", "errors": [{"reason"}]}}`.
pub fn judge(reply: &Reply) -> Verdict {
    let verdict = by_status(reply);
    if verdict == Verdict::Good {
        return verdict;
    }
    let Ok(body) = shape::json(&reply.body) else { return verdict };
    let Some(error) = body.get("error") else { return verdict };
    // The token service says it in one word.
    let message =
        error.get("message").and_then(|m| m.as_str()).or_else(|| error.as_str()).unwrap_or_default();
    let status = shape::text_if_any(error, "status").unwrap_or_default();
    let reason = error
        .get("errors")
        .and_then(|list| list.get(0))
        .and_then(|first| shape::text_if_any(first, "reason"));
    let named = reason.unwrap_or(status);
    let join = |what: &str| if message.is_empty() { what.to_owned() } else { format!("{what}: {message}") };
    match verdict {
        Verdict::Bad { code: Code::Scope, .. } if TOO_MANY.contains(&named) => Verdict::Again {
            code: Code::RateLimited,
            what: join("too many requests"),
            platform_code: named.to_owned(),
            wait: quota_wait(reply),
        },
        Verdict::Bad { code, what, platform_code, advice } => Verdict::Bad {
            code,
            what: join(&what),
            platform_code: if named.is_empty() { platform_code } else { format!("{platform_code} {named}") },
            advice,
        },
        Verdict::Again { code, what, platform_code, wait } => {
            Verdict::Again { code, what: join(&what), platform_code, wait }
        }
        Verdict::Good => Verdict::Good,
    }
}

/// Quotas of load come back after a quarter of an hour: longer than a run waits, so that it ends and the next one goes on.
const QUOTA_S: i64 = 15 * 60;

fn quota_wait(reply: &Reply) -> Option<i64> {
    super::client::retry_after(reply).or(Some(QUOTA_S))
}
