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
    /// Days that were not read yet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub backlog: Vec<(Date, Date)>,
    /// Days that were read, may have moved since, and are still to be read again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub again: Vec<(Date, Date)>,
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
        // What is due is on record before anything is read: a run that ends early, or dies, forgets none of it.
        let from = match self.reached {
            Some(reached) => reached.saturating_sub(pace.restate_days.days()),
            None => today.saturating_sub((pace.backfill_days - 1).max(0).days()),
        };
        let mut days: BTreeSet<Date> = each(from, today).collect();
        let (mut backlog, mut again) = (spread(&self.backlog), spread(&self.again));
        if asked.is_none() || self.reached.is_none() {
            let (read, unread): (BTreeSet<Date>, BTreeSet<Date>) =
                days.iter().partition(|day| self.reached.is_some_and(|reached| **day <= reached));
            let known: BTreeSet<Date> = spread(&self.holes).union(&backlog).copied().collect();
            again.extend(read.difference(&known));
            backlog.extend(unread);
        }
        days.extend(spread(&self.holes).iter().chain(&backlog).chain(&again));
        (self.backlog, self.again) = (runs(&backlog), runs(&again));
        if let Some(window) = asked {
            days = each(window.start, window.end).collect();
        }
        runs(&days).into_iter().rev().flat_map(|(first, last)| slices(first, last, pace.slice_days)).collect()
    }

    /// A slice was read and kept. `through` is the last day the platform has figures of, where it tells.
    pub fn kept(&mut self, slice: Window, through: Option<Date>, today: Date) {
        let end = through.map_or(slice.end, |through| slice.end.min(through));
        let read: BTreeSet<Date> = each(slice.start, slice.end).collect();
        let mut backlog = spread(&self.backlog);
        // Days between what was read before and this slice are still to be read, on either side.
        if let Some(reached) = self.reached {
            let since = self.since.unwrap_or(reached);
            backlog.extend(each(reached.saturating_add(1.day()), slice.start.saturating_sub(1.day())));
            let holes = spread(&self.holes);
            let gap = each(slice.end.saturating_add(1.day()), since.saturating_sub(1.day()));
            backlog.extend(gap.filter(|day| !holes.contains(day)));
        }
        self.backlog = runs(&backlog.difference(&read).copied().collect());
        self.holes = runs(&spread(&self.holes).difference(&read).copied().collect());
        self.again = runs(&spread(&self.again).difference(&read).copied().collect());
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
        let again = spread(&self.again);
        let mut unread: BTreeSet<Date> = spread(&self.holes).difference(&again).copied().collect();
        unread.extend(spread(&self.backlog));
        each(slice.start.max(since), slice.end.min(reached)).filter(|day| !unread.contains(day)).collect()
    }

    fn settle(&mut self, today: Date) {
        let over = self.reached.map(|reached| reached.min(today.saturating_sub(1.day())));
        // Only what a first load has not reached yet, before the oldest day that was read, does not count as missing.
        let missing = spread(&self.holes)
            .into_iter()
            .chain(
                spread(&self.backlog).into_iter().filter(|day| self.since.is_some_and(|since| *day > since)),
            )
            .min()
            .map(|first| first.saturating_sub(1.day()));
        self.complete_through = over.map(|day| missing.map_or(day, |missing| day.min(missing)));
    }

    /// The day before which nothing moves any more: `old_enough`, but no day that is still to be read again.
    pub fn settled_before(&self, old_enough: Date) -> Date {
        let waiting = self.holes.iter().chain(&self.again).map(|(first, _)| *first).min();
        waiting.map_or(old_enough, |first| first.min(old_enough))
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
