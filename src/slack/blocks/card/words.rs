//! Somebody's words, in blocks that Slack does not parse.
use crate::slack::blocks::{Plain, plain};
use serde_json::{Value, json};

fn rich(kind: &str, text: &str) -> Value {
    json!({"type": "rich_text", "elements": [{"type": kind, "elements": [{"type": "text", "text": text}]}]})
}

/// A quotation.
pub fn quote(words: &str) -> Value {
    let text = plain(words);
    let text = if text.is_empty() { Plain::ours("No reason was given.") } else { text };
    rich("rich_text_quote", text.cut(1_000).as_str())
}

/// Lines in a fixed font; nothing without lines.
pub fn preformatted(lines: Vec<Plain>) -> Option<Value> {
    let text: Vec<&str> = lines.iter().map(Plain::as_str).collect();
    (!text.is_empty()).then(|| rich("rich_text_preformatted", &text.join("\n")))
}
