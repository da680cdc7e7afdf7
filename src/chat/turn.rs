//! One turn as a pure state machine: what happened goes in, what to do comes out. No I/O, no clock.
//!
//! `ask the model → run its tools → ask again → … → check the figures → done`, within bounds on rounds and tool
//! calls. The driver performs the effects and reports back; the deadline and a cancel are inputs like any other.
mod restored;
mod round;
mod wrap_up;

use super::event::TurnEventKind;
use super::evidence::{Evidence, Found};
use super::history::Recalled;
use super::prompts::Notes;
use super::scrub::Scrub;
use crate::catalogue::{Param, QueryResult, ToolError};
use crate::drafts;
use crate::llm::{ChatEvent, Message, ModelError, Outcome, ToolCall};
pub use restored::{Restored, RestoredCall};
use round::Round;
pub(super) use round::chart;
use rust_decimal::Decimal;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// Work begins, or begins again after the owner died.
    Begin,
    /// From the stream of the model that was asked last. A stream that ends without `Done` is `Err(Broken)`.
    Model(Result<ChatEvent, ModelError>),
    /// A tool that [`Effect::Run`] started has finished.
    Tool {
        call_id: String,
        outcome: ToolOutcome,
    },
    /// What [`Effect::Recall`] found, oldest first.
    Recalled(Vec<Recalled>),
    /// The time for the turn is up.
    Deadline,
    Cancel,
}

/// What a tool gave.
#[derive(Debug)]
pub enum ToolOutcome {
    Rows(Box<QueryResult>),
    /// A pending draft: the event for readers, and what the model and receipts may read.
    Draft {
        created: Box<TurnEventKind>,
        summary: Value,
    },
    Failed(ToolError),
}

/// What to do now, in this order.
#[derive(Debug)]
pub enum Effect {
    /// Ask the model with these messages; `tools` says whether it may call any.
    Ask {
        messages: Vec<Message>,
        tools: bool,
    },
    /// Run a tool beside the others of its round, with the rights of who chose it.
    Run {
        call: ToolCall,
        by: ChosenBy,
    },
    /// Look up the results of older turns: a figure of the answer is in none of those at hand.
    Recall,
    Emit(TurnEventKind),
    /// The turn is over with this event; the figures go to the record.
    Finish(TurnEventKind),
}

/// Who chose a tool call: the planner on a person's command acts with that person's own rights to read, a model never
/// with more than `access::MODEL_MAY`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChosenBy {
    Model,
    Planner,
}

/// Bounds and words of a turn.
#[derive(Clone, Debug)]
pub struct Limits {
    pub rounds: u32,
    pub tool_calls: u32,
    pub seconds: u64,
    /// Rows and characters of one tool result that a model is shown.
    pub rows: usize,
    pub characters: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { rounds: 8, tool_calls: 16, seconds: 60, rows: 40, characters: 8_000 }
    }
}

/// Makes questions out of the last result.
pub type FollowUps = Arc<dyn Fn(&QueryResult) -> Vec<String> + Send + Sync>;

/// The parameters of a query, by its name.
pub type ParamsOf = Arc<dyn Fn(&str) -> Vec<Param> + Send + Sync>;

/// What a turn starts from.
pub struct Setup {
    pub question: String,
    /// Earlier turns, chips and the question itself.
    pub messages: Vec<Message>,
    /// What earlier turns found.
    pub evidence: Evidence,
    /// There are older turns whose results are not in the evidence.
    pub older: bool,
    /// Names of the tools on offer.
    pub tools: BTreeSet<String>,
    /// Follow-up questions by query, made from the catalogue.
    pub follow_ups: FollowUps,
    /// Parameters of a query, as its file has them.
    pub params: ParamsOf,
    /// Who chooses until a model has answered: of a command the planner.
    pub by: ChosenBy,
    pub limits: Limits,
    pub notes: Notes,
    pub prompt_version: String,
}

