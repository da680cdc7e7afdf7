//! The kinds of export and their fields, from `tools/imports.yaml`: adding a synonym needs no Rust.
use super::dataset::RowSpec;
use super::header;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What a cell of a field must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    Date,
    Instant,
    Count,
    Number,
    Money,
    /// Money in millionths.
    Micros,
    Text,
    Currency,
    Bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldSpec {
    #[serde(rename = "type")]
    pub kind: FieldType,
    #[serde(default)]
    pub required: bool,
    pub synonyms: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindSpec {
    pub title: String,
    #[serde(default)]
    pub requires_one_of: Vec<Vec<String>>,
    pub fields: BTreeMap<String, FieldSpec>,
    /// The field whose day a line counts for.
    #[serde(default)]
    pub day: Option<String>,
    /// What lines become, where that is data; the other kinds are read by code.
    #[serde(default)]
    pub rows: Vec<RowSpec>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kinds {
    pub kinds: BTreeMap<String, KindSpec>,
}

impl Kinds {
    /// The built-in files; their shape is checked by a test.
    pub fn built_in() -> Result<Self, serde_saphyr::Error> {
        let mut kinds: Self = serde_saphyr::from_str(include_str!("../../../tools/imports.yaml"))?;
        for (name, text) in DATASETS {
            kinds.kinds.insert((*name).to_owned(), serde_saphyr::from_str(text)?);
        }
        Ok(kinds)
    }
}

macro_rules! datasets {
    ($($name:literal),* $(,)?) => {
        /// Data sets that are data, one file each.
        const DATASETS: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../../tools/datasets/", $name, ".yaml")))),*];
    };
}

datasets![
    "campaigns",
    "customers",
    "daily_metrics",
    "fx_rates",
    "invoices",
    "keyword_ranks",
    "products",
    "refunds",
    "subscriptions",
    "suppressions",
];

impl KindSpec {
    /// The field a header names: by its own name or a synonym.
    pub fn field_for(&self, name: &str) -> Option<&str> {
        let folded = header::fold(name);
        self.fields
            .iter()
            .find(|(field, spec)| field.replace('_', " ") == folded || spec.synonyms.contains(&folded))
            .map(|(field, _)| field.as_str())
    }

    /// How well a header fits a field: 1 its own name, then the synonyms in their order; smaller is better.
    pub fn strength(&self, field: &str, name: &str) -> Option<usize> {
        let folded = header::fold(name);
        if field.replace('_', " ") == folded {
            return Some(1);
        }
        self.fields.get(field)?.synonyms.iter().position(|synonym| *synonym == folded).map(|at| at + 2)
    }
}
