//! The other things people do with a draft: cancel, schedule, mark as applied, override; and the clock's: expire.
use super::DraftError;
use super::approved;
use super::conclude::{Done, Mover, Step, conclude, move_draft, story};
use super::decide::{already_decided, revision_mismatch};
use super::drift::still_holds;
use super::gather;
use super::guard::GuardResult;
use super::limits::Limits;
use super::load::{Loaded, grants, guardrails, load};
use super::payload::Hash;
use super::policy::allowed;
use super::proposal::Proposal;
use super::propose::about;
use super::stages::stages;
use super::state::{DraftState, Verb};
use super::view::Outcome;
use super::words::instant;
use crate::access::{Actor, Credential, Permission};
use crate::clock::Clock;
use crate::db::audit::{self, NewEntry};
use crate::db::drafts::decide as db;
use crate::db::drafts::envelope::settle;
use crate::db::drafts::facts::settings;
use crate::db::drafts::kinds::{Severity, Tier};
use crate::db::drafts::read;
use crate::db::drafts::write::{Change, announce, touch};
use crate::db::{Db, OrgTx};
use crate::ids::{DraftId, OrgId, new_uuid};
use crate::period::local_day;
use crate::text::masked;
use jiff::{Timestamp, ToSpan};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// `POST …/mark-applied`: somebody made the change by hand.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AppliedRequest {
    pub revision: i32,
    #[schema(value_type = String)]
    pub payload_hash: Hash,
    #[schema(value_type = String)]
    pub applied_at: Timestamp,
    /// A link or a sentence that shows it.
    pub evidence: String,
}

/// `POST …/override`: an admin takes responsibility for a `hold` guardrail.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OverrideRequest {
    pub revision: i32,
    /// `guardrail.{name}`.
    pub code: String,
    pub reason: String,
}

fn outcome(loaded: &Loaded, state: DraftState) -> Result<Outcome, DraftError> {
    Ok(Outcome::Done { state, revision: loaded.draft.revision, payload_hash: loaded.hash()? })
}

async fn moved(
    tx: &mut OrgTx,
    clock: &dyn Clock,
    actor: &Actor,
    loaded: &Loaded,
    verb: Verb,
    step: Step<'_>,
) -> Result<Outcome, DraftError> {
    let to = loaded.draft.state.after(verb, loaded.draft.changed);
    if !move_draft(tx, clock, &Mover::Member(actor), loaded, verb, actor.org, step).await? {
        let fresh = load(tx, actor.org, loaded.draft.id).await?;
        return Err(already_decided(&fresh));
    }
    outcome(loaded, to.unwrap_or(loaded.draft.state))
}

/// `POST …/cancel`: by the requester, or whoever may execute.
pub async fn cancel(
    db: &Db,
    clock: &dyn Clock,
    actor: &Actor,
    id: DraftId,
    reason: Option<&str>,
) -> Result<Outcome, DraftError> {
    let mut tx = db.org(actor.org).await?;
    let reason = reason.map(|reason| masked(reason, 500));
    let done = cancel_inner(&mut tx, clock, actor, id, reason.as_deref()).await;
    conclude(tx, db, clock, actor, ("cancel", Some(id)), done).await
}

async fn cancel_inner(
    tx: &mut OrgTx,
    clock: &dyn Clock,
    actor: &Actor,
    id: DraftId,
    reason: Option<&str>,
) -> Done<Outcome> {
    let loaded = load(tx, actor.org, id).await?;
    let own = loaded.draft.requested_by == Some(actor.member) && actor.may(Permission::DraftRevise);
    if !own {
        allowed(actor, &grants(tx, actor).await?, &loaded.subject(), Permission::DraftExecute)?;
    }
    if loaded.draft.state == DraftState::Cancelled {
        let (decided_by, decided_at) = (loaded.draft.decider_name.clone(), loaded.draft.decided_at);
        return Ok(Ok(Outcome::Unchanged { state: DraftState::Cancelled, decided_by, decided_at }));
    }
    if loaded.draft.state.after(Verb::Cancel, loaded.draft.changed).is_err() {
        return Err(already_decided(&loaded));
    }
    let mut step = Step::new("draft.cancelled");
    step.change =
        Change { decided_by: Some(actor.member), decided_at: Some(clock.now()), ..Change::default() };
    step.reason = reason;
    moved(tx, clock, actor, &loaded, Verb::Cancel, step).await.map(Ok)
}