/// A turn under way.
pub struct Turn {
    setup: Setup,
    evidence: Evidence,
    messages: Vec<Message>,
    stage: Stage,
    rounds: u32,
    calls: u32,
    /// Tool and arguments → the call that ran them, and how often they were asked for again.
    asked: BTreeMap<(String, String), (String, u32)>,
    /// What each finished call gave, to answer a repetition.
    answers: BTreeMap<String, (String, Value)>,
    call_ids: BTreeSet<String>,
    scrub: Scrub,
    /// Text was shown that does not belong to the answer: the next piece withdraws it.
    withdraw: bool,
    shown: bool,
    retried_empty: bool,
    /// The answer whose figures were sent back: kept in case no better one comes.
    sent_back: Option<String>,
    last_result: Option<Box<QueryResult>>,
    outcome: Option<Outcome>,
    /// Calls that were under way when the owner died: made again, under their own ids.
    pending: Vec<ToolCall>,
    tally: Tally,
}

/// What the turn cost and how it went, for the record.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub model: String,
    pub chosen_by_planner: bool,
    /// The planner followed a playbook.
    pub playbook: bool,
    pub tokens_in: u64,
    pub tokens_out: u64,
    pub cost: Decimal,
    pub ttft: Option<Duration>,
    pub figures: u32,
    pub figures_traced: u32,
}

impl Tally {
    /// What answered: model, planner or playbook.
    pub fn route(&self) -> &'static str {
        match (self.chosen_by_planner, self.playbook) {
            (false, _) => "model",
            (true, false) => "planner",
            (true, true) => "playbook",
        }
    }
}

enum Stage {
    Fresh,
    /// The model streams.
    Asking {
        text: String,
        calls: Vec<ChatEvent>,
        tools: bool,
    },
    Running(Round),
    /// The answer waits for the results of older turns.
    Recalling(String),
    Over,
}

impl Turn {
    pub fn new(mut setup: Setup) -> Self {
        let call_ids = setup.messages.iter().flat_map(ids_of).collect();
        setup.evidence.hear(&setup.question);
        Self {
            evidence: std::mem::take(&mut setup.evidence),
            messages: std::mem::take(&mut setup.messages),
            stage: Stage::Fresh,
            rounds: 0,
            calls: 0,
            asked: BTreeMap::new(),
            answers: BTreeMap::new(),
            call_ids,
            scrub: Scrub::default(),
            withdraw: false,
            shown: false,
            retried_empty: false,
            sent_back: None,
            last_result: None,
            outcome: None,
            pending: Vec::new(),
            tally: Tally { chosen_by_planner: setup.by == ChosenBy::Planner, ..Tally::default() },
            setup,
        }
    }

