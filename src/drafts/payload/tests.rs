use super::*;
use proptest::prelude::*;

#[test]
fn the_hash_does_not_depend_on_the_order_of_keys_but_on_every_value() {
    let hash =
        |payload: Value, before: Value| payload_hash("t", "p", None, &payload, &before, &json!([])).unwrap();
    let one = hash(json!({"a": "1", "b": 2.5}), json!({"x": true}));
    assert_eq!(one, hash(serde_json::from_str(r#"{"b":2.5,"a":"1"}"#).unwrap(), json!({"x": true})));
    assert_ne!(one, hash(json!({"a": "1", "b": 2.5}), json!({"x": false})));
    assert_ne!(one, hash(json!({"a": "2", "b": 2.5}), json!({"x": true})));
}

#[test]
fn a_hash_reads_back_from_its_text_and_refuses_anything_else() {
    let hash = Hash::of(&json!({})).unwrap();
    assert_eq!(hash.to_string(), "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    assert_eq!(hash.to_string().parse::<Hash>().unwrap(), hash);
    assert!("44".parse::<Hash>().is_err());
    assert!("ä".repeat(32).parse::<Hash>().is_err());
}

#[test]
fn faults_are_named_at_their_pointer() {
    let schema = json!({"type": "object", "additionalProperties": false, "required": ["a"],
        "properties": {"a": {"enum": ["x", "y"]}, "list": {"type": "array", "items": {"maxLength": 2}}}});
    let validator = jsonschema::validator_for(&schema).unwrap();
    let fault = |value: Value| validate(&validator, &value).unwrap_err().refusal().cloned().unwrap();
    assert_eq!(fault(json!({})).pointer.as_deref(), Some("/a"));
    assert_eq!(fault(json!({"a": "x", "sql": 1})).pointer.as_deref(), Some("/sql"));
    assert_eq!(fault(json!({"a": "x", "list": ["ok", "long"]})).pointer.as_deref(), Some("/list/1"));
    let choice = fault(json!({"a": "z"}));
    assert_eq!((choice.message.as_str(), choice.allowed.len()), (r#""z" is not one of x, y."#, 2));
}

proptest! {
    #[test]
    fn any_flipped_bit_of_a_text_changes_the_hash(text in "[a-z]{1,40}", at in 0usize..40) {
        let mut other = text.clone().into_bytes();
        let at = at % other.len();
        other[at] ^= 1;
        let other = String::from_utf8(other).unwrap();
        prop_assert_ne!(Hash::of(&json!({"a": text})).unwrap(), Hash::of(&json!({"a": other})).unwrap());
    }
}
