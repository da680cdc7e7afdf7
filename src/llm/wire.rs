//! What OpenAI-compatible providers really send and want: requests as JSON, chunks read leniently.
//!
//! Providers omit `id`, `choices` or the `index` of a tool call, send explicit nulls, numbers as floats, content as a
//! list of parts, arguments as an object, an error object in mid-stream. Nothing here fails on any of that.
use super::settings::Quirks;
use super::{ChatRequest, Message, ToolSet, ToolSpec};
use serde::ser::{Error as _, SerializeMap as _};
use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// One chunk of a stream, as far as it says something.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Chunk {
    pub text: String,
    pub calls: Vec<CallPart>,
    /// The model is at work although nothing is shown yet (reasoning, role, refusal parts).
    pub busy: bool,
    pub finish: Option<String>,
    pub usage: Option<(u64, u64)>,
    pub error: Option<StreamError>,
}

#[derive(Debug, Default, PartialEq)]
pub(super) struct CallPart {
    pub index: Option<u64>,
    pub id: Option<String>,
    pub name: Option<String>,
    pub arguments: String,
    /// Fields that the provider wants echoed with the call (signatures of thoughts).
    pub extra: Map<String, Value>,
}

#[derive(Debug, PartialEq)]
pub(super) struct StreamError {
    pub status: Option<u16>,
}

impl Chunk {
    pub fn read(value: &Value) -> Self {
        let mut chunk = Self::default();
        if let Some(error) = value.get("error").filter(|e| !e.is_null()) {
            let code = error.get("code").or_else(|| error.get("status"));
            let status = code.and_then(number).or_else(|| error.get("status").and_then(number));
            chunk.error = Some(StreamError { status: status.and_then(|s| u16::try_from(s).ok()) });
        }
        if let Some(usage) = value.get("usage").filter(|u| u.is_object()) {
            let field =
                |names: [&str; 2]| names.iter().find_map(|n| usage.get(n).and_then(number)).unwrap_or(0);
            chunk.usage = Some((
                field(["prompt_tokens", "input_tokens"]),
                field(["completion_tokens", "output_tokens"]),
            ));
        }
        let Some(choice) = value
            .get("choices")
            .and_then(Value::as_array)
            .and_then(|choices| choices.iter().find(|c| c.get("index").and_then(number).unwrap_or(0) == 0))
        else {
            return chunk;
        };
        chunk.finish = text_of(choice.get("finish_reason"));
        let Some(delta) =
            [choice.get("delta"), choice.get("message")].into_iter().flatten().find(|d| d.is_object())
        else {
            return chunk;
        };
        chunk.text = content(delta.get("content"));
        chunk.busy = ["reasoning_content", "reasoning", "thinking"]
            .iter()
            .any(|field| delta.get(field).is_some_and(|v| !v.is_null()));
        if let Some(calls) = delta.get("tool_calls").and_then(Value::as_array) {
            chunk.calls = calls.iter().filter(|c| c.is_object()).map(CallPart::read).collect();
        }
        chunk
    }
}

impl CallPart {
    fn read(value: &Value) -> Self {
        let function = value.get("function");
        let arguments = match function.and_then(|f| f.get("arguments")) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None => String::new(),
            Some(other) => other.to_string(),
        };
        let extra = value
            .as_object()
            .map(|fields| {
                fields
                    .iter()
                    .filter(|(name, v)| {
                        !matches!(name.as_str(), "id" | "index" | "type" | "function") && !v.is_null()
                    })
                    .map(|(name, v)| (name.clone(), v.clone()))
                    .collect()
            })
            .unwrap_or_default();
        Self {
            index: value.get("index").and_then(number),
            id: text_of(value.get("id")),
            name: text_of(function.and_then(|f| f.get("name"))),
            arguments,
            extra,
        }
    }
}

fn text_of(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A whole number, also when sent as a float or as text.
fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(n) => n.as_u64().or_else(|| {
            n.as_f64().filter(|f| *f >= 0.0 && *f < 1e15).map(|f| {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "bounds checked above"
                )]
                let whole = f as u64;
                whole
            })
        }),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn content(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect()
        }
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => String::new(),
    }
}

/// The body of a streaming request. `extra` gives back what a provider wants echoed with its own calls.
pub(super) fn request(
    model: &str,
    quirks: &Quirks,
    request: &ChatRequest,
    extra: &dyn Fn(&str) -> Map<String, Value>,
) -> Body {
    let mut messages = vec![json!({"role": "system", "content": request.system})];
    messages.extend(request.messages.iter().map(|m| message(m, extra)));
    let mut body = Map::new();
    body.insert("model".into(), json!(model));
    body.insert("stream".into(), json!(true));
    body.insert("messages".into(), Value::Array(messages));
    if quirks.stream_usage {
        body.insert("stream_options".into(), json!({"include_usage": true}));
    }
    if let Some(max) = request.max_output_tokens {
        body.insert(quirks.max_tokens_field.into(), json!(max));
    }
    if let Some(temperature) = quirks.temperature {
        body.insert("temperature".into(), json!(temperature));
    }
    Body { fields: body, tools: Arc::clone(&request.tools) }
}

/// A request as it is sent. The tools are written from the text that their set keeps.
pub(super) struct Body {
    fields: Map<String, Value>,
    tools: Arc<ToolSet>,
}

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in &self.fields {
            map.serialize_entry(name, value)?;
        }
        if !self.tools.is_empty() {
            map.serialize_entry("tools", self.tools.wire().map_err(S::Error::custom)?)?;
        }
        map.end()
    }
}

impl ToolSet {
    fn wire(&self) -> Result<&RawValue, serde_json::Error> {
        if let Some(text) = self.wire.get() {
            return Ok(text);
        }
        let text = to_raw_value(&self.iter().map(tool).collect::<Vec<_>>())?;
        Ok(self.wire.get_or_init(|| text))
    }
}

fn tool(tool: &ToolSpec) -> Value {
    let function = json!({"name": tool.name, "description": tool.description, "parameters": tool.schema});
    json!({"type": "function", "function": function})
}

fn message(message: &Message, extra: &dyn Fn(&str) -> Map<String, Value>) -> Value {
    match message {
        Message::User { text } | Message::Note { text } => json!({"role": "user", "content": text}),
        Message::Assistant { text, calls } if calls.is_empty() => {
            json!({"role": "assistant", "content": text})
        }
        Message::Assistant { text, calls } => {
            let calls: Vec<Value> = calls
                .iter()
                .map(|call| {
                    let arguments = Value::Object(call.arguments.clone()).to_string();
                    let function = json!({"name": call.name, "arguments": arguments});
                    let mut fields = extra(&call.id);
                    fields.insert("id".into(), json!(call.id));
                    fields.insert("type".into(), json!("function"));
                    fields.insert("function".into(), function);
                    Value::Object(fields)
                })
                .collect();
            let content = if text.is_empty() { Value::Null } else { json!(text) };
            json!({"role": "assistant", "content": content, "tool_calls": calls})
        }
        Message::Tool { call_id, content, .. } => {
            json!({"role": "tool", "tool_call_id": call_id, "content": content})
        }
    }
}
