//! The views that cards open: edit, reject, hand over, ask, mark as applied. Pure.
use super::kit::{self, plain_text};
use super::{Mrkdwn, Plain, mrkdwn, plain};
use crate::drafts::ReasonCode;
use crate::drafts::form::{Field, Input};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Characters of one input (`slack.md`).
pub const LONGEST: usize = 3_000;
/// The id of the one element of each input.
const ELEMENT: &str = "value";

/// What a view is about, and the token it sends back.
pub struct Subject<'a> {
    pub number: i64,
    pub revision: i32,
    pub title: &'a str,
    pub token: &'a str,
}

fn view(
    callback: &str,
    of: &Subject<'_>,
    title: &'static str,
    submit: &'static str,
    blocks: Vec<Value>,
) -> Value {
    let title = Plain::fill(title, &[plain(&of.number.to_string())]);
    json!({
        "type": "modal",
        "callback_id": callback,
        "private_metadata": of.token,
        "title": plain_text(&title, 24),
        "submit": plain_text(&Plain::ours(submit), 24),
        "close": plain_text(&Plain::ours("Cancel"), 24),
        "blocks": blocks,
    })
}

/// Says where the card of a draft is.
pub fn pointer(number: i64, title: &str) -> Value {
    let name = Mrkdwn::fill("*#{} {}*", &[mrkdwn(&number.to_string()), mrkdwn(title)]);
    let words = "{}\nThe card is in our direct messages: open the *Messages* tab.";
    json!({
        "type": "modal", "callback_id": "card.pointer",
        "title": plain_text(&Plain::ours("Review"), 24), "close": plain_text(&Plain::ours("Close"), 24),
        "blocks": kit::sections(&Mrkdwn::fill(words, &[name])),
    })
}

fn input(block_id: &str, label: &Plain, hint: Option<&str>, optional: bool, element: Value) -> Value {
    let mut block = json!({
        "type": "input",
        "block_id": block_id,
        "label": plain_text(label, 2_000),
        "optional": optional,
        "element": element,
    });
    if let Some(hint) = hint {
        block["hint"] = plain_text(&plain(hint), 2_000);
    }
    block
}

fn text_input(initial: &str, multiline: bool) -> Value {
    let mut element = json!({
        "type": "plain_text_input",
        "action_id": ELEMENT,
        "multiline": multiline,
        "max_length": LONGEST,
    });
    if !initial.is_empty() {
        element["initial_value"] = json!(initial);
    }
    element
}

fn select(options: &[(String, String)], initial: &str) -> Value {
    let option =
        |(value, label): &(String, String)| json!({"text": plain_text(&plain(label), 75), "value": value});
    let mut element = json!({
        "type": "static_select",
        "action_id": ELEMENT,
        "options": options.iter().map(option).collect::<Vec<_>>(),
    });
    if let Some(chosen) = options.iter().find(|(value, _)| value == initial) {
        element["initial_option"] = option(chosen);
    }
    element
}

/// The block of a field. It names the revision, because Slack keeps what was typed into a block of the same name.
pub fn block_of(revision: i32, field: &str) -> String {
    format!("r{revision}.{field}")
}

/// One input a field. `mine` is what somebody wrote into an older revision's form: shown beside the newer text.
pub fn edit(of: &Subject<'_>, fields: &[Field], mine: Option<&BTreeMap<String, String>>) -> Value {
    let mut blocks = about(of);
    blocks.extend(match mine {
        None => kit::context(&[Mrkdwn::ours(
            "Saving makes a new revision: it is checked again, and approvals given so far no longer count.",
        )]),
        Some(_) => kit::sections(&Mrkdwn::ours(
            "⚠️ *Somebody saved a newer revision meanwhile.* It is shown here; what you wrote was not saved.",
        )),
    });
    for field in fields {
        if field.value.chars().count() > LONGEST {
            let label = plain(&field.label);
            let note = Mrkdwn::fill("{} is too long to be edited here.", &[mrkdwn(label.as_str())]);
            blocks.extend(kit::context(&[note]));
            continue;
        }
        let element = match &field.input {
            Input::Line => text_input(&field.value, false),
            Input::Text | Input::Lines => text_input(&field.value, true),
            Input::Choice(words) => {
                let options: Vec<_> =
                    words.iter().map(|w| (w.clone(), w.to_lowercase().replace('_', " "))).collect();
                select(&options, &field.value)
            }
            Input::YesNo => {
                let options = ["yes", "no"].map(|w| (w.to_owned(), w.to_owned()));
                select(&options, &field.value)
            }
        };
        let id = block_of(of.revision, &field.name);
        blocks.push(input(&id, &plain(&field.label), field.hint.as_deref(), true, element));
        let wrote = mine.and_then(|mine| mine.get(&field.name)).filter(|text| **text != field.value);
        if let Some(text) = wrote {
            let text: String = text.chars().take(500).collect();
            blocks.extend(kit::context(&[Mrkdwn::fill("You wrote: {}", &[mrkdwn(&text)])]));
        }
    }
    view("card.edit", of, "Edit draft {}", "Save", blocks)
}

