//! Clicks on a card. Who may do it, and whether it still can be done, is decided in `drafts` at this moment.
use super::open::{self, Desk};
use super::reply::{self, Place, already, refusal, whisper};
use super::token::Act;
use super::view::card_view;
use super::{approvals, tell_now};
use crate::db::cards;
use crate::drafts::words::to_confirm;
use crate::drafts::{
    self, Decision, DraftError, DraftState, DraftView, Outcome, ReviewRequest, ReviseRequest, StepUp,
};
use crate::ids::OrgId;
use crate::slack::Slack;
use crate::slack::api::ApiError;
use crate::slack::blocks::card::processing;
use crate::slack::blocks::views::{self, Subject};
use crate::slack::blocks::{Message, Mrkdwn, Plain, mrkdwn, plain};
use crate::slack::wire::{ActionItem, Origin};
use serde_json::{Map, Value, json};

/// One click.
pub async fn clicked(
    slack: &Slack,
    org: OrgId,
    key: &str,
    origin: &Origin,
    item: &ActionItem,
) -> anyhow::Result<()> {
    let place = Place::of(origin);
    let Some((act, text)) = wanted(item) else { return Ok(()) };
    let Some(actor) = open::member(slack, org, origin, &place).await? else { return Ok(()) };
    let channel = origin.channel.as_deref();
    let Some(token) = open::open(slack, org, &actor, &place, (act, text), channel, key).await? else {
        return Ok(());
    };
    let desk = Desk { slack, org, key, origin, actor, token, place };
    match act {
        Act::Approve => decide(&desk, Decision::Approve, "recording your approval").await,
        Act::Hold => decide(&desk, Decision::Hold, "holding it for four hours").await,
        Act::Reject => reject(&desk).await,
        Act::Edit => edit(&desk).await,
        Act::Ask => show_view(&desk, Act::SendQuestion, views::ask).await,
        Act::Hand => hand(&desk).await,
        Act::Apply => show_view(&desk, Act::SendApplied, views::applied).await,
        Act::Refresh => bring_up_to_date(&desk).await,
        Act::Again => again(&desk).await,
        Act::Review => approvals::open_card(&desk).await,
        Act::SendEdit | Act::SendReject | Act::SendQuestion | Act::SendHand | Act::SendApplied => Ok(()),
    }
}

/// What a button or a menu's option stands for, and its token.
fn wanted(item: &ActionItem) -> Option<(Act, &str)> {
    match item.action_id.strip_prefix("card.")? {
        "menu" => {
            let (verb, token) = item.selected.as_deref()?.split_once(':')?;
            let act = verb.parse().ok()?;
            matches!(act, Act::Ask | Act::Hold | Act::Hand | Act::Apply).then_some((act, token))
        }
        name => {
            let act: Act = name.parse().ok()?;
            let is_button = matches!(
                act,
                Act::Approve | Act::Edit | Act::Reject | Act::Refresh | Act::Again | Act::Review
            );
            is_button.then_some((act, item.value.as_deref()?))
        }
    }
}

/// Takes the buttons away before anything is decided. That this did not work keeps nobody from deciding; the card is
/// rendered again afterwards in any case.
async fn processing_now(desk: &Desk<'_>, draft: &DraftView, what: &'static str) -> anyhow::Result<()> {
    let people = desk.people().await?;
    let message = processing(&card_view(draft, &people), what);
    let api = &desk.slack.inner.api;
    let done = match (&desk.place.response_url, &desk.origin.ts) {
        (Some(url), _) => api.respond(url, &message.reply(true, true)).await,
        (None, Some(ts)) => {
            api.call("chat.update", &message.update(&desk.token.channel_ref, ts)).await.map(drop)
        }
        (None, None) => Ok(()),
    };
    if let Err(error) = done {
        tracing::warn!(%error, "a card could not show that it is being worked on");
    }
    Ok(())
}

/// A review of the revision that the clicked card shows.
pub fn review(draft: &DraftView, revision: i32, decision: Decision) -> Option<ReviewRequest> {
    let seen = draft.revisions.iter().find(|r| r.revision == revision)?;
    Some(ReviewRequest {
        decision,
        revision,
        payload_hash: seen.payload_hash,
        reason_code: None,
        note: None,
        hours: (decision == Decision::Hold).then_some(4),
    })
}

