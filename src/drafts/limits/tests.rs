use super::*;
use crate::drafts::words::dec;
use serde_json::json;

#[test]
fn settings_override_defaults_and_foreign_keys_are_left_alone() {
    let rows =
        [("min_mer", json!(2.5)), ("lead_value", json!({"amount": "10"})), ("brand_terms", json!(["acme"]))];
    let limits = Limits::read(rows.map(|(k, v)| (k.to_owned(), v))).unwrap();
    assert_eq!((limits.min_mer, limits.brand_terms.as_slice()), (dec("2.5"), &["acme".to_owned()][..]));
    assert_eq!(limits.pause_min_spend, dec("100"));
}

#[test]
fn a_setting_of_the_wrong_type_is_not_guessed() {
    assert!(Limits::read([("allow_self_approval".to_owned(), json!("perhaps"))]).is_err());
}
