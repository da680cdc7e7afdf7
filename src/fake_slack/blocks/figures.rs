//! Tables and charts.
use super::reader::Reader;
use serde_json::Value;
use std::collections::BTreeSet;

/// The plain table: up to 100 rows of up to 20 cells.
pub fn table(r: &mut Reader, at: &str, block: &Value) {
    r.only_in_messages(at, "table");
    r.keys(at, block, &["rows", "column_settings"]);
    r.tables += 1;
    for (at, row) in r.items(at, block, "rows", 1, 100) {
        cells(r, &at, row, &["raw_text", "rich_text"]);
    }
    if let Some(settings) = block["column_settings"].as_array()
        && settings.len() > 20
    {
        r.error(&format!("{at}/column_settings"), "no more than 20 items allowed");
    }
}

/// The data table: a header and up to 100 rows of equal length, with a caption.
pub fn data_table(r: &mut Reader, at: &str, block: &Value) {
    r.only_in_messages(at, "data_table");
    r.keys(at, block, &["caption", "rows", "page_size", "row_header_column_index"]);
    r.required_text(at, block, "caption", 3000);
    let rows = r.items(at, block, "rows", 2, 101);
    let width = rows.first().and_then(|(_, row)| row.as_array()).map_or(0, Vec::len);
    for (n, (at, row)) in rows.into_iter().enumerate() {
        if row.as_array().is_some_and(|cells| cells.len() != width) {
            r.error(&at, "all rows must have the same number of cells");
        }
        let allowed: &[&str] = if n == 0 { &["raw_text"] } else { &["raw_text", "raw_number", "rich_text"] };
        cells(r, &at, row, allowed);
    }
    if !block["page_size"].is_null() && !block["page_size"].as_u64().is_some_and(|n| (1..=100).contains(&n)) {
        r.error(&format!("{at}/page_size"), "must be between 1 and 100");
    }
}

fn cells(r: &mut Reader, at: &str, row: &Value, allowed: &[&str]) {
    let Some(row) = row.as_array() else { return r.error(at, "must provide an array") };
    if row.is_empty() || row.len() > 20 {
        r.error(at, "must have 1 to 20 cells");
    }
    for (n, cell) in row.iter().enumerate() {
        let at = format!("{at}/{n}");
        let kind = cell["type"].as_str().unwrap_or_default();
        if !allowed.contains(&kind) {
            r.error(&format!("{at}/type"), &format!("must be one of {}", allowed.join(", ")));
            continue;
        }
        match kind {
            "raw_text" => {
                r.keys(&at, cell, &["text"]);
                let length = r.required_text(&at, cell, "text", 10_000);
                r.cells += length;
            }
            "raw_number" => {
                r.keys(&at, cell, &["value", "text"]);
                if !cell["value"].is_number() {
                    r.error(&at, "missing required field: value");
                }
                r.cells += cell["text"].as_str().map_or_else(|| cell["value"].to_string().len(), str::len);
            }
            _ => r.cells += texts(cell),
        }
    }
}

/// Characters of all texts inside a rich text cell.
fn texts(value: &Value) -> usize {
    let own = value["text"].as_str().map_or(0, |text| text.chars().count());
    let fields = value.as_object().into_iter().flatten().map(|(_, inner)| texts(inner));
    let items = value.as_array().into_iter().flatten().map(texts);
    own + fields.sum::<usize>() + items.sum::<usize>()
}

/// A native chart: pie, bar, area or line.
pub fn chart(r: &mut Reader, at: &str, block: &Value) {
    r.only_in_messages(at, "data_visualization");
    r.charts += 1;
    r.keys(at, block, &["title", "chart"]);
    r.required_text(at, block, "title", 50);
    let (at, chart) = (format!("{at}/chart"), &block["chart"]);
    match chart["type"].as_str() {
        Some("pie") => {
            r.keys(&at, chart, &["segments"]);
            for (at, segment) in r.items(&at, chart, "segments", 1, 12) {
                point(r, &at, segment);
                if segment["value"].as_f64().is_some_and(|v| v <= 0.0) {
                    r.error(&format!("{at}/value"), "must be more than 0");
                }
            }
        }
        Some("bar" | "area" | "line") => series(r, &at, chart),
        _ => r.error(&at, "must be one of pie, bar, area, line"),
    }
}

fn series(r: &mut Reader, at: &str, chart: &Value) {
    r.keys(at, chart, &["series", "axis_config"]);
    let axis_at = format!("{at}/axis_config");
    let axis = &chart["axis_config"];
    r.keys(&axis_at, axis, &["categories", "x_label", "y_label"]);
    r.text_field(&axis_at, axis, "x_label", 50);
    r.text_field(&axis_at, axis, "y_label", 50);
    let mut categories = BTreeSet::new();
    for (at, category) in r.items(&axis_at, axis, "categories", 1, 20) {
        match category.as_str() {
            Some(name) if (1..=20).contains(&name.chars().count()) => {
                if !categories.insert(name) {
                    r.error(&at, "categories must be unique");
                }
            }
            _ => r.error(&at, "must be less than 21 characters"),
        }
    }
    let mut names = BTreeSet::new();
    for (at, one) in r.items(at, chart, "series", 1, 12) {
        r.keys(&at, one, &["name", "data"]);
        r.required_text(&at, one, "name", 20);
        if !names.insert(one["name"].as_str().unwrap_or_default()) {
            r.error(&at, "series names must be unique");
        }
        let points = r.items(&at, one, "data", 1, 20);
        let mut labels = BTreeSet::new();
        for (at, one) in &points {
            point(r, at, one);
            labels.extend(one["label"].as_str());
        }
        if labels != categories || points.len() != categories.len() {
            r.error(&at, "must have one data point for each category");
        }
    }
}

fn point(r: &mut Reader, at: &str, point: &Value) {
    r.keys(at, point, &["label", "value"]);
    r.required_text(at, point, "label", 20);
    if !point["value"].as_f64().is_some_and(f64::is_finite) {
        r.error(at, "missing required field: value");
    }
}
