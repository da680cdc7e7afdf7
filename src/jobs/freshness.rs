//! Every minute: events that come later than their class allows (`events.md` §8), requests that the database did not take (§9), daily
//! figures that are not counted, deliveries that were given up, connections whose data is older than its alert age or that wait for
//! a person (`connectors.md` §1.4, §1.8, §1.10), and what follows when that lasts longer than its grace.
use super::rollups::JOB;
use crate::clock::SharedClock;
use crate::daily::health::{ConnectionAge, ages, full_hour};
use crate::daily::watch::{self, About, Look};
use crate::db::events::measured::{self, Minute};
use crate::db::sources::SourceState;
use crate::db::{Db, OrgTx, alerts, hooks, job_runs};
use crate::events::quality::{Anomaly, Change, QualityRules, Severity};
use crate::ids::OrgId;
use jiff::{SignedDuration, Timestamp};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
/// A minute is judged when every server had another one to tell of it.
const SETTLED: i32 = 2;
/// How far back requests that failed are looked for: a database that was away tells of it afterwards.
const LOOK_BACK: i32 = 60;
const STORAGE: &str = "storage_errors_percent";

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
    let mut looks: Vec<(Timestamp, Look)> = Vec::new();
    let mut found = late_events(&mut tx, org, now, rules).await?;
    found.extend(late_figures(&mut tx, org, now, rules).await?);
    found.extend(given_up(&mut tx, org, now, rules).await?);
    for age in ages(&mut tx, org, now, rules).await? {
        found.extend(of_connection(&age, rules));
    }
    looks.extend(found.into_iter().map(|look| (window, look)));
    looks.extend(storage(&mut tx, org, window, rules).await?);
    // In one order, so that replicas do not wait for each other in a circle.
    looks.sort_by(|a, b| (&a.1.key, a.0).cmp(&(&b.1.key, b.0)));
    let mut changed = 0;
    for (window, look) in &looks {
        let change = watch::count(&mut tx, org, clock, rules, (*window, look)).await?;
        changed += u64::from(change != Change::Stays);
    }
    // Connections that are gone or rest, and deliveries that were worked on after all, are nobody's trouble. Of lateness nothing is
    // over because nothing came: `data_quality` forgets it after days.
    for code in ["freshness", "breaker", "hooks"] {
        for key in alerts::left_alone(&mut tx, org, code, window).await? {
            changed += u64::from(watch::close(&mut tx, org, clock, &key).await?);
        }
    }
    for (class, minutes) in &rules.lag.grace_minutes {
        let of = ("lateness", format!(":{class}"));
        let grace = SignedDuration::from_mins(*minutes);
        watch::outlasted(&mut tx, org, clock, (of.0, &of.1), grace).await?;
    }
    let grace = SignedDuration::from_hours(rules.connections.grace_hours);
    watch::outlasted(&mut tx, org, clock, ("freshness", ""), grace).await?;
    tx.commit().await?;
    Ok(changed)
}

/// The hour under way and the one before it: an hour at least. Of few events no alert opens, but an open one closes only when those
/// that come, however few, come in time.
async fn late_events(
    tx: &mut OrgTx,
    org: OrgId,
    now: Timestamp,
    rules: &QualityRules,
) -> anyhow::Result<Vec<Look>> {
    let since = full_hour(now).checked_sub(SignedDuration::from_hours(1))?;
    let lag = &rules.lag;
    let all = measured::lags(tx, org, since).await?;
    let open = alerts::open_keys(tx, org, "lateness").await?;
    let looks = all.into_iter().filter_map(|one| {
        let key = format!("on_time_percent:{}:{}", one.source, one.class);
        if one.live < lag.least && !open.contains(&key) {
            return None;
        }
        let percent = one.on_time as f64 / one.live as f64 * 100.0;
        Some(Look {
            code: "lateness",
            key,
            severity: lag.severity,
            anomaly: lag.anomaly,
            title: format!("Events of {} ({}) come late", one.source, one.class),
            lines: vec![format!(
                "{percent:.1} % of {} came as soon as they should; it should be {}.",
                one.live, lag.below
            )],
            value: Some(percent),
            is_bad: percent < lag.below,
            about: About { source: Some(one.source), since: Some(since), ..About::default() },
        })
    });
    Ok(looks.collect())
}

