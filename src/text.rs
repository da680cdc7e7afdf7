//! Text from outside: cleaned for display, compared by trigrams (the database bundle has no pg_trgm).
use std::collections::BTreeSet;

/// Text without control characters, runs of white space folded to one space, cut at `max` characters.
pub fn clean(text: &str, max: usize) -> String {
    let mut out = String::new();
    let (mut space, mut length) = (false, 0);
    for c in text.chars() {
        if c.is_control()
            || c.is_whitespace()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
        {
            space = !out.is_empty();
            continue;
        }
        if space {
            out.push(' ');
            length += 1;
            space = false;
        }
        out.push(c);
        length += 1;
        if length >= max {
            break;
        }
    }
    out
}

/// Cleaned text for the record, without what identifies people or opens doors: addresses, phone numbers (nine digits or
/// more after `+` or `0`, in groups), and tokens of known forms.
pub fn masked(text: &str, max: usize) -> String {
    let cleaned = clean(text, max);
    let words = cleaned.split(' ').map(|word| {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        let address = bare.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
        let token = ["adj_", "ses_", "xoxb-", "xoxp-", "xapp-"].iter().any(|start| bare.starts_with(start));
        if address {
            "[e-mail]"
        } else if token {
            "[token]"
        } else {
            word
        }
    });
    without_phones(&words.collect::<Vec<_>>().join(" "))
}

fn without_phones(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let opens = matches!(c, '+' | '0') && (at == 0 || !chars[at - 1].is_alphanumeric());
        let run = chars[at..].iter().take_while(|c| c.is_ascii_digit() || "+-()/ ".contains(**c)).count();
        let digits = chars[at..at + run].iter().filter(|c| c.is_ascii_digit()).count();
        if opens && digits >= 9 {
            let blank = chars[at..at + run].iter().rev().take_while(|c| **c == ' ').count();
            out.push_str("[phone]");
            at += run - blank;
        } else {
            out.push(c);
            at += 1;
        }
    }
    out
}

/// The trigrams of a text, for comparing it with many others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigrams(BTreeSet<[char; 3]>);

impl Trigrams {
    pub fn of(text: &str) -> Self {
        Self(trigrams(text))
    }

    pub fn iter(&self) -> impl Iterator<Item = &[char; 3]> {
        self.0.iter()
    }

    /// Shared over all, 0..1.
    pub fn similarity(&self, other: &Self) -> f64 {
        let shared = self.0.intersection(&other.0).count();
        let all = self.0.len() + other.0.len() - shared;
        if all == 0 { 0.0 } else { shared as f64 / all as f64 }
    }
}

fn trigrams(text: &str) -> BTreeSet<[char; 3]> {
    let mut out = BTreeSet::new();
    for word in text.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()) {
        let padded: Vec<char> = [' ', ' '].into_iter().chain(word.chars()).chain([' ']).collect();
        out.extend(padded.windows(3).filter_map(|w| <[char; 3]>::try_from(w).ok()));
    }
    out
}

/// Trigram similarity 0..1 with the padding and measure of PostgreSQL's `pg_trgm`.
pub fn similarity(a: &str, b: &str) -> f64 {
    Trigrams::of(a).similarity(&Trigrams::of(b))
}

/// "a", "a or b", "a, b or c".
pub fn either(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests;
