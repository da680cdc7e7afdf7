//! The audit log: who did what, insert-only, chained per organisation.
//!
//! `entry_hash = SHA-256(prev_hash ‖ canonical entry)`, where the canonical entry is RFC 8785 JSON of every column but
//! the two hashes. [`append`] computes it here, in the transaction of the cause, under the row lock of `audit_heads`;
//! the first `prev_hash` is SHA-256 of the organisation's id. `verify.rs` recomputes it, `export.rs` writes it out.
mod export;
mod verify;

pub use export::{Export, Format, export};
pub use verify::{Broken, Verdict, anchor, verify};

use super::drafts::kinds::ActorKind;
use super::events::own;
use super::webhooks::{self, Message};
use super::{Error, OrgTx};
use crate::access::{Actor, Credential, Surface};
use crate::ids::{MemberId, OrgId};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// What is to be recorded. Values are masked by the caller: no address, phone, token.
#[derive(Clone, Debug)]
pub struct NewEntry {
    pub at: Timestamp,
    pub actor_type: ActorKind,
    pub actor_id: String,
    /// The member an API key or the agent works for.
    pub on_behalf_of: Option<MemberId>,
    pub surface: Surface,
    /// `area.verb`, for instance `draft.approved`.
    pub action: String,
    pub object_type: String,
    pub object_id: String,
    pub revision: Option<i32>,
    pub payload_hash: Option<Vec<u8>>,
    /// Fractions in numbers are stored as text (`12.5` → `"12.5"`), so that the hash never depends on rounding.
    pub before: Option<Value>,
    pub after: Option<Value>,
    pub reason: Option<String>,
    pub consent_check: Option<String>,
    pub request_id: Option<String>,
}

impl NewEntry {
    /// An act of a member, or of an API key on a member's behalf.
    pub fn by(
        actor: &Actor,
        action: &str,
        object_type: &str,
        object_id: impl ToString,
        at: Timestamp,
    ) -> Self {
        let (actor_type, actor_id, on_behalf_of) = match actor.credential {
            Credential::Session => (ActorKind::Member, actor.member.to_string(), None),
            Credential::ApiKey(key) => (ActorKind::ApiKey, key.to_string(), Some(actor.member)),
        };
        Self {
            actor_type,
            actor_id,
            on_behalf_of,
            surface: actor.surface,
            request_id: actor.request_id.clone(),
            ..Self::blank(action, object_type, object_id, at)
        }
    }

    /// An act of the model for the member who asked.
    pub fn by_agent(
        actor: &Actor,
        action: &str,
        object_type: &str,
        object_id: impl ToString,
        at: Timestamp,
    ) -> Self {
        Self {
            actor_type: ActorKind::Agent,
            actor_id: "agent".to_owned(),
            on_behalf_of: Some(actor.member),
            surface: actor.surface,
            request_id: actor.request_id.clone(),
            ..Self::blank(action, object_type, object_id, at)
        }
    }

    /// An act of the program itself: a deadline, a sync, a schedule.
    pub fn by_system(action: &str, object_type: &str, object_id: impl ToString, at: Timestamp) -> Self {
        Self::blank(action, object_type, object_id, at)
    }

    /// An act of whoever may run the program on the server's own machine.
    pub fn by_operator(action: &str, object_type: &str, object_id: impl ToString, at: Timestamp) -> Self {
        Self { surface: Surface::Cli, ..Self::blank(action, object_type, object_id, at) }
    }

    fn blank(action: &str, object_type: &str, object_id: impl ToString, at: Timestamp) -> Self {
        Self {
            at,
            actor_type: ActorKind::System,
            actor_id: "system".to_owned(),
            on_behalf_of: None,
            surface: Surface::Worker,
            action: action.to_owned(),
            object_type: object_type.to_owned(),
            object_id: object_id.to_string(),
            revision: None,
            payload_hash: None,
            before: None,
            after: None,
            reason: None,
            consent_check: None,
            request_id: None,
        }
    }
}

