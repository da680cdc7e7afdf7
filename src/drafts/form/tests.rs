use super::*;
use crate::drafts::action::actions;

fn action(name: &str) -> &'static Action {
    actions().unwrap().named(name).unwrap()
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn filled(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

#[test]
fn every_editable_field_of_every_action_has_an_input() {
    for action in actions().unwrap().iter() {
        let fields = fields(action, &Map::new());
        let names: Vec<&String> = fields.iter().map(|f| &f.name).collect();
        assert_eq!(names, action.file.editable.iter().collect::<Vec<_>>(), "{}", action.kind());
    }
}

#[test]
fn what_is_shown_is_read_back_as_the_same_value() {
    let samples = [
        ("increase_budget", json!({"new_daily_budget": "60.50", "pct": 12.5, "reason": "ROAS 4.3 at 97 %."})),
        ("reallocate_budget", json!({"restore_at_end": true, "end_date": "2025-10-01"})),
        (
            "add_negative_keyword",
            json!({"keywords": [{"text": "free | cheap", "match_type": "PHRASE"}, {"text": "jobs"}]}),
        ),
        (
            "ad",
            json!({"headlines": [{"text": "Compare", "pin": "HEADLINE_1"}], "primary_texts": ["One", "Two"]}),
        ),
        (
            "generate_content_brief",
            json!({"word_range": [900, 1400], "outline": [{"heading": "Why", "points": ["a", "b"]}, {"heading": "How", "points": ["c"]}]}),
        ),
        ("retargeting_audience", json!({"method": "list", "membership_days": 30})),
    ];
    for (kind, args) in samples {
        let args = object(args);
        let action = action(kind);
        for field in fields(action, &args).iter().filter(|f| !f.value.is_empty()) {
            let empty = Field { value: String::new(), ..field.clone() };
            let again = changes(action, &[empty], &filled(&[(&field.name, &field.value)])).unwrap();
            assert_eq!(again[&field.name], args[&field.name], "{kind} {}", field.name);
        }
    }
}

#[test]
fn only_what_differs_is_a_change_and_an_emptied_field_is_taken_out() {
    let action = action("increase_budget");
    let shown = fields(action, &object(json!({"new_daily_budget": "60", "cap": "120"})));
    let given = filled(&[("new_daily_budget", " 60 "), ("cap", ""), ("pct", ""), ("campaign", "Other")]);
    assert_eq!(changes(action, &shown, &given).unwrap(), object(json!({"cap": null})));
}

#[test]
fn a_fault_names_its_field() {
    let action = action("increase_budget");
    let shown = fields(action, &Map::new());
    for text in ["sixty", "-5", "6e3", "60 EUR"] {
        let error = changes(action, &shown, &filled(&[("new_daily_budget", text)])).unwrap_err();
        let refusal = error.refusal().unwrap();
        assert_eq!(refusal.pointer.as_deref(), Some("/new_daily_budget"), "{text}");
        assert_eq!(refusal.message, "Write an amount such as 60 or 60.50.");
    }
    assert_eq!(field_of_pointer("/changes/pct"), "pct");
    assert_eq!(field_of_pointer("/keywords/0/text"), "keywords");
    assert_eq!(field_of_pointer(""), "");
}

#[test]
fn an_assignment_is_found_by_name_or_label() {
    let action = action("increase_budget");
    let found = assignment(action, "New daily budget", "60").unwrap().unwrap();
    assert_eq!(found, ("new_daily_budget".to_owned(), json!("60")));
    assert!(assignment(action, "campaign", "Other").is_none(), "not editable");
    assert!(assignment(action, "pct", "a lot").unwrap().is_err());
}
