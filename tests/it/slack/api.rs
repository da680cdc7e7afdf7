//! The client of the Web API against the fake: what each kind of answer means, the pace of a channel, where it speaks to.
use crate::world::NOW;
use adjutant::clock::{Clock as _, ManualClock};
use adjutant::fake_slack::{FakeSlack, Fault, Options};
use adjutant::slack::Settings;
use adjutant::slack::api::{Api, ApiError};
use futures::poll;
use serde_json::{Value, json};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

const SECRET: &str = "xoxb-not-a-secret";

struct Bench {
    fake: FakeSlack,
    clock: Arc<ManualClock>,
    api: Api,
}

fn settings(api_url: String) -> Settings {
    Settings {
        bot_token: SECRET.to_owned().into(),
        app_token: None,
        signing_secret: None,
        api_url,
        organisation: None,
        allow: Vec::new(),
        public_url: "http://adjutant.example".to_owned(),
        at_once: 1,
    }
}

async fn bench() -> Bench {
    let clock = ManualClock::at(NOW.parse().unwrap());
    let fake =
        FakeSlack::start(Options { bot_token: SECRET.to_owned(), ..Options::new(clock.clone()) }).await;
    let fake = fake.unwrap();
    let api = Api::new(&settings(fake.api_url()), clock.clone()).unwrap();
    Bench { fake, clock, api }
}

impl Bench {
    async fn post(&self, text: &str) -> Result<Value, ApiError> {
        self.api.call("chat.postMessage", &json!({"channel": "C0MARKETING", "text": text})).await
    }

    fn texts(&self) -> Vec<String> {
        self.fake.messages("C0MARKETING").into_iter().map(|m| m.text).collect()
    }
}

fn refused(code: &str) -> ApiError {
    ApiError::Refused { code: code.to_owned(), detail: Vec::new() }
}

#[tokio::test]
async fn methods_that_read_are_asked_by_query_and_the_others_by_json() {
    let b = bench().await;
    let ts = b.post("hello").await.unwrap()["ts"].as_str().unwrap().to_owned();
    let history = json!({"channel": "C0MARKETING", "limit": 5, "include_all_metadata": true});
    let history = b.api.call("conversations.history", &history).await.unwrap();
    assert_eq!(history["messages"][0]["ts"], ts.as_str());
    b.api.call("auth.test", &json!({})).await.unwrap();
    let nobody = b.api.call("users.info", &json!({"user": "U0NOBODY"})).await.unwrap_err();
    assert_eq!(nobody, refused("user_not_found"));
    assert_eq!(b.api.call("chat.shout", &json!({})).await.unwrap_err(), refused("unknown_method"));
}

#[tokio::test]
async fn each_bad_answer_has_its_meaning() {
    let b = bench().await;
    let mut met = Vec::new();
    for fault in [
        Fault::Status(500),
        Fault::Status(503),
        Fault::Malformed,
        Fault::Page,
        Fault::Refuse("internal_error"),
        Fault::Refuse("channel_not_found"),
        Fault::Refuse("token_revoked"),
        Fault::Refuse("account_inactive"),
        Fault::Refuse("ratelimited"),
    ] {
        b.fake.fail("auth.test", fault, 1);
        let error = b.api.call("auth.test", &json!({})).await.unwrap_err();
        b.clock.advance(Duration::from_secs(60));
        assert!(!format!("{error} {error:?}").contains(SECRET));
        met.push(match error {
            ApiError::Limited { after } => format!("limited {}", after.as_secs()),
            ApiError::Refused { code, .. } => format!("refused {code}"),
            ApiError::Broken(_) => "broken".to_owned(),
            ApiError::Gone => "gone".to_owned(),
        });
    }
    assert_eq!(
        met,
        [
            "broken",
            "broken",
            "broken",
            "broken",
            "broken",
            "refused channel_not_found",
            "gone",
            "gone",
            "limited 5"
        ]
    );
}

#[tokio::test]
async fn refused_blocks_say_what_is_wrong_with_them() {
    let b = bench().await;
    let args = json!({"channel": "C0MARKETING", "text": "x", "blocks": [{"type": "section"}]});
    let ApiError::Refused { code, detail } = b.api.call("chat.postMessage", &args).await.unwrap_err() else {
        panic!("not refused");
    };
    assert_eq!(code, "invalid_blocks");
    assert!(!detail.is_empty() && detail[0].contains("[ERROR]"), "{detail:?}");
}

