//! Who is waited for: the people whose approval a draft still needs, and the drafts that wait for one person.
use super::DraftError;
use super::conclude::{Done, conclude, story};
use super::limits::Limits;
use super::load::{Loaded, grants, load};
use super::look::summary;
use super::policy::{allowed, may_decide};
use super::view::{DraftSummary, Outcome};
use crate::access::{Actor, Credential, Permission};
use crate::clock::Clock;
use crate::db::audit::{self, NewEntry};
use crate::db::drafts::facts::settings;
use crate::db::drafts::kinds::{Decision, DraftState};
use crate::db::drafts::read::{self, Filter};
use crate::db::drafts::write;
use crate::db::{Db, OrgTx, people};
use crate::ids::{DraftId, MemberId, OrgId};
use crate::text::{clean, either};
use serde_json::json;

/// Drafts looked at for one person's list; more wait for nobody in particular.
const MOST: i64 = 200;

/// Active members who may approve this draft and whose vote does not count yet: the one it was handed to, else all, by
/// name. Empty once it is decided.
pub async fn reviewers(db: &Db, org: OrgId, id: DraftId) -> Result<Vec<MemberId>, DraftError> {
    let mut tx = db.org(org).await?;
    let loaded = load(&mut tx, org, id).await?;
    let limits = Limits::read(settings(&mut tx).await?)?;
    let found: Vec<MemberId> =
        waited_for(&mut tx, org, &loaded, &limits).await?.into_iter().map(|(id, _)| id).collect();
    match loaded.draft.assigned_to.filter(|one| found.contains(one)) {
        Some(one) => Ok(vec![one]),
        None => Ok(found),
    }
}

/// Everybody whose approval would count now, by name.
async fn waited_for(
    tx: &mut OrgTx,
    org: OrgId,
    loaded: &Loaded,
    limits: &Limits,
) -> Result<Vec<(MemberId, String)>, DraftError> {
    let mut found = Vec::new();
    for member in people::members(tx, org).await? {
        let Some(actor) = person(tx, org, member.id).await? else { continue };
        if is_waited_for(tx, &actor, loaded, limits).await? {
            found.push((member.id, member.name));
        }
    }
    Ok(found)
}

/// Drafts that wait for this member's approval: what is urgent first, then the oldest.
pub async fn waiting_for(db: &Db, actor: &Actor) -> Result<Vec<DraftSummary>, DraftError> {
    actor.require(Permission::DraftRead).map_err(|missing| DraftError::missing(missing.0))?;
    let mut tx = db.org(actor.org).await?;
    let limits = Limits::read(settings(&mut tx).await?)?;
    let filter = Filter { states: vec![DraftState::Pending], ..Filter::default() };
    let mut found = Vec::new();
    for row in read::list(&mut tx, actor.org, &filter, MOST).await? {
        let loaded = load(&mut tx, actor.org, row.id).await?;
        if is_waited_for(&mut tx, actor, &loaded, &limits).await? {
            found.push((!row.fast_track, row.number, summary(&loaded)?));
        }
    }
    found.sort_by_key(|(later, number, _)| (*later, *number));
    Ok(found.into_iter().map(|(_, _, summary)| summary).collect())
}

/// Whether this member may cast this decision on the draft, whatever its state: asked before a form is opened. Deciding
/// asks again.
pub async fn may(db: &Db, actor: &Actor, id: DraftId, decision: Decision) -> Result<(), DraftError> {
    let mut tx = db.org(actor.org).await?;
    let loaded = load(&mut tx, actor.org, id).await?;
    let limits = Limits::read(settings(&mut tx).await?)?;
    let grants = grants(&mut tx, actor).await?;
    match may_decide(actor, &grants, &loaded.subject(), decision, &limits) {
        Ok(_) => Ok(()),
        Err(error) => Err(with_names(&mut tx, actor.org, &loaded, &limits, error).await?),
    }
}

/// So many people are named to somebody who may not decide; more would be a list to search through.
const NAMED: usize = 3;

