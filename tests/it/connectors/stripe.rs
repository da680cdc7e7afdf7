//! Stripe as it answers: lists, single objects and events, newest first.
mod deep;

use super::contract::contract;
use super::fake::{Asked, Knobs, Platform};
use super::recorded::Recorded;
use super::rig::{Case, Rig};
use adjutant::daily::sync::Order;
use adjutant::db::syncs::SyncState;
use adjutant::platforms::stripe::{KINDS, Look, rows};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

pub struct FakeStripe;

/// 2025-09-17T08:55:00Z, five minutes before the tests begin.
const RECENT: i64 = 1_758_099_300;
/// 2025-06-01T00:00:00Z.
const EARLIER: i64 = 1_748_736_000;
const DAY: i64 = 86_400;

fn refused(status: u16, said: &str) -> (u16, Value) {
    (status, json!({"error": {"type": "invalid_request_error", "message": said}}))
}

fn price(n: i64) -> Value {
    let (interval, count, unit) = match n {
        1 => ("month", 1, 1000),
        2 => ("year", 1, 12_000),
        3 => ("week", 1, 1200),
        _ => ("month", 3, 9000),
    };
    json!({"id": format!("price_{n}"), "object": "price", "created": EARLIER, "livemode": true, "currency": "eur",
        "active": true, "billing_scheme": "per_unit", "type": "recurring", "nickname": null,
        "product": {"id": "prod_1", "object": "product", "name": "Trail Club"},
        "unit_amount": unit, "unit_amount_decimal": unit.to_string(),
        "recurring": {"interval": interval, "interval_count": count, "usage_type": "licensed"}})
}

fn subscription(n: i64, knobs: &Knobs) -> Value {
    let status = match n {
        1 => "active",
        2 => "past_due",
        3 => "trialing",
        4 => "canceled",
        _ => "active",
    };
    let quantity = if n == 5 && knobs.restated.is_some() { 7 } else { 3 };
    let mut one = json!({
        "id": format!("sub_{n}"), "object": "subscription", "created": EARLIER + n * DAY,
        "start_date": EARLIER + n * DAY, "livemode": true, "currency": "eur", "customer": format!("cus_{n}"),
        "status": status, "discounts": [], "cancel_at_period_end": false,
        "items": {"object": "list", "data": [
            {"id": format!("si_{n}"), "object": "subscription_item", "quantity": quantity, "discounts": [],
             "price": price((n - 1) % 4 + 1)}]},
    });
    if n == 1 {
        one["discounts"] =
            json!([{"object": "discount", "coupon": {"duration": "forever", "percent_off": 25}}]);
    }
    if n == 3 {
        one["trial_start"] = json!(EARLIER);
        one["trial_end"] = json!(RECENT + 10 * DAY);
    }
    if n == 4 {
        one["ended_at"] = json!(EARLIER + 40 * DAY);
        one["canceled_at"] = json!(EARLIER + 30 * DAY);
        one["cancellation_details"] =
            json!({"reason": "cancellation_requested", "feedback": "too_expensive"});
    }
    one
}

