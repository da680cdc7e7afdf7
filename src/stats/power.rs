//! Sample size, detectable effect, duration (`metrics.md` §6.3).
use super::normal_quantile;

#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum PlanError {
    #[error("the baseline rate must lie between 0 and 1, both excluded")]
    Baseline,
    #[error("the smallest effect must not be zero, and baseline plus effect must stay between 0 and 1")]
    Effect,
    #[error("power must lie between 0.5 and 0.99, alpha between 0.001 and 0.2")]
    Certainty,
    #[error("the share of the treated arm must lie between 0.01 and 0.99")]
    Split,
}

/// Rates and certainty of a planned two-arm test. `effect` is absolute: 0.002 lifts 2 % to 2.2 %.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    pub baseline: f64,
    pub effect: f64,
    pub power: f64,
    /// Two-sided.
    pub alpha: f64,
    /// Share of users who are treated: 0.5 for 50:50, 0.9 with a 10 % holdout.
    pub treated_share: f64,
}

/// Users needed in each arm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    pub treated: u64,
    pub control: u64,
}

impl Split {
    pub fn total(self) -> u64 {
        self.treated + self.control
    }
}

/// The larger of the pooled and the unpooled sample size, each arm rounded up.
pub fn plan(plan: Plan) -> Result<Split, PlanError> {
    let (pooled, unpooled) = sizes(plan)?;
    Ok(if pooled.total() >= unpooled.total() { pooled } else { unpooled })
}

fn sizes(plan: Plan) -> Result<(Split, Split), PlanError> {
    let Plan { baseline: p1, effect: d, power, alpha, treated_share } = plan;
    let p2 = p1 + d;
    if !(p1 > 0.0 && p1 < 1.0) {
        return Err(PlanError::Baseline);
    }
    if d == 0.0 || !(p2 > 0.0 && p2 < 1.0) {
        return Err(PlanError::Effect);
    }
    if !(0.5..=0.99).contains(&power) || !(0.001..=0.2).contains(&alpha) {
        return Err(PlanError::Certainty);
    }
    if !(0.01..=0.99).contains(&treated_share) {
        return Err(PlanError::Split);
    }
    let (z_alpha, z_beta) = (normal_quantile(1.0 - alpha / 2.0), normal_quantile(power));
    let r = treated_share / (1.0 - treated_share);
    let variance = p1 * (1.0 - p1) + p2 * (1.0 - p2) / r;
    let mean = (p1 + r * p2) / (1.0 + r);
    let root = z_alpha * ((1.0 + 1.0 / r) * mean * (1.0 - mean)).sqrt() + z_beta * variance.sqrt();
    // 80:20 is 4.000000000000001 in binary; without the margin an exact multiple would round up.
    let exact = |control: f64| {
        let up = |n: f64| (n - 1e-6).ceil() as u64;
        Split { treated: up(control * r), control: up(control) }
    };
    Ok((exact((root / d).powi(2)), exact((z_alpha + z_beta).powi(2) * variance / (d * d))))
}

/// The smallest absolute lift over `baseline` that these arms detect with the given power (two-sided alpha 0.05).
pub fn detectable_lift(baseline: f64, treated: u64, control: u64, power: f64) -> Option<f64> {
    if treated == 0 || control == 0 || !(baseline > 0.0 && baseline < 1.0) {
        return None;
    }
    let share = treated as f64 / (treated + control) as f64;
    let enough = |effect: f64| {
        plan(Plan { baseline, effect, power, alpha: 0.05, treated_share: share.clamp(0.01, 0.99) })
            .is_ok_and(|split| split.control <= control)
    };
    let (mut low, mut high) = (0.0, (1.0 - baseline) * 0.999_999);
    if !enough(high) {
        return None;
    }
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if enough(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

/// Whole weeks, at least one: 161,364 users at 12,000 a day are 14 days. Nothing without visitors.
pub fn days_needed(total: u64, users_a_day: u64) -> Option<u64> {
    (users_a_day > 0).then(|| total.div_ceil(users_a_day).div_ceil(7).max(1) * 7)
}

#[cfg(test)]
mod tests;
