//! The judgement of one item (`events.md` §4): envelope, properties, personal data; then an [`Event`] or a [`Rejection`].
mod context;
mod envelope;
mod fragment;
mod properties;
mod typed;

use super::event::{Event, Fault, Quality, Rejection, Rules};
use super::json::{self, Json, Unreadable};
use super::lists::{ConsentStatus, PiiMode};
use super::pii::{self, Pii, Place};
use super::{canonical, fault};
use envelope::Envelope;
use std::borrow::Cow;

/// `events.md` §1: bytes of one event as it is sent.
pub const MAX_BYTES: usize = 65_536;

/// Judges the item `raw` (its JSON text) at `index` of its batch. The first fault of the envelope ends it; faults of
/// properties are collected. Never panics, whatever the text is.
pub fn check(raw: &str, index: usize, rules: &Rules<'_>) -> Result<Event, Rejection> {
    let raw = raw.trim_ascii();
    if !raw.starts_with('{') {
        return Err(fragment::unread(raw, fault::not_object(index)));
    }
    if raw.len() > MAX_BYTES {
        return Err(fragment::unread(raw, fault::too_large(raw.len())));
    }
    let mut item = match json::parse(raw) {
        Ok(item) => item,
        Err(Unreadable::Syntax(at)) => {
            let fault = fault::not_object(index).hint(format!("not valid JSON at byte {at} of the item"));
            return Err(fragment::unread(raw, fault));
        }
        Err(Unreadable::TooDeep) => {
            let fault = fault::property_too_large("properties", "4 levels");
            return Err(fragment::unread(raw, fault));
        }
    };
    judge(&mut item, rules).map_err(|faults| fragment::rejection(&item, rules, faults))
}

/// The item is changed where personal data is replaced.
fn judge(item: &mut Json<'_>, rules: &Rules<'_>) -> Result<Event, Vec<Fault>> {
    let envelope = envelope::read(item, rules).map_err(|fault| vec![fault])?;
    let payload_hash = canonical::hash(item);
    let mut findings = Findings::new(rules.pii);
    let mut warnings = envelope.warnings(rules);

    let Some(Json::Map(entries)) = field(item, "properties") else {
        return Err(vec![envelope::no_properties(item, envelope.definition)]);
    };
    let read = properties::check(entries, &envelope, &mut findings);
    let mut context = context::read(item.get("context"));
    warnings.extend(read.unknown.iter().map(|path| fault::property_unknown(path, &envelope.definition.name)));
    if !context.dropped.is_empty() {
        warnings.push(fault::context_dropped(&context.dropped));
    }
    if context.analytics == Some(ConsentStatus::Unknown) {
        warnings.push(fault::consent_unknown());
    }
    let session_id = scan_places(&envelope, &mut context.kept, &mut findings);
    if !findings.faults.is_empty() {
        return Err(fault::in_order(findings.faults));
    }
    if !findings.scrubbed.is_empty() {
        warnings.push(fault::pii_scrubbed(&findings.scrubbed));
    }
    let Envelope { definition, source, channel, entity, actor, session_seq, .. } = envelope;
    Ok(Event {
        id: envelope.id,
        name: definition.name.clone(),
        occurred_at: envelope.occurred_at,
        source,
        channel,
        entity,
        actor,
        session_id,
        session_seq,
        value: envelope.value.or(read.main_money),
        currency: envelope.currency,
        props: field(item, "properties").map_or_else(|| "{}".to_owned(), |properties| properties.to_text()),
        context: Json::Map(context.kept).to_text(),
        late_arrival: envelope.late,
        backfill: rules.backfill,
        ingest_lag_seconds: envelope.lag_seconds,
        schema_version: definition.version,
        scrubbed_fields: findings.scrubbed,
        payload_hash,
        class: definition.class,
        behaviour: definition.behaviour,
        consent_analytics: context.analytics,
        warnings,
        quality: Quality {
            unknown_properties: !read.unknown.is_empty(),
            filled: read.filled,
            expected: read.expected,
        },
    })
}

fn field<'a, 'b>(item: &'a mut Json<'b>, name: &str) -> Option<&'a mut Json<'b>> {
    match item {
        Json::Map(entries) => entries.iter_mut().find(|(key, _)| key == name).map(|(_, value)| value),
        Json::Null
        | Json::Bool(_)
        | Json::Number(_)
        | Json::Text(_)
        | Json::Unstorable(_)
        | Json::List(_) => None,
    }
}

/// The places outside the properties that are scanned; returns the session's id, which may be replaced.
fn scan_places(
    envelope: &Envelope<'_>,
    context: &mut [(Cow<'_, str>, Json<'_>)],
    findings: &mut Findings,
) -> Option<String> {
    let ids = [
        ("entity.id", envelope.entity.as_ref().map(|(_, id)| id)),
        ("actor.id", envelope.actor.as_ref().map(|(_, id)| id)),
    ];
    for (path, id) in ids {
        if let Some(kind) = id.and_then(|id| pii::find(id, Place::Id)) {
            findings.refuse(path, kind);
        }
    }
    let mut session = envelope.session_id.clone();
    if let Some(kind) = session.as_deref().and_then(|id| pii::find(id, Place::Id))
        && findings.found("session.id", kind)
    {
        session = Some(kind.redacted());
    }
    for (key, value) in context {
        if let ("page_url" | "page_path" | "referrer", Json::Text(text)) = (&**key, &mut *value)
            && let Some(kind) = pii::find(text, Place::Url)
            && findings.found(&format!("context.{key}"), kind)
        {
            *text = Cow::Owned(replaced(text, kind, Place::Url));
        }
    }
    session
}

/// What stands in the place of a text with personal data: an address without those parameters, else the word for it.
fn replaced(text: &str, kind: Pii, place: Place) -> String {
    let address = place == Place::Url || is_address(text);
    address.then(|| pii::without_matches(text)).flatten().unwrap_or_else(|| kind.redacted())
}

/// Whether a text is the address of a page, whatever its property is called.
fn is_address(text: &str) -> bool {
    (text.starts_with("https://") || text.starts_with("http://")) && !text.contains(char::is_whitespace)
}

/// Faults of properties and paths of what was replaced.
struct Findings {
    mode: PiiMode,
    faults: Vec<Fault>,
    scrubbed: Vec<String>,
}

impl Findings {
    fn new(mode: PiiMode) -> Self {
        Self { mode, faults: Vec::new(), scrubbed: Vec::new() }
    }

    fn refuse(&mut self, path: &str, kind: Pii) {
        self.faults.push(fault::pii_detected(path, &kind));
    }

    /// Whether what was found is to be replaced; else it is a fault.
    fn found(&mut self, path: &str, kind: Pii) -> bool {
        match self.mode {
            PiiMode::Reject => self.refuse(path, kind),
            PiiMode::Scrub => self.scrubbed.push(fault::cut(path)),
        }
        self.mode == PiiMode::Scrub
    }
}

#[cfg(test)]
mod tests;
