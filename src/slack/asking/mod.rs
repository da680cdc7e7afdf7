//! Questions from direct messages, mentions, threads, commands, shortcuts and prompts, and their answers.
//!
//! A question becomes a turn and a row in `slack_answers` (`start`); `state` has the row shown: in a thread by `show`, which
//! drives the machine of `present`, or to the asker alone by `whisper`; `finish` closes the row and puts the cards of its
//! drafts and its pictures into the outbox.
mod buttons;
mod calls;
mod data;
mod earlier;
mod finish;
mod foot;
mod help;
pub mod present;
mod prompts;
mod reader;
mod session;
mod share;
mod shortcut;
mod show;
pub(super) mod start;
pub(crate) mod state;
mod status;
mod whisper;
mod words;

use super::blocks::notice::notice;
use super::wire::{ChannelKind, Inbound, Origin};
use super::{Handled, Slack, cards, settings};
use crate::access::{Actor, Surface};
use crate::chat::offline::playbook::Playbooks;
use crate::db::outbox::Row;
use crate::db::slack_answers as answers;
use crate::db::{conversations, notices};
use crate::ids::OrgId;
use crate::report::notice::Notice;
use crate::{chat, drafts};
use serde::Deserialize as _;
use serde_json::{Map, Value};
use session::Session;
use start::{Place, Question};
use words::{Reports, Wish};

use super::who::Who;

/// Takes what is a question, or about an answer.
pub(crate) async fn handle(
    slack: &Slack,
    org: OrgId,
    event_key: &str,
    inbound: &Inbound,
) -> anyhow::Result<()> {
    match inbound {
        Inbound::Said { origin, text, mentioned, app_context, .. } => {
            said(slack, org, event_key, origin, text, *mentioned, app_context.as_ref()).await
        }
        Inbound::Command { origin, command, text } => {
            let Some(actor) = member(slack, org, event_key, origin).await? else { return Ok(()) };
            let us = slack.inner.homes.us(&origin.team).bot_user;
            let wish = words::commanded(command, text, &us, &reports()?);
            let place = command_place(origin, &format!("{command} {text}"));
            wished(slack, &actor, event_key, origin, wish, place, Map::new()).await
        }
        Inbound::Action { origin, actions, is_ephemeral, .. } => {
            for action in actions.iter().filter(|action| action.action_id.starts_with("ask.")) {
                let Some(actor) = member(slack, org, event_key, origin).await? else { return Ok(()) };
                buttons::pressed(slack, &actor, event_key, origin, action, *is_ephemeral).await?;
            }
            Ok(())
        }
        Inbound::Shortcut { origin, callback_id, message } if callback_id == shortcut::ABOUT => {
            let Some(actor) = member(slack, org, event_key, origin).await? else { return Ok(()) };
            shortcut::open(slack, &actor, event_key, origin, message).await
        }
        Inbound::Submission { origin, callback_id, private_metadata, values, .. }
            if callback_id == shortcut::ABOUT =>
        {
            let Some(actor) = member(slack, org, event_key, origin).await? else { return Ok(()) };
            shortcut::submitted(slack, &actor, event_key, origin, private_metadata, values).await
        }
        Inbound::HomeOpened { origin, tab, .. } if tab == "messages" => {
            prompts::offer(slack, org, origin, false).await
        }
        Inbound::AssistantStarted { origin, .. } => prompts::offer(slack, org, origin, true).await,
        Inbound::Stopped { origin } => {
            let Who::Member(actor) = slack.who(org, origin).await? else { return Ok(()) };
            stop(slack, &actor, origin).await.map(drop)
        }
        Inbound::HomeOpened { .. }
        | Inbound::Shortcut { .. }
        | Inbound::Submission { .. }
        | Inbound::Closed { .. }
        | Inbound::ContextChanged { .. }
        | Inbound::Uninstalled { .. }
        | Inbound::TokensRevoked { .. }
        | Inbound::Challenge(_)
        | Inbound::SslCheck
        | Inbound::Own
        | Inbound::Unknown { .. } => Ok(()),
    }
}

/// A message arrived whose row said that this room waits for it.
pub(crate) async fn sent(slack: &Slack, org: OrgId, row: &Row, place: &str) -> anyhow::Result<()> {
    share::arrived(slack, org, row, place).await
}

/// The member who did it; everybody else is told why not.
async fn member(
    slack: &Slack,
    org: OrgId,
    event_key: &str,
    origin: &Origin,
) -> anyhow::Result<Option<Actor>> {
    match slack.who(org, origin).await? {
        Who::Member(actor) => Ok(Some(actor)),
        who @ (Who::Unlinked | Who::Guest | Who::Foreign | Who::Bot | Who::ChannelNotAllowed) => {
            slack.refuse(org, event_key, origin, &who).await?;
            Ok(None)
        }
    }
}

/// A question that was typed in a form, for the thread of `origin`: `said` stands above its answer.
pub(crate) async fn typed(
    slack: &Slack,
    org: OrgId,
    event_key: &str,
    origin: &Origin,
    text: String,
    said: &str,
) -> anyhow::Result<()> {
    let Some(actor) = member(slack, org, event_key, origin).await? else { return Ok(()) };
    let Some(place) = Place::thread(origin) else { return Ok(()) };
    let question = Question { text, lead: shortcut::quoted(said), ..Question::default() };
    start::ask(slack, &actor, origin, event_key, place, question).await
}

fn reports() -> anyhow::Result<Reports> {
    Ok(Reports::of(&Playbooks::embedded()?))
}

