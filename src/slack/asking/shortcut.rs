//! "Ask about this": a message becomes the context of a question; so does a message that somebody has open beside us.
use super::Slack;
use super::start::{self, Place, Question};
use super::words::undone;
use crate::access::Actor;
use crate::db;
use crate::db::slack::inbound;
use crate::ids::OrgId;
use crate::slack::api::ApiError;
use crate::slack::blocks::{Mrkdwn, Plain, kit, mrkdwn};
use crate::slack::wire::{ChannelKind, Origin};
use jiff::SignedDuration;
use serde_json::{Map, Value, json};

/// The shortcut and its form.
pub const ABOUT: &str = "ask.about";
const BLOCK: &str = "question";
const INPUT: &str = "ask.question";
/// Characters of a quoted message.
const QUOTED: usize = 200;
/// Characters of a question in the form.
const LONGEST: usize = 3_000;
/// How long it is believed that a person still has open what they opened; Slack says when they open something else, not
/// when they leave.
const BESIDE: SignedDuration = SignedDuration::from_mins(15);

/// Opens a form for the question. Where that is too late, the message itself is the question.
pub async fn open(
    slack: &Slack,
    actor: &Actor,
    key: &str,
    origin: &Origin,
    message: &Value,
) -> anyhow::Result<()> {
    let us = slack.inner.homes.us(&origin.team).bot_user;
    let text = undone(message["text"].as_str().unwrap_or_default(), &us);
    let place = json!({
        "channel": origin.channel, "ts": message["ts"], "thread_ts": message["thread_ts"],
        "said": crate::text::clean(&text, QUOTED),
    });
    let args = json!({"trigger_id": origin.trigger_id, "view": form(&text, &place.to_string())});
    match slack.inner.api.call("views.open", &args).await {
        Ok(_) => Ok(()),
        Err(ApiError::Refused { code, .. }) if code.contains("trigger") => {
            ask(slack, actor, key, origin, &place, text).await
        }
        Err(error) => Err(error.into()),
    }
}

fn form(text: &str, place: &str) -> Value {
    let said =
        if text.is_empty() { "This message has no text.".to_owned() } else { crate::text::clean(text, 500) };
    let quote = Mrkdwn::fill("> {}", &[mrkdwn(&said)]);
    let mut blocks = kit::sections(&quote);
    blocks.push(json!({
        "type": "input", "block_id": BLOCK,
        "label": kit::plain_text(&Plain::ours("What do you want to know?"), 150),
        "hint": kit::plain_text(&Plain::ours("I answer in the thread of this message."), 150),
        "element": {
            "type": "plain_text_input", "action_id": INPUT, "multiline": true, "max_length": LONGEST,
            "initial_value": text.chars().take(LONGEST).collect::<String>(),
        },
    }));
    json!({
        "type": "modal", "callback_id": ABOUT, "private_metadata": place,
        "title": kit::plain_text(&Plain::ours("Ask about this"), 24),
        "submit": kit::plain_text(&Plain::ours("Ask"), 24),
        "close": kit::plain_text(&Plain::ours("Cancel"), 24),
        "blocks": blocks,
    })
}

/// The form came back.
pub async fn submitted(
    slack: &Slack,
    actor: &Actor,
    key: &str,
    origin: &Origin,
    place: &str,
    values: &Value,
) -> anyhow::Result<()> {
    let Ok(place) = serde_json::from_str::<Value>(place) else { return Ok(()) };
    let typed = values[BLOCK][INPUT]["value"].as_str().unwrap_or_default().trim().to_owned();
    if typed.is_empty() {
        return Ok(());
    }
    ask(slack, actor, key, origin, &place, typed).await
}

async fn ask(
    slack: &Slack,
    actor: &Actor,
    key: &str,
    origin: &Origin,
    place: &Value,
    text: String,
) -> anyhow::Result<()> {
    let text_of = |name: &str| place[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let (Some(channel), Some(ts)) = (text_of("channel"), text_of("ts")) else { return Ok(()) };
    let mut chips = Map::new();
    if let Some(said) = text_of("said").filter(|said| *said != crate::text::clean(&text, QUOTED)) {
        chips.insert("message".to_owned(), said.into());
    }
    let dm = channel.starts_with('D');
    let there = Origin {
        channel: Some(channel.clone()),
        channel_kind: if dm { ChannelKind::Dm } else { ChannelKind::Channel },
        ts: Some(ts.clone()),
        thread_ts: text_of("thread_ts"),
        ..origin.clone()
    };
    // What was typed in a form stands nowhere in the thread.
    let lead = quoted(&text);
    let thread_ts = there.thread_ts.clone().unwrap_or(ts);
    let place = Place::Thread { channel, thread_ts, dm };
    start::ask(slack, actor, &there, key, place, Question { text, chips, lead, ..Question::default() }).await
}

/// Words as they are repeated above an answer.
pub fn quoted(text: &str) -> String {
    crate::text::clean(text, QUOTED)
}

/// What a person opened last beside their conversation with us, if that is not long ago.
pub async fn open_beside(slack: &Slack, org: OrgId, origin: &Origin) -> Result<Option<Value>, db::Error> {
    let app = &slack.inner.app;
    let since = app.clock.now().saturating_sub(BESIDE).unwrap_or_default();
    let mut tx = app.db.org(org).await?;
    let context = inbound::looked_at(&mut tx, org, &origin.team, &origin.user, since).await?;
    tx.commit().await?;
    Ok(context)
}

/// The message that a person has open beside our conversation, as a chip; nothing where there is none or it cannot be read.
pub async fn looked_at(slack: &Slack, context: Option<&Value>) -> Map<String, Value> {
    let mut chips = Map::new();
    let entities = context.and_then(|context| context["entities"].as_array()).into_iter().flatten();
    let mut messages = entities.filter(|entity| entity["type"] == "slack#/types/message_context");
    let Some(message) = messages.next().map(|entity| &entity["value"]) else { return chips };
    let args = json!({
        "channel": message["channel_id"], "latest": message["message_ts"], "oldest": message["message_ts"],
        "inclusive": true, "limit": 1,
    });
    match slack.inner.api.call("conversations.history", &args).await {
        Ok(reply) => {
            let text = undone(reply["messages"][0]["text"].as_str().unwrap_or_default(), "");
            if !text.is_empty() {
                chips.insert("message".to_owned(), crate::text::clean(&text, QUOTED).into());
            }
        }
        Err(error) => tracing::info!(%error, "the message beside a question cannot be read"),
    }
    chips
}
