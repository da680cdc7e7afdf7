//! Payloads of fictional people, in the shapes that Slack sends; recorded ones are read by the conformance tests.
use super::*;
use proptest::prelude::*;
use serde_json::json;

fn us() -> Us {
    Us { bot_user: "U0BOT".to_owned(), bot_id: "B0BOT".to_owned() }
}

fn event(event: Value) -> Value {
    json!({"type": "event_callback", "event_id": "Ev0001", "team_id": "T0HOME", "api_app_id": "A0APP", "event_time": 1,
           "authorizations": [{"team_id": "T0HOME", "user_id": "U0BOT", "is_bot": true}],
           "is_ext_shared_channel": false, "event": event})
}

fn message(more: Value) -> Value {
    let mut message = json!({"type": "message", "user": "U0MARA", "text": "hello", "channel": "C0ADS",
        "channel_type": "channel", "ts": "1758099600.000100", "event_ts": "1758099600.000100"});
    message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    event(message)
}

fn envelope(payload: &Value) -> Envelope {
    read(payload, "T0HOME", &us())
}

fn inbound(payload: &Value) -> Inbound {
    envelope(payload).inbound
}

fn said(payload: &Value) -> (Origin, String, bool) {
    let Inbound::Said { origin, text, mentioned, .. } = inbound(payload) else {
        panic!("{:?}", inbound(payload))
    };
    (origin, text, mentioned)
}

#[test]
fn a_mention_is_the_same_in_both_its_events() {
    let text = "<@U0BOT> find_waste 30";
    let as_message = message(json!({"text": text}));
    let mut as_mention =
        event(json!({"type": "app_mention", "user": "U0MARA", "text": text, "channel": "C0ADS",
        "ts": "1758099600.000100", "event_ts": "1758099600.000100"}));
    as_mention["event_id"] = json!("Ev0002");
    assert_eq!(said(&as_message), said(&as_mention));
    assert!(said(&as_message).2, "addressed by name");
    let (one, two) = (envelope(&as_message), envelope(&as_mention));
    assert_ne!(one.key, two.key);
    assert_eq!(one.message, two.message);
    assert_eq!(one.message, Some(("C0ADS".to_owned(), "1758099600.000100".to_owned())));
    // Without knowing who we are, the authorisation in the payload tells it.
    let unknown = read(&as_message, "T0HOME", &Us::default()).inbound;
    assert!(matches!(unknown, Inbound::Said { mentioned: true, .. }));
}

#[test]
fn what_people_say_to_each_other_is_chatter() {
    assert!(envelope(&message(json!({}))).is_chatter());
    assert!(envelope(&message(json!({"text": "<@U0OTHER> look"}))).is_chatter());
    assert!(!envelope(&message(json!({"text": "<@U0BOT|adjutant> look"}))).is_chatter());
    // In a thread we may take part; in a direct message we do.
    assert!(!envelope(&message(json!({"thread_ts": "1758099000.000001"}))).is_chatter());
    assert!(!envelope(&message(json!({"channel": "D0MARA", "channel_type": "im"}))).is_chatter());
}

#[test]
fn our_own_words_and_edits_are_ours() {
    for own in [
        json!({"bot_id": "B0OTHER", "app_id": "A0APP"}),
        json!({"bot_id": "B0BOT"}),
        json!({"user": "U0BOT"}),
        json!({"bot_id": "B1", "bot_profile": {"app_id": "A0APP"}}),
        json!({"subtype": "message_changed", "message": {"text": "x"}}),
        json!({"subtype": "message_deleted"}),
        json!({"hidden": true}),
    ] {
        assert_eq!(inbound(&message(own.clone())), Inbound::Own, "{own}");
        assert!(envelope(&message(own)).is_chatter());
    }
    let (origin, _, _) =
        said(&message(json!({"bot_id": "B0OTHER", "app_id": "A0OTHER", "subtype": "bot_message"})));
    assert!(origin.is_bot, "another app");
}

#[test]
fn a_direct_message_carries_its_thread_files_and_context() {
    let payload =
        message(json!({"channel": "D0MARA", "channel_type": "im", "thread_ts": "1758099000.000001",
        "subtype": "file_share", "files": [{"id": "F1"}], "user_team": "T0HOME", "source_team": "T0ELSE",
        "app_context": {"entities": [{"type": "slack#/types/channel_id", "value": {"channel_id": "C1"}}]}}));
    let Inbound::Said { origin, files, app_context, mentioned, .. } = inbound(&payload) else { panic!() };
    assert_eq!(origin.channel_kind, ChannelKind::Dm);
    assert_eq!(origin.thread_ts.as_deref(), Some("1758099000.000001"));
    assert_eq!(origin.user_team.as_deref(), Some("T0HOME"));
    assert_eq!((files.len(), mentioned), (1, false));
    assert!(app_context.unwrap()["entities"].is_array());
}

