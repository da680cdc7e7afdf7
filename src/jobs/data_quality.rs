//! The hour that is over, measured (`events.md` §9): what each source and class brought against what was expected of it, noted in
//! the quality log, reported as events, and told when it is wrong. Hours that nobody measured are made up for.
use super::schedule::Round;
use crate::clock::SharedClock;
use crate::daily::health::{counts, full_hour};
use crate::daily::watch::{self, About, Look, rounded};
use crate::db::events::measured::{self, Measured};
use crate::db::{OrgTx, alerts};
use crate::events::ingest::emit;
use crate::events::quality::{Hour, Measure, MeasureRule, QualityRules};
use crate::ids::{OrgId, new_uuid};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// Hours that are made up for after a downtime; older ones help nobody any more.
const MOST_HOURS: i64 = 48;
/// What a source or class is called that an item did not say.
const UNKNOWN: &str = "unknown";
/// Every source and class together.
const ALL: &str = "all";

/// Gives how many hours of a source and class were measured.
pub async fn run(round: Round) -> anyhow::Result<u64> {
    let rules = QualityRules::built_in()?;
    let now = round.clock.now();
    let end = full_hour(now);
    let oldest = end.checked_sub(HOUR * i32::try_from(MOST_HOURS)?)?;
    let mut hour = round.since.map_or(end.checked_sub(HOUR)?, full_hour).max(oldest);
    let mut measured = 0;
    while hour < end {
        measured += one_hour(&round, &rules, hour).await?;
        hour = hour.checked_add(HOUR)?;
    }
    let mut tx = round.db.org(round.org).await?;
    let since = now.checked_sub(SignedDuration::from_hours(rules.forget_after_hours))?;
    // What nothing more was heard of for so long is nobody's trouble any more.
    for code in ["quality", "storage", "lateness"] {
        for key in alerts::left_alone(&mut tx, round.org, code, since).await? {
            watch::close(&mut tx, round.org, &round.clock, &key).await?;
        }
    }
    tx.commit().await?;
    Ok(measured)
}

async fn one_hour(round: &Round, rules: &QualityRules, hour: Timestamp) -> anyhow::Result<u64> {
    let (org, end) = (round.org, hour.checked_add(HOUR)?);
    let mut tx = round.db.org(org).await?;
    let weeks = (rules.expected.weeks, rules.expected.least_weeks);
    let rows = measured::hour(&mut tx, org, hour, weeks).await?;
    let expected: Vec<(&str, &str, i64)> = rows
        .iter()
        .filter_map(|row| Some((row.source.as_str(), row.class.as_str(), row.expected?)))
        .collect();
    measured::expect(&mut tx, org, hour, &expected).await?;
    let mut reports = Vec::new();
    let mut all = Hour::default();
    for row in &rows {
        let counts = counts(row);
        all.received += counts.received;
        all.valid += counts.valid;
        // What nobody said the source or class of was refused: it counts for the whole.
        if row.source == UNKNOWN || row.class == UNKNOWN {
            continue;
        }
        for rule in &rules.measures {
            let Some(look) = look(rule, &counts, end, (&row.source, &row.class)) else { continue };
            watch::count(&mut tx, org, &round.clock, rules, (hour, &look)).await?;
        }
        if counts.received > 0 || counts.expected.is_some_and(|expected| expected > 0) {
            reports.extend(report(&round.clock, row, &counts, (hour, end)));
        }
    }
    for rule in rules.measures.iter().filter(|rule| rule.name == Measure::ValidationPassRate) {
        if let Some(look) = look(rule, &all, end, (ALL, ALL)) {
            watch::count(&mut tx, org, &round.clock, rules, (hour, &look)).await?;
        }
    }
    whole_days(&mut tx, org, &round.clock, rules, (hour, end)).await?;
    // An hour that is measured again, because a run was cut, is reported once.
    if alerts::take(&mut tx, org, "report", hour).await?.is_some() {
        emit(&mut tx, org, &*round.clock, reports).await?;
    }
    tx.commit().await?;
    Ok(rows.len() as u64)
}

