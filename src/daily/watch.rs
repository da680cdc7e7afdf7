//! What a window of a check means: counted once, whoever of the replicas looked, and told once when an alert opens, is seen by
//! somebody, outlasts its grace, or closes (`events.md` §8, §9). A critical alert halts every execution (`actions.md` §5).
use crate::clock::SharedClock;
use crate::db::alerts::{self, AlertRow};
use crate::db::audit::{self, NewEntry};
use crate::db::breakers::{self, EVERYTHING};
use crate::db::events::{self as rows, Restated};
use crate::db::webhooks::{self, Message, MessageType};
use crate::db::{OrgTx, facts, notices, rollups, syncs};
use crate::events::ingest::emit;
use crate::events::quality::{Anomaly, Change, QualityRules, Severity, Streak};
use crate::ids::{MemberId, OrgId, OutboxId, SourceId, new_uuid};
use crate::period::local_day;
use crate::report::notice::{Alert, Notice};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use serde_json::{Value, json};
use uuid::Uuid;

/// What a look is about, as far as one source or connection is to be named.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// A source of events, or a connector.
    pub source: Option<String>,
    pub connection: Option<SourceId>,
    /// Since when it is wrong, if it is.
    pub since: Option<Timestamp>,
    /// A platform on which nothing is executed from the opening on, whatever the severity.
    pub halts: Option<String>,
}

/// One look at one thing.
pub struct Look {
    /// `quality`, `storage`, `lateness`, `freshness`, `hooks` or `breaker`.
    pub code: &'static str,
    /// What is looked at, for instance `validation_pass_rate_percent:web:user`.
    pub key: String,
    pub severity: Severity,
    pub anomaly: Anomaly,
    /// In one sentence, as it stands over the alert.
    pub title: String,
    pub lines: Vec<String>,
    pub value: Option<f64>,
    pub is_bad: bool,
    pub about: About,
}

/// Counts a look for a window. The alert, its notice and its event are there together, or none of them is.
pub async fn count(
    tx: &mut OrgTx,
    org: OrgId,
    clock: &SharedClock,
    rules: &QualityRules,
    (window, look): (Timestamp, &Look),
) -> anyhow::Result<Change> {
    let Some(standing) = alerts::take(tx, org, &look.key, window).await? else { return Ok(Change::Stays) };
    let before = Streak { bad: standing.bad, good: standing.good };
    let (after, change) = before.count(look.is_bad, standing.is_open, rules);
    alerts::note(tx, org, &look.key, (after.bad, after.good), look.value).await?;
    match change {
        Change::Stays => {}
        Change::Opens => open(tx, org, clock, look).await?,
        Change::Closes => {
            close(tx, org, clock, &look.key).await?;
        }
    }
    Ok(change)
}

async fn open(tx: &mut OrgTx, org: OrgId, clock: &SharedClock, look: &Look) -> anyhow::Result<()> {
    let now = clock.now();
    let halted = match (look.severity, &look.about.halts) {
        (Severity::Critical, _) => Some(EVERYTHING),
        (Severity::Warning | Severity::Info, platform) => platform.as_deref(),
    };
    let mut lines = look.lines.clone();
    if let Some(platform) = halted {
        lines.push(format!(
            "Nothing is executed on {} until somebody resets it: `adjutant quality reset '{platform}' --reason …`.",
            if platform == EVERYTHING { "any platform" } else { platform }
        ));
    }
    let row = AlertRow {
        id: new_uuid(&**clock),
        code: look.code.to_owned(),
        key: look.key.clone(),
        severity: look.severity.as_str().to_owned(),
        about: json!({"title": look.title, "lines": lines}),
        value: look.value,
        opened_at: now,
        closed_at: None,
        acknowledged_at: None,
        source: look.about.source.clone(),
        connection: look.about.connection,
        since: look.about.since,
        incomplete_from: None,
    };
    if !alerts::open(tx, org, &row).await? {
        return Ok(());
    }
    tracing::warn!(%org, alert = look.key, severity = %look.severity, "an alert opened");
    tell(tx, org, clock, &row, (row.id, now)).await?;
    if let Some(platform) = halted
        && breakers::open(tx, org, platform, &look.title, now).await?
    {
        let mut entry = NewEntry::by_system("breaker.opened", "breaker", platform, now);
        entry.after = Some(json!({"cause": look.title, "alert": row.id, "check": look.key}));
        audit::append(tx, org, &entry).await?;
    }
    let mut properties = json!({"anomaly_id": row.id, "metric_id": look.key, "anomaly_type": look.anomaly,
        "anomaly_severity": look.severity});
    if let Some(value) = look.value {
        properties["actual_value"] = rounded(value);
    }
    let event = json!({"name": "anomaly_detected", "entity": {"type": "metric", "id": look.key}, "properties": properties});
    emit(tx, org, &**clock, vec![event]).await?;
    let detected = Message {
        id: new_uuid(&**clock),
        kind: MessageType::AnomalyDetected,
        at: now,
        data: json!({"object": {"type": "alert", "id": row.id}, "check": row.key, "type": look.anomaly,
            "severity": row.severity, "path": "/api/quality"}),
    };
    webhooks::announce(tx, org, &detected).await?;
    Ok(())
}

/// Closes the alert of a check; gives whether one was open. Figures that were marked incomplete because of it are counted again.
pub async fn close(tx: &mut OrgTx, org: OrgId, clock: &SharedClock, key: &str) -> anyhow::Result<bool> {
    let now = clock.now();
    let Some(row) = alerts::close(tx, org, key, now).await? else { return Ok(false) };
    tracing::info!(%org, alert = key, "an alert closed");
    if let Some(from) = row.incomplete_from {
        recount(tx, org, &row, from, now).await?;
    }
    tell(tx, org, clock, &row, (new_uuid(&**clock), now)).await?;
    Ok(true)
}

