//! Labels: numbers on axes, and texts of the data made fit for a drawing.
use super::Unit;
use crate::report::figure;
use crate::text::clean;
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive as _;

/// A number as the axis of its unit writes it: `CHF 1,200`, `3.5%`, `12k`.
pub fn number(value: f64, unit: &Unit) -> String {
    let short = |value: f64| {
        let (scaled, suffix) = match value.abs() {
            huge if huge >= 1e9 => (value / 1e9, "bn"),
            large if large >= 1e6 => (value / 1e6, "m"),
            much if much >= 1e4 => (value / 1e3, "k"),
            _ => (value, ""),
        };
        let places = if scaled.abs() >= 100.0 { 0 } else { 2 };
        Decimal::from_f64(scaled).map_or_else(String::new, |d| figure::trimmed(d, places) + suffix)
    };
    let percent = |value: f64| short(value * 100.0);
    match unit {
        Unit::Number => short(value),
        Unit::Money(sign) if value < 0.0 => format!("-{sign}{}", short(-value)),
        Unit::Money(sign) => format!("{sign}{}", short(value)),
        Unit::Fraction => format!("{}%", percent(value)),
        Unit::Points => format!("{} pp", percent(value)),
        Unit::Times => format!("{}x", short(value)),
        Unit::Days => format!("{} d", short(value)),
        Unit::Hours => format!("{} h", short(value)),
        Unit::Milliseconds => format!("{} ms", short(value)),
    }
}

/// A text of the data in at most `most` characters. The drawing library reads formulas between dollar signs.
pub fn label(text: &str, most: usize) -> String {
    let text = clean(text, 200);
    let cut = if text.chars().count() > most {
        let kept: String = text.chars().take(most.saturating_sub(1)).collect();
        format!("{}…", kept.trim_end())
    } else {
        text
    };
    cut.replace('$', "\\$")
}
