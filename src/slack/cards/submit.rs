//! Views sent back. What can be said at a field is said before the view closes; the work is done after the
//! acknowledgement, by the same person, with the token that the view was opened with.
use super::act::{conclude, review};
use super::open::{self, Desk};
use super::reply::{self, Place, refusal, whisper};
use super::tell_now;
use super::token::Act;
use crate::access::{Credential, Surface};
use crate::db::{cards, people};
use crate::drafts::{self, AppliedRequest, Decision, DraftError, Form, ReasonCode, StepUp, form};
use crate::ids::OrgId;
use crate::slack::blocks::views::{self, Subject, block_of, errors, filled, filled_fields, replaced};
use crate::slack::wire::{ChannelKind, Inbound, Origin};
use crate::slack::{Slack, asking};
use futures::future::BoxFuture;
use serde_json::Value;
use std::collections::BTreeMap;

/// Tries an edit without writing it: faults at their fields, or the newer revision in place of the form.
pub async fn check_edit(
    slack: &Slack,
    org: OrgId,
    token: &str,
    values: &Value,
) -> anyhow::Result<Option<Value>> {
    let app = &slack.inner.app;
    let now = app.clock.now();
    let mut tx = app.db.org(org).await?;
    let known = cards::token(&mut tx, org, &super::token::hash(token)).await?;
    let known = known.filter(|t| t.action == Act::SendEdit.as_str() && t.expires_at > now);
    // What is wrong with the token is said after the acknowledgement, where it is also put on the record.
    let Some((known, member)) = known.and_then(|t| t.member_id.map(|member| (t, member))) else {
        return Ok(None);
    };
    let actor = people::actor(&mut tx, org, member, Surface::Slack, Credential::Session).await?;
    drop(tx);
    let Some(actor) = actor else { return Ok(None) };
    let form = match drafts::editing(&app.db, &*app.clock, &actor, known.draft_id).await {
        Ok(form) => form,
        Err(DraftError::Db(error)) => return Err(error.into()),
        Err(_) => return Ok(None),
    };
    let mine = filled_fields(values);
    if form.revision != known.revision {
        return newer(slack, org, &known, &form, &mine).await.map(Some);
    }
    let request = match form.request(&mine) {
        Ok(request) if request.changes.is_empty() => {
            return Ok(at_field(&form, "", "Nothing was changed. Change something, or cancel."));
        }
        Ok(request) => request,
        Err(error) => return fault(&form, &error),
    };
    match drafts::try_revise(&app.db, &*app.clock, &actor, known.draft_id, &request).await {
        Ok(_) => Ok(None),
        Err(error) => fault(&form, &error),
    }
}

fn fault(form: &Form, error: &DraftError) -> anyhow::Result<Option<Value>> {
    match error {
        DraftError::Refused(refused) => {
            let field = form::field_of_pointer(refused.pointer.as_deref().unwrap_or_default());
            Ok(at_field(form, field, &refused.message))
        }
        DraftError::Db(_) => {
            Ok(at_field(form, "", "The database does not answer; nothing was saved. Try again in a moment."))
        }
        DraftError::Broken(message) => anyhow::bail!("{message}"),
    }
}

/// An error at a field that the form shows, else at its first one.
fn at_field(form: &Form, field: &str, message: &str) -> Option<Value> {
    let shown = |f: &&form::Field| f.value.chars().count() <= views::LONGEST;
    let found = form.fields.iter().filter(shown).find(|f| f.name == field);
    let found = found.or_else(|| form.fields.iter().find(shown))?;
    Some(errors([(block_of(form.revision, &found.name), message)]))
}