#[test]
fn messages_of_a_thread_share_a_lane_and_stand_in_their_order() {
    let root = envelope(&message(json!({"text": "<@U0BOT> hello"})));
    let reply = |ts: &str| envelope(&message(json!({"ts": ts, "thread_ts": "1758099600.000100"})));
    let (second, third) = (reply("1758099601.000000"), reply("1758099602.000000"));
    assert_eq!((&root.lane, &second.lane), (&second.lane, &third.lane));
    assert!(root.place < second.place && second.place < third.place);
    // A click on a message in the thread waits in the same line; a stop does not.
    let click = envelope(&click());
    assert_eq!(click.lane, root.lane);
    let stop =
        envelope(&event(json!({"type": "agent_session_stopped", "channel": "C0ADS", "user": "U0MARA",
        "thread_ts": "1758099600.000100", "streaming_message_ts": [], "event_ts": "1758099603.000000"})));
    assert_ne!(stop.lane, root.lane);
    let Inbound::Stopped { origin } = stop.inbound else { panic!() };
    assert_eq!(origin.thread_ts.as_deref(), Some("1758099600.000100"));
}

fn click() -> Value {
    json!({"type": "block_actions", "team": {"id": "T0HOME"}, "user": {"id": "U0MARA", "team_id": "T0HOME"},
        "api_app_id": "A0APP", "trigger_id": "11.22.aa", "channel": {"id": "C0ADS"},
        "container": {"type": "message", "message_ts": "1758099700.000001", "channel_id": "C0ADS", "is_ephemeral": false,
                      "thread_ts": "1758099600.000100"},
        "message": {"ts": "1758099700.000001", "team": "T0HOME"}, "response_url": "https://hooks.example/x",
        "actions": [{"type": "button", "action_id": "card.approve", "block_id": "b", "value": "tok",
                     "action_ts": "1758099710.000000"},
                    {"type": "static_select", "action_id": "card.menu", "block_id": "b",
                     "selected_option": {"value": "hold"}, "action_ts": "1758099710.000000"}]})
}

#[test]
fn a_click_knows_its_message_and_what_was_chosen() {
    let Inbound::Action { origin, actions, message_ts, is_ephemeral, view } = inbound(&click()) else {
        panic!()
    };
    assert_eq!(message_ts.as_deref(), Some("1758099700.000001"));
    assert_eq!((is_ephemeral, view), (false, None));
    assert_eq!(origin.thread_ts.as_deref(), Some("1758099600.000100"));
    assert_eq!(origin.response_url.as_deref(), Some("https://hooks.example/x"));
    let brief: Vec<_> =
        actions.iter().map(|a| (a.action_id.as_str(), a.value.as_deref(), a.selected.as_deref())).collect();
    assert_eq!(brief, [("card.approve", Some("tok"), None), ("card.menu", None, Some("hold"))]);
    // The same click is the same, another one on the same message is another.
    let mut later = click();
    later["trigger_id"] = json!("11.22.bb");
    assert_eq!(envelope(&click()).key, envelope(&click()).key);
    assert_ne!(envelope(&click()).key, envelope(&later).key);
}

