//! Answers of Klaviyo's JSON:API, read without trust: everything about a thing stands under `attributes`.
use crate::money::Currency;
use crate::platforms::rows::{Campaign, Consent, Customer, Entity, email_hash};
use crate::platforms::shape::{self, Missing, Seen, Unreadable};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

/// One page: `{"data": [...], "links": {"next": …}}`. A single thing is a page of one.
#[derive(Clone, Debug)]
pub struct Page {
    data: Vec<Value>,
    next: Option<String>,
}

pub fn page(body: &[u8]) -> Result<Page, Unreadable> {
    let mut body = shape::json(body)?;
    let next = body.pointer("/links/next").and_then(Value::as_str).filter(|link| !link.is_empty());
    let next = next.map(str::to_owned);
    match body.get_mut("data").map(Value::take) {
        Some(Value::Array(data)) => Ok(Page { data, next }),
        Some(one @ Value::Object(_)) => Ok(Page { data: vec![one], next }),
        _ => Err(Unreadable::Not("a list 'data'".to_owned())),
    }
}

impl Page {
    pub fn data(&self) -> &[Value] {
        &self.data
    }

    pub fn next(&self) -> Option<&str> {
        self.next.as_deref()
    }
}

/// Whose rows they are.
#[derive(Clone, Copy, Debug)]
pub struct Account<'a> {
    pub id: &'a str,
    pub currency: Currency,
}

impl Account<'_> {
    /// The id as every table writes it. Klaviyo's ids are unlike in all accounts.
    pub fn own(&self, external: &str) -> String {
        format!("klaviyo:{external}")
    }

    pub fn entity(&self, kind: &'static str, external: &str, name: &str) -> Entity {
        Entity {
            kind,
            id: self.own(external),
            account_id: self.id.to_owned(),
            external_id: external.to_owned(),
            name: name.to_owned(),
            canonical_id: self.own(external),
        }
    }
}

/// A thing's id and what is said of it. Fields that nobody knows are noted.
struct Thing<'a> {
    external: String,
    attributes: &'a Map<String, Value>,
}

impl<'a> Thing<'a> {
    fn read(entry: &'a Value, sort: &str, known: &[&str], seen: &mut Seen) -> Result<Self, Missing> {
        let lacks = |field: &str| Missing(format!("{sort}.{field}"));
        let external = shape::id(entry.get("id")).ok_or_else(|| lacks("id"))?;
        let attributes = entry.get("attributes").and_then(Value::as_object);
        let attributes = attributes.ok_or_else(|| lacks("attributes"))?;
        seen.unknown(attributes, known, &format!("{sort}."));
        Ok(Self { external, attributes })
    }

    fn text(&self, field: &str) -> Option<&'a str> {
        self.attributes.get(field).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    fn set(&self, field: &str) -> bool {
        self.attributes.get(field).and_then(Value::as_bool) == Some(true)
    }
}

/// The account of a key.
#[derive(Clone, Debug)]
pub struct Settings {
    pub id: String,
    pub name: String,
    pub time_zone: Option<String>,
    pub currency: Option<Currency>,
}

pub fn settings(entry: &Value) -> Option<Settings> {
    let id = shape::id(entry.get("id"))?;
    let attributes = entry.get("attributes")?;
    let named = attributes.pointer("/contact_information/organization_name").and_then(Value::as_str);
    let zone = shape::text_if_any(attributes, "timezone").filter(|zone| TimeZone::get(zone).is_ok());
    Some(Settings {
        name: named.filter(|name| !name.is_empty()).unwrap_or(&id).to_owned(),
        time_zone: zone.map(str::to_owned),
        currency: shape::text_if_any(attributes, "preferred_currency").and_then(|code| code.parse().ok()),
        id,
    })
}

/// A metric's id and name.
pub fn metric(entry: &Value, seen: &mut Seen) -> Result<(String, String), Missing> {
    let known = ["name", "created", "updated", "integration"];
    let thing = Thing::read(entry, "metrics", &known, seen)?;
    let name = thing.text("name").ok_or_else(|| Missing("metrics.name".to_owned()))?;
    Ok((thing.external, name.to_owned()))
}

