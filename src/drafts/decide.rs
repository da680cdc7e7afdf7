//! Deciding (`actions.md` §2): one conditional update decides, in one transaction with its audit entry.
use super::DraftError;
use super::conclude::{Done, Mover, Step, conclude, move_draft, story};
use super::drift::make_stale;
use super::gather;
use super::guard::{GuardResult, Severity};
use super::limits::Limits;
use super::load::{Loaded, grants, hash_mismatch, load};
use super::look::summary;
use super::policy::{Vote, may_decide};
use super::propose::about;
use super::reviewers::with_names;
use super::seal::reevaluate;
use super::stake::net_increase;
use super::state::{DraftState, Verb};
use super::view::{Outcome, ReviewRequest, StepUp};
use super::words::{instant, to_confirm};
use crate::access::Actor;
use crate::clock::Clock;
use crate::db::audit::{self, NewEntry};
use crate::db::drafts::decide::{self as db, NewReview, Seen};
use crate::db::drafts::envelope;
use crate::db::drafts::facts::settings;
use crate::db::drafts::kinds::{Decision, Tier};
use crate::db::drafts::read;
use crate::db::drafts::write::{self, Change};
use crate::db::{Db, OrgTx};
use crate::ids::DraftId;
use crate::text::masked;
use jiff::ToSpan;
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// `POST /api/drafts/{id}/reviews`; every surface calls this. `step_up` says whether the member confirmed freshly in a
/// session of their own: high tiers count only such votes.
pub async fn decide(
    db: &Db,
    clock: &dyn Clock,
    actor: &Actor,
    id: DraftId,
    request: &ReviewRequest,
    step_up: StepUp,
) -> Result<Outcome, DraftError> {
    let mut tx = db.org(actor.org).await?;
    let done = inner(&mut tx, clock, actor, id, request, step_up).await;
    conclude(tx, db, clock, actor, (request.decision.as_str(), Some(id)), done).await
}

async fn inner(
    tx: &mut OrgTx,
    clock: &dyn Clock,
    actor: &Actor,
    id: DraftId,
    request: &ReviewRequest,
    step_up: StepUp,
) -> Done<Outcome> {
    let loaded = load(tx, actor.org, id).await?;
    let limits = Limits::read(settings(tx).await?)?;
    let grants = grants(tx, actor).await?;
    let vote = match may_decide(actor, &grants, &loaded.subject(), request.decision, &limits) {
        Ok(vote) => vote,
        Err(error) => return Err(with_names(tx, actor.org, &loaded, &limits, error).await?),
    };
    match request.decision {
        Decision::Reject if request.reason_code.is_none() => {
            return Err(DraftError::payload("/reason_code", "A rejection needs a reason_code."));
        }
        Decision::RequestChanges if request.note.as_deref().is_none_or(|n| n.trim().is_empty()) => {
            return Err(DraftError::payload("/note", "Say in the note what should change."));
        }
        Decision::Approve | Decision::Reject | Decision::RequestChanges | Decision::Hold => {}
    }
    let now = clock.now();
    let waiting = matches!(loaded.draft.state, DraftState::Pending | DraftState::ChangesRequested);
    if waiting && loaded.draft.expires_at <= now {
        return expire_first(tx, clock, actor, &loaded).await;
    }
    if let Some(answer) = answer(&loaded, request) {
        return answer.map(Ok);
    }
    let note = request.note.as_deref().map(|note| masked(note, NOTE_CHARS));
    let ballot = Ballot { clock, actor, loaded: &loaded, request, note, limits: &limits };
    match request.decision {
        Decision::Approve => {
            let valid = !vote.needs_step_up || step_up == StepUp::Confirmed;
            ballot.approve(tx, vote, valid).await
        }
        Decision::Reject => ballot.close(tx, vote, Verb::Reject, "draft.rejected").await,
        Decision::RequestChanges => {
            ballot.close(tx, vote, Verb::RequestChanges, "draft.changes_requested").await
        }
        Decision::Hold => ballot.hold(tx, vote).await,
    }
}

