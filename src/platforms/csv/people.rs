//! Orders and leads. Of a person only a keyed fact is kept: the platform's id, or the hash of the folded e-mail.
use super::facts::{self, Customer, Facts, Lead, Order, Setting};
use super::table::{Fault, Row};
use crate::period::local_day;
use crate::platforms::channel::{self, Arrival};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// SHA-256 of the trimmed, lower-case address, as `\x…` for a bytea column.
pub fn email_hash(email: &str) -> String {
    let digest = Sha256::digest(email.trim().to_lowercase());
    digest.iter().fold("\\x".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

/// The same without the dots before the @, as Google hashes addresses of its own; nothing where that changes nothing.
pub fn email_hash_google(email: &str) -> Option<String> {
    let folded = email.trim().to_lowercase();
    let (name, host) = folded.rsplit_once('@')?;
    let own = matches!(host, "gmail.com" | "googlemail.com") && name.contains('.');
    own.then(|| email_hash(&format!("{}@{host}", name.replace('.', ""))))
}

/// Who an address is, where a file says nothing else: 24 digits of HMAC-SHA256 under the organisation's key. The plain
/// hash is kept beside for lists, where no query sees it.
pub fn person(email: &str, key: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    mac.update(email.trim().to_lowercase().as_bytes());
    crate::db::people::hex(&mac.finalize().into_bytes()[..12])
}

/// UTM parameters: columns first, else those of the landing page.
fn utm(row: &Row, landing: Option<&str>) -> Map<String, Value> {
    let parameters = landing.map(channel::parameters).unwrap_or_default();
    ["utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"]
        .into_iter()
        .filter_map(|name| {
            let value = row.text(name).map(str::to_owned).or_else(|| parameters.get(name).cloned())?;
            Some((name.to_owned(), Value::String(value)))
        })
        .collect()
}

fn arrival<'a>(row: &'a Row, landing: &'static str) -> Arrival<'a> {
    Arrival {
        utm_source: row.text("utm_source"),
        utm_medium: row.text("utm_medium"),
        landing: row.text(landing),
        referrer: row.text("referrer"),
    }
}

/// The amounts of an order that a later line of it may repeat, but not change.
const AMOUNTS: [&str; 7] = ["total", "gross", "subtotal", "discount", "shipping", "tax", "refunded"];

/// Reads orders. Repeated ids are the lines of one order: its amounts stand on the first, or on each alike. Lines that
/// give an order other amounts (its items, one a line) are refused: adding them up could count a total twice.
pub fn orders(rows: &[Row], setting: &Setting, zone: &TimeZone) -> Facts {
    let mut facts = Facts::default();
    let mut seen: BTreeMap<String, (u64, [Option<Decimal>; 7])> = BTreeMap::new();
    let mut customers: BTreeMap<String, Customer> = BTreeMap::new();
    for row in rows {
        let (Some(external), Some(at)) = (row.text("id"), row.instant("ordered_at")) else { continue };
        let id = facts::id(&setting.source, external);
        let amounts = AMOUNTS.map(|field| row.number(field));
        if let Some((line, first)) = seen.get(&id) {
            if amounts.iter().zip(first).any(|(now, first)| now.is_some() && now != first) {
                facts.conflict(row, *line, "the same order");
            }
            continue;
        }
        seen.insert(id.clone(), (row.line, amounts));
        let order = order(row, id, at, setting, zone, &mut facts);
        if let Some(customer) = &order.customer_id {
            customers.entry(customer.clone()).or_insert_with(|| Customer {
                source: setting.source.clone(),
                id: customer.clone(),
                kind: "customer",
                email_hash: row.text("email").map(email_hash),
                email_hash_google: row.text("email").and_then(email_hash_google),
                city: row.text("city").unwrap_or_default().to_owned(),
                currency: setting.currency,
            });
        }
        facts.total("orders", Decimal::ONE);
        facts.total("revenue", order.gross - order.discount);
        facts.total("total", order.total);
        facts.orders.push(order);
    }
    facts.customers = customers.into_values().collect();
    facts
}

fn order(
    row: &Row,
    id: String,
    at: jiff::Timestamp,
    setting: &Setting,
    zone: &TimeZone,
    facts: &mut Facts,
) -> Order {
    let day = local_day(at, zone);
    let currency = row.currency("currency").unwrap_or(setting.currency);
    let of = |field: &str| facts::amount(row, field);
    let (discount, shipping, tax) = (of("discount").abs(), of("shipping"), of("tax"));
    // Item revenue before discount, without tax and shipping: as given, else from what is (`metrics.md` rule 9).
    let gross = row
        .number("gross")
        .or_else(|| row.number("subtotal").map(|subtotal| subtotal + discount))
        .unwrap_or_else(|| of("total") - shipping - tax + discount);
    let gross = if row.flag("taxes_included") { gross - tax } else { gross };
    let total = row.number("total").unwrap_or(gross - discount + shipping + tax);
    let refunded = of("refunded").abs();
    let financial =
        row.text("financial_status").or_else(|| row.text("status")).unwrap_or_default().to_lowercase();
    let cancelled_at = row.instant("cancelled_at");
    let status = match financial.as_str() {
        _ if cancelled_at.is_some() => "cancelled",
        "cancelled" | "canceled" | "voided" | "failed" => "cancelled",
        "refunded" => "refunded",
        "pending" | "open" | "authorized" | "unpaid" => "open",
        _ => "paid",
    };
    let mut base = |amount| facts.base(setting, amount, currency, day);
    let landing = row.text("landing_site");
    let customer_id =
        row.text("customer_id").map(|customer| facts::id(&setting.source, customer)).or_else(|| {
            row.text("email").map(|email| facts::id(&setting.source, &person(email, &setting.person_key)))
        });
    Order {
        source: setting.source.clone(),
        id,
        ordered_at: at,
        status,
        fulfilment_status: row.text("fulfilment_status").unwrap_or_default().to_owned(),
        currency,
        gross,
        discount,
        shipping,
        tax,
        total,
        refunded,
        fees: Decimal::ZERO,
        net: total - refunded,
        gross_base: base(gross),
        discount_base: base(discount),
        total_base: base(total),
        refunded_base: base(refunded),
        net_base: base(total - refunded),
        customer_id,
        channel: channel::derive(&arrival(row, "landing_site")),
        sales_channel: row.text("sales_channel").unwrap_or_default().to_owned(),
        city: row.text("city").map(str::to_owned),
        utm: utm(row, landing),
        landing_site: landing.map(str::to_owned),
        payment_method: row.text("payment_method").map(str::to_owned),
        promo_code: row.text("promo_code").is_some(),
        cancelled_at,
        is_test: row.flag("is_test"),
        financial_status: financial,
    }
}

/// Reads leads.
pub fn leads(rows: &[Row], setting: &Setting, zone: &TimeZone) -> Facts {
    let mut facts = Facts::default();
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for row in rows {
        let (Some(external), Some(at)) = (row.text("id"), row.instant("created_at")) else { continue };
        let id = facts::id(&setting.source, external);
        if let Some(line) = seen.insert(id.clone(), row.line) {
            facts.conflict(row, line, "the same lead");
            continue;
        }
        let said = row.text("stage").unwrap_or("new");
        let Some(stage) = stage(said) else {
            facts.faults.push(Fault {
                line: row.line,
                column: None,
                field: Some("stage".to_owned()),
                code: "csv.unknown_enum",
                message: format!(
                    "Line {}: stage '{}' is not known; use new, contacted, qualified, trial, won or lost.",
                    row.line,
                    crate::text::clean(said, 40)
                ),
            });
            continue;
        };
        let landing = row.text("landing_page");
        let mut touch = utm(row, landing);
        for (name, value) in [("landing_path", landing), ("referrer", row.text("referrer"))] {
            if let Some(value) = value {
                touch.insert(name.to_owned(), Value::String(value.to_owned()));
            }
        }
        facts.total("leads", Decimal::ONE);
        facts.leads.push(Lead {
            source: setting.source.clone(),
            id,
            created_on: local_day(at, zone),
            created_at: at,
            lead_source: row.text("lead_source").unwrap_or_default().to_owned(),
            form: row.text("form").unwrap_or_default().to_owned(),
            campaign_id: row
                .text("campaign_id")
                .map(|c| if c.contains(':') { c.to_owned() } else { facts::id(&setting.source, c) }),
            city: row.text("city").unwrap_or_default().to_owned(),
            page_type: row.text("page_type").unwrap_or_default().to_owned(),
            flow: row.text("flow").unwrap_or_default().to_owned(),
            stage,
            value: row.number("value"),
            currency: row.currency("currency").unwrap_or(setting.currency),
            first_touch: touch.clone(),
            last_touch: touch,
            channel: channel::derive(&arrival(row, "landing_page")),
            booked_at: row.instant("booked_at"),
            won_at: row.instant("won_at").filter(|_| stage == "won"),
        });
    }
    facts
}

/// The stage in our words; CRMs have their own.
fn stage(said: &str) -> Option<&'static str> {
    Some(match super::header::fold(said).as_str() {
        "new" | "open" | "lead" | "subscriber" | "neu" => "new",
        "contacted" | "in progress" | "attempted to contact" | "connected" => "contacted",
        "qualified" | "mql" | "sql" | "marketing qualified lead" | "sales qualified lead" | "opportunity" => {
            "qualified"
        }
        "trial" | "demo" => "trial",
        "won" | "closed won" | "customer" | "converted" | "gewonnen" => "won",
        "lost" | "closed lost" | "unqualified" | "disqualified" | "bad timing" | "verloren" => "lost",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
