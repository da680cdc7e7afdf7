//! What Slack sends to an app, shaped like the recorded payloads: events, block actions, view submissions, shortcuts,
//! slash commands.
use super::options::{APP, BOT_USER, ChannelKind, Person, TEAM};
use super::workspace::{Message, View, Workspace};
use jiff::Timestamp;
use serde_json::{Value, json};

/// Slack's old verification token; sent, and not to be relied on.
const OLD_TOKEN: &str = "fake-verification-token";
const DOMAIN: &str = "fernhill-fake";

fn channel_type(ws: &Workspace, channel: &str) -> &'static str {
    match ws.channels.get(channel).map(|c| c.kind) {
        Some(ChannelKind::Dm) => "im",
        Some(ChannelKind::Private) => "group",
        Some(ChannelKind::Public) | None => "channel",
    }
}

/// The inner `message` event of a message.
pub fn message_event(ws: &Workspace, message: &Message) -> Value {
    let mut event = ws.wire(message);
    event["channel"] = json!(message.channel);
    event["event_ts"] = json!(message.ts);
    event["channel_type"] = json!(channel_type(ws, &message.channel));
    if !message.by_app() {
        event["client_msg_id"] = json!(format!("fake-{}", message.ts.replace('.', "-")));
        event["blocks"] = rich_text(&message.text);
        if let Some(person) = ws.people.get(&message.user) {
            event["team"] = json!(person.team);
            if person.team != TEAM {
                event["user_team"] = json!(person.team);
                event["source_team"] = json!(person.team);
            }
            if person.bot {
                event["subtype"] = json!("bot_message");
                event["bot_id"] = json!(format!("B{}", &person.id[1..]));
            }
        }
    }
    event
}

/// The `app_mention` twin of a `message` event.
pub fn mention_event(message: &Value) -> Value {
    let mut event = message.clone();
    event["type"] = json!("app_mention");
    if let Some(event) = event.as_object_mut() {
        event.remove("channel_type");
    }
    event
}

/// The hidden `message_changed` event of an edit.
pub fn changed_event(ws: &Workspace, message: &Message) -> Value {
    json!({
        "type": "message", "subtype": "message_changed", "hidden": true, "channel": message.channel,
        "channel_type": channel_type(ws, &message.channel), "ts": message.ts, "event_ts": message.ts,
        "message": ws.wire(message),
        "previous_message": {"type": "message", "user": message.user, "ts": message.ts},
    })
}

/// What the editor of a client makes of a line: mentions of users apart, the rest as text.
fn rich_text(text: &str) -> Value {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<@") {
        let Some((user, tail)) = after.split_once('>') else { break };
        if !before.is_empty() {
            parts.push(json!({"type": "text", "text": before}));
        }
        parts.push(json!({"type": "user", "user_id": user}));
        rest = tail;
    }
    if !rest.is_empty() {
        parts.push(json!({"type": "text", "text": rest}));
    }
    json!([{"type": "rich_text", "block_id": "typed", "elements": [
        {"type": "rich_text_section", "elements": parts}]}])
}

/// The outer `event_callback` of an inner event.
pub fn callback(ws: &mut Workspace, event: Value, now: Timestamp) -> Value {
    let shared = event["channel"].as_str().and_then(|c| ws.channels.get(c)).is_some_and(|c| c.shared);
    let id = ws.next_id("Ev");
    json!({
        "token": OLD_TOKEN, "team_id": TEAM, "context_team_id": TEAM, "context_enterprise_id": null,
        "api_app_id": APP, "event": event, "type": "event_callback", "event_id": id,
        "event_time": now.as_second(), "is_ext_shared_channel": shared,
        "authorizations": [{"enterprise_id": null, "team_id": TEAM, "user_id": BOT_USER, "is_bot": true,
                            "is_enterprise_install": false}],
    })
}

fn person(person: &Person) -> Value {
    json!({
        "id": person.id, "username": person.handle(), "name": person.handle(), "team_id": person.team,
    })
}

/// The fields that every interaction has.
fn interaction(kind: &str, who: &Person, trigger: &str) -> Value {
    json!({
        "type": kind, "user": person(who), "api_app_id": APP, "token": OLD_TOKEN,
        "trigger_id": trigger, "team": {"id": who.team, "domain": DOMAIN}, "enterprise": null,
        "is_enterprise_install": false,
    })
}

/// A click or choice in a message.
pub fn message_action(
    ws: &Workspace,
    who: &Person,
    message: &Message,
    action: &Value,
    trigger: &str,
    url: &str,
) -> Value {
    let ephemeral = message.ephemeral_to.is_some();
    let mut body = interaction("block_actions", who, trigger);
    let mut container = json!({
        "type": "message", "message_ts": message.ts, "channel_id": message.channel, "is_ephemeral": ephemeral,
    });
    if let Some(thread) = &message.thread_ts {
        container["thread_ts"] = json!(thread);
    }
    body["container"] = container;
    let name = ws.channels.get(&message.channel).map_or("directmessage", |c| match c.kind {
        ChannelKind::Dm => "directmessage",
        ChannelKind::Public | ChannelKind::Private => c.name.as_str(),
    });
    body["channel"] = json!({"id": message.channel, "name": name});
    if !ephemeral {
        // Slack shows the message as it is now, which may be newer than what was clicked.
        let now = ws.message(&message.channel, &message.ts).unwrap_or(message);
        body["message"] = ws.wire(now);
    }
    body["state"] = json!({"values": {}});
    body["response_url"] = json!(url);
    body["actions"] = json!([action]);
    body
}

/// A click or choice in a home tab or a modal.
pub fn view_action(who: &Person, view: &View, action: &Value, trigger: &str) -> Value {
    let mut body = interaction("block_actions", who, trigger);
    body["container"] = json!({"type": "view", "view_id": view.id});
    body["view"] = view.body.clone();
    body["actions"] = json!([action]);
    body
}

pub fn submission(who: &Person, view: &Value, trigger: &str) -> Value {
    let mut body = interaction("view_submission", who, trigger);
    body["view"] = view.clone();
    body["response_urls"] = json!([]);
    body
}

pub fn closed(who: &Person, view: &Value) -> Value {
    let mut body = interaction("view_closed", who, "");
    body["view"] = view.clone();
    body["is_cleared"] = json!(false);
    if let Some(body) = body.as_object_mut() {
        body.remove("trigger_id");
    }
    body
}

/// A message shortcut ("… → Ask about this").
pub fn shortcut(
    ws: &Workspace,
    who: &Person,
    message: &Message,
    callback_id: &str,
    trigger: &str,
    url: &str,
) -> Value {
    let mut body = interaction("message_action", who, trigger);
    body["callback_id"] = json!(callback_id);
    body["message_ts"] = json!(message.ts);
    body["message"] = ws.wire(message);
    let name = ws.channels.get(&message.channel).map_or("", |c| c.name.as_str());
    body["channel"] = json!({"id": message.channel, "name": name});
    body["response_url"] = json!(url);
    body["action_ts"] = json!(message.ts);
    body
}

/// The fields of a slash command's form.
pub fn command(
    who: &Person,
    channel: (&str, &str),
    command: &str,
    text: &str,
    trigger: &str,
    url: &str,
) -> Value {
    json!({
        "token": OLD_TOKEN, "team_id": TEAM, "team_domain": DOMAIN, "channel_id": channel.0,
        "channel_name": channel.1, "user_id": who.id, "user_name": who.handle(), "command": command,
        "text": text, "api_app_id": APP, "is_enterprise_install": "false", "response_url": url,
        "trigger_id": trigger,
    })
}
