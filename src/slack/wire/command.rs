//! Slash commands: a form on HTTP, the same fields as JSON on the socket.
use super::field::{owned, text};
use super::read::Envelope;
use super::{Inbound, Origin};
use serde_json::Value;

pub(super) fn read(payload: &Value, team: &str) -> Envelope {
    let origin = Origin {
        team: team.to_owned(),
        enterprise: owned(payload, "/enterprise_id"),
        user: owned(payload, "/user_id").unwrap_or_default(),
        trigger_id: owned(payload, "/trigger_id"),
        response_url: owned(payload, "/response_url"),
        ..Origin::default()
    };
    let origin = origin.in_channel(owned(payload, "/channel_id"), None);
    let key = origin.trigger_id.as_ref().map(|id| format!("command:{id}"));
    let inbound = Inbound::Command {
        origin,
        command: text(payload, "/command").unwrap_or_default().to_owned(),
        text: text(payload, "/text").unwrap_or_default().to_owned(),
    };
    Envelope::new(inbound, "command", payload).keyed(key)
}
