//! Follow-up questions: the queries that a result names, asked the way their files say people ask.
use crate::catalogue::{Catalogue, Cell, ParamType, Query, QueryResult};

/// At most so many are offered.
const MOST: usize = 3;

/// Questions that lead from this result to the queries its file names as follow-ups.
pub fn follow_ups(catalogue: &Catalogue, result: &QueryResult) -> Vec<String> {
    let Some(query) = catalogue.queries.get(&result.query) else { return Vec::new() };
    let next = query.follow_ups.iter().filter(|name| **name != result.query);
    next.filter_map(|name| catalogue.queries.get(name))
        .filter_map(|next| question(next, result))
        .take(MOST)
        .collect()
}

/// A query that takes an entity is asked about the first one of the result; any other by its first example.
fn question(next: &Query, result: &QueryResult) -> Option<String> {
    let entity = next.params.iter().find_map(|param| match &param.kind {
        ParamType::Entity(kind) => Some((kind, param.required)),
        ParamType::Entities(_)
        | ParamType::Days
        | ParamType::DateRange { .. }
        | ParamType::Compare
        | ParamType::Granularity
        | ParamType::Channel
        | ParamType::Platform
        | ParamType::Source
        | ParamType::Segment
        | ParamType::Segments
        | ParamType::Metric { .. }
        | ParamType::Money
        | ParamType::Integer
        | ParamType::Number
        | ParamType::Percent
        | ParamType::Enum { .. }
        | ParamType::Text
        | ParamType::Bool
        | ParamType::Lead => None,
    });
    let text = match entity {
        Some((kind, required)) => match first_entity(result, kind) {
            Some(name) => format!("{} for {name}", next.title),
            None if required => return None,
            None => next.title.clone(),
        },
        None => next.examples.first()?.clone(),
    };
    let mut chars = text.trim_end_matches(['?', '.']).chars();
    let first = chars.next()?.to_uppercase();
    Some(format!("{first}{}?", chars.as_str()))
}

/// The name in the first row, when the result is about entities of that kind.
fn first_entity(result: &QueryResult, kind: &str) -> Option<String> {
    let column = result.columns.iter().position(|c| {
        c.entity
            && (c.name == kind
                || c.name == format!("{kind}_name")
                || (c.name == "entity" && level(result) == kind))
    })?;
    match result.rows.first()?.get(column)? {
        Cell::Text(name) if !name.trim().is_empty() => Some(crate::text::clean(name, 80)),
        Cell::Text(_)
        | Cell::Null
        | Cell::Bool(_)
        | Cell::Int(_)
        | Cell::Decimal(_)
        | Cell::Date(_)
        | Cell::Instant(_) => None,
    }
}

fn level(result: &QueryResult) -> &str {
    result.params.get("level").and_then(|level| level.as_str()).unwrap_or_default()
}