#[test]
fn views_commands_and_shortcuts() {
    let view = json!({"id": "V1", "hash": "1.a", "callback_id": "card.edit", "private_metadata": "m",
                      "app_installed_team_id": "T0HOME", "state": {"values": {"b": {"a": {"value": "x"}}}}});
    let base = |kind: &str| {
        json!({"type": kind, "team": {"id": "T0ELSE"}, "user": {"id": "U9", "team_id": "T0ELSE"},
                                   "trigger_id": "1.2.c", "view": view})
    };
    assert_eq!(teams(&base("view_submission"))[0], "T0HOME", "where the app is installed");
    let Inbound::Submission { origin, callback_id, values, .. } = inbound(&base("view_submission")) else {
        panic!()
    };
    assert_eq!((origin.user_team.as_deref(), callback_id.as_str()), (Some("T0ELSE"), "card.edit"));
    assert_eq!(values["b"]["a"]["value"], "x");
    assert!(
        matches!(inbound(&base("view_closed")), Inbound::Closed { private_metadata, .. } if private_metadata == "m")
    );
    let command = json!({"command": "/find_waste", "text": "30", "team_id": "T0HOME", "user_id": "U0MARA",
                         "channel_id": "C0ADS", "trigger_id": "1.2.d", "response_url": "https://hooks.example/y"});
    assert!(
        matches!(inbound(&command), Inbound::Command { command, text, .. } if command == "/find_waste" && text == "30")
    );
    let shortcut = json!({"type": "message_action", "callback_id": "ask.about", "team": {"id": "T0HOME"},
        "user": {"id": "U0MARA"}, "channel": {"id": "C0ADS"}, "message_ts": "1.5", "trigger_id": "1.2.e",
        "message": {"ts": "1.5", "text": "CPA is up", "team": "T0ELSE"}});
    assert_eq!(teams(&shortcut), ["T0HOME"], "the author's workspace is not where the app is");
    assert!(
        matches!(inbound(&shortcut), Inbound::Shortcut { message, .. } if message["text"] == "CPA is up")
    );
}

#[test]
fn the_installation_is_spoken_of_in_two_events() {
    assert_eq!(
        inbound(&event(json!({"type": "app_uninstalled"}))),
        Inbound::Uninstalled { team: "T0HOME".into() }
    );
    for (tokens, bot) in
        [(json!({"oauth": ["U1"], "bot": ["U0BOT"]}), true), (json!({"oauth": ["U1"]}), false)]
    {
        let wanted = Inbound::TokensRevoked { team: "T0HOME".into(), bot };
        assert_eq!(inbound(&event(json!({"type": "tokens_revoked", "tokens": tokens}))), wanted);
    }
}

#[test]
fn what_is_not_known_is_kept_by_name() {
    let unknown = |payload: &Value| {
        let Inbound::Unknown { kind } = inbound(payload) else { panic!("{:?}", inbound(payload)) };
        kind
    };
    assert_eq!(unknown(&event(json!({"type": "emoji_changed"}))), "emoji_changed");
    assert_eq!(unknown(&message(json!({"subtype": "channel_join"}))), "message.channel_join");
    assert_eq!(unknown(&json!({"type": "block_suggestion", "user": {"id": "U1"}})), "block_suggestion");
    assert_eq!(unknown(&json!({"type": "app_rate_limited", "minute_rate_limited": 1})), "app_rate_limited");
    assert_eq!(unknown(&json!({})), "payload");
}

#[test]
fn keys_are_short_and_printable_whatever_slack_sends() {
    for id in ["Ev 1", "Ev\n1", &"E".repeat(400), "Ёв1"] {
        let mut payload = message(json!({}));
        payload["event_id"] = json!(id);
        let key = envelope(&payload).key;
        assert!(key.len() <= 150 && key.chars().all(|c| c.is_ascii_graphic()), "{key}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-zA-Z0-9.<>@| -]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{1,10}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    // Slack changes payloads: any field may turn into anything, and reading still gives an answer.
    #[test]
    fn any_field_may_turn_into_anything(
        which in 0usize..4,
        kind in prop::sample::select(vec!["message", "app_mention", "app_home_opened", "assistant_thread_started", "tokens_revoked"]),
        field in prop::sample::select(vec![
            "/type", "/event", "/event/type", "/event/user", "/event/channel", "/event/ts", "/event/text", "/event/files",
            "/event/thread_ts", "/authorizations", "/team_id", "/event_id", "/user", "/team", "/actions", "/container",
            "/message", "/view", "/channel", "/trigger_id", "/response_url", "/command", "/text", "/event/tokens",
        ]),
        value in any_json(),
    ) {
        let mut payload = match which {
            0 => message(json!({"type": kind})),
            1 => click(),
            2 => json!({"type": "view_submission", "user": {"id": "U1"}, "view": {"id": "V1"}}),
            _ => json!({"command": "/ask", "text": "x", "user_id": "U1"}),
        };
        let (parent, name) = field.rsplit_once('/').unwrap();
        if let Some(Value::Object(fields)) = payload.pointer_mut(parent) {
            fields.insert(name.to_owned(), value);
        }
        let read = envelope(&payload);
        prop_assert!(!read.key.is_empty() && !read.lane.is_empty());
        teams(&payload);
    }
}
