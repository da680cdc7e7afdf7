//! The parameters of a run as a source of figures.
//!
//! A number that a model wrote into a call is no finding: it comes back in the result as it was sent. So a parameter is
//! quoted only when the query's own file chose it (its default or its bound), when the planner did, from the question and
//! the files of playbooks, or when the person named it; and in its own unit only.
use super::Unit;
use crate::catalogue::{Param, ParamType, QueryResult};
use crate::chat::turn::ChosenBy;
use rust_decimal::Decimal;
use serde_json::Value;
use std::collections::BTreeSet;

/// A number among the parameters.
#[derive(Clone, Debug)]
pub(super) struct Argument {
    pub name: String,
    pub value: Decimal,
    pub unit: Unit,
    /// It needs nobody's word: the file or the planner chose it.
    pub own: bool,
}

/// The numbers among the parameters of a result; `params` are those of the query's file.
pub(super) fn arguments(result: &QueryResult, params: &[Param], by: ChosenBy) -> Vec<Argument> {
    let mut out = Vec::new();
    for param in params {
        let Some(value) = result.params.get(&param.name) else { continue };
        let own = by == ChosenBy::Planner || chosen_by_the_file(param, value);
        let mut numbers = Vec::new();
        super::collect(value, &param.name, &mut numbers);
        let unit = unit(&param.kind);
        out.extend(numbers.into_iter().map(|(name, value)| Argument { name, value, unit, own }));
    }
    out
}

/// Names among the parameters that were matched to the data.
pub(super) fn names<'a>(result: &'a QueryResult, params: &[Param]) -> Vec<&'a str> {
    let matched = params.iter().filter(|param| {
        matches!(
            param.kind,
            ParamType::Entity(_) | ParamType::Entities(_) | ParamType::Segment | ParamType::Segments
        )
    });
    let values = matched.filter_map(|param| result.params.get(&param.name));
    values
        .flat_map(|value| match value {
            Value::String(text) => vec![text.as_str()],
            Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
        })
        .collect()
}

/// The notes of a result without what a caller had sent: "days 9000 is out of bounds (1 to 400): 400 was used." holds the
/// first number only if somebody else knows it.
pub(super) fn note<'a>(text: &'a str, params: &[Param], by: ChosenBy) -> &'a str {
    let sent = params.iter().find_map(|param| text.strip_prefix(param.name.as_str())?.strip_prefix(' '));
    match sent.and_then(|rest| rest.split_once(' ')) {
        Some((_, rest)) if by == ChosenBy::Model => rest,
        Some(_) | None => text,
    }
}

fn unit(kind: &ParamType) -> Unit {
    use ParamType as P;
    match kind {
        P::Money => Unit::Money,
        P::Percent => Unit::Fraction,
        P::Days
        | P::Integer
        | P::Number
        | P::DateRange { .. }
        | P::Compare
        | P::Granularity
        | P::Channel
        | P::Platform
        | P::Source
        | P::Entity(_)
        | P::Entities(_)
        | P::Segment
        | P::Segments
        | P::Metric { .. }
        | P::Enum { .. }
        | P::Text
        | P::Bool
        | P::Lead => Unit::Number,
    }
}

/// The value is the default of the file, one of its bounds, or one of the words it allows.
fn chosen_by_the_file(param: &Param, value: &Value) -> bool {
    let number = |value: &Value| match value {
        Value::Number(number) => number.to_string().parse::<Decimal>().ok(),
        Value::String(text) => text.parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    if let ParamType::Enum { values, .. } | ParamType::Metric { values } = &param.kind
        && value.as_str().is_some_and(|text| values.iter().any(|known| known == text))
    {
        return true;
    }
    match number(value) {
        Some(value) => [param.default.as_ref().and_then(number), param.min, param.max].contains(&Some(value)),
        None => param.default.as_ref() == Some(value),
    }
}

/// Whether a person named the number, in whatever unit: "10 %" may be kept as 0.10.
pub(super) fn named(said: &BTreeSet<Decimal>, value: Decimal) -> bool {
    let value = value.abs().normalize();
    said.contains(&value)
        || value.checked_mul(Decimal::ONE_HUNDRED).is_some_and(|v| said.contains(&v.normalize()))
}
