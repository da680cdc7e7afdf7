//! What arrives at an app, over signed HTTP and over a socket; a small app stands in for the real one.
use super::http::signature;
use crate::clock::{Clock, ManualClock};
use crate::fake_slack::{FakeSlack, Message, Options, Outcome, Submitted, Transport, Workspace};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_tungstenite::tungstenite::Message as Frame;

/// What came in, and what the app answers next (200 and nothing, when nothing is said).
struct Inbox {
    came: Mutex<Vec<(String, HeaderMap, Bytes)>>,
    /// One permit for each thing that came.
    arrivals: Semaphore,
    answers: Mutex<VecDeque<Answer>>,
}

enum Answer {
    Status(u16),
    Body(Value),
    /// Nothing, ever.
    Silence,
}

impl Inbox {
    fn answer(&self, answer: Answer) {
        self.answers.lock().unwrap().push_back(answer);
    }

    fn paths(&self) -> Vec<String> {
        self.came.lock().unwrap().iter().map(|(path, ..)| path.clone()).collect()
    }

    /// Bodies of the events, parsed.
    fn events(&self) -> Vec<Value> {
        let came = self.came.lock().unwrap();
        came.iter().filter_map(|(_, _, body)| serde_json::from_slice(body).ok()).collect()
    }

    fn header(&self, n: usize, name: &str) -> Option<String> {
        let came = self.came.lock().unwrap();
        came[n].1.get(name).map(|v| v.to_str().unwrap().to_owned())
    }
}

async fn take(State(inbox): State<Arc<Inbox>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    inbox.came.lock().unwrap().push((uri.path().to_owned(), headers, body));
    inbox.arrivals.add_permits(1);
    let answer = inbox.answers.lock().unwrap().pop_front();
    match answer {
        None => StatusCode::OK.into_response(),
        Some(Answer::Status(status)) => StatusCode::from_u16(status).unwrap().into_response(),
        Some(Answer::Body(body)) => axum::Json(body).into_response(),
        Some(Answer::Silence) => std::future::pending().await,
    }
}

struct Bench {
    slack: FakeSlack,
    inbox: Arc<Inbox>,
    clock: Arc<ManualClock>,
}

async fn fake(transport: Transport) -> (FakeSlack, Arc<ManualClock>) {
    let clock = ManualClock::at("2025-09-17T09:00:00Z".parse().unwrap());
    let options = Options { transport, ..Options::new(clock.clone()) };
    (FakeSlack::start(options).await.unwrap(), clock)
}

/// A workspace that delivers to a small app.
async fn over_http() -> Bench {
    let (slack, clock) = fake(Transport::Http).await;
    to_an_app(slack, clock).await
}

async fn to_an_app(slack: FakeSlack, clock: Arc<ManualClock>) -> Bench {
    let inbox =
        Arc::new(Inbox { came: Mutex::default(), arrivals: Semaphore::new(0), answers: Mutex::default() });
    let router = Router::new().fallback(take).with_state(Arc::clone(&inbox));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    slack.deliver_to(&format!("http://{}", listener.local_addr().unwrap()));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    Bench { slack, inbox, clock }
}

fn tries(ws: &Workspace, n: usize) -> Option<()> {
    (ws.sent.len() >= n).then_some(())
}

#[test]
fn the_documented_vector_verifies() {
    let body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V\
                &channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=\
                &response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN\
                &trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    let signed = signature("8f742231b10e8888abcd99yyyzzz85a5", 1_531_420_618, body.as_bytes());
    assert_eq!(signed, "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503");
}

#[tokio::test]
async fn a_mention_arrives_twice_signed_and_as_a_message_too() {
    let b = over_http().await;
    b.slack.mention("mara", "marketing", "hello").unwrap();
    b.slack.settled().await;
    let events = b.inbox.events();
    let kinds: Vec<&Value> = events.iter().map(|e| &e["event"]["type"]).collect();
    assert_eq!(kinds, ["message", "app_mention"]);
    assert_eq!(events[0]["event"]["ts"], events[1]["event"]["ts"]);
    assert_ne!(events[0]["event_id"], events[1]["event_id"]);
    assert_eq!(events[0]["event"]["text"], "<@U0ADJUTANT> hello");
    let (timestamp, body) = (b.inbox.header(0, "x-slack-request-timestamp").unwrap(), {
        let came = b.inbox.came.lock().unwrap();
        came[0].2.clone()
    });
    let expected = signature(&b.slack.options().signing_secret, timestamp.parse().unwrap(), &body);
    assert_eq!(b.inbox.header(0, "x-slack-signature"), Some(expected));
    assert_eq!(timestamp, b.clock.now().as_second().to_string());
}

