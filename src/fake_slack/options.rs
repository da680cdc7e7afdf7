//! What a fake workspace starts with.
use crate::clock::SharedClock;
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};

/// How the workspace talks to the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Signed requests to the app's `/slack/events`, `/slack/interactions`, `/slack/commands`.
    Http,
    /// Envelopes over the WebSocket that the app opens.
    Socket,
}

/// Somebody in the workspace, or seen from it.
#[derive(Clone, Debug)]
pub struct Person {
    pub id: String,
    /// Full name; the first word, in lower case, is also the handle.
    pub name: String,
    /// None for bots and for people whose profile hides it.
    pub email: Option<String>,
    /// Whether Slack says that the address is confirmed.
    pub email_confirmed: bool,
    /// The workspace that the person belongs to; another one than ours is a person of a shared channel.
    pub team: String,
    /// What the profile says under the name.
    pub title: String,
    pub guest: bool,
    pub bot: bool,
    pub deleted: bool,
}

impl Person {
    /// A full member with a confirmed address.
    pub fn member(id: &str, name: &str, email: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            email: Some(email.to_owned()),
            email_confirmed: true,
            team: TEAM.to_owned(),
            title: String::new(),
            guest: false,
            bot: false,
            deleted: false,
        }
    }

    /// A guest of the workspace.
    pub fn guest(id: &str, name: &str, email: &str) -> Self {
        Self { guest: true, ..Self::member(id, name, email).titled("guest") }
    }

    /// Somebody of another organisation, met in a shared channel.
    pub fn stranger(id: &str, name: &str, team: &str) -> Self {
        Self { email: None, email_confirmed: false, team: team.to_owned(), ..Self::member(id, name, "") }
    }

    /// Another app's bot user.
    pub fn bot(id: &str, name: &str) -> Self {
        Self { bot: true, email: None, email_confirmed: false, ..Self::member(id, name, "") }
    }

    /// The same with a title.
    pub fn titled(self, title: &str) -> Self {
        Self { title: title.to_owned(), ..self }
    }

    pub fn handle(&self) -> String {
        self.name.split(' ').next().unwrap_or_default().to_lowercase()
    }
}

/// What kind of conversation a channel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelKind {
    Public,
    Private,
    Dm,
}

/// A conversation.
#[derive(Clone, Debug)]
pub struct Channel {
    pub id: String,
    pub name: String,
    pub kind: ChannelKind,
    /// User ids, the app's bot user among them where it was invited.
    pub members: BTreeSet<String>,
    /// Shared with another organisation (Slack Connect).
    pub shared: bool,
    pub archived: bool,
}

impl Channel {
    /// A public channel with these members.
    pub fn public(id: &str, name: &str, members: &[&str]) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            kind: ChannelKind::Public,
            members: members.iter().map(|&m| m.to_owned()).collect(),
            shared: false,
            archived: false,
        }
    }

    pub fn private(id: &str, name: &str, members: &[&str]) -> Self {
        Self { kind: ChannelKind::Private, ..Self::public(id, name, members) }
    }

    pub fn shared(self) -> Self {
        Self { shared: true, ..self }
    }
}

/// The workspace's own id.
pub const TEAM: &str = "T0FERNHILL";
pub const APP: &str = "A0ADJUTANT";
/// The app's bot user, and its bot id.
pub const BOT_USER: &str = "U0ADJUTANT";
pub const BOT: &str = "B0ADJUTANT";

/// Every scope that the methods of this fake ask for.
pub const SCOPES: [&str; 20] = [
    "app_mentions:read",
    "assistant:write",
    "channels:history",
    "channels:read",
    "chat:write",
    "chat:write.public",
    "commands",
    "files:read",
    "files:write",
    "groups:history",
    "groups:read",
    "im:history",
    "im:read",
    "im:write",
    "mpim:read",
    "reactions:read",
    "reactions:write",
    "usergroups:read",
    "users:read",
    "users:read.email",
];