async fn decide(desk: &Desk<'_>, decision: Decision, what: &'static str) -> anyhow::Result<()> {
    let app = &desk.slack.inner.app;
    let draft = desk.look().await?;
    let Some(request) = review(&draft, desk.token.revision, decision) else { return Ok(()) };
    processing_now(desk, &draft, what).await?;
    let outcome = drafts::decide(&app.db, &*app.clock, &desk.actor, desk.draft(), &request, StepUp::No).await;
    conclude(desk, outcome).await
}

/// After a decision: the card is rendered anew, the story told, and the reviewer answered where the card does not.
pub async fn conclude(desk: &Desk<'_>, outcome: Result<Outcome, DraftError>) -> anyhow::Result<()> {
    redraw(desk).await?;
    tell_now(desk.slack, desk.org).await?;
    if let Err(DraftError::Db(error)) = outcome {
        // Not decided: the envelope comes again.
        return Err(error.into());
    }
    if let Some(words) = answer(desk, &outcome).await? {
        whisper(desk.slack, &desk.place, &words).await;
    }
    Ok(())
}

async fn redraw(desk: &Desk<'_>) -> anyhow::Result<()> {
    let mut tx = desk.slack.inner.app.db.org(desk.org).await?;
    let channel = Some(desk.token.channel_ref.as_str()).filter(|channel| !channel.is_empty());
    open::refresh(&mut tx, desk.slack, desk.org, desk.draft(), channel, desk.key).await?;
    tx.commit().await?;
    desk.slack.inner.outbox_wake.notify_one();
    Ok(())
}

/// What the reviewer is told beside the card; nothing where the card says it all.
async fn answer(desk: &Desk<'_>, outcome: &Result<Outcome, DraftError>) -> anyhow::Result<Option<Message>> {
    let draft = desk.look().await?;
    let people = desk.people().await?;
    Ok(match outcome {
        Ok(Outcome::Done { .. }) => None,
        Ok(Outcome::Unchanged { .. }) if draft.summary.state == DraftState::Pending => {
            let number = draft.summary.number;
            Some(reply::words(&format!("Your decision on draft {number} is on record already.")))
        }
        Ok(Outcome::Unchanged { .. }) => Some(already(&draft, &people)),
        Ok(Outcome::Recorded { have, need, missing, step_up_required, .. }) => {
            Some(recorded(desk, &draft, (*have, *need), missing, *step_up_required))
        }
        Err(error) if error.code() == "draft.already_decided" => Some(already(&draft, &people)),
        Err(error) => Some(refusal(error)),
    })
}

/// A vote that does not decide yet: what is missing, and for the high tiers how it is confirmed.
pub fn recorded(
    desk: &Desk<'_>,
    draft: &DraftView,
    (have, need): (i32, i32),
    missing: &[String],
    step_up: bool,
) -> Message {
    let s = &draft.summary;
    if step_up {
        let words = to_confirm(&desk.actor.name, &desk.slack.inner.settings.public_url, s);
        return reply::words(&words);
    }
    let mut text = format!("Your approval of draft {} is recorded: {have} of {need}.", s.number);
    if !missing.is_empty() {
        text.push_str(&format!(" Still needed: {}.", missing.join(", ").replace('_', " ")));
    }
    reply::words(&text)
}

/// Opens a view; the person has three seconds' worth of Slack's patience, and is told when they were not enough.
async fn present(desk: &Desk<'_>, view: Value) -> anyhow::Result<()> {
    let Some(trigger) = &desk.origin.trigger_id else { return Ok(()) };
    let args = json!({"trigger_id": trigger, "view": view});
    match desk.slack.inner.api.call("views.open", &args).await {
        Ok(_) => Ok(()),
        Err(error) => {
            if !matches!(error, ApiError::Refused { .. }) {
                tracing::warn!(%error, "a view could not be opened");
            }
            let words = reply::ours("Slack could not open the form in time. Please click again.");
            whisper(desk.slack, &desk.place, &words).await;
            Ok(())
        }
    }
}

async fn show_view(desk: &Desk<'_>, act: Act, render: fn(&Subject<'_>) -> Value) -> anyhow::Result<()> {
    let draft = desk.look().await?;
    let token = desk.view_token(act, &draft).await?;
    let s = &draft.summary;
    let subject = Subject { number: s.number, revision: s.revision, title: &s.title, token: &token };
    present(desk, render(&subject)).await
}

