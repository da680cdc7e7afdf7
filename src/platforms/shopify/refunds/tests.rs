use super::*;

fn set(amount: &str) -> Value {
    json!({"shopMoney": {"amount": amount, "currencyCode": "EUR"}})
}

fn refund(n: i64, total: &str, items: &[(&str, &str)], shipping: &[(&str, &str)]) -> Value {
    let items: Vec<Value> = items
        .iter()
        .map(|(subtotal, tax)| json!({"subtotalSet": set(subtotal), "totalTaxSet": set(tax)}))
        .collect();
    let shipping: Vec<Value> = shipping
        .iter()
        .map(|(subtotal, tax)| json!({"subtotalAmountSet": set(subtotal), "taxAmountSet": set(tax)}))
        .collect();
    json!({"id": format!("gid://shopify/Refund/{n}"), "createdAt": format!("2025-09-0{n}T10:00:00Z"),
        "totalRefundedSet": set(total), "refundLineItems": {"nodes": items}, "refundShippingLines": {"nodes": shipping}})
}

/// Goods of 74.00 and 6.00 of tax, shipping of 4.60 and 0.40: 85.00 in either way of writing it down.
fn goods(tax_included: bool) -> Goods {
    Goods {
        amount: "74.00".parse().unwrap(),
        tax: "6.00".parse().unwrap(),
        tax_included,
        total: "85.00".parse().unwrap(),
        currency: "EUR".parse().unwrap(),
        cancelled: false,
    }
}

fn amounts(tax_included: bool, refunds: &[Value]) -> Vec<String> {
    let node = json!({ "refunds": refunds });
    let back = read(&node, "shopify:1", goods(tax_included)).unwrap();
    assert_eq!(back.goods, back.refunds.iter().map(|refund| refund.amount).sum::<Decimal>());
    back.refunds.iter().map(|refund| refund.amount.normalize().to_string()).collect()
}

#[test]
fn items_count_without_their_tax_in_both_ways_of_writing_prices() {
    // Half of the goods; the whole of them with the shipping.
    assert_eq!(amounts(true, &[refund(1, "40.00", &[("40.00", "3.00")], &[])]), ["37"]);
    assert_eq!(amounts(false, &[refund(1, "40.00", &[("37.00", "3.00")], &[])]), ["37"]);
    let whole = refund(1, "85.00", &[("80.00", "6.00")], &[("5.00", "0.40")]);
    assert_eq!(amounts(true, &[whole]), ["74"]);
    let whole = refund(1, "85.00", &[("74.00", "6.00")], &[("4.60", "0.40")]);
    assert_eq!(amounts(false, &[whole]), ["74"]);
}

#[test]
fn parts_add_up_to_what_was_sold_and_no_further() {
    // A third's tax is rounded each time: the last one takes what is left.
    let third = |n, tax| refund(n, "26.67", &[("26.67", tax)], &[]);
    let last = refund(3, "31.66", &[("26.66", "2.02")], &[("5.00", "0.40")]);
    assert_eq!(amounts(true, &[last, third(1, "2.00"), third(2, "2.00")]), ["24.67", "24.67", "24.66"]);
    // Goods that came back after money was given for keeping them.
    let kept = refund(1, "20.00", &[], &[]);
    let back = refund(2, "60.00", &[("80.00", "6.00")], &[]);
    assert_eq!(amounts(true, &[kept, back]), ["18.5", "55.5"]);
}

#[test]
fn money_for_nothing_that_came_back_counts_with_its_goods_and_shipping_does_not() {
    assert_eq!(amounts(true, &[refund(1, "10.00", &[], &[])]), ["9.25"]);
    assert_eq!(amounts(false, &[refund(1, "10.00", &[], &[])]), ["9.25"]);
    assert_eq!(amounts(true, &[refund(1, "5.00", &[], &[("5.00", "0.40")])]), ["0"]);
    assert_eq!(amounts(false, &[refund(1, "5.00", &[], &[("4.60", "0.40")])]), ["0"]);
    // All of the money, and no goods named.
    assert_eq!(amounts(true, &[refund(1, "85.00", &[], &[])]), ["74"]);
    // Lines that were taken out before they were paid.
    assert_eq!(amounts(true, &[refund(1, "0.00", &[("40.00", "3.00")], &[])]), ["37"]);
    assert_eq!(amounts(true, &[refund(1, "0.00", &[], &[])]), ["0"]);
}
