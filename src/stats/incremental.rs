//! Revenue that would not have come without the campaign (`metrics.md` §6.2). Groups are as assigned.
use super::{Interval, Z95};

/// Users assigned to an arm and what they spent, in the organisation's currency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spent {
    pub users: u64,
    pub revenue: f64,
}

/// R_T − R_C × n_T / n_C: the control arm is scaled to the treated one. Nothing without users in both.
pub fn incremental_revenue(treated: Spent, control: Spent) -> Option<f64> {
    (treated.users > 0 && control.users > 0)
        .then(|| treated.revenue - control.revenue * treated.users as f64 / control.users as f64)
}

/// 95 % interval of the incremental revenue after Welch, from the standard deviations of revenue per assigned user
/// (who did not buy counts with 0).
pub fn incremental_revenue_interval(
    treated: Spent,
    control: Spent,
    deviations: (f64, f64),
) -> Option<Interval> {
    let middle = incremental_revenue(treated, control)?;
    let (n_t, n_c) = (treated.users as f64, control.users as f64);
    let error = (deviations.0.powi(2) / n_t + deviations.1.powi(2) / n_c).sqrt();
    Some(Interval { low: middle - Z95 * error * n_t, high: middle + Z95 * error * n_t })
}

/// What is left after the cost; with a gross margin rate, of the margin instead of the revenue.
pub fn net_of_cost(incremental_revenue: f64, cost: f64, margin_rate: Option<f64>) -> f64 {
    incremental_revenue * margin_rate.unwrap_or(1.0) - cost
}

#[cfg(test)]
mod tests;