fn object(path: &str, n: i64, knobs: &Knobs) -> Value {
    let at = RECENT - n * DAY;
    let mut one = match path {
        "customers" => {
            json!({"id": format!("cus_{n}"), "object": "customer", "created": at, "livemode": true,
            "email": format!("Buyer{n}@Fernhill.example"), "name": "A Name", "phone": "+41 00 000 00 00",
            "currency": "eur", "address": {"country": "CH", "city": "Zug", "line1": "A Street 1"}})
        }
        "prices" => price(n),
        "subscriptions" => subscription(n, knobs),
        "invoices" => json!({"id": format!("in_{n}"), "object": "invoice", "created": at, "livemode": true,
            "currency": if n == 2 { "jpy" } else { "eur" }, "customer": format!("cus_{n}"),
            "status": if n == 3 { "open" } else { "paid" }, "amount_due": 1990, "amount_paid": if n == 3 { 0 } else { 1990 },
            "attempt_count": n, "status_transitions": {"paid_at": if n == 3 { Value::Null } else { json!(at + 60) }},
            "parent": {"subscription_details": {"subscription": format!("sub_{n}")}}, "customer_email": "x@fernhill.example"}),
        "refunds" => json!({"id": format!("re_{n}"), "object": "refund", "created": at, "currency": "eur",
            "amount": 500, "charge": format!("ch_{n}"), "reason": "requested_by_customer",
            "status": if n == 2 { "failed" } else { "succeeded" }}),
        _ => {
            json!({"id": format!("ch_{n}"), "object": "charge", "created": at, "livemode": true, "currency": "eur",
            "amount": 1990, "amount_captured": 1990, "amount_refunded": if n == 1 { 500 } else { 0 }, "captured": true,
            "paid": true, "status": if n == 3 { "failed" } else { "succeeded" }, "customer": format!("cus_{n}"),
            "payment_method_details": {"type": "card"}, "billing_details": {"address": {"city": "Zug"}},
            "balance_transaction": {"id": "txn_1", "object": "balance_transaction", "currency": "eur", "fee": 83}})
        }
    };
    if knobs.unknown_field {
        one["mood"] = json!("sunny");
    }
    if knobs.missing_field {
        let gone = if path == "subscriptions" { "customer" } else { "id" };
        one.as_object_mut().unwrap().remove(gone);
    }
    one
}

/// How many there are of a kind.
fn many(path: &str) -> i64 {
    if path == "prices" { 4 } else { 10 }
}

/// Of each kind the first two changed just now; the corrected one later that day.
fn events(types: &[String], knobs: &Knobs) -> Vec<Value> {
    let mut all = Vec::new();
    for kind in KINDS {
        let topic = kind.events[1];
        if types.iter().any(|wanted| wanted == topic) {
            for n in [1, 2] {
                all.push(json!({"id": format!("evt_{}_{n}", kind.path), "object": "event", "created": RECENT, "livemode": true,
                    "type": topic, "data": {"object": object(kind.path, n, &Knobs::default())}}));
            }
        }
    }
    if knobs.restated.is_some() && types.iter().any(|wanted| wanted == "customer.subscription.updated") {
        // As it was before the change: what it is now has to be asked for.
        let old = subscription(5, &Knobs::default());
        all.insert(
            0,
            json!({"id": "evt_later", "object": "event", "created": RECENT + 5 * 3600, "livemode": true,
            "type": "customer.subscription.updated", "data": {"object": old}}),
        );
    }
    all
}

impl Platform for FakeStripe {
    fn answer(&self, asked: &Asked, knobs: &Knobs) -> (u16, Value) {
        if asked.header("authorization") != format!("Bearer {}", knobs.secret) {
            return refused(401, "Invalid API Key provided");
        }
        if asked.method != "GET" || !asked.header("stripe-version").starts_with("20") {
            return refused(400, "send GET with a version");
        }
        let Some(path) = asked.path.strip_prefix("/v1/") else {
            return refused(404, "Unrecognized request URL");
        };
        let query: Vec<(String, String)> =
            form_urlencoded::parse(asked.query.as_bytes()).into_owned().collect();
        let of = |name: &str| query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let known = [
            "limit",
            "starting_after",
            "created[gte]",
            "created[lt]",
            "types[]",
            "expand[]",
            "status",
            "product",
            "charge",
        ];
        if let Some((name, _)) = query.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            return refused(400, &format!("Received unknown parameter: {name}"));
        }
        if let Some((kind, id)) = path.split_once('/') {
            let number = id.rsplit('_').next().and_then(|n| n.parse::<i64>().ok());
            let there = KINDS.iter().any(|known| known.path == kind);
            return match number.filter(|n| there && (1..=many(kind)).contains(n)) {
                Some(n) => (200, object(kind, n, knobs)),
                None => refused(404, &format!("No such object: '{id}'")),
            };
        }
        let limit: usize = of("limit").and_then(|text| text.parse().ok()).unwrap_or(10);
        if limit > 100 {
            return refused(400, "limit is at most 100");
        }
        let mut all = match path {
            "events" => {
                let types: Vec<String> = query
                    .iter()
                    .filter(|(name, _)| name == "types[]")
                    .map(|(_, value)| value.clone())
                    .collect();
                if types.len() > 20 {
                    return refused(400, "at most 20 types");
                }
                events(&types, knobs)
            }
            "products" => vec![json!({"id": "prod_1", "object": "product"})],
            "subscriptions" if of("status") != Some("all") && limit > 1 => {
                return refused(400, "only current ones");
            }
            kind if KINDS.iter().any(|known| known.path == kind) => {
                (1..=many(kind)).map(|n| object(kind, n, knobs)).collect()
            }
            _ => return refused(404, "Unrecognized request URL"),
        };
        let second =
            |name: &str, default: i64| of(name).and_then(|text| text.parse().ok()).unwrap_or(default);
        let (from, to) = (second("created[gte]", 0), second("created[lt]", i64::MAX));
        all.retain(|one| one["created"].as_i64().is_none_or(|at| from <= at && at < to));
        if knobs.empty {
            all.clear();
        }
        let after = of("starting_after").filter(|_| !knobs.repeat);
        let skip =
            after.and_then(|after| all.iter().position(|one| one["id"] == after)).map_or(0, |at| at + 1);
        let size = limit.min(knobs.page);
        let more = all.len() > skip + size;
        let data: Vec<Value> = all.into_iter().skip(skip).take(size).collect();
        (200, json!({"object": "list", "url": asked.path, "has_more": more, "data": data}))
    }
}

