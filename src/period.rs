//! Days and windows: inclusive, organisation-local, weeks from Monday unless the organisation says otherwise.
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};
use std::fmt;

mod horizon;
mod phrase;
mod reader;
mod words;

pub use horizon::parse_horizon;
pub use phrase::{Found, Phrase, Unit, find_phrase, parse_phrase, read_phrase};

crate::closed_list! {
    /// How an organisation writes numeric days: 3/9 is the third of September or the ninth of March.
    DateOrder = "date order" {
        Dmy = "dmy",
        Mdy = "mdy",
        Ymd = "ymd",
    }
}

crate::closed_list! {
    /// What a window is compared with (`queries.md` §2).
    Compare = "comparison" {
        PriorPeriod = "prior_period",
        /// The same weekdays, 364 days back.
        PriorYear = "prior_year",
        None = "none",
    }
}

impl Compare {
    /// A comparison as people write it: "wow", "vs last wk", "yoy", "vs ly".
    pub fn parse_phrase(text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase().replace('_', " ");
        let text = ["vs. ", "vs ", "versus ", "against ", "compared to ", "compared with ", "than "]
            .iter()
            .find_map(|lead| text.strip_prefix(lead))
            .unwrap_or(&text)
            .trim();
        let text = text.strip_prefix("the ").unwrap_or(text);
        Some(match text {
            "prior period"
            | "previous period"
            | "prev period"
            | "period before"
            | "wow"
            | "mom"
            | "qoq"
            | "dod"
            | "week over week"
            | "month over month"
            | "quarter over quarter"
            | "day over day"
            | "week on week"
            | "month on month"
            | "last week"
            | "last wk"
            | "previous week"
            | "prev week"
            | "week before"
            | "prior week"
            | "last month"
            | "last mo"
            | "previous month"
            | "prev month"
            | "month before"
            | "prior month"
            | "last quarter"
            | "last qtr"
            | "previous quarter"
            | "day before"
            | "prev"
            | "previous"
            | "before"
            | "last period"
            | "fortnight before"
            | "previous fortnight" => Self::PriorPeriod,
            "prior year"
            | "yoy"
            | "ly"
            | "last year"
            | "last yr"
            | "previous year"
            | "prev year"
            | "year before"
            | "year ago"
            | "a year ago"
            | "year over year"
            | "year on year"
            | "same period last year" => Self::PriorYear,
            "none" | "no" | "nothing" | "" => Self::None,
            _ => return None,
        })
    }
}

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

    /// The period to compare with when only the days are known: a whole month, quarter or year has the one before it,
    /// everything else the same number of days just before. A to-date window needs its [`Unit`]: see [`Phrase`].
    pub fn prior_period(self) -> Self {
        let unit = Unit::of_whole(self).unwrap_or(Unit::Days);
        Phrase { window: self, unit }.prior_period()
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
