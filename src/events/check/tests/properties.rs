use super::*;

const CAMPAIGN: &str = "5d0f7a52-6f0e-4a9b-8a43-0d3a5cf4b1aa";

#[test]
fn required_properties_are_there() {
    let rejection = judge(&with(clicked(), json!({"properties": {}})), &rules()).unwrap_err();
    assert_eq!(
        codes(&rejection),
        [
            ("event.property_missing", "properties.campaign_id"),
            ("event.property_missing", "properties.click_type")
        ]
    );
    assert_eq!(
        rejection.errors[0].message,
        "Property 'properties.campaign_id' is required for 'campaign_clicked'."
    );
    refused(
        &with_properties(clicked(), json!({"click_type": null})),
        "event.property_missing",
        "Property 'properties.click_type' is required for 'campaign_clicked'.",
    );
    refused(
        &without(clicked(), "properties"),
        "event.property_missing",
        "Property 'properties' is required for 'campaign_clicked'.",
    );
    refused(
        &with(clicked(), json!({"properties": []})),
        "event.property_type",
        "Property 'properties' must be an object.",
    );
    // Nothing is required of a sign-up.
    assert_eq!(accepted(&named("sign_up", json!({}))).props, "{}");
}

#[test]
#[allow(clippy::too_many_lines, reason = "a line a case")]
fn each_type_is_held() {
    let url = "Property 'properties.destination_url' must be a URL.";
    for (name, base, change, code, message) in [
        (
            "campaign_clicked",
            json!({"campaign_id": CAMPAIGN, "click_type": "cta"}),
            json!({"campaign_id": "c-1"}),
            "event.property_uuid",
            "Property 'properties.campaign_id' must be a UUID.",
        ),
        (
            "campaign_clicked",
            json!({"campaign_id": CAMPAIGN, "click_type": "cta"}),
            json!({"campaign_id": 7}),
            "event.property_uuid",
            "Property 'properties.campaign_id' must be a UUID.",
        ),
        (
            "campaign_clicked",
            json!({"campaign_id": CAMPAIGN, "click_type": "cta"}),
            json!({"click_type": "banner"}),
            "event.property_enum",
            "Property 'properties.click_type' must be one of cta, headline, image, deep_link.",
        ),
        (
            "campaign_clicked",
            json!({"campaign_id": CAMPAIGN, "click_type": "cta"}),
            json!({"click_type": "CTA"}),
            "event.property_enum",
            "Property 'properties.click_type' must be one of cta, headline, image, deep_link.",
        ),
        (
            "campaign_clicked",
            json!({"campaign_id": CAMPAIGN, "click_type": "cta"}),
            json!({"destination_url": "not a url"}),
            "event.property_type",
            url,
        ),
        (
            "campaign_clicked",
            json!({"campaign_id": CAMPAIGN, "click_type": "cta"}),
            json!({"destination_url": "javascript:alert(1)"}),
            "event.property_type",
            url,
        ),
        (
            "campaign_viewed",
            json!({"campaign_id": CAMPAIGN, "view_type": "opened"}),
            json!({"view_duration_seconds": "3"}),
            "event.property_type",
            "Property 'properties.view_duration_seconds' must be an integer.",
        ),
        (
            "campaign_viewed",
            json!({"campaign_id": CAMPAIGN, "view_type": "opened"}),
            json!({"view_duration_seconds": 1.5}),
            "event.property_type",
            "Property 'properties.view_duration_seconds' must be an integer.",
        ),
        (
            "campaign_viewed",
            json!({"campaign_id": CAMPAIGN, "view_type": "opened"}),
            json!({"view_duration_seconds": -3}),
            "event.property_negative",
            "Property 'properties.view_duration_seconds' must be >= 0.",
        ),
        (
            "campaign_viewed",
            json!({"campaign_id": CAMPAIGN, "view_type": "opened"}),
            json!({"view_duration_seconds": 9_007_199_254_740_992_u64}),
            "event.property_range",
            "Property 'properties.view_duration_seconds' must be between 0 and 9007199254740991.",
        ),
        (
            "campaign_viewed",
            json!({"campaign_id": CAMPAIGN, "view_type": "opened"}),
            json!({"viewed_at": "2026-01-25 09:30"}),
            "event.property_type",
            "Property 'properties.viewed_at' must be an RFC 3339 timestamp with an offset.",
        ),
        (
            "user_engaged",
            json!({"engagement_type": "search"}),
            json!({"search_query": 7}),
            "event.property_type",
            "Property 'properties.search_query' must be a string.",
        ),
        (
            "page_view",
            json!({"page_path": "/"}),
            json!({"is_entry": "true"}),
            "event.property_type",
            "Property 'properties.is_entry' must be a boolean.",
        ),
        (
            "lead_created",
            json!({"lead_id": "l-1"}),
            json!({"score": "high"}),
            "event.property_type",
            "Property 'properties.score' must be a number.",
        ),
        (
            "lead_created",
            json!({"lead_id": "l-1"}),
            json!({"score": 1.2}),
            "event.score_out_of_range",
            "Score 'properties.score' must be between 0.0 and 1.0.",
        ),
        (
            "lead_created",
            json!({"lead_id": "l-1"}),
            json!({"score": -0.1}),
            "event.score_out_of_range",
            "Score 'properties.score' must be between 0.0 and 1.0.",
        ),
        (
            "page_health_check",
            json!({"url": "https://example.com/", "status_code": 200}),
            json!({"onpage_score": 100.5}),
            "event.property_range",
            "Property 'properties.onpage_score' must be between 0 and 100.",
        ),
        (
            "page_health_check",
            json!({"url": "https://example.com/", "status_code": 200}),
            json!({"status_code": 600}),
            "event.property_range",
            "Property 'properties.status_code' must be between 100 and 599.",
        ),
        (
            "ad_conversion",
            json!({"campaign_id": "c"}),
            json!({"conversions": -0.5}),
            "event.property_negative",
            "Property 'properties.conversions' must be >= 0.",
        ),
        (
            "keyword_volume_change",
            json!({"keyword": "boxes", "search_volume": 1}),
            json!({"change_pct": "NaN"}),
            "event.property_type",
            "Property 'properties.change_pct' must be a number.",
        ),
        (
            "lead_created",
            json!({"lead_id": "l-1"}),
            json!({"lead_id": ""}),
            "event.property_type",
            "Property 'properties.lead_id' must be a string.",
        ),
    ] {
        let item = named(name, base);
        accepted(&item);
        let fault = refused(&with_properties(item, change), code, message);
        assert!(fault.path.starts_with("properties."));
    }
}