/// The answer that needs no vote: decided already, or another revision than the reviewer saw.
fn answer(loaded: &Loaded, request: &ReviewRequest) -> Option<Result<Outcome, DraftError>> {
    let draft = &loaded.draft;
    let same_revision = request.revision == draft.revision;
    let open_for = |verb: Verb| draft.state.after(verb, draft.changed).is_ok();
    let (verb, decided) = match request.decision {
        Decision::Approve => {
            (Verb::Approve, !matches!(draft.state, S::Pending | S::ChangesRequested | S::Stale))
        }
        Decision::Reject => (Verb::Reject, draft.state == S::Rejected),
        Decision::RequestChanges => (Verb::RequestChanges, draft.state == S::ChangesRequested),
        Decision::Hold => (Verb::Reject, false),
    };
    if open_for(verb) {
        if !same_revision {
            return Some(Err(revision_mismatch(request.revision, draft.revision)));
        }
        let hash = loaded.hash();
        return match hash {
            Ok(hash) if hash == request.payload_hash => None,
            Ok(_) => Some(Err(hash_mismatch(draft.number))),
            Err(e) => Some(Err(e)),
        };
    }
    let was_approved = !matches!(draft.state, S::Rejected | S::Cancelled | S::Expired);
    let same = decided && (request.decision != Decision::Approve || was_approved);
    Some(if same && same_revision {
        Ok(unchanged(loaded))
    } else if same || matches!(draft.state, S::ChangesRequested | S::Stale) && !same_revision {
        Err(revision_mismatch(request.revision, draft.revision))
    } else if matches!(draft.state, S::ChangesRequested | S::Stale) {
        let message = format!(
            "Draft {} is {}; it needs a new revision before it can be decided.",
            draft.number,
            draft.state.words()
        );
        Err(DraftError::conflict("draft.wrong_state", message))
    } else {
        Err(already_decided(loaded))
    })
}

use DraftState as S;

fn unchanged(loaded: &Loaded) -> Outcome {
    let draft = &loaded.draft;
    Outcome::Unchanged {
        state: draft.state,
        decided_by: draft.decider_name.clone(),
        decided_at: draft.decided_at,
    }
}

/// "Draft {number} was already {state} by {name} at {time}."
pub(super) fn already_decided(loaded: &Loaded) -> DraftError {
    let draft = &loaded.draft;
    let by = draft.decider_name.as_deref().unwrap_or("the system");
    let at = draft.decided_at.unwrap_or(draft.updated_at);
    DraftError::conflict(
        "draft.already_decided",
        format!("Draft {} was already {} by {by} at {}.", draft.number, draft.state.words(), instant(at)),
    )
}

pub(super) fn revision_mismatch(seen: i32, current: i32) -> DraftError {
    DraftError::conflict(
        "draft.revision_mismatch",
        format!("You reviewed revision {seen}; revision {current} is current."),
    )
}

/// The deadline passed before the sweep came round: the draft expires now, and the reviewer is told.
async fn expire_first(tx: &mut OrgTx, clock: &dyn Clock, actor: &Actor, loaded: &Loaded) -> Done<Outcome> {
    let mut step = Step::new("draft.expired");
    step.change = Change { decided_at: Some(clock.now()), ..Change::default() };
    step.after = json!({"deadline": loaded.draft.expires_at});
    move_draft(tx, clock, &Mover::System, loaded, Verb::Expire, actor.org, step).await?;
    let fresh = load(tx, actor.org, loaded.draft.id).await?;
    Ok(Err(already_decided(&fresh)))
}

/// What is kept of a note.
const NOTE_CHARS: usize = 1000;

const DRIFT: &str = "guardrail.before_changed";

/// What stops the draft although admins overrode these codes: drift before other blocks, blocks before holds. An
/// override never reaches a block, whatever else has the same code.
fn gravest<'a>(results: &'a [GuardResult], overridden: &[String]) -> Option<&'a GuardResult> {
    let open = |r: &&GuardResult| r.stops() && !(r.holds() && overridden.contains(&r.code));
    results.iter().filter(open).min_by_key(|r| (r.code != DRIFT, r.severity != Severity::Block))
}

struct Ballot<'a> {
    clock: &'a dyn Clock,
    actor: &'a Actor,
    loaded: &'a Loaded,
    request: &'a ReviewRequest,
    /// As it is kept: cleaned and masked.
    note: Option<String>,
    limits: &'a Limits,
}

