//! A turn as server-sent events: `id:` is the sequence number, `event:` the kind, `data:` the payload as JSON.
use crate::chat::{TurnEvent, TurnEventKind};
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
    Event::default().id(event.seq.to_string()).event(event.kind.word()).data(payload(&event.kind))
}

/// The payload of an event as JSON.
fn payload(kind: &TurnEventKind) -> String {
    // Pieces of text are nearly all there is to send: no tree is built for them.
    if let TurnEventKind::Text { text, restart } = kind {
        let text = serde_json::to_string(text).unwrap_or_default();
        return if *restart {
            format!(r#"{{"restart":true,"text":{text}}}"#)
        } else {
            format!(r#"{{"text":{text}}}"#)
        };
    }
    let mut value = serde_json::to_value(kind).unwrap_or_default();
    value.get_mut("payload").map(Value::take).unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_of_text_is_sent_as_it_is_stored() {
        for restart in [false, true] {
            let kind = TurnEventKind::Text { text: "a \"b\"\n\u{2028}é".to_owned(), restart };
            let sent: Value = serde_json::from_str(&payload(&kind)).unwrap_or_default();
            assert_eq!(sent, serde_json::to_value(&kind).unwrap_or_default()["payload"]);
        }
    }
}
