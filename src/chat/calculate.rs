//! The tool `calculate`: arithmetic over cells, recorded step by step so that its result is a receipt.
//!
//! `({r1/0/cost} - {r1/1/cost}) / {r1/1/cost}`; `{r1/total/cost}` names a total, `{r1/n}` the number of rows, `{r2}` an
//! earlier calculation, and `sum({r1/*/cost})` a column (also avg, min, max). Plain numbers must be constants, stand in
//! a result, or come from the question.
mod parse;

use super::evidence::{Evidence, Found, Source, Unit};
use super::receipts;
use crate::catalogue::ToolError;
use parse::{Expr, Function, Op};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

pub const NAME: &str = "calculate";

/// Numbers that need no source: identities, scales, and parts of the calendar.
const CONSTANTS: [i64; 15] = [0, 1, 2, 10, 100, 1_000, 10_000, 1_000_000, 7, 12, 24, 30, 52, 60, 365];

/// A finished calculation.
#[derive(Clone, Debug)]
pub struct Calculation {
    pub expression: String,
    pub label: Option<String>,
    pub value: Decimal,
    pub unit: Unit,
    pub cells: Vec<Operand>,
    pub steps: Vec<Step>,
}

/// A cell that the expression names, with what stood there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operand {
    pub cell: String,
    pub call_id: String,
    pub value: Decimal,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub op: String,
    pub operands: Vec<Decimal>,
    pub value: Decimal,
}

impl Calculation {
    /// What a receipt keeps.
    pub fn record(&self) -> Value {
        json!({"expression": self.expression, "cells": self.cells, "steps": self.steps})
    }

    /// What the caller of the tool gets.
    pub fn result(&self, reference: &str) -> Value {
        json!({
            "ref": reference, "label": self.label, "expression": self.expression, "value": self.value.normalize(),
            "unit": self.unit.word(), "cells": self.cells, "steps": self.steps,
        })
    }
}

/// The JSON schema of the parameters.
pub fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "expression": {"type": "string", "minLength": 1, "maxLength": 500},
            "label": {"type": "string", "maxLength": 80}
        },
        "required": ["expression"],
        "additionalProperties": false
    })
}

/// Runs one calculation over what was found so far.
pub fn run(
    arguments: &Map<String, Value>,
    question: &str,
    evidence: &Evidence,
) -> Result<Calculation, ToolError> {
    let Some(expression) = arguments.get("expression").and_then(Value::as_str) else {
        return Err(ToolError::tell("calculate.expression", "Give the parameter 'expression' as text."));
    };
    if expression.len() > 500 {
        return Err(ToolError::tell(
            "calculate.expression",
            "The expression is longer than 500 characters; split it.",
        ));
    }
    let label = arguments.get("label").and_then(Value::as_str).map(|text| crate::text::clean(text, 80));
    let parsed = parse::parse(expression).map_err(|why| ToolError::tell("calculate.syntax", why))?;
    let begin = |moved| Work { evidence, question, cells: Vec::new(), steps: Vec::new(), found: None, moved };
    let mut work = begin(false);
    let (value, unit) = work.value(&parsed)?;
    if work.cells.is_empty() {
        let why = "The expression names no cell; refer to results as {ref/row/column}.";
        return Err(ToolError::tell("calculate.no_cell", why));
    }
    // `{r1/n} * 0 + 365` names a cell and says nothing about it.
    if begin(true).value(&parsed).is_ok_and(|(other, _)| same(value, other)) {
        let why =
            "The result does not depend on the cells it names; calculate with them, or leave the figure out.";
        return Err(ToolError::tell("calculate.no_cell", why));
    }
    Ok(Calculation {
        expression: crate::text::clean(expression, 500),
        label,
        value,
        unit,
        cells: work.cells,
        steps: work.steps,
    })
}

/// Equal but for what rounding leaves.
fn same(value: Decimal, other: Decimal) -> bool {
    let least = value.abs().checked_mul(Decimal::new(1, 6)).unwrap_or(Decimal::ONE);
    value.checked_sub(other).is_some_and(|distance| distance.abs() <= least)
}

/// Another value for a cell: the same one wherever it is named, and in no simple relation to those of other cells.
fn elsewhere(cell: &str, value: Decimal) -> Decimal {
    let place = cell.bytes().fold(7_u32, |hash, byte| (hash * 31 + u32::from(byte)) % 9_973);
    let place = Decimal::from(place + 1) / Decimal::ONE_THOUSAND;
    value.checked_mul(Decimal::TWO + place).and_then(|moved| moved.checked_add(place)).unwrap_or(place)
}

struct Work<'a> {
    evidence: &'a Evidence,
    question: &'a str,
    cells: Vec<Operand>,
    steps: Vec<Step>,
    /// Numbers of the results and of the question, gathered when a plain number first needs them.
    found: Option<BTreeSet<Decimal>>,
    /// Reads each cell as another number than it holds, to see whether it matters.
    moved: bool,
}

