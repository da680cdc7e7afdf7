//! Ratios over little: which figures of a result rest on fewer observations than their metric asks for (`min_n` of
//! `tools/metrics.yaml`), so that every surface can say so beside them.
use super::metrics::Metrics;
use super::result::{Cell, QueryResult};
use super::spec::{Column, ColumnType};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// The column that counts the observations of a figure, and how many it needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Few {
    /// A column of the same result.
    pub of: String,
    /// What is counted, in words: `clicks`.
    pub what: String,
    #[schema(value_type = String)]
    pub at_least: Decimal,
}

/// Columns whose counts a metric's base column may go by in a result.
const KNOWN_AS: &[(&str, &str)] = &[("sends", "sent")];

/// Ties the columns that print a ratio to the ones that count its observations: those named as the metric, or as the
/// beginning of the only metric of the query that begins so (`cvr` for `cvr_click`).
pub(super) fn mark(columns: &mut [Column], ids: &[String], metrics: &Metrics) {
    let counts: Vec<(String, ColumnType)> = columns.iter().map(|c| (c.name.clone(), c.kind)).collect();
    for column in columns.iter_mut() {
        use ColumnType as T;
        if !matches!(column.kind, T::Fraction | T::Ratio | T::Money | T::Number) {
            continue;
        }
        let longer: Vec<&String> =
            ids.iter().filter(|id| id.starts_with(&format!("{}_", column.name))).collect();
        let id = match (ids.contains(&column.name), longer.as_slice()) {
            (true, _) => &column.name,
            (false, [one]) => *one,
            (false, _) => continue,
        };
        let Some(metric) = metrics.get(id).filter(|metric| metric.denominator.is_some()) else { continue };
        let Some((base, at_least)) = &metric.min_n else { continue };
        let other = KNOWN_AS.iter().find(|(name, _)| name == base).map_or("", |(_, other)| *other);
        let what = if base == "cost" { "spent".to_owned() } else { base.replace('_', " ") };
        let found = counts.iter().find(|(name, kind)| {
            (name == base || name == other) && *name != column.name && matches!(kind, T::Count | T::Money)
        });
        column.few = found.map(|(of, _)| Few { of: of.clone(), what: what.clone(), at_least: *at_least });
    }
}

impl Few {
    /// The observations, when they are too few; `cell` reads a column of the row (or of the totals) that the figure is in.
    pub fn seen<'a>(&self, cell: impl FnOnce(&str) -> Option<&'a Cell>) -> Option<Decimal> {
        cell(&self.of)?.number().filter(|seen| *seen < self.at_least)
    }
}

/// The columns of a row whose figures rest on too little, with what there is.
pub fn in_row(result: &QueryResult, row: usize) -> Vec<(&Column, &Few, Decimal)> {
    let columns = result
        .columns
        .iter()
        .filter(|column| !matches!(result.cell(row, &column.name), None | Some(Cell::Null)));
    columns
        .filter_map(|column| {
            let few = column.few.as_ref()?;
            Some((column, few, few.seen(|name| result.cell(row, name))?))
        })
        .collect()
}

/// What stands behind a figure in a table, where it rests on too little; nothing in a table with a column that says so.
pub fn mark_of(columns: &[Column], row: &[Cell], at: usize) -> &'static str {
    let tells = columns.iter().any(|column| column.name == "sample" && !column.hidden);
    let little = || {
        let few = columns.get(at)?.few.as_ref()?;
        row.get(at).filter(|cell| !matches!(cell, Cell::Null))?;
        few.seen(|name| row.get(columns.iter().position(|column| column.name == name)?))
    };
    if !tells && little().is_some() { " (few data)" } else { "" }
}

#[cfg(test)]
mod tests;
