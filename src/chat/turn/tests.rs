//! The machine against scripted models: every outcome that `chat.md` names.
#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks for one variant")]
use super::*;
use crate::chat::event::ReceiptStatus;
use crate::chat::fixtures::{arguments, waste};
use serde_json::json;

/// Performs effects by hand: answers each `Ask` from a script, each `Run` with the fixture or a failure.
struct Bench {
    turn: Turn,
    asked: Vec<(Vec<Message>, bool)>,
    runs: Vec<(String, ChosenBy)>,
    recalls: u32,
    events: Vec<TurnEventKind>,
    end: Option<TurnEventKind>,
}

fn limits() -> Limits {
    Limits { rounds: 4, tool_calls: 3, ..Limits::default() }
}

impl Bench {
    fn new() -> Self {
        Self::with(limits())
    }

    fn with(limits: Limits) -> Self {
        let notes = Notes {
            finish: "FINISH".into(),
            unverified: "UNVERIFIED".into(),
            empty: "EMPTY".into(),
            ..Notes::default()
        };
        let turn = Turn::new(Setup {
            question: "what did we waste?".into(),
            messages: vec![Message::User { text: "what did we waste?".into() }],
            evidence: Evidence::default(),
            older: false,
            tools: ["wasted_spend", "leads", "calculate", "pause_campaign"].map(String::from).into(),
            follow_ups: Arc::new(|result| vec![format!("More about {}?", result.query)]),
            params: Arc::new(|_| crate::chat::fixtures::params()),
            by: ChosenBy::Model,
            limits,
            notes,
            prompt_version: "v".into(),
        });
        Self { turn, asked: Vec::new(), runs: Vec::new(), recalls: 0, events: Vec::new(), end: None }
    }

    fn give(&mut self, input: Input) -> &mut Self {
        let effects = self.turn.step(input, Duration::from_millis(5));
        for effect in effects {
            match effect {
                Effect::Ask { messages, tools } => self.asked.push((messages, tools)),
                Effect::Run { call, by } => self.runs.push((call.id, by)),
                Effect::Recall => self.recalls += 1,
                Effect::Emit(kind) => self.events.push(kind),
                Effect::Finish(kind) => self.end = Some(kind),
            }
        }
        self
    }

    fn begin(mut self) -> Self {
        self.give(Input::Begin);
        self
    }

    fn model(&mut self, events: Vec<ChatEvent>) -> &mut Self {
        for event in events {
            self.give(Input::Model(Ok(event)));
        }
        self.give(Input::Model(Ok(ChatEvent::Done { model: "m".into() })))
    }

    fn says(&mut self, text: &str) -> &mut Self {
        self.model(vec![ChatEvent::Text(text.into())])
    }

    fn calls(&mut self, calls: &[(&str, &str, Value)]) -> &mut Self {
        let events = calls.iter().map(|(id, name, args)| {
            let arguments = arguments(args.clone());
            ChatEvent::Call(ToolCall { id: (*id).into(), name: (*name).into(), arguments })
        });
        self.model(events.collect())
    }

    fn rows(&mut self, call_id: &str) -> &mut Self {
        self.give(Input::Tool { call_id: call_id.into(), outcome: ToolOutcome::Rows(Box::new(waste())) })
    }

    /// The end of the turn in one line.
    fn ended(&self) -> String {
        match &self.end {
            Some(TurnEventKind::Completed { answer, outcome, .. }) => format!("{outcome}: {answer}"),
            Some(TurnEventKind::Failed { code, message, .. }) => format!("{code}: {message}"),
            Some(TurnEventKind::Cancelled { code, .. }) => code.clone(),
            other => format!("{other:?}"),
        }
    }

    /// What a reader holds after the last event: the pieces since the last restart.
    fn shown(&self) -> String {
        let mut shown = String::new();
        for event in &self.events {
            if let TurnEventKind::Text { text, restart } = event {
                if *restart {
                    shown.clear();
                }
                shown.push_str(text);
            }
        }
        shown
    }

    fn words(&self) -> Vec<&'static str> {
        self.events.iter().map(TurnEventKind::word).collect()
    }

    fn last_message(&self) -> &Message {
        self.asked.last().unwrap().0.last().unwrap()
    }

    /// Code of the last tool answer that the model read.
    fn told(&self) -> String {
        match self.last_message() {
            Message::Tool { result, failed: true, .. } => result["code"].as_str().unwrap().to_owned(),
            other => format!("{other:?}"),
        }
    }
}