#[test]
fn money_properties_are_decimals_of_nought_or_more() {
    let converted = |order_value: Value| {
        with(
            named(
                "campaign_converted",
                json!({"campaign_id": CAMPAIGN, "order_id": CAMPAIGN, "order_value": order_value}),
            ),
            json!({"currency": "EUR"}),
        )
    };
    let negative = "Property 'properties.order_value' must be >= 0.";
    refused(&converted(json!(-5)), "event.property_negative", negative);
    for value in [json!("NaN"), json!("1,5"), json!(true), json!("1.0000001"), json!(1e13), json!("12 EUR")] {
        let message = "Property 'properties.order_value' must be a decimal.";
        refused(&converted(value), "event.property_type", message);
    }
    assert_eq!(accepted(&converted(json!("59.99"))).value.unwrap().to_string(), "59.99");
    let score = with_properties(converted(json!(1)), json!({"incrementality_score": 1.2}));
    let message = "Score 'properties.incrementality_score' must be between 0.0 and 1.0.";
    refused(&score, "event.score_out_of_range", message);
}

#[test]
fn budgets_move_between_two_campaigns() {
    let other = "0190f3a2-7c1e-7d4b-9a55-2f1b8c6d7e99";
    let moved = |change: Value| {
        let base = json!({
            "reallocation_id": "0190f3a2-7c1e-7d4b-9a55-2f1b8c6d7e77", "from_campaign_id": CAMPAIGN,
            "to_campaign_id": other, "amount": 10, "reallocation_reason": "manual",
        });
        with(with_properties(named("budget_reallocated", base), change), json!({"currency": "EUR"}))
    };
    accepted(&moved(json!({})));
    let range = "Property 'properties.amount' must be between 0.000001 and 999999999999.999999.";
    refused(&moved(json!({"amount": 0})), "event.property_range", range);
    refused(
        &moved(json!({"amount": -1})),
        "event.property_negative",
        "Property 'properties.amount' must be >= 0.",
    );
    let same = "Property 'properties.to_campaign_id' must be another than 'from_campaign_id'.";
    refused(&moved(json!({"to_campaign_id": CAMPAIGN})), "event.property_type", same);
    refused(&moved(json!({"to_campaign_id": CAMPAIGN.to_uppercase()})), "event.property_type", same);
}

