//! Reads one date phrase from tokens: at each place the longest reading wins.
use super::phrase::{Phrase, Unit};
use super::words::{Kind, Token, ambiguous, month, small_number, weekday};
use super::{DateOrder, Window};
use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

pub(super) struct Reader {
    pub tokens: Vec<Token>,
    pub today: Date,
    pub week_start: Weekday,
    pub date_order: DateOrder,
    /// The text is nothing but the phrase.
    pub whole: bool,
}

type Read = Option<(Phrase, usize)>;

impl Reader {
    fn word(&self, at: usize) -> &str {
        self.tokens.get(at).and_then(Token::word).unwrap_or("")
    }

    fn number(&self, at: usize) -> Option<(i64, usize)> {
        match self.tokens.get(at)?.kind {
            Kind::Number(value, digits) => Some((value, digits)),
            Kind::Word(_) | Kind::Sign(_) => None,
        }
    }

    fn sign(&self, at: usize, wanted: char) -> bool {
        self.tokens.get(at).is_some_and(|t| t.kind == Kind::Sign(wanted))
    }

    /// No white space between this token and the one before.
    fn glued(&self, at: usize) -> bool {
        match (at.checked_sub(1).and_then(|i| self.tokens.get(i)), self.tokens.get(at)) {
            (Some(before), Some(this)) => before.place.end == this.place.start,
            _ => false,
        }
    }

    pub fn skip(&self, at: usize, words: &[&str]) -> usize {
        if words.contains(&self.word(at)) { at + 1 } else { at }
    }

    fn yesterday(&self) -> Date {
        self.today.saturating_sub(1.day())
    }

    /// A window that is over by yesterday; one that has only begun today is today, partial.
    fn past(&self, start: Date, end: Date, unit: Unit) -> Option<Phrase> {
        let end = if end >= self.today { self.yesterday().max(start) } else { end };
        (start <= self.today).then_some(())?;
        Window::new(start, end).map(|window| Phrase { window, unit })
    }

    fn days(&self, count: i64) -> Option<Phrase> {
        let count = i32::try_from(count).ok().filter(|n| (1..=4000).contains(n))?;
        Some(Phrase { window: Window::last_days(count, self.today), unit: Unit::Days })
    }

    fn week_of(&self, day: Date) -> Date {
        let back = day.weekday().since(self.week_start);
        day.saturating_sub(i32::from(back).days())
    }

    pub fn phrase_at(&self, at: usize) -> Read {
        [self.range(at), self.since(at), self.point(at)].into_iter().flatten().max_by_key(|(_, next)| *next)
    }

    fn since(&self, at: usize) -> Read {
        if !matches!(self.word(at), "since" | "from") {
            return None;
        }
        let start = self.skip(at + 1, &["the"]);
        let (from, next) = self.point_inside(start)?;
        let next = match (self.word(at), self.word(next), self.word(next + 1)) {
            ("since", ..) => next,
            (_, "on" | "onwards", _) => next + 1,
            (_, "until" | "till" | "to", "now") => next + 2,
            _ => return None,
        };
        Some((self.past(from.window.start, self.yesterday().max(from.window.start), Unit::Days)?, next))
    }

    /// Two points with "to" or a dash, or "between … and …"; also `aug 1-15` and `1-15 aug`.
    fn range(&self, at: usize) -> Read {
        let between = self.word(at) == "between";
        let start = if between || self.word(at) == "from" { at + 1 } else { at };
        if let Some(found) = self.days_of_month(start) {
            return Some(found);
        }
        let (from, next) = self.point_inside(start)?;
        let joined = match self.word(next) {
            "to" | "until" | "till" | "through" | "thru" => true,
            "and" => between,
            _ => self.sign(next, '-'),
        };
        let dots = self.sign(next, '.') && self.sign(next + 1, '.');
        if !joined && !dots {
            return None;
        }
        let (to, next) = self.point_inside(if dots { next + 2 } else { next + 1 })?;
        let mut first = from.window.start;
        while first > to.window.end {
            first = first.saturating_sub(1.year());
        }
        let end = if to.window.start == self.today { self.today } else { to.window.end };
        let unit = Window::new(first, end).and_then(Unit::of_whole).unwrap_or(Unit::Days);
        if end == self.today {
            return Window::new(first, end).map(|window| (Phrase { window, unit }, next));
        }
        Some((self.past(first, end, unit)?, next))
    }

