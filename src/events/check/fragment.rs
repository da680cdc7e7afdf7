//! What is kept of a rejected item: the named fields and those at fault, without personal data, small.
use crate::events::event::{Fault, Rejection, Rules};
use crate::events::json::{Json, quote};
use crate::events::number::Number;
use crate::events::pii::{self, Place};
use std::borrow::Cow;

/// Bytes of a fragment; what is larger keeps its named fields alone.
const MAX_BYTES: usize = 4_096;
const TEXT: usize = 200;
const KEY: usize = 64;
const ENTRIES: usize = 20;
const DEPTH: usize = 4;
/// Digits from which on a number may tell who somebody is.
const LONG_NUMBER: usize = 9;
/// Fields that tell one item from another.
const NAMED: &[&str] = &["id", "name", "occurred_at", "source"];

/// Of an item that was not read nothing but its size: what is in it cannot be told.
pub fn unread(raw: &str, fault: Fault) -> Rejection {
    Rejection {
        code: fault.code,
        errors: vec![fault],
        id: None,
        source: None,
        class: None,
        fragment: format!("{{\"bytes\":{}}}", raw.len()),
    }
}

pub fn rejection(item: &Json<'_>, rules: &Rules<'_>, errors: Vec<Fault>) -> Rejection {
    let word = |field: &str| item.get(field).and_then(Json::text);
    Rejection {
        code: errors.first().map_or("event.not_object", |fault| fault.code),
        fragment: fragment(item, &errors),
        errors,
        id: word("id").map(|id| match pii::find(id, Place::Text) {
            Some(kind) => kind.redacted(),
            None => id.chars().take(KEY).collect(),
        }),
        source: word("source").and_then(|source| source.parse().ok()),
        class: word("name").and_then(|name| rules.registry.find(name)).map(|definition| definition.class),
    }
}

fn fragment(item: &Json<'_>, errors: &[Fault]) -> String {
    let entries = item.map().unwrap_or_default();
    let at_fault = |path: &[&str]| {
        errors.iter().any(|fault| path.iter().copied().eq(fault.path.split('.').take(path.len())))
    };
    let mut out = String::from("{");
    for (key, value) in entries.iter().filter(|(key, _)| NAMED.contains(&&**key)) {
        member(&mut out, key, value, 0);
    }
    let named = out.len();
    for (key, value) in entries.iter().filter(|(key, _)| !NAMED.contains(&&**key) && at_fault(&[key])) {
        let Some(properties) = value.map().filter(|_| key == "properties") else {
            member(&mut out, key, value, 0);
            continue;
        };
        let mut inner = String::from("{");
        for (name, value) in properties.iter().filter(|(name, _)| at_fault(&[key, name])).take(ENTRIES) {
            member(&mut inner, name, value, 1);
        }
        comma(&mut out);
        out.push_str("\"properties\":");
        out.push_str(&inner);
        out.push('}');
    }
    if out.len() >= MAX_BYTES {
        out.truncate(named);
    }
    out.push('}');
    out
}

fn comma(out: &mut String) {
    if !out.ends_with('{') {
        out.push(',');
    }
}

fn member(out: &mut String, key: &str, value: &Json<'_>, depth: usize) {
    comma(out);
    quote(&masked(key, KEY), out);
    out.push(':');
    match pii::key_kind(key) {
        Some(kind) if !matches!(value, Json::Null | Json::Bool(_)) => quote(&kind.redacted(), out),
        _ => write(out, value, depth + 1),
    }
}

fn write(out: &mut String, value: &Json<'_>, depth: usize) {
    match value {
        Json::Text(text) => quote(&masked(text, TEXT), out),
        Json::Unstorable(text) => quote(&masked(text, TEXT), out),
        // A long number may be a card's or a person's; one that PostgreSQL has no place for would cost the whole batch.
        Json::Number(digits) if Number::read(digits).is_none() => quote("[number out of range]", out),
        Json::Number(digits) if digits.bytes().filter(u8::is_ascii_digit).count() >= LONG_NUMBER => {
            quote("[redacted:number]", out);
        }
        Json::List(_) | Json::Map(_) if depth >= DEPTH => out.push_str("\"…\""),
        Json::List(items) => {
            out.push('[');
            for (at, item) in items.iter().take(ENTRIES).enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(out, item, depth + 1);
            }
            out.push(']');
        }
        Json::Map(entries) => {
            out.push('{');
            for (key, value) in entries.iter().take(ENTRIES) {
                member(out, key, value, depth);
            }
            out.push('}');
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => value.write(out),
    }
}

fn masked(text: &str, limit: usize) -> Cow<'_, str> {
    if let Some(kind) = pii::find(text, Place::Text) {
        return Cow::Owned(kind.redacted());
    }
    match text.char_indices().nth(limit) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}
