//! What Microsoft's refusals mean: `{"Errors": [{"Code": 109, "ErrorCode": "…", "Message": "…"}]}`, or the same list under
//! `OperationErrors` or `BatchErrors`.
use crate::platforms::client::{Reply, Verdict, by_status};
use crate::platforms::fault::Code;
use crate::platforms::shape;
use serde_json::Value;

/// Seconds after which calls are taken again that were held back: limits are by minute.
const MINUTE: i64 = 60;

fn first(body: &Value) -> Option<&Value> {
    let lists = ["Errors", "OperationErrors", "BatchErrors"];
    lists.into_iter().find_map(|name| body.get(name)?.as_array()?.iter().find(|error| error.is_object()))
}

/// Codes as the reference of operation error codes lists them.
pub fn judge(reply: &Reply) -> Verdict {
    let verdict = by_status(reply);
    if verdict == Verdict::Good {
        return verdict;
    }
    let Ok(body) = shape::json(&reply.body) else { return verdict };
    let Some(error) = first(&body) else { return verdict };
    let code = shape::count(error.get("Code")).unwrap_or(-1);
    let named = shape::text_if_any(error, "ErrorCode").unwrap_or_default();
    let said = shape::text_if_any(error, "Message").unwrap_or_default();
    let what = |what: &str| if said.is_empty() { what.to_owned() } else { format!("{what}: {said}") };
    let platform_code = format!("{code} {named}").trim().to_owned();
    let again = |code, words: &str, wait| Verdict::Again {
        code,
        what: what(words),
        platform_code: platform_code.clone(),
        wait,
    };
    let bad = |code, words: &str, advice| Verdict::Bad {
        code,
        what: what(words),
        platform_code: platform_code.clone(),
        advice,
    };
    match (code, verdict) {
        (117 | 207, _) => again(Code::RateLimited, "too many requests", Some(MINUTE)),
        (0, _) => again(Code::Unavailable, "the platform is in trouble", None),
        // A token that ended; a fresh one is fetched once.
        (105 | 109 | 110, _) => bad(
            Code::Invalid,
            "the token was refused",
            "consent to the app again, then `adjutant source secret`",
        ),
        (104 | 106 | 107 | 116, _) => bad(
            Code::Scope,
            "the user or the developer token may not read this",
            "use a user who sees the account, and a developer token of the same account",
        ),
        (_, Verdict::Bad { code, what: words, advice, .. }) => bad(code, &words, advice),
        (_, Verdict::Again { code, what: words, wait, .. }) => again(code, &words, wait),
        (_, Verdict::Good) => Verdict::Good,
    }
}
