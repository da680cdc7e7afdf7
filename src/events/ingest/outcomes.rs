//! Requests to store events by minute, and those that the database did not take, as one server counted them. While the database is
//! away nobody can write that down: the first batch that is stored again brings it along.
use crate::db::events::measured::Minute;
use crate::ids::OrgId;
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

/// Minutes that are remembered: an outage that lasts longer is told of its last hours.
const REMEMBERED: usize = 240;

/// Requests, and how many of them failed.
type Count = (i64, i64);

#[derive(Default)]
struct Seen {
    /// By minute (Unix), and by organisation; those of callers who could not be made out count for each.
    minutes: BTreeMap<i64, HashMap<Option<OrgId>, Count>>,
    /// The last minute that was written down.
    kept: HashMap<OrgId, i64>,
}

/// What one server knows.
#[derive(Default)]
pub struct Outcomes(Mutex<Seen>);

fn minute(at: Timestamp) -> i64 {
    at.as_second().div_euclid(60)
}

impl Outcomes {
    /// A request ended. `org` is none where the database could not say whose it was.
    pub fn note(&self, org: Option<OrgId>, failed: bool, now: Timestamp) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = seen.minutes.entry(minute(now)).or_default().entry(org).or_default();
        count.0 += 1;
        count.1 += i64::from(failed);
        while seen.minutes.len() > REMEMBERED {
            seen.minutes.pop_first();
        }
    }

    /// Minutes that are over and were not written down yet.
    pub fn over(&self, org: OrgId, now: Timestamp) -> Vec<Minute> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let after = seen.kept.get(&org).copied().unwrap_or(i64::MIN);
        let one = |(at, counts): (&i64, &HashMap<Option<OrgId>, Count>)| {
            let of = |org: Option<OrgId>| counts.get(&org).copied().unwrap_or_default();
            let (own, anybody) = (of(Some(org)), of(None));
            let (requests, failed) = (own.0 + anybody.0, own.1 + anybody.1);
            let minute = Timestamp::from_second(at * 60).ok()?;
            (requests > 0).then_some(Minute { minute, requests, failed })
        };
        seen.minutes.range(..minute(now)).filter(|(at, _)| **at > after).filter_map(one).collect()
    }

    /// They are written down, and committed.
    pub fn kept(&self, org: OrgId, minutes: &[Minute]) {
        let Some(last) = minutes.last() else { return };
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = seen.kept.entry(org).or_insert(i64::MIN);
        *kept = (*kept).max(minute(last.minute));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_minute_is_told_once_when_it_is_over_with_those_whose_callers_nobody_knows() {
        let outcomes = Outcomes::default();
        let (org, other) = (OrgId(Uuid::from_u128(1)), OrgId(Uuid::from_u128(2)));
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        outcomes.note(Some(org), false, at("2026-01-25T10:00:10Z"));
        outcomes.note(Some(org), true, at("2026-01-25T10:00:59Z"));
        outcomes.note(None, true, at("2026-01-25T10:01:00Z"));
        outcomes.note(Some(other), false, at("2026-01-25T10:01:00Z"));
        assert_eq!(outcomes.over(org, at("2026-01-25T10:00:59Z")), []);
        let now = at("2026-01-25T10:02:00Z");
        let of = |org| outcomes.over(org, now).iter().map(|m| (m.requests, m.failed)).collect::<Vec<_>>();
        assert_eq!((of(org), of(other)), (vec![(2, 1), (1, 1)], vec![(2, 1)]));
        outcomes.kept(org, &outcomes.over(org, now));
        assert_eq!((of(org), of(other)), (vec![], vec![(2, 1)]));
    }
}
