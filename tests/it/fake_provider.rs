//! A model provider over real HTTP that plays a script and checks every request: roles in order, each tool call
//! answered once, schemas well-formed, nothing on offer that could act, no secret in sight.
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::post;
use serde_json::{Value, json};
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;

/// The key every request must carry; it must never show anywhere else.
pub const KEY: &str = "sk-canary-5f1d9c";

/// One answer of the script.
pub enum Reply {
    /// Chunks of a stream, and how it ends.
    Stream(Vec<Value>, End),
    /// A refusal with `Retry-After`, where given.
    Refuse(u16, Option<&'static str>),
    /// Bytes as they are, as an event stream.
    Raw(&'static str),
}

#[derive(Clone, Copy, PartialEq)]
pub enum End {
    Done,
    /// The connection breaks.
    Cut,
    /// The connection ends properly, without finish reason and `[DONE]`.
    Short,
    /// Nothing more comes, ever.
    Hang,
}

/// What one piece of an answer looks like on the wire.
pub fn delta(delta: Value) -> Value {
    json!({"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "fake",
           "choices": [{"index": 0, "delta": delta, "finish_reason": null}]})
}

pub fn finish(reason: &str) -> Value {
    json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}],
           "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}})
}

/// An answer in words, in pieces.
pub fn says(pieces: &[&str]) -> Reply {
    let mut chunks: Vec<Value> = pieces.iter().map(|text| delta(json!({"content": text}))).collect();
    chunks.push(finish("stop"));
    Reply::Stream(chunks, End::Done)
}

/// Tool calls: id, name, arguments.
pub fn calls(calls: &[(&str, &str, Value)]) -> Reply {
    let parts = calls.iter().enumerate().map(|(n, (id, name, arguments))| {
        let function = json!({"name": name, "arguments": arguments.to_string()});
        delta(json!({"tool_calls": [{"index": n, "id": id, "type": "function", "function": function}]}))
    });
    let mut chunks: Vec<Value> = parts.collect();
    chunks.push(finish("tool_calls"));
    Reply::Stream(chunks, End::Done)
}

/// Answers by the number of the request and the request itself.
type Answering = Box<dyn Fn(usize, &Value) -> Reply + Send>;

#[derive(Default)]
struct Shared {
    script: Mutex<VecDeque<Reply>>,
    /// Played when the script is over.
    endless: Mutex<Option<Answering>>,
    requests: Mutex<Vec<Value>>,
    faults: Mutex<Vec<String>>,
}

/// A running provider; its socket closes with the test's runtime.
#[derive(Clone)]
pub struct FakeProvider {
    pub url: String,
    shared: Arc<Shared>,
}

impl FakeProvider {
    pub async fn start(script: Vec<Reply>) -> Self {
        let shared = Arc::new(Shared { script: Mutex::new(script.into()), ..Shared::default() });
        let router =
            Router::new().route("/v1/chat/completions", post(complete)).with_state(Arc::clone(&shared));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, shared }
    }

    /// Answers every request so, by its number (from 1) and its body.
    pub async fn answering(reply: impl Fn(usize, &Value) -> Reply + Send + 'static) -> Self {
        let provider = Self::start(Vec::new()).await;
        *provider.shared.endless.lock().unwrap() = Some(Box::new(reply));
        provider
    }

    pub fn requests(&self) -> Vec<Value> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// Everything that was wrong with the requests; tests end with this being empty.
    pub fn faults(&self) -> Vec<String> {
        self.shared.faults.lock().unwrap().clone()
    }
}

async fn complete(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let mut faults = Vec::new();
    if headers.get("authorization").and_then(|v| v.to_str().ok()) != Some(&format!("Bearer {KEY}")) {
        faults.push("the key is missing".to_owned());
    }
    match serde_json::from_slice::<Value>(&body) {
        Ok(request) => {
            check(&request, &mut faults);
            shared.requests.lock().unwrap().push(request);
        }
        Err(error) => faults.push(format!("not JSON: {error}")),
    }
    shared.faults.lock().unwrap().extend(faults);
    let (n, request) = {
        let requests = shared.requests.lock().unwrap();
        (requests.len(), requests.last().cloned().unwrap_or_default())
    };
    let next = shared.script.lock().unwrap().pop_front();
    let reply = next.or_else(|| shared.endless.lock().unwrap().as_ref().map(|reply| reply(n, &request)));
    let Some(reply) = reply else {
        shared.faults.lock().unwrap().push(format!("request {n} is not in the script"));
        return refuse(500, None);
    };
    match reply {
        Reply::Refuse(status, retry_after) => refuse(status, retry_after),
        Reply::Raw(text) => stream(Body::from(text)),
        Reply::Stream(chunks, end) => {
            let (out, inbox) = mpsc::channel::<Result<Bytes, std::io::Error>>(4);
            tokio::spawn(async move {
                for chunk in chunks {
                    let _ = out.send(Ok(Bytes::from(format!("data: {chunk}\n\n")))).await;
                }
                // Lets the connection flush what it has before it ends.
                for _ in 0..20 {
                    tokio::task::yield_now().await;
                }
                match end {
                    End::Done => drop(out.send(Ok(Bytes::from("data: [DONE]\n\n"))).await),
                    End::Cut => drop(out.send(Err(std::io::Error::other("cut"))).await),
                    End::Short => {}
                    End::Hang => out.closed().await,
                }
            });
            stream(Body::from_stream(tokio_stream::wrappers::ReceiverStream::new(inbox)))
        }
    }
}

