//! The bounds of the room.
use super::turn::Limits;
use crate::config;

/// Bounds of the room.
#[derive(Clone, Debug)]
pub struct Settings {
    pub limits: Limits,
    /// Tokens of earlier turns shown to a model.
    pub context_tokens: usize,
    /// Characters of a question.
    pub longest_question: usize,
    /// Turns of one organisation that this process drives at once.
    pub at_once: usize,
    /// Turns of one organisation in an hour; no bound when not said.
    pub per_hour: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            context_tokens: 6_000,
            longest_question: 8_000,
            at_once: 400,
            per_hour: None,
        }
    }
}

impl From<&config::Turns> for Settings {
    fn from(turns: &config::Turns) -> Self {
        let limits = Limits {
            rounds: turns.rounds.max(2),
            tool_calls: turns.tool_calls.max(1),
            seconds: turns.seconds.max(1),
            // Four characters a token; a third of the budget for one result.
            characters: (turns.context_tokens * 4 / 12).clamp(1_000, 32_000),
            ..Limits::default()
        };
        Self {
            limits,
            context_tokens: turns.context_tokens / 2,
            at_once: turns.at_once.max(1),
            per_hour: Some(turns.per_hour),
            ..Self::default()
        }
    }
}
