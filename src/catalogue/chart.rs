//! The chart of a query's file with the rows of a result: data that can be drawn (`queries.md` §6). Every figure in it is a
//! cell of the result.
use super::labels;
use super::render::heading;
use super::result::Cell;
use super::spec::{Chart as Declared, Column, ColumnType};
use crate::money::Currency;
use crate::report::chart::{Chart, Interval, Point, Series, Shape, Unit};
use crate::report::figure;
use rust_decimal::prelude::ToPrimitive as _;
use serde_json::Value;

/// The limits of `queries.md` §6.
const CATEGORIES: usize = 20;
const LINES: usize = 6;
const STACKED: usize = 8;
const POINTS: usize = 200;
/// Points of a line, beyond which nobody tells them apart.
const LONG: usize = 400;
const CELLS: usize = 60;

/// What can be drawn of a result; none for tables and for results that the declaration does not fit.
pub fn definition(
    title: &str,
    declared: &Declared,
    columns: &[Column],
    rows: &[Vec<Cell>],
    currency: Option<Currency>,
) -> Option<Chart> {
    let data = Data { declared, columns, rows, currency };
    let chart = match declared.kind.as_str() {
        "line" => data.line(),
        "bar" => data.bar(),
        "stacked_bar" => data.stacked(),
        "funnel" => data.funnel(),
        "heatmap" => data.heatmap(),
        "scatter" => data.scatter(),
        "waterfall" => data.waterfall(),
        _ => None,
    }?;
    let chart = Chart { title: title.to_owned(), ..chart };
    (!chart.is_empty()).then_some(chart)
}

struct Data<'a> {
    declared: &'a Declared,
    columns: &'a [Column],
    rows: &'a [Vec<Cell>],
    currency: Option<Currency>,
}

/// The values of a column for each category, one series a name of another column.
struct Pivot {
    x: Vec<String>,
    series: Vec<Series>,
}

