//! The codes of `events.md` §4 with their messages: stable, and exact apart from what is substituted.
use super::event::{Fault, Warning};
use jiff::Timestamp;
use std::fmt::Display;

/// Longer words of a client are cut in messages.
const WORD: usize = 128;

/// The codes that are collected, in the order in which they are reported.
const COLLECTED: &[&str] = &[
    "event.property_missing",
    "event.property_type",
    "event.property_uuid",
    "event.property_enum",
    "event.property_negative",
    "event.property_range",
    "event.score_out_of_range",
    "event.property_too_large",
    "event.pii_detected",
];
/// As many as one item is told of.
const MOST: usize = 10;

/// Collected faults in the order of the checks, at most ten.
pub(super) fn in_order(mut faults: Vec<Fault>) -> Vec<Fault> {
    faults.sort_by_key(|fault| COLLECTED.iter().position(|code| *code == fault.code));
    faults.truncate(MOST);
    faults
}

pub(super) fn cut(word: &str) -> String {
    match word.char_indices().nth(WORD) {
        Some((end, _)) => format!("{}…", &word[..end]),
        None => word.to_owned(),
    }
}

fn fault(code: &'static str, path: &str, message: String) -> Fault {
    Fault { code, message, path: cut(path), hint: None }
}

impl Fault {
    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

pub(super) fn not_object(index: usize) -> Fault {
    fault("event.not_object", "", format!("Item {index} is not a JSON object."))
}

pub(super) fn too_large(bytes: usize) -> Fault {
    fault("event.too_large", "", format!("Event is {bytes} bytes; the limit is 65536."))
}

pub(super) fn unknown_field(field: &str) -> Fault {
    fault("event.unknown_field", field, format!("Unknown top-level field '{}'.", cut(field)))
}

pub(super) fn server_field(field: &str) -> Fault {
    fault("event.server_field", field, format!("Field '{field}' is set by the server and must not be sent."))
}

pub(super) fn id_missing() -> Fault {
    fault("event.id_missing", "id", "Field 'id' is required and must not be empty.".into())
}

pub(super) fn id_invalid() -> Fault {
    fault("event.id_invalid", "id", "Field 'id' must be a UUID.".into())
}

pub(super) fn name_missing() -> Fault {
    fault("event.name_missing", "name", "Field 'name' is required and must not be empty.".into())
}

pub(super) fn name_unknown(name: &str, meant: Option<&str>) -> Fault {
    let message = format!("Unknown event name '{}'. See GET /api/events/registry.", cut(name));
    let fault = fault("event.name_unknown", "name", message);
    match meant {
        Some(meant) => fault.hint(format!("did_you_mean: {meant}")),
        None => fault,
    }
}

pub(super) fn name_internal(name: &str) -> Fault {
    fault("event.name_internal", "name", format!("Event '{name}' can only be produced by the server."))
}

pub(super) fn occurred_at_missing() -> Fault {
    fault("event.occurred_at_missing", "occurred_at", "Field 'occurred_at' is required.".into())
}

pub(super) fn occurred_at_invalid() -> Fault {
    let message = "Field 'occurred_at' must be an RFC 3339 timestamp with an offset.".into();
    fault("event.occurred_at_invalid", "occurred_at", message)
}

pub(super) fn occurred_at_future(seconds: i64) -> Fault {
    let message = format!("Field 'occurred_at' is {seconds} s in the future; the limit is 300 s.");
    fault("event.occurred_at_future", "occurred_at", message)
}

/// A backfill is refused with its own limit and is told no other way: there is none.
pub(super) fn occurred_at_too_old(days: i64, backfill: bool) -> Fault {
    let message = if backfill {
        format!("Field 'occurred_at' is {days} days old; the limit is 37 months.")
    } else {
        format!(
            "Field 'occurred_at' is {days} days old; the limit is 30 days. Use a connector backfill or a CSV import."
        )
    };
    fault("event.occurred_at_too_old", "occurred_at", message)
}

pub(super) fn source_missing() -> Fault {
    fault("event.source_missing", "source", "Field 'source' is required.".into())
}

pub(super) fn source_invalid(source: &str) -> Fault {
    fault("event.source_invalid", "source", format!("Source '{}' is not in the whitelist.", cut(source)))
}

pub(super) fn source_forbidden(source: &str) -> Fault {
    fault("event.source_forbidden", "source", format!("This API key may not send source '{source}'."))
}

pub(super) fn channel_invalid(channel: &str) -> Fault {
    fault("event.channel_invalid", "channel", format!("Channel '{}' is not known.", cut(channel)))
}

pub(super) fn entity_missing(name: &str, kinds: &str) -> Fault {
    fault("event.entity_missing", "entity", format!("Event '{name}' requires 'entity' of type {kinds}."))
}

pub(super) fn entity_invalid() -> Fault {
    fault("event.entity_invalid", "entity", "Field 'entity' must be {type, id} with a known type.".into())
}

pub(super) fn actor_missing(name: &str) -> Fault {
    fault("event.actor_missing", "actor.id", format!("Event '{name}' requires 'actor.id'."))
}

pub(super) fn actor_invalid() -> Fault {
    fault("event.actor_invalid", "actor", "Field 'actor' must be {type, id} with a known type.".into())
}

pub(super) fn session_invalid() -> Fault {
    fault("event.session_invalid", "session", "Field 'session' must be {id, sequence?}.".into())
}

pub(super) fn value_invalid() -> Fault {
    fault("event.value_invalid", "value", "Field 'value' must be a decimal.".into())
        .hint("at most 12 digits before the point and 6 behind it")
}

pub(super) fn value_negative() -> Fault {
    fault("event.value_negative", "value", "Field 'value' must be >= 0.".into())
}

pub(super) fn currency_missing(name: &str) -> Fault {
    let message = format!("Event '{name}' carries money and requires 'currency'.");
    fault("event.currency_missing", "currency", message)
}

pub(super) fn currency_invalid(currency: &str) -> Fault {
    let message = format!("'{}' is not an ISO 4217 code.", cut(currency));
    fault("event.currency_invalid", "currency", message)
}

pub(super) fn property_missing(path: &str, name: &str) -> Fault {
    fault("event.property_missing", path, format!("Property '{}' is required for '{name}'.", cut(path)))
}

pub(super) fn property_type(path: &str, kind: &str) -> Fault {
    fault("event.property_type", path, format!("Property '{}' must be {kind}.", cut(path)))
}

pub(super) fn property_uuid(path: &str) -> Fault {
    fault("event.property_uuid", path, format!("Property '{}' must be a UUID.", cut(path)))
}

pub(super) fn property_enum(path: &str, values: &[String]) -> Fault {
    let message = format!("Property '{}' must be one of {}.", cut(path), values.join(", "));
    fault("event.property_enum", path, message)
}

pub(super) fn property_negative(path: &str) -> Fault {
    fault("event.property_negative", path, format!("Property '{}' must be >= 0.", cut(path)))
}

pub(super) fn property_range(path: &str, min: &dyn Display, max: &dyn Display) -> Fault {
    let message = format!("Property '{}' must be between {min} and {max}.", cut(path));
    fault("event.property_range", path, message)
}

pub(super) fn score_out_of_range(path: &str) -> Fault {
    let message = format!("Score '{}' must be between 0.0 and 1.0.", cut(path));
    fault("event.score_out_of_range", path, message)
}

pub(super) fn property_too_large(path: &str, limit: &str) -> Fault {
    fault("event.property_too_large", path, format!("Property '{}' exceeds {limit}.", cut(path)))
}

pub(super) fn pii_detected(path: &str, kind: &dyn Display) -> Fault {
    let message = format!("Property '{}' looks like {kind}; personal data is not accepted.", cut(path));
    fault("event.pii_detected", path, message)
}

/// For a key with `strict_references`: `kind` with a capital, as it begins the sentence.
pub fn reference_unknown(path: &str, kind: &str, id: &str) -> Fault {
    fault("event.reference_unknown", path, format!("{kind} '{}' is not known.", cut(id)))
}

/// The same id with other content, more than five minutes after the first receipt (or within one batch).
pub fn duplicate_conflict(first_received_at: Timestamp) -> Fault {
    let message = format!("Event id was already stored with different content at {first_received_at}.");
    fault("event.duplicate_conflict", "id", message)
}

pub fn holdout_mismatch(group: &str, campaign: &str, sent: &str) -> Fault {
    let message =
        format!("Actor is assigned to {group} for campaign '{}' but the event says {sent}.", cut(campaign));
    fault("event.holdout_mismatch", "properties.is_holdout", message)
}

pub(super) fn property_unknown(path: &str, name: &str) -> Warning {
    let message = format!("Property '{}' is not in the registry for '{name}'; it is kept.", cut(path));
    Warning { code: "event.property_unknown", message }
}

pub(super) fn context_dropped(keys: &[String]) -> Warning {
    let message = format!("Context keys that are not known or not valid were dropped: {}.", keys.join(", "));
    Warning { code: "event.context_dropped", message }
}

pub(super) fn pii_scrubbed(fields: &[String]) -> Warning {
    let message = format!("Personal data was replaced in: {}.", fields.join(", "));
    Warning { code: "event.pii_scrubbed", message }
}

pub(super) fn late_arrival(hours: i64) -> Warning {
    Warning { code: "event.late_arrival", message: format!("Event arrived {hours} h after it occurred.") }
}

pub(super) fn currency_defaulted(currency: &str) -> Warning {
    let message = format!("No currency was sent; the organisation's base currency {currency} is taken.");
    Warning { code: "event.currency_defaulted", message }
}

pub(super) fn consent_unknown() -> Warning {
    let message = "Consent to analytics is unknown; it counts as not granted where it is asked for.".into();
    Warning { code: "event.consent_unknown", message }
}

/// No canonical entity yet: the event is counted by its own id until somebody links it.
pub fn entity_unmapped(kind: &str, id: &str) -> Warning {
    let message = format!("{kind} '{}' has no canonical entity yet.", cut(id));
    Warning { code: "event.entity_unmapped", message }
}

/// A marketer's event that happened before the one its session sent last.
pub fn order_violation() -> Warning {
    let message = "Events of this session are not in the order in which they happened.".into();
    Warning { code: "event.order_violation", message }
}
