//! Making a draft: by a person (`POST /api/drafts`) or by a draft tool on a person's behalf.
use super::DraftError;
use super::action::{Action, actions};
use super::conclude::{Done, conclude, story};
use super::gather;
use super::load::{self, load, money_moved};
use super::look::rejected_before;
use super::payload::validate;
use super::propose::propose;
use super::seal::{Evidence, Extras, Sealed, seal};
use super::state::DraftState;
use super::view::{CreateRequest, Created};
use crate::access::{Actor, Credential, Permission};
use crate::clock::Clock;
use crate::db::audit::{self, NewEntry};
use crate::db::drafts::kinds::{ActorKind, Origin};
use crate::db::drafts::read;
use crate::db::drafts::write::{self, NewDraft, NewRevision, Weight};
use crate::db::{Db, OrgTx};
use crate::ids::{ConversationId, DraftId, TurnId};
use jiff::ToSpan;
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;
use serde_json::{Map, Value, json};

/// Whose hand writes.
pub struct Hand<'a> {
    pub actor: &'a Actor,
    pub origin: Origin,
    pub turn: Option<TurnId>,
    pub conversation: Option<ConversationId>,
    pub prompt_version: Option<&'a str>,
    /// The draft this call makes, when the same call may come twice.
    pub id: Option<DraftId>,
}

impl Hand<'_> {
    pub(super) fn editor(&self) -> ActorKind {
        match (self.origin, self.actor.credential) {
            (Origin::Agent, _) => ActorKind::Agent,
            (_, Credential::ApiKey(_)) => ActorKind::ApiKey,
            _ => ActorKind::Member,
        }
    }

    fn entry(&self, action: &str, draft: DraftId, clock: &dyn Clock) -> NewEntry {
        match self.origin {
            Origin::Agent => NewEntry::by_agent(self.actor, action, "draft", draft, clock.now()),
            Origin::Member | Origin::Scout | Origin::Rollback => {
                NewEntry::by(self.actor, action, "draft", draft, clock.now())
            }
        }
    }
}

/// `POST /api/drafts`.
pub async fn create(
    db: &Db,
    clock: &dyn Clock,
    actor: &Actor,
    request: &CreateRequest,
) -> Result<Created, DraftError> {
    create_once(db, clock, actor, request, None).await
}

/// The same under a draft's id that follows from the request ([`super::id_of_request`]): a request that was carried out
/// although its reply was lost returns the draft it made.
pub async fn create_once(
    db: &Db,
    clock: &dyn Clock,
    actor: &Actor,
    request: &CreateRequest,
    id: Option<DraftId>,
) -> Result<Created, DraftError> {
    let hand =
        Hand { actor, origin: Origin::Member, turn: None, conversation: None, prompt_version: None, id };
    make(db, clock, &hand, &request.kind, &request.payload, &request.evidence, request.supersedes).await
}

/// Makes a draft in one transaction with its audit entry and outbox row.
pub(super) async fn make(
    db: &Db,
    clock: &dyn Clock,
    hand: &Hand<'_>,
    kind: &str,
    args: &Map<String, Value>,
    evidence: &[Evidence],
    supersedes: Option<DraftId>,
) -> Result<Created, DraftError> {
    let mut tx = db.org(hand.actor.org).await?;
    let done = inner(&mut tx, clock, hand, kind, args, evidence, supersedes).await;
    conclude(tx, db, clock, hand.actor, ("create", None), done).await
}

