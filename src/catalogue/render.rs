//! A result as people read it: the answer of the file's templates, a table, a chart in text (`queries.md` §5, §6).
//!
//! Every figure printed here is a cell or a total of the result; nothing is computed but its rounding.
use super::labels;
use super::metrics::{Metric, Metrics};
use super::result::{Cell, QueryResult};
use super::spec::{Column, ColumnType, ParamType, Query};
use super::template::{Piece, parse};
use crate::money::Currency;
use crate::period::Window;
use crate::report::figure::{self, NO_VALUE};
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde_json::Value;

mod drawn;
pub use drawn::{chart_text, table};

/// At most so many rows follow the headline.
pub const ROWS_IN_AN_ANSWER: usize = 5;

/// The filled templates of one result.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    /// One sentence with the answer; the `empty` template when there are no rows.
    pub headline: String,
    pub rows: Vec<String>,
    pub empty: bool,
    pub notes: Vec<String>,
    /// `window · as of · source ages · n · query@version`.
    pub footer: String,
}

impl Rendered {
    /// Markdown: headline, bullets, notes, footer.
    pub fn markdown(&self) -> String {
        let mut out = self.headline.clone();
        if !self.rows.is_empty() {
            out.push('\n');
        }
        for row in &self.rows {
            let numbered = row.split_once(". ").is_some_and(|(n, _)| n.parse::<u32>().is_ok());
            out.push_str(if numbered { "\n" } else { "\n- " });
            out.push_str(row);
        }
        for note in &self.notes {
            out.push_str("\n\n");
            out.push_str(note);
        }
        out.push_str("\n\n_");
        out.push_str(&self.footer);
        out.push('_');
        out
    }
}

/// Fills the templates of `query` from `result`; times in `zone`.
pub fn render(query: &Query, metrics: &Metrics, result: &QueryResult, zone: &TimeZone) -> Rendered {
    let fill = Fill { query, metrics, result, currency: currency(result), zone };
    let empty = result.rows.is_empty();
    let headline =
        if empty { fill.text(&query.answer.empty, None) } else { fill.text(&query.answer.headline, Some(0)) };
    let shown = result.rows.len().min(ROWS_IN_AN_ANSWER);
    // One row that the headline already tells is not told again.
    let rows = if shown <= 1 && query.answer.headline.contains("{first.") && query.max_rows == 1 {
        0
    } else {
        shown
    };
    let rows = (0..rows).map(|row| fill.text(&query.answer.row, Some(row))).collect();
    let own = if empty {
        Vec::new()
    } else {
        query
            .answer
            .notes
            .iter()
            .filter(|note| fill.applies(note))
            .map(|note| fill.text(note, Some(0)))
            .collect()
    };
    let notes = own.into_iter().chain(result.notes.iter().cloned()).collect();
    Rendered { headline, rows, empty, notes, footer: footer(result, zone) }
}

fn currency(result: &QueryResult) -> Option<Currency> {
    result.currency.parse().ok()
}

struct Fill<'a> {
    query: &'a Query,
    metrics: &'a Metrics,
    result: &'a QueryResult,
    currency: Option<Currency>,
    zone: &'a TimeZone,
}