#[test]
fn question_tool_answer() {
    let mut bench = Bench::new().begin();
    bench.calls(&[("a", "wasted_spend", json!({}))]).rows("a").says("CHF 1,180.00 went to 3 campaigns.");
    assert_eq!(bench.ended(), "answered: CHF 1,180.00 went to 3 campaigns.");
    assert_eq!(
        bench.words(),
        ["tool.started", "tool.completed", "chart", "text.delta", "receipts", "suggestions"]
    );
    assert_eq!(bench.runs, [("a".to_owned(), ChosenBy::Model)]);
    assert_eq!((bench.turn.tally().figures, bench.turn.tally().figures_traced), (2, 2));
    let roles: Vec<&str> = bench.asked[1].0.iter().map(role).collect();
    assert_eq!(roles, ["user", "assistant", "tool"]);
}

fn role(message: &Message) -> &'static str {
    match message {
        Message::User { .. } => "user",
        Message::Note { .. } => "note",
        Message::Assistant { .. } => "assistant",
        Message::Tool { .. } => "tool",
    }
}

#[test]
fn tools_of_one_round_run_together_and_answer_in_order() {
    let mut bench = Bench::new().begin();
    bench.calls(&[("a", "wasted_spend", json!({})), ("b", "leads", json!({}))]);
    assert_eq!(bench.runs.len(), 2);
    bench.rows("b");
    assert_eq!(bench.asked.len(), 1, "the model is asked when all are there");
    bench.rows("a");
    let ids: Vec<&String> = bench.asked[1]
        .0
        .iter()
        .filter_map(|m| match m {
            Message::Tool { call_id, .. } => Some(call_id),
            _ => None,
        })
        .collect();
    assert_eq!(ids, ["a", "b"]);
}

/// Suggestions and sources as the steps were asked for, not as the database happened to answer.
#[test]
fn which_tool_is_back_first_changes_nothing_of_the_answer() {
    let ended = |order: [&str; 2]| {
        let mut bench = Bench::new().begin();
        bench.calls(&[("a", "wasted_spend", json!({})), ("b", "leads", json!({}))]);
        for id in order {
            let query = if id == "a" { "wasted_spend" } else { "leads" };
            let mut result = waste();
            result.query = query.to_owned();
            bench.give(Input::Tool { call_id: id.into(), outcome: ToolOutcome::Rows(Box::new(result)) });
        }
        let read: Vec<String> = bench.asked[1]
            .0
            .iter()
            .filter_map(|m| match m {
                Message::Tool { content, .. } => Some(content.clone()),
                _ => None,
            })
            .collect();
        let sources: Vec<String> =
            bench.turn.draft_evidence().into_iter().map(|evidence| evidence.query).collect();
        bench.says("CHF 1,180.00 went to 3 campaigns.");
        let offered = bench.events.iter().find_map(|event| match event {
            TurnEventKind::Suggestions { questions } => Some(questions.clone()),
            _ => None,
        });
        (read, sources, offered.unwrap())
    };
    let asked = ended(["a", "b"]);
    assert_eq!(asked.2, ["More about leads?"], "of the last step");
    assert_eq!(ended(["b", "a"]), asked);
}

#[test]
fn text_before_a_tool_is_withdrawn_by_the_answer() {
    let mut bench = Bench::new().begin();
    let call = ToolCall { id: "a".into(), name: "leads".into(), arguments: Default::default() };
    bench.model(vec![ChatEvent::Text("Let me look. ".into()), ChatEvent::Call(call)]).rows("a").says("Done.");
    assert_eq!(bench.shown(), "Done.");
    assert_eq!(bench.ended(), "answered: Done.");
}

#[test]
fn a_broken_stream_restarts_with_the_next_model() {
    let mut bench = Bench::new().begin();
    bench.model(vec![
        ChatEvent::Text("Half an ans".into()),
        ChatEvent::Restart,
        ChatEvent::Notice("m is not reachable.".into()),
        ChatEvent::Text("Whole.".into()),
    ]);
    assert_eq!((bench.shown().as_str(), bench.ended().as_str()), ("Whole.", "answered: Whole."));
    assert!(bench.words().contains(&"status"));
}

#[test]
fn a_broken_stream_without_another_model_fails_plainly() {
    let mut bench = Bench::new().begin();
    bench.give(Input::Model(Ok(ChatEvent::Text("Half".into())))).give(Input::Model(Err(ModelError::Broken)));
    assert_eq!(bench.ended(), "model.broken: The model's answer broke off.");
    assert!(bench.turn.is_over());
    assert!(bench.turn.step(Input::Cancel, Duration::ZERO).is_empty(), "nothing follows the end");
}

