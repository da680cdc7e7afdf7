//! Exchange rates of the demo: one foreign currency, a slow walk, four decimals.
use super::calendar::Calendar;
use super::draw::Draw;
use super::plan::CURRENCY;
use super::rows::FxRate;
use crate::db::load::Micros;
use jiff::civil::Date;

/// Euros for one US dollar, in ten-thousandths, by day.
pub struct Rates {
    first: Date,
    usd: Vec<i64>,
}

impl Rates {
    pub fn new(seed: u64, calendar: &Calendar) -> Self {
        let mut draw = Draw::new(seed, "rates");
        let mut level: f64 = 0.921;
        let usd = calendar
            .days
            .iter()
            .map(|_| {
                level += 0.02 * (0.92 - level) + 0.0024 * draw.normal();
                (level * 10_000.0).round() as i64
            })
            .collect();
        Self { first: calendar.days.first().copied().unwrap_or(calendar.today), usd }
    }

    fn at(&self, currency: &str, date: Date) -> i64 {
        if currency == CURRENCY {
            return 10_000;
        }
        let day = self.first.until(date).map_or(0, |span| span.get_days());
        let index = usize::try_from(day).unwrap_or(0).min(self.usd.len().saturating_sub(1));
        self.usd.get(index).copied().unwrap_or(10_000)
    }

    /// Cents of a currency on a day, in the organisation's currency: exact.
    pub fn base(&self, currency: &str, date: Date, cents: i64) -> Micros {
        Micros(cents * self.at(currency, date))
    }

    pub fn rows(&self, calendar: &Calendar) -> Vec<FxRate> {
        calendar
            .days
            .iter()
            .map(|date| FxRate {
                date: *date,
                from_currency: "USD",
                to_currency: CURRENCY,
                rate: Micros(self.at("USD", *date) * 100),
            })
            .collect()
    }
}