/// A refusal for lack of a right, with the names of those whose approval the draft waits for.
pub(super) async fn with_names(
    tx: &mut OrgTx,
    org: OrgId,
    loaded: &Loaded,
    limits: &Limits,
    error: DraftError,
) -> Result<DraftError, DraftError> {
    let DraftError::Refused(mut refusal) = error else { return Err(error) };
    if matches!(refusal.code.as_str(), "permission.missing" | "permission.tier") {
        let names = waited_for(tx, org, loaded, limits).await?;
        let mut names: Vec<String> = names.into_iter().map(|(_, name)| clean(&name, 80)).collect();
        if names.len() > NAMED {
            names.truncate(NAMED);
            names.push("somebody else who may".to_owned());
        }
        if !names.is_empty() {
            refusal.message.push_str(&format!(" For draft {} ask {}.", loaded.draft.number, either(&names)));
        }
    }
    Ok(DraftError::Refused(refusal))
}

async fn person(tx: &mut OrgTx, org: OrgId, id: MemberId) -> Result<Option<Actor>, DraftError> {
    let surface = crate::access::Surface::Worker;
    Ok(people::actor(tx, org, id, surface, Credential::Session).await?)
}

async fn is_waited_for(
    tx: &mut OrgTx,
    actor: &Actor,
    loaded: &Loaded,
    limits: &Limits,
) -> Result<bool, DraftError> {
    let draft = &loaded.draft;
    if draft.state != DraftState::Pending {
        return Ok(false);
    }
    let grants = grants(tx, actor).await?;
    if may_decide(actor, &grants, &loaded.subject(), Decision::Approve, limits).is_err() {
        return Ok(false);
    }
    let voted = read::reviews(tx, actor.org, draft.id).await?.into_iter().any(|r| {
        r.reviewer_id == actor.member
            && r.revision == draft.revision
            && r.decision == Decision::Approve
            && r.valid
    });
    Ok(!voted)
}

/// Hands a draft that waits to somebody who may approve it: by whoever may, or by the requester.
pub async fn assign(
    db: &Db,
    clock: &dyn Clock,
    actor: &Actor,
    id: DraftId,
    to: MemberId,
) -> Result<Outcome, DraftError> {
    let mut tx = db.org(actor.org).await?;
    let done = assign_inner(&mut tx, clock, actor, id, to).await;
    conclude(tx, db, clock, actor, ("assign", Some(id)), done).await
}

async fn assign_inner(
    tx: &mut OrgTx,
    clock: &dyn Clock,
    actor: &Actor,
    id: DraftId,
    to: MemberId,
) -> Done<Outcome> {
    let loaded = load(tx, actor.org, id).await?;
    let draft = &loaded.draft;
    let own = draft.requested_by == Some(actor.member) && actor.may(Permission::DraftRevise);
    if !own {
        allowed(actor, &grants(tx, actor).await?, &loaded.subject(), Permission::DraftApprove)?;
    }
    if !matches!(draft.state, DraftState::Pending | DraftState::ChangesRequested) {
        return Err(super::decide::already_decided(&loaded));
    }
    let limits = Limits::read(settings(tx).await?)?;
    let reviewer = person(tx, actor.org, to).await?.ok_or_else(|| {
        DraftError::payload("/to", "This person has no active account here; choose somebody else.")
    })?;
    let theirs = grants(tx, &reviewer).await?;
    if let Err(error) = may_decide(&reviewer, &theirs, &loaded.subject(), Decision::Approve, &limits) {
        let why = if error.code() == "permission.four_eyes" {
            "asked for or edited it"
        } else {
            "has no permission to approve it"
        };
        let message =
            format!("{} cannot approve draft {}: {why}. Choose somebody else.", reviewer.name, draft.number);
        return Err(DraftError::payload("/to", message));
    }
    let now = clock.now();
    if !write::assign(tx, actor.org, id, to, now).await? {
        return Ok(Ok(Outcome::Unchanged { state: draft.state, decided_by: None, decided_at: None }));
    }
    let mut told = story(actor, None);
    told["to"] = json!(to);
    told["to_name"] = json!(reviewer.name);
    write::announce(tx, actor.org, id, clock, "draft.assigned", &told).await?;
    let mut entry = NewEntry::by(actor, "draft.assigned", "draft", id, now);
    entry.revision = Some(draft.revision);
    entry.after = Some(json!({"state": draft.state, "number": draft.number, "to": to}));
    audit::append(tx, actor.org, &entry).await?;
    Ok(Ok(Outcome::Done { state: draft.state, revision: draft.revision, payload_hash: loaded.hash()? }))
}
