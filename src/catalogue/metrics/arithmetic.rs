//! The worked examples of the registry: `14562/384230 → 3.79%` must work out as it shows.
use crate::stats::{median, nearest_rank, normal_below};

/// What checking an example found.
#[derive(Clone, Debug, PartialEq)]
pub enum Checked {
    Right,
    Wrong {
        computed: String,
        shown: String,
    },
    /// The left side is not plain arithmetic (words, percentiles…).
    Skipped,
}

/// Computes the left side of each arrow and compares at the precision of the right side. Several examples are parted
/// by semicolons; the first that is wrong is told.
pub fn check_example(example: &str) -> Checked {
    let text = example.replace('`', "");
    let mut checked = Checked::Skipped;
    for part in text.split(';') {
        match check_one(part) {
            Checked::Skipped => {}
            Checked::Right => checked = Checked::Right,
            wrong @ Checked::Wrong { .. } => return wrong,
        }
    }
    checked
}

fn check_one(text: &str) -> Checked {
    let Some((left, right)) = text.split_once('→').or_else(|| text.split_once("->")) else {
        return Checked::Skipped;
    };
    let left = left.rsplit(':').next().unwrap_or(left);
    let (Some(value), Some(shown)) = (after_words(left), Shown::read(right)) else {
        return Checked::Skipped;
    };
    let power = 10f64.powi(shown.places);
    // Half away from zero; the margin forgives binary fractions such as 0.285.
    let rounded = |value: f64| (value.abs() * power + 0.5 + 1e-9).floor() / power * value.signum();
    let fits = |scale: f64| (rounded(value * scale) - shown.value).abs() < 0.5 / power;
    // Points may be written as such: 100*(a-b) → 0.18 pp.
    if fits(shown.scale) || (shown.points && fits(1.0)) {
        return Checked::Right;
    }
    let places = usize::try_from(shown.places).unwrap_or(0);
    Checked::Wrong {
        computed: format!("{:.places$}", rounded(value * shown.scale)),
        shown: right.trim().to_owned(),
    }
}

/// The value of the arithmetic that stands after any words: `one customer 100+60+40`.
fn after_words(text: &str) -> Option<f64> {
    let mut rest = text.trim_start();
    loop {
        if let Some(value) = compute(rest) {
            return Some(value);
        }
        let (word, after) = rest.split_once(' ')?;
        if !word.chars().all(char::is_alphabetic) {
            return None;
        }
        rest = after.trim_start();
    }
}

struct Shown {
    value: f64,
    places: i32,
    /// 100 for per cent and percentage points.
    scale: f64,
    points: bool,
}

impl Shown {
    fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let start = text.find(|c: char| c.is_ascii_digit())?;
        let lead = &text[..start];
        if lead.chars().any(char::is_alphabetic) {
            return None;
        }
        let digits: String =
            text[start..].chars().take_while(|c| c.is_ascii_digit() || matches!(c, ',' | '.')).collect();
        let after = text[start + digits.len()..].trim_start();
        let digits = digits.trim_end_matches(['.', ',']).replace(',', "");
        let places = digits.split_once('.').map_or(0, |(_, f)| f.len());
        let sign = if lead.contains(['-', '−']) { -1.0 } else { 1.0 };
        let points = after.starts_with("pp");
        let scale = if points || after.starts_with('%') { 100.0 } else { 1.0 };
        Some(Self {
            value: digits.parse::<f64>().ok()? * sign,
            places: i32::try_from(places).ok()?,
            scale,
            points,
        })
    }
}

/// Plain arithmetic: + - * / ( ), decimals, sqrt(x), abs(x), phi(x) (the standard normal below x), median(a,b,…) and
/// p95(a,b,…) (nearest rank); a list may hold ranges of whole numbers, `1..20`. Nothing for anything else.
pub fn compute(text: &str) -> Option<f64> {
    let text: String =
        text.chars().filter(|c| !c.is_whitespace()).map(|c| if c == '−' { '-' } else { c }).collect();
    let mut parser = Parser { text: &text, at: 0 };
    let value = parser.sum()?;
    (parser.at == text.len() && value.is_finite()).then_some(value)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn take(&mut self, wanted: &str) -> bool {
        let found = self.text[self.at..].starts_with(wanted);
        if found {
            self.at += wanted.len();
        }
        found
    }

    fn sum(&mut self) -> Option<f64> {
        let mut value = self.product()?;
        loop {
            if self.take("+") {
                value += self.product()?;
            } else if self.take("-") {
                value -= self.product()?;
            } else {
                return Some(value);
            }
        }
    }

    fn product(&mut self) -> Option<f64> {
        let mut value = self.atom()?;
        loop {
            if self.take("*") || self.take("×") {
                value *= self.atom()?;
            } else if self.take("/") {
                value /= self.atom()?;
            } else {
                return Some(value);
            }
        }
    }

    fn atom(&mut self) -> Option<f64> {
        if self.take("-") {
            return Some(-self.atom()?);
        }
        for (name, apply) in FUNCTIONS {
            if self.take(name) {
                return apply(&self.list()?);
            }
        }
        if self.take("(") {
            let value = self.sum()?;
            return self.take(")").then_some(value);
        }
        let rest = &self.text[self.at..];
        let length = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        self.at += length;
        rest[..length].parse().ok()
    }

    /// The arguments up to the closing parenthesis.
    fn list(&mut self) -> Option<Vec<f64>> {
        let mut values = Vec::new();
        loop {
            match self.range() {
                Some(range) => values.extend(range.map(f64::from)),
                None => values.push(self.sum()?),
            }
            if !self.take(",") {
                return self.take(")").then_some(values);
            }
        }
    }

    /// `1..20`, both ends included; nothing is read when there is none.
    fn range(&mut self) -> Option<std::ops::RangeInclusive<u32>> {
        let rest = &self.text[self.at..];
        let end = rest.find([',', ')'])?;
        let (first, last) = rest[..end].split_once("..")?;
        let (first, last) = (first.parse().ok()?, last.parse::<u32>().ok().filter(|last| *last <= 10_000)?);
        self.at += end;
        Some(first..=last)
    }
}

type Function = (&'static str, fn(&[f64]) -> Option<f64>);

const FUNCTIONS: [Function; 5] = [
    ("sqrt(", |values| values.first().copied().map(f64::sqrt)),
    ("abs(", |values| values.first().copied().map(f64::abs)),
    ("phi(", |values| values.first().copied().map(normal_below)),
    ("median(", median),
    ("p95(", |values| nearest_rank(values, 0.95)),
];