    fn days_of_month(&self, at: usize) -> Read {
        let joined = |i: usize| self.sign(i, '-') || matches!(self.word(i), "to" | "until" | "through");
        let (first, last, month, next) = if let Some(month) = month(self.word(at)) {
            let (a, next) = self.day_number(at + 1)?;
            let (b, next) = joined(next).then(|| self.day_number(next + 1)).flatten()?;
            (a, b, month, next)
        } else {
            let (a, next) = self.day_number(at)?;
            let (b, next) = joined(next).then(|| self.day_number(next + 1)).flatten()?;
            let next = self.skip(next, &["of"]);
            (a, b, month(self.word(next))?, next + 1)
        };
        // "aug 1 - 3 sep" is a range of two days, not of one month.
        if month_follows(self, at, next) {
            return None;
        }
        let (year, next) = self.year_after(next);
        let start = self.latest(year, month, first)?;
        let end = Date::new(start.year(), month, last).ok()?;
        Some((self.past(start, end, Unit::Days)?, next))
    }

    /// A day of the month, with or without "st", "nd", "rd", "th".
    fn day_number(&self, at: usize) -> Option<(i8, usize)> {
        let (value, digits) = self.number(at)?;
        let day = i8::try_from(value).ok().filter(|d| (1..=31).contains(d) && digits <= 2)?;
        let ordinal = matches!(self.word(at + 1), "st" | "nd" | "rd" | "th") && self.glued(at + 1);
        Some((day, at + 1 + usize::from(ordinal)))
    }

    fn year_after(&self, at: usize) -> (Option<i16>, usize) {
        match (self.number(at), self.word(at), self.word(at + 1)) {
            (Some((value @ 2000..=2100, 4)), ..) => (i16::try_from(value).ok(), at + 1),
            (_, "last", "year") => (Some(self.today.year() - 1), at + 2),
            (_, "this", "year") => (Some(self.today.year()), at + 2),
            _ => (None, at),
        }
    }

    /// The latest such day that is not after today, or the day in the given year.
    fn latest(&self, year: Option<i16>, month: i8, day: i8) -> Option<Date> {
        match year {
            Some(year) => Date::new(year, month, day).ok(),
            None => (0..=4)
                .filter_map(|back| Date::new(self.today.year() - back, month, day).ok())
                .find(|d| *d <= self.today),
        }
    }

    fn point(&self, at: usize) -> Read {
        let lead = matches!(self.word(at), "in" | "on" | "for" | "during" | "over" | "within");
        let start = self.skip(if lead { at + 1 } else { at }, &["the"]);
        let (phrase, next) = self.point_inside(start)?;
        let lone = next == start + 1 && ambiguous(self.word(start));
        (self.whole || lead || !lone).then_some((phrase, next))
    }

    fn point_inside(&self, at: usize) -> Read {
        [
            self.named(at),
            self.counted(at),
            self.calendar_unit(at),
            self.to_date(at),
            self.quarter_or_half(at),
            self.month_or_day(at),
            self.numeric_day(at),
            self.weekday_back(at),
        ]
        .into_iter()
        .flatten()
        .max_by_key(|(_, next)| *next)
    }

    fn named(&self, at: usize) -> Read {
        let back = |days: i32| self.today.saturating_sub(days.days());
        match (self.word(at), self.word(at + 1)) {
            ("yesterday", _) => Some((self.past(back(1), back(1), Unit::Days)?, at + 1)),
            ("today", _) => Some((self.past(self.today, self.today, Unit::Days)?, at + 1)),
            ("day", "before") if self.word(at + 2) == "yesterday" => {
                Some((self.past(back(2), back(2), Unit::Days)?, at + 3))
            }
            ("last" | "past" | "previous" | "prev", "weekend") => Some((self.weekend()?, at + 2)),
            ("weekend", _) => Some((self.weekend()?, at + 1)),
            _ => None,
        }
    }

    /// The latest Saturday and Sunday that are both over.
    fn weekend(&self) -> Option<Phrase> {
        let sunday =
            (1..=7).map(|n| self.today.saturating_sub(n.days())).find(|d| d.weekday() == Weekday::Sunday)?;
        self.past(sunday.saturating_sub(1.day()), sunday, Unit::Days)
    }

