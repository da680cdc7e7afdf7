//! The engine's values as rows of the query that asked (`engine:` of its front matter).
use super::super::metrics::Metric;
use super::super::params::Bound;
use super::super::params::Resolved;
use super::super::result::{Cell, ToolError};
use super::statement::Unit;
use super::value::Value;
use super::{Engine, Measured, Request, names};
use crate::db::OrgTx;
use rust_decimal::Decimal;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// What rows a query wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A row a group: now, before, change.
    Compare,
    /// A row a period: value, the same days of the comparison period.
    Trend,
}

impl Shape {
    pub const NAMES: [(&'static str, Shape); 2] = [("compare", Shape::Compare), ("trend", Shape::Trend)];
}

/// Rows by column name, and what the reader must know of them.
#[derive(Debug, Default)]
pub(in super::super) struct Asked {
    pub rows: Vec<BTreeMap<String, Cell>>,
    pub notes: Vec<String>,
}

/// How many groups a note names.
const NAMED: usize = 3;

/// Reads the metric that the parameters name; `failed` tells a failure of the database.
pub(in super::super) async fn rows(
    engine: &Engine<'_>,
    tx: &mut OrgTx,
    (shape, metric): (Shape, &Metric),
    resolved: &Resolved,
    failed: &(dyn Fn(sqlx::Error) -> ToolError + Sync),
) -> Result<Asked, ToolError> {
    engine.supplied(metric)?;
    let Some(window) = resolved.window.map(|phrase| phrase.window) else {
        return Err(ToolError::abort("query.failed", "a metric is asked for without a window"));
    };
    let text = |name: &str| match resolved.binds.get(name) {
        Some(Bound::Text(value)) => value.clone(),
        _ => None,
    };
    let by = text("by").filter(|by| by != "none");
    let filters = ["channel", "campaign", "segment"].into_iter();
    let granularity = text("granularity").unwrap_or_default();
    let request = Request {
        by: by.as_deref(),
        filters: filters.filter_map(|name| text(name).map(|value| (name, value))).collect(),
        window,
        compare: resolved.compare,
        series: (shape == Shape::Trend).then(|| Unit::parse(&granularity)),
    };
    engine.not_too_long(metric, &request)?;
    let measured = engine.measure(tx, metric, &request).await.map_err(failed)?;
    Ok(match shape {
        Shape::Compare => {
            let keys = measured.groups.keys().cloned().collect();
            let names = names::of_groups(tx, request.by, keys).await.map_err(failed)?;
            compare(metric, &measured, request.by, &names)
        }
        Shape::Trend => trend(metric, &measured, text("campaign"), granularity == "hour"),
    })
}

fn number(value: &Value) -> Cell {
    value.number.map_or(Cell::Null, Cell::Decimal)
}

fn optional(value: Option<Decimal>) -> Cell {
    value.map_or(Cell::Null, |number| Cell::Decimal(number.round_dp(12).normalize()))
}

fn row(cells: impl IntoIterator<Item = (&'static str, Cell)>) -> BTreeMap<String, Cell> {
    cells.into_iter().map(|(name, cell)| (name.to_owned(), cell)).collect()
}

fn compare(
    metric: &Metric,
    measured: &Measured,
    by: Option<&str>,
    names: &BTreeMap<String, String>,
) -> Asked {
    let mut asked = Asked::default();
    let told = |key: &str| match by {
        None => "all activity".to_owned(),
        Some(_) => names.get(key).cloned().unwrap_or_else(|| key.to_owned()),
    };
    let mut groups: Vec<_> = measured
        .groups
        .iter()
        .filter(|(_, group)| {
            [&group.now, &group.before].iter().any(|v| v.number.is_some() || v.spent.is_some())
                || by.is_none()
        })
        .collect();
    // Money spent on nothing sorts as the worst, not last; what has no value otherwise is last.
    groups.sort_by(|(a, x), (b, y)| {
        let worst = |v: &Value| v.spent.is_some();
        worst(&y.now)
            .cmp(&worst(&x.now))
            .then_with(|| match (x.now.number, y.now.number) {
                (Some(x), Some(y)) => y.cmp(&x),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => Ordering::Equal,
            })
            .then_with(|| a.cmp(b))
    });
    for (key, group) in &groups {
        let (now, before) = (group.now.number, group.before.number);
        let difference = now.zip(before).map(|(now, before)| now - before);
        let points = matches!(metric.unit.as_str(), "fraction" | "pp");
        asked.rows.push(row([
            ("group", Cell::Text(told(key))),
            ("now", number(&group.now)),
            ("before", number(&group.before)),
            ("change", optional(difference.zip(before).and_then(|(d, before)| d.checked_div(before.abs())))),
            ("change_pp", optional(difference.filter(|_| points))),
            ("reason", group.now.reason.map_or(Cell::Null, |reason| Cell::Text(reason.code().to_owned()))),
            ("basis", Cell::Text(measured.basis.clone())),
            ("metric_id", Cell::Text(metric.id.clone())),
            ("entity_id", by.map_or(Cell::Null, |_| Cell::Text((*key).clone()))),
        ]));
    }
    let told: Vec<(String, &Value)> = groups.iter().map(|(key, group)| (told(key), &group.now)).collect();
    asked.notes = notes(metric, &told);
    asked
}

fn trend(metric: &Metric, measured: &Measured, campaign: Option<String>, by_hour: bool) -> Asked {
    let mut asked = Asked::default();
    let Some(group) = measured.groups.values().next() else { return asked };
    let mut basis = measured.basis.clone();
    if by_hour {
        basis.push_str(", by day because hours are not kept");
    }
    for (start, (now, before)) in &group.series {
        asked.rows.push(row([
            ("period", Cell::Date(*start)),
            ("value", number(now)),
            ("prior_value", number(before)),
            ("overall", number(&group.now)),
            ("overall_before", number(&group.before)),
            ("reason", now.reason.map_or(Cell::Null, |reason| Cell::Text(reason.code().to_owned()))),
            ("basis", Cell::Text(basis.clone())),
            ("metric_id", Cell::Text(metric.id.clone())),
            ("entity_id", campaign.clone().map_or(Cell::Null, Cell::Text)),
        ]));
    }
    asked.notes = notes(metric, &[("the whole window".to_owned(), &group.now)]);
    asked
}

/// Why there is no value, and which values rest on little.
fn notes(metric: &Metric, values: &[(String, &Value)]) -> Vec<String> {
    let mut out = Vec::new();
    let list = |of: Vec<&str>| {
        let more = of.len().saturating_sub(NAMED);
        let named = of.into_iter().take(NAMED).collect::<Vec<_>>().join(", ");
        if more > 0 { format!("{named} and {more} more") } else { named }
    };
    let little: Vec<&str> =
        values.iter().filter(|(_, value)| value.little.is_some()).map(|(name, _)| name.as_str()).collect();
    if let (Some((what, at_least)), false) = (&metric.min_n, little.is_empty()) {
        let what = what.replace('_', " ");
        out.push(format!("Small sample, fewer than {} {what}: {}.", at_least.normalize(), list(little)));
    }
    let spent: Vec<&str> =
        values.iter().filter(|(_, value)| value.spent.is_some()).map(|(name, _)| name.as_str()).collect();
    if !spent.is_empty() {
        out.push(format!("Money was spent and there is none yet to divide it by: {}.", list(spent)));
    }
    if let [(_, Value { number: None, spent: None, reason: Some(reason), .. })] = values {
        out.push(format!("{} has no value: {}.", metric.name, reason.words()));
    }
    out
}
