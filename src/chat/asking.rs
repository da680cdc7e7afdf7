//! A question as it is asked: its words, its key, and what makes it the same as one asked before.
use super::Error;
use crate::db::{Db, OrgTx, turns, usage};
use crate::ids::{ConversationId, OrgId};
use jiff::Timestamp;
use rust_decimal::Decimal;
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

/// Refuses when an organisation has asked enough for the hour.
pub(super) async fn within_budget(
    tx: &mut OrgTx,
    org: OrgId,
    per_hour: Option<u64>,
    now: Timestamp,
) -> Result<(), Error> {
    let (begun, own) = usage::turns(tx, org, hour(now)).await?;
    let Some(limit) = own.or(per_hour.map(Decimal::from)) else { return Ok(()) };
    if begun < limit {
        return Ok(());
    }
    let minutes = (3_600 - now.as_second().rem_euclid(3_600) + 59) / 60;
    let message = format!(
        "The limit of {} questions an hour is reached; it renews in {minutes} minutes. An administrator can raise it.",
        limit.normalize()
    );
    Err(Error::Busy { code: "turns.budget", message })
}

/// Counts a turn for its hour, beside everything else; a count that is lost costs nobody an answer.
pub(super) fn count(db: &Db, org: OrgId, now: Timestamp) {
    let db = db.clone();
    tokio::spawn(async move {
        if let Err(error) = usage::count_turn(&db, org, hour(now)).await {
            tracing::warn!(%error, "a turn could not be counted");
        }
    });
}

/// The beginning of the hour that counts.
fn hour(now: Timestamp) -> Timestamp {
    let second = now.as_second();
    Timestamp::from_second(second - second.rem_euclid(3_600)).unwrap_or(now)
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
