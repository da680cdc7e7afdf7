//! Block Kit pieces. They take safe text only, and cut it where Slack would refuse more.
use super::limits::{ACTIONS, BUTTON, CONTEXT, FIELD, FIELDS, HEADER, SECTION, VALUE};
use super::{Markdown, Mrkdwn, Plain};
use serde_json::{Value, json};

/// A text object in Slack's markup; addresses and names in it stay text.
pub fn mrkdwn_text(text: &Mrkdwn) -> Value {
    json!({"type": "mrkdwn", "text": text.as_str(), "verbatim": true})
}

/// A text object without markup, cut to `most` characters.
pub fn plain_text(text: &Plain, most: usize) -> Value {
    json!({"type": "plain_text", "text": text.cut(most).as_str(), "emoji": false})
}

/// As many section blocks as the text needs; none for no text.
pub fn sections(text: &Mrkdwn) -> Vec<Value> {
    if text.is_empty() {
        return Vec::new();
    }
    text.pieces(SECTION).iter().map(|piece| json!({"type": "section", "text": mrkdwn_text(piece)})).collect()
}

/// A section with an element beside it; text beyond the limit is cut.
pub fn section_with(text: &Mrkdwn, accessory: Value) -> Value {
    let first = text.pieces(SECTION).into_iter().next().unwrap_or_default();
    json!({"type": "section", "text": mrkdwn_text(&first), "accessory": accessory})
}

/// Short texts in two columns; ten to a block.
pub fn fields(texts: &[Mrkdwn]) -> Vec<Value> {
    let texts: Vec<&Mrkdwn> = texts.iter().filter(|text| !text.is_empty()).collect();
    let field = |text: &Mrkdwn| text.pieces(FIELD).first().map(mrkdwn_text);
    texts
        .chunks(FIELDS)
        .map(|chunk| {
            json!({"type": "section", "fields": chunk.iter().filter_map(|text| field(text)).collect::<Vec<_>>()})
        })
        .collect()
}

/// Small grey lines; ten to a block.
pub fn context(texts: &[Mrkdwn]) -> Vec<Value> {
    let texts: Vec<&Mrkdwn> = texts.iter().filter(|text| !text.is_empty()).collect();
    let element = |text: &Mrkdwn| text.pieces(SECTION).first().map(mrkdwn_text);
    texts
        .chunks(CONTEXT)
        .map(|chunk| {
            json!({"type": "context", "elements": chunk.iter().filter_map(|text| element(text)).collect::<Vec<_>>()})
        })
        .collect()
}

pub fn header(text: &Plain) -> Value {
    json!({"type": "header", "text": plain_text(text, HEADER)})
}

pub fn divider() -> Value {
    json!({"type": "divider"})
}

/// Markdown, in as many blocks as it needs; [`super::Message::within_limits`] then makes messages of them.
pub fn markdown(text: &Markdown) -> Vec<Value> {
    let pieces = text.pieces(super::limits::MARKDOWN);
    pieces
        .iter()
        .filter(|piece| !piece.is_empty())
        .map(|piece| json!({"type": "markdown", "text": piece.as_str()}))
        .collect()
}

/// How a button looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    Usual,
    /// Green: one a message.
    Primary,
    Danger,
}

/// A button. `value` comes back with the click; one that is too long for Slack would be cut and mean something else, so
/// there is no button then.
pub fn button(action_id: &str, label: &Plain, value: &str, look: Look) -> Option<Value> {
    if value.chars().count() > VALUE {
        return None;
    }
    let mut button = json!({"type": "button", "action_id": action_id, "text": plain_text(label, BUTTON)});
    // An empty value is refused.
    if !value.is_empty() {
        button["value"] = value.into();
    }
    match look {
        Look::Usual => {}
        Look::Primary => button["style"] = "primary".into(),
        Look::Danger => button["style"] = "danger".into(),
    }
    Some(button)
}

/// A button that opens a page of ours: `public_url` as configured, `path` made of our own ids.
pub fn link_button(action_id: &str, label: &Plain, public_url: &str, path: &str) -> Value {
    let url = format!("{}/{}", public_url.trim_end_matches('/'), path.trim_start_matches('/'));
    json!({"type": "button", "action_id": action_id, "text": plain_text(label, BUTTON), "url": url})
}

/// Asks before the click counts. `element` is a button or a menu.
pub fn confirm(
    mut element: Value,
    title: &Plain,
    text: &Plain,
    yes: &Plain,
    no: &Plain,
    look: Look,
) -> Value {
    let mut dialog = json!({
        "title": plain_text(title, 100), "text": plain_text(text, 300),
        "confirm": plain_text(yes, 30), "deny": plain_text(no, 30),
    });
    if look == Look::Danger {
        dialog["style"] = "danger".into();
    }
    element["confirm"] = dialog;
    element
}

/// A menu of a few actions (label, value), at most five.
pub fn overflow(action_id: &str, options: &[(Plain, String)]) -> Value {
    let options: Vec<Value> = options
        .iter()
        .take(5)
        .map(|(label, value)| json!({"text": plain_text(label, BUTTON), "value": value.chars().take(151).collect::<String>()}))
        .collect();
    json!({"type": "overflow", "action_id": action_id, "options": options})
}

/// Buttons and menus in a row; none for none.
pub fn actions(block_id: &str, elements: Vec<Value>) -> Option<Value> {
    let elements: Vec<Value> = elements.into_iter().take(ACTIONS).collect();
    (!elements.is_empty()).then(|| json!({"type": "actions", "block_id": block_id, "elements": elements}))
}

#[cfg(test)]
mod tests;
