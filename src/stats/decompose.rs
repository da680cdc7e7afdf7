//! Why a figure changed: volume, mix and rate, which add up to the change (`metrics.md` §6.12).

/// One group in one period: its weight (sessions), conversions per session and value per conversion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Yield {
    pub weight: f64,
    pub cvr: f64,
    pub aov: f64,
}

impl Yield {
    fn rate(self) -> f64 {
        self.cvr * self.aov
    }
}

/// A group's parts of the change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parts {
    pub mix: f64,
    pub rate: f64,
    /// The rate part once more, by what moved.
    pub of_cvr: f64,
    pub of_aov: f64,
}

/// The volume part and the parts of each group (before, now). Nothing without weight in both periods.
pub fn decompose(groups: &[(Yield, Yield)]) -> Option<(f64, Vec<Parts>)> {
    let sum = |of: &dyn Fn(&(Yield, Yield)) -> f64| groups.iter().map(of).sum::<f64>();
    let (s0, s1) = (sum(&|g| g.0.weight), sum(&|g| g.1.weight));
    if s0 <= 0.0 || s1 <= 0.0 {
        return None;
    }
    let mean0 = sum(&|g| g.0.weight * g.0.rate()) / s0;
    let parts = groups.iter().map(|(before, now)| Parts {
        mix: s1 * (now.weight / s1 - before.weight / s0) * (before.rate() - mean0),
        rate: now.weight * (now.rate() - before.rate()),
        of_cvr: now.weight * (now.cvr - before.cvr) * f64::midpoint(before.aov, now.aov),
        of_aov: now.weight * (now.aov - before.aov) * f64::midpoint(before.cvr, now.cvr),
    });
    Some(((s1 - s0) * mean0, parts.collect()))
}

#[cfg(test)]
mod tests;
