//! The site's own measurements: sessions and orders by channel and device, pages, and the steps to a purchase.
use super::ads::Traffic;
use super::calendar::Calendar;
use super::draw::{Draw, shares};
use super::email::Messages;
use super::funnel::Funnel;
use super::orders::Sales;
use super::plan::{CURRENCY, PLANS, planted};
use super::rows::{DailyMetric, Id, whole};
use super::seo::Search;
use super::shop::CITIES;
use crate::db::load::Micros;
use jiff::civil::{Date, Weekday};
use std::collections::{BTreeMap, HashMap};

pub const CHANNELS: [&str; 8] =
    ["paid_search", "paid_social", "video", "seo", "direct", "email", "referral", "organic_social"];
const DEVICES: [&str; 3] = ["device=mobile", "device=desktop", "device=tablet"];
/// Shares of sessions and of purchases by device.
const SESSIONS: [f64; 3] = [0.60, 0.34, 0.06];
const PURCHASES: [f64; 3] = [0.55, 0.40, 0.05];
/// Purchases of those who start the checkout, by device.
const COMPLETION: [f64; 3] = [0.58, 0.66, 0.62];
const METHODS: [&str; 4] = ["card", "twint", "paypal", "invoice"];

/// Orders, their revenue and refunds of one day and channel.
#[derive(Clone, Copy, Default)]
struct Sold {
    orders: i64,
    revenue: Micros,
    refund: Micros,
}

pub struct Site {
    pub rows: Vec<DailyMetric>,
}

fn row(date: Date, kind: &'static str, id: Id, channel: &'static str, breakdown: Id) -> DailyMetric {
    DailyMetric {
        date,
        source: "web",
        account_id: "".into(),
        entity_kind: kind,
        entity_id: id,
        channel,
        breakdown,
        revenue_basis: "orders",
        currency: CURRENCY,
        is_final: true,
        ..DailyMetric::default()
    }
}

/// Sessions by day and channel, before anything is split further.
pub fn sessions(
    seed: u64,
    calendar: &Calendar,
    traffic: &[[Traffic; 12]],
    search: &Search,
    messages: &Messages,
) -> Vec<[i64; 8]> {
    let mut draw = Draw::new(seed, "sessions");
    (0..calendar.len())
        .map(|day| {
            let date = calendar.days[day];
            let calm = 0.55 + 0.45 * calendar.season(date);
            let mut sessions = [0; 8];
            for (plan, one) in PLANS.iter().zip(&traffic[day]) {
                if let Some(channel) = CHANNELS.iter().position(|c| *c == plan.channel) {
                    sessions[channel] += one.landed;
                }
            }
            sessions[3] = search.page_clicks[day].values().sum::<i64>() * 26 / 25;
            sessions[4] = (108.0 * calm * draw.noise(0.07)).round() as i64;
            sessions[5] = messages.clicks[day] + draw.poisson(9.0 * calm);
            sessions[6] = draw.poisson(34.0 * calm);
            sessions[7] = draw.poisson(46.0 * calm);
            sessions
        })
        .collect()
}

pub fn generate(
    seed: u64,
    calendar: &Calendar,
    traffic: &[[Traffic; 12]],
    search: &Search,
    sessions: &[[i64; 8]],
    sales: &Sales,
    funnel: &Funnel,
) -> Site {
    let mut draw = Draw::new(seed, "web");
    let (sold, methods) = sold(calendar, sales);
    let mut rows = Vec::new();
    for (day, date) in calendar.days.iter().copied().enumerate() {
        let mobile = if calendar.age_at(day) <= planted::MOBILE_CHECKOUT { 0.7 } else { 1.0 };
        let buying = [PURCHASES[0] * mobile, PURCHASES[1], PURCHASES[2]];
        let mut bought = [0; 3];
        for (index, channel) in CHANNELS.iter().enumerate() {
            let parts = site_day(
                &mut draw,
                &mut rows,
                date,
                channel,
                sessions[day][index],
                sold[day][index],
                &buying,
            );
            for (total, part) in bought.iter_mut().zip(parts) {
                *total += part;
            }
        }
        steps(&mut draw, &mut rows, date, sessions[day].iter().sum(), bought, mobile, &methods[day]);
        for (id, count) in funnel.goals[day] {
            rows.push(goal(date, id, "".into(), count));
        }
        pages(
            &mut draw,
            &mut rows,
            date,
            &traffic[day],
            &search.page_clicks[day],
            &sessions[day],
            &sold[day],
        );
    }
    Site { rows }
}