#[test]
fn bad_arguments_and_unknown_tools_are_told() {
    let mut bench = Bench::new().begin();
    let bad = ChatEvent::BadCall {
        id: "a".into(),
        name: "leads".into(),
        arguments: "{\"x".into(),
        problem: "cut".into(),
    };
    bench.model(vec![bad]);
    assert_eq!(bench.told(), "tool.bad_arguments");
    bench.calls(&[("b", "lead", json!({}))]);
    assert_eq!(bench.told(), "tool.unknown");
    let Message::Tool { result, .. } = bench.last_message() else { panic!() };
    assert_eq!(result["allowed"][0], "leads");
    assert!(bench.runs.is_empty());
}

#[test]
fn hostile_tools_never_run() {
    for name in ["approve_draft", "execute", "sql", "http_get", "read_file", "wasted_spend; drop table", ""] {
        let mut bench = Bench::new().begin();
        bench.calls(&[("a", name, json!({}))]);
        assert!(bench.runs.is_empty() || name.starts_with("wasted_spend"), "{name}");
        assert_eq!(bench.told(), "tool.unknown", "{name}");
    }
}

#[test]
fn an_identical_call_is_answered_once_then_told() {
    let mut bench = Bench::with(Limits { tool_calls: 9, rounds: 9, ..Limits::default() }).begin();
    bench.calls(&[("a", "leads", json!({"x": 1, "y": 2}))]).rows("a");
    let first = bench.last_message().clone();
    bench.calls(&[("b", "leads", json!({"y": 2, "x": 1}))]);
    let (Message::Tool { content: one, .. }, Message::Tool { content: two, call_id, .. }) =
        (&first, bench.last_message())
    else {
        panic!()
    };
    assert_eq!((one, call_id.as_str()), (two, "b"));
    bench.calls(&[("c", "leads", json!({"x": 1, "y": 2}))]);
    assert_eq!(bench.told(), "tool.repeated");
    assert_eq!(bench.runs.len(), 1);
    bench.calls(&[("d", "leads", json!({"x": 2}))]);
    assert_eq!(bench.runs.len(), 2);
}

#[test]
fn an_endless_loop_is_made_to_answer() {
    let mut bench = Bench::new().begin();
    for n in 0..3 {
        let id = format!("c{n}");
        bench.calls(&[(&id, "leads", json!({"n": n}))]).rows(&id);
    }
    let (messages, tools) = bench.asked.last().unwrap();
    assert!(!tools && matches!(messages.last(), Some(Message::Note { text }) if text == "FINISH"));
    bench.calls(&[("z", "leads", json!({}))]);
    assert_eq!(
        bench.ended(),
        "turn.too_many_steps: I could not finish this within 4 steps. Ask something narrower."
    );
    assert_eq!(bench.runs.len(), 3);
}

#[test]
fn calls_beyond_the_limit_are_told_not_run() {
    let mut bench = Bench::new().begin();
    let calls: Vec<_> = (0..5).map(|n| (format!("c{n}"), json!({"n": n}))).collect();
    let calls: Vec<_> = calls.iter().map(|(id, args)| (id.as_str(), "leads", args.clone())).collect();
    bench.calls(&calls);
    assert_eq!(bench.runs.len(), 3);
    bench.rows("c0").rows("c1").rows("c2");
    assert!(!bench.asked.last().unwrap().1, "no tools are offered any more");
    bench.says("That is all.");
    assert_eq!(bench.ended(), "answered: That is all.");
}

#[test]
fn an_empty_answer_is_asked_for_once_more() {
    let mut bench = Bench::new().begin();
    bench.says(" \n");
    assert!(matches!(bench.last_message(), Message::Note { text } if text == "EMPTY"));
    bench.says("");
    assert_eq!(bench.ended(), "model.empty: The model gave an empty answer.");
}

