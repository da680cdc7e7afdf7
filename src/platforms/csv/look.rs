//! A first look at a file: its columns with examples, and the field that each is likely to be.
use super::kinds::KindSpec;
use super::sniff::{self, Detected};
use super::table::{Row, Unreadable, Value};
use crate::text::clean;
use serde::Serialize;
use serde_json::json;

/// Examples of a column, and how long one may be.
const SAMPLES: usize = 5;
const SAMPLE: usize = 60;

/// What a file looks like.
#[derive(Debug, Serialize)]
pub struct Look {
    pub detected: Detected,
    pub columns: Vec<Column>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Column {
    pub name: String,
    /// The first values; personal ones are masked.
    pub samples: Vec<String>,
    /// The field it is read as unless the mapping says otherwise.
    pub suggested_field: Option<String>,
    /// 1: the field's own name; less the further down the list of its synonyms; 0: no field.
    pub confidence: f64,
}

/// Looks at a file. A header of which nothing is known is taken where most cells stand, so that columns can be mapped.
pub fn look(bytes: &[u8], spec: &KindSpec) -> Result<Look, Unreadable> {
    let (text, encoding) = sniff::decode(bytes);
    if text.trim().is_empty() {
        return Err(Unreadable::Empty);
    }
    let detected =
        sniff::detect(&text, encoding, spec, &[]).or_else(|| sniff::widest(&text, encoding)).ok_or_else(
            || Unreadable::NoHeader { known: spec.fields.keys().cloned().collect::<Vec<_>>().join(", ") },
        )?;
    // Enough lines for the examples: a file may have a million.
    let lines = detected.header_line + 20 * SAMPLES as u64;
    let head: String = text.split_inclusive('\n').take(usize::try_from(lines).unwrap_or(500)).collect();
    let mut records = sniff::records(&head, detected.delimiter).into_iter().skip(detected.header_index);
    let header = records.next().map(|(_, cells)| cells).unwrap_or_default();
    let body: Vec<Vec<String>> = records.map(|(_, cells)| cells).collect();
    let columns = header.iter().enumerate().map(|(at, name)| {
        let field = spec.field_for(name);
        let samples = body.iter().filter_map(|cells| cells.get(at)).map(|cell| cell.trim());
        Column {
            samples: samples
                .filter(|cell| !cell.is_empty())
                .take(SAMPLES)
                .map(|cell| masked(field.unwrap_or(name), cell))
                .collect(),
            confidence: field
                .and_then(|field| spec.strength(field, name))
                .map_or(0.0, |rank| (1.0 - 0.02 * (rank.saturating_sub(1)) as f64).max(0.5)),
            suggested_field: field.map(str::to_owned),
            name: clean(name, 200),
        }
    });
    Ok(Look { columns: columns.collect(), detected })
}

/// A value as it may be shown: addresses, numbers and names of people are not.
fn masked(field: &str, cell: &str) -> String {
    let field = field.to_lowercase();
    let personal = ["mail", "phone", "telefon", "first name", "last name", "vorname", "nachname"];
    if cell.contains('@') || personal.iter().any(|word| field.contains(word)) {
        return "•••".to_owned();
    }
    clean(cell, SAMPLE)
}

/// A row as it was understood, for a person to look at.
pub fn shown(row: &Row) -> serde_json::Value {
    let mut fields = serde_json::Map::new();
    for (name, value) in &row.fields {
        let value = match value {
            Value::Text(text) => json!(masked(name, text)),
            Value::Number(number) => json!(number.normalize()),
            Value::Date(day) => json!(day),
            Value::Instant(at) => json!(at),
            Value::Currency(currency) => json!(currency),
            Value::Bool(flag) => json!(flag),
        };
        fields.insert(name.clone(), value);
    }
    json!({ "line": row.line, "fields": fields })
}