impl Fill<'_> {
    /// A note about cells of the first row has nothing to say where all of them are empty.
    fn applies(&self, note: &str) -> bool {
        let pieces = parse(note).unwrap_or_default();
        let mut told = pieces.iter().filter_map(|piece| match piece {
            Piece::Hole { name, .. } => self.result.cell(0, name.strip_prefix("first.")?),
            Piece::Text(_) => None,
        });
        match told.next() {
            Some(Cell::Null) => told.any(|cell| !matches!(cell, Cell::Null)),
            _ => true,
        }
    }

    fn text(&self, template: &str, row: Option<usize>) -> String {
        let Ok(pieces) = parse(template) else {
            return template.to_owned();
        };
        // Where the template tells of its samples itself, nothing is added.
        let tells = |name: &str| {
            pieces.iter().any(|piece| matches!(piece, Piece::Hole { name: hole, .. } if hole.trim_start_matches("first.").trim_start_matches("total.") == name))
        };
        let own = tells("sample");
        let said: Vec<&str> =
            self.result.columns.iter().map(|c| c.name.as_str()).filter(|name| tells(name)).collect();
        let mut few: Vec<String> = Vec::new();
        let mut out = String::new();
        let mut one = false;
        for piece in &pieces {
            match piece {
                Piece::Text(text) if one => out.push_str(&figure::after_one(text)),
                Piece::Text(text) => out.push_str(text),
                Piece::Hole { name, format } => {
                    let value = self.hole(name, format.as_deref(), row);
                    one = value == "1";
                    out.push_str(&value);
                    if !own && let Some(label) = self.few(name, row, &said, &mut few) {
                        out.push_str(&label);
                        one = false;
                    }
                    continue;
                }
            }
            one = false;
        }
        out
    }

    /// The label of a figure that rests on too little: once a line for each count, with the count where the line does not
    /// say it anyway.
    fn few(&self, hole: &str, row: Option<usize>, said: &[&str], told: &mut Vec<String>) -> Option<String> {
        let result = self.result;
        let (name, total, row) = match (hole.strip_prefix("total."), hole.strip_prefix("first.")) {
            (Some(name), _) => (name, true, None),
            (_, Some(name)) => (name, false, Some(0)),
            (None, None) => (hole, false, row),
        };
        let cell = |column: &str| if total { result.totals.get(column) } else { result.cell(row?, column) };
        let few = result.columns.iter().find(|c| c.name == name)?.few.as_ref()?;
        if matches!(cell(name), None | Some(Cell::Null)) || told.contains(&few.of) {
            return None;
        }
        let seen = few.seen(cell)?;
        told.push(few.of.clone());
        if said.contains(&few.of.as_str()) {
            return Some(" (few data)".to_owned());
        }
        let counted = result.columns.iter().find(|c| c.name == few.of).map(|c| c.kind);
        let what = format!(" {}", few.what);
        let seen = match counted {
            Some(ColumnType::Money) => format!("{}{what}", money(seen, self.currency, None)),
            _ if seen == Decimal::ONE => format!("1{}", figure::after_one(&what)),
            _ => format!("{}{what}", figure::grouped(seen, 0)),
        };
        Some(format!(" (few data: {seen})"))
    }

    fn hole(&self, name: &str, format: Option<&str>, row: Option<usize>) -> String {
        let result = self.result;
        if let Some(total) = name.strip_prefix("total.") {
            let column = result.columns.iter().find(|c| c.name == total);
            let cell = result.totals.get(total).unwrap_or(&Cell::Null);
            return self.cell(cell, column, format, row);
        }
        let (column, row) = match name.strip_prefix("first.") {
            Some(column) => (column, (!result.rows.is_empty()).then_some(0)),
            None => (name, row),
        };
        if let Some(place) = result.columns.iter().position(|c| c.name == column)
            && let Some(at) = row
        {
            let cell = result.rows.get(at).and_then(|cells| cells.get(place)).unwrap_or(&Cell::Null);
            if format == Some("change")
                && let Some(points) = self.points(column, at)
            {
                return self.cell(points, result.columns.get(place), Some("pp"), Some(at));
            }
            return self.cell(cell, result.columns.get(place), format, Some(at));
        }
        match name {
            "n" => figure::grouped(Decimal::from(result.total_rows), 0),
            "shown" => result.rows.len().min(ROWS_IN_AN_ANSWER).to_string(),
            "rank" => row.map_or(String::new(), |at| (at + 1).to_string()),
            "window" => window_words(result.window, result.partial),
            "compare" => {
                result.compare.map_or("no comparison period".to_owned(), |w| window_words(Some(w), false))
            }
            "freshness" => freshness(result),
            "null_reason" => self.null_reason(row),
            "as_of" => as_of(result, self.zone),
            "currency" => result.currency.clone(),
            _ => self.param(name, format),
        }
    }

    /// The change of a rate is told in points (`metrics.md` rule 7): the column beside it whose name ends in `_pp`, where
    /// the metric of the row is a rate.
    fn points(&self, column: &str, row: usize) -> Option<&Cell> {
        self.metric(Some(row)).filter(|metric| metric.format.starts_with("pct"))?;
        self.result.cell(row, &format!("{column}_pp"))
    }

    /// A parameter as understood.
    fn param(&self, name: &str, format: Option<&str>) -> String {
        let value = self.result.params.get(name).unwrap_or(&Value::Null);
        let cell = match value {
            Value::Null => return "all".to_owned(),
            Value::Bool(flag) => Cell::Bool(*flag),
            Value::Number(number) => number.to_string().parse().map_or(Cell::Null, Cell::Decimal),
            Value::String(text) => {
                // Identifiers read as words; what a person typed stays as it is.
                let typed = self.query.params.iter().any(|p| {
                    p.name == name
                        && matches!(
                            p.kind,
                            ParamType::Text | ParamType::Entity(_) | ParamType::Entities(_) | ParamType::Lead
                        )
                });
                Cell::Text(if typed || format.is_some() { text.clone() } else { text.replace('_', " ") })
            }
            Value::Array(items) => {
                let words: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
                Cell::Text(words.join(", "))
            }
            Value::Object(fields) => {
                let day = |key: &str| fields.get(key).and_then(Value::as_str).and_then(|t| t.parse().ok());
                return match day("start").zip(day("end")) {
                    Some((start, end)) => window_words(Window::new(start, end), false),
                    None => value.to_string(),
                };
            }
        };
        self.cell(&cell, None, format.or_else(|| cell.number().map(|_| "dec2")), None)
    }

    fn cell(&self, cell: &Cell, column: Option<&Column>, format: Option<&str>, row: Option<usize>) -> String {
        if matches!(cell, Cell::Null) {
            return column.and_then(|c| c.when_null.clone()).unwrap_or_else(|| NO_VALUE.to_owned());
        }
        let metric = || self.metric(row);
        match (format, cell.number()) {
            (Some("label"), _) => label(self.metrics, &plain(cell)),
            (Some("lower"), _) => plain(cell).to_lowercase(),
            (Some("plural"), _) if self.result.total_rows == 1 => plain(cell).replace('_', " "),
            (Some("plural"), _) => figure::plural(&plain(cell)),
            (Some("metric"), Some(number)) => match metric() {
                Some(metric) => by_metric(number, metric, self.currency),
                None => by_type(
                    cell,
                    column.map_or(ColumnType::Number, |c| c.kind),
                    column,
                    self.currency,
                    self.zone,
                ),
            },
            (Some(format), Some(number)) => formatted(number, format, self.currency),
            (Some("time"), None) => by_type(cell, ColumnType::Instant, column, self.currency, self.zone),
            (_, _) => {
                by_type(cell, column.map_or(natural(cell), |c| c.kind), column, self.currency, self.zone)
            }
        }
    }

    /// The metric a figure belongs to: named by the row (hidden column `metric_id`) or by the parameter `metric`.
    fn metric(&self, row: Option<usize>) -> Option<&Metric> {
        metric_of(self.metrics, self.result, row)
    }

    fn null_reason(&self, row: Option<usize>) -> String {
        let row = row.unwrap_or(0);
        if let Some(Cell::Text(code)) = self.result.cell(row, "null_reason") {
            return null_words(code).to_owned();
        }
        let null =
            self.query.columns.iter().find(|c| matches!(self.result.cell(row, &c.name), Some(Cell::Null)));
        null.and_then(|c| c.when_null.clone()).unwrap_or_else(|| NO_VALUE.to_owned())
    }
}

