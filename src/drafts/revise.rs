//! Revising: a new revision with a new hash; approvals of older ones no longer count.
use super::DraftError;
use super::conclude::{Done, conclude, story};
use super::create::{Hand, compliance_only, insert_revision, take_targets, weight};
use super::decide::revision_mismatch;
use super::drift::drift;
use super::editing::current_arguments;
use super::gather;
use super::load::{self, Loaded, load};
use super::payload::validate;
use super::propose::{Proposed, propose};
use super::seal::{Extras, Sealed, seal, touches_people};
use super::state::Verb;
use super::view::{Outcome, ReviseRequest};
use crate::access::{Actor, Permission};
use crate::clock::Clock;
use crate::db::audit::{self, NewEntry};
use crate::db::drafts::kinds::{Origin, Tier};
use crate::db::drafts::{read, write};
use crate::db::{Db, OrgTx};
use crate::ids::DraftId;
use jiff::ToSpan;
use serde_json::{Map, Value, json};

/// `POST /api/drafts/{id}/revise`. Without changes the present state is read again, which brings a stale draft back.
pub async fn revise(
    db: &Db,
    clock: &dyn Clock,
    actor: &Actor,
    id: DraftId,
    request: &ReviseRequest,
) -> Result<Outcome, DraftError> {
    let mut tx = db.org(actor.org).await?;
    let done = inner(&mut tx, clock, actor, id, request).await;
    conclude(tx, db, clock, actor, ("revise", Some(id)), done).await
}

/// What [`revise`] would come to, with nothing written: for a form that shows its faults before it is sent off.
pub async fn try_revise(
    db: &Db,
    clock: &dyn Clock,
    actor: &Actor,
    id: DraftId,
    request: &ReviseRequest,
) -> Result<Outcome, DraftError> {
    let mut tx = db.org(actor.org).await?;
    let done = inner(&mut tx, clock, actor, id, request).await;
    tx.rollback().await?;
    done?
}

async fn inner(
    tx: &mut OrgTx,
    clock: &dyn Clock,
    actor: &Actor,
    id: DraftId,
    request: &ReviseRequest,
) -> Done<Outcome> {
    let loaded = load(tx, actor.org, id).await?;
    actor.require(Permission::DraftRevise).map_err(|missing| DraftError::missing(missing.0))?;
    let draft = &loaded.draft;
    if let Err(e) = draft.state.after(Verb::Revise, draft.changed) {
        return Err(DraftError::conflict("draft.wrong_state", format!("Draft {} {e}.", draft.number)));
    }
    if request.revision != draft.revision {
        return Err(revision_mismatch(request.revision, draft.revision));
    }
    let (sealed, proposed) = rebuild(tx, clock, actor, &loaded, &request.changes).await?;
    let current = loaded.current()?;
    let same_state = drift(&loaded.action.file.compare, &current.before, &sealed.before).is_empty();
    if same_state && substance(&sealed.payload) == substance(&current.payload) {
        return Ok(Ok(Outcome::Unchanged { state: draft.state, decided_by: None, decided_at: None }));
    }
    let next = draft.revision + 1;
    let states = [draft.state.as_str()];
    let mut weight = weight(&sealed, &draft.currency);
    // A compliance officer who was asked once stays asked.
    let mut co_approvals = sealed.co_approvals.clone();
    co_approvals.extend(draft.co_approvals.iter().filter(|r| !sealed.co_approvals.contains(r)).cloned());
    weight.co_approvals = &co_approvals;
    let now = clock.now();
    if !write::advance_revision(tx, actor.org, id, (draft.revision, &states), &weight, now).await? {
        let fresh = load(tx, actor.org, id).await?;
        return Err(revision_mismatch(request.revision, fresh.draft.revision));
    }
    let hand = Hand {
        actor,
        origin: Origin::Member,
        turn: None,
        conversation: None,
        prompt_version: None,
        id: None,
    };
    insert_revision(tx, clock, &hand, id, next, &sealed).await?;
    take_targets(tx, actor, id, &proposed.targets, &sealed.title).await?;
    let voided = write::void_approvals(tx, actor.org, id, next).await?;
    let mut told = story(actor, None);
    told["voided"] = json!(voided.len());
    write::announce(tx, actor.org, id, clock, "draft.revised", &told).await?;
    for (reviewer, revision) in voided {
        let mut entry = NewEntry::by(actor, "draft.approval_voided", "draft", id, now);
        entry.revision = Some(revision);
        entry.after = Some(json!({"reviewer": reviewer}));
        audit::append(tx, actor.org, &entry).await?;
    }
    let mut entry = NewEntry::by(actor, "draft.revised", "draft", id, now);
    entry.revision = Some(next);
    entry.payload_hash = Some(sealed.payload_hash.0.to_vec());
    entry.before =
        Some(json!({"revision": draft.revision, "state": draft.state, "diff": load::diff(current)?}));
    entry.after = Some(json!({"state": "pending", "tier": sealed.tier, "diff": sealed.diff,
        "changed": request.changes.keys().collect::<Vec<_>>()}));
    audit::append(tx, actor.org, &entry).await?;
    Ok(Ok(Outcome::Done {
        state: super::state::DraftState::Pending,
        revision: next,
        payload_hash: sealed.payload_hash,
    }))
}

