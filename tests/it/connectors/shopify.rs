//! Shopify as it answers: `POST /admin/api/{version}/graphql.json`, whose refusals come with 200.
mod long;
mod refunds;
mod wishes;

use super::contract::contract;
use super::fake::{Asked, Knobs, Platform, SECRET, Trouble};
use super::hooks::{Desk, SIGNS, mac};
use super::rig::{Case, Rig};
use super::stripe::lines;
use adjutant::daily::sync::Order;
use adjutant::db::syncs::SyncState;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use tokio_util::sync::CancellationToken;

/// 2025-09-17T08:55:00Z.
const RECENT: i64 = 1_758_099_300;
const DAY: i64 = 86_400;
/// Nodes of a query of orders above which it is too dear.
const DEAR: u64 = 25;

pub struct FakeShopify {
    /// The next list is refused for want of points.
    throttled: AtomicBool,
    /// What is different about an order.
    story: fn(i64, &mut Value),
}

fn at(second: i64) -> String {
    Timestamp::from_second(second).unwrap().to_string()
}

fn money(amount: &str) -> Value {
    json!({"shopMoney": {"amount": amount, "currencyCode": "EUR"}})
}

fn line(order: i64, n: i64) -> Value {
    json!({"id": format!("gid://shopify/LineItem/{order}{n:03}"), "sku": format!("SKU-{n}"), "quantity": n,
        "product": {"id": "gid://shopify/Product/1"}, "variant": {"id": format!("gid://shopify/ProductVariant/{n}")},
        "originalUnitPriceSet": money("25.00"), "totalDiscountSet": money("5.00")})
}

/// How many lines an order has.
fn lines_of(n: i64, knobs: &Knobs) -> i64 {
    match n {
        2 => 23,
        5 if knobs.restated == Some("2025-09-15".parse().unwrap()) => 1,
        _ => 2,
    }
}

fn order(n: i64, knobs: &Knobs) -> Value {
    let changed = n == 5 && knobs.restated.is_some();
    let updated = if changed { RECENT + 5 * 3600 } else { RECENT - (10 - n) * DAY };
    json!({
        "id": format!("gid://shopify/Order/{n}"), "name": format!("#10{n:02}"), "createdAt": at(RECENT - 40 * DAY + n * 60),
        "processedAt": at(RECENT - 40 * DAY + n * 60), "updatedAt": at(updated),
        "cancelledAt": if n == 3 { json!(at(RECENT - 30 * DAY)) } else { Value::Null }, "test": n == 4,
        "displayFinancialStatus": if n == 1 { "PARTIALLY_REFUNDED" } else { "PAID" },
        "displayFulfillmentStatus": if changed { "FULFILLED" } else { "UNFULFILLED" },
        "currencyCode": "EUR", "sourceName": if n == 6 { "pos" } else { "web" }, "taxesIncluded": true,
        "discountCodes": if n == 1 { json!(["HELLO"]) } else { json!([]) }, "paymentGatewayNames": ["shopify_payments"],
        "customer": {"id": format!("gid://shopify/Customer/{}", (n - 1) % 5 + 1)}, "shippingAddress": {"city": "Zug"},
        "subtotalPriceSet": money("80.00"), "totalDiscountsSet": money("20.00"), "totalShippingPriceSet": money("5.00"),
        "totalTaxSet": money("6.40"),
        "shippingLines": {"nodes": [{"taxLines": [{"priceSet": money("0.40")}]}]}, "totalPriceSet": money("85.00"),
        "totalRefundedSet": money(if n == 1 { "10.00" } else { "0.00" }),
        "customerJourneySummary": if n == 6 { Value::Null } else { json!({"lastVisit": {
            "landingPage": "https://fernhill.example/?utm_source=google&gclid=x", "referrerUrl": "https://www.google.com/",
            "utmParameters": {"source": "google", "medium": "cpc", "campaign": "Boots", "term": null, "content": null}}}) },
        "refunds": if n == 1 { json!([{"id": "gid://shopify/Refund/1", "createdAt": at(RECENT - 20 * DAY),
            "totalRefundedSet": money("10.00")}]) } else { json!([]) },
        "lineItems": inner((1..=lines_of(n, knobs)).map(|l| line(n, l)).collect(), 0, 20),
    })
}

