//! How Google Ads says no: `{"error": {"status", "details": [{"errors": [{"errorCode": {kind: name}}]}]}}`, where the reason
//! is a name two levels down.
use crate::platforms::client::{Reply, Verdict};
use crate::platforms::fault::Code;
use crate::platforms::{google, shape};
use serde_json::Value;

/// A pause that is longer than this is the end of a daily quota, seconds.
const DAILY_S: i64 = 3600;

/// Reads an answer: what everybody's API of Google says, and the reasons only this one has.
pub fn judge(reply: &Reply) -> Verdict {
    let verdict = google::judge(reply);
    if verdict == Verdict::Good {
        return verdict;
    }
    let Ok(body) = shape::json(&reply.body) else { return verdict };
    // A stream wraps its error into a list.
    let body = body.get(0).unwrap_or(&body);
    let Some(error) = first(body) else { return verdict };
    let (kind, name) = error
        .get("errorCode")
        .and_then(Value::as_object)
        .and_then(|code| code.iter().next())
        .map(|(kind, name)| (kind.as_str(), name.as_str().unwrap_or_default()))
        .unwrap_or_default();
    let said = shape::text_if_any(error, "message").unwrap_or("no reason given").to_owned();
    let bad =
        |code, advice| Verdict::Bad { code, what: said.clone(), platform_code: name.to_owned(), advice };
    let again =
        |code, wait| Verdict::Again { code, what: said.clone(), platform_code: name.to_owned(), wait };
    match (kind, name) {
        ("quotaError", "RESOURCE_EXHAUSTED" | "RESOURCE_TEMPORARILY_EXHAUSTED") => {
            let wait = pause(error).or_else(|| crate::platforms::client::retry_after(reply));
            if wait.is_some_and(|seconds| seconds > DAILY_S) {
                return bad(Code::QuotaDaily, "it is read again tomorrow; apply for a higher access level");
            }
            again(Code::RateLimited, wait)
        }
        ("internalError", _) | ("databaseError", "CONCURRENT_MODIFICATION") => again(Code::Unavailable, None),
        ("queryError", "REQUESTED_METRICS_FOR_MANAGER") => {
            bad(Code::AccountManager, "give the number of an account below it as customer_id")
        }
        ("authenticationError", "CUSTOMER_NOT_FOUND") | ("authorizationError", "CUSTOMER_NOT_ENABLED") => {
            bad(Code::AccountNotFound, "look at customer_id, and whether the account is active")
        }
        ("authenticationError", "DEVELOPER_TOKEN_INVALID" | "DEVELOPER_TOKEN_PROHIBITED") => {
            bad(Code::Scope, "enter the developer token of the API centre: `adjutant source secret`")
        }
        ("authenticationError", _) if reply.status.as_u16() == 401 => verdict,
        ("authorizationError", "DEVELOPER_TOKEN_NOT_APPROVED") => {
            bad(Code::Scope, "apply for access in the API centre: this token reads test accounts only")
        }
        ("authenticationError" | "authorizationError", _) => bad(
            Code::Scope,
            "let the user see this account, or give its manager account as login_customer_id",
        ),
        ("requestError", "UNSUPPORTED_VERSION") => {
            bad(Code::Request, "set a newer api_version, or look for an update of Adjutant")
        }
        _ => match verdict {
            Verdict::Bad { code, advice, .. } => bad(code, advice),
            Verdict::Again { code, wait, .. } => again(code, wait),
            Verdict::Good => Verdict::Good,
        },
    }
}

fn first(body: &Value) -> Option<&Value> {
    let details = body.get("error")?.get("details")?.as_array()?;
    details.iter().find_map(|detail| detail.get("errors")?.get(0))
}

/// Seconds that the platform asks to wait: `"retryDelay": "30s"`.
fn pause(error: &Value) -> Option<i64> {
    let delay = error.get("details")?.get("quotaErrorDetails")?.get("retryDelay")?.as_str()?;
    let seconds: f64 = delay.trim_end_matches('s').parse().ok()?;
    Some(seconds.max(0.0).ceil() as i64)
}
