//! Figures in a question: counts, money, percentages, multiples. Dates are taken out before (see `understand`).
use super::normalise::Word;
use super::vocabulary::Vocabulary;
use rust_decimal::Decimal;

/// What a figure counts.
#[derive(Clone, Debug, PartialEq)]
pub enum Unit {
    Plain,
    /// With the currency that was written, if one was.
    Money(Option<String>),
    /// As written: `20 %` is 20.
    Percent,
    /// `2x`.
    Multiple,
}

/// A figure with its place in the words.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantity {
    pub value: Decimal,
    pub unit: Unit,
    pub at: usize,
    pub len: usize,
}

/// The figure that starts at a word, with its unit before or behind it.
pub fn quantity(words: &[Word], at: usize, vocabulary: &Vocabulary) -> Option<Quantity> {
    let text = words.get(at)?.text.as_str();
    let next = words.get(at + 1).map(|w| w.text.as_str());
    let sign = |t: &str| vocabulary.currencies.get(t).cloned();
    // A sign written apart: "$ 500", "eur 500".
    if let (Some(code), Some(next_word)) = (sign(text), next)
        && let Some((value, unit)) = figure(next_word, vocabulary)
        && matches!(unit, Unit::Plain)
    {
        let (value, used) = scaled(value, words.get(at + 2).map(|w| w.text.as_str()));
        return Some(Quantity { value, unit: Unit::Money(Some(code)), at, len: 2 + used });
    }
    let (value, mut unit) = figure(text, vocabulary)
        .or_else(|| vocabulary.numbers.get(text).map(|n| (Decimal::from(*n), Unit::Plain)))?;
    let spelled = text.chars().all(char::is_alphabetic);
    let (value, mut used) = if unit == Unit::Percent { (value, 0) } else { scaled(value, next) };
    if used == 1 && matches!(unit, Unit::Plain) {
        unit = Unit::Plain;
    }
    match words.get(at + 1 + used).map(|w| w.text.as_str()) {
        Some("%" | "percent" | "pct") if unit == Unit::Plain => {
            unit = Unit::Percent;
            used += 1;
        }
        Some("x" | "times") if unit == Unit::Plain => {
            unit = Unit::Multiple;
            used += 1;
        }
        Some(word) if unit == Unit::Plain => {
            if let Some(code) = sign(word) {
                unit = Unit::Money(Some(code));
                used += 1;
            }
        }
        _ => {}
    }
    // "one", "two" alone are words more often than figures, unless something follows that they count.
    if spelled && text == "one" {
        return None;
    }
    Some(Quantity { value, unit, at, len: 1 + used })
}

/// "2 mio", "50 k", "1.5 million".
fn scaled(value: Decimal, next: Option<&str>) -> (Decimal, usize) {
    let factor = match next {
        Some("k" | "thousand" | "grand") => 1_000,
        Some("mio" | "million" | "mn") => 1_000_000,
        _ => return (value, 0),
    };
    (value * Decimal::from(factor), 1)
}

/// One word as a figure: `$1.5k`, `500€`, `10%`, `2x`, `3,000`, `100k`.
fn figure(word: &str, vocabulary: &Vocabulary) -> Option<(Decimal, Unit)> {
    // "5+ conversions", "95%+": at least.
    let mut text = word.strip_suffix('+').unwrap_or(word);
    let mut unit = Unit::Plain;
    for sign in ["us$", "$", "€", "£", "¥"] {
        let rest = text.strip_prefix(sign).or_else(|| text.strip_suffix(sign));
        if let Some(rest) = rest {
            unit = Unit::Money(vocabulary.currencies.get(sign).cloned());
            text = rest;
            break;
        }
    }
    if let Some(rest) = text.strip_suffix('%') {
        return decimal(rest).map(|d| (d, Unit::Percent));
    }
    let digits_end = text
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | '+')))
        .unwrap_or(text.len());
    let (digits, tail) = text.split_at(digits_end);
    let value = decimal(digits)?;
    match tail {
        "" => Some((value, unit)),
        "k" => Some((value * Decimal::from(1_000), unit)),
        "m" | "mio" | "mn" => Some((value * Decimal::from(1_000_000), unit)),
        "x" if unit == Unit::Plain => Some((value, Unit::Multiple)),
        code => {
            let code = vocabulary.currencies.get(code)?;
            Some((value, Unit::Money(Some(code.clone()))))
        }
    }
}

/// Digits with separators: a comma before three digits groups thousands, else it is the decimal mark.
fn decimal(text: &str) -> Option<Decimal> {
    let text = text.strip_prefix('+').unwrap_or(text);
    if text.is_empty()
        || !text.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '.')
        || text.get(1..).is_some_and(|t| t.contains('-'))
    {
        return None;
    }
    let plain = match (text.rfind(','), text.rfind('.')) {
        (Some(comma), Some(dot)) if comma > dot => text.replace('.', "").replace(',', "."),
        (Some(_), Some(_)) => text.replace(',', ""),
        (Some(comma), None) if text.len() - comma == 4 => text.replace(',', ""),
        (Some(_), None) => text.replace(',', "."),
        _ => text.to_owned(),
    };
    plain.parse().ok()
}
