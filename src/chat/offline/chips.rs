//! What came with a question as parameters of a query.
use serde_json::{Map, Value};

/// Parameters by name: those of the chart that is looked at, and over them the filters beside it. A date range is the
/// window.
pub fn parameters(context: &Map<String, Value>) -> Map<String, Value> {
    let mut out = Map::new();
    if let Some(params) =
        context.get("chart").and_then(|chart| chart.get("params")).and_then(Value::as_object)
    {
        out.extend(params.clone());
    }
    for (name, value) in context.iter().filter(|(name, _)| *name != "chart") {
        let name = if name == "date_range" { "window" } else { name };
        out.insert(name.to_owned(), value.clone());
    }
    out
}
