//! What a fake workspace starts with.
use crate::clock::SharedClock;
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
    /// Slash commands and message shortcuts (callback id, name) that the page offers.
    pub commands: Vec<String>,
    pub shortcuts: Vec<(String, String)>,
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
        }
    }
}
