//! One declared parameter: `window: {type: date_range, default: last_30d, max_days: 400}`.
use super::super::fault::{Faults, instead};
use super::super::lists::ENTITY_KINDS;
use super::super::metrics::Metrics;
use super::super::spec::{Param, ParamType};
use super::super::yaml::{Fields, Node};
use super::is_name;

/// Reads one entry of `params`.
pub(super) fn read(
    name: &str,
    line: usize,
    node: &Node,
    metrics: &Metrics,
    faults: &mut Faults,
) -> Option<Param> {
    if !is_name(name) {
        faults.add(line, format!("parameter '{name}' is no snake_case name"));
    }
    let mut f = Fields::of(node, format!("parameter '{name}'"), faults)?;
    let kind = f.need_text("type", faults);
    let values = f.texts("values", faults);
    let values_from = f.text("values_from", faults);
    let max_days = f.whole("max_days", faults);
    let future = f.flag("future", faults);
    let type_line = f.line_of("type");
    let kind = match kind.as_str() {
        "days" => ParamType::Days,
        "date_range" => {
            let max_days = max_days.and_then(|n| u32::try_from(n).ok()).unwrap_or(400);
            ParamType::DateRange { max_days, future }
        }
        "compare" => ParamType::Compare,
        "granularity" => ParamType::Granularity,
        "channel" => ParamType::Channel,
        "platform" => ParamType::Platform,
        "source" => ParamType::Source,
        "segment" => ParamType::Segment,
        "segments" => ParamType::Segments,
        "metric" if values == ["all"] => {
            let supplied = metrics.iter().filter(|metric| metric.needs().is_none());
            ParamType::Metric { values: supplied.map(|metric| metric.id.clone()).collect() }
        }
        "metric" => {
            if values.is_empty() {
                faults
                    .add(type_line, format!("parameter '{name}' lists no metrics; add `values: [roas, …]`"));
            }
            for id in &values {
                if metrics.get(id).is_none() {
                    let near = instead(id, metrics.iter().map(|m| m.id.as_str()));
                    faults.add(f.line_of("values"), format!("unknown metric '{id}'{near}"));
                }
            }
            ParamType::Metric { values: values.clone() }
        }
        "money" => ParamType::Money,
        "integer" => ParamType::Integer,
        "number" => ParamType::Number,
        "percent" => ParamType::Percent,
        "enum" => {
            if values.is_empty() && values_from.is_none() {
                faults.add(
                    type_line,
                    format!(
                        "parameter '{name}' has no choices; add `values: […]` or `values_from: view.column`"
                    ),
                );
            }
            if values_from.as_ref().is_some_and(|from| from.split('.').filter(|p| is_name(p)).count() != 2) {
                faults.add(
                    f.line_of("values_from"),
                    "write 'values_from' as view.column of schema facts, for instance `orders.location`",
                );
            }
            ParamType::Enum { values: values.clone(), values_from: values_from.clone() }
        }
        "text" => ParamType::Text,
        "bool" => ParamType::Bool,
        "lead" => ParamType::Lead,
        other if ENTITY_KINDS.contains(&other) => ParamType::Entity(other.to_owned()),
        other if other.strip_suffix('s').is_some_and(|kind| ENTITY_KINDS.contains(&kind)) => {
            ParamType::Entities(other.trim_end_matches('s').to_owned())
        }
        other => {
            let known = [
                "days",
                "date_range",
                "compare",
                "granularity",
                "channel",
                "platform",
                "source",
                "segment",
                "segments",
                "metric",
                "money",
                "integer",
                "number",
                "percent",
                "enum",
                "text",
                "bool",
                "lead",
            ];
            let near = instead(other, known.iter().chain(ENTITY_KINDS).copied());
            faults.add(type_line, format!("unknown parameter type '{other}'{near}"));
            return None;
        }
    };
    let param = Param {
        name: name.to_owned(),
        required: f.flag("required", faults),
        expected: f.flag("expected", faults),
        default: f.get("default").map(Node::json),
        min: f.number("min", faults),
        max: f.number("max", faults),
        description: f.text("description", faults),
        kind,
    };
    if param.min.zip(param.max).is_some_and(|(min, max)| min > max) {
        faults.add(f.line_of("min"), format!("parameter '{name}': min is larger than max"));
    }
    if let Some(problem) = super::super::params::faulty_default(&param) {
        faults.add(f.line_of("default"), format!("parameter '{name}': {problem}"));
    }
    f.finish(faults);
    Some(param)
}
