//! Decimal numbers as they are written in JSON, without a float in between.
use super::json::is_number;
use rust_decimal::Decimal;
use std::cmp::Ordering;

/// `numeric(18,6)` holds so many digits before the point and behind it.
const MONEY_WHOLE: i64 = 12;
const MONEY_DECIMALS: i64 = 6;
/// As far as a double reaches; PostgreSQL's `jsonb` would take more, readers would not.
const MAX_EXPONENT: i64 = 308;
const MAX_LENGTH: usize = 320;

/// 0.digits × 10^point, no zeros at either end of the digits; zero has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number {
    negative: bool,
    digits: String,
    point: i64,
}

impl Number {
    /// A number in the grammar of JSON; nothing for one too large, too fine or too long to be kept.
    pub fn read(text: &str) -> Option<Self> {
        if text.len() > MAX_LENGTH || !is_number(text) {
            return None;
        }
        let number = Self::of(text);
        (number.digits.is_empty() || number.point.abs() <= MAX_EXPONENT).then_some(number)
    }

    /// The same for any size: `text` keeps the grammar.
    pub fn of(text: &str) -> Self {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(at) => (&text[..at], exponent(&text[at + 1..])),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let mut digits = String::with_capacity(whole.len() + fraction.len());
        digits.push_str(whole);
        digits.push_str(fraction);
        let leading = digits.bytes().take_while(|digit| *digit == b'0').count();
        digits.drain(..leading);
        digits.truncate(digits.trim_end_matches('0').len());
        if digits.is_empty() {
            return Self { negative: false, digits, point: 0 };
        }
        let point = (whole.len() as i64 - leading as i64).saturating_add(exponent);
        Self { negative, digits, point }
    }

    pub fn is_negative(&self) -> bool {
        self.negative
    }

    pub fn is_whole(&self) -> bool {
        self.digits.len() as i64 <= self.point || self.digits.is_empty()
    }

    /// The value where `numeric(18,6)` holds it exactly.
    pub fn money(&self) -> Option<Decimal> {
        let decimals = self.digits.len() as i64 - self.point;
        if self.point > MONEY_WHOLE || decimals > MONEY_DECIMALS {
            return None;
        }
        self.decimal()
    }

    /// The value where 28 digits hold it exactly.
    fn decimal(&self) -> Option<Decimal> {
        if self.digits.is_empty() {
            return Some(Decimal::ZERO);
        }
        let decimals = self.digits.len() as i64 - self.point;
        if self.point > 28 || decimals > 28 || self.digits.len() > 28 {
            return None;
        }
        let mut mantissa: i128 = self.digits.parse().ok()?;
        for _ in decimals..0 {
            mantissa = mantissa.checked_mul(10)?;
        }
        let scale = u32::try_from(decimals.max(0)).ok()?;
        Decimal::try_from_i128_with_scale(if self.negative { -mantissa } else { mantissa }, scale).ok()
    }

    /// How it compares with a bound of the registry.
    pub fn compare(&self, bound: Decimal) -> Ordering {
        if let Some(value) = self.decimal() {
            return value.cmp(&bound);
        }
        // Beyond 28 digits: far from zero, or so fine that the double next to it lies on the same side of the bound.
        let value: f64 = self.canonical().parse().unwrap_or(f64::INFINITY);
        let bound: f64 = bound.to_string().parse().unwrap_or(0.0);
        match value.partial_cmp(&bound).unwrap_or(Ordering::Greater) {
            Ordering::Equal if self.negative => Ordering::Less,
            Ordering::Equal => Ordering::Greater,
            unequal @ (Ordering::Less | Ordering::Greater) => unequal,
        }
    }

    /// One spelling for every spelling of a value: that of RFC 8785 wherever a double holds it, the same form with all
    /// digits where none does (two amounts that differ in the 18th digit are two amounts).
    pub fn canonical(&self) -> String {
        let mut out = String::with_capacity(self.digits.len() + 8);
        self.write(&mut out);
        out
    }

    pub fn write(&self, out: &mut String) {
        let count = self.digits.len() as i64;
        if count == 0 {
            out.push('0');
            return;
        }
        if self.negative {
            out.push('-');
        }
        let zeros = |out: &mut String, n: i64| (0..n).for_each(|_| out.push('0'));
        match self.point {
            // ECMAScript Number::toString: plain up to 21 digits and down to 1e-6.
            n if n >= count && n <= 21 => {
                out.push_str(&self.digits);
                zeros(out, n - count);
            }
            n if (1..=21).contains(&n) => {
                let (whole, fraction) = self.digits.split_at(usize::try_from(n).unwrap_or(0));
                out.push_str(whole);
                out.push('.');
                out.push_str(fraction);
            }
            n if n > -6 && n <= 0 => {
                out.push_str("0.");
                zeros(out, -n);
                out.push_str(&self.digits);
            }
            n => {
                let (first, rest) = self.digits.split_at(1);
                out.push_str(first);
                if !rest.is_empty() {
                    out.push('.');
                    out.push_str(rest);
                }
                let exponent = n.saturating_sub(1);
                out.push_str(if exponent < 0 { "e-" } else { "e+" });
                out.push_str(&exponent.unsigned_abs().to_string());
            }
        }
    }
}

/// Digits with a sign; what is too long for 64 bits is as good as infinite.
fn exponent(text: &str) -> i64 {
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    // Far below i64::MAX, so that nothing that is added overflows.
    let size = digits.parse::<i64>().unwrap_or(i64::MAX).min(i64::MAX / 4);
    if negative { -size } else { size }
}
