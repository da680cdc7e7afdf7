//! Everything of an item but its properties and its context: the first fault ends it.
use crate::events::event::{Fault, Rules, Warning};
use crate::events::fault;
use crate::events::instant;
use crate::events::json::{Json, is_number};
use crate::events::lists::{ActorType, Channel, EntityKind, Source, Via};
use crate::events::number::Number;
use crate::events::registry::{Definition, Kind};
use crate::money;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use rust_decimal::Decimal;
use uuid::Uuid;

const FIELDS: &[&str] = &[
    "id",
    "name",
    "occurred_at",
    "source",
    "channel",
    "entity",
    "actor",
    "session",
    "value",
    "currency",
    "properties",
    "context",
];
const SERVER_FIELDS: &[&str] = &[
    "org_id",
    "received_at",
    "ingest_lag_seconds",
    "late_arrival",
    "backfill",
    "ingested_via",
    "batch_id",
    "api_key_id",
    "schema_version",
    "scrubbed_fields",
    "payload_hash",
    "canonical_id",
];
/// `events.md` §1.
const MAX_FUTURE: SignedDuration = SignedDuration::from_secs(300);
const MAX_AGE: SignedDuration = SignedDuration::from_secs(30 * 86_400);
const BACKFILL_MONTHS: i64 = 37;
/// `events.md` §7.
const LATE: SignedDuration = SignedDuration::from_hours(24);
const ENTITY_ID: usize = 255;
const ACTOR_ID: usize = 128;
const SESSION_ID: usize = 255;

pub struct Envelope<'a> {
    pub definition: &'a Definition,
    pub id: Uuid,
    pub occurred_at: Timestamp,
    pub lag_seconds: i32,
    pub late: bool,
    pub source: Source,
    pub channel: Channel,
    pub entity: Option<(EntityKind, String)>,
    pub actor: Option<(ActorType, String)>,
    pub session_id: Option<String>,
    pub session_seq: Option<i32>,
    pub value: Option<Decimal>,
    pub currency: Option<String>,
    /// The currency is the organisation's and was not sent.
    pub defaulted: bool,
}

type Check<T> = Result<T, Fault>;

pub fn read<'a>(item: &Json<'_>, rules: &Rules<'a>) -> Check<Envelope<'a>> {
    known_fields(item)?;
    let id = id(item)?;
    let definition = name(item, rules)?;
    let (occurred_at, age) = occurred_at(item, rules)?;
    let source = source(item, rules)?;
    let channel = channel(item)?;
    let entity = entity(item, definition)?;
    let actor = actor(item, definition)?;
    let (session_id, session_seq) = session(item)?;
    let value = value(item)?;
    let (currency, defaulted) = currency(item, definition, value.is_some(), rules)?;
    if !matches!(item.get("properties"), Some(Json::Map(_))) {
        return Err(no_properties(item, definition));
    }
    Ok(Envelope {
        definition,
        id,
        occurred_at,
        lag_seconds: i32::try_from(age.as_secs().max(0)).unwrap_or(i32::MAX),
        late: age > LATE,
        source,
        channel,
        entity,
        actor,
        session_id,
        session_seq,
        value,
        currency,
        defaulted,
    })
}

impl Envelope<'_> {
    pub fn warnings(&self, rules: &Rules<'_>) -> Vec<Warning> {
        let mut warnings = Vec::new();
        if self.late {
            let hours = rules.now.duration_since(self.occurred_at).as_hours();
            warnings.push(fault::late_arrival(hours));
        }
        if let Some(currency) = self.currency.as_deref().filter(|_| self.defaulted) {
            warnings.push(fault::currency_defaulted(currency));
        }
        warnings
    }
}

/// `properties` is absent, or is no object.
pub fn no_properties(item: &Json<'_>, definition: &Definition) -> Fault {
    match item.get("properties") {
        None | Some(Json::Null) => fault::property_missing("properties", &definition.name),
        Some(_) => fault::property_type("properties", "an object"),
    }
}

/// What was sent, where null is nothing.
fn sent<'a, 'b>(item: &'a Json<'b>, field: &str) -> Option<&'a Json<'b>> {
    item.get(field).filter(|value| **value != Json::Null)
}

/// A word for a message: the text, or the JSON of what is none.
fn word(value: &Json<'_>) -> String {
    value.text().map_or_else(|| value.to_text(), str::to_owned)
}

/// A text that is not blank; of something else the fault of its kind.
fn text<'a>(
    value: Option<&'a Json<'_>>,
    missing: impl FnOnce() -> Fault,
    invalid: impl FnOnce(&Json<'_>) -> Fault,
) -> Check<&'a str> {
    let Some(value) = value else { return Err(missing()) };
    match value.text() {
        Some(text) if text.trim().is_empty() => Err(missing()),
        Some(text) => Ok(text),
        None => Err(invalid(value)),
    }
}