/// Answered are direct messages, mentions, and what is said in a thread where we take part already.
async fn said(
    slack: &Slack,
    org: OrgId,
    event_key: &str,
    origin: &Origin,
    text: &str,
    mentioned: bool,
    context: Option<&Value>,
) -> anyhow::Result<()> {
    let us = slack.inner.homes.us(&origin.team).bot_user;
    let addressed = mentioned || origin.channel_kind == ChannelKind::Dm;
    let part = takes_part(slack, org, origin).await?;
    let actor = if addressed {
        member(slack, org, event_key, origin).await?
    } else if words::names_another(text, &us) || part.is_none() {
        None
    } else if let Who::Member(actor) = slack.who(org, origin).await? {
        Some(actor)
    } else {
        // Nobody was asked to answer them.
        None
    };
    let (Some(actor), Some(place)) = (actor, Place::thread(origin)) else { return Ok(()) };
    let wish = words::said(text, &us, &reports()?);
    let mut chips = match context {
        Some(_) => shortcut::looked_at(slack, context).await,
        // Slack says it with the message, or has said it before.
        None if origin.channel_kind == ChannelKind::Dm => {
            shortcut::looked_at(slack, shortcut::open_beside(slack, org, origin).await?.as_ref()).await
        }
        None => Map::new(),
    };
    chips.extend(part.unwrap_or_default());
    wished(slack, &actor, event_key, origin, wish, place, chips).await
}

/// Whether this thread is ours: there is a conversation in it, or a draft's card, or it stands below something we pushed.
/// Gives what a question there is about as chips, as far as no conversation says so already.
async fn takes_part(
    slack: &Slack,
    org: OrgId,
    origin: &Origin,
) -> anyhow::Result<Option<Map<String, Value>>> {
    let (Some(channel), Some(thread)) = (&origin.channel, &origin.thread_ts) else { return Ok(None) };
    let external_ref = start::external_ref(&origin.team, channel, thread);
    let db = &slack.inner.app.db;
    let mut tx = db.org(org).await?;
    if conversations::of_ref(&mut tx, org, Surface::Slack, &external_ref).await?.is_some() {
        return Ok(Some(Map::new()));
    }
    let cards = crate::db::cards::in_thread(&mut tx, org, channel, thread).await?;
    let pushed = notices::below(&mut tx, org, channel, thread).await?;
    tx.commit().await?;
    let mut about = Map::new();
    let mut shown = Map::new();
    for draft in cards.iter().take(chat::context::ENTRIES) {
        let draft = drafts::shown(db, org, *draft).await?.summary;
        shown.insert(draft.number.to_string(), draft.title.into());
    }
    if !shown.is_empty() {
        about.insert("drafts".to_owned(), shown.into());
    }
    if let Some(body) = &pushed {
        let words = Notice::deserialize(body).map(|body| notice(&body).text).unwrap_or_default();
        about.insert("message".to_owned(), words.into());
    }
    Ok((pushed.is_some() || !cards.is_empty()).then_some(about))
}

/// Commands are answered to the asker alone; in their own conversation with us in a thread.
fn command_place(origin: &Origin, typed: &str) -> Place {
    let channel = origin.channel.clone().unwrap_or_default();
    let response_url = origin.response_url.clone().unwrap_or_default();
    if origin.channel_kind == ChannelKind::Dm || response_url.is_empty() {
        Place::OwnThread { channel, heading: typed.trim().to_owned(), response_url }
    } else {
        Place::Private { channel, response_url }
    }
}

async fn wished(
    slack: &Slack,
    actor: &Actor,
    event_key: &str,
    origin: &Origin,
    wish: Wish,
    place: Place,
    chips: Map<String, Value>,
) -> anyhow::Result<()> {
    let text = match wish {
        Wish::Ask(text) => text,
        Wish::Help | Wish::Nothing => return help::tell(slack, actor, origin, event_key, &reports()?).await,
        Wish::NoReport { asked } => {
            return help::no_report(slack, actor, origin, event_key, &asked, &reports()?).await;
        }
        Wish::Stop => {
            if stop(slack, actor, origin).await? > 0 {
                return Ok(());
            }
            return help::nothing_to_stop(slack, actor, origin, event_key).await;
        }
        Wish::Other { command, text } => {
            let inbound =
                Inbound::Command { origin: origin.clone(), command: command.clone(), text: text.clone() };
            if cards::handle(slack, actor.org, event_key, &inbound).await? == Handled::Yes
                || settings::handle(slack, actor.org, event_key, &inbound).await? == Handled::Yes
            {
                return Ok(());
            }
            if command != "/approvals" {
                return help::tell(slack, actor, origin, event_key, &reports()?).await;
            }
            format!("/approvals {text}").trim_end().to_owned()
        }
    };
    let question = Question { text, chips, ..Question::default() };
    start::ask(slack, actor, origin, event_key, place, question).await
}

/// Stops what is being answered in a thread; gives how many turns that were.
async fn stop(slack: &Slack, actor: &Actor, origin: &Origin) -> anyhow::Result<usize> {
    let (Some(channel), Some(thread)) = (&origin.channel, &origin.thread_ts) else { return Ok(0) };
    let mut tx = slack.inner.app.db.org(actor.org).await?;
    let turns = answers::showing_in(&mut tx, actor.org, channel, thread).await?;
    tx.commit().await?;
    let mut stopped = 0;
    for turn in turns {
        match slack.inner.chat.cancel(actor, turn).await {
            Ok(()) => stopped += 1,
            Err(chat::Error::Db(error)) => return Err(error.into()),
            // Somebody else's question in the same thread goes on.
            Err(error) => tracing::info!(code = error.code(), "a turn was not stopped"),
        }
    }
    // A session that Slack shows as busy stays so until it is told.
    session::set(slack, channel, thread, Session::Active).await;
    Ok(stopped)
}
