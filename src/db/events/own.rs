//! Events of the program's own about what it just wrote: source `system`, in the transaction of their cause, under ids that follow
//! from the cause, so that none is told twice. No key may send them, nothing is counted from them, and they are not counted among
//! what came in. Their names and properties are those of the registry (`events.md` §3.11), which a test holds them to.
use super::ledger::{self, Claim};
use super::{Received, Row};
use crate::db::OrgTx;
use crate::db::audit::Entry;
use crate::ids::{DraftId, OrgId};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// Everything that the program says by itself; what nothing produces yet is not among them.
pub const NAMES: &[&str] = &[
    "action_executed",
    "action_failed",
    "action_measured",
    "action_rolled_back",
    "consent_changed",
    "draft_created",
    "draft_decided",
    "draft_revised",
    "entity_changed",
    "sync_completed",
    "sync_failed",
];

/// Longest value that is told of a change, in bytes (`events.md` §3: `json`).
const MOST_BYTES: usize = 8 * 1024;

/// An event to be.
#[derive(Clone, Debug)]
pub struct Own {
    pub name: &'static str,
    /// What it follows from: the same parts are the same event.
    pub cause: Vec<String>,
    pub at: Timestamp,
    /// Kind and id; none is stored as `org`, `org`.
    pub entity: Option<(&'static str, String)>,
    /// The customer that it is about.
    pub customer: Option<String>,
    pub props: Value,
}

impl Own {
    fn id(&self, org: OrgId) -> Uuid {
        let mut hash = Sha256::new();
        for part in
            [org.to_string().as_str(), self.name].into_iter().chain(self.cause.iter().map(String::as_str))
        {
            hash.update(part.as_bytes());
            hash.update([0x1f]);
        }
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.finalize()[..16]);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }

    /// What an entry of the audit log is told as, if it is: `action_type` and `platform` are those of its draft.
    pub fn of_entry(entry: &Entry, draft: &Draft) -> Option<Self> {
        let name = name_of(&entry.action)?;
        let after = |field: &str| entry.after.as_ref().and_then(|after| after.get(field)).cloned();
        let mut props = json!({"draft_id": entry.object_id, "action_type": draft.kind});
        match name {
            "draft_decided" => {
                props = json!({"draft_id": entry.object_id, "decision": entry.action.strip_prefix("draft.")});
            }
            "action_executed" | "action_rolled_back" => props["platform"] = json!(draft.platform),
            "action_failed" => props["code"] = after("code").unwrap_or_default(),
            "action_measured" => props["verdict"] = after("verdict").unwrap_or_default(),
            _ => {}
        }
        if let (Some(revision), true) = (entry.revision.or(draft.revision), name.starts_with("draft_")) {
            props["revision"] = json!(revision);
        }
        if let Some(props) = props.as_object_mut() {
            props.retain(|_, value| !value.is_null());
        }
        Some(Self {
            name,
            cause: vec![entry.seq.to_string(), entry.object_id.clone()],
            at: entry.at,
            entity: Some(("draft", entry.object_id.clone())),
            customer: None,
            props,
        })
    }
}

/// The event of an action of the audit log: one fact, two spellings (`data-model.md` §9).
fn name_of(action: &str) -> Option<&'static str> {
    Some(match action {
        "draft.created" => "draft_created",
        "draft.revised" => "draft_revised",
        "draft.approved"
        | "draft.rejected"
        | "draft.changes_requested"
        | "draft.cancelled"
        | "draft.expired" => "draft_decided",
        "execution.executed" => "action_executed",
        "execution.failed" => "action_failed",
        "rollback.done" => "action_rolled_back",
        "measurement.written" => "action_measured",
        _ => return None,
    })
}

/// What an event says of a draft.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Draft {
    #[sqlx(rename = "type")]
    pub kind: String,
    pub platform: String,
    pub revision: Option<i32>,
}

/// Tells an entry of the audit log as an event, if it is one of those.
pub async fn tell_entry(tx: &mut OrgTx, org: OrgId, entry: &Entry) -> Result<(), sqlx::Error> {
    if entry.object_type != "draft" || name_of(&entry.action).is_none() {
        return Ok(());
    }
    let Ok(id) = entry.object_id.parse::<Uuid>() else { return Ok(()) };
    let draft: Option<Draft> =
        sqlx::query_as("select type, platform, revision from drafts where org_id = $1 and id = $2")
            .bind(org)
            .bind(DraftId(id))
            .fetch_optional(&mut **tx)
            .await?;
    match draft.and_then(|draft| Own::of_entry(entry, &draft)) {
        Some(own) => tell(tx, org, &[own]).await,
        None => Ok(()),
    }
}

/// A value of a change, as long as it may be.
pub fn told(value: &Value) -> Value {
    if value.to_string().len() <= MOST_BYTES { value.clone() } else { json!({"too_long": true}) }
}

/// Events of one statement.
const BATCH: usize = 1_000;

/// Stores them; those that are there already stay as they are.
pub async fn tell(tx: &mut OrgTx, org: OrgId, all: &[Own]) -> Result<(), sqlx::Error> {
    for part in all.chunks(BATCH) {
        let mut part: Vec<(Uuid, &Own)> = part.iter().map(|own| (own.id(org), own)).collect();
        part.sort_by_key(|(id, _)| *id);
        part.dedup_by_key(|(id, _)| *id);
        store(tx, org, &part).await?;
    }
    Ok(())
}

async fn store(tx: &mut OrgTx, org: OrgId, part: &[(Uuid, &Own)]) -> Result<(), sqlx::Error> {
    let Some((batch, first)) = part.first() else { return Ok(()) };
    // Events are of whole milliseconds.
    let at = |own: &Own| Timestamp::from_millisecond(own.at.as_millisecond()).unwrap_or(own.at);
    let texts: Vec<String> = part.iter().map(|(_, own)| own.props.to_string()).collect();
    let hashes: Vec<[u8; 32]> = texts.iter().map(|text| Sha256::digest(text).into()).collect();
    let claims: Vec<Claim> = part
        .iter()
        .zip(&hashes)
        .map(|((id, own), hash)| Claim {
            id: *id,
            occurred_on: at(own).to_zoned(TimeZone::UTC).date(),
            payload_hash: *hash,
        })
        .collect();
    let new = ledger::claim(tx, org, &claims, first.at).await?;
    let rows: Vec<Row<'_>> = part
        .iter()
        .zip(texts.iter().zip(&hashes))
        .filter(|((id, _), _)| new.contains(id))
        .map(|((id, own), (text, hash))| {
            let (kind, thing) = own.entity.as_ref().map_or(("org", "org"), |(kind, id)| (*kind, id.as_str()));
            let customer = own.customer.as_deref();
            Row {
                id: *id,
                occurred_at: at(own),
                name: own.name,
                source: "system",
                channel: "internal",
                entity_kind: kind,
                entity_id: thing,
                canonical_id: None,
                actor_type: if customer.is_some() { "customer" } else { "system" },
                actor_id: customer.unwrap_or_default(),
                customer_id: customer,
                session_id: "",
                session_seq: None,
                value: None,
                currency: None,
                props: text,
                context: "{}",
                ingest_lag_seconds: 0,
                late_arrival: false,
                backfill: false,
                schema_version: 1,
                scrubbed_fields: &[],
                payload_hash: hash,
            }
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    let received = Received { at: first.at, via: "internal", batch: *batch, key: None };
    super::insert(tx, org, &rows, &received).await?;
    Ok(())
}