#[tokio::test]
async fn an_answer_that_never_comes_is_given_up_after_ten_seconds() {
    let b = bench().await;
    b.fake.fail("chat.postMessage", Fault::HangAfter, 1);
    let mut call = pin!(b.post("lost"));
    assert!(poll!(&mut call).is_pending());
    tokio::select! {
        _ = &mut call => panic!("it hangs"),
        () = b.fake.wait_for("the message", |ws| (!ws.in_channel("marketing").is_empty()).then_some(())) => {}
    }
    b.clock.advance(Duration::from_secs(10));
    assert!(matches!(call.await, Err(ApiError::Broken(why)) if why.contains("10 s")));
}

#[tokio::test]
async fn a_channel_gets_one_message_a_second_in_the_order_of_the_calls() {
    let b = bench().await;
    b.post("one").await.unwrap();
    let (mut two, mut three) = (pin!(b.post("two")), pin!(b.post("three")));
    assert!(poll!(&mut two).is_pending() && poll!(&mut three).is_pending());
    let other = json!({"channel": "C0GENERAL", "text": "elsewhere"});
    b.api.call("chat.postMessage", &other).await.unwrap();
    assert!(poll!(&mut two).is_pending(), "its second is not over");
    b.clock.advance(Duration::from_secs(1));
    two.await.unwrap();
    assert!(poll!(&mut three).is_pending());
    b.clock.advance(Duration::from_secs(1));
    three.await.unwrap();
    assert_eq!(b.texts(), ["one", "two", "three"]);
}

#[tokio::test]
async fn a_method_is_left_alone_in_a_channel_as_long_as_slack_asks() {
    let b = bench().await;
    b.fake.fail("chat.postMessage", Fault::Limited(30), 1);
    let limited = |secs| Err(ApiError::Limited { after: Duration::from_secs(secs) });
    assert_eq!(b.post("early").await, limited(30));
    b.clock.advance(Duration::from_secs(10));
    assert_eq!(b.post("early").await, limited(20));
    assert_eq!(b.fake.calls("chat.postMessage").len(), 1, "Slack is not asked while it waits");
    b.clock.advance(Duration::from_secs(20));
    b.post("in time").await.unwrap();
    assert_eq!(b.texts(), ["in time"]);
}

#[tokio::test]
async fn nothing_that_is_posted_is_unfurled() {
    let b = bench().await;
    let args = json!({"channel": "C0MARKETING", "text": "see", "unfurl_links": true});
    b.api.call("chat.postMessage", &args).await.unwrap();
    let sent = &b.fake.calls("chat.postMessage")[0].args;
    assert_eq!((&sent["unfurl_links"], &sent["unfurl_media"]), (&json!(false), &json!(false)));
}

#[tokio::test]
async fn a_file_takes_three_steps() {
    let b = bench().await;
    b.post("parent").await.unwrap();
    let parent = b.fake.messages("C0MARKETING")[0].ts.clone();
    b.clock.advance(Duration::from_secs(1));
    let file =
        b.api.upload("C0MARKETING", Some(&parent), "terms.csv", "Search terms", b"a,b\n".to_vec()).await;
    let file = file.unwrap();
    let shown = b.fake.messages("C0MARKETING").pop().unwrap();
    assert_eq!((shown.thread_ts.as_deref(), &shown.files), (Some(parent.as_str()), &vec![file.clone()]));
    let stored = b.fake.read(|ws| ws.files[&file].clone());
    assert_eq!((stored.title.as_str(), stored.bytes.as_deref()), ("Search terms", Some(&b"a,b\n"[..])));
    b.fake.fail("upload", Fault::Status(500), 1);
    let lost = b.api.upload("C0MARKETING", None, "a.csv", "A", b"x".to_vec()).await;
    assert!(matches!(lost, Err(ApiError::Broken(_))), "{lost:?}");
}

#[tokio::test]
async fn it_speaks_to_slack_only() {
    let b = bench().await;
    let foreign = Err(refused("foreign_address"));
    for url in [
        "https://evil.example/hook",
        "https://slack.com.evil.example/x",
        "https://evilslack.com/x",
        "http://hooks.slack.com/x",
        "https://hooks.slack.com:8443/x",
        "http://127.0.0.1:9/response/1",
        "file:///etc/passwd",
        "no address",
    ] {
        assert_eq!(b.api.respond(url, &json!({"text": "x"})).await, foreign, "{url}");
    }
    let other = Api::new(&settings("ftp://slack.com/api/".to_owned()), b.clock.clone());
    assert!(other.err().unwrap().to_string().contains("must be an http or https address"));
    let unknown = b.api.respond(&format!("{}/response/none", b.fake.url()), &json!({"text": "x"})).await;
    assert!(matches!(unknown, Err(ApiError::Refused { code, .. }) if code == "http_404"));
    let _ = b.clock.now();
}