fn customer(n: i64) -> Value {
    json!({"id": format!("gid://shopify/Customer/{n}"), "createdAt": at(RECENT - 100 * DAY), "updatedAt": at(RECENT - (10 - n) * DAY),
        "numberOfOrders": if n <= 5 { "2" } else { "0" },
        "defaultEmailAddress": {"emailAddress": format!("Buyer{n}@Fernhill.example"),
            "marketingState": if n % 2 == 0 { "SUBSCRIBED" } else { "NOT_SUBSCRIBED" }},
        "defaultAddress": {"city": "Zug", "countryCodeV2": "CH"}})
}

fn product(n: i64) -> Value {
    let variant = |v: i64| {
        json!({"id": format!("gid://shopify/ProductVariant/{n}{v:02}"), "sku": format!("SKU-{n}-{v}"), "title": format!("Size {v}"),
            "price": "25.00", "compareAtPrice": null, "inventoryItem": {"unitCost": {"amount": "11.5"}}})
    };
    json!({"id": format!("gid://shopify/Product/{n}"), "title": format!("Boot {n}"), "productType": "Boots", "status": "ACTIVE",
        "updatedAt": at(RECENT - (10 - n) * DAY), "variants": inner((1..=if n == 1 { 21 } else { 1 }).map(variant).collect(), 0, 20)})
}

/// A connection: so many from one on, and where the rest begins.
fn inner(all: Vec<Value>, skip: usize, size: usize) -> Value {
    let more = all.len() > skip + size;
    let nodes: Vec<Value> = all.into_iter().skip(skip).take(size).collect();
    let end = if nodes.is_empty() { Value::Null } else { json!(format!("c{}", skip + nodes.len())) };
    json!({"pageInfo": {"hasNextPage": more, "endCursor": end}, "nodes": nodes})
}

fn place(cursor: &Value) -> usize {
    cursor.as_str().and_then(|cursor| cursor.strip_prefix('c')).and_then(|n| n.parse().ok()).unwrap_or(0)
}

fn answer(data: Value) -> (u16, Value) {
    (
        200,
        json!({"data": data, "extensions": {"cost": {"requestedQueryCost": 112, "actualQueryCost": 41,
        "throttleStatus": {"maximumAvailable": 2000.0, "currentlyAvailable": 1959, "restoreRate": 100.0}}}}),
    )
}

fn error(code: &str, message: &str) -> (u16, Value) {
    (
        200,
        json!({"errors": [{"message": message, "extensions": {"code": code}}], "extensions": {"cost": {
        "requestedQueryCost": 500, "throttleStatus": {"maximumAvailable": 2000.0, "currentlyAvailable": 101, "restoreRate": 100.0}}}}),
    )
}

impl FakeShopify {
    fn all(&self, stream: &str, knobs: &Knobs, query: &str) -> Vec<Value> {
        match stream {
            "orders" => (1..=10)
                .map(|n| {
                    let mut order = order(n, knobs);
                    (self.story)(n, &mut order);
                    refunds::asked(&mut order, query);
                    order
                })
                .collect(),
            "customers" => (1..=10).map(customer).collect(),
            _ => (1..=4).map(product).collect(),
        }
    }
}

