//! Lists inside objects that show only their beginning, bills that bill no period, and discounts of a customer.
use super::{DAY, EARLIER, FakeStripe, lines, price, refused};
use crate::connectors::fake::{Asked, Knobs, Platform, SECRET};
use crate::connectors::hooks::{Desk, SIGNS, signed};
use crate::connectors::rig::{Case, Rig};
use adjutant::clock::Clock as _;
use serde_json::{Value, json};

/// Entries that a list inside an object shows.
const SHOWN: usize = 10;

/// Three subscriptions: one of 25 items, one that is billed by use, one whose customer has a discount.
struct Deep;

fn item(subscription: i64, n: usize) -> Value {
    json!({"id": format!("si_{subscription}{n:03}"), "object": "subscription_item", "quantity": 1, "discounts": [], "price": price(1)})
}

fn metered() -> Value {
    let mut one = item(2, 1);
    one["price"]["recurring"]["usage_type"] = json!("metered");
    one.as_object_mut().unwrap().remove("quantity");
    one
}

fn bill_lines() -> Vec<Value> {
    let line = |n: usize| {
        json!({"id": format!("il_{n:03}"), "object": "line_item", "amount": 100,
            "parent": {"subscription_item_details": {"subscription_item": "si_2001", "proration": false}}})
    };
    (1..=12).map(line).collect()
}

fn invoice(n: i64, reason: &str, lines: Vec<Value>) -> Value {
    json!({"id": format!("in_{n}"), "object": "invoice", "billing_reason": reason, "currency": "eur", "livemode": true,
        "lines": list(lines, 0, SHOWN)})
}

fn list(all: Vec<Value>, skip: usize, size: usize) -> Value {
    let more = all.len() > skip + size;
    json!({"object": "list", "has_more": more, "data": all.into_iter().skip(skip).take(size).collect::<Vec<_>>()})
}

fn subscription(n: i64) -> Value {
    let items = match n {
        1 => (1..=25).map(|i| item(1, i)).collect(),
        2 => vec![metered()],
        _ => vec![item(3, 1)],
    };
    // The last bill is that of a change: 99.00 that say nothing of a month.
    let by_hand =
        json!([{"id": "il_x", "amount": 9_900, "subscription_item": "si_2001", "proration": false}]);
    let discount = json!({"object": "discount", "coupon": {"duration": "forever", "percent_off": 40}});
    json!({"id": format!("sub_{n}"), "object": "subscription", "created": EARLIER + n * DAY, "start_date": EARLIER + n * DAY,
        "livemode": true, "currency": "eur", "status": "active", "discounts": [], "cancel_at_period_end": false,
        "customer": {"id": format!("cus_{n}"), "object": "customer", "discount": if n == 3 { discount } else { Value::Null }},
        "items": list(items, 0, SHOWN),
        "latest_invoice": invoice(90 + n, "subscription_update", by_hand.as_array().unwrap().clone())})
}

impl Platform for Deep {
    fn answer(&self, asked: &Asked, knobs: &Knobs) -> (u16, Value) {
        if asked.header("authorization") != format!("Bearer {}", knobs.secret) {
            return refused(401, "Invalid API Key provided");
        }
        let of = asked.parameters();
        let paged = |all: Vec<Value>| {
            let limit = of.get("limit").map_or(10, |limit| limit.parse::<usize>().unwrap()).min(knobs.page);
            assert!(limit <= 100, "limit is at most 100");
            let after = of.get("starting_after");
            let skip = after
                .and_then(|after| all.iter().position(|one| one["id"] == **after))
                .map_or(0, |at| at + 1);
            (200, list(all, skip, limit))
        };
        match (
            asked.path.as_str(),
            of.get("subscription").map(String::as_str),
            of.get("customer").map(String::as_str),
        ) {
            ("/v1/subscriptions", None, None) => paged((1..=3).map(subscription).collect()),
            ("/v1/subscriptions", None, Some(customer)) => {
                paged((1..=3).map(subscription).filter(|one| one["customer"]["id"] == customer).collect())
            }
            ("/v1/subscription_items", Some("sub_1"), None) => paged((1..=25).map(|i| item(1, i)).collect()),
            ("/v1/invoices", Some("sub_2"), None) => paged(vec![
                invoice(92, "subscription_update", Vec::new()),
                invoice(91, "manual", Vec::new()),
                invoice(9, "subscription_cycle", bill_lines()),
                invoice(8, "subscription_create", Vec::new()),
            ]),
            ("/v1/invoices/in_9/lines", None, None) => paged(bill_lines()),
            _ => FakeStripe.answer(asked, knobs),
        }
    }
}

