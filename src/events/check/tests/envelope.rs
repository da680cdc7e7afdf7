use super::*;
use jiff::ToSpan;

#[test]
fn an_item_is_an_object_of_known_fields() {
    for raw in ["[]", "7", "null", "\"event\"", ""] {
        let rejection = check(raw, 3, &rules()).unwrap_err();
        assert_eq!(rejection.code, "event.not_object", "{raw}");
        assert_eq!(rejection.errors[0].message, "Item 3 is not a JSON object.");
    }
    let broken = check("{\"id\":", 3, &rules()).unwrap_err();
    assert_eq!(broken.code, "event.not_object");
    assert_eq!(broken.errors[0].hint.as_deref(), Some("not valid JSON at byte 6 of the item"));

    refused(&with(clicked(), json!({"foo": 1})), "event.unknown_field", "Unknown top-level field 'foo'.");
    let sent = "Field 'received_at' is set by the server and must not be sent.";
    let fault =
        refused(&with(clicked(), json!({"received_at": "2026-01-25T09:30:12Z"})), "event.server_field", sent);
    assert_eq!(fault.path, "received_at");
    // Both: the table names unknown fields first.
    let both = with(clicked(), json!({"org_id": 1, "zzz": 1}));
    refused(&both, "event.unknown_field", "Unknown top-level field 'zzz'.");
    for field in [
        "org_id",
        "received_at",
        "ingest_lag_seconds",
        "late_arrival",
        "backfill",
        "ingested_via",
        "batch_id",
        "api_key_id",
        "schema_version",
        "scrubbed_fields",
        "payload_hash",
        "canonical_id",
    ] {
        let message = format!("Field '{field}' is set by the server and must not be sent.");
        refused(&with(clicked(), json!({field: null})), "event.server_field", &message);
    }
}

