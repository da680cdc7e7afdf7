//! Objects of Stripe's API, read without trust: lists and single objects come to the same rows.
use super::kinds::reference;
use super::mrr;
use crate::money::Currency;
use crate::platforms::rows::{Customer, Invoice, Order, Plan, Refund, Rows, Subscription, email_hash};
use crate::platforms::shape::{self, Missing, Seen, Unreadable};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

/// A list as the API gives it.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    pub data: Vec<Value>,
    pub has_more: bool,
}

pub fn page(body: &[u8]) -> Result<Page, Unreadable> {
    let body = shape::json(body)?;
    let data = shape::list(&body, "data", true)?.to_vec();
    Ok(Page { data, has_more: body.get("has_more").and_then(Value::as_bool).unwrap_or(false) })
}

/// How objects are looked at.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub now: Timestamp,
    /// Whether what `livemode` calls a test counts.
    pub tests: bool,
    /// Where an object names no currency.
    pub currency: Currency,
}

/// The rows of objects of one stream, and what they were like.
pub fn rows(stream: &str, objects: &[Value], look: Look) -> (Option<Rows>, Seen) {
    let mut seen = Seen::default();
    // A deleted object is only its id; what it was stays.
    let real = |object: &&Value| {
        let is = |field: &str, value: bool| object.get(field).and_then(Value::as_bool) == Some(value);
        !is("deleted", true) && (look.tests || !is("livemode", false))
    };
    let objects: Vec<&Value> = objects.iter().filter(real).collect();
    let known = super::fields::of(stream);
    for fields in objects.iter().filter_map(|object| object.as_object()) {
        seen.unknown(fields, &known, "");
    }
    let rows = match stream {
        "customers" => Rows::Customers(each(&objects, &mut seen, |o, _| customer(o, look).map(Some))),
        "plans" => Rows::Plans(each(&objects, &mut seen, plan)),
        "subscriptions" => {
            Rows::Subscriptions(each(&objects, &mut seen, |o, seen| subscription(o, look, seen).map(Some)))
        }
        "invoices" => Rows::Invoices(each(&objects, &mut seen, |o, _| invoice(o).map(Some))),
        "refunds" => Rows::Refunds(each(&objects, &mut seen, |o, _| refund(o).map(Some))),
        "charges" => Rows::Orders(each(&objects, &mut seen, |o, _| charge(o))),
        _ => return (None, seen),
    };
    (Some(rows), seen)
}

/// Reads objects one by one; `None` is one that makes no row.
fn each<T>(
    objects: &[&Value],
    seen: &mut Seen,
    read: impl Fn(&Value, &mut Seen) -> Result<Option<T>, Missing>,
) -> Vec<T> {
    let mut rows = Vec::new();
    for object in objects {
        let row = read(object, seen);
        rows.extend(seen.row(row).flatten());
    }
    rows
}

/// Our id of a thing of Stripe's.
pub fn id(external: &str) -> String {
    format!("stripe:{external}")
}

/// An id that can stand in an address: letters, digits and underscores.
pub fn plain(id: &str) -> Option<String> {
    let good =
        !id.is_empty() && id.len() <= 255 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    good.then(|| id.to_owned())
}

/// The subscription of a bill: newer versions moved it.
pub fn subscription_of(invoice: &Value) -> Option<&str> {
    let new = invoice.pointer("/parent/subscription_details/subscription");
    reference(invoice.get("subscription")).or_else(|| reference(new))
}

fn moment(object: &Value, field: &str) -> Option<Timestamp> {
    Timestamp::from_second(shape::number(object.get(field))?.trunc().try_into().ok()?).ok()
}

fn needed_moment(object: &Value, field: &str) -> Result<Timestamp, Missing> {
    moment(object, field).ok_or_else(|| Missing(field.to_owned()))
}

pub(super) fn currency(object: &Value) -> Result<Currency, Missing> {
    shape::text(object, "currency")?.parse().map_err(|_| Missing("currency".to_owned()))
}

fn needed_amount(object: &Value, field: &str, currency: Currency) -> Result<Decimal, Missing> {
    mrr::amount(object.get(field), currency).ok_or_else(|| Missing(field.to_owned()))
}

