//! The quality of what comes in, as data and arithmetic (`events.md` §8, §9): measures of an hour, the thresholds of
//! `quality.yaml`, and when an alert opens and closes. Pure.
use super::SlaClass;
use crate::closed_list;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const BUILT_IN: &str = include_str!("quality.yaml");

closed_list! {
    /// `events.md` §9; percentages are 0 to 100.
    Measure = "quality measure" {
        IngestionRate = "ingestion_rate_percent",
        ValidationPassRate = "validation_pass_rate_percent",
        DuplicateRate = "duplicate_rate_percent",
        LateArrivalRate = "late_arrival_rate_percent",
        DataFreshness = "data_freshness_minutes",
        Completeness = "completeness_percent",
        /// 100 less completeness: what the alert on missing fields is about.
        MissingFields = "missing_fields_percent",
        SchemaCompliance = "schema_compliance_percent",
        MappingCoverage = "mapping_coverage_percent",
    }
}

closed_list! {
    Severity = "severity" { Critical = "critical", Warning = "warning", Info = "info" }
}

closed_list! {
    Anomaly = "anomaly type" {
        Spike = "spike",
        Drop = "drop",
        ZeroValue = "zero_value",
        Duplicate = "duplicate",
        MissingData = "missing_data",
    }
}

/// What is told when something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasureRule {
    pub name: Measure,
    /// None: it is measured only.
    pub severity: Option<Severity>,
    pub anomaly: Option<Anomaly>,
    below: Option<f64>,
    above: Option<f64>,
    #[serde(default)]
    least: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    pub weeks: i64,
    pub least_weeks: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Volume {
    /// Events in 24 hours.
    pub floor: i64,
    pub days: i64,
    pub severity: Severity,
    pub anomaly: Anomaly,
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Silence {
    pub times: i64,
    pub days: i64,
    pub least_gaps: i64,
    pub severity: Severity,
    pub anomaly: Anomaly,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lag {
    pub below: f64,
    pub least: i64,
    pub severity: Severity,
    pub anomaly: Anomaly,
    pub grace_minutes: BTreeMap<SlaClass, i64>,
}

/// How late the computing of daily figures may be.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    pub minutes: i64,
    pub severity: Severity,
    pub anomaly: Anomaly,
}

/// Requests that the database did not take.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    pub above: f64,
    pub minutes: i64,
    pub least: i64,
    pub severity: Severity,
    pub anomaly: Anomaly,
}

impl Storage {
    /// Whether the minutes that ended are a breach, as requests and failures by minute, the oldest first and one an entry:
    /// every minute that brought requests failed too often, the first and the last among them. Nothing where too little came in
    /// the last minute to tell.
    pub fn judge(&self, minutes: &[(i64, i64)]) -> Option<bool> {
        let bad = |(requests, failed): (i64, i64)| failed as f64 * 100.0 > self.above * requests as f64;
        let (first, last) = (*minutes.first()?, *minutes.last()?);
        if last.0 == 0 {
            return None;
        }
        let requests: i64 = minutes.iter().map(|(requests, _)| requests).sum();
        let whole = i64::try_from(minutes.len()).unwrap_or(i64::MAX) >= self.minutes && first.0 > 0;
        let all = minutes.iter().filter(|minute| minute.0 > 0).all(|minute| bad(*minute));
        Some(whole && requests >= self.least && all)
    }
}

/// Deliveries of platforms that were given up.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hooks {
    pub hours: i64,
    pub severity: Severity,
    pub anomaly: Anomaly,
}

/// How old what a connection brings may be.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Age {
    of: Vec<String>,
    pub fresh_hours: Option<i64>,
    pub alert_hours: Option<i64>,
    pub fresh_days: Option<i64>,
    pub alert_days: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connections {
    pub severity: Severity,
    pub grace_hours: i64,
    halts: Vec<String>,
    ages: Vec<Age>,
}

impl Connections {
    /// None for a connector that nobody waits for, such as uploaded files.
    pub fn age(&self, connector: &str) -> Option<&Age> {
        self.ages.iter().find(|age| age.of.iter().any(|name| name == connector))
    }