#[tokio::test]
async fn the_app_hears_only_where_it_is_a_member() {
    let b = over_http().await;
    b.slack.mention("mara", "quiet", "hello").unwrap();
    b.slack.dm("mara", "hello").unwrap();
    b.slack.settled().await;
    let events = b.inbox.events();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["event"]["channel_type"], "im");
}

#[tokio::test]
async fn an_app_gets_what_its_manifest_says_and_no_more() {
    let clock = ManualClock::at("2025-09-17T09:00:00Z".parse().unwrap());
    let manifest = json!({
        "features": {"slash_commands": [{"command": "/ask"}],
                     "shortcuts": [{"callback_id": "ask.about", "name": "Ask about this", "type": "message"}]},
        "oauth_config": {"scopes": {"bot": ["chat:write"]}},
        "settings": {"event_subscriptions": {"bot_events": ["app_mention", "message.im"]}}});
    let options = Options { transport: Transport::Http, ..Options::new(clock.clone()) }.installed(&manifest);
    let b = to_an_app(FakeSlack::start(options).await.unwrap(), clock).await;
    b.slack.mention("mara", "marketing", "hello").unwrap();
    b.slack.dm("mara", "hello").unwrap();
    b.slack.open_home("mara").unwrap();
    assert!(b.slack.command("mara", "marketing", "/unheard_of", "").is_err());
    b.slack.command("mara", "marketing", "/ask", "how are we doing?").unwrap();
    b.slack.settled().await;
    let kinds: Vec<Value> = b.inbox.events().iter().map(|e| e["event"]["type"].clone()).collect();
    assert_eq!(kinds, ["app_mention", "message"], "neither the channel message nor the home tab");
    assert_eq!(b.inbox.paths().last().map(String::as_str), Some("/slack/commands"));
    assert_eq!(b.slack.read(|ws| ws.scopes.clone()), ["chat:write"]);
}

#[tokio::test]
async fn an_unacknowledged_event_is_tried_again_at_once_after_a_minute_and_after_five() {
    let b = over_http().await;
    b.inbox.answer(Answer::Silence);
    b.inbox.answer(Answer::Status(503));
    b.inbox.answer(Answer::Status(500));
    b.slack.dm("mara", "hello").unwrap();
    b.inbox.arrivals.acquire().await.unwrap().forget();
    b.clock.advance(Duration::from_secs(3));
    b.slack.wait_for("the second try", |ws| tries(ws, 2)).await;
    assert_eq!(b.slack.read(|ws| ws.sent[0].outcome.clone()), Outcome::Late);
    b.clock.advance(Duration::from_secs(60));
    b.slack.wait_for("the third try", |ws| tries(ws, 3)).await;
    b.clock.advance(Duration::from_secs(300));
    b.slack.settled().await;
    let numbers: Vec<_> = (0..4).map(|n| b.inbox.header(n, "x-slack-retry-num")).collect();
    assert_eq!(numbers, [None, Some("1".into()), Some("2".into()), Some("3".into())]);
    assert_eq!(b.inbox.header(1, "x-slack-retry-reason").as_deref(), Some("http_timeout"));
    assert_eq!(b.slack.read(|ws| ws.sent[3].outcome.clone()), Outcome::Acknowledged(Value::Null));
}

#[tokio::test]
async fn deliveries_can_be_dropped_doubled_and_turned_round() {
    let b = over_http().await;
    b.slack.drop_next();
    b.slack.dm("mara", "lost").unwrap();
    b.slack.settled().await;
    assert_eq!(b.inbox.header(0, "x-slack-retry-num").as_deref(), Some("1"));
    b.slack.duplicate_next(2);
    b.slack.dm("mara", "thrice").unwrap();
    b.slack.settled().await;
    let events = b.inbox.events();
    assert_eq!(events.len(), 4);
    assert_eq!(events[1]["event_id"], events[3]["event_id"]);
    b.slack.hold();
    b.slack.dm("mara", "first").unwrap();
    b.slack.dm("mara", "second").unwrap();
    b.slack.wait_for("both to be held", |_| (b.slack.held() == 2).then_some(())).await;
    b.slack.release(true);
    b.slack.settled().await;
    let texts: Vec<Value> = b.inbox.events()[4..].iter().map(|e| e["event"]["text"].clone()).collect();
    assert_eq!(texts, ["second", "first"]);
}

