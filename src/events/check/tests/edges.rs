//! JSON as nobody should write it.
use super::*;
use crate::events::canonical;
use crate::events::json::{self, Json};
use proptest::prelude::*;

fn raw(properties: &str) -> String {
    without(clicked(), "properties").to_string().replacen('{', &format!("{{\"properties\":{properties},"), 1)
}

fn code(raw: &str) -> Result<String, &'static str> {
    check(raw, 0, &rules()).map(|event| event.props).map_err(|rejection| rejection.code)
}

#[test]
fn of_a_key_that_stands_twice_the_last_counts() {
    let twice = raw(
        r#"{"campaign_id":"x","click_type":"banner","campaign_id":"5d0f7a52-6f0e-4a9b-8a43-0d3a5cf4b1aa","click_type":"cta"}"#,
    );
    assert!(code(&twice).unwrap().contains("cta"));
    let hidden = raw(
        r#"{"campaign_id":"5d0f7a52-6f0e-4a9b-8a43-0d3a5cf4b1aa","click_type":"cta","q":"x","q":"jane@example.org"}"#,
    );
    assert_eq!(code(&hidden), Err("event.pii_detected"));
    let escaped = raw(
        r#"{"campaign_id":"5d0f7a52-6f0e-4a9b-8a43-0d3a5cf4b1aa","click_type":"cta","q":"jane\u0040example.org"}"#,
    );
    assert_eq!(code(&escaped), Err("event.pii_detected"));
    let many: String = (0..5_000).map(|n| format!("\"k{}\":{n},", n % 40)).collect();
    let many = format!("{{{many}\"k0\":\"last\"}}");
    let Ok(Json::Map(entries)) = json::parse(&many) else { panic!("an object") };
    assert_eq!(entries.len(), 40);
    assert_eq!(entries.last().unwrap().1, Json::Text("last".into()));
}

