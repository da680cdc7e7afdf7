//! A question as it is asked: its words, its key, and what makes it the same as one asked before.
use super::Error;
use crate::db::turns;
use crate::ids::ConversationId;
use serde::Deserialize;
use serde_json::{Map, Value};

/// A question as a surface received it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    pub message: String,
    #[serde(default)]
    pub conversation_id: Option<ConversationId>,
    /// Chips: page, chart, campaign, segment, date range.
    #[serde(default)]
    pub context: Map<String, Value>,
    /// The same key of the same asker gives the same turn.
    #[serde(skip)]
    pub idempotency_key: Option<String>,
}

/// What makes two requests the same question.
pub(super) struct Asked<'a> {
    pub question: &'a str,
    /// Where it was asked, if that was said: a retry that does not say it cannot know it.
    pub conversation: Option<ConversationId>,
    pub context: &'a Value,
}

impl Asked<'_> {
    pub fn is(&self, turn: &turns::Turn) -> bool {
        self.question == turn.question
            && self.conversation.is_none_or(|id| id == turn.conversation)
            && *self.context == turn.context
    }
}

/// The words of a question without control characters, if there are any and not too many.
pub(super) fn question(message: &str, longest: usize) -> Result<String, Error> {
    let question: String = message.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    let question = question.trim().to_owned();
    let invalid = |message: String| Err(Error::Invalid { code: "chat.message", message });
    match question.chars().count() {
        0 => invalid("The message is empty; ask a question.".to_owned()),
        n if n > longest => {
            invalid(format!("The message has {n} characters; at most {longest} are read. Shorten it."))
        }
        _ => Ok(question),
    }
}

/// A key as it came, if it is one.
pub(super) fn key(given: Option<&str>) -> Result<Option<&str>, Error> {
    match given.map(str::trim) {
        Some(key) if key.is_empty() || key.len() > 200 || key.chars().any(char::is_control) => {
            let message = "The Idempotency-Key must have 1 to 200 printable characters.".to_owned();
            Err(Error::Invalid { code: "idempotency.key", message })
        }
        other => Ok(other),
    }
}
