//! A client of the chat endpoint: asks, and reads the stream as a browser would.
use futures::StreamExt as _;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    key: String,
}

/// One event of a turn as it arrived.
pub struct Arrived {
    pub kind: String,
    /// The turn, as the response's header names it.
    pub turn: String,
    pub data: Value,
}

/// How long a turn took, from the request to its first text and to its last event.
pub struct Timing {
    pub first_text: Option<Duration>,
    pub whole: Duration,
    /// `turn.completed`, or what else it ended with.
    pub end: String,
    pub last: Value,
}

impl Client {
    pub fn new(base: &str, key: &str) -> Self {
        let http = reqwest::Client::builder().tcp_nodelay(true).build().expect("a client");
        Self { http, base: base.to_owned(), key: key.to_owned() }
    }

    /// Asks and reads to the end; `each` sees every event as it arrives.
    pub async fn ask(&self, message: &str, mut each: impl FnMut(&Arrived)) -> Timing {
        let begun = Instant::now();
        let request = self.http.post(format!("{}/api/chat", self.base)).bearer_auth(&self.key);
        let response = request.json(&json!({"message": message})).send().await.expect("an answer");
        let status = response.status();
        if !status.is_success() {
            let text = response.text().await.unwrap_or_default();
            return Timing {
                first_text: None,
                whole: begun.elapsed(),
                end: format!("{status}: {text}"),
                last: Value::Null,
            };
        }
        let mut timing =
            Timing { first_text: None, whole: Duration::ZERO, end: "cut off".to_owned(), last: Value::Null };
        let turn =
            response.headers().get("x-turn-id").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
        let mut body = response.bytes_stream();
        let mut buffer = String::new();
        while let Some(Ok(piece)) = body.next().await {
            buffer.push_str(&String::from_utf8_lossy(&piece));
            while let Some(end) = buffer.find("\n\n") {
                let frame: String = buffer.drain(..end + 2).collect();
                let Some(event) = parse(&frame, &turn) else { continue };
                if event.kind == "text.delta" {
                    timing.first_text.get_or_insert(begun.elapsed());
                }
                each(&event);
                if matches!(event.kind.as_str(), "turn.completed" | "turn.failed" | "turn.cancelled") {
                    timing.whole = begun.elapsed();
                    timing.end = event.kind;
                    timing.last = event.data;
                }
            }
        }
        timing
    }

    /// Opens a stream of a turn's events and returns it with its first bytes read.
    pub async fn open(&self, turn: &str) -> reqwest::Result<reqwest::Response> {
        let request = self.http.get(format!("{}/api/turns/{turn}/events", self.base)).bearer_auth(&self.key);
        let mut response = request.send().await?.error_for_status()?;
        response.chunk().await?;
        Ok(response)
    }
}

fn parse(frame: &str, turn: &str) -> Option<Arrived> {
    let field = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let data = serde_json::from_str(field("data:")?).ok()?;
    Some(Arrived { kind: field("event:")?.to_owned(), turn: turn.to_owned(), data })
}
