//! Expands the metric macros of a query's SQL at load, so that no query carries its own arithmetic.
//!
//! - `{{ metric('roas', 'd', 'd.date < :x') }}`: the ratio of sums, columns qualified by an alias, rows filtered;
//! - `{{ metric_of('roas', 's') }}`: the same ratio over columns that are sums already;
//! - `{{ metric_case('d', 'filter') }}`: `case :metric …` over the ids that the query's `metric` parameter lists;
//! - `{{ target('roas') }}`: the registry's target as a number, or null;
//! - `{{ registered('roas', 'mer') }}`: rows (id, name, owner, direction, target, whether it is a sum) for `values`, of these
//!   metrics or, without a name, of all;
//! - `{% include 'segment_members' %}`: the common table expressions of a file of `tools/fragments`.
use super::metrics::{Linear, Metric, Metrics, physical};
use minijinja::value::Rest;
use minijinja::{Environment, Error, ErrorKind};
use rust_decimal::Decimal;
use rust_embed::RustEmbed;
use std::sync::Arc;

#[derive(RustEmbed)]
#[folder = "tools/fragments"]
struct Fragments;

/// The name and the text of a file of `tools/fragments`.
fn fragment(path: &str) -> Option<(String, String)> {
    let file = Fragments::get(path)?;
    let text = String::from_utf8_lossy(&file.data).trim_end().to_owned();
    Some((path.trim_end_matches(".sql").to_owned(), text))
}

/// The SQL with all macros expanded, or the line (from 1, in `sql`) and what is wrong.
pub(super) fn expand(
    sql: &str,
    metrics: &Arc<Metrics>,
    listed: &[String],
) -> Result<String, (usize, String)> {
    let fragments: Vec<(String, String)> = Fragments::iter().filter_map(|path| fragment(&path)).collect();
    let mut env = Environment::new();
    let shared = metrics.clone();
    env.add_function("metric", move |id: String, alias: Option<String>, filter: Option<String>| {
        summed(&shared, &id, alias.as_deref(), filter.as_deref()).map_err(refused)
    });
    let shared = metrics.clone();
    env.add_function("metric_of", move |id: String, alias: Option<String>| {
        known(&shared, &id)
            .and_then(|m| formula(m, &|column| qualified(alias.as_deref(), &physical(column))))
            .map_err(refused)
    });
    let shared = metrics.clone();
    let ids = listed.to_vec();
    env.add_function("metric_case", move |alias: Option<String>, filter: Option<String>| {
        cases(&shared, &ids, alias.as_deref(), filter.as_deref()).map_err(refused)
    });
    let shared = metrics.clone();
    env.add_function("target", move |id: String| {
        known(&shared, &id)
            .map(|m| m.target.map_or("null::numeric".to_owned(), |t| t.normalize().to_string()))
            .map_err(refused)
    });
    let shared = metrics.clone();
    env.add_function("registered", move |ids: Rest<String>| rows(&shared, &ids).map_err(refused));
    for (name, text) in &fragments {
        env.add_template(name, text)
            .map_err(|error| (1, format!("the fragment {name} cannot be read: {error}")))?;
    }
    env.render_str(sql, ()).map_err(|error| {
        let message = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
        (error.line().unwrap_or(1), message)
    })
}

fn refused(message: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}

fn known<'a>(metrics: &'a Metrics, id: &str) -> Result<&'a Metric, String> {
    metrics
        .get(id)
        .ok_or_else(|| format!("metric '{id}' is not in tools/metrics.yaml{}", metrics.instead(id)))
}

fn qualified(alias: Option<&str>, column: &str) -> String {
    alias.map_or_else(|| column.to_owned(), |alias| format!("{alias}.{column}"))
}

fn formula(metric: &Metric, each: &dyn Fn(&str) -> String) -> Result<String, String> {
    let id = &metric.id;
    let numerator: &Linear = metric.numerator.as_ref().ok_or_else(|| {
        format!("metric '{id}' has no numerator in tools/metrics.yaml: no macro can write it")
    })?;
    let top = numerator.sql(each);
    let top =
        if metric.scale == Decimal::ONE { top } else { format!("{} * {top}", metric.scale.normalize()) };
    Ok(match &metric.denominator {
        Some(denominator) => format!("({top} / nullif({}, 0))", denominator.sql(each)),
        None => format!("({top})"),
    })
}

fn summed(metrics: &Metrics, id: &str, alias: Option<&str>, filter: Option<&str>) -> Result<String, String> {
    formula(known(metrics, id)?, &|column| {
        let name = physical(column);
        let sum = format!("sum({})", qualified(alias, &name));
        let sum = filter.map_or_else(|| sum.clone(), |filter| format!("{sum} filter (where {filter})"));
        // Amounts are numeric already; whole counts would divide as integers.
        match (name == column, filter) {
            (true, Some(_)) => format!("({sum})::numeric"),
            (true, None) => format!("{sum}::numeric"),
            (false, _) => sum,
        }
    })
}

fn rows(metrics: &Metrics, ids: &[String]) -> Result<String, String> {
    let listed: Vec<&Metric> = if ids.is_empty() {
        metrics.iter().collect()
    } else {
        ids.iter().map(|id| known(metrics, id)).collect::<Result<_, _>>()?
    };
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let lines = listed.into_iter().map(|metric| {
        let target = metric.target.map_or("null::numeric".to_owned(), |t| t.normalize().to_string());
        let words = [&metric.id, &metric.name, &metric.owner, &metric.direction].map(|text| quoted(text));
        format!("({}, {target}, {})", words.join(", "), metric.adds_up())
    });
    Ok(lines.collect::<Vec<_>>().join(",\n    "))
}

fn cases(
    metrics: &Metrics,
    ids: &[String],
    alias: Option<&str>,
    filter: Option<&str>,
) -> Result<String, String> {
    if ids.is_empty() {
        return Err(
            "metric_case needs a parameter `metric: {type: metric, values: […]}` in the front matter"
                .to_owned(),
        );
    }
    let mut out = String::from("case :metric");
    for id in ids {
        let sql = summed(metrics, id, alias, filter)?;
        out.push_str(&format!(" when '{id}' then {sql}::numeric"));
    }
    out.push_str(" end");
    Ok(out)
}

#[cfg(test)]
mod tests;
