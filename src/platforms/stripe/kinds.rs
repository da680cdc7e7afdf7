//! The kinds of objects that are read, and which events tell that one changed.
use super::parse::plain;
use crate::platforms::hook::Target;
use crate::platforms::shape;
use serde_json::Value;

/// One kind of object.
#[derive(Debug)]
pub struct Kind {
    pub stream: &'static str,
    /// Behind `/v1/`.
    pub path: &'static str,
    /// What `object` says.
    pub object: &'static str,
    /// Parameters of its list.
    pub list: &'static [(&'static str, &'static str)],
    /// What is shown whole inside one of them.
    pub expand: &'static [&'static str],
    /// Of old ones only the last days are read; of the others all there are, because what is sold now refers to them.
    pub dated: bool,
    /// Events that tell of a change; at most 20, the API's own limit.
    pub events: &'static [&'static str],
}

pub static KINDS: &[Kind] = &[
    Kind {
        stream: "customers",
        path: "customers",
        object: "customer",
        list: &[],
        expand: &[],
        dated: false,
        events: &["customer.created", "customer.updated", "customer.deleted"],
    },
    Kind {
        stream: "plans",
        path: "prices",
        object: "price",
        list: &[],
        expand: &["product"],
        dated: false,
        events: &["price.created", "price.updated", "price.deleted", "product.updated"],
    },
    Kind {
        stream: "subscriptions",
        path: "subscriptions",
        object: "subscription",
        list: &[("status", "all")],
        // A customer's discount holds for subscriptions without their own.
        expand: &["discounts", "items.data.discounts", "latest_invoice", "customer"],
        dated: false,
        events: &[
            "customer.subscription.created",
            "customer.subscription.updated",
            "customer.subscription.deleted",
            "customer.subscription.paused",
            "customer.subscription.resumed",
            "customer.discount.created",
            "customer.discount.updated",
            "customer.discount.deleted",
            // What was used is in the bill.
            "invoice.paid",
        ],
    },
    Kind {
        stream: "invoices",
        path: "invoices",
        object: "invoice",
        list: &[],
        expand: &[],
        dated: true,
        events: &[
            "invoice.created",
            "invoice.finalized",
            "invoice.paid",
            "invoice.payment_failed",
            "invoice.voided",
            "invoice.marked_uncollectible",
            "invoice.updated",
        ],
    },
    Kind {
        stream: "refunds",
        path: "refunds",
        object: "refund",
        list: &[],
        expand: &[],
        dated: true,
        events: &["refund.created", "refund.updated", "refund.failed", "charge.refunded"],
    },
    Kind {
        stream: "charges",
        path: "charges",
        object: "charge",
        list: &[],
        expand: &["balance_transaction"],
        dated: true,
        events: &[
            "charge.succeeded",
            "charge.captured",
            "charge.updated",
            "charge.refunded",
            "charge.failed",
        ],
    },
];

/// What is to be read again because of an event of this type about this object: the object itself, and what hangs on it.
pub fn targets(topic: &str, object: &Value) -> Vec<Target> {
    let id = |field: &str| reference(object.get(field)).and_then(plain);
    let of = |field: &str, stream: &'static str| id(field).map(|id| Target { stream, id });
    let found: Vec<Option<Target>> = match shape::text_if_any(object, "object").unwrap_or_default() {
        "customer" => vec![of("id", "customers")],
        "price" | "plan" | "product" => vec![of("id", "plans")],
        "subscription" => vec![of("id", "subscriptions")],
        // One of a customer holds for all that they subscribed to.
        "discount" => vec![of("subscription", "subscriptions").or_else(|| of("customer", "subscriptions"))],
        "invoice" if topic == "invoice.paid" => {
            let subscription = super::parse::subscription_of(object).and_then(plain);
            vec![of("id", "invoices"), subscription.map(|id| Target { stream: "subscriptions", id })]
        }
        "invoice" => vec![of("id", "invoices")],
        "refund" => vec![of("id", "refunds"), of("charge", "charges")],
        "charge" if topic == "charge.refunded" => vec![of("id", "charges"), of("id", "refunds")],
        "charge" => vec![of("id", "charges")],
        _ => Vec::new(),
    };
    found.into_iter().flatten().collect()
}

/// The id of a thing that stands as its id or whole.
pub fn reference(value: Option<&Value>) -> Option<&str> {
    let value = value?;
    value.as_str().or_else(|| shape::text_if_any(value, "id"))
}

/// Whether events of this type make anything be read.
pub fn wanted(topic: &str) -> bool {
    KINDS.iter().any(|kind| kind.events.contains(&topic))
}
