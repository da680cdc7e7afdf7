//! The Events API: what is inside an `event_callback`.
use super::field::{any, first, flag, list, owned, text};
use super::read::{Envelope, Us};
use super::{ChannelKind, Inbound, Origin};
use serde_json::Value;

/// The events of the manifest, and those of older installations, as they are subscribed to.
pub const EVENTS: &[&str] = &[
    "agent_session_stopped",
    "app_context_changed",
    "app_home_opened",
    "app_mention",
    "app_uninstalled",
    "message.channels",
    "message.groups",
    "message.im",
    "tokens_revoked",
];

/// Kinds of message that people write; others report what happened in the channel.
const SAID: [&str; 4] = ["file_share", "thread_broadcast", "me_message", "bot_message"];
/// What happened to a message that is there already, and the opening of an assistant's thread.
const AFTERWARDS: [&str; 4] =
    ["message_changed", "message_deleted", "message_replied", "assistant_app_thread"];

pub(super) fn read(payload: &Value, team: &str, us: &Us) -> Envelope {
    let event = any(payload, "/event");
    let kind = text(&event, "/type").unwrap_or("event").to_owned();
    let mut origin = origin(payload, &event, team);
    let inbound = match kind.as_str() {
        "message" | "app_mention" => said(payload, &event, &kind, origin.clone(), us),
        "app_home_opened" => Inbound::HomeOpened {
            tab: text(&event, "/tab").unwrap_or("home").to_owned(),
            context: any(&event, "/context"),
            origin: origin.clone(),
        },
        "app_context_changed" => {
            Inbound::ContextChanged { context: any(&event, "/context"), origin: origin.clone() }
        }
        "assistant_thread_started" | "assistant_thread_context_changed" => {
            let thread = any(&event, "/assistant_thread");
            origin.user = owned(&thread, "/user_id").unwrap_or_default();
            origin.thread_ts = owned(&thread, "/thread_ts");
            origin = origin.in_channel(owned(&thread, "/channel_id"), Some("im"));
            let (context, origin) = (any(&thread, "/context"), origin.clone());
            match kind.as_str() {
                "assistant_thread_started" => Inbound::AssistantStarted { origin, context },
                _ => Inbound::ContextChanged { origin, context },
            }
        }
        "agent_session_stopped" => Inbound::Stopped { origin: origin.clone() },
        "app_uninstalled" => Inbound::Uninstalled { team: team.to_owned() },
        "tokens_revoked" => {
            Inbound::TokensRevoked { team: team.to_owned(), bot: !list(&event, "/tokens/bot").is_empty() }
        }
        other => Inbound::Unknown { kind: other.to_owned() },
    };
    let place = first(&event, &["/ts", "/event_ts"]);
    let (lane, message) = (lane(&inbound), message(&inbound));
    let mut envelope = Envelope::new(inbound, &kind, payload).keyed(owned(payload, "/event_id"));
    envelope.message = message;
    match lane {
        Some(lane) => envelope.in_lane(lane, place),
        None => envelope,
    }
}

/// The line in which it waits; `None`: in none.
fn lane(inbound: &Inbound) -> Option<String> {
    match inbound {
        Inbound::Said { origin, .. } => origin.thread_lane(),
        Inbound::ContextChanged { origin, .. } | Inbound::AssistantStarted { origin, .. } => {
            origin.thread_lane().or_else(|| Some(format!("context:{}", origin.user)))
        }
        Inbound::HomeOpened { origin, .. } => Some(format!("home:{}", origin.user)),
        Inbound::Uninstalled { team } | Inbound::TokensRevoked { team, .. } => {
            Some(format!("install:{team}"))
        }
        // A stop does not stand in line behind what it stops.
        Inbound::Stopped { .. }
        | Inbound::Command { .. }
        | Inbound::Action { .. }
        | Inbound::Shortcut { .. }
        | Inbound::Submission { .. }
        | Inbound::Closed { .. }
        | Inbound::Challenge(_)
        | Inbound::SslCheck
        | Inbound::Own
        | Inbound::Unknown { .. } => None,
    }
}

