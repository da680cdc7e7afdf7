//! `assistant.threads.*` and `reactions.add`.
use super::{Answer, Ctx, Refusal, needed, text};
use crate::fake_slack::options::BOT_USER;
use crate::fake_slack::workspace::Status;
use serde_json::{Value, json};

/// The thread that the call names; its channel must have the app in it.
fn thread(ctx: &Ctx<'_>, args: &Value) -> Result<(String, String), Refusal> {
    let channel = needed(args, "channel_id")?.to_owned();
    let thread = text(args, "thread_ts").to_owned();
    let known = ctx.ws.channels.get(&channel).ok_or_else(|| Refusal::new("channel_not_found"))?;
    if !known.members.contains(BOT_USER) {
        return Err(Refusal::new("not_in_channel"));
    }
    if !thread.is_empty() && ctx.ws.message(&channel, &thread).is_none() {
        return Err(Refusal::new("invalid_thread_ts"));
    }
    Ok((channel, thread))
}

pub fn set_status(ctx: &mut Ctx<'_>, args: &Value) -> Answer {
    let (channel, thread_ts) = thread(ctx, args)?;
    let said = args["status"].as_str().ok_or_else(|| Refusal::missing("status"))?.to_owned();
    ctx.ws.statuses.push(Status { channel, thread_ts, text: said, at: ctx.now });
    Ok(json!({}))
}

/// What the session of a thread does; `closed` ends it.
pub fn set_session(ctx: &mut Ctx<'_>, args: &Value) -> Answer {
    let key = thread(ctx, args)?;
    let status = text(args, "status").to_owned();
    if !["active", "processing", "suspended", "closed"].contains(&status.as_str()) {
        return Err(Refusal::with("invalid_arguments", vec!["[ERROR] no such status".to_owned()]));
    }
    if let Some(title) = args["title"].as_str() {
        ctx.ws.titles.insert(key.clone(), title.to_owned());
    }
    ctx.ws.sessions.insert(key, status.clone());
    Ok(json!({"status": status}))
}

pub fn set_title(ctx: &mut Ctx<'_>, args: &Value) -> Answer {
    let key = thread(ctx, args)?;
    ctx.ws.titles.insert(key, text(args, "title").to_owned());
    Ok(json!({}))
}

pub fn set_prompts(ctx: &mut Ctx<'_>, args: &Value) -> Answer {
    let key = thread(ctx, args)?;
    let prompts = args["prompts"].as_array().cloned().unwrap_or_default();
    let well_formed = |p: &Value| p["title"].is_string() && p["message"].is_string();
    if prompts.is_empty() || prompts.len() > 4 || !prompts.iter().all(well_formed) {
        let said = "[ERROR] prompts must be 1 to 4 objects with title and message".to_owned();
        return Err(Refusal::with("invalid_arguments", vec![said]));
    }
    ctx.ws.prompts.insert(key, json!(prompts));
    Ok(json!({}))
}

pub fn react(ctx: &mut Ctx<'_>, args: &Value) -> Answer {
    let (channel, ts) = (needed(args, "channel")?, needed(args, "timestamp")?);
    let name = needed(args, "name")?;
    if !ctx.ws.channels.get(channel).is_some_and(|c| c.members.contains(BOT_USER)) {
        return Err(Refusal::new("not_in_channel"));
    }
    let message = ctx.ws.message_mut(channel, ts).ok_or_else(|| Refusal::new("message_not_found"))?;
    if !message.reactions.insert(name.to_owned()) {
        return Err(Refusal::new("already_reacted"));
    }
    Ok(json!({}))
}
