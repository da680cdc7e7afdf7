//! What a run returns: typed cells, window, freshness, totals; and the two kinds of failure a tool knows.
use super::spec::{Chart, Column};
use crate::ids::RunId;
use crate::period::Window;
use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// One value of a result. JSON: decimals as strings, days and instants in ISO 8601.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Cell {
    Null,
    Bool(bool),
    Int(i64),
    Decimal(Decimal),
    Date(Date),
    Instant(Timestamp),
    Text(String),
}

impl utoipa::PartialSchema for Cell {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
        ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::String, Type::Integer, Type::Boolean, Type::Null]))
            .description(Some("A cell: decimals, days and instants are strings."))
            .into()
    }
}

impl utoipa::ToSchema for Cell {}

impl Cell {
    pub fn number(&self) -> Option<Decimal> {
        match self {
            Cell::Int(n) => Some(Decimal::from(*n)),
            Cell::Decimal(d) => Some(*d),
            Cell::Null | Cell::Bool(_) | Cell::Date(_) | Cell::Instant(_) | Cell::Text(_) => None,
        }
    }
}

/// The newest data of one fact table or source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Freshness {
    pub source: String,
    #[schema(value_type = Option<String>, format = Date)]
    pub newest: Option<Date>,
    pub age_days: Option<i32>,
    pub stale: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct QueryResult {
    pub run_id: RunId,
    pub query: String,
    pub version: u32,
    pub title: String,
    /// As understood: dates resolved, entities matched, bounds applied.
    pub params: Map<String, Value>,
    pub window: Option<Window>,
    pub compare: Option<Window>,
    /// Today is inside the window.
    pub partial: bool,
    #[schema(value_type = String, format = DateTime)]
    pub as_of: Timestamp,
    pub currency: String,
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Cell>>,
    /// Over all rows, not only the shown ones.
    pub totals: BTreeMap<String, Cell>,
    pub total_rows: u64,
    pub truncated: bool,
    pub freshness: Vec<Freshness>,
    pub snapshot_id: String,
    pub cache_hit: bool,
    pub elapsed_ms: u64,
    /// What the reader must know: clamped bounds, withheld figures, small samples.
    pub notes: Vec<String>,
    /// What the query's file says of its figures: thresholds and rules that an answer may quote.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
    pub chart: Chart,
}

impl QueryResult {
    pub fn cell(&self, row: usize, column: &str) -> Option<&Cell> {
        let index = self.columns.iter().position(|c| c.name == column)?;
        self.rows.get(row)?.get(index)
    }
}

/// Why a tool gave no result. `TellModel` can be mended by the caller; `Abort` ends the turn.
#[derive(Clone, Debug, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum ToolError {
    #[error("{message}")]
    TellModel {
        /// `area.reason`, stable.
        code: String,
        message: String,
        /// Values that would have been accepted, closest first.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        allowed: Vec<String>,
    },
    #[error("{message}")]
    Abort { code: String, message: String },
}

impl ToolError {
    pub fn tell(code: &str, message: impl Into<String>) -> Self {
        Self::TellModel { code: code.to_owned(), message: message.into(), allowed: Vec::new() }
    }

    pub fn choices(code: &str, message: impl Into<String>, allowed: Vec<String>) -> Self {
        Self::TellModel { code: code.to_owned(), message: message.into(), allowed }
    }

    pub fn abort(code: &str, message: impl Into<String>) -> Self {
        Self::Abort { code: code.to_owned(), message: message.into() }
    }

    pub fn code(&self) -> &str {
        match self {
            Self::TellModel { code, .. } | Self::Abort { code, .. } => code,
        }
    }
}
