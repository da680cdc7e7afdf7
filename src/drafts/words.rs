//! How amounts, shares and changes are written on cards, in diffs and in messages.
use super::view::DraftSummary;
use crate::text::clean;
use rust_decimal::{Decimal, RoundingStrategy, prelude::ToPrimitive};

/// `1,234.50`: grouped thousands, a fixed number of decimals, a true minus sign.
pub fn amount(value: Decimal, decimals: u32) -> String {
    let rounded = value.round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero);
    let text = format!("{:.*}", decimals as usize, rounded.abs());
    let (whole, fraction) = text.split_once('.').map_or((text.as_str(), None), |(w, f)| (w, Some(f)));
    let mut grouped = String::new();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let sign = if rounded.is_sign_negative() && !rounded.is_zero() { "−" } else { "" };
    match fraction {
        Some(fraction) => format!("{sign}{grouped}.{fraction}"),
        None => format!("{sign}{grouped}"),
    }
}

/// A whole number with grouped thousands.
pub fn count(value: i64) -> String {
    amount(Decimal::from(value), 0)
}

/// The relative change as `+20.0 %` or `−20.0 %`; `new` when there was nothing before.
pub fn change(old: Decimal, new: Decimal) -> String {
    match percent_change(old, new) {
        Some(percent) => format!("{} %", signed(percent, 1)),
        None => "new".to_owned(),
    }
}

/// (new − old) ÷ old × 100; nothing when old is zero.
pub fn percent_change(old: Decimal, new: Decimal) -> Option<Decimal> {
    (new - old).checked_mul(Decimal::ONE_HUNDRED)?.checked_div(old)
}

/// `+20.0` or `−20.0`.
pub fn signed(value: Decimal, decimals: u32) -> String {
    let text = amount(value, decimals);
    if text.starts_with('−') { text } else { format!("+{text}") }
}

/// A share 0..1 in whole percent: `91 %`.
pub fn share(value: f64) -> String {
    format!("{} %", (value * 100.0).round())
}

/// A decimal with trailing zeros removed: `20`, `2.5`.
pub fn plain(value: Decimal) -> String {
    value.normalize().to_string()
}

/// What to do now, to somebody whose approval waits for a confirmation; `server` is the address of the API, if it is not the
/// one they speak to.
pub fn to_confirm(name: &str, server: &str, draft: &DraftSummary) -> String {
    let DraftSummary { id, number, tier, revision, payload_hash, .. } = draft;
    format!(
        "Your approval of draft {number} is noted, and counts once you confirm it in a session of your own, because this draft is \
         {tier} risk. Get one on the server's machine, or from whoever runs it, with `adjutant session \"{}\" --confirm`; within \
         ten minutes send the approval again with it, to {}/api/drafts/{id}/reviews with revision {revision} and payload_hash \
         {payload_hash}.",
        clean(name, 80),
        server.trim_end_matches('/'),
    )
}

/// For statistics only; amounts that are shown or sent stay decimal.
pub fn float(value: Decimal) -> f64 {
    value.to_f64().unwrap_or(0.0)
}

/// Numerator ÷ denominator, for comparisons; nothing without a denominator.
pub fn ratio(numerator: Decimal, denominator: Decimal) -> Option<f64> {
    numerator.checked_div(denominator).and_then(|r| r.to_f64())
}

/// A ratio kept to four decimals, so that it reads well and hashes the same after a round trip.
pub fn kept(ratio: Option<f64>) -> Option<f64> {
    ratio.map(|r| (r * 10_000.0).round() / 10_000.0)
}

/// An instant to the second, as messages and files show it.
pub fn instant(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A decimal for tests.
#[cfg(test)]
pub(crate) fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[cfg(test)]
mod tests;
