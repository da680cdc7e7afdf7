//! What came with a question: parameters of a query, and the campaign that a draft is about.
use super::entities::{EntityHit, Known};
use super::understand::Reading;
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

/// "This campaign", where none is named, is the one that is looked at: by its id or its whole name.
pub fn with_campaign(reading: &Reading, context: &Map<String, Value>, known: &Known) -> Option<Reading> {
    let looked_at = context.get("campaign").and_then(Value::as_str)?;
    let named = reading.of_kind("campaign").next().is_some() || !reading.unsure.is_empty();
    // "The second campaign", "all campaigns", "the campaign with the highest cost" are others.
    let this = reading.words.windows(2).any(|two| two[0].text == "this" && two[1].text == "campaign");
    if named || !this {
        return None;
    }
    let campaigns = || known.of_kind("campaign");
    let mut called = campaigns().filter(|one| one.name == looked_at);
    // Names are not unique: which of several is meant is asked.
    let by_name = called.next().filter(|_| called.next().is_none());
    let campaign = campaigns().find(|one| one.id == looked_at).or(by_name)?;
    let mut reading = reading.clone();
    reading.entities.push(EntityHit { at: 0, len: 0, options: vec![campaign.clone()], fuzzy: false });
    Some(reading)
}

#[cfg(test)]
mod tests;
