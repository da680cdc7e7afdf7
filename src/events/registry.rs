//! Event names as data: the built-in ones of `registry.yaml` and the organisation's own (`x_…`), with their properties.
use super::lists::{ActorType, EntityKind, SlaClass};
use super::pii::key_kind;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

const BUILT_IN: &str = include_str!("registry.yaml");
/// `events.md` §1: as many as an event may have.
pub const MAX_PROPERTIES: usize = 64;

/// The type of a property (`events.md` §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// From a connector also a platform's own id.
    Uuid,
    /// At most 128 characters.
    Id,
    /// At most 1,024 characters.
    Str,
    /// At most 8,192 characters.
    Text,
    Url,
    Ts,
    Int,
    Num,
    Money,
    /// 0..1
    Score,
    /// 0..100
    Pct,
    Bool,
    /// At most 8 KiB.
    Json,
    Enum,
    NumOrStr,
}

/// One property of an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Property {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: Kind,
    #[serde(default, skip_serializing_if = "is_false")]
    pub required: bool,
    /// Counted by the measure of completeness.
    #[serde(default, skip_serializing_if = "is_false")]
    pub recommended: bool,
    /// Of an enum.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Of a number; both bounds are allowed values.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "bound")]
    #[schema(value_type = Option<String>)]
    pub min: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "bound")]
    #[schema(value_type = Option<String>)]
    pub max: Option<Decimal>,
    /// Null is a value: it must be sent, and may be null.
    #[serde(default, skip_serializing_if = "is_false")]
    pub nullable: bool,
    /// Another property that must not hold the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub differs_from: Option<String>,
    /// What readers take where it is absent; never written into an event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub default: Option<Value>,
    /// Known keys of a `json` object; others may stand beside them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(no_recursion)]
    pub fields: Vec<Property>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

/// A number, or its digits in a text.
fn bound<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
    let digits = match Value::deserialize(deserializer)? {
        Value::Null => return Ok(None),
        Value::String(digits) => digits,
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => other.to_string(),
    };
    digits.parse().map(Some).map_err(|_| serde::de::Error::custom(format!("'{digits}' is no decimal number")))
}

/// An event name and what it asks of an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    pub name: Arc<str>,
    #[serde(default = "first_version")]
    pub version: i32,
    pub class: SlaClass,
    /// `actor.id` is required.
    #[serde(default)]
    pub actor: bool,
    /// Empty: any.
    #[serde(default)]
    pub actor_types: Vec<ActorType>,
    /// An entity of one of these types is required; empty: none is.
    #[serde(default)]
    pub entity: Vec<EntityKind>,
    /// It carries money. Money needs a currency wherever it stands.
    #[serde(default)]
    pub currency: bool,
    /// The money property that fills an absent `value`.
    #[serde(default)]
    pub value_from: Option<String>,
    #[serde(default)]
    pub feeds: Vec<String>,
    #[serde(default)]
    pub behaviour: bool,
    #[serde(default)]
    pub needs_system: bool,
    #[serde(default)]
    pub internal: bool,
    pub properties: Vec<Property>,
}

fn first_version() -> i32 {
    1
}

/// An event of the organisation's own: the body of `PUT /api/events/registry/x_…` with its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Custom {
    /// `x_` and what `^[a-z][a-z0-9_]{1,63}$` allows.
    #[serde(default)]
    pub name: String,
    #[serde(default = "first_version")]
    pub version: i32,
    /// `user` where nothing is said.
    #[serde(default = "of_users")]
    pub class: SlaClass,
    #[serde(default)]
    pub actor: bool,
    #[serde(default)]
    pub entity: Vec<EntityKind>,
    #[serde(default)]
    pub properties: Vec<Property>,
}

fn of_users() -> SlaClass {
    SlaClass::User
}

/// A registry that contradicts itself: which event, what, and what to do.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RegistryFault(pub String);

/// Every event name that may come in. A clone shares the definitions.
#[derive(Clone, Debug)]
pub struct Registry {
    list: Vec<Arc<Definition>>,
    by_name: HashMap<Arc<str>, Arc<Definition>>,
}

impl Registry {
    /// The names of `events.md` §3: 66 public and 14 internal.
    pub fn built_in() -> Result<Self, RegistryFault> {
        let list: Vec<Definition> = serde_saphyr::from_str(BUILT_IN)
            .map_err(|error| RegistryFault(format!("events/registry.yaml: {error}")))?;
        let mut registry = Self { list: Vec::with_capacity(list.len()), by_name: HashMap::new() };
        list.into_iter().try_for_each(|definition| registry.add(definition))?;
        Ok(registry)
    }

    /// These names and the organisation's own. A custom event feeds nothing but `events` itself.
    pub fn with_custom(&self, customs: impl IntoIterator<Item = Custom>) -> Result<Self, RegistryFault> {
        let mut registry = self.clone();
        for custom in customs {
            custom.check()?;
            let money = custom.properties.iter().any(|property| property.kind == Kind::Money);
            registry.add(Definition {
                name: custom.name.into(),
                version: custom.version,
                class: custom.class,
                actor: custom.actor,
                actor_types: Vec::new(),
                entity: custom.entity,
                currency: money,
                value_from: None,
                feeds: Vec::new(),
                // What carries money is a fact of the books; the rest is what people do.
                behaviour: !money && matches!(custom.class, SlaClass::User | SlaClass::Campaign),
                needs_system: false,
                internal: false,
                properties: custom.properties,
            })?;
        }
        Ok(registry)
    }

