//! The tool calls of one round: which may run, which are answered at once, and what the model reads about each.
use super::{ChosenBy, Effect, Stage, ToolOutcome, Turn};
use crate::catalogue::{QueryResult, ToolError};
use crate::chat::calculate;
use crate::chat::context;
use crate::chat::event::TurnEventKind;
use crate::chat::evidence::Found;
use crate::chat::receipts;
use crate::llm::{ChatEvent, Message, ToolCall};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Calls under way, and what came of the others, in the order of the calls.
pub(super) struct Round {
    slots: Vec<(ToolCall, Slot)>,
}

enum Slot {
    Running,
    /// The tool is back. What it found is taken in when all are back, in the order of the calls: which of them was the
    /// fastest must not decide how sources are numbered and what is offered next.
    Back(ToolOutcome),
    Answered(Message),
}

impl Round {
    fn waiting(&self) -> bool {
        self.slots.iter().any(|(_, slot)| matches!(slot, Slot::Running))
    }
}

/// A tool with its arguments in one order of keys: equal for identical calls.
pub(super) fn fingerprint(call: &ToolCall) -> (String, String) {
    let sorted: BTreeMap<&String, &Value> = call.arguments.iter().collect();
    (call.name.clone(), json!(sorted).to_string())
}

impl Turn {
    pub(super) fn start_round(
        &mut self,
        text: String,
        calls: Vec<ChatEvent>,
        elapsed: Duration,
        out: &mut Vec<Effect>,
    ) {
        let mut slots = Vec::new();
        let mut run = Vec::new();
        for event in calls {
            let (mut call, problem) = match event {
                ChatEvent::Call(call) => (call, None),
                ChatEvent::BadCall { id, name, arguments, problem } => {
                    let quoted = crate::text::clean(&arguments, 200);
                    let message = format!("The call was not run: {problem}. You sent: {quoted}");
                    (ToolCall { id, name, arguments: Map::new() }, Some(message))
                }
                ChatEvent::Text(_)
                | ChatEvent::Restart
                | ChatEvent::Notice(_)
                | ChatEvent::Outcome(_)
                | ChatEvent::Playbook
                | ChatEvent::Usage { .. }
                | ChatEvent::Cost(_)
                | ChatEvent::Done { .. } => continue,
            };
            call.id = self.own_id(&call.id);
            call.name = tool_name(&call.name);
            let slot = self.admit(&call, problem, out).map_or(Slot::Running, Slot::Answered);
            if matches!(slot, Slot::Running) {
                run.push(call.clone());
            }
            slots.push((call, slot));
        }
        let calls = slots.iter().map(|(call, _)| call.clone()).collect();
        self.messages.push(Message::Assistant { text, calls });
        let by = self.by();
        out.extend(run.into_iter().map(|call| Effect::Run { call, by }));
        self.stage = Stage::Running(Round { slots });
        self.next_round(elapsed, out);
    }

    /// Who chose the calls: the model that answered last.
    fn by(&self) -> ChosenBy {
        if self.tally.chosen_by_planner { ChosenBy::Planner } else { ChosenBy::Model }
    }

    /// Makes the calls again that were under way when the owner died.
    pub(super) fn again(&mut self, out: &mut Vec<Effect>) {
        let calls = std::mem::take(&mut self.pending);
        for call in &calls {
            self.calls += 1;
            self.call_ids.insert(call.id.clone());
            self.asked.insert(fingerprint(call), (call.id.clone(), 0));
        }
        self.messages.push(Message::Assistant { text: String::new(), calls: calls.clone() });
        let slots = calls.iter().map(|call| (call.clone(), Slot::Running)).collect();
        let by = self.by();
        out.extend(calls.into_iter().map(|call| Effect::Run { call, by }));
        self.stage = Stage::Running(Round { slots });
    }

