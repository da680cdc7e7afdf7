use super::*;

fn searched(query: &str) -> Value {
    named("user_engaged", json!({"engagement_type": "search", "search_query": query}))
}

fn scrub() -> Rules<'static> {
    Rules { pii: PiiMode::Scrub, ..rules() }
}

#[test]
fn personal_data_is_refused() {
    for (query, kind) in [
        ("jane@example.org", "email"),
        ("call +49 30 901820", "phone"),
        ("4111 1111 1111 1111", "card"),
        ("DE89 3704 0044 0532 0130 00", "iban"),
        ("123-45-6789", "ssn"),
        ("from 192.168.10.1", "ip"),
        ("2001:db8::8a2e:370:7334", "ip"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVP", "secret"),
    ] {
        let message =
            format!("Property 'properties.search_query' looks like {kind}; personal data is not accepted.");
        let fault = refused(&searched(query), "event.pii_detected", &message);
        assert_eq!(fault.path, "properties.search_query");
        let rejection = judge(&searched(query), &rules()).unwrap_err();
        assert!(!rejection.fragment.contains(query), "{}", rejection.fragment);
    }
    accepted(&searched("moving boxes 2026 20 x 30"));
}

#[test]
fn scrub_replaces_it_and_says_so() {
    let event = judge(&searched("jane@example.org"), &scrub()).unwrap();
    assert!(event.props.contains(r#""search_query":"[redacted:email]""#), "{}", event.props);
    assert_eq!(event.scrubbed_fields, ["properties.search_query"]);
    let message = "Personal data was replaced in: properties.search_query.";
    assert_eq!(warned(&event), [("event.pii_scrubbed", message)]);
    assert!(!format!("{event:?}").contains("jane"));
}

#[test]
fn addresses_lose_the_parameters_that_match() {
    let url = "https://example.com/thanks?order=5&email=jane%40example.org&utm_source=mail";
    let item = with_properties(clicked(), json!({"destination_url": url}));
    let event = judge(&item, &scrub()).unwrap();
    let clean = "https://example.com/thanks?order=5&utm_source=mail";
    assert!(event.props.contains(clean), "{}", event.props);
    let message = "Property 'properties.destination_url' looks like email; personal data is not accepted.";
    refused(&item, "event.pii_detected", message);

    let page = with(
        clicked(),
        json!({"context": {
            "page_url": "https://example.com/a?token=abc", "page_path": "/a/jane@example.org", "referrer": "https://example.net/?q=x",
        }}),
    );
    let event = judge(&page, &scrub()).unwrap();
    assert_eq!(
        event.context,
        r#"{"page_path":"[redacted:email]","page_url":"https://example.com/a","referrer":"https://example.net/?q=x"}"#
    );
    assert_eq!(event.scrubbed_fields, ["context.page_path", "context.page_url"]);
    let rejection = judge(&page, &rules()).unwrap_err();
    assert_eq!(
        codes(&rejection),
        [("event.pii_detected", "context.page_path"), ("event.pii_detected", "context.page_url")]
    );
}

#[test]
fn ids_are_refused_in_either_mode() {
    for rules in [rules(), scrub()] {
        for (change, path, kind) in [
            (json!({"actor": {"type": "user", "id": "jane@example.org"}}), "actor.id", "email"),
            (json!({"actor": {"type": "user", "id": "+4930901820123"}}), "actor.id", "phone"),
            (json!({"entity": {"type": "campaign", "id": "jane@example.org"}}), "entity.id", "email"),
        ] {
            let message = format!("Property '{path}' looks like {kind}; personal data is not accepted.");
            let fault = refused_by(&with(clicked(), change), &rules, "event.pii_detected", &message);
            assert_eq!(fault.path, path);
        }
    }
    let session = with(clicked(), json!({"session": {"id": "jane@example.org"}}));
    assert_eq!(judge(&session, &scrub()).unwrap().session_id.as_deref(), Some("[redacted:email]"));
    assert_eq!(judge(&session, &rules()).unwrap_err().errors[0].path, "session.id");
}

#[test]
fn hashes_stand_for_people() {
    let hash = "973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b";
    accepted(&with(clicked(), json!({"actor": {"type": "user", "id": hash}})));
    accepted(&with_properties(clicked(), json!({"email_sha256": hash})));
    let other = with_properties(clicked(), json!({"note": hash}));
    assert_eq!(judge(&other, &rules()).unwrap_err().code, "event.pii_detected");
    let plain = with_properties(clicked(), json!({"email_sha256": "jane@example.org"}));
    assert_eq!(judge(&plain, &rules()).unwrap_err().code, "event.pii_detected");
}

#[test]
fn typed_ids_are_scanned_for_addresses_alone() {
    // 4111111111111111 passes Luhn; 030-9018-20123 looks like a phone.
    for id in ["4111111111111111", "030-9018-20123", "10.0.0.1"] {
        accepted(&named("lead_created", json!({"lead_id": id})));
    }
    let address = named("lead_created", json!({"lead_id": "jane@example.org"}));
    let message = "Property 'properties.lead_id' looks like email; personal data is not accepted.";
    refused(&address, "event.pii_detected", message);
    let event = judge(&address, &scrub()).unwrap();
    assert!(event.props.contains(r#""lead_id":"[redacted:email]""#));
}

#[test]
fn key_names_tell_too_at_any_depth() {
    for (properties, path, kind) in [
        (json!({"first_name": "Jane"}), "properties.first_name", "name"),
        (json!({"firstName": "Jane"}), "properties.firstName", "name"),
        (json!({"form": {"zip": 10115}}), "properties.form.zip", "address"),
        (json!({"rows": [{"dob": "1990-01-01"}]}), "properties.rows.0.dob", "birthdate"),
        (json!({"password": "x"}), "properties.password", "secret"),
    ] {
        let item = named("sign_up", properties);
        let message = format!("Property '{path}' looks like {kind}; personal data is not accepted.");
        refused(&item, "event.pii_detected", &message);
        let event = judge(&item, &scrub()).unwrap();
        assert!(event.props.contains(&format!("[redacted:{kind}]")), "{}", event.props);
        assert_eq!(event.scrubbed_fields, [path]);
    }
    accepted(&named("sign_up", json!({"mobile": true, "email": null, "phone": "", "emailed": "yes"})));
}

#[test]
fn a_key_that_is_personal_data_is_not_kept_either() {
    let item = named(
        "sign_up",
        json!({"jane@example.org": true, "joe@example.org": 1, "rows": [{"+4930901820123": "x"}]}),
    );
    let rejection = judge(&item, &rules()).unwrap_err();
    assert_eq!(
        codes(&rejection),
        [
            ("event.pii_detected", "properties.[redacted:email]"),
            ("event.pii_detected", "properties.[redacted:email] 2"),
            ("event.pii_detected", "properties.rows.0.[redacted:phone]"),
        ]
    );
    assert!(!format!("{rejection:?}").contains("example.org"));
    let event = judge(&item, &scrub()).unwrap();
    assert_eq!(
        event.props,
        r#"{"[redacted:email]":true,"[redacted:email] 2":1,"rows":[{"[redacted:phone]":"x"}]}"#
    );
    assert_eq!(event.scrubbed_fields.len(), 3);
    assert!(!format!("{event:?}").contains("example.org"));
}

#[test]
fn an_address_of_a_computer_is_never_stored() {
    let event = accepted(&with(
        clicked(),
        json!({"context": {"ip": "203.0.113.7", "country": "DE", "region": "BE"}}),
    ));
    assert_eq!(event.context, r#"{"country":"DE","region":"BE"}"#);
    assert_eq!(warned(&event), []);
}

#[test]
fn unknown_context_is_dropped_and_said() {
    let event = accepted(&with(
        clicked(),
        json!({"context": {
            "planet": "mars", "platform": "fridge", "country": "de", "locale": "de-DE", "device": "tablet",
            "utm": {"source": "mail", "id": "7"}, "click_ids": {"gclid": "Cj0K"}, "experiment": {"id": "e", "variant": "b"},
            "consent": {"marketing": "granted", "analytics": "maybe"}, "page_type": 7,
        }}),
    ));
    assert_eq!(
        event.context,
        r#"{"click_ids":{"gclid":"Cj0K"},"consent":{"marketing":"granted"},"device":"tablet","experiment":{"id":"e","variant":"b"},"locale":"de-DE","utm":{"source":"mail"}}"#
    );
    let message = "Context keys that are not known or not valid were dropped: consent.analytics, country, page_type, planet, platform, utm.id.";
    assert_eq!(warned(&event), [("event.context_dropped", message)]);
    let event = accepted(&with(clicked(), json!({"context": 7})));
    assert_eq!((&*event.context, event.warnings[0].code), ("{}", "event.context_dropped"));
}

#[test]
fn consent_of_the_context_is_read() {
    let consent =
        |status: &str| accepted(&with(clicked(), json!({"context": {"consent": {"analytics": status}}})));
    assert!(consent("denied").denied());
    assert!(!consent("granted").denied());
    let unknown = consent("unknown");
    assert!(!unknown.denied());
    assert_eq!(unknown.warnings[0].code, "event.consent_unknown");
    // A purchase is a fact of the books, whoever watches.
    let bought = accepted(&with(purchased(), json!({"context": {"consent": {"analytics": "denied"}}})));
    assert!(!bought.denied());
}
