//! Pure functions that turn the selected rows of a query into its declared columns (`stats:` of the front matter).
use super::metrics::{Metric, Metrics};
use super::result::{Cell, ToolError};
use crate::report::figure;
use crate::stats::{Arm, Plan, check_split, compare_arms, days_needed, detectable_lift, plan, wilson};
use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

mod retargeting;

/// A row by column name; columns that the file does not declare are dropped, missing ones are null.
pub(super) type Row = BTreeMap<String, Cell>;

/// What a hook sees.
pub(super) struct Inputs<'a> {
    pub rows: Vec<Row>,
    /// As understood, see `QueryResult::params`.
    pub params: &'a Map<String, Value>,
    pub metrics: &'a Metrics,
}

type Hook = fn(&Inputs<'_>) -> Result<Vec<Row>, ToolError>;

const HOOKS: &[(&str, Hook)] = &[
    ("metric_lookup", metric_lookup),
    ("experiment_power", experiment_power),
    ("experiment_result", experiment_result),
    ("retargeting_plan", retargeting::plan),
];

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    HOOKS.iter().map(|(name, _)| *name)
}

pub(super) fn run(name: &str, inputs: &Inputs<'_>) -> Result<Vec<Row>, ToolError> {
    match HOOKS.iter().find(|(known, _)| *known == name) {
        Some((_, hook)) => hook(inputs),
        None => Err(ToolError::abort("query.stats_unknown", format!("there is no function '{name}'"))),
    }
}

