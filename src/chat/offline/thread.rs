//! The conversation so far as turns: what was asked, which tools ran with what outcome, what was answered.
use crate::catalogue::QueryResult;
use crate::llm::Message;
use serde_json::{Map, Value};

/// One call with its outcome.
#[derive(Clone, Debug)]
pub struct Done {
    pub id: String,
    pub tool: String,
    pub args: Map<String, Value>,
    pub result: Value,
    pub failed: bool,
}

impl Done {
    /// The outcome of a named query.
    pub fn query(&self) -> Option<QueryResult> {
        (!self.failed).then(|| serde_json::from_value(self.result.clone()).ok()).flatten()
    }
}

/// One earlier turn.
#[derive(Clone, Debug, Default)]
pub struct Past {
    pub question: String,
    pub answer: String,
    pub calls: Vec<Done>,
}

/// Earlier turns, the question, and what this turn has done for it.
#[derive(Clone, Debug, Default)]
pub struct Thread {
    pub past: Vec<Past>,
    pub question: String,
    pub current: Vec<Done>,
}

impl Thread {
    /// Reads the messages of a request; notes of the program are not the asker's words.
    pub fn read(messages: &[Message]) -> Self {
        let mut turns: Vec<Past> = Vec::new();
        for message in messages {
            match message {
                Message::User { text } => turns.push(Past { question: text.clone(), ..Past::default() }),
                Message::Note { .. } => {}
                Message::Assistant { text, calls } => {
                    let Some(turn) = turns.last_mut() else { continue };
                    turn.answer.push_str(text);
                    turn.calls.extend(calls.iter().map(|c| Done {
                        id: c.id.clone(),
                        tool: c.name.clone(),
                        args: c.arguments.clone(),
                        result: Value::Null,
                        failed: true,
                    }));
                }
                Message::Tool { call_id, name, result, failed, .. } => {
                    let Some(turn) = turns.last_mut() else { continue };
                    match turn.calls.iter_mut().find(|c| c.id == *call_id && c.result.is_null()) {
                        Some(call) => {
                            call.result = result.clone();
                            call.failed = *failed;
                        }
                        None => turn.calls.push(Done {
                            id: call_id.clone(),
                            tool: name.clone(),
                            args: Map::new(),
                            result: result.clone(),
                            failed: *failed,
                        }),
                    }
                }
            }
        }
        let last = turns.pop().unwrap_or_default();
        Self { past: turns, question: last.question, current: last.calls }
    }
}
