//! Cells to values: numbers and dates in the styles that exports use. A style belongs to a column, not to a cell,
//! so ambiguity ("1,234", "01/02/2026") is settled over all values or reported, never guessed.
use jiff::civil::{Date, DateTime, Time};
use jiff::{Timestamp, tz::TimeZone};
use rust_decimal::Decimal;
use std::str::FromStr;

/// Words that mean "no value".
pub fn is_null(text: &str) -> bool {
    matches!(
        text.trim().to_ascii_lowercase().as_str(),
        "" | "-" | "--" | "—" | "–" | "n/a" | "na" | "null" | "none" | "nan" | "(not set)"
    )
}

/// Which sign stands before the fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum DecimalMark {
    Dot,
    Comma,
}

impl DecimalMark {
    fn sign(self) -> char {
        if self == Self::Dot { '.' } else { ',' }
    }

    fn other(self) -> char {
        if self == Self::Dot { ',' } else { '.' }
    }
}

/// The digits and marks of a number, without currency, percent, spaces and apostrophes; negative when bracketed.
fn bare(text: &str) -> (String, bool, bool) {
    let text = text.trim();
    let bracketed = text.starts_with('(') && text.ends_with(')');
    let percent = text.contains('%');
    let kept = text
        .chars()
        .map(|c| if c == '−' { '-' } else { c })
        .filter(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | '+' | 'e' | 'E'))
        .collect();
    (kept, bracketed, percent)
}

/// What one cell says about the decimal mark of its column; nothing when it fits both.
fn evidence(text: &str) -> Option<DecimalMark> {
    let (number, _, _) = bare(text);
    match (number.rfind('.'), number.rfind(',')) {
        (Some(dot), Some(comma)) => Some(if dot > comma { DecimalMark::Dot } else { DecimalMark::Comma }),
        (Some(at), None) => single(&number, at, '.')
            .then_some(DecimalMark::Dot)
            .or_else(|| (number.matches('.').count() > 1).then_some(DecimalMark::Comma)),
        (None, Some(at)) => single(&number, at, ',')
            .then_some(DecimalMark::Comma)
            .or_else(|| (number.matches(',').count() > 1).then_some(DecimalMark::Dot)),
        (None, None) => None,
    }
}

/// One mark that cannot separate thousands: not exactly three digits behind it, or nothing or a zero before it.
fn single(number: &str, at: usize, mark: char) -> bool {
    let before = number[..at].trim_start_matches(['-', '+']);
    number.matches(mark).count() == 1
        && (number[at + 1..].chars().filter(char::is_ascii_digit).count() != 3
            || before.is_empty()
            || before.starts_with('0')
            || before.len() > 3)
}

/// The decimal mark of a file's numbers. `Err` carries a value that reads both ways when nothing settles it,
/// or two values that contradict each other.
pub fn decimal_mark<'a>(
    values: impl Iterator<Item = &'a str>,
) -> Result<DecimalMark, (String, Option<String>)> {
    let mut found: Option<(DecimalMark, &str)> = None;
    let mut unsure: Option<&str> = None;
    for value in values.filter(|v| !is_null(v)) {
        match (evidence(value), found) {
            (Some(mark), Some((before, example))) if mark != before => {
                return Err((example.to_owned(), Some(value.to_owned())));
            }
            (Some(mark), None) => found = Some((mark, value)),
            (None, _) if value.contains([',', '.']) => unsure = unsure.or(Some(value)),
            _ => {}
        }
    }
    match (found, unsure) {
        (Some((mark, _)), _) => Ok(mark),
        (None, Some(value)) => Err((value.to_owned(), None)),
        (None, None) => Ok(DecimalMark::Dot),
    }
}

