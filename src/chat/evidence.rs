//! What the tools of a turn (and of the turns before it) found: where figures may come from.
mod arguments;

use super::calculate::Calculation;
use super::history::Recalled;
use super::receipts::Sign;
use super::turn::ChosenBy;
use crate::catalogue::{Cell, ColumnType, Param, QueryResult};
use crate::ids::RunId;
use arguments::Argument;
use rust_decimal::Decimal;
use serde_json::Value;
use std::collections::BTreeSet;

/// The kind of quantity a number is, as far as it decides how the number may be printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A count, a duration, a plain number.
    Number,
    Money,
    /// 0.12 is printed as 12 %.
    Fraction,
    /// Percentage points, stored as a fraction.
    Points,
    Ratio,
    /// Not known: a figure found in text or in a draft; matches every way of printing.
    Any,
}

impl Unit {
    pub fn word(self) -> &'static str {
        match self {
            Self::Number | Self::Any => "number",
            Self::Money => "money",
            Self::Fraction => "percent",
            Self::Points => "pp",
            Self::Ratio => "ratio",
        }
    }
}

impl From<ColumnType> for Unit {
    fn from(kind: ColumnType) -> Self {
        match kind {
            ColumnType::Money => Self::Money,
            ColumnType::Fraction => Self::Fraction,
            ColumnType::Pp => Self::Points,
            ColumnType::Ratio => Self::Ratio,
            // A column of mixed metrics: each row is printed in its own way.
            ColumnType::Number => Self::Any,
            ColumnType::Text
            | ColumnType::Count
            | ColumnType::Days
            | ColumnType::Hours
            | ColumnType::Ms
            | ColumnType::Date
            | ColumnType::Instant
            | ColumnType::Bool => Self::Number,
        }
    }
}

/// One tool result that figures may be traced to.
#[derive(Clone, Debug)]
pub struct Source {
    pub call_id: String,
    /// The short name under which the model refers to it: `r1`, `r2`…
    pub reference: String,
    pub found: Found,
    /// Numbers among the parameters of a run.
    arguments: Vec<Argument>,
    /// Notes of a run, as far as they may be quoted.
    notes: Vec<String>,
    /// Names of things that the parameters were matched to.
    names: Vec<String>,
}

#[derive(Clone, Debug)]
pub enum Found {
    Rows(Box<QueryResult>),
    Calculated(Calculation),
    /// A draft, or the words of a tool that failed: numbers anywhere inside count.
    Other(Value),
}

/// Everything found so far, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    sources: Vec<Source>,
    /// How many of them, the first ones, were recalled.
    before: usize,
    /// Figures that the person wrote, in this question or an earlier one.
    said: BTreeSet<Decimal>,
}

/// One number that was found, with where it stands.
#[derive(Clone, Debug)]
pub struct Figure<'a> {
    pub source: &'a Source,
    pub value: Decimal,
    pub unit: Unit,
    /// From 0; none for totals, counts and parameters.
    pub row: Option<u32>,
    pub column: String,
}

impl Source {
    pub fn run_id(&self) -> Option<RunId> {
        match &self.found {
            Found::Rows(result) => Some(result.run_id),
            Found::Calculated(_) | Found::Other(_) => None,
        }
    }

    pub fn query(&self) -> Option<&str> {
        match &self.found {
            Found::Rows(result) => Some(&result.query),
            Found::Calculated(_) | Found::Other(_) => None,
        }
    }

    pub fn currency(&self) -> Option<&str> {
        match &self.found {
            Found::Rows(result) => Some(&result.currency),
            Found::Calculated(_) | Found::Other(_) => None,
        }
    }