fn known_fields(item: &Json<'_>) -> Check<()> {
    let keys =
        || item.map().unwrap_or_default().iter().map(|(key, _)| &**key).filter(|key| !FIELDS.contains(key));
    if let Some(field) = keys().find(|key| !SERVER_FIELDS.contains(key)) {
        return Err(fault::unknown_field(field));
    }
    keys().next().map_or(Ok(()), |field| Err(fault::server_field(field)))
}

fn id(item: &Json<'_>) -> Check<Uuid> {
    let text = text(sent(item, "id"), fault::id_missing, |_| fault::id_invalid())?;
    uuid(text).ok_or_else(fault::id_invalid)
}

/// Eight, four, four, four and twelve hex digits with hyphens (RFC 9562 §4); not the nil UUID.
pub fn uuid(text: &str) -> Option<Uuid> {
    let uuid = (text.len() == 36).then(|| Uuid::try_parse(text).ok()).flatten()?;
    (!uuid.is_nil()).then_some(uuid)
}

fn name<'a>(item: &Json<'_>, rules: &Rules<'a>) -> Check<&'a Definition> {
    let unknown = |name: &str| fault::name_unknown(name, rules.registry.meant(name));
    let name = text(sent(item, "name"), fault::name_missing, |value| unknown(&word(value)))?;
    let definition = rules.registry.find(name).ok_or_else(|| unknown(name))?;
    if rules.via == Via::Internal {
        return Ok(definition);
    }
    if definition.internal {
        return Err(fault::name_internal(name));
    }
    if definition.needs_system && !rules.may_write_system {
        return Err(
            fault::name_internal(name).hint("or by an API key with the permission event.write_system")
        );
    }
    Ok(definition)
}

/// The moment in whole milliseconds, and how long before `now` it was.
fn occurred_at(item: &Json<'_>, rules: &Rules<'_>) -> Check<(Timestamp, SignedDuration)> {
    let invalid = |_: &Json<'_>| fault::occurred_at_invalid();
    let text = text(sent(item, "occurred_at"), fault::occurred_at_missing, invalid)?;
    let exact = instant::read(text).ok_or_else(fault::occurred_at_invalid)?;
    let age = rules.now.duration_since(exact);
    if -age > MAX_FUTURE {
        // Begun seconds and days count, so that the figure is always above the limit.
        return Err(fault::occurred_at_future(begun(-age, 1)));
    }
    if age > MAX_AGE {
        let in_backfill = rules
            .now
            .to_zoned(TimeZone::UTC)
            .checked_sub(BACKFILL_MONTHS.months())
            .is_ok_and(|earliest| exact >= earliest.timestamp());
        if !(rules.backfill && in_backfill) {
            return Err(fault::occurred_at_too_old(begun(age, 86_400), rules.backfill));
        }
    }
    let whole =
        Timestamp::from_millisecond(exact.as_millisecond()).map_err(|_| fault::occurred_at_invalid())?;
    Ok((whole, age))
}

fn begun(time: SignedDuration, unit: i64) -> i64 {
    let seconds = time.as_secs() + i64::from(time.subsec_nanos() > 0);
    (seconds + unit - 1) / unit
}

fn source(item: &Json<'_>, rules: &Rules<'_>) -> Check<Source> {
    let invalid = |value: &Json<'_>| fault::source_invalid(&word(value));
    let text = text(sent(item, "source"), fault::source_missing, invalid)?;
    let source: Source = text.parse().map_err(|_| fault::source_invalid(text))?;
    let internal = rules.via == Via::Internal;
    let allowed =
        if source == Source::System { internal } else { internal || rules.sources.contains(&source) };
    if allowed { Ok(source) } else { Err(fault::source_forbidden(text)) }
}

fn channel(item: &Json<'_>) -> Check<Channel> {
    let Some(value) = sent(item, "channel") else { return Ok(Channel::Unknown) };
    match value.text() {
        // The one alias of `events.md` §1.
        Some("organic_search") => Ok(Channel::Seo),
        Some(text) => text.parse().map_err(|_| fault::channel_invalid(text)),
        None => Err(fault::channel_invalid(&word(value))),
    }
}

fn entity(item: &Json<'_>, definition: &Definition) -> Check<Option<(EntityKind, String)>> {
    let missing = || {
        let kinds: Vec<&str> = definition.entity.iter().map(|kind| kind.as_str()).collect();
        fault::entity_missing(&definition.name, &kinds.join(" or "))
    };
    let Some(value) = sent(item, "entity") else {
        return if definition.entity.is_empty() { Ok(None) } else { Err(missing()) };
    };
    let Some([kind, id]) = members(value, ["type", "id"]) else { return Err(fault::entity_invalid()) };
    let kind: Option<EntityKind> = kind.and_then(Json::text).and_then(|kind| kind.parse().ok());
    let id = id.and_then(Json::text).filter(|id| !id.trim().is_empty() && id.chars().count() <= ENTITY_ID);
    let (Some(kind), Some(id)) = (kind, id) else { return Err(fault::entity_invalid()) };
    if definition.entity.is_empty() || definition.entity.contains(&kind) {
        Ok(Some((kind, id.to_owned())))
    } else {
        Err(missing())
    }
}

