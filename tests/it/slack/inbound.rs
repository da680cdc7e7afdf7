//! From a delivery to a row, and from a row to the room it is for.
use super::stored::{dm, event, inbound, outgoing, post_event, signed, worked};
use super::workspace::Workspace;
use adjutant::fake_slack::{BOT_USER, TEAM, Transport};
use reqwest::StatusCode;
use serde_json::{Value, json};

#[tokio::test]
async fn a_mention_and_its_twin_are_one() {
    for transport in [Transport::Http, Transport::Socket] {
        let w = Workspace::new(transport).await;
        w.fake.mention("mara", "marketing", "link").unwrap();
        w.fake.settled().await;
        worked(&w).await;
        let rows = inbound(&w, "kind", "true").await;
        assert_eq!(rows.len(), 1, "{rows:?}");
        assert_eq!(outgoing(&w, "link:").await.len(), 1);
    }
}

#[tokio::test]
async fn the_twins_at_once_in_any_order_are_one() {
    let w = Workspace::new(Transport::Http).await;
    let base = json!({"type": "message", "channel_type": "channel", "channel": "C0MARKETING", "user": "U0MARA",
                      "ts": "1758100000.000100", "text": format!("<@{BOT_USER}> link")});
    let mut twin = base.clone();
    twin["type"] = json!("app_mention");
    let (one, two) = (event("EvT1", base), event("EvT2", twin));
    let answers =
        tokio::join!(post_event(&w, &two), post_event(&w, &one), post_event(&w, &two), post_event(&w, &one));
    assert_eq!(answers, (StatusCode::OK, StatusCode::OK, StatusCode::OK, StatusCode::OK));
    worked(&w).await;
    assert_eq!(inbound(&w, "kind", "true").await.len(), 1);
    assert_eq!(outgoing(&w, "link:").await.len(), 1);
}

#[tokio::test]
async fn a_delivery_that_was_lost_comes_again_and_is_taken() {
    let w = Workspace::new(Transport::Http).await;
    w.fake.drop_next();
    w.fake.dm("mara", "link").unwrap();
    w.fake.settled().await;
    worked(&w).await;
    let tries = w.fake.read(|ws| ws.sent.iter().map(|s| s.attempt).collect::<Vec<_>>());
    assert!(tries.starts_with(&[0, 1]), "the second try carries X-Slack-Retry-Num: {tries:?}");
    assert_eq!(outgoing(&w, "link:").await.len(), 1);
}

#[tokio::test]
async fn deliveries_in_any_order_and_number_are_each_taken_once() {
    for transport in [Transport::Http, Transport::Socket] {
        let w = Workspace::new(transport).await;
        w.fake.hold();
        for n in 0..5 {
            w.fake.dm("mara", &format!("link {n}{n}{n}{n}-{n}{n}{n}{n}-{n}{n}{n}{n}")).unwrap();
        }
        w.fake.dm("mara", "link").unwrap();
        w.fake.duplicate_next(9);
        w.fake.release(true);
        w.fake.settled().await;
        worked(&w).await;
        assert_eq!(inbound(&w, "event_key", "kind = 'message'").await.len(), 6);
        assert_eq!(outgoing(&w, "link:").await.len(), 6);
    }
}

#[tokio::test]
async fn slack_is_answered_what_it_asks_before_anything_is_installed() {
    let w = Workspace::new(Transport::Http).await;
    let challenge = json!({"type": "url_verification", "token": "x", "challenge": "abc-123"}).to_string();
    let answer = signed(&w, "/slack/events", "application/json", &challenge).send().await.unwrap();
    assert_eq!((answer.status(), answer.text().await.unwrap().as_str()), (StatusCode::OK, "abc-123"));
    for (kind, body) in
        [("application/json", "{not json"), ("application/json", "[]"), ("text/plain", "hello")]
    {
        let answer = signed(&w, "/slack/events", kind, body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{body}");
    }
}

#[tokio::test]
async fn what_is_unknown_is_kept_and_what_is_not_for_us_is_not() {
    let w = Workspace::new(Transport::Http).await;
    let said = |id: &str, more: Value| {
        let mut message = json!({"type": "message", "channel_type": "channel", "channel": "C0MARKETING",
                                 "user": "U0VITO", "ts": format!("17581000{id}.0001"), "text": "lunch?"});
        message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event(&format!("Ev{id}"), message)
    };
    for payload in [
        event("EvUnknown", json!({"type": "emoji_changed", "subtype": "add", "name": "shrug"})),
        said("01", json!({})),
        said("02", json!({"user": BOT_USER})),
        said("03", json!({"subtype": "message_changed", "message": {"text": "x"}})),
        said("04", json!({"subtype": "channel_join"})),
    ] {
        assert_eq!(post_event(&w, &payload).await, StatusCode::OK);
    }
    let kept = inbound(&w, "concat_ws(' ', event_key, kind, state)", "true").await;
    assert_eq!(kept, ["Ev04 message done", "EvUnknown emoji_changed done"]);
    let body = inbound(&w, "body ->> 'token'", "true").await;
    assert!(body.iter().all(String::is_empty), "the old verification token is not stored");
}

#[tokio::test]
async fn another_workspace_is_acknowledged_and_leads_nowhere() {
    let w = Workspace::new(Transport::Http).await;
    let mut stranger = dm("EvS", "1758100000.000100", "link");
    stranger["team_id"] = json!("T0NOBODY");
    assert_eq!(post_event(&w, &stranger).await, StatusCode::OK);
    assert!(inbound(&w, "event_key", "true").await.is_empty());
}

/// Without the numbers that the fake gives its events and triggers.
fn uncounted(row: &str) -> String {
    let words = row.split_inclusive([' ', '"', ':']);
    words
        .map(|word| match word.strip_prefix("Ev").or_else(|| word.strip_prefix("trigger.")) {
            Some(number) => number.trim_start_matches(|c: char| c.is_ascii_digit()),
            None => word,
        })
        .collect()
}

/// The rows that a story leaves, without the addresses of replies.
async fn story(transport: Transport) -> Vec<String> {
    let w = Workspace::new(transport).await;
    w.fake.mention("mara", "marketing", "link").unwrap();
    w.fake.settled().await;
    w.fake.dm("aron", "link").unwrap();
    w.fake.command("mara", "marketing", "/adjutant", "link").unwrap();
    w.fake.open_home("mara").unwrap();
    w.fake.settled().await;
    worked(&w).await;
    inbound(&w, "concat_ws(' ', event_key, team, kind, channel_id, message_ts, lane, place, state, body - 'response_url')", "true")
        .await
        .into_iter()
        .map(|row| uncounted(&row))
        .collect()
}

#[tokio::test]
async fn the_socket_and_http_bring_the_same_envelopes() {
    let mut http = story(Transport::Http).await;
    let mut socket = story(Transport::Socket).await;
    http.sort();
    socket.sort();
    assert_eq!(http.len(), 4, "{http:#?}");
    assert_eq!(http, socket);
    assert!(http.iter().all(|row| row.contains(TEAM)));
}
