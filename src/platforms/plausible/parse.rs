//! Answers of `POST /api/v2/query`, read without trust.
use crate::platforms::shape::{self, Missing, Seen, Unreadable};
use jiff::civil::Date;
use serde_json::Value;

/// One row of a report: its day, all dimensions (the day first), the figures in the order they were asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub day: Date,
    pub dimensions: Vec<String>,
    pub metrics: Vec<Value>,
}

/// One page of a report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    pub rows: Vec<Row>,
    /// Rows the page holds, those that were left out included.
    pub count: usize,
    /// Rows of all pages, when it was asked for.
    pub total: Option<usize>,
    pub warnings: Vec<String>,
    pub seen: Seen,
}

/// Reads a page with so many dimensions (the first is the day; none makes one row of totals) and metrics.
pub fn page(body: &[u8], dimensions: usize, metrics: usize) -> Result<Page, Unreadable> {
    let body = shape::json(body)?;
    let results = shape::list(&body, "results", true)?;
    let mut page = Page { count: results.len(), ..Page::default() };
    if let Some(top) = body.as_object() {
        page.seen.unknown(top, &["results", "meta", "query"], "");
    }
    for result in results {
        let read = row(result, dimensions, metrics);
        if let Some(object) = result.as_object() {
            page.seen.unknown(object, &["dimensions", "metrics", "comparison"], "results.");
        }
        page.rows.extend(page.seen.row(read));
    }
    let meta = body.get("meta");
    page.total =
        shape::count(meta.and_then(|meta| meta.get("total_rows"))).and_then(|n| usize::try_from(n).ok());
    page.warnings = warnings(meta);
    Ok(page)
}

fn row(result: &Value, dimensions: usize, metrics: usize) -> Result<Row, Missing> {
    let list = |field: &str, length: usize| {
        let list = result.get(field).and_then(Value::as_array).filter(|list| list.len() == length);
        list.ok_or_else(|| Missing(format!("results.{field}")))
    };
    let figures = list("metrics", metrics)?.clone();
    // Rates of nothing are null, and revenue is an object; a figure of another kind is none.
    if figures.first().is_none_or(|first| shape::number(Some(first)).is_none() && !first.is_null()) {
        return Err(Missing("results.metrics".to_owned()));
    }
    let texts: Option<Vec<String>> =
        list("dimensions", dimensions)?.iter().map(|value| value.as_str().map(str::to_owned)).collect();
    let texts = texts.ok_or_else(|| Missing("results.dimensions".to_owned()))?;
    let day = match texts.first() {
        Some(day) => day.parse().map_err(|_| Missing("results.dimensions".to_owned()))?,
        None => Date::ZERO,
    };
    Ok(Row { day, dimensions: texts, metrics: figures })
}

/// What the platform says about its own figures: `meta.metric_warnings`, and why imported ones were left out.
fn warnings(meta: Option<&Value>) -> Vec<String> {
    let Some(meta) = meta else { return Vec::new() };
    let metrics = meta.get("metric_warnings").and_then(Value::as_object).into_iter().flatten();
    let of_metrics = metrics.map(|(metric, warning)| {
        let said = shape::text_if_any(warning, "warning").unwrap_or("no reason given");
        format!("{metric}: {}", crate::text::clean(said, 200))
    });
    let imports = shape::text_if_any(meta, "imports_warning").map(|said| crate::text::clean(said, 200));
    of_metrics.chain(imports).collect()
}

#[cfg(test)]
mod tests;