impl Platform for FakeShopify {
    fn answer(&self, asked: &Asked, knobs: &Knobs) -> (u16, Value) {
        if asked.path != "/admin/api/2025-07/graphql.json" || asked.method != "POST" {
            return (404, json!({"errors": "Not Found"}));
        }
        if asked.header("x-shopify-access-token") != knobs.secret {
            return (
                401,
                json!({"errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"}),
            );
        }
        let body = asked.json();
        let (query, variables) = (body["query"].as_str().unwrap_or_default(), &body["variables"]);
        if query.matches('{').count() != query.matches('}').count()
            || query.matches('(').count() != query.matches(')').count()
        {
            return error("GRAPHQL_PARSE_FAILED", "syntax error");
        }
        if query.contains("currentAppInstallation") {
            let scopes = ["read_orders", "write_customers", "read_products", "read_inventory"]
                .map(|s| json!({"handle": s}));
            return answer(
                json!({"shop": {"name": "Fernhill", "myshopifyDomain": "fernhill.myshopify.com", "currencyCode": "EUR",
                "ianaTimezone": "Europe/Zurich"}, "currentAppInstallation": {"accessScopes": scopes}}),
            );
        }
        if query.contains("node: refund(") {
            return answer(json!({ "node": refunds::rest(&variables["id"], place(&variables["after"])) }));
        }
        let one = [("orders", "order("), ("customers", "customer("), ("products", "product(")];
        if let Some((stream, _)) = one.iter().find(|(_, root)| query.contains(&format!("node: {root}"))) {
            let found = self.all(stream, knobs, query).into_iter().find(|node| node["id"] == variables["id"]);
            let Some(mut found) = found else { return answer(json!({"node": null})) };
            if query.contains("$after") {
                let field = if *stream == "orders" { "lineItems" } else { "variants" };
                let number: i64 = found["id"].as_str().unwrap().rsplit('/').next().unwrap().parse().unwrap();
                let rest: Vec<Value> = match *stream {
                    "orders" => (1..=lines_of(number, knobs)).map(|l| line(number, l)).collect(),
                    _ => (1..=21)
                        .map(|v| {
                            json!({"id": format!("gid://shopify/ProductVariant/{number}{v:02}"), "sku": "S",
                        "title": "T", "price": "25.00"})
                        })
                        .collect(),
                };
                found[field] = inner(rest, place(&variables["after"]), 100);
            }
            return answer(json!({ "node": found }));
        }
        let Some(stream) = ["orders", "customers", "products"]
            .into_iter()
            .find(|s| query.contains(&format!("{s}(first:$first")))
        else {
            return error("GRAPHQL_VALIDATION_FAILED", "no such field");
        };
        let first = variables["first"].as_u64().unwrap();
        if first > 250 || (stream == "orders" && first > DEAR) {
            return error(
                "MAX_COST_EXCEEDED",
                "Query cost is 1302, which exceeds the single query max cost limit (1000).",
            );
        }
        if self.throttled.swap(false, Ordering::Relaxed) {
            return error("THROTTLED", "Throttled");
        }
        let search = variables["q"].as_str().unwrap_or_default();
        let bound = |mark: &str| {
            let (_, rest) = search.split_once(mark)?;
            rest.split_once('\'').map(|(time, _)| time.parse::<Timestamp>().unwrap())
        };
        let Some(from) = bound("updated_at:>='") else { return error("BAD_REQUEST", "no filter") };
        let until = bound("updated_at:<'").unwrap_or(Timestamp::MAX);
        let mut all = self.all(stream, knobs, query);
        let updated = |node: &Value| node["updatedAt"].as_str().unwrap().parse::<Timestamp>().unwrap();
        all.retain(|node| !knobs.empty && from <= updated(node) && updated(node) < until);
        all.sort_by_key(updated);
        for node in &mut all {
            if knobs.unknown_field {
                node["mood"] = json!("sunny");
            }
            if knobs.missing_field {
                node.as_object_mut().unwrap().remove(if stream == "orders" { "totalPriceSet" } else { "id" });
            }
        }
        let skip = if knobs.repeat { 0 } else { place(&variables["after"]) };
        answer(json!({ stream: inner(all, skip, knobs.page.min(usize::try_from(first).unwrap())) }))
    }
}

pub struct ShopifyCase {
    stream: &'static str,
    throttled: bool,
    story: fn(i64, &mut Value),
}