    fn add(&mut self, definition: Definition) -> Result<(), RegistryFault> {
        definition.check()?;
        let definition = Arc::new(definition);
        if self.by_name.insert(definition.name.clone(), definition.clone()).is_some() {
            return Err(fault(&definition.name, "is there twice; give one of them another name"));
        }
        self.list.push(definition);
        Ok(())
    }

    pub fn find(&self, name: &str) -> Option<&Definition> {
        self.by_name.get(name).map(Arc::as_ref)
    }

    /// In the order of the specification, custom ones last.
    pub fn iter(&self) -> impl Iterator<Item = &Definition> {
        self.list.iter().map(Arc::as_ref)
    }

    /// The name that may be meant: a public one that two edits or fewer make of `name`, the nearest first.
    pub fn meant(&self, name: &str) -> Option<&str> {
        let public = self.iter().filter(|definition| !definition.internal);
        public
            .filter(|definition| definition.name.len().abs_diff(name.len()) <= 2)
            .map(|definition| (edits(name, &definition.name), &*definition.name))
            .filter(|(edits, _)| *edits <= 2)
            .min()
            .map(|(_, name)| name)
    }

    /// The body of `GET /api/events/registry`: every name with what it asks for. Internal names are shown, so that a
    /// reader of facts knows them; nothing outside may send them.
    pub fn describe(&self) -> Value {
        let events: Vec<Value> = self
            .iter()
            .map(|event| {
                json!({
                    "name": &*event.name, "version": event.version, "sla_class": event.class,
                    "actor": {"required": event.actor, "types": event.actor_types},
                    "entity": event.entity, "currency": event.currency, "value_from": event.value_from,
                    "feeds": event.feeds, "behaviour": event.behaviour,
                    "permission": if event.needs_system { "event.write_system" } else { "event.write" },
                    "internal": event.internal, "custom": event.name.starts_with("x_"),
                    "properties": event.properties,
                })
            })
            .collect();
        json!({"count": events.len(), "events": events})
    }
}

fn fault(name: &str, what: impl std::fmt::Display) -> RegistryFault {
    RegistryFault(format!("event '{name}' {what}"))
}

/// `^[a-z][a-z0-9_]{1,63}$`
fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    (2..=64).contains(&name.len())
        && bytes.next().is_some_and(|first| first.is_ascii_lowercase())
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

impl Custom {
    fn check(&self) -> Result<(), RegistryFault> {
        if !self.name.starts_with("x_") || self.name.len() < 3 {
            return Err(fault(&self.name, "is no name for an event of your own; begin it with x_"));
        }
        if self.version < 1 {
            return Err(fault(&self.name, "has a version below 1; count versions from 1"));
        }
        match self.properties.iter().find(|property| key_kind(&property.name).is_some()) {
            Some(property) => Err(fault(
                &self.name,
                format!(
                    "has a property '{}', a name for personal data, which events do not hold; send a hash as {0}_sha256, or an id",
                    property.name
                ),
            )),
            None => Ok(()),
        }
    }
}

impl Definition {
    pub fn property(&self, name: &str) -> Option<&Property> {
        self.properties.iter().find(|property| property.name == name)
    }

    fn check(&self) -> Result<(), RegistryFault> {
        if !is_name(&self.name) {
            return Err(fault(
                &self.name,
                "is no event name; write 2 to 64 small letters, digits and _, a letter first",
            ));
        }
        if self.properties.len() > MAX_PROPERTIES {
            return Err(fault(&self.name, format!("has more than {MAX_PROPERTIES} properties")));
        }
        for (at, property) in self.properties.iter().enumerate() {
            property.check(&self.name)?;
            if self.properties[..at].iter().any(|earlier| earlier.name == property.name) {
                return Err(fault(&self.name, format!("has the property '{}' twice", property.name)));
            }
        }
        let money = |name: &str| self.property(name).is_some_and(|property| property.kind == Kind::Money);
        if let Some(name) = self.value_from.as_deref().filter(|name| !money(name)) {
            return Err(fault(
                &self.name,
                format!("takes its value from '{name}', which is no money property"),
            ));
        }
        let others = self.properties.iter().filter_map(|property| property.differs_from.as_deref());
        match others.into_iter().find(|other| self.property(other).is_none()) {
            Some(other) => Err(fault(&self.name, format!("compares with '{other}', which is no property"))),
            None => Ok(()),
        }
    }
}

impl Property {
    fn check(&self, event: &str) -> Result<(), RegistryFault> {
        let wrong = |what: &str| Err(fault(event, format!("has a property '{}' {what}", self.name)));
        let numeric = matches!(self.kind, Kind::Int | Kind::Num | Kind::Money | Kind::Score | Kind::Pct);
        if !is_name(&self.name) {
            return wrong("whose name is not 2 to 64 small letters, digits and _");
        }
        if (self.kind == Kind::Enum) == self.values.is_empty() {
            return wrong("whose values and type do not fit: an enum has values, nothing else has");
        }
        if (self.min.is_some() || self.max.is_some()) && !numeric {
            return wrong("with a range that is no number");
        }
        if self.min.zip(self.max).is_some_and(|(min, max)| min > max) {
            return wrong("whose min is above its max");
        }
        if !self.fields.is_empty() && self.kind != Kind::Json {
            return wrong("with fields that is no json");
        }
        self.fields.iter().try_for_each(|field| field.check(event))
    }
}

/// Edits (a letter put in, taken out or changed) that make one text of the other. Two rows of the usual table.
fn edits(a: &str, b: &str) -> usize {
    let b = b.as_bytes();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = corner + usize::from(x != *y);
            corner = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(corner + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;
