use super::*;
use serde_json::json;

#[test]
fn one_row_in_a_hundred_may_lack_a_required_field() {
    let mut seen = Seen::default();
    for n in 0..100 {
        seen.row(if n == 0 { Err(Missing("date".to_owned())) } else { Ok(()) });
    }
    assert_eq!(seen.breaking(), None);
    seen.row::<()>(Err(Missing("date".to_owned())));
    assert_eq!(seen.breaking(), Some(("date", 2)));
}

#[test]
fn what_nobody_knows_is_kept_and_noted() {
    let mut seen = Seen::default();
    let object = json!({"a": 1, "b": {"c": 2}});
    let extra = seen.unknown(object.as_object().unwrap(), &["a"], "results.");
    assert_eq!(Value::Object(extra), json!({"b": {"c": 2}}));
    assert_eq!(seen.findings(), [("schema.new_field", "results.b".to_owned(), 1)]);
}

#[test]
fn a_body_that_ends_in_the_middle_is_told_from_one_that_is_something_else() {
    assert_eq!(json(b"{\"results\": [{\"a\""), Err(Unreadable::Truncated));
    assert_eq!(json(b""), Err(Unreadable::Truncated));
    assert_eq!(json(b"<html>"), Err(Unreadable::Not("JSON".to_owned())));
}

#[test]
fn numbers_are_read_exactly_in_every_spelling() {
    let of = |value: Value| number(Some(&value)).map(|n| n.to_string());
    assert_eq!(of(json!("15.30")).as_deref(), Some("15.30"));
    assert_eq!(of(json!(1e3)).as_deref(), Some("1000.0"));
    assert_eq!(of(json!(0.1)).as_deref(), Some("0.1"));
    assert_eq!((of(json!("-")), of(json!(null)), of(json!(true))), (None, None, None));
    assert_eq!(count(Some(&json!("9007199254740993"))), Some(9_007_199_254_740_993));
    assert_eq!((count(Some(&json!(1.5))), count(Some(&json!(-1)))), (None, None));
}
