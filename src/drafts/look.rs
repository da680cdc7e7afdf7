//! Reading: one draft, a page of drafts, a draft's audit trail.
use super::DraftError;
use super::export::formats;
use super::limits::Limits;
use super::load::{self, Loaded, load, money_moved};
use super::policy;
use super::state::DraftState;
use super::view::{
    DraftPage, DraftSummary, DraftView, ListRequest, RejectedBefore, ReviewView, RevisionView,
};
use crate::access::{Actor, Permission};
use crate::clock::Clock;
use crate::db::audit::{self, Entry, NewEntry};
use crate::db::drafts::facts::settings;
use crate::db::drafts::read::{self, Filter};
use crate::db::{Db, OrgTx};
use crate::ids::{DraftId, OrgId};
use jiff::{Timestamp, ToSpan as _};

/// The draft that a person means by its id or its number (`12` or `#12`).
pub async fn find(db: &Db, actor: &Actor, text: &str) -> Result<DraftId, DraftError> {
    let text = text.trim().trim_start_matches('#');
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    let unknown = || DraftError::not_found(crate::text::clean(text, 40));
    let number = text.parse().map_err(|_| unknown())?;
    let mut tx = db.org(actor.org).await?;
    read::by_number(&mut tx, actor.org, number).await?.ok_or_else(unknown)
}

/// `GET /api/drafts/{id}`.
pub async fn get(db: &Db, actor: &Actor, id: DraftId) -> Result<DraftView, DraftError> {
    actor.require(Permission::DraftRead).map_err(|missing| DraftError::missing(missing.0))?;
    let mut tx = db.org(actor.org).await?;
    let loaded = load(&mut tx, actor.org, id).await?;
    view(&mut tx, actor.org, &loaded).await
}

/// The same for the program itself: cards and notices whose readers are chosen where they are sent.
pub async fn shown(db: &Db, org: OrgId, id: DraftId) -> Result<DraftView, DraftError> {
    let mut tx = db.org(org).await?;
    let loaded = load(&mut tx, org, id).await?;
    view(&mut tx, org, &loaded).await
}

async fn view(tx: &mut OrgTx, org: OrgId, loaded: &Loaded) -> Result<DraftView, DraftError> {
    let current = loaded.current()?;
    let id = loaded.draft.id;
    let reviews = read::reviews(tx, org, id).await?;
    let proposal = loaded.proposal()?;
    let exports = formats(loaded.action, &proposal, &loaded.draft.platform);
    let mut revisions = Vec::new();
    for revision in &loaded.revisions {
        revisions.push(RevisionView {
            revision: revision.revision,
            payload_hash: super::payload::Hash::from_bytes(&revision.payload_hash)?,
            diff: load::diff(revision)?,
            editor_kind: revision.editor_kind,
            editor_id: revision.editor_id.clone(),
            created_at: revision.created_at,
        });
    }
    let limits = Limits::read(settings(tx).await?);
    Ok(DraftView {
        requester_may_approve: limits.is_ok_and(|limits| policy::self_approval(&limits, loaded.draft.tier)),
        rejected_before: rejected_before(tx, org, loaded).await?,
        summary: summary(loaded)?,
        payload: current.payload.clone(),
        before: current.before.clone(),
        rollback_plan: current.rollback_plan.clone(),
        diff: load::diff(current)?,
        evidence: load::evidence(current)?,
        impact: load::effect(current)?,
        guardrails: load::guardrails(current)?,
        overridden: read::overrides(tx, org, id, loaded.draft.revision).await?,
        reviews: reviews
            .into_iter()
            .map(|r| ReviewView {
                revision: r.revision,
                reviewer_id: r.reviewer_id,
                reviewer: r.reviewer_name,
                decision: r.decision,
                role: r.role_used,
                surface: r.surface,
                reason_code: r.reason_code,
                note: r.note,
                valid: r.valid,
                at: r.at,
            })
            .collect(),
        revisions,
        exports: exports.iter().map(ToString::to_string).collect(),
    })
}

/// Why people turned down the same kind of draft on the same target before this one was made.
pub(super) async fn rejected_before(
    tx: &mut OrgTx,
    org: OrgId,
    loaded: &Loaded,
) -> Result<Option<RejectedBefore>, DraftError> {
    let found = read::rejected_before(tx, org, &loaded.draft).await?;
    Ok(found.map(|(number, review)| RejectedBefore {
        number,
        by: review.reviewer_name,
        at: review.at,
        reason_code: review.reason_code,
        note: review.note,
    }))
}