fn metric_of<'a>(metrics: &'a Metrics, result: &QueryResult, row: Option<usize>) -> Option<&'a Metric> {
    let named = row.and_then(|at| result.cell(at, "metric_id")).map(plain);
    let asked = || result.params.get("metric").and_then(Value::as_str).map(str::to_owned);
    metrics.get(&named.or_else(asked)?)
}

/// The null reasons of `data-model.md` §8 in words.
fn null_words(code: &str) -> &str {
    match code {
        "zero_denominator" | "Z" => "nothing to divide by",
        "window" | "W" => "the data does not cover the window",
        "low_sample" | "L" => "small sample",
        "no_experiment" | "X" => "no valid holdout",
        "immature" | "I" => "not old enough yet",
        other => other,
    }
}

/// The name of a metric, or an identifier in words.
fn label(metrics: &Metrics, id: &str) -> String {
    metrics.get(id).map_or_else(|| id.replace('_', " "), |m| m.name.clone())
}

/// The bare text of a cell. Text of the data is cleaned: no control characters, no line breaks.
fn plain(cell: &Cell) -> String {
    match cell {
        Cell::Null => String::new(),
        Cell::Bool(flag) => flag.to_string(),
        Cell::Int(n) => n.to_string(),
        Cell::Decimal(d) => d.normalize().to_string(),
        Cell::Date(day) => figure::day(*day),
        Cell::Instant(at) => at.to_string(),
        Cell::Text(text) => crate::text::clean(text, 200),
    }
}