/// `POST …/schedule`: at most 14 days ahead, outside freeze windows; the approval lasts until then.
pub async fn schedule(
    db: &Db,
    clock: &dyn Clock,
    actor: &Actor,
    id: DraftId,
    execute_at: Timestamp,
) -> Result<Outcome, DraftError> {
    let mut tx = db.org(actor.org).await?;
    let done = schedule_inner(&mut tx, clock, actor, id, Some(execute_at)).await;
    conclude(tx, db, clock, actor, ("schedule", Some(id)), done).await
}

/// `POST …/unschedule`: back to approved.
pub async fn unschedule(
    db: &Db,
    clock: &dyn Clock,
    actor: &Actor,
    id: DraftId,
) -> Result<Outcome, DraftError> {
    let mut tx = db.org(actor.org).await?;
    let done = schedule_inner(&mut tx, clock, actor, id, None).await;
    conclude(tx, db, clock, actor, ("unschedule", Some(id)), done).await
}

async fn schedule_inner(
    tx: &mut OrgTx,
    clock: &dyn Clock,
    actor: &Actor,
    id: DraftId,
    execute_at: Option<Timestamp>,
) -> Done<Outcome> {
    let loaded = load(tx, actor.org, id).await?;
    allowed(actor, &grants(tx, actor).await?, &loaded.subject(), Permission::DraftSchedule)?;
    let now = clock.now();
    let revision = loaded.draft.revision;
    let approval = read::approval(tx, actor.org, id, revision).await?;
    let Some(at) = execute_at else {
        // The approval lasts as long as it would have without the schedule.
        let ttl = Limits::read(settings(tx).await?)?.approval_ttl();
        let mut step = Step::new("draft.unscheduled");
        let expires = approval.map(|a| a.minted_at + ttl);
        step.change = Change { approval_expires_at: expires, ..Change::default() };
        let done = moved(tx, clock, actor, &loaded, Verb::Unschedule, step).await?;
        if let Some(expires) = expires {
            db::extend_approval(tx, actor.org, id, revision, expires).await?;
        }
        return Ok(Ok(done));
    };
    if let Some(expired) = approval.map(|a| a.expires_at).filter(|expires| *expires <= now) {
        return Err(approved::ran_out(loaded.draft.number, expired));
    }
    if at <= now || at > now + (14 * 24).hours() {
        return Err(DraftError::payload("/execute_at", "execute_at must lie ahead, by at most 14 days."));
    }
    let freezes = read::freezes(tx, actor.org, at).await?;
    if let Some((_, until)) = freezes.iter().find(|(p, _)| p == "*" || *p == loaded.draft.platform) {
        return Err(DraftError::conflict(
            "guardrail.freeze",
            format!("Changes are frozen until {}.", instant(*until)),
        ));
    }
    let mut step = Step::new("draft.scheduled");
    // An hour to carry it out, where the schedule outlasts the approval.
    let expires = loaded.draft.approval_expires_at.map_or(at + 1.hour(), |e| e.max(at + 1.hour()));
    step.change = Change { execute_at: Some(at), approval_expires_at: Some(expires), ..Change::default() };
    step.after = json!({"execute_at": at});
    let done = moved(tx, clock, actor, &loaded, Verb::Schedule, step).await?;
    db::extend_approval(tx, actor.org, id, revision, expires).await?;
    Ok(Ok(done))
}

/// `POST …/mark-applied`: only where execution is off, because then the file was the way. A reallocation in steps is
/// marked once its first step is made; the report names the steps that are still to be made on their days.
pub async fn mark_applied(
    db: &Db,
    clock: &dyn Clock,
    actor: &Actor,
    id: DraftId,
    request: &AppliedRequest,
) -> Result<Outcome, DraftError> {
    let mut tx = db.org(actor.org).await?;
    let done = applied_inner(&mut tx, clock, actor, id, request).await;
    conclude(tx, db, clock, actor, ("mark_applied", Some(id)), done).await
}