pub(super) fn summary(loaded: &Loaded) -> Result<DraftSummary, DraftError> {
    let draft = &loaded.draft;
    Ok(DraftSummary {
        id: draft.id,
        number: draft.number,
        kind: draft.kind.clone(),
        title: loaded.title(),
        platform: draft.platform.clone(),
        entity_kind: draft.entity_kind.clone(),
        entity_id: draft.entity_id.clone(),
        state: draft.state,
        revision: draft.revision,
        payload_hash: loaded.hash()?,
        tier: draft.tier,
        required_approvals: draft.required_approvals,
        co_approvals: draft.co_approvals.clone(),
        money_moved: money_moved(draft),
        currency: draft.currency.clone(),
        origin: draft.origin,
        requested_by: draft.requested_by,
        requester: draft.requester_name.clone(),
        turn_id: draft.turn_id,
        conversation_id: draft.conversation_id,
        review_due_at: review_due_at(draft),
        expires_at: draft.approval_expires_at.unwrap_or(draft.expires_at),
        held_until: draft.held_until,
        execute_at: draft.execute_at,
        decided_by: draft.decider_name.clone(),
        decided_at: draft.decided_at,
        applied_at: draft.applied_at,
        decider: draft.decided_by,
        assigned_to: draft.assigned_to,
        assignee: draft.assignee_name.clone(),
        group: draft.group_name.clone(),
        version: draft.version,
        created_at: draft.created_at,
        updated_at: draft.updated_at,
    })
}

/// What goes by the fast track is to be decided within four hours (`actions.md`); nothing for the others and for what is
/// decided.
fn review_due_at(draft: &read::Draft) -> Option<Timestamp> {
    let waits = matches!(draft.state, DraftState::Pending | DraftState::ChangesRequested);
    (draft.fast_track && waits).then(|| draft.created_at + 4.hours())
}

/// `GET /api/drafts`: urgent ones first, then the newest.
pub async fn list(db: &Db, actor: &Actor, request: &ListRequest) -> Result<DraftPage, DraftError> {
    actor.require(Permission::DraftRead).map_err(|missing| DraftError::missing(missing.0))?;
    let limit = request.limit.unwrap_or(50).clamp(1, 200);
    let filter = Filter {
        states: request.state.clone(),
        kind: request.kind.clone(),
        requested_by: request.mine.then_some(actor.member),
        below: request.below,
    };
    let mut tx = db.org(actor.org).await?;
    let mut rows = read::list(&mut tx, actor.org, &filter, limit + 1).await?;
    let more = i64::try_from(rows.len()).unwrap_or(0) > limit;
    rows.truncate(usize::try_from(limit).unwrap_or(50));
    let mut drafts = Vec::new();
    for row in &rows {
        drafts.push(summary(&load(&mut tx, actor.org, row.id).await?)?);
    }
    let cursor = |d: &DraftSummary| if d.review_due_at.is_some() { -d.number } else { d.number };
    let next = if more { drafts.last().map(cursor) } else { None };
    Ok(DraftPage { drafts, next })
}

/// `GET /api/drafts/{id}/audit`: for whoever may read the log, and for the requester. Reading is itself recorded.
pub async fn trail(db: &Db, clock: &dyn Clock, actor: &Actor, id: DraftId) -> Result<Vec<Entry>, DraftError> {
    let mut tx = db.org(actor.org).await?;
    let loaded = load(&mut tx, actor.org, id).await?;
    let own = loaded.draft.requested_by == Some(actor.member) && actor.may(Permission::DraftCreate);
    if !own {
        actor.require(Permission::AuditRead).map_err(|missing| DraftError::missing(missing.0))?;
    }
    let filter = audit::Filter {
        object_type: Some("draft".to_owned()),
        object_id: Some(id.to_string()),
        ..audit::Filter::default()
    };
    let entries = audit::list(&mut tx, actor.org, &filter, 0, 1000).await?;
    let entry = NewEntry::by(actor, "audit.read", "draft", id, clock.now());
    audit::append(&mut tx, actor.org, &entry).await?;
    tx.commit().await?;
    Ok(entries)
}