    fn figures(&self, said: &BTreeSet<Decimal>) -> Vec<Figure<'_>> {
        let mut out = Vec::new();
        let mut add = |value: Decimal, unit, row, column: &str| {
            out.push(Figure { source: self, value, unit, row, column: column.to_owned() });
        };
        match &self.found {
            Found::Calculated(calculation) => add(calculation.value, calculation.unit, None, "value"),
            Found::Other(value) => {
                let mut numbers = Vec::new();
                collect(value, "", &mut numbers);
                numbers.retain(|(path, _)| !matches!(path.as_str(), "id" | "payload_hash"));
                for (path, number) in numbers {
                    add(number, Unit::Any, None, &path);
                }
            }
            Found::Rows(result) => {
                for (name, cell) in &result.totals {
                    let kind = result.columns.iter().find(|c| c.name == *name).map(|c| c.kind.into());
                    if let Some(value) = cell.number() {
                        add(value, kind.unwrap_or(Unit::Any), None, &format!("total.{name}"));
                    }
                }
                for (index, row) in result.rows.iter().enumerate() {
                    for (column, cell) in result.columns.iter().zip(row) {
                        let row = u32::try_from(index).ok();
                        if let Some(value) = cell.number() {
                            add(value, column.kind.into(), row, &column.name);
                            if column.kind == ColumnType::Hours {
                                // Printed in minutes when there are few, in days when there are many.
                                for (times, by) in [(60, 1), (1, 24)] {
                                    let other = value * Decimal::from(times) / Decimal::from(by);
                                    add(other, Unit::Number, row, &column.name);
                                }
                            }
                        } else if let (Cell::Text(text), false) = (cell, column.entity || column.hidden) {
                            // A definition or a note is quoted with the numbers it holds.
                            for figure in super::receipts::figures(text, &BTreeSet::new()) {
                                add(signed(&figure), Unit::Any, row, &column.name);
                            }
                        }
                    }
                }
                add(Decimal::from(result.total_rows), Unit::Number, None, "n");
                add(Decimal::from(result.rows.len()), Unit::Number, None, "rows");
                for (name, window) in [("window", result.window), ("compare", result.compare)] {
                    if let Some(window) = window {
                        add(Decimal::from(window.days()), Unit::Number, None, name);
                    }
                }
                for argument in &self.arguments {
                    if argument.own || arguments::named(said, argument.value) {
                        add(argument.value, argument.unit, None, &argument.name);
                    }
                }
                let mut numbers = Vec::new();
                for fresh in &result.freshness {
                    if let Some(days) = fresh.age_days {
                        numbers.push(("freshness".to_owned(), Decimal::from(days)));
                    }
                }
                for (name, words) in [("notes", &self.notes), ("rules", &result.rules)] {
                    for text in words {
                        collect(&Value::String(text.clone()), name, &mut numbers);
                    }
                }
                for (column, value) in numbers {
                    add(value, Unit::Any, None, &column);
                }
            }
        }
        out
    }
}

