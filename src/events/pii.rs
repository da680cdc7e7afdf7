//! Personal data in texts (`events.md` §5): what a text looks like. Pure scanners; each text is looked over once, and only
//! what could hold something is looked into.
mod email;
mod numbers;
mod secrets;
mod url;

use crate::closed_list;
pub use url::without_matches;

closed_list! {
    /// What a text looks like: the word of messages and of `[redacted:…]`.
    Pii = "personal data" {
        Email = "email",
        Phone = "phone",
        Card = "card",
        Iban = "iban",
        Ssn = "ssn",
        Ip = "ip",
        Secret = "secret",
        Name = "name",
        Address = "address",
        Birthdate = "birthdate",
    }
}

/// Where a text stands, which decides what is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A typed id, time, number or word: long platform ids can pass Luhn or look like phones, so e-mail alone.
    Typed,
    /// Free text: everything.
    Text,
    /// An address of a page: everything in its parameters; in its path no number that could be a platform's id.
    Url,
    /// `actor.id`, `entity.id`, `session.id`: everything but numbers that could be a platform's id.
    Id,
}

impl Pii {
    pub fn redacted(self) -> String {
        format!("[redacted:{self}]")
    }
}

/// The first kind of personal data that a text holds.
pub fn find(text: &str, place: Place) -> Option<Pii> {
    let seen = Seen::of(text);
    if place != Place::Url && seen.nothing(text) {
        return None;
    }
    if seen.at && email::holds(text) {
        return Some(Pii::Email);
    }
    match place {
        Place::Typed => None,
        Place::Url => url::find(text),
        Place::Text => secrets::find(text)
            .or_else(|| secrets::is_digest(text).then_some(Pii::Secret))
            .or_else(|| in_numbers(text, &seen, numbers::Cards::Any)),
        Place::Id => secrets::find(text).or_else(|| in_numbers(text, &seen, numbers::Cards::Brands)),
    }
}

fn in_numbers(text: &str, seen: &Seen, cards: numbers::Cards) -> Option<Pii> {
    if seen.colons >= 2 && numbers::holds_ipv6(text) {
        return Some(Pii::Ip);
    }
    if seen.digits >= 8 && numbers::holds_iban(text) {
        return Some(Pii::Iban);
    }
    (seen.digits >= 4).then(|| numbers::find(text, cards)).flatten()
}

/// What one pass over a text tells.
struct Seen {
    /// `@`, or `%40` as addresses have it.
    at: bool,
    digits: usize,
    colons: usize,
}

impl Seen {
    fn of(text: &str) -> Self {
        let mut seen = Self { at: false, digits: 0, colons: 0 };
        let mut percent = false;
        for byte in text.bytes() {
            match byte {
                b'0'..=b'9' => seen.digits += 1,
                b':' => seen.colons += 1,
                b'@' => seen.at = true,
                b'%' => percent = true,
                _ => {}
            }
        }
        seen.at |= percent && text.contains("%40");
        seen
    }

    /// Too little for any of the forms: the shortest secret has 12 characters, an address of a computer four digits.
    fn nothing(&self, text: &str) -> bool {
        !self.at && self.digits < 4 && self.colons < 2 && text.len() < 12
    }
}

/// The keys under which nothing but personal data stands, and what it is.
const KEYS: &[(&str, Pii)] = &[
    ("email", Pii::Email),
    ("e_mail", Pii::Email),
    ("phone", Pii::Phone),
    ("mobile", Pii::Phone),
    ("first_name", Pii::Name),
    ("last_name", Pii::Name),
    ("full_name", Pii::Name),
    ("address", Pii::Address),
    ("street", Pii::Address),
    ("zip", Pii::Address),
    ("birthdate", Pii::Birthdate),
    ("dob", Pii::Birthdate),
    ("ssn", Pii::Ssn),
    ("iban", Pii::Iban),
    ("card", Pii::Card),
    ("password", Pii::Secret),
    ("token", Pii::Secret),
];

/// What a key promises; `firstName`, `First-Name` and `first_name` are one.
pub fn key_kind(key: &str) -> Option<Pii> {
    if key.len() > 12 {
        return None;
    }
    let plain = key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let known = |key: &str| KEYS.iter().find(|(name, _)| *name == key).map(|(_, kind)| *kind);
    if plain {
        return known(key);
    }
    let mut name = String::with_capacity(key.len() + 2);
    let mut small = false;
    for c in key.chars() {
        match c {
            '-' | ' ' | '.' => name.push('_'),
            c if c.is_uppercase() => {
                if small {
                    name.push('_');
                }
                name.extend(c.to_lowercase());
            }
            c => name.push(c),
        }
        small = c.is_lowercase();
    }
    known(&name)
}

/// SHA-256 in small hex digits: what stands for an e-mail where one must be told from another.
pub fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

#[cfg(test)]
mod tests;
