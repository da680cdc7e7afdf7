//! What somebody said: in blocks that Slack does not parse, or escaped.
use crate::drafts::ReasonCode;
use crate::slack::blocks::{Mrkdwn, Plain, kit, mrkdwn, plain};
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

/// Category and words of a reviewer.
pub fn why(code: Option<ReasonCode>, note: Option<&str>) -> Mrkdwn {
    let code = code.filter(|code| *code != ReasonCode::Other);
    let code = code.map(|code| mrkdwn(&code.as_str().replace('_', " ")));
    let note = note.map(mrkdwn).filter(|note| !note.is_empty());
    Mrkdwn::join(code.into_iter().chain(note), ": ")
}

/// That the same was turned down before (draft, who, why).
pub fn rejected_before((draft, by, code, note): &(i64, String, Option<ReasonCode>, String)) -> Vec<Value> {
    let note = crate::text::clean(note, 300);
    let parts = [mrkdwn(&draft.to_string()), mrkdwn(by), why(*code, Some(&note))];
    kit::context(&[Mrkdwn::fill("↩ The same was rejected before (draft {}, {}): {}", &parts)])
}
