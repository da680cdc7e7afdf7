use super::*;
use jiff::Timestamp;
use proptest::prelude::*;
use reqwest::header::{HeaderMap, HeaderValue};
use secrecy::SecretString;
use serde_json::{Map, json};
use std::collections::BTreeMap;

// Signed with `openssl dgst -sha256 -hmac`, over `1758099600.` and the body.
const SECRET: &str = "whsec_fernhill_test_secret";
const AT: i64 = 1_758_099_600;
const BODY: &str = r#"{"id":"evt_1","object":"event","type":"invoice.paid","created":1758099590,"livemode":true,"data":{"object":{"id":"in_1","object":"invoice"}}}"#;
const MAC: &str = "4810cc2c2c4f0f4d68539364efe408fb725cfb1f9ba47c5507ca2a2aabe8f621";

fn header(value: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(SIGNATURE, HeaderValue::from_str(value).unwrap());
    headers
}

fn good() -> HeaderMap {
    header(&format!("t={AT},v1={MAC}"))
}

fn verify_with(
    headers: &HeaderMap,
    now: i64,
    body: &[u8],
    config: Value,
    token: Option<&str>,
) -> Result<Delivery, Refused> {
    let secrets = BTreeMap::from([("webhook_secret".to_owned(), SecretString::from(SECRET))]);
    let config = config.as_object().unwrap().clone();
    let now = Timestamp::from_second(now).unwrap();
    let incoming = Incoming { headers, body, path_token: token, now };
    Stripe.verify(&incoming, &Known { config: &config, secrets: &secrets })
}

fn verify(headers: &HeaderMap, now: i64, body: &[u8]) -> Result<Delivery, Refused> {
    verify_with(headers, now, body, json!({}), None)
}

#[test]
fn a_vector_verifies_within_five_minutes_either_way() {
    let delivery = Delivery { id: "evt_1".to_owned(), topic: "invoice.paid".to_owned(), wanted: true };
    for skew in [-300, -1, 0, 1, 300] {
        assert_eq!(verify(&good(), AT + skew, BODY.as_bytes()), Ok(delivery.clone()), "{skew}");
    }
    for skew in [-301, 301, -86_400, 86_400] {
        assert_eq!(verify(&good(), AT + skew, BODY.as_bytes()), Err(Refused::Stale), "{skew}");
    }
    // While a secret is rolled over there are two; schemes of tests do not count.
    let other = "0".repeat(64);
    let rolled = header(&format!("t={AT},v1={other},v1={MAC},v0={other}"));
    assert_eq!(verify(&rolled, AT, BODY.as_bytes()), Ok(delivery));
}

#[test]
fn forgeries_do_not() {
    let body = BODY.as_bytes();
    let compact = serde_json::to_string(&serde_json::from_str::<Value>(BODY).unwrap()).unwrap();
    let reordered = compact.replace(r#""livemode":true,"#, "").replace('{', r#"{"livemode":true,"#);
    for (headers, body, why) in [
        (header(&format!("t={},v1={MAC}", AT + 1)), body, Refused::Wrong),
        (good(), reordered.as_bytes(), Refused::Wrong),
        (good(), BODY.replace(':', ": ").leak().as_bytes(), Refused::Wrong),
        (good(), b"".as_slice(), Refused::Wrong),
        (header(&format!("t={AT},v0={MAC}")), body, Refused::Form),
        (header(&format!("v1={MAC}")), body, Refused::Form),
        (header(&format!("t={AT}")), body, Refused::Form),
        (header(&format!("t={AT},v1={}", &MAC[..62])), body, Refused::Form),
        (header(&format!("t={AT},v1={}", MAC.to_uppercase())), body, Refused::Form),
        (header(&format!("t={AT},t={AT},v1={MAC}")), body, Refused::Form),
        (header(&format!("t=+{AT},v1={MAC}")), body, Refused::Form),
        (header(&format!("t={AT}.0,v1={MAC}")), body, Refused::Form),
        (header(&format!("t=,v1={MAC}")), body, Refused::Form),
        (header(""), body, Refused::Form),
        (header(&format!("t={AT},{}v1={MAC}", format!("v1={MAC},").repeat(8))), body, Refused::Form),
    ] {
        assert_eq!(verify(&headers, AT, body), Err(why), "{headers:?}");
    }
    assert_eq!(verify(&HeaderMap::new(), AT, body), Err(Refused::Missing));
    let mut twice = good();
    twice.append(SIGNATURE, good()[SIGNATURE].clone());
    assert_eq!(verify(&twice, AT, body), Err(Refused::Form));
    let none = Known { config: &Map::new(), secrets: &BTreeMap::new() };
    let now = Timestamp::from_second(AT).unwrap();
    let headers = good();
    let incoming = Incoming { headers: &headers, body, path_token: None, now };
    assert_eq!(Stripe.verify(&incoming, &none), Err(Refused::NotHere));
    assert_eq!(verify_with(&good(), AT, body, json!({}), Some("token")), Err(Refused::NotHere));
}

#[test]
fn an_event_is_about_the_things_that_hang_on_it() {
    let of = |topic: &str, object: Value| -> Vec<String> {
        let body = json!({"id": "evt_1", "type": topic, "data": {"object": object}}).to_string();
        Stripe.targets(topic, body.as_bytes()).into_iter().map(|t| format!("{}/{}", t.stream, t.id)).collect()
    };
    let invoice = json!({"object": "invoice", "id": "in_1",
        "parent": {"subscription_details": {"subscription": "sub_1"}}});
    assert_eq!(of("invoice.paid", invoice.clone()), ["invoices/in_1", "subscriptions/sub_1"]);
    assert_eq!(of("invoice.finalized", invoice), ["invoices/in_1"]);
    let charge = json!({"object": "charge", "id": "ch_1"});
    assert_eq!(of("charge.refunded", charge.clone()), ["charges/ch_1", "refunds/ch_1"]);
    assert_eq!(of("charge.succeeded", charge), ["charges/ch_1"]);
    let refund = json!({"object": "refund", "id": "re_1", "charge": {"id": "ch_1", "object": "charge"}});
    assert_eq!(of("refund.created", refund), ["refunds/re_1", "charges/ch_1"]);
    assert_eq!(of("product.updated", json!({"object": "product", "id": "prod_1"})), ["plans/prod_1"]);
    assert_eq!(
        of("customer.discount.created", json!({"object": "discount", "subscription": "sub_1"})),
        ["subscriptions/sub_1"]
    );
    assert!(of("customer.updated", json!({"object": "customer", "id": "../v1/balance"})).is_empty());
    assert!(of("payout.paid", json!({"object": "payout", "id": "po_1"})).is_empty());
    assert!(Stripe.targets("invoice.paid", b"not json").is_empty());
}

proptest! {
    #[test]
    fn any_flipped_bit_of_body_or_signature_is_noticed(byte in 0..BODY.len(), bit in 0u8..8, place in 0usize..64) {
        let mut body = BODY.as_bytes().to_vec();
        body[byte] ^= 1 << bit;
        prop_assert_eq!(verify(&good(), AT, &body), Err(Refused::Wrong));
        let mut mac = MAC.as_bytes().to_vec();
        mac[place] = if mac[place] == b'0' { b'1' } else { b'0' };
        let changed = header(&format!("t={AT},v1={}", String::from_utf8(mac).unwrap()));
        prop_assert_eq!(verify(&changed, AT, BODY.as_bytes()), Err(Refused::Wrong));
    }
}
