//! A named query as its file declares it.
use crate::access::Permission;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// One file of `tools/queries`: front matter and one SELECT.
#[derive(Clone, Debug)]
pub struct Query {
    pub name: String,
    pub version: u32,
    pub title: String,
    pub description: String,
    pub group: String,
    pub personas: Vec<String>,
    pub modules: Vec<u8>,
    pub metrics: Vec<String>,
    pub sources: Vec<String>,
    /// In file order.
    pub params: Vec<Param>,
    pub columns: Vec<Column>,
    /// Columns of words that come from a closed list, with the list.
    pub words: BTreeMap<String, Vec<String>>,
    pub totals: Vec<Total>,
    pub keywords: Vec<String>,
    pub examples: Vec<String>,
    pub negatives: Vec<String>,
    pub chart: Chart,
    pub answer: Answer,
    pub follow_ups: Vec<String>,
    /// Draft types that may start from this result.
    pub drafts: Vec<String>,
    pub access: Access,
    pub timeout_ms: u64,
    pub max_rows: u32,
    pub cache_s: u64,
    /// A pure function of `stats` that turns the selected rows into the declared columns.
    pub stats: Option<String>,
    /// The metric engine reads the metric that the parameters name, in place of a SELECT of its own.
    pub engine: Option<super::engine::Shape>,
    /// The SELECT after template expansion (metric macros), with `:name` binds.
    pub sql: String,
    /// Where it came from, for messages.
    pub path: String,
}

#[derive(Clone, Debug)]
pub struct Param {
    pub name: String,
    pub kind: ParamType,
    pub required: bool,
    /// Questions mostly name it, so the planner looks for it as for a required one; without it all are meant.
    pub expected: bool,
    /// As written in the file: a value, or a window name such as `last_30d`.
    pub default: Option<Value>,
    pub min: Option<Decimal>,
    pub max: Option<Decimal>,
    pub description: Option<String>,
}

/// The types of `queries.md` §2.
#[derive(Clone, Debug, PartialEq)]
pub enum ParamType {
    Days,
    DateRange {
        max_days: u32,
        future: bool,
    },
    Compare,
    Granularity,
    Channel,
    Platform,
    Source,
    /// A canonical entity: campaign, creative, page, product, keyword, city, experiment, sales_channel.
    Entity(String),
    /// One to ten entities of a kind, written as its plural: `pages`.
    Entities(String),
    Segment,
    Segments,
    Metric {
        values: Vec<String>,
    },
    Money,
    Integer,
    Number,
    Percent,
    Enum {
        values: Vec<String>,
        values_from: Option<String>,
    },
    Text,
    Bool,
    Lead,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    Text,
    Count,
    Number,
    Money,
    Fraction,
    Pp,
    Ratio,
    Days,
    Hours,
    Ms,
    Date,
    Instant,
    Bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Column {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: ColumnType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when_null: Option<String>,
    /// A linkable name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub entity: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pii: Option<String>,
    /// Carried for receipts, drafts and links (ids), not shown in tables.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
    /// Where figures of it may rest on too little; filled in when the file is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub few: Option<super::few::Few>,
}

/// A total over *all* rows: the sum of a column, or the ratio of two such sums.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Total {
    Sum(String),
    Ratio { name: String, ratio: (String, String) },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Chart {
    /// line, bar, stacked_bar, funnel, heatmap, table, scatter, waterfall.
    pub kind: String,
    /// Column names by their part in the chart: x, y, series, label, size, lo, hi, compare, row, column, value, step, delta…
    #[serde(flatten)]
    pub parts: BTreeMap<String, Value>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    pub headline: String,
    pub row: String,
    pub empty: String,
    #[serde(default)]
    pub notes: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Access {
    pub permission: Permission,
    /// none, masked, restricted.
    pub pii: String,
}
