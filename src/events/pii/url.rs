//! Personal data in the address of a page: mostly in its parameters, which can be taken out.
use super::numbers::{self, Cards};
use super::{Pii, Place, Seen, email, in_numbers, key_kind, secrets};
use std::borrow::Cow;

/// Parameters with these values say yes or no, whatever their name.
const FLAGS: &[&str] = &["", "0", "1", "true", "false", "yes", "no", "on", "off"];

pub fn find(url: &str) -> Option<Pii> {
    let (rest, parameters) = parts(url);
    in_rest(rest).or_else(|| pairs(parameters).find_map(|(_, kind)| kind))
}

/// The address without the parameters that hold personal data; nothing where some is left.
pub fn without_matches(url: &str) -> Option<String> {
    let (rest, parameters) = parts(url);
    if in_rest(rest).is_some() {
        return None;
    }
    let kept: Vec<&str> =
        pairs(parameters).filter(|(_, kind)| kind.is_none()).map(|(pair, _)| pair).collect();
    let clean = if kept.is_empty() { rest.to_owned() } else { format!("{rest}?{}", kept.join("&")) };
    super::find(&clean, Place::Url).is_none().then_some(clean)
}

/// The address up to its parameters, and those (of the fragment too: some programs put them there).
fn parts(url: &str) -> (&str, &str) {
    match url.find(['?', '#']) {
        Some(at) => (&url[..at], &url[at + 1..]),
        None => (url, ""),
    }
}

fn in_rest(rest: &str) -> Option<Pii> {
    let text = decoded(rest);
    if email::holds(&text) {
        return Some(Pii::Email);
    }
    secrets::find(&text).or_else(|| numbers::find_plain(&text))
}

/// Each parameter as written, with what it holds.
fn pairs(parameters: &str) -> impl Iterator<Item = (&str, Option<Pii>)> {
    parameters.split(['&', ';', '?', '#']).filter(|pair| !pair.is_empty()).map(|pair| (pair, in_pair(pair)))
}

fn in_pair(pair: &str) -> Option<Pii> {
    let (key, value) = form_urlencoded::parse(pair.as_bytes()).next()?;
    if let Some(kind) = key_kind(&key).filter(|_| !FLAGS.contains(&value.as_ref())) {
        return Some(kind);
    }
    // "+" is a blank in a form, and the sign of a country in a number that was never encoded.
    let plain = decoded(pair.split_once('=').map_or(pair, |(_, value)| value));
    [value, plain, key].iter().find_map(|text| {
        let seen = Seen::of(text);
        if seen.at && email::holds(text) {
            return Some(Pii::Email);
        }
        secrets::find(text).or_else(|| in_numbers(text, &seen, Cards::Brands))
    })
}

fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let pair = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        match pair.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| bytes[at] == b'%') {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}
