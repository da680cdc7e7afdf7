//! When a reviewer is reminded (`actions.md` §1): at half of the draft's life and one hour before it expires, in the
//! reviewer's working hours. Pure.
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// Which reminder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reminder {
    Half,
    LastHour,
}

impl Reminder {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Half => "half",
            Self::LastHour => "last",
        }
    }
}

/// Monday to Friday, from nine until five, local time.
const FROM: i8 = 9;
const UNTIL: i8 = 17;

/// The life of the revision that waits.
#[derive(Clone, Copy, Debug)]
pub struct Life {
    pub from: Timestamp,
    pub expires_at: Timestamp,
    /// Somebody held it: no reminder before.
    pub held_until: Option<Timestamp>,
}

/// The reminder that is due now for a reviewer in this zone, if any: the later one where both are.
pub fn due(life: &Life, zone: &TimeZone, now: Timestamp) -> Option<Reminder> {
    if now >= life.expires_at || life.held_until.is_some_and(|until| now < until) {
        return None;
    }
    let reached = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
    if reached(last_hour(life, zone)) {
        Some(Reminder::LastHour)
    } else if reached(half(life, zone)) && works(now, zone) {
        Some(Reminder::Half)
    } else {
        None
    }
}

/// Half of the life, or the next moment of work after it; none if the draft is over by then.
pub fn half(life: &Life, zone: &TimeZone) -> Option<Timestamp> {
    let span = life.expires_at.duration_since(life.from);
    let at = life.from.checked_add(span / 2).ok()?;
    let mut day = at.to_zoned(zone.clone()).date();
    for _ in 0..8 {
        if let Some((from, until)) = workday(day, zone)
            && at < until
        {
            return Some(at.max(from)).filter(|at| *at < life.expires_at);
        }
        day = day.tomorrow().ok()?;
    }
    None
}

/// One hour before the end; where nobody works then, one hour before the end of the last work before it.
pub fn last_hour(life: &Life, zone: &TimeZone) -> Option<Timestamp> {
    let at = life.expires_at.checked_sub(1.hour()).ok()?;
    let mut day = at.to_zoned(zone.clone()).date();
    for _ in 0..8 {
        if let Some((from, until)) = workday(day, zone)
            && at >= from
        {
            let moment = if at < until { at } else { until.checked_sub(1.hour()).ok()? };
            return Some(moment).filter(|moment| *moment >= life.from);
        }
        day = day.yesterday().ok()?;
    }
    None
}

fn works(at: Timestamp, zone: &TimeZone) -> bool {
    let day = at.to_zoned(zone.clone()).date();
    workday(day, zone).is_some_and(|(from, until)| from <= at && at < until)
}

/// The working hours of a day; none on a weekend.
fn workday(day: Date, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
    if matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) {
        return None;
    }
    let at = |hour: i8| day.at(hour, 0, 0, 0).to_zoned(zone.clone()).map(|z| z.timestamp()).ok();
    Some((at(FROM)?, at(UNTIL)?))
}

#[cfg(test)]
mod tests;
