//! One id a request: taken from `x-request-id` when it is a sane one, else made; in the span, the reply and problems.
use crate::clock::SharedClock;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

static HEADER: HeaderName = HeaderName::from_static("x-request-id");

tokio::task_local! {
    static CURRENT: String;
}

/// The id of the request this task is answering.
pub fn current() -> Option<String> {
    CURRENT.try_with(Clone::clone).ok()
}

/// Letters, digits, `-` and `_`, at most 64: anything else would let a caller write into our log.
fn sane(value: &HeaderValue) -> Option<String> {
    let text = value.to_str().ok()?;
    let ok = (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    ok.then(|| text.to_owned())
}

pub async fn layer(State(clock): State<SharedClock>, request: Request, next: Next) -> Response {
    let id = request
        .headers()
        .get(&HEADER)
        .and_then(sane)
        .unwrap_or_else(|| crate::ids::new_uuid(&*clock).simple().to_string());
    let span =
        tracing::info_span!("request", id = %id, method = %request.method(), path = %request.uri().path());
    let value = HeaderValue::from_str(&id);
    let mut response = CURRENT.scope(id, next.run(request).instrument(span)).await;
    if let Ok(value) = value {
        response.headers_mut().insert(HEADER.clone(), value);
    }
    response
}
