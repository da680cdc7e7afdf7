//! Every method that the fake knows: what it needs, how fast it may come, what it does.
use super::{Answer, Ctx, assistant, chat, conversations, files, stream, views};
use crate::fake_slack::pace::Class;
use serde_json::Value;

/// What a token must be to call a method. Scopes that depend on the kind of channel are checked in the method.
#[derive(Clone, Copy)]
pub enum Needs {
    Nothing,
    /// The app-level token.
    AppToken,
    /// The bot token with one of these scopes.
    Any(&'static [&'static str]),
}

pub struct Method {
    pub name: &'static str,
    pub needs: Needs,
    /// Whether a JSON body is taken; the reading methods take none.
    pub json: bool,
    pub required: &'static [&'static str],
    pub pace: Option<Class>,
    pub run: fn(&mut Ctx<'_>, &Value) -> Answer,
}

pub fn find(name: &str) -> Option<&'static Method> {
    METHODS.iter().find(|m| m.name == name)
}

type Run = fn(&mut Ctx<'_>, &Value) -> Answer;

const fn reads(name: &'static str, needs: Needs, required: &'static [&'static str], run: Run) -> Method {
    Method { name, needs, json: false, required, pace: None, run }
}

const fn writes(name: &'static str, needs: Needs, required: &'static [&'static str], run: Run) -> Method {
    Method { name, needs, json: true, required, pace: None, run }
}

const fn posts(name: &'static str, pace: Class, required: &'static [&'static str], run: Run) -> Method {
    Method { name, needs: Needs::Any(&["chat:write"]), json: true, required, pace: Some(pace), run }
}

const ASSISTANT: Needs = Needs::Any(&["assistant:write"]);
const FILES: Needs = Needs::Any(&["files:write"]);
const CHANNELS: Needs = Needs::Any(&["channels:read", "groups:read", "im:read", "mpim:read"]);
const HISTORY: Needs = Needs::Any(&["channels:history", "groups:history", "im:history"]);

const METHODS: &[Method] = &[
    writes("agents.sessions.setStatus", ASSISTANT, &["status"], assistant::set_session),
    writes("auth.test", Needs::Nothing, &[], conversations::auth_test),
    writes("apps.connections.open", Needs::AppToken, &[], conversations::connections_open),
    reads("bots.info", Needs::Any(&["users:read"]), &["bot"], conversations::bots_info),
    reads("users.info", Needs::Any(&["users:read"]), &["user"], conversations::users_info),
    reads("conversations.info", CHANNELS, &["channel"], conversations::info),
    writes("conversations.open", Needs::Any(&["im:write", "mpim:write"]), &[], conversations::open),
    reads("conversations.members", CHANNELS, &["channel"], conversations::members),
    reads("conversations.list", CHANNELS, &[], conversations::list),
    reads("conversations.history", HISTORY, &["channel"], conversations::history),
    reads("conversations.replies", HISTORY, &["channel", "ts"], conversations::replies),
    posts("chat.postMessage", Class::Post, &["channel"], chat::post),
    posts("chat.postEphemeral", Class::Post, &["channel", "user"], chat::post_ephemeral),
    posts("chat.update", Class::Update, &["channel", "ts"], chat::update),
    posts("chat.delete", Class::Update, &["channel", "ts"], chat::delete),
    reads("chat.getPermalink", Needs::Nothing, &["channel", "message_ts"], chat::permalink),
    posts("chat.startStream", Class::Post, &["channel"], stream::start),
    posts("chat.appendStream", Class::Append, &["channel", "ts"], stream::append),
    posts("chat.stopStream", Class::Append, &["channel", "ts"], stream::stop),
    writes("views.open", Needs::Nothing, &["trigger_id", "view"], views::open),
    writes("views.push", Needs::Nothing, &["trigger_id", "view"], views::push),
    writes("views.update", Needs::Nothing, &["view"], views::update),
    writes("views.publish", Needs::Nothing, &["user_id", "view"], views::publish),
    reads("files.getUploadURLExternal", FILES, &["filename", "length"], files::get_url),
    Method {
        pace: Some(Class::Post),
        ..writes("files.completeUploadExternal", FILES, &["files"], files::complete)
    },
    writes("assistant.threads.setStatus", ASSISTANT, &["channel_id", "thread_ts"], assistant::set_status),
    writes(
        "assistant.threads.setTitle",
        ASSISTANT,
        &["channel_id", "thread_ts", "title"],
        assistant::set_title,
    ),
    writes(
        "assistant.threads.setSuggestedPrompts",
        ASSISTANT,
        &["channel_id", "prompts"],
        assistant::set_prompts,
    ),
    writes(
        "reactions.add",
        Needs::Any(&["reactions:write"]),
        &["channel", "timestamp", "name"],
        assistant::react,
    ),
];
