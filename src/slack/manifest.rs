//! `tools/slack/manifest.yaml`: what Slack is told about the app. Read here to compare, never changed.
use anyhow::Context as _;
use serde_json::Value;

const FILE: &str = include_str!("../../tools/slack/manifest.yaml");

/// Commands that the program takes, with the slash.
pub const COMMANDS: &[&str] = &[
    "/adjutant",
    "/approvals",
    "/ask",
    "/build_retargeting",
    "/find_waste",
    "/idea_copy",
    "/report",
    "/seo_overlap",
];

/// Methods that the program calls with the bot token, each with the scope it needs; empty: none.
pub const METHODS: &[(&str, &str)] = &[
    ("agents.sessions.setStatus", "assistant:write"),
    ("assistant.threads.setStatus", "assistant:write"),
    ("assistant.threads.setSuggestedPrompts", "assistant:write"),
    ("auth.test", ""),
    ("bots.info", "users:read"),
    ("chat.appendStream", "chat:write"),
    ("chat.delete", "chat:write"),
    ("chat.getPermalink", ""),
    ("chat.postEphemeral", "chat:write"),
    ("chat.postMessage", "chat:write"),
    ("chat.startStream", "chat:write"),
    ("chat.stopStream", "chat:write"),
    ("chat.update", "chat:write"),
    ("conversations.history", "channels:history"),
    ("conversations.info", "channels:read"),
    ("conversations.open", "im:write"),
    ("conversations.replies", "channels:history"),
    ("files.completeUploadExternal", "files:write"),
    ("files.getUploadURLExternal", "files:write"),
    ("users.info", "users:read"),
    ("views.open", ""),
    ("views.publish", ""),
];

/// The manifest's lists, each sorted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    pub scopes: Vec<String>,
    pub events: Vec<String>,
    pub commands: Vec<String>,
}

/// The whole file that is built in.
pub fn whole() -> anyhow::Result<Value> {
    serde_saphyr::from_str(FILE).context("tools/slack/manifest.yaml")
}

/// Its lists.
pub fn manifest() -> anyhow::Result<Manifest> {
    let value = whole()?;
    let words = |pointer: &str, field: Option<&str>| {
        let list = value.pointer(pointer).and_then(Value::as_array);
        let list = list.with_context(|| format!("tools/slack/manifest.yaml has no list at {pointer}"))?;
        let word = |item: &Value| match field {
            Some(field) => item[field].as_str().map(str::to_owned),
            None => item.as_str().map(str::to_owned),
        };
        let mut words: Vec<String> = list.iter().filter_map(word).collect();
        words.sort_unstable();
        anyhow::Ok(words)
    };
    Ok(Manifest {
        scopes: words("/oauth_config/scopes/bot", None)?,
        events: words("/settings/event_subscriptions/bot_events", None)?,
        commands: words("/features/slash_commands", Some("command"))?,
    })
}

#[cfg(test)]
mod tests;
