//! Reading payloads that may not look as they did: required fields that are missing, fields nobody knows, words of a list
//! that are new (`connectors.md` §1.6).
use rust_decimal::Decimal;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::str::FromStr as _;

/// Rows left out because a required field was missing or of another type, as a share of all: above this a stream fails
/// (`connectors.md` §1.6).
pub const MISSING_SHARE: f64 = 0.01;

/// What the payloads of a slice were like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub rows: u64,
    /// Rows that were left out, by the required field they did without.
    pub missing: BTreeMap<String, u64>,
    /// Fields that the connector does not know.
    pub new_fields: BTreeMap<String, u64>,
    /// Words of a closed list that it does not know, as `field=word`.
    pub unknown_values: BTreeMap<String, u64>,
}

impl Seen {
    pub fn add(&mut self, other: Self) {
        self.rows += other.rows;
        for (mine, theirs) in [
            (&mut self.missing, other.missing),
            (&mut self.new_fields, other.new_fields),
            (&mut self.unknown_values, other.unknown_values),
        ] {
            for (field, count) in theirs {
                *mine.entry(field).or_default() += count;
            }
        }
    }

    /// The required field without which more rows came than can be passed over.
    pub fn breaking(&self) -> Option<(&str, u64)> {
        let (field, count) = self.missing.iter().max_by_key(|(_, count)| **count)?;
        (*count as f64 > self.rows as f64 * MISSING_SHARE).then_some((field.as_str(), *count))
    }

    /// Each finding with its code, as the log keeps it.
    pub fn findings(&self) -> Vec<(&'static str, String, u64)> {
        [
            ("schema.missing_field", &self.missing),
            ("schema.new_field", &self.new_fields),
            ("schema.unknown_value", &self.unknown_values),
        ]
        .into_iter()
        .flat_map(|(code, found)| found.iter().map(move |(field, count)| (code, field.clone(), *count)))
        .collect()
    }

    pub fn odd_word(&mut self, field: &str, word: &str) {
        *self.unknown_values.entry(format!("{field}={}", crate::text::clean(word, 60))).or_default() += 1;
    }

    /// Counts fields of `object` that are not among `known`, and returns them.
    pub fn unknown(&mut self, object: &Map<String, Value>, known: &[&str], path: &str) -> Map<String, Value> {
        let mut extra = Map::new();
        for (name, value) in object.iter().filter(|(name, _)| !known.contains(&name.as_str())) {
            *self.new_fields.entry(format!("{path}{}", crate::text::clean(name, 60))).or_default() += 1;
            extra.insert(name.clone(), value.clone());
        }
        extra
    }

    /// Counts a row, and either keeps it or notes which required field it lacks.
    pub fn row<T>(&mut self, read: Result<T, Missing>) -> Option<T> {
        self.rows += 1;
        match read {
            Ok(row) => Some(row),
            Err(Missing(field)) => {
                *self.missing.entry(field).or_default() += 1;
                None
            }
        }
    }
}

/// A required field that a row does without, or that is of another type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing(pub String);

/// A page that is no page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// It ends in the middle.
    Truncated,
    /// It is something else: what was expected.
    Not(String),
}

/// A JSON body, whole.
pub fn json(body: &[u8]) -> Result<Value, Unreadable> {
    serde_json::from_slice(body).map_err(|error| {
        if error.is_eof() { Unreadable::Truncated } else { Unreadable::Not("JSON".to_owned()) }
    })
}

/// An array below a field of an object; an absent one is empty where that is the platform's way to say so.
pub fn list<'a>(object: &'a Value, field: &str, required: bool) -> Result<&'a [Value], Unreadable> {
    match object.get(field) {
        Some(Value::Array(list)) => Ok(list),
        None | Some(Value::Null) if !required => Ok(&[]),
        _ => Err(Unreadable::Not(format!("a list '{field}'"))),
    }
}

/// A text field that a row must have.
pub fn text<'a>(object: &'a Value, field: &str) -> Result<&'a str, Missing> {
    object.get(field).and_then(Value::as_str).ok_or_else(|| Missing(field.to_owned()))
}

/// A text field that a row may lack.
pub fn text_if_any<'a>(object: &'a Value, field: &str) -> Option<&'a str> {
    object.get(field).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// An id as text, whether the platform writes it as a text or as a whole number: some are larger than a double holds.
pub fn id(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Number(number) if number.is_u64() => Some(number.to_string()),
        Value::String(_)
        | Value::Number(_)
        | Value::Null
        | Value::Bool(_)
        | Value::Array(_)
        | Value::Object(_) => None,
    }
}

/// A number, exactly as it is written: as a JSON number or as a text of digits. Nothing for null and absent.
pub fn number(value: Option<&Value>) -> Option<Decimal> {
    match value? {
        Value::Number(number) => exact(&number.to_string()),
        Value::String(text) => exact(text.trim()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn exact(text: &str) -> Option<Decimal> {
    Decimal::from_str(text).or_else(|_| Decimal::from_scientific(text)).ok()
}

/// A count: a number without a fraction, not below zero.
pub fn count(value: Option<&Value>) -> Option<i64> {
    let number = number(value)?;
    (number.fract().is_zero() && number >= Decimal::ZERO).then(|| i64::try_from(number.trunc()).ok())?
}

#[cfg(test)]
mod tests;
