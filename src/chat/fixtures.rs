//! A result to test with: three campaigns of an invented shop.
use crate::catalogue::{Cell, Chart, Column, ColumnType, Param, ParamType, QueryResult};
use crate::ids::RunId;
use crate::period::Window;
use jiff::civil::date;
use rust_decimal::Decimal;
use serde_json::{Map, json};
use std::collections::BTreeMap;

pub fn column(name: &str, kind: ColumnType) -> Column {
    Column {
        name: name.into(),
        kind,
        label: None,
        unit: None,
        when_null: None,
        entity: kind == ColumnType::Text,
        pii: None,
        hidden: false,
        few: None,
    }
}

pub fn money(text: &str) -> Cell {
    Cell::Decimal(text.parse().unwrap())
}

/// cost 1180.00 = 640.50 + 420.00 + 119.50; ctr as a fraction; one null.
pub fn waste() -> QueryResult {
    let row = |name: &str, cost: &str, clicks: i64, ctr: Option<&str>, roas: &str| {
        vec![
            Cell::Text(name.into()),
            money(cost),
            Cell::Int(clicks),
            ctr.map_or(Cell::Null, money),
            money(roas),
        ]
    };
    QueryResult {
        run_id: RunId(uuid::Uuid::from_u128(7)),
        query: "wasted_spend".into(),
        version: 1,
        title: "Spend without conversions".into(),
        params: json!({"min_spend": "100", "limit": 10}).as_object().unwrap().clone(),
        window: Window::new(date(2025, 8, 18), date(2025, 9, 16)),
        compare: None,
        partial: false,
        as_of: "2025-09-17T08:00:00Z".parse().unwrap(),
        currency: "CHF".into(),
        columns: vec![
            column("campaign", ColumnType::Text),
            column("cost", ColumnType::Money),
            column("clicks", ColumnType::Count),
            column("ctr", ColumnType::Fraction),
            column("roas", ColumnType::Ratio),
        ],
        rows: vec![
            row("Harvest Sale 2025", "640.50", 1311, Some("0.0392"), "0.42"),
            row("Trail Shoes", "420.00", 800, Some("-0.125"), "1.25"),
            row("Brand 24/7", "119.50", 95, None, "3.2"),
        ],
        totals: BTreeMap::from([
            ("cost".into(), Cell::Decimal(Decimal::new(118_000, 2))),
            ("clicks".into(), Cell::Int(2206)),
        ]),
        total_rows: 3,
        truncated: false,
        freshness: Vec::new(),
        snapshot_id: "s".into(),
        cache_hit: false,
        elapsed_ms: 4,
        notes: vec!["Conversions may arrive 14 days late.".into()],
        rules: Vec::new(),
        chart: Chart { kind: "bar".into(), parts: BTreeMap::new() },
    }
}

/// The parameters of the fixture's query: a floor of 100 in money, a limit of 20.
pub fn params() -> Vec<Param> {
    let param = |name: &str, kind: ParamType, default: i64| Param {
        name: name.into(),
        kind,
        required: false,
        expected: false,
        default: Some(json!(default)),
        min: None,
        max: None,
        description: None,
    };
    vec![
        param("min_spend", ParamType::Money, 100),
        param("limit", ParamType::Integer, 20),
        param("campaign", ParamType::Entity("campaign".into()), 0),
        param("about", ParamType::Text, 0),
    ]
}

/// Arguments from JSON.
pub fn arguments(value: serde_json::Value) -> Map<String, serde_json::Value> {
    value.as_object().unwrap().clone()
}
