//! YAML as a tree that remembers its lines, so that every fault can point at its place.
use super::fault::{Faults, instead};
use rust_decimal::Decimal;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_saphyr::Spanned;
use std::collections::BTreeSet;
use std::fmt;

#[derive(Clone, Debug)]
pub(super) struct Node {
    /// In the file, from 1.
    pub line: usize,
    pub kind: Kind,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Null,
    Bool(bool),
    Number(Decimal),
    Text(String),
    List(Vec<Node>),
    /// In file order.
    Map(Vec<(String, usize, Node)>),
}

struct Raw(Kind);

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyValue;
        impl<'de> Visitor<'de> for AnyValue {
            type Value = Raw;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
                Ok(Raw(Kind::Bool(value)))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
                Ok(Raw(Kind::Number(value.into())))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
                Ok(Raw(Kind::Number(value.into())))
            }
            fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Raw, E> {
                let number = value.to_string().parse().map_err(|_| E::custom("not a decimal number"))?;
                Ok(Raw(Kind::Number(number)))
            }
            fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
                Ok(Raw(Kind::Text(value.to_owned())))
            }
            fn visit_unit<E>(self) -> Result<Raw, E> {
                Ok(Raw(Kind::Null))
            }
            fn visit_none<E>(self) -> Result<Raw, E> {
                Ok(Raw(Kind::Null))
            }
            fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Raw, D::Error> {
                Raw::deserialize(inner)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
                let mut out = Vec::new();
                while let Some(item) = items.next_element::<Spanned<Raw>>()? {
                    out.push(node(item));
                }
                Ok(Raw(Kind::List(out)))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
                let mut out = Vec::new();
                while let Some(key) = entries.next_key::<Spanned<Raw>>()? {
                    let value = entries.next_value::<Spanned<Raw>>()?;
                    let key = node(key);
                    // `null:` is a key of the registry as people write it.
                    let name = key.text().unwrap_or_else(|| "null".to_owned());
                    out.push((name, key.line, node(value)));
                }
                Ok(Raw(Kind::Map(out)))
            }
        }
        deserializer.deserialize_any(AnyValue)
    }
}

fn line_of(location: serde_saphyr::Location) -> usize {
    usize::try_from(location.line()).unwrap_or(0)
}

fn node(spanned: Spanned<Raw>) -> Node {
    Node { line: line_of(spanned.referenced), kind: spanned.value.0 }
}

/// Parses YAML that begins at `first_line` of its file. A syntax fault has its line and the parser's words.
pub(super) fn parse(text: &str, first_line: usize, faults: &mut Faults) -> Option<Node> {
    let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
    match serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options) {
        Ok(root) => {
            let mut root = node(root);
            root.shift(first_line.saturating_sub(1));
            Some(root)
        }
        Err(error) => {
            let line = error.location().map_or(0, line_of);
            let message = error.to_string();
            let message = message.lines().next().unwrap_or("not readable").to_owned();
            faults.add(line + first_line.saturating_sub(1), format!("not valid YAML: {message}"));
            None
        }
    }
}

impl Node {
    fn shift(&mut self, by: usize) {
        self.line += by;
        match &mut self.kind {
            Kind::List(items) => items.iter_mut().for_each(|item| item.shift(by)),
            Kind::Map(entries) => entries.iter_mut().for_each(|(_, line, value)| {
                *line += by;
                value.shift(by);
            }),
            Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) => {}
        }
    }

    fn what(&self) -> &'static str {
        match self.kind {
            Kind::Null => "nothing",
            Kind::Bool(_) => "true or false",
            Kind::Number(_) => "a number",
            Kind::Text(_) => "a text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
        }
    }

    /// The text; a number or true/false counts as it is written.
    pub fn text(&self) -> Option<String> {
        match &self.kind {
            Kind::Text(text) => Some(text.clone()),
            Kind::Number(number) => Some(number.to_string()),
            Kind::Bool(value) => Some(value.to_string()),
            Kind::Null | Kind::List(_) | Kind::Map(_) => None,
        }
    }

    pub fn number(&self) -> Option<Decimal> {
        match &self.kind {
            Kind::Number(number) => Some(*number),
            Kind::Text(text) => {
                let (digits, per_cent) =
                    text.trim().strip_suffix('%').map_or((text.trim(), false), |d| (d.trim(), true));
                let number: Decimal = digits.replace('_', "").parse().ok()?;
                Some(if per_cent { number / Decimal::ONE_HUNDRED } else { number })
            }
            Kind::Null | Kind::Bool(_) | Kind::List(_) | Kind::Map(_) => None,
        }
    }

    /// As JSON: numbers that are whole become integers, others decimal strings stay numbers where JSON can hold them.
    pub fn json(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(value) => Value::Bool(*value),
            Kind::Number(number) => number
                .normalize()
                .to_string()
                .parse::<serde_json::Number>()
                .map_or_else(|_| Value::String(number.to_string()), Value::Number),
            Kind::Text(text) => Value::String(text.clone()),
            Kind::List(items) => Value::Array(items.iter().map(Node::json).collect()),
            Kind::Map(entries) => {
                Value::Object(entries.iter().map(|(k, _, v)| (k.clone(), v.json())).collect())
            }
        }
    }
}