pub struct StripeCase(pub &'static str);

impl Case for StripeCase {
    fn key(&self) -> &'static str {
        "stripe"
    }

    fn stream(&self) -> &'static str {
        self.0
    }

    fn config(&self) -> Value {
        json!({"orders": "yes"})
    }

    fn secrets(&self) -> &'static [&'static str] {
        &["api_key"]
    }

    fn platform(&self) -> Box<dyn Platform> {
        Box::new(FakeStripe)
    }

    fn facts(&self) -> &'static str {
        "select concat_ws('|', id, customer_id, plan_id, status, quantity, mrr, trial_mrr, currency,
           (started_at at time zone 'UTC')::date, (canceled_at at time zone 'UTC')::date, cancel_reason)
         from subscriptions where source = 'stripe' order by 1"
    }

    fn by_day(&self) -> bool {
        false
    }
}

pub static SUBSCRIPTIONS: StripeCase = StripeCase("subscriptions");

contract!(subscriptions, crate::connectors::stripe::SUBSCRIPTIONS);

/// Reads every stream of the rig's connection to a good end.
pub async fn all(rig: &Rig) {
    for kind in KINDS {
        let order = Order { stream: kind.stream.to_owned(), ..rig.order() };
        let finished = rig.engine.run(&order, CancellationToken::new(), &|_| {}).await.unwrap();
        assert_eq!(finished.state, SyncState::Succeeded, "{}: {:?}", kind.stream, finished.error);
        assert_eq!(finished.warnings, json!([]), "{}", kind.stream);
    }
    rig.fake.anew();
}

pub async fn lines(rig: &Rig, sql: &'static str) -> Vec<String> {
    let mut tx = rig.world.db.org(rig.world.org).await.unwrap();
    sqlx::query_scalar(sql).fetch_all(&mut *tx).await.unwrap()
}

pub const MOVEMENTS: &str =
    "select concat_ws('|', date, subscription_id, kind, mrr_delta) from mrr_movements order by 1";

