//! What a subscription brings a month: unit amount × quantity by item, less discounts that come back (`connectors.md` §2.7).
use super::kinds::reference;
use crate::money::{Currency, Money};
use crate::platforms::shape;
use jiff::Timestamp;
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::Value;

/// An amount of Stripe's: whole smallest units, as many as the currency has (`connectors.md` §1.7: krona of Iceland and
/// shillings of Uganda come ×100, three-decimal currencies ×1,000, as ISO has them).
pub fn amount(value: Option<&Value>, currency: Currency) -> Option<Decimal> {
    Some(Money::from_minor(shape::number(value)?, currency.exponent(), currency).amount)
}

/// Monthly share of an amount that is due every `count` intervals; nothing for an interval nobody knows.
/// A month is 365/12 days or 52/12 weeks.
pub fn monthly(amount: Decimal, interval: &str, count: i64) -> Option<Decimal> {
    let (times, by) = match interval {
        "day" => (365, 12),
        "week" => (52, 12),
        "month" => (1, 1),
        "year" => (1, 12),
        _ => return None,
    };
    Some((amount * Decimal::from(times) / Decimal::from(by) / Decimal::from(count.max(1))).round_dp(6))
}

/// How often a price is due: interval and how many of them. Older objects carry it themselves.
pub fn rhythm(price: &Value) -> Option<(&str, i64)> {
    let recurring = price.get("recurring").filter(|recurring| recurring.is_object()).unwrap_or(price);
    let interval = shape::text_if_any(recurring, "interval")?;
    Some((interval, shape::count(recurring.get("interval_count")).unwrap_or(1)))
}

/// What one unit costs, also a fraction of a smallest unit.
pub fn unit_amount(price: &Value, currency: Currency) -> Option<Decimal> {
    ["unit_amount_decimal", "unit_amount", "amount_decimal", "amount"]
        .iter()
        .find_map(|field| amount(price.get(*field), currency))
}

/// Of all items together a month, less recurring discounts, not below nothing.
pub fn of_subscription(subscription: &Value, currency: Currency, now: Timestamp) -> Decimal {
    let items = subscription.pointer("/items/data").and_then(Value::as_array);
    let mut sum = Decimal::ZERO;
    let mut first = None;
    for item in items.into_iter().flatten() {
        let price = price_of(item);
        let Some((interval, count)) = rhythm(price) else { continue };
        first = first.or(Some((interval, count)));
        let a_time = match fixed(item, price, currency) {
            Some(fixed) => fixed,
            // Used, or in steps: as the last bill has it.
            None => billed(subscription, item, currency),
        };
        let a_time = discounted(a_time, item, currency, now);
        sum += monthly(a_time, interval, count).unwrap_or_default();
    }
    let Some((interval, count)) = first else { return Decimal::ZERO };
    let mut shares = discounts(subscription);
    if shares.is_empty() {
        // The customer's own holds where the subscription has none.
        shares = subscription.get("customer").map(discounts).unwrap_or_default();
    }
    let mut total = sum;
    for coupon in shares.into_iter().filter_map(|discount| recurring(discount, now)) {
        total = match reduction(coupon, currency) {
            Some(Reduction::Share(percent)) => total - total * percent / Decimal::ONE_HUNDRED,
            Some(Reduction::Amount(amount)) => total - monthly(amount, interval, count).unwrap_or_default(),
            None => total,
        };
    }
    total.max(Decimal::ZERO).round_dp(6)
}

/// The price of an item; older objects call it a plan.
pub fn price_of(item: &Value) -> &Value {
    item.get("price").filter(|price| price.is_object()).or_else(|| item.get("plan")).unwrap_or(&Value::Null)
}

/// What an item costs each time it is due, where that does not depend on use.
fn fixed(item: &Value, price: &Value, currency: Currency) -> Option<Decimal> {
    let recurring = price.get("recurring").filter(|recurring| recurring.is_object()).unwrap_or(price);
    if shape::text_if_any(recurring, "usage_type") == Some("metered") {
        return None;
    }
    let unit = unit_amount(price, currency)?;
    let quantity = shape::number(item.get("quantity")).unwrap_or(Decimal::ONE);
    Some(unit * packages(price, quantity))
}