fn natural(cell: &Cell) -> ColumnType {
    match cell {
        Cell::Int(_) => ColumnType::Count,
        Cell::Decimal(_) => ColumnType::Number,
        Cell::Date(_) => ColumnType::Date,
        Cell::Instant(_) => ColumnType::Instant,
        Cell::Bool(_) => ColumnType::Bool,
        Cell::Null | Cell::Text(_) => ColumnType::Text,
    }
}

fn money(number: Decimal, currency: Option<Currency>, places: Option<u32>) -> String {
    match (currency, places) {
        (Some(currency), Some(places)) => figure::money_with(number, currency, places),
        (Some(currency), None) => figure::money(number, currency),
        (None, places) => figure::grouped(number, places.unwrap_or(2)),
    }
}

fn formatted(number: Decimal, format: &str, currency: Option<Currency>) -> String {
    match format {
        "money" => money(number, currency, None),
        "money0" => money(number, currency, Some(0)),
        "money2" => money(number, currency, Some(2)),
        "int" => figure::grouped(number, 0),
        "dec1" => figure::grouped(number, 1),
        "dec2" => figure::trimmed(number, 2),
        "pct0" => figure::percent(number, 0),
        "pct1" => figure::percent(number, 1),
        "pct2" => figure::percent(number, 2),
        "pp" => figure::points(number),
        "x1" => figure::times(number, 1),
        "x2" => figure::times(number, 2),
        "change" => figure::change(number),
        "signed" => figure::signed(number, 0),
        "hours" => figure::hours(number),
        "days" => figure::counted(figure::rounded(number, 1), "day"),
        "ms" => format!("{} ms", figure::grouped(number, 0)),
        _ => figure::trimmed(number, 2),
    }
}

fn by_type(
    cell: &Cell,
    kind: ColumnType,
    column: Option<&Column>,
    currency: Option<Currency>,
    zone: &TimeZone,
) -> String {
    match (cell, kind) {
        (Cell::Null, _) => NO_VALUE.to_owned(),
        (Cell::Text(_), _) => labels::words(&plain(cell), column),
        (Cell::Bool(flag), _) => if *flag { "yes" } else { "no" }.to_owned(),
        (Cell::Date(day), _) => figure::day(*day),
        (Cell::Instant(at), _) => at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string(),
        (Cell::Int(_) | Cell::Decimal(_), kind) => {
            let number = cell.number().unwrap_or_default();
            let format = match kind {
                ColumnType::Count => "int",
                ColumnType::Money => "money",
                ColumnType::Fraction => "pct1",
                ColumnType::Pp => "pp",
                ColumnType::Ratio => "x2",
                ColumnType::Days => "days",
                ColumnType::Hours => "hours",
                ColumnType::Ms => "ms",
                ColumnType::Text
                | ColumnType::Number
                | ColumnType::Date
                | ColumnType::Instant
                | ColumnType::Bool => "number",
            };
            formatted(number, format, currency)
        }
    }
}

/// By the format of the registry.
fn by_metric(number: Decimal, metric: &Metric, currency: Option<Currency>) -> String {
    match metric.format.as_str() {
        "pct1" => figure::percent(number, 1),
        "pct2" => figure::percent(number, 2),
        "pp2" => figure::points(number),
        "usd0" => money(number, currency, None),
        "usd2" => money(number, currency, Some(2)),
        "usd4" => money(number, currency, Some(4)),
        "x2" => figure::times(number, 2),
        "int" => figure::grouped(number, 0),
        "dec1" => figure::grouped(number, 1),
        "dec2" => figure::grouped(number, 2),
        "s1" => format!("{} s", figure::grouped(number, 1)),
        "min0" => format!("{} min", figure::grouped(number, 0)),
        "h1" => format!("{} h", figure::grouped(number, 1)),
        "d1" => format!("{} days", figure::grouped(number, 1)),
        "mo1" => format!("{} months", figure::grouped(number, 1)),
        "ms0" => format!("{} ms", figure::grouped(number, 0)),
        _ => figure::trimmed(number, 2),
    }
}

