//! A file as typed rows: header mapped to fields, styles settled a column, every fault named by line and column.
use super::kinds::{FieldType, KindSpec};
use super::values::{self, DecimalMark};
use super::{header, sniff};
use crate::money::Currency;
use jiff::tz::TimeZone;
use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;
use serde::Serialize;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// How the caller wants ambiguities settled, and columns mapped.
#[derive(Clone, Debug)]
pub struct Options {
    /// File column → field; wins over recognition. An empty field leaves the column out.
    pub map: BTreeMap<String, String>,
    pub decimal: Option<DecimalMark>,
    /// strftime form, for instance `%d/%m/%Y`.
    pub date_format: Option<String>,
    pub zone: TimeZone,
}

/// One thing wrong with the file. Line and column are physical and counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    pub line: u64,
    pub column: Option<usize>,
    pub field: Option<String>,
    pub code: &'static str,
    pub message: String,
}

/// A cell after reading.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text(String),
    Number(Decimal),
    Date(Date),
    Instant(Timestamp),
    Currency(Currency),
    Bool(bool),
}

/// One record: its line, its typed fields, and what tells it from others in the columns that no field took: texts and
/// ids. Other numbers there are metrics we do not keep.
#[derive(Clone, Debug)]
pub struct Row {
    pub line: u64,
    pub fields: BTreeMap<String, Value>,
    pub dimensions: Vec<String>,
}

impl Row {
    pub fn text(&self, field: &str) -> Option<&str> {
        match self.fields.get(field) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub fn number(&self, field: &str) -> Option<Decimal> {
        match self.fields.get(field) {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        }
    }

    pub fn date(&self, field: &str) -> Option<Date> {
        match self.fields.get(field) {
            Some(Value::Date(date)) => Some(*date),
            _ => None,
        }
    }

    pub fn instant(&self, field: &str) -> Option<Timestamp> {
        match self.fields.get(field) {
            Some(Value::Instant(at)) => Some(*at),
            _ => None,
        }
    }

    pub fn currency(&self, field: &str) -> Option<Currency> {
        match self.fields.get(field) {
            Some(Value::Currency(currency)) => Some(*currency),
            _ => None,
        }
    }

    pub fn flag(&self, field: &str) -> bool {
        self.said_flag(field).unwrap_or_default()
    }

    /// Yes, no, or nothing said.
    pub fn said_flag(&self, field: &str) -> Option<bool> {
        match self.fields.get(field) {
            Some(Value::Bool(flag)) => Some(*flag),
            _ => None,
        }
    }
}

/// A file read whole.
#[derive(Debug, Serialize)]
pub struct Table {
    pub detected: sniff::Detected,
    /// File column → field, as used.
    pub mapping: BTreeMap<String, String>,
    /// Columns no field took.
    pub ignored: Vec<String>,
    pub decimal: DecimalMark,
    pub date_format: Option<String>,
    /// The currency a header names in brackets.
    pub header_currency: Option<Currency>,
    #[serde(skip)]
    pub rows: Vec<Row>,
    /// Lines with totals, passed over.
    pub totals_skipped: Vec<u64>,
    /// Lines equal to an earlier one to the letter, passed over.
    pub duplicates_skipped: Vec<u64>,
    pub faults: Vec<Fault>,
}

/// Why nothing can be read at all.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("the file is empty")]
    Empty,
    #[error("the header has {0} columns; at most 200 are read. Export fewer columns")]
    TooManyColumns(usize),
    #[error("the file has {0} lines; at most 1,000,000 are read. Split it by date")]
    TooManyRows(usize),
    #[error(
        "no header line was found in the first lines: none names a known column of this kind ({known}). Name columns with --map column=field"
    )]
    NoHeader { known: String },
    #[error("--map names the column '{0}', which the file does not have; its columns are: {1}")]
    NoColumn(String, String),
    #[error("--map names the field '{0}', which this kind does not have; its fields are: {1}")]
    NoField(String, String),
    #[error(
        "two columns, '{0}' and '{1}', are both read as '{2}'; choose with --map '{0}=' (leaves it out) or map it to another field"
    )]
    TwoColumns(String, String, String),
    #[error("required column missing: {0}. Its usual names: {1}. Map yours with --map column={0}")]
    Missing(String, String),
    #[error("one of these columns is needed: {0}. Map yours with --map column=field")]
    MissingOneOf(String),
    #[error("numbers can be read two ways ({0}). Say which with --decimal . or --decimal ,")]
    AmbiguousNumbers(String),
    #[error(
        "dates such as '{0}' can be read two ways. Say which with --date-format %d/%m/%Y or --date-format %m/%d/%Y"
    )]
    AmbiguousDates(String),
    #[error("'{0}' is not a date in the format {1}")]
    DateFormat(String, String),
}

