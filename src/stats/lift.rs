//! Two groups as assigned: lift, interval, p-value, incrementality (`metrics.md` §6.1).
use super::{Z95, normal_cdf};
use statrs::function::factorial::ln_binomial;

/// Users assigned to one arm and how many of them converted, each counted once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arm {
    pub users: u64,
    pub converters: u64,
}

impl Arm {
    pub fn rate(self) -> Option<f64> {
        (self.users > 0 && self.converters <= self.users).then(|| self.converters as f64 / self.users as f64)
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Two-proportion z test with pooled variance.
    PooledZ,
    /// Fisher's exact test: some cell is below 5.
    Fisher,
}

impl Method {
    pub fn name(self) -> &'static str {
        match self {
            Method::PooledZ => "two-proportion z",
            Method::Fisher => "Fisher exact",
        }
    }
}

/// What the treated arm did beyond the control arm. Rates and lifts are fractions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lift {
    pub treated_rate: f64,
    pub control_rate: f64,
    pub lift: f64,
    /// 95 %: Newcombe when an arm has fewer than 100 converters, else Wald.
    pub interval: Interval,
    /// No value when nobody converted in the control arm.
    pub relative: Option<f64>,
    /// 1 − control rate / treated rate; no value when nobody converted in the treated arm.
    pub incrementality: Option<f64>,
    pub incrementality_interval: Option<Interval>,
    pub incremental_conversions: f64,
    pub z: f64,
    pub p: f64,
    pub method: Method,
}

/// Compares two arms; nothing when an arm is empty or has more converters than users.
pub fn compare_arms(treated: Arm, control: Arm) -> Option<Lift> {
    let (p_t, p_c) = (treated.rate()?, control.rate()?);
    let (n_t, n_c) = (treated.users as f64, control.users as f64);
    let (x_t, x_c) = (treated.converters as f64, control.converters as f64);
    let pooled = (x_t + x_c) / (n_t + n_c);
    let pooled_error = (pooled * (1.0 - pooled) * (1.0 / n_t + 1.0 / n_c)).sqrt();
    let lift = p_t - p_c;
    let z = if pooled_error > 0.0 { lift / pooled_error } else { 0.0 };
    let smallest = [
        treated.converters,
        control.converters,
        treated.users - treated.converters,
        control.users - control.converters,
    ]
    .into_iter()
    .min()
    .unwrap_or(0);
    let method = if smallest < 5 { Method::Fisher } else { Method::PooledZ };
    let p = match method {
        Method::PooledZ => 2.0 * normal_cdf(-z.abs()),
        Method::Fisher => fisher(treated, control),
    };
    let interval = if treated.converters.min(control.converters) < 100 {
        newcombe(treated, control)
    } else {
        let error = (p_t * (1.0 - p_t) / n_t + p_c * (1.0 - p_c) / n_c).sqrt();
        Interval { low: lift - Z95 * error, high: lift + Z95 * error }
    };
    let incrementality = (p_t > 0.0).then(|| 1.0 - p_c / p_t);
    let incrementality_interval = (x_t > 0.0 && x_c > 0.0).then(|| {
        let spread = (1.0 / x_c - 1.0 / n_c + 1.0 / x_t - 1.0 / n_t).max(0.0).sqrt();
        let bound = |sign: f64| 1.0 - p_c / p_t * (sign * Z95 * spread).exp();
        Interval { low: bound(1.0), high: bound(-1.0) }
    });
    Some(Lift {
        treated_rate: p_t,
        control_rate: p_c,
        lift,
        interval,
        relative: (p_c > 0.0).then(|| lift / p_c),
        incrementality,
        incrementality_interval,
        incremental_conversions: x_t - x_c * n_t / n_c,
        z,
        p,
        method,
    })
}

/// Wilson 95 % interval of one rate: 8 of 20 is 21.9 %..61.3 %.
pub fn wilson(arm: Arm) -> Option<Interval> {
    let p = arm.rate()?;
    let n = arm.users as f64;
    let z2 = Z95 * Z95;
    let centre = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z95 * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt() / (1.0 + z2 / n);
    Some(Interval { low: (centre - half).max(0.0), high: (centre + half).min(1.0) })
}

/// Newcombe's score-based interval of a difference: the two Wilson intervals, combined.
fn newcombe(treated: Arm, control: Arm) -> Interval {
    let (Some(t), Some(c), Some(p_t), Some(p_c)) =
        (wilson(treated), wilson(control), treated.rate(), control.rate())
    else {
        return Interval { low: 0.0, high: 0.0 };
    };
    let low = ((p_t - t.low).powi(2) + (c.high - p_c).powi(2)).sqrt();
    let high = ((t.high - p_t).powi(2) + (p_c - c.low).powi(2)).sqrt();
    Interval { low: p_t - p_c - low, high: p_t - p_c + high }
}

/// Two-sided Fisher: the probability of all tables with the same margins that are no likelier than this one.
fn fisher(treated: Arm, control: Arm) -> f64 {
    let (n_t, n_c) = (treated.users, control.users);
    let converters = treated.converters + control.converters;
    let all = ln_binomial(n_t + n_c, converters);
    let chance = |x: u64| (ln_binomial(n_t, x) + ln_binomial(n_c, converters - x) - all).exp();
    let seen = chance(treated.converters) * (1.0 + 1e-7);
    let first = converters.saturating_sub(n_c);
    let last = converters.min(n_t);
    (first..=last).map(chance).filter(|p| *p <= seen).sum::<f64>().min(1.0)
}

#[cfg(test)]
mod tests;
