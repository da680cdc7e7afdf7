//! Statistics with the definitions and worked numbers of `metrics.md` §6. Pure functions of numbers.
mod lift;
mod power;
mod ratio_mismatch;

pub use lift::{Arm, Interval, Lift, Method, compare_arms, wilson};
pub use power::{Plan, PlanError, Split, days_needed, detectable_lift, plan};
pub use ratio_mismatch::{SplitCheck, VOID_BELOW, check_split};

use statrs::distribution::{ContinuousCDF, Normal};

/// The probability of a standard normal below `z`.
fn normal_cdf(z: f64) -> f64 {
    Normal::standard().cdf(z)
}

/// The z below which a standard normal lies with probability `p`; 1.959964 for 0.975.
fn normal_quantile(p: f64) -> f64 {
    Normal::standard().inverse_cdf(p)
}

/// z of a two-sided 95 % interval.
pub const Z95: f64 = 1.959_963_984_540_054;