#[test]
fn what_postgresql_cannot_store_is_refused() {
    let rest = r#""campaign_id":"5d0f7a52-6f0e-4a9b-8a43-0d3a5cf4b1aa","click_type":"cta""#;
    for bad in [
        r#""note":"a\u0000b""#,
        r#""note":"\ud800""#,
        r#""note":"\udc00\ud800""#,
        r#""no\u0000te":1"#,
        r#""note":{"a":["\ud83d"]}"#,
        r#""note":1e400"#,
        r#""note":1e-400"#,
        r#""note":[1e99999999999999999999]"#,
        r#""destination_url":"https://example.com/\u0000""#,
    ] {
        assert_eq!(code(&raw(&format!("{{{rest},{bad}}}"))), Err("event.property_type"), "{bad}");
    }
    let good = raw(&format!(r#"{{{rest},"note":"\ud83d\ude00 \u00e9 \\ \" \/ \n","n":1E2,"m":-0.0}}"#));
    let props = code(&good).unwrap();
    assert!(props.contains("😀 é"), "{props}");
    let parsed: Value = serde_json::from_str(&props).unwrap();
    assert_eq!((&parsed["n"], &parsed["note"]), (&json!(100.0), &json!("😀 é \\ \" / \n")));
    // In the envelope, each in its own way.
    for (field, expected) in [
        (r#""id":"\u0000""#, "event.id_invalid"),
        (r#""name":"a\u0000""#, "event.name_unknown"),
        (r#""source":"\u0000""#, "event.source_invalid"),
        (r#""channel":"\ud800""#, "event.channel_invalid"),
        (r#""actor":{"type":"user","id":"\u0000"}"#, "event.actor_invalid"),
        (r#""entity":{"type":"campaign","id":"a\u0000"}"#, "event.entity_invalid"),
        (r#""session":{"id":"\u0000"}"#, "event.session_invalid"),
    ] {
        let key = field.split('"').nth(1).unwrap();
        let item = without(clicked(), key).to_string().replacen('{', &format!("{{{field},"), 1);
        let rejection = check(&item, 0, &rules()).unwrap_err();
        assert_eq!(rejection.code, expected);
        assert!(!rejection.fragment.contains("\\u0000"), "{}", rejection.fragment);
    }
    let context =
        without(clicked(), "context").to_string().replacen('{', "{\"context\":{\"locale\":\"\\u0000\"},", 1);
    assert_eq!(check(&context, 0, &rules()).unwrap().context, "{}");
}

#[test]
fn numbers_of_any_size_are_read() {
    let rest = r#""campaign_id":"5d0f7a52-6f0e-4a9b-8a43-0d3a5cf4b1aa","click_type":"cta""#;
    for (written, outcome) in [
        ("1e2", Ok("100")),
        ("3.0", Ok("3.0")),
        ("1e400", Err("event.property_type")),
        ("99999999999999999999999999999", Err("event.property_range")),
        ("0.5", Err("event.property_type")),
        ("-0", Ok("-0")),
        ("-1e300", Err("event.property_negative")),
        ("01", Err("event.not_object")),
        ("NaN", Err("event.not_object")),
        ("+1", Err("event.not_object")),
        (".5", Err("event.not_object")),
    ] {
        let found = code(&raw(&format!("{{{rest},\"time_to_click_seconds\":{written}}}")));
        assert_eq!(found.as_ref().err().copied(), outcome.err(), "{written}");
    }
}

#[test]
fn a_sample_holds_no_number_that_postgresql_refuses_or_that_names_somebody() {
    for (field, kept) in [
        (r#""value":1e999999"#, r#""value":"[number out of range]""#),
        (r#""id":1e999999"#, r#""id":"[number out of range]""#),
        (r#""value":1e-999999"#, r#""value":"[number out of range]""#),
        (r#""value":1e400"#, r#""value":"[number out of range]""#),
        (r#""card_number":4242424242424242"#, r#""card_number":"[redacted:number]""#),
        (r#""value":-12"#, r#""value":-12"#),
    ] {
        let key = field.split('"').nth(1).unwrap();
        let item = without(purchased(), key).to_string().replacen('{', &format!("{{{field},"), 1);
        let rejection = check(&item, 0, &rules()).unwrap_err();
        assert!(rejection.fragment.contains(kept), "{field}: {}", rejection.fragment);
    }
    let nested = raw(r#"{"order_value":1e-999999,"time_to_click_seconds":[[1e999999]]}"#);
    let fragment = check(&nested, 0, &rules()).unwrap_err().fragment;
    assert!(!fragment.contains("999999"), "{fragment}");
}

#[test]
fn deep_nesting_ends() {
    for depth in [5, 60, 70, 30_000] {
        let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let found = code(&raw(&format!("{{\"a\":{nested}}}")));
        assert!(
            matches!(found, Err("event.property_missing" | "event.property_too_large")),
            "{depth}: {found:?}"
        );
    }
}

#[test]
fn the_hash_knows_content_not_spelling() {
    let hash = |raw: &str| check(raw, 0, &rules()).unwrap().payload_hash;
    let plain = hash(&purchased().to_string());
    let spelled =
        purchased().to_string().replace("59.99", "5.999e1").replace(',', " ,\n ").replace("EUR", "\\u0045UR");
    assert_eq!(hash(&spelled), plain);
    assert_ne!(hash(&purchased().to_string().replace("\"value\":59.99", "\"value\":59.98")), plain);
    let amount = |digits: &str| {
        hash(&purchased().to_string().replace("\"value\":59.99", &format!("\"value\":{digits}")))
    };
    assert_ne!(amount("123456789012.123456"), amount("123456789012.123457"), "a double holds neither");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,24}".prop_map(Value::from),
        proptest::sample::select(vec![
            "jane@example.org",
            "campaign_clicked",
            "mobile",
            "user",
            "EUR",
            "2026-01-25T09:30:12Z"
        ])
        .prop_map(Value::from),
    ];
    let key = prop_oneof![
        "[a-zé😀]{1,6}",
        proptest::sample::select(vec![
            "id",
            "name",
            "occurred_at",
            "source",
            "entity",
            "actor",
            "type",
            "value",
            "currency",
            "properties",
            "context",
        ])
        .prop_map(String::from),
    ];
    leaf.prop_recursive(4, 48, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::vec((key.clone(), inner), 0..8)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

/// The same document with its keys the other way round and blanks between its signs.
fn turned(value: &Value) -> String {
    match value {
        Value::Object(entries) => {
            let members: Vec<String> = entries
                .iter()
                .rev()
                .map(|(key, value)| format!(" {} :\t{}", json!(key), turned(value)))
                .collect();
            format!("{{{}\n}}", members.join(" ,"))
        }
        Value::Array(items) => format!("[ {}]", items.iter().map(turned).collect::<Vec<_>>().join(" , ")),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        let _ = check(&text, 0, &rules());
        let _ = check(&format!("{{{text}"), 0, &rules());
    }

    #[test]
    fn no_json_makes_it_panic(change in any_json(), properties in any_json()) {
        for (base, rules) in [(clicked(), rules()), (purchased(), Rules { pii: PiiMode::Scrub, ..rules() })] {
            let item = if change.is_object() { with(base, change.clone()) } else { with(base, json!({"context": change})) };
            for item in [with(item.clone(), json!({"properties": properties})), item] {
                match judge(&item, &rules) {
                    Ok(event) => {
                        prop_assert!(serde_json::from_str::<Value>(&event.props).is_ok_and(|props| props.is_object()));
                        prop_assert!(serde_json::from_str::<Value>(&event.context).is_ok());
                    }
                    Err(rejection) => {
                        prop_assert!((1..=10).contains(&rejection.errors.len()));
                        prop_assert!(serde_json::from_str::<Value>(&rejection.fragment).is_ok_and(|f| f.is_object()));
                        prop_assert!(rejection.fragment.len() <= 4_200);
                        prop_assert!(!rejection.fragment.contains("jane@example.org"));
                    }
                }
            }
        }
    }

    #[test]
    fn order_and_blanks_do_not_change_the_canonical_form(document in any_json()) {
        let (plain, turned) = (document.to_string(), turned(&document));
        let form = |text: &str| canonical::text(&json::parse(text).unwrap());
        prop_assert_eq!(form(&plain), form(&turned));
    }

    #[test]
    fn the_canonical_form_is_that_of_rfc_8785(document in any_json()) {
        let ours = canonical::text(&json::parse(&document.to_string()).unwrap());
        prop_assume!(!has_large_integer(&document));
        let reference = serde_json_canonicalizer::to_string(&document).unwrap();
        prop_assert_eq!(ours, reference);
    }
}

/// Whole numbers that a double rounds: there the two forms differ on purpose.
fn has_large_integer(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_i64().is_some_and(|n| n.unsigned_abs() > 1 << 53),
        Value::Array(items) => items.iter().any(has_large_integer),
        Value::Object(entries) => entries.values().any(has_large_integer),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}
