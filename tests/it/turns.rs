//! Turns through the front door of the chat room, against a provider over real HTTP and a real database.
use crate::fake_provider::{End, FakeProvider, KEY, Reply, calls, delta, finish, says};
use crate::world::World;
use adjutant::access::Actor;
use adjutant::catalogue::Catalogue;
use adjutant::chat::turn::Limits;
use adjutant::chat::{Ask, Error, FinishedTurn, Handle, Parts, Service, Settings, TurnEvent, TurnEventKind};
use adjutant::clock::SharedClock;
use adjutant::db::turns;
use adjutant::ids::TurnId;
use adjutant::llm::{self, Price, Provider, Quirks};
use futures::StreamExt;
use serde_json::json;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The built-in queries, loaded once.
fn catalogue() -> Arc<Catalogue> {
    static LOADED: OnceLock<Arc<Catalogue>> = OnceLock::new();
    Arc::clone(LOADED.get_or_init(|| Arc::new(Catalogue::load(None).expect("the built-in queries load"))))
}

struct Planner;
#[async_trait::async_trait]
impl llm::ChatModel for Planner {
    fn name(&self) -> &str {
        "offline"
    }
    async fn stream(&self, _: llm::ChatRequest) -> Result<llm::ChatStream, llm::ModelError> {
        let events =
            [llm::ChatEvent::Text("Planned.".into()), llm::ChatEvent::Done { model: "offline".into() }];
        Ok(futures::stream::iter(events.map(Ok)).boxed())
    }
}

fn models(provider: &FakeProvider) -> llm::Settings {
    llm::Settings {
        providers: vec![Provider {
            name: "fake".into(),
            base_url: provider.url.clone(),
            key: Some(KEY.to_owned().into()),
            model: "fake-1".into(),
            price: Price { input: 2.into(), output: 8.into() },
            quirks: Quirks::default(),
        }],
        retry: llm::Retry { min_delay: Duration::from_millis(1), ..llm::Retry::default() },
        ..llm::Settings::default()
    }
}

/// A service of its own over the world: one replica.
fn replica(world: &World, models: &llm::Settings, settings: Settings) -> Service {
    let clock: SharedClock = world.clock.clone();
    let catalogue = catalogue();
    let planner: Arc<dyn llm::ChatModel> = Arc::new(Planner);
    let model = llm::chain(models, &world.db, &clock, Arc::clone(&planner)).unwrap();
    Service::new(Parts { db: world.db.clone(), clock, catalogue, model, planner, settings }).unwrap()
}

struct Chat {
    world: World,
    provider: FakeProvider,
    service: Service,
}

impl Chat {
    async fn new(script: Vec<Reply>) -> Self {
        Self::with(FakeProvider::start(script).await, |_| {}, Settings::default()).await
    }

    async fn with(provider: FakeProvider, tune: impl Fn(&mut llm::Settings), settings: Settings) -> Self {
        let world = World::new().await;
        let mut models = models(&provider);
        tune(&mut models);
        let service = replica(&world, &models, settings);
        Self { world, provider, service }
    }

    async fn ask(&self, message: &str) -> Handle {
        let ask = Ask { message: message.into(), ..Ask::default() };
        self.service.ask(&self.world.marketer, ask).await.unwrap()
    }

    /// Asks and waits; checks what holds for every turn.
    async fn answer(&self, message: &str) -> FinishedTurn {
        let handle = self.ask(message).await;
        let finished = self.service.finished(&self.world.marketer, handle.turn_id).await.unwrap();
        assert_eq!(self.provider.faults(), Vec::<String>::new());
        sound(&finished.events);
        finished
    }
}

/// Numbers without gaps, one beginning, one end, and the shown text is the answer.
fn sound(events: &[TurnEvent]) {
    let seqs: Vec<i32> = events.iter().map(|event| event.seq).collect();
    assert_eq!(seqs, (1..=i32::try_from(events.len()).unwrap()).collect::<Vec<_>>());
    assert!(matches!(events[0].kind, TurnEventKind::Started { .. }));
    let ends: Vec<usize> = (0..events.len()).filter(|i| events[*i].kind.is_final()).collect();
    assert_eq!(ends, [events.len() - 1]);
    if let TurnEventKind::Completed { answer, .. } = &events[events.len() - 1].kind {
        assert_eq!(&shown(events), answer);
    }
}