#[test]
fn ranges_of_the_registry_hold_at_their_ends() {
    let tested = |split: i64, days: i64| {
        let id = CAMPAIGN;
        named(
            "creative_variant_tested",
            json!({
                "test_id": id, "campaign_id": id, "variant_a_creative_id": id, "variant_b_creative_id": id,
                "split_percentage": split, "test_duration_days": days, "primary_metric": "roas",
            }),
        )
    };
    accepted(&tested(1, 1));
    accepted(&tested(99, 1));
    let message = "Property 'properties.split_percentage' must be between 1 and 99.";
    for split in [0, 100] {
        refused(&tested(split, 1), "event.property_range", message);
    }
    let message = "Property 'properties.test_duration_days' must be between 1 and 9007199254740991.";
    refused(&tested(50, 0), "event.property_range", message);
    // Not found is a rank of null, which must be said.
    let rank = |rank: Value| named("keyword_rank", json!({"keyword": "boxes", "rank_absolute": rank}));
    assert!(accepted(&rank(json!(null))).props.contains("\"rank_absolute\":null"));
    accepted(&rank(json!(1)));
    refused(
        &rank(json!(0)),
        "event.property_range",
        "Property 'properties.rank_absolute' must be between 1 and 9007199254740991.",
    );
    refused(
        &named("keyword_rank", json!({"keyword": "boxes"})),
        "event.property_missing",
        "Property 'properties.rank_absolute' is required for 'keyword_rank'.",
    );
}

#[test]
fn a_booking_that_is_complete_has_an_id() {
    accepted(&named("consultation_started", json!({})));
    refused(
        &named("booking_completed", json!({})),
        "event.property_missing",
        "Property 'properties.booking_id' is required for 'booking_completed'.",
    );
}

#[test]
fn lengths_are_limited_in_characters() {
    let searched =
        |query: String| named("user_engaged", json!({"engagement_type": "search", "search_query": query}));
    accepted(&searched("é".repeat(1_024)));
    refused(
        &searched("é".repeat(1_025)),
        "event.property_too_large",
        "Property 'properties.search_query' exceeds 1024 characters.",
    );
    let lead = |id: String| named("lead_created", json!({"lead_id": id}));
    accepted(&lead("x".repeat(128)));
    refused(
        &lead("x".repeat(129)),
        "event.property_too_large",
        "Property 'properties.lead_id' exceeds 128 characters.",
    );
    let filters = |n: usize| {
        named("dashboard_accessed", json!({"dashboard_section": "kpi", "filters_applied": "x".repeat(n)}))
    };
    accepted(&filters(8_192));
    refused(
        &filters(8_193),
        "event.property_too_large",
        "Property 'properties.filters_applied' exceeds 8 KiB.",
    );
}

#[test]
fn properties_are_few_and_shallow() {
    let many = |count: usize| {
        let properties: serde_json::Map<String, Value> =
            (0..count).map(|n| (format!("p{n}"), json!(n))).collect();
        named("sign_up", Value::Object(properties))
    };
    assert_eq!(accepted(&many(64)).warnings.len(), 10);
    refused(&many(65), "event.property_too_large", "Property 'properties' exceeds 64 keys.");
    accepted(&named("sign_up", json!({"a": {"b": {"c": {"d": 1}}}})));
    let deep = named("sign_up", json!({"a": {"b": {"c": {"d": {}}}}}));
    refused(&deep, "event.property_too_large", "Property 'properties.a' exceeds 4 levels.");
}

#[test]
fn what_the_registry_does_not_know_is_kept_and_said() {
    let event = accepted(&with_properties(clicked(), json!({"button": "green", "click_type": "cta"})));
    let message = "Property 'properties.button' is not in the registry for 'campaign_clicked'; it is kept.";
    assert_eq!(warned(&event), [("event.property_unknown", message)]);
    assert!(event.quality.unknown_properties && event.props.contains("\"button\":\"green\""));
}

