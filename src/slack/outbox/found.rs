//! Looks in a channel or thread for what an earlier try of a row may have left there.
use crate::db::outbox::Row;
use crate::slack::api::{Api, ApiError};
use serde_json::{Value, json};
use std::time::Duration;

/// The field of a message's metadata that names the row.
pub const MARK: &str = "outbox_id";

/// Whether a message of the channel is what a row sent.
pub type Matches = fn(&Value, &Row) -> bool;

/// Pages of two hundred messages that are looked through: a busy channel between two tries.
const PAGES: usize = 5;
/// How far Slack's clock and ours may be apart.
const SKEW: Duration = Duration::from_secs(300);

pub fn message(found: &Value, row: &Row) -> bool {
    found["metadata"]["event_payload"][MARK] == row.id.to_string().as_str()
}

/// A file is known by the id it got when its bytes were taken.
pub fn file(found: &Value, row: &Row) -> bool {
    let id = row.external_ref.as_deref().and_then(|place| place.split_once(':')).map(|(_, id)| id);
    let files = found["files"].as_array().into_iter().flatten();
    id.is_some_and(|id| files.into_iter().any(|file| file["id"] == id))
}

/// The `ts` of the message that an earlier try left.
pub async fn place(api: &Api, args: &Value, row: &Row, matches: Matches) -> Result<Option<String>, ApiError> {
    let since = row.created_at - SKEW;
    let mut ask = json!({
        "channel": args["channel"], "limit": 200, "include_all_metadata": true, "inclusive": true,
        "oldest": format!("{}.000000", since.as_second()),
    });
    let method = match args["thread_ts"].as_str() {
        Some(thread) => {
            ask["ts"] = thread.into();
            "conversations.replies"
        }
        None => "conversations.history",
    };
    for _ in 0..PAGES {
        let page = api.call(method, &ask).await?;
        let mut messages = page["messages"].as_array().into_iter().flatten();
        if let Some(found) = messages.find(|found| matches(found, row)) {
            return Ok(found["ts"].as_str().map(str::to_owned));
        }
        match page["response_metadata"]["next_cursor"].as_str().filter(|cursor| !cursor.is_empty()) {
            Some(cursor) => ask["cursor"] = cursor.into(),
            None => break,
        }
    }
    Ok(None)
}
