//! A turn as server-sent events: `id:` is the sequence number, `event:` the kind, `data:` the payload as JSON.
use crate::chat::TurnEvent;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt};
use serde_json::Value;
use std::convert::Infallible;
use std::time::Duration;

/// Comment lines keep proxies from closing a quiet stream.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The events until the final one, as a response that no proxy should buffer.
pub fn response(events: impl Stream<Item = TurnEvent> + Send + 'static) -> Response {
    let stream = events.map(|event| Ok::<_, Infallible>(frame(&event)));
    let mut response = Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response();
    let headers = response.headers_mut();
    headers.insert("cache-control", axum::http::HeaderValue::from_static("no-cache, no-transform"));
    headers.insert("x-accel-buffering", axum::http::HeaderValue::from_static("no"));
    response
}

fn frame(event: &TurnEvent) -> Event {
    let mut value = serde_json::to_value(event).unwrap_or_default();
    let payload = value.get_mut("payload").map(Value::take).unwrap_or_default();
    Event::default().id(event.seq.to_string()).event(event.kind.word()).data(payload.to_string())
}