    /// Whether nothing is executed on a platform while its data is too old.
    pub fn halts(&self, connector: &str) -> bool {
        self.halts.iter().any(|name| name == connector)
    }
}

/// Everything that `quality.yaml` says.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QualityRules {
    pub open_after: i32,
    pub close_after: i32,
    pub forget_after_hours: i64,
    pub expected: Expected,
    pub measures: Vec<MeasureRule>,
    pub volume: Volume,
    pub silence: Silence,
    pub lag: Lag,
    pub metrics: Metrics,
    pub storage: Storage,
    pub hooks: Hooks,
    pub connections: Connections,
}

/// `quality.yaml` cannot be read, with where.
#[derive(Debug, thiserror::Error)]
#[error("events/quality.yaml: {0}")]
pub struct QualityFault(String);

impl QualityRules {
    pub fn built_in() -> Result<Self, QualityFault> {
        serde_saphyr::from_str(BUILT_IN).map_err(|error| QualityFault(error.to_string()))
    }
}

/// The counts of one hour, source and class, as the quality log has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hour {
    /// None: not known for long enough.
    pub expected: Option<i64>,
    pub received: i64,
    pub valid: i64,
    pub duplicate: i64,
    pub late: i64,
    pub stored: i64,
    pub required_filled: i64,
    pub required_total: i64,
    pub unknown_props: i64,
    pub mapped: i64,
    pub named: i64,
    /// The newest event that was not late, up to the end of the hour.
    pub newest_at: Option<Timestamp>,
}

impl Measure {
    /// The value at the end of an hour, and of how many items it is; nothing where there are none.
    pub fn of(self, hour: &Hour, end: Timestamp) -> Option<(f64, i64)> {
        let share = |part: i64, whole: i64| (whole > 0).then(|| (part as f64 / whole as f64 * 100.0, whole));
        match self {
            Self::IngestionRate => share(hour.received, hour.expected?),
            Self::ValidationPassRate => share(hour.valid, hour.received),
            Self::DuplicateRate => share(hour.duplicate, hour.received),
            Self::LateArrivalRate => share(hour.late, hour.stored),
            Self::DataFreshness => {
                let minutes = end.duration_since(hour.newest_at?).as_secs_f64() / 60.0;
                Some((minutes.max(0.0), hour.expected?))
            }
            Self::Completeness => share(hour.required_filled, hour.required_total),
            Self::MissingFields => share(hour.required_total - hour.required_filled, hour.required_total),
            Self::SchemaCompliance => share(hour.valid - hour.unknown_props, hour.valid),
            Self::MappingCoverage => share(hour.mapped, hour.named),
        }
    }
}

impl MeasureRule {
    /// Whether a value is a breach; nothing where it is of too few items, or no alert belongs to it.
    pub fn judge(&self, (value, items): (f64, i64)) -> Option<bool> {
        self.severity?;
        (items >= self.least).then(|| {
            self.below.is_some_and(|below| value < below) || self.above.is_some_and(|above| value > above)
        })
    }

    /// What it should be, in words.
    pub fn wanted(&self) -> String {
        match (self.below, self.above) {
            (Some(below), _) => format!("at least {below}"),
            (None, Some(above)) => format!("at most {above}"),
            (None, None) => String::new(),
        }
    }
}

/// Bad and good windows in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Streak {
    pub bad: i32,
    pub good: i32,
}

/// What a window did to an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    Opens,
    Closes,
    Stays,
}

impl Streak {
    /// Counts a window. An alert opens once after enough bad ones in a row and closes once after enough good ones.
    pub fn count(self, is_bad: bool, is_open: bool, rules: &QualityRules) -> (Self, Change) {
        let streak = match is_bad {
            true => Self { bad: self.bad.saturating_add(1), good: 0 },
            false => Self { bad: 0, good: self.good.saturating_add(1) },
        };
        let change = if !is_open && streak.bad >= rules.open_after {
            Change::Opens
        } else if is_open && streak.good >= rules.close_after {
            Change::Closes
        } else {
            Change::Stays
        };
        (streak, change)
    }
}

#[cfg(test)]
mod tests;