fn customer(object: &Value, look: Look) -> Result<Customer, Missing> {
    let address = object.get("address").unwrap_or(&Value::Null);
    Ok(Customer {
        id: id(shape::text(object, "id")?),
        kind: "customer",
        email_hash: shape::text_if_any(object, "email").map(email_hash),
        country: shape::text_if_any(address, "country").unwrap_or_default().to_owned(),
        city: shape::text_if_any(address, "city").unwrap_or_default().to_owned(),
        currency: currency(object).unwrap_or(look.currency),
        extra: Map::new(),
    })
}

/// A price that comes back; one that is paid once is no plan.
fn plan(object: &Value, seen: &mut Seen) -> Result<Option<Plan>, Missing> {
    let (own, currency) = (shape::text(object, "id")?, currency(object)?);
    let Some((interval, count)) = mrr::rhythm(object) else { return Ok(None) };
    let unit = mrr::unit_amount(object, currency).unwrap_or_default();
    let yearly = interval == "year" && count == 1;
    let amount = if yearly { Some(unit) } else { mrr::monthly(unit, interval, count) };
    let Some(amount) = amount else {
        seen.odd_word("recurring.interval", interval);
        return Ok(None);
    };
    let product = object.get("product").unwrap_or(&Value::Null);
    let name =
        shape::text_if_any(object, "nickname").or_else(|| shape::text_if_any(product, "name")).unwrap_or(own);
    Ok(Some(Plan {
        id: id(own),
        name: crate::text::clean(name, 255),
        interval: if yearly { "year" } else { "month" },
        amount,
        currency,
        extra: Map::new(),
    }))
}

fn subscription(object: &Value, look: Look, seen: &mut Seen) -> Result<Subscription, Missing> {
    let missing = |field: &str| Missing(field.to_owned());
    let items =
        object.pointer("/items/data").and_then(Value::as_array).ok_or_else(|| missing("items.data"))?;
    let raw = shape::text(object, "status")?;
    let status = match raw {
        "trialing" => "trialing",
        "active" => "active",
        "past_due" => "past_due",
        "unpaid" => "unpaid",
        "paused" => "paused",
        "incomplete" => "incomplete",
        "canceled" | "incomplete_expired" => "canceled",
        other => {
            seen.odd_word("status", other);
            "incomplete"
        }
    };
    // Older versions have the currency in the price alone.
    let price = items.first().map(mrr::price_of).unwrap_or(&Value::Null);
    let currency = currency(object).or_else(|_| currency(price))?;
    let worth = mrr::of_subscription(object, currency, look.now);
    let pays = matches!(status, "active" | "past_due");
    let ended = status == "canceled";
    let mut extra = Map::new();
    for field in ["cancel_at", "cancel_at_period_end", "pause_collection"] {
        if let Some(value) = object.get(field).filter(|value| !value.is_null() && **value != json!(false)) {
            extra.insert(field.to_owned(), value.clone());
        }
    }
    let why = object.get("cancellation_details").unwrap_or(&Value::Null);
    let reason = shape::text_if_any(why, "feedback").or_else(|| shape::text_if_any(why, "reason"));
    Ok(Subscription {
        id: id(shape::text(object, "id")?),
        customer_id: id(reference(object.get("customer")).ok_or_else(|| missing("customer"))?),
        plan_id: shape::text_if_any(price, "id").map(id).unwrap_or_default(),
        status,
        quantity: items.iter().map(|item| shape::number(item.get("quantity")).unwrap_or(Decimal::ONE)).sum(),
        mrr: if pays { worth } else { Decimal::ZERO },
        trial_mrr: if status == "trialing" { worth } else { Decimal::ZERO },
        currency,
        started_at: moment(object, "start_date").map_or_else(|| needed_moment(object, "created"), Ok)?,
        trial_started_at: moment(object, "trial_start"),
        trial_ends_at: moment(object, "trial_end"),
        // One that will end has not ended: until then it pays.
        canceled_at: moment(object, "ended_at").or_else(|| moment(object, "canceled_at")).filter(|_| ended),
        cancel_reason: reason.unwrap_or_default().to_owned(),
        last_mrr: if raw == "canceled" { worth } else { Decimal::ZERO },
        extra,
    })
}