#[tokio::test]
async fn each_kind_comes_to_its_rows() {
    let rig = Rig::new(&SUBSCRIPTIONS).await;
    all(&rig).await;
    let subscriptions = rig.facts().await;
    assert_eq!(subscriptions.len(), 10);
    for expected in [
        // 3 × 10.00 a month less 25 %.
        "stripe:sub_1|stripe:cus_1|stripe:price_1|active|3.000000|22.500000|0.000000|EUR|2025-06-02|",
        // 3 × 120.00 a year.
        "stripe:sub_2|stripe:cus_2|stripe:price_2|past_due|3.000000|30.000000|0.000000|EUR|2025-06-03|",
        // 3 × 12.00 a week; it is tried out.
        "stripe:sub_3|stripe:cus_3|stripe:price_3|trialing|3.000000|0.000000|156.000000|EUR|2025-06-04|",
        "stripe:sub_4|stripe:cus_4|stripe:price_4|canceled|3.000000|0.000000|0.000000|EUR|2025-06-05|2025-07-11|too_expensive",
    ] {
        assert!(subscriptions.iter().any(|line| line == expected), "{expected}\n{subscriptions:#?}");
    }
    let movements = lines(&rig, MOVEMENTS).await;
    for expected in [
        "2025-06-02|stripe:sub_1|new|22.500000",
        "2025-06-05|stripe:sub_4|new|90.000000",
        "2025-07-11|stripe:sub_4|churn|-90.000000",
    ] {
        assert!(movements.iter().any(|line| line == expected), "{expected}\n{movements:#?}");
    }
    assert_eq!(
        rig.count("select count(*) from mrr_movements where subscription_id = 'stripe:sub_3'").await,
        0
    );
    let level = "select (select sum(mrr_delta) from mrr_movements) = (select sum(mrr) from subscriptions)";
    assert_eq!(lines(&rig, "select 1::text where (select sum(mrr_delta) from mrr_movements) = (select sum(mrr) from subscriptions)").await, ["1"], "{level}");

    let plans =
        lines(&rig, "select concat_ws('|', id, name, interval, amount, currency) from plans order by 1")
            .await;
    assert_eq!(
        plans,
        [
            "stripe:price_1|Trail Club|month|10.000000|EUR",
            "stripe:price_2|Trail Club|year|120.000000|EUR",
            "stripe:price_3|Trail Club|month|52.000000|EUR",
            "stripe:price_4|Trail Club|month|30.000000|EUR",
        ]
    );
    let invoices = lines(
        &rig,
        "select concat_ws('|', id, subscription_id, status, amount_due, amount_paid, currency, attempts,
           paid_at is not null, recovered_at is not null) from invoices order by 1",
    )
    .await;
    for expected in [
        "stripe:in_1|stripe:sub_1|paid|19.900000|19.900000|EUR|1|t|f",
        // Yen have no smaller unit; paid at the second try.
        "stripe:in_2|stripe:sub_2|paid|1990.000000|1990.000000|JPY|2|t|t",
        "stripe:in_3|stripe:sub_3|open|19.900000|0.000000|EUR|3|f|f",
    ] {
        assert!(invoices.iter().any(|line| line == expected), "{expected}\n{invoices:#?}");
    }
    let refunds =
        lines(&rig, "select concat_ws('|', id, order_id, amount, currency, reason) from refunds order by 1")
            .await;
    assert!(
        refunds.contains(&"stripe:re_1|stripe:ch_1|5.000000|EUR|requested_by_customer".to_owned()),
        "{refunds:#?}"
    );
    assert!(
        refunds.contains(&"stripe:re_2|stripe:ch_2|0.000000|EUR|requested_by_customer".to_owned()),
        "it failed"
    );
    let orders = lines(
        &rig,
        "select concat_ws('|', id, status, gross, refunded, fees, net, net_base, customer_id, is_first_order, is_test)
         from orders order by 1",
    )
    .await;
    assert_eq!(orders.len(), 9, "a charge that failed is no order");
    assert!(
        orders.contains(
            &"stripe:ch_1|paid|19.900000|5.000000|0.830000|14.070000|14.070000|stripe:cus_1|t|f".to_owned()
        ),
        "{orders:#?}"
    );
    // Of people the country, the city and a hash; nothing to write to, no names.
    let people = "select count(*) from customers where source = 'stripe' and octet_length(email_hash) = 32 and email is null
        and country = 'CH' and city = 'Zug' and orders_count >= 0";
    assert_eq!(rig.count(people).await, 10);
    let told = "select count(*) from customers c where to_jsonb(c)::text ~* 'name\"|fernhill|street|\\+41'";
    assert_eq!(rig.count(told).await, 0);
    // Everything again is nothing new.
    let before = rig.count("select count(*) from orders where updated_at > first_seen_at").await;
    all(&rig).await;
    assert_eq!(rig.count("select count(*) from orders where updated_at > first_seen_at").await, before);
    assert_eq!(lines(&rig, MOVEMENTS).await, movements);
}

