//! What an item of a batch becomes: an event fit for the table `events`, or a rejection that says why.
use super::lists::{ActorType, Channel, ConsentStatus, EntityKind, PiiMode, SlaClass, Source, Via};
use super::registry::Registry;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Serialize;
use std::sync::Arc;
use uuid::Uuid;

/// What an item is judged by: the key, the organisation and the moment.
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    /// Built-in names and the organisation's own.
    pub registry: &'a Registry,
    /// When the batch was received: the one time of all its items.
    pub now: Timestamp,
    /// What the key may send; [`Source::ORDINARY`] unless an admin granted more. `system` counts for [`Via::Internal`] alone.
    pub sources: &'a [Source],
    pub pii: PiiMode,
    /// ISO 4217; where there is none, money needs its currency.
    pub base_currency: Option<&'a str>,
    /// `event.write_system`: quality events may be sent.
    pub may_write_system: bool,
    /// [`Via::Internal`] alone may use internal names.
    pub via: Via,
    /// A connector's backfill or a CSV import: 37 months are allowed instead of 30 days.
    pub backfill: bool,
}

/// An event that keeps every rule, in the shape of the table `events`.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub id: Uuid,
    /// As in the registry: shared, not copied.
    pub name: Arc<str>,
    /// Of whole milliseconds.
    pub occurred_at: Timestamp,
    pub source: Source,
    pub channel: Channel,
    /// What it is about; none is stored as `org`, `org`.
    pub entity: Option<(EntityKind, String)>,
    /// Who did it; none is stored as `system` with an empty id.
    pub actor: Option<(ActorType, String)>,
    pub session_id: Option<String>,
    pub session_seq: Option<i32>,
    /// 0 or more, at most 12 digits before and 6 after the point.
    pub value: Option<Decimal>,
    /// ISO 4217; given, or the organisation's.
    pub currency: Option<String>,
    /// A JSON object; nothing in it that PostgreSQL refuses, personal data replaced.
    pub props: String,
    /// A JSON object of known keys alone, without `ip`.
    pub context: String,
    /// More than 24 hours old when received.
    pub late_arrival: bool,
    pub backfill: bool,
    /// Whole seconds from `occurred_at` to `now`; 0 for a clock that is ahead.
    pub ingest_lag_seconds: i32,
    /// The registry's version of this name.
    pub schema_version: i32,
    /// Paths of what was replaced: `properties.search_query`, `context.page_url`.
    pub scrubbed_fields: Vec<String>,
    /// SHA-256 of the item as it was sent, in canonical form: equal for every order of keys, white space and spelling of a number.
    pub payload_hash: [u8; 32],
    pub class: SlaClass,
    /// What somebody does rather than buys: not stored of a person who denied `analytics` (`events.md` §11).
    pub behaviour: bool,
    /// `context.consent.analytics` as it was sent.
    pub consent_analytics: Option<ConsentStatus>,
    pub warnings: Vec<Warning>,
    pub quality: Quality,
}

impl Event {
    /// Whether the event itself says that it must not be stored; the ledger may say so too.
    pub fn denied(&self) -> bool {
        self.behaviour && self.consent_analytics == Some(ConsentStatus::Denied)
    }
}

/// What the measures of `events.md` §9 count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quality {
    pub unknown_properties: bool,
    /// Required and recommended properties that are not null, and how many there are.
    pub filled: u16,
    pub expected: u16,
}

/// Said of an item that is accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Warning {
    pub code: &'static str,
    pub message: String,
}

/// One thing that is wrong. Codes are stable and the messages exact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Fault {
    pub code: &'static str,
    pub message: String,
    /// From the root of the item: `id`, `actor.id`, `properties.order_value`.
    pub path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Why an item is not stored: one fault of the envelope, or up to ten of its properties in the order of `events.md` §4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// That of the first fault.
    pub code: &'static str,
    pub errors: Vec<Fault>,
    /// `id` as it was sent, for the result item: cut at 64 characters; none where it was no text.
    pub id: Option<String>,
    /// For the quality log: the source, where it is known.
    pub source: Option<Source>,
    pub class: Option<SlaClass>,
    /// For `rejected_samples`: a JSON object of the named fields, personal data replaced, at most 4 KiB.
    pub fragment: String,
}