async fn applied_inner(
    tx: &mut OrgTx,
    clock: &dyn Clock,
    actor: &Actor,
    id: DraftId,
    request: &AppliedRequest,
) -> Done<Outcome> {
    let loaded = load(tx, actor.org, id).await?;
    allowed(actor, &grants(tx, actor).await?, &loaded.subject(), Permission::DraftExecute)?;
    let now = clock.now();
    if request.evidence.trim().is_empty() {
        return Err(DraftError::payload("/evidence", "Say where the change can be seen."));
    }
    if request.applied_at > now {
        return Err(DraftError::payload("/applied_at", "applied_at must not lie ahead."));
    }
    if request.revision != loaded.draft.revision {
        return Err(revision_mismatch(request.revision, loaded.draft.revision));
    }
    if execution_mode(tx, &loaded.draft.platform).await? != "off" {
        let message = format!("Execution on {} is on; run the draft instead.", loaded.draft.platform);
        return Err(DraftError::conflict("execution.not_manual", message));
    }
    let approval = read::approval(tx, actor.org, id, request.revision).await?;
    if let Some(approval) = &approval {
        // To the second, as people write it.
        if request.applied_at.as_second() < approval.minted_at.as_second() {
            let message =
                format!("applied_at must not lie before the approval, {}.", instant(approval.minted_at));
            return Err(DraftError::payload("/applied_at", message));
        }
        if loaded.draft.tier == Tier::Critical {
            third_and_later(actor, approval, request.applied_at)?;
        }
    }
    let org = gather::org(tx, actor.org, now).await?;
    let zone = org.zone.clone();
    let ready = loaded.draft.state == DraftState::Approved && approval.is_some_and(|a| a.expires_at > now);
    if ready && request.payload_hash == loaded.hash()? {
        loaded.verify()?;
        let proposal = loaded.proposal()?;
        let about = about(tx, actor.org, &loaded.draft, &proposal).await?;
        let facts = gather::facts(tx, actor.org, org, &about, &proposal, &loaded.draft.platform).await?;
        if let Err(stale) = still_holds(tx, clock, actor.org, &loaded, &facts).await? {
            return Ok(Err(stale));
        }
    }
    let execution = new_uuid(clock);
    let approved =
        approved::take(tx, actor.org, id, request.revision, request.payload_hash, execution, now).await?;
    let hash = approved.payload_hash();
    let seen = db::Seen { draft: id, revision: request.revision, payload_hash: &hash.0 };
    let mut report = json!({"evidence": masked(&request.evidence, 1000), "marked_at": now});
    if let Proposal::Reallocate(r) = loaded.proposal()? {
        let today = local_day(request.applied_at, &zone);
        let to_come: Vec<_> = stages(&r).into_iter().skip(1).filter(|s| s.on > today).collect();
        if !to_come.is_empty() {
            report["steps_to_come"] = json!(to_come);
        }
    }
    let manual =
        db::Manual { execution, by: actor.member, applied_at: request.applied_at, report: &report, at: now };
    db::record_manual(tx, actor.org, seen, &manual).await?;
    for days in &loaded.action.file.checkpoints {
        let due = request.applied_at + (i64::from(*days) * 24).hours();
        let days = i32::try_from(*days).unwrap_or(i32::MAX);
        db::plan_measurement(tx, actor.org, id, days, &loaded.action.file.metric.name, due).await?;
    }
    settle(tx, actor.org, id, "executed").await?;
    let mut step = Step::new("execution.executed");
    step.change = Change { execution_mode: Some("manual".to_owned()), ..Change::default() };
    step.after = json!({"mode": "manual", "applied_at": request.applied_at, "evidence": report["evidence"],
        "steps_to_come": report.get("steps_to_come")});
    moved(tx, clock, actor, &loaded, Verb::MarkApplied, step).await.map(Ok)
}

/// The highest tier leaves half an hour to think again, and is carried out by somebody who did not approve it.
fn third_and_later(actor: &Actor, approval: &read::Approval, at: Timestamp) -> Result<(), DraftError> {
    if approval.approver_ids.contains(&actor.member.0) {
        let message = "You approved this draft; at this tier someone else must carry it out.";
        return Err(DraftError::forbidden("permission.four_eyes", message));
    }
    let from = approval.minted_at + 30.minutes();
    if at < from {
        let message = format!(
            "A critical draft cools off until {}; cancel it, or carry it out after that.",
            instant(from)
        );
        return Err(DraftError::conflict("execution.cooling_off", message));
    }
    Ok(())
}

/// off, dry_run or live; off when nobody said.
async fn execution_mode(tx: &mut OrgTx, platform: &str) -> Result<String, DraftError> {
    let modes = settings(tx).await?.into_iter().find(|(key, _)| key == "execution_mode");
    let mode = modes.and_then(|(_, value)| Some(value.get(platform)?.as_str()?.to_owned()));
    Ok(mode.unwrap_or_else(|| "off".to_owned()))
}

