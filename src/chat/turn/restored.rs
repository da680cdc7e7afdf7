//! A turn that begins again where its dead owner stopped.
use super::{Tally, ToolOutcome, Turn, round};
use crate::llm::{Message, ToolCall};

/// What was done in a turn before its owner died.
#[derive(Debug, Default)]
pub struct Restored {
    pub calls: Vec<RestoredCall>,
    /// Begun and never ended. Queries read, and a draft tool makes the same draft under the same id: both may run again.
    pub pending: Vec<ToolCall>,
    /// Text was sent that the new answer has to withdraw.
    pub text_shown: bool,
    /// Tokens and cost.
    pub spent: Tally,
}

#[derive(Debug)]
pub struct RestoredCall {
    pub call: ToolCall,
    pub outcome: ToolOutcome,
}

impl Turn {
    /// Puts back what the log of a turn says was done before its owner died: one finished call after the other.
    pub fn restore(&mut self, done: Restored) {
        self.withdraw = done.text_shown;
        self.tally.tokens_in += done.spent.tokens_in;
        self.tally.tokens_out += done.spent.tokens_out;
        self.tally.cost += done.spent.cost;
        for step in done.calls {
            self.calls += 1;
            self.rounds += 1;
            self.call_ids.insert(step.call.id.clone());
            self.asked.insert(round::fingerprint(&step.call), (step.call.id.clone(), 0));
            let message = match step.outcome {
                ToolOutcome::Rows(result) => self.keep_rows(&step.call, result),
                ToolOutcome::Draft { summary, .. } => self.keep_other(&step.call, summary),
                ToolOutcome::Failed(error) => self.keep_failure(&step.call, &error),
            };
            self.messages.push(Message::Assistant { text: String::new(), calls: vec![step.call] });
            self.messages.push(message);
        }
        self.pending = done.pending;
        // The rounds of the dead owner are not held against the new one beyond the last.
        self.rounds = self.rounds.min(self.setup.limits.rounds.saturating_sub(1));
    }
}
