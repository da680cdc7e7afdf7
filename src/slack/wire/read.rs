//! From a payload to an envelope: what it is, how to know it again, and what it must wait for.
use super::field::{first, flag, list, text};
use super::{Inbound, Origin, command, event, interaction};
use crate::db::people::hex;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Who we are in the workspace, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Us {
    /// `U…`
    pub bot_user: String,
    /// `B…`
    pub bot_id: String,
}

/// A payload, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    pub inbound: Inbound,
    /// What Slack calls it: `message`, `block_actions`, `command` …
    pub kind: String,
    /// The same for every delivery of one thing: 1 to 200 printable characters.
    pub key: String,
    /// Envelopes of one lane are worked on one after the other, by `place`.
    pub lane: String,
    /// When it happened, as Slack writes times; empty where it does not say.
    pub place: String,
    /// Channel and time of what was said: the same in its two events.
    pub message: Option<(String, String)>,
}

/// The workspaces a payload may belong to, the one with the installation first. Under Slack Connect a payload also names
/// the workspace of the person, in which the app need not be installed.
pub fn teams(payload: &Value) -> Vec<String> {
    let mut found: Vec<String> =
        list(payload, "/authorizations").iter().filter_map(|a| first(a, &["/team_id"])).collect();
    let pointers: &[&str] = match text(payload, "/type") {
        // The message is ours: so is its workspace.
        Some("block_actions") => {
            &["/view/app_installed_team_id", "/message/team", "/team/id", "/user/team_id"]
        }
        _ => &["/view/app_installed_team_id", "/context_team_id", "/team_id", "/team/id", "/user/team_id"],
    };
    found.extend(pointers.iter().filter_map(|pointer| first(payload, &[pointer])));
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|team| seen.insert(team.clone()));
    found
}

/// Reads a payload of any kind, by what it says and not by where it came in.
pub fn read(payload: &Value, team: &str, us: &Us) -> Envelope {
    if flag(payload, "/ssl_check") {
        return Envelope::new(Inbound::SslCheck, "ssl_check", payload);
    }
    match text(payload, "/type") {
        Some("url_verification") => {
            let challenge = text(payload, "/challenge").unwrap_or_default().to_owned();
            Envelope::new(Inbound::Challenge(challenge), "url_verification", payload)
        }
        Some("event_callback") => event::read(payload, team, us),
        None if text(payload, "/command").is_some() => command::read(payload, team),
        Some(kind) => interaction::read(payload, kind, team),
        None => Envelope::new(Inbound::Unknown { kind: "payload".to_owned() }, "payload", payload),
    }
}

impl Envelope {
    /// Known again by all it says; waits for nothing.
    pub(super) fn new(inbound: Inbound, kind: &str, payload: &Value) -> Self {
        let key = fingerprint(kind, payload);
        Self { inbound, kind: clip(kind), lane: key.clone(), key, place: String::new(), message: None }
    }

    /// Known again by these words of Slack's, where it has some.
    pub(super) fn keyed(mut self, words: Option<String>) -> Self {
        if let Some(words) = words {
            let plain = words.len() <= 150 && words.chars().all(|c| c.is_ascii_graphic());
            self.key = if plain { words } else { hex(&Sha256::digest(words.as_bytes())) };
            self.lane = self.key.clone();
        }
        self
    }

    /// Waits for what is before it in this lane.
    pub(super) fn in_lane(mut self, lane: String, place: Option<String>) -> Self {
        self.lane = lane;
        self.place = place.unwrap_or_default();
        self
    }

    /// Nobody needs to do anything about it: our own messages, and what people say to each other.
    pub fn is_chatter(&self) -> bool {
        if let Inbound::Said { origin, mentioned, .. } = &self.inbound {
            return !mentioned && !origin.hears_all();
        }
        self.inbound == Inbound::Own
    }
}

impl Origin {
    /// A conversation with the app, or a thread, in which it may take part.
    fn hears_all(&self) -> bool {
        self.channel_kind == super::ChannelKind::Dm || self.thread_ts.is_some()
    }

    /// The thread it happened in: `channel/ts`.
    pub(super) fn thread_lane(&self) -> Option<String> {
        let root = self.thread_ts.as_ref().or(self.ts.as_ref())?;
        Some(format!("{}/{root}", self.channel.as_ref()?))
    }
}

/// A key made of the whole payload, for what carries no id of its own.
fn fingerprint(kind: &str, payload: &Value) -> String {
    // Canonical JSON: the order of fields does not count.
    let canonical = serde_json_canonicalizer::to_vec(payload).unwrap_or_default();
    let hash = hex(&Sha256::digest(&canonical));
    format!("{}:{}", clip(kind), &hash[..40])
}

/// A kind as it may stand in a key and in a column.
fn clip(kind: &str) -> String {
    kind.chars().filter(|c| c.is_ascii_graphic()).take(60).collect()
}
