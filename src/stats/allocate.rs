//! Budget over channels whose returns diminish (`metrics.md` §6.13).

/// A channel: fitted response a × ln(1 + spend / c), and the bounds of its spend.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Channel {
    pub a: f64,
    pub c: f64,
    pub low: f64,
    pub high: f64,
}

impl Channel {
    /// Revenue at this spend.
    pub fn response(self, spend: f64) -> f64 {
        self.a * (1.0 + spend / self.c).ln()
    }

    /// Revenue of the next unit of money.
    pub fn marginal(self, spend: f64) -> f64 {
        self.a / (self.c + spend)
    }

    /// The spend at which the next unit brings `marginal`, within the bounds.
    fn spend_at(self, marginal: f64) -> f64 {
        (self.a / marginal - self.c).clamp(self.low, self.high)
    }
}

/// The spend of each channel that brings most of a budget, and the marginal return they share. Nothing when the bounds do not
/// hold the budget or a curve is no curve.
pub fn allocate(channels: &[Channel], budget: f64) -> Option<(Vec<f64>, f64)> {
    let valid = |ch: &Channel| ch.a > 0.0 && ch.c > 0.0 && ch.low >= 0.0 && ch.low <= ch.high;
    let (least, most): (f64, f64) =
        (channels.iter().map(|ch| ch.low).sum(), channels.iter().map(|ch| ch.high).sum());
    if !channels.iter().all(valid) || budget < least || budget > most {
        return None;
    }
    let (mut low, mut high) = (1e-9, channels.iter().map(|ch| ch.marginal(0.0)).fold(0.0, f64::max));
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        let spent: f64 = channels.iter().map(|ch| ch.spend_at(middle)).sum();
        if spent > budget { low = middle } else { high = middle }
    }
    Some((channels.iter().map(|ch| ch.spend_at(high)).collect(), high))
}

/// The spend of each channel whose next unit still brings `marginal` or more.
pub fn spend_worth(channels: &[Channel], marginal: f64) -> Vec<f64> {
    channels.iter().map(|ch| ch.spend_at(marginal)).collect()
}

#[cfg(test)]
mod tests;
