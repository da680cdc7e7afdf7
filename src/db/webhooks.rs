//! Webhooks that other programs ask for (`events.md` §12): endpoints, and the deliveries that wait for them or were made.
//!
//! A message is put down in the transaction of its cause, one row an endpoint that wants its type: what was rolled back is told
//! to nobody, and what was committed is not forgotten.
pub mod deliveries;
pub mod endpoints;

use super::audit::Entry;
use super::{Error, OrgTx};
use crate::ids::{OrgId, WebhookId};
use crate::text::clean;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use serde_json::{Value, json};
use uuid::Uuid;

crate::closed_list! {
    /// What is told (`events.md` §12).
    MessageType = "type of message" {
        AnomalyDetected = "anomaly.detected",
        ReportGenerated = "report.generated",
        SyncCompleted = "sync.completed",
        SyncFailed = "sync.failed",
        InsightCreated = "insight.created",
        ThresholdExceeded = "metric.threshold_exceeded",
        ConnectorConnected = "connector.connected",
        ConnectorDisconnected = "connector.disconnected",
        DataQualityAlert = "data_quality.alert",
        OpportunityCreated = "opportunity.created",
        DraftCreated = "draft.created",
        DraftRevised = "draft.revised",
        DraftApproved = "draft.approved",
        DraftRejected = "draft.rejected",
        DraftExpired = "draft.expired",
        ActionScheduled = "action.scheduled",
        ActionExecuted = "action.executed",
        ActionFailed = "action.failed",
        ActionRolledBack = "action.rolled_back",
        ActionMeasured = "action.measured",
        ExperimentDecided = "experiment.decided",
        ComplianceFlagged = "compliance.flagged",
        PrivacyErased = "privacy.erased",
        Ping = "ping",
    }
}

/// Every type, also those to come.
pub const ANY_TYPE: &str = "*";

impl MessageType {
    /// The type that an entry of the audit log is told as, if it is told.
    pub fn of_action(action: &str) -> Option<Self> {
        Some(match action {
            "draft.scheduled" => Self::ActionScheduled,
            "source.added" => Self::ConnectorConnected,
            "source.removed" | "source.disconnected" => Self::ConnectorDisconnected,
            // One fact, three spellings (`data-model.md` §9).
            "execution.executed" => Self::ActionExecuted,
            "execution.failed" => Self::ActionFailed,
            "rollback.done" => Self::ActionRolledBack,
            "measurement.written" => Self::ActionMeasured,
            // Of the same name in both places; the others of the list have causes of their own.
            "draft.created" | "draft.revised" | "draft.approved" | "draft.rejected" | "draft.expired"
            | "experiment.decided" | "compliance.flagged" | "privacy.erased" => action.parse().ok()?,
            _ => return None,
        })
    }
}

/// Longest part of a message that comes from elsewhere, characters.
const PART: usize = 255;
/// Something to be told.
#[derive(Clone, Debug)]
pub struct Message {
    /// The same for every endpoint and every try.
    pub id: Uuid,
    pub kind: MessageType,
    pub at: Timestamp,
    /// Ids and words of closed lists: no personal data.
    pub data: Value,
}

impl Message {
    /// The body that is signed and sent.
    fn body(&self) -> String {
        json!({ "type": self.kind, "timestamp": self.at.to_string(), "data": self.data }).to_string()
    }

    /// An entry of the audit log, if it is told. Its id follows from the entry, so that nothing is told twice.
    pub fn of_entry(entry: &Entry) -> Option<Self> {
        let kind = MessageType::of_action(&entry.action)?;
        let id = entry.entry_hash.first_chunk::<16>()?;
        let part = |text: &str| clean(text, PART);
        let mut data = json!({
            "object": { "type": part(&entry.object_type), "id": part(&entry.object_id) },
            "by": { "type": entry.actor_type, "surface": entry.surface },
            "audit_seq": entry.seq,
        });
        if let Some(revision) = entry.revision {
            data["revision"] = json!(revision);
        }
        if entry.object_type == "draft" {
            data["path"] = json!(format!("/api/drafts/{}", part(&entry.object_id)));
        }
        let id = uuid::Builder::from_custom_bytes(*id).into_uuid();
        Some(Self { id, kind, at: entry.at, data })
    }
}

/// Puts a message down for every endpoint that wants it, in the transaction of its cause.
pub async fn announce(tx: &mut OrgTx, org: OrgId, message: &Message) -> Result<u64, Error> {
    let done = sqlx::query(
        "insert into webhook_deliveries (org_id, endpoint_id, message_id, type, body, created_at, next_at)
         select $1, e.id, $2, $3, $4, $5, $5 from webhook_endpoints e
         where e.org_id = $1 and e.enabled and e.types && array[$3, $6]
         on conflict do nothing",
    )
    .bind(org)
    .bind(message.id)
    .bind(message.kind.as_str())
    .bind(message.body())
    .bind(message.at.to_sqlx())
    .bind(ANY_TYPE)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

/// Puts a message down for one endpoint, whatever types it wants.
pub async fn tell(tx: &mut OrgTx, org: OrgId, endpoint: WebhookId, message: &Message) -> Result<(), Error> {
    sqlx::query(
        "insert into webhook_deliveries (org_id, endpoint_id, message_id, type, body, created_at, next_at)
         values ($1, $2, $3, $4, $5, $6, $6)",
    )
    .bind(org)
    .bind(endpoint)
    .bind(message.id)
    .bind(message.kind.as_str())
    .bind(message.body())
    .bind(message.at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}