fn invoice(object: &Value) -> Result<Invoice, Missing> {
    let currency = currency(object)?;
    let status = shape::text_if_any(object, "status").unwrap_or("draft");
    let steps = object.get("status_transitions").unwrap_or(&Value::Null);
    let paid_at = moment(steps, "paid_at");
    let attempts = shape::count(object.get("attempt_count")).unwrap_or(0);
    let fault = object.get("last_finalization_error").unwrap_or(&Value::Null);
    Ok(Invoice {
        id: id(shape::text(object, "id")?),
        subscription_id: subscription_of(object).map(id),
        customer_id: reference(object.get("customer")).map(id).unwrap_or_default(),
        status: status.to_owned(),
        amount_due: needed_amount(object, "amount_due", currency)?,
        amount_paid: needed_amount(object, "amount_paid", currency)?,
        currency,
        issued_at: needed_moment(object, "created")?,
        due_at: moment(object, "due_date"),
        paid_at,
        attempts,
        failure_code: shape::text_if_any(fault, "code").map(str::to_owned),
        recovered_at: paid_at.filter(|_| attempts > 1),
        extra: Map::new(),
    })
}

fn refund(object: &Value) -> Result<Refund, Missing> {
    let currency = currency(object)?;
    let status = shape::text_if_any(object, "status").unwrap_or("succeeded");
    let given = needed_amount(object, "amount", currency)?;
    Ok(Refund {
        id: id(shape::text(object, "id")?),
        order_id: reference(object.get("charge")).map(id),
        invoice_id: None,
        refunded_at: needed_moment(object, "created")?,
        // One that did not go through gave nothing back.
        amount: if matches!(status, "failed" | "canceled") { Decimal::ZERO } else { given },
        currency,
        reason: shape::text_if_any(object, "reason").unwrap_or_default().to_owned(),
        extra: [("status".to_owned(), json!(status))].into_iter().collect(),
    })
}

/// A charge that went through, as an order without lines.
fn charge(object: &Value) -> Result<Option<Order>, Missing> {
    let currency = currency(object)?;
    let own = shape::text(object, "id")?;
    let total = needed_amount(object, "amount", currency)?;
    let is = |field: &str| object.get(field).and_then(Value::as_bool);
    if shape::text(object, "status")? != "succeeded" || is("captured") == Some(false) {
        return Ok(None);
    }
    let captured = mrr::amount(object.get("amount_captured"), currency).filter(|part| !part.is_zero());
    let total = captured.unwrap_or(total);
    let refunded = mrr::amount(object.get("amount_refunded"), currency).unwrap_or_default();
    let fees = fees(object.get("balance_transaction"), currency);
    let address = object.pointer("/billing_details/address").unwrap_or(&Value::Null);
    let method = object.get("payment_method_details").and_then(|method| shape::text_if_any(method, "type"));
    Ok(Some(Order {
        id: id(own),
        ordered_at: needed_moment(object, "created")?,
        status: if refunded >= total && !total.is_zero() { "refunded" } else { "paid" },
        financial_status: if refunded.is_zero() { "succeeded" } else { "partially_refunded" }.to_owned(),
        fulfilment_status: String::new(),
        currency,
        gross: total,
        discount: Decimal::ZERO,
        shipping: Decimal::ZERO,
        tax: Decimal::ZERO,
        total,
        refunded,
        fees,
        net: total - refunded - fees,
        customer_id: reference(object.get("customer")).map(id),
        channel: "unknown",
        sales_channel: "stripe".to_owned(),
        city: shape::text_if_any(address, "city").map(str::to_owned),
        utm: Map::new(),
        landing_site: None,
        payment_method: method.map(str::to_owned),
        promo_code: false,
        cancelled_at: None,
        is_test: is("livemode") == Some(false),
        source_updated_at: None,
        extra: Map::new(),
        items: Vec::new(),
    }))
}

/// What Stripe kept of a charge, in the charge's currency: fees are in the currency that is paid out.
fn fees(transaction: Option<&Value>, currency: Currency) -> Decimal {
    let Some(transaction) = transaction.filter(|transaction| transaction.is_object()) else {
        return Decimal::ZERO;
    };
    let Ok(paid_out) = self::currency(transaction) else { return Decimal::ZERO };
    let fee = mrr::amount(transaction.get("fee"), paid_out).unwrap_or_default();
    if paid_out == currency {
        return fee;
    }
    let rate = shape::number(transaction.get("exchange_rate")).filter(|rate| *rate > Decimal::ZERO);
    rate.map_or(Decimal::ZERO, |rate| (fee / rate).round_dp(6))
}
