//! `chat.*` except streaming.
use super::{Answer, Ctx, Refusal, needed, text};
use crate::fake_slack::blocks::{self, Place};
use crate::fake_slack::options::{BOT_USER, Channel, ChannelKind};
use crate::fake_slack::workspace::{Message, StreamState};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Longest text of a new message; Slack cuts it there, the fake refuses, so that nothing is lost unseen.
const MAX_TEXT: usize = 40_000;
/// Longest text of an edit.
const MAX_UPDATE_TEXT: usize = 4_000;

/// What a message says, checked.
pub struct Content {
    pub text: String,
    pub markdown: bool,
    pub blocks: Vec<Value>,
    pub metadata: Value,
}

/// Reads and checks text, markdown_text, blocks and metadata.
pub fn content(ctx: &mut Ctx<'_>, args: &Value, max_text: usize) -> Result<Content, Refusal> {
    let mut said = text(args, "text").to_owned();
    let mut blocks = args["blocks"].clone();
    let empty = blocks.as_array().is_none_or(Vec::is_empty);
    if let Some(markdown) = args["markdown_text"].as_str() {
        if !said.is_empty() || !empty {
            return Err(Refusal::new("markdown_text_conflict"));
        }
        if markdown.chars().count() > 12_000 {
            return Err(Refusal::new("msg_too_long"));
        }
        markdown.clone_into(&mut said);
    }
    if said.is_empty() && empty && args["attachments"].as_array().is_none_or(Vec::is_empty) {
        return Err(Refusal::new("no_text"));
    }
    if said.chars().count() > max_text {
        return Err(Refusal::new("msg_too_long"));
    }
    if blocks.is_string() {
        return Err(Refusal::new("invalid_blocks_format"));
    }
    if !blocks.is_null() {
        blocks::check(&blocks, Place::Message).map_err(|e| Refusal::with("invalid_blocks", e))?;
        blocks::fill_ids(&mut blocks, &mut || ctx.ws.next_id("b"));
    }
    let metadata = args["metadata"].clone();
    let well_formed = metadata["event_type"].is_string() && metadata["event_payload"].is_object();
    if !metadata.is_null() && !well_formed {
        return Err(Refusal::new("invalid_metadata_format"));
    }
    let blocks = blocks.as_array().cloned().unwrap_or_default();
    Ok(Content { text: said, markdown: args["markdown_text"].is_string(), blocks, metadata })
}

/// The channel that the app may post to. A user id stands for the direct conversation with that person.
pub fn destination(ctx: &mut Ctx<'_>, args: &Value) -> Result<Channel, Refusal> {
    let id = needed(args, "channel")?;
    let id = if id.starts_with(['U', 'W']) && ctx.ws.people.contains_key(id) {
        ctx.ws.dm(id)
    } else {
        id.to_owned()
    };
    let channel = ctx.ws.channels.get(&id).cloned().ok_or_else(|| Refusal::new("channel_not_found"))?;
    let member = channel.members.contains(BOT_USER);
    match channel.kind {
        ChannelKind::Private | ChannelKind::Dm if !member => return Err(Refusal::new("channel_not_found")),
        ChannelKind::Public if !member && !ctx.ws.scopes.iter().any(|s| s == "chat:write.public") => {
            return Err(Refusal::new("not_in_channel"));
        }
        ChannelKind::Private | ChannelKind::Dm | ChannelKind::Public => {}
    }
    if channel.archived {
        return Err(Refusal::new("is_archived"));
    }
    Ok(channel)
}

/// A thread is named by its parent.
pub fn thread_of(ctx: &Ctx<'_>, channel: &str, args: &Value) -> Result<Option<String>, Refusal> {
    let Some(thread) = args["thread_ts"].as_str() else { return Ok(None) };
    match ctx.ws.message(channel, thread) {
        None => Err(Refusal::new("thread_not_found")),
        Some(parent) if parent.thread_ts.is_some() => Err(Refusal::with(
            "cannot_reply_to_message",
            vec!["[ERROR] thread_ts is the ts of a reply; use the parent's".to_owned()],
        )),
        Some(_) => Ok(Some(thread.to_owned())),
    }
}

/// A message of the app, not yet in the channel.
pub fn draft(ctx: &mut Ctx<'_>, channel: &str, thread_ts: Option<String>, content: Content) -> Message {
    Message {
        channel: channel.to_owned(),
        ts: ctx.ws.next_ts(ctx.now),
        thread_ts,
        user: BOT_USER.to_owned(),
        text: content.text,
        markdown: content.markdown,
        blocks: content.blocks,
        files: Vec::new(),
        ephemeral_to: None,
        edited: false,
        deleted: false,
        metadata: content.metadata,
        stream: None,
        reactions: BTreeSet::new(),
    }
}

