use super::*;
use crate::catalogue::ColumnType;
use crate::clock::ManualClock;
use serde_json::json;

fn completed(call: &str, tool: &str, params: Value) -> TurnEventKind {
    let clock = ManualClock::at("2025-09-17T09:00:00Z".parse().unwrap());
    TurnEventKind::ToolCompleted {
        call_id: call.to_owned(),
        tool: tool.to_owned(),
        run_id: Some(RunId::new(&*clock)),
        params: params.as_object().unwrap().clone(),
        columns: Vec::new(),
        rows_shown: 1,
        rows_total: 1,
        window: None,
        freshness: Vec::new(),
        elapsed_ms: 1,
        truncated: false,
        notes: Vec::new(),
    }
}

#[test]
fn sources_stand_in_the_order_in_which_they_were_asked() {
    let catalogue = Catalogue::load(None).unwrap();
    let mut sources = Sources::default();
    for call in ["one", "two"] {
        let (call_id, tool) = (call.to_owned(), "wasted_spend".to_owned());
        let started = TurnEventKind::ToolStarted { call_id, tool, params: Map::new() };
        sources.hear(&started, &catalogue);
    }
    sources.hear(&completed("two", "cpa_spikes", json!({})), &catalogue);
    sources.hear(&completed("one", "wasted_spend", json!({})), &catalogue);
    let queries: Vec<String> = sources.all().into_iter().map(|(_, source)| source.query).collect();
    assert_eq!(queries, ["wasted_spend", "cpa_spikes"]);
}

fn titles(events: &[TurnEventKind]) -> Vec<String> {
    let catalogue = Catalogue::load(None).unwrap();
    let mut sources = Sources::default();
    events.iter().for_each(|event| sources.hear(event, &catalogue));
    sources.all().into_iter().map(|(_, source)| source.title).collect()
}

#[test]
fn queries_of_one_title_are_told_apart_and_the_same_one_is_named_once() {
    let by = |level: &str| completed(level, "wasted_spend", json!({"window": "last_30d", "level": level}));
    assert_eq!(titles(&[by("campaign"), by("campaign")]), ["Spend without conversions"]);
    assert_eq!(
        titles(&[by("campaign"), by("search_term"), completed("x", "cpa_spikes", json!({}))]),
        [
            "Spend without conversions: campaign",
            "Spend without conversions: search term",
            "Jumps of cost per conversion"
        ]
    );
    let odd = |n: i64| completed("odd", "wasted_spend", json!({"window": {"days": n}}));
    assert_eq!(titles(&[odd(7), odd(30)]), ["Spend without conversions", "Spend without conversions (2)"]);
}

#[test]
fn only_a_campaign_that_costs_without_use_is_offered() {
    let column = |name: &str| -> Column {
        serde_json::from_value(json!({"name": name, "type": ColumnType::Text})).unwrap()
    };
    let columns = [column("cost"), column("entity")];
    let rows = json!([["900.00", "Prospecting cold"], ["10.00", "Other"]]);
    let found = |query: &str, params: Value, rows: &Value| {
        idle_campaign(query, params.as_object().unwrap(), &columns, rows)
    };
    assert_eq!(found("wasted_spend", json!({}), &rows).as_deref(), Some("Prospecting cold"));
    assert!(found("wasted_spend", json!({"level": "creative"}), &rows).is_none());
    assert!(found("campaign_leaderboard", json!({}), &rows).is_none());
    assert!(found("wasted_spend", json!({}), &json!([])).is_none());
    assert!(found("wasted_spend", json!({}), &json!([["900.00", null]])).is_none());
}