async fn inner(
    tx: &mut OrgTx,
    clock: &dyn Clock,
    hand: &Hand<'_>,
    kind: &str,
    args: &Map<String, Value>,
    evidence: &[Evidence],
    supersedes: Option<DraftId>,
) -> Done<Created> {
    let (actor, org_id) = (hand.actor, hand.actor.org);
    actor.require(Permission::DraftCreate).map_err(|missing| DraftError::missing(missing.0))?;
    compliance_only(hand.origin, actor, args)?;
    let action = actions()?.named(kind)?;
    validate(&action.tool, &Value::Object(args.clone()))?;
    let number = write::next_number(tx, org_id).await?;
    // Behind the lock of the counter: the same call cannot be under way twice.
    let now = clock.now();
    let before = match hand.id {
        Some(id) => read::draft(tx, org_id, id).await?,
        None => None,
    };
    let id = match (before, hand.id) {
        // A key stands for one request for a day; later the same key may ask for a new draft.
        (Some(old), _) if hand.origin == Origin::Member && old.created_at <= now - 24.hours() => {
            DraftId::new(clock)
        }
        (Some(old), _) => return Ok(Ok(existed(tx, actor, old.id).await?)),
        (None, id) => id.unwrap_or_else(|| DraftId::new(clock)),
    };
    if let Some(old) = supersedes {
        closed(tx, actor, old).await?;
    }
    let org = gather::org(tx, org_id, now).await?;
    let proposed = propose(tx, org_id, org, action, args).await?;
    let others = read::moved_since(tx, org_id, actor.member, now - 24.hours(), id).await?;
    let extras = Extras {
        reason: reason(args, actor, evidence),
        evidence,
        source: None,
        others,
        touched_people: false,
    };
    let sealed = seal(action, &proposed, &extras)?;
    let currency = proposed.facts.org.currency;
    let ttl = proposed.facts.org.limits.draft_ttl_days.clamp(1, 90);
    write::insert(
        tx,
        org_id,
        &NewDraft {
            id,
            number,
            kind: action.kind().as_str(),
            platform: &proposed.platform,
            source: None,
            entity_kind: proposed.entity_kind,
            entity_id: &proposed.entity_id,
            origin: hand.origin,
            requested_by: Some(actor.member),
            turn: hand.turn,
            conversation: hand.conversation,
            supersedes,
            fast_track: args.get("reason_code").and_then(Value::as_str) == Some("compliance"),
            expires_at: now + (ttl * 24).hours(),
            at: now,
            weight: weight(&sealed, currency.as_str()),
        },
    )
    .await?;
    take_targets(tx, actor, id, &proposed.targets, &sealed.title).await?;
    insert_revision(tx, clock, hand, id, 1, &sealed).await?;
    write::announce(tx, org_id, id, clock, "draft.created", &story(actor, None)).await?;
    let mut entry = hand.entry("draft.created", id, clock);
    entry.revision = Some(1);
    entry.payload_hash = Some(sealed.payload_hash.0.to_vec());
    entry.after = Some(json!({"state": DraftState::Pending, "number": number, "type": action.kind(),
        "tier": sealed.tier, "money_moved": sealed.money_moved, "diff": sealed.diff}));
    audit::append(tx, org_id, &entry).await?;
    let mut made = created(action, id, number, sealed, currency.as_str());
    let stored = load(tx, org_id, id).await?;
    made.rejected_before = rejected_before(tx, org_id, &stored).await?;
    Ok(Ok(made))
}

pub(super) fn weight<'a>(sealed: &'a Sealed, currency: &'a str) -> Weight<'a> {
    Weight {
        payload_hash: &sealed.payload_hash.0,
        tier: sealed.tier,
        required_approvals: sealed.tier.approvals(),
        co_approvals: &sealed.co_approvals,
        money_moved: sealed.money_moved,
        currency,
        confidence: Decimal::from_f64(sealed.effect.confidence).unwrap_or_default().round_dp(6),
    }
}

pub(super) async fn take_targets(
    tx: &mut OrgTx,
    actor: &Actor,
    id: DraftId,
    targets: &[write::Target],
    title: &str,
) -> Result<(), DraftError> {
    match write::take_targets(tx, actor.org, id, targets).await? {
        None => Ok(()),
        Some((target, holder)) => {
            let field = target.field.split(':').next().unwrap_or_default().replace('_', " ");
            let message = format!(
                "Draft {holder} is open on the same {field}; decide on it or cancel it before \"{title}\" can be drafted."
            );
            Err(DraftError::conflict("draft.conflicting_open", message))
        }
    }
}