/// A campaign or a flow.
#[derive(Clone, Debug)]
pub struct Message {
    pub external: String,
    pub campaign: Campaign,
    /// A flow is an automation too.
    pub automation: Option<Entity>,
    /// The day it was sent on, in the account's time; nothing for drafts and flows.
    pub sent_on: Option<Date>,
}

/// Fields of a campaign that we know, read or not.
const CAMPAIGN: [&str; 13] = [
    "name",
    "status",
    "archived",
    "channel",
    "audiences",
    "send_options",
    "message",
    "tracking_options",
    "send_strategy",
    "created_at",
    "scheduled_at",
    "updated_at",
    "send_time",
];

pub fn campaign(
    entry: &Value,
    account: Account<'_>,
    zone: &TimeZone,
    seen: &mut Seen,
) -> Result<Message, Missing> {
    let thing = Thing::read(entry, "campaigns", &CAMPAIGN, seen)?;
    let at: Option<Timestamp> = thing.text("send_time").and_then(|time| time.parse().ok());
    let raw = thing.text("status").ok_or_else(|| Missing("campaigns.status".to_owned()))?;
    let status = status(raw).unwrap_or_else(|| {
        seen.odd_word("campaigns.status", raw);
        "unknown"
    });
    let sent_on = at.filter(|_| status != "draft").map(|at| crate::period::local_day(at, zone));
    message(&thing, "campaigns", account, status, sent_on)
}

/// Fields of a flow that we know.
const FLOW: [&str; 6] = ["name", "status", "archived", "created", "updated", "trigger_type"];

pub fn flow(entry: &Value, account: Account<'_>, seen: &mut Seen) -> Result<Message, Missing> {
    let thing = Thing::read(entry, "flows", &FLOW, seen)?;
    let status = match thing.text("status").ok_or_else(|| Missing("flows.status".to_owned()))? {
        "live" => "active",
        // Messages wait for somebody to send them.
        "manual" => "paused",
        "draft" => "draft",
        raw => {
            seen.odd_word("flows.status", raw);
            "unknown"
        }
    };
    let mut flow = message(&thing, "flows", account, status, None)?;
    flow.campaign.extra.insert("type".to_owned(), Value::from("flow"));
    flow.automation = Some(account.entity("automation", &flow.external, &flow.campaign.name));
    Ok(flow)
}

fn message(
    thing: &Thing<'_>,
    sort: &str,
    account: Account<'_>,
    status: &'static str,
    sent_on: Option<Date>,
) -> Result<Message, Missing> {
    let name = thing.text("name").ok_or_else(|| Missing(format!("{sort}.name")))?;
    let campaign = Campaign {
        id: account.own(&thing.external),
        account_id: account.id.to_owned(),
        name: name.to_owned(),
        status: if thing.set("archived") { "archived" } else { status },
        raw_status: thing.text("status").unwrap_or_default().to_owned(),
        channel: "email",
        objective: thing.text("trigger_type").unwrap_or_default().to_owned(),
        bidding: String::new(),
        daily_budget: None,
        lifetime_budget: None,
        budget_id: None,
        budget_shared: false,
        currency: account.currency,
        starts_on: sent_on,
        ends_on: None,
        labels: Vec::new(),
        extra: Map::from_iter([("type".to_owned(), Value::from("campaign"))]),
    };
    Ok(Message { external: thing.external.clone(), campaign, automation: None, sent_on })
}

/// A campaign's state in our words. `Cancelled: …` comes with many reasons.
fn status(raw: &str) -> Option<&'static str> {
    Some(match raw {
        "Draft" => "draft",
        "Scheduled"
        | "Preparing to schedule"
        | "Preparing to send"
        | "Queued without Recipients"
        | "Adding Recipients"
        | "Sending"
        | "Sending Segments"
        | "Variations Sent" => "active",
        "Sent" => "ended",
        "Unknown" => "unknown",
        _ if raw.starts_with("Cancelled") => "ended",
        _ => return None,
    })
}