    /// "last 7 days", "30d", "past 3 weeks" (rolling), "last 3 weeks" (whole ones), "last 12 months", `last_12m`.
    fn counted(&self, at: usize) -> Read {
        let lead = self.word(at);
        let led = matches!(lead, "last" | "past" | "previous" | "prev" | "prior" | "trailing" | "recent");
        let mut next = if led { at + 1 } else { at };
        let (count, short) = if let Some((value, _)) = self.number(next) {
            next += 1;
            (value, self.glued(next) || self.sign(next, '-'))
        } else if led && self.word(next) == "couple" {
            next = self.skip(next + 1, &["of"]);
            (2, false)
        } else {
            let value = small_number(self.word(next))?;
            next += 1;
            (value, false)
        };
        if self.sign(next, '-') {
            next += 1;
        }
        next = self.skip(next, &["full", "complete", "whole"]);
        let rolling = lead != "last";
        let unit = self.word(next);
        let before = at.checked_sub(1).map_or("", |i| self.word(i));
        let introduced = matches!(before, "in" | "over" | "for" | "the" | "within" | "during");
        if !led && !short && !self.whole && !introduced {
            return None;
        }
        let phrase = match unit {
            "d" | "day" | "days" => self.days(count)?,
            "h" | "hour" | "hours" if count >= 24 => self.days(count / 24)?,
            "w" | "wk" | "wks" | "week" | "weeks" if rolling => self.days(count * 7)?,
            "w" | "wk" | "wks" | "week" | "weeks" => self.whole_weeks(count)?,
            "fortnight" | "fortnights" => self.days(count * 14)?,
            "m" | "mo" | "mos" | "month" | "months" if rolling && led => self.days(count * 30)?,
            "m" | "mo" | "mos" | "month" | "months" => self.whole_units(Unit::Month, count)?,
            "q" | "qtr" | "qtrs" | "quarter" | "quarters" => self.whole_units(Unit::Quarter, count)?,
            "y" | "yr" | "yrs" | "year" | "years" if rolling => self.days(count * 365)?,
            "y" | "yr" | "yrs" | "year" | "years" => self.whole_units(Unit::Year, count)?,
            _ => return None,
        };
        Some((phrase, next + 1))
    }

    fn whole_weeks(&self, count: i64) -> Option<Phrase> {
        let weeks = i32::try_from(count).ok().filter(|n| (1..=520).contains(n))?;
        let monday = self.week_of(self.today);
        self.past(monday.saturating_sub((weeks * 7).days()), monday.saturating_sub(1.day()), Unit::Days)
    }

    fn whole_units(&self, unit: Unit, count: i64) -> Option<Phrase> {
        let count = i32::try_from(count).ok().filter(|n| (1..=120).contains(n))?;
        let first = unit.first(self.today);
        self.past(first.saturating_sub((unit.months() * count).months()), first.saturating_sub(1.day()), unit)
    }

    /// "last week", "past month" (30 days), "previous quarter", "last year", "past fortnight".
    fn calendar_unit(&self, at: usize) -> Read {
        let lead = self.word(at);
        let rolling = matches!(lead, "past" | "trailing");
        if !rolling && !matches!(lead, "last" | "previous" | "prev" | "prior") {
            return None;
        }
        let phrase = match (self.word(at + 1), rolling) {
            ("day", _) => self.days(1)?,
            ("week" | "wk", true) => self.days(7)?,
            ("week" | "wk", false) => self.whole_weeks(1)?,
            ("fortnight", _) => self.days(14)?,
            ("month" | "mo", true) => self.days(30)?,
            ("month" | "mo", false) => self.whole_units(Unit::Month, 1)?,
            ("quarter" | "qtr", true) => self.days(90)?,
            ("quarter" | "qtr", false) => self.whole_units(Unit::Quarter, 1)?,
            ("year" | "yr", true) => self.days(365)?,
            ("year" | "yr", false) => self.whole_units(Unit::Year, 1)?,
            _ => return None,
        };
        Some((phrase, at + 2))
    }

    /// "this month", "mtd", "month to date", "year so far".
    fn to_date(&self, at: usize) -> Read {
        let (name, next) = match (self.word(at), self.word(at + 1), self.word(at + 2)) {
            (short @ ("wtd" | "mtd" | "qtd" | "ytd"), ..) => (short, at + 1),
            ("this" | "current", unit, _) => (unit, at + 2),
            (unit, "to", "date") | (unit, "so", "far") => (unit, at + 3),
            _ => return None,
        };
        let unit = match name {
            "wtd" | "week" | "wk" => {
                return Some((self.past(self.week_of(self.today), self.today, Unit::Days)?, next));
            }
            "mtd" | "month" | "mo" => Unit::Month,
            "qtd" | "quarter" | "qtr" => Unit::Quarter,
            "ytd" | "year" | "yr" => Unit::Year,
            _ => return None,
        };
        let next = if self.word(next) == "so" && self.word(next + 1) == "far" { next + 2 } else { next };
        Some((self.past(unit.first(self.today), self.today, unit)?, next))
    }

