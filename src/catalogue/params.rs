//! Text and JSON become typed values (`queries.md` §2): every value is bound, none is spliced.
//!
//! Days and the row limit are clamped (and the answer says so); everything else out of bounds is refused with what would
//! have been accepted.
use super::fault::instead;
use super::metrics::Metrics;
use super::result::ToolError;
use super::spec::{Param, ParamType, Query};
use super::vocabulary::Vocabulary;
use crate::money::Currency;
use crate::period::{Compare, DateOrder, Phrase, Window};
use jiff::Timestamp;
use jiff::civil::{Date, Weekday};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

mod choice;
mod days;
mod matching;
mod numbers;

pub use matching::Entity;
pub(super) use matching::MOST_ENTITIES;

/// A value for a bind, typed as its `::type`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Bound {
    Text(Option<String>),
    Texts(Option<Vec<String>>),
    Int(Option<i32>),
    Number(Option<Decimal>),
    Day(Option<Date>),
    Instant(Timestamp),
    Flag(Option<bool>),
}

/// What the values of one call mean.
#[derive(Clone, Debug)]
pub(super) struct Resolved {
    pub binds: BTreeMap<String, Bound>,
    /// As understood: dates resolved, entities matched, bounds applied.
    pub echo: Map<String, Value>,
    pub window: Option<Phrase>,
    pub compare: Option<Window>,
    pub partial: bool,
    pub limit: Option<u32>,
    /// Clamped bounds and clipped windows, in words.
    pub notes: Vec<String>,
}

/// What values are understood against: the organisation's calendar, money, words, and data.
pub(super) struct Scope<'a> {
    pub now: Timestamp,
    pub today: Date,
    pub week_start: Weekday,
    pub date_order: DateOrder,
    pub time_zone: &'a str,
    pub currency: Currency,
    /// The member who asks, for queries that say `:me`.
    pub me: Option<String>,
    pub vocabulary: &'a Vocabulary,
    pub metrics: &'a Metrics,
    /// By kind: the things that entity parameters of this query may name.
    pub entities: &'a BTreeMap<String, Arc<Vec<Entity>>>,
    /// By `view.column`: the values that enumerations read from data.
    pub choices: &'a BTreeMap<String, Arc<Vec<String>>>,
}

/// Every bind that the SQL of a query with these parameters may use, with its PostgreSQL type.
pub(super) fn bind_types(params: &[Param]) -> BTreeMap<String, &'static str> {
    let mut out: BTreeMap<String, &'static str> = BTreeMap::new();
    for (name, kind) in [
        ("as_of", "timestamptz"),
        ("today", "date"),
        ("time_zone", "text"),
        ("currency", "text"),
        ("me", "text"),
    ] {
        out.insert(name.to_owned(), kind);
    }
    for Param { name, kind, .. } in params {
        use ParamType as P;
        match kind {
            P::DateRange { .. } => {
                out.insert(format!("{name}_start"), "date");
                out.insert(format!("{name}_end"), "date");
                out.insert(format!("{name}_partial"), "boolean");
            }
            P::Compare => {
                out.insert(format!("{name}_start"), "date");
                out.insert(format!("{name}_end"), "date");
                out.insert(name.clone(), "text");
            }
            P::Days | P::Integer => drop(out.insert(name.clone(), "integer")),
            P::Money | P::Number | P::Percent => drop(out.insert(name.clone(), "numeric")),
            P::Bool => drop(out.insert(name.clone(), "boolean")),
            P::Segments | P::Entities(_) => drop(out.insert(name.clone(), "text[]")),
            P::Granularity
            | P::Channel
            | P::Platform
            | P::Source
            | P::Entity(_)
            | P::Segment
            | P::Metric { .. }
            | P::Enum { .. }
            | P::Text
            | P::Lead => drop(out.insert(name.clone(), "text")),
        }
    }
    out
}

/// The binds of a parameter of which the SQL must use at least one. The row limit is applied by the engine.
pub(super) fn owners(param: &Param) -> Vec<String> {
    let name = &param.name;
    if matches!(param.kind, ParamType::DateRange { .. }) {
        vec![format!("{name}_start"), format!("{name}_end"), format!("{name}_partial")]
    } else if param.kind == ParamType::Compare {
        vec![format!("{name}_start"), format!("{name}_end"), name.clone()]
    } else if name == "limit" {
        Vec::new()
    } else {
        vec![name.clone()]
    }
}

