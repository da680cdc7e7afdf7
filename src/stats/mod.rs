//! Statistics with the definitions and worked numbers of `metrics.md` §6. Pure functions of numbers.
mod allocate;
mod anomaly;
mod attribution;
mod churn;
mod cohorts;
mod decompose;
mod forecast;
mod incremental;
mod lifetime;
mod lift;
mod looks;
mod middle;
mod model_quality;
mod power;
mod ratio_mismatch;
mod rfm;
mod scores;
mod stock;

pub use allocate::{Channel, allocate, spend_worth};
pub use anomaly::Baseline;
pub use attribution::{ByChannel, CreditRule, Touch, attribute, credits, removal_shares};
pub use churn::{Coefficients, Signs, churn_band, churn_probability, gap_ratio};
pub use cohorts::{OrderDays, Share, returned_in_month, returned_within};
pub use decompose::{Parts, Yield, decompose};
pub use forecast::{Accuracy, SEASON, accuracy, covered, half_width, seasonal_naive};
pub use incremental::{Spent, incremental_revenue, incremental_revenue_interval, net_of_cost};
pub use lifetime::{BgNbd, GammaGamma, History, first_year_value};
pub use lift::{Arm, Interval, Lift, Method, compare_arms, wilson};
pub use looks::{Boundary, holm, stopping_bounds};
pub use middle::{median, nearest_rank};
pub use model_quality::{auc, qini, stability_index};
pub use power::{Plan, PlanError, Split, days_needed, detectable_lift, plan};
pub use ratio_mismatch::{SplitCheck, VOID_BELOW, check_split};
pub use rfm::{Habit, Scores, rfm};
pub use scores::{EXPLORATORY_BELOW, Level, confidence, opportunity_score, pause_score, priority};
pub use stock::{Demand, SERVICE_Z, economic_order_quantity};

use statrs::distribution::{ContinuousCDF, Normal};

/// The probability of a standard normal below `z`.
fn normal_cdf(z: f64) -> f64 {
    Normal::standard().cdf(z)
}

/// The share of a standard normal that lies below `z`.
pub fn normal_below(z: f64) -> f64 {
    normal_cdf(z)
}

/// The z below which a standard normal lies with probability `p`; 1.959964 for 0.975.
fn normal_quantile(p: f64) -> f64 {
    Normal::standard().inverse_cdf(p)
}

/// z of a two-sided 95 % interval.
pub const Z95: f64 = 1.959_963_984_540_054;
