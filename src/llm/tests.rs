//! A scripted model for the wrappers, and the reading of what real providers send.
use super::assemble::Calls;
use super::wire::{self, CallPart, Chunk};
use super::*;
use crate::access::{Credential, Role, Surface};
use crate::clock::ManualClock;
use crate::ids::{MemberId, OrgId};
use futures::StreamExt;
use serde_json::json;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

pub(super) type Script = Vec<Result<ChatEvent, ModelError>>;

/// Answers each call with the next script; an error as first entry refuses to open, an empty script never answers.
pub(super) struct Scripted {
    name: String,
    scripts: Mutex<VecDeque<Script>>,
    pub requests: Mutex<Vec<ChatRequest>>,
}

impl Scripted {
    pub fn new(name: &str, scripts: Vec<Script>) -> Arc<Self> {
        Arc::new(Self { name: name.into(), scripts: Mutex::new(scripts.into()), requests: Mutex::default() })
    }

    pub fn calls(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

#[async_trait]
impl ChatModel for Scripted {
    fn name(&self) -> &str {
        &self.name
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, ModelError> {
        self.requests.lock().unwrap().push(request);
        let script =
            self.scripts.lock().unwrap().pop_front().expect("a call that the script does not foresee");
        match script.first() {
            None => Ok(futures::stream::pending().boxed()),
            Some(Err(error)) => Err(error.clone()),
            Some(Ok(_)) => Ok(futures::stream::iter(script).boxed()),
        }
    }
}

pub(super) fn text(text: &str) -> Result<ChatEvent, ModelError> {
    Ok(ChatEvent::Text(text.into()))
}

pub(super) fn done(model: &str) -> Result<ChatEvent, ModelError> {
    Ok(ChatEvent::Done { model: model.into() })
}

pub(super) fn request() -> ChatRequest {
    let clock = ManualClock::at("2025-09-17T08:00:00Z".parse().unwrap());
    let actor = Actor {
        org: OrgId::new(&*clock),
        member: MemberId::new(&*clock),
        name: "Ada Example".into(),
        role: Role::Marketer,
        permissions: Role::Marketer.permissions(),
        surface: Surface::Http,
        credential: Credential::Session,
        request_id: None,
    };
    ChatRequest {
        actor,
        turn: TurnId::new(&*clock),
        conversation: ConversationId::new(&*clock),
        system: "system".into(),
        messages: vec![Message::User { text: "hello".into() }],
        tools: Arc::default(),
        context: Map::new(),
        max_output_tokens: None,
        answer_by: None,
    }
}

/// What a stream gave, in words.
pub(super) async fn heard(model: &dyn ChatModel) -> Vec<String> {
    match model.stream(request()).await {
        Err(error) => vec![format!("refused: {error}")],
        Ok(stream) => {
            stream
                .map(|item| match item {
                    Ok(ChatEvent::Text(text)) => text,
                    Ok(ChatEvent::Restart) => "(restart)".into(),
                    Ok(ChatEvent::Notice(line)) => format!("notice: {line}"),
                    Ok(ChatEvent::Done { model }) => format!("done: {model}"),
                    Ok(other) => format!("{other:?}"),
                    Err(error) => format!("error: {error}"),
                })
                .collect()
                .await
        }
    }
}

#[test]
fn chunks_are_read_whatever_is_missing() {
    let read = |value: Value| Chunk::read(&value);
    assert_eq!(read(json!({})), Chunk::default());
    assert_eq!(
        read(json!({"choices": null, "usage": null, "error": null, "created": 1.5})),
        Chunk::default()
    );
    assert_eq!(read(json!({"choices": []})), Chunk::default());
    assert_eq!(read(json!({"choices": [{"delta": null, "finish_reason": null}]})), Chunk::default());
    let chunk =
        read(json!({"choices": [{"delta": {"content": null, "tool_calls": null, "role": "assistant"}}]}));
    assert_eq!(chunk, Chunk::default());
    assert_eq!(read(json!({"choices": [{"message": {"content": "whole"}}]})).text, "whole");
    assert_eq!(
        read(json!({"choices": [{"delta": {"content": [{"type": "text", "text": "a"}, {"text": "b"}]}}]}))
            .text,
        "ab"
    );
    assert_eq!(read(json!({"choices": [{"finish_reason": "end_turn"}]})).finish.as_deref(), Some("end_turn"));
    assert_eq!(
        read(json!({"usage": {"prompt_tokens": 12.0, "completion_tokens": "3"}})).usage,
        Some((12, 3))
    );
    assert!(read(json!({"choices": [{"delta": {"reasoning_content": "hm"}}]})).busy);
    assert_eq!(
        read(json!({"error": {"message": "no", "code": 503}})).error,
        Some(wire::StreamError { status: Some(503) })
    );
    assert_eq!(
        read(json!({"error": {"message": "no", "code": "overloaded"}})).error,
        Some(wire::StreamError { status: None })
    );
}

fn part(value: Value) -> Vec<CallPart> {
    Chunk::read(&json!({"choices": [{"delta": {"tool_calls": [value]}}]})).calls
}

fn assembled(parts: Vec<Value>) -> Vec<ChatEvent> {
    let mut calls = Calls::default();
    parts.into_iter().flat_map(part).for_each(|part| calls.add(part));
    calls.finish().into_iter().map(|(event, _)| event).collect()
}

fn call(id: &str, name: &str, arguments: Value) -> ChatEvent {
    ChatEvent::Call(ToolCall {
        id: id.into(),
        name: name.into(),
        arguments: arguments.as_object().unwrap().clone(),
    })
}

#[test]
fn calls_are_assembled_from_pieces() {
    let split = assembled(vec![
        json!({"index": 0, "id": "a", "function": {"name": "spend", "arguments": ""}}),
        json!({"index": 0, "function": {"arguments": "{\"days\""}}),
        json!({"index": 1, "id": "b", "function": {"name": "leads", "arguments": "{}"}}),
        json!({"index": 0, "id": null, "function": {"name": null, "arguments": ":7}"}}),
    ]);
    assert_eq!(split, [call("a", "spend", json!({"days": 7})), call("b", "leads", json!({}))]);
}

#[test]
fn calls_without_index_or_id_are_told_apart() {
    let no_index = assembled(vec![
        json!({"id": "a", "function": {"name": "spend", "arguments": "{\"x\":"}}),
        json!({"function": {"arguments": "1}"}}),
        json!({"id": "b", "function": {"name": "leads", "arguments": "{}"}}),
    ]);
    assert_eq!(no_index, [call("a", "spend", json!({"x": 1})), call("b", "leads", json!({}))]);
    let all_zero = assembled(vec![
        json!({"index": 0, "id": "a", "function": {"name": "spend", "arguments": "{}"}}),
        json!({"index": 0, "id": "b", "function": {"name": "leads", "arguments": "{}"}}),
    ]);
    assert_eq!(all_zero, [call("a", "spend", json!({})), call("b", "leads", json!({}))]);
    let nothing = assembled(vec![
        json!({"function": {"name": "spend", "arguments": {"days": 7}}}),
        json!({"function": {"name": "leads", "arguments": null}}),
    ]);
    assert_eq!(nothing, [call("call_1", "spend", json!({"days": 7})), call("call_2", "leads", json!({}))]);
}

#[test]
fn arguments_that_are_no_object_are_bad_calls() {
    for arguments in ["{\"days\": 7", "[1]", "seven"] {
        let events = assembled(vec![
            json!({"index": 0, "id": "a", "function": {"name": "spend", "arguments": arguments}}),
        ]);
        assert!(
            matches!(&events[..], [ChatEvent::BadCall { id, .. }] if id == "a"),
            "{arguments}: {events:?}"
        );
    }
}

#[test]
fn requests_keep_the_order_of_roles_and_echo_extras() {
    let mut request = request();
    request.messages.push(Message::Assistant {
        text: String::new(),
        calls: vec![ToolCall { id: "a".into(), name: "spend".into(), arguments: Map::new() }],
    });
    let (content, result) = ("<data>{}</data>".to_owned(), json!({}));
    request.messages.push(Message::Tool {
        call_id: "a".into(),
        name: "spend".into(),
        content,
        result,
        failed: false,
    });
    request.messages.push(Message::Note { text: "answer now".into() });
    request.max_output_tokens = Some(9);
    let extra = |_: &str| json!({"extra_content": {"signature": "s"}}).as_object().unwrap().clone();
    let body = wire::request("m", &Quirks::of("https://api.openai.com/v1"), &request, &extra);
    let body = serde_json::to_value(&body).unwrap();
    let roles: Vec<&str> =
        body["messages"].as_array().unwrap().iter().filter_map(|m| m["role"].as_str()).collect();
    assert_eq!(roles, ["system", "user", "assistant", "tool", "user"]);
    assert_eq!(body["messages"][2]["tool_calls"][0]["extra_content"]["signature"], "s");
    assert_eq!(body["messages"][2]["tool_calls"][0]["function"]["arguments"], "{}");
    assert_eq!(body["messages"][2]["content"], Value::Null);
    assert_eq!(body["max_completion_tokens"], 9);
    assert_eq!(body.get("tools"), None);
}
