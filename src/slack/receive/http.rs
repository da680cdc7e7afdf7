//! `/slack/events`, `/slack/interactions`, `/slack/commands`: signed requests of Slack.
//!
//! The signature's time is checked before the body is read, the body is bounded, the signature is checked before
//! anything of the body is parsed. A delivery that repeats another one (`X-Slack-Retry-Num`) is one like any: what tells
//! them apart is what was stored.
use super::signature::{Claim, Refused};
use super::{Answer, Patience};
use crate::slack::Slack;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use serde_json::Value;

/// Bytes of a body. Slack's own are far smaller; a view holds at most 250 kB.
const BODY_LIMIT: usize = 1024 * 1024;
/// Bytes of an `ssl_check`, which is the one request that Slack may send unsigned.
const SSL_CHECK_LIMIT: usize = 512;

/// The three addresses that a manifest names when events come over HTTP. Each takes what any of them takes.
pub fn routes(slack: Slack) -> Router {
    Router::new()
        .route("/slack/events", post(receive))
        .route("/slack/interactions", post(receive))
        .route("/slack/commands", post(receive))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(slack)
}

async fn receive(State(slack): State<Slack>, request: Request) -> Response {
    let begun = slack.inner.app.clock.monotonic();
    let response = answer(&slack, request).await;
    let status = response.status().as_u16().to_string();
    metrics::histogram!("adjutant_slack_ack_seconds", "over" => "http", "status" => status)
        .record(slack.inner.app.clock.monotonic().duration_since(begun).as_secs_f64());
    response
}

async fn answer(slack: &Slack, request: Request) -> Response {
    let claim = Claim::read(request.headers(), slack.inner.app.clock.now());
    let json = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("application/json"));
    let body = match (&claim, &slack.inner.settings.signing_secret) {
        (Ok(claim), Some(secret)) => {
            let body = match Bytes::from_request(request, &()).await {
                Ok(body) => body,
                Err(too_large) => return too_large.into_response(),
            };
            if let Err(refused) = claim.check(secret, &body) {
                return unauthorised(refused);
            }
            body
        }
        (Err(Refused::Missing), _) => return unsigned(request).await,
        (Err(refused), _) => return unauthorised(*refused),
        (Ok(_), None) => return unauthorised(Refused::Wrong),
    };
    match payload(&body, json) {
        None => (StatusCode::BAD_REQUEST, "The body is neither JSON nor a form of Slack's.").into_response(),
        Some(payload) => match slack.accept(payload, Patience::for_http()).await {
            Answer::Done => StatusCode::OK.into_response(),
            Answer::Say(view) => axum::Json(view).into_response(),
            Answer::Challenge(text) => text.into_response(),
            Answer::Later => (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")]).into_response(),
        },
    }
}

/// Slack asks now and then whether the certificate is good, without a signature. The answer tells nothing and does
/// nothing.
async fn unsigned(request: Request) -> Response {
    let body = axum::body::to_bytes(request.into_body(), SSL_CHECK_LIMIT).await.unwrap_or_default();
    if form_urlencoded::parse(&body).any(|(name, value)| name == "ssl_check" && value == "1") {
        return StatusCode::OK.into_response();
    }
    unauthorised(Refused::Missing)
}

fn unauthorised(refused: Refused) -> Response {
    tracing::warn!(%refused, "a request to /slack was refused");
    metrics::counter!("adjutant_slack_refused_total").increment(1);
    StatusCode::UNAUTHORIZED.into_response()
}

/// JSON, or a form: interactivity has its JSON in the field `payload`, a command is the form itself.
fn payload(body: &[u8], json: bool) -> Option<Value> {
    if json {
        return serde_json::from_slice(body).ok().filter(Value::is_object);
    }
    let mut fields = serde_json::Map::new();
    for (name, value) in form_urlencoded::parse(body) {
        fields.entry(name.into_owned()).or_insert_with(|| Value::String(value.into_owned()));
    }
    match fields.get("payload") {
        Some(Value::String(inner)) => serde_json::from_str(inner).ok().filter(Value::is_object),
        _ if fields.contains_key("command") || fields.contains_key("ssl_check") => {
            Some(Value::Object(fields))
        }
        _ => None,
    }
}
