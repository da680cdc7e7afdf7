//! What people click under an answer: follow-ups, "Show data", thumbs, stop, try again, share.
use super::Slack;
use super::foot::{SHARE, idle_campaign, idle_campaign_id};
use super::start::{self, Place, Question};
use super::words::{self, Wish};
use super::{data, help, reports, share};
use crate::access::Actor;
use crate::chat;
use crate::db::turns::{self, Rating};
use crate::ids::{RunId, TurnId};
use crate::slack::blocks::answer::{DOWN, FEEDBACK, FOLLOW_UP, PAUSE, RETRY, SHOW_DATA, STOP, UP, notice};
use crate::slack::blocks::notice::LOOK_INTO;
use crate::slack::blocks::{mrkdwn, plain};
use crate::slack::wire::{ActionItem, Origin};
use serde_json::json;

/// Takes one click of a member.
pub async fn pressed(
    slack: &Slack,
    actor: &Actor,
    key: &str,
    origin: &Origin,
    action: &ActionItem,
    ephemeral: bool,
) -> anyhow::Result<()> {
    let value = action.value.as_deref().unwrap_or_default();
    let name = action.action_id.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('.');
    let outcome = match name {
        FOLLOW_UP => follow_up(slack, actor, key, origin, value, ephemeral).await,
        PAUSE => pause(slack, actor, key, origin, value, ephemeral).await,
        LOOK_INTO => look_into(slack, actor, key, origin, value).await,
        RETRY => retry(slack, actor, key, origin, value, ephemeral).await,
        STOP => match value.parse() {
            Ok(turn) => slack.inner.chat.cancel(actor, turn).await.map_err(Into::into),
            Err(_) => Ok(()),
        },
        FEEDBACK => feedback(slack, actor, key, origin, value).await,
        SHOW_DATA => data::show(slack, actor, key, origin, value).await,
        SHARE => match value.parse() {
            Ok(turn) => share::share(slack, actor, key, origin, turn).await,
            Err(_) => Ok(()),
        },
        _ => Ok(()),
    };
    match outcome.map_err(|error| error.downcast::<chat::Error>()) {
        Ok(()) => Ok(()),
        // The worker tries again.
        Err(Ok(chat::Error::Db(error))) => Err(error.into()),
        Err(Ok(error)) => told(slack, actor, key, origin, &refusal(&error)).await,
        Err(Err(error)) => Err(error),
    }
}

/// Why not, to the one who clicked.
fn refusal(error: &chat::Error) -> String {
    match error {
        chat::Error::NotFound("turn") => "Only who asked can do this.".to_owned(),
        chat::Error::NotFound("result") => "This data is not kept any more; ask again.".to_owned(),
        other @ (chat::Error::Missing(_)
        | chat::Error::NotFound(_)
        | chat::Error::Invalid { .. }
        | chat::Error::IdempotencyConflict
        | chat::Error::Busy { .. }
        | chat::Error::Prompts(_)
        | chat::Error::Drafts(_)
        | chat::Error::Db(_)) => other.to_string(),
    }
}

async fn told(slack: &Slack, actor: &Actor, key: &str, origin: &Origin, words: &str) -> anyhow::Result<()> {
    help::whisper(slack, actor, origin, key, notice(&mrkdwn(words), &plain(words))).await
}

/// Where the answer to a click goes: into the thread of its message, or beside a private one.
fn place(origin: &Origin, ephemeral: bool) -> Option<Place> {
    if ephemeral { Place::private(origin) } else { Place::thread(origin) }
}

async fn follow_up(
    slack: &Slack,
    actor: &Actor,
    key: &str,
    origin: &Origin,
    value: &str,
    ephemeral: bool,
) -> anyhow::Result<()> {
    let (Some((turn, question)), Some(place)) = (value.split_once('/'), place(origin, ephemeral)) else {
        return Ok(());
    };
    let mut asked = Question::new(question);
    asked.lead = crate::text::clean(question, 300);
    next(slack, actor, key, origin, place, turn.parse().ok(), asked).await
}

