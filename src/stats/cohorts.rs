//! Who comes back: by personal windows after the first order, and by calendar month (`metrics.md` §6.6).
use jiff::civil::Date;

/// The order days of one customer, in any order.
pub type OrderDays = Vec<Date>;

/// Customers of a cohort and how many of them did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    pub did: usize,
    pub of: usize,
}

impl Share {
    /// A fraction; nothing of nobody.
    pub fn rate(self) -> Option<f64> {
        (self.of > 0).then(|| self.did as f64 / self.of as f64)
    }
}

fn days_between(first: Date, day: Date) -> i32 {
    (day - first).get_days()
}

/// Those with an order on days `from..=to` after their first one, among those whose first order is at least `to` days
/// before `today`: 1–30, 31–60 and 61–90 are the three retention months, 1–90 the repeat purchase.
pub fn returned_within(customers: &[OrderDays], days: (i32, i32), today: Date) -> Share {
    let mut share = Share { did: 0, of: 0 };
    for orders in customers {
        let Some(first) = orders.iter().min().copied() else { continue };
        if days_between(first, today) < days.1 {
            continue;
        }
        share.of += 1;
        let inside = |day: &&Date| (days.0..=days.1).contains(&days_between(first, **day));
        share.did += usize::from(orders.iter().find(inside).is_some());
    }
    share
}

/// Those with an order in the `k`-th calendar month after the month of their first one; nothing while that month is not
/// over by `today`.
pub fn returned_in_month(customers: &[OrderDays], k: i32, today: Date) -> Option<Share> {
    let month = |day: Date| i32::from(day.year()) * 12 + i32::from(day.month());
    let mut share = Share { did: 0, of: 0 };
    for orders in customers {
        let Some(first) = orders.iter().min().copied() else { continue };
        if month(first) + k >= month(today) {
            return None;
        }
        share.of += 1;
        share.did += usize::from(orders.iter().any(|day| month(*day) == month(first) + k));
    }
    Some(share)
}

#[cfg(test)]
mod tests;
