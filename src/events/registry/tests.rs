use super::*;
use serde_json::json;

fn registry() -> Registry {
    Registry::built_in().unwrap()
}

fn custom(value: Value) -> Result<Registry, String> {
    let custom: Custom = serde_json::from_value(value).map_err(|error| error.to_string())?;
    registry().with_custom([custom]).map_err(|fault| fault.to_string())
}

#[test]
fn it_holds_66_public_and_14_internal_names() {
    let registry = registry();
    let internal = registry.iter().filter(|definition| definition.internal).count();
    assert_eq!((registry.iter().count() - internal, internal), (66, 14));
    for section in [
        "campaign_delivered",
        "user_segmented",
        "creative_variant_tested",
        "anomaly_detected",
        "lead_created",
        "ad_cost",
        "page_health_check",
        "subscription_canceled",
        "automation_started",
        "question_received",
        "entity_changed",
    ] {
        assert!(registry.find(section).is_some(), "{section}");
    }
}

#[test]
fn personal_names_stand_in_no_property() {
    for definition in registry().iter() {
        for property in &definition.properties {
            assert_eq!(key_kind(&property.name), None, "{}.{}", definition.name, property.name);
        }
    }
}

#[test]
fn it_is_described_as_json() {
    let described = registry().describe();
    assert_eq!(described["count"], 80);
    let events = described["events"].as_array().unwrap();
    let clicked = events.iter().find(|event| event["name"] == "campaign_clicked").unwrap();
    assert_eq!(
        *clicked,
        json!({
            "name": "campaign_clicked", "version": 1, "sla_class": "campaign",
            "actor": {"required": true, "types": []}, "entity": ["campaign"], "currency": false, "value_from": null,
            "feeds": ["daily_metrics.clicks", "daily_campaign_metrics"], "behaviour": true, "permission": "event.write",
            "internal": false, "custom": false,
            "properties": [
                {"name": "campaign_id", "type": "uuid", "required": true},
                {"name": "creative_id", "type": "uuid", "recommended": true},
                {"name": "click_type", "type": "enum", "required": true, "values": ["cta", "headline", "image", "deep_link"]},
                {"name": "destination_url", "type": "url"},
                {"name": "time_to_click_seconds", "type": "int"},
            ],
        })
    );
    let tested = events.iter().find(|event| event["name"] == "creative_variant_tested").unwrap();
    let split =
        tested["properties"].as_array().unwrap().iter().find(|p| p["name"] == "split_percentage").unwrap();
    assert_eq!((&split["min"], &split["max"]), (&json!("1"), &json!("99")));
}

#[test]
fn own_events_say_what_is_wrong_with_them() {
    let refused = |value: Value| custom(value).unwrap_err();
    let plain = custom(json!({"name": "x_ok"})).unwrap();
    assert!(plain.find("x_ok").unwrap().behaviour, "not stored of people who deny to be watched");
    let paid = custom(json!({"name": "x_ok", "properties": [{"name": "price", "type": "money"}]})).unwrap();
    assert!(!paid.find("x_ok").unwrap().behaviour);
    assert_eq!(
        refused(json!({"name": "ok"})),
        "event 'ok' is no name for an event of your own; begin it with x_"
    );
    for (properties, part) in [
        (json!([{"name": "e", "type": "str"}]), "whose name is not 2 to 64 small letters"),
        (json!([{"name": "kind", "type": "enum"}]), "an enum has values"),
        (json!([{"name": "kind", "type": "str", "values": ["a"]}]), "an enum has values"),
        (json!([{"name": "size", "type": "str", "min": 1}]), "with a range that is no number"),
        (json!([{"name": "size", "type": "int", "min": 2, "max": 1}]), "whose min is above its max"),
        (json!([{"name": "size", "type": "int", "min": "two"}]), "'two' is no decimal number"),
        (
            json!([{"name": "size", "type": "int"}, {"name": "size", "type": "int"}]),
            "the property 'size' twice",
        ),
        (json!([{"name": "email", "type": "str"}]), "send a hash as email_sha256"),
        (json!([{"name": "size", "type": "planet"}]), "unknown variant `planet`"),
        (json!([{"name": "to_id", "type": "id", "differs_from": "from_id"}]), "compares with 'from_id'"),
    ] {
        let said = refused(json!({"name": "x_own", "properties": properties}));
        assert!(said.contains(part), "{said}");
    }
    let many: Vec<Value> = (0..65).map(|n| json!({"name": format!("p_{n}"), "type": "int"})).collect();
    assert!(refused(json!({"name": "x_own", "properties": many})).contains("more than 64 properties"));
    let twice: Custom = serde_json::from_value(json!({"name": "x_own"})).unwrap();
    let twice = registry().with_custom([twice.clone(), twice]).unwrap_err();
    assert_eq!(twice.to_string(), "event 'x_own' is there twice; give one of them another name");
}

#[test]
fn a_near_name_is_meant() {
    let registry = registry();
    for (written, meant) in [
        ("campaign_clickd", Some("campaign_clicked")),
        ("page_views", Some("page_view")),
        ("pageview", Some("page_view")),
        ("purchas", Some("purchase")),
        ("campaign", None),
        ("", None),
        ("sync_complete", None),
    ] {
        assert_eq!(registry.meant(written), meant, "{written}");
    }
}
