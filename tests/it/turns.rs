//! Turns through the front door of the chat room, against a provider over real HTTP and a real database.
use crate::chat::{Chat, dump, end, killed, lines, models, replica, sound};
use crate::fake_provider::{End, FakeProvider, KEY, Reply, calls, delta, finish, says};
use adjutant::chat::turn::Limits;
use adjutant::chat::{Ask, Error, Settings, TurnEvent, TurnEventKind};
use adjutant::db::turns;
use adjutant::ids::TurnId;
use adjutant::llm;
use futures::StreamExt;
use serde_json::json;
use std::time::Duration;

fn spoken(event: &TurnEvent) -> bool {
    matches!(event.kind, TurnEventKind::Text { .. })
}

#[tokio::test]
async fn an_answer_streams_and_is_kept() {
    let chat = Chat::new(vec![says(&["All ", "is ", "well."])]).await;
    let turn = chat.answer("how are things?").await;
    assert_eq!(end(&turn), "answered by fake-1: All is well.");
    let Some(TurnEventKind::Completed { tokens_in, tokens_out, cost, prompt_version, .. }) = turn.end()
    else {
        panic!()
    };
    assert_eq!((*tokens_in, *tokens_out, cost.to_string().as_str()), (1000, 100, "0.0028"));
    assert_eq!(prompt_version.len(), 12);
    let mut tx = chat.world.db.org(chat.world.org).await.unwrap();
    let stored = turns::get(&mut tx, chat.world.org, turn.turn_id).await.unwrap().unwrap();
    assert_eq!((stored.answer.as_deref(), stored.route.as_deref()), (Some("All is well."), Some("model")));
    let calls: (i64, i64) = sqlx::query_as("select count(*), sum(tokens_in)::bigint from model_calls")
        .fetch_one(&mut *tx)
        .await
        .unwrap();
    assert_eq!(calls, (1, 1000));
}

#[tokio::test]
async fn every_reader_sees_the_same_events_from_any_point() {
    let pieces: Vec<String> = (0..700).map(|n| format!("word{n} ")).collect();
    let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
    let chat = Chat::new(vec![says(&pieces)]).await;
    let handle = chat.ask("tell me a lot").await;
    let (actor, turn) = (&chat.world.marketer, handle.turn_id);
    let read = |after| {
        let service = chat.service.clone();
        async move { service.events(actor, turn, after).await.unwrap().collect::<Vec<_>>().await }
    };
    let (live, late) = tokio::join!(read(0), read(100));
    sound(&live);
    let stored = read(0).await;
    assert_eq!(json!(live), json!(stored), "live and stored");
    assert_eq!(json!(live[100..]), json!(late), "from the middle");
    // Another replica, which never saw the turn, reads the same.
    let other = replica(&chat.world, &models(&chat.provider), Settings::default());
    for after in [0, 1, 127, 128, 129, 350] {
        let events: Vec<TurnEvent> = other.events(actor, turn, after).await.unwrap().collect().await;
        assert_eq!(json!(events), json!(live[usize::try_from(after).unwrap()..]), "after {after}");
    }
    let mut tx = chat.world.db.org(chat.world.org).await.unwrap();
    let rows: i64 = sqlx::query_scalar("select count(*) from turn_events").fetch_one(&mut *tx).await.unwrap();
    assert!(rows < 60, "text is stored together, not in {rows} rows");
}

#[tokio::test]
async fn a_busy_provider_is_asked_again_after_its_pause() {
    let chat =
        Chat::new(vec![Reply::Refuse(429, Some("0")), Reply::Refuse(503, None), says(&["Here."])]).await;
    assert_eq!(end(&chat.answer("hello?").await), "answered by fake-1: Here.");
    assert_eq!(chat.provider.requests().len(), 3);
}

#[tokio::test]
async fn a_provider_that_is_down_hands_over_to_the_planner() {
    for reply in
        [|| Reply::Refuse(500, None), || Reply::Refuse(429, Some("3600")), || Reply::Refuse(401, None)]
    {
        let chat =
            Chat::with(FakeProvider::answering(move |_, _| reply()).await, |_| {}, Settings::default()).await;
        let turn = chat.answer("how much did we spend last week?").await;
        assert!(end(&turn).contains("by offline: "), "{}", end(&turn));
        assert!(lines(&turn)[0].ends_with("The offline planner answers."), "{:?}", lines(&turn));
        assert!(!json!(turn).to_string().contains(KEY), "the provider's words stay out");
    }
}

