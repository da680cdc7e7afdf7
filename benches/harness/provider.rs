//! A model provider over real HTTP on the loopback that answers at once. What it does depends on the question:
//! `burst` calls one tool, then says thirty words at once (`burst slowly` takes two seconds over them); `paced N` speaks one stamped piece every five milliseconds,
//! N times; `hang` says one word and then nothing more. Pieces are letters, so that no figure needs a receipt.
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use jiff::ToSpan as _;
use jiff::civil::Date;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// How long the words of a slow answer take.
pub const SLOWLY: Duration = Duration::from_secs(2);

pub struct Provider {
    pub url: String,
    /// Zero of the stamps.
    pub begun: Instant,
}

struct Shared {
    begun: Instant,
    today: Date,
    /// So many tool calls were asked for: each gets another window, so that no result comes from memory.
    calls: AtomicI64,
}

impl Provider {
    pub async fn start(today: Date) -> Self {
        let begun = Instant::now();
        let shared = Arc::new(Shared { begun, today, calls: AtomicI64::new(0) });
        let router = Router::new().route("/v1/chat/completions", post(complete)).with_state(shared);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
        use axum::serve::ListenerExt as _;
        let listener = listener.tap_io(|stream| stream.set_nodelay(true).expect("no delay"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, begun }
    }

    /// Nanoseconds that a stamp of [`stamp`] is old, if the text is one.
    pub fn age(&self, text: &str) -> Option<Duration> {
        let letters = text.trim();
        if letters.len() < 16 || !letters.bytes().all(|b| (b'a'..=b'p').contains(&b)) {
            return None;
        }
        let nanos = letters.bytes().take(16).fold(0u64, |n, b| (n << 4) | u64::from(b - b'a'));
        self.begun.elapsed().checked_sub(Duration::from_nanos(nanos))
    }
}

/// The time since the start in sixteen letters and a space.
fn stamp(begun: Instant) -> String {
    let nanos = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
    (0..16).rev().map(|place| char::from(b'a' + ((nanos >> (place * 4)) & 15) as u8)).chain([' ']).collect()
}

fn chunk(delta: Value) -> Bytes {
    let body = json!({"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "fake",
                      "choices": [{"index": 0, "delta": delta, "finish_reason": null}]});
    Bytes::from(format!("data: {body}\n\n"))
}

fn end(reason: &str) -> Bytes {
    let body = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}],
                      "usage": {"prompt_tokens": 900, "completion_tokens": 60, "total_tokens": 960}});
    Bytes::from(format!("data: {body}\n\ndata: [DONE]\n\n"))
}

/// What is looked at of a request. Tools and schemas, by far the most of it, are passed over: a provider's own time is no
/// part of what is measured.
#[derive(serde::Deserialize)]
struct Asked {
    messages: Vec<Value>,
}

async fn complete(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let Asked { messages } = serde_json::from_slice(&body).expect("JSON");
    let question = messages
        .iter()
        .rev()
        .find(|m| m["role"] == "user")
        .map_or(String::new(), |m| m["content"].to_string());
    let answered = messages.last().is_some_and(|m| m["role"] == "tool");
    let (out, inbox) = mpsc::channel::<Bytes>(64);
    tokio::spawn(async move {
        // A reader that went away is no fault of the provider's.
        let _ = speak(&shared, &question, answered, &out).await;
    });
    let stream = futures::stream::unfold(inbox, |mut inbox| async move {
        let next = inbox.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(next), inbox))
    });
    let response = Response::builder().header("content-type", "text/event-stream");
    response.body(Body::from_stream(stream)).expect("a response")
}

async fn speak(
    shared: &Shared,
    question: &str,
    answered: bool,
    out: &mpsc::Sender<Bytes>,
) -> Result<(), mpsc::error::SendError<Bytes>> {
    if let Some((_, count)) = question.split_once("paced ") {
        let count: usize =
            count.split(|c: char| !c.is_ascii_digit()).next().and_then(|n| n.parse().ok()).unwrap_or(100);
        let mut ticks = tokio::time::interval(Duration::from_millis(5));
        for _ in 0..count {
            ticks.tick().await;
            out.send(chunk(json!({"content": stamp(shared.begun)}))).await?;
        }
        return out.send(end("stop")).await;
    }
    if question.contains("hang") {
        out.send(chunk(json!({"content": "Wait "}))).await?;
        out.closed().await;
        return Ok(());
    }
    if !answered {
        let n = shared.calls.fetch_add(1, Ordering::Relaxed);
        let last = shared.today.saturating_sub((1 + n % 400).days());
        let first = last.saturating_sub((6 + n / 400 % 20).days());
        let arguments = json!({"window": {"start": first.to_string(), "end": last.to_string()}});
        let function = json!({"name": "spend_by_channel", "arguments": arguments.to_string()});
        let call = json!({"index": 0, "id": format!("call_{n}"), "type": "function", "function": function});
        out.send(chunk(json!({"tool_calls": [call]}))).await?;
        return out.send(end("tool_calls")).await;
    }
    const WORDS: &str = "Most of the money went to the channel at the top of the table and the rest is spread over \
                         the others as it was planned for this season and budget";
    let (begun, count) = (tokio::time::Instant::now(), WORDS.split(' ').count());
    for (n, word) in WORDS.split(' ').enumerate() {
        if question.contains("slowly") {
            // By the clock, so that the pauses add up to two seconds.
            let share = (n + 1) as f64 / count as f64;
            tokio::time::sleep_until(begun + SLOWLY.mul_f64(share)).await;
        }
        out.send(chunk(json!({"content": format!("{word} ")}))).await?;
    }
    out.send(end("stop")).await
}
