use super::*;
use serde_json::json;

fn hook(name: &str, rows: Vec<Row>, params: Value) -> Vec<Row> {
    let metrics = Metrics::read("m", "
- {id: roas, name: Return on ad spend, category: financial, type: ratio, numerator: revenue - refund, denominator: cost, unit: ratio, format: x2, direction: up, target: 3.5, owner: CMO, description: What came back.}
").0;
    let params = params.as_object().cloned().unwrap();
    run(name, &Inputs { rows, params: &params, metrics: &metrics }).unwrap()
}

fn arm(name: &str, control: bool, weight: i64, users: i64, conversions: i64) -> Row {
    row([
        ("variant", text(name)),
        ("is_control", Cell::Bool(control)),
        ("weight", Cell::Int(weight)),
        ("users", Cell::Int(users)),
        ("conversions", Cell::Int(conversions)),
    ])
}

#[test]
fn a_metric_is_explained_with_the_organisations_target() {
    let own = row([("metric", text("roas")), ("target", Cell::Int(4))]);
    let rows = hook("metric_lookup", vec![own], json!({"q": "how is roas calculated"}));
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["formula"], text("Σ (revenue − refund) / Σ cost"));
    assert_eq!(rows[0]["target"], text("4"));
    assert!(hook("metric_lookup", vec![], json!({"q": "zebra"})).is_empty());
}

#[test]
fn a_plan_of_the_worked_table() {
    let rows = hook("experiment_power", vec![], json!({"baseline": 0.02, "mde": 0.1, "daily_users": 12000}));
    assert_eq!(rows[0]["total"], Cell::Int(161_364));
    assert_eq!(rows[0]["days"], Cell::Int(14));
}

#[test]
fn results_say_significant_void_or_too_small() {
    let verdicts = |rows: Vec<Row>| -> Vec<Cell> {
        hook("experiment_result", rows, json!({})).iter().map(|r| r["verdict"].clone()).collect()
    };
    let ab = vec![arm("A", true, 1, 20_000, 400), arm("B", false, 1, 20_000, 460)];
    assert_eq!(verdicts(ab), [text("control"), text("significant: better than control")]);
    let broken = vec![arm("A", true, 1, 49_350, 400), arm("B", false, 1, 50_650, 460)];
    assert!(verdicts(broken).iter().all(|v| matches!(v, Cell::Text(t) if t.starts_with("void"))));
    let mut early = vec![arm("A", true, 1, 2000, 40), arm("B", false, 1, 2000, 44)];
    for r in &mut early {
        r.insert("planned".into(), Cell::Int(160_000));
    }
    assert_eq!(verdicts(early)[1], text("too small to tell"));
    let none = vec![arm("A", true, 1, 0, 0), arm("B", false, 1, 0, 0)];
    assert_eq!(verdicts(none)[1], text("too small to tell"));
}
