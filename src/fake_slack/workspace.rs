//! What the fake workspace knows: people, channels, messages, views, home tabs, files, and the ledger of calls.
use super::options::{BOT, BOT_USER, Channel, ChannelKind, Options, Person, TEAM};
use super::pace::Pace;
use super::trouble::Trouble;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// One message, with what became of it.
#[derive(Clone, Debug)]
pub struct Message {
    pub channel: String,
    pub ts: String,
    /// The parent's ts when this is a reply.
    pub thread_ts: Option<String>,
    pub user: String,
    pub text: String,
    /// Whether the text is Markdown; otherwise it is mrkdwn.
    pub markdown: bool,
    pub blocks: Vec<Value>,
    /// Ids of files shown with it.
    pub files: Vec<String>,
    /// Only this person sees it.
    pub ephemeral_to: Option<String>,
    pub edited: bool,
    pub deleted: bool,
    pub metadata: Value,
    pub stream: Option<Stream>,
    pub reactions: BTreeSet<String>,
}

impl Message {
    /// Whether the app wrote it.
    pub fn by_app(&self) -> bool {
        self.user == BOT_USER
    }

    /// Everything readable in it: the fallback text and every text inside its blocks, in order.
    pub fn all_text(&self) -> String {
        let mut out = vec![self.text.clone()];
        for block in &self.blocks {
            texts(block, &mut out);
        }
        out.join("\n")
    }
}

fn texts(value: &Value, out: &mut Vec<String>) {
    for (key, inner) in value.as_object().into_iter().flatten() {
        match inner.as_str() {
            Some(text) if ["text", "title", "alt_text", "caption"].contains(&key.as_str()) => {
                out.push(text.to_owned());
            }
            _ => texts(inner, out),
        }
    }
    value.as_array().into_iter().flatten().for_each(|inner| texts(inner, out));
}

/// The streaming side of a message.
#[derive(Clone, Debug)]
pub struct Stream {
    pub started: Timestamp,
    pub state: StreamState,
    /// Pieces as they came.
    pub pieces: Vec<String>,
    /// Task and plan updates as they came.
    pub chunks: Vec<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamState {
    Open,
    Stopped,
    /// A person pressed stop.
    StoppedByUser,
}

/// A modal, or a home tab.
#[derive(Clone, Debug)]
pub struct View {
    pub id: String,
    pub user: String,
    /// As Slack would send it back: ids filled in, hash, state.
    pub body: Value,
    /// The modal below it on the stack.
    pub previous: Option<String>,
    /// What the last submission was answered at fields, by block id.
    pub errors: Value,
}

impl View {
    pub fn hash(&self) -> &str {
        self.body["hash"].as_str().unwrap_or_default()
    }

    pub fn blocks(&self) -> &[Value] {
        self.body["blocks"].as_array().map_or(&[], Vec::as_slice)
    }