/// Daily figures are late when the last good run of their job is; nothing before the first one.
async fn late_figures(
    tx: &mut OrgTx,
    org: OrgId,
    now: Timestamp,
    rules: &QualityRules,
) -> anyhow::Result<Option<Look>> {
    let metrics = rules.metrics;
    let Some(last) = job_runs::last_done(tx, org, JOB, now).await? else { return Ok(None) };
    let minutes = now.duration_since(last).as_mins();
    Ok(Some(Look {
        code: "lateness",
        key: "on_time_percent:rollup:metrics".to_owned(),
        severity: metrics.severity,
        anomaly: metrics.anomaly,
        title: format!("Daily figures were not counted for {minutes} minutes"),
        lines: vec!["`adjutant job history` says how the runs went.".to_owned()],
        value: Some(minutes as f64),
        is_bad: minutes > metrics.minutes,
        about: About { since: Some(last), ..About::default() },
    }))
}

/// Deliveries of platforms that nobody could work on. The poll brings what they were about.
async fn given_up(
    tx: &mut OrgTx,
    org: OrgId,
    now: Timestamp,
    rules: &QualityRules,
) -> anyhow::Result<Vec<Look>> {
    let rule = rules.hooks;
    let since = now.checked_sub(SignedDuration::from_hours(rule.hours))?;
    let dead = hooks::dead_since(tx, org, since).await?;
    let look = |(id, connector, name, count): (_, String, String, i64)| Look {
        code: "hooks",
        key: format!("hooks:{id}"),
        severity: rule.severity,
        anomaly: rule.anomaly,
        title: format!("{count} deliveries to {name} ({connector}) were given up"),
        lines: vec![format!(
            "`adjutant source hooks list '{name}' --state dead` says why; `replay` tries them again."
        )],
        value: Some(count as f64),
        is_bad: true,
        about: About { source: Some(connector), connection: Some(id), ..About::default() },
    };
    Ok(dead.into_iter().map(look).collect())
}

/// Minutes since the last one that was judged, each with those before it. Where nothing failed and nothing is open there is
/// nothing to judge.
async fn storage(
    tx: &mut OrgTx,
    org: OrgId,
    window: Timestamp,
    rules: &QualityRules,
) -> anyhow::Result<Vec<(Timestamp, Look)>> {
    let rule = rules.storage;
    let end = window.checked_sub(MINUTE * (SETTLED - 1))?;
    let from = end.checked_sub(MINUTE * LOOK_BACK)?;
    let minutes = measured::minutes(tx, org, (from, end)).await?;
    let is_open = !alerts::open_keys(tx, org, "storage").await?.is_empty();
    if !is_open && minutes.iter().all(|minute| minute.failed == 0) {
        return Ok(Vec::new());
    }
    let last = alerts::last_window(tx, org, STORAGE).await?;
    let mut looks = Vec::new();
    for at in minutes.iter().map(|minute| minute.minute).filter(|at| last.is_none_or(|last| *at > last)) {
        let first = at.checked_sub(MINUTE * i32::try_from(rule.minutes - 1)?)?;
        let each = (0..i32::try_from(rule.minutes)?).filter_map(|n| first.checked_add(MINUTE * n).ok());
        let of = |at: Timestamp| minutes.iter().find(|minute| minute.minute == at);
        let counts: Vec<(i64, i64)> = each
            .map(|at| of(at).map_or((0, 0), |minute: &Minute| (minute.requests, minute.failed)))
            .collect();
        let Some(is_bad) = rule.judge(&counts) else { continue };
        let (requests, failed) = counts.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let percent = failed as f64 / requests.max(1) as f64 * 100.0;
        let look = Look {
            code: "storage",
            key: STORAGE.to_owned(),
            severity: rule.severity,
            anomaly: rule.anomaly,
            title: format!("{percent:.1} % of the requests to store events failed"),
            lines: vec![format!(
                "The database did not take {failed} of {requests} in {} minutes; senders were told to come again, so that nothing \
                 is lost if they do.",
                rule.minutes
            )],
            value: Some(percent),
            is_bad,
            about: About { since: Some(first), ..About::default() },
        };
        looks.push((at, look));
    }
    Ok(looks)
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
        about: About {
            source: Some(age.connector.clone()),
            connection: Some(age.id),
            since: Some(age.since),
            halts: None,
        },
    };
    let (name, connector) = (&age.name, &age.connector);
    let mut old = look(
        "freshness",
        severity,
        format!("{name} ({connector}) brought nothing new for {} {}", age.age, age.unit),
        "`adjutant source list` says how its last runs went.",
        age.is_stale,
    );
    old.about.halts = rules.connections.halts(connector).then(|| connector.clone());
    let waits = look(
        "breaker",
        severity,
        format!("{name} ({connector}) is not read any more: its runs fail"),
        "`adjutant source check` says why; it is tried again by itself unless its key is refused.",
        age.state == SourceState::Attention,
    );
    [old, waits]
}
