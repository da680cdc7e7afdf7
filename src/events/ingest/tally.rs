//! The measures of `events.md` §9 for one batch, and which of its refused items are kept to look at.
use super::result::Outcome;
use crate::db::events::quality::{Counts, Sample};
use crate::events::{Event, Rejection};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Samples of a batch, and of one code in it.
const SAMPLES: usize = 20;
const SAMPLES_OF_A_CODE: usize = 3;
const UNKNOWN: &str = "unknown";

/// Counts by source and class, in their order. `mapped` tells whether the thing of an event is in the entity map.
pub fn counts(
    checked: &[Result<Event, Rejection>],
    outcomes: &[Outcome],
    mapped: impl Fn(usize) -> bool,
) -> Vec<((&'static str, &'static str), Counts)> {
    let mut groups: BTreeMap<(&'static str, &'static str), (Counts, Vec<i32>)> = BTreeMap::new();
    for (index, (item, outcome)) in checked.iter().zip(outcomes).enumerate() {
        let event = match item {
            Ok(event) => event,
            Err(rejection) => {
                let source = rejection.source.map_or(UNKNOWN, |source| source.as_str());
                let class = rejection.class.map_or(UNKNOWN, |class| class.as_str());
                groups.entry((source, class)).or_default().0.received += 1;
                continue;
            }
        };
        let (counts, lags) = groups.entry((event.source.as_str(), event.class.as_str())).or_default();
        counts.received += 1;
        match outcome {
            Outcome::Rejected(_) => continue,
            Outcome::Duplicate => counts.duplicate += 1,
            Outcome::Suppressed => counts.suppressed += 1,
            Outcome::Replaced => counts.replaced += 1,
            Outcome::Accepted => {}
        }
        counts.valid += 1;
        counts.unknown_props += i64::from(event.quality.unknown_properties);
        if !outcome.is_stored() {
            continue;
        }
        counts.stored += 1;
        counts.late += i64::from(event.late_arrival);
        if !event.backfill {
            counts.live += 1;
            counts.on_time += i64::from(event.ingest_lag_seconds <= event.class.acceptable_seconds());
        }
        counts.required_filled += i64::from(event.quality.filled);
        counts.required_total += i64::from(event.quality.expected);
        if event.entity.is_some() {
            counts.named += 1;
            counts.mapped += i64::from(mapped(index));
        }
        if !event.late_arrival {
            counts.newest_at = counts.newest_at.max(Some(event.occurred_at));
            lags.push(event.ingest_lag_seconds);
        }
    }
    let with_lag = |(group, (mut counts, mut lags)): (_, (Counts, Vec<i32>))| {
        lags.sort_unstable();
        counts.lag_p95_s = lags.get((lags.len() * 95).div_ceil(100).saturating_sub(1)).copied().unwrap_or(0);
        (group, counts)
    };
    groups.into_iter().map(with_lag).collect()
}

/// A few of the refused items, of every code some. `new_id` makes their ids.
pub fn samples<'a>(
    checked: &'a [Result<Event, Rejection>],
    mut new_id: impl FnMut() -> Uuid,
) -> Vec<Sample<'a>> {
    let mut of_code: BTreeMap<&str, usize> = BTreeMap::new();
    let mut kept = Vec::new();
    for rejection in checked.iter().filter_map(|item| item.as_ref().err()) {
        let seen = of_code.entry(rejection.code).or_default();
        if *seen == SAMPLES_OF_A_CODE || kept.len() == SAMPLES {
            continue;
        }
        *seen += 1;
        kept.push(Sample {
            id: new_id(),
            source: rejection.source.map_or("", |source| source.as_str()),
            code: rejection.code,
            fragment: &rejection.fragment,
        });
    }
    kept
}