    /// `q4`, `q2 2024`, `h1`, `first quarter`, `second half of 2024`.
    fn quarter_or_half(&self, at: usize) -> Read {
        let (part, months, next) = match (self.word(at), self.word(at + 1)) {
            ("q1" | "q2" | "q3" | "q4", _) => (self.word(at)[1..].parse::<i8>().ok()?, 3, at + 1),
            ("h1" | "h2", _) => (self.word(at)[1..].parse::<i8>().ok()?, 6, at + 1),
            (nth, "quarter") => (
                ["first", "second", "third", "fourth"]
                    .iter()
                    .position(|w| *w == nth)
                    .and_then(|i| i8::try_from(i + 1).ok())?,
                3,
                at + 2,
            ),
            (nth, "half") => (
                ["first", "second"].iter().position(|w| *w == nth).and_then(|i| i8::try_from(i + 1).ok())?,
                6,
                at + 2,
            ),
            _ => return None,
        };
        let (year, next) = self.year_after(self.skip(next, &["of"]));
        let start = self.latest(year, (part - 1) * months + 1, 1)?;
        let end = start.saturating_add(i32::from(months).months()).saturating_sub(1.day());
        let unit = if months == 3 { Unit::Quarter } else { Unit::Days };
        Some((self.past(start, end, unit)?, next))
    }

    /// "august", "aug 2024", "aug 15", "15 aug", "3rd of september 2025"; a year alone.
    fn month_or_day(&self, at: usize) -> Read {
        if let (Some(year), next) = self.year_after(at)
            && self.number(at).is_some()
        {
            let start = Date::new(year, 1, 1).ok()?;
            return Some((self.past(start, Unit::Year.end(start), Unit::Year)?, next));
        }
        if let Some((day, next)) = self.day_number(at) {
            let next = self.skip(next, &["of"]);
            let month = month(self.word(next))?;
            let (year, next) = self.year_after(next + 1);
            let date = self.latest(year, month, day)?;
            return Some((self.past(date, date, Unit::Days)?, next));
        }
        let at = self.skip(at, &["last"]);
        let month = month(self.word(at))?;
        if let Some((day, next)) = self.day_number(at + 1)
            && !matches!(self.word(next), "d" | "day" | "days" | "week" | "weeks")
        {
            let (year, next) = self.year_after(next);
            let date = self.latest(year, month, day)?;
            return Some((self.past(date, date, Unit::Days)?, next));
        }
        let (year, next) = self.year_after(at + 1);
        let start = self.latest(year, month, 1)?;
        Some((self.past(start, Unit::Month.end(start), Unit::Month)?, next))
    }

    /// `2025-09-03`, `9/3`, `03.09.2025`: with a four-digit year last or no year, the organisation's order decides.
    fn numeric_day(&self, at: usize) -> Read {
        let separator = ['-', '/', '.'].into_iter().find(|s| self.sign(at + 1, *s) && self.glued(at + 1))?;
        let (a, digits) = self.number(at)?;
        let (b, _) = self.number(at + 2).filter(|_| self.glued(at + 2))?;
        let third = self.number(at + 4).filter(|_| self.sign(at + 3, separator) && self.glued(at + 4));
        let small = |n: i64| i8::try_from(n).ok();
        if digits == 4 {
            let day = Date::new(i16::try_from(a).ok()?, small(b)?, small(third?.0)?).ok()?;
            return Some((self.past(day, day, Unit::Days)?, at + 5));
        }
        // `7-14` is a range of numbers and `1.5` a decimal: a day without a year takes a slash.
        let (year, next) = match third {
            Some((year, 4)) => (Some(i16::try_from(year).ok()?), at + 5),
            Some((year, 2)) => (Some(2000 + i16::try_from(year).ok()?), at + 5),
            None if separator == '/' => (None, at + 3),
            _ => return None,
        };
        let (first, second) = (small(a)?, small(b)?);
        let (day, month) = if self.date_order == DateOrder::Dmy { (first, second) } else { (second, first) };
        let date = self.latest(year, month, day).or_else(|| self.latest(year, day, month))?;
        Some((self.past(date, date, Unit::Days)?, next))
    }

    /// "monday", "last friday": the latest one before today.
    fn weekday_back(&self, at: usize) -> Read {
        let at = self.skip(at, &["last", "past", "previous"]);
        let wanted = weekday(self.word(at))?;
        let day = (1..=7).map(|n| self.today.saturating_sub(n.days())).find(|d| d.weekday() == wanted)?;
        Some((self.past(day, day, Unit::Days)?, at + 1))
    }
}

/// Another month name right after: the text goes on with a second day.
fn month_follows(reader: &Reader, start: usize, next: usize) -> bool {
    month(reader.word(start)).is_some() && month(reader.word(next)).is_some()
}