fn actor(item: &Json<'_>, definition: &Definition) -> Check<Option<(ActorType, String)>> {
    let missing = || fault::actor_missing(&definition.name);
    let Some(value) = sent(item, "actor") else {
        return if definition.actor { Err(missing()) } else { Ok(None) };
    };
    let Some([kind, id]) = members(value, ["type", "id"]) else { return Err(fault::actor_invalid()) };
    let id = id.filter(|id| **id != Json::Null && id.text().is_none_or(|id| !id.trim().is_empty()));
    if id.is_none() && definition.actor {
        return Err(missing());
    }
    let kind: Option<ActorType> = kind.and_then(Json::text).and_then(|kind| kind.parse().ok());
    let id = id.map_or(Some(""), Json::text).filter(|id| id.chars().count() <= ACTOR_ID);
    let (Some(kind), Some(id)) = (kind, id) else { return Err(fault::actor_invalid()) };
    if !definition.actor_types.is_empty() && !definition.actor_types.contains(&kind) {
        let kinds: Vec<&str> = definition.actor_types.iter().map(|kind| kind.as_str()).collect();
        return Err(fault::actor_invalid().hint(format!("'actor.type' must be {}", kinds.join(" or "))));
    }
    Ok(Some((kind, id.to_owned())))
}

fn session(item: &Json<'_>) -> Check<(Option<String>, Option<i32>)> {
    let Some(value) = sent(item, "session") else { return Ok((None, None)) };
    let Some([id, sequence]) = members(value, ["id", "sequence"]) else {
        return Err(fault::session_invalid());
    };
    let id = id.and_then(Json::text).filter(|id| !id.trim().is_empty() && id.chars().count() <= SESSION_ID);
    let Some(id) = id else { return Err(fault::session_invalid()) };
    let sequence = match sequence {
        None | Some(Json::Null) => None,
        Some(Json::Number(digits)) => {
            let number = Number::read(digits).filter(|number| number.is_whole() && !number.is_negative());
            let number = number.and_then(|number| number.canonical().parse::<i32>().ok());
            Some(number.ok_or_else(fault::session_invalid)?)
        }
        Some(_) => return Err(fault::session_invalid()),
    };
    Ok((Some(id.to_owned()), sequence))
}

/// The members of an object that has no others; nothing for another object and for no object.
fn members<'a, 'b, const N: usize>(
    value: &'a Json<'b>,
    names: [&str; N],
) -> Option<[Option<&'a Json<'b>>; N]> {
    let entries = value.map()?;
    let known = entries.iter().all(|(key, _)| names.contains(&&**key));
    known.then(|| names.map(|name| value.get(name)))
}

fn value(item: &Json<'_>) -> Check<Option<Decimal>> {
    let Some(value) = sent(item, "value") else { return Ok(None) };
    let number = decimal(value).ok_or_else(fault::value_invalid)?;
    if number.is_negative() {
        // Also what is too fine or too large: its sign is the first thing wrong with it only where it is a decimal.
        number.money().ok_or_else(fault::value_invalid)?;
        return Err(fault::value_negative());
    }
    number.money().map(Some).ok_or_else(fault::value_invalid)
}

/// A number, or a decimal in a text; not `NaN`, `1,50`, ` 1`.
pub fn decimal(value: &Json<'_>) -> Option<Number> {
    match value {
        Json::Number(digits) => Number::read(digits),
        Json::Text(text) if is_number(text) => Number::read(text),
        Json::Text(_) | Json::Null | Json::Bool(_) | Json::Unstorable(_) | Json::List(_) | Json::Map(_) => {
            None
        }
    }
}

/// Required where money is: a value, or a money property that is not null. With it, whether it was defaulted.
fn currency(
    item: &Json<'_>,
    definition: &Definition,
    has_value: bool,
    rules: &Rules<'_>,
) -> Check<(Option<String>, bool)> {
    if let Some(value) = sent(item, "currency") {
        let invalid = || fault::currency_invalid(&word(value));
        let code = value.text().ok_or_else(invalid)?;
        if !code.trim().is_empty() {
            return if money::is_code(code) { Ok((Some(code.to_owned()), false)) } else { Err(invalid()) };
        }
    }
    let properties = item.get("properties");
    let mut money = definition.properties.iter().filter(|property| property.kind == Kind::Money);
    let carries = has_value
        || money.any(|property| properties.and_then(|sent_ones| sent(sent_ones, &property.name)).is_some());
    match rules.base_currency {
        _ if !carries => Ok((None, false)),
        Some(base) => Ok((Some(base.to_owned()), true)),
        None => Err(fault::currency_missing(&definition.name)),
    }
}