/// A message of the app with a button and a menu.
async fn card(slack: &FakeSlack) -> Message {
    let text = |text: &str| json!({"type": "plain_text", "text": text});
    let blocks = json!([{"type": "actions", "elements": [
        {"type": "button", "action_id": "card.approve", "text": text("Approve"), "value": "token"},
        {"type": "overflow", "action_id": "card.menu", "options": [
            {"text": text("Hold"), "value": "hold"}, {"text": text("Ask"), "value": "ask"}]}]}]);
    let args = json!({"channel": "C0MARKETING", "text": "A draft", "blocks": blocks});
    let post = reqwest::Client::builder().no_proxy().build().unwrap();
    let post =
        post.post(format!("{}chat.postMessage", slack.api_url())).bearer_auth(&slack.options().bot_token);
    let reply: Value = post.json(&args).send().await.unwrap().json().await.unwrap();
    assert_eq!(reply["ok"], true, "{reply}");
    slack.messages("marketing").pop().unwrap()
}

fn payload(body: &Bytes) -> Value {
    let mut pairs = form_urlencoded::parse(body);
    serde_json::from_str(&pairs.find(|(key, _)| key == "payload").unwrap().1).unwrap()
}

#[tokio::test]
async fn clicks_and_choices_look_like_recorded_ones() {
    let b = over_http().await;
    let message = card(&b.slack).await;
    b.slack.click("alex", &message, "Approve").unwrap();
    b.slack.choose("alex", &message, "card.menu", "hold").unwrap();
    assert!(b.slack.click("alex", &message, "Explode").is_err());
    b.slack.settled().await;
    let came = b.inbox.came.lock().unwrap();
    let clicks: Vec<Value> =
        came.iter().filter(|c| c.0 == "/slack/interactions").map(|c| payload(&c.2)).collect();
    assert_eq!(clicks[0]["type"], "block_actions");
    assert_eq!(clicks[0]["actions"][0]["value"], "token");
    assert_eq!(clicks[0]["container"]["message_ts"], message.ts);
    assert_eq!(clicks[0]["message"]["blocks"][0]["elements"][0]["action_id"], "card.approve");
    assert_eq!(clicks[1]["actions"][0]["selected_option"]["value"], "hold");
    assert!(clicks[1]["response_url"].as_str().unwrap().starts_with(b.slack.url()));
}

#[tokio::test]
async fn a_command_may_be_answered_in_its_acknowledgement() {
    let b = over_http().await;
    b.inbox.answer(Answer::Body(json!({"text": "Here to help."})));
    b.slack.command("mara", "marketing", "/adjutant", "help").unwrap();
    b.slack.settled().await;
    let said = b.slack.messages("marketing").pop().unwrap();
    assert_eq!((said.text.as_str(), said.ephemeral_to.as_deref()), ("Here to help.", Some("U0MARA")));
    let form = b.inbox.came.lock().unwrap()[0].2.clone();
    assert!(form_urlencoded::parse(&form).any(|(k, v)| k == "command" && v == "/adjutant"));
    b.inbox.answer(Answer::Status(500));
    b.slack.command("mara", "marketing", "/adjutant", "help").unwrap();
    b.slack.settled().await;
    assert_eq!(b.slack.read(|ws| ws.notices.clone()).len(), 1);
    assert_eq!(b.inbox.paths().len(), 2, "a failed command is not tried again");
}