/// Says what became of the draft meanwhile, and shows it on the card.
async fn too_late(desk: &Desk<'_>, draft: &DraftView) -> anyhow::Result<()> {
    redraw(desk).await?;
    whisper(desk.slack, &desk.place, &already(draft, &desk.people().await?)).await;
    Ok(())
}

async fn refused(desk: &Desk<'_>, error: DraftError) -> anyhow::Result<()> {
    if let DraftError::Db(error) = error {
        return Err(error.into());
    }
    redraw(desk).await?;
    whisper(desk.slack, &desk.place, &refusal(&error)).await;
    Ok(())
}

/// Whoever may not reject is told before a form is filled in.
async fn reject(desk: &Desk<'_>) -> anyhow::Result<()> {
    let draft = desk.look().await?;
    if !matches!(draft.summary.state, DraftState::Pending | DraftState::ChangesRequested) {
        return too_late(desk, &draft).await;
    }
    let db = &desk.slack.inner.app.db;
    match drafts::may(db, &desk.actor, desk.draft(), Decision::Reject).await {
        Ok(()) => show_view(desk, Act::SendReject, views::reject).await,
        Err(error) => refused(desk, error).await,
    }
}

async fn edit(desk: &Desk<'_>) -> anyhow::Result<()> {
    let app = &desk.slack.inner.app;
    let draft = desk.look().await?;
    let editable =
        matches!(draft.summary.state, DraftState::Pending | DraftState::ChangesRequested | DraftState::Stale);
    if !editable {
        return too_late(desk, &draft).await;
    }
    match drafts::editing(&app.db, &*app.clock, &desk.actor, desk.draft()).await {
        Err(error) => refused(desk, error).await,
        Ok(form) => {
            let token = desk.view_token(Act::SendEdit, &draft).await?;
            let subject =
                Subject { number: form.number, revision: form.revision, title: &form.title, token: &token };
            present(desk, views::edit(&subject, &form.fields, None)).await
        }
    }
}

async fn hand(desk: &Desk<'_>) -> anyhow::Result<()> {
    let draft = desk.look().await?;
    if !matches!(draft.summary.state, DraftState::Pending | DraftState::ChangesRequested) {
        return too_late(desk, &draft).await;
    }
    show_view(desk, Act::SendHand, views::hand_over).await
}

/// A stale draft is made again from the state of now: a revision without changes.
async fn bring_up_to_date(desk: &Desk<'_>) -> anyhow::Result<()> {
    let app = &desk.slack.inner.app;
    let draft = desk.look().await?;
    processing_now(desk, &draft, "reading the present state").await?;
    let request = ReviseRequest { revision: draft.summary.revision, changes: Map::new() };
    match drafts::revise(&app.db, &*app.clock, &desk.actor, desk.draft(), &request).await {
        Err(error) => refused(desk, error).await,
        Ok(_) => {
            redraw(desk).await?;
            tell_now(desk.slack, desk.org).await
        }
    }
}

/// A new draft with a card of its own where the button was clicked.
async fn again(desk: &Desk<'_>) -> anyhow::Result<()> {
    let app = &desk.slack.inner.app;
    let made = match drafts::again(&app.db, &*app.clock, &desk.actor, desk.draft()).await {
        Ok(made) => made,
        Err(error) => return refused(desk, error).await,
    };
    let mut tx = app.db.org(desk.org).await?;
    let old = cards::one(&mut tx, desk.org, desk.draft(), &desk.token.channel_ref).await?;
    if let Some(thread) = old.as_ref().and_then(|card| card.thread()) {
        cards::plan(&mut tx, desk.org, made.id, &desk.token.channel_ref, thread, app.clock.now()).await?;
    }
    tx.commit().await?;
    tell_now(desk.slack, desk.org).await?;
    let number = made.number.to_string();
    let text = Mrkdwn::fill("Drafted again as draft {}.", &[mrkdwn(&number)]);
    let fallback = Plain::fill("Drafted again as draft {}.", &[plain(&number)]);
    whisper(desk.slack, &desk.place, &reply::line(text, &fallback)).await;
    Ok(())
}
