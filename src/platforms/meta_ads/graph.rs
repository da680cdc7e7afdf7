//! Requests to the Graph API: signed with the app's secret, paged by cursor.
use super::parse;
use crate::platforms::client::{Ask, Payload, Reply};
use crate::platforms::contract::{Ctx, Sink};
use crate::platforms::fault::{Code, ConnectorError};
use crate::platforms::shape::{self, Missing, Seen};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use url::Url;

/// A token that ends within so many days is spoken of, and so is one that never does not at all.
const SOON_DAYS: i64 = 14;

/// The number of an ad account.
pub fn account(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// `appsecret_proof`: the token, signed with the app's secret, in hex. It shows that the token was not stolen.
fn proof(token: &SecretString, secret: &SecretString) -> String {
    // A key of any length will do.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) else {
        return String::new();
    };
    mac.update(token.expose_secret().as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn url(cx: &Ctx, path: &str) -> Result<Url, ConnectorError> {
    let version = cx.setting("api_version").unwrap_or(&cx.api_version);
    let mut url = cx.url("", &format!("{version}/{path}"))?;
    let proof = proof(cx.secret("access_token")?, cx.secret("app_secret")?);
    url.query_pairs_mut().append_pair("appsecret_proof", &proof);
    Ok(url)
}

pub async fn get<V: AsRef<str>>(cx: &Ctx, path: &str, query: &[(&str, V)]) -> Result<Reply, ConnectorError> {
    let mut url = url(cx, path)?;
    url.query_pairs_mut().extend_pairs(query.iter().map(|(name, value)| (*name, value.as_ref())));
    // The token goes into a header: addresses are written into logs on the way.
    cx.http.send(&Ask::get(url).bearer(cx.secret("access_token")?)).await
}

pub async fn post(
    cx: &Ctx,
    path: &str,
    form: Vec<(&'static str, SecretString)>,
) -> Result<Reply, ConnectorError> {
    let ask = Ask::post(url(cx, path)?, Payload::Form(form)).bearer(cx.secret("access_token")?);
    cx.http.send(&ask).await
}

/// What the token may do and until when, in words to follow the account's name. A right that is missing is an error.
pub async fn rights(cx: &Ctx) -> Result<String, ConnectorError> {
    // A question by POST, since the token that it is about must not stand in an address.
    let form =
        vec![("method", SecretString::from("get")), ("input_token", cx.secret("access_token")?.clone())];
    let reply = match post(cx, "debug_token", form).await {
        // Some tokens may not ask about themselves: then the account is the only test.
        Err(error) if matches!(error.code, Code::Request | Code::AccountNotFound | Code::Scope) => {
            return Ok(String::new());
        }
        other => other?,
    };
    let body = shape::json(&reply.body).map_err(|fault| cx.unreadable(&fault))?;
    let Some(data) = body.get("data") else { return Ok(String::new()) };
    if data.get("is_valid").and_then(Value::as_bool) == Some(false) {
        let advice = "make a new one: `adjutant source secret`";
        return Err(cx.error(Code::Invalid, "the access token is not valid any more", advice));
    }
    let scopes: Vec<&str> = data
        .get("scopes")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if !scopes.is_empty() && !scopes.contains(&"ads_read") && !scopes.contains(&"ads_management") {
        let advice = "make one with it: `adjutant source secret`";
        return Err(cx.error(Code::Scope, "the access token lacks the right ads_read", advice));
    }
    // Zero is never.
    let ends = shape::count(data.get("expires_at")).filter(|seconds| *seconds > 0);
    let ends = ends.and_then(|seconds| Timestamp::from_second(seconds).ok());
    let left = ends.map(|at| at.duration_since(cx.clock.now()).as_hours() / 24);
    Ok(match ends.zip(left) {
        Some((at, left)) if left <= SOON_DAYS => {
            format!("; the access token ends on {}", at.strftime("%Y-%m-%d"))
        }
        _ => String::new(),
    })
}

/// Every row of a list, as `make` reads it.
pub async fn all<T: Send>(
    cx: &Ctx,
    path: &str,
    query: &[(&'static str, String)],
    limit: u32,
    sink: &mut dyn Sink,
    mut make: impl FnMut(&Value, &mut Seen) -> Result<T, Missing> + Send,
) -> Result<Vec<T>, ConnectorError> {
    let (mut made, mut after) = (Vec::new(), None::<String>);
    let (mut cursors, mut pages) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..limit {
        cx.http.go_on()?;
        let mut query = query.to_vec();
        query.extend(after.take().map(|cursor| ("after", cursor)));
        let reply = get(cx, path, &query).await?;
        let mut page = parse::page(&reply.body).map_err(|fault| cx.unreadable(&fault))?;
        let digest = Sha256::digest(serde_json::to_vec(&page.rows).unwrap_or_default()).to_vec();
        let known = page.after.as_ref().is_some_and(|cursor| !cursors.insert(cursor.clone()));
        if known || (!page.rows.is_empty() && !pages.insert(digest)) {
            return Err(cx.error(
                Code::PageLoop,
                "a page is one that was read before",
                "the next run tries again; report it if it stays",
            ));
        }
        for row in &page.rows {
            let read = make(row, &mut page.seen);
            made.extend(page.seen.row(read));
        }
        sink.saw(page.seen);
        match page.after {
            Some(cursor) => after = Some(cursor),
            None => return Ok(made),
        }
    }
    let what = format!("more than {limit} pages");
    Err(cx.error(Code::Request, &what, "ask for fewer days: `adjutant source sync --from … --to …`"))
}
