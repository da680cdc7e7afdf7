//! The risk that a customer does not order within 30 days (`metrics.md` §6.9).

/// What the risk is read from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Signs {
    pub days_since_order: f64,
    pub orders_90d: f64,
    /// (spend of the last 45 days − the 45 before) / the 45 before.
    pub spend_trend: f64,
    /// Seen within 14 days.
    pub engaged: bool,
}

/// Coefficients of a fitted logistic regression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coefficients {
    pub intercept: f64,
    pub days_since_order: f64,
    pub orders_90d: f64,
    pub spend_trend: f64,
    pub engaged: f64,
}

/// A probability.
pub fn churn_probability(c: Coefficients, s: Signs) -> f64 {
    let z = c.intercept
        + c.days_since_order * s.days_since_order
        + c.orders_90d * s.orders_90d
        + c.spend_trend * s.spend_trend
        + if s.engaged { c.engaged } else { 0.0 };
    1.0 / (1.0 + (-z).exp())
}

/// high from 0.5, medium from 0.25, else low (defaults of `metrics.md` §6.9).
pub fn churn_band(probability: f64) -> &'static str {
    match probability {
        p if p >= 0.5 => "high",
        p if p >= 0.25 => "medium",
        _ => "low",
    }
}

/// Without a model: days since the last order over the customer's own median gap; at risk from 2 on. Nothing without a gap.
pub fn gap_ratio(days_since_order: f64, median_gap: f64) -> Option<f64> {
    (median_gap > 0.0).then(|| days_since_order / median_gap)
}

#[cfg(test)]
mod tests;
