use super::*;
use serde_json::json;

fn eur() -> Currency {
    "EUR".parse().unwrap()
}

fn now() -> Timestamp {
    "2025-09-17T09:00:00Z".parse().unwrap()
}

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn item(unit: &str, quantity: i64, interval: &str, count: i64) -> Value {
    json!({"id": "si_1", "quantity": quantity, "discounts": [],
        "price": {"unit_amount_decimal": unit, "currency": "eur",
                  "recurring": {"interval": interval, "interval_count": count, "usage_type": "licensed"}}})
}

fn of(items: Value) -> Decimal {
    of_subscription(&json!({"items": {"data": items}}), eur(), now())
}

#[test]
fn smallest_units_are_as_many_as_the_currency_has() {
    for (code, minor, expected) in [
        ("EUR", 1990, "19.90"),
        ("JPY", 1990, "1990"),
        ("KWD", 1990, "1.990"),
        // Two that ISO counts without decimals or nearly so; Stripe sends them by the hundred.
        ("ISK", 199000, "1990"),
        ("UGX", 199000, "1990"),
    ] {
        assert_eq!(amount(Some(&json!(minor)), code.parse().unwrap()), Some(dec(expected)), "{code}");
    }
    assert_eq!(amount(Some(&json!("0.5")), eur()), Some(dec("0.005")), "a fraction of a cent");
    assert_eq!(amount(Some(&Value::Null), eur()), None);
}

#[test]
fn every_interval_comes_to_a_month() {
    for (unit, quantity, interval, count, expected) in [
        ("1000", 3, "month", 1, "30"),
        ("12000", 1, "year", 1, "10"),
        ("24000", 1, "year", 2, "10"),
        ("3000", 1, "month", 3, "10"),
        ("100", 1, "day", 1, "30.416667"),
        ("1200", 1, "week", 1, "52"),
        ("2400", 1, "week", 2, "52"),
        ("0.5", 1000, "month", 1, "5"),
    ] {
        assert_eq!(
            of(json!([item(unit, quantity, interval, count)])),
            dec(expected),
            "{unit} {interval} {count}"
        );
    }
    assert_eq!(of(json!([item("1000", 1, "month", 1), item("12000", 1, "year", 1)])), dec("20"));
    assert_eq!(of(json!([])), Decimal::ZERO);
}

#[test]
fn discounts_that_come_back_count_and_those_that_do_not_do_not() {
    let with = |discounts: Value| {
        let subscription = json!({"items": {"data": [item("10000", 1, "month", 1)]}, "discounts": discounts});
        of_subscription(&subscription, eur(), now())
    };
    let forever = json!({"coupon": {"duration": "forever", "percent_off": 25.5}});
    assert_eq!(with(json!([forever])), dec("74.5"));
    assert_eq!(with(json!([{"coupon": {"duration": "once", "percent_off": 50}}])), dec("100"));
    let until = |end: i64| json!([{"coupon": {"duration": "repeating", "amount_off": 1000, "currency": "eur"}, "end": end}]);
    assert_eq!(with(until(now().as_second() + 1)), dec("90"));
    assert_eq!(with(until(now().as_second())), dec("100"));
    assert_eq!(with(json!([{"source": {"coupon": {"duration": "forever", "percent_off": 10}}}])), dec("90"));
    assert_eq!(with(json!(["di_not_shown"])), dec("100"));
    assert_eq!(
        with(json!([{"coupon": {"duration": "forever", "amount_off": 1000, "currency": "usd"}}])),
        dec("100")
    );
    assert_eq!(
        with(json!([{"coupon": {"duration": "forever", "amount_off": 99_999, "currency": "eur"}}])),
        Decimal::ZERO
    );
    let mut one = item("10000", 1, "month", 1);
    one["discounts"] = json!([forever]);
    assert_eq!(of(json!([one, item("10000", 1, "month", 1)])), dec("174.5"));
}

#[test]
fn what_is_used_is_what_the_last_bill_says() {
    let mut metered = item("100", 0, "month", 1);
    metered["price"]["recurring"]["usage_type"] = json!("metered");
    let subscription = json!({"items": {"data": [metered]}, "latest_invoice": {"billing_reason": "subscription_cycle", "lines": {"data": [
        {"amount": 4200, "parent": {"subscription_item_details": {"subscription_item": "si_1", "proration": false}}},
        {"amount": 300, "subscription_item": "si_1", "proration": false},
        {"amount": 900, "subscription_item": "si_1", "proration": true},
        {"amount": 900, "subscription_item": "si_2", "proration": false},
    ]}}});
    assert_eq!(of_subscription(&subscription, eur(), now()), dec("45"));
    // The bill of a change, or one by hand, is none of a period.
    for other in ["subscription_update", "manual", "subscription_threshold"] {
        let mut subscription = subscription.clone();
        subscription["latest_invoice"]["billing_reason"] = json!(other);
        assert_eq!(of_subscription(&subscription, eur(), now()), dec("0"), "{other}");
    }
}

#[test]
fn a_customer_s_discount_holds_where_the_subscription_has_none() {
    let coupon = |percent: i64| json!({"object": "discount", "coupon": {"duration": "forever", "percent_off": percent}});
    let with = |own: Value| {
        json!({"items": {"data": [item("1000", 3, "month", 1)]}, "discounts": own,
            "customer": {"id": "cus_1", "object": "customer", "discount": coupon(50)}})
    };
    assert_eq!(of_subscription(&with(json!([])), eur(), now()), dec("15"));
    assert_eq!(of_subscription(&with(json!([coupon(10)])), eur(), now()), dec("27"));
}

#[test]
fn packages_are_sold_whole() {
    let with = |round: &str, quantity: i64| {
        let mut one = item("1000", quantity, "month", 1);
        one["price"]["transform_quantity"] = json!({"divide_by": 5, "round": round});
        of(json!([one]))
    };
    assert_eq!((with("up", 11), with("down", 11)), (dec("30"), dec("20")));
    assert_eq!((with("up", 10), with("down", 4)), (dec("20"), Decimal::ZERO));
}