fn sold(calendar: &Calendar, sales: &Sales) -> (Vec<[Sold; 8]>, Vec<[i64; 4]>) {
    let mut sold = vec![[Sold::default(); 8]; calendar.len()];
    let mut methods = vec![[0; 4]; calendar.len()];
    let day_of = |at| usize::try_from(calendar.len() as i64 - calendar.age(calendar.local_day(at))).ok();
    let mut refunds: HashMap<&Id, (usize, Micros)> = HashMap::new();
    for refund in &sales.refunds {
        if let (Some(order), Some(day)) = (&refund.order_id, day_of(refund.refunded_at)) {
            refunds.insert(order, (day, refund.amount));
        }
    }
    for order in sales.orders.iter().filter(|o| o.status != "cancelled" && !o.is_test) {
        let Some(channel) = CHANNELS.iter().position(|c| *c == order.channel) else { continue };
        let Some(day) = day_of(order.ordered_at).filter(|d| *d < sold.len()) else { continue };
        let cell = &mut sold[day][channel];
        cell.orders += 1;
        cell.revenue += order.gross_base - order.discount_base;
        if let Some(method) = METHODS.iter().position(|m| Some(*m) == order.payment_method) {
            methods[day][method] += 1;
        }
        if let Some((when, _)) = refunds.get(&order.id).filter(|(when, _)| *when < sold.len()) {
            sold[*when][channel].refund += order.refunded_base;
        }
    }
    (sold, methods)
}

/// One channel on one day, whole and by device; returns the purchases by device.
fn site_day(
    draw: &mut Draw,
    rows: &mut Vec<DailyMetric>,
    date: Date,
    channel: &'static str,
    sessions: i64,
    sold: Sold,
    buying: &[f64; 3],
) -> [i64; 3] {
    let sessions = sessions.max(sold.orders * 2);
    let engaging = match channel {
        "video" => 0.38,
        "paid_social" => 0.47,
        "organic_social" => 0.5,
        "paid_search" => 0.61,
        _ => 0.66,
    };
    let by_device = draw.split(sessions, &SESSIONS);
    let orders = draw.split(sold.orders, buying);
    let weights: Vec<f64> = orders.iter().map(|o| *o as f64).collect();
    let (revenue, refund) = (
        shares(sold.revenue.0, &weights),
        shares(sold.refund.0, if sold.orders > 0 { &weights } else { &PURCHASES }),
    );
    let mut total = row(date, "site", "site".into(), channel, "".into());
    for device in 0..3 {
        let mut part = row(date, "site", "site".into(), channel, DEVICES[device].into());
        visit(draw, &mut part, by_device[device], if device == 0 { engaging * 0.94 } else { engaging * 1.1 });
        part.conversions = whole(orders[device]);
        (part.revenue, part.revenue_base) = (Micros(revenue[device]), Micros(revenue[device]));
        (part.refund, part.refund_base) = (Micros(refund[device]), Micros(refund[device]));
        for (sum, value) in [
            (&mut total.sessions, part.sessions),
            (&mut total.engaged_sessions, part.engaged_sessions),
            (&mut total.engaged_seconds, part.engaged_seconds),
            (&mut total.bounces, part.bounces),
            (&mut total.pageviews, part.pageviews),
            (&mut total.users, part.users),
            (&mut total.new_users, part.new_users),
        ] {
            *sum += value;
        }
        total.conversions += part.conversions;
        total.revenue += part.revenue;
        total.revenue_base += part.revenue_base;
        total.refund += part.refund;
        total.refund_base += part.refund_base;
        rows.push(part);
    }
    rows.push(total);
    [orders[0], orders[1], orders[2]]
}

fn visit(draw: &mut Draw, row: &mut DailyMetric, sessions: i64, engaging: f64) {
    row.sessions = sessions;
    row.engaged_sessions = draw.binomial(sessions, engaging);
    row.bounces = sessions - row.engaged_sessions;
    row.engaged_seconds = (row.engaged_sessions as f64 * draw.between(72.0, 96.0)).round() as i64;
    row.pageviews = row.bounces + (row.engaged_sessions as f64 * draw.between(3.1, 4.2)).round() as i64;
    row.users = sessions - draw.binomial(sessions, 0.07);
    row.new_users = draw.binomial(row.users, 0.62);
}

fn goal(date: Date, id: &'static str, breakdown: Id, count: i64) -> DailyMetric {
    let mut goal = row(date, "event", id.into(), "unknown", breakdown);
    (goal.users, goal.conversions) = (count, whole(count));
    goal
}

