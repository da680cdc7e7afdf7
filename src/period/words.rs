//! Words of dates: tokens with their place in the text, month and weekday names, small numbers.
use jiff::civil::Weekday;
use std::ops::Range;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Word(String),
    /// Value and number of digits: `03` is a day, `2024` a year.
    Number(i64, usize),
    Sign(char),
}

#[derive(Clone, Debug)]
pub(super) struct Token {
    pub kind: Kind,
    pub place: Range<usize>,
}

impl Token {
    pub fn word(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(word) => Some(word),
            Kind::Number(..) | Kind::Sign(_) => None,
        }
    }
}

/// Words, numbers and signs; `30d` is a number and a word, `q2` one word, an underscore a space.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut out: Vec<Token> = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some((start, first)) = chars.next() {
        if first.is_whitespace() || matches!(first, '_' | ',' | '?' | '!' | '"' | '(' | ')') {
            continue;
        }
        let mut end = start + first.len_utf8();
        let mut take_while = |wanted: fn(char) -> bool, end: &mut usize| {
            while let Some((at, c)) = chars.next_if(|(_, c)| wanted(*c)) {
                *end = at + c.len_utf8();
            }
        };
        let kind = if first.is_ascii_digit() {
            take_while(|c| c.is_ascii_digit(), &mut end);
            let digits = &text[start..end];
            Kind::Number(digits.parse().unwrap_or(i64::MAX), digits.len())
        } else if first.is_alphabetic() {
            take_while(|c| c.is_alphanumeric() || c == '\'', &mut end);
            let word = text[start..end].to_lowercase();
            Kind::Word(word.strip_suffix("'s").unwrap_or(&word).to_owned())
        } else {
            Kind::Sign(if matches!(first, '–' | '—' | '−') { '-' } else { first })
        };
        out.push(Token { kind, place: start..end });
    }
    out
}

pub(super) fn month(word: &str) -> Option<i8> {
    const NAMES: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let exact = NAMES.iter().position(|name| *name == word || (word.len() == 3 && name.starts_with(word)));
    let index = exact.or_else(|| (word == "sept").then_some(8))?;
    i8::try_from(index + 1).ok()
}

pub(super) fn weekday(word: &str) -> Option<Weekday> {
    Some(match word {
        "monday" | "mondays" | "mon" => Weekday::Monday,
        "tuesday" | "tuesdays" | "tue" | "tues" => Weekday::Tuesday,
        "wednesday" | "wednesdays" | "wed" => Weekday::Wednesday,
        "thursday" | "thursdays" | "thu" | "thur" | "thurs" => Weekday::Thursday,
        "friday" | "fridays" | "fri" => Weekday::Friday,
        "saturday" | "saturdays" | "sat" => Weekday::Saturday,
        "sunday" | "sundays" | "sun" => Weekday::Sunday,
        _ => return None,
    })
}

/// A word that is a name of a day or month and also plain English ("may", "march", "sat"): alone it is no date in a question.
pub(super) fn ambiguous(word: &str) -> bool {
    matches!(
        word,
        "may" | "march" | "mar" | "mon" | "sat" | "sun" | "wed" | "dec" | "jan" | "fri" | "tue" | "thu"
    )
}

pub(super) fn small_number(word: &str) -> Option<i64> {
    const WORDS: [&str; 12] =
        ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    WORDS.iter().position(|w| *w == word).and_then(|i| i64::try_from(i + 1).ok())
}