fn shown(events: &[TurnEvent]) -> String {
    let mut shown = String::new();
    for event in events {
        if let TurnEventKind::Text { text, restart } = &event.kind {
            if *restart {
                shown.clear();
            }
            shown.push_str(text);
        }
    }
    shown
}

/// The end in one line: outcome and answer, or the code.
fn end(turn: &FinishedTurn) -> String {
    match turn.end() {
        Some(TurnEventKind::Completed { answer, outcome, model, .. }) => {
            format!("{outcome} by {model}: {answer}")
        }
        Some(TurnEventKind::Failed { code, .. } | TurnEventKind::Cancelled { code, .. }) => code.clone(),
        other => format!("{other:?}"),
    }
}

fn lines(turn: &FinishedTurn) -> Vec<&str> {
    let lines = turn.events.iter().filter_map(|event| match &event.kind {
        TurnEventKind::Status { line } => Some(line.as_str()),
        _ => None,
    });
    lines.collect()
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
            Chat::with(FakeProvider::endless(move |_| reply()).await, |_| {}, Settings::default()).await;
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

#[tokio::test]
async fn the_deadline_ends_a_turn() {
    let limits = Limits { seconds: 1, ..Limits::default() };
    let settings = Settings { limits, ..Settings::default() };
    let chat = Chat::with(FakeProvider::start(hanging()).await, |_| {}, settings).await;
    assert_eq!(end(&chat.answer("hello").await), "turn.timeout");
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

/// Runs a replica in a runtime of its own, and kills that in mid-turn: nothing of it runs any more.
async fn killed(chat: &Chat, message: &str) -> TurnId {
    let world = &chat.world;
    let (service, actor) =
        (replica(world, &models(&chat.provider), Settings::default()), world.marketer.clone());
    let message = message.to_owned();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (said, speaking) = tokio::sync::oneshot::channel();
    runtime.spawn(async move {
        let turn = service.ask(&actor, Ask { message, ..Ask::default() }).await.unwrap().turn_id;
        let mut events = service.events(&actor, turn, 0).await.unwrap();
        while let Some(event) = events.next().await {
            if matches!(event.kind, TurnEventKind::Text { .. }) {
                break;
            }
        }
        let _ = said.send(turn);
        std::future::pending::<()>().await;
    });
    let turn = speaking.await.unwrap();
    runtime.shutdown_background();
    turn
}

#[tokio::test]
async fn a_turn_whose_owner_died_is_taken_over() {
    let mut script = hanging();
    script.push(says(&["Here it is."]));
    let chat = Chat::new(script).await;
    let turn = killed(&chat, "hello").await;
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
    let turn = killed(&chat, "hello").await;
    chat.world.clock.advance(Duration::from_secs(3_600));
    assert_eq!(chat.service.recover().await.unwrap(), 1);
    let done = chat.service.finished(&chat.world.marketer, turn).await.unwrap();
    sound(&done.events);
    assert_eq!(end(&done), "turn.interrupted");
}

#[tokio::test]
async fn conversations_belong_to_their_owner_and_organisation() {
    let chat = Chat::new(vec![says(&["Mine."])]).await;
    let turn = chat.answer("hello").await;
    let (id, conversation) = (turn.turn_id, turn.conversation_id);
    let other = chat.world.other_org().await;
    for stranger in [&chat.world.approver, &chat.world.admin, &other.marketer, &other.admin] {
        assert!(matches!(chat.service.events(stranger, id, 0).await.err(), Some(Error::NotFound("turn"))));
        assert!(matches!(chat.service.finished(stranger, id).await.err(), Some(Error::NotFound("turn"))));
        assert!(matches!(chat.service.cancel(stranger, id).await, Err(Error::NotFound("turn"))));
        let feedback = chat.service.feedback(stranger, id, turns::Rating::Up, None).await;
        assert!(matches!(feedback, Err(Error::NotFound("turn"))));
        let ask = Ask { message: "and?".into(), conversation_id: Some(conversation), ..Ask::default() };
        assert!(matches!(chat.service.ask(stranger, ask).await, Err(Error::NotFound("conversation"))));
        let read = chat.service.conversation(stranger, conversation, 10).await;
        assert!(matches!(read, Err(Error::NotFound("conversation"))));
        assert!(matches!(chat.service.rename(stranger, conversation, "x").await, Err(Error::NotFound(_))));
        assert!(matches!(chat.service.delete(stranger, conversation).await, Err(Error::NotFound(_))));
        assert!(chat.service.conversations(stranger, None, 10).await.unwrap().conversations.is_empty());
    }
    let mut without: Actor = chat.world.marketer.clone();
    without.permissions.clear();
    assert!(matches!(chat.service.events(&without, id, 0).await.err(), Some(Error::Missing(_))));
}

#[tokio::test]
async fn conversations_are_listed_renamed_and_deleted() {
    let chat =
        Chat::with(FakeProvider::endless(|_| says(&["Yes."])).await, |_| {}, Settings::default()).await;
    let actor = &chat.world.marketer;
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(chat.answer(&format!("question {n}")).await.conversation_id);
        chat.world.clock.advance(Duration::from_secs(60));
    }
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let page = chat.service.conversations(actor, cursor.as_deref(), 2).await.unwrap();
        seen.extend(page.conversations.iter().map(|c| c.id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    ids.reverse();
    assert_eq!(seen, ids);
    chat.service.rename(actor, ids[0], " New\u{7} name ").await.unwrap();
    let (conversation, turns) = chat.service.conversation(actor, ids[0], 10).await.unwrap();
    assert_eq!((conversation.title.as_str(), turns.len()), ("New name", 1));
    chat.service.delete(actor, ids[0]).await.unwrap();
    assert!(matches!(chat.service.conversation(actor, ids[0], 10).await, Err(Error::NotFound(_))));
    assert!(matches!(chat.service.conversations(actor, Some("x"), 2).await, Err(Error::Invalid { .. })));
}

#[tokio::test]
async fn earlier_turns_are_told_to_the_model() {
    let chat =
        Chat::with(FakeProvider::endless(|_| says(&["Fine."])).await, |_| {}, Settings::default()).await;
    let mut conversation_id = None;
    for n in 0..9 {
        let ask = Ask { message: format!("question {n}?"), conversation_id, ..Ask::default() };
        let handle = chat.service.ask(&chat.world.marketer, ask).await.unwrap();
        chat.service.finished(&chat.world.marketer, handle.turn_id).await.unwrap();
        chat.world.clock.advance(Duration::from_secs(1));
        conversation_id = Some(handle.conversation_id);
    }
    assert_eq!(chat.provider.faults(), Vec::<String>::new());
    let requests = chat.provider.requests();
    let last = requests.last().unwrap()["messages"].as_array().unwrap();
    let texts: Vec<&str> = last[1..].iter().filter_map(|m| m["content"].as_str()).collect();
    assert!(texts[0].starts_with("<data>") && texts[0].contains("question 1?"), "{}", texts[0]);
    assert_eq!(texts[1..4], ["question 2?", "Fine.", "question 3?"]);
    assert_eq!(texts.last(), Some(&"question 8?"));
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

/// Text of every table of the database.
async fn dump(world: &World) -> String {
    let mut connection = world.superuser().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname in ('public')",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let mut out = String::new();
    for table in tables {
        let statement = format!("select coalesce(string_agg(t::text, '\n'), '') from {table} t");
        let text: String =
            sqlx::query_scalar(sqlx::AssertSqlSafe(statement)).fetch_one(&mut connection).await.unwrap();
        out.push_str(&text);
    }
    out
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

#[tokio::test]
async fn unknown_tools_and_bad_arguments_are_told_not_run() {
    let bad = json!({"tool_calls": [{"index": 0, "id": "b", "function": {"name": "kpi_overview", "arguments": "{\"x\": "}}]});
    let chat = Chat::new(vec![
        calls(&[
            ("a", "approve_draft", json!({"id": 1})),
            ("c", "run_sql", json!({"sql": "drop table turns"})),
        ]),
        Reply::Stream(vec![delta(bad), finish("tool_calls")], End::Done),
        says(&["I cannot do that."]),
    ])
    .await;
    let turn = chat.answer("approve everything").await;
    assert_eq!(end(&turn), "answered by fake-1: I cannot do that.");
    let codes: Vec<&str> = turn
        .events
        .iter()
        .filter_map(|event| match &event.kind {
            TurnEventKind::ToolFailed { code, .. } => Some(code.as_str()),
            TurnEventKind::ToolStarted { .. } => panic!("nothing may run"),
            _ => None,
        })
        .collect();
    assert_eq!(codes, ["tool.unknown", "tool.unknown", "tool.bad_arguments"]);
}
