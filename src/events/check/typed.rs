//! One property against its type in the registry.
use super::envelope::{decimal, uuid};
use crate::events::event::Fault;
use crate::events::fault;
use crate::events::instant;
use crate::events::json::Json;
use crate::events::number::Number;
use crate::events::pii::Place;
use crate::events::registry::{Kind, Property};
use rust_decimal::Decimal;
use std::cmp::Ordering;

const ID: usize = 128;
const STR: usize = 1_024;
const TEXT: usize = 8_192;
const JSON: usize = 8_192;
/// Whole numbers beyond it are not exact in the programs that read JSON (RFC 8259 §6).
const MAX_INT: i64 = 9_007_199_254_740_991;

/// What a kept property is: its value as a number, where it is one.
pub struct Fine {
    pub number: Option<Number>,
    /// Where personal data is looked for; nothing where there is no text.
    pub scan: Option<Place>,
}

type Check = Result<Fine, Fault>;

const DONE: Fine = Fine { number: None, scan: None };

/// `value` is not null. A decimal in a text becomes the number that it is.
pub fn check(value: &mut Json<'_>, property: &Property, path: &str, connector: bool) -> Check {
    if matches!(value, Json::Unstorable(_)) {
        return Err(unstorable(path));
    }
    match property.kind {
        Kind::Uuid if !connector => match value.text().and_then(uuid) {
            Some(_) => Ok(DONE),
            None => Err(fault::property_uuid(path)),
        },
        Kind::Uuid | Kind::Id => {
            let id = text(value, path, ID)?;
            if property.required && id.trim().is_empty() {
                return Err(fault::property_type(path, "a string").hint("it is empty"));
            }
            Ok(Fine { number: None, scan: Some(Place::Typed) })
        }
        Kind::Str => text(value, path, STR).map(|_| Fine { number: None, scan: Some(Place::Text) }),
        Kind::Text => text(value, path, TEXT).map(|_| Fine { number: None, scan: Some(Place::Text) }),
        Kind::Url => url(text(value, path, TEXT)?, path),
        Kind::Ts => match value.text().and_then(instant::read) {
            Some(_) => Ok(DONE),
            None => Err(fault::property_type(path, "an RFC 3339 timestamp with an offset")),
        },
        Kind::Int => int(value, property, path),
        Kind::Num | Kind::Money | Kind::Score | Kind::Pct => amount(value, property, path),
        Kind::NumOrStr if matches!(value, Json::Number(_)) => amount(value, property, path),
        Kind::NumOrStr if value.text().is_none() => Err(fault::property_type(path, "a number or a string")),
        Kind::NumOrStr => text(value, path, STR).map(|_| Fine { number: None, scan: Some(Place::Text) }),
        Kind::Bool if matches!(value, Json::Bool(_)) => Ok(DONE),
        Kind::Bool => Err(fault::property_type(path, "a boolean")),
        Kind::Enum => match value.text() {
            Some(word) if property.values.iter().any(|known| known == word) => Ok(DONE),
            _ => Err(fault::property_enum(path, &property.values)),
        },
        Kind::Json => json(value, property, path, connector),
    }
}

pub fn unstorable(path: &str) -> Fault {
    fault::property_type(path, "without NUL characters and unpaired surrogates")
}

fn text<'a>(value: &'a Json<'_>, path: &str, limit: usize) -> Result<&'a str, Fault> {
    let text = value.text().ok_or_else(|| fault::property_type(path, "a string"))?;
    // A text of so many bytes has at most so many characters.
    if text.len() > limit && text.chars().count() > limit {
        return Err(fault::property_too_large(path, &format!("{limit} characters")));
    }
    Ok(text)
}

/// `https://host…`, an app's own `shop://…`, or a path from the root as shops report where a visit landed.
fn url(text: &str, path: &str) -> Check {
    let scheme = text.split_once("://").is_some_and(|(scheme, rest)| {
        !rest.is_empty()
            && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    });
    let written = !text.contains(|c: char| c.is_whitespace() || c.is_control());
    if written && (scheme || text.starts_with('/')) {
        Ok(Fine { number: None, scan: Some(Place::Url) })
    } else {
        Err(fault::property_type(path, "a URL"))
    }
}

