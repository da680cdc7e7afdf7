//! Signed requests to the app's own address.
use super::{Attempt, Delivery, Kind};
use crate::fake_slack::Shared;
use crate::fake_slack::workspace::Outcome;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::Value;
use sha2::Sha256;

/// `v0=` and the HMAC-SHA256 of `v0:timestamp:body` in hex, as Slack documents it.
pub fn signature(secret: &str, timestamp: i64, body: &[u8]) -> String {
    // An HMAC key may have any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(format!("v0:{timestamp}:").as_bytes());
    mac.update(body);
    let hex: String = mac.finalize().into_bytes().iter().map(|b| format!("{b:02x}")).collect();
    format!("v0={hex}")
}

pub(super) async fn send(shared: &Shared, delivery: &Delivery, attempt: Attempt) -> Outcome {
    let Some(app) = shared.app_url() else { return Outcome::Unreachable };
    let url = format!("{app}{}", delivery.kind.path());
    let request = match delivery.kind {
        Kind::Event => {
            shared.client.post(url).header(CONTENT_TYPE, "application/json").body(delivery.body.to_string())
        }
        Kind::Interaction => shared.client.post(url).form(&[("payload", delivery.body.to_string())]),
        Kind::Command => shared.client.post(url).form(&fields(&delivery.body)),
    };
    let Ok(mut request) = request.build() else { return Outcome::Unreachable };
    let body = request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default().to_vec();
    sign(shared, &body, attempt, request.headers_mut());
    match shared.client.execute(request).await {
        Err(_) => Outcome::Unreachable,
        Ok(answer) if !answer.status().is_success() => Outcome::Refused(answer.status().as_u16()),
        Ok(answer) => {
            let text = answer.text().await.unwrap_or_default();
            Outcome::Acknowledged(serde_json::from_str(&text).unwrap_or(match text.as_str() {
                "" => Value::Null,
                other => Value::String(other.to_owned()),
            }))
        }
    }
}

fn sign(shared: &Shared, body: &[u8], attempt: Attempt, headers: &mut HeaderMap) {
    let timestamp = shared.now().as_second();
    let signature = signature(&shared.options.signing_secret, timestamp, body);
    let mut put = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    };
    put("x-slack-request-timestamp", timestamp.to_string());
    put("x-slack-signature", signature);
    put("user-agent", "Slackbot 1.0 (+https://api.slack.com/robots)".to_owned());
    if attempt.n > 0 {
        put("x-slack-retry-num", attempt.n.to_string());
        put("x-slack-retry-reason", attempt.reason.to_owned());
    }
}

fn fields(body: &Value) -> Vec<(&str, &str)> {
    body.as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default()))
        .collect()
}
