use super::*;
use jiff::Timestamp;
use proptest::prelude::*;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::SecretString;
use std::collections::BTreeMap;

// Signed with `openssl dgst -sha256 -hmac … -binary | base64`.
const SECRET: &str = "shpss_fernhill_test_secret";
const BODY: &str =
    r##"{"id":450789469,"admin_graphql_api_id":"gid://shopify/Order/450789469","name":"#1001"}"##;
const MAC: &str = "XE9XU0sovUpsi2wUVPLweQHRt/BDqmij4ueoL82zTSg=";

fn good() -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (SIGNATURE, MAC),
        (TOPIC, "orders/updated"),
        (SHOP, "fernhill.myshopify.com"),
        (EVENT, "e-1"),
        (DELIVERY, "d-1"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers
}

fn with(name: &'static str, value: &str) -> HeaderMap {
    let mut headers = good();
    headers.insert(name, HeaderValue::from_str(value).unwrap());
    headers
}

fn verify(headers: &HeaderMap, body: &[u8]) -> Result<Delivery, Refused> {
    let secrets = BTreeMap::from([("client_secret".to_owned(), SecretString::from(SECRET))]);
    let config = json!({"shop": "fernhill"}).as_object().unwrap().clone();
    let incoming = Incoming { headers, body, path_token: None, now: Timestamp::UNIX_EPOCH };
    Shopify.verify(&incoming, &Known { config: &config, secrets: &secrets })
}

fn delivery(id: &str, topic: &str, wanted: bool) -> Delivery {
    Delivery { id: id.to_owned(), topic: topic.to_owned(), wanted }
}

#[test]
fn a_vector_verifies_for_its_own_shop() {
    let body = BODY.as_bytes();
    assert_eq!(verify(&good(), body), Ok(delivery("e-1|orders/updated", "orders/updated", true)));
    // The same happening under another topic is another delivery.
    assert_eq!(
        verify(&with(TOPIC, "carts/update"), body),
        Ok(delivery("e-1|carts/update", "carts/update", false))
    );
    let mut older = good();
    older.remove(EVENT);
    assert_eq!(verify(&older, body).unwrap().id, "d-1|orders/updated");
    older.remove(DELIVERY);
    assert_eq!(verify(&older, body), Err(Refused::Unreadable));
    assert_eq!(verify(&with(SHOP, "lakeside.myshopify.com"), body), Err(Refused::Elsewhere));
    assert!(verify(&with(SHOP, "Fernhill.myshopify.com"), body).is_ok());
}

#[test]
fn forgeries_do_not() {
    let body = BODY.as_bytes();
    let spaced = BODY.replace(':', ": ");
    for (headers, body, why) in [
        (good(), spaced.as_bytes(), Refused::Wrong),
        (good(), b"".as_slice(), Refused::Wrong),
        (with(SIGNATURE, &MAC.to_lowercase()), body, Refused::Wrong),
        (with(SIGNATURE, &MAC[..40]), body, Refused::Form),
        (with(SIGNATURE, "no base64!"), body, Refused::Form),
        (with(SIGNATURE, ""), body, Refused::Form),
    ] {
        assert_eq!(verify(&headers, body), Err(why), "{headers:?}");
    }
    for name in [SIGNATURE, SHOP, TOPIC] {
        let mut some = good();
        some.remove(name);
        assert_eq!(verify(&some, body), Err(Refused::Missing), "without {name}");
        let mut twice = good();
        twice.append(name, good()[name].clone());
        assert_eq!(verify(&twice, body), Err(Refused::Form), "two of {name}");
    }
}

#[test]
fn a_topic_is_about_one_thing() {
    let of = |topic: &str, body: Value| -> Vec<String> {
        Shopify
            .targets(topic, body.to_string().as_bytes())
            .into_iter()
            .map(|t| format!("{} {}", t.stream, t.id))
            .collect()
    };
    assert_eq!(of("orders/create", json!({"id": 7})), ["orders gid://shopify/Order/7"]);
    assert_eq!(
        of("orders/edited", json!({"order_edit": {"id": 1, "order_id": 7}})),
        ["orders gid://shopify/Order/7"]
    );
    assert_eq!(of("refunds/create", json!({"id": 1, "order_id": 7})), ["orders gid://shopify/Order/7"]);
    assert_eq!(of("customers/update", json!({"id": 7})), ["customers gid://shopify/Customer/7"]);
    assert_eq!(of("products/update", json!({"id": 7})), ["products gid://shopify/Product/7"]);
    for topic in ["app/uninstalled", "customers/data_request", "products/delete"] {
        assert!(of(topic, json!({"id": 7})).is_empty(), "{topic}");
    }
    let redact = json!({"shop_domain": "fernhill.myshopify.com", "customer": {"id": 7, "email": "x@fernhill.example"},
        "orders_to_redact": [8, 9]});
    assert_eq!(of("customers/redact", redact), ["customers forget:7", "orders forget:8", "orders forget:9"]);
    // A captured order under another topic is none: the topic is not signed.
    assert!(of("customers/redact", json!({"id": 8, "customer": {"id": 7}})).is_empty());
    assert!(of("orders/create", json!({"id": "x) { shop { name } }"})).is_empty());
}

proptest! {
    #[test]
    fn any_flipped_bit_is_noticed(byte in 0..BODY.len(), bit in 0u8..8, place in 0usize..32) {
        let mut body = BODY.as_bytes().to_vec();
        body[byte] ^= 1 << bit;
        prop_assert_eq!(verify(&good(), &body), Err(Refused::Wrong));
        let mut mac = STANDARD.decode(MAC).unwrap();
        mac[place] ^= 1 << bit;
        prop_assert_eq!(verify(&with(SIGNATURE, &STANDARD.encode(mac)), BODY.as_bytes()), Err(Refused::Wrong));
    }
}