struct Columns {
    /// (index in the record, field, type)
    used: Vec<(usize, String, FieldType)>,
    /// Columns no field took, in the order of `ignored`.
    rest: Vec<usize>,
    mapping: BTreeMap<String, String>,
    ignored: Vec<String>,
}

/// Reads bytes as one kind of export. Faults of cells are collected in the table; only a file that cannot be
/// understood at all is an error.
pub fn read(bytes: &[u8], spec: &KindSpec, options: &Options) -> Result<Table, Unreadable> {
    let (text, encoding) = sniff::decode(bytes);
    if text.trim().is_empty() {
        return Err(Unreadable::Empty);
    }
    let mapped: Vec<String> = options.map.keys().cloned().collect();
    let detected = sniff::detect(&text, encoding, spec, &mapped).ok_or_else(|| Unreadable::NoHeader {
        known: spec.fields.keys().cloned().collect::<Vec<_>>().join(", "),
    })?;
    let mut records = sniff::records(&text, detected.delimiter);
    let body = records.split_off((detected.header_index + 1).min(records.len()));
    let header = records.pop().map(|(_, cells)| cells).unwrap_or_default();
    if header.len() > MAX_COLUMNS {
        return Err(Unreadable::TooManyColumns(header.len()));
    }
    if body.len() > MAX_ROWS {
        return Err(Unreadable::TooManyRows(body.len()));
    }
    let columns = columns(&header, spec, options)?;
    let mut faults = Vec::new();
    let mut totals_skipped = Vec::new();
    let mut duplicates_skipped = Vec::new();
    let mut seen = BTreeSet::new();
    let mut kept = Vec::new();
    for (line, cells) in body {
        if cells.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        if is_total(&cells, &columns) {
            totals_skipped.push(line);
        } else if cells.len() != header.len() {
            faults.push(Fault {
                line,
                column: None,
                field: None,
                code: "csv.column_count",
                message: format!("Line {line} has {} fields, the header has {}.", cells.len(), header.len()),
            });
        } else if seen.insert(cells.clone()) {
            kept.push((line, cells));
        } else {
            duplicates_skipped.push(line);
        }
    }
    let decimal = decimal_mark(&kept, &columns, options)?;
    let formats = date_formats(&kept, &columns, options)?;
    let rows = kept
        .into_iter()
        .map(|(line, cells)| row(line, &cells, &columns, decimal, &formats, &options.zone, spec, &mut faults))
        .collect();
    Ok(Table {
        detected,
        header_currency: header.iter().find_map(|name| header::currency(name)),
        mapping: columns.mapping,
        ignored: columns.ignored,
        decimal,
        date_format: formats.values().next().cloned(),
        rows,
        totals_skipped,
        duplicates_skipped,
        faults,
    })
}

fn columns(head: &[String], spec: &KindSpec, options: &Options) -> Result<Columns, Unreadable> {
    let names = || head.join(", ");
    for (column, field) in &options.map {
        if !head.iter().any(|name| header::same(name, column)) {
            return Err(Unreadable::NoColumn(column.clone(), names()));
        }
        if !field.is_empty() && !spec.fields.contains_key(field) {
            let fields = spec.fields.keys().cloned().collect::<Vec<_>>().join(", ");
            return Err(Unreadable::NoField(field.clone(), fields));
        }
    }
    let mapped =
        |name: &str| options.map.iter().find(|(c, _)| header::same(c, name)).map(|(_, f)| f.as_str());
    let mut columns =
        Columns { used: Vec::new(), rest: Vec::new(), mapping: BTreeMap::new(), ignored: Vec::new() };
    for (index, name) in head.iter().enumerate() {
        let chosen = mapped(name);
        let field = chosen.or_else(|| spec.field_for(name)).filter(|field| !field.is_empty());
        let taken = field.and_then(|f| columns.used.iter().position(|(_, used, _)| used == f));
        match (field, taken) {
            (Some(field), None) => {
                let kind = spec.fields.get(field).map_or(FieldType::Text, |f| f.kind);
                columns.used.push((index, field.to_owned(), kind));
                columns.mapping.insert(name.clone(), field.to_owned());
            }
            (Some(field), Some(at)) => {
                let other = head[columns.used[at].0].clone();
                let strength =
                    |name: &str| if mapped(name).is_some() { Some(0) } else { spec.strength(field, name) };
                match strength(name).cmp(&strength(&other)) {
                    Ordering::Equal => {
                        return Err(Unreadable::TwoColumns(name.clone(), other, field.to_owned()));
                    }
                    Ordering::Greater => {
                        columns.ignored.push(name.clone());
                        columns.rest.push(index);
                    }
                    Ordering::Less => {
                        columns.rest.push(columns.used[at].0);
                        columns.used[at].0 = index;
                        columns.mapping.remove(&other);
                        columns.ignored.push(other);
                        columns.mapping.insert(name.clone(), field.to_owned());
                    }
                }
            }
            (None, _) => {
                columns.ignored.push(name.clone());
                columns.rest.push(index);
            }
        }
    }
    let has = |field: &String| columns.used.iter().any(|(_, used, _)| used == field);
    for (field, wanted) in spec.fields.iter().filter(|(_, f)| f.required) {
        if !has(field) {
            return Err(Unreadable::Missing(field.clone(), wanted.synonyms.join(", ")));
        }
    }
    for group in &spec.requires_one_of {
        if !group.iter().any(has) {
            return Err(Unreadable::MissingOneOf(group.join(", ")));
        }
    }
    Ok(columns)
}

