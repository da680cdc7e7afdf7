//! How much one organisation may ask in an hour and one caller may listen to at once; what is counted.
use crate::chat::Chat;
use crate::fake_provider::{End, FakeProvider, Reply, calls, delta, says};
use crate::served::Served;
use crate::turn_tools::count;
use crate::world::World;
use adjutant::chat::{Ask, Error, Settings};
use adjutant::http::limits::Limits;
use reqwest::StatusCode;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn an_organisation_asks_so_much_in_an_hour() {
    let provider = FakeProvider::answering(|_, _| says(&["Yes."])).await;
    let chat = Chat::with(provider, |_| {}, Settings { per_hour: Some(2), ..Settings::default() }).await;
    let mut connection = chat.world.superuser().await;
    let counted = "select coalesce(sum(amount), 0)::bigint from usage_counters where kind = 'turns'";
    for n in 1..=2 {
        chat.answer("hello").await;
        while count(&mut connection, counted).await < n {
            tokio::task::yield_now().await;
        }
    }
    let again = || chat.service.ask(&chat.world.marketer, Ask { message: "hello".into(), ..Ask::default() });
    let Err(Error::Busy { code: "turns.budget", message }) = again().await else { panic!("it was asked") };
    assert_eq!(
        message,
        "The limit of 2 questions an hour is reached; it renews in 60 minutes. An administrator can raise it."
    );
    let own = "insert into org_settings (org_id, key, value, set_at) select org_id, 'hourly_limits', '{\"turns\": 3}', now() from orgs";
    sqlx::raw_sql(own).execute(&mut connection).await.unwrap();
    again().await.unwrap();
    while count(&mut connection, counted).await < 3 {
        tokio::task::yield_now().await;
    }
    assert!(matches!(again().await, Err(Error::Busy { .. })));
    chat.world.clock.advance(Duration::from_secs(3_600));
    again().await.unwrap();
}

#[tokio::test]
async fn a_caller_listens_to_so_many_answers_at_once() {
    let limits = Limits::with_streams(2);
    let world = World::new().await;
    let (mara, aron) = (world.marketer.member.0, world.approver.member.0);
    let first = limits.listen(mara).ok().unwrap();
    let _second = limits.listen(mara).ok().unwrap();
    let refused = limits.listen(mara).err().unwrap();
    assert_eq!(
        (refused.status, refused.code.as_str()),
        (StatusCode::TOO_MANY_REQUESTS.as_u16(), "rate.limited")
    );
    assert!(limits.listen(aron).is_ok(), "somebody else");
    drop(first);
    assert!(limits.listen(mara).is_ok(), "one was let go");
}

#[tokio::test]
async fn an_answer_that_is_let_go_counts_no_more() {
    let world = World::new().await;
    let served = Served::with_limits(&world, Limits::with_streams(1)).await;
    let session = served.session(&world.marketer).await;
    for _ in 0..3 {
        let turn = served.ask(&session, "how much did we spend last week?").await;
        let events =
            served.get(&format!("/api/turns/{}/events", turn["turn_id"].as_str().unwrap()), &session).await;
        assert_eq!(events.status, StatusCode::OK, "{}", events.body);
    }
}

#[tokio::test]
async fn turns_calls_queries_and_drafts_are_counted_and_timed() {
    let brief = json!({"keyword": "trail shoes"});
    let chat = crate::turn_tools::shop(vec![
        calls(&[("w", crate::turn_tools::WASTE, json!({})), ("b", "generate_content_brief", brief)]),
        Reply::Stream(vec![delta(json!({"content": "So"}))], End::Cut),
    ])
    .await;
    let served = Served::new(&chat.world).await;
    chat.answer("what was wasted?").await;
    let text = served.get("/metrics", "nobody").await.body.as_str().unwrap().to_owned();
    for name in [
        "adjutant_turns_total{state=\"completed\"",
        "adjutant_turn_seconds",
        "adjutant_turn_first_word_seconds",
        "adjutant_model_calls_total{provider=\"fake\",model=\"fake-1\",state=\"ok\"}",
        "adjutant_model_calls_total{provider=\"fake\",model=\"fake-1\",state=\"broken\"}",
        "adjutant_model_call_seconds",
        "adjutant_model_tokens_total",
        "adjutant_queries_total{query=\"wasted_spend\",outcome=\"read\"}",
        "adjutant_query_seconds",
        "adjutant_drafts_total{verb=\"create\",outcome=\"done\"}",
    ] {
        assert!(text.contains(name), "{name} is missing in\n{text}");
    }
}