/// Numbers in a JSON value: its numbers, decimals as strings, and figures within sentences, each with its path.
fn collect(value: &Value, path: &str, out: &mut Vec<(String, Decimal)>) {
    let here = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Number(number) => {
            let text = number.to_string();
            out.extend(
                text.parse().or_else(|_| Decimal::from_scientific(&text)).ok().map(|n| (path.to_owned(), n)),
            );
        }
        Value::String(text) => match text.parse::<Decimal>() {
            Ok(number) => out.push((path.to_owned(), number)),
            Err(_) => {
                let figures = super::receipts::figures(text, &BTreeSet::new());
                out.extend(figures.iter().map(|figure| (path.to_owned(), signed(figure))));
            }
        },
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                collect(item, &here(&n.to_string()), out);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                collect(field, &here(name), out);
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

/// The number of a figure with its printed sign.
fn signed(figure: &super::receipts::Figure) -> Decimal {
    if figure.sign == Sign::Minus { -figure.value } else { figure.value }
}

impl Evidence {
    /// Adds what a call found and says under which short name: `r1`, `r2`… Rows come with [`Evidence::add_run`].
    pub fn add(&mut self, call_id: &str, found: Found) -> String {
        self.push(call_id, found, Vec::new(), Vec::new(), Vec::new())
    }

    /// Adds the result of a query; `params` are those of its file, `by` who chose their values.
    pub fn add_run(
        &mut self,
        call_id: &str,
        result: Box<QueryResult>,
        params: &[Param],
        by: ChosenBy,
    ) -> String {
        let arguments = arguments::arguments(&result, params, by);
        let notes = result.notes.iter().map(|text| arguments::note(text, params, by).to_owned()).collect();
        let names = arguments::names(&result, params).into_iter().map(str::to_owned).collect();
        self.push(call_id, Found::Rows(result), arguments, notes, names)
    }

    fn push(
        &mut self,
        call_id: &str,
        found: Found,
        arguments: Vec<Argument>,
        notes: Vec<String>,
        names: Vec<String>,
    ) -> String {
        let reference = self.next_reference();
        let call_id = call_id.to_owned();
        self.sources.push(Source { call_id, reference: reference.clone(), found, arguments, notes, names });
        reference
    }

    /// Adds results of turns that lie further back than everything here, oldest first. Nobody was told their short names.
    pub fn recall(&mut self, older: Vec<(Recalled, Vec<Param>)>) {
        let newer = std::mem::take(&mut self.sources);
        for (found, params) in older {
            self.add_run(&found.call_id, found.result, &params, found.by);
        }
        for (n, source) in self.sources.iter_mut().enumerate() {
            source.reference = format!("earlier{}", n + 1);
        }
        self.before += self.sources.len();
        self.sources.extend(newer);
    }

    /// Remembers the figures of a question: what a person named may be named again.
    pub fn hear(&mut self, question: &str) {
        let figures = super::receipts::figures(question, &BTreeSet::new());
        self.said.extend(figures.into_iter().map(|figure| figure.value.abs().normalize()));
    }

    /// The short name the next result will get.
    pub fn next_reference(&self) -> String {
        format!("r{}", self.sources.len().saturating_sub(self.before) + 1)
    }

    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// A result by its short name or call id; of several with one id the newest.
    pub fn source(&self, name: &str) -> Option<&Source> {
        self.sources.iter().rev().find(|s| s.reference == name || s.call_id == name)
    }

    /// Every number found, newest result first.
    pub fn figures(&self) -> Vec<Figure<'_>> {
        self.sources.iter().rev().flat_map(|source| source.figures(&self.said)).collect()
    }

    /// Names that hold a digit: when the answer quotes one, its digits are part of the name and no figure. Names are what
    /// the data and our files call things: columns of names, matched parameters, titles. Never what a model wrote, and
    /// never a sentence.
    pub fn names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for source in &self.sources {
            match &source.found {
                Found::Rows(result) => {
                    for row in &result.rows {
                        for (_, cell) in result.columns.iter().zip(row).filter(|(column, _)| column.entity) {
                            if let Cell::Text(text) = cell {
                                keep_name(text, &mut names);
                            }
                        }
                    }
                    source.names.iter().for_each(|name| keep_name(name, &mut names));
                    keep_name(&result.title, &mut names);
                }
                Found::Other(value) => {
                    for field in ["title", "targets"] {
                        names_in(value.get(field).unwrap_or(&Value::Null), &mut names);
                    }
                }
                Found::Calculated(_) => {}
            }
        }
        names
    }

    /// The words of a row: its entity names, to prefer that row for figures on a line that names it.
    pub fn row_names(source: &Source, row: u32) -> Vec<&str> {
        let Found::Rows(result) = &source.found else { return Vec::new() };
        let cells = usize::try_from(row).ok().and_then(|row| result.rows.get(row));
        // What no reader sees names no row: a hidden kind such as "campaign" stands in every one of them.
        let shown =
            cells.into_iter().flat_map(|row| result.columns.iter().zip(row)).filter(|(c, _)| !c.hidden);
        shown
            .filter_map(|(_, cell)| match cell {
                Cell::Text(text) if text.chars().count() >= 3 => Some(text.as_str()),
                Cell::Text(_)
                | Cell::Null
                | Cell::Bool(_)
                | Cell::Int(_)
                | Cell::Decimal(_)
                | Cell::Date(_)
                | Cell::Instant(_) => None,
            })
            .collect()
    }
}

/// A name worth recognising: long enough, with letters and digits. A bare number is never a name.
fn keep_name(text: &str, names: &mut BTreeSet<String>) {
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    if letters >= 3 && text.chars().any(|c| c.is_ascii_digit()) && text.len() <= 300 {
        names.insert(crate::text::clean(text, 200));
    }
}

fn names_in(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => keep_name(text, names),
        Value::Array(items) => items.iter().for_each(|item| names_in(item, names)),
        Value::Object(fields) => fields.values().for_each(|field| names_in(field, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