/// One link of the chain.
#[derive(Clone, Debug, Serialize, sqlx::FromRow)]
pub struct Entry {
    pub seq: i64,
    #[sqlx(try_from = "jiff_sqlx::Timestamp")]
    pub at: Timestamp,
    pub actor_type: ActorKind,
    pub actor_id: String,
    pub on_behalf_of: Option<MemberId>,
    pub surface: Surface,
    pub action: String,
    pub object_type: String,
    pub object_id: String,
    pub revision: Option<i32>,
    #[serde(serialize_with = "hex_or_null")]
    pub payload_hash: Option<Vec<u8>>,
    pub before: Option<Value>,
    pub after: Option<Value>,
    pub reason: Option<String>,
    pub consent_check: Option<String>,
    pub request_id: Option<String>,
    #[serde(serialize_with = "hex")]
    pub prev_hash: Vec<u8>,
    #[serde(serialize_with = "hex")]
    pub entry_hash: Vec<u8>,
}

impl Entry {
    /// What the link must be, given the one before.
    fn computed_hash(&self, org: OrgId, prev_hash: &[u8]) -> Vec<u8> {
        let canonical = json!({
            "org_id": org.to_string(),
            "seq": self.seq,
            "at": self.at.as_microsecond().to_string(),
            "actor_type": self.actor_type.as_str(),
            "actor_id": self.actor_id,
            "on_behalf_of": self.on_behalf_of.map(|id| id.to_string()),
            "surface": self.surface.as_str(),
            "action": self.action,
            "object_type": self.object_type,
            "object_id": self.object_id,
            "revision": self.revision,
            "payload_hash": self.payload_hash.as_deref().map(super::people::hex),
            "before": self.before,
            "after": self.after,
            "reason": self.reason,
            "consent_check": self.consent_check,
            "request_id": self.request_id,
        });
        // A JSON value always has a canonical form; the plain form would only fail to verify.
        let bytes = serde_json_canonicalizer::to_vec(&canonical)
            .unwrap_or_else(|_| canonical.to_string().into_bytes());
        let mut hash = Sha256::new();
        hash.update(prev_hash);
        hash.update(&bytes);
        hash.finalize().to_vec()
    }
}

/// What the first entry of an organisation follows.
fn origin(org: OrgId) -> Vec<u8> {
    Sha256::digest(org.to_string().as_bytes()).to_vec()
}

const COLUMNS: &str = "seq, at, actor_type, actor_id, on_behalf_of, surface, action, object_type, object_id, revision, \
                       payload_hash, before, after, reason, consent_check, request_id, prev_hash, entry_hash";

/// Writes the next link, in the transaction of what it records; returns its number. Other writers of the organisation
/// wait until that transaction ends.
pub async fn append(tx: &mut OrgTx, org: OrgId, new: &NewEntry) -> Result<i64, Error> {
    let (seq, prev_hash): (i64, Vec<u8>) = sqlx::query_as(
        // The update takes the row's lock also when the row is there already.
        "insert into audit_heads (org_id, seq, hash) values ($1, 0, $2)
         on conflict (org_id) do update set seq = audit_heads.seq
         returning seq, hash",
    )
    .bind(org)
    .bind(origin(org))
    .fetch_one(&mut **tx)
    .await?;
    let text = |text: &str| text.replace('\0', "");
    let mut entry = Entry {
        seq: seq + 1,
        // What the database keeps: microseconds.
        at: Timestamp::from_microsecond(new.at.as_microsecond()).unwrap_or(new.at),
        actor_type: new.actor_type,
        actor_id: text(&new.actor_id),
        on_behalf_of: new.on_behalf_of,
        surface: new.surface,
        action: text(&new.action),
        object_type: text(&new.object_type),
        object_id: text(&new.object_id),
        revision: new.revision,
        payload_hash: new.payload_hash.clone(),
        before: new.before.clone().map(storable),
        after: new.after.clone().map(storable),
        reason: new.reason.as_deref().map(text),
        consent_check: new.consent_check.as_deref().map(text),
        request_id: new.request_id.as_deref().map(text),
        entry_hash: Vec::new(),
        prev_hash,
    };
    entry.entry_hash = entry.computed_hash(org, &entry.prev_hash);
    sqlx::query(
        "with moved as (update audit_heads set seq = $2, hash = $19 where org_id = $1)
         insert into audit_log (org_id, seq, at, actor_type, actor_id, on_behalf_of, surface, action, object_type,
             object_id, revision, payload_hash, before, after, reason, consent_check, request_id, prev_hash, entry_hash)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
    )
    .bind(org)
    .bind(entry.seq)
    .bind(entry.at.to_sqlx())
    .bind(entry.actor_type)
    .bind(&entry.actor_id)
    .bind(entry.on_behalf_of)
    .bind(entry.surface)
    .bind(&entry.action)
    .bind(&entry.object_type)
    .bind(&entry.object_id)
    .bind(entry.revision)
    .bind(&entry.payload_hash)
    .bind(&entry.before)
    .bind(&entry.after)
    .bind(&entry.reason)
    .bind(&entry.consent_check)
    .bind(&entry.request_id)
    .bind(&entry.prev_hash)
    .bind(&entry.entry_hash)
    .execute(&mut **tx)
    .await?;
    if let Some(message) = Message::of_entry(&entry) {
        webhooks::announce(tx, org, &message).await?;
    }
    own::tell_entry(tx, org, &entry).await?;
    Ok(entry.seq)
}