fn stream(body: Body) -> Response {
    Response::builder().header("content-type", "text/event-stream").body(body).unwrap()
}

fn refuse(status: u16, retry_after: Option<&str>) -> Response {
    let mut response = Response::builder().status(StatusCode::from_u16(status).unwrap());
    if let Some(value) = retry_after {
        response = response.header("retry-after", value);
    }
    // An upstream body that repeats the key: it must not travel on.
    response.body(Body::from(json!({"error": {"message": format!("refused {KEY}")}}).to_string())).unwrap()
}

/// Words that no tool on offer may have as a part of its name.
const FORBIDDEN: [&str; 12] = [
    "approve", "execute", "sql", "http", "fetch", "file", "shell", "schedule", "rollback", "review", "send",
    "browse",
];
/// Queries that read about approvals and the like.
const READS: [&str; 4] = ["approvals_pending", "approvals_history", "send_frequency", "action_log"];

fn check(request: &Value, faults: &mut Vec<String>) {
    let mut fault = |text: String| faults.push(text);
    if request["stream"] != json!(true) || !request["model"].is_string() {
        fault("stream and model are needed".into());
    }
    if request.to_string().contains(KEY) {
        fault("the key is in the body".into());
    }
    for tool in request["tools"].as_array().into_iter().flatten() {
        let name = tool["function"]["name"].as_str().unwrap_or_default();
        let well_formed = name.starts_with(|c: char| c.is_ascii_lowercase())
            && (2..=64).contains(&name.len())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if tool["type"] != "function" || !well_formed {
            fault(format!("tool name '{name}'"));
        }
        if FORBIDDEN.iter().any(|word| name.contains(word)) && !READS.contains(&name) {
            fault(format!("tool '{name}' must not be on offer"));
        }
        let schema = &tool["function"]["parameters"];
        if schema["type"] != "object" || jsonschema::meta::validate(schema).is_err() {
            fault(format!("schema of '{name}'"));
        }
    }
    let messages = request["messages"].as_array().cloned().unwrap_or_default();
    let mut open: VecDeque<String> = VecDeque::new();
    let mut seen = BTreeSet::new();
    for (n, message) in messages.iter().enumerate() {
        let role = message["role"].as_str().unwrap_or_default();
        if (n == 0) != (role == "system") {
            fault(format!("message {n} has role {role}"));
        }
        if role != "tool" && !open.is_empty() {
            fault(format!("message {n}: calls {open:?} have no output"));
            open.clear();
        }
        match role {
            "system" | "user" => {
                if !message["content"].is_string() {
                    fault(format!("message {n} has no content"));
                }
            }
            "assistant" => {
                for call in message["tool_calls"].as_array().into_iter().flatten() {
                    let id = call["id"].as_str().unwrap_or_default().to_owned();
                    let arguments = call["function"]["arguments"].as_str().unwrap_or_default();
                    if id.is_empty() || !seen.insert(id.clone()) {
                        fault(format!("call id '{id}' is empty or used twice"));
                    }
                    if !serde_json::from_str::<Value>(arguments).is_ok_and(|v| v.is_object()) {
                        fault(format!("arguments of call '{id}' are no object"));
                    }
                    open.push_back(id);
                }
                if message["content"].as_str().unwrap_or_default().is_empty() && open.is_empty() {
                    fault(format!("message {n} says nothing"));
                }
            }
            "tool" => {
                let id = message["tool_call_id"].as_str().unwrap_or_default();
                if open.front().map(String::as_str) != Some(id) {
                    fault(format!("output of '{id}' comes out of turn; open: {open:?}"));
                }
                open.pop_front();
                let content = message["content"].as_str().unwrap_or_default();
                let delimited = content.starts_with("<data>") && content.matches("</data>").count() == 1;
                if !delimited || content.chars().any(|c| c.is_control()) {
                    fault(format!("output of '{id}' is not delimited as data"));
                }
            }
            other => fault(format!("role '{other}'")),
        }
    }
    if !open.is_empty() {
        fault(format!("calls {open:?} have no output"));
    }
}
