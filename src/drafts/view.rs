//! What surfaces show and send: requests and replies of the draft functions.
use super::action::ActionKind;
use super::guard::GuardResult;
use super::impact::Effect;
use super::payload::Hash;
use super::seal::Evidence;
use crate::access::Surface;
use crate::db::drafts::kinds::{ActorKind, Decision, DraftState, Origin, ReasonCode, Tier};
use crate::ids::{ConversationId, DraftId, MemberId, TurnId};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// `POST /api/drafts`: an action and its arguments, as a draft tool takes them.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateRequest {
    /// An action id such as `pause_campaign`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Arguments by the tool schema of the action: names or ids, percentages or amounts.
    #[schema(value_type = Object)]
    pub payload: Map<String, Value>,
    #[serde(default)]
    pub evidence: Vec<Evidence>,
    /// A closed draft that this one takes up again.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub supersedes: Option<DraftId>,
}

/// `POST …/revise`: new values for editable arguments of one revision. Without changes a stale draft is rebased.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviseRequest {
    pub revision: i32,
    /// `null` takes an argument out.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub changes: Map<String, Value>,
}

/// `POST …/reviews`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewRequest {
    #[schema(value_type = String)]
    pub decision: Decision,
    pub revision: i32,
    #[schema(value_type = String)]
    pub payload_hash: Hash,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub reason_code: Option<ReasonCode>,
    #[serde(default)]
    pub note: Option<String>,
    /// For `hold`: how long, 1 to 72 hours (4 when left out).
    #[serde(default)]
    pub hours: Option<i64>,
}

/// How a member who decides is known to be the one: `Confirmed` only from a fresh confirmation in the member's own
/// session (never from a request's body).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepUp {
    No,
    Confirmed,
}

/// The answer to a decision or another verb. HTTP: `done` and `unchanged` 200, `recorded` 202.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Outcome {
    /// The draft moved.
    Done {
        #[schema(value_type = String)]
        state: DraftState,
        revision: i32,
        #[schema(value_type = String)]
        payload_hash: Hash,
    },
    /// The same was decided before.
    Unchanged {
        #[schema(value_type = String)]
        state: DraftState,
        decided_by: Option<String>,
        #[schema(value_type = Option<String>)]
        decided_at: Option<Timestamp>,
    },
    /// A vote is on record; more are needed.
    Recorded {
        have: i32,
        need: i32,
        /// Co-approvals and permissions that are still missing.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        missing: Vec<String>,
        /// This vote counts once it is confirmed in the member's own session.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        step_up_required: bool,
        /// What the member has to do now, in words, where the vote does not count yet.
        #[serde(skip_serializing_if = "Option::is_none")]
        next: Option<String>,
    },
}

/// A new draft, as tools and surfaces announce it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Created {
    #[schema(value_type = String)]
    pub id: DraftId,
    pub number: i64,
    pub revision: i32,
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    pub kind: ActionKind,
    pub title: String,
    #[schema(value_type = String)]
    pub state: DraftState,
    #[schema(value_type = String)]
    pub tier: Tier,
    pub required_approvals: i32,
    pub co_approvals: Vec<String>,
    #[schema(value_type = String)]
    pub payload_hash: Hash,
    pub diff: Vec<String>,
    pub guardrails: Vec<GuardResult>,
    pub impact: Effect,
    #[schema(value_type = String)]
    pub money_moved: Decimal,
    pub currency: String,
    /// The call had made this draft before.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub existed: bool,
}

/// One decision of one person.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ReviewView {
    pub revision: i32,
    #[schema(value_type = String)]
    pub reviewer_id: MemberId,
    pub reviewer: String,
    #[schema(value_type = String)]
    pub decision: Decision,
    pub role: String,
    #[schema(value_type = String)]
    pub surface: Surface,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub reason_code: Option<ReasonCode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    pub valid: bool,
    #[schema(value_type = String)]
    pub at: Timestamp,
}

/// An earlier revision, in short.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RevisionView {
    pub revision: i32,
    #[schema(value_type = String)]
    pub payload_hash: Hash,
    pub diff: Vec<String>,
    #[schema(value_type = String)]
    pub editor_kind: ActorKind,
    pub editor_id: String,
    #[schema(value_type = String)]
    pub created_at: Timestamp,
}

/// A draft in a list.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DraftSummary {
    #[schema(value_type = String)]
    pub id: DraftId,
    pub number: i64,
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub platform: String,
    pub entity_kind: String,
    pub entity_id: String,
    #[schema(value_type = String)]
    pub state: DraftState,
    pub revision: i32,
    #[schema(value_type = String)]
    pub payload_hash: Hash,
    #[schema(value_type = String)]
    pub tier: Tier,
    pub required_approvals: i32,
    pub co_approvals: Vec<String>,
    #[schema(value_type = String)]
    pub money_moved: Decimal,
    pub currency: String,
    #[schema(value_type = String)]
    pub origin: Origin,
    #[schema(value_type = Option<String>)]
    pub requested_by: Option<MemberId>,
    pub requester: Option<String>,
    #[schema(value_type = Option<String>)]
    pub turn_id: Option<TurnId>,
    #[schema(value_type = Option<String>)]
    pub conversation_id: Option<ConversationId>,
    /// Only for what goes by the fast track and still waits: it comes first in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub review_due_at: Option<Timestamp>,
    #[schema(value_type = String)]
    pub expires_at: Timestamp,
    #[schema(value_type = Option<String>)]
    pub held_until: Option<Timestamp>,
    #[schema(value_type = Option<String>)]
    pub execute_at: Option<Timestamp>,
    pub decided_by: Option<String>,
    #[schema(value_type = Option<String>)]
    pub decided_at: Option<Timestamp>,
    /// When the change was made; approved and applied are separate facts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub applied_at: Option<Timestamp>,
    /// Who decided, for surfaces that name people their own way.
    #[serde(skip)]
    pub decider: Option<MemberId>,
    #[serde(skip)]
    pub assigned_to: Option<MemberId>,
    /// Whom it was handed to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignee: Option<String>,
    /// The group that reviews it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Rises with everything that happens to the draft.
    pub version: i32,
    #[schema(value_type = String)]
    pub created_at: Timestamp,
    #[schema(value_type = String)]
    pub updated_at: Timestamp,
}

/// A draft with its current revision and everything decided about it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DraftView {
    #[serde(flatten)]
    pub summary: DraftSummary,
    #[schema(value_type = Object)]
    pub payload: Value,
    #[schema(value_type = Object)]
    pub before: Value,
    #[schema(value_type = Object)]
    pub rollback_plan: Value,
    pub diff: Vec<String>,
    pub evidence: Vec<Evidence>,
    pub impact: Effect,
    pub guardrails: Vec<GuardResult>,
    pub overridden: Vec<String>,
    pub reviews: Vec<ReviewView>,
    pub revisions: Vec<RevisionView>,
    /// Export formats, the default first.
    pub exports: Vec<String>,
}

/// One page of drafts: urgent ones first, then the newest.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DraftPage {
    pub drafts: Vec<DraftSummary>,
    /// Pass as `below` for the next page; nothing when this is the last.
    pub next: Option<i64>,
}

/// Which drafts to list.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ListRequest {
    #[schema(value_type = Vec<String>)]
    pub state: Vec<DraftState>,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Only drafts that I asked for.
    pub mine: bool,
    pub below: Option<i64>,
    /// 1 to 200, 50 when left out.
    pub limit: Option<i64>,
}