    /// Answers a call that needs no run, or announces it and returns none.
    fn admit(&mut self, call: &ToolCall, problem: Option<String>, out: &mut Vec<Effect>) -> Option<Message> {
        let refuse = |turn: &mut Self, out: &mut Vec<Effect>, error: ToolError| {
            out.push(Effect::Emit(failed(call, &error)));
            Some(turn.keep_failure(call, &error))
        };
        self.calls += 1;
        if self.calls > self.setup.limits.tool_calls {
            let limit = self.setup.limits.tool_calls;
            let why = format!("Not run: at most {limit} tool calls in one turn. Answer from what you have.");
            return refuse(self, out, ToolError::tell("tool.limit", why));
        }
        if let Some(problem) = problem {
            return refuse(self, out, ToolError::tell("tool.bad_arguments", problem));
        }
        if !self.setup.tools.contains(&call.name) {
            let mut near: Vec<(f64, &String)> = self
                .setup
                .tools
                .iter()
                .map(|name| (crate::text::similarity(name, &call.name), name))
                .collect();
            near.sort_by(|a, b| b.0.total_cmp(&a.0));
            let allowed = near.into_iter().take(5).map(|(_, name)| name.clone()).collect();
            let why = format!("There is no tool '{}'.", call.name);
            return refuse(self, out, ToolError::choices("tool.unknown", why, allowed));
        }
        if let Some((first, repeats)) = self.asked.get_mut(&fingerprint(call)) {
            *repeats += 1;
            let first = first.clone();
            let again = *repeats > 1;
            return match self.answers.get(&first).cloned() {
                Some((content, result)) if !again => Some(Message::Tool {
                    call_id: call.id.clone(),
                    name: call.name.clone(),
                    content,
                    result,
                    failed: false,
                }),
                _ => {
                    let why = "Not run: you have already made this very call; use its result, or change the arguments.";
                    refuse(self, out, ToolError::tell("tool.repeated", why))
                }
            };
        }
        self.asked.insert(fingerprint(call), (call.id.clone(), 0));
        out.push(Effect::Emit(TurnEventKind::ToolStarted {
            call_id: call.id.clone(),
            tool: call.name.clone(),
            params: call.arguments.clone(),
        }));
        (call.name == calculate::NAME).then(|| self.calculate(call, out))
    }

    fn calculate(&mut self, call: &ToolCall, out: &mut Vec<Effect>) -> Message {
        match calculate::run(&call.arguments, &self.setup.question, &self.evidence) {
            Ok(done) => {
                let mut params = Map::new();
                params.insert("expression".into(), json!(done.expression));
                params.insert("value".into(), json!(done.value.normalize()));
                out.push(Effect::Emit(TurnEventKind::ToolCompleted {
                    call_id: call.id.clone(),
                    tool: call.name.clone(),
                    run_id: None,
                    params,
                    columns: Vec::new(),
                    rows_shown: 0,
                    rows_total: 0,
                    window: None,
                    freshness: Vec::new(),
                    elapsed_ms: 0,
                    truncated: false,
                    notes: done.label.iter().cloned().collect(),
                }));
                let result = done.result(&self.evidence.next_reference());
                self.evidence.add(&call.id, Found::Calculated(done));
                self.answer(call, context::data(&result), result)
            }
            Err(error) => {
                out.push(Effect::Emit(failed(call, &error)));
                self.keep_failure(call, &error)
            }
        }
    }

    /// A tool that was running has finished: readers hear of it at once.
    pub(super) fn returned(&mut self, call_id: &str, outcome: ToolOutcome, out: &mut Vec<Effect>) {
        let Stage::Running(round) = &mut self.stage else { return };
        let running =
            |(call, slot): &&mut (ToolCall, Slot)| call.id == call_id && matches!(slot, Slot::Running);
        let Some((call, slot)) = round.slots.iter_mut().find(running) else { return };
        match &outcome {
            ToolOutcome::Rows(result) => {
                out.push(Effect::Emit(completed(call, result)));
                out.extend(chart(call, result).map(Effect::Emit));
            }
            ToolOutcome::Draft { created, .. } => {
                out.push(Effect::Emit(TurnEventKind::ToolCompleted {
                    call_id: call.id.clone(),
                    tool: call.name.clone(),
                    run_id: None,
                    params: call.arguments.clone(),
                    columns: Vec::new(),
                    rows_shown: 0,
                    rows_total: 0,
                    window: None,
                    freshness: Vec::new(),
                    elapsed_ms: 0,
                    truncated: false,
                    notes: Vec::new(),
                }));
                out.push(Effect::Emit(TurnEventKind::clone(created)));
            }
            ToolOutcome::Failed(error) => {
                out.push(Effect::Emit(failed(call, error)));
                if let ToolError::Abort { code, message } = error {
                    return self.fail(code, message.clone(), true, out);
                }
            }
        }
        *slot = Slot::Back(outcome);
    }

    /// Asks the model again once every call of the round has its answer.
    pub(super) fn next_round(&mut self, _elapsed: Duration, out: &mut Vec<Effect>) {
        let Stage::Running(round) = &self.stage else { return };
        if round.waiting() {
            return;
        }
        let answers = self.take_in();
        self.messages.extend(answers);
        self.ask(out);
    }

    /// Ends the stage: of a round, keeps what came back, in the order of the calls, and gives what the model reads about each.
    pub(super) fn take_in(&mut self) -> Vec<Message> {
        let Stage::Running(round) = std::mem::replace(&mut self.stage, Stage::Fresh) else {
            return Vec::new();
        };
        let mut answers = Vec::new();
        for (call, slot) in round.slots {
            match slot {
                Slot::Running => {}
                Slot::Answered(answer) => answers.push(answer),
                Slot::Back(ToolOutcome::Rows(result)) => answers.push(self.keep_rows(&call, result)),
                Slot::Back(ToolOutcome::Draft { summary, .. }) => {
                    answers.push(self.keep_other(&call, summary))
                }
                Slot::Back(ToolOutcome::Failed(error)) => {
                    self.keep_said(&call, &error);
                    answers.push(self.keep_failure(&call, &error));
                }
            }
        }
        answers
    }