fn look(rule: &MeasureRule, counts: &Hour, end: Timestamp, (source, class): (&str, &str)) -> Option<Look> {
    let measured = rule.name.of(counts, end)?;
    let is_bad = rule.judge(measured)?;
    let name = words(rule.name);
    Some(Look {
        code: "quality",
        key: format!("{}:{source}:{class}", rule.name),
        severity: rule.severity?,
        anomaly: rule.anomaly?,
        title: format!("{name} of {source} ({class}) is {:.1}", measured.0),
        lines: vec![
            format!(
                "It should be {}; measured over {} items of the hour to {end}.",
                rule.wanted(),
                measured.1
            ),
            "`adjutant quality` shows every measure.".to_owned(),
        ],
        value: Some(measured.0),
        is_bad,
        about: About { source: Some(source.to_owned()).filter(|s| s != ALL), ..About::default() },
    })
}

/// `Validation pass rate (%)`.
fn words(measure: Measure) -> String {
    let words = measure.as_str().replace('_', " ");
    let words = match (words.strip_suffix(" percent"), words.strip_suffix(" minutes")) {
        (Some(words), _) => format!("{words} (%)"),
        (None, Some(words)) => format!("{words} (minutes)"),
        (None, None) => words,
    };
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Events about the hour itself, one a source and class of each kind.
fn report(
    clock: &SharedClock,
    row: &Measured,
    counts: &Hour,
    (hour, end): (Timestamp, Timestamp),
) -> [Value; 2] {
    let values: Map<String, Value> = Measure::ALL
        .iter()
        .filter(|measure| **measure != Measure::MissingFields)
        .filter_map(|measure| Some((measure.as_str().to_owned(), rounded(measure.of(counts, end)?.0))))
        .collect();
    let mut properties = json!({"source": row.source, "class": row.class, "hour": hour.to_string(),
        "received": counts.received, "rejected": counts.received - counts.valid});
    if let Some(properties) = properties.as_object_mut() {
        properties.extend(values.clone());
    }
    let lag = counts.newest_at.map(|newest| end.duration_since(newest).as_secs().max(0));
    let mut refreshed = json!({"refresh_id": new_uuid(&**clock), "data_source": row.source,
        "records_processed": counts.received, "refresh_duration_seconds": 3600,
        "errors_encountered": counts.received - counts.valid, "data_quality_metrics": values});
    if let Some(lag) = lag {
        refreshed["data_lag_seconds"] = json!(lag);
    }
    [
        json!({"name": "ingest_report", "properties": properties}),
        json!({"name": "data_refresh_completed", "properties": refreshed,
               "entity": {"type": "dataset", "id": format!("events.{}.{}", row.source, row.class)}}),
    ]
}

/// What an hour alone does not show: a day with too few events, a source that is quiet for longer than it uses to be.
async fn whole_days(
    tx: &mut OrgTx,
    org: OrgId,
    clock: &SharedClock,
    rules: &QualityRules,
    (hour, end): (Timestamp, Timestamp),
) -> anyhow::Result<()> {
    let volume = rules.volume;
    let (stored, usual) = measured::volume(tx, org, end, volume.days).await?;
    if usual.is_some_and(|usual| usual >= volume.floor) {
        let look = Look {
            code: "quality",
            key: "volume:all".to_owned(),
            severity: volume.severity,
            anomaly: volume.anomaly,
            title: format!("Only {stored} events came in 24 hours"),
            lines: vec![format!("There are {} a day at least otherwise.", volume.floor)],
            value: Some(stored as f64),
            is_bad: stored < volume.floor,
            about: About::default(),
        };
        watch::count(tx, org, clock, rules, (hour, &look)).await?;
    }
    let silence = rules.silence;
    for quiet in measured::quiet(tx, org, end, silence.days).await? {
        if quiet.gaps < silence.least_gaps {
            continue;
        }
        let hours = end.duration_since(quiet.last).as_hours() - 1;
        let look = Look {
            code: "quality",
            key: format!("silence:{}", quiet.source),
            severity: silence.severity,
            anomaly: silence.anomaly,
            title: format!("Nothing came from {} for {hours} hours", quiet.source),
            lines: vec![format!("It is rarely quiet for more than {}.", quiet.usual_hours)],
            value: Some(hours as f64),
            is_bad: hours >= silence.times * quiet.usual_hours,
            about: About {
                source: Some(quiet.source.clone()),
                since: quiet.last.checked_add(HOUR).ok(),
                ..About::default()
            },
        };
        watch::count(tx, org, clock, rules, (hour, &look)).await?;
    }
    Ok(())
}