struct DeepCase;

impl Case for DeepCase {
    fn key(&self) -> &'static str {
        "stripe"
    }

    fn stream(&self) -> &'static str {
        "subscriptions"
    }

    fn config(&self) -> Value {
        json!({})
    }

    fn secrets(&self) -> &'static [&'static str] {
        &["api_key"]
    }

    fn platform(&self) -> Box<dyn Platform> {
        Box::new(Deep)
    }

    fn facts(&self) -> &'static str {
        "select concat_ws('|', id, customer_id, quantity, trim_scale(mrr)) from subscriptions order by 1"
    }
}

static DEEP: DeepCase = DeepCase;

const ALL: [&str; 3] = [
    "stripe:sub_1|stripe:cus_1|25.000000|250",
    // Twelve lines of 1.00 of the last period's bill.
    "stripe:sub_2|stripe:cus_2|1.000000|12",
    "stripe:sub_3|stripe:cus_3|1.000000|6",
];

#[tokio::test]
async fn what_lists_inside_leave_out_is_read_and_only_bills_of_periods_count() {
    let rig = Rig::new(&DEEP).await;
    rig.good().await;
    assert_eq!(rig.facts().await, ALL);
    // In small pages too.
    let rig = Rig::new(&DEEP).await;
    rig.fake.set(|knobs| knobs.page = 2);
    rig.good().await;
    assert_eq!(rig.facts().await, ALL);
}

#[tokio::test]
async fn a_discount_of_a_customer_has_all_they_subscribed_to_read_again() {
    let desk = Desk::over(Rig::new(&DEEP).await, &[("api_key", SECRET), ("webhook_secret", SIGNS)]).await;
    let body = json!({"id": "evt_1", "object": "event", "type": "customer.discount.created", "created": 1_758_099_500,
        "livemode": true, "data": {"object": {"object": "discount", "id": "di_1", "customer": "cus_3", "subscription": null}}})
    .to_string();
    let header = signed(desk.rig.clock.now().as_second(), &body);
    let path = format!("/hooks/stripe/{}", desk.rig.source);
    let (_, said) = desk.send(&path, &[("stripe-signature", &header)], body.as_bytes()).await;
    assert_eq!(said["status"], "stored", "{said}");
    assert_eq!(desk.work().await, 1);
    assert_eq!(desk.rig.facts().await, ALL[2..]);
}

/// So many events that a run does not come to their end: everything is listed again, over as many runs as that takes.
#[tokio::test]
async fn after_a_long_downtime_everything_is_listed_again() {
    let mut rig = Rig::new(&super::SUBSCRIPTIONS).await;
    rig.good().await;
    let place = "select string_agg(k, ',' order by k) from source_streams, jsonb_object_keys(cursor) k where stream = 'subscriptions'";
    assert_eq!(lines(&rig, place).await, ["changed"]);
    rig.clock.set("2025-09-17T15:00:00Z");
    rig.fake.set(|knobs| {
        knobs.page = 1;
        knobs.restated = Some("2025-09-15".parse().unwrap());
    });
    rig.engine.outside.limits.pages = 2;
    rig.good().await;
    assert!(lines(&rig, place).await[0].contains("begun"), "it lists");
    rig.fake.set(|knobs| knobs.page = 100);
    rig.good().await;
    assert_eq!(lines(&rig, place).await, ["changed"]);
    assert!(rig.facts().await.iter().any(|fact| fact.starts_with("stripe:sub_5|") && fact.contains("|7.0")));
}
