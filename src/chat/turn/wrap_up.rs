//! The end of a turn: figures checked, once sent back, then receipts, suggestions and the final event.
use super::{Effect, Stage, Turn};
use crate::chat::context;
use crate::chat::event::{Receipt, ReceiptStatus, TurnEventKind};
use crate::chat::history::Recalled;
use crate::chat::receipts;
use crate::llm::{Message, ModelError, Outcome};
use serde_json::json;
use std::time::Duration;

impl Turn {
    /// The figures of an answer with their receipts. A refusal or a question back, which only the planner marks as such, states
    /// the program's own rules ("at most 90 days"), not figures of the data.
    fn figures_of(&self, answer: &str) -> Vec<Receipt> {
        match self.outcome {
            Some(Outcome::Refused | Outcome::Clarified | Outcome::Unknown) => Vec::new(),
            Some(Outcome::Answered | Outcome::Failed) | None => {
                receipts::check(answer, &self.setup.question, &self.evidence)
            }
        }
    }

    /// An answer is there: its figures need receipts.
    pub(super) fn conclude(&mut self, answer: String, elapsed: Duration, out: &mut Vec<Effect>) {
        let figures = self.figures_of(&answer);
        let missing = receipts::unverified(&figures);
        if !missing.is_empty() && std::mem::take(&mut self.setup.older) {
            self.stage = Stage::Recalling(answer);
            return out.push(Effect::Recall);
        }
        let may_ask = self.sent_back.is_none()
            && !self.tally.chosen_by_planner
            && self.rounds < self.setup.limits.rounds;
        if !missing.is_empty() && may_ask {
            self.sent_back = Some(answer.clone());
            let list = context::data(&json!({"figures": missing}));
            self.messages.push(Message::Assistant { text: answer, calls: Vec::new() });
            self.messages.push(Message::Note { text: format!("{}\n{list}", self.setup.notes.unverified) });
            let line = "Checking the figures again.".to_owned();
            out.push(Effect::Emit(TurnEventKind::Status { line }));
            return self.ask(out);
        }
        self.settle_with(answer, figures, elapsed, out);
    }

    /// The results of older turns are there: the figures are looked at again.
    pub(super) fn recalled(
        &mut self,
        older: Vec<Recalled>,
        answer: String,
        elapsed: Duration,
        out: &mut Vec<Effect>,
    ) {
        let params = |found: &Recalled| (self.setup.params)(&found.result.query);
        let older = older.into_iter().map(|found| (params(&found), found)).map(|(p, f)| (f, p)).collect();
        self.evidence.recall(older);
        self.conclude(answer, elapsed, out);
    }

    /// Ends the turn with this answer; figures without receipt are marked.
    pub(super) fn settle(&mut self, answer: String, elapsed: Duration, out: &mut Vec<Effect>) {
        let figures = self.figures_of(&answer);
        self.settle_with(answer, figures, elapsed, out);
    }

    fn settle_with(
        &mut self,
        answer: String,
        figures: Vec<Receipt>,
        elapsed: Duration,
        out: &mut Vec<Effect>,
    ) {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        self.tally.figures = count(figures.len());
        self.tally.figures_traced =
            count(figures.iter().filter(|figure| figure.status != ReceiptStatus::Unverified).count());
        if !figures.is_empty() {
            out.push(Effect::Emit(TurnEventKind::Receipts { figures }));
        }
        let outcome = self.outcome.unwrap_or(Outcome::Answered);
        let questions = match &self.last_result {
            Some(result) if outcome == Outcome::Answered => (self.setup.follow_ups)(result),
            Some(_) | None => Vec::new(),
        };
        if !questions.is_empty() {
            out.push(Effect::Emit(TurnEventKind::Suggestions { questions }));
        }
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let kind = TurnEventKind::Completed {
            answer,
            outcome,
            model: self.tally.model.clone(),
            route: self.tally.route().to_owned(),
            tokens_in: self.tally.tokens_in,
            tokens_out: self.tally.tokens_out,
            cost: self.tally.cost,
            ttft_ms: self.tally.ttft.map(millis),
            total_ms: millis(elapsed),
            prompt_version: self.setup.prompt_version.clone(),
        };
        self.finish(kind, out);
    }

    /// No model answered: said plainly, with a code.
    pub(super) fn lost(&mut self, error: &ModelError, elapsed: Duration, out: &mut Vec<Effect>) {
        let (code, retryable) = match error {
            ModelError::RateLimited { .. } => ("model.busy", true),
            ModelError::Provider { .. } => ("model.provider", true),
            ModelError::Timeout => ("model.timeout", true),
            ModelError::Broken => ("model.broken", true),
            ModelError::Empty => ("model.empty", true),
            ModelError::Unauthorised => ("model.unauthorised", false),
            ModelError::Budget(_) => ("model.budget", true),
            ModelError::Unreachable(_) => ("model.unreachable", true),
        };
        let mut message = error.to_string();
        if let Some(first) = message.get(..1).map(str::to_uppercase) {
            message.replace_range(..1, &first);
        }
        if !message.ends_with('.') {
            message.push('.');
        }
        self.give_up(code, message, retryable, elapsed, out);
    }

    /// Ends the turn without a new answer: with the one whose figures were sent back, where there is one.
    pub(super) fn give_up(
        &mut self,
        code: &str,
        message: String,
        retryable: bool,
        elapsed: Duration,
        out: &mut Vec<Effect>,
    ) {
        match self.sent_back.take() {
            Some(answer) => {
                // What is back by now may still speak for a figure.
                self.take_in();
                self.withdraw = true;
                self.show(answer.clone(), elapsed, out);
                self.settle(answer, elapsed, out);
            }
            None => self.fail(code, message, retryable, out),
        }
    }

    pub(super) fn fail(&mut self, code: &str, message: String, retryable: bool, out: &mut Vec<Effect>) {
        self.finish(TurnEventKind::Failed { code: code.to_owned(), message, retryable }, out);
    }

    pub(super) fn finish(&mut self, kind: TurnEventKind, out: &mut Vec<Effect>) {
        self.stage = Stage::Over;
        out.push(Effect::Finish(kind));
    }
}
