//! Rows for the outbox. Enqueue them in the transaction of their cause, then wake the sender.
use crate::access::Surface;
use crate::db::outbox::{OutKind, Outgoing};
use crate::slack::blocks::Message;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

fn outgoing(channel: &str, kind: OutKind, payload: Value, key: &str) -> Outgoing {
    Outgoing {
        surface: Surface::Slack,
        channel_ref: channel.to_owned(),
        kind,
        payload,
        dedupe_key: key.to_owned(),
        not_before: None,
    }
}

/// A message in a channel or thread. `key` is sent once.
pub fn message(channel: &str, thread_ts: Option<&str>, message: &Message, key: &str) -> Outgoing {
    let payload = json!({"method": "chat.postMessage", "args": message.post(channel, thread_ts)});
    outgoing(channel, OutKind::Message, payload, key)
}

/// Takes the place of a message that is there.
pub fn update(channel: &str, ts: &str, message: &Message, key: &str) -> Outgoing {
    let payload = json!({"method": "chat.update", "args": message.update(channel, ts)});
    outgoing(channel, OutKind::Update, payload, key)
}

/// A message to one person; messages to one person keep their order.
pub fn dm(user: &str, message: &Message, key: &str) -> Outgoing {
    let payload = json!({"method": "chat.postMessage", "args": message.post(user, None)});
    outgoing(user, OutKind::Dm, payload, key)
}

/// A file in a channel or thread. For files of moderate size: the bytes wait in the database.
pub fn file(
    channel: &str,
    thread_ts: Option<&str>,
    name: &str,
    title: &str,
    bytes: &[u8],
    key: &str,
) -> Outgoing {
    let mut args = json!({"channel": channel});
    if let Some(thread) = thread_ts {
        args["thread_ts"] = thread.into();
    }
    let file = json!({"name": name, "title": title, "base64": STANDARD.encode(bytes)});
    outgoing(channel, OutKind::File, json!({"args": args, "file": file}), key)
}
