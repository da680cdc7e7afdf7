//! What came in, read tolerantly: unknown fields are ignored, unknown kinds are kept as [`Inbound::Unknown`], a field of
//! another type than expected counts as absent.
mod command;
mod event;
mod field;
mod interaction;
mod read;
#[cfg(test)]
mod tests;

pub use event::EVENTS;
pub use read::{Envelope, Us, read, teams};

use serde_json::Value;

/// Where and from whom.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Origin {
    /// The workspace in which the app is installed.
    pub team: String,
    pub enterprise: Option<String>,
    /// Empty where nobody in particular did it.
    pub user: String,
    /// The workspace the user comes from; another one than `team` under Slack Connect.
    pub user_team: Option<String>,
    pub channel: Option<String>,
    pub channel_kind: ChannelKind,
    /// The first message of the thread, where the message or the clicked message is in one.
    pub thread_ts: Option<String>,
    /// Who wrote that first message, where the payload says so.
    pub thread_by: Option<String>,
    /// Of the message that was said, or of the message a button hangs on.
    pub ts: Option<String>,
    pub trigger_id: Option<String>,
    pub response_url: Option<String>,
    /// The channel is shared with another organisation, as far as the payload tells.
    pub shared_channel: bool,
    pub is_bot: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChannelKind {
    /// A conversation of one person with the app.
    Dm,
    Channel,
    /// A private channel, or a conversation of several people.
    Group,
    #[default]
    Unknown,
}

/// One thing a person did to one block.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ActionItem {
    pub action_id: String,
    pub block_id: String,
    /// A button's value, or the text typed.
    pub value: Option<String>,
    /// The value chosen in a menu, or the user, channel or date picked.
    pub selected: Option<String>,
    /// The element's own kind: `button`, `overflow`, `static_select` …
    pub kind: String,
    /// As it came.
    pub raw: Value,
}

/// What came in.
#[derive(Clone, Debug, PartialEq)]
pub enum Inbound {
    /// A person (or another app) said something where we hear it.
    Said {
        origin: Origin,
        /// With the markup of Slack, mentions included.
        text: String,
        /// We were addressed by name.
        mentioned: bool,
        files: Vec<Value>,
        /// What the person was looking at.
        app_context: Option<Value>,
    },
    Command {
        origin: Origin,
        /// With the slash.
        command: String,
        text: String,
    },
    Action {
        origin: Origin,
        actions: Vec<ActionItem>,
        /// Of the message the block is in; `None` in a view.
        message_ts: Option<String>,
        is_ephemeral: bool,
        view: Option<Value>,
    },
    /// A message shortcut (with the message) or a global one (`message` is null).
    Shortcut {
        origin: Origin,
        callback_id: String,
        message: Value,
    },
    Submission {
        origin: Origin,
        callback_id: String,
        private_metadata: String,
        /// `view.state.values`: block id → action id → element.
        values: Value,
        view_id: String,
        hash: String,
    },
    Closed {
        origin: Origin,
        callback_id: String,
        private_metadata: String,
    },
    HomeOpened {
        origin: Origin,
        /// `home` or `messages`.
        tab: String,
        /// What the person was looking at, or null.
        context: Value,
    },
    ContextChanged {
        origin: Origin,
        context: Value,
    },
    /// Legacy: a thread of the assistant view was opened.
    AssistantStarted {
        origin: Origin,
        context: Value,
    },
    /// The person stopped the answer.
    Stopped {
        origin: Origin,
    },
    Uninstalled {
        team: String,
    },
    TokensRevoked {
        team: String,
        /// The bot's token is among them.
        bot: bool,
    },
    Challenge(String),
    SslCheck,
    /// Our own messages, and edits and deletions of any message.
    Own,
    Unknown {
        kind: String,
    },
}

impl Inbound {
    /// Where it came from, where anything did.
    pub fn origin(&self) -> Option<&Origin> {
        match self {
            Self::Said { origin, .. }
            | Self::Command { origin, .. }
            | Self::Action { origin, .. }
            | Self::Shortcut { origin, .. }
            | Self::Submission { origin, .. }
            | Self::Closed { origin, .. }
            | Self::HomeOpened { origin, .. }
            | Self::ContextChanged { origin, .. }
            | Self::AssistantStarted { origin, .. }
            | Self::Stopped { origin } => Some(origin),
            Self::Uninstalled { .. }
            | Self::TokensRevoked { .. }
            | Self::Challenge(_)
            | Self::SslCheck
            | Self::Own
            | Self::Unknown { .. } => None,
        }
    }
}