/// A number in the given style: `$1,234.50`, `1.234,50 €`, `(12)`, `12.5%` (→ 0.125), `1'234.5`.
pub fn number(text: &str, mark: DecimalMark) -> Option<Decimal> {
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let (kept, bracketed, percent) = bare(text);
    // Letters may name a currency ("CHF 12.00"), no more.
    if letters > 3 && !kept.contains(['e', 'E']) {
        return None;
    }
    let kept: String = if letters > 1 { kept.replace(['e', 'E'], "") } else { kept };
    let (whole, fraction) = match kept.rsplit_once(mark.sign()) {
        Some((whole, fraction)) => (whole, fraction),
        None => (kept.as_str(), ""),
    };
    if fraction.contains(mark.other()) || whole.contains(mark.sign()) || !grouped(whole, mark.other()) {
        return None;
    }
    let whole = whole.replace(mark.other(), "");
    let plain = if fraction.is_empty() { whole } else { format!("{whole}.{fraction}") };
    let value = Decimal::from_str(&plain).or_else(|_| Decimal::from_scientific(&plain)).ok()?;
    let value = if percent { value / Decimal::ONE_HUNDRED } else { value };
    Some(if bracketed { -value } else { value })
}

/// Thousands stand in groups of three, or are not separated at all.
fn grouped(whole: &str, separator: char) -> bool {
    let mut groups = whole.trim_start_matches(['-', '+']).split(separator);
    let first = groups.next().unwrap_or_default();
    let mut rest = groups.peekable();
    rest.peek().is_none() || (first.len() <= 3 && !first.is_empty() && rest.all(|group| group.len() == 3))
}

/// Ways to write a day. The first ones cannot be mistaken for one another; the last two can.
pub const DATE_FORMATS: &[&str] = &[
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y%m%d",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%d %b %Y",
    "%d %B %Y",
    "%d-%b-%Y",
    "%a, %b %d, %Y",
    "%d.%m.%y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d/%m/%y",
    "%m/%d/%y",
];

/// A day, from a text that may carry a time behind it.
pub fn date(text: &str, format: &str) -> Option<Date> {
    let text = text.trim();
    Date::strptime(format, text).ok().or_else(|| {
        let (day, rest) = split_time(text)?;
        time_of_day(rest)?;
        Date::strptime(format, day).ok()
    })
}

/// An instant: with a zone as written, else in `zone`.
pub fn instant(text: &str, format: &str, zone: &TimeZone) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(at) = Timestamp::from_str(&text.replacen(' ', "T", 1)) {
        return Some(at);
    }
    for with_zone in ["%Y-%m-%d %H:%M:%S %z", "%Y-%m-%d %H:%M:%S%z", "%Y-%m-%dT%H:%M:%S%z"] {
        if let Ok(at) = Timestamp::strptime(with_zone, text) {
            return Some(at);
        }
    }
    let day = date(text, format)?;
    let time = split_time(text).and_then(|(_, rest)| time_of_day(rest)).unwrap_or(Time::midnight());
    DateTime::from_parts(day, time).to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp())
}

/// Day and rest at the first `T` or at the space before something with a colon.
fn split_time(text: &str) -> Option<(&str, &str)> {
    let colon = text.find(':')?;
    let at = text[..colon].rfind([' ', 'T'])?;
    Some((text[..at].trim_end_matches(','), &text[at + 1..]))
}

fn time_of_day(text: &str) -> Option<Time> {
    let text = text.trim().trim_end_matches('Z');
    let text = text.split(['+']).next().unwrap_or(text).trim();
    Time::from_str(text)
        .ok()
        .or_else(|| ["%I:%M:%S %p", "%I:%M %p", "%H:%M"].iter().find_map(|f| Time::strptime(f, text).ok()))
}

/// The formats that read every value of a column.
pub fn date_formats<'a>(values: impl Iterator<Item = &'a str> + Clone) -> Vec<&'static str> {
    DATE_FORMATS
        .iter()
        .copied()
        .filter(|format| values.clone().all(|value| date(value, format).is_some()))
        .collect()
}
