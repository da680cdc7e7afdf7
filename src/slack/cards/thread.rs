//! Decisions written in a draft's thread. What is no decision goes on as a question.
use super::act::{recorded, review};
use super::grammar::{Said, Verb, parse};
use super::open::Desk;
use super::reply::{self, Place, already, refusal, whisper};
use super::tell_now;
use crate::chat::offline::instructed;
use crate::db::cards::{self, Token};
use crate::drafts::{
    self, Decision, DraftError, DraftState, DraftView, Outcome, ReviewRequest, ReviseRequest, StepUp, Tier,
    form,
};
use crate::ids::OrgId;
use crate::slack::blocks::Message;
use crate::slack::who::Who;
use crate::slack::wire::Origin;
use crate::slack::{Handled, Slack};
use serde_json::Map;

/// A message in a thread: taken if it is a decision, whole, in a thread that has a draft, from a person.
pub async fn said(
    slack: &Slack,
    org: OrgId,
    key: &str,
    origin: &Origin,
    text: &str,
) -> anyhow::Result<Handled> {
    let (Some(channel), Some(thread)) = (&origin.channel, &origin.thread_ts) else { return Ok(Handled::No) };
    if origin.is_bot {
        return Ok(Handled::No);
    }
    let Some(said) = parse(text) else { return Ok(Handled::No) };
    let app = &slack.inner.app;
    let mut tx = app.db.org(org).await?;
    let here = cards::in_thread(&mut tx, org, channel, thread).await?;
    drop(tx);
    if here.is_empty() {
        return Ok(Handled::No);
    }
    let place = Place::of(origin);
    let actor = match slack.who(org, origin).await? {
        Who::Member(actor) => actor,
        Who::Bot => return Ok(Handled::No),
        // Where nobody allowed us to answer we are silent.
        Who::ChannelNotAllowed => return Ok(Handled::Yes),
        other @ (Who::Unlinked | Who::Guest | Who::Foreign) => {
            if let Some(words) = reply::not_a_member(&other, &place) {
                whisper(slack, &place, &words).await;
            }
            return Ok(Handled::Yes);
        }
    };
    let mut drafts = Vec::new();
    for id in here {
        drafts.push(drafts::shown(&app.db, org, id).await?);
    }
    drafts.sort_by_key(|draft| draft.summary.number);
    let draft = match choose(&drafts, &said) {
        Ok(draft) => draft,
        Err(words) => {
            whisper(slack, &place, &words).await;
            return Ok(Handled::Yes);
        }
    };
    let mut tx = app.db.org(org).await?;
    let card = cards::one(&mut tx, org, draft.summary.id, channel).await?;
    drop(tx);
    // What the thread's card shows is what was reviewed.
    let revision = card.map_or(draft.summary.revision, |card| card.shown_revision);
    let token = Token {
        draft_id: draft.summary.id,
        revision,
        action: String::new(),
        channel_ref: channel.clone(),
        member_id: Some(actor.member),
        expires_at: draft.summary.expires_at,
    };
    if revision == 0 {
        let words = "The card of this draft is still on its way. Nothing was changed; try again in a moment.";
        whisper(slack, &place, &reply::ours(words)).await;
        return Ok(Handled::Yes);
    }
    let desk = Desk { slack, org, key, origin, actor, token, place };
    act(&desk, draft, said.verb).await?;
    Ok(Handled::Yes)
}

fn is_open(draft: &DraftView) -> bool {
    matches!(draft.summary.state, DraftState::Pending | DraftState::ChangesRequested | DraftState::Stale)
}

/// The draft that is meant: by its number, or the only one. With several open drafts the number is required.
fn choose<'a>(drafts: &'a [DraftView], said: &Said) -> Result<&'a DraftView, Message> {
    let numbers =
        |of: &[&DraftView]| of.iter().map(|d| d.summary.number.to_string()).collect::<Vec<_>>().join(", ");
    let all: Vec<&DraftView> = drafts.iter().collect();
    if let Some(number) = said.draft {
        return all.iter().find(|d| d.summary.number == number).copied().ok_or_else(|| {
            let here = numbers(&all);
            reply::words(&format!(
                "There is no draft {number} in this thread. Here: {here}. Nothing was changed."
            ))
        });
    }
    let open: Vec<&DraftView> = all.iter().copied().filter(|d| is_open(d)).collect();
    match (open.as_slice(), all.as_slice()) {
        ([one], _) | ([], [one]) => Ok(one),
        ([], _) => Err(reply::ours("No draft is open in this thread. Nothing was changed.")),
        (several, _) => {
            let first = several.first().map_or(0, |d| d.summary.number);
            let word = match said.verb {
                Verb::Approve => "approve",
                Verb::Reject { .. } | Verb::RejectWithoutReason => "reject",
                Verb::Edit { .. } => "edit",
                Verb::Hold { .. } => "hold",
            };
            let here = numbers(several);
            Err(reply::words(&format!(
                "Several drafts are open in this thread ({here}). Say which one: {word} {first}. Nothing was changed."
            )))
        }
    }
}