impl Case for ShopifyCase {
    fn key(&self) -> &'static str {
        "shopify"
    }

    fn stream(&self) -> &'static str {
        self.stream
    }

    fn config(&self) -> Value {
        json!({"shop": "fernhill"})
    }

    fn secrets(&self) -> &'static [&'static str] {
        &["access_token"]
    }

    fn platform(&self) -> Box<dyn Platform> {
        Box::new(FakeShopify { throttled: AtomicBool::new(self.throttled), story: self.story })
    }

    fn facts(&self) -> &'static str {
        "select concat_ws('|', id, (ordered_at at time zone 'UTC')::date, status, financial_status, fulfilment_status, gross, discount,
           shipping, tax, total, refunded, net, net_base, customer_id, is_first_order, channel, city, promo_code, is_test)
         from orders where source = 'shopify' order by 1"
    }

    fn by_day(&self) -> bool {
        false
    }
}

const PLAIN: ShopifyCase = ShopifyCase { stream: "orders", throttled: false, story: |_, _| {} };
pub static ORDERS: ShopifyCase = PLAIN;
static THROTTLED: ShopifyCase = ShopifyCase { throttled: true, ..PLAIN };

contract!(orders, crate::connectors::shopify::ORDERS);

async fn read(rig: &Rig, stream: &str) {
    let order = Order { stream: stream.to_owned(), ..rig.order() };
    let finished = rig.engine.run(&order, CancellationToken::new(), &|_| {}).await.unwrap();
    assert_eq!(
        (finished.state, &finished.warnings),
        (SyncState::Succeeded, &json!([])),
        "{stream}: {:?}",
        finished.error
    );
}

const ITEMS: &str =
    "select concat_ws('|', order_id, line, product_id, variant_id, sku, qty, unit_price, discount)
     from order_items order by order_id, line";

#[tokio::test]
async fn orders_customers_and_products_come_to_their_rows() {
    let rig = Rig::new(&ORDERS).await;
    for stream in ["orders", "customers", "products"] {
        read(&rig, stream).await;
    }
    let orders = rig.facts().await;
    assert_eq!(orders.len(), 10);
    for expected in [
        // 80.00 after 20.00 of discount, 6.00 of tax inside; 0.40 more is inside the 5.00 of shipping.
        "shopify:1|2025-08-08|paid|partially_refunded|unfulfilled|94.000000|20.000000|5.000000|6.400000|85.000000|9.250000|\
         75.000000|75.000000|shopify:1|t|paid_search|Zug|t|f",
        "shopify:3|2025-08-08|cancelled|paid|unfulfilled|94.000000|20.000000|5.000000|6.400000|85.000000|0.000000|\
         85.000000|85.000000|shopify:3|f|paid_search|Zug|f|f",
        // A test is no first order, the next one is.
        "shopify:9|2025-08-08|paid|paid|unfulfilled|94.000000|20.000000|5.000000|6.400000|85.000000|0.000000|\
         85.000000|85.000000|shopify:4|t|paid_search|Zug|f|f",
        "shopify:6|2025-08-08|paid|paid|unfulfilled|94.000000|20.000000|5.000000|6.400000|85.000000|0.000000|\
         85.000000|85.000000|shopify:1|f|offline|Zug|f|f",
    ] {
        assert!(orders.iter().any(|line| line == expected), "{expected}\n{orders:#?}");
    }
    let items = lines(&rig, ITEMS).await;
    assert_eq!(items.len(), 9 * 2 + 23, "all lines, also those of further pages");
    assert!(
        items.contains(&"shopify:2|23|shopify:1|shopify:23|SKU-23|23.000000|25.000000|5.000000".to_owned()),
        "{items:#?}"
    );
    let refunds = lines(&rig, "select concat_ws('|', id, order_id, amount, currency) from refunds").await;
    assert_eq!(refunds, ["shopify:1|shopify:1|9.250000|EUR"]);
    let people = lines(
        &rig,
        "select concat_ws('|', id, kind, country, city, accepts_marketing, orders_count, total_spent, octet_length(email_hash))
         from customers order by 1",
    )
    .await;
    assert_eq!(people.len(), 10);
    assert!(people.contains(&"shopify:1|customer|CH|Zug|f|2|148.000000|32".to_owned()), "{people:#?}");
    assert!(people.contains(&"shopify:10|contact|CH|Zug|t|0|0.000000|32".to_owned()), "{people:#?}");
    let products = lines(
        &rig,
        "select concat_ws('|', p.id, p.name, p.category, p.status, count(v.id), min(v.price), min(v.unit_cost))
         from products p join variants v on v.product_id = p.id group by p.id, p.name, p.category, p.status order by 1",
    )
    .await;
    assert!(
        products.contains(&"shopify:1|Boot 1|Boots|active|21|25.000000|11.500000".to_owned()),
        "{products:#?}"
    );
    assert_eq!(
        rig.count("select count(*) from entities where kind = 'product' and source = 'shopify'").await,
        4
    );
    let told = "select count(*) from (select to_jsonb(c)::text t from customers c union all select to_jsonb(o)::text from orders o) x
        where t ~* 'buyer'";
    assert_eq!(rig.count(told).await, 0);
    // The account is the shop's: its zone and currency were told.
    assert_eq!(
        rig.count(
            "select count(*) from sources where account_time_zone = 'Europe/Zurich' and currency = 'EUR'"
        )
        .await,
        1
    );
    let written = rig.count("select count(*) from orders where updated_at > first_seen_at").await;
    rig.clock.set("2025-09-17T12:00:00Z");
    for stream in ["orders", "customers", "products"] {
        read(&rig, stream).await;
    }
    assert_eq!(rig.count("select count(*) from orders where updated_at > first_seen_at").await, written);
}