pub(super) async fn insert_revision(
    tx: &mut OrgTx,
    clock: &dyn Clock,
    hand: &Hand<'_>,
    id: DraftId,
    revision: i32,
    sealed: &Sealed,
) -> Result<(), DraftError> {
    write::insert_revision(
        tx,
        hand.actor.org,
        id,
        &NewRevision {
            revision,
            payload: &sealed.payload,
            before: &sealed.before,
            before_hash: &sealed.before_hash.0,
            rollback_plan: &sealed.rollback_plan,
            payload_hash: &sealed.payload_hash.0,
            diff: &json!(sealed.diff),
            evidence: &json!(sealed.evidence),
            expected_effect: &json!(sealed.effect),
            guardrails: &json!(sealed.guardrails),
            editor_kind: hand.editor(),
            editor_id: &hand.actor.member.to_string(),
            prompt_version: hand.prompt_version,
            at: clock.now(),
        },
    )
    .await?;
    Ok(())
}

/// The reason `compliance` lets a pause past the rules on spend and to the top of the queue: only people who answer for
/// compliance give it, never the agent.
pub(super) fn compliance_only(
    origin: Origin,
    actor: &Actor,
    args: &Map<String, Value>,
) -> Result<(), DraftError> {
    let claimed = args.get("reason_code").and_then(Value::as_str) == Some("compliance");
    if claimed && (origin == Origin::Agent || !actor.may(Permission::PrivacyManage)) {
        let message =
            "Only an administrator gives the reason compliance, by hand; choose another reason_code.";
        return Err(DraftError::payload("/reason_code", message));
    }
    Ok(())
}

/// The caller's reason, or what can be said without one.
fn reason(args: &Map<String, Value>, actor: &Actor, evidence: &[Evidence]) -> String {
    if let Some(text) = args.get("reason").and_then(Value::as_str) {
        return crate::text::clean(text, 500);
    }
    let mut queries: Vec<&str> = evidence.iter().map(|e| e.query.as_str()).collect();
    queries.dedup();
    let name = crate::text::clean(&actor.name, 80);
    if queries.is_empty() {
        format!("Asked for by {name} without a reason.")
    } else {
        crate::text::clean(&format!("Asked for by {name} on the figures of {}.", queries.join(", ")), 500)
    }
}

/// Only a draft that is over can be taken up again.
async fn closed(tx: &mut OrgTx, actor: &Actor, old: DraftId) -> Result<(), DraftError> {
    let draft = read::draft(tx, actor.org, old).await?.ok_or_else(|| DraftError::not_found(old))?;
    if draft.state.is_terminal() {
        return Ok(());
    }
    let message = format!(
        "Draft {} is {}; only a rejected, cancelled or expired draft is taken up again.",
        draft.number,
        draft.state.words()
    );
    Err(DraftError::conflict("draft.wrong_state", message))
}

fn created(action: &Action, id: DraftId, number: i64, sealed: Sealed, currency: &str) -> Created {
    Created {
        id,
        number,
        revision: 1,
        kind: action.kind(),
        title: sealed.title,
        state: DraftState::Pending,
        tier: sealed.tier,
        required_approvals: sealed.tier.approvals(),
        co_approvals: sealed.co_approvals,
        payload_hash: sealed.payload_hash,
        diff: sealed.diff,
        guardrails: sealed.guardrails,
        impact: sealed.effect,
        money_moved: sealed.money_moved,
        currency: currency.to_owned(),
        rejected_before: None,
        existed: false,
    }
}

/// What the same call made before.
pub(super) async fn existed(tx: &mut OrgTx, actor: &Actor, id: DraftId) -> Result<Created, DraftError> {
    let loaded = load(tx, actor.org, id).await?;
    let current = loaded.current()?;
    Ok(Created {
        id,
        number: loaded.draft.number,
        revision: loaded.draft.revision,
        kind: loaded.action.kind(),
        title: loaded.title(),
        state: loaded.draft.state,
        tier: loaded.draft.tier,
        required_approvals: loaded.draft.required_approvals,
        co_approvals: loaded.draft.co_approvals.clone(),
        payload_hash: loaded.hash()?,
        diff: load::diff(current)?,
        guardrails: load::guardrails(current)?,
        impact: load::effect(current)?,
        money_moved: money_moved(&loaded.draft),
        currency: loaded.draft.currency.clone(),
        rejected_before: rejected_before(tx, actor.org, &loaded).await?,
        existed: true,
    })
}