    /// All texts in it, in order.
    pub fn all_text(&self) -> String {
        let mut out = Vec::new();
        texts(&self.body["title"], &mut out);
        self.blocks().iter().for_each(|block| texts(block, &mut out));
        out.join("\n")
    }
}

/// An upload: announced, then sent, then shared.
#[derive(Clone, Debug)]
pub struct File {
    pub id: String,
    pub name: String,
    pub title: String,
    /// What was announced, bytes.
    pub announced: usize,
    pub bytes: Option<Vec<u8>>,
    /// Channels it was shared in, with the ts of the message.
    pub shared: Vec<(String, String)>,
}

/// The line under a thread that says what the app is doing.
#[derive(Clone, Debug)]
pub struct Status {
    pub channel: String,
    pub thread_ts: String,
    /// Empty when it was taken away.
    pub text: String,
    pub at: Timestamp,
}

/// One call of the app to the Web API, an upload URL or a response URL.
#[derive(Clone, Debug)]
pub struct Call {
    pub n: usize,
    pub at: Timestamp,
    /// `chat.postMessage`, …, or `upload`, `response_url`.
    pub method: String,
    pub args: Value,
    /// Query and body, byte for byte.
    pub sent: String,
    pub status: u16,
    pub reply: Value,
}

impl Call {
    pub fn ok(&self) -> bool {
        self.status == 200 && self.reply["ok"] != json!(false)
    }
}

/// One try of a delivery to the app, and how it ended.
#[derive(Clone, Debug)]
pub struct Sent {
    pub id: String,
    /// `events_api`, `interactive`, `slash_commands`.
    pub kind: &'static str,
    pub body: Value,
    pub attempt: u32,
    pub outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// With the body of the acknowledgement; null when it had none.
    Acknowledged(Value),
    /// The app answered with another status.
    Refused(u16),
    /// No acknowledgement within three seconds.
    Late,
    /// The connection broke, or there was none.
    Unreachable,
    /// On order of the test.
    Dropped,
}

/// What an issued trigger allows, once and for three seconds.
#[derive(Clone, Debug)]
pub struct Trigger {
    pub user: String,
    pub issued: Timestamp,
    pub used: bool,
    /// The modal that was open when it was issued.
    pub view: Option<String>,
}

/// What a response URL stands for.
#[derive(Clone, Debug)]
pub struct ResponseUrl {
    pub channel: String,
    pub user: String,
    /// The message that was clicked; none for a command.
    pub message: Option<String>,
    pub issued: Timestamp,
    pub uses: u32,
}

/// The whole state. Tests read it through [`super::FakeSlack::read`].
pub struct Workspace {
    pub people: BTreeMap<String, Person>,
    pub channels: BTreeMap<String, Channel>,
    /// In order of arrival, ephemeral and deleted ones included.
    pub messages: Vec<Message>,
    /// Open modals by view id.
    pub views: BTreeMap<String, View>,
    /// Home tabs by user.
    pub homes: BTreeMap<String, View>,
    pub files: BTreeMap<String, File>,
    /// Every status that was set, in order.
    pub statuses: Vec<Status>,
    /// Titles of assistant threads by (channel, thread).
    pub titles: BTreeMap<(String, String), String>,
    /// Statuses of agent sessions, likewise.
    pub sessions: BTreeMap<(String, String), String>,
    /// Suggested prompts by channel and thread (empty: none).
    pub prompts: BTreeMap<(String, String), Value>,
    pub ledger: Vec<Call>,
    pub sent: Vec<Sent>,
    /// What Slack itself shows to people when the app fails ("… failed with the error …").
    pub notices: Vec<(String, String)>,
    /// Open WebSocket connections of the app.
    pub sockets: usize,
    /// Deliveries that have not ended yet.
    pub under_way: usize,
    /// Goes up with every change.
    pub version: u64,
    pub(super) scopes: Vec<String>,
    pub(super) revoked: bool,
    pub(super) paced: bool,
    pub(super) pace: Pace,
    pub(super) trouble: Trouble,
    pub(super) triggers: BTreeMap<String, Trigger>,
    pub(super) response_urls: BTreeMap<String, ResponseUrl>,
    pub(super) tickets: BTreeSet<String>,
    run: String,
    counter: u64,
    last_ts: i64,
}

impl Workspace {
    pub(super) fn new(options: &Options) -> Self {
        let mut people: BTreeMap<_, _> = options.people.iter().map(|p| (p.id.clone(), p.clone())).collect();
        people.insert(BOT_USER.to_owned(), Person::bot(BOT_USER, "Adjutant"));
        Self {
            people,
            channels: options.channels.iter().map(|c| (c.id.clone(), c.clone())).collect(),
            messages: Vec::new(),
            views: BTreeMap::new(),
            homes: BTreeMap::new(),
            files: BTreeMap::new(),
            statuses: Vec::new(),
            titles: BTreeMap::new(),
            sessions: BTreeMap::new(),
            prompts: BTreeMap::new(),
            ledger: Vec::new(),
            sent: Vec::new(),
            notices: Vec::new(),
            sockets: 0,
            under_way: 0,
            version: 0,
            scopes: options.scopes.clone(),
            revoked: false,
            paced: options.paced,
            pace: Pace::default(),
            trouble: Trouble::default(),
            triggers: BTreeMap::new(),
            response_urls: BTreeMap::new(),
            tickets: BTreeSet::new(),
            run: options.run.clone(),
            counter: 0,
            last_ts: 0,
        }
    }

    /// The next id with this prefix; the same story in a run of the same name gives the same ids.
    pub(super) fn next_id(&mut self, prefix: &str) -> String {
        self.counter += 1;
        format!("{prefix}{}{:07}", self.run, self.counter)
    }

    /// A message timestamp: the clock's, and always later than the one before.
    pub(super) fn next_ts(&mut self, now: Timestamp) -> String {
        self.last_ts = now.as_microsecond().max(self.last_ts + 100);
        format!("{}.{:06}", self.last_ts / 1_000_000, self.last_ts % 1_000_000)
    }