/// What is wrong with the default in the file, if anything can be said without data.
pub(super) fn faulty_default(param: &Param) -> Option<String> {
    if param.required && param.default.is_some() {
        return Some("it is required and has a default; keep one".to_owned());
    }
    let default = param.default.as_ref().filter(|d| !is_all(d))?;
    use ParamType as P;
    if matches!(param.kind, P::Entity(_) | P::Entities(_) | P::Lead | P::Segment | P::Segments) {
        return None;
    }
    if let ParamType::Enum { values, values_from: Some(_) } = &param.kind
        && values.is_empty()
    {
        return None;
    }
    let (vocabulary, none, choices) = (Vocabulary::default(), BTreeMap::new(), BTreeMap::new());
    let metrics = Metrics::default();
    let scope = Scope {
        now: Timestamp::UNIX_EPOCH,
        today: jiff::civil::date(2025, 9, 17),
        week_start: Weekday::Monday,
        date_order: DateOrder::Dmy,
        time_zone: "UTC",
        currency: "USD".parse().ok()?,
        me: None,
        vocabulary: &vocabulary,
        metrics: &metrics,
        entities: &none,
        choices: &choices,
    };
    let mut resolver = Resolver::new(&scope);
    match resolver.one(param, default) {
        Err(error) => Some(format!("the default {default} does not fit: {error}")),
        Ok(()) if !resolver.out.notes.is_empty() => Some(format!("the default {default} is out of bounds")),
        Ok(()) => None,
    }
}

fn is_all(value: &Value) -> bool {
    matches!(value, Value::Null)
        || value.as_str().is_some_and(|t| matches!(t.trim().to_lowercase().as_str(), "all" | "any" | ""))
}

/// Understands the given values; what is absent takes its default, and an absent filter binds NULL = all.
pub(super) fn resolve(
    query: &Query,
    given: &Map<String, Value>,
    scope: &Scope<'_>,
) -> Result<Resolved, ToolError> {
    let names: Vec<&str> = query.params.iter().map(|p| p.name.as_str()).collect();
    if let Some(unknown) = given.keys().find(|name| !names.contains(&name.as_str())) {
        let near = instead(unknown, names.iter().copied());
        let message = format!("{} takes no parameter '{unknown}'{near}", query.name);
        return Err(ToolError::choices(
            "param.unknown",
            message,
            names.iter().map(|n| (*n).to_owned()).collect(),
        ));
    }
    let mut resolver = Resolver::new(scope);
    // Windows first: comparisons and granularity depend on them.
    let late = |p: &&Param| matches!(p.kind, ParamType::Compare | ParamType::Granularity);
    let (later, first): (Vec<&Param>, Vec<&Param>) = query.params.iter().partition(late);
    for param in first.into_iter().chain(later) {
        let value = given.get(&param.name).filter(|value| !value.is_null() && value.as_str() != Some(""));
        match value.or(param.default.as_ref()) {
            Some(value) if is_all(value) => resolver.all(param)?,
            Some(value) => resolver.one(param, value)?,
            None => resolver.all(param)?,
        }
    }
    let Scope { now, today, time_zone, currency, me, .. } = scope;
    let binds = &mut resolver.out.binds;
    binds.insert("as_of".to_owned(), Bound::Instant(*now));
    binds.insert("today".to_owned(), Bound::Day(Some(*today)));
    binds.insert("time_zone".to_owned(), Bound::Text(Some((*time_zone).to_owned())));
    binds.insert("currency".to_owned(), Bound::Text(Some(currency.to_string())));
    // Only where it is used: remembered results are kept by these values, and most are the same for everybody.
    if super::binds::names(&query.sql).iter().any(|name| name == "me") {
        binds.insert("me".to_owned(), Bound::Text(me.clone()));
    }
    // The echo keeps the order of the file.
    let mut echo = resolver.out.echo;
    resolver.out.echo =
        names.iter().filter_map(|name| echo.remove(*name).map(|v| ((*name).to_owned(), v))).collect();
    Ok(resolver.out)
}

struct Resolver<'a, 'b> {
    scope: &'b Scope<'a>,
    out: Resolved,
}

/// The text of a scalar; objects and lists have none.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(crate::text::clean(text, 200)),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

impl<'a, 'b> Resolver<'a, 'b> {
    fn new(scope: &'b Scope<'a>) -> Self {
        let out = Resolved {
            binds: BTreeMap::new(),
            echo: Map::new(),
            window: None,
            compare: None,
            partial: false,
            limit: None,
            notes: Vec::new(),
        };
        Self { scope, out }
    }

    fn set(&mut self, param: &Param, bound: Bound, echo: impl Into<Value>) {
        self.out.binds.insert(param.name.clone(), bound);
        self.out.echo.insert(param.name.clone(), echo.into());
    }

    /// No filter. A required parameter is asked for, with what could be named.
    fn all(&mut self, param: &Param) -> Result<(), ToolError> {
        use ParamType as P;
        if param.required {
            return Err(self.missing(param));
        }
        let bound = match &param.kind {
            P::DateRange { .. } => return self.one(param, &json!("last_30d")),
            P::Compare => return self.one(param, &json!("prior_period")),
            P::Granularity => return self.one(param, &json!("auto")),
            P::Days | P::Integer => Bound::Int(None),
            P::Money | P::Number | P::Percent => Bound::Number(None),
            P::Bool => Bound::Flag(None),
            P::Segments | P::Entities(_) => Bound::Texts(None),
            P::Channel
            | P::Platform
            | P::Source
            | P::Entity(_)
            | P::Segment
            | P::Metric { .. }
            | P::Enum { .. }
            | P::Text
            | P::Lead => Bound::Text(None),
        };
        self.set(param, bound, "all");
        Ok(())
    }