#[tokio::test]
async fn a_subscription_that_pays_more_is_an_expansion_of_that_day() {
    let rig = Rig::new(&SUBSCRIPTIONS).await;
    rig.good().await;
    rig.clock.set("2025-09-18T15:00:00Z");
    rig.fake.set(|knobs| knobs.restated = Some("2025-09-16".parse().unwrap()));
    rig.good().await;
    let movements = lines(&rig, MOVEMENTS).await;
    // From 3 to 7 of 10.00.
    assert!(movements.contains(&"2025-09-18|stripe:sub_5|expansion|40.000000".to_owned()), "{movements:#?}");
}

#[tokio::test]
async fn without_being_the_till_no_charge_is_an_order() {
    let rig = Rig::new(&SUBSCRIPTIONS).await;
    let mut superuser = rig.world.superuser().await;
    sqlx::query("update sources set config = '{}'").execute(&mut superuser).await.unwrap();
    all(&rig).await;
    assert_eq!(rig.count("select count(*) from orders").await, 0);
    assert_eq!(rig.count("select count(*) from refunds").await, 10);
}

#[tokio::test]
async fn test_data_and_deleted_objects_make_no_rows() {
    let look = Look { now: Timestamp::UNIX_EPOCH, tests: false, currency: "EUR".parse().unwrap() };
    let test = json!({"id": "cus_1", "object": "customer", "livemode": false});
    let gone = json!({"id": "cus_2", "object": "customer", "deleted": true});
    let read = |tests: bool| {
        rows("customers", &[test.clone(), gone.clone()], Look { tests, ..look }).0.unwrap().len()
    };
    assert_eq!((read(false), read(true)), (0, 1));
}

/// Every object of Stripe's own published fixtures.
pub fn recorded(file: &Recorded) -> Option<usize> {
    if file.name != "fixtures3.json" {
        return None;
    }
    let fixtures = file.json();
    let look =
        Look { now: "2025-09-17T09:00:00Z".parse().unwrap(), tests: true, currency: "EUR".parse().unwrap() };
    let mut read = 0;
    for (name, resource) in fixtures["resources"].as_object().unwrap() {
        for kind in KINDS {
            let (made, seen) = rows(kind.stream, std::slice::from_ref(resource), look);
            let made = made.map_or(0, |rows| rows.len());
            if name == kind.object {
                // The published charge was only authorised.
                let rows = usize::from(name != "charge");
                assert_eq!((made, seen.rows, seen.missing.len()), (rows, 1, 0), "{name}: {seen:?}");
                assert!(seen.new_fields.is_empty() && seen.unknown_values.is_empty(), "{name}: {seen:?}");
                read += 1;
            }
        }
        // An event about any of them is read, and about what is not ours it is about nothing.
        let event = json!({"id": "evt_1", "type": format!("{name}.updated"), "data": {"object": resource}});
        let hook = adjutant::platforms::registry::connector("stripe").unwrap().webhook().unwrap();
        let targets = hook.targets(&format!("{name}.updated"), event.to_string().as_bytes());
        let ours = KINDS.iter().any(|kind| resource["object"] == kind.object)
            || ["plan", "product", "discount"].iter().any(|ours| resource["object"] == *ours);
        assert!(ours || targets.is_empty(), "{name}: {targets:?}");
    }
    assert_eq!(read, KINDS.len());
    let event = fixtures["resources"]["event"].to_string();
    let hook = adjutant::platforms::registry::connector("stripe").unwrap().webhook().unwrap();
    assert_eq!(hook.targets("plan.created", event.as_bytes())[0].stream, "plans");
    Some(fixtures["resources"].as_object().unwrap().len())
}
