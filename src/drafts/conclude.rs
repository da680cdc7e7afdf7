//! The end of every verb: what was done is committed with its audit entry, what was refused is written down as an attempt.
use super::DraftError;
use super::load::Loaded;
use super::state::{DraftState, Verb};
use crate::access::Actor;
use crate::clock::Clock;
use crate::db::audit::{self, NewEntry};
use crate::db::drafts::envelope::settle;
use crate::db::drafts::read;
use crate::db::drafts::write::{Change, Edge, announce, release_targets, transition};
use crate::db::{Db, OrgTx};
use crate::ids::DraftId;
use serde_json::{Value, json};

/// What a verb came to: an error outside undoes everything; an error inside is told to the caller, while what the verb
/// found out on its way (a draft that is stale, a deadline that has passed) stays.
pub type Done<T> = Result<Result<T, DraftError>, DraftError>;

/// Commits, or undoes and records the refusal.
pub async fn conclude<T>(
    mut tx: OrgTx,
    db: &Db,
    clock: &dyn Clock,
    actor: &Actor,
    attempt: (&str, Option<DraftId>),
    done: Done<T>,
) -> Result<T, DraftError> {
    let verb = attempt.0.to_owned();
    let outcome = match &done {
        Ok(Ok(_)) => "done",
        Ok(Err(error)) | Err(error) if error.refusal().is_some() => "refused",
        Ok(Err(_)) | Err(_) => "failed",
    };
    metrics::counter!("adjutant_drafts_total", "verb" => verb, "outcome" => outcome).increment(1);
    match done {
        Ok(Ok(value)) => {
            tx.commit().await?;
            Ok(value)
        }
        Ok(Err(error)) => {
            record(&mut tx, clock, actor, attempt, &error).await?;
            tx.commit().await?;
            Err(error)
        }
        Err(error) => {
            tx.rollback().await?;
            if error.is_audited() {
                let mut tx = db.org(actor.org).await?;
                record(&mut tx, clock, actor, attempt, &error).await?;
                tx.commit().await?;
            }
            Err(error)
        }
    }
}

async fn record(
    tx: &mut OrgTx,
    clock: &dyn Clock,
    actor: &Actor,
    (verb, id): (&str, Option<DraftId>),
    error: &DraftError,
) -> Result<(), DraftError> {
    let Some(refusal) = error.refusal().filter(|_| error.is_audited()) else { return Ok(()) };
    let action = if refusal.code.starts_with("guardrail.") { "guardrail.blocked" } else { "draft.refused" };
    let object = id.map(|id| id.to_string()).unwrap_or_default();
    let mut entry = NewEntry::by(actor, action, "draft", object, clock.now());
    entry.after = Some(json!({"attempt": verb, "code": refusal.code}));
    entry.reason = Some(refusal.message.clone());
    if let Some(id) = id {
        // The one that was current: what was refused may have been said of an earlier one.
        entry.revision = read::draft(tx, actor.org, id).await?.map(|draft| draft.revision);
    }
    audit::append(tx, actor.org, &entry).await?;
    Ok(())
}

/// Who moved a draft, for the audit log.
pub enum Mover<'a> {
    Member(&'a Actor),
    System,
}

/// Moves a draft along the table, with everything that hangs on it: targets, envelope, outbox, audit. `false`: somebody
/// was faster.
pub async fn move_draft(
    tx: &mut OrgTx,
    clock: &dyn Clock,
    mover: &Mover<'_>,
    loaded: &Loaded,
    verb: Verb,
    org: crate::ids::OrgId,
    step: Step<'_>,
) -> Result<bool, DraftError> {
    let draft = &loaded.draft;
    let to = draft
        .state
        .after(verb, draft.changed)
        .map_err(|e| DraftError::conflict("draft.wrong_state", format!("Draft {} {e}.", draft.number)))?;
    let now = clock.now();
    let edge = Edge { draft: draft.id, from: &[draft.state], revision: Some(draft.revision), to, at: now };
    if !transition(tx, org, &edge, &step.change).await? {
        return Ok(false);
    }
    if !to.is_open() {
        release_targets(tx, org, draft.id).await?;
    }
    if matches!(to, DraftState::Cancelled | DraftState::Expired | DraftState::Stale) {
        settle(tx, org, draft.id, "released").await?;
    }
    let action = step.action;
    let mut entry = match mover {
        Mover::Member(actor) => NewEntry::by(actor, action, "draft", draft.id, now),
        Mover::System => NewEntry::by_system(action, "draft", draft.id, now),
    };
    entry.revision = Some(draft.revision);
    entry.payload_hash = Some(draft.payload_hash.clone());
    entry.before = Some(json!({"state": draft.state}));
    let mut after = json!({"state": to, "number": draft.number});
    if let (Some(map), Some(more)) = (after.as_object_mut(), step.after.as_object()) {
        map.extend(more.clone());
    }
    entry.after = Some(after);
    entry.reason = step.reason.map(str::to_owned);
    let mut told = match mover {
        Mover::Member(actor) => story(actor, step.reason),
        Mover::System => json!({"note": step.reason}),
    };
    if let (Some(told), Some(more)) = (told.as_object_mut(), step.after.as_object()) {
        told.extend(more.clone());
    }
    announce(tx, org, draft.id, clock, action, &told).await?;
    audit::append(tx, org, &entry).await?;
    Ok(true)
}

/// Who did something and what they said, for those who show it.
pub fn story(actor: &Actor, note: Option<&str>) -> Value {
    json!({"by": actor.member, "by_name": actor.name, "by_surface": actor.surface, "note": note})
}

/// How a transition is written down.
pub struct Step<'a> {
    /// Of the audit log: `draft.rejected`.
    pub action: &'a str,
    pub change: Change,
    pub reason: Option<&'a str>,
    /// Shown beside the new state.
    pub after: Value,
}

impl<'a> Step<'a> {
    pub fn new(action: &'a str) -> Self {
        Self { action, change: Change::default(), reason: None, after: Value::Null }
    }
}
