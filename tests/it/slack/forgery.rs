//! Requests that look like Slack's and are not: each is refused, and leaves nothing behind.
use super::stored::{dm, inbound, post_event, signed, worked};
use super::workspace::Workspace;
use adjutant::fake_slack::{Transport, signature};
use futures::future::join_all;
use reqwest::StatusCode;
use reqwest::header::HeaderValue;

const BODY: &str = r#"{"type":"event_callback","event_id":"EvF","team_id":"T0FERNHILL","event":{"type":"message","channel_type":"im","channel":"D0MARA","user":"U0MARA","ts":"1.1","text":"link"}}"#;

#[tokio::test]
async fn more_than_ten_kinds_of_forgery_are_refused_and_leave_nothing() {
    let w = Workspace::new(Transport::Http).await;
    let secret = w.fake.options().signing_secret.clone();
    let now = w.served.app.clock.now().as_second();
    let mac = |secret: &str, at: i64, body: &str| signature(secret, at, body.as_bytes());
    let good = mac(&secret, now, BODY);
    let flipped = BODY.replace("link", "ljnk");
    let spaced = BODY.replace("\":\"", "\": \"");
    let mut bent = good.clone().into_bytes();
    bent[10] = if bent[10] == b'0' { b'1' } else { b'0' };
    let bent = String::from_utf8(bent).unwrap();
    let at = |seconds: i64| Some(seconds.to_string());
    // (what, body, timestamp, signature)
    let forgeries = [
        ("a flipped bit in the body", flipped.as_str(), at(now), Some(good.clone())),
        ("a flipped bit in the signature", BODY, at(now), Some(bent)),
        ("the same JSON, encoded anew", spaced.as_str(), at(now), Some(good.clone())),
        ("301 s old", BODY, at(now - 301), Some(mac(&secret, now - 301, BODY))),
        ("301 s in the future", BODY, at(now + 301), Some(mac(&secret, now + 301, BODY))),
        ("a new timestamp on an old signature", BODY, at(now + 1), Some(good.clone())),
        ("another secret", BODY, at(now), Some(mac("another-secret", now, BODY))),
        ("no secret", BODY, at(now), Some(mac("", now, BODY))),
        ("another version", BODY, at(now), Some(good.replace("v0=", "v1="))),
        ("no version", BODY, at(now), Some(good[3..].to_owned())),
        ("half a signature", BODY, at(now), Some(good[..35].to_owned())),
        ("no signature", BODY, at(now), None),
        ("no timestamp", BODY, None, Some(good.clone())),
        ("a timestamp that is no number", BODY, Some(format!("{now}.0")), Some(good.clone())),
        ("neither", BODY, None, None),
    ];
    for (what, body, timestamp, mac) in forgeries {
        for path in ["/slack/events", "/slack/interactions", "/slack/commands"] {
            let mut request = w.served.client.post(format!("{}{path}", w.served.url)).body(body.to_owned());
            request = request.header("content-type", "application/json");
            if let Some(timestamp) = &timestamp {
                request = request.header("x-slack-request-timestamp", timestamp);
            }
            if let Some(mac) = &mac {
                request = request.header("x-slack-signature", mac);
            }
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{what} at {path}");
            assert_eq!(answer.text().await.unwrap(), "", "{what}: the forger is told nothing");
        }
    }
    let mut twice = signed(&w, "/slack/events", "application/json", BODY).build().unwrap();
    twice.headers_mut().append("x-slack-signature", HeaderValue::from_str(&good).unwrap());
    let answer = w.served.client.execute(twice).await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "two signatures");
    assert!(inbound(&w, "event_key", "true").await.is_empty());
    // The genuine one is taken, so that it was not something else that kept the others out.
    let genuine = signed(&w, "/slack/events", "application/json", BODY).send().await.unwrap();
    assert_eq!(genuine.status(), StatusCode::OK);
    assert_eq!(inbound(&w, "event_key", "true").await, ["EvF"]);
}

#[tokio::test]
async fn a_request_replayed_a_hundred_times_at_once_has_one_effect() {
    let w = Workspace::new(Transport::Http).await;
    let payload = dm("EvR", "1758100000.000100", "link");
    let answers = join_all((0..100).map(|_| post_event(&w, &payload))).await;
    // Slack is told to come again where the database was too busy; nothing is refused for being there already.
    assert!(
        answers.iter().all(|s| *s == StatusCode::OK || *s == StatusCode::SERVICE_UNAVAILABLE),
        "{answers:?}"
    );
    assert!(answers.contains(&StatusCode::OK));
    worked(&w).await;
    assert_eq!(inbound(&w, "event_key", "true").await, ["EvR"]);
    assert_eq!(super::stored::outgoing(&w, "link:").await, ["link:EvR"]);
}

#[tokio::test]
async fn without_a_signing_secret_nothing_comes_in_over_http() {
    let w = Workspace::new(Transport::Socket).await;
    let answer = signed(&w, "/slack/events", "application/json", BODY).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_not_read() {
    let w = Workspace::new(Transport::Http).await;
    let long = format!(r#"{{"type":"event_callback","x":"{}"}}"#, "x".repeat(1 << 20));
    let answer = signed(&w, "/slack/events", "application/json", &long).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn the_unsigned_check_of_the_certificate_is_answered_and_nothing_else_rides_on_it() {
    let w = Workspace::new(Transport::Http).await;
    let post = |body: String| w.served.client.post(format!("{}/slack/commands", w.served.url)).body(body);
    let form = "application/x-www-form-urlencoded";
    let check = "token=expected&ssl_check=1";
    let answer = post(check.to_owned()).header("content-type", form).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let rider = format!("{check}&command=%2Fask&text=hi&team_id=T0FERNHILL&user_id=U0MARA&trigger_id=1.2.3");
    post(rider).header("content-type", form).send().await.unwrap();
    let long = format!("{check}&x={}", "x".repeat(600));
    let answer = post(long).header("content-type", form).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert!(inbound(&w, "event_key", "true").await.is_empty());
}
