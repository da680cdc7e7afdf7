//! What the index reads of a query or playbook: how it is described, how it is asked for, and which names it takes.
use super::normalise;
use super::vocabulary::Vocabulary;
use crate::catalogue::{ParamType, Query};
use std::collections::{BTreeMap, HashSet};

/// A query or playbook as the index reads it.
pub struct Document {
    pub name: String,
    pub group: String,
    /// Name, title and description.
    pub purpose: String,
    pub keywords: Vec<String>,
    pub examples: Vec<String>,
    /// Questions that sound like it and mean something else.
    pub negatives: Vec<String>,
    /// Kind of name it takes → required.
    pub takes: BTreeMap<String, bool>,
    /// Takes words that nobody knows: a keyword, a term to look up.
    pub free: bool,
    pub takes_channel: bool,
    /// Values of its enumerations.
    pub values: Vec<String>,
}

impl Document {
    /// `wordings` are further ways to ask for it, beside its own examples.
    pub fn of_query(query: &Query, wordings: &[String]) -> Self {
        Self {
            name: query.name.clone(),
            group: query.group.clone(),
            purpose: format!("{} {} {}", query.name.replace('_', " "), query.title, query.description),
            keywords: query.keywords.clone(),
            examples: query.examples.iter().chain(wordings).cloned().collect(),
            negatives: query.negatives.clone(),
            takes: query
                .params
                .iter()
                .filter_map(|p| Some((kind_of(&p.kind)?, p.required || p.expected)))
                .collect(),
            free: query.params.iter().any(|p| {
                (p.required || p.expected) && matches!(&p.kind, ParamType::Entity(k) if k == "keyword")
            }),
            takes_channel: query
                .params
                .iter()
                .any(|p| matches!(p.kind, ParamType::Channel | ParamType::Platform | ParamType::Source)),
            values: query
                .params
                .iter()
                .filter_map(|p| {
                    if let ParamType::Enum { values, .. } = &p.kind {
                        return Some(values.clone());
                    }
                    let steps = ["day", "week", "month", "hour"];
                    matches!(p.kind, ParamType::Granularity).then(|| steps.map(str::to_owned).to_vec())
                })
                .flatten()
                .collect(),
        }
    }
}

/// The kind of name a parameter takes.
pub fn kind_of(param: &ParamType) -> Option<String> {
    match param {
        ParamType::Entity(kind) => Some(kind.clone()),
        ParamType::Segment | ParamType::Segments => Some("segment".to_owned()),
        ParamType::Lead => Some("lead".to_owned()),
        ParamType::Entities(_)
        | ParamType::Days
        | ParamType::DateRange { .. }
        | ParamType::Compare
        | ParamType::Granularity
        | ParamType::Channel
        | ParamType::Platform
        | ParamType::Source
        | ParamType::Metric { .. }
        | ParamType::Money
        | ParamType::Integer
        | ParamType::Number
        | ParamType::Percent
        | ParamType::Enum { .. }
        | ParamType::Text
        | ParamType::Bool => None,
    }
}

/// Stems of values and of the words that mean them.
pub fn accepts(values: &[String], vocabulary: &Vocabulary) -> HashSet<String> {
    let mut out = HashSet::new();
    for value in values.iter().filter(|v| !matches!(v.as_str(), "all" | "none")) {
        let names = vocabulary.values.get(&value.to_lowercase()).into_iter().flatten();
        let literal: Vec<String> = value.to_lowercase().split('_').map(str::to_owned).collect();
        for phrase in names.chain([&literal]).filter(|p| p.len() == 1) {
            let words: Vec<&str> = phrase.iter().map(String::as_str).collect();
            out.extend(normalise::terms(&words, vocabulary).into_iter().map(|t| t.stem));
        }
    }
    out
}
