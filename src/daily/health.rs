//! How the data stands, for people: the measures of the last full hour, alerts, the age of connections (`events.md` §8, §9).
use crate::db::alerts::{self, AlertRow};
use crate::db::breakers::{self, Breaker};
use crate::db::events::measured::{self, Measured};
use crate::db::sources::{Source, SourceState};
use crate::db::{OrgTx, sources, syncs};
use crate::events::quality::{Hour, Measure, QualityRules};
use crate::ids::{OrgId, SourceId};
use crate::period::local_day;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::collections::BTreeMap;

/// Alerts that are shown: the open ones first.
const ALERTS: i64 = 50;

/// What a source and class brought in an hour.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct MeasuredHour {
    pub source: String,
    pub class: String,
    pub received: i64,
    /// The median of the same weekday and hour; none until two weeks are known.
    pub expected: Option<i64>,
    /// The measures of `events.md` §9 by name; those of no items are left out.
    pub measures: BTreeMap<&'static str, f64>,
    /// At least 95 of 100 events that were not late came within so many seconds. An upper bound: the longest of the hour's
    /// batches, not the percentile over all of them.
    pub lag_p95_seconds_at_most: i32,
}

/// How old what a connection brings is.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ConnectionAge {
    pub id: SourceId,
    pub connector: String,
    pub name: String,
    pub state: SourceState,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_synced_at: Option<Timestamp>,
    /// The last day that is complete in every stream.
    #[schema(value_type = Option<String>, format = Date)]
    pub complete_through: Option<Date>,
    /// Since the last good run; since the last complete day where days are published later.
    pub age: i64,
    /// `hours` or `days`.
    pub unit: &'static str,
    pub is_fresh: bool,
    /// Old enough for an alert.
    pub is_stale: bool,
    /// When the last good run was, or the last complete day ended.
    #[serde(skip)]
    pub since: Timestamp,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Health {
    /// The hour that the measures are of, by its beginning.
    #[schema(value_type = String, format = DateTime)]
    pub hour: Timestamp,
    pub measures: Vec<MeasuredHour>,
    pub connections: Vec<ConnectionAge>,
    /// Open ones first.
    pub alerts: Vec<AlertRow>,
    /// Where nothing is executed until somebody resets it.
    pub breakers: Vec<Breaker>,
}

/// How the data of an organisation stands.
pub async fn read(tx: &mut OrgTx, org: OrgId, now: Timestamp) -> anyhow::Result<Health> {
    let rules = QualityRules::built_in()?;
    let end = full_hour(now);
    let hour = end.checked_sub(SignedDuration::from_hours(1))?;
    let rows = measured::hour(tx, org, hour, (rules.expected.weeks, rules.expected.least_weeks)).await?;
    let measures = rows.into_iter().map(|row| {
        let counts = counts(&row);
        let value = |measure: &Measure| Some((measure.as_str(), measure.of(&counts, end)?.0));
        MeasuredHour {
            measures: Measure::ALL.iter().filter_map(value).collect(),
            source: row.source,
            class: row.class,
            received: row.received,
            expected: row.expected,
            lag_p95_seconds_at_most: row.lag_p95_s,
        }
    });
    Ok(Health {
        hour,
        measures: measures.collect(),
        connections: ages(tx, org, now, &rules).await?,
        alerts: alerts::list(tx, org, ALERTS).await?,
        breakers: breakers::open_ones(tx, org).await?,
    })
}

/// The hour that a moment lies in, by its beginning.
pub fn full_hour(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second() - at.as_second().rem_euclid(3600)).unwrap_or(at)
}

/// The counts that measures are made of.
pub fn counts(row: &Measured) -> Hour {
    Hour {
        expected: row.expected,
        received: row.received,
        valid: row.valid,
        duplicate: row.duplicate,
        late: row.late,
        stored: row.stored,
        required_filled: row.required_filled,
        required_total: row.required_total,
        unknown_props: row.unknown_props,
        mapped: row.mapped,
        named: row.named,
        newest_at: row.newest_at,
    }
}

/// The age of every connection that the program reads and somebody waits for.
pub async fn ages(
    tx: &mut OrgTx,
    org: OrgId,
    now: Timestamp,
    rules: &QualityRules,
) -> anyhow::Result<Vec<ConnectionAge>> {
    let complete = syncs::complete_through(tx, org).await?;
    let ours = sources::read_by_us(tx, org).await?;
    let mut ages = Vec::new();
    for source in sources::all(tx, org).await?.into_iter().filter(|source| ours.contains(&source.id)) {
        let Some(limits) = rules.connections.age(&source.connector) else { continue };
        if matches!(source.state, SourceState::Unconfigured | SourceState::Disabled) {
            continue;
        }
        let complete = complete.iter().find(|(id, _)| *id == source.id).map(|(_, day)| *day);
        let since = source.last_synced_at.unwrap_or(source.created_at);
        let (age, unit, fresh, stale) = match (limits.fresh_days, limits.alert_days) {
            (Some(fresh), Some(alert)) => (days(&source, complete, now), "days", fresh, alert),
            _ => {
                let hours = now.duration_since(since).as_hours();
                (
                    hours,
                    "hours",
                    limits.fresh_hours.unwrap_or(i64::MAX),
                    limits.alert_hours.unwrap_or(i64::MAX),
                )
            }
        };
        ages.push(ConnectionAge {
            id: source.id,
            connector: source.connector,
            name: source.name,
            state: source.state,
            last_synced_at: source.last_synced_at,
            complete_through: complete,
            age,
            unit,
            is_fresh: age <= fresh,
            is_stale: age >= stale,
            since,
        });
    }
    Ok(ages)
}

/// Days since the last complete one, as the account counts them; of a new connection since it was made.
fn days(source: &Source, complete: Option<Date>, now: Timestamp) -> i64 {
    let zone = TimeZone::get(&source.account_time_zone).unwrap_or(TimeZone::UTC);
    let since = complete.unwrap_or_else(|| local_day(source.created_at, &zone));
    since.until(local_day(now, &zone)).map_or(0, |span| i64::from(span.get_days()))
}