/// The form of the revision that somebody else saved, with a token of its own.
async fn newer(
    slack: &Slack,
    org: OrgId,
    old: &cards::Token,
    form: &Form,
    mine: &BTreeMap<String, String>,
) -> anyhow::Result<Value> {
    let app = &slack.inner.app;
    let mut tx = app.db.org(org).await?;
    let bound = super::token::Bound {
        draft: old.draft_id,
        revision: form.revision,
        act: Act::SendEdit,
        channel: &old.channel_ref,
        member: old.member_id,
        until: old.expires_at,
    };
    let random = super::token::random(&mut rand::rng());
    let token = super::token::mint(&mut tx, org, random, &bound, app.clock.now()).await?;
    tx.commit().await?;
    let subject = Subject { number: form.number, revision: form.revision, title: &form.title, token: &token };
    Ok(replaced(&views::edit(&subject, &form.fields, Some(mine))))
}

/// What is missing in the other views.
pub async fn check_filled(
    slack: &Slack,
    org: OrgId,
    origin: &Origin,
    callback_id: &str,
    values: &Value,
) -> anyhow::Result<Option<Value>> {
    let filled = filled(values);
    let text = |block: &str| filled.get(block).map(|text| text.trim()).unwrap_or_default();
    let fault = |block: &str, message: &str| Some(errors([(block.to_owned(), message)]));
    Ok(match callback_id {
        "card.reject" if text("category").parse::<ReasonCode>().is_err() => {
            fault("category", "Choose a category.")
        }
        "card.reject" if text("reason").is_empty() => fault("reason", "Say why, in a sentence."),
        "card.ask" if text("question").is_empty() => fault("question", "Write your question."),
        "card.apply" if text("evidence").is_empty() => fault("evidence", "Say where the change can be seen."),
        "card.hand" => {
            let mut tx = slack.inner.app.db.org(org).await?;
            match cards::member_of(&mut tx, org, &origin.team, text("to")).await? {
                Some(_) => None,
                None => fault(
                    "to",
                    "This person has no linked account. Choose somebody who sent `/adjutant link`.",
                ),
            }
        }
        _ => None,
    })
}

/// A view that closed: the work itself.
pub async fn sent_back(
    slack: &Slack,
    org: OrgId,
    key: &str,
    origin: &Origin,
    (callback_id, metadata, values): (&str, &str, &Value),
) -> anyhow::Result<()> {
    let act = match callback_id {
        "card.edit" => Act::SendEdit,
        "card.reject" => Act::SendReject,
        "card.ask" => Act::SendQuestion,
        "card.hand" => Act::SendHand,
        "card.apply" => Act::SendApplied,
        _ => return Ok(()),
    };
    let mut place = Place::of(origin);
    let Some(actor) = open::member(slack, org, origin, &place).await? else { return Ok(()) };
    let Some(token) = open::open(slack, org, &actor, &place, (act, metadata), None, key).await? else {
        return Ok(());
    };
    // A view has no channel of its own; its answers go where the card is.
    let mut tx = slack.inner.app.db.org(org).await?;
    let card = cards::one(&mut tx, org, token.draft_id, &token.channel_ref).await?;
    drop(tx);
    place.channel.clone_from(&token.channel_ref);
    place.thread = card.as_ref().and_then(|card| card.thread()).map(str::to_owned);
    let desk = Desk { slack, org, key, origin, actor, token, place };
    match act {
        Act::SendEdit => save(&desk, values).await,
        Act::SendReject => reject(&desk, values).await,
        Act::SendQuestion => ask(&desk, values).await,
        Act::SendHand => hand(&desk, values).await,
        Act::SendApplied => applied(&desk, values).await,
        Act::Approve
        | Act::Edit
        | Act::Reject
        | Act::Ask
        | Act::Hold
        | Act::Hand
        | Act::Refresh
        | Act::Apply
        | Act::Again
        | Act::Review => Ok(()),
    }
}

/// After a change that the story tells; a refusal is answered.
async fn finish<T>(desk: &Desk<'_>, done: Result<T, DraftError>) -> anyhow::Result<()> {
    match done {
        Err(DraftError::Db(error)) => Err(error.into()),
        Err(error) => {
            whisper(desk.slack, &desk.place, &refusal(&error)).await;
            tell_now(desk.slack, desk.org).await
        }
        Ok(_) => tell_now(desk.slack, desk.org).await,
    }
}

