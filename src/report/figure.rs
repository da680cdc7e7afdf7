//! Numbers and days as people read them. Rounding happens here, once, half away from zero (`metrics.md` §1.6).
use crate::money::Currency;
use jiff::civil::Date;
use rust_decimal::{Decimal, RoundingStrategy};

/// What stands where there is no value; never 0 and never infinity.
pub const NO_VALUE: &str = "no value";

/// Rounded half away from zero.
pub fn rounded(value: Decimal, places: u32) -> Decimal {
    let rounded = value.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero);
    if rounded.is_zero() { Decimal::ZERO } else { rounded }
}

/// With thousands separators and exactly so many decimals: `-1,234.50`.
pub fn grouped(value: Decimal, places: u32) -> String {
    let plain = format!("{:.*}", places as usize, rounded(value, places));
    let (sign, digits) = plain.strip_prefix('-').map_or(("", plain.as_str()), |rest| ("-", rest));
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(w, f)| (w, Some(f)));
    let mut out = String::from(sign);
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// A number without needless zeros, at most so many decimals: `2.5`, `1,180`.
pub fn trimmed(value: Decimal, most: u32) -> String {
    let short = rounded(value, most).normalize();
    grouped(short, short.scale())
}

/// The sign of a currency, or its code with a space.
pub fn symbol(currency: Currency) -> String {
    match currency.as_str() {
        "USD" => "$".to_owned(),
        "EUR" => "€".to_owned(),
        "GBP" => "£".to_owned(),
        "JPY" => "¥".to_owned(),
        code => format!("{code} "),
    }
}

/// Money with the organisation's sign: whole from 1,000 on, else to the smallest unit: `$1,180`, `$37.74`, `-$8,043`.
pub fn money(value: Decimal, currency: Currency) -> String {
    let places = if value.abs() >= Decimal::from(1000) { 0 } else { currency.exponent() };
    money_with(value, currency, places)
}

pub fn money_with(value: Decimal, currency: Currency, places: u32) -> String {
    let text = grouped(value.abs(), places);
    let sign = if rounded(value, places).is_sign_negative() { "-" } else { "" };
    format!("{sign}{}{text}", symbol(currency))
}

/// A fraction as per cent: `0.0379` with two places is `3.79%`.
pub fn percent(fraction: Decimal, places: u32) -> String {
    format!("{}%", grouped(fraction * Decimal::ONE_HUNDRED, places))
}

/// A relative change with its sign: `+12.3%`.
pub fn change(fraction: Decimal) -> String {
    format!("{}%", signed(fraction * Decimal::ONE_HUNDRED, 1))
}

/// A difference of two fractions as percentage points: `0.0018` is `+0.18 pp`.
pub fn points(fraction: Decimal) -> String {
    format!("{} pp", signed(fraction * Decimal::ONE_HUNDRED, 2))
}

pub fn signed(value: Decimal, places: u32) -> String {
    let text = grouped(value, places);
    if rounded(value, places).is_sign_negative() { text } else { format!("+{text}") }
}

/// `1.27x`.
pub fn times(value: Decimal, places: u32) -> String {
    format!("{}x", grouped(value, places))
}

/// ISO 8601: the one spelling that nobody misreads.
pub fn day(date: Date) -> String {
    date.to_string()
}

/// `1 day`, `2 days`.
pub fn counted(count: impl Into<Decimal>, one: &str) -> String {
    let count = count.into();
    let word = if count == Decimal::ONE { one.to_owned() } else { plural(one) };
    format!("{} {word}", trimmed(count, 1))
}

/// A time given in hours, in the unit that one would say: "20 min", "5 h", "3.5 days".
pub fn hours(hours: Decimal) -> String {
    let minutes = rounded(hours * Decimal::from(60), 0);
    if minutes < Decimal::from(60) {
        return if hours > Decimal::ZERO && minutes.is_zero() {
            "less than a minute".to_owned()
        } else {
            format!("{} min", grouped(minutes, 0))
        };
    }
    if hours < Decimal::from(72) {
        format!("{} h", trimmed(hours, 1))
    } else {
        counted(hours / Decimal::from(24), "day")
    }
}

/// The plural of an English noun, or of an identifier such as `search_term`: "search terms", "cities", "addresses".
pub fn plural(word: &str) -> String {
    let word = word.replace('_', " ");
    let vowel_before_y = word.chars().rev().nth(1).is_some_and(|c| "aeiou".contains(c));
    match word.chars().last() {
        None => word,
        Some('y') if !vowel_before_y => format!("{}ies", &word[..word.len() - 1]),
        Some('s' | 'x' | 'z') => format!("{word}es"),
        Some('h') if word.ends_with("ch") || word.ends_with("sh") => format!("{word}es"),
        Some(_) => format!("{word}s"),
    }
}

/// The words of a template after the figure 1: their first word, when it is a plural noun, becomes its singular
/// (" clicks at" to " click at", " people" to " person"). Other words stay as they are.
pub fn after_one(text: &str) -> String {
    let Some(rest) = text.strip_prefix(' ') else { return text.to_owned() };
    let end = rest.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(rest.len());
    let (word, rest) = rest.split_at(end);
    format!(" {}{rest}", singular(word))
}

fn singular(word: &str) -> String {
    // Words in s that count nothing.
    const OTHER: &[&str] = &["across", "as", "has", "is", "its", "less", "plus", "this", "was", "whose"];
    match word {
        "people" => "person".to_owned(),
        "queries" | "cities" | "categories" | "countries" => format!("{}y", &word[..word.len() - 3]),
        _ if word.len() > 3 && !word.ends_with("ss") && !OTHER.contains(&word) => {
            word.strip_suffix('s').unwrap_or(word).to_owned()
        }
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests;