type Quantity = (Decimal, Unit);

impl Work<'_> {
    fn value(&mut self, expr: &Expr) -> Result<Quantity, ToolError> {
        match expr {
            Expr::Number(number) => self.number(*number),
            Expr::Cell(path) => match self.cells(path)?.as_slice() {
                [one] => Ok(*one),
                _ => Err(ToolError::tell(
                    "calculate.column",
                    format!("{{{path}}} is a whole column; put it into sum(), avg(), min() or max()."),
                )),
            },
            Expr::Negate(inner) => {
                let (value, unit) = self.value(inner)?;
                Ok((-value, unit))
            }
            Expr::Binary(op, left, right) => {
                let left = self.value(left)?;
                let right = self.value(right)?;
                self.binary(*op, left, right)
            }
            Expr::Call(function, arguments) => self.call(*function, arguments),
        }
    }

    fn number(&mut self, number: Decimal) -> Result<Quantity, ToolError> {
        let evidence = self.evidence;
        let question = self.question;
        let constant = CONSTANTS.iter().any(|c| Decimal::from(*c) == number);
        let known = constant
            || self
                .found
                .get_or_insert_with(|| {
                    let cells = evidence.figures().into_iter().map(|figure| figure.value.abs().normalize());
                    let asked = receipts::figures(question, &BTreeSet::new());
                    // "10 %" in the question may be meant as 10 or as 0.10.
                    let asked = asked.into_iter().flat_map(|f| [f.value, f.value / Decimal::ONE_HUNDRED]);
                    cells.chain(asked.map(|value| value.abs().normalize())).collect()
                })
                .contains(&number.abs().normalize());
        if known {
            return Ok((number, Unit::Number));
        }
        Err(ToolError::tell(
            "calculate.unknown_number",
            format!(
                "{number} is in no result and not in the question; refer to a cell as {{ref/row/column}}."
            ),
        ))
    }

    /// The cells a path names, each recorded.
    fn cells(&mut self, path: &str) -> Result<Vec<Quantity>, ToolError> {
        let mut parts = path.splitn(3, '/').map(str::trim);
        let (name, row, column) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
        let Some(source) = self.evidence.source(name) else {
            let known = self.evidence.sources().iter().map(|s| s.reference.clone()).collect();
            return Err(ToolError::choices(
                "calculate.no_result",
                format!("There is no result '{name}'."),
                known,
            ));
        };
        let found = read(source, row, column).map_err(|why| match why {
            Unread::Allowed(message, allowed) => ToolError::choices("calculate.no_cell", message, allowed),
            Unread::Null => ToolError::tell("calculate.null", format!("{{{path}}} has no value.")),
        })?;
        for (cell, (value, _)) in &found {
            self.cells.push(Operand { cell: cell.clone(), call_id: source.call_id.clone(), value: *value });
        }
        let moved = found.into_iter().map(|(cell, (value, unit))| {
            let value = if self.moved { elsewhere(&cell, value) } else { value };
            (value, unit)
        });
        Ok(moved.collect())
    }

    fn binary(&mut self, op: Op, left: Quantity, right: Quantity) -> Result<Quantity, ToolError> {
        use Unit::{Any, Fraction, Money, Number, Points, Ratio};
        let (a, b) = (left.0, right.0);
        if op == Op::Divide && b.is_zero() {
            return Err(ToolError::tell("calculate.zero", "Division by zero has no value; say so instead."));
        }
        let value = match op {
            Op::Add => a.checked_add(b),
            Op::Subtract => a.checked_sub(b),
            Op::Multiply => a.checked_mul(b),
            Op::Divide => a.checked_div(b),
        };
        let value = value.ok_or_else(|| ToolError::tell("calculate.overflow", "The result is too large."))?;
        let unit = match (op, left.1, right.1) {
            (Op::Add | Op::Subtract, a, b) if a == b => a,
            (Op::Add | Op::Subtract, Money, _) | (Op::Add | Op::Subtract, _, Money) => {
                return Err(ToolError::tell(
                    "calculate.units",
                    "Money is only added to or taken from money.",
                ));
            }
            (Op::Add | Op::Subtract, Fraction, Number) | (Op::Add | Op::Subtract, Number, Fraction) => {
                Fraction
            }
            (Op::Multiply, Money, _) | (Op::Multiply, _, Money) => Money,
            (Op::Divide, Money, Money | Any) => Ratio,
            (Op::Divide, Money, _) => Money,
            (Op::Divide, Number, Number) | (Op::Divide, Fraction, Fraction) => Ratio,
            (Op::Multiply | Op::Divide, Fraction, Number) => Fraction,
            (Op::Multiply, Number, Number) => Number,
            (Op::Multiply | Op::Divide, Ratio, Number) => Ratio,
            (
                Op::Add | Op::Subtract | Op::Multiply | Op::Divide,
                Any | Fraction | Number | Points | Ratio,
                _,
            ) => Any,
        };
        self.steps.push(Step { op: op.word().to_owned(), operands: vec![a, b], value });
        Ok((value, unit))
    }

    fn call(&mut self, function: Function, arguments: &[Expr]) -> Result<Quantity, ToolError> {
        let mut all = Vec::new();
        for argument in arguments {
            if let Expr::Cell(path) = argument {
                all.extend(self.cells(path)?);
            } else {
                all.push(self.value(argument)?);
            }
        }
        let Some(unit) = all.first().map(|quantity| quantity.1) else {
            return Err(ToolError::tell("calculate.empty", "There is nothing to calculate over."));
        };
        let unit = if all.iter().all(|q| q.1 == unit) { unit } else { Unit::Any };
        let values: Vec<Decimal> = all.iter().map(|quantity| quantity.0).collect();
        let overflow = || ToolError::tell("calculate.overflow", "The result is too large.");
        let sum = || values.iter().try_fold(Decimal::ZERO, |sum, v| sum.checked_add(*v)).ok_or_else(overflow);
        let value = match function {
            Function::Sum => sum()?,
            Function::Avg => sum()? / Decimal::from(values.len()),
            Function::Min => values.iter().min().copied().unwrap_or_default(),
            Function::Max => values.iter().max().copied().unwrap_or_default(),
            Function::Abs => values.first().copied().unwrap_or_default().abs(),
        };
        self.steps.push(Step { op: function.word().to_owned(), operands: values, value });
        Ok((value, unit))
    }
}