async fn save(desk: &Desk<'_>, values: &Value) -> anyhow::Result<()> {
    let app = &desk.slack.inner.app;
    let form = drafts::editing(&app.db, &*app.clock, &desk.actor, desk.draft()).await;
    let done = match form {
        Err(error) => Err(error),
        Ok(form) => match form.request(&filled_fields(values)) {
            Err(error) => Err(error),
            Ok(mut request) => {
                // What was looked at, not what is current: somebody may have saved in between.
                request.revision = desk.token.revision;
                drafts::revise(&app.db, &*app.clock, &desk.actor, desk.draft(), &request).await
            }
        },
    };
    finish(desk, done).await
}

async fn reject(desk: &Desk<'_>, values: &Value) -> anyhow::Result<()> {
    let app = &desk.slack.inner.app;
    let filled = filled(values);
    let draft = desk.look().await?;
    let Some(mut request) = review(&draft, desk.token.revision, Decision::Reject) else { return Ok(()) };
    request.reason_code = filled.get("category").and_then(|code| code.parse().ok());
    request.note = filled.get("reason").map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let done = drafts::decide(&app.db, &*app.clock, &desk.actor, desk.draft(), &request, StepUp::No).await;
    conclude(desk, done).await
}

async fn hand(desk: &Desk<'_>, values: &Value) -> anyhow::Result<()> {
    let app = &desk.slack.inner.app;
    let filled = filled(values);
    let user = filled.get("to").map(String::as_str).unwrap_or_default();
    let mut tx = app.db.org(desk.org).await?;
    let to = cards::member_of(&mut tx, desk.org, &desk.origin.team, user).await?;
    drop(tx);
    let Some(to) = to else {
        whisper(desk.slack, &desk.place, &reply::ours("This person has no linked account.")).await;
        return Ok(());
    };
    finish(desk, drafts::assign(&app.db, &*app.clock, &desk.actor, desk.draft(), to).await).await
}

async fn applied(desk: &Desk<'_>, values: &Value) -> anyhow::Result<()> {
    let app = &desk.slack.inner.app;
    let draft = desk.look().await?;
    let Some(seen) = draft.revisions.iter().find(|r| r.revision == desk.token.revision) else {
        return Ok(());
    };
    let request = AppliedRequest {
        revision: seen.revision,
        payload_hash: seen.payload_hash,
        applied_at: app.clock.now(),
        evidence: filled(values).remove("evidence").unwrap_or_default(),
    };
    let done = drafts::mark_applied(&app.db, &*app.clock, &desk.actor, desk.draft(), &request).await;
    finish(desk, done).await
}

/// A question about the draft, asked in its thread as if it had been written there. Boxed, because the room that
/// asks comes back to cards where a command is asked for by words.
fn ask<'a>(desk: &'a Desk<'_>, values: &'a Value) -> BoxFuture<'a, anyhow::Result<()>> {
    Box::pin(async move {
        let filled = filled(values);
        let question = filled.get("question").map(|text| text.trim()).unwrap_or_default();
        let draft = desk.look().await?;
        let channel = desk.place.channel.clone();
        let said = Inbound::Said {
            origin: Origin {
                channel_kind: if channel.starts_with('D') { ChannelKind::Dm } else { ChannelKind::Channel },
                channel: Some(channel),
                thread_ts: desk.place.thread.clone(),
                ts: desk.place.thread.clone(),
                ..desk.origin.clone()
            },
            text: format!("About draft {} ({}): {question}", draft.summary.number, draft.summary.title),
            mentioned: true,
            files: Vec::new(),
            app_context: None,
        };
        asking::handle(desk.slack, desk.org, &format!("{}:question", desk.key), &said).await
    })
}
