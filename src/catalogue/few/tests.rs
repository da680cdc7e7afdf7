use super::super::front;
use super::super::render::{render, table};
use super::super::result::Cell;
use super::*;
use crate::ids::RunId;
use jiff::tz::TimeZone;
use std::sync::Arc;

const METRICS: &str = "
- {id: cvr_click, name: Conversion rate, category: traffic, type: ratio, numerator: conversions, denominator: clicks, unit: f, format: pct1, direction: up, min_n: {column: clicks, at_least: 100}}
- {id: cpa, name: Cost per conversion, category: financial, type: ratio, numerator: cost, denominator: conversions, unit: m, format: usd2, direction: down, min_n: {column: conversions, at_least: 10}}
- {id: roas, name: Return, category: financial, type: ratio, numerator: revenue, denominator: cost, unit: r, format: x2, direction: up, min_n: {column: cost, at_least: 100}}
";

const FILE: &str = r#"/*---
name: small
version: 1
title: Small
description: Ratios over little.
group: spend_waste
personas: [cmo]
modules: []
metrics: [cvr_click, cpa, roas]
sources: [daily_metrics]
params: {}
columns:
  - {name: channel, type: text, entity: true}
  - {name: clicks, type: count}
  - {name: conversions, type: count}
  - {name: cost, type: money}
  - {name: cvr, type: fraction}
  - {name: cpa, type: money}
  - {name: roas, type: ratio}
totals: [cost, clicks, conversions, {name: cvr, ratio: [conversions, clicks]}]
keywords: [a, b, c]
examples: [a a, b b, c c]
negatives: []
chart: {kind: table}
answer:
  headline: "{total.cvr|pct1} of all; {first.channel}: {first.clicks|int} clicks, {first.cvr|pct1}"
  row: "{channel}: {cvr|pct1}, {cpa|money} each, {roas|x2}, again {cvr|pct1}"
  empty: "Nothing."
  notes: []
follow_ups: []
drafts: []
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 50}
cache_s: 0
test: {fixture: shop, expect: {rows: 1}}
---*/
select 'a' as channel, 1 as clicks, 1 as conversions, 1 as cost, 1 as cvr, 1 as cpa, 1 as roas order by 1
"#;

fn row(channel: &str, figures: [&str; 6]) -> Vec<Cell> {
    let cells = figures.iter().map(|text| text.parse().map_or(Cell::Null, Cell::Decimal));
    std::iter::once(Cell::Text(channel.to_owned())).chain(cells).collect()
}

#[test]
fn ratios_over_little_are_labelled_with_what_there_is() {
    let (metrics, faults) = Metrics::read("m", METRICS);
    assert_eq!(faults, vec![]);
    let metrics = Arc::new(metrics);
    let (read, faults) = front::read("queries/spend_waste/small.sql", FILE, &metrics);
    assert_eq!(faults, vec![]);
    let query = read.unwrap().query;
    let rows = vec![
        row("paid_search", ["7", "1", "40", "0.142857", "40", "2"]),
        row("email", ["5000", "80", "900", "0.016", "11.25", "4"]),
        row("direct", ["0", "0", "120", "", "", "0"]),
    ];
    let totals = [("clicks", "5007"), ("conversions", "81"), ("cvr", "0.0162")]
        .map(|(name, value)| (name.to_owned(), Cell::Decimal(value.parse().unwrap())));
    let found = QueryResult {
        run_id: RunId(uuid::Uuid::nil()),
        query: query.name.clone(),
        version: 1,
        title: query.title.clone(),
        params: serde_json::Map::new(),
        window: None,
        compare: None,
        partial: false,
        as_of: "2025-09-17T09:00:00Z".parse().unwrap(),
        currency: "EUR".into(),
        columns: query.columns.clone(),
        total_rows: 3,
        rows,
        totals: totals.into_iter().collect(),
        truncated: false,
        freshness: vec![],
        snapshot_id: "s".into(),
        cache_hit: false,
        elapsed_ms: 1,
        notes: vec![],
        rules: vec![],
        chart: query.chart.clone(),
    };
    let told = render(&query, &metrics, &found, &TimeZone::UTC);
    // The line that tells the clicks anyway does not tell them twice; a total over enough needs no label.
    assert_eq!(told.headline, "1.6% of all; paid search: 7 clicks, 14.3% (few data)");
    assert_eq!(
        told.rows,
        [
            "paid search: 14.3% (few data: 7 clicks), €40.00 (few data: 1 conversion) each, 2.00x (few data: €40.00 spent), again 14.3%",
            "email: 1.6%, €11.25 each, 4.00x, again 1.6%",
            "direct: no value, no value each, 0.00x, again no value",
        ]
    );
    // The table says it as well.
    insta::assert_snapshot!(table(&metrics, &found, 10, &TimeZone::UTC), @"
    Channel      Clicks  Conversions     Cost               Cvr                Cpa              Roas
    ───────────  ──────  ───────────  ───────  ────────────────  ─────────────────  ────────────────
    paid search       7            1   €40.00  14.3% (few data)  €40.00 (few data)  2.00x (few data)
    email         5,000           80  €900.00              1.6%             €11.25             4.00x
    direct            0            0  €120.00                 –                  –             0.00x
    ");
    assert_eq!(in_row(&found, 0).len(), 3);
    assert_eq!(in_row(&found, 1).len() + in_row(&found, 2).len(), 0);
}