/// Asks what nobody typed, after a turn: the answer says what was asked.
async fn next(
    slack: &Slack,
    actor: &Actor,
    key: &str,
    origin: &Origin,
    place: Place,
    turn: Option<TurnId>,
    mut asked: Question,
) -> anyhow::Result<()> {
    if let (Place::Private { .. }, Some(turn)) = (&place, turn) {
        asked.conversation = Some(slack.inner.chat.conversation_of(actor, turn).await?);
    }
    start::ask(slack, actor, origin, key, place, asked).await
}

/// What the click on a pause says; which campaign comes beside it, as data. A name in the question would be read as the
/// asker's own words, and names are written by others.
const PAUSE_IT: &str = "draft a pause for this campaign";

/// Asks for the draft of a pause of the campaign that the answer's result begins with.
async fn pause(
    slack: &Slack,
    actor: &Actor,
    key: &str,
    origin: &Origin,
    value: &str,
    ephemeral: bool,
) -> anyhow::Result<()> {
    let ids = value.split_once('/').and_then(|(turn, run)| Some((turn.parse().ok()?, run.parse().ok()?)));
    let Some((turn, run)): Option<(TurnId, RunId)> = ids else { return Ok(()) };
    let Some(place) = place(origin, ephemeral) else { return Ok(()) };
    let result = slack.inner.chat.result(actor, turn, run).await?;
    let rows = json!(result.rows);
    let named = idle_campaign(&result.query, &result.params, &result.columns, &rows);
    let Some(name) = named else { return Ok(()) };
    let id = idle_campaign_id(&result.columns, &rows).unwrap_or_else(|| name.clone());
    let mut asked = Question::new(PAUSE_IT);
    asked.chips.insert("campaign".to_owned(), id.into());
    // People are told which one it is.
    asked.lead = crate::text::clean(&format!("draft a pause for {name}"), 300);
    next(slack, actor, key, origin, place, Some(turn), asked).await
}

/// Asks what a pushed message suggests, in its thread.
async fn look_into(
    slack: &Slack,
    actor: &Actor,
    key: &str,
    origin: &Origin,
    value: &str,
) -> anyhow::Result<()> {
    let Some(place) = place(origin, false).filter(|_| !value.is_empty()) else { return Ok(()) };
    let us = slack.inner.homes.us(&origin.team).bot_user;
    // It may be a command, as people type it: `find_waste 30`.
    let text = match words::said(value, &us, &reports()?) {
        Wish::Ask(text) => text,
        Wish::Help | Wish::Stop | Wish::Other { .. } | Wish::NoReport { .. } | Wish::Nothing => {
            value.to_owned()
        }
    };
    let mut asked = Question::new(text);
    asked.lead = crate::text::clean(value, 300);
    start::ask(slack, actor, origin, key, place, asked).await
}

/// Asks the same again.
async fn retry(
    slack: &Slack,
    actor: &Actor,
    key: &str,
    origin: &Origin,
    value: &str,
    ephemeral: bool,
) -> anyhow::Result<()> {
    let (Ok(turn), Some(place)) = (value.parse::<TurnId>(), place(origin, ephemeral)) else { return Ok(()) };
    let conversation = slack.inner.chat.conversation_of(actor, turn).await?;
    let mut tx = slack.inner.app.db.org(actor.org).await?;
    let stored = turns::get(&mut tx, actor.org, turn).await?;
    tx.commit().await?;
    let Some(stored) = stored else { return Ok(()) };
    let mut asked = Question::new(stored.question);
    asked.chips = stored.context.as_object().cloned().unwrap_or_default();
    if ephemeral {
        asked.conversation = Some(conversation);
    }
    start::ask(slack, actor, origin, key, place, asked).await
}

async fn feedback(
    slack: &Slack,
    actor: &Actor,
    key: &str,
    origin: &Origin,
    value: &str,
) -> anyhow::Result<()> {
    let Some((thumb, turn)) = value.split_once(':') else { return Ok(()) };
    let (rating, thanks) = match thumb {
        UP => (Rating::Up, "Thank you."),
        DOWN => (Rating::Down, "Thank you. Tell me in the thread what was wrong, and I try again."),
        _ => return Ok(()),
    };
    let Ok(turn) = turn.parse() else { return Ok(()) };
    slack.inner.chat.feedback(actor, turn, rating, None).await?;
    told(slack, actor, key, origin, thanks).await
}
