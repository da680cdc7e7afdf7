//! How unusual a value is beside its past (`metrics.md` §6.11). A statistic alone never alerts.
use super::median;

/// Median and median absolute deviation of a baseline; nothing of an empty one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Baseline {
    pub median: f64,
    pub mad: f64,
}

impl Baseline {
    pub fn of(values: &[f64]) -> Option<Self> {
        let middle = median(values)?;
        let away: Vec<f64> = values.iter().map(|v| (v - middle).abs()).collect();
        Some(Self { median: middle, mad: median(&away)? })
    }

    /// 0.6745 × (value − median) / MAD. Where nothing ever moved the scale is 5 % of the median, at least 1.
    pub fn robust_z(&self, value: f64) -> f64 {
        if self.mad > 0.0 {
            return 0.6745 * (value - self.median) / self.mad;
        }
        (value - self.median) / (0.05 * self.median.abs()).max(1.0)
    }

    /// (value − median) / median; nothing with a median of 0.
    pub fn change(&self, value: f64) -> Option<f64> {
        (self.median != 0.0).then(|| (value - self.median) / self.median.abs())
    }
}

#[cfg(test)]
mod tests;