    pub(super) fn keep_rows(&mut self, call: &ToolCall, result: Box<QueryResult>) -> Message {
        let params = (self.setup.params)(&result.query);
        let reference = self.evidence.add_run(&call.id, result.clone(), &params, self.by());
        let limits = &self.setup.limits;
        let content = context::rows(&result, &reference, limits.rows, limits.characters);
        let value = serde_json::to_value(&result).unwrap_or(Value::Null);
        self.last_result = Some(result);
        self.answer(call, content, value)
    }

    pub(super) fn keep_other(&mut self, call: &ToolCall, summary: Value) -> Message {
        self.evidence.add(&call.id, Found::Other(summary.clone()));
        let content = context::bounded(&summary, self.setup.limits.characters);
        self.answer(call, content, summary)
    }

    pub(super) fn keep_failure(&mut self, call: &ToolCall, error: &ToolError) -> Message {
        let allowed = match error {
            ToolError::TellModel { allowed, .. } => allowed.as_slice(),
            ToolError::Abort { .. } => &[],
        };
        let result = json!({"code": error.code(), "message": error.to_string(), "allowed": allowed});
        let content = context::bounded(&result, self.setup.limits.characters);
        Message::Tool { call_id: call.id.clone(), name: call.name.clone(), content, result, failed: true }
    }

    /// Bounds and counts that a tool named when it refused may be repeated; what the caller had sent may not.
    fn keep_said(&mut self, call: &ToolCall, error: &ToolError) {
        let sent = receipts::figures(
            &json!(call.arguments).to_string().replace(['"', '{', '}', ':'], " "),
            &BTreeSet::new(),
        );
        let said: Vec<Value> = receipts::figures(&error.to_string(), &BTreeSet::new())
            .into_iter()
            .filter(|figure| !sent.iter().any(|own| own.value == figure.value))
            .map(|figure| json!(figure.value))
            .collect();
        if !said.is_empty() {
            self.evidence.add(&call.id, Found::Other(json!(said)));
        }
    }

    fn answer(&mut self, call: &ToolCall, content: String, result: Value) -> Message {
        self.answers.insert(call.id.clone(), (content.clone(), result.clone()));
        Message::Tool { call_id: call.id.clone(), name: call.name.clone(), content, result, failed: false }
    }

    /// The provider's id where it is well-formed and new; else one of ours.
    fn own_id(&mut self, given: &str) -> String {
        let safe = (1..=64).contains(&given.len())
            && given.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        let mut id = if safe { given.to_owned() } else { format!("call_{}", self.call_ids.len() + 1) };
        let mut n = self.call_ids.len() + 1;
        while self.call_ids.contains(&id) {
            id = format!("call_{n}");
            n += 1;
        }
        self.call_ids.insert(id.clone());
        id
    }
}

/// A name as it may be logged and sent back: what a tool name can be, or what is left of it.
fn tool_name(given: &str) -> String {
    let name: String =
        given.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).take(64).collect();
    if name.is_empty() { "unnamed".to_owned() } else { name }
}

fn failed(call: &ToolCall, error: &ToolError) -> TurnEventKind {
    let allowed = match error {
        ToolError::TellModel { allowed, .. } => allowed.clone(),
        ToolError::Abort { .. } => Vec::new(),
    };
    TurnEventKind::ToolFailed {
        call_id: call.id.clone(),
        tool: call.name.clone(),
        code: error.code().to_owned(),
        message: error.to_string(),
        allowed,
    }
}

/// What a result shows; nothing without rows.
pub(in crate::chat) fn chart(call: &ToolCall, result: &QueryResult) -> Option<TurnEventKind> {
    (!result.rows.is_empty()).then(|| TurnEventKind::Chart {
        call_id: call.id.clone(),
        title: result.title.clone(),
        chart: result.chart.clone(),
        columns: result.columns.clone(),
        rows: json!(result.rows),
    })
}

fn completed(call: &ToolCall, result: &QueryResult) -> TurnEventKind {
    TurnEventKind::ToolCompleted {
        call_id: call.id.clone(),
        tool: call.name.clone(),
        run_id: Some(result.run_id),
        params: result.params.clone(),
        columns: result.columns.clone(),
        rows_shown: u64::try_from(result.rows.len()).unwrap_or(u64::MAX),
        rows_total: result.total_rows,
        window: result.window,
        freshness: result.freshness.clone(),
        elapsed_ms: result.elapsed_ms,
        truncated: result.truncated,
        notes: result.notes.clone(),
    }
}
