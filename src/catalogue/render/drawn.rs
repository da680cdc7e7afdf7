//! A result as a monospace table, and its chart in text.
use super::{cell_text, heading};
use crate::catalogue::few::mark_of;
use crate::catalogue::metrics::Metrics;
use crate::catalogue::result::{Cell, QueryResult};
use crate::catalogue::spec::{Column, ColumnType};
use crate::report::sparkline::{bar, sparkline};
use crate::report::table::{Align, Heading, table as draw_table};
use jiff::tz::TimeZone;
use rust_decimal::prelude::ToPrimitive;
use serde_json::Value;

/// A monospace table of the shown columns, at most `most` rows, and how many were left out.
pub fn table(metrics: &Metrics, result: &QueryResult, most: usize, zone: &TimeZone) -> String {
    let columns: Vec<&Column> = result.columns.iter().filter(|c| !c.hidden).collect();
    let headings: Vec<Heading> = columns
        .iter()
        .map(|c| Heading {
            title: heading(c),
            align: if matches!(
                c.kind,
                ColumnType::Text | ColumnType::Date | ColumnType::Instant | ColumnType::Bool
            ) {
                Align::Left
            } else {
                Align::Right
            },
        })
        .collect();
    let shown = result.rows.len().min(most);
    let rows: Vec<Vec<String>> = (0..shown)
        .map(|at| {
            let row = result.rows.get(at).map_or(&[][..], Vec::as_slice);
            let shown = result.columns.iter().enumerate().filter(|(_, c)| !c.hidden);
            let text = |(place, c): (usize, &Column)| {
                cell_text(metrics, result, at, c, zone) + mark_of(&result.columns, row, place)
            };
            shown.map(text).collect()
        })
        .collect();
    let text = draw_table(&headings, &rows);
    match result.total_rows.saturating_sub(shown as u64) {
        0 => text,
        more => format!("{text}\n… and {more} more"),
    }
}

/// The chart in text: a sparkline for lines, block bars for rankings; nothing for kinds that a table tells better.
pub fn chart_text(metrics: &Metrics, result: &QueryResult, zone: &TimeZone) -> Option<String> {
    let part = |name: &str| result.chart.parts.get(name).and_then(Value::as_str);
    let column = |name: &str| result.columns.iter().find(|c| c.name == name);
    let number =
        |row: usize, name: &str| result.cell(row, name).and_then(Cell::number).and_then(|d| d.to_f64());
    let (x, y) = (part("x")?, part("y")?);
    let (x_column, y_column) = (column(x)?, column(y)?);
    match result.chart.kind.as_str() {
        "line" if result.rows.len() >= 2 => {
            let values: Vec<Option<f64>> = (0..result.rows.len()).map(|row| number(row, y)).collect();
            let show = |row: usize| cell_text(metrics, result, row, y_column, zone);
            let at = |pick: fn(f64, f64) -> bool| {
                let known = values.iter().enumerate().filter_map(|(i, v)| v.map(|v| (i, v)));
                known.reduce(|best, next| if pick(next.1, best.1) { next } else { best }).map(|(i, _)| i)
            };
            let (low, high) = (at(|a, b| a < b)?, at(|a, b| a > b)?);
            let last = result.rows.len() - 1;
            Some(format!(
                "{}  first {}, last {}, lowest {}, highest {}",
                sparkline(&values),
                show(0),
                show(last),
                show(low),
                show(high)
            ))
        }
        "bar" | "stacked_bar" | "funnel" if !result.rows.is_empty() => {
            let shown = result.rows.len().min(10);
            let most = (0..shown).filter_map(|row| number(row, y)).fold(0.0, f64::max);
            let headings = [x_column, y_column]
                .map(|c| Heading { title: heading(c), align: Align::Left })
                .into_iter()
                .chain([Heading { title: String::new(), align: Align::Left }])
                .collect::<Vec<_>>();
            let rows: Vec<Vec<String>> = (0..shown)
                .map(|row| {
                    let cell = |c: &Column| cell_text(metrics, result, row, c, zone);
                    vec![cell(x_column), cell(y_column), bar(number(row, y), most, 24)]
                })
                .collect();
            Some(draw_table(&headings, &rows))
        }
        _ => None,
    }
}
