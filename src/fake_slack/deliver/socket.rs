//! Socket Mode: the app opens WebSockets with tickets; envelopes go out on one of them and come back as acknowledgements.
use super::{Attempt, Delivery, Kind};
use crate::fake_slack::Shared;
use crate::fake_slack::options::APP;
use crate::fake_slack::workspace::Outcome;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use futures::stream::SplitStream;
use futures::{Sink, SinkExt};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Open connections, and who waits for which acknowledgement on which of them.
#[derive(Default)]
pub struct Sockets {
    next: u64,
    open: BTreeMap<u64, mpsc::UnboundedSender<Message>>,
    waiting: BTreeMap<String, (u64, oneshot::Sender<Value>)>,
}

impl Sockets {
    /// Says the same to every connection.
    pub fn tell_all(&self, message: &Message) {
        for out in self.open.values() {
            let _ = out.send(message.clone());
        }
    }
}

/// Upgrades a request that carries a fresh ticket.
pub async fn link(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<BTreeMap<String, String>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let ticket = query.get("ticket").cloned().unwrap_or_default();
    if !shared.change(|ws, _| ws.tickets.remove(&ticket)) {
        return (StatusCode::FORBIDDEN, "the ticket is unknown or was used").into_response();
    }
    upgrade.on_upgrade(move |socket| connected(shared, socket))
}

async fn connected(shared: Arc<Shared>, socket: WebSocket) {
    let (to_app, from_app) = socket.split();
    let (out, letters) = mpsc::unbounded_channel();
    let hello = json!({
        "type": "hello", "num_connections": 1, "connection_info": {"app_id": APP},
        "debug_info": {"host": "fake", "approximate_connection_time": 18060},
    });
    let _ = out.send(Message::text(hello.to_string()));
    let id = {
        let mut sockets = shared.sockets();
        sockets.next += 1;
        let id = sockets.next;
        sockets.open.insert(id, out);
        id
    };
    shared.change(|ws, _| ws.sockets += 1);
    tokio::select! {
        () = write(to_app, letters) => {}
        () = read(&shared, from_app) => {}
        () = shared.stop.cancelled() => {}
    }
    {
        let mut sockets = shared.sockets();
        sockets.open.remove(&id);
        // Whoever waited for an acknowledgement on this connection learns that it is gone.
        sockets.waiting.retain(|_, (on, _)| *on != id);
    }
    shared.change(|ws, _| ws.sockets -= 1);
}

async fn write(mut to_app: impl Sink<Message> + Unpin, mut letters: mpsc::UnboundedReceiver<Message>) {
    while let Some(message) = letters.recv().await {
        let last = matches!(message, Message::Close(_));
        if to_app.send(message).await.is_err() || last {
            return;
        }
    }
}

async fn read(shared: &Shared, mut from_app: SplitStream<WebSocket>) {
    while let Some(Ok(message)) = from_app.next().await {
        let Message::Text(text) = message else { continue };
        let Ok(mut ack) = serde_json::from_str::<Value>(&text) else { continue };
        let id = ack["envelope_id"].as_str().unwrap_or_default().to_owned();
        let waiting = shared.sockets().waiting.remove(&id);
        if let Some((_, waiting)) = waiting {
            let _ = waiting.send(ack["payload"].take());
        }
    }
}

/// Sends an envelope on the newest connection, waiting for one where there is none, and waits for the acknowledgement.
pub(super) async fn send(shared: &Shared, delivery: &Delivery, attempt: Attempt) -> Outcome {
    shared.wait_until(|ws| (ws.sockets > 0).then_some(())).await;
    let envelope_id = shared.change(|ws, _| ws.next_id("envelope-"));
    let mut envelope = json!({
        "envelope_id": envelope_id, "type": delivery.kind.envelope(), "payload": delivery.body,
        "accepts_response_payload": delivery.kind != Kind::Event,
    });
    if delivery.kind == Kind::Event {
        envelope["retry_attempt"] = json!(attempt.n);
        envelope["retry_reason"] = json!(attempt.reason);
    }
    let (acknowledge, acknowledged) = oneshot::channel();
    {
        let mut sockets = shared.sockets();
        let Some((id, out)) = sockets.open.last_key_value().map(|(id, out)| (*id, out.clone())) else {
            return Outcome::Unreachable;
        };
        sockets.waiting.insert(envelope_id, (id, acknowledge));
        if out.send(Message::text(envelope.to_string())).is_err() {
            return Outcome::Unreachable;
        }
    }
    acknowledged.await.map_or(Outcome::Unreachable, Outcome::Acknowledged)
}
