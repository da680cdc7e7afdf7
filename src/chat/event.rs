//! What happens in a turn, in the order it happens: the one log that every surface replays (`chat.md`).
use crate::access::Surface;
use crate::catalogue::{Chart, Column, Freshness};
use crate::ids::{ConversationId, DraftId, MemberId, RunId, TurnId};
use crate::llm::Outcome;
use crate::period::Window;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One stored event. SSE: `id:` = seq, `event:` = kind, `data:` = payload.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TurnEvent {
    pub turn_id: TurnId,
    /// From 1 on, growing by one; it leaps when somebody else goes on with the turn, or stops it, after its owner died.
    pub seq: i32,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    #[serde(flatten)]
    pub kind: TurnEventKind,
}

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", content = "payload")]
pub enum TurnEventKind {
    #[serde(rename = "turn.started")]
    Started { question: String, asker: MemberId, surface: Surface, conversation_id: ConversationId },
    #[serde(rename = "status")]
    Status { line: String },
    #[serde(rename = "text.delta")]
    Text {
        text: String,
        /// The text sent so far is withdrawn; the answer starts anew with this piece. The pieces since the last
        /// restart, joined, are the answer of `turn.completed`.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        restart: bool,
    },
    #[serde(rename = "tool.started")]
    ToolStarted { call_id: String, tool: String, params: Map<String, Value> },
    #[serde(rename = "tool.completed")]
    ToolCompleted {
        call_id: String,
        tool: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        run_id: Option<RunId>,
        params: Map<String, Value>,
        columns: Vec<Column>,
        rows_shown: u64,
        rows_total: u64,
        window: Option<Window>,
        freshness: Vec<Freshness>,
        elapsed_ms: u64,
        truncated: bool,
        notes: Vec<String>,
    },
    #[serde(rename = "tool.failed")]
    ToolFailed { call_id: String, tool: String, code: String, message: String, allowed: Vec<String> },
    #[serde(rename = "chart")]
    Chart { call_id: String, title: String, chart: Chart, columns: Vec<Column>, rows: Value },
    #[serde(rename = "draft.created")]
    DraftCreated {
        draft_id: DraftId,
        number: i64,
        revision: i32,
        #[serde(rename = "type")]
        kind: String,
        title: String,
        tier: String,
        /// How much care it needs, as the tier says: low, medium, high or critical.
        #[serde(default)]
        risk: String,
        payload_hash: String,
        diff: Vec<String>,
    },
    #[serde(rename = "receipts")]
    Receipts { figures: Vec<Receipt> },
    #[serde(rename = "suggestions")]
    Suggestions { questions: Vec<String> },
    #[serde(rename = "turn.completed")]
    Completed {
        answer: String,
        outcome: Outcome,
        model: String,
        route: String,
        tokens_in: u64,
        tokens_out: u64,
        #[schema(value_type = String)]
        cost: Decimal,
        ttft_ms: Option<u64>,
        total_ms: u64,
        prompt_version: String,
    },
    #[serde(rename = "turn.failed")]
    Failed { code: String, message: String, retryable: bool },
    #[serde(rename = "turn.cancelled")]
    Cancelled { code: String, message: String, retryable: bool },
}

impl TurnEventKind {
    /// The word stored in `turn_events.kind` and sent as SSE `event:`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Started { .. } => "turn.started",
            Self::Status { .. } => "status",
            Self::Text { .. } => "text.delta",
            Self::ToolStarted { .. } => "tool.started",
            Self::ToolCompleted { .. } => "tool.completed",
            Self::ToolFailed { .. } => "tool.failed",
            Self::Chart { .. } => "chart",
            Self::DraftCreated { .. } => "draft.created",
            Self::Receipts { .. } => "receipts",
            Self::Suggestions { .. } => "suggestions",
            Self::Completed { .. } => "turn.completed",
            Self::Failed { .. } => "turn.failed",
            Self::Cancelled { .. } => "turn.cancelled",
        }
    }

    /// Nothing follows this event.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Completed { .. } | Self::Failed { .. } | Self::Cancelled { .. })
    }
}

/// The pointer from a figure in the answer to where it came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Receipt {
    /// As printed in the answer.
    pub figure: String,
    #[schema(value_type = Option<String>)]
    pub value: Option<Decimal>,
    pub unit: String,
    pub status: ReceiptStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// Row index from 0; a total has no row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// Arithmetic over cells, as recorded by `calculate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<Value>,
}

crate::closed_list! {
    ReceiptStatus = "receipt status" {
        Traced = "traced",
        Calculated = "calculated",
        Unverified = "unverified",
    }
}
