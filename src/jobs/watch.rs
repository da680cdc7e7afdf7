//! What a window of a check means: counted once, whoever of the replicas looked, and told once when an alert opens or closes
//! (`events.md` §9).
use crate::clock::SharedClock;
use crate::db::alerts::{self, AlertRow};
use crate::db::webhooks::{self, Message, MessageType};
use crate::db::{OrgTx, notices};
use crate::events::ingest::emit;
use crate::events::quality::{Anomaly, Change, QualityRules, Severity, Streak};
use crate::ids::{OrgId, OutboxId, new_uuid};
use crate::report::notice::{Alert, Notice};
use jiff::Timestamp;
use serde_json::{Value, json};

/// One look at one thing.
pub struct Look {
    /// `quality`, `lateness`, `freshness` or `breaker`.
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
    let row = AlertRow {
        id: new_uuid(&**clock),
        code: look.code.to_owned(),
        key: look.key.clone(),
        severity: look.severity.as_str().to_owned(),
        about: json!({"title": look.title, "lines": look.lines}),
        value: look.value,
        opened_at: now,
        closed_at: None,
    };
    if !alerts::open(tx, org, &row).await? {
        return Ok(());
    }
    tracing::warn!(%org, alert = look.key, severity = %look.severity, "an alert opened");
    tell(tx, org, clock, &row).await?;
    let mut properties = json!({"anomaly_id": row.id, "metric_id": look.key, "anomaly_type": look.anomaly,
        "anomaly_severity": look.severity});
    if let Some(value) = look.value {
        properties["actual_value"] = rounded(value);
    }
    let event = json!({"name": "anomaly_detected", "entity": {"type": "metric", "id": look.key}, "properties": properties});
    Ok(emit(tx, org, &**clock, vec![event]).await?)
}

/// Closes the alert of a check; gives whether one was open.
pub async fn close(tx: &mut OrgTx, org: OrgId, clock: &SharedClock, key: &str) -> anyhow::Result<bool> {
    let Some(row) = alerts::close(tx, org, key, clock.now()).await? else { return Ok(false) };
    tracing::info!(%org, alert = key, "an alert closed");
    tell(tx, org, clock, &row).await?;
    Ok(true)
}

/// One message an incident, brought up to date where it stands.
async fn tell(tx: &mut OrgTx, org: OrgId, clock: &SharedClock, row: &AlertRow) -> anyhow::Result<()> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let lines = row.about["lines"].as_array().into_iter().flatten().map(text).collect();
    let notice = Notice::Alert(Alert {
        incident: row.id.to_string(),
        title: format!("{} ({})", text(&row.about["title"]), row.severity),
        lines,
        opened_at: row.opened_at,
        resolved_at: row.closed_at,
        question: None,
    });
    notices::publish(tx, org, OutboxId::new(&**clock), &notice, clock.now()).await?;
    let (id, at, state) = match row.closed_at {
        None => (row.id, row.opened_at, "open"),
        Some(at) => (new_uuid(&**clock), at, "resolved"),
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