/// The draft made again with the changes, from the facts of now.
async fn rebuild(
    tx: &mut OrgTx,
    clock: &dyn Clock,
    actor: &Actor,
    loaded: &Loaded,
    changes: &Map<String, Value>,
) -> Result<(Sealed, Proposed), DraftError> {
    compliance_only(Origin::Member, actor, changes)?;
    let action = loaded.action;
    let current = loaded.current()?;
    let now = clock.now();
    let org = gather::org(tx, actor.org, now).await?;
    let mut args = current_arguments(tx, actor, org.clone(), loaded).await?;
    for (field, value) in changes {
        if !action.file.editable.contains(field) {
            let message =
                format!("'{field}' cannot be edited; editable: {}.", action.file.editable.join(", "));
            return Err(DraftError::choice(
                format!("/changes/{field}"),
                message,
                action.file.editable.clone(),
            ));
        }
        // A percentage takes the place of an amount, and the other way round.
        if field == "pct" {
            args.retain(|key, _| key != "new_daily_budget" && key != "amount_per_day");
        }
        if value.is_null() {
            args.remove(field);
        } else {
            args.insert(field.clone(), value.clone());
        }
    }
    validate(&action.tool, &Value::Object(args.clone()))?;
    let proposed = propose(tx, actor.org, org, action, &args).await?;
    let requester = loaded.draft.requested_by.unwrap_or(actor.member);
    let others = read::moved_since(tx, actor.org, requester, now - 24.hours(), loaded.draft.id).await?;
    let reason = args.get("reason").and_then(Value::as_str).unwrap_or_default().to_owned();
    let cited: Vec<_> = load::evidence(current)?.into_iter().filter(|e| e.query != "before_state").collect();
    let extras = Extras {
        reason,
        evidence: &cited,
        source: loaded.draft.source_id,
        others,
        touched_people: touches_people(&load::guardrails(current)?),
    };
    let mut sealed = seal(action, &proposed, &extras)?;
    sealed.tier = stricter(sealed.tier, &loaded.draft, &proposed);
    Ok((sealed, proposed))
}

/// Tiers follow the content. Only while the settings changed in between the stricter one holds, which shows when the
/// same money is judged lower than before.
fn stricter(new: Tier, draft: &read::Draft, proposed: &Proposed) -> Tier {
    let moved = super::stake::money_moved(&proposed.proposal, &proposed.facts);
    if moved >= draft.money_moved { new.max(draft.tier) } else { new }
}

/// A payload without what changes by itself from hour to hour.
fn substance(payload: &Value) -> Map<String, Value> {
    let mut fields = payload.as_object().cloned().unwrap_or_default();
    fields.remove("evidence");
    fields.remove("expected_effect");
    fields
}