/// A line that sums others: "Total", "Gesamt", … stands where a name or a day should.
fn is_total(cells: &[String], columns: &Columns) -> bool {
    let words =
        ["total", "totals", "grand total", "gesamt", "gesamtsumme", "summe", "totale", "totaal", "sum"];
    let total = |cell: &str| {
        let folded = header::fold(cell);
        words.contains(&folded.as_str())
            || ["total ", "gesamt ", "totale "]
                .iter()
                .any(|w| folded.starts_with(w) && cell.contains([':', '-', '–']))
    };
    let first = cells.iter().find(|cell| !cell.trim().is_empty());
    let no_day = columns
        .used
        .iter()
        .filter(|(_, _, kind)| matches!(kind, FieldType::Date | FieldType::Instant))
        .filter_map(|(index, _, _)| cells.get(*index))
        .any(|cell| values::is_null(cell) || total(cell));
    no_day && (first.is_some_and(|cell| total(cell)) || cells.iter().any(|cell| total(cell)))
}

fn cells_of<'a>(
    rows: &'a [(u64, Vec<String>)],
    columns: &'a Columns,
    wanted: fn(FieldType) -> bool,
) -> impl Iterator<Item = &'a str> + Clone {
    rows.iter().flat_map(move |(_, cells)| {
        columns
            .used
            .iter()
            .filter(move |(_, _, kind)| wanted(*kind))
            .filter_map(|(i, _, _)| cells.get(*i))
            .map(String::as_str)
    })
}

fn decimal_mark(
    rows: &[(u64, Vec<String>)],
    columns: &Columns,
    options: &Options,
) -> Result<DecimalMark, Unreadable> {
    if let Some(mark) = options.decimal {
        return Ok(mark);
    }
    let money = |kind| matches!(kind, FieldType::Number | FieldType::Money | FieldType::Micros);
    let all =
        |kind| matches!(kind, FieldType::Count | FieldType::Number | FieldType::Money | FieldType::Micros);
    match values::decimal_mark(cells_of(rows, columns, all)) {
        Ok(mark) => Ok(mark),
        Err((one, Some(other))) => {
            Err(Unreadable::AmbiguousNumbers(format!("'{one}' and '{other}' disagree")))
        }
        // Whole numbers only: "1,234" counts things, so its mark separates thousands.
        Err((value, None)) if cells_of(rows, columns, money).all(|v| !v.contains([',', '.'])) => {
            Ok(if value.contains(',') { DecimalMark::Dot } else { DecimalMark::Comma })
        }
        Err((value, None)) => Err(Unreadable::AmbiguousNumbers(format!("'{value}'"))),
    }
}

/// The format of each date column. Several formats that give the same days everywhere are no ambiguity.
fn date_formats(
    rows: &[(u64, Vec<String>)],
    columns: &Columns,
    options: &Options,
) -> Result<BTreeMap<usize, String>, Unreadable> {
    let mut formats = BTreeMap::new();
    for (index, _, _) in
        columns.used.iter().filter(|(_, _, kind)| matches!(kind, FieldType::Date | FieldType::Instant))
    {
        let column: Vec<&str> = rows
            .iter()
            .filter_map(|(_, cells)| cells.get(*index))
            .map(|cell| cell.trim())
            .filter(|cell| !values::is_null(cell))
            .collect();
        let format = match &options.date_format {
            Some(format) => format.clone(),
            None => {
                let mut fitting = values::date_formats(column.iter().copied());
                if fitting.is_empty() {
                    // Some cells are faulty: take the format most cells have, and report the others by line.
                    let score =
                        |f: &&'static str| column.iter().filter(|c| values::date(c, f).is_some()).count();
                    fitting = values::DATE_FORMATS.iter().copied().max_by_key(score).into_iter().collect();
                }
                let first = fitting.first().copied().unwrap_or("%Y-%m-%d");
                let differs =
                    |f: &&str| column.iter().find(|c| values::date(c, f) != values::date(c, first)).copied();
                if let Some(value) = fitting.iter().find_map(differs) {
                    return Err(Unreadable::AmbiguousDates(value.to_owned()));
                }
                first.to_owned()
            }
        };
        formats.insert(*index, format);
    }
    Ok(formats)
}