/// A person, and what they said about being written to.
#[derive(Clone, Debug)]
pub struct Person {
    pub customer: Customer,
    pub consents: Vec<Consent>,
    pub updated_at: Timestamp,
}

/// Fields of a profile that we know. What is not read of them stays with Klaviyo: it is about people.
const PROFILE: [&str; 20] = [
    "email",
    "phone_number",
    "external_id",
    "anonymous_id",
    "first_name",
    "last_name",
    "organization",
    "locale",
    "title",
    "image",
    "created",
    "updated",
    "last_event_date",
    "location",
    "properties",
    "subscriptions",
    "predictive_analytics",
    "joined_group_at",
    "push_tokens",
    "_kx",
];

/// A profile. Of the person only the hash of the address, the city and a two-letter country are kept.
pub fn profile(entry: &Value, account: Account<'_>, seen: &mut Seen) -> Result<Person, Missing> {
    let lacks = |field: &str| Missing(format!("profiles.{field}"));
    let thing = Thing::read(entry, "profiles", &PROFILE, seen)?;
    let updated_at = thing.text("updated").and_then(|time| time.parse().ok());
    let updated_at: Timestamp = updated_at.ok_or_else(|| lacks("updated"))?;
    let place = |field: &str| {
        let location = thing.attributes.get("location");
        location.and_then(|location| shape::text_if_any(location, field)).unwrap_or_default().to_owned()
    };
    let country = place("country");
    let two = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase());
    let id = account.own(&thing.external);
    let subscriptions = thing.attributes.get("subscriptions");
    let mut consents = Vec::new();
    for (channel, field) in [("email", "email"), ("sms", "sms")] {
        let said = subscriptions.and_then(|all| all.get(field)?.get("marketing"));
        consents.extend(said.and_then(|said| consent(said, &id, channel, seen)));
    }
    let customer = Customer {
        id,
        kind: "contact",
        email_hash: thing.text("email").filter(|email| email.contains('@')).map(email_hash),
        country: if two { country } else { String::new() },
        city: place("city"),
        currency: account.currency,
        extra: Map::new(),
    };
    Ok(Person { customer, consents, updated_at })
}

/// What stands of a channel: a suppression or a withdrawal is a no, whatever was agreed to before it; a subscription is a yes.
fn consent(said: &Value, customer: &str, channel: &'static str, seen: &mut Seen) -> Option<Consent> {
    let time = |value: &Value, field: &str| -> Option<Timestamp> {
        shape::text_if_any(value, field).and_then(|text| text.parse().ok())
    };
    let row = |status, recorded_at, evidence| Consent {
        customer_id: customer.to_owned(),
        channel,
        status,
        recorded_at,
        evidence,
    };
    let suppressed = shape::list(said, "suppressions", false).unwrap_or_default();
    let last =
        suppressed.iter().filter_map(|one| Some((time(one, "timestamp")?, one))).max_by_key(|(at, _)| *at);
    if let Some((at, one)) = last {
        let bounced = shape::text_if_any(one, "reason") == Some("HARD_BOUNCE");
        let evidence = if bounced { "bounced in Klaviyo" } else { "suppressed in Klaviyo" };
        return Some(row("denied", at, evidence));
    }
    let at = time(said, "timestamp").or_else(|| time(said, "consent_timestamp"));
    match shape::text_if_any(said, "consent").unwrap_or_default() {
        "UNSUBSCRIBED" => Some(row("denied", at?, "unsubscribed in Klaviyo")),
        "SUBSCRIBED" => Some(row("granted", at?, "subscribed in Klaviyo")),
        "NEVER_SUBSCRIBED" | "" => None,
        other => {
            seen.odd_word("profiles.consent", other);
            None
        }
    }
}

#[cfg(test)]
mod tests;
