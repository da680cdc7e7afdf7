//! Date phrases as people write them (`queries.md` §3): "last week", "q4", "since aug 15", "Oct 1–15", `last_30d`.
//!
//! Windows end yesterday, because today is not over; only "today" itself is a partial window.
use super::reader::Reader;
use super::words::tokens;
use super::{Compare, DateOrder, Window};
use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// What the window is a part of; says what "the period before" means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Days,
    Month,
    Quarter,
    Year,
}

impl Unit {
    pub(super) fn months(self) -> i32 {
        match self {
            Unit::Days => 0,
            Unit::Month => 1,
            Unit::Quarter => 3,
            Unit::Year => 12,
        }
    }

    /// The unit that these days are exactly one of.
    pub fn of_whole(window: Window) -> Option<Self> {
        [Unit::Month, Unit::Quarter, Unit::Year]
            .into_iter()
            .find(|unit| unit.starts_at(window.start) && unit.end(window.start) == window.end)
    }

    fn starts_at(self, day: Date) -> bool {
        day.day() == 1 && (i32::from(day.month()) - 1) % self.months().max(1) == 0
    }

    /// Last day of the unit that starts on this first day.
    pub(super) fn end(self, first: Date) -> Date {
        first.saturating_add(self.months().months()).saturating_sub(1.day())
    }

    pub(super) fn first(self, day: Date) -> Date {
        match self {
            Unit::Days => day,
            Unit::Month => day.first_of_month(),
            Unit::Quarter => {
                let back = (i32::from(day.month()) - 1) % 3;
                day.first_of_month().saturating_sub(back.months())
            }
            Unit::Year => day.first_of_year(),
        }
    }
}

/// A window with the unit it was asked in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phrase {
    pub window: Window,
    pub unit: Unit,
}

impl Phrase {
    /// The days to compare with; nothing for [`Compare::None`].
    pub fn compared(self, compare: Compare) -> Option<Window> {
        match compare {
            Compare::PriorPeriod => Some(self.prior_period()),
            Compare::PriorYear => Some(self.window.year_before()),
            Compare::None => None,
        }
    }

    /// Whole units compare with the unit before; month to date with the same days of the month before.
    pub fn prior_period(self) -> Window {
        let Window { start, end } = self.window;
        if self.unit == Unit::Days || !self.unit.starts_at(start) {
            return self.window.previous();
        }
        let months = months_spanned(start, end, self.unit);
        let before = start.saturating_sub(months.months());
        let whole_units = start.saturating_add(months.months()) == end.saturating_add(1.day());
        let last =
            if whole_units { start.saturating_sub(1.day()) } else { end.saturating_sub(months.months()) };
        Window { start: before, end: last }
    }
}

/// Months to step back so that the earlier period does not overlap: as many whole units as the window touches.
fn months_spanned(start: Date, end: Date, unit: Unit) -> i32 {
    let spanned = (i32::from(end.year()) - i32::from(start.year())) * 12 + i32::from(end.month())
        - i32::from(start.month())
        + 1;
    let unit = unit.months().max(1);
    (spanned + unit - 1) / unit * unit
}

/// A phrase found inside a longer text.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub phrase: Phrase,
    /// Bytes of the text it was read from.
    pub place: Range<usize>,
}

/// The window that the whole text names. `today` is the organisation's day.
pub fn parse_phrase(text: &str, today: Date, week_start: Weekday, date_order: DateOrder) -> Option<Window> {
    read_phrase(text, today, week_start, date_order).map(|phrase| phrase.window)
}

/// Like [`parse_phrase`], with the unit that comparisons need.
pub fn read_phrase(text: &str, today: Date, week_start: Weekday, date_order: DateOrder) -> Option<Phrase> {
    let reader = Reader { tokens: tokens(text), today, week_start, date_order, whole: true };
    let start = reader.skip(0, &["in", "during", "for", "over", "on", "within", "of"]);
    let start = reader.skip(start, &["the"]);
    reader.phrase_at(start).filter(|(_, next)| *next == reader.tokens.len()).map(|(phrase, _)| phrase)
}

/// The longest phrase inside a question, the first of equals. Words that are also plain English ("may") need a
/// companion ("in may"), a bare count of days needs "last", "past", "in"… or the short form `30d`.
pub fn find_phrase(text: &str, today: Date, week_start: Weekday, date_order: DateOrder) -> Option<Found> {
    let reader = Reader { tokens: tokens(text), today, week_start, date_order, whole: false };
    let mut best: Option<(usize, usize, Phrase)> = None;
    for start in 0..reader.tokens.len() {
        if let Some((phrase, next)) = reader.phrase_at(start)
            && best.is_none_or(|(from, to, _)| next - start > to - from)
        {
            best = Some((start, next, phrase));
        }
    }
    let (from, to, phrase) = best?;
    let place = reader.tokens.get(from)?.place.start..reader.tokens.get(to - 1)?.place.end;
    Some(Found { phrase, place })
}

#[cfg(test)]
mod tests;
