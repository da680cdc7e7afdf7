//! Short words to one person: that something went wrong, that we do not talk to them, how to be let in.
//!
//! In a channel they are visible to that person alone, in a direct message they are an answer in its thread.
use super::wire::{ChannelKind, Origin};
use crate::access::Surface;
use crate::db::outbox::{OutKind, Outgoing};
use serde_json::{Value, json};

/// After the last attempt.
pub const GIVEN_UP: &str = "Sorry, something went wrong on our side and I could not finish this. Nothing was changed. \
                            Please try again; if it happens again, tell your administrator.";

/// A message to the person behind an envelope; `None`: nobody in particular is. `text` is ours, or escaped.
pub fn to_person(origin: &Origin, text: &str, dedupe_key: String) -> Option<Outgoing> {
    if origin.user.is_empty() {
        return None;
    }
    let (kind, channel, method, args) = match (&origin.channel, origin.channel_kind) {
        (Some(channel), ChannelKind::Dm) => {
            let thread = origin.thread_ts.as_ref().or(origin.ts.as_ref());
            let args = json!({"channel": channel, "thread_ts": thread, "text": text});
            (OutKind::Message, channel, "chat.postMessage", args)
        }
        (Some(channel), _) => {
            let args =
                json!({"channel": channel, "user": origin.user, "thread_ts": origin.thread_ts, "text": text});
            (OutKind::Message, channel, "chat.postEphemeral", args)
        }
        (None, _) => {
            (OutKind::Dm, &origin.user, "chat.postMessage", json!({"channel": origin.user, "text": text}))
        }
    };
    Some(Outgoing {
        surface: Surface::Slack,
        channel_ref: channel.clone(),
        kind,
        payload: json!({"method": method, "args": without_nulls(args)}),
        dedupe_key,
        not_before: None,
    })
}

/// Slack takes an absent field, not a null one.
fn without_nulls(mut args: Value) -> Value {
    if let Some(fields) = args.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    args
}

/// A message that everybody in the thread of an envelope sees.
pub fn in_thread(origin: &Origin, text: &str, dedupe_key: String) -> Option<Outgoing> {
    let channel = origin.channel.as_ref()?;
    let thread = origin.thread_ts.as_ref().or(origin.ts.as_ref());
    let args = without_nulls(json!({"channel": channel, "thread_ts": thread, "text": text}));
    Some(Outgoing {
        surface: Surface::Slack,
        channel_ref: channel.clone(),
        kind: OutKind::Message,
        payload: json!({"method": "chat.postMessage", "args": args}),
        dedupe_key,
        not_before: None,
    })
}
