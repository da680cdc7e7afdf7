use super::*;

fn read(kind: &str, instruction: &str) -> Option<String> {
    instructed(kind, "EUR", instruction).unwrap().map(|changes| json!(changes).to_string())
}

#[test]
fn a_figure_with_nothing_unknown_beside_it_is_a_change() {
    for (kind, instruction, change) in [
        ("increase_budget", "only by 10 %", r#"{"pct":10}"#),
        ("increase_budget", "make it 12.5 percent instead, please", r#"{"pct":12.5}"#),
        ("increase_budget", "raise the daily budget to 60", r#"{"new_daily_budget":"60"}"#),
        ("increase_budget", "EUR 60", r#"{"new_daily_budget":"60"}"#),
        ("increase_budget", "60 a day", r#"{"new_daily_budget":"60"}"#),
        ("decrease_budget", "cut it by 15%", r#"{"pct":15}"#),
        ("decrease_budget", "€1,200.50 per day", r#"{"new_daily_budget":"1200.5"}"#),
        ("reallocate_budget", "just move 40 a day", r#"{"amount_per_day":"40"}"#),
        ("reallocate_budget", "5 % only", r#"{"pct":5}"#),
        ("resume_campaign", "with a daily budget of 20 eur", r#"{"new_daily_budget":"20"}"#),
    ] {
        assert_eq!(read(kind, instruction).as_deref(), Some(change), "{kind}: {instruction}");
    }
}

#[test]
fn what_may_mean_something_else_is_not_understood() {
    for (kind, instruction) in [
        ("decrease_budget", "cut 15 a day"),
        ("decrease_budget", "cut €15"),
        ("increase_budget", "raise it €60"),
        ("increase_budget", "raise 60 a day"),
        ("increase_budget", "+60 a day"),
        ("increase_budget", "60+ a day"),
        ("increase_budget", "~60 a day"),
        ("increase_budget", "< 60 a day"),
        ("increase_budget", "60 a day?"),
        ("increase_budget", "should it be 60 a day"),
        ("increase_budget", "60 only this day"),
        ("increase_budget", "10 % each day"),
        ("increase_budget", "use a new campaign at 60 a day"),
        ("increase_budget", "set the budget to 120 %"),
        ("increase_budget", "€1.200 a day"),
        ("increase_budget", "10 % on weekdays"),
        ("increase_budget", "not more than 10 %"),
        ("increase_budget", "cut it by 10 %"),
        ("increase_budget", "raise it to 10 %"),
        ("increase_budget", "by 10"),
        ("increase_budget", "make it 15"),
        ("increase_budget", "10 % or 15 %"),
        ("increase_budget", "USD 60"),
        ("increase_budget", "0 %"),
        ("increase_budget", "2x"),
        ("increase_budget", "make it nicer"),
        ("increase_budget", "only"),
        ("resume_campaign", "10 %"),
        ("pause_campaign", "10 %"),
        ("ad", "60 a day"),
        ("unheard_of", "10 %"),
    ] {
        assert_eq!(read(kind, instruction), None, "{kind}: {instruction}");
    }
}

/// A field that an instruction sets can be edited.
#[test]
fn every_field_is_one_that_its_type_lets_people_edit() {
    let drafting = Drafting::embedded().unwrap();
    for figures in &drafting.edit.figures {
        for kind in &figures.types {
            let editable = &crate::drafts::action::actions().unwrap().named(kind).unwrap().file.editable;
            for field in figures.percent.iter().chain(&figures.amount) {
                assert!(editable.contains(field), "{kind}: {field}");
            }
        }
    }
}