enum Unread {
    Allowed(String, Vec<String>),
    Null,
}

/// The cells of one result that `row` and `column` name.
fn read(source: &Source, row: Option<&str>, column: Option<&str>) -> Result<Vec<(String, Quantity)>, Unread> {
    let name = &source.reference;
    let result = match (&source.found, row) {
        (Found::Calculated(done), None) => return Ok(vec![(name.clone(), (done.value, done.unit))]),
        (Found::Rows(result), _) => result,
        (Found::Calculated(_) | Found::Other(_), _) => {
            return Err(Unread::Allowed(
                format!("'{name}' has no rows; a calculation is named {{{name}}}."),
                Vec::new(),
            ));
        }
    };
    let numeric: Vec<String> = result
        .columns
        .iter()
        .enumerate()
        .filter(|(i, _)| result.rows.iter().any(|r| r.get(*i).is_some_and(|cell| cell.number().is_some())))
        .map(|(_, c)| c.name.clone())
        .collect();
    match (row, column) {
        (Some("n"), None) => {
            Ok(vec![(format!("{name}/n"), (Decimal::from(result.total_rows), Unit::Number))])
        }
        (Some("total"), Some(column)) => {
            let Some(cell) = result.totals.get(column) else {
                let known = result.totals.keys().cloned().collect();
                return Err(Unread::Allowed(format!("'{name}' has no total '{column}'."), known));
            };
            let unit = result.columns.iter().find(|c| c.name == column).map_or(Unit::Any, |c| c.kind.into());
            let value = cell.number().ok_or(Unread::Null)?;
            Ok(vec![(format!("{name}/total/{column}"), (value, unit))])
        }
        (Some(row), Some(column)) => {
            let Some(at) = result.columns.iter().position(|c| c.name == column) else {
                return Err(Unread::Allowed(format!("'{name}' has no column '{column}'."), numeric));
            };
            let unit: Unit = result.columns.get(at).map_or(Unit::Any, |c| c.kind.into());
            let cell = |i: usize| result.rows.get(i).and_then(|r| r.get(at)).and_then(|cell| cell.number());
            if row == "*" {
                let all: Vec<_> = (0..result.rows.len())
                    .filter_map(|i| cell(i).map(|value| (format!("{name}/{i}/{column}"), (value, unit))))
                    .collect();
                return if all.is_empty() { Err(Unread::Null) } else { Ok(all) };
            }
            match row.parse::<usize>() {
                Ok(i) if i < result.rows.len() => {
                    let value = cell(i).ok_or(Unread::Null)?;
                    Ok(vec![(format!("{name}/{i}/{column}"), (value, unit))])
                }
                _ => {
                    let rows = result.rows.len();
                    let message =
                        format!("'{name}' has rows 0 to {}; '{row}' is not one.", rows.saturating_sub(1));
                    Err(Unread::Allowed(message, Vec::new()))
                }
            }
        }
        (_, None) => {
            let message =
                format!("Say which cell of '{name}': {{{name}/row/column}} or {{{name}/total/column}}.");
            Err(Unread::Allowed(message, numeric))
        }
        (None, Some(_)) => Err(Unread::Null),
    }
}

#[cfg(test)]
mod tests;
