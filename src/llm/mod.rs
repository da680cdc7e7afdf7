//! Language models behind one provider-neutral interface. `async-openai` stays inside this room.
mod assemble;
pub mod breaker;
mod budget;
mod chain;
pub mod fallback;
mod openai;
mod record;
pub mod retry;
mod reuse;
mod settings;
#[cfg(test)]
mod tests;
pub mod timeout;
mod wire;

pub use chain::chain;
pub use openai::OpenAiModel;
pub use settings::{Breaker, Budget, Price, Provider, Quirks, Retry, Settings, Timeouts};

use crate::access::Actor;
use crate::ids::{ConversationId, TurnId};
use async_trait::async_trait;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::ops::Deref;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Streams provider-neutral events for a provider-neutral request.
#[async_trait]
pub trait ChatModel: Send + Sync {
    /// The name stored with turns and calls, for instance `gpt-5-mini` or `offline`.
    fn name(&self) -> &str;
    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, ModelError>;
}

/// Log filter that keeps the provider library quiet: it would write whole payloads at error level.
pub const QUIET: &str = "async_openai=off";

/// The name of the offline planner as a model.
pub const OFFLINE: &str = "offline";

pub type ChatStream = BoxStream<'static, Result<ChatEvent, ModelError>>;

#[derive(Clone)]
pub struct ChatRequest {
    /// On whose behalf; the offline planner reads entity names under this organisation.
    pub actor: Actor,
    pub turn: TurnId,
    pub conversation: ConversationId,
    /// Rendered from `prompts/`; never holds text from data.
    pub system: String,
    /// Earlier turns of the conversation, then the question, then this turn's tool calls and results.
    pub messages: Vec<Message>,
    pub tools: Arc<ToolSet>,
    /// Chips that came with the question (page, chart, campaign, segment, date range): cleaned, as data.
    pub context: Map<String, Value>,
    pub max_output_tokens: Option<u32>,
    /// Until then a provider is listened to; what is left of the turn's time after it is the planner's.
    pub answer_by: Option<tokio::time::Instant>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum Message {
    User {
        text: String,
    },
    /// What the program itself says between a question and its answer (a summary of older turns, "answer now"); never
    /// the asker's words. Providers read it as a user message, the planner ignores it.
    Note {
        text: String,
    },
    Assistant {
        text: String,
        calls: Vec<ToolCall>,
    },
    /// The outcome of one call. `content` is what a model reads (bounded, delimited as data); `result` is the same
    /// outcome as structured JSON (`QueryResult`, a draft, or `{code, message, allowed}`), which the planner reads.
    Tool {
        call_id: String,
        name: String,
        content: String,
        result: Value,
        failed: bool,
    },
}

/// A tool on offer: name, what it does, and the JSON Schema of its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    pub name: String,
    pub description: String,
    pub schema: Value,
    /// A call of it changes nothing.
    pub reads: bool,
}

/// The tools on offer. What goes over the wire is made once, however many requests offer the same set: descriptions and
/// schemas of a whole catalogue are by far the largest part of a request.
#[derive(Debug, Default)]
pub struct ToolSet {
    specs: Vec<ToolSpec>,
    wire: OnceLock<Box<RawValue>>,
    length: OnceLock<usize>,
    digest: OnceLock<[u8; 32]>,
}

impl ToolSet {
    /// Tells sets with the same tools from others.
    fn digest(&self) -> [u8; 32] {
        let whole = || Sha256::digest(serde_json::json!(self.specs).to_string().as_bytes()).into();
        *self.digest.get_or_init(whole)
    }
}

impl From<Vec<ToolSpec>> for ToolSet {
    fn from(specs: Vec<ToolSpec>) -> Self {
        Self { specs, wire: OnceLock::new(), length: OnceLock::new(), digest: OnceLock::new() }
    }
}

impl Deref for ToolSet {
    type Target = [ToolSpec];
    fn deref(&self) -> &[ToolSpec] {
        &self.specs
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    pub id: String,
    pub name: String,
    /// Parsed arguments; unparsable JSON from a provider arrives as [`ChatEvent::BadCall`].
    pub arguments: Map<String, Value>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ChatEvent {
    Text(String),
    /// A complete call, assembled from its chunks.
    Call(ToolCall),
    /// A call whose arguments are not a JSON object: answered to the model, not run.
    BadCall {
        id: String,
        name: String,
        arguments: String,
        problem: String,
    },
    /// The stream broke and another model starts the answer anew: text and calls of this stream so far are void.
    Restart,
    /// One line for the reader about what is going on (a fallback, a spent budget).
    Notice(String),
    /// A question or refusal that ends the turn with this outcome (offline planner only).
    Outcome(Outcome),
    /// A playbook is followed (offline planner only).
    Playbook,
    Usage {
        tokens_in: u64,
        tokens_out: u64,
    },
    /// What the call cost in USD, where the price is known.
    Cost(rust_decimal::Decimal),
    /// The stream ended as it should; the model that really answered (fallbacks).
    Done {
        model: String,
    },
}

crate::closed_list! {
    /// How a turn ended (`data-model.md` §8).
    Outcome = "outcome" {
        Answered = "answered",
        Clarified = "clarified",
        Refused = "refused",
        Unknown = "unknown",
        Failed = "failed",
    }
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum ModelError {
    #[error("the model provider is busy; try again{}", .retry_after.map_or(String::new(), |d| format!(" in {} s", d.as_secs())))]
    RateLimited { retry_after: Option<Duration> },
    #[error("the model provider answered {status}")]
    Provider { status: u16 },
    #[error("the model did not answer in time")]
    Timeout,
    #[error("the model's answer broke off")]
    Broken,
    #[error("the model gave an empty answer")]
    Empty,
    #[error("the model provider refused the key; check the configuration")]
    Unauthorised,
    #[error("{0}")]
    Budget(String),
    #[error("no model is reachable: {0}")]
    Unreachable(String),
}