/// A mapping whose keys are read one by one; [`Fields::finish`] names those nobody asked for.
pub(super) struct Fields<'a> {
    pub line: usize,
    /// For messages: "the front matter", "parameter 'window'".
    of: String,
    entries: &'a [(String, usize, Node)],
    asked: BTreeSet<&'static str>,
}

impl<'a> Fields<'a> {
    pub fn of(node: &'a Node, of: impl Into<String>, faults: &mut Faults) -> Option<Self> {
        let of = of.into();
        match &node.kind {
            Kind::Map(entries) => Some(Self { line: node.line, of, entries, asked: BTreeSet::new() }),
            Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) | Kind::List(_) => {
                faults.add(node.line, format!("{of} is {}; write it as `key: value` pairs", node.what()));
                None
            }
        }
    }

    pub fn get(&mut self, key: &'static str) -> Option<&'a Node> {
        self.asked.insert(key);
        self.entries.iter().find(|(name, ..)| name == key).map(|(_, _, value)| value)
    }

    pub fn line_of(&self, key: &str) -> usize {
        self.entries.iter().find(|(name, ..)| name == key).map_or(self.line, |(_, line, _)| *line)
    }

    pub fn require(&mut self, key: &'static str, faults: &mut Faults) -> Option<&'a Node> {
        let found = self.get(key);
        if found.is_none() {
            faults.add(self.line, format!("{} lacks '{key}'; add it", self.of));
        }
        found
    }

    pub fn text(&mut self, key: &'static str, faults: &mut Faults) -> Option<String> {
        let node = self.get(key)?;
        let text = node.text();
        if text.is_none() {
            faults.add(node.line, format!("'{key}' is {}; write a text", node.what()));
        }
        text
    }

    pub fn need_text(&mut self, key: &'static str, faults: &mut Faults) -> String {
        if self.require(key, faults).is_none() {
            return String::new();
        }
        self.text(key, faults).unwrap_or_default()
    }

    pub fn number(&mut self, key: &'static str, faults: &mut Faults) -> Option<Decimal> {
        let node = self.get(key)?;
        let number = node.number();
        if number.is_none() {
            faults.add(node.line, format!("'{key}' is {}; write a number", node.what()));
        }
        number
    }

    pub fn whole(&mut self, key: &'static str, faults: &mut Faults) -> Option<u64> {
        let line = self.line_of(key);
        let number = self.number(key, faults)?;
        let whole = number.fract().is_zero().then(|| u64::try_from(number).ok()).flatten();
        if whole.is_none() {
            faults.add(line, format!("'{key}' is {number}; write a whole number of 0 or more"));
        }
        whole
    }

    pub fn flag(&mut self, key: &'static str, faults: &mut Faults) -> bool {
        match self.get(key) {
            None => false,
            Some(Node { kind: Kind::Bool(value), .. }) => *value,
            Some(other) => {
                faults.add(other.line, format!("'{key}' is {}; write true or false", other.what()));
                false
            }
        }
    }

    /// A list of texts; absent is empty.
    pub fn texts(&mut self, key: &'static str, faults: &mut Faults) -> Vec<String> {
        self.located(key, faults).into_iter().map(|(text, _)| text).collect()
    }

    /// A list of texts with their lines.
    pub fn located(&mut self, key: &'static str, faults: &mut Faults) -> Vec<(String, usize)> {
        let Some(node) = self.get(key) else {
            return Vec::new();
        };
        let Kind::List(items) = &node.kind else {
            faults.add(node.line, format!("'{key}' is {}; write a list: [a, b]", node.what()));
            return Vec::new();
        };
        let mut out = Vec::new();
        for item in items {
            match item.text() {
                Some(text) => out.push((text, item.line)),
                None => faults.add(item.line, format!("an item of '{key}' is {}; write a text", item.what())),
            }
        }
        out
    }

    /// Names every key that was not asked for.
    pub fn finish(self, faults: &mut Faults) {
        for (key, line, _) in self.entries {
            if !self.asked.contains(key.as_str()) {
                let near = instead(key, self.asked.iter().copied());
                faults.add(*line, format!("unknown key '{key}' in {}{near}", self.of));
            }
        }
    }
}
