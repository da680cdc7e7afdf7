//! Nodes of Shopify's GraphQL Admin API, read without trust: those of a list and single ones come to the same rows.
use super::refunds::{self, Goods};
use crate::money::Currency;
use crate::platforms::channel::{self, Arrival};
use crate::platforms::rows::{Order, OrderItem, Product, Rows, Shopper, Variant, email_hash};
use crate::platforms::shape::{self, Missing, Seen, Unreadable};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Map, Value};

/// A page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    pub nodes: Vec<Value>,
    /// Where the next page begins; nothing after the last one.
    pub next: Option<String>,
}

/// Reads `data.{name}` of an answer.
pub fn page(body: &[u8], name: &str) -> Result<Page, Unreadable> {
    let body = shape::json(body)?;
    let missing = || Unreadable::Not(format!("an answer with data.{name}"));
    let list = body.get("data").and_then(|data| data.get(name)).ok_or_else(missing)?;
    Ok(Page { nodes: shape::list(list, "nodes", true)?.to_vec(), next: next(Some(list)) })
}

/// Where the next page of a connection begins.
pub fn next(connection: Option<&Value>) -> Option<String> {
    let info = connection?.get("pageInfo")?;
    let more = info.get("hasNextPage").and_then(Value::as_bool).unwrap_or(false);
    shape::text_if_any(info, "endCursor").filter(|_| more).map(str::to_owned)
}

/// How nodes are looked at.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// The shop's, where a node names none.
    pub currency: Currency,
}

/// The rows of one node of a stream, and what it was like.
pub fn node(stream: &str, node: &Value, look: Look) -> (Vec<Rows>, Seen) {
    let mut seen = Seen::default();
    let known = match stream {
        "orders" => ORDER,
        "customers" => CUSTOMER,
        _ => PRODUCT,
    };
    if let Some(fields) = node.as_object() {
        seen.unknown(fields, known, "");
    }
    let read = match stream {
        "orders" => order(node, look, &mut seen),
        "customers" => customer(node, look),
        _ => product(node, look),
    };
    let rows = seen.row(read).unwrap_or_default();
    (rows, seen)
}

/// `gid://shopify/Order/17` is `shopify:17`; so is the number of the older API.
pub fn id(external: &str) -> String {
    format!("shopify:{}", external.rsplit('/').next().unwrap_or(external))
}

fn reference(node: &Value, field: &str) -> Option<String> {
    node.get(field).and_then(|of| shape::text_if_any(of, "id")).map(id)
}

fn moment(node: &Value, field: &str) -> Option<Timestamp> {
    shape::text_if_any(node, field)?.parse().ok()
}

pub(super) fn needed_moment(node: &Value, field: &str) -> Result<Timestamp, Missing> {
    moment(node, field).ok_or_else(|| Missing(field.to_owned()))
}

/// The amount in the shop's own money; what the buyer saw may be another.
pub(super) fn money(node: &Value, field: &str) -> Option<Decimal> {
    shape::number(node.get(field)?.pointer("/shopMoney/amount"))
}

pub(super) fn needed_money(node: &Value, field: &str) -> Result<Decimal, Missing> {
    money(node, field).ok_or_else(|| Missing(field.to_owned()))
}

/// The tax on what the delivery costs.
fn shipping_tax(node: &Value) -> Decimal {
    let all =
        |node: &Value, path: &str| node.pointer(path).and_then(Value::as_array).cloned().unwrap_or_default();
    let lines = all(node, "/shippingLines/nodes");
    let taxes = lines.iter().flat_map(|line| all(line, "/taxLines"));
    taxes.filter_map(|tax| money(&tax, "priceSet")).sum()
}

