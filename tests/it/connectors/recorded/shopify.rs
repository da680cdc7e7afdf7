//! Bodies of Shopify's older REST API, which deliveries still have: things and answers that wrap them. Each goes through the way
//! in as a delivery would: taken whole, known by its topic, read again or ignored.
use super::{Recorded, all};
use crate::connectors::fake::SECRET;
use crate::connectors::hooks::{Desk, SIGNS, mac};
use crate::connectors::rig::Rig;
use crate::connectors::shopify::ORDERS;
use adjutant::platforms::hook::Target;
use adjutant::platforms::registry::connector;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// See [`SORTS`].
type Sort = (&'static str, &'static str, Option<&'static str>);

/// What a body wraps, the topic under which it is delivered, and the kind of thing that is read again because of it.
const SORTS: [Sort; 21] = [
    ("order", "orders/updated", Some("Order")),
    ("customer", "customers/update", Some("Customer")),
    ("product", "products/update", Some("Product")),
    ("refund", "refunds/create", Some("Order")),
    ("cart", "carts/update", None),
    ("checkout", "checkouts/update", None),
    ("customer_invite", "customers/invite", None),
    ("discount_code", "discounts/update", None),
    ("draft_order", "draft_orders/update", None),
    ("event", "events/create", None),
    ("inventory_level", "inventory_levels/update", None),
    ("location", "locations/update", None),
    ("marketing_event", "marketing_events/update", None),
    ("metafield", "metafields/update", None),
    ("notice", "notices/create", None),
    ("risk", "orders/risk_assessment_changed", None),
    ("payout", "payouts/update", None),
    ("price_rule", "price_rules/update", None),
    ("report", "reports/update", None),
    ("shop", "shop/update", None),
    ("transaction", "order_transactions/create", None),
];

/// The things of a body with the sort of each. A list that nothing wraps is told by the name of its file.
fn things(file: &Recorded) -> Option<Vec<(&'static Sort, Value)>> {
    let body = file.json();
    let sort = |name: &str| {
        let one = name.trim_start_matches("tender_").trim_end_matches('s');
        SORTS.iter().find(|(sort, ..)| *sort == one)
    };
    let wrapped: Vec<(String, Value)> = match body {
        Value::Object(wrapped) => wrapped.into_iter().collect(),
        list => vec![(file.name.trim_start_matches("rest_").trim_end_matches(".json").to_owned(), list)],
    };
    let mut found = Vec::new();
    for (name, thing) in wrapped {
        let sort = sort(&name)?;
        match thing {
            Value::Array(many) => found.extend(many.into_iter().map(|thing| (sort, thing))),
            one => found.push((sort, one)),
        }
    }
    Some(found)
}

/// What is to be read again, by an independent look.
fn expected(kind: Option<&str>, sort: &str, thing: &Value) -> Option<String> {
    let number = if sort == "refund" { &thing["order_id"] } else { &thing["id"] };
    Some(format!("gid://shopify/{}/{}", kind?, number.as_i64()?))
}

pub fn recorded(file: &Recorded) -> Option<usize> {
    let hook = connector("shopify").unwrap().webhook().unwrap();
    let things = things(file)?;
    for ((sort, topic, kind), thing) in &things {
        let targets: Vec<String> = hook
            .targets(topic, thing.to_string().as_bytes())
            .into_iter()
            .map(|Target { id, .. }| id)
            .collect();
        let expected: Vec<String> = expected(*kind, sort, thing).into_iter().collect();
        assert_eq!(targets, expected, "{} {sort}", file.name);
    }
    Some(things.len())
}

#[tokio::test]
async fn every_body_is_stored_whole_known_and_read_again_or_ignored() {
    let Some(vendors) = all() else { return };
    let desk =
        Desk::over(Rig::new(&ORDERS).await, &[("access_token", SECRET), ("client_secret", SIGNS)]).await;
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    let path = format!("/hooks/shopify/{}", desk.rig.source);
    for file in &vendors["shopify"] {
        for (number, ((sort, topic, kind), thing)) in things(file).unwrap().into_iter().enumerate() {
            let body = thing.to_string();
            let signature = STANDARD.encode(mac(&[body.as_bytes()]));
            let event = format!("{}#{number}", file.name);
            let headers = [
                ("x-shopify-hmac-sha256", signature.as_str()),
                ("x-shopify-topic", *topic),
                ("x-shopify-shop-domain", "fernhill.myshopify.com"),
                ("x-shopify-event-id", event.as_str()),
            ];
            let word = if expected(*kind, sort, &thing).is_some() { "stored" } else { "ignored" };
            // Twice, as platforms do: the second one is the same delivery.
            for said in [word, "duplicate"] {
                let (status, answer) = desk.send(&path, &headers, body.as_bytes()).await;
                assert_eq!((status, &answer["status"]), (StatusCode::OK, &json!(said)), "{event}: {answer}");
            }
            *counts.entry(word).or_default() += 1;
            let mut tx = desk.rig.world.db.org(desk.rig.world.org).await.unwrap();
            let kept: (Vec<u8>, String) =
                sqlx::query_as("select body, topic from webhook_events where external_id = $1")
                    .bind(format!("{event}|{topic}"))
                    .fetch_one(&mut *tx)
                    .await
                    .unwrap();
            assert_eq!((kept.0.as_slice(), kept.1.as_str()), (body.as_bytes(), *topic), "byte for byte");
        }
    }
    for (word, state) in [("stored", "new"), ("ignored", "ignored")] {
        let mut tx = desk.rig.world.db.org(desk.rig.world.org).await.unwrap();
        let there: i64 = sqlx::query_scalar("select count(*) from webhook_events where state = $1")
            .bind(state)
            .fetch_one(&mut *tx)
            .await
            .unwrap();
        assert_eq!(Some(&there), counts.get(word), "{word}");
    }
    // Numbers of a shop that is not this one: what is gone is no error, and none is tried again.
    let done = desk.work().await;
    assert_eq!(i64::try_from(done).unwrap(), counts["stored"]);
    assert!(counts["stored"] >= 40 && counts["ignored"] >= 40, "{counts:?}");
}
