//! The worked examples of the registry: `14562/384230 → 3.79%` must work out as it shows.

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

/// Computes the left side of the arrow and compares at the precision of the right side.
pub fn check_example(example: &str) -> Checked {
    let text = example.replace('`', "");
    let Some((left, right)) = text.split_once('→').or_else(|| text.split_once("->")) else {
        return Checked::Skipped;
    };
    let left = left.rsplit(':').next().unwrap_or(left);
    let (Some(value), Some(shown)) = (compute(left), Shown::read(right)) else {
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

/// Plain arithmetic: + - * / ( ), decimals, sqrt(x), median(a,b,…). Nothing for anything else.
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
        if self.take("sqrt(") {
            return self.list()?.first().copied().map(f64::sqrt);
        }
        if self.take("median(") {
            let mut values = self.list()?;
            values.sort_by(f64::total_cmp);
            let middle = values.len() / 2;
            let upper = *values.get(middle)?;
            let lower =
                if values.len().is_multiple_of(2) { *values.get(middle.checked_sub(1)?)? } else { upper };
            return Some(f64::midpoint(lower, upper));
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
        let mut values = vec![self.sum()?];
        while self.take(",") {
            values.push(self.sum()?);
        }
        self.take(")").then_some(values)
    }
}
