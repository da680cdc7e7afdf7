//! How a campaign performed, from its days. Ratios are sums over sums.
use super::words::{float, ratio};
use crate::db::drafts::facts::Day;
use jiff::ToSpan;
use jiff::civil::Date;
use rust_decimal::Decimal;

/// Up to 90 complete days before `today`, oldest first; days without a row had no activity.
#[derive(Clone, Debug)]
pub struct History {
    pub today: Date,
    pub days: Vec<Day>,
}

/// Sums over some days. `cost` in the account's currency, the rest in the organisation's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    pub cost: Decimal,
    pub cost_base: Decimal,
    pub revenue_base: Decimal,
    pub conversions: Decimal,
    pub clicks: i64,
    pub impressions: i64,
}

impl Totals {
    pub fn over<'a>(days: impl Iterator<Item = &'a Day>) -> Self {
        days.fold(Self::default(), |sum, day| Self {
            cost: sum.cost + day.cost,
            cost_base: sum.cost_base + day.cost_base,
            revenue_base: sum.revenue_base + day.revenue_base,
            conversions: sum.conversions + day.conversions,
            clicks: sum.clicks + day.clicks,
            impressions: sum.impressions + day.impressions,
        })
    }

    /// Revenue ÷ spend; nothing without spend.
    pub fn roas(&self) -> Option<f64> {
        ratio(self.revenue_base, self.cost_base)
    }

    /// Clicks ÷ impressions; nothing without impressions.
    pub fn ctr(&self) -> Option<f64> {
        ratio(Decimal::from(self.clicks), Decimal::from(self.impressions))
    }
}

impl History {
    /// The `n` complete days before today.
    pub fn last(&self, n: i32) -> impl Iterator<Item = &Day> {
        let from = self.today.saturating_sub(n.days());
        self.days.iter().filter(move |day| from <= day.date && day.date < self.today)
    }

    pub fn totals(&self, n: i32) -> Totals {
        Totals::over(self.last(n))
    }

    /// The `n` most recent days on which the campaign ran.
    pub fn last_active(&self, n: usize) -> Totals {
        Totals::over(self.days.iter().rev().filter(|day| active(day)).take(n))
    }

    /// Days with impressions or spend among those on record.
    pub fn days_active(&self) -> i64 {
        i64::try_from(self.days.iter().filter(|day| active(day)).count()).unwrap_or(i64::MAX)
    }

    /// Days with spend among the `n` complete days before today.
    pub fn days_of_spend(&self, n: i32) -> usize {
        self.last(n).filter(|day| day.cost > Decimal::ZERO).count()
    }

    /// Spend on days after the last one with a conversion, in both currencies (account, organisation).
    pub fn spend_since_conversion(&self) -> (Decimal, Decimal) {
        let last = self.days.iter().rev().find(|day| day.conversions > Decimal::ZERO).map(|day| day.date);
        let after = Totals::over(self.days.iter().filter(|day| last.is_none_or(|last| day.date > last)));
        (after.cost, after.cost_base)
    }

    /// Mean daily spend of the last seven days (account, organisation).
    pub fn mean_daily(&self) -> (Decimal, Decimal) {
        let week = self.totals(7);
        (week.cost / Decimal::from(7), week.cost_base / Decimal::from(7))
    }

    /// ROAS over `n` days with the standard error of a ratio estimator: s² = n/(n−1) · Σ(rᵢ − R·cᵢ)² ÷ (Σcᵢ)²
    /// (Cochran, Sampling Techniques, §6.4). Nothing with fewer than three days of spend.
    pub fn roas_with_error(&self, n: i32) -> Option<(f64, f64)> {
        let pairs: Vec<(f64, f64)> = self
            .last(n)
            .filter(|day| day.cost_base > Decimal::ZERO)
            .map(|day| (float(day.cost_base), float(day.revenue_base)))
            .collect();
        let count = pairs.len() as f64;
        let cost: f64 = pairs.iter().map(|(c, _)| c).sum();
        if count < 3.0 || cost <= 0.0 {
            return None;
        }
        let roas = pairs.iter().map(|(_, r)| r).sum::<f64>() / cost;
        let squares: f64 = pairs.iter().map(|(c, r)| (r - roas * c).powi(2)).sum();
        Some((roas, (count / (count - 1.0) * squares).sqrt() / cost))
    }
}

fn active(day: &Day) -> bool {
    day.impressions > 0 || day.cost > Decimal::ZERO
}

#[cfg(test)]
mod tests;
