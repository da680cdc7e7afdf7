//! How much to keep and when to order (`metrics.md` §6.14). Units and days.
use super::normal_below;

/// z of a 95 % service level, as the specification rounds it.
pub const SERVICE_Z: f64 = 1.65;

/// Mean and standard deviation of the daily demand (days without stock left out) and of the lead time in days.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Demand {
    pub daily: f64,
    pub daily_sd: f64,
    pub lead_days: f64,
    pub lead_sd: f64,
}

impl Demand {
    /// Standard deviation of the demand over the lead time.
    pub fn deviation(self) -> f64 {
        (self.lead_days * self.daily_sd.powi(2) + self.daily.powi(2) * self.lead_sd.powi(2)).sqrt()
    }

    pub fn safety_stock(self) -> f64 {
        SERVICE_Z * self.deviation()
    }

    pub fn reorder_point(self) -> f64 {
        self.daily * self.lead_days + self.safety_stock()
    }

    /// The probability that demand over the lead time exceeds what is available and due.
    pub fn stockout_risk(self, available: f64) -> f64 {
        let expected = self.daily * self.lead_days;
        let deviation = self.deviation();
        if deviation <= 0.0 {
            return if expected > available { 1.0 } else { 0.0 };
        }
        1.0 - normal_below((available - expected) / deviation)
    }
}

/// sqrt(2 × annual demand × cost of an order / annual holding cost of a unit); nothing where holding costs nothing.
pub fn economic_order_quantity(annual_demand: f64, order_cost: f64, holding_cost: f64) -> Option<f64> {
    (holding_cost > 0.0).then(|| (2.0 * annual_demand * order_cost / holding_cost).sqrt())
}

#[cfg(test)]
mod tests;
