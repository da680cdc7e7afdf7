//! One test a rule, with its exact code and message (`events.md` §4 and §13).
mod edges;
mod envelope;
mod personal;
mod properties;

use super::super::*;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::OnceLock;

fn registry() -> &'static Registry {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    REGISTRY.get_or_init(|| Registry::built_in().unwrap())
}

/// Noon of the day of the examples.
fn now() -> Timestamp {
    "2026-01-25T12:00:00Z".parse().unwrap()
}

fn rules() -> Rules<'static> {
    Rules {
        registry: registry(),
        now: now(),
        sources: Source::ORDINARY,
        pii: PiiMode::Reject,
        base_currency: None,
        may_write_system: false,
        via: Via::Api,
        backfill: false,
    }
}

/// The first of the two valid examples.
fn clicked() -> Value {
    json!({
        "id": "0190f3a2-7c1e-7d4b-9a55-2f1b8c6d7e01", "name": "campaign_clicked",
        "occurred_at": "2026-01-25T09:30:12.120Z", "source": "mobile", "channel": "push",
        "entity": {"type": "campaign", "id": "5d0f7a52-6f0e-4a9b-8a43-0d3a5cf4b1aa"},
        "actor": {"type": "user", "id": "u_48213"}, "session": {"id": "s_91", "sequence": 4},
        "properties": {
            "campaign_id": "5d0f7a52-6f0e-4a9b-8a43-0d3a5cf4b1aa", "click_type": "cta", "time_to_click_seconds": 3,
        },
        "context": {"platform": "ios", "app_version": "4.2.0", "user_segment": "HIGH_SPENDER"},
    })
}

/// The second.
fn purchased() -> Value {
    json!({
        "id": "0190f3a2-8b20-7f00-8c11-77aa00bb1102", "name": "user_purchased",
        "occurred_at": "2026-01-25T10:31:00+01:00", "source": "backend", "actor": {"type": "user", "id": "u_48213"},
        "value": 59.99, "currency": "EUR",
        "properties": {
            "order_id": "9a3d2c10-55aa-4c0d-9e53-6b1f0c2d3e4f", "order_value": 59.99,
            "promo_code_used": true, "is_repeat_purchase": true,
        },
    })
}

/// An event of any name with its required entity and actor.
fn named(name: &str, properties: Value) -> Value {
    let definition = registry().find(name).unwrap();
    let mut item = json!({
        "id": "0190f3a2-7c1e-7d4b-9a55-2f1b8c6d7e01", "name": name, "occurred_at": "2026-01-25T09:30:12Z",
        "source": "backend", "properties": properties,
    });
    let kind = if definition.actor_types.is_empty() { ActorType::User } else { definition.actor_types[0] };
    item["actor"] = json!({"type": kind, "id": "u_48213"});
    if let Some(kind) = definition.entity.first() {
        item["entity"] = json!({"type": kind, "id": "thing-1"});
    }
    item
}

/// `base` with the members of `change` in the place of its own; null takes none away, it is null.
fn with(base: Value, change: Value) -> Value {
    let mut item = base;
    for (key, value) in change.as_object().unwrap() {
        item[key] = value.clone();
    }
    item
}

/// With other properties beside its own.
fn with_properties(base: Value, change: Value) -> Value {
    let properties = with(base["properties"].clone(), change);
    with(base, json!({"properties": properties}))
}

fn without(mut base: Value, field: &str) -> Value {
    base.as_object_mut().unwrap().remove(field);
    base
}

fn judge(item: &Value, rules: &Rules<'_>) -> Result<Event, Rejection> {
    check(&item.to_string(), 0, rules)
}

#[track_caller]
fn accepted(item: &Value) -> Event {
    judge(item, &rules()).unwrap_or_else(|rejection| panic!("{item}\n{:?}", rejection.errors))
}

/// The one fault of an item.
#[track_caller]
fn refused_by(item: &Value, rules: &Rules<'_>, code: &str, message: &str) -> Fault {
    let rejection = judge(item, rules).expect_err("it must be refused");
    let fault = rejection.errors[0].clone();
    assert_eq!((rejection.code, &*fault.message, rejection.errors.len()), (code, message, 1), "{item}");
    assert_eq!(fault.code, rejection.code);
    serde_json::from_str::<Value>(&rejection.fragment).expect("a fragment is JSON");
    fault
}

#[track_caller]
fn refused(item: &Value, code: &str, message: &str) -> Fault {
    refused_by(item, &rules(), code, message)
}

fn codes(rejection: &Rejection) -> Vec<(&str, &str)> {
    rejection.errors.iter().map(|fault| (fault.code, &*fault.path)).collect()
}

fn warned(event: &Event) -> Vec<(&str, &str)> {
    event.warnings.iter().map(|warning| (warning.code, &*warning.message)).collect()
}

#[test]
fn the_two_examples_are_accepted() {
    let clicked = accepted(&clicked());
    assert_eq!(clicked.occurred_at.to_string(), "2026-01-25T09:30:12.12Z");
    assert_eq!((clicked.source, clicked.channel), (Source::Mobile, Channel::Push));
    assert_eq!(
        clicked.entity,
        Some((EntityKind::Campaign, "5d0f7a52-6f0e-4a9b-8a43-0d3a5cf4b1aa".to_owned()))
    );
    assert_eq!(clicked.actor, Some((ActorType::User, "u_48213".to_owned())));
    assert_eq!((clicked.session_id.as_deref(), clicked.session_seq), (Some("s_91"), Some(4)));
    assert_eq!((clicked.value, clicked.currency.as_deref()), (None, None));
    assert_eq!((clicked.ingest_lag_seconds, clicked.late_arrival), (8_987, false));
    assert_eq!((clicked.schema_version, clicked.class), (1, SlaClass::Campaign));
    assert_eq!(warned(&clicked), []);
    assert_eq!(clicked.context, r#"{"app_version":"4.2.0","platform":"ios","user_segment":"HIGH_SPENDER"}"#);

    let purchased = accepted(&purchased());
    assert_eq!(purchased.occurred_at.to_string(), "2026-01-25T09:31:00Z");
    assert_eq!(purchased.value.unwrap().to_string(), "59.99");
    assert_eq!(purchased.currency.as_deref(), Some("EUR"));
    assert_eq!(purchased.channel, Channel::Unknown);
    assert_eq!((purchased.quality.filled, purchased.quality.expected), (3, 3));
    assert_eq!(purchased.entity, None);
}
