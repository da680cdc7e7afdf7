//! Deliveries of Shopify: `X-Shopify-Hmac-Sha256`, base64 of HMAC-SHA256 over the body. No time is signed, and neither are the
//! topic and the ids in the headers: a delivery makes something be read again, and nothing more is believed of it.
use super::changes::Reader;
use super::parse::id;
use super::query::Kind;
use super::{HOST, Shopify, ask, shop};
use crate::platforms::contract::{Ctx, Sink};
use crate::platforms::fault::ConnectorError;
use crate::platforms::hook::{self, Delivery, Incoming, Known, Refused, Target, Webhook, Wish};
use crate::platforms::rows::{Forgotten, Rows};
use crate::platforms::shape;
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

const SIGNATURE: &str = "x-shopify-hmac-sha256";
const TOPIC: &str = "x-shopify-topic";
const SHOP: &str = "x-shopify-shop-domain";
/// What happened; one happening may be told under several topics. Older deliveries have only their own id.
const EVENT: &str = "x-shopify-event-id";
const DELIVERY: &str = "x-shopify-webhook-id";

/// The kind of thing a topic is about, and the field of the body with its number. Things that are deleted stay as they were.
fn about(topic: &str) -> Option<(Kind, &'static str)> {
    Some(match topic {
        "orders/create"
        | "orders/updated"
        | "orders/paid"
        | "orders/cancelled"
        | "orders/edited"
        | "orders/fulfilled"
        | "orders/partially_fulfilled" => (Kind::Orders, "id"),
        "refunds/create" => (Kind::Orders, "order_id"),
        "customers/create" | "customers/update" => (Kind::Customers, "id"),
        "products/create" | "products/update" => (Kind::Products, "id"),
        _ => return None,
    })
}

/// The number of a thing: of the body's own field, of an edit the order's.
fn number(body: &Value, field: &str) -> Option<i64> {
    shape::count(body.get(field)).or_else(|| shape::count(body.pointer("/order_edit/order_id")))
}

/// Somebody asked the shop to be forgotten: the customer, and orders that shall no longer tell of anybody.
const REDACT: &str = "customers/redact";
/// How a target says that it is to be forgotten instead of read.
const FORGET: &str = "forget:";

