//! Every minute: events that come later than their class allows (`events.md` §8), connections whose data is older than its alert
//! age, and those that wait for a person (`connectors.md` §1.4, §1.8).
use super::watch::{self, Look};
use crate::clock::SharedClock;
use crate::daily::health::{ConnectionAge, ages, full_hour};
use crate::db::events::measured;
use crate::db::sources::SourceState;
use crate::db::{Db, OrgTx, alerts};
use crate::events::quality::{Anomaly, Change, QualityRules, Severity};
use crate::ids::OrgId;
use jiff::{SignedDuration, Timestamp};

/// Gives how many alerts opened or closed.
pub async fn run(db: &Db, clock: &SharedClock) -> anyhow::Result<u64> {
    let rules = QualityRules::built_in()?;
    let mut changed = 0;
    let mut failed = None;
    for (org, _) in db.organisations().await? {
        match organisation(db, clock, org, &rules).await {
            Ok(of_org) => changed += of_org,
            // The others are watched all the same.
            Err(error) => {
                tracing::error!(%org, error = format!("{error:#}"), "an organisation's data could not be looked at");
                failed = Some(error);
            }
        }
    }
    failed.map_or(Ok(changed), Err)
}

async fn organisation(db: &Db, clock: &SharedClock, org: OrgId, rules: &QualityRules) -> anyhow::Result<u64> {
    let now = clock.now();
    let window = Timestamp::from_second(now.as_second() - now.as_second().rem_euclid(60))?;
    let mut tx = db.org(org).await?;
    let mut looks = late_events(&mut tx, org, now, rules).await?;
    for age in ages(&mut tx, org, now, rules).await? {
        looks.extend(of_connection(&age, rules));
    }
    // In one order, so that replicas do not wait for each other in a circle.
    looks.sort_by(|a, b| a.key.cmp(&b.key));
    let mut changed = 0;
    for look in &looks {
        let change = watch::count(&mut tx, org, clock, rules, (window, look)).await?;
        changed += u64::from(change != Change::Stays);
    }
    // Connections that are gone or rest, and sources that bring too little to judge, are nobody's trouble.
    for code in ["lateness", "freshness", "breaker"] {
        for key in alerts::left_alone(&mut tx, org, code, window).await? {
            changed += u64::from(watch::close(&mut tx, org, clock, &key).await?);
        }
    }
    tx.commit().await?;
    Ok(changed)
}

/// The hour under way and the one before it: an hour at least.
async fn late_events(
    tx: &mut OrgTx,
    org: OrgId,
    now: Timestamp,
    rules: &QualityRules,
) -> anyhow::Result<Vec<Look>> {
    let since = full_hour(now).checked_sub(SignedDuration::from_hours(1))?;
    let lag = rules.lag;
    let all = measured::lags(tx, org, since).await?;
    let looks = all.into_iter().filter(|one| one.live >= lag.least).map(|one| {
        let percent = one.on_time as f64 / one.live as f64 * 100.0;
        Look {
            code: "lateness",
            key: format!("on_time_percent:{}:{}", one.source, one.class),
            severity: lag.severity,
            anomaly: lag.anomaly,
            title: format!("Events of {} ({}) come late", one.source, one.class),
            lines: vec![format!(
                "{percent:.1} % of {} came as soon as they should; it should be {}.",
                one.live, lag.below
            )],
            value: Some(percent),
            is_bad: percent < lag.below,
        }
    });
    Ok(looks.collect())
}

fn of_connection(age: &ConnectionAge, rules: &QualityRules) -> [Look; 2] {
    let severity = rules.connections.severity;
    let look = |code: &'static str, severity: Severity, title: String, line: &str, is_bad: bool| Look {
        code,
        key: format!("{code}:{}", age.id),
        severity,
        anomaly: Anomaly::MissingData,
        title,
        lines: vec![line.to_owned()],
        value: Some(age.age as f64),
        is_bad,
    };
    let (name, connector) = (&age.name, &age.connector);
    [
        look(
            "freshness",
            severity,
            format!("{name} ({connector}) brought nothing new for {} {}", age.age, age.unit),
            "`adjutant source list` says how its last runs went.",
            age.is_stale,
        ),
        look(
            "breaker",
            severity,
            format!("{name} ({connector}) is not read any more: its runs fail"),
            "`adjutant source check` says why; it is tried again by itself unless its key is refused.",
            age.state == SourceState::Attention,
        ),
    ]
}
