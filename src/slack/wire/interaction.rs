//! Interactivity: blocks, views, shortcuts.
use super::field::{any, first, flag, list, owned, text};
use super::read::Envelope;
use super::{ActionItem, Inbound, Origin};
use serde_json::Value;

pub(super) fn read(payload: &Value, kind: &str, team: &str) -> Envelope {
    let origin = origin(payload, team);
    let callback_id = first(payload, &["/callback_id", "/view/callback_id"]).unwrap_or_default();
    let private_metadata = owned(payload, "/view/private_metadata").unwrap_or_default();
    let inbound = match kind {
        "block_actions" => Inbound::Action {
            actions: list(payload, "/actions").iter().map(action).collect(),
            message_ts: first(payload, &["/container/message_ts", "/message/ts"]),
            is_ephemeral: flag(payload, "/container/is_ephemeral"),
            view: payload.get("view").filter(|view| view.is_object()).cloned(),
            origin,
        },
        "message_action" | "shortcut" => {
            Inbound::Shortcut { origin, callback_id, message: any(payload, "/message") }
        }
        "view_submission" => Inbound::Submission {
            origin,
            callback_id,
            private_metadata,
            values: any(payload, "/view/state/values"),
            view_id: owned(payload, "/view/id").unwrap_or_default(),
            hash: owned(payload, "/view/hash").unwrap_or_default(),
        },
        "view_closed" => Inbound::Closed { origin, callback_id, private_metadata },
        other => Inbound::Unknown { kind: other.to_owned() },
    };
    let place = first(payload, &["/actions/0/action_ts", "/action_ts"]);
    // One trigger belongs to one act; what exactly was done makes sure of it.
    let key = text(payload, "/trigger_id").map(|trigger| {
        let what = place.clone().or_else(|| owned(payload, "/view/hash")).unwrap_or_default();
        format!("{kind}:{trigger}:{what}")
    });
    let by_person = inbound.origin().map(|origin| format!("view:{}", origin.user));
    let lane = if let Inbound::Action { origin, .. } = &inbound {
        origin.thread_lane().or(by_person)
    } else if matches!(inbound, Inbound::Submission { .. } | Inbound::Closed { .. }) {
        by_person
    } else {
        None
    };
    let envelope = Envelope::new(inbound, kind, payload).keyed(key);
    match lane {
        Some(lane) => envelope.in_lane(lane, place),
        None => envelope,
    }
}

fn origin(payload: &Value, team: &str) -> Origin {
    let origin = Origin {
        team: team.to_owned(),
        enterprise: first(payload, &["/enterprise/id", "/team/enterprise_id"]),
        user: first(payload, &["/user/id", "/user"]).unwrap_or_default(),
        user_team: owned(payload, "/user/team_id"),
        thread_ts: first(payload, &["/container/thread_ts", "/message/thread_ts"]),
        ts: first(payload, &["/container/message_ts", "/message_ts", "/message/ts"]),
        trigger_id: owned(payload, "/trigger_id"),
        response_url: first(payload, &["/response_url", "/response_urls/0/response_url"]),
        shared_channel: flag(payload, "/is_ext_shared_channel"),
        ..Origin::default()
    };
    origin.in_channel(first(payload, &["/channel/id", "/container/channel_id"]), None)
}

fn action(item: &Value) -> ActionItem {
    ActionItem {
        action_id: owned(item, "/action_id").unwrap_or_default(),
        block_id: owned(item, "/block_id").unwrap_or_default(),
        value: owned(item, "/value"),
        selected: first(
            item,
            &[
                "/selected_option/value",
                "/selected_user",
                "/selected_channel",
                "/selected_conversation",
                "/selected_date",
                "/selected_time",
            ],
        ),
        kind: owned(item, "/type").unwrap_or_default(),
        raw: item.clone(),
    }
}
