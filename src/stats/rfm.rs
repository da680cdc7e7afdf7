//! Recency, frequency and spend in fifths (`metrics.md` §6.7).

/// Days since the last order; orders and revenue of the last 12 months.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Habit {
    pub days: f64,
    pub orders: f64,
    pub spend: f64,
}

/// Scores 1 (worst) to 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scores {
    pub recency: u8,
    pub frequency: u8,
    pub spend: u8,
}

impl Scores {
    /// The name of the group; the first rule that fits wins.
    pub fn name(self) -> &'static str {
        let Self { recency: r, frequency: f, spend: m } = self;
        match () {
            () if r >= 4 && f >= 4 && m >= 4 => "champion",
            () if r >= 3 && f >= 4 => "loyal",
            () if r <= 2 && f >= 4 => "at_risk",
            () if r >= 4 && f == 1 => "new",
            () if r >= 4 => "promising",
            () if r == 3 => "needs_attention",
            () if f >= 2 => "hibernating",
            () => "lost",
        }
    }
}

/// 1 + floor(5 × customers strictly worse / n) for each customer: ties share the lower score, whatever the order of the rows.
pub fn rfm(customers: &[Habit]) -> Vec<Scores> {
    let fifth = |worse: usize| u8::try_from(1 + 5 * worse / customers.len().max(1)).unwrap_or(5).min(5);
    let worse = |is_worse: &dyn Fn(&Habit) -> bool| customers.iter().filter(|c| is_worse(c)).count();
    customers
        .iter()
        .map(|own| Scores {
            recency: fifth(worse(&|other| other.days > own.days)),
            frequency: fifth(worse(&|other| other.orders < own.orders)),
            spend: fifth(worse(&|other| other.spend < own.spend)),
        })
        .collect()
}

#[cfg(test)]
mod tests;