impl Ballot<'_> {
    fn seen(&self) -> Seen<'_> {
        Seen {
            draft: self.loaded.draft.id,
            revision: self.request.revision,
            payload_hash: &self.request.payload_hash.0,
        }
    }

    fn review(&self, vote: Vote, valid: bool) -> NewReview<'_> {
        NewReview {
            reviewer: self.actor.member,
            role: vote.role,
            surface: self.actor.surface,
            decision: self.request.decision,
            reason: self.request.reason_code,
            note: self.note.as_deref(),
            valid,
            at: self.clock.now(),
        }
    }

    /// Somebody was faster: look, and answer.
    async fn look_again(&self, tx: &mut OrgTx) -> Done<Outcome> {
        let fresh = load(tx, self.actor.org, self.loaded.draft.id).await?;
        if let Some(answer) = answer(&fresh, self.request) {
            return answer.map(Ok);
        }
        // Still open with this revision and hash: then it is the member's own vote that is there already.
        Ok(Ok(unchanged(&fresh)))
    }

    fn entry(&self, action: &str) -> NewEntry {
        let draft = &self.loaded.draft;
        let mut entry = NewEntry::by(self.actor, action, "draft", draft.id, self.clock.now());
        entry.revision = Some(draft.revision);
        entry.payload_hash = Some(draft.payload_hash.clone());
        entry.reason = self.note.clone();
        entry
    }

    async fn approve(&self, tx: &mut OrgTx, vote: Vote, valid: bool) -> Done<Outcome> {
        let (loaded, org, now) = (self.loaded, self.actor.org, self.clock.now());
        let draft = &loaded.draft;
        loaded.verify()?;
        let proposal = loaded.proposal()?;
        if !db::vote(tx, org, self.seen(), &["pending"], &self.review(vote, valid)).await? {
            return self.look_again(tx).await;
        }
        // The draft's row is locked from here on; the envelope's comes next, so that both are always taken in this order.
        let current = loaded.current()?;
        let mut org_facts = gather::org(tx, org, now).await?;
        let about = about(tx, org, draft, &proposal).await?;
        let mut facts = gather::facts(tx, org, org_facts.clone(), &about, &proposal, &draft.platform).await?;
        let net = net_increase(&proposal, &facts);
        let day = org_facts.today;
        if net != Decimal::ZERO {
            let limit = super::guard::envelope_limit(&facts);
            envelope::lock(tx, org, day, limit, org_facts.currency.as_str()).await?;
            org_facts.net_24h = envelope::net_since(tx, org, now - 24.hours()).await?;
            facts.org.net_24h = org_facts.net_24h;
        }
        let (live, results) =
            reevaluate(loaded.action, &proposal, &current.before, &current.rollback_plan, &facts)?;
        write::store_guardrails(tx, org, draft.id, draft.revision, &json!(results)).await?;
        let overridden = read::overrides(tx, org, draft.id, draft.revision).await?;
        if let Some(stop) = gravest(&results, &overridden) {
            return self.blocked(tx, stop, &live).await;
        }
        let until = now + self.limits.approval_ttl();
        if !db::approve(tx, org, self.seen(), self.actor.member, &loaded.platforms(), now, until).await? {
            return self.recorded(tx, valid).await;
        }
        db::mint(tx, org, self.seen(), &current.before_hash, now, until).await?;
        if net != Decimal::ZERO {
            envelope::reserve(tx, org, draft.id, day, net).await?;
        }
        let told = story(self.actor, self.note.as_deref());
        write::announce(tx, org, draft.id, self.clock, "draft.approved", &told).await?;
        let mut entry = self.entry("draft.approved");
        entry.before = Some(json!({"state": draft.state}));
        entry.after = Some(json!({"state": S::Approved, "number": draft.number, "role": vote.role,
            "expires_at": until, "reserved": net}));
        audit::append(tx, org, &entry).await?;
        Ok(Ok(Outcome::Done {
            state: S::Approved,
            revision: draft.revision,
            payload_hash: self.request.payload_hash,
        }))
    }

    /// A guardrail stops the draft now: the vote is taken back, what the guardrails found stays, so that it is shown and
    /// an admin can override a hold that was not there when the draft was made. Drift makes the draft stale.
    async fn blocked(&self, tx: &mut OrgTx, stop: &GuardResult, live: &Value) -> Done<Outcome> {
        let message = stop.message.clone().unwrap_or_default();
        let hold = stop.severity == Severity::Hold;
        let advice = if hold { " An admin may override this with a reason." } else { "" };
        let error = DraftError::conflict(&stop.code, format!("{message}{advice}"));
        db::withdraw(tx, self.actor.org, self.seen(), self.actor.member).await?;
        if stop.code != DRIFT {
            return Ok(Err(error));
        }
        let why = (message.as_str(), stop.inputs.clone());
        make_stale(tx, self.clock, self.actor.org, self.loaded, why, live).await?;
        Ok(Err(error))
    }

    async fn recorded(&self, tx: &mut OrgTx, valid: bool) -> Done<Outcome> {
        let org = self.actor.org;
        let fresh = load(tx, org, self.loaded.draft.id).await?;
        let draft = &fresh.draft;
        let reviews = read::reviews(tx, org, draft.id).await?;
        let votes: Vec<_> = reviews
            .iter()
            .filter(|r| r.revision == draft.revision && r.decision == Decision::Approve && r.valid)
            .collect();
        let have = votes.iter().filter(|r| r.role_used != "compliance").count();
        let have = i32::try_from(have).unwrap_or(i32::MAX);
        let co =
            draft.co_approvals.iter().filter(|role| !votes.iter().any(|v| v.role_used == **role)).cloned();
        let mut missing: Vec<String> = co.collect();
        if draft.tier >= Tier::High && have >= draft.required_approvals {
            missing
                .push(if draft.tier == Tier::Critical { "admin" } else { "draft.approve_high" }.to_owned());
        }
        let need = draft.required_approvals;
        let mut entry = self.entry("draft.voted");
        entry.after =
            Some(json!({"state": draft.state, "decision": Decision::Approve, "have": have, "need": need,
            "counts": valid}));
        audit::append(tx, org, &entry).await?;
        let mut told = story(self.actor, self.note.as_deref());
        told["have"] = json!(have);
        told["need"] = json!(need);
        told["missing"] = json!(missing);
        told["counts"] = json!(valid);
        write::touch(tx, org, draft.id, self.clock.now()).await?;
        write::announce(tx, org, draft.id, self.clock, "draft.voted", &told).await?;
        let next = if valid { None } else { Some(to_confirm(&self.actor.name, "", &summary(&fresh)?)) };
        Ok(Ok(Outcome::Recorded { have, need, missing, step_up_required: !valid, next }))
    }

    /// Rejecting and asking for changes: the vote and the transition.
    async fn close(&self, tx: &mut OrgTx, vote: Vote, verb: Verb, action: &str) -> Done<Outcome> {
        let states: Vec<&str> = verb.from_states().iter().map(|s| s.as_str()).collect();
        if !db::vote(tx, self.actor.org, self.seen(), &states, &self.review(vote, true)).await? {
            return self.look_again(tx).await;
        }
        // The vote locked the row: its state is what it is now, not what it was when we looked.
        let fresh = load(tx, self.actor.org, self.loaded.draft.id).await?;
        let mut step = Step::new(action);
        let decided = verb == Verb::Reject;
        step.change = Change {
            decided_by: decided.then_some(self.actor.member),
            decided_at: decided.then_some(self.clock.now()),
            ..Change::default()
        };
        step.reason = self.note.as_deref();
        step.after = json!({"reason_code": self.request.reason_code, "role": vote.role});
        if !move_draft(tx, self.clock, &Mover::Member(self.actor), &fresh, verb, self.actor.org, step).await?
        {
            return self.look_again(tx).await;
        }
        let state = fresh.draft.state.after(verb, fresh.draft.changed).unwrap_or(fresh.draft.state);
        Ok(Ok(Outcome::Done {
            state,
            revision: fresh.draft.revision,
            payload_hash: self.request.payload_hash,
        }))
    }

    /// Once a draft, at most 72 hours; expiry moves by the same span.
    async fn hold(&self, tx: &mut OrgTx, vote: Vote) -> Done<Outcome> {
        let hours = self.request.hours.unwrap_or(4);
        if !(1..=72).contains(&hours) {
            return Err(DraftError::payload("/hours", "A draft is held for 1 to 72 hours."));
        }
        let (draft, org, now) = (&self.loaded.draft, self.actor.org, self.clock.now());
        let expires = draft.expires_at + hours.hours();
        if !db::hold(tx, org, draft.id, now + hours.hours(), expires, now).await? {
            let (me, same) = (self.actor.member, (draft.revision, Decision::Hold));
            let mut reviews = read::reviews(tx, org, draft.id).await?.into_iter();
            if reviews.any(|r| r.reviewer_id == me && (r.revision, r.decision) == same) {
                return Ok(Ok(unchanged(self.loaded)));
            }
            let message = format!(
                "Draft {} was held once already; it expires at {}.",
                draft.number,
                instant(draft.expires_at)
            );
            return Err(DraftError::conflict("draft.already_held", message));
        }
        db::vote(tx, org, self.seen(), &["pending", "changes_requested"], &self.review(vote, true)).await?;
        let mut told = story(self.actor, self.note.as_deref());
        told["hours"] = json!(hours);
        write::announce(tx, org, draft.id, self.clock, "draft.held", &told).await?;
        let mut entry = self.entry("draft.held");
        entry.after = Some(json!({"state": draft.state, "hours": hours, "expires_at": expires}));
        audit::append(tx, org, &entry).await?;
        Ok(Ok(Outcome::Done {
            state: draft.state,
            revision: draft.revision,
            payload_hash: self.request.payload_hash,
        }))
    }
}