impl Data<'_> {
    /// The columns that a part of the chart names.
    fn parts(&self, part: &str) -> Vec<usize> {
        let names: Vec<&str> = match self.declared.parts.get(part) {
            Some(Value::String(name)) => vec![name],
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        names.iter().filter_map(|name| self.columns.iter().position(|c| c.name == *name)).collect()
    }

    fn part(&self, part: &str) -> Option<usize> {
        self.parts(part).first().copied()
    }

    fn number(&self, row: usize, column: usize) -> Option<f64> {
        self.rows.get(row)?.get(column)?.number()?.to_f64()
    }

    fn text(&self, row: usize, column: usize) -> String {
        match self.rows.get(row).and_then(|cells| cells.get(column)) {
            None | Some(Cell::Null) => "–".to_owned(),
            Some(Cell::Text(text)) => labels::words(&crate::text::clean(text, 200), self.columns.get(column)),
            Some(Cell::Bool(yes)) => if *yes { "yes" } else { "no" }.to_owned(),
            Some(Cell::Int(n)) => n.to_string(),
            Some(Cell::Decimal(number)) => figure::trimmed(*number, 2),
            Some(Cell::Date(day)) => figure::day(*day),
            Some(Cell::Instant(at)) => at.strftime("%Y-%m-%d %H:%M").to_string(),
        }
    }

    fn name(&self, column: usize) -> String {
        self.columns.get(column).map_or_else(String::new, heading)
    }

    fn unit(&self, column: usize) -> Unit {
        match self.columns.get(column).map(|c| c.kind) {
            Some(ColumnType::Money) => Unit::Money(self.currency.map(figure::symbol).unwrap_or_default()),
            Some(ColumnType::Fraction) => Unit::Fraction,
            Some(ColumnType::Pp) => Unit::Points,
            Some(ColumnType::Ratio) => Unit::Times,
            Some(ColumnType::Days) => Unit::Days,
            Some(ColumnType::Hours) => Unit::Hours,
            Some(ColumnType::Ms) => Unit::Milliseconds,
            _ => Unit::Number,
        }
    }

    fn chart(&self, x: usize, y: usize, shape: Shape) -> Chart {
        let (x_label, y_label) = (self.name(x), self.name(y));
        Chart { title: String::new(), x_label, y_label, unit: self.unit(y), shape }
    }

    /// Rows in the order the chart asks for; results are sorted already where it asks for none.
    fn sorted(&self, y: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        let value = |row: &usize| self.number(*row, y).unwrap_or(f64::NEG_INFINITY);
        match self.declared.parts.get("sort").and_then(Value::as_str) {
            Some("desc") => order.sort_by(|a, b| value(b).total_cmp(&value(a))),
            Some("asc") => order.sort_by(|a, b| value(a).total_cmp(&value(b))),
            _ => {}
        }
        order
    }

    /// Columns side by side, one series each.
    fn wide(&self, order: &[usize], x: usize, ys: &[usize]) -> Pivot {
        let series = ys.iter().map(|y| Series {
            name: self.name(*y),
            values: order.iter().map(|row| self.number(*row, *y)).collect(),
        });
        Pivot { x: order.iter().map(|row| self.text(*row, x)).collect(), series: series.collect() }
    }

    /// Rows below each other, one series a name; categories and names in the order of their first row.
    fn long(&self, order: &[usize], x: usize, y: usize, names: usize) -> Pivot {
        let mut pivot = Pivot { x: Vec::new(), series: Vec::new() };
        let place = |list: &[String], name: &str| list.iter().position(|known| known == name);
        for row in order {
            let (category, name) = (self.text(*row, x), self.text(*row, names));
            let at = place(&pivot.x, &category).unwrap_or_else(|| {
                pivot.x.push(category);
                pivot.x.len() - 1
            });
            let known = pivot.series.iter().position(|s| s.name == name);
            let n = known.unwrap_or_else(|| {
                pivot.series.push(Series { name, values: Vec::new() });
                pivot.series.len() - 1
            });
            if let Some(series) = pivot.series.get_mut(n) {
                series.values.resize(series.values.len().max(at + 1), None);
                series.values[at] = self.number(*row, y);
            }
        }
        for series in &mut pivot.series {
            series.values.resize(pivot.x.len(), None);
        }
        pivot
    }

    fn pivot(&self, order: &[usize], x: usize, ys: &[usize]) -> Option<Pivot> {
        let y = *ys.first()?;
        Some(match (self.part("series"), self.part("compare")) {
            (Some(names), _) => self.long(order, x, y, names),
            (None, Some(before)) => self.wide(order, x, &[y, before]),
            (None, None) => self.wide(order, x, ys),
        })
    }

    fn interval(&self, order: &[usize]) -> Option<Interval> {
        let (low, high) = (self.part("lo")?, self.part("hi")?);
        Some(order.iter().map(|row| self.number(*row, low).zip(self.number(*row, high))).collect())
    }

    fn line(&self) -> Option<Chart> {
        let (x, ys) = (self.part("x")?, self.parts("y"));
        let order: Vec<usize> = (0..self.rows.len()).collect();
        let Pivot { mut x, mut series, .. } = self.pivot(&order, x, &ys)?;
        series.truncate(LINES);
        let from = x.len().saturating_sub(LONG);
        x.drain(..from);
        series.iter_mut().for_each(|s| drop(s.values.drain(..from)));
        let mut interval = self.interval(&order).filter(|_| series.len() == 1);
        interval.iter_mut().for_each(|pairs| drop(pairs.drain(..from.min(pairs.len()))));
        Some(self.chart(self.part("x")?, *ys.first()?, Shape::Line { x, series, interval }))
    }

    fn bar(&self) -> Option<Chart> {
        let (x, ys) = (self.part("x")?, self.parts("y"));
        let y = *ys.first()?;
        let mut order = self.sorted(y);
        if self.part("series").is_none() {
            order.truncate(CATEGORIES);
        }
        let Pivot { x: names, mut series } = self.pivot(&order, x, &ys)?;
        series.truncate(LINES);
        let interval = self.interval(&order).filter(|_| series.len() == 1);
        let (names, series) = first(names, series, CATEGORIES);
        Some(self.chart(x, y, Shape::Bar { x: names, series, interval }))
    }

    fn stacked(&self) -> Option<Chart> {
        let (x, ys) = (self.part("x")?, self.parts("y"));
        let y = *ys.first()?;
        let Pivot { x: names, mut series } = self.pivot(&self.sorted(y), x, &ys)?;
        series.truncate(STACKED);
        let negative = series.iter().flat_map(|s| s.values.iter().flatten()).any(|v| *v < 0.0);
        let (names, series) = first(names, series, CATEGORIES);
        // Shares that do not add up are no shares.
        let shape = if negative {
            Shape::Bar { x: names, series, interval: None }
        } else {
            Shape::Stacked { x: names, series }
        };
        Some(self.chart(x, y, shape))
    }

    fn funnel(&self) -> Option<Chart> {
        let (step, ys) = (self.part("step")?, self.parts("y"));
        let y = *ys.first()?;
        let order: Vec<usize> = (0..self.rows.len()).collect();
        let Pivot { x, mut series } = self.pivot(&order, step, &ys)?;
        if let [only] = series.as_slice() {
            let steps: Vec<(String, f64)> = x
                .iter()
                .cloned()
                .zip(&only.values)
                .filter_map(|(name, value)| Some((name, (*value)?)))
                .collect();
            if steps.windows(2).all(|pair| pair[0].1 >= pair[1].1) {
                return Some(self.chart(step, y, Shape::Funnel { steps }));
            }
        }
        // Several funnels side by side, or counts that rise again: bars tell it truly.
        series.truncate(LINES);
        let (x, series) = first(x, series, CATEGORIES);
        Some(self.chart(step, y, Shape::Bar { x, series, interval: None }))
    }

    fn heatmap(&self) -> Option<Chart> {
        let row = self.part("row")?;
        let wide = self.parts("columns");
        let order: Vec<usize> = (0..self.rows.len().min(CELLS)).collect();
        let (pivot, value) = match (self.part("column"), self.part("value")) {
            (Some(column), Some(value)) => {
                let all: Vec<usize> = (0..self.rows.len()).collect();
                (self.long(&all, row, value, column), value)
            }
            _ => (self.wide(&order, row, &wide), *wide.first()?),
        };
        let columns: Vec<String> = pivot.series.iter().take(CELLS).map(|s| s.name.clone()).collect();
        let values = (0..pivot.x.len().min(CELLS))
            .map(|at| pivot.series.iter().take(CELLS).map(|s| s.values.get(at).copied().flatten()).collect())
            .collect();
        let rows = pivot.x.into_iter().take(CELLS).collect();
        Some(self.chart(row, value, Shape::Heatmap { rows, columns, values }))
    }

    fn scatter(&self) -> Option<Chart> {
        let (x, y) = (self.part("x")?, self.part("y")?);
        let (label, size) = (self.part("label"), self.part("size"));
        let largest = size
            .map(|size| (0..self.rows.len()).filter_map(|row| self.number(row, size)).fold(0.0, f64::max));
        let point = |row: usize| {
            let size = size.zip(largest.filter(|most| *most > 0.0));
            Some(Point {
                x: self.number(row, x)?,
                y: self.number(row, y)?,
                label: label.map_or_else(String::new, |label| self.text(row, label)),
                // By area: the diameter goes with the root.
                size: size.and_then(|(size, most)| Some((self.number(row, size)?.max(0.0) / most).sqrt())),
            })
        };
        let points = (0..self.rows.len()).filter_map(point).take(POINTS).collect();
        Some(self.chart(x, y, Shape::Scatter { points, x_unit: self.unit(x) }))
    }

    fn waterfall(&self) -> Option<Chart> {
        let (label, delta) = (self.part("label")?, self.part("delta")?);
        let deltas: Vec<(String, f64)> = (0..self.rows.len().min(CATEGORIES))
            .filter_map(|row| Some((self.text(row, label), self.number(row, delta)?)))
            .collect();
        // Totals are drawn where every row names the same ones and the amounts lead from one to the other.
        let total = |part: &str| {
            let column = self.part(part)?;
            let first = self.number(0, column)?;
            (1..self.rows.len()).all(|row| self.number(row, column) == Some(first)).then_some(first)
        };
        let sum: f64 = deltas.iter().map(|(_, delta)| delta).sum();
        let totals =
            total("start").zip(total("end")).filter(|(start, end)| (start + sum - end).abs() <= 0.01);
        let complete = self.rows.len() <= CATEGORIES;
        let start = totals.filter(|_| complete).map(|(start, _)| start);
        Some(self.chart(label, delta, Shape::Waterfall { start, deltas, ends: start.is_some() }))
    }
}

/// The first categories of all series.
fn first(mut x: Vec<String>, mut series: Vec<Series>, most: usize) -> (Vec<String>, Vec<Series>) {
    x.truncate(most);
    series.iter_mut().for_each(|s| s.values.truncate(most));
    (x, series)
}

#[cfg(test)]
mod tests;
