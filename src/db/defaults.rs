//! Money defaults of a new organisation: written in USD (`actions.md`), converted once, when it is made.
use super::settings::{self, Setting};
use super::{Error, OrgTx};
use crate::ids::OrgId;
use crate::money::Currency;
use jiff::Timestamp;
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Value, json};

/// Units of a currency for one USD, about the middle of 2025. For defaults that an administrator may change, never for
/// amounts: those are converted at stored rates.
const FOR_ONE_USD: &[(&str, &str)] = &[
    ("AED", "3.67"),
    ("ARS", "1200"),
    ("AUD", "1.53"),
    ("BGN", "1.70"),
    ("BRL", "5.50"),
    ("CAD", "1.37"),
    ("CHF", "0.82"),
    ("CLP", "940"),
    ("CNY", "7.18"),
    ("COP", "4050"),
    ("CZK", "21.5"),
    ("DKK", "6.50"),
    ("EUR", "0.87"),
    ("GBP", "0.74"),
    ("HKD", "7.80"),
    ("HUF", "350"),
    ("IDR", "16300"),
    ("ILS", "3.45"),
    ("INR", "86"),
    ("JPY", "147"),
    ("KRW", "1380"),
    ("KWD", "0.306"),
    ("MXN", "18.8"),
    ("MYR", "4.24"),
    ("NOK", "10.1"),
    ("NZD", "1.66"),
    ("PEN", "3.58"),
    ("PHP", "56.5"),
    ("PLN", "3.70"),
    ("RON", "4.40"),
    ("SAR", "3.75"),
    ("SEK", "9.60"),
    ("SGD", "1.28"),
    ("THB", "32.5"),
    ("TRY", "40"),
    ("TWD", "29.5"),
    ("UYU", "40"),
    ("VND", "26000"),
    ("ZAR", "17.8"),
];

/// Which settings are money.
const MONEY: &[Setting] = &[
    Setting::MaxNetIncreasePerDay,
    Setting::NewAccountDailyCap,
    Setting::TierLimits,
    Setting::PauseMinSpend,
    Setting::DonorMinBudget,
];

/// The money defaults in a currency, each rounded to two significant digits. Nothing for USD and for currencies without a
/// rate here: then the figures of the USD defaults hold until an administrator sets others.
pub fn in_currency(currency: Currency) -> Vec<(Setting, Value)> {
    let rate = FOR_ONE_USD.iter().find(|(code, _)| *code == currency.as_str());
    let Some(rate) = rate.and_then(|(_, rate)| rate.parse::<Decimal>().ok()) else { return Vec::new() };
    MONEY.iter().map(|setting| (*setting, converted(setting.default_value(), rate))).collect()
}

/// Each amount of a value, alone or by name.
fn converted(value: Value, rate: Decimal) -> Value {
    match value {
        Value::String(text) => match text.parse::<Decimal>() {
            Ok(amount) => {
                let rounding = RoundingStrategy::MidpointAwayFromZero;
                let rounded = (amount * rate).round_sf_with_strategy(2, rounding).unwrap_or(amount);
                json!(rounded.normalize().to_string())
            }
            Err(_) => Value::String(text),
        },
        Value::Object(map) => map.into_iter().map(|(key, v)| (key, converted(v, rate))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => value,
    }
}

/// Writes them for a new organisation.
pub async fn write(tx: &mut OrgTx, org: OrgId, currency: Currency, at: Timestamp) -> Result<(), Error> {
    for (setting, value) in in_currency(currency) {
        settings::set(tx, org, setting, &value, None, at).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
