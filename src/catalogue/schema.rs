//! A query as a tool for a model: name, description, JSON Schema of its parameters.
use super::lists::{AUDIENCES, CHANNELS, SEGMENTS, SOURCES};
use super::params::MOST_ENTITIES;
use super::spec::{ColumnType, Param, ParamType, Query};
use crate::report::figure;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

/// A tool on offer; `llm::ToolSpec` has the same fields.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolDescription {
    pub name: String,
    pub description: String,
    /// JSON Schema (2020-12) of an object; unknown properties are refused.
    pub schema: Value,
}

/// The description of one query.
pub fn describe(query: &Query) -> ToolDescription {
    let columns: Vec<String> = query
        .columns
        .iter()
        .filter(|c| !c.hidden)
        .map(|c| format!("{} ({})", c.name, unit_word(c.kind)))
        .collect();
    let description = format!("{} Returns: {}.", query.description.trim_end(), columns.join(", "));
    let mut properties = Map::new();
    let mut required = Vec::new();
    for param in &query.params {
        properties.insert(param.name.clone(), property(param));
        if param.required {
            required.push(json!(param.name));
        }
    }
    let schema = json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    });
    ToolDescription { name: query.name.clone(), description, schema }
}

fn unit_word(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Text => "text",
        ColumnType::Count => "count",
        ColumnType::Number => "number",
        ColumnType::Money => "money",
        ColumnType::Fraction => "fraction of 1",
        ColumnType::Pp => "difference of fractions",
        ColumnType::Ratio => "ratio",
        ColumnType::Days => "days",
        ColumnType::Hours => "hours",
        ColumnType::Ms => "milliseconds",
        ColumnType::Date => "date",
        ColumnType::Instant => "time",
        ColumnType::Bool => "true or false",
    }
}

fn bounded(kind: &str, param: &Param, least: Option<i64>, most: Option<i64>) -> Value {
    let mut out = json!({ "type": kind });
    let number = |d: Decimal| d.normalize().to_string().parse::<serde_json::Number>().ok().map(Value::Number);
    let bound =
        |own: Option<Decimal>, usual: Option<i64>| own.and_then(number).or_else(|| usual.map(|n| json!(n)));
    if let Some(least) = bound(param.min, least) {
        out["minimum"] = least;
    }
    if let Some(most) = bound(param.max, most) {
        out["maximum"] = most;
    }
    out
}

fn choices<'a>(values: impl IntoIterator<Item = &'a str>, all: bool) -> Value {
    let mut list: Vec<&str> = values.into_iter().filter(|v| *v != "all").collect();
    if all {
        list.push("all");
    }
    json!({ "type": "string", "enum": list })
}

fn property(param: &Param) -> Value {
    use ParamType as P;
    let optional = !param.required;
    let (mut schema, usual) = match &param.kind {
        P::Days => (bounded("integer", param, Some(1), Some(400)), "Number of days.".to_owned()),
        P::DateRange { max_days, future } => (
            json!({ "type": "string", "minLength": 2, "maxLength": 60 }),
            format!(
                "Window as a phrase ('last 30 days', 'last month', 'q2', 'since aug 15', '2025-08-01 to 2025-08-15'); at most {max_days} days{}.",
                if *future {
                    "; may lie in the future"
                } else {
                    "; ends yesterday at the latest, 'today' is partial"
                }
            ),
        ),
        P::Compare => {
            (choices(["prior_period", "prior_year", "none"], false), "What to compare with.".to_owned())
        }
        P::Granularity => {
            (choices(["auto", "hour", "day", "week", "month"], false), "Length of one step.".to_owned())
        }
        P::Channel => (choices(CHANNELS.iter().copied(), optional), "Marketing channel.".to_owned()),
        P::Platform | P::Source => {
            (choices(SOURCES.iter().copied(), optional), "Connected platform.".to_owned())
        }
        P::Entity(kind) => (
            json!({ "type": "string", "minLength": 1, "maxLength": 200 }),
            format!(
                "Name of one {} as people call it{}.",
                kind.replace('_', " "),
                if optional { ", or 'all'" } else { "" }
            ),
        ),
        P::Entities(kind) => (
            json!({ "type": "array", "items": { "type": "string" }, "minItems": 1, "maxItems": MOST_ENTITIES }),
            format!("Up to {MOST_ENTITIES} {}, by name or id as results show them.", figure::plural(kind)),
        ),
        P::Segment => (
            json!({ "type": "string", "minLength": 2, "maxLength": 120 }),
            format!(
                "Audience: {}, {}, or the name of an own segment.",
                SEGMENTS.join(", "),
                AUDIENCES.join(", ")
            ),
        ),
        P::Segments => (
            json!({ "type": "array", "items": { "type": "string" }, "minItems": 2, "maxItems": 3 }),
            format!("Two or three audiences: {}, or names of own segments.", SEGMENTS.join(", ")),
        ),
        P::Metric { values } => {
            (choices(values.iter().map(String::as_str), false), "Metric of the registry.".to_owned())
        }
        P::Money => (
            bounded("number", param, Some(0), Some(10_000_000)),
            "Amount in the organisation's currency.".to_owned(),
        ),
        P::Integer => (bounded("integer", param, None, None), String::new()),
        P::Number => (bounded("number", param, None, None), String::new()),
        P::Percent => {
            (bounded("number", param, Some(0), Some(1)), "Share as a fraction: 0.1 is 10 %.".to_owned())
        }
        P::Enum { values, values_from: None } => {
            let by_default = param.default.as_ref().is_none_or(|d| d.is_null() || d.as_str() == Some("all"));
            let all = optional && (by_default || values.iter().any(|v| v == "all"));
            (choices(values.iter().map(String::as_str), all), String::new())
        }
        P::Enum { values, values_from: Some(_) } => (
            json!({ "type": "string", "minLength": 1, "maxLength": 120 }),
            format!(
                "A value that the data has{}.",
                if values.is_empty() { String::new() } else { format!(", or {}", values.join(", ")) }
            ),
        ),
        P::Text => {
            (json!({ "type": "string", "minLength": 2, "maxLength": 80 }), "Text to look for.".to_owned())
        }
        P::Bool => (json!({ "type": "boolean" }), String::new()),
        P::Lead => (json!({ "type": "string", "maxLength": 80 }), "Id of one lead.".to_owned()),
    };
    let description = match (&param.description, usual.is_empty()) {
        (Some(own), true) => own.clone(),
        (Some(own), false) => format!("{own} {usual}"),
        (None, true) => param.name.replace('_', " "),
        (None, false) => usual,
    };
    schema["description"] = json!(description);
    let list = matches!(param.kind, P::Entities(_) | P::Segments);
    if let Some(default) = param.default.as_ref().filter(|d| !d.is_null() && !list) {
        // A window's default is a name such as last_30d; that is also a phrase.
        schema["default"] = match (&param.kind, default) {
            (P::DateRange { .. }, Value::String(name)) => json!(name.replace('_', " ")),
            (P::Percent, Value::String(text)) => {
                text.trim_end_matches('%').trim().parse::<Decimal>().map_or(json!(text), |d| {
                    json!((d / Decimal::ONE_HUNDRED).normalize().to_string().parse::<f64>().unwrap_or(0.0))
                })
            }
            (_, other) => other.clone(),
        };
    }
    schema
}

#[cfg(test)]
mod tests;
