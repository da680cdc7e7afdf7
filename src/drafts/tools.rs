//! Draft tools: what a model or the offline planner may call. They make drafts on behalf of the member who asks, and
//! nothing else; there is no tool that decides.
use super::DraftError;
use super::action::actions;
use super::create::{Hand, existed, make};
use super::seal::Evidence;
use super::view::Created;
use crate::access::Actor;
use crate::clock::Clock;
use crate::db::drafts::kinds::Origin;
use crate::db::drafts::read;
use crate::db::{Db, OrgTx};
use crate::ids::{ConversationId, DraftId, MemberId, TurnId};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use uuid::Builder;

/// One draft tool as a model is told about it; its name is the action id.
#[derive(Clone, Debug, PartialEq)]
pub struct DraftToolSpec {
    pub name: String,
    pub title: String,
    pub description: String,
    /// JSON Schema of the arguments, without references.
    pub schema: Value,
}

/// Every draft tool, by name.
pub fn tools() -> Result<Vec<DraftToolSpec>, DraftError> {
    let spec = |action: &super::action::Action| DraftToolSpec {
        name: action.kind().to_string(),
        title: action.file.title.replace("{target}", "…"),
        description: action.file.description.clone(),
        schema: action.tool_schema.clone(),
    };
    Ok(actions()?.iter().map(spec).collect())
}

/// In which turn, on whose behalf, and on what evidence a tool is called.
#[derive(Clone, Debug)]
pub struct RequestContext {
    pub actor: Actor,
    pub turn: TurnId,
    pub conversation: ConversationId,
    /// The provider's or planner's id of the call: the same call makes the same draft.
    pub call_id: String,
    /// Queries of this turn that speak for the draft.
    pub evidence: Vec<Evidence>,
    pub prompt_version: Option<String>,
}

/// Makes a draft from a tool call. The member who asks is the requester, so somebody else must approve it. A repeated call
/// (same turn, same call id) returns the draft it made the first time.
pub async fn create_from_tool(
    db: &Db,
    clock: &dyn Clock,
    context: &RequestContext,
    kind: &str,
    args: &Map<String, Value>,
) -> Result<Created, DraftError> {
    let hand = Hand {
        actor: &context.actor,
        origin: Origin::Agent,
        turn: Some(context.turn),
        conversation: Some(context.conversation),
        prompt_version: context.prompt_version.as_deref(),
        id: Some(id_of_call(context.turn, &context.call_id)),
    };
    make(db, clock, &hand, kind, args, &context.evidence, None).await
}

/// The draft that a tool call has made, as it stands.
pub async fn made_by_call(
    tx: &mut OrgTx,
    actor: &Actor,
    turn: TurnId,
    call_id: &str,
) -> Result<Option<Created>, DraftError> {
    let id = id_of_call(turn, call_id);
    if read::draft(tx, actor.org, id).await?.is_none() {
        return Ok(None);
    }
    existed(tx, actor, id).await.map(Some)
}

/// The draft of a call: found again without a table of calls.
pub fn id_of_call(turn: TurnId, call_id: &str) -> DraftId {
    derived(turn.0, "draft of a tool call", call_id)
}

/// A UUID v7 with the time of another and bits that follow from it, a purpose and a text.
pub(super) fn derived(from: uuid::Uuid, purpose: &str, text: &str) -> DraftId {
    let bytes = from.as_bytes();
    let digest = digest(&[purpose.as_bytes(), b"\0", bytes, text.as_bytes()]);
    let mut random = [0; 10];
    for (to, from) in random.iter_mut().zip(digest.iter()) {
        *to = *from;
    }
    let millis = bytes.iter().take(6).fold(0_u64, |all, byte| (all << 8) | u64::from(*byte));
    DraftId(Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
}

/// The id of the draft that a member's request under an idempotency key makes; `body` is the request's hash.
pub fn id_of_request(member: MemberId, key: &str, body: &[u8; 32]) -> DraftId {
    let digest = digest(&[b"draft of a request\0", member.0.as_bytes(), body, key.as_bytes()]);
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(digest) {
        *to = from;
    }
    DraftId(Builder::from_custom_bytes(bytes).into_uuid())
}

fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().into()
}
