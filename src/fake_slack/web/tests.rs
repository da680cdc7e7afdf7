//! What Slack refuses, the fake refuses; over real HTTP.
use crate::clock::{Clock, ManualClock};
use crate::fake_slack::{BOT_USER, FakeSlack, Fault, Options, TEAM};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// A fake and somebody who calls it.
struct Caller {
    slack: FakeSlack,
    clock: Arc<ManualClock>,
    client: Client,
}

impl Caller {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Options)) -> Self {
        let clock = ManualClock::at("2025-09-17T09:00:00Z".parse().unwrap());
        let mut options = Options::new(clock.clone());
        change(&mut options);
        let slack = FakeSlack::start(options).await.unwrap();
        let client = Client::builder().no_proxy().build().unwrap();
        Self { slack, clock, client }
    }

    fn address(&self, method: &str) -> String {
        format!("{}{method}", self.slack.api_url())
    }

    async fn send(&self, method: &str, token: &str, args: Value) -> Response {
        self.client.post(self.address(method)).bearer_auth(token).json(&args).send().await.unwrap()
    }

    async fn call(&self, method: &str, args: Value) -> Value {
        let token = self.slack.options().bot_token.clone();
        self.send(method, &token, args).await.json().await.unwrap()
    }

    async fn get(&self, method: &str, query: &[(&str, &str)]) -> Value {
        let token = &self.slack.options().bot_token;
        let request = self.client.get(self.address(method)).bearer_auth(token).query(query);
        request.send().await.unwrap().json().await.unwrap()
    }

    async fn post(&self, text: &str) -> Value {
        self.call("chat.postMessage", json!({"channel": "C0MARKETING", "text": text})).await
    }

    /// A trigger as a click brings it.
    fn trigger(&self) -> String {
        self.slack.command("mara", "marketing", "/adjutant", "help").unwrap();
        self.slack.read(|ws| ws.triggers.keys().last().cloned().unwrap())
    }

    /// The response URL of the newest interaction.
    fn response_url(&self) -> String {
        self.slack.command("mara", "marketing", "/adjutant", "help").unwrap();
        let id = self.slack.read(|ws| ws.response_urls.keys().last().cloned().unwrap());
        format!("{}/response/{id}", self.slack.url())
    }

    async fn respond(&self, url: &str, body: Value) -> (u16, String) {
        let answer = self.client.post(url).json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

fn modal() -> Value {
    json!({"type": "modal", "title": {"type": "plain_text", "text": "Reject"}, "blocks": []})
}

#[tokio::test]
async fn tokens_and_methods_are_checked_first() {
    let c = Caller::new().await;
    let nobody = c.client.post(c.address("auth.test")).send().await.unwrap();
    assert_eq!(nobody.json::<Value>().await.unwrap()["error"], "not_authed");
    let wrong: Value = c.send("auth.test", "xoxb-wrong", json!({})).await.json().await.unwrap();
    assert_eq!(wrong["error"], "invalid_auth");
    assert_eq!(c.call("chat.meMessage", json!({})).await["error"], "unknown_method");
    assert_eq!(c.call("apps.connections.open", json!({})).await["error"], "not_allowed_token_type");
    let who = c.call("auth.test", json!({})).await;
    assert_eq!(
        (&who["ok"], &who["user_id"], &who["team_id"]),
        (&json!(true), &json!(BOT_USER), &json!(TEAM))
    );
    c.slack.token_works(false);
    assert_eq!(c.call("auth.test", json!({})).await["error"], "token_revoked");
}

#[tokio::test]
async fn every_scope_counts() {
    let c = Caller::new().await;
    let opened = c.send("auth.test", "xoxb-fake-bot-token", json!({})).await;
    assert!(opened.headers()["x-oauth-scopes"].to_str().unwrap().contains("users:read.email"));
    let seen = c.get("users.info", &[("user", "U0MARA")]).await;
    assert_eq!(seen["user"]["profile"]["email"], "mara@fernhill.example");
    assert_eq!(seen["user"]["is_email_confirmed"], true);
    c.slack.without_scopes(&["users:read.email", "chat:write", "files:write", "im:history"]);
    assert!(c.get("users.info", &[("user", "U0MARA")]).await["user"]["profile"]["email"].is_null());
    let refused = c.post("hello").await;
    assert_eq!((&refused["error"], &refused["needed"]), (&json!("missing_scope"), &json!("chat:write")));
    let upload = c.get("files.getUploadURLExternal", &[("filename", "a.csv"), ("length", "3")]).await;
    assert_eq!(upload["needed"], "files:write");
    let dm = c.call("conversations.open", json!({"users": "U0MARA"})).await["channel"]["id"].clone();
    let history = c.get("conversations.history", &[("channel", dm.as_str().unwrap())]).await;
    assert_eq!(history["needed"], "im:history");
}

#[tokio::test]
async fn arguments_are_needed_and_reading_methods_take_no_json() {
    let c = Caller::new().await;
    let missing = c.call("chat.postMessage", json!({"text": "x"})).await;
    assert_eq!(missing["response_metadata"]["messages"][0], "[ERROR] missing required field: channel");
    assert_eq!(c.call("users.info", json!({"user": "U0MARA"})).await["error"], "invalid_arguments");
    let form = [("token", "xoxb-fake-bot-token"), ("user", "U0MARA")];
    let by_form = c.client.post(c.address("users.info")).form(&form).send().await.unwrap();
    assert_eq!(by_form.json::<Value>().await.unwrap()["user"]["id"], "U0MARA");
    let broken = c.client.post(c.address("chat.postMessage")).bearer_auth("xoxb-fake-bot-token");
    let broken = broken.header("content-type", "application/json").body("{").send().await.unwrap();
    assert_eq!(broken.json::<Value>().await.unwrap()["error"], "invalid_json");
}

#[tokio::test]
async fn the_app_posts_only_where_it_may() {
    let c = Caller::new().await;
    let to = async |channel: &str| {
        c.call("chat.postMessage", json!({"channel": channel, "text": "x"})).await["error"].clone()
    };
    assert_eq!(to("C0NOWHERE").await, "channel_not_found");
    assert_eq!(to("C0QUIET").await, Value::Null);
    c.slack.without_scopes(&["chat:write.public"]);
    assert_eq!(to("C0QUIET").await, "not_in_channel");
    c.slack.arrange(|ws| {
        ws.channels.get_mut("C0LEADS").unwrap().members.remove(BOT_USER);
        ws.channels.get_mut("C0GENERAL").unwrap().archived = true;
    });
    assert_eq!(to("C0LEADS").await, "channel_not_found");
    assert_eq!(to("C0GENERAL").await, "is_archived");
}

#[tokio::test]
async fn messages_need_words_and_fit_the_limits() {
    let c = Caller::new().await;
    assert_eq!(c.post("").await["error"], "no_text");
    assert_eq!(c.post(&"x".repeat(40_001)).await["error"], "msg_too_long");
    let blocks = json!([{"type": "section", "text": {"type": "mrkdwn", "text": "x".repeat(3001)}}]);
    let args = json!({"channel": "C0MARKETING", "text": "x", "blocks": blocks});
    let refused = c.call("chat.postMessage", args).await;
    assert_eq!(refused["error"], "invalid_blocks");
    let said = refused["response_metadata"]["messages"][0].as_str().unwrap();
    assert_eq!(said, "[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]");
    let posted = c.post("hello").await;
    let edit = json!({"channel": "C0MARKETING", "ts": posted["ts"], "text": "x".repeat(4001)});
    assert_eq!(c.call("chat.update", edit).await["error"], "msg_too_long");
}

#[tokio::test]
async fn edits_reach_only_the_apps_own_visible_messages() {
    let c = Caller::new().await;
    let theirs = c.slack.say("mara", "marketing", "hello").unwrap();
    let edit = async |ts: &Value| {
        c.call("chat.update", json!({"channel": "C0MARKETING", "ts": ts, "text": "new"})).await["error"]
            .clone()
    };
    assert_eq!(edit(&json!(theirs)).await, "cant_update_message");
    assert_eq!(edit(&json!("1.000001")).await, "message_not_found");
    let whisper = json!({"channel": "C0MARKETING", "user": "U0MARA", "text": "psst"});
    let whispered = c.call("chat.postEphemeral", whisper).await;
    assert_eq!(edit(&whispered["message_ts"]).await, "message_not_found");
    let outsider = json!({"channel": "C0MARKETING", "user": "U0STELLA", "text": "psst"});
    assert_eq!(c.call("chat.postEphemeral", outsider).await["error"], "user_not_in_channel");
}

#[tokio::test]
async fn threads_are_named_by_their_parent() {
    let c = Caller::new().await;
    let parent = c.post("parent").await["ts"].clone();
    let reply = async |ts: &Value| {
        c.call("chat.postMessage", json!({"channel": "C0MARKETING", "text": "x", "thread_ts": ts})).await
    };
    let answered = reply(&parent).await;
    assert_eq!(answered["ok"], true);
    assert_eq!(reply(&answered["ts"]).await["error"], "cannot_reply_to_message");
    assert_eq!(reply(&json!("1.000001")).await["error"], "thread_not_found");
    let asked = [("channel", "C0MARKETING"), ("ts", parent.as_str().unwrap())];
    let thread = c.get("conversations.replies", &asked).await;
    assert_eq!(thread["messages"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn posting_too_fast_is_answered_with_a_pause() {
    let c = Caller::new().await;
    let token = c.slack.options().bot_token.clone();
    let args = json!({"channel": "C0MARKETING", "text": "x"});
    for _ in 0..4 {
        assert_eq!(c.send("chat.postMessage", &token, args.clone()).await.status(), StatusCode::OK);
    }
    let limited = c.send("chat.postMessage", &token, args.clone()).await;
    assert_eq!(limited.status(), StatusCode::TOO_MANY_REQUESTS);
    let pause: u64 = limited.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert_eq!(pause, 1);
    let elsewhere = json!({"channel": "C0GENERAL", "text": "x"});
    assert_eq!(c.send("chat.postMessage", &token, elsewhere).await.status(), StatusCode::OK);
    c.clock.advance(Duration::from_secs(pause));
    assert_eq!(c.send("chat.postMessage", &token, args).await.status(), StatusCode::OK);
    assert_eq!(c.slack.messages("marketing").len(), 5);
}

#[tokio::test]
async fn a_stream_ends_after_five_minutes_or_when_a_person_stops_it() {
    let c = Caller::new().await;
    let asked = c.slack.say("mara", "marketing", "how are we doing?").unwrap();
    let mut args = json!({"channel": "C0MARKETING", "thread_ts": asked});
    assert_eq!(c.call("chat.startStream", args.clone()).await["error"], "missing_recipient_user_id");
    args["recipient_user_id"] = json!("U0MARA");
    args["recipient_team_id"] = json!(TEAM);
    let ts = c.call("chat.startStream", args.clone()).await["ts"].clone();
    let add = async |ts: &Value, words: &str| {
        let args = json!({"channel": "C0MARKETING", "ts": ts, "markdown_text": words});
        c.call("chat.appendStream", args).await["error"].clone()
    };
    assert_eq!(add(&ts, "Well").await, Value::Null);
    assert_eq!(add(&ts, &"x".repeat(12_001)).await, "msg_too_long");
    assert_eq!(add(&ts, "").await, "invalid_arguments");
    let edit = json!({"channel": "C0MARKETING", "ts": ts, "text": "no"});
    assert_eq!(c.call("chat.update", edit).await["error"], "streaming_state_conflict");
    c.clock.advance(Duration::from_secs(301));
    assert_eq!(add(&ts, "late").await, "message_not_in_streaming_state");
    assert_eq!(c.slack.messages("marketing")[1].text, "Well");

    let second = c.call("chat.startStream", args).await["ts"].clone();
    let message = c.slack.messages("marketing").pop().unwrap();
    assert!(c.slack.stop_stream("mara", &message).is_err(), "nothing shows a stop button");
    let busy = json!({"channel_id": "C0MARKETING", "thread_ts": asked, "status": "processing"});
    assert_eq!(c.call("agents.sessions.setStatus", busy).await["ok"], true);
    c.slack.stop_stream("mara", &message).unwrap();
    assert_eq!(add(&second, "more").await, "stopped_by_user");
}

#[tokio::test]
async fn triggers_serve_once_and_for_three_seconds() {
    let c = Caller::new().await;
    let open = async |trigger: &str| {
        c.call("views.open", json!({"trigger_id": trigger, "view": modal()})).await["error"].clone()
    };
    let trigger = c.trigger();
    assert_eq!(open(&trigger).await, Value::Null);
    assert_eq!(open(&trigger).await, "exchanged_trigger_id");
    assert_eq!(open("made-up").await, "invalid_trigger_id");
    let late = c.trigger();
    c.clock.advance(Duration::from_millis(3001));
    assert_eq!(open(&late).await, "expired_trigger_id");
}

#[tokio::test]
async fn stale_writers_of_views_meet_a_conflict() {
    let c = Caller::new().await;
    let view =
        c.call("views.open", json!({"trigger_id": c.trigger(), "view": modal()})).await["view"].clone();
    let update = async |hash: &Value| {
        let args = json!({"view_id": view["id"], "hash": hash, "view": modal()});
        c.call("views.update", args).await
    };
    let updated = update(&view["hash"]).await;
    assert_eq!(updated["ok"], true);
    assert_eq!(update(&view["hash"]).await["error"], "hash_conflict");
    assert_eq!(update(&updated["view"]["hash"]).await["ok"], true);

    let publish = async |hash: Value| {
        let args = json!({"user_id": "U0MARA", "hash": hash, "view": {"type": "home", "blocks": []}});
        c.call("views.publish", args).await
    };
    let first = publish(Value::Null).await["view"]["hash"].clone();
    assert_eq!(publish(first.clone()).await["ok"], true);
    assert_eq!(publish(first).await["error"], "hash_conflict");
}

#[tokio::test]
async fn a_response_url_serves_five_times_and_half_an_hour() {
    let c = Caller::new().await;
    let url = c.response_url();
    for n in 0..5 {
        let said = c.respond(&url, json!({"text": format!("answer {n}")})).await;
        assert_eq!(said, (200, "ok".to_owned()));
    }
    assert_eq!(c.respond(&url, json!({"text": "one more"})).await, (404, "used_url".to_owned()));
    let fresh = c.response_url();
    assert_eq!(c.respond(&fresh, json!({"markdown_text": "x"})).await.0, 400);
    c.clock.advance(Duration::from_secs(30 * 60 + 1));
    assert_eq!(c.respond(&fresh, json!({"text": "late"})).await, (404, "expired_url".to_owned()));
    let shown = c.slack.messages("marketing");
    assert_eq!(shown.len(), 5);
    assert!(shown.iter().all(|m| m.ephemeral_to.as_deref() == Some("U0MARA")));
}

#[tokio::test]
async fn an_upload_takes_three_steps() {
    let c = Caller::new().await;
    let asked = c.get("files.getUploadURLExternal", &[("filename", "a.csv"), ("length", "3")]).await;
    let (url, id) = (asked["upload_url"].as_str().unwrap().to_owned(), asked["file_id"].clone());
    let share = json!({"files": [{"id": id, "title": "Rows"}], "channel_id": "C0MARKETING"});
    assert_eq!(c.call("files.completeUploadExternal", share.clone()).await["error"], "file_not_found");
    let put = async |bytes: &'static str| c.client.post(&url).body(bytes).send().await.unwrap().status();
    assert_eq!(put("four").await, StatusCode::BAD_REQUEST);
    assert_eq!(put("a;b").await, StatusCode::OK);
    assert_eq!(c.call("files.completeUploadExternal", share).await["ok"], true);
    let message = c.slack.messages("marketing").pop().unwrap();
    assert_eq!(message.files, [id.as_str().unwrap()]);
}

#[tokio::test]
async fn faults_come_on_order_and_the_ledger_keeps_everything() {
    let c = Caller::new().await;
    c.slack.fail("chat.postMessage", Fault::Status(500), 1);
    c.slack.fail("chat.postMessage", Fault::Limited(7), 1);
    c.slack.fail("chat.postMessage", Fault::Malformed, 1);
    let token = c.slack.options().bot_token.clone();
    let args = json!({"channel": "C0MARKETING", "text": "x"});
    let send = async || c.send("chat.postMessage", &token, args.clone()).await;
    assert_eq!(send().await.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(send().await.headers()["retry-after"], "7");
    assert!(send().await.json::<Value>().await.is_err());
    assert_eq!(send().await.json::<Value>().await.unwrap()["ok"], true);
    c.slack.fail("chat.postMessage", Fault::HangAfter, 1);
    let patient = c.client.post(c.address("chat.postMessage")).bearer_auth(&token).json(&args);
    let hung = tokio::time::timeout(Duration::from_millis(100), patient.send()).await;
    assert!(hung.is_err());
    assert_eq!(c.slack.messages("marketing").len(), 2, "the call that hangs is carried out");
    let statuses: Vec<u16> = c.slack.ledger().iter().map(|call| call.status).collect();
    assert_eq!(statuses, [500, 429, 0, 200, 0]);
}

#[tokio::test]
async fn a_status_goes_with_the_answer() {
    let c = Caller::new().await;
    let asked = c.slack.say("mara", "marketing", "how are we doing?").unwrap();
    let args = json!({"channel_id": "C0MARKETING", "thread_ts": asked, "status": "Reading spend …"});
    assert_eq!(c.call("assistant.threads.setStatus", args).await["ok"], true);
    let status = || c.slack.read(|ws| ws.status("C0MARKETING", &asked).map(str::to_owned));
    assert_eq!(status().as_deref(), Some("Reading spend …"));
    let reply = json!({"channel": "C0MARKETING", "thread_ts": asked, "text": "Well."});
    assert_eq!(c.call("chat.postMessage", reply).await["ok"], true);
    assert_eq!(status(), None);
    assert_eq!(c.clock.now(), c.slack.options().clock.now());
}