fn int(value: &Json<'_>, property: &Property, path: &str) -> Check {
    let not_whole = || fault::property_type(path, "an integer");
    let Json::Number(digits) = value else { return Err(not_whole()) };
    let number = Number::read(digits).filter(Number::is_whole).ok_or_else(not_whole)?;
    if number.is_negative() {
        return Err(fault::property_negative(path));
    }
    let max = property.max.unwrap_or(Decimal::from(MAX_INT));
    in_range(&number, property.min.unwrap_or_default(), max, path)?;
    Ok(Fine { number: Some(number), scan: None })
}

fn amount(value: &mut Json<'_>, property: &Property, path: &str) -> Check {
    let money = property.kind == Kind::Money;
    let wrong = || {
        let fault = fault::property_type(path, if money { "a decimal" } else { "a number" });
        if money { fault.hint("at most 12 digits before the point and 6 behind it") } else { fault }
    };
    let number = decimal(value).ok_or_else(wrong)?;
    if money && number.money().is_none() {
        return Err(wrong());
    }
    let bounds = (property.min, property.max);
    let unbounded_above = bounds == (Some(Decimal::ZERO), None);
    if property.kind == Kind::Score && !within(&number, Decimal::ZERO, Decimal::ONE) {
        return Err(fault::score_out_of_range(path));
    }
    if property.kind == Kind::Pct {
        in_range(&number, Decimal::ZERO, Decimal::ONE_HUNDRED, path)?;
    }
    if number.is_negative() && (money || unbounded_above) {
        return Err(fault::property_negative(path));
    }
    if bounds != (None, None) {
        in_range(&number, bounds.0.unwrap_or(Decimal::MIN), bounds.1.unwrap_or(Decimal::MAX), path)?;
    }
    if let Json::Text(_) = value {
        *value = Json::Number(number.canonical().into());
    }
    Ok(Fine { number: Some(number), scan: None })
}

fn within(number: &Number, min: Decimal, max: Decimal) -> bool {
    number.compare(min) != Ordering::Less && number.compare(max) != Ordering::Greater
}

fn in_range(number: &Number, min: Decimal, max: Decimal, path: &str) -> Result<(), Fault> {
    if within(number, min, max) { Ok(()) } else { Err(fault::property_range(path, &min, &max)) }
}

fn json(value: &mut Json<'_>, property: &Property, path: &str, connector: bool) -> Check {
    fits(value, path)?;
    if let Json::Map(entries) = value {
        for (key, value) in entries.iter_mut().filter(|(_, value)| *value != Json::Null) {
            if let Some(field) = property.fields.iter().find(|field| field.name == **key) {
                check(value, field, &format!("{path}.{key}"), connector)?;
            }
        }
    }
    Ok(Fine { number: None, scan: Some(Place::Text) })
}

/// What has no type, or may be any JSON: it must be storable and not too large.
pub fn fits(value: &Json<'_>, path: &str) -> Result<(), Fault> {
    storable(value, path)?;
    let long = |text: &str| text.len() > JSON;
    let large = match value {
        Json::Text(text) => long(text),
        Json::List(_) | Json::Map(_) => long(&value.to_text()),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Unstorable(_) => false,
    };
    if large { Err(fault::property_too_large(path, "8 KiB")) } else { Ok(()) }
}

fn storable(value: &Json<'_>, path: &str) -> Result<(), Fault> {
    match value {
        Json::Unstorable(_) => Err(unstorable(path)),
        Json::Number(digits) if Number::read(digits).is_none() => {
            Err(fault::property_type(path, "a number")
                .hint("it is too large, too fine or too long to be kept"))
        }
        Json::List(items) => {
            items.iter().enumerate().try_for_each(|(at, item)| storable(item, &format!("{path}.{at}")))
        }
        Json::Map(entries) => {
            entries.iter().try_for_each(|(key, value)| storable(value, &format!("{path}.{key}")))
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) => Ok(()),
    }
}
