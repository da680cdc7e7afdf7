use super::*;
use proptest::prelude::*;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::SecretString;
use serde_json::json;
use std::collections::BTreeMap;

// Signed with `openssl dgst -sha256 -hmac … -hex` over body and time.
const SECRET: &str = "whsec_fernhill_klaviyo";
const BODY: &str = r#"{"data":[{"external_id":"e-1","topic":"event:klaviyo.unsubscribed_from_email_marketing","payload":{"data":{"type":"event","id":"e-1","relationships":{"profile":{"data":{"type":"profile","id":"01AB"}}}}}}],"meta":{"klaviyo_account_id":"FRN123","klaviyo_webhook_id":"w-1","timestamp":"2025-09-17T09:00:00+00:00"}}"#;
const TIME: &str = "2025-09-17T09:00:00+00:00";
const MAC: &str = "21d4020f12d212158fe03fedec69c5f7c14b57c9c803d1c764dec37c77466bce";

fn good() -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [(SIGNATURE, MAC), (TIMESTAMP, TIME), (WEBHOOK, "w-1")] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers
}

fn with(name: &'static str, value: &str) -> HeaderMap {
    let mut headers = good();
    headers.insert(name, HeaderValue::from_str(value).unwrap());
    headers
}

fn verify_at(headers: &HeaderMap, body: &[u8], account: &str, now: &str) -> Result<Delivery, Refused> {
    let secrets = BTreeMap::from([("webhook_secret".to_owned(), SecretString::from(SECRET))]);
    let config = json!({"account_id": account}).as_object().unwrap().clone();
    let incoming = Incoming { headers, body, path_token: None, now: now.parse().unwrap() };
    Klaviyo.verify(&incoming, &Known { config: &config, secrets: &secrets })
}

fn verify(headers: &HeaderMap, body: &[u8]) -> Result<Delivery, Refused> {
    verify_at(headers, body, "FRN123", "2025-09-17T09:00:30Z")
}

#[test]
fn a_vector_verifies_for_its_own_account_and_time() {
    let delivery = verify(&good(), BODY.as_bytes()).unwrap();
    assert_eq!(delivery.topic, "event:klaviyo.unsubscribed_from_email_marketing");
    assert!(delivery.wanted && delivery.id.len() == 64);
    let elsewhere = verify_at(&good(), BODY.as_bytes(), "LAKE99", "2025-09-17T09:00:30Z");
    assert_eq!(elsewhere, Err(Refused::Elsewhere));
    for late in ["2025-09-17T09:05:01Z", "2025-09-17T08:54:59Z"] {
        assert_eq!(verify_at(&good(), BODY.as_bytes(), "FRN123", late), Err(Refused::Stale), "{late}");
    }
}

#[test]
fn forgeries_do_not() {
    let body = BODY.as_bytes();
    for (headers, body, why) in [
        (good(), b"{}".as_slice(), Refused::Wrong),
        (with(TIMESTAMP, "2025-09-17T09:00:01+00:00"), body, Refused::Wrong),
        (with(SIGNATURE, &MAC.to_uppercase()), body, Refused::Form),
        (with(SIGNATURE, &MAC[..40]), body, Refused::Form),
        (with(SIGNATURE, ""), body, Refused::Form),
    ] {
        assert_eq!(verify(&headers, body), Err(why), "{headers:?}");
    }
    for name in [SIGNATURE, TIMESTAMP] {
        let mut some = good();
        some.remove(name);
        assert_eq!(verify(&some, body), Err(Refused::Missing), "without {name}");
        let mut twice = good();
        twice.append(name, good()[name].clone());
        assert_eq!(verify(&twice, body), Err(Refused::Form), "two of {name}");
    }
}

#[test]
fn what_changes_a_consent_makes_its_profile_be_read_again() {
    let targets = Klaviyo.targets("", BODY.as_bytes());
    assert_eq!(targets, [Target { stream: "profiles", id: "01AB".to_owned() }]);
    let opened = BODY.replace("unsubscribed_from_email_marketing", "opened_email");
    assert!(Klaviyo.targets("", opened.as_bytes()).is_empty());
    assert!(Klaviyo.targets("", b"{").is_empty());
    // A payload that is the event itself, as the API has it within `data`.
    let bare = json!({"data": [{"external_id": "e-1", "topic": "event:klaviyo.bounced_email",
        "payload": {"relationships": {"profile": {"data": {"id": "01CD"}}}}}]});
    assert_eq!(Klaviyo.targets("", bare.to_string().as_bytes())[0].id, "01CD");
}

proptest! {
    #[test]
    fn any_flipped_bit_is_noticed(byte in 0..BODY.len(), bit in 0u8..8) {
        let mut body = BODY.as_bytes().to_vec();
        body[byte] ^= 1 << bit;
        prop_assert_eq!(verify(&good(), &body), Err(Refused::Wrong));
    }
}
