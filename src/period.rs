//! Days and windows: inclusive, organisation-local, weeks from Monday unless the organisation says otherwise.
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};
use std::fmt;

/// First and last day, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Window {
    pub start: Date,
    pub end: Date,
}

impl Window {
    pub fn new(start: Date, end: Date) -> Option<Self> {
        (start <= end).then_some(Self { start, end })
    }

    pub fn days(self) -> i32 {
        self.start.until(self.end).map_or(0, |span| span.get_days()) + 1
    }

    /// The `days` complete days that end yesterday.
    pub fn last_days(days: i32, today: Date) -> Self {
        Self { start: today.saturating_sub(days.days()), end: today.saturating_sub(1.day()) }
    }

    /// The window of the same length just before this one.
    pub fn previous(self) -> Self {
        let days = self.days();
        Self { start: self.start.saturating_sub(days.days()), end: self.start.saturating_sub(1.day()) }
    }

    /// The same weekdays a year before: 364 days back (`queries.md` §2).
    pub fn year_before(self) -> Self {
        Self { start: self.start.saturating_sub(364.days()), end: self.end.saturating_sub(364.days()) }
    }

    pub fn contains(self, day: Date) -> bool {
        self.start <= day && day <= self.end
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.start == self.end {
            write!(f, "{}", self.start)
        } else {
            write!(f, "{} to {}", self.start, self.end)
        }
    }
}

/// The organisation's day at an instant.
pub fn local_day(at: Timestamp, zone: &TimeZone) -> Date {
    at.to_zoned(zone.clone()).date()
}