fn about(of: &Subject<'_>) -> Vec<Value> {
    let revision = mrkdwn(&of.revision.to_string());
    kit::sections(&Mrkdwn::fill("*{}*\nrevision {}", &[mrkdwn(of.title), revision]))
}

pub fn reject(of: &Subject<'_>) -> Value {
    let label = |code: &ReasonCode| match code {
        ReasonCode::WrongData => "The data is wrong",
        ReasonCode::TooRisky => "Too risky",
        ReasonCode::BadTiming => "Bad timing",
        ReasonCode::NotStrategic => "Does not fit the strategy",
        ReasonCode::Duplicate => "A duplicate",
        ReasonCode::Policy => "Against policy",
        ReasonCode::Other => "Something else",
    };
    let codes: Vec<(String, String)> =
        ReasonCode::ALL.iter().map(|code| (code.as_str().to_owned(), label(code).to_owned())).collect();
    let mut blocks = about(of);
    blocks.extend([
        input("category", &Plain::ours("Category"), None, false, select(&codes, "")),
        input(
            "reason",
            &Plain::ours("Reason"),
            Some("The requester reads it, and later drafts take it into account."),
            false,
            text_input("", true),
        ),
    ]);
    view("card.reject", of, "Reject draft {}", "Reject", blocks)
}

pub fn ask(of: &Subject<'_>) -> Value {
    let mut blocks = about(of);
    blocks.extend([input(
        "question",
        &Plain::ours("Question"),
        Some("It is answered in the draft's thread."),
        false,
        text_input("", true),
    )]);
    view("card.ask", of, "Ask about draft {}", "Ask", blocks)
}

pub fn hand_over(of: &Subject<'_>) -> Value {
    let pick = json!({"type": "users_select", "action_id": ELEMENT});
    let mut blocks = about(of);
    blocks.extend([input("to", &Plain::ours("To whom"), Some("Somebody who may approve it."), false, pick)]);
    view("card.hand", of, "Hand over draft {}", "Hand over", blocks)
}

pub fn applied(of: &Subject<'_>) -> Value {
    let mut blocks = about(of);
    blocks.extend([input(
        "evidence",
        &Plain::ours("Where can the change be seen?"),
        Some("A link to the change history, or a sentence."),
        false,
        text_input("", true),
    )]);
    view("card.apply", of, "Applied: draft {}", "Mark as applied", blocks)
}

/// What was filled in: block id → text, chosen value or picked person.
pub fn filled(values: &Value) -> BTreeMap<String, String> {
    let blocks = values.as_object().into_iter().flatten();
    blocks
        .filter_map(|(block, actions)| {
            let element = actions.get(ELEMENT)?;
            let text = element
                .get("value")
                .or_else(|| element.pointer("/selected_option/value"))
                .or_else(|| element.get("selected_user"))
                .and_then(Value::as_str)
                .unwrap_or_default();
            Some((block.clone(), text.to_owned()))
        })
        .collect()
}

/// The fields of an edit form, without the revision in their blocks' names.
pub fn filled_fields(values: &Value) -> BTreeMap<String, String> {
    let named = |(block, text): (String, String)| {
        let (_, field) = block.split_once('.')?;
        Some((field.to_owned(), text))
    };
    filled(values).into_iter().filter_map(named).collect()
}

/// Errors at blocks: the view stays open.
pub fn errors<'a>(faults: impl IntoIterator<Item = (String, &'a str)>) -> Value {
    let faults: serde_json::Map<String, Value> =
        faults.into_iter().map(|(block, message)| (block, json!(plain(message).cut(500).as_str()))).collect();
    json!({"response_action": "errors", "errors": faults})
}

/// The view is replaced by another.
pub fn replaced(view: &Value) -> Value {
    json!({"response_action": "update", "view": view})
}

#[cfg(test)]
mod tests;