/// Puts a message into its channel; replies take the status line of their thread away, as Slack does.
pub fn put(ctx: &mut Ctx<'_>, message: Message) -> Value {
    let wire = ctx.ws.wire(&message);
    if let Some(thread) = &message.thread_ts {
        ctx.ws.clear_status(&message.channel, thread, ctx.now);
    }
    if message.ephemeral_to.is_none() {
        ctx.news.push(super::super::payload::message_event(ctx.ws, &message));
    }
    ctx.ws.messages.push(message);
    wire
}

pub fn post(ctx: &mut Ctx<'_>, args: &Value) -> Answer {
    let channel = destination(ctx, args)?;
    let thread = thread_of(ctx, &channel.id, args)?;
    let content = content(ctx, args, MAX_TEXT)?;
    let unsaid = content.text.is_empty();
    let message = draft(ctx, &channel.id, thread, content);
    let ts = message.ts.clone();
    let wire = put(ctx, message);
    let mut reply = json!({"channel": channel.id, "ts": ts, "message": wire});
    if unsaid {
        reply["warning"] = json!("missing_text_in_message");
        reply["response_metadata"] = json!({"warnings": ["missing_text_in_message"]});
    }
    Ok(reply)
}

pub fn post_ephemeral(ctx: &mut Ctx<'_>, args: &Value) -> Answer {
    let channel = destination(ctx, args)?;
    let user = needed(args, "user")?.to_owned();
    if !channel.members.contains(&user) {
        return Err(Refusal::new("user_not_in_channel"));
    }
    if !channel.members.contains(BOT_USER) {
        return Err(Refusal::new("not_in_channel"));
    }
    let thread = thread_of(ctx, &channel.id, args)?;
    let content = content(ctx, args, MAX_TEXT)?;
    let mut message = draft(ctx, &channel.id, thread, content);
    message.ephemeral_to = Some(user);
    let ts = message.ts.clone();
    put(ctx, message);
    Ok(json!({"message_ts": ts}))
}

/// The app's own message that an edit names. Ephemeral messages have no ts that could be named.
pub fn own<'a>(
    ctx: &'a mut Ctx<'_>,
    channel: &str,
    ts: &str,
    refusal: &str,
) -> Result<&'a mut Message, Refusal> {
    if ctx.ws.message(channel, ts).is_none() {
        return Err(Refusal::new("message_not_found"));
    }
    match ctx.ws.message_mut(channel, ts) {
        Some(message) if message.by_app() => Ok(message),
        Some(_) => Err(Refusal::new(refusal)),
        None => Err(Refusal::new("message_not_found")),
    }
}

pub fn update(ctx: &mut Ctx<'_>, args: &Value) -> Answer {
    let channel = destination(ctx, args)?;
    let ts = needed(args, "ts")?.to_owned();
    own(ctx, &channel.id, &ts, "cant_update_message")?;
    let new = content(ctx, args, MAX_UPDATE_TEXT)?;
    let blocks_named = !args["blocks"].is_null();
    let message = own(ctx, &channel.id, &ts, "cant_update_message")?;
    if message.stream.as_ref().is_some_and(|s| s.state == StreamState::Open) {
        return Err(Refusal::new("streaming_state_conflict"));
    }
    (message.text, message.markdown) = (new.text, new.markdown);
    // Text alone takes the blocks away, as in Slack.
    if blocks_named || !message.text.is_empty() {
        message.blocks = new.blocks;
    }
    if !new.metadata.is_null() {
        message.metadata = new.metadata;
    }
    message.edited = true;
    let message = message.clone();
    ctx.news.push(super::super::payload::changed_event(ctx.ws, &message));
    Ok(json!({"channel": channel.id, "ts": ts, "text": message.text, "message": ctx.ws.wire(&message)}))
}

pub fn delete(ctx: &mut Ctx<'_>, args: &Value) -> Answer {
    let channel = destination(ctx, args)?;
    let ts = needed(args, "ts")?.to_owned();
    let message = own(ctx, &channel.id, &ts, "cant_delete_message")?;
    message.deleted = true;
    Ok(json!({"channel": channel.id, "ts": ts}))
}

pub fn permalink(ctx: &mut Ctx<'_>, args: &Value) -> Answer {
    let (channel, ts) = (needed(args, "channel")?, needed(args, "message_ts")?);
    if ctx.ws.message(channel, ts).is_none() {
        return Err(Refusal::new("message_not_found"));
    }
    let link = format!("{}/archives/{channel}/p{}", ctx.url, ts.replace('.', ""));
    Ok(json!({"channel": channel, "permalink": link}))
}