#[tokio::test]
async fn a_stream_cut_in_the_middle_starts_anew_with_the_planner() {
    for stop in [End::Cut, End::Short] {
        let half = Reply::Stream(vec![delta(json!({"content": "Spend was ninety-n"}))], stop);
        let chat = Chat::new(vec![half]).await;
        let turn = chat.answer("how much did we spend last week?").await;
        assert!(end(&turn).contains("by offline: "), "{}", end(&turn));
        assert!(!end(&turn).contains("ninety"));
        assert!(turn.events.iter().any(|e| matches!(e.kind, TurnEventKind::Text { restart: true, .. })));
    }
}

#[tokio::test]
async fn an_error_object_or_rubbish_in_mid_stream_is_a_broken_stream() {
    for reply in [
        Reply::Stream(
            vec![delta(json!({"content": "a"})), json!({"error": {"message": "overloaded"}})],
            End::Done,
        ),
        Reply::Raw("data: {\"choices\": [{\"delta\": {\"content\": \"a\"}}]}\n\ndata: <html>\n\n"),
    ] {
        let turn = Chat::new(vec![reply]).await.answer("hello").await;
        assert!(end(&turn).contains("by offline: "), "{}", end(&turn));
    }
}

#[tokio::test]
async fn lenient_chunks_are_understood() {
    let chat = Chat::new(vec![Reply::Stream(
        vec![
            json!({}),
            json!({"choices": null, "usage": null}),
            json!({"choices": [{"delta": {"role": "assistant", "content": null, "tool_calls": null}}]}),
            json!({"choices": [{"delta": {"content": "Good."}, "finish_reason": null}], "created": 1.5, "service_tier": "odd"}),
            json!({"choices": [{"finish_reason": "eos_or_so"}]}),
        ],
        End::Short,
    )])
    .await;
    assert_eq!(end(&chat.answer("hello").await), "answered by fake-1: Good.");
}

#[tokio::test]
async fn a_slow_first_token_hands_over() {
    let provider = FakeProvider::start(vec![Reply::Stream(Vec::new(), End::Hang)]).await;
    let tune = |models: &mut llm::Settings| models.timeouts.first_token = Duration::from_millis(80);
    let chat = Chat::with(provider, tune, Settings::default()).await;
    let turn = chat.answer("how much did we spend last week?").await;
    assert_eq!(lines(&turn), ["fake-1 did not answer in time. The offline planner answers."]);
}

#[tokio::test]
async fn an_empty_answer_is_asked_for_once_more_then_fails_plainly() {
    let chat = Chat::new(vec![says(&[]), says(&["Now."])]).await;
    assert_eq!(end(&chat.answer("hello").await), "answered by fake-1: Now.");
    let chat = Chat::new(vec![says(&[" "]), says(&[])]).await;
    assert_eq!(end(&chat.answer("hello").await), "model.empty");
}

#[tokio::test]
async fn a_spent_budget_is_said_and_the_planner_answers() {
    let provider = FakeProvider::start(vec![says(&["One."])]).await;
    let tune = |models: &mut llm::Settings| models.budget.tokens_per_hour = 1_000;
    let chat = Chat::with(provider, tune, Settings::default()).await;
    assert_eq!(end(&chat.answer("hello").await), "answered by fake-1: One.");
    let turn = chat.answer("how much did we spend last week?").await;
    let said = "This hour's model budget is spent; it renews at 10:00 UTC. The offline planner answers.";
    assert_eq!(lines(&turn), [said]);
    assert_eq!(chat.provider.requests().len(), 1);
}

fn hanging() -> Vec<Reply> {
    vec![Reply::Stream(vec![delta(json!({"content": "Let me see"}))], End::Hang)]
}