#[test]
fn figures_without_receipt_go_back_once_then_are_marked() {
    let mut bench = Bench::new().begin();
    bench.calls(&[("a", "wasted_spend", json!({}))]).rows("a").says("About 9,999 clicks.");
    let Message::Note { text } = bench.last_message() else { panic!() };
    assert!(text.starts_with("UNVERIFIED") && text.contains("9,999"));
    bench.says("Exactly 9,998 clicks and CHF 420.");
    assert_eq!(bench.ended(), "answered: Exactly 9,998 clicks and CHF 420.");
    assert_eq!(bench.shown(), "Exactly 9,998 clicks and CHF 420.");
    let receipts = bench.events.iter().find_map(|e| match e {
        TurnEventKind::Receipts { figures } => Some(figures.iter().map(|f| f.status).collect::<Vec<_>>()),
        _ => None,
    });
    assert_eq!(receipts.unwrap(), [ReceiptStatus::Unverified, ReceiptStatus::Traced]);
    assert_eq!((bench.turn.tally().figures, bench.turn.tally().figures_traced), (2, 1));
}

#[test]
fn an_answer_sent_back_survives_a_model_that_then_fails() {
    let mut bench = Bench::new().begin();
    bench.says("About 9,999 clicks.").give(Input::Model(Ok(ChatEvent::Text("Hm".into()))));
    bench.give(Input::Model(Err(ModelError::Broken)));
    assert_eq!(
        (bench.ended().as_str(), bench.shown().as_str()),
        ("answered: About 9,999 clicks.", "About 9,999 clicks.")
    );
}

#[test]
fn what_a_model_wrote_into_a_call_is_no_receipt() {
    let mut bench = Bench::with(Limits::default()).begin();
    let bad = ChatEvent::BadCall {
        id: "a".into(),
        name: "leads".into(),
        arguments: "77777".into(),
        problem: "cut".into(),
    };
    bench.model(vec![bad]);
    bench.calls(&[
        ("b", "calculate", json!({"expression": "88888 * 1"})),
        ("c", "leads", json!({"limit": 66666})),
    ]);
    let error = ToolError::tell("query.bounds", "limit is 66666; at most 50.");
    bench.give(Input::Tool { call_id: "c".into(), outcome: ToolOutcome::Failed(error) });
    bench.says("77777, 88888, 66666, at most 50.").says("77777, 88888, 66666, at most 50.");
    let receipts = bench.events.iter().find_map(|e| match e {
        TurnEventKind::Receipts { figures } => Some(figures.clone()),
        _ => None,
    });
    assert_eq!(crate::chat::receipts::unverified(&receipts.unwrap()), ["77777", "88888", "66666"]);
}

#[test]
fn a_calculation_is_a_receipt() {
    let mut bench = Bench::new().begin();
    bench.calls(&[("a", "wasted_spend", json!({}))]).rows("a");
    bench.calls(&[("b", "calculate", json!({"expression": "{r1/0/cost} / {r1/total/cost}"}))]);
    bench.says("Harvest Sale 2025 took 54 % of it.");
    let receipt = bench.events.iter().find_map(|e| match e {
        TurnEventKind::Receipts { figures } => figures.first().cloned(),
        _ => None,
    });
    let receipt = receipt.unwrap();
    assert_eq!((receipt.status, receipt.figure.as_str()), (ReceiptStatus::Calculated, "54 %"));
    assert_eq!(receipt.steps.unwrap()["cells"][0]["cell"], "r1/0/cost");
    assert_eq!(bench.runs.len(), 1, "calculate runs inside the machine");
}

#[test]
fn deadline_and_cancel_end_the_turn() {
    let mut bench = Bench::new().begin();
    bench.calls(&[("a", "leads", json!({}))]).give(Input::Deadline);
    assert_eq!(
        bench.ended(),
        "turn.timeout: This took longer than 60 s and was stopped. Ask something narrower."
    );
    let mut bench = Bench::new().begin();
    bench.give(Input::Cancel).rows("a");
    assert_eq!(bench.ended(), "turn.cancelled");
    assert_eq!(bench.asked.len(), 1);
}

#[test]
fn an_aborting_tool_ends_the_turn_and_a_refusing_one_does_not() {
    let mut bench = Bench::new().begin();
    bench.calls(&[("a", "leads", json!({}))]);
    let error = ToolError::choices("query.unknown_value", "no campaign 'NSW'", vec!["New Season".into()]);
    bench.give(Input::Tool { call_id: "a".into(), outcome: ToolOutcome::Failed(error) });
    assert_eq!(bench.told(), "query.unknown_value");
    bench.calls(&[("b", "leads", json!({"n": 1}))]);
    let error = ToolError::abort("storage.unavailable", "The database does not answer.");
    bench.give(Input::Tool { call_id: "b".into(), outcome: ToolOutcome::Failed(error) });
    assert_eq!(bench.ended(), "storage.unavailable: The database does not answer.");
}