fn order(node: &Value, look: Look, seen: &mut Seen) -> Result<Vec<Rows>, Missing> {
    let own = id(shape::text(node, "id")?);
    let updated = needed_moment(node, "updatedAt")?;
    let code = node.pointer("/totalPriceSet/shopMoney/currencyCode").or_else(|| node.get("currencyCode"));
    let currency = code.and_then(Value::as_str).and_then(|code| code.parse().ok()).unwrap_or(look.currency);
    let total = needed_money(node, "totalPriceSet")?;
    let discount = money(node, "totalDiscountsSet").unwrap_or_default();
    let tax = money(node, "totalTaxSet").unwrap_or_default();
    // The subtotal is what lines cost after discounts; with their tax, where prices include it. The tax of the order is that
    // of the shipping too.
    let included = node.get("taxesIncluded").and_then(Value::as_bool).unwrap_or(false);
    let of_lines = tax - shipping_tax(node);
    let inside = if included { of_lines } else { Decimal::ZERO };
    let gross = needed_money(node, "subtotalPriceSet")? + discount - inside;
    let cancelled_at = moment(node, "cancelledAt");
    let financial = shape::text_if_any(node, "displayFinancialStatus").unwrap_or_default();
    let status = match financial {
        _ if cancelled_at.is_some() => "cancelled",
        "VOIDED" | "EXPIRED" => "cancelled",
        "REFUNDED" => "refunded",
        "PENDING" | "AUTHORIZED" | "" => "open",
        "PAID" | "PARTIALLY_PAID" | "PARTIALLY_REFUNDED" => "paid",
        other => {
            seen.odd_word("displayFinancialStatus", other);
            "open"
        }
    };
    let from = shape::text_if_any(node, "sourceName").unwrap_or_default();
    let visit = node.pointer("/customerJourneySummary/lastVisit").filter(|visit| visit.is_object());
    let (channel, utm, landing) = arrival(visit, from);
    let items = lines(node, &own);
    let goods = Goods {
        amount: gross - discount,
        tax: of_lines,
        tax_included: included,
        total,
        currency,
        cancelled: status == "cancelled",
    };
    let back = refunds::read(node, &own, goods)?;
    let order = Order {
        id: own.clone(),
        ordered_at: moment(node, "processedAt").map_or_else(|| needed_moment(node, "createdAt"), Ok)?,
        status,
        financial_status: financial.to_lowercase(),
        fulfilment_status: shape::text_if_any(node, "displayFulfillmentStatus")
            .unwrap_or_default()
            .to_lowercase(),
        currency,
        gross,
        discount,
        shipping: money(node, "totalShippingPriceSet").unwrap_or_default(),
        tax,
        total,
        refunded: back.goods,
        fees: Decimal::ZERO,
        // Money that is left, with tax and shipping.
        net: total - money(node, "totalRefundedSet").unwrap_or(back.money),
        customer_id: reference(node, "customer"),
        channel,
        sales_channel: crate::text::clean(from, 60),
        city: node
            .pointer("/shippingAddress/city")
            .and_then(Value::as_str)
            .map(|city| crate::text::clean(city, 120)),
        utm,
        landing_site: landing,
        payment_method: first_text(node, "paymentGatewayNames"),
        promo_code: first_text(node, "discountCodes").is_some(),
        cancelled_at,
        is_test: node.get("test").and_then(Value::as_bool).unwrap_or(false),
        source_updated_at: Some(updated),
        extra: Map::new(),
        items,
    };
    Ok(vec![Rows::Orders(vec![order]), Rows::Refunds(back.refunds)])
}

fn first_text(node: &Value, field: &str) -> Option<String> {
    node.get(field)?.get(0)?.as_str().map(|text| crate::text::clean(text, 60))
}

/// How the buyer came: the channel, what the address said of it, and where the visit began.
fn arrival(visit: Option<&Value>, from: &str) -> (&'static str, Map<String, Value>, Option<String>) {
    let Some(visit) = visit else {
        return (if from == "pos" { "offline" } else { "unknown" }, Map::new(), None);
    };
    let said = visit.get("utmParameters").unwrap_or(&Value::Null);
    let of = |name: &str| shape::text_if_any(said, name);
    let landing = shape::text_if_any(visit, "landingPage");
    let arrival = Arrival {
        utm_source: of("source"),
        utm_medium: of("medium"),
        landing,
        referrer: shape::text_if_any(visit, "referrerUrl"),
    };
    let utm = ["source", "medium", "campaign", "term", "content"]
        .into_iter()
        .filter_map(|name| Some((format!("utm_{name}"), Value::String(of(name)?.to_owned()))))
        .collect();
    (channel::derive(&arrival), utm, landing.map(str::to_owned))
}

