use super::*;
use serde_json::json;

fn started(tool: &str, params: Value) -> TurnEventKind {
    let params = params.as_object().cloned().unwrap_or_default();
    TurnEventKind::ToolStarted { call_id: "1".to_owned(), tool: tool.to_owned(), params }
}

#[test]
fn a_line_says_what_is_read() {
    let catalogue = Catalogue::load(None).unwrap();
    let today = jiff::civil::date(2025, 9, 17);
    let said = |kind| line(&kind, &catalogue, today).unwrap_or_default();
    let window =
        |start: &str, end: &str| json!({"window": {"start": start, "end": end}, "campaign": "<!channel>"});
    assert_eq!(
        said(started("wasted_spend", window("2025-08-18", "2025-09-16"))),
        "Reading spend without conversions for the last 30 days…"
    );
    assert_eq!(
        said(started("wasted_spend", window("2025-09-16", "2025-09-16"))),
        "Reading spend without conversions for yesterday…"
    );
    let other = said(started("wasted_spend", window("2025-06-01", "2025-06-30")));
    assert!(
        other.starts_with("Reading spend without conversions for ") && !other.contains("last"),
        "{other}"
    );
    assert_eq!(said(started("calculate", json!({}))), "Calculating…");
    assert_eq!(said(started("pause_campaign", json!({}))), "Preparing a draft…");
    for query in catalogue.queries.keys() {
        let line = said(started(query, window("2025-08-18", "2025-09-16")));
        assert!(line.chars().count() <= 100, "{line}");
    }
}