#[test]
fn a_draft_is_announced_and_can_be_spoken_of() {
    let mut bench = Bench::new().begin();
    bench.calls(&[("a", "pause_campaign", json!({}))]);
    let created = TurnEventKind::DraftCreated {
        draft_id: crate::ids::DraftId(uuid::Uuid::from_u128(1)),
        number: 12,
        revision: 1,
        kind: "pause_campaign".into(),
        title: "Pause Trail Shoes".into(),
        tier: "low".into(),
        risk: "low".into(),
        payload_hash: "h".into(),
        diff: Vec::new(),
    };
    let outcome =
        ToolOutcome::Draft { created: Box::new(created), summary: json!({"number": 12, "saves": "61.20"}) };
    bench.give(Input::Tool { call_id: "a".into(), outcome }).says("Draft 12 would save CHF 61.20 a week.");
    assert_eq!(bench.words(), ["tool.started", "tool.completed", "draft.created", "text.delta", "receipts"]);
    assert_eq!(bench.turn.tally().figures, bench.turn.tally().figures_traced);
}

#[test]
fn ids_of_calls_are_made_safe_and_unique() {
    let mut bench = Bench::new().begin();
    bench.calls(&[
        ("a", "leads", json!({"n": 1})),
        ("a", "leads", json!({"n": 2})),
        ("<x>/", "leads", json!({"n": 3})),
    ]);
    let ids: std::collections::BTreeSet<&String> = bench.runs.iter().map(|(id, _)| id).collect();
    assert_eq!(ids.len(), 3);
    assert!(ids.iter().all(|id| id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')));
}

#[test]
fn the_planner_chooses_with_the_persons_rights_and_is_not_sent_back() {
    let mut bench = Bench::new().begin();
    let call = ToolCall { id: "a".into(), name: "leads".into(), arguments: Default::default() };
    bench.give(Input::Model(Ok(ChatEvent::Call(call))));
    bench.give(Input::Model(Ok(ChatEvent::Done { model: crate::llm::OFFLINE.into() })));
    assert_eq!(bench.runs, [("a".to_owned(), ChosenBy::Planner)]);
    bench.rows("a");
    for event in [ChatEvent::Text("9,999".into()), ChatEvent::Outcome(Outcome::Clarified)] {
        bench.give(Input::Model(Ok(event)));
    }
    bench.give(Input::Model(Ok(ChatEvent::Done { model: crate::llm::OFFLINE.into() })));
    assert_eq!(bench.ended(), "clarified: 9,999");
}

#[test]
fn a_restored_turn_goes_on_from_its_last_result() {
    let mut bench = Bench::new();
    let call = ToolCall { id: "a".into(), name: "leads".into(), arguments: Default::default() };
    let calls = vec![RestoredCall { call, outcome: ToolOutcome::Rows(Box::new(waste())) }];
    bench.turn.restore(Restored { calls, text_shown: true, ..Restored::default() });
    bench.give(Input::Begin);
    let roles: Vec<&str> = bench.asked[0].0.iter().map(role).collect();
    assert_eq!(roles, ["user", "assistant", "tool"]);
    bench.says("CHF 420.");
    assert!(matches!(&bench.events[0], TurnEventKind::Text { restart: true, .. }));
    assert_eq!(bench.ended(), "answered: CHF 420.");
    assert_eq!(bench.turn.tally().figures_traced, 1);
}

#[test]
fn a_figure_that_is_not_at_hand_is_looked_for_further_back_once() {
    let mut bench = Bench::new();
    bench.turn.setup.older = true;
    let mut bench = bench.begin();
    bench.says("CHF 420.");
    assert_eq!((bench.recalls, bench.end.is_none()), (1, true));
    let earlier = Recalled { call_id: "e".into(), result: Box::new(waste()), by: ChosenBy::Model };
    bench.give(Input::Recalled(vec![earlier]));
    assert_eq!(bench.ended(), "answered: CHF 420.");
    assert_eq!(bench.turn.tally().figures_traced, 1);
    assert_eq!(bench.turn.evidence.next_reference(), "r1", "short names count what the model was shown");

    let mut bench = Bench::new();
    bench.turn.setup.older = true;
    let mut bench = bench.begin();
    bench.says("CHF 421.").give(Input::Recalled(Vec::new())).says("CHF 422.");
    assert_eq!(bench.recalls, 1);
    assert_eq!(bench.ended(), "answered: CHF 422.");
}
