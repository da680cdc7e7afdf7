//! What a customer is worth: in the first twelve months, and expected (`metrics.md` §6.8).
use jiff::ToSpan as _;
use jiff::civil::Date;

/// Revenue in [first order, first order + 12 months); nothing while the customer is younger than that.
pub fn first_year_value(orders: &[(Date, f64)], today: Date) -> Option<f64> {
    let first = orders.iter().map(|(day, _)| *day).min()?;
    let end = first.checked_add(12.months()).ok()?;
    (end <= today).then(|| orders.iter().filter(|(day, _)| *day < end).map(|(_, amount)| amount).sum())
}

/// Parameters of the BG/NBD model of order counts, in weeks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BgNbd {
    pub r: f64,
    pub alpha: f64,
    pub a: f64,
    pub b: f64,
}

/// One customer: repeat orders, age at the last of them and age now, in weeks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct History {
    pub repeats: f64,
    pub last: f64,
    pub age: f64,
}

impl BgNbd {
    /// The probability that the customer has not left for good.
    pub fn alive(&self, h: History) -> f64 {
        if h.repeats <= 0.0 {
            return 1.0;
        }
        let odds = self.a / (self.b + h.repeats - 1.0)
            * ((self.alpha + h.age) / (self.alpha + h.last)).powf(self.r + h.repeats);
        1.0 / (1.0 + odds)
    }

    /// Orders expected in the next `weeks`. Fader, Hardie and Lee 2005, equation 10.
    pub fn expected_orders(&self, h: History, weeks: f64) -> f64 {
        let Self { r, alpha, a, b } = *self;
        let z = weeks / (alpha + h.age + weeks);
        let shrink = ((alpha + h.age) / (alpha + h.age + weeks)).powf(r + h.repeats);
        let gauss = hypergeometric(r + h.repeats, b + h.repeats, a + b + h.repeats - 1.0, z);
        (a + b + h.repeats - 1.0) / (a - 1.0) * (1.0 - shrink * gauss) * self.alive(h)
    }
}

/// Parameters of the gamma-gamma model of order values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GammaGamma {
    pub p: f64,
    pub q: f64,
    pub gamma: f64,
}

impl GammaGamma {
    /// The expected value of an order, from `repeats` repeat orders of the mean value `mean`.
    pub fn expected_value(&self, repeats: f64, mean: f64) -> f64 {
        self.p * (self.gamma + repeats * mean) / (self.p * repeats + self.q - 1.0)
    }
}

/// ₂F₁(a, b; c; z) for 0 ≤ z < 1, by its series.
fn hypergeometric(a: f64, b: f64, c: f64, z: f64) -> f64 {
    let (mut term, mut sum) = (1.0, 1.0);
    for n in 0..10_000_u32 {
        let n = f64::from(n);
        term *= (a + n) * (b + n) / ((c + n) * (n + 1.0)) * z;
        sum += term;
        if term.abs() < 1e-14 * f64::abs(sum) {
            break;
        }
    }
    sum
}

#[cfg(test)]
mod tests;