#[tokio::test]
async fn a_modal_is_filled_in_and_may_come_back_with_errors() {
    let b = over_http().await;
    b.slack.command("alex", "marketing", "/adjutant", "settings").unwrap();
    let trigger = b.slack.read(|ws| ws.triggers.keys().last().cloned().unwrap());
    let text = |text: &str| json!({"type": "plain_text", "text": text});
    let view = json!({"type": "modal", "callback_id": "card.reject", "title": text("Reject"),
        "submit": text("Send"), "notify_on_close": true, "blocks": [
        {"type": "input", "block_id": "why", "label": text("Why"),
         "element": {"type": "plain_text_input", "action_id": "text"}},
        {"type": "input", "block_id": "kind", "optional": true, "label": text("Kind"), "element":
            {"type": "static_select", "action_id": "pick", "options": [{"text": text("Policy"), "value": "policy"}]}}]});
    let open = reqwest::Client::builder().no_proxy().build().unwrap();
    let open =
        open.post(format!("{}views.open", b.slack.api_url())).bearer_auth(&b.slack.options().bot_token);
    open.json(&json!({"trigger_id": trigger, "view": view})).send().await.unwrap();
    let view = b.slack.wait_for("the modal", |ws| ws.views.values().next().cloned()).await;
    let blank = b.slack.submit("alex", &view.id, &[]).await.unwrap();
    assert_eq!(blank, Submitted::Blank(vec!["why".to_owned()]));
    b.inbox.answer(Answer::Body(json!({"response_action": "errors", "errors": {"why": "Say more."}})));
    let values = [("why", json!("No")), ("pick", json!("policy"))];
    let wrong = b.slack.submit("alex", &view.id, &values).await.unwrap();
    assert_eq!(wrong, Submitted::Errors(json!({"why": "Say more."})));
    assert_eq!(b.slack.submit("alex", &view.id, &values).await.unwrap(), Submitted::Closed);
    assert!(b.slack.read(|ws| ws.views.is_empty()));
    let last = b.inbox.came.lock().unwrap().last().unwrap().2.clone();
    let state = &payload(&last)["view"]["state"]["values"];
    assert_eq!(state["why"]["text"]["value"], "No");
    assert_eq!(state["kind"]["pick"]["selected_option"]["value"], "policy");
}

/// A socket of the app: a fresh ticket each time.
async fn connect(
    slack: &FakeSlack,
) -> tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>> {
    let open = reqwest::Client::builder().no_proxy().build().unwrap();
    let open = open.post(format!("{}apps.connections.open", slack.api_url()));
    let open = open.bearer_auth(&slack.options().app_token).send().await.unwrap();
    let reply: Value = open.json().await.unwrap();
    let (mut socket, _) = tokio_tungstenite::connect_async(reply["url"].as_str().unwrap()).await.unwrap();
    assert_eq!(next(&mut socket).await["type"], "hello");
    assert!(tokio_tungstenite::connect_async(reply["url"].as_str().unwrap()).await.is_err(), "one use");
    socket
}

async fn next(
    socket: &mut (impl StreamExt<Item = Result<Frame, tokio_tungstenite::tungstenite::Error>> + Unpin),
) -> Value {
    let frame = socket.next().await.unwrap().unwrap();
    serde_json::from_str(frame.to_text().unwrap()).unwrap()
}

#[tokio::test]
async fn envelopes_come_over_the_socket_and_again_when_it_breaks() {
    let (slack, _clock) = fake(Transport::Socket).await;
    slack.dm("mara", "hello").unwrap();
    let mut first = connect(&slack).await;
    let envelope = next(&mut first).await;
    assert_eq!((&envelope["type"], &envelope["retry_attempt"]), (&json!("events_api"), &json!(0)));
    slack.close_sockets(Some("refresh_requested"));
    assert_eq!(next(&mut first).await["type"], "disconnect");
    let mut second = connect(&slack).await;
    let again = next(&mut second).await;
    assert_eq!(again["retry_attempt"], 1);
    assert_eq!(again["payload"]["event_id"], envelope["payload"]["event_id"]);
    assert_ne!(again["envelope_id"], envelope["envelope_id"]);
    let ack = json!({"envelope_id": again["envelope_id"]});
    second.send(Frame::text(ack.to_string())).await.unwrap();
    slack.settled().await;
    let outcomes: Vec<Outcome> = slack.read(|ws| ws.sent.iter().map(|s| s.outcome.clone()).collect());
    assert_eq!(outcomes, [Outcome::Unreachable, Outcome::Acknowledged(Value::Null)]);
}
