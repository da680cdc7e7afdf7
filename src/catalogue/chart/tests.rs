use super::*;
use serde_json::json;

fn column(name: &str, kind: ColumnType) -> Column {
    let label = None;
    Column {
        name: name.into(),
        kind,
        label,
        unit: None,
        when_null: None,
        entity: false,
        pii: None,
        hidden: false,
        few: None,
    }
}

fn draw(declared: Value, columns: &[Column], rows: Value) -> Option<Chart> {
    let rows: Vec<Vec<Cell>> = serde_json::from_value(rows).unwrap();
    definition("T", &serde_json::from_value(declared).unwrap(), columns, &rows, "CHF".parse().ok())
}

#[test]
fn bars_are_sorted_as_the_file_says_and_compared() {
    let columns = [
        column("campaign", ColumnType::Text),
        column("cost", ColumnType::Money),
        column("before", ColumnType::Money),
    ];
    let declared = json!({"kind": "bar", "x": "campaign", "y": "cost", "compare": "before", "sort": "desc"});
    let chart = draw(declared, &columns, json!([["a", "10", "5"], ["b", "30.5", null]])).unwrap();
    assert_eq!(chart.unit, Unit::Money("CHF ".into()));
    let Shape::Bar { x, series, .. } = chart.shape else { panic!("no bars") };
    assert_eq!(x, ["b", "a"]);
    assert_eq!(series[0].values, [Some(30.5), Some(10.0)]);
    assert_eq!((series[1].name.as_str(), &series[1].values), ("Before", &vec![None, Some(5.0)]));
}

#[test]
fn names_of_a_column_become_lines_and_gaps_stay_gaps() {
    let columns = [
        column("day", ColumnType::Date),
        column("rate", ColumnType::Fraction),
        column("split", ColumnType::Text),
    ];
    let declared = json!({"kind": "line", "x": "day", "y": "rate", "series": "split"});
    let rows = json!([
        ["2025-09-01", "0.1", "mobile"],
        ["2025-09-02", "0.2", "mobile"],
        ["2025-09-02", "0.3", "desktop"]
    ]);
    let Shape::Line { x, series, .. } = draw(declared, &columns, rows).unwrap().shape else {
        panic!("no lines")
    };
    assert_eq!(x, ["2025-09-01", "2025-09-02"]);
    assert_eq!(series[1].values, [None, Some(0.3)]);
}

#[test]
fn totals_of_a_waterfall_stand_only_where_they_add_up() {
    let columns = ["group", "total", "start", "end"]
        .map(|name| column(name, if name == "group" { ColumnType::Text } else { ColumnType::Number }));
    let declared =
        json!({"kind": "waterfall", "label": "group", "delta": "total", "start": "start", "end": "end"});
    let ends = |end: &str| {
        let rows = json!([["a", "5", "100", end], ["b", "-2", "100", end]]);
        let Shape::Waterfall { start, ends, .. } = draw(declared.clone(), &columns, rows).unwrap().shape
        else {
            panic!("no waterfall")
        };
        (start, ends)
    };
    assert_eq!(ends("103"), (Some(100.0), true));
    assert_eq!(ends("104"), (None, false));
}

#[test]
fn counts_that_rise_again_are_no_funnel() {
    let columns = [column("step", ColumnType::Text), column("n", ColumnType::Count)];
    let shape =
        |rows| draw(json!({"kind": "funnel", "step": "step", "y": "n"}), &columns, rows).unwrap().shape;
    assert!(matches!(shape(json!([["a", 9], ["b", 3]])), Shape::Funnel { .. }));
    assert!(matches!(shape(json!([["a", 3], ["b", 9]])), Shape::Bar { .. }));
}

#[test]
fn tables_and_empty_results_are_not_drawn() {
    let columns = [column("a", ColumnType::Text), column("b", ColumnType::Count)];
    assert_eq!(draw(json!({"kind": "table"}), &columns, json!([["x", 1]])), None);
    assert_eq!(draw(json!({"kind": "bar", "x": "a", "y": "b"}), &columns, json!([])), None);
    assert_eq!(draw(json!({"kind": "bar", "x": "a", "y": "gone"}), &columns, json!([["x", 1]])), None);
}