/// An admin lets a `hold` guardrail pass, with a reason; the draft then needs one approval more.
pub async fn override_guardrail(
    db: &Db,
    clock: &dyn Clock,
    actor: &Actor,
    id: DraftId,
    request: &OverrideRequest,
) -> Result<Outcome, DraftError> {
    let mut tx = db.org(actor.org).await?;
    let done = override_inner(&mut tx, clock, actor, id, request).await;
    conclude(tx, db, clock, actor, ("override", Some(id)), done).await
}

async fn override_inner(
    tx: &mut OrgTx,
    clock: &dyn Clock,
    actor: &Actor,
    id: DraftId,
    request: &OverrideRequest,
) -> Done<Outcome> {
    let loaded = load(tx, actor.org, id).await?;
    if actor.credential != Credential::Session {
        return Err(DraftError::missing(Permission::GuardrailOverride));
    }
    actor.require(Permission::GuardrailOverride).map_err(|missing| DraftError::missing(missing.0))?;
    let draft = &loaded.draft;
    if draft.state != DraftState::Pending {
        let message = format!(
            "Draft {} is {}; guardrails are overridden while it is pending.",
            draft.number,
            draft.state.words()
        );
        return Err(DraftError::conflict("draft.wrong_state", message));
    }
    if request.revision != draft.revision {
        return Err(revision_mismatch(request.revision, draft.revision));
    }
    if request.reason.trim().chars().count() < 10 {
        return Err(DraftError::payload("/reason", "Give the reason in at least 10 characters."));
    }
    held(&guardrails(loaded.current()?)?, &request.code)?;
    let now = clock.now();
    let reason = masked(&request.reason, 500);
    let new = db::Override { code: &request.code, by: actor.member, reason: &reason, at: now };
    let added = db::override_guardrail(tx, actor.org, id, draft.revision, &new).await?;
    if !added {
        return Ok(Ok(Outcome::Unchanged { state: draft.state, decided_by: None, decided_at: None }));
    }
    touch(tx, actor.org, id, now).await?;
    let mut told = story(actor, Some(&reason));
    told["code"] = json!(request.code);
    announce(tx, actor.org, id, clock, "guardrail.overridden", &told).await?;
    let mut entry = NewEntry::by(actor, "guardrail.overridden", "draft", id, now);
    entry.revision = Some(draft.revision);
    entry.payload_hash = Some(draft.payload_hash.clone());
    entry.after = Some(json!({"code": request.code}));
    entry.reason = Some(reason);
    audit::append(tx, actor.org, &entry).await?;
    outcome(&loaded, draft.state).map(Ok)
}

/// Whether a code stops a draft by nothing but holds. One code can have several results (a text may be advised against
/// and another forbidden): a single block among them is enough to refuse.
fn held(results: &[GuardResult], code: &str) -> Result<(), DraftError> {
    let stops: Vec<_> = results.iter().filter(|g| g.stops() && g.code == code).collect();
    if stops.iter().any(|g| g.severity == Severity::Block) {
        let message = format!("{code} is a block; nobody can override it.");
        return Err(DraftError::conflict("guardrail.blocked", message));
    }
    if stops.is_empty() {
        let open: BTreeSet<String> = results.iter().filter(|g| g.holds()).map(|g| g.code.clone()).collect();
        let message = format!("{code} does not stop this draft.");
        return Err(DraftError::choice("/code", message, open.into_iter().collect()));
    }
    Ok(())
}

/// Expires what waited too long, each draft with its audit entry; returns how many. Run by the clock.
pub async fn expire_due(db: &Db, clock: &dyn Clock, org: OrgId) -> Result<usize, DraftError> {
    let mut tx = db.org(org).await?;
    let due = read::overdue(&mut tx, org, clock.now()).await?;
    for id in &due {
        let loaded = load(&mut tx, org, *id).await?;
        let mut step = Step::new("draft.expired");
        step.change = Change { decided_at: Some(clock.now()), ..Change::default() };
        let approved = loaded.draft.state == DraftState::Approved;
        let deadline =
            loaded.draft.approval_expires_at.filter(|_| approved).unwrap_or(loaded.draft.expires_at);
        step.after = json!({"deadline": deadline});
        move_draft(&mut tx, clock, &Mover::System, &loaded, Verb::Expire, org, step).await?;
    }
    tx.commit().await?;
    Ok(due.len())
}