    /// A person by id, handle or full name.
    pub fn person(&self, who: &str) -> Option<&Person> {
        self.people
            .get(who)
            .or_else(|| self.people.values().find(|p| p.handle() == who.to_lowercase() || p.name == who))
    }

    /// A channel by id or name.
    pub fn channel(&self, which: &str) -> Option<&Channel> {
        self.channels.get(which).or_else(|| {
            self.channels
                .values()
                .find(|c| c.kind != ChannelKind::Dm && c.name == which.trim_start_matches('#'))
        })
    }

    /// The id of the direct conversation between the app and a person, opened when there is none.
    pub fn dm(&mut self, user: &str) -> String {
        let id = format!("D{}", user.trim_start_matches(['U', 'W']));
        self.channels.entry(id.clone()).or_insert_with(|| Channel {
            kind: ChannelKind::Dm,
            ..Channel::private(&id, user, &[user, BOT_USER])
        });
        id
    }

    /// Messages of a channel (id or name) that are not deleted, oldest first; ephemeral ones included.
    pub fn in_channel(&self, which: &str) -> Vec<&Message> {
        let id = self.channel(which).map_or(which, |c| c.id.as_str());
        self.messages.iter().filter(|m| m.channel == id && !m.deleted).collect()
    }

    /// A message that everybody in the channel can see.
    pub fn message(&self, channel: &str, ts: &str) -> Option<&Message> {
        self.messages
            .iter()
            .find(|m| m.channel == channel && m.ts == ts && m.ephemeral_to.is_none() && !m.deleted)
    }

    pub(super) fn message_mut(&mut self, channel: &str, ts: &str) -> Option<&mut Message> {
        self.messages.iter_mut().find(|m| m.channel == channel && m.ts == ts && !m.deleted)
    }

    /// Replies of a thread, the parent not included.
    pub fn thread(&self, channel: &str, thread_ts: &str) -> Vec<&Message> {
        self.in_channel(channel).into_iter().filter(|m| m.thread_ts.as_deref() == Some(thread_ts)).collect()
    }

    /// The newest status of a thread; none when it was never set or taken away.
    pub fn status(&self, channel: &str, thread_ts: &str) -> Option<&str> {
        self.statuses
            .iter()
            .rev()
            .find(|s| s.channel == channel && s.thread_ts == thread_ts)
            .map(|s| s.text.as_str())
            .filter(|text| !text.is_empty())
    }

    /// Takes the status line of a thread away.
    pub(super) fn clear_status(&mut self, channel: &str, thread_ts: &str, now: Timestamp) {
        if self.status(channel, thread_ts).is_some() {
            let (channel, thread_ts) = (channel.to_owned(), thread_ts.to_owned());
            self.statuses.push(Status { channel, thread_ts, text: String::new(), at: now });
        }
    }

    /// Calls of one method, in order.
    pub fn calls(&self, method: &str) -> Vec<&Call> {
        self.ledger.iter().filter(|c| c.method == method).collect()
    }

    /// A message as Slack's API shows it.
    pub(super) fn wire(&self, message: &Message) -> Value {
        let mut body = json!({
            "type": "message", "user": message.user, "ts": message.ts, "text": message.text,
            "team": TEAM,
        });
        if message.by_app() {
            body["bot_id"] = json!(BOT);
            body["app_id"] = json!(super::options::APP);
        }
        if !message.blocks.is_empty() {
            body["blocks"] = json!(message.blocks);
        }
        if !message.files.is_empty() {
            body["files"] =
                json!(message.files.iter().filter_map(|id| self.file_wire(id)).collect::<Vec<_>>());
        }
        if let Some(thread) = &message.thread_ts {
            body["thread_ts"] = json!(thread);
            if let Some(parent) = self.message(&message.channel, thread) {
                body["parent_user_id"] = json!(parent.user);
            }
        }
        let replies = self.thread(&message.channel, &message.ts);
        if !replies.is_empty() {
            body["thread_ts"] = json!(message.ts);
            body["reply_count"] = json!(replies.len());
        }
        if message.edited {
            body["edited"] = json!({"user": message.user, "ts": message.ts});
        }
        if !message.metadata.is_null() {
            body["metadata"] = message.metadata.clone();
        }
        body
    }

    pub(super) fn file_wire(&self, id: &str) -> Option<Value> {
        let file = self.files.get(id)?;
        Some(json!({
            "id": file.id, "name": file.name, "title": file.title, "mode": "hosted",
            "size": file.bytes.as_ref().map_or(0, Vec::len),
        }))
    }
}
