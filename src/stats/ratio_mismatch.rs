//! Sample-ratio mismatch: did the arms get the users they were planned to get (`metrics.md` §6.3)?
use statrs::distribution::{ChiSquared, ContinuousCDF};

/// A test below this p-value is void: something assigned users wrongly.
pub const VOID_BELOW: f64 = 0.001;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SplitCheck {
    pub chi_squared: f64,
    pub p: f64,
}

impl SplitCheck {
    pub fn void(self) -> bool {
        self.p < VOID_BELOW
    }
}

/// χ² of the assigned counts against the planned weights (any positive scale); nothing for fewer than two arms.
pub fn check_split(arms: &[(u64, f64)]) -> Option<SplitCheck> {
    let users: f64 = arms.iter().map(|(n, _)| *n as f64).sum();
    let weights: f64 = arms.iter().map(|(_, w)| *w).sum();
    if arms.len() < 2 || users <= 0.0 || arms.iter().any(|(_, w)| *w <= 0.0) {
        return None;
    }
    let chi_squared = arms
        .iter()
        .map(|(n, w)| {
            let expected = users * w / weights;
            (*n as f64 - expected).powi(2) / expected
        })
        .sum();
    let p = ChiSquared::new((arms.len() - 1) as f64).ok()?.sf(chi_squared);
    Some(SplitCheck { chi_squared, p })
}

#[cfg(test)]
mod tests;
