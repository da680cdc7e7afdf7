use super::super::front;
use super::super::result::Freshness;
use super::*;
use crate::ids::RunId;
use jiff::civil::date;
use std::collections::BTreeMap;
use std::sync::Arc;

const FILE: &str = r#"/*---
name: waste
version: 2
title: Waste
description: Spend without conversions.
group: spend_waste
personas: [cmo]
modules: []
metrics: []
sources: [daily_metrics]
params:
  window: {type: date_range, default: last_7d}
  level: {type: enum, values: [campaign, search_term], default: campaign}
  min_spend: {type: money, default: 100}
columns:
  - {name: entity, type: text, label: Name, entity: true}
  - {name: cost, type: money, label: Spend}
  - {name: share, type: fraction}
  - {name: value, type: number, when_null: "no value"}
  - {name: last_on, type: date, label: Last, when_null: never}
  - {name: metric_id, type: text, hidden: true}
totals: [cost]
keywords: [a, b, c]
examples: [a a, b b, c c]
negatives: []
chart: {kind: bar, x: entity, y: cost}
answer:
  headline: "{total.cost|money} went to {n} {level|plural} in {window}; worst: {first.entity}."
  row: "{rank}. {entity}: {cost|money} ({share|pct1}), {value|metric}, last {last_on|date}"
  empty: "No {level} spent {min_spend|money} in {window}."
  notes: ["Late conversions may come; {freshness}."]
follow_ups: []
drafts: []
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 50}
cache_s: 0
test: {fixture: shop, expect: {rows: 1}}
---*/
select :level as entity, :min_spend as cost, 1 as share, 1 as value, :window_start as last_on, 'ctr' as metric_id order by 1
"#;

fn setting() -> (Query, Arc<Metrics>) {
    let (metrics, faults) = Metrics::read(
        "m",
        "- {id: ctr, name: Click rate, category: traffic, type: ratio, numerator: clicks, denominator: impressions, unit: f, format: pct2, direction: up}",
    );
    assert_eq!(faults, vec![]);
    let metrics = Arc::new(metrics);
    let (read, faults) = front::read("queries/spend_waste/waste.sql", FILE, &metrics);
    assert_eq!(faults, vec![]);
    (read.unwrap().query, metrics)
}

fn result(query: &Query, rows: Vec<Vec<Cell>>) -> QueryResult {
    QueryResult {
        run_id: RunId(uuid::Uuid::nil()),
        query: query.name.clone(),
        version: query.version,
        title: query.title.clone(),
        params: serde_json::json!({"level": "search_term", "min_spend": 100, "window": {"start": "2025-09-10", "end": "2025-09-16"}})
            .as_object()
            .cloned()
            .unwrap(),
        window: Window::new(date(2025, 9, 10), date(2025, 9, 16)),
        compare: None,
        partial: false,
        as_of: "2025-09-17T09:00:00Z".parse().unwrap(),
        currency: "EUR".into(),
        columns: query.columns.clone(),
        total_rows: rows.len() as u64,
        rows,
        totals: BTreeMap::from([("cost".to_owned(), Cell::Decimal("1180".parse().unwrap()))]),
        truncated: false,
        freshness: vec![Freshness { source: "daily_metrics".into(), newest: Some(date(2025, 9, 16)), age_days: Some(1), stale: false }],
        snapshot_id: "s".into(),
        cache_hit: false,
        elapsed_ms: 1,
        notes: vec![],
        rules: Vec::new(),
        chart: query.chart.clone(),
    }
}

fn row(name: &str, cost: &str, value: Cell, last: Cell) -> Vec<Cell> {
    vec![
        Cell::Text(name.into()),
        Cell::Decimal(cost.parse().unwrap()),
        Cell::Decimal("0.25".parse().unwrap()),
        value,
        last,
        Cell::Text("ctr".into()),
    ]
}