/// Notes that somebody has seen an alert, and says so where it was told; nothing for one that is not there. One that is closed, or
/// was seen before, stays as it is. `by` is none for whoever runs the program itself.
pub async fn acknowledge(
    tx: &mut OrgTx,
    org: OrgId,
    clock: &SharedClock,
    id: Uuid,
    (name, by): (&str, Option<MemberId>),
) -> anyhow::Result<Option<AlertRow>> {
    let Some(row) = alerts::get(tx, org, id).await? else { return Ok(None) };
    if row.closed_at.is_some() || row.acknowledged_at.is_some() {
        return Ok(Some(row));
    }
    let now = clock.now();
    alerts::acknowledge(tx, org, id, (name, by), now).await?;
    let row = alerts::get(tx, org, id).await?;
    if let Some(row) = &row {
        tell(tx, org, clock, row, (new_uuid(&**clock), now)).await?;
    }
    Ok(row)
}

/// Alerts of a code whose keys end in `suffix` and that outlast their grace: the days since are asked to be read again, where there
/// is something to read, and the figures of the source are incomplete until it is over (`events.md` §8). Asked once a grace.
/// Gives how many.
pub async fn outlasted(
    tx: &mut OrgTx,
    org: OrgId,
    clock: &SharedClock,
    code_and_suffix: (&str, &str),
    grace: SignedDuration,
) -> anyhow::Result<u64> {
    let now = clock.now();
    let late = alerts::outlasting(tx, org, code_and_suffix, grace, now).await?;
    for row in &late {
        let from = row.since.unwrap_or(row.opened_at).min(row.opened_at);
        let zone = zone(tx, org).await?;
        let (source, day) = (row.source.as_deref(), local_day(from, &zone));
        let asked = syncs::ask_backfill(tx, org, (source, row.connection), day).await?;
        alerts::mark_incomplete(tx, org, row.id, from, now).await?;
        if row.incomplete_from.is_some() {
            continue;
        }
        if let Some(connection) = row.connection {
            facts::synced::mark_incomplete(tx, org, connection, day, now).await?;
        }
        if let Some(row) = alerts::get(tx, org, row.id).await? {
            recount(tx, org, &row, from, now).await?;
            tracing::warn!(%org, alert = row.key, asked, "an alert outlasts its grace");
            tell(tx, org, clock, &row, (new_uuid(&**clock), now)).await?;
        }
    }
    Ok(late.len() as u64)
}

/// Queues the days since a moment to be counted again, so that their rows take on a mark, or lose it.
async fn recount(
    tx: &mut OrgTx,
    org: OrgId,
    row: &AlertRow,
    from: Timestamp,
    now: Timestamp,
) -> anyhow::Result<()> {
    let Some(source) = &row.source else { return Ok(()) };
    let zone = zone(tx, org).await?;
    let place = Restated {
        entity_kind: "source".to_owned(),
        entity_id: source.clone(),
        channel: "unknown".to_owned(),
    };
    let last = local_day(now, &zone);
    let days: Vec<(Date, Restated)> = local_day(from, &zone)
        .series(1.day())
        .take_while(|day| *day <= last)
        .map(|day| (day, place.clone()))
        .collect();
    Ok(rows::restate(tx, org, &days, "alert", now).await?)
}

async fn zone(tx: &mut OrgTx, org: OrgId) -> anyhow::Result<TimeZone> {
    let basis = rollups::basis(tx, org).await?;
    Ok(TimeZone::get(&basis.time_zone).unwrap_or(TimeZone::UTC))
}

/// One message an incident, brought up to date where it stands; told to other programs under an id of its own.
async fn tell(
    tx: &mut OrgTx,
    org: OrgId,
    clock: &SharedClock,
    row: &AlertRow,
    (id, at): (Uuid, Timestamp),
) -> anyhow::Result<()> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut lines: Vec<String> = row.about["lines"].as_array().into_iter().flatten().map(text).collect();
    if let (Some(from), None) = (row.incomplete_from, row.closed_at) {
        let what = row.source.as_deref().unwrap_or("this source");
        lines.push(format!("Figures of {what} since {from} are marked incomplete until it is over."));
    }
    if let Some(at) = row.acknowledged_at {
        lines.push(format!("{} has seen it, {at}.", text(&row.about["seen_by"])));
    }
    let notice = Notice::Alert(Alert {
        incident: row.id.to_string(),
        title: format!("{} ({})", text(&row.about["title"]), row.severity),
        lines,
        opened_at: row.opened_at,
        resolved_at: row.closed_at,
        question: None,
    });
    notices::publish(tx, org, OutboxId::new(&**clock), &notice, clock.now()).await?;
    let state = match (row.closed_at, row.acknowledged_at) {
        (Some(_), _) => "resolved",
        (None, Some(_)) => "acknowledged",
        (None, None) if row.incomplete_from.is_some() => "incomplete",
        (None, None) => "open",
    };
    let data = json!({
        "object": { "type": "alert", "id": row.id },
        "code": row.code,
        "check": row.key,
        "severity": row.severity,
        "state": state,
        "path": "/api/quality",
    });
    webhooks::announce(tx, org, &Message { id, kind: MessageType::DataQualityAlert, at, data }).await?;
    Ok(())
}

/// Three decimals: an event takes six at most.
pub fn rounded(value: f64) -> Value {
    json!((value * 1_000.0).round() / 1_000.0)
}
