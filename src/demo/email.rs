//! Messages: a weekly newsletter and two flows, counted on the day they were sent.
use super::calendar::Calendar;
use super::draw::Draw;
use super::plan::CURRENCY;
use super::rows::{DailyMetric, Entity, Id, whole};
use crate::db::load::Micros;
use jiff::civil::Weekday;
use serde_json::json;

pub const CART_FLOW: &str = "klaviyo:flow-cart";
const ACCOUNT: &str = "kl-3300";

/// Flow, message, sends a day, opens and clicks of delivered, orders of clicks.
const FLOWS: [(&str, &str, &str, f64, f64, f64, f64); 5] = [
    ("klaviyo:flow-welcome", "klaviyo:m-welcome-1", "Welcome 1: hello", 14.0, 0.46, 0.071, 0.060),
    ("klaviyo:flow-welcome", "klaviyo:m-welcome-2", "Welcome 2: how to choose", 12.0, 0.38, 0.049, 0.052),
    ("klaviyo:flow-welcome", "klaviyo:m-welcome-3", "Welcome 3: ten per cent", 10.0, 0.33, 0.058, 0.081),
    (CART_FLOW, "klaviyo:m-cart-1", "Cart reminder 1", 31.0, 0.44, 0.092, 0.110),
    (CART_FLOW, "klaviyo:m-cart-2", "Cart reminder 2", 24.0, 0.35, 0.061, 0.092),
];
const TOPICS: [&str; 8] = [
    "Trail notes",
    "New on the shelf",
    "Weekend route",
    "Members first",
    "Field test",
    "Care and repair",
    "From the workshop",
    "Last sizes",
];

#[derive(Default)]
pub struct Messages {
    pub rows: Vec<DailyMetric>,
    pub entities: Vec<Entity>,
    /// Clicks of each day, for the visits of the site.
    pub clicks: Vec<i64>,
}

fn entity(kind: &'static str, id: &Id, name: &str, attrs: serde_json::Value) -> Entity {
    Entity {
        kind,
        id: id.clone(),
        source: "klaviyo",
        account_id: ACCOUNT.into(),
        external_id: id.trim_start_matches("klaviyo:").into(),
        name: name.into(),
        url: None,
        canonical_id: id.clone(),
        attrs,
    }
}

/// The id of a Thursday's newsletter.
pub fn newsletter(date: jiff::civil::Date) -> Id {
    format!("klaviyo:c-{}", date.strftime("%Y%m%d")).into()
}

pub fn generate(seed: u64, calendar: &Calendar) -> Messages {
    let mut draw = Draw::new(seed, "email");
    let mut out = Messages::default();
    for (id, name) in [("klaviyo:flow-welcome", "Welcome flow"), (CART_FLOW, "Cart reminder flow")] {
        out.entities.push(entity("automation", &id.into(), name, json!({"channel": "email"})));
    }
    for (flow, id, name, ..) in FLOWS {
        out.entities.push(entity("email", &id.into(), name, json!({"flow": flow, "channel": "email"})));
    }
    for (index, date) in calendar.days.iter().copied().enumerate() {
        let mut clicks = 0;
        let season = calendar.month_factor(date);
        for (_, id, _, sends, opens, click, order) in FLOWS {
            let sent = draw.poisson(sends * (0.6 + 0.4 * season));
            clicks +=
                message(&mut draw, &mut out.rows, date, &id.into(), sent, [opens, click, order, 0.0025]);
        }
        if date.weekday() == Weekday::Thursday {
            let number = index / 7;
            let id = newsletter(date);
            let name = format!("{} {}", TOPICS[number % TOPICS.len()], date.strftime("%-d %b %Y"));
            out.entities.push(entity("email", &id, &name, json!({"channel": "email", "kind": "newsletter"})));
            // The list grows from 5,200 to 8,400 readers.
            let list = 5_200.0 + 3_200.0 * index as f64 / calendar.len().max(1) as f64;
            let open = draw.between(0.24, 0.32);
            let sent = (list * draw.between(0.985, 1.0)).round() as i64;
            clicks += message(&mut draw, &mut out.rows, date, &id, sent, [open, open * 0.098, 0.042, 0.0021]);
        }
        out.clicks.push(clicks);
    }
    out
}

/// One message on one day; rates are opens, clicks (both of delivered), orders of clicks, unsubscribes of delivered.
fn message(
    draw: &mut Draw,
    rows: &mut Vec<DailyMetric>,
    date: jiff::civil::Date,
    id: &Id,
    sends: i64,
    rates: [f64; 4],
) -> i64 {
    let bounces = draw.binomial(sends, 0.011);
    let delivered = sends - bounces;
    let opens = draw.binomial(delivered, rates[0]);
    let clicks = draw.binomial(opens, rates[1] / rates[0]);
    let orders = draw.binomial(clicks, rates[2]);
    let revenue = Micros::from_cents((orders as f64 * draw.lognormal(7_900.0, 0.35)).round() as i64);
    rows.push(DailyMetric {
        date,
        source: "klaviyo",
        account_id: ACCOUNT.into(),
        entity_kind: "email",
        entity_id: id.clone(),
        channel: "email",
        breakdown: "".into(),
        sends,
        opens,
        email_clicks: clicks,
        email_bounces: bounces,
        unsubscribes: draw.binomial(delivered, rates[3]),
        complaints: draw.binomial(delivered, 0.0002),
        conversions: whole(orders),
        conversion_value: revenue,
        conversion_value_base: revenue,
        revenue,
        revenue_base: revenue,
        revenue_basis: "attributed",
        currency: CURRENCY,
        attribution_window: "5d",
        is_final: true,
        ..DailyMetric::default()
    });
    clicks
}
