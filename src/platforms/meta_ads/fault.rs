//! How Meta says no, and how much of its patience is used: codes in the body, shares in three headers.
use crate::platforms::client::{Reply, Verdict, by_status};
use crate::platforms::contract::Quota;
use crate::platforms::fault::Code;
use crate::platforms::shape;
use serde_json::Value;

/// Reads `{"error": {"message", "type", "code", "error_subcode"}}`, which comes with 400 whatever went wrong.
pub fn judge(reply: &Reply) -> Verdict {
    let verdict = by_status(reply);
    let Ok(body) = shape::json(&reply.body) else { return verdict };
    let Some(error) = body.get("error").filter(|error| error.is_object()) else { return verdict };
    let said = shape::text_if_any(error, "message").unwrap_or("no reason given").to_owned();
    let number = |field: &str| shape::count(error.get(field)).unwrap_or(0);
    let (code, below) = (number("code"), number("error_subcode"));
    let platform_code = if below == 0 { format!("{code}") } else { format!("{code}/{below}") };
    let bad = |kind, advice| Verdict::Bad {
        code: kind,
        what: said.clone(),
        platform_code: platform_code.clone(),
        advice,
    };
    let again = |kind, wait| Verdict::Again {
        code: kind,
        what: said.clone(),
        platform_code: platform_code.clone(),
        wait,
    };
    match code {
        // Comes as "an unknown error", but is a request that asks for too much: no use in sending it again.
        _ if said.contains("reduce the amount of data") => {
            bad(Code::Request, "ask for fewer days: `adjutant source sync --from … --to …`")
        }
        102 | 190 => bad(Code::Invalid, "make a new access token and enter it: `adjutant source secret`"),
        1 | 2 => again(Code::Unavailable, None),
        4 | 17 | 32 | 613 | 80_000..=80_014 => {
            again(Code::RateLimited, usage(reply).and_then(|quota| quota.resets_in))
        }
        3 | 10 | 200..=299 => {
            bad(Code::Scope, "give the system user this ad account, and its token the right ads_read")
        }
        100 if below == 33 => bad(Code::AccountNotFound, "look at account_id, and whether the token sees it"),
        100 if below == 3018 => bad(Code::WindowTooOld, "the platform keeps 37 months: ask for later days"),
        2635 => bad(Code::Request, "set a newer api_version, or look for an update of Adjutant"),
        _ if error.get("is_transient").and_then(Value::as_bool) == Some(true) => {
            again(Code::Unavailable, None)
        }
        _ => match verdict {
            Verdict::Bad { code, advice, .. } => bad(code, advice),
            Verdict::Again { code, wait, .. } => again(code, wait),
            Verdict::Good => bad(Code::Request, "look for an update of Adjutant, or report it"),
        },
    }
}

/// The fullest of all quotas that an answer speaks of: `X-Business-Use-Case-Usage` (percent of calls and of time, and minutes
/// until there is access again), `X-Ad-Account-Usage`, `X-FB-Ads-Insights-Throttle`, `X-App-Usage`.
pub fn usage(reply: &Reply) -> Option<Quota> {
    let header = |name: &str| serde_json::from_str::<Value>(reply.header(name)?).ok();
    let mut told: Vec<Quota> = Vec::new();
    let cases = header("x-business-use-case-usage").unwrap_or_default();
    for case in cases.as_object().into_iter().flatten().flat_map(|(_, cases)| cases.as_array()).flatten() {
        let minutes =
            shape::count(case.get("estimated_time_to_regain_access")).filter(|minutes| *minutes > 0);
        // Who must wait has used all there is.
        let full = if minutes.is_some() { 100.0 } else { 0.0 };
        told.push(Quota {
            used: fullest(case, &["call_count", "total_cputime", "total_time"]).max(full) / 100.0,
            resets_in: minutes.map(|minutes| minutes * 60),
        });
    }
    for name in ["x-ad-account-usage", "x-fb-ads-insights-throttle", "x-app-usage"] {
        let Some(said) = header(name) else { continue };
        let names = ["acc_id_util_pct", "app_id_util_pct", "call_count", "total_cputime", "total_time"];
        let resets_in = shape::count(said.get("reset_time_duration")).filter(|seconds| *seconds > 0);
        told.push(Quota { used: fullest(&said, &names) / 100.0, resets_in });
    }
    told.into_iter().max_by(|a, b| a.used.total_cmp(&b.used))
}

fn fullest(said: &Value, names: &[&str]) -> f64 {
    names.iter().filter_map(|name| said.get(name)?.as_f64()).fold(0.0, f64::max)
}