/// The lines of an order, numbered as they stand.
fn lines(node: &Value, order: &str) -> Vec<OrderItem> {
    let nodes = node.pointer("/lineItems/nodes").and_then(Value::as_array).into_iter().flatten();
    nodes
        .zip(1..)
        .map(|(line, number)| OrderItem {
            order_id: order.to_owned(),
            line: number,
            product_id: reference(line, "product"),
            variant_id: reference(line, "variant"),
            sku: shape::text_if_any(line, "sku").unwrap_or_default().to_owned(),
            qty: shape::number(line.get("quantity")).unwrap_or(Decimal::ONE),
            unit_price: money(line, "originalUnitPriceSet").unwrap_or_default(),
            discount: money(line, "totalDiscountSet").unwrap_or_default(),
            extra: Map::new(),
        })
        .collect()
}

fn customer(node: &Value, look: Look) -> Result<Vec<Rows>, Missing> {
    let email = node.get("defaultEmailAddress").unwrap_or(&Value::Null);
    let address = node.get("defaultAddress").unwrap_or(&Value::Null);
    let text = |of: &Value, field: &str| shape::text_if_any(of, field).unwrap_or_default().to_owned();
    let bought = shape::count(node.get("numberOfOrders")).unwrap_or(0) > 0;
    Ok(vec![Rows::Shoppers(vec![Shopper {
        id: id(shape::text(node, "id")?),
        kind: if bought { "customer" } else { "contact" },
        email_hash: shape::text_if_any(email, "emailAddress").map(email_hash),
        country: text(address, "countryCodeV2"),
        city: text(address, "city"),
        accepts_marketing: shape::text_if_any(email, "marketingState") == Some("SUBSCRIBED"),
        currency: look.currency,
        source_updated_at: needed_moment(node, "updatedAt")?,
        extra: Map::new(),
    }])])
}

fn product(node: &Value, look: Look) -> Result<Vec<Rows>, Missing> {
    let own = id(shape::text(node, "id")?);
    let updated = needed_moment(node, "updatedAt")?;
    let product = Product {
        id: own.clone(),
        name: crate::text::clean(shape::text(node, "title")?, 255),
        category: crate::text::clean(shape::text_if_any(node, "productType").unwrap_or_default(), 255),
        status: shape::text_if_any(node, "status").unwrap_or_default().to_lowercase(),
        source_updated_at: updated,
        extra: Map::new(),
    };
    let nodes = node.pointer("/variants/nodes").and_then(Value::as_array).into_iter().flatten();
    let variants: Result<Vec<Variant>, Missing> = nodes
        .map(|variant| {
            Ok(Variant {
                id: id(shape::text(variant, "id").map_err(|_| Missing("variants.id".to_owned()))?),
                product_id: own.clone(),
                sku: shape::text_if_any(variant, "sku").unwrap_or_default().to_owned(),
                name: crate::text::clean(shape::text_if_any(variant, "title").unwrap_or_default(), 255),
                price: shape::number(variant.get("price"))
                    .ok_or_else(|| Missing("variants.price".to_owned()))?,
                compare_at: shape::number(variant.get("compareAtPrice")),
                unit_cost: shape::number(variant.pointer("/inventoryItem/unitCost/amount")),
                currency: look.currency,
                source_updated_at: updated,
                extra: Map::new(),
            })
        })
        .collect();
    Ok(vec![Rows::Products(vec![product]), Rows::Variants(variants?)])
}

// What is asked for: anything else is new.
const ORDER: &[&str] = &[
    "id",
    "name",
    "createdAt",
    "processedAt",
    "updatedAt",
    "cancelledAt",
    "test",
    "displayFinancialStatus",
    "displayFulfillmentStatus",
    "currencyCode",
    "sourceName",
    "taxesIncluded",
    "discountCodes",
    "paymentGatewayNames",
    "customer",
    "shippingAddress",
    "subtotalPriceSet",
    "totalDiscountsSet",
    "totalShippingPriceSet",
    "totalTaxSet",
    "shippingLines",
    "totalPriceSet",
    "totalRefundedSet",
    "customerJourneySummary",
    "refunds",
    "lineItems",
];
const CUSTOMER: &[&str] =
    &["id", "createdAt", "updatedAt", "numberOfOrders", "defaultEmailAddress", "defaultAddress"];
const PRODUCT: &[&str] = &["id", "title", "productType", "status", "updatedAt", "variants"];