fn row(cells: impl IntoIterator<Item = (&'static str, Cell)>) -> Row {
    cells.into_iter().map(|(name, cell)| (name.to_owned(), cell)).collect()
}

fn text(text: impl Into<String>) -> Cell {
    Cell::Text(text.into())
}

/// Rounded to twelve digits: more would be noise of binary fractions.
fn decimal(value: f64) -> Cell {
    Decimal::from_f64(value).map_or(Cell::Null, |d| Cell::Decimal(d.round_dp(12).normalize()))
}

fn optional(value: Option<f64>) -> Cell {
    value.map_or(Cell::Null, decimal)
}

/// Definitions from the registry that fit `q`: the exact one alone, else the likest five. A selected row with `metric`
/// and `target` overrides the registry's target.
fn metric_lookup(inputs: &Inputs<'_>) -> Result<Vec<Row>, ToolError> {
    let wanted = inputs.params.get("q").and_then(Value::as_str).unwrap_or_default();
    let found = inputs.metrics.search(wanted);
    let best = found.first().map_or(0.0, |(score, _)| *score);
    let enough = if best >= 0.8 { best - 1e-9 } else { (best - 0.1).max(0.28) };
    let rows = found.into_iter().filter(|(score, _)| *score >= enough).take(5).map(|(_, metric)| {
        let own = inputs.rows.iter().find(|r| r.get("metric") == Some(&text(&metric.id)));
        let own = own.and_then(|r| r.get("target")).and_then(Cell::number);
        let target = own.or(metric.target);
        row([
            ("metric", text(&metric.name)),
            ("metric_id", text(&metric.id)),
            ("definition", text(definition(metric))),
            ("formula", text(metric.words())),
            ("unit", text(&metric.unit)),
            ("target", target.map_or(Cell::Null, |t| text(figure::trimmed(t, 4)))),
            ("direction", text(&metric.direction)),
            ("benchmark", metric.benchmark.as_ref().map_or(Cell::Null, text)),
            ("owner", text(&metric.owner)),
            ("example", metric.example.as_ref().map_or(Cell::Null, text)),
        ])
    });
    Ok(rows.collect())
}

fn definition(metric: &Metric) -> String {
    if metric.description.is_empty() { format!("{}.", metric.name) } else { metric.description.clone() }
}

fn number(params: &Map<String, Value>, name: &str) -> Option<f64> {
    match params.get(name)? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Sample size and duration from `baseline`, `mde` (relative; absolute with `mde_type` pp), `power`, `split` (share of
/// the treated arm), `daily_users` (`metrics.md` §6.3).
fn experiment_power(inputs: &Inputs<'_>) -> Result<Vec<Row>, ToolError> {
    let need = |name: &str| {
        number(inputs.params, name)
            .ok_or_else(|| ToolError::tell("param.missing", format!("'{name}' is needed")))
    };
    let (baseline, mde) = (need("baseline")?, need("mde")?);
    let power = number(inputs.params, "power").unwrap_or(0.8);
    let treated_share = number(inputs.params, "split").unwrap_or(0.5);
    let absolute = inputs.params.get("mde_type").and_then(Value::as_str) == Some("pp");
    let effect = if absolute { mde } else { baseline * mde };
    let split = plan(Plan { baseline, effect, power, alpha: 0.05, treated_share })
        .map_err(|error| ToolError::tell("param.out_of_bounds", error.to_string()))?;
    let daily = number(inputs.params, "daily_users").filter(|n| *n >= 1.0).and_then(|n| n.to_u64());
    let days = daily.and_then(|daily| days_needed(split.total(), daily));
    let seen = detectable_lift(baseline, split.treated, split.control, power).map(|lift| lift / baseline);
    let count = |n: u64| Cell::Int(i64::try_from(n).unwrap_or(i64::MAX));
    Ok(vec![row([
        ("per_arm", count(split.treated.max(split.control))),
        ("treated", count(split.treated)),
        ("control", count(split.control)),
        ("total", count(split.total())),
        ("days", days.map_or(Cell::Null, count)),
        ("baseline", decimal(baseline)),
        ("target_rate", decimal(baseline + effect)),
        ("mde_check", optional(seen)),
    ])])
}

/// One row an arm from `variant`, `is_control`, `weight`, `users`, `conversions` and, where the plan says, `planned`
/// (users in all) and `mde` (relative) (`metrics.md` §6.1, §6.3).
fn experiment_result(inputs: &Inputs<'_>) -> Result<Vec<Row>, ToolError> {
    let number = |r: &Row, name: &str| r.get(name).and_then(Cell::number);
    let whole = |r: &Row, name: &str| number(r, name).and_then(|n| n.to_u64()).unwrap_or(0);
    let is_control = |r: &Row| r.get("is_control") == Some(&Cell::Bool(true));
    let arm = |r: &Row| Arm { users: whole(r, "users"), converters: whole(r, "conversions") };
    let weights: Vec<(u64, f64)> = inputs
        .rows
        .iter()
        .map(|r| (whole(r, "users"), number(r, "weight").and_then(|w| w.to_f64()).unwrap_or(1.0)))
        .collect();
    let split = check_split(&weights);
    let void = split.is_some_and(|check| check.void());
    let control = inputs.rows.iter().find(|r| is_control(r)).map(arm);
    let users: u64 = inputs.rows.iter().map(|r| whole(r, "users")).sum();
    let rows = inputs.rows.iter().map(|r| {
        let own = arm(r);
        let mut out = r.clone();
        let lift = control.filter(|_| !is_control(r) && !void).and_then(|control| compare_arms(own, control));
        let planned = whole(r, "planned");
        let mde = number(r, "mde").and_then(|n| n.to_f64());
        let verdict = match (&lift, void) {
            (_, true) => "void: the arms did not get the users they were planned to get".to_owned(),
            (None, _) if is_control(r) => "control".to_owned(),
            (None, _) => "too small to tell".to_owned(),
            (Some(lift), _) => verdict(lift, users, planned, mde),
        };
        let shown = |value: f64| figure::points(Decimal::from_f64(value).unwrap_or_default());
        let ci = lift.map(|l| format!("{} to {}", shown(l.interval.low), shown(l.interval.high)));
        let rate = own.rate().filter(|_| own.users > 0);
        let interval = wilson(own);
        out.extend(row([
            ("rate", optional(rate)),
            ("rate_low", optional(interval.map(|i| i.low))),
            ("rate_high", optional(interval.map(|i| i.high))),
            ("lift", optional(lift.map(|l| l.lift))),
            ("lift_low", optional(lift.map(|l| l.interval.low))),
            ("lift_high", optional(lift.map(|l| l.interval.high))),
            ("relative_lift", optional(lift.and_then(|l| l.relative))),
            ("incrementality", optional(lift.and_then(|l| l.incrementality))),
            ("incremental_conversions", optional(lift.map(|l| l.incremental_conversions))),
            ("ci", ci.map_or(Cell::Null, text)),
            ("p", optional(lift.map(|l| l.p))),
            ("method", lift.map_or(Cell::Null, |l| text(l.method.name()))),
            ("split_p", optional(split.map(|s| s.p))),
            ("verdict", text(verdict)),
        ]));
        out
    });
    Ok(rows.collect())
}

/// *Significant*, *not significant*, or *too small to tell*; never "winner" before the planned number of users.
fn verdict(lift: &crate::stats::Lift, users: u64, planned: u64, mde: Option<f64>) -> String {
    let early = planned > 0 && users < planned;
    let spans_zero = lift.interval.low <= 0.0 && lift.interval.high >= 0.0;
    let effect = mde.map(|mde| (mde * lift.control_rate).abs());
    let spans_effect = effect.is_none_or(|e| lift.interval.high >= e);
    match (lift.p < 0.05, early) {
        (true, true) => {
            format!("significant so far, but only {users} of {planned} planned users: not decided")
        }
        (true, false) if lift.lift > 0.0 => "significant: better than control".to_owned(),
        (true, false) => "significant: worse than control".to_owned(),
        (false, true) if spans_zero && spans_effect => "too small to tell".to_owned(),
        (false, _) => "not significant".to_owned(),
    }
}

#[cfg(test)]
mod tests;