async fn act(desk: &Desk<'_>, draft: &DraftView, verb: Verb) -> anyhow::Result<()> {
    let number = draft.summary.number;
    match verb {
        Verb::Approve if draft.summary.tier >= Tier::High => {
            let words = format!(
                "Draft {number} is {} risk: it is approved with the Approve button of its card, and confirmed in a session \
                 of your own. Nothing was changed.",
                draft.summary.tier
            );
            whisper(desk.slack, &desk.place, &reply::words(&words)).await;
            Ok(())
        }
        Verb::Approve => vote(desk, draft, Decision::Approve, |_| {}).await,
        Verb::Hold { hours } => {
            vote(desk, draft, Decision::Hold, |request| request.hours = Some(hours)).await
        }
        Verb::Reject { code, reason } => {
            vote(desk, draft, Decision::Reject, |request| {
                request.reason_code = Some(code);
                request.note = Some(reason);
            })
            .await
        }
        Verb::RejectWithoutReason => {
            let words = format!("Say why: reject {number} and the reason. Nothing was changed.");
            whisper(desk.slack, &desk.place, &reply::words(&words)).await;
            Ok(())
        }
        Verb::Edit { instruction } => edit(desk, draft, &instruction).await,
    }
}

async fn vote(
    desk: &Desk<'_>,
    draft: &DraftView,
    decision: Decision,
    fill: impl FnOnce(&mut ReviewRequest),
) -> anyhow::Result<()> {
    let app = &desk.slack.inner.app;
    let Some(mut request) = review(draft, desk.token.revision, decision) else { return Ok(()) };
    fill(&mut request);
    let done = drafts::decide(&app.db, &*app.clock, &desk.actor, desk.draft(), &request, StepUp::No).await;
    answer(desk, done).await
}

/// What was done shows on the card and in the thread; what was not is said to the one who tried.
async fn answer(desk: &Desk<'_>, done: Result<Outcome, DraftError>) -> anyhow::Result<()> {
    tell_now(desk.slack, desk.org).await?;
    let now = desk.look().await?;
    let words = match done {
        Ok(Outcome::Done { .. }) => return Ok(()),
        Ok(Outcome::Recorded { have, need, missing, step_up_required, .. }) => {
            recorded(desk, &now, (have, need), &missing, step_up_required)
        }
        Ok(Outcome::Unchanged { .. }) => already(&now, &desk.people().await?),
        Err(DraftError::Db(error)) => return Err(error.into()),
        Err(error) if error.code() == "draft.already_decided" => already(&now, &desk.people().await?),
        Err(error) => refusal(&error),
    };
    whisper(desk.slack, &desk.place, &words).await;
    Ok(())
}

/// `field: value` pairs, and words of which each is understood, become a revision at once. Any other instruction sends the
/// draft back with it as the note, and the one who wrote it is asked for the value.
async fn edit(desk: &Desk<'_>, draft: &DraftView, instruction: &str) -> anyhow::Result<()> {
    let app = &desk.slack.inner.app;
    let (db, clock, actor, id) = (&app.db, &*app.clock, &desk.actor, desk.draft());
    let may_send_back = drafts::may(db, actor, id, Decision::RequestChanges).await.is_ok();
    let s = &draft.summary;
    let changes = match assignments(draft, instruction) {
        Some(read) => Some(read),
        None => instructed(&s.kind, &s.currency, instruction)?.map(Ok),
    };
    match changes {
        Some(Err(error)) => answer(desk, Err(error)).await,
        Some(Ok(changes)) => {
            let request = ReviseRequest { revision: desk.token.revision, changes };
            // A value that cannot be must not leave the draft sent back and unchanged.
            if let Err(error) = drafts::try_revise(db, clock, actor, id, &request).await {
                return answer(desk, Err(error)).await;
            }
            if may_send_back && s.state == DraftState::Pending {
                send_back(desk, draft, instruction).await.map_err(anyhow::Error::from)?;
            }
            answer(desk, drafts::revise(db, clock, actor, id, &request).await).await
        }
        None if may_send_back => {
            let done = send_back(desk, draft, instruction).await;
            let went_back = matches!(done, Ok(Outcome::Done { .. }));
            answer(desk, done).await?;
            if went_back {
                ask_for_values(desk, draft, "The draft went back with your words.").await?;
            }
            Ok(())
        }
        None => ask_for_values(desk, draft, "Nothing was changed.").await,
    }
}

/// Says how a change is written, to the one who wrote something else.
async fn ask_for_values(desk: &Desk<'_>, draft: &DraftView, became: &str) -> anyhow::Result<()> {
    let fields = drafts::action::actions()?.named(&draft.summary.kind)?.file.editable.join(", ");
    let words = format!(
        "I could not read that as a change. Use the Edit button, or write edit {}: field: value, with one of these \
         fields: {fields}. {became}",
        draft.summary.number
    );
    whisper(desk.slack, &desk.place, &reply::words(&words)).await;
    Ok(())
}

async fn send_back(desk: &Desk<'_>, draft: &DraftView, note: &str) -> Result<Outcome, DraftError> {
    let app = &desk.slack.inner.app;
    let request = review(draft, desk.token.revision, Decision::RequestChanges)
        .map(|request| ReviewRequest { note: Some(note.to_owned()), ..request })
        .ok_or_else(|| {
            DraftError::conflict("draft.revision_mismatch", "That revision is not there any more.")
        })?;
    drafts::decide(&app.db, &*app.clock, &desk.actor, desk.draft(), &request, StepUp::No).await
}

/// The instruction as assignments, if every line of it is one: `pct: 10`, `new daily budget = 60`.
fn assignments(
    draft: &DraftView,
    instruction: &str,
) -> Option<Result<Map<String, serde_json::Value>, DraftError>> {
    let action = drafts::action::actions().ok()?.named(&draft.summary.kind).ok()?;
    let mut changes = Map::new();
    for part in instruction.split(['\n', ';']).map(str::trim).filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once(['=', ':'])?;
        match form::assignment(action, name, value)? {
            Ok((field, value)) => drop(changes.insert(field, value)),
            Err(error) => return Some(Err(error)),
        }
    }
    (!changes.is_empty()).then_some(Ok(changes))
}
