//! Tables and native charts. A chart is drawn from its data in plain shapes, with the figures beside it.
use super::blocks::said;
use maud::{Markup, html};
use serde_json::Value;

fn cell(cell: &Value) -> String {
    match said(&cell["type"]) {
        "raw_number" => cell["text"].as_str().map_or_else(|| cell["value"].to_string(), str::to_owned),
        "raw_text" => said(&cell["text"]).to_owned(),
        _ => {
            let mut out = String::new();
            collect(cell, &mut out);
            out
        }
    }
}

fn collect(value: &Value, out: &mut String) {
    out.push_str(said(&value["text"]));
    value.as_object().into_iter().flatten().for_each(|(_, inner)| collect(inner, out));
    value.as_array().into_iter().flatten().for_each(|inner| collect(inner, out));
}

pub fn table(block: &Value) -> Markup {
    let rows = block["rows"].as_array().map_or(&[][..], Vec::as_slice);
    let cells = |row: &Value| -> Vec<String> { row.as_array().into_iter().flatten().map(cell).collect() };
    html! {
        div.scroll {
            table {
                @if let Some(caption) = block["caption"].as_str() { caption { (caption) } }
                @if let Some(head) = rows.first() {
                    thead { tr { @for text in cells(head) { th { (text) } } } }
                }
                tbody { @for row in rows.iter().skip(1) { tr { @for text in cells(row) { td { (text) } } } } }
            }
        }
    }
}

/// One line of a chart: its name and (label, value) points.
struct Line<'a> {
    name: &'a str,
    points: Vec<(&'a str, f64)>,
}

fn points(list: &Value) -> Vec<(&str, f64)> {
    let point = |p: &'_ Value| p["value"].as_f64().unwrap_or_default();
    list.as_array().into_iter().flatten().map(|p| (said(&p["label"]), point(p))).collect()
}

pub fn chart(block: &Value) -> Markup {
    let chart = &block["chart"];
    let lines: Vec<Line<'_>> = match chart["type"].as_str() {
        Some("pie") => vec![Line { name: "", points: points(&chart["segments"]) }],
        _ => {
            let series = chart["series"].as_array().into_iter().flatten();
            series.map(|s| Line { name: said(&s["name"]), points: points(&s["data"]) }).collect()
        }
    };
    let top =
        lines.iter().flat_map(|l| &l.points).map(|p| p.1.abs()).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let drawn = matches!(chart["type"].as_str(), Some("line" | "area"));
    html! {
        figure.chart {
            figcaption { strong { (said(&block["title"])) } }
            @if drawn { (curves(&lines, top)) } @else { (bars(&lines, top)) }
            p.soft { (said(&chart["axis_config"]["x_label"])) " · " (said(&chart["axis_config"]["y_label"])) }
            @if drawn {
                details { summary { "Figures" } (bars(&lines, top)) }
            }
        }
    }
}

fn curves(lines: &[Line<'_>], top: f64) -> Markup {
    html! {
        svg viewBox="0 0 600 160" role="img" aria-label="chart" {
            @for (n, line) in lines.iter().enumerate() {
                polyline class={ "line line" (n % 6) } fill="none" points=(path(&line.points, top)) {}
            }
        }
        p.soft { @for (n, line) in lines.iter().enumerate() { span class={ "key line" (n % 6) } { "● " } (line.name) " " } }
    }
}

fn path(points: &[(&str, f64)], top: f64) -> String {
    let last = points.len().saturating_sub(1).max(1) as f64;
    let spot = |(n, (_, value)): (usize, &(&str, f64))| {
        format!("{:.1},{:.1}", n as f64 / last * 600.0, 150.0 - value.max(0.0) / top * 140.0)
    };
    points.iter().enumerate().map(spot).collect::<Vec<_>>().join(" ")
}

fn bars(lines: &[Line<'_>], top: f64) -> Markup {
    html! {
        table.bars {
            @for (n, line) in lines.iter().enumerate() {
                @for (label, value) in &line.points {
                    tr {
                        td { (label) @if lines.len() > 1 { " · " (line.name) } }
                        td {
                            svg viewBox="0 0 200 12" role="presentation" {
                                rect class={ "bar line" (n % 6) } x="0" y="1" height="10"
                                    width=(format!("{:.1}", value.abs() / top * 200.0)) {}
                            }
                        }
                        td.figure { (value) }
                    }
                }
            }
        }
    }
}
