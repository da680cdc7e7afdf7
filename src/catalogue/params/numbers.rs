//! Counts, amounts, fractions.
use super::{Bound, Param, Resolver, ToolError, text_of};
use crate::money::Currency;
use crate::report::figure::{symbol, trimmed};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Number, Value};

impl Resolver<'_, '_> {
    /// Days and limits are clamped to their bounds and the answer says so.
    pub(super) fn clamped(
        &mut self,
        param: &Param,
        value: i64,
        least: i64,
        most: i64,
    ) -> Result<(), ToolError> {
        let bound = |given: Option<Decimal>, usual: i64| given.and_then(|d| d.to_i64()).unwrap_or(usual);
        let (least, most) = (bound(param.min, least), bound(param.max, most));
        let kept = value.clamp(least, most.max(least));
        if kept != value {
            self.out.notes.push(format!(
                "{} {value} is out of bounds ({least} to {most}): {kept} was used.",
                param.name
            ));
        }
        let kept = i32::try_from(kept).unwrap_or(i32::MAX);
        if param.name == "limit" {
            self.out.limit = u32::try_from(kept).ok();
        }
        self.set(param, Bound::Int(Some(kept)), kept);
        Ok(())
    }

    pub(super) fn integer(&mut self, param: &Param, value: &Value) -> Result<(), ToolError> {
        let number = text_of(value).and_then(|text| amount(&text)).filter(|n| n.fract().is_zero());
        let number = number.ok_or_else(|| Self::refuse(param, value, "write a whole number"))?;
        if param.name == "limit" {
            return self.clamped(param, number.to_i64().unwrap_or(i64::MAX), 1, 5000);
        }
        Self::within(param, number, Decimal::from(i32::MIN), Decimal::from(i32::MAX))?;
        let number = number.to_i32().unwrap_or(i32::MAX);
        self.set(param, Bound::Int(Some(number)), number);
        Ok(())
    }

    pub(super) fn number(&mut self, param: &Param, value: &Value) -> Result<(), ToolError> {
        let text = text_of(value).map(|t| t.trim().trim_end_matches(['x', 'X']).to_owned());
        let number =
            text.and_then(|t| amount(&t)).ok_or_else(|| Self::refuse(param, value, "write a number"))?;
        Self::within(param, number, Decimal::from(-1_000_000_000), Decimal::from(1_000_000_000))?;
        self.set(param, Bound::Number(Some(number)), json_number(number));
        Ok(())
    }

    pub(super) fn money(&mut self, param: &Param, value: &Value) -> Result<(), ToolError> {
        let text = text_of(value)
            .ok_or_else(|| Self::refuse(param, value, "write an amount such as 1500 or '1.5k'"))?;
        let (named, digits) = split_currency(&text);
        if let Some(named) = named
            && !fits(&named, self.scope.currency)
        {
            let own = self.scope.currency;
            let message =
                format!("'{text}' is not in {own}; amounts are asked in {own}: what is it in {own}?");
            return Err(ToolError::tell("param.currency", message));
        }
        let number = amount(&digits)
            .ok_or_else(|| Self::refuse(param, value, "write an amount such as 1500 or '1.5k'"))?;
        Self::within(param, number, Decimal::ZERO, Decimal::from(10_000_000))?;
        self.set(param, Bound::Number(Some(number)), json_number(number));
        Ok(())
    }

    /// "10 %", 10 and 0.10 are all a tenth; what is above 1 can only be meant in per cent.
    pub(super) fn percent(&mut self, param: &Param, value: &Value) -> Result<(), ToolError> {
        let wanted = "write a share such as '10%' or 0.1";
        let text = text_of(value).ok_or_else(|| Self::refuse(param, value, wanted))?;
        let text = text.trim();
        let (digits, marked) = ["%", "percent", "per cent", "pct"]
            .iter()
            .find_map(|mark| text.strip_suffix(mark))
            .map_or((text, false), |digits| (digits.trim(), true));
        let number = amount(digits).ok_or_else(|| Self::refuse(param, value, wanted))?;
        let beyond = number > param.max.unwrap_or(Decimal::ONE);
        let number = if marked || beyond { number / Decimal::ONE_HUNDRED } else { number };
        Self::within(param, number, Decimal::ZERO, Decimal::ONE)?;
        self.set(param, Bound::Number(Some(number)), json_number(number));
        Ok(())
    }

    fn within(param: &Param, number: Decimal, least: Decimal, most: Decimal) -> Result<(), ToolError> {
        let (least, most) = (param.min.unwrap_or(least), param.max.unwrap_or(most));
        if (least..=most).contains(&number) {
            return Ok(());
        }
        let (least, most, number) = (trimmed(least, 4), trimmed(most, 4), trimmed(number, 4));
        Err(ToolError::tell(
            "param.out_of_bounds",
            format!("'{}' is {number}; it must lie between {least} and {most}", param.name),
        ))
    }
}

fn json_number(number: Decimal) -> Value {
    let text = number.normalize().to_string();
    text.parse::<Number>().map_or(Value::String(text), Value::Number)
}

/// A number as people write it: `1,500`, `1.5k`, `2 mio`, `ten` is not one. The point is the decimal sign.
fn amount(text: &str) -> Option<Decimal> {
    let text = text.trim().to_lowercase();
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | '+' | '\'' | '_')))
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let factor = match unit.trim() {
        "" => 1,
        "k" | "thousand" => 1_000,
        "m" | "mio" | "mn" | "million" | "millions" => 1_000_000,
        "b" | "bn" | "billion" => 1_000_000_000,
        _ => return None,
    };
    let digits = digits.replace(['\'', '_', '+'], "");
    // "1,500" groups thousands; "1,5" would be a decimal comma, which is not guessed.
    let grouped = digits.split(',').skip(1).all(|part| part.split('.').next().is_some_and(|p| p.len() == 3));
    if !grouped {
        return None;
    }
    digits.replace(',', "").parse::<Decimal>().ok()?.checked_mul(Decimal::from(factor))
}

/// The currency named before or after the digits, and the rest.
fn split_currency(text: &str) -> (Option<String>, String) {
    let text = text.trim();
    let digit = text.find(|c: char| c.is_ascii_digit() || c == '-').unwrap_or(0);
    let (lead, rest) = text.split_at(digit);
    if !lead.trim().is_empty() {
        return (Some(lead.trim().to_lowercase()), rest.to_owned());
    }
    let split = rest.rfind(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| at + 1);
    let (digits, tail) = rest.split_at(split);
    let word = tail.trim().to_lowercase();
    let (scale, currency) = word.split_once(' ').map_or(("", word.as_str()), |(s, c)| (s, c));
    match amount(&format!("1{word}")) {
        Some(_) => (None, rest.to_owned()),
        None => (Some(currency.trim().to_owned()), format!("{digits}{scale}")),
    }
}

/// A sign or word for the organisation's currency.
fn fits(named: &str, own: Currency) -> bool {
    let code = own.as_str().to_lowercase();
    let dollar = ["usd", "cad", "aud", "nzd", "sgd", "hkd", "mxn"].contains(&code.as_str());
    match named {
        "$" | "us$" | "dollar" | "dollars" => dollar,
        "€" | "euro" | "euros" => code == "eur",
        "£" | "pound" | "pounds" => code == "gbp",
        "¥" | "yen" => code == "jpy",
        "franc" | "francs" | "fr" | "fr." | "sfr" => code == "chf",
        other => other == code || other == symbol(own).trim().to_lowercase(),
    }
}