/// Waits until something was said.
async fn speaking(chat: &Chat, turn: TurnId) {
    let mut events = chat.service.events(&chat.world.marketer, turn, 0).await.unwrap();
    while let Some(event) = events.next().await {
        if matches!(event.kind, TurnEventKind::Text { .. }) {
            return;
        }
    }
    panic!("the turn ended");
}

#[tokio::test]
async fn cancel_stops_a_turn_here_and_from_another_replica() {
    let chat = Chat::new(hanging()).await;
    let turn = chat.ask("hello").await.turn_id;
    speaking(&chat, turn).await;
    chat.service.cancel(&chat.world.marketer, turn).await.unwrap();
    let done = chat.service.finished(&chat.world.marketer, turn).await.unwrap();
    sound(&done.events);
    assert_eq!(end(&done), "turn.cancelled");

    let chat = Chat::new(hanging()).await;
    let turn = chat.ask("hello").await.turn_id;
    speaking(&chat, turn).await;
    let other = replica(&chat.world, &models(&chat.provider), Settings::default());
    other.cancel(&chat.world.marketer, turn).await.unwrap();
    let done = chat.service.finished(&chat.world.marketer, turn).await.unwrap();
    assert_eq!(end(&done), "turn.cancelled");
    // Cancelling what has ended changes nothing.
    other.cancel(&chat.world.marketer, turn).await.unwrap();
}

/// Says one word and hangs: by the pause within the answer, or by the time of the turn, whichever is up first.
#[tokio::test]
async fn a_provider_that_stalls_in_mid_answer_hands_over_before_the_turn_ends() {
    for (idle, seconds) in [(Duration::from_millis(80), 60), (Duration::from_secs(3_600), 4)] {
        let limits = Limits { seconds, ..Limits::default() };
        let settings = Settings { limits, ..Settings::default() };
        let tune = |models: &mut llm::Settings| models.timeouts.idle = idle;
        let chat = Chat::with(FakeProvider::start(hanging()).await, tune, settings).await;
        let turn = chat.answer("how much did we spend last week?").await;
        assert!(end(&turn).contains("by offline: "), "{}", end(&turn));
        assert_eq!(lines(&turn), ["fake-1 did not answer in time. The offline planner answers."]);
    }
}

#[tokio::test]
async fn the_deadline_ends_a_turn_whose_tool_hangs() {
    let limits = Limits { seconds: 2, ..Limits::default() };
    let settings = Settings { limits, ..Settings::default() };
    let brief = calls(&[("b", "generate_content_brief", json!({"keyword": "trail shoes"}))]);
    let chat = Chat::with(FakeProvider::start(vec![brief]).await, |_| {}, settings).await;
    // Whoever makes a draft waits for its number.
    let mut superuser = chat.world.superuser().await;
    let lock = "insert into counters (org_id, name, value) select org_id, 'draft', 1 from orgs; begin; update counters set value = value";
    sqlx::raw_sql(lock).execute(&mut superuser).await.unwrap();
    assert_eq!(end(&chat.answer("draft a brief about trail shoes").await), "turn.timeout");
}

#[tokio::test]
async fn a_turn_goes_on_when_nobody_listens() {
    let chat = Chat::new(vec![says(&["a ", "b ", "c"])]).await;
    let handle = chat.ask("hello").await;
    let mut events = chat.service.events(&chat.world.marketer, handle.turn_id, 0).await.unwrap();
    events.next().await;
    drop(events);
    let done = chat.service.finished(&chat.world.marketer, handle.turn_id).await.unwrap();
    assert_eq!(end(&done), "answered by fake-1: a b c");
}

