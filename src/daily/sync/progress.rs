//! Which days of a stream were read, which are to be read again, and in which order.
//!
//! Pure. The newest days come first, so that questions can be asked early; days that failed are holes, and the next run
//! reads them besides the days that may still move; days of the first load that were not reached yet are the backlog.
use crate::period::Window;
use jiff::ToSpan as _;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

/// The cursor of a stream by day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// The last day that is over and read, with no hole before it.
    pub complete_through: Option<Date>,
    /// The newest day that was read, complete or not.
    pub reached: Option<Date>,
    /// The oldest day that was read.
    pub since: Option<Date>,
    /// Days that could not be read, as first and last of each run of days.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub holes: Vec<(Date, Date)>,
    /// Days that were not tried yet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub backlog: Vec<(Date, Date)>,
}

/// How a stream by day is read.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    pub restate_days: i32,
    pub slice_days: i32,
    pub backfill_days: i32,
}

impl Progress {
    /// From a stored cursor; a cursor of another form is none.
    pub fn read_from(cursor: &Value) -> Self {
        serde_json::from_value(cursor.clone()).unwrap_or_default()
    }

    /// The slices of a run, newest first. `asked` are days that somebody wants read, whatever was read before; nothing
    /// reads what is due.
    pub fn plan(&mut self, asked: Option<Window>, today: Date, pace: Pace) -> Vec<Window> {
        let days = match (asked, self.reached) {
            (Some(window), _) => each(window.start, window.end).collect(),
            (None, Some(reached)) => {
                let mut days: BTreeSet<Date> =
                    each(reached.saturating_sub(pace.restate_days.days()), today).collect();
                days.extend(spread(&self.holes));
                days.extend(spread(&self.backlog));
                days
            }
            (None, None) => {
                let first = today.saturating_sub((pace.backfill_days - 1).max(0).days());
                let days: BTreeSet<Date> = each(first, today).collect();
                self.backlog = runs(&days);
                days
            }
        };
        runs(&days).into_iter().rev().flat_map(|(first, last)| slices(first, last, pace.slice_days)).collect()
    }

    /// A slice was read and kept. `through` is the last day the platform has figures of, where it tells.
    pub fn kept(&mut self, slice: Window, through: Option<Date>, today: Date) {
        let end = through.map_or(slice.end, |through| slice.end.min(through));
        let read: BTreeSet<Date> = each(slice.start, slice.end).collect();
        let mut backlog = spread(&self.backlog);
        // Days between what was read before and this slice are still to be read.
        if let Some(reached) = self.reached {
            backlog.extend(each(reached.saturating_add(1.day()), slice.start.saturating_sub(1.day())));
        }
        self.backlog = runs(&backlog.difference(&read).copied().collect());
        self.holes = runs(&spread(&self.holes).difference(&read).copied().collect());
        if end >= slice.start {
            self.reached = self.reached.max(Some(end));
            self.since = Some(self.since.map_or(slice.start, |since| since.min(slice.start)));
        }
        self.settle(today);
    }

    /// A slice could not be read.
    pub fn failed(&mut self, slice: Window, today: Date) {
        let lost: BTreeSet<Date> = each(slice.start, slice.end).collect();
        let mut holes = spread(&self.holes);
        holes.extend(&lost);
        self.holes = runs(&holes);
        self.backlog = runs(&spread(&self.backlog).difference(&lost).copied().collect());
        self.settle(today);
    }

    /// The days of a slice that were read before.
    pub fn read_before(&self, slice: Window) -> BTreeSet<Date> {
        let (Some(since), Some(reached)) = (self.since, self.reached) else { return BTreeSet::new() };
        let unread: BTreeSet<Date> = spread(&self.holes).union(&spread(&self.backlog)).copied().collect();
        each(slice.start.max(since), slice.end.min(reached)).filter(|day| !unread.contains(day)).collect()
    }

    fn settle(&mut self, today: Date) {
        let over = self.reached.map(|reached| reached.min(today.saturating_sub(1.day())));
        let first_hole = self.holes.first().map(|(first, _)| first.saturating_sub(1.day()));
        self.complete_through = over.map(|day| first_hole.map_or(day, |hole| day.min(hole)));
    }
}

/// Days from one to another, both included.
fn each(first: Date, last: Date) -> impl Iterator<Item = Date> {
    first.series(1.day()).take_while(move |day| *day <= last)
}

fn spread(runs: &[(Date, Date)]) -> BTreeSet<Date> {
    runs.iter().flat_map(|(first, last)| each(*first, *last)).collect()
}

/// First and last of each run of days without a gap.
fn runs(days: &BTreeSet<Date>) -> Vec<(Date, Date)> {
    let mut out: Vec<(Date, Date)> = Vec::new();
    for day in days {
        match out.last_mut() {
            Some((_, last)) if last.saturating_add(1.day()) == *day => *last = *day,
            _ => out.push((*day, *day)),
        }
    }
    out
}

/// Pieces of a run of days, newest first; the newest ones are whole.
fn slices(first: Date, last: Date, length: i32) -> Vec<Window> {
    let mut out = Vec::new();
    let mut end = last;
    while end >= first {
        let start = end.saturating_sub((length.max(1) - 1).days()).max(first);
        out.extend(Window::new(start, end));
        if start == first {
            break;
        }
        end = start.saturating_sub(1.day());
    }
    out
}

#[cfg(test)]
mod tests;