/// How to start a [`super::FakeSlack`].
#[derive(Clone)]
pub struct Options {
    pub clock: SharedClock,
    pub transport: Transport,
    pub listen: SocketAddr,
    pub signing_secret: String,
    pub bot_token: String,
    pub app_token: String,
    /// Scopes of the bot token.
    pub scopes: Vec<String>,
    pub people: Vec<Person>,
    pub channels: Vec<Channel>,
    /// Answers 429 to posts that come faster than Slack takes them.
    pub paced: bool,
    /// Sends the app its own messages and edits as events, as Slack does.
    pub echo: bool,
    /// Stands in every id, so that ids of several runs on one database differ.
    pub run: String,
    /// Slash commands of the app; empty: any is delivered.
    pub commands: Vec<String>,
    /// Message shortcuts of the app: callback id, name.
    pub shortcuts: Vec<(String, String)>,
    /// Prompts of the app's own conversations: title, message.
    pub prompts: Vec<(String, String)>,
    /// Events that the app subscribed to (`app_mention`, `message.im`, …); none: all.
    pub events: Option<BTreeSet<String>>,
}

impl Options {
    /// A small workspace on a free port of loopback, over Socket Mode, with all scopes.
    pub fn new(clock: SharedClock) -> Self {
        let everybody = ["U0MARA", "U0ALEX", "U0NOOR", "U0GIL", BOT_USER];
        let mut partners = Channel::public("C0PARTNERS", "partners", &everybody).shared();
        partners.members.insert("U0STELLA".to_owned());
        Self {
            clock,
            transport: Transport::Socket,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            signing_secret: "fake-signing-secret-0123456789abcdef".to_owned(),
            bot_token: "xoxb-fake-bot-token".to_owned(),
            app_token: "xapp-fake-app-token".to_owned(),
            scopes: SCOPES.iter().map(|&s| s.to_owned()).collect(),
            people: vec![
                Person::member("U0MARA", "Mara Lind", "mara@fernhill.example"),
                Person::member("U0ALEX", "Alex Moreau", "alex@fernhill.example"),
                Person::member("U0NOOR", "Noor Haddad", "noor@fernhill.example"),
                Person::guest("U0GIL", "Gil Visitor", "gil@elsewhere.example"),
                Person::stranger("U0STELLA", "Stella Other", "T0OTHER"),
                Person::bot("U0ROBOT", "Robot"),
            ],
            channels: vec![
                Channel::public("C0GENERAL", "general", &everybody),
                Channel::public("C0MARKETING", "marketing", &everybody),
                Channel::private("C0LEADS", "growth-leads", &["U0MARA", "U0ALEX", "U0NOOR", BOT_USER]),
                Channel::public("C0QUIET", "quiet", &["U0MARA", "U0ALEX"]),
                partners,
            ],
            paced: true,
            echo: true,
            run: String::new(),
            commands: Vec::new(),
            shortcuts: Vec::new(),
            prompts: Vec::new(),
            events: None,
        }
    }

    /// The app as its manifest describes it: scopes, commands, shortcuts, prompts, events. Nothing else is granted or sent.
    pub fn installed(mut self, manifest: &Value) -> Self {
        let texts = |list: &Value| -> Vec<String> {
            list.as_array().into_iter().flatten().filter_map(|t| t.as_str().map(str::to_owned)).collect()
        };
        let pairs = |list: &Value, key: &str, value: &str| -> Vec<(String, String)> {
            let text = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
            list.as_array().into_iter().flatten().map(|one| (text(one, key), text(one, value))).collect()
        };
        let features = &manifest["features"];
        let subscribed = &manifest["settings"]["event_subscriptions"]["bot_events"];
        self.scopes = texts(&manifest["oauth_config"]["scopes"]["bot"]);
        self.events = Some(texts(subscribed).into_iter().collect());
        let commands = pairs(&features["slash_commands"], "command", "command");
        self.commands = commands.into_iter().map(|(name, _)| name).collect();
        self.shortcuts = pairs(&features["shortcuts"], "callback_id", "name");
        self.prompts = pairs(&features["agent_view"]["suggested_prompts"], "title", "message");
        self
    }
}
