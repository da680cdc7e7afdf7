//! The native chart block, for the charts that it can show truly; the others are sent as pictures
//! ([`crate::report::chart::png`]).
use super::text::tamed;
use super::{Plain, plain};
use crate::catalogue::{self, Cell, Column};
use crate::money::Currency;
use crate::report::chart::{Chart, Series, Shape};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Slack's limits; of two that it has published, the stricter.
const SERIES: usize = 6;
const SEGMENTS: usize = 6;
const CATEGORIES: usize = 20;
const LABEL: usize = 20;
const TITLE: usize = 50;

/// The drawing of a `chart` event; none where there is nothing to draw. `rows` as in the event.
pub fn definition(
    title: &str,
    declared: &catalogue::Chart,
    columns: &[Column],
    rows: &Value,
    currency: Option<Currency>,
) -> Option<Chart> {
    let rows: Vec<Vec<Cell>> = serde_json::from_value(rows.clone()).ok()?;
    catalogue::chart::definition(title, declared, columns, &rows, currency)
}

/// A `data_visualization` block; none where Slack could only show the chart with something left out: gaps, bounds, long
/// names that would look alike, too many of anything, kinds it does not know. At most two fit into a message, which
/// [`super::Message::within_limits`] sees to.
pub fn chart_block(chart: &Chart) -> Option<Value> {
    if chart.is_empty() {
        return None;
    }
    let drawn = match &chart.shape {
        Shape::Line { x, series, interval: None } => lines("line", chart, x, series)?,
        Shape::Bar { x, series, interval: None } => lines("bar", chart, x, series)?,
        Shape::Stacked { x, series } => match series.as_slice() {
            [only] => shares(chart, x, only).or_else(|| lines("bar", chart, x, series))?,
            _ => return None,
        },
        Shape::Line { .. }
        | Shape::Bar { .. }
        | Shape::Funnel { .. }
        | Shape::Heatmap { .. }
        | Shape::Scatter { .. }
        | Shape::Waterfall { .. } => return None,
    };
    Some(
        json!({"type": "data_visualization", "title": plain(&chart.title).cut(TITLE).as_str(), "chart": drawn}),
    )
}

fn lines(kind: &str, chart: &Chart, x: &[String], series: &[Series]) -> Option<Value> {
    if x.is_empty() || x.len() > CATEGORIES || series.is_empty() || series.len() > SERIES {
        return None;
    }
    let categories = labels(x.iter().map(String::as_str))?;
    let names = labels(series.iter().map(|one| one.name.as_str()))?;
    let mut drawn = Vec::with_capacity(series.len());
    for (one, name) in series.iter().zip(&names) {
        let values: Option<Vec<f64>> = one.values.iter().copied().collect();
        let values = values.filter(|values| values.len() == x.len())?;
        let data: Option<Vec<Value>> =
            categories.iter().zip(values).map(|(label, value)| point(chart, label, value)).collect();
        drawn.push(json!({"name": name.as_str(), "data": data?}));
    }
    let axis = axis(chart, &categories);
    Some(json!({"type": kind, "series": drawn, "axis_config": axis}))
}

/// Shares of a whole.
fn shares(chart: &Chart, x: &[String], series: &Series) -> Option<Value> {
    if x.is_empty() || x.len() > SEGMENTS {
        return None;
    }
    let names = labels(x.iter().map(String::as_str))?;
    let values: Option<Vec<f64>> = series.values.iter().copied().collect();
    let values =
        values.filter(|values| values.len() == x.len() && values.iter().all(|value| *value > 0.0))?;
    let segments: Option<Vec<Value>> =
        names.iter().zip(values).map(|(label, value)| point(chart, label, value)).collect();
    Some(json!({"type": "pie", "segments": segments?}))
}

fn axis(chart: &Chart, categories: &[Plain]) -> Value {
    let mut axis = json!({"categories": categories.iter().map(Plain::as_str).collect::<Vec<_>>()});
    let word = chart.unit.word();
    let (x, y) = (plain(&chart.x_label), plain(&chart.y_label));
    let y = if word.is_empty() { y } else { Plain::fill("{} ({})", &[y, plain(word)]) };
    for (key, label) in [("x_label", x), ("y_label", y)] {
        if !label.is_empty() {
            axis[key] = label.cut(TITLE).as_str().into();
        }
    }
    axis
}

/// Two decimals, or four of small numbers: what a reader sees when pointing at it.
fn point(chart: &Chart, label: &Plain, value: f64) -> Option<Value> {
    let value = chart.unit.in_words(value);
    let steps = if value.abs() < 1.0 { 10_000.0 } else { 100.0 };
    let value = (value * steps).round() / steps;
    value.is_finite().then(|| json!({"label": label.as_str(), "value": value}))
}

/// Names within Slack's length; none when two of them would be the same then, or one has none.
fn labels<'a>(names: impl Iterator<Item = &'a str>) -> Option<Vec<Plain>> {
    // Labels are no markup today; names of the data carry no signs all the same.
    let names: Vec<Plain> = names.map(|name| plain(&tamed(name)).cut(LABEL)).collect();
    let different: BTreeSet<&str> = names.iter().map(Plain::as_str).collect();
    (different.len() == names.len() && !different.contains("")).then_some(names)
}

#[cfg(test)]
mod tests;
