//! What is given back, as the shop tells it, down to the net revenue of its days.
use super::{DAY, PLAIN, RECENT, ShopifyCase, at, inner, lines, money, read};
use crate::connectors::rig::Rig;
use adjutant::daily::rollup;
use adjutant::period::Window;
use serde_json::{Value, json};

/// Items of the refund that has more than a page of them.
const MANY: usize = 25;

fn item(subtotal: &str, tax: &str) -> Value {
    json!({"subtotalSet": money(subtotal), "totalTaxSet": money(tax)})
}

/// A refund on 2025-08-28: what was paid back, its items, and what of it was shipping with its tax.
fn refund(order: i64, total: &str, items: Vec<Value>, shipping: Option<(&str, &str)>) -> Value {
    let shipping: Vec<Value> = shipping
        .into_iter()
        .map(|(subtotal, tax)| json!({"subtotalAmountSet": money(subtotal), "taxAmountSet": money(tax)}))
        .collect();
    json!({"id": format!("gid://shopify/Refund/{order}"), "createdAt": at(RECENT - 20 * DAY), "totalRefundedSet": money(total),
        "refundLineItems": inner(items, 0, 20), "refundShippingLines": {"nodes": shipping}})
}

fn give_back(order: &mut Value, refund: Value) {
    order["totalRefundedSet"] = refund["totalRefundedSet"].clone();
    order["refunds"] = json!([refund]);
}

/// Prices without tax, which comes on top: the same 74.00 of goods.
fn untaxed(order: &mut Value) {
    order["taxesIncluded"] = json!(false);
    order["subtotalPriceSet"] = money("74.00");
    order["totalShippingPriceSet"] = money("4.60");
}

/// What a query that does not ask for it does not get.
pub fn asked(order: &mut Value, query: &str) {
    for refund in order["refunds"].as_array_mut().into_iter().flatten() {
        for field in ["refundLineItems", "refundShippingLines"] {
            if !query.contains(&format!("{field}(first:")) {
                refund.as_object_mut().unwrap().remove(field);
            }
        }
    }
}

/// The rest of the refund that has more than a page.
pub fn rest(id: &Value, skip: usize) -> Value {
    let all = if id == "gid://shopify/Refund/8" { vec![item("1.00", "0.08"); MANY] } else { Vec::new() };
    json!({ "refundLineItems": inner(all, skip, 100) })
}

fn parts(n: i64, order: &mut Value) {
    match n {
        2 => {
            untaxed(order);
            give_back(order, refund(n, "40.00", vec![item("37.00", "3.00")], None));
        }
        5 => give_back(order, refund(n, "40.00", vec![item("40.00", "3.00")], None)),
        6 => give_back(order, refund(n, "5.00", Vec::new(), Some(("5.00", "0.40")))),
        8 => give_back(order, refund(n, "25.00", vec![item("1.00", "0.08"); MANY], None)),
        _ => {}
    }
}

fn everything(n: i64, order: &mut Value) {
    let whole = if n % 2 == 0 {
        untaxed(order);
        refund(n, "85.00", vec![item("37.00", "3.00"), item("37.00", "3.00")], Some(("4.60", "0.40")))
    } else {
        refund(n, "85.00", vec![item("40.00", "3.00"), item("40.00", "3.00")], Some(("5.00", "0.40")))
    };
    order["displayFinancialStatus"] = json!("REFUNDED");
    give_back(order, whole);
}

static PARTS: ShopifyCase = ShopifyCase { story: parts, ..PLAIN };
static EVERYTHING: ShopifyCase = ShopifyCase { story: everything, ..PLAIN };

/// Revenue and refunds of all days.
async fn totals(rig: &Rig) -> Vec<String> {
    let window = Window::new("2025-08-01".parse().unwrap(), "2025-09-16".parse().unwrap()).unwrap();
    rollup::range(&rig.world.db, &*rig.clock, rig.world.org, window, &|_| {}).await.unwrap();
    let sums = "select concat_ws('|', date, trim_scale(sum(revenue_base)), trim_scale(sum(refund_base)))
                from daily_metrics where entity_kind = 'site' group by date order by date";
    lines(rig, sums).await
}

#[tokio::test]
async fn a_refund_counts_with_its_goods_without_tax_and_shipping() {
    let rig = Rig::new(&PARTS).await;
    read(&rig, "orders").await;
    let refunds = lines(
        &rig,
        "select concat_ws('|', r.order_id, trim_scale(r.amount), trim_scale(o.refunded), trim_scale(o.net)) from refunds r
         join orders o on o.id = r.order_id order by 1",
    );
    assert_eq!(
        refunds.await,
        [
            // Given back for no goods: 10.00 × 74.00 ÷ 80.00.
            "shopify:1|9.25|9.25|75",
            "shopify:2|37|37|45",
            "shopify:5|37|37|45",
            "shopify:6|0|0|80",
            "shopify:8|23|23|60",
        ]
    );
    assert_eq!(totals(&rig).await, ["2025-08-08|592|0", "2025-08-28|0|106.25"]);
}

/// With a cancelled order and a test among them, which were never revenue.
#[tokio::test]
async fn orders_that_were_given_back_whole_leave_a_net_revenue_of_nothing() {
    let rig = Rig::new(&EVERYTHING).await;
    read(&rig, "orders").await;
    assert_eq!(totals(&rig).await, ["2025-08-08|592|0", "2025-08-28|0|592"]);
}
