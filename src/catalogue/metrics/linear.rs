//! Linear expressions over base columns: `revenue - refund - 0.5 * cogs`. Only these may stand under a Σ.
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Columns with their factors, in the order written.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    terms: Vec<(String, Decimal)>,
}

/// Base columns that are money: queries always read the amounts in the organisation's currency.
const MONEY: &[&str] = &["cost", "revenue", "refund", "conversion_value"];

/// The physical column of a logical one.
pub fn physical(column: &str) -> String {
    if MONEY.contains(&column) { format!("{column}_base") } else { column.to_owned() }
}

/// Why an expression is not understood, and where: characters from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misread {
    pub at: usize,
    pub message: String,
}

impl Linear {
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::read(text).map_err(|misread| misread.message)
    }

    /// As `parse`, with the place of what is wrong.
    pub fn read(text: &str) -> Result<Self, Misread> {
        let mut parser = Parser { rest: text, text };
        let read = Self::whole(&mut parser, text);
        read.map_err(|message| {
            let left = parser.rest.trim_start();
            let read = &text[..text.len() - left.len()];
            // What ended early went wrong behind its last sign.
            let at = if left.is_empty() {
                read.trim_end().chars().count().max(1)
            } else {
                read.chars().count() + 1
            };
            Misread { at, message }
        })
    }

    fn whole(parser: &mut Parser<'_>, text: &str) -> Result<Self, String> {
        let value = parser.sum()?;
        if !parser.rest.trim().is_empty() {
            return Err(format!(
                "'{}' is not understood in '{text}'; use columns, numbers, + - * and parentheses",
                parser.rest.trim()
            ));
        }
        if value.terms.is_empty() || !value.constant.is_zero() {
            return Err(format!(
                "'{text}' has a bare number; a sum runs over columns, put constants into 'scale'"
            ));
        }
        let terms = value.order.into_iter().filter_map(|c| value.terms.get(&c).map(|f| (c, *f))).collect();
        Ok(Self { terms })
    }

    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.terms.iter().map(|(column, _)| column.as_str())
    }

    /// The sum from the sums of its columns; nothing when one is not known.
    pub fn value(&self, column: &dyn Fn(&str) -> Option<Decimal>) -> Option<Decimal> {
        self.terms.iter().try_fold(Decimal::ZERO, |sum, (name, factor)| {
            sum.checked_add(column(name)?.checked_mul(*factor)?)
        })
    }

    /// For people: `(revenue − refund)`.
    pub fn words(&self) -> String {
        self.sql(&str::to_owned).replace(" - ", " − ").replace(" * ", " × ")
    }

    /// The SQL of Σ expression, with `each` making the summed column: `sum(d.cost_base)` or `s.cost`.
    pub fn sql(&self, each: &dyn Fn(&str) -> String) -> String {
        let mut out = String::new();
        for (i, (column, factor)) in self.terms.iter().enumerate() {
            let sign = match (i, factor.is_sign_negative()) {
                (0, true) => "-",
                (0, false) => "",
                (_, true) => " - ",
                (_, false) => " + ",
            };
            let size = factor.abs().normalize();
            let times = if size == Decimal::ONE { String::new() } else { format!("{size} * ") };
            let _ = write!(out, "{sign}{times}{}", each(column));
        }
        if self.terms.len() > 1 { format!("({out})") } else { out }
    }
}

struct Value {
    terms: BTreeMap<String, Decimal>,
    order: Vec<String>,
    constant: Decimal,
}

impl Value {
    fn scaled(mut self, by: Decimal) -> Self {
        self.terms.values_mut().for_each(|factor| *factor *= by);
        self.constant *= by;
        self
    }

    fn plus(mut self, other: Self) -> Self {
        for column in other.order {
            let factor = other.terms.get(&column).copied().unwrap_or_default();
            if !self.terms.contains_key(&column) {
                self.order.push(column.clone());
            }
            *self.terms.entry(column).or_default() += factor;
        }
        self.constant += other.constant;
        self
    }
}

struct Parser<'a> {
    rest: &'a str,
    text: &'a str,
}

impl Parser<'_> {
    fn take(&mut self, sign: &[char]) -> Option<char> {
        self.rest = self.rest.trim_start();
        let first = self.rest.chars().next().filter(|c| sign.contains(c))?;
        self.rest = &self.rest[first.len_utf8()..];
        Some(first)
    }

    fn sum(&mut self) -> Result<Value, String> {
        let mut value = self.product()?;
        while let Some(sign) = self.take(&['+', '-', '−']) {
            let other = self.product()?;
            value = value.plus(if sign == '+' { other } else { other.scaled(Decimal::NEGATIVE_ONE) });
        }
        Ok(value)
    }

    fn product(&mut self) -> Result<Value, String> {
        let mut value = self.atom()?;
        loop {
            let sign = self.rest;
            if self.take(&['*', '×']).is_none() {
                return Ok(value);
            }
            let other = self.atom()?;
            value = match (value.terms.is_empty(), other.terms.is_empty()) {
                (true, _) => other.scaled(value.constant),
                (_, true) => value.scaled(other.constant),
                (false, false) => {
                    self.rest = sign;
                    return Err(format!(
                        "'{}' multiplies two columns; a sum of products is not linear",
                        self.text
                    ));
                }
            };
        }
    }

    fn atom(&mut self) -> Result<Value, String> {
        if self.take(&['-', '−']).is_some() {
            return Ok(self.atom()?.scaled(Decimal::NEGATIVE_ONE));
        }
        if self.take(&['(']).is_some() {
            let value = self.sum()?;
            return self
                .take(&[')'])
                .map(|_| value)
                .ok_or_else(|| format!("a parenthesis is open in '{}'", self.text));
        }
        self.rest = self.rest.trim_start();
        let length = self
            .rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'))
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(length);
        let begin = std::mem::replace(&mut self.rest, rest);
        let first = word.chars().next().ok_or_else(|| format!("something is missing in '{}'", self.text))?;
        let none = BTreeMap::new();
        if first.is_ascii_digit() {
            let constant = word.parse().map_err(|_| {
                self.rest = begin;
                format!("'{word}' is not a number")
            })?;
            return Ok(Value { terms: none, order: Vec::new(), constant });
        }
        if word.contains('.')
            || !word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        {
            self.rest = begin;
            return Err(format!("'{word}' is not a column; columns are lower case, without a table"));
        }
        let terms = [(word.to_owned(), Decimal::ONE)].into();
        Ok(Value { terms, order: vec![word.to_owned()], constant: Decimal::ZERO })
    }
}