#[tokio::test]
async fn a_line_that_was_taken_out_of_an_order_goes() {
    let rig = Rig::new(&ORDERS).await;
    rig.good().await;
    rig.clock.set("2025-09-17T15:00:00Z");
    rig.fake.set(|knobs| knobs.restated = Some("2025-09-15".parse().unwrap()));
    rig.good().await;
    let left = "select count(*) from order_items where order_id = 'shopify:5'";
    assert_eq!((rig.count(left).await, lines(&rig, ITEMS).await.len()), (1, 9 * 2 + 23 - 1));
}

/// Points are paid back over time: (500 asked for − 101 there) ÷ 100 a second.
#[tokio::test]
async fn a_query_that_cannot_be_paid_waits_until_it_can() {
    let rig = Rig::new(&THROTTLED).await;
    let finished = rig.good().await;
    assert_eq!((finished.counts.retries, rig.facts().await.len()), (1, 10));
    // Of a budget that is nearly used up half comes back first.
    let waited: Vec<i64> = rig.clock.waited.lock().unwrap().iter().map(|wait| wait.as_secs()).collect();
    assert!(waited.contains(&4) && finished.counts.throttled_ms >= 9_000, "{waited:?}");
}

#[tokio::test]
async fn another_shop_s_token_and_missing_scopes_are_told() {
    let rig = Rig::new(&ORDERS).await;
    let mut superuser = rig.world.superuser().await;
    sqlx::query(r#"update sources set config = '{"shop": "lakeside"}'"#)
        .execute(&mut superuser)
        .await
        .unwrap();
    let error = rig.engine.check(rig.world.org, rig.source).await.unwrap_err();
    assert!(error.message.contains("opens another shop, fernhill.myshopify.com"), "{error}");
}

async fn desk() -> Desk {
    Desk::over(Rig::new(&ORDERS).await, &[("access_token", SECRET), ("client_secret", SIGNS)]).await
}

async fn deliver(desk: &Desk, topic: &str, shop: &str, event: &str, body: &str) -> (StatusCode, Value) {
    let signature = STANDARD.encode(mac(&[body.as_bytes()]));
    let headers = [
        ("x-shopify-hmac-sha256", signature.as_str()),
        ("x-shopify-topic", topic),
        ("x-shopify-shop-domain", shop),
        ("x-shopify-event-id", event),
        ("x-shopify-webhook-id", "delivery"),
    ];
    desk.send(&format!("/hooks/shopify/{}", desk.rig.source), &headers, body.as_bytes()).await
}

#[tokio::test]
async fn a_delivery_and_polling_come_to_the_same_orders() {
    let polled = Rig::new(&ORDERS).await;
    polled.good().await;
    let desk = desk().await;
    let shop = "fernhill.myshopify.com";
    for n in 1..=10 {
        let body = json!({"id": n, "admin_graphql_api_id": format!("gid://shopify/Order/{n}")}).to_string();
        let (status, said) = deliver(&desk, "orders/updated", shop, &format!("e-{n}"), &body).await;
        assert_eq!((status, &said["status"]), (StatusCode::OK, &json!("stored")), "{said}");
    }
    assert_eq!(desk.work().await, 10);
    assert_eq!(desk.rig.facts().await, polled.facts().await);
    assert_eq!(lines(&desk.rig, ITEMS).await, lines(&polled, ITEMS).await);
    // The refund tells of its order; the same happening again, the privacy of somebody, another shop, another secret.
    let refund = json!({"id": 1, "order_id": 1}).to_string();
    assert_eq!(deliver(&desk, "refunds/create", shop, "e-11", &refund).await.1["status"], "stored");
    assert_eq!(deliver(&desk, "refunds/create", shop, "e-11", &refund).await.1["status"], "duplicate");
    assert_eq!(deliver(&desk, "customers/data_request", shop, "e-12", "{}").await.1["status"], "ignored");
    let (status, said) = deliver(&desk, "orders/updated", "lakeside.myshopify.com", "e-13", "{}").await;
    assert_eq!((status, &said["code"]), (StatusCode::UNAUTHORIZED, &json!("webhook.signature_invalid")));
    // A thing that is gone is no error; a platform in trouble is asked again later.
    let gone = json!({"id": 99}).to_string();
    assert_eq!(deliver(&desk, "orders/updated", shop, "e-14", &gone).await.1["status"], "stored");
    desk.rig.fake.trouble(0, Trouble::Status(500));
    assert_eq!(desk.work().await, 0);
    desk.rig.fake.anew();
    desk.rig.clock.set("2025-09-17T10:00:00Z");
    assert_eq!(desk.work().await, 2);
    assert_eq!(desk.rig.count("select count(*) from webhook_events where state = 'done'").await, 12);
}

#[tokio::test]
async fn an_older_look_at_an_order_never_replaces_a_newer_one() {
    let desk = desk().await;
    desk.rig.fake.set(|knobs| knobs.restated = Some("2025-09-15".parse().unwrap()));
    let body = json!({"id": 5}).to_string();
    deliver(&desk, "orders/updated", "fernhill.myshopify.com", "e-1", &body).await;
    assert_eq!(desk.work().await, 1);
    let (orders, items) = (desk.rig.facts().await, lines(&desk.rig, ITEMS).await);
    // As the order was an hour earlier, written by whoever was slow.
    desk.rig.fake.set(|knobs| knobs.restated = None);
    deliver(&desk, "orders/updated", "fernhill.myshopify.com", "e-0", &body).await;
    assert_eq!(desk.work().await, 1);
    assert_eq!((desk.rig.facts().await, lines(&desk.rig, ITEMS).await), (orders, items));
}

#[tokio::test]
async fn who_is_to_be_forgotten_is() {
    let desk = desk().await;
    for stream in ["orders", "customers"] {
        read(&desk.rig, stream).await;
    }
    let body =
        json!({"shop_domain": "fernhill.myshopify.com", "customer": {"id": 1}, "orders_to_redact": [1]})
            .to_string();
    deliver(&desk, "customers/redact", "fernhill.myshopify.com", "e-1", &body).await;
    assert_eq!(desk.work().await, 1);
    // The person is erased everywhere, as one who asked here.
    assert_eq!(
        desk.rig.count("select count(*) from privacy_jobs where state = 'pending' and kind = 'erase'").await,
        1
    );
    let before = desk.rig.count("select count(*) from customers").await;
    adjutant::jobs::privacy::run(desk.rig.world.round()).await.unwrap();
    assert_eq!(desk.rig.count("select count(*) from customers").await, before - 1);
    assert_eq!(desk.rig.count("select count(*) from customers where id = 'shopify:1'").await, 0);
    let told = "select count(*) from orders where id = 'shopify:1' and city is null and landing_site is null and total = 85";
    assert_eq!(desk.rig.count(told).await, 1);
    assert_eq!(desk.rig.count("select count(*) from orders where city is not null").await, 9);
}