#[test]
fn an_event_has_at_most_64_kib() {
    let padded = |bytes: usize| {
        let item = with_properties(clicked(), json!({"time_to_click_seconds": 3})).to_string();
        let blanks = " ".repeat(bytes - item.len());
        item.replacen('{', &format!("{{{blanks}"), 1)
    };
    assert!(check(&padded(65_536), 0, &rules()).is_ok());
    let rejection = check(&padded(65_537), 0, &rules()).unwrap_err();
    assert_eq!(rejection.code, "event.too_large");
    assert_eq!(rejection.errors[0].message, "Event is 65537 bytes; the limit is 65536.");
    assert_eq!(rejection.fragment, r#"{"bytes":65537}"#);
}

#[test]
fn ids_are_uuids() {
    let missing = "Field 'id' is required and must not be empty.";
    for id in [json!(null), json!(""), json!("  ")] {
        let fault = refused(&with(clicked(), json!({"id": id})), "event.id_missing", missing);
        assert_eq!(fault.path, "id");
    }
    refused(&without(clicked(), "id"), "event.id_missing", missing);
    let nil = "00000000-0000-0000-0000-000000000000";
    for id in [json!("abc"), json!(7), json!(nil), json!("0190f3a27c1e7d4b9a552f1b8c6d7e01"), json!({})] {
        refused(&with(clicked(), json!({"id": id})), "event.id_invalid", "Field 'id' must be a UUID.");
    }
    // Any version, either case.
    for id in ["0190F3A2-7C1E-7D4B-9A55-2F1B8C6D7E01", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"] {
        accepted(&with(clicked(), json!({"id": id})));
    }
    assert_eq!(
        judge(&with(clicked(), json!({"id": "abc"})), &rules()).unwrap_err().id.as_deref(),
        Some("abc")
    );
}

#[test]
fn names_are_in_the_registry() {
    refused(
        &with(clicked(), json!({"name": " "})),
        "event.name_missing",
        "Field 'name' is required and must not be empty.",
    );
    let fault = refused(
        &with(clicked(), json!({"name": "campaign_clickd"})),
        "event.name_unknown",
        "Unknown event name 'campaign_clickd'. See GET /api/events/registry.",
    );
    assert_eq!(fault.hint.as_deref(), Some("did_you_mean: campaign_clicked"));
    let far = with(clicked(), json!({"name": "something_else"}));
    let fault = refused(
        &far,
        "event.name_unknown",
        "Unknown event name 'something_else'. See GET /api/events/registry.",
    );
    assert_eq!(fault.hint, None);
    let internal = with(clicked(), json!({"name": "draft_decided"}));
    let message = "Event 'draft_decided' can only be produced by the server.";
    refused(&internal, "event.name_internal", message);
    // A word near an internal name is not led to it.
    let near = judge(&with(clicked(), json!({"name": "draft_decide"})), &rules()).unwrap_err();
    assert_eq!((near.code, near.errors[0].hint.as_deref()), ("event.name_unknown", None));
}

#[test]
fn quality_events_need_the_permission_and_internal_ones_the_server() {
    let item = named(
        "model_inference_completed",
        json!({
            "model_name": "churn", "inference_timestamp": "2026-01-25T09:00:00Z", "prediction": 0.4, "confidence_score": 0.9,
        }),
    );
    let message = "Event 'model_inference_completed' can only be produced by the server.";
    let fault = refused(&item, "event.name_internal", message);
    assert!(fault.hint.unwrap().contains("event.write_system"));
    assert!(judge(&item, &Rules { may_write_system: true, ..rules() }).is_ok());

    let decided = named(
        "draft_decided",
        json!({"draft_id": "0190f3a2-7c1e-7d4b-9a55-2f1b8c6d7e01", "decision": "approve"}),
    );
    let system = with(decided, json!({"source": "system"}));
    let internal = Rules { via: Via::Internal, ..rules() };
    assert!(judge(&system, &internal).is_ok());
    assert!(judge(&system, &Rules { may_write_system: true, ..rules() }).is_err());
}

#[test]
fn moments_are_rfc_3339_with_an_offset() {
    let message = "Field 'occurred_at' must be an RFC 3339 timestamp with an offset.";
    for text in [
        "2026-01-25 09:30",
        "2026-01-25T09:30:12",
        "2026-01-25T09:30Z",
        "2026-01-25",
        "2026-13-25T09:30:12Z",
        "2026-01-25T24:30:12Z",
        "2026-01-25T09:30:61Z",
        "2026-01-25T09:30:12.Z",
        "2026-01-25T09:30:12+0100",
        "2026-01-25T09:30:12+01:00[Europe/Berlin]",
        "2026-01-25T09:30:12+24:00",
        "now",
        "2026-02-29T09:30:12Z",
        " 2026-01-25T09:30:12Z",
        "２026-01-25T09:30:12Z",
    ] {
        refused(&with(clicked(), json!({"occurred_at": text})), "event.occurred_at_invalid", message);
    }
    refused(&with(clicked(), json!({"occurred_at": 1_769_333_412})), "event.occurred_at_invalid", message);
    let missing = "Field 'occurred_at' is required.";
    refused(&with(clicked(), json!({"occurred_at": null})), "event.occurred_at_missing", missing);
    refused(&with(clicked(), json!({"occurred_at": ""})), "event.occurred_at_missing", missing);
    for (text, stored) in [
        ("2026-01-25T09:30:12.123456789123Z", "2026-01-25T09:30:12.123Z"),
        ("2026-01-25t09:30:12z", "2026-01-25T09:30:12Z"),
        ("2026-01-25T15:00:12+05:30", "2026-01-25T09:30:12Z"),
        ("2026-01-25T09:30:12-00:00", "2026-01-25T09:30:12Z"),
        ("2026-01-25T09:29:60Z", "2026-01-25T09:29:59Z"),
    ] {
        assert_eq!(accepted(&with(clicked(), json!({"occurred_at": text}))).occurred_at.to_string(), stored);
    }
}

fn at(moment: Timestamp) -> Value {
    with(clicked(), json!({"occurred_at": moment.to_string()}))
}

#[test]
fn the_window_holds_to_the_second() {
    accepted(&at(now() + 299.seconds()));
    assert_eq!(accepted(&at(now() + 300.seconds())).ingest_lag_seconds, 0);
    refused(
        &at(now() + 301.seconds()),
        "event.occurred_at_future",
        "Field 'occurred_at' is 301 s in the future; the limit is 300 s.",
    );
    refused(
        &at(now() + 300_001.milliseconds()),
        "event.occurred_at_future",
        "Field 'occurred_at' is 301 s in the future; the limit is 300 s.",
    );

    let thirty = 30 * 86_400;
    let oldest = accepted(&at(now() - (thirty - 1).seconds()));
    assert!(oldest.late_arrival);
    assert_eq!(warned(&oldest), [("event.late_arrival", "Event arrived 719 h after it occurred.")]);
    accepted(&at(now() - thirty.seconds()));
    refused(
        &at(now() - (thirty + 1).seconds()),
        "event.occurred_at_too_old",
        "Field 'occurred_at' is 31 days old; the limit is 30 days. Use a connector backfill or a CSV import.",
    );
}

#[test]
fn late_is_more_than_a_day() {
    assert!(!accepted(&at(now() - 86_400.seconds())).late_arrival);
    let late = accepted(&at(now() - 93_600.seconds()));
    assert!(late.late_arrival);
    assert_eq!(warned(&late), [("event.late_arrival", "Event arrived 26 h after it occurred.")]);
    assert_eq!(late.ingest_lag_seconds, 93_600);
}

#[test]
fn a_backfill_reaches_back_37_months() {
    let backfill = Rules { backfill: true, via: Via::Connector, ..rules() };
    let edge: Timestamp = "2022-12-25T12:00:00Z".parse().unwrap();
    let event = judge(&at(edge), &backfill).unwrap();
    assert!(event.backfill && event.late_arrival);
    let rejection = judge(&at(edge - 1.seconds()), &backfill).unwrap_err();
    assert_eq!(rejection.code, "event.occurred_at_too_old");
    let message = "Field 'occurred_at' is 1128 days old; the limit is 37 months.";
    assert_eq!(rejection.errors[0].message, message);
}

#[test]
fn sources_are_listed_and_allowed() {
    refused(&with(clicked(), json!({"source": ""})), "event.source_missing", "Field 'source' is required.");
    refused(&without(clicked(), "source"), "event.source_missing", "Field 'source' is required.");
    refused(
        &with(clicked(), json!({"source": "fax"})),
        "event.source_invalid",
        "Source 'fax' is not in the whitelist.",
    );
    refused(
        &with(clicked(), json!({"source": 3})),
        "event.source_invalid",
        "Source '3' is not in the whitelist.",
    );
    let stripe = with(clicked(), json!({"source": "stripe"}));
    refused(&stripe, "event.source_forbidden", "This API key may not send source 'stripe'.");
    assert!(judge(&stripe, &Rules { sources: &[Source::Stripe], ..rules() }).is_ok());
    let system = with(clicked(), json!({"source": "system"}));
    let all = Rules { sources: Source::ALL, ..rules() };
    refused_by(&system, &all, "event.source_forbidden", "This API key may not send source 'system'.");
}

#[test]
fn channels_are_listed() {
    refused(
        &with(clicked(), json!({"channel": "tv"})),
        "event.channel_invalid",
        "Channel 'tv' is not known.",
    );
    refused(&with(clicked(), json!({"channel": 1})), "event.channel_invalid", "Channel '1' is not known.");
    assert_eq!(accepted(&with(clicked(), json!({"channel": "organic_search"}))).channel, Channel::Seo);
    assert_eq!(accepted(&with(clicked(), json!({"channel": null}))).channel, Channel::Unknown);
    for channel in Channel::ALL {
        assert_eq!(accepted(&with(clicked(), json!({"channel": channel}))).channel, *channel);
    }
}

#[test]
fn entities_are_required_by_type() {
    let missing = "Event 'campaign_clicked' requires 'entity' of type campaign.";
    refused(&without(clicked(), "entity"), "event.entity_missing", missing);
    refused(&with(clicked(), json!({"entity": {"type": "ad", "id": "x"}})), "event.entity_missing", missing);
    let cost = named("ad_click", json!({"campaign_id": "c-1"}));
    let either = "Event 'ad_click' requires 'entity' of type ad or campaign.";
    refused(&without(cost.clone(), "entity"), "event.entity_missing", either);
    accepted(&with(cost, json!({"entity": {"type": "campaign", "id": "c-1"}})));
    let invalid = "Field 'entity' must be {type, id} with a known type.";
    for entity in [
        json!({"type": "planet", "id": "x"}),
        json!({"type": "campaign"}),
        json!({"type": "campaign", "id": ""}),
        json!("campaign"),
        json!({"type": "campaign", "id": 7}),
        json!({"type": "campaign", "id": "x".repeat(256)}),
        json!({"type": "campaign", "id": "x", "canonical_id": "y"}),
    ] {
        refused(&with(clicked(), json!({"entity": entity})), "event.entity_invalid", invalid);
    }
    accepted(&with(clicked(), json!({"entity": {"type": "campaign", "id": "x".repeat(255)}})));
}

#[test]
fn actors_are_required() {
    let missing = "Event 'campaign_clicked' requires 'actor.id'.";
    for actor in [
        json!(null),
        json!({"type": "user", "id": ""}),
        json!({"type": "user"}),
        json!({"type": "user", "id": null}),
    ] {
        let fault = refused(&with(clicked(), json!({"actor": actor})), "event.actor_missing", missing);
        assert_eq!(fault.path, "actor.id");
    }
    let invalid = "Field 'actor' must be {type, id} with a known type.";
    for actor in [
        json!({"type": "robot", "id": "x"}),
        json!("u_1"),
        json!({"type": "user", "id": 7}),
        json!({"id": "u_1"}),
        json!({"type": "user", "id": "x".repeat(129)}),
        json!({"type": "user", "id": "u_1", "name": "Jane"}),
    ] {
        refused(&with(clicked(), json!({"actor": actor})), "event.actor_invalid", invalid);
    }
    // Marketer events are a marketer's.
    let created = named("campaign_created", json!({"campaign_id": "5d0f7a52-6f0e-4a9b-8a43-0d3a5cf4b1aa"}));
    accepted(&created);
    let user = with(created, json!({"actor": {"type": "user", "id": "u_1"}}));
    let fault = refused(&user, "event.actor_invalid", invalid);
    assert_eq!(fault.hint.as_deref(), Some("'actor.type' must be marketer"));
    // Where none is required, none is needed.
    assert_eq!(
        accepted(&without(
            named(
                "serp_snapshot",
                json!({
                    "keyword": "moving boxes", "location_code": 2276, "language_code": "de",
                })
            ),
            "actor"
        ))
        .actor,
        None
    );
}

#[test]
fn sessions_have_an_id_and_perhaps_a_place() {
    let invalid = "Field 'session' must be {id, sequence?}.";
    for session in [
        json!("s_1"),
        json!({}),
        json!({"id": ""}),
        json!({"id": 7}),
        json!({"id": "s", "sequence": -1}),
        json!({"id": "s", "sequence": 1.5}),
        json!({"id": "s", "sequence": "1"}),
        json!({"id": "s", "sequence": 2_147_483_648_u64}),
        json!({"id": "s", "other": 1}),
        json!({"id": "x".repeat(256)}),
    ] {
        refused(&with(clicked(), json!({"session": session})), "event.session_invalid", invalid);
    }
    let event = accepted(&with(clicked(), json!({"session": {"id": "s"}})));
    assert_eq!((event.session_id.as_deref(), event.session_seq), (Some("s"), None));
    assert_eq!(accepted(&with(clicked(), json!({"session": null}))).session_id, None);
}

#[test]
fn values_are_decimals_of_nought_or_more() {
    let invalid = "Field 'value' must be a decimal.";
    for value in [
        json!("NaN"),
        json!("Infinity"),
        json!("1,50"),
        json!(""),
        json!(true),
        json!([]),
        json!("0x10"),
        json!(" 1"),
        json!("1.0000001"),
        json!("1000000000000"),
        json!("1e-7"),
        json!("1e400"),
        json!("--1"),
        json!("-NaN"),
    ] {
        refused(&with(purchased(), json!({"value": value})), "event.value_invalid", invalid);
    }
    refused(&with(purchased(), json!({"value": -1})), "event.value_negative", "Field 'value' must be >= 0.");
    refused(
        &with(purchased(), json!({"value": "-0.01"})),
        "event.value_negative",
        "Field 'value' must be >= 0.",
    );
    for (value, stored) in [
        (json!("19.90"), "19.9"),
        (json!(0), "0"),
        (json!("-0"), "0"),
        (json!("1.0000000"), "1"),
        (json!("1e2"), "100"),
        (json!("999999999999.999999"), "999999999999.999999"),
        (json!("0.000001"), "0.000001"),
    ] {
        let event = accepted(&with(purchased(), json!({"value": value})));
        assert_eq!(event.value.unwrap().normalize().to_string(), stored);
    }
    // Digits that no double holds survive as numbers, too.
    let raw = purchased().to_string().replace("\"value\":59.99", "\"value\":123456789012.123456");
    assert_eq!(check(&raw, 0, &rules()).unwrap().value.unwrap().to_string(), "123456789012.123456");
}

#[test]
fn an_absent_value_is_the_main_money_property() {
    assert_eq!(accepted(&without(purchased(), "value")).value.unwrap().to_string(), "59.99");
    let given = accepted(&with(purchased(), json!({"value": 50})));
    assert_eq!(given.value.unwrap().to_string(), "50");
    for (name, property, properties) in [
        ("refund", "amount", json!({"refund_id": "r", "amount": "7.50"})),
        ("ad_cost", "cost", json!({"campaign_id": "c", "cost": "7.50"})),
        ("purchase", "revenue", json!({"transaction_id": "t", "revenue": "7.50"})),
        ("order_created", "total", json!({"order_id": "o", "total": "7.50", "tax": 1})),
        ("subscription_created", "mrr", json!({"subscription_id": "s", "plan_id": "p", "mrr": "7.50"})),
    ] {
        let event = accepted(&with(named(name, properties), json!({"currency": "EUR"})));
        assert_eq!(event.value.unwrap().to_string(), "7.5", "{property}");
        assert!(
            event.props.contains(&format!("\"{property}\":7.5")),
            "a decimal in a text is kept as a number"
        );
    }
    // What lies in a cart is not yet revenue.
    let cart =
        with(named("add_to_cart", json!({"cart_id": "c", "cart_value": 7})), json!({"currency": "EUR"}));
    assert_eq!(accepted(&cart).value, None);
}

#[test]
fn money_has_a_currency() {
    let missing = "Event 'user_purchased' carries money and requires 'currency'.";
    let bare = without(without(purchased(), "currency"), "value");
    refused(&bare, "event.currency_missing", missing);
    refused(&without(purchased(), "currency"), "event.currency_missing", missing);
    for code in ["EURO", "eur", "ZZZ", "€"] {
        let message = format!("'{code}' is not an ISO 4217 code.");
        refused(&with(purchased(), json!({"currency": code})), "event.currency_invalid", &message);
    }
    let based = Rules { base_currency: Some("SEK"), ..rules() };
    let event = judge(&bare, &based).unwrap();
    assert_eq!(event.currency.as_deref(), Some("SEK"));
    let message = "No currency was sent; the organisation's base currency SEK is taken.";
    assert_eq!(warned(&event), [("event.currency_defaulted", message)]);
    // No money, no currency.
    assert_eq!(judge(&clicked(), &based).unwrap().currency, None);
    let value = with(clicked(), json!({"value": 3}));
    let message = "Event 'campaign_clicked' carries money and requires 'currency'.";
    refused(&value, "event.currency_missing", message);
}

#[test]
fn the_first_fault_of_the_envelope_ends_it() {
    let item = json!({"id": "abc", "name": "nope", "source": "fax", "properties": {}});
    refused(&item, "event.id_invalid", "Field 'id' must be a UUID.");
    let item = with(clicked(), json!({"channel": "tv", "properties": {}}));
    refused(&item, "event.channel_invalid", "Channel 'tv' is not known.");
}
