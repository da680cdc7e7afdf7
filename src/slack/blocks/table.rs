//! Rows of a result as a native table, or as a file where they are too many.
use super::limits::{TABLE_CHARACTERS, TABLE_COLUMNS, TABLE_ROWS};
use super::{Plain, plain};
use crate::catalogue::{Cell, Column, few_mark, heading, shown};
use crate::money::Currency;
use crate::report::csv;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde_json::{Value, json};

/// Rows in the shape that fits.
#[derive(Clone, Debug, PartialEq)]
pub enum Table {
    /// A `data_table` block: numbers sort as numbers.
    Block(Value),
    /// A CSV for a spreadsheet, with all rows; numbers in it are numbers.
    File { name: String, bytes: Vec<u8> },
}

/// How cells are written.
#[derive(Clone, Debug)]
pub struct Format {
    pub currency: Option<Currency>,
    pub zone: TimeZone,
}

/// The columns that are not hidden; none when there are no rows.
pub fn table(title: &str, columns: &[Column], rows: &[Vec<Cell>], format: &Format) -> Option<Table> {
    let visible: Vec<(usize, &Column)> = columns.iter().enumerate().filter(|(_, c)| !c.hidden).collect();
    if rows.is_empty() || visible.is_empty() {
        return None;
    }
    let small = visible.len() <= TABLE_COLUMNS && rows.len() <= TABLE_ROWS;
    if let Some(block) = small.then(|| block(title, columns, rows, format)).flatten() {
        return Some(Table::Block(block));
    }
    let mut header: Vec<String> = visible.iter().map(|(_, column)| csv::safe(&heading(column))).collect();
    let mut lines: Vec<Vec<String>> = rows
        .iter()
        .map(|row| visible.iter().map(|(at, _)| row.get(*at).map_or_else(String::new, bare)).collect())
        .collect();
    // Numbers stay numbers: which of them rest on too little stands in a column of its own.
    let little: Vec<String> = rows.iter().map(|row| resting_on_little(columns, row)).collect();
    if little.iter().any(|named| !named.is_empty()) {
        header.push("Few data".to_owned());
        lines.iter_mut().zip(little).for_each(|(line, named)| line.push(csv::safe(&named)));
    }
    let bytes = csv::file(&header, &lines).ok()?;
    Some(Table::File { name: file_name(title, "csv"), bytes })
}

/// The headings of a row's figures that rest on too little.
fn resting_on_little(columns: &[Column], row: &[Cell]) -> String {
    let little =
        columns.iter().enumerate().filter(|(at, c)| !c.hidden && !few_mark(columns, row, *at).is_empty());
    little.map(|(_, column)| heading(column)).collect::<Vec<_>>().join(", ")
}

/// None when the cells have too many characters together.
fn block(title: &str, all: &[Column], rows: &[Vec<Cell>], format: &Format) -> Option<Value> {
    let columns: Vec<(usize, &Column)> = all.iter().enumerate().filter(|(_, c)| !c.hidden).collect();
    let mut characters = 0;
    let mut count = |text: Plain| {
        let text = if text.is_empty() { Plain::ours("–") } else { text };
        characters += text.as_str().chars().count();
        text
    };
    let mut lines: Vec<Vec<Value>> = Vec::with_capacity(rows.len() + 1);
    let head = columns.iter().map(|(_, column)| raw_text(&count(plain(&heading(column)))));
    lines.push(head.collect());
    for row in rows {
        let cells = columns.iter().map(|(at, column)| {
            let cell = row.get(*at).unwrap_or(&Cell::Null);
            let text = shown(cell, column, format.currency, &format.zone) + few_mark(all, row, *at);
            let text = count(plain(&text));
            match cell.number().and_then(|number| number.to_f64()) {
                Some(value) => json!({"type": "raw_number", "value": value, "text": text.as_str()}),
                None => raw_text(&text),
            }
        });
        lines.push(cells.collect());
    }
    (characters <= TABLE_CHARACTERS).then(|| {
        json!({
            "type": "data_table", "caption": plain(title).cut(200).as_str(), "rows": lines,
            "page_size": 10,
        })
    })
}

fn raw_text(text: &Plain) -> Value {
    json!({"type": "raw_text", "text": text.as_str()})
}

/// A cell as a spreadsheet reads it.
fn bare(cell: &Cell) -> String {
    match cell {
        Cell::Null => String::new(),
        Cell::Bool(yes) => yes.to_string(),
        Cell::Int(n) => n.to_string(),
        Cell::Decimal(number) => Decimal::normalize(number).to_string(),
        Cell::Date(day) => day.to_string(),
        Cell::Instant(at) => at.to_string(),
        Cell::Text(text) => csv::safe(text),
    }
}

/// `wasted_spend.csv`: letters and digits of the title.
pub fn file_name(title: &str, extension: &'static str) -> String {
    let words: Vec<String> = title
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .take(8)
        .collect();
    let name: String = words.join("_").chars().take(60).collect();
    format!("{}.{extension}", if name.is_empty() { "data" } else { &name })
}

#[cfg(test)]
mod tests;
