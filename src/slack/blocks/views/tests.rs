use super::*;

const OF: Subject<'static> =
    Subject { number: 12, revision: 2, title: "Raise the budget of <!channel>", token: "t0ken" };

fn field(name: &str, value: &str, input: Input) -> Field {
    Field { name: name.to_owned(), label: name.to_owned(), hint: None, value: value.to_owned(), input }
}

fn fields() -> Vec<Field> {
    vec![
        field("new_daily_budget", "60", Input::Line),
        field("reason", "ROAS 4.3", Input::Text),
        field("reason_code", "low_roas", Input::Choice(vec!["low_roas".to_owned(), "seasonal".to_owned()])),
        field("restore_at_end", "", Input::YesNo),
        field("keywords", &"x".repeat(3_001), Input::Lines),
    ]
}

fn inputs(view: &Value) -> Vec<&Value> {
    view["blocks"].as_array().unwrap().iter().filter(|b| b["type"] == "input").collect()
}

#[test]
fn an_edit_view_has_one_input_a_field_with_what_stands_there() {
    let view = edit(&OF, &fields(), None);
    assert_eq!(view["private_metadata"], "t0ken");
    assert_eq!(view["title"]["text"], "Edit draft 12");
    let inputs = inputs(&view);
    let ids: Vec<&str> = inputs.iter().map(|b| b["block_id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["r2.new_daily_budget", "r2.reason", "r2.reason_code", "r2.restore_at_end"]);
    assert_eq!(inputs[0]["element"]["initial_value"], "60");
    assert_eq!(inputs[0]["element"]["max_length"], 3_000);
    assert_eq!(inputs[2]["element"]["initial_option"]["value"], "low_roas");
    assert_eq!(inputs[3]["element"].get("initial_option"), None);
    assert!(view.to_string().contains("keywords is too long to be edited here"));
    assert!(!view.to_string().contains("<!channel>"));
}

#[test]
fn a_newer_revision_is_shown_in_blocks_of_its_own_beside_what_was_written() {
    let mine = BTreeMap::from([("new_daily_budget".to_owned(), "70 <@U0>".to_owned())]);
    let newer = edit(&Subject { revision: 3, ..OF }, &fields(), Some(&mine));
    assert_eq!(inputs(&newer)[0]["block_id"], "r3.new_daily_budget");
    assert_eq!(inputs(&newer)[0]["element"]["initial_value"], "60");
    let text = newer.to_string();
    assert!(text.contains("newer revision") && text.contains("You wrote: 70 &lt;@U0&gt;"), "{text}");
}

#[test]
fn what_was_filled_in_is_read_whatever_the_element_is() {
    let values = json!({
        "r2.new_daily_budget": {"value": {"type": "plain_text_input", "value": "70"}},
        "r2.cap": {"value": {"type": "plain_text_input", "value": null}},
        "category": {"value": {"type": "static_select", "selected_option": {"value": "bad_timing"}}},
        "to": {"value": {"type": "users_select", "selected_user": "U0SOFIA"}},
        "strange": {"other": {"value": "1"}},
    });
    let all = filled(&values);
    assert_eq!(all["category"], "bad_timing");
    assert_eq!(all["to"], "U0SOFIA");
    assert_eq!(all.get("strange"), None);
    let fields = filled_fields(&values);
    assert_eq!(fields["new_daily_budget"], "70");
    assert_eq!(fields["cap"], "");
}

#[test]
fn titles_are_short_enough_whatever_the_number() {
    let of = Subject { number: 123_456_789_012, ..OF };
    for view in [edit(&of, &[], None), reject(&of), ask(&of), hand_over(&of), applied(&of)] {
        assert!(view["title"]["text"].as_str().unwrap().chars().count() <= 24, "{}", view["title"]);
        assert!(view["private_metadata"].as_str().unwrap().len() <= 3_000);
    }
}