    /// The queries that speak for a draft made now: those of the conversation so far, newest first.
    pub fn draft_evidence(&self) -> Vec<drafts::Evidence> {
        let results = self.evidence.sources().iter().rev().filter_map(|source| match &source.found {
            Found::Rows(result) => Some(result),
            Found::Calculated(_) | Found::Other(_) => None,
        });
        results
            .map(|result| drafts::Evidence {
                query: result.query.clone(),
                params: Value::Object(result.params.clone()),
                as_of: result.as_of,
                run_id: Some(result.run_id),
            })
            .collect()
    }

    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    pub fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }

    /// Takes one input. `elapsed` is the time since the turn began.
    pub fn step(&mut self, input: Input, elapsed: Duration) -> Vec<Effect> {
        let mut out = Vec::new();
        match (input, &mut self.stage) {
            (_, Stage::Over) => {}
            (Input::Begin, _) if self.pending.is_empty() => self.ask(&mut out),
            (Input::Begin, _) => self.again(&mut out),
            (Input::Cancel, _) => {
                let message = "Stopped at your request. Nothing was changed.".to_owned();
                let kind =
                    TurnEventKind::Cancelled { code: "turn.cancelled".into(), message, retryable: true };
                self.finish(kind, &mut out);
            }
            (Input::Deadline, _) => {
                let seconds = self.setup.limits.seconds;
                let message =
                    format!("This took longer than {seconds} s and was stopped. Ask something narrower.");
                self.give_up("turn.timeout", message, true, elapsed, &mut out);
            }
            (Input::Model(Ok(event)), Stage::Asking { .. }) => self.heard(event, elapsed, &mut out),
            (Input::Model(Err(error)), Stage::Asking { .. }) => self.lost(&error, elapsed, &mut out),
            (Input::Tool { call_id, outcome }, Stage::Running(_)) => {
                self.returned(&call_id, outcome, &mut out);
                self.next_round(elapsed, &mut out);
            }
            (Input::Recalled(older), Stage::Recalling(answer)) => {
                let answer = std::mem::take(answer);
                self.recalled(older, answer, elapsed, &mut out);
            }
            // A late report of something that was given up.
            (Input::Model(_) | Input::Tool { .. } | Input::Recalled(_), _) => {}
        }
        out
    }

    fn ask(&mut self, out: &mut Vec<Effect>) {
        self.rounds += 1;
        let last = self.rounds >= self.setup.limits.rounds || self.calls >= self.setup.limits.tool_calls;
        let tools = !last;
        if last {
            self.messages.push(Message::Note { text: self.setup.notes.finish.clone() });
        }
        if std::mem::take(&mut self.shown) {
            self.withdraw = true;
        }
        self.scrub = Scrub::default();
        self.stage = Stage::Asking { text: String::new(), calls: Vec::new(), tools };
        out.push(Effect::Ask { messages: self.messages.clone(), tools });
    }

    fn heard(&mut self, event: ChatEvent, elapsed: Duration, out: &mut Vec<Effect>) {
        let Stage::Asking { text, calls, .. } = &mut self.stage else { return };
        match event {
            ChatEvent::Text(piece) => {
                let piece = self.scrub.push(&piece);
                text.push_str(&piece);
                self.show(piece, elapsed, out);
            }
            ChatEvent::Call(_) | ChatEvent::BadCall { .. } => calls.push(event),
            ChatEvent::Restart => {
                text.clear();
                calls.clear();
                self.scrub = Scrub::default();
                self.withdraw |= std::mem::take(&mut self.shown);
            }
            ChatEvent::Notice(line) => out.push(Effect::Emit(TurnEventKind::Status { line })),
            ChatEvent::Outcome(outcome) => self.outcome = Some(outcome),
            ChatEvent::Playbook => self.tally.playbook = true,
            ChatEvent::Usage { tokens_in, tokens_out } => {
                self.tally.tokens_in += tokens_in;
                self.tally.tokens_out += tokens_out;
            }
            ChatEvent::Cost(cost) => self.tally.cost += cost,
            ChatEvent::Done { model } => {
                self.tally.chosen_by_planner = model == crate::llm::OFFLINE;
                self.tally.model = model;
                let rest = self.scrub.finish();
                text.push_str(&rest);
                self.show(rest, elapsed, out);
                self.answered(elapsed, out);
            }
        }
    }

    fn show(&mut self, text: String, elapsed: Duration, out: &mut Vec<Effect>) {
        if text.is_empty() {
            return;
        }
        self.tally.ttft.get_or_insert(elapsed);
        self.shown = true;
        let restart = std::mem::take(&mut self.withdraw);
        out.push(Effect::Emit(TurnEventKind::Text { text, restart }));
    }

    /// The model has said all it had to say in this round.
    fn answered(&mut self, elapsed: Duration, out: &mut Vec<Effect>) {
        let Stage::Asking { text, calls, tools } = std::mem::replace(&mut self.stage, Stage::Fresh) else {
            return;
        };
        if !calls.is_empty() && tools {
            return self.start_round(text, calls, elapsed, out);
        }
        if text.trim().is_empty() {
            if !calls.is_empty() {
                let rounds = self.setup.limits.rounds;
                let message =
                    format!("I could not finish this within {rounds} steps. Ask something narrower.");
                return self.give_up("turn.too_many_steps", message, true, elapsed, out);
            }
            if !std::mem::replace(&mut self.retried_empty, true) && self.rounds < self.setup.limits.rounds {
                self.messages.push(Message::Note { text: self.setup.notes.empty.clone() });
                return self.ask(out);
            }
            return self.lost(&ModelError::Empty, elapsed, out);
        }
        self.conclude(text, elapsed, out);
    }
}

fn ids_of(message: &Message) -> Vec<String> {
    match message {
        Message::Assistant { calls, .. } => calls.iter().map(|call| call.id.clone()).collect(),
        Message::User { .. } | Message::Note { .. } | Message::Tool { .. } => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