/// Units are sold in packages where a price says so.
fn packages(price: &Value, quantity: Decimal) -> Decimal {
    let Some(transform) = price.get("transform_quantity").filter(|transform| transform.is_object()) else {
        return quantity;
    };
    let Some(by) = shape::number(transform.get("divide_by")).filter(|by| *by > Decimal::ZERO) else {
        return quantity;
    };
    let way = match shape::text_if_any(transform, "round") {
        Some("down") => RoundingStrategy::ToZero,
        _ => RoundingStrategy::AwayFromZero,
    };
    (quantity / by).round_dp_with_strategy(0, way)
}

/// Whether any item costs what was used of it, or goes in steps: only a bill tells then.
pub fn needs_a_bill(subscription: &Value, currency: Currency) -> bool {
    let items = subscription.pointer("/items/data").and_then(Value::as_array);
    items.into_iter().flatten().any(|item| {
        let price = price_of(item);
        rhythm(price).is_some() && fixed(item, price, currency).is_none()
    })
}

/// Whether an invoice bills a whole period: those of a change, a threshold or by hand do not.
pub fn bills_a_period(invoice: &Value) -> bool {
    matches!(
        shape::text_if_any(invoice, "billing_reason"),
        Some("subscription_cycle" | "subscription_create")
    )
}

/// What the last bill of a period says of an item, corrections of other periods left out.
fn billed(subscription: &Value, item: &Value, currency: Currency) -> Decimal {
    let id = shape::text_if_any(item, "id").unwrap_or_default();
    let bill = subscription.get("latest_invoice").filter(|invoice| bills_a_period(invoice));
    let lines = bill.and_then(|bill| bill.pointer("/lines/data")?.as_array());
    let of_item = |line: &&Value| {
        let new = line.pointer("/parent/subscription_item_details/subscription_item");
        let correction = line
            .get("proration")
            .or_else(|| line.pointer("/parent/subscription_item_details/proration"))
            .and_then(Value::as_bool)
            .unwrap_or(false);
        !correction && !id.is_empty() && reference(line.get("subscription_item").or(new)) == Some(id)
    };
    lines.into_iter().flatten().filter(of_item).filter_map(|line| amount(line.get("amount"), currency)).sum()
}

fn discounted(amount: Decimal, item: &Value, currency: Currency, now: Timestamp) -> Decimal {
    let mut left = amount;
    for coupon in discounts(item).into_iter().filter_map(|discount| recurring(discount, now)) {
        left = match reduction(coupon, currency) {
            Some(Reduction::Share(percent)) => left - left * percent / Decimal::ONE_HUNDRED,
            Some(Reduction::Amount(amount)) => left - amount,
            None => left,
        };
    }
    left.max(Decimal::ZERO)
}

/// Discounts that are shown whole: a list, and in older versions one.
fn discounts(of: &Value) -> Vec<&Value> {
    let list = of.get("discounts").and_then(Value::as_array).into_iter().flatten();
    list.chain(of.get("discount")).filter(|discount| discount.is_object()).collect()
}

/// The coupon of a discount that the next bills have too.
fn recurring(discount: &Value, now: Timestamp) -> Option<&Value> {
    let coupon = [discount.get("coupon"), discount.pointer("/source/coupon")];
    let coupon = coupon.into_iter().flatten().find(|coupon| coupon.is_object())?;
    let over = shape::count(discount.get("end")).is_some_and(|end| end <= now.as_second());
    (!over && shape::text_if_any(coupon, "duration") != Some("once")).then_some(coupon)
}

enum Reduction {
    /// Per cent.
    Share(Decimal),
    Amount(Decimal),
}

fn reduction(coupon: &Value, currency: Currency) -> Option<Reduction> {
    if let Some(percent) = shape::number(coupon.get("percent_off")) {
        return Some(Reduction::Share(percent));
    }
    let own = shape::text_if_any(coupon, "currency").and_then(|code| code.parse::<Currency>().ok());
    let fits = own.is_none_or(|own| own == currency);
    amount(coupon.get("amount_off"), currency).filter(|_| fits).map(Reduction::Amount)
}

#[cfg(test)]
mod tests;