/// The steps of the shop, by device and (checkout and purchase) by payment method.
fn steps(
    draw: &mut Draw,
    rows: &mut Vec<DailyMetric>,
    date: Date,
    sessions: i64,
    bought: [i64; 3],
    mobile: f64,
    methods: &[i64; 4],
) {
    let landing = draw.split(sessions, &SESSIONS);
    let mut totals: BTreeMap<&'static str, i64> = BTreeMap::new();
    for device in 0..3 {
        let rate = COMPLETION[device] * if device == 0 { mobile } else { 1.0 };
        // Days without a purchase on a device still have people who started.
        let started =
            draw.round((bought[device] as f64 + 0.15 * PURCHASES[device]) / rate).max(bought[device]);
        let carts = draw.round(started as f64 / 0.47).max(started);
        let viewed = draw.binomial(landing[device], 0.54).max(carts);
        let counts = [
            ("landing", landing[device].max(viewed)),
            ("product_view", viewed),
            ("add_to_cart", carts),
            ("checkout_started", started),
            ("purchase", bought[device]),
        ];
        for (id, count) in counts {
            *totals.entry(id).or_default() += count;
            rows.push(goal(date, id, DEVICES[device].into(), count));
        }
    }
    let started = totals.get("checkout_started").copied().unwrap_or(0);
    let weights: Vec<f64> =
        methods.iter().zip([1.0, 0.9, 1.1, 1.6]).map(|(m, w)| (*m as f64 + 0.4) * w).collect();
    let extra = draw.split(started - methods.iter().sum::<i64>(), &weights);
    for (index, method) in METHODS.iter().enumerate() {
        let breakdown: Id = format!("payment_method={method}").into();
        rows.push(goal(date, "checkout_started", breakdown.clone(), methods[index] + extra[index]));
        rows.push(goal(date, "purchase", breakdown, methods[index]));
    }
    rows.extend(totals.into_iter().map(|(id, count)| goal(date, id, "".into(), count)));
}

/// Where visits without an ad of their own land, by channel.
const LANDINGS: [(&str, &[(&str, f64)]); 4] = [
    ("direct", &[("/", 0.5), ("/trail-shoes", 0.2), ("/club", 0.15), ("/pricing", 0.15)]),
    ("email", &[("/sale", 0.4), ("/new", 0.3), ("/trail-shoes", 0.3)]),
    ("referral", &[("/", 0.4), ("/guides/choose-trail-shoes", 0.35), ("/lark-tent", 0.25)]),
    ("organic_social", &[("/", 0.4), ("/new", 0.35), ("/stories/summit", 0.25)]),
];

fn pages(
    draw: &mut Draw,
    rows: &mut Vec<DailyMetric>,
    date: Date,
    traffic: &[Traffic; 12],
    clicks: &HashMap<Id, i64>,
    sessions: &[i64; 8],
    sold: &[Sold; 8],
) {
    for (index, channel) in CHANNELS.iter().enumerate() {
        let mut visits: BTreeMap<Id, i64> = BTreeMap::new();
        if *channel == "seo" {
            visits.extend(clicks.iter().filter(|(_, n)| **n > 0).map(|(page, n)| (page.clone(), *n)));
        } else if let Some((_, landings)) = LANDINGS.iter().find(|(c, _)| c == channel) {
            let weights: Vec<f64> = landings.iter().map(|l| l.1).collect();
            let parts = draw.split(sessions[index], &weights);
            visits.extend(landings.iter().zip(parts).map(|((page, _), n)| (Id::from(*page), n)));
        } else {
            for (plan, one) in PLANS.iter().zip(traffic).filter(|(plan, _)| plan.channel == *channel) {
                *visits.entry(plan.landing.into()).or_default() += one.landed;
            }
        }
        let weights: Vec<f64> = visits
            .iter()
            .map(|(page, n)| *n as f64 * if page.starts_with("/guides") { 0.25 } else { 1.0 })
            .collect();
        let orders = if weights.iter().sum::<f64>() > 0.0 {
            draw.split(sold[index].orders, &weights)
        } else {
            vec![0; weights.len()]
        };
        for ((page, n), orders) in visits.into_iter().zip(orders) {
            let mut one = row(date, "page", page, channel, "".into());
            visit(draw, &mut one, n.max(orders), if *channel == "seo" { 0.68 } else { 0.55 });
            one.exits = one.bounces + draw.binomial(one.engaged_sessions, 0.22);
            one.conversions = whole(orders);
            if *channel == "seo" && date.weekday() == Weekday::Monday {
                one.backlinks_gained = draw.poisson(0.35);
                one.backlinks_lost = draw.poisson(0.18);
            }
            rows.push(one);
        }
    }
    for (city, _, weight, _) in CITIES.iter().take(7) {
        let mut one = row(date, "page", format!("/teams/{}", city.to_lowercase()).into(), "seo", "".into());
        let count = draw.poisson(weight * 40.0);
        visit(draw, &mut one, count, 0.66);
        one.exits = one.bounces;
        rows.push(one);
    }
}