#[test]
fn ten_faults_are_told_in_the_order_of_the_checks() {
    let mut properties =
        json!({"campaign_id": "c", "click_type": "banner", "time_to_click_seconds": -1, "creative_id": 4});
    for n in 0..20 {
        properties[format!("note{n}")] = json!("jane@example.org");
    }
    let rejection = judge(&with(clicked(), json!({"properties": properties})), &rules()).unwrap_err();
    let found: Vec<&str> = rejection.errors.iter().map(|fault| fault.code).collect();
    assert_eq!(found.len(), 10);
    assert_eq!(
        found[..4],
        ["event.property_uuid", "event.property_uuid", "event.property_enum", "event.property_negative",]
    );
    assert!(found[4..].iter().all(|code| *code == "event.pii_detected"));
    assert!(!rejection.fragment.contains('@'), "{}", rejection.fragment);
}

#[test]
fn ids_of_platforms_are_no_uuids() {
    let platform = with(
        with_properties(clicked(), json!({"campaign_id": "23851234567890123"})),
        json!({"source": "meta_ads"}),
    );
    let bridge = Rules { sources: &[Source::MetaAds], ..rules() };
    assert!(judge(&platform, &bridge).is_ok());
    let long = with_properties(platform, json!({"campaign_id": "x".repeat(129)}));
    let message = "Property 'properties.campaign_id' exceeds 128 characters.";
    refused_by(&long, &bridge, "event.property_too_large", message);
}

#[test]
fn scores_within_json_are_held() {
    let recommended = |score: f64| {
        named(
            "user_action_recommended",
            json!({
                "recommendation_id": CAMPAIGN, "recommendation_type": "pause_campaign", "target_entity_id": "c-1",
                "impact_projection": {"projected_revenue_impact": -20, "confidence_score": score, "note": "x"},
            }),
        )
    };
    let system = Rules { may_write_system: true, ..rules() };
    assert!(judge(&recommended(1.0), &system).is_ok());
    let message = "Score 'properties.impact_projection.confidence_score' must be between 0.0 and 1.0.";
    refused_by(&recommended(1.01), &system, "event.score_out_of_range", message);
}

#[test]
fn a_prediction_is_a_number_or_a_word() {
    let system = Rules { may_write_system: true, ..rules() };
    let predicted = |prediction: Value| {
        named(
            "model_inference_completed",
            json!({
                "model_name": "churn", "inference_timestamp": "2026-01-25T09:00:00Z", "prediction": prediction,
                "confidence_score": 1,
            }),
        )
    };
    for prediction in [json!(-0.4), json!("likely")] {
        assert!(judge(&predicted(prediction), &system).is_ok());
    }
    let message = "Property 'properties.prediction' must be a number or a string.";
    refused_by(&predicted(json!([1])), &system, "event.property_type", message);
}

#[test]
fn completeness_counts_required_and_recommended_ones() {
    let event = accepted(&clicked());
    assert_eq!((event.quality.filled, event.quality.expected), (2, 3));
    let whole = accepted(&with_properties(clicked(), json!({"creative_id": CAMPAIGN})));
    assert_eq!((whole.quality.filled, whole.quality.expected), (3, 3));
}

#[test]
fn events_of_the_organisation_keep_the_same_rules() {
    let custom: Custom = serde_json::from_value(json!({
        "name": "x_chair_tested", "actor": true,
        "properties": [
            {"name": "model", "type": "enum", "required": true, "values": ["low", "high"]},
            {"name": "minutes", "type": "int", "min": 1, "max": "90"},
            {"name": "price", "type": "money"},
        ],
    }))
    .unwrap();
    let registry = registry().with_custom([custom]).unwrap();
    let rules = Rules { registry: &registry, ..rules() };
    let tested = |properties: Value| {
        with(clicked(), json!({"name": "x_chair_tested", "entity": null, "properties": properties}))
    };
    let event = judge(&tested(json!({"model": "low", "minutes": 90})), &rules).unwrap();
    assert_eq!((&*event.name, event.value), ("x_chair_tested", None));
    let message = "Property 'properties.minutes' must be between 1 and 90.";
    refused_by(&tested(json!({"model": "low", "minutes": 91})), &rules, "event.property_range", message);
    let message = "Event 'x_chair_tested' carries money and requires 'currency'.";
    refused_by(&tested(json!({"model": "low", "price": 4})), &rules, "event.currency_missing", message);
    let message = "Property 'properties.model' must be one of low, high.";
    refused_by(&tested(json!({"model": "mid"})), &rules, "event.property_enum", message);
    let fault = judge(&with(tested(json!({})), json!({"name": "x_chair_teste"})), &rules).unwrap_err();
    assert_eq!(fault.errors[0].hint.as_deref(), Some("did_you_mean: x_chair_tested"));
}