#[expect(clippy::too_many_arguments, reason = "one cell needs the styles of its whole file")]
fn row(
    line: u64,
    cells: &[String],
    columns: &Columns,
    decimal: DecimalMark,
    formats: &BTreeMap<usize, String>,
    zone: &TimeZone,
    spec: &KindSpec,
    faults: &mut Vec<Fault>,
) -> Row {
    let mut fields = BTreeMap::new();
    for (index, field, kind) in &columns.used {
        let cell = cells.get(*index).map(|c| c.trim()).unwrap_or_default();
        let mut fault = |code, message| {
            faults.push(Fault { line, column: Some(index + 1), field: Some(field.clone()), code, message });
        };
        if values::is_null(cell) {
            if spec.fields.get(field).is_some_and(|f| f.required) {
                fault(
                    "csv.missing_required",
                    format!("Line {line}, column {}: {field} is empty.", index + 1),
                );
            }
            continue;
        }
        let format = formats.get(index).map_or("%Y-%m-%d", String::as_str);
        match cell_value(cell, *kind, decimal, format, zone) {
            Ok(value) => {
                fields.insert(field.clone(), value);
            }
            Err((code, what)) => {
                fault(code, format!("Line {line}, column {}: {field} {what}.", index + 1));
            }
        }
    }
    let dimensions = columns.rest.iter().zip(&columns.ignored).filter_map(|(index, name)| {
        let cell = cells.get(*index)?.trim();
        (is_id(name) || cell.parse::<f64>().is_err()).then(|| cell.to_owned())
    });
    Row { line, fields, dimensions: dimensions.collect() }
}

/// A column of keys rather than of amounts: "keyword_id", "criterion".
fn is_id(name: &str) -> bool {
    let folded = header::fold(name);
    folded == "id" || folded.ends_with(" id") || folded.ends_with("criterion")
}

const MAX_TEXT: usize = 2_000;
/// `connectors.md` §2.1.
const MAX_COLUMNS: usize = 200;
const MAX_ROWS: usize = 1_000_000;

fn cell_value(
    cell: &str,
    kind: FieldType,
    decimal: DecimalMark,
    format: &str,
    zone: &TimeZone,
) -> Result<Value, (&'static str, String)> {
    let shown = crate::text::clean(cell, 40);
    let number =
        || values::number(cell, decimal).ok_or(("csv.bad_number", format!("'{shown}' is not a number")));
    let not_negative = |n: Decimal| {
        if n.is_sign_negative() && !n.is_zero() {
            Err(("csv.negative", format!("'{shown}' is below zero")))
        } else {
            Ok(n)
        }
    };
    let bounded = |n: Decimal| {
        if n.abs() >= Decimal::from(1_000_000_000_000_i64) {
            Err(("csv.out_of_range", format!("'{shown}' is too large")))
        } else {
            Ok(n.round_dp(6))
        }
    };
    Ok(match kind {
        FieldType::Text if cell.chars().count() > MAX_TEXT => {
            return Err(("csv.too_long", format!("has more than {MAX_TEXT} characters")));
        }
        FieldType::Text => Value::Text(crate::text::clean(cell, MAX_TEXT)),
        FieldType::Count => {
            let n = number().and_then(not_negative).and_then(bounded)?;
            if !n.fract().is_zero() {
                return Err(("csv.bad_number", format!("'{shown}' is not a whole number")));
            }
            Value::Number(n)
        }
        FieldType::Number => Value::Number(number().and_then(not_negative).and_then(bounded)?),
        FieldType::Money => Value::Number(number().and_then(bounded)?),
        FieldType::Micros => Value::Number(bounded(number()? / Decimal::from(1_000_000))?),
        FieldType::Date => Value::Date(
            values::date(cell, format)
                .ok_or_else(|| ("csv.bad_date", format!("'{shown}' is not a day written as {format}")))?,
        ),
        FieldType::Instant => Value::Instant(
            values::instant(cell, format, zone)
                .ok_or_else(|| ("csv.bad_date", format!("'{shown}' is not a time written as {format}")))?,
        ),
        FieldType::Currency => Value::Currency(
            cell.parse().map_err(|_| ("csv.bad_currency", format!("'{shown}' is not a currency code")))?,
        ),
        FieldType::Bool => Value::Bool(match cell.to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" | "ja" | "y" | "t" => true,
            "false" | "no" | "0" | "nein" | "n" | "f" => false,
            _ => return Err(("csv.unknown_enum", format!("'{shown}' is neither yes nor no"))),
        }),
    })
}
