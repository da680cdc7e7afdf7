//! The properties of an event: what is missing, wrong, unknown or personal.
use super::envelope::Envelope;
use super::typed::{self, Fine};
use super::{Findings, is_address, replaced};
use crate::events::fault;
use crate::events::json::Json;
use crate::events::pii::{self, Place};
use crate::events::registry::{Definition, Kind, MAX_PROPERTIES};
use rust_decimal::Decimal;
use std::borrow::Cow;

/// `events.md` §1; `properties` itself is the first level.
const MAX_DEPTH: usize = 4;
/// So many unknown ones are named in warnings.
const MOST_NAMED: usize = 10;

#[derive(Default)]
pub struct Read {
    /// Paths of properties that the registry does not name.
    pub unknown: Vec<String>,
    /// The money property that stands for `value`.
    pub main_money: Option<Decimal>,
    pub filled: u16,
    pub expected: u16,
}

type Entry<'a> = (Cow<'a, str>, Json<'a>);

pub fn check(entries: &mut [Entry<'_>], envelope: &Envelope<'_>, findings: &mut Findings) -> Read {
    let mut read = Read::default();
    let definition = envelope.definition;
    if entries.len() > MAX_PROPERTIES {
        findings.faults.push(fault::property_too_large("properties", &format!("{MAX_PROPERTIES} keys")));
        return read;
    }
    complete(entries, definition, findings, &mut read);
    let mut renamed = 0;
    for (key, value) in entries.iter_mut().filter(|(_, value)| *value != Json::Null) {
        let Some(path) = path_of(key, "properties", &mut renamed, findings) else { continue };
        if value.depth() >= MAX_DEPTH {
            findings.faults.push(fault::property_too_large(&path, &format!("{MAX_DEPTH} levels")));
            continue;
        }
        let Some(property) = definition.property(key) else {
            if read.unknown.len() < MOST_NAMED {
                read.unknown.push(path.clone());
            }
            match typed::fits(value, &path) {
                Ok(()) => scan_named(key, value, &path, findings),
                Err(fault) => findings.faults.push(fault),
            }
            continue;
        };
        match typed::check(value, property, &path, envelope.source.is_connector()) {
            Ok(Fine { number, scan }) => {
                if definition.value_from.as_deref() == Some(&**key) {
                    read.main_money = number.and_then(|number| number.money());
                }
                if let Some(place) = scan {
                    scan_value(value, key, place, &path, findings);
                }
            }
            Err(fault) => findings.faults.push(fault),
        }
    }
    differing(entries, definition, findings);
    read
}

/// Required ones that are absent or null, and the counts of completeness.
fn complete(entries: &[Entry<'_>], definition: &Definition, findings: &mut Findings, read: &mut Read) {
    for property in definition.properties.iter().filter(|property| property.required || property.recommended)
    {
        let value = entries.iter().find(|(key, _)| *key == property.name).map(|(_, value)| value);
        let there = match value {
            None => false,
            Some(Json::Null) => property.nullable,
            Some(_) => true,
        };
        read.expected += 1;
        read.filled += u16::from(there);
        if property.required && !there {
            let path = format!("properties.{}", property.name);
            findings.faults.push(fault::property_missing(&path, &definition.name));
        }
    }
}

/// Rules between two properties: both hold a text, and not the same.
fn differing(entries: &[Entry<'_>], definition: &Definition, findings: &mut Findings) {
    let value = |name: &str| entries.iter().find(|(key, _)| key == name).and_then(|(_, value)| value.text());
    for property in definition.properties.iter().filter(|property| property.kind != Kind::Json) {
        let Some(other) = property.differs_from.as_deref() else { continue };
        let same = value(&property.name).zip(value(other)).is_some_and(|(a, b)| a.eq_ignore_ascii_case(b));
        if same {
            let path = format!("properties.{}", property.name);
            findings.faults.push(fault::property_type(&path, &format!("another than '{other}'")));
        }
    }
}

/// The path of a property. A key that is personal data itself (`{"jane@example.org": true}`) is refused, which gives nothing,
/// or gets another name; it is never repeated.
fn path_of(
    key: &mut Cow<'_, str>,
    within: &str,
    renamed: &mut usize,
    findings: &mut Findings,
) -> Option<String> {
    if let Some(kind) = pii::find(key, Place::Text) {
        *renamed += 1;
        let name = if *renamed == 1 { kind.redacted() } else { format!("{} {renamed}", kind.redacted()) };
        if !findings.found(&format!("{within}.{name}"), kind) {
            return None;
        }
        *key = Cow::Owned(name);
    }
    Some(format!("{within}.{key}"))
}

/// A value whose key may say what it is.
fn scan_named(key: &str, value: &mut Json<'_>, path: &str, findings: &mut Findings) {
    let empty = match value {
        // Yes and no are no personal data: {"mobile": true}.
        Json::Null | Json::Bool(_) => true,
        Json::Text(text) => text.trim().is_empty(),
        Json::List(items) => items.is_empty(),
        Json::Map(entries) => entries.is_empty(),
        Json::Number(_) | Json::Unstorable(_) => false,
    };
    match pii::key_kind(key).filter(|_| !empty) {
        Some(kind) => {
            if findings.found(path, kind) {
                *value = Json::Text(Cow::Owned(kind.redacted()));
            }
        }
        None => scan_value(value, key, Place::Text, path, findings),
    }
}

fn scan_value(value: &mut Json<'_>, key: &str, place: Place, path: &str, findings: &mut Findings) {
    match value {
        Json::Text(text) => {
            let place = if place == Place::Text && is_address(text) { Place::Url } else { place };
            let hashed = key.ends_with("_sha256") && pii::is_hash(text);
            if let Some(kind) = pii::find(text, place).filter(|_| !hashed)
                && findings.found(path, kind)
            {
                *text = Cow::Owned(replaced(text, kind, place));
            }
        }
        Json::List(items) => {
            for (at, item) in items.iter_mut().enumerate() {
                scan_value(item, key, place, &format!("{path}.{at}"), findings);
            }
        }
        Json::Map(entries) => {
            let mut renamed = 0;
            for (key, value) in entries {
                if let Some(path) = path_of(key, path, &mut renamed, findings) {
                    scan_named(key, value, &path, findings);
                }
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Unstorable(_) => {}
    }
}