/// The topic stands in a header, which nobody signed: only a body that can be nothing else makes anything be forgotten. That of
/// an order has a customer too.
fn redacted(body: &Value) -> Vec<Target> {
    let orders = body.get("orders_to_redact").and_then(Value::as_array);
    let Some(orders) = orders.filter(|_| shape::text_if_any(body, "shop_domain").is_some()) else {
        return Vec::new();
    };
    let orders = orders.iter().filter_map(|order| shape::count(Some(order))).map(|n| ("orders", n));
    let customer = shape::count(body.pointer("/customer/id")).map(|n| ("customers", n));
    let target = |(stream, number): (&'static str, i64)| Target { stream, id: format!("{FORGET}{number}") };
    customer.into_iter().chain(orders).map(target).collect()
}

/// Somebody wants to know what the shop, and everybody it works with, has stored of them.
const DATA_REQUEST: &str = "customers/data_request";
/// Two days after the app was taken out of the shop.
const SHOP_REDACT: &str = "shop/redact";
const UNINSTALLED: &str = "app/uninstalled";

/// By the body, for the reason given at [`redacted`]. That of an app taken out is the shop itself, which others send too: it is
/// asked for before it is believed.
fn wished(topic: &str, body: &Value) -> Option<Wish> {
    let has = |field: &str| body.get(field).is_some_and(|value| !value.is_null());
    match topic {
        DATA_REQUEST => {
            let reference = shape::count(body.pointer("/data_request/id"))?;
            let customer = body.get("customer")?;
            let own = shape::count(customer.get("id")).map(|number| id(&number.to_string()));
            let said = |field: &str| shape::text_if_any(customer, field).map(str::to_owned);
            let phone = said("phone").filter(|phone| phone.starts_with('+'));
            let subjects: Vec<String> = own.into_iter().chain(said("email")).chain(phone).collect();
            (!subjects.is_empty()).then(|| Wish::Tell { subjects, reference: reference.to_string() })
        }
        SHOP_REDACT => {
            let of_a_person = ["customer", "orders_to_redact", "orders_requested", "data_request"];
            let bare = has("shop_id") && has("shop_domain") && !of_a_person.into_iter().any(has);
            bare.then_some(Wish::EraseAll)
        }
        UNINSTALLED => has("myshopify_domain").then_some(Wish::Uninstalled),
        _ => None,
    }
}

#[async_trait]
impl Webhook for Shopify {
    fn kept_headers(&self) -> &'static [&'static str] {
        &[TOPIC, SHOP, EVENT, DELIVERY, "x-shopify-api-version", "x-shopify-triggered-at"]
    }

    fn verify(&self, incoming: &Incoming<'_>, known: &Known<'_>) -> Result<Delivery, Refused> {
        let secret = hook::signing(known, "client_secret")?;
        if incoming.path_token.is_some() {
            return Err(Refused::NotHere);
        }
        let claimed = STANDARD.decode(hook::only(incoming.headers, SIGNATURE)?).map_err(|_| Refused::Form)?;
        if claimed.len() != 32 {
            return Err(Refused::Form);
        }
        if !hook::fits(secret, &[incoming.body], &claimed) {
            return Err(Refused::Wrong);
        }
        let domain = hook::only(incoming.headers, SHOP)?;
        if !domain.eq_ignore_ascii_case(&format!("{}.{HOST}", shop(known.config))) {
            return Err(Refused::Elsewhere);
        }
        let topic = hook::id(hook::only(incoming.headers, TOPIC)?)?;
        let told = hook::only(incoming.headers, EVENT).or_else(|_| hook::only(incoming.headers, DELIVERY));
        let own = hook::id(&format!("{}|{topic}", told.map_err(|_| Refused::Unreadable)?))?;
        let body = shape::json(incoming.body).map_err(|_| Refused::Unreadable)?;
        let wanted = match about(&topic) {
            Some((_, field)) => number(&body, field).is_some(),
            None => topic == REDACT && !redacted(&body).is_empty() || wished(&topic, &body).is_some(),
        };
        Ok(Delivery { id: own, topic, wanted })
    }

    fn owed(&self, headers: &HeaderMap) -> bool {
        let topic = hook::only(headers, TOPIC);
        topic.is_ok_and(|topic| [REDACT, DATA_REQUEST, SHOP_REDACT].contains(&topic))
    }

    fn targets(&self, topic: &str, body: &[u8]) -> Vec<Target> {
        let body = shape::json(body).unwrap_or_default();
        if topic == REDACT {
            return redacted(&body);
        }
        let target = about(topic).and_then(|(kind, field)| {
            let (stream, number) = (kind.name(), number(&body, field)?);
            Some(Target { stream, id: format!("gid://shopify/{}/{number}", kind.one().1) })
        });
        target.into_iter().collect()
    }

    fn wish(&self, topic: &str, body: &[u8]) -> Option<Wish> {
        wished(topic, &shape::json(body).ok()?)
    }

    async fn fetch(&self, cx: &Ctx, target: &Target, sink: &mut dyn Sink) -> Result<(), ConnectorError> {
        let Some(kind) = Kind::of(target.stream) else { return Ok(()) };
        if let Some(number) = target.id.strip_prefix(FORGET) {
            let ids = vec![id(number)];
            sink.take(Rows::Forgotten(match kind {
                Kind::Orders => Forgotten { orders: ids, ..Forgotten::default() },
                Kind::Customers | Kind::Products => Forgotten { customers: ids, ..Forgotten::default() },
            }));
            return Ok(());
        }
        let reply = ask(cx, &kind.single(), json!({ "id": target.id })).await?;
        let body = shape::json(&reply.body).map_err(|fault| cx.unreadable(&fault))?;
        match body.pointer("/data/node") {
            Some(node) if node.is_object() => Reader { cx, kind }.take(node, sink).await,
            // It is gone.
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