fn window_words(window: Option<Window>, partial: bool) -> String {
    match window {
        None => "all time".to_owned(),
        Some(window) if partial => format!("{window} (partial: today is not over)"),
        Some(window) => window.to_string(),
    }
}

/// How new the data is, in words for a sentence.
fn freshness(result: &QueryResult) -> String {
    let newest: Vec<_> = result.freshness.iter().map(|f| f.newest).collect();
    let Some(first) = result.freshness.first() else {
        return "it needs no data".to_owned();
    };
    if newest.iter().all(|n| *n == first.newest) {
        return match first.newest {
            None => "no data has arrived yet".to_owned(),
            Some(day) if result.freshness.iter().any(|f| f.stale) => {
                format!("the data ends on {day}, {} ago: later than it should", age(first.age_days))
            }
            Some(day) => format!("the data ends on {day}"),
        };
    }
    let parts: Vec<String> = result
        .freshness
        .iter()
        .map(|f| {
            let name = f.source.replace('_', " ");
            f.newest.map_or_else(
                || format!("{name}: nothing yet"),
                |day| format!("{name} to {day}{}", if f.stale { " (late)" } else { "" }),
            )
        })
        .collect();
    format!("the data ends: {}", parts.join(", "))
}

fn age(days: Option<i32>) -> String {
    days.map_or("some days".to_owned(), |days| figure::counted(days, "day"))
}

fn as_of(result: &QueryResult, zone: &TimeZone) -> String {
    result.as_of.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
}

fn footer(result: &QueryResult, zone: &TimeZone) -> String {
    let mut parts = Vec::new();
    if result.window.is_some() {
        parts.push(window_words(result.window, result.partial));
    }
    parts.push(format!("as of {}", as_of(result, zone)));
    for source in &result.freshness {
        let name = source.source.replace('_', " ");
        let late = if source.stale { ", late" } else { "" };
        parts.push(source.age_days.map_or_else(
            || format!("{name}: no data"),
            |days| format!("{name} {} old{late}", figure::counted(days, "day")),
        ));
    }
    let rows = figure::counted(Decimal::from(result.total_rows), "row");
    parts.push(if result.truncated { format!("{rows}, first {} kept", result.rows.len()) } else { rows });
    parts.push(format!("{}@{}", result.query, result.version));
    parts.join(" · ")
}

/// One cell for a table: by the registry where the row names its metric, else by its column.
pub fn cell_text(
    metrics: &Metrics,
    result: &QueryResult,
    row: usize,
    column: &Column,
    zone: &TimeZone,
) -> String {
    let cell = result.cell(row, &column.name).unwrap_or(&Cell::Null);
    match (cell, column.kind, cell.number()) {
        (Cell::Null, ..) => column.when_null.clone().unwrap_or_else(|| "–".to_owned()),
        (_, ColumnType::Number, Some(number)) => match metric_of(metrics, result, Some(row)) {
            Some(metric) => by_metric(number, metric, currency(result)),
            None => formatted(number, "dec2", currency(result)),
        },
        (cell, kind, _) => by_type(cell, kind, Some(column), currency(result), zone),
    }
}

/// One cell outside the answer it belongs to: by its column alone.
pub fn shown(cell: &Cell, column: &Column, currency: Option<Currency>, zone: &TimeZone) -> String {
    match cell {
        Cell::Null => column.when_null.clone().unwrap_or_else(|| "–".to_owned()),
        cell @ (Cell::Bool(_)
        | Cell::Int(_)
        | Cell::Decimal(_)
        | Cell::Date(_)
        | Cell::Instant(_)
        | Cell::Text(_)) => by_type(cell, column.kind, Some(column), currency, zone),
    }
}

/// The label, or the name in words.
pub fn heading(column: &Column) -> String {
    column.label.clone().unwrap_or_else(|| {
        let words = column.name.replace('_', " ");
        let mut letters = words.chars();
        letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
    })
}

#[cfg(test)]
mod tests;
