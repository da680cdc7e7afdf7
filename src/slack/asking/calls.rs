//! The calls of an answer as Slack takes them, and what came of them.
use super::foot::Gathered;
use super::present::{Call, Foot, Outcome};
use crate::db::slack_answers::Answer;
use crate::slack::Slack;
use crate::slack::api::ApiError;
use crate::slack::blocks::{Markdown, Message, Plain, answer};
use crate::slack::wire::Us;
use jiff::SignedDuration;
use serde_json::{Value, json};

/// Characters by which a message is known again.
const KNOWN_BY: usize = 60;
/// Messages of a thread that are looked through.
const REPLIES: u32 = 200;
/// A clock that differs from Slack's by less does no harm.
const SKEW: SignedDuration = SignedDuration::from_secs(60);

/// What a call needs beside itself.
pub struct Scene<'a> {
    pub answer: &'a Answer,
    pub gathered: &'a Gathered,
    /// Blocks were refused.
    pub plain: bool,
    /// Messages before this moment are none of ours.
    pub since: jiff::Timestamp,
}

impl Scene<'_> {
    /// The method and its arguments.
    pub fn args(&self, call: &Call) -> (&'static str, Value) {
        let (channel, thread) = (self.answer.channel.as_str(), self.answer.thread_ts.as_str());
        match call {
            Call::Status { line } => {
                let line = Some(line.as_str()).filter(|line| !line.is_empty());
                ("assistant.threads.setStatus", answer::status(channel, thread, line))
            }
            Call::Start { text } => {
                let mut args =
                    json!({"channel": channel, "thread_ts": thread, "markdown_text": text.as_str()});
                // In a channel a stream is shown to one person as it comes.
                if !channel.starts_with('D') {
                    let team = if self.answer.person_team.is_empty() {
                        &self.answer.team
                    } else {
                        &self.answer.person_team
                    };
                    args["recipient_user_id"] = self.answer.person.as_str().into();
                    args["recipient_team_id"] = team.as_str().into();
                }
                ("chat.startStream", args)
            }
            Call::Append { ts, text } => {
                ("chat.appendStream", json!({"channel": channel, "ts": ts, "markdown_text": text.as_str()}))
            }
            Call::Stop { ts, foot } => {
                let blocks = self.blocks(*foot);
                let mut args = json!({"channel": channel, "ts": ts});
                if !blocks.is_empty() {
                    args["blocks"] = blocks.into();
                }
                ("chat.stopStream", args)
            }
            Call::Post { text, foot } => {
                let mut args = self.message(text, *foot).post(channel, Some(thread));
                let turn = self.answer.turn_id.to_string();
                args["metadata"] = json!({"event_type": MARK, "event_payload": {"turn": turn}});
                ("chat.postMessage", self.without_blocks(args))
            }
            Call::Edit { ts, text, foot } => {
                ("chat.update", self.without_blocks(self.message(text, *foot).update(channel, ts)))
            }
            Call::Delete { ts } => ("chat.delete", json!({"channel": channel, "ts": ts})),
            Call::Look { .. } => {
                let oldest = self.since.checked_sub(SKEW).unwrap_or(self.since).as_second();
                let args = json!({
                    "channel": channel, "ts": thread, "limit": REPLIES, "oldest": oldest.to_string(),
                    "include_all_metadata": true,
                });
                ("conversations.replies", args)
            }
        }
    }

    fn blocks(&self, foot: Foot) -> Vec<Value> {
        if self.plain { Vec::new() } else { self.gathered.blocks(self.answer.turn_id, foot, false) }
    }

    fn message(&self, text: &Markdown, foot: Foot) -> Message {
        let blocks = self.blocks(foot);
        if !text.is_empty() {
            return answer::answer(text, blocks).into_iter().next().unwrap_or_default();
        }
        let words = if self.plain { self.gathered.words() } else { String::new() };
        let text = if words.is_empty() {
            Plain::ours("Sources and follow-ups")
        } else {
            crate::slack::blocks::plain(&words)
        };
        Message::new(&text, blocks)
    }

    fn without_blocks(&self, mut args: Value) -> Value {
        if self.plain
            && let Some(args) = args.as_object_mut()
        {
            args.remove("blocks");
        }
        args
    }
}

/// By this our messages are known again.
pub const MARK: &str = "adjutant_answer";

/// Makes a call.
pub async fn perform(slack: &Slack, scene: &Scene<'_>, call: &Call) -> Outcome {
    let (method, args) = scene.args(call);
    match slack.inner.api.call(method, &args).await {
        Ok(reply) => {
            let us = slack.inner.homes.us(&scene.answer.team);
            let ts = match call {
                Call::Look { known, text } => found(&reply, known, text, scene.answer, &us),
                Call::Status { .. }
                | Call::Start { .. }
                | Call::Append { .. }
                | Call::Stop { .. }
                | Call::Post { .. }
                | Call::Edit { .. }
                | Call::Delete { .. } => reply["ts"].as_str().map(str::to_owned),
            };
            Outcome::Done { ts }
        }
        Err(ApiError::Limited { after }) => {
            Outcome::Wait(SignedDuration::try_from(after).unwrap_or(SignedDuration::from_secs(1)))
        }
        Err(ApiError::Refused { code, detail }) => {
            tracing::info!(method, code, ?detail, turn = %scene.answer.turn_id, "Slack refused");
            Outcome::Refused { code }
        }
        Err(ApiError::Broken(problem)) => {
            tracing::warn!(method, problem, turn = %scene.answer.turn_id, "Slack did not answer");
            Outcome::Lost
        }
        Err(ApiError::Gone) => Outcome::Gone,
    }
}

/// Our message in the thread that is not known yet: it carries the turn, or begins with the text that was sent.
fn found(reply: &Value, known: &[String], text: &Markdown, answer: &Answer, us: &Us) -> Option<String> {
    let turn = answer.turn_id.to_string();
    let sent = letters(text.as_str());
    let ours = |message: &&Value| {
        let by = |name: &str, id: &str| !id.is_empty() && message[name] == id;
        by("user", &us.bot_user) || by("bot_id", &us.bot_id)
    };
    let is_it = |message: &&Value| {
        let marked = &message["metadata"]["event_payload"]["turn"];
        if !marked.is_null() {
            return *marked == turn.as_str();
        }
        let said = letters(message["text"].as_str().unwrap_or_default());
        !sent.is_empty() && (said.starts_with(&sent) || (!said.is_empty() && sent.starts_with(&said)))
    };
    let messages = reply["messages"].as_array()?.iter();
    let mut unknown = messages.filter(ours).filter_map(|message| Some((message["ts"].as_str()?, message)));
    unknown
        .find(|(ts, message)| !known.iter().any(|one| one == ts) && is_it(message))
        .map(|(ts, _)| ts.to_owned())
}

/// What is left of a text when Slack has rendered it.
fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).take(KNOWN_BY).collect()
}
