//! The days of a demo: season, weekdays, Black Friday, local instants.
use super::draw::Draw;
use jiff::{Timestamp, ToSpan, civil::Date, civil::Weekday, tz::TimeZone};

/// How much of the demo is generated. The default carries every planted fact; tests may ask for fewer months.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    pub months: u32,
}

impl Default for Scale {
    fn default() -> Self {
        Self { months: 18 }
    }
}

impl Scale {
    /// The share of the full demo, for counts that grow with time.
    pub fn share(self) -> f64 {
        f64::from(self.months) / 18.0
    }
}

/// The generated days: `days[0]` is the first, the last one is yesterday.
pub struct Calendar {
    pub today: Date,
    pub days: Vec<Date>,
    zone: TimeZone,
}

/// Demand by month relative to February: November is 2.6 × February once its sale days are counted.
const MONTHS: [f64; 12] = [1.04, 1.0, 1.12, 1.22, 1.30, 1.36, 1.28, 1.22, 1.30, 1.48, 2.14, 1.80];
/// The mean of [`MONTHS`], so that [`Calendar::season`] averages to about 1 over a year.
const MEAN: f64 = 1.36;

impl Calendar {
    pub fn new(today: Date, scale: Scale) -> Self {
        let first = today.saturating_sub(i64::from(scale.months).months());
        let days = first.series(1.day()).take_while(|day| *day < today).collect();
        // Central European time as a rule rather than a data file: the generator reads nothing.
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap_or(TimeZone::UTC);
        Self { today, days, zone }
    }

    pub fn len(&self) -> usize {
        self.days.len()
    }

    /// Days from `day` to today: yesterday is 1.
    pub fn age(&self, day: Date) -> i64 {
        i64::from(day.until(self.today).map_or(0, |span| span.get_days()))
    }

    /// Days from the generated day `index` to today.
    pub fn age_at(&self, index: usize) -> i64 {
        (self.days.len() - index) as i64
    }

    pub fn day_of_age(&self, age: i64) -> Date {
        self.today.saturating_sub(age.days())
    }

    /// Demand of a day: month, weekday and sale days; about 1 on average.
    pub fn season(&self, day: Date) -> f64 {
        MONTHS[usize::from(day.month().unsigned_abs()) - 1] / MEAN * weekday(day) * sale(day)
    }

    /// Demand by month and sale day only.
    pub fn month_factor(&self, day: Date) -> f64 {
        MONTHS[usize::from(day.month().unsigned_abs()) - 1] / MEAN
    }

    /// A local instant of a day between two hours, by the draw.
    pub fn instant(&self, day: Date, draw: &mut Draw) -> Timestamp {
        // Two humps: noon and the evening.
        let hour = if draw.chance(0.42) { draw.between(9.0, 15.0) } else { draw.between(16.5, 22.9) };
        self.at(day, (hour * 3600.0) as i64)
    }

    /// The instant `seconds` after local midnight.
    pub fn at(&self, day: Date, seconds: i64) -> Timestamp {
        day.at(0, 0, 0, 0)
            .checked_add(seconds.clamp(0, 86_399).seconds())
            .and_then(|at| at.to_zoned(self.zone.clone()))
            .map_or(Timestamp::UNIX_EPOCH, |at| at.timestamp())
    }

    pub fn local_day(&self, at: Timestamp) -> Date {
        crate::period::local_day(at, &self.zone)
    }
}

fn weekday(day: Date) -> f64 {
    match day.weekday() {
        Weekday::Monday => 1.02,
        Weekday::Tuesday => 0.97,
        Weekday::Wednesday => 0.96,
        Weekday::Thursday => 0.98,
        Weekday::Friday => 0.95,
        Weekday::Saturday => 1.00,
        Weekday::Sunday => 1.12,
    }
}

/// The Friday after the fourth Thursday of November.
pub fn black_friday(year: i16) -> Date {
    let first = jiff::civil::date(year, 11, 1);
    let offset = (4 - i64::from(first.weekday().to_monday_one_offset())).rem_euclid(7);
    first.saturating_add((offset + 22).days())
}

fn sale(day: Date) -> f64 {
    let since = black_friday(day.year()).until(day).map_or(99, |span| span.get_days());
    match since {
        0 => 3.0,
        1 | 2 => 1.5,
        3 => 2.2,
        _ => 1.0,
    }
}