#[test]
fn an_answer_says_figures_nulls_and_where_they_come_from() {
    let (query, metrics) = setting();
    let rows = vec![
        row("Harvest\nSale", "980.5", Cell::Decimal("0.0379".parse().unwrap()), Cell::Date(date(2025, 8, 1))),
        row("Other", "199.5", Cell::Null, Cell::Null),
    ];
    let zone = TimeZone::fixed(jiff::tz::offset(2));
    insta::assert_snapshot!(render(&query, &metrics, &result(&query, rows.clone()), &zone).markdown(), @"
    €1,180 went to 2 search terms in 2025-09-10 to 2025-09-16; worst: Harvest Sale.

    1. Harvest Sale: €980.50 (25.0%), 3.79%, last 2025-08-01
    2. Other: €199.50 (25.0%), no value, last never

    Late conversions may come; the data ends on 2025-09-16.

    _2025-09-10 to 2025-09-16 · as of 2025-09-17 11:00 · daily metrics 1 day old · 2 rows · waste@2_
    ");
    insta::assert_snapshot!(table(&metrics, &result(&query, rows.clone()), 1, &zone), @"
    Name            Spend  Share  Value  Last
    ────────────  ───────  ─────  ─────  ──────────
    Harvest Sale  €980.50  25.0%  3.79%  2025-08-01
    … and 1 more
    ");
    insta::assert_snapshot!(chart_text(&metrics, &result(&query, rows), &zone).unwrap(), @"
    Name          Spend
    ────────────  ───────  ────────────────────────
    Harvest Sale  €980.50  ████████████████████████
    Other         €199.50  ████▉
    ");
}

#[test]
fn no_rows_is_an_answer_too() {
    let (query, metrics) = setting();
    let rendered = render(&query, &metrics, &result(&query, vec![]), &TimeZone::UTC);
    assert!(rendered.empty);
    assert_eq!(rendered.headline, "No search term spent €100.00 in 2025-09-10 to 2025-09-16.");
    assert!(rendered.rows.is_empty() && rendered.notes.is_empty());
}

#[test]
fn a_note_about_what_is_empty_is_left_out() {
    let (mut query, metrics) = setting();
    query.answer.notes = vec!["Seen last on {first.last_on|date}.".to_owned(), "Always.".to_owned()];
    let notes = |last| {
        let rows = vec![row("a", "1", Cell::Null, last), row("b", "1", Cell::Null, Cell::Null)];
        render(&query, &metrics, &result(&query, rows), &TimeZone::UTC).notes
    };
    assert_eq!(notes(Cell::Date(date(2025, 9, 1))), ["Seen last on 2025-09-01.", "Always."]);
    assert_eq!(notes(Cell::Null), ["Always."]);
}

#[test]
fn one_thing_is_not_plural() {
    let (query, metrics) = setting();
    let rendered = render(
        &query,
        &metrics,
        &result(&query, vec![row("A", "1", Cell::Null, Cell::Null)]),
        &TimeZone::UTC,
    );
    assert!(rendered.headline.contains("1 search term in"), "{}", rendered.headline);
}

/// `metrics.md` rule 7.
#[test]
fn changes_of_rates_are_told_in_points_and_others_in_percent() {
    let file = FILE
        .replace("  - {name: metric_id", "  - {name: change, type: fraction, when_null: \"nothing to compare\"}\n  - {name: change_pp, type: pp, hidden: true}\n  - {name: metric_id")
        .replace("'ctr' as metric_id", "1 as change, 1 as change_pp, 'ctr' as metric_id")
        .replace("last {last_on|date}\"", "change {change|change}\"");
    let (metrics, faults) = Metrics::read(
        "m",
        "- {id: ctr, name: Click rate, category: traffic, type: ratio, numerator: clicks, denominator: impressions, unit: f, format: pct2, direction: up}
- {id: cpc, name: Click cost, category: traffic, type: ratio, numerator: cost, denominator: clicks, unit: money, format: usd2, direction: down}",
    );
    assert_eq!(faults, vec![]);
    let metrics = Arc::new(metrics);
    let (read, faults) = front::read("queries/spend_waste/waste.sql", &file, &metrics);
    assert_eq!(faults, vec![]);
    let query = read.unwrap().query;
    let decimal = |text: &str| Cell::Decimal(text.parse().unwrap());
    let row = |points: Cell, metric: &str| {
        let mut cells = row("Harvest", "980.5", decimal("0.0379"), Cell::Null);
        cells.splice(5.., [decimal("0.27"), points, Cell::Text(metric.into())]);
        cells
    };
    let rows = vec![row(decimal("0.0018"), "ctr"), row(Cell::Null, "ctr"), row(Cell::Null, "cpc")];
    let told = render(&query, &metrics, &result(&query, rows), &TimeZone::UTC).rows;
    let changes: Vec<&str> = told.iter().filter_map(|row| Some(row.rsplit_once("change ")?.1)).collect();
    assert_eq!(changes, ["+0.18 pp", "nothing to compare", "+27.0%"]);
}