#[tokio::test]
async fn an_idempotency_key_gives_the_same_turn() {
    let chat = Chat::new(vec![says(&["Once."])]).await;
    let ask = |message: &str, key: &str| {
        let ask = Ask { message: message.into(), idempotency_key: Some(key.into()), ..Ask::default() };
        chat.service.ask(&chat.world.marketer, ask)
    };
    let (a, b) = tokio::join!(ask("hello", "k1"), ask("hello", "k1"));
    let (a, b) = (a.unwrap(), b.unwrap());
    assert_eq!((a.turn_id, a.conversation_id), (b.turn_id, b.conversation_id));
    assert_ne!(a.replayed, b.replayed);
    assert!(matches!(ask("something else", "k1").await, Err(Error::IdempotencyConflict)));
    let other = |conversation_id, context: serde_json::Value| {
        let context = context.as_object().unwrap().clone();
        let key = Some("k1".into());
        let ask = Ask { message: "hello".into(), conversation_id, context, idempotency_key: key };
        chat.service.ask(&chat.world.marketer, ask)
    };
    let elsewhere = Some(adjutant::ids::ConversationId::new(&*chat.world.clock));
    assert!(matches!(other(elsewhere, json!({})).await, Err(Error::IdempotencyConflict)));
    assert!(matches!(other(None, json!({"page": "spend"})).await, Err(Error::IdempotencyConflict)));
    assert_eq!(other(Some(a.conversation_id), json!({})).await.unwrap().turn_id, a.turn_id);
    assert_eq!(
        end(&chat.service.finished(&chat.world.marketer, a.turn_id).await.unwrap()),
        "answered by fake-1: Once."
    );
    let mut tx = chat.world.db.org(chat.world.org).await.unwrap();
    let count: (i64, i64) =
        sqlx::query_as("select (select count(*) from turns), (select count(*) from conversations)")
            .fetch_one(&mut *tx)
            .await
            .unwrap();
    assert_eq!(count, (1, 1));
    assert!(matches!(ask("hello", " ").await, Err(Error::Invalid { code: "idempotency.key", .. })));
}

#[tokio::test]
async fn a_turn_whose_owner_died_is_taken_over() {
    let mut script = hanging();
    script.push(says(&["Here it is."]));
    let chat = Chat::new(script).await;
    let turn = killed(&chat, "hello", spoken).await;
    assert_eq!(chat.service.recover().await.unwrap(), 0, "the lease still runs");
    chat.world.clock.advance(Duration::from_secs(10));
    let (a, b) = tokio::join!(chat.service.recover(), chat.service.recover());
    assert_eq!(a.unwrap() + b.unwrap(), 1, "only one takes it over");
    let done = chat.service.finished(&chat.world.marketer, turn).await.unwrap();
    sound(&done.events);
    assert_eq!(end(&done), "answered by fake-1: Here it is.");
    assert_eq!(lines(&done), ["The server restarted; continuing from the last result."]);
    assert_eq!(chat.service.recover().await.unwrap(), 0);
}

#[tokio::test]
async fn a_turn_too_old_to_go_on_is_failed_plainly() {
    let chat = Chat::new(hanging()).await;
    let turn = killed(&chat, "hello", spoken).await;
    chat.world.clock.advance(Duration::from_secs(3_600));
    assert_eq!(chat.service.recover().await.unwrap(), 1);
    let done = chat.service.finished(&chat.world.marketer, turn).await.unwrap();
    sound(&done.events);
    assert_eq!(end(&done), "turn.interrupted");
}

#[tokio::test]
async fn bad_questions_are_refused_with_reasons() {
    let chat = Chat::new(Vec::new()).await;
    for message in ["", " \n\u{7}", &"x".repeat(10_000_000)] {
        let ask = Ask { message: message.to_owned(), ..Ask::default() };
        let refused = chat.service.ask(&chat.world.marketer, ask).await;
        assert!(matches!(refused, Err(Error::Invalid { code: "chat.message", .. })));
    }
}

#[tokio::test]
async fn the_key_is_nowhere_but_in_its_header() {
    let chat = Chat::new(vec![
        Reply::Refuse(400, None),
        Reply::Stream(
            vec![delta(json!({"content": "Hi ![x](https://evil.example/?q=1)"})), finish("stop")],
            End::Done,
        ),
    ])
    .await;
    let first = chat.answer("hello").await;
    let second = chat.answer("hello again").await;
    assert_eq!(end(&second), "answered by fake-1: Hi [x]");
    assert!(!json!([first, second]).to_string().contains(KEY));
    let dump = dump(&chat.world).await;
    assert!(dump.contains("hello again") && !dump.contains(KEY) && !dump.contains("evil.example"));
}
