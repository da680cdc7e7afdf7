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

/// A number without what may stand around it.
struct Bare {
    /// Sign, digits, marks and exponent.
    digits: String,
    bracketed: bool,
    percent: bool,
}

/// Takes away one currency sign or code, spaces, apostrophes, brackets and a percent sign. Nothing when more than a
/// number is left: "10:30", "1/2" and "12 pieces" are texts, not amounts.
fn bare(text: &str) -> Option<Bare> {
    let mut rest: String =
        text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '\'' | '’' | '‘')).collect();
    rest = rest.replace('−', "-");
    let mut percent = false;
    let mut bracketed = false;
    let mut currency = false;
    loop {
        if let Some(inside) = rest.strip_prefix('(').and_then(|r| r.strip_suffix(')')).filter(|_| !bracketed)
        {
            (rest, bracketed) = (inside.to_owned(), true);
        } else if let Some(before) = rest.strip_suffix('%').filter(|_| !percent) {
            (rest, percent) = (before.to_owned(), true);
        } else if let Some(without) = without_currency(&rest).filter(|_| !currency) {
            (rest, currency) = (without, true);
        } else {
            break;
        }
    }
    let (mantissa, exponent) =
        rest.split_once(['e', 'E']).map_or((rest.as_str(), None), |(m, e)| (m, Some(e)));
    let unsigned = mantissa.strip_prefix(['+', '-']).unwrap_or(mantissa);
    let number = unsigned.contains(|c: char| c.is_ascii_digit())
        && unsigned.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ','));
    let power = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['+', '-']).unwrap_or(e);
        !e.is_empty() && e.chars().all(|c| c.is_ascii_digit())
    });
    (number && power).then_some(Bare { digits: rest, bracketed, percent })
}

/// The text without the currency at its beginning (a sign may stand before it) or its end; nothing when it has none. A
/// code is three capital letters, a sign one character or "kr", "zł", "R$" and the like.
fn without_currency(text: &str) -> Option<String> {
    let (sign, rest) = match text.strip_prefix(['+', '-']) {
        Some(rest) => (&text[..1], rest),
        None => ("", text),
    };
    let digit = rest.find(|c: char| c.is_ascii_digit())?;
    // "$.50" and "$(12)" begin before the first digit; the dot of "Fr. 12" is the currency's.
    let letters = rest[..digit].trim_end_matches(['.', ',', '(', '+', '-']);
    let start = match rest[letters.len()..].find(['(', '+', '-']) {
        Some(at) => letters.len() + at,
        None if letters.ends_with(char::is_alphabetic) => digit,
        None => letters.len(),
    };
    let end = rest.rfind(|c: char| c.is_ascii_digit() || c == ')')? + 1;
    let (before, behind) = (&rest[..start], rest.get(end..)?);
    if !before.is_empty() && is_currency(before) {
        Some(format!("{sign}{}", &rest[start..]))
    } else if !behind.is_empty() && is_currency(behind) {
        Some(format!("{sign}{}", &rest[..end]))
    } else {
        None
    }
}

fn is_currency(text: &str) -> bool {
    let sign = text.ends_with(['$', '€', '£', '¥', '₹', '₽', '₺', '₩', '₪', '₫', '₴', '₱', '฿', '₦'])
        && text.chars().count() <= 3
        && text.chars().rev().skip(1).all(|c| c.is_ascii_uppercase());
    let word =
        || matches!(text.to_lowercase().as_str(), "kr" | "kr." | "zł" | "fr" | "fr." | "kč" | "ft" | "lei");
    sign || crate::money::is_code(text) || word()
}

/// What one cell says about the decimal mark of its column; nothing when it fits both.
fn evidence(text: &str) -> Option<DecimalMark> {
    let number = bare(text)?.digits;
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
            (None, _) if value.contains([',', '.']) && bare(value).is_some() => {
                unsure = unsure.or(Some(value))
            }
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
    let Bare { digits, bracketed, percent } = bare(text)?;
    let (whole, fraction) = match digits.rsplit_once(mark.sign()) {
        Some((whole, fraction)) => (whole, fraction),
        None => (digits.as_str(), ""),
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