/// Which entries; empty = all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub from: Option<Timestamp>,
    /// Exclusive.
    pub to: Option<Timestamp>,
    pub actor_id: Option<String>,
    /// An action, or an area with all its actions (`draft`).
    pub action: Option<String>,
    pub object_type: Option<String>,
    pub object_id: Option<String>,
    /// Entries about a campaign and about the drafts that would change it.
    pub campaign_id: Option<String>,
    /// Only entries about drafts that this member asked for.
    pub drafts_of: Option<MemberId>,
}

/// Entries by number, at most `limit` after `after` (0 = from the start).
pub async fn list(
    tx: &mut OrgTx,
    org: OrgId,
    filter: &Filter,
    after: i64,
    limit: i64,
) -> Result<Vec<Entry>, Error> {
    sqlx::query_as(sqlx::AssertSqlSafe(format!(
        "select {COLUMNS} from audit_log a
         where org_id = $1 and seq > $2
           and ($4::timestamptz is null or at >= $4) and ($5::timestamptz is null or at < $5)
           and ($6::text is null or actor_id = $6 or on_behalf_of::text = $6)
           and ($7::text is null or action = $7 or starts_with(action, $7 || '.'))
           and ($8::text is null or object_type = $8) and ($9::text is null or object_id = $9)
           and ($10::text is null or (object_type = 'campaign' and object_id = $10)
                or (object_type = 'draft' and exists (
                    select from draft_targets t where t.org_id = $1 and t.draft_id::text = a.object_id
                       and t.entity_kind = 'campaign' and t.entity_id = $10)))
           and ($11::uuid is null or (object_type = 'draft' and exists (
                select from drafts d where d.org_id = $1 and d.requested_by = $11 and d.id::text = a.object_id)))
         order by seq limit $3"
    )))
    .bind(org)
    .bind(after)
    .bind(limit)
    .bind(filter.from.map(|at| at.to_sqlx()))
    .bind(filter.to.map(|at| at.to_sqlx()))
    .bind(&filter.actor_id)
    .bind(&filter.action)
    .bind(&filter.object_type)
    .bind(&filter.object_id)
    .bind(&filter.campaign_id)
    .bind(filter.drafts_of)
    .fetch_all(&mut **tx)
    .await
}

/// The form that comes back from the database exactly as it went in.
fn storable(value: Value) -> Value {
    match value {
        Value::Number(number) if number.as_i64().is_none_or(|n| n.unsigned_abs() > 1 << 53) => {
            Value::String(number.to_string())
        }
        Value::String(text) => Value::String(text.replace('\0', "")),
        Value::Array(items) => items.into_iter().map(storable).collect(),
        Value::Object(map) => map.into_iter().map(|(k, v)| (k.replace('\0', ""), storable(v))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

fn hex<S: serde::Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&super::people::hex(bytes))
}

#[expect(clippy::ref_option, reason = "the signature serde calls")]
fn hex_or_null<S: serde::Serializer>(bytes: &Option<Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
    bytes.as_deref().map(super::people::hex).serialize(serializer)
}