/// Channel and time of what was said.
fn message(inbound: &Inbound) -> Option<(String, String)> {
    let Inbound::Said { origin, .. } = inbound else { return None };
    origin.channel.clone().zip(origin.ts.clone())
}

fn origin(payload: &Value, event: &Value, team: &str) -> Origin {
    let by_app = text(event, "/bot_id").is_some() || text(event, "/subtype") == Some("bot_message");
    let origin = Origin {
        team: team.to_owned(),
        enterprise: first(
            payload,
            &["/enterprise_id", "/context_enterprise_id", "/authorizations/0/enterprise_id"],
        ),
        user: first(event, &["/user", "/user/id", "/bot_id"]).unwrap_or_default(),
        // `source_team` is where a message was written; `user_team` and `team` are its author's.
        user_team: first(event, &["/user_team", "/team"]),
        thread_ts: owned(event, "/thread_ts"),
        thread_by: owned(event, "/parent_user_id"),
        ts: owned(event, "/ts"),
        shared_channel: flag(payload, "/is_ext_shared_channel"),
        is_bot: by_app,
        ..Origin::default()
    };
    origin.in_channel(first(event, &["/channel", "/channel/id"]), text(event, "/channel_type"))
}

impl Origin {
    /// Sets the channel, and its kind as Slack says it, else by its first letter.
    pub(super) fn in_channel(mut self, channel: Option<String>, kind: Option<&str>) -> Self {
        let letter = channel.as_deref().and_then(|id| id.chars().next());
        self.channel_kind = match (kind, letter) {
            (Some("im"), _) | (None, Some('D')) => ChannelKind::Dm,
            (Some("channel"), _) | (None, Some('C')) => ChannelKind::Channel,
            (Some("group" | "mpim"), _) | (None, Some('G')) => ChannelKind::Group,
            _ => ChannelKind::Unknown,
        };
        self.channel = channel;
        self
    }
}

fn said(payload: &Value, event: &Value, kind: &str, origin: Origin, us: &Us) -> Inbound {
    let subtype = text(event, "/subtype");
    if flag(event, "/hidden")
        || subtype.is_some_and(|s| AFTERWARDS.contains(&s))
        || is_ours(payload, event, us)
    {
        return Inbound::Own;
    }
    if let Some(other) = subtype.filter(|s| !SAID.contains(s)) {
        return Inbound::Unknown { kind: format!("message.{other}") };
    }
    let words = text(event, "/text").unwrap_or_default().to_owned();
    let mentioned = kind == "app_mention" || names_us(payload, &words, us);
    let context = event.get("app_context").filter(|context| !context.is_null()).cloned();
    Inbound::Said {
        origin,
        text: words,
        mentioned,
        files: list(event, "/files").to_vec(),
        app_context: context,
    }
}

/// Written by this app: under its bot id, or as its user.
fn is_ours(payload: &Value, event: &Value, us: &Us) -> bool {
    let app = text(payload, "/api_app_id");
    let same = |pointer: &str| app.is_some() && text(event, pointer) == app;
    let is = |pointer: &str, own: &str| !own.is_empty() && text(event, pointer) == Some(own);
    (text(event, "/bot_id").is_some() && (same("/app_id") || same("/bot_profile/app_id")))
        || is("/bot_id", &us.bot_id)
        || is("/user", &us.bot_user)
}

/// The text mentions the app's user, as we or the payload know it.
fn names_us(payload: &Value, words: &str, us: &Us) -> bool {
    let told = list(payload, "/authorizations").iter().filter(|a| flag(a, "/is_bot"));
    let mut users = told.filter_map(|a| text(a, "/user_id")).chain([us.bot_user.as_str()]);
    users.any(|user| {
        !user.is_empty() && (words.contains(&format!("<@{user}>")) || words.contains(&format!("<@{user}|")))
    })
}