    fn missing(&self, param: &Param) -> ToolError {
        let allowed: Vec<String> = if let ParamType::Entity(kind) = &param.kind {
            let known = self.scope.entities.get(kind);
            known.map(|list| list.iter().take(3).map(|e| e.name.clone()).collect()).unwrap_or_default()
        } else if let ParamType::Metric { values } | ParamType::Enum { values, .. } = &param.kind {
            values.iter().take(20).cloned().collect()
        } else {
            Vec::new()
        };
        let what = param.description.as_ref().map_or(String::new(), |d| format!(" ({d})"));
        ToolError::choices("param.missing", format!("'{}' is needed{what}", param.name), allowed)
    }

    fn one(&mut self, param: &Param, value: &Value) -> Result<(), ToolError> {
        use ParamType as P;
        match &param.kind {
            P::DateRange { max_days, future } => self.date_range(param, value, *max_days, *future),
            P::Compare => self.compare(param, value),
            P::Granularity => self.granularity(param, value),
            P::Days => self.day_count(param, value),
            P::Integer => self.integer(param, value),
            P::Money => self.money(param, value),
            P::Number => self.number(param, value),
            P::Percent => self.percent(param, value),
            P::Bool => self.flag(param, value),
            P::Channel => self.channel(param, value),
            P::Platform | P::Source => self.platform(param, value),
            P::Entity(kind) => self.entity(param, kind, value),
            P::Entities(kind) => self.entities(param, kind, value),
            P::Segment => self.segment(param, value),
            P::Segments => self.segments(param, value),
            P::Metric { values } => self.metric(param, values, value),
            P::Enum { values, values_from } => self.choice(param, values, values_from.as_deref(), value),
            P::Text => self.free_text(param, value),
            P::Lead => self.lead(param, value),
        }
    }

    fn refuse(param: &Param, value: &Value, wanted: &str) -> ToolError {
        let given = text_of(value).map_or_else(|| value.to_string(), |text| format!("'{text}'"));
        let given: String = given.chars().take(120).collect();
        ToolError::tell("param.invalid", format!("'{}' cannot be {given}; {wanted}", param.name))
    }

    fn compare(&mut self, param: &Param, value: &Value) -> Result<(), ToolError> {
        let text = text_of(value).unwrap_or_default();
        let named = self.scope.vocabulary.compare(&text).and_then(|word| word.parse().ok());
        let compare = named
            .or_else(|| text.parse().ok())
            .or_else(|| Compare::parse_phrase(&text))
            .ok_or_else(|| {
                let allowed = Compare::ALL.iter().map(ToString::to_string).collect();
                let message = format!(
                    "'{}' cannot be '{text}'; compare with the period before, the year before, or nothing",
                    param.name
                );
                ToolError::choices("param.invalid", message, allowed)
            })?;
        let window = self.out.window.and_then(|phrase| phrase.compared(compare));
        let name = &param.name;
        self.out.binds.insert(format!("{name}_start"), Bound::Day(window.map(|w| w.start)));
        self.out.binds.insert(format!("{name}_end"), Bound::Day(window.map(|w| w.end)));
        self.out.compare = window;
        self.set(param, Bound::Text(Some(compare.to_string())), compare.as_str());
        Ok(())
    }

    fn free_text(&mut self, param: &Param, value: &Value) -> Result<(), ToolError> {
        let text =
            text_of(value).ok_or_else(|| Self::refuse(param, value, "write a text of 2 to 80 characters"))?;
        if !(2..=80).contains(&text.chars().count()) {
            return Err(Self::refuse(param, value, "write a text of 2 to 80 characters"));
        }
        // Bound as it is: queries look for texts with position(), to which no character means anything else.
        self.set(param, Bound::Text(Some(text.clone())), text);
        Ok(())
    }

    fn lead(&mut self, param: &Param, value: &Value) -> Result<(), ToolError> {
        let text = text_of(value).map(|t| t.trim_start_matches('#').to_owned()).unwrap_or_default();
        let id = !text.is_empty()
            && text.len() <= 80
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_' | '.'));
        if !id {
            return Err(Self::refuse(param, value, "write the id of one lead, as lists show it"));
        }
        self.set(param, Bound::Text(Some(text.clone())), text);
        Ok(())
    }

    fn flag(&mut self, param: &Param, value: &Value) -> Result<(), ToolError> {
        let flag = match text_of(value).unwrap_or_default().to_lowercase().as_str() {
            "true" | "yes" | "y" | "on" | "1" => true,
            // `/approvals mine` names the flag itself.
            name if name == param.name => true,
            "false" | "no" | "n" | "off" | "0" => false,
            _ => return Err(Self::refuse(param, value, "write true or false")),
        };
        self.set(param, Bound::Flag(Some(flag)), flag);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
