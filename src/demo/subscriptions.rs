//! The Gear Club: a box every month. Accounts join, change plan, leave and come back; each change is one movement of the
//! recurring revenue.
use super::calendar::Calendar;
use super::draw::Draw;
use super::plan::CURRENCY;
use super::rows::{Customer, Id, Movement, Subscription, SubscriptionPlan};
use crate::db::load::Micros;
use jiff::ToSpan;
use jiff::civil::Date;

/// Id, name, interval, price and value a month in cents, share of those who join, monthly risk of leaving.
const PLANS: [(&str, &str, &str, i64, i64, f64, f64); 3] = [
    ("shopify:club-monthly", "Gear Club monthly", "month", 1_900, 1_900, 0.56, 0.046),
    ("shopify:club-family", "Gear Club family", "month", 3_400, 3_400, 0.19, 0.034),
    ("shopify:club-yearly", "Gear Club yearly", "year", 18_000, 1_500, 0.25, 0.013),
];
const CHANNELS: [(&str, f64); 6] = [
    ("email", 0.30),
    ("seo", 0.24),
    ("direct", 0.18),
    ("paid_social", 0.14),
    ("paid_search", 0.10),
    ("referral", 0.04),
];
/// Members of the club when the data begin.
const MEMBERS: usize = 210;
const TRIAL_DAYS: i64 = 14;

#[derive(Default)]
pub struct Club {
    pub plans: Vec<SubscriptionPlan>,
    pub subscriptions: Vec<Subscription>,
    pub movements: Vec<Movement>,
}

pub fn generate(seed: u64, calendar: &Calendar, customers: &[Customer]) -> Club {
    let mut draw = Draw::new(seed, "subscriptions");
    let mut out = Club::default();
    for (id, name, interval, price, ..) in PLANS {
        let amount = Micros::from_cents(price);
        out.plans.push(SubscriptionPlan {
            id,
            name,
            interval,
            amount,
            currency: CURRENCY,
            source: "shopify",
        });
    }
    let Some(first) = calendar.days.first().copied() else { return out };
    for _ in 0..MEMBERS {
        let joined = first.saturating_sub((1 + draw.below(300) as i64).days());
        account(&mut draw, calendar, customers, first, joined, &mut out);
    }
    for (index, date) in calendar.days.iter().copied().enumerate() {
        let growth = 0.62 + 0.34 * index as f64 / calendar.len().max(1) as f64;
        for _ in 0..draw.poisson(growth * (0.7 + 0.3 * calendar.month_factor(date))) {
            account(&mut draw, calendar, customers, first, date, &mut out);
        }
    }
    out
}

/// One account from its first day to yesterday. Those who joined before the data begin are still there on that day.
fn account(
    draw: &mut Draw,
    calendar: &Calendar,
    customers: &[Customer],
    first: Date,
    joined: Date,
    out: &mut Club,
) {
    let number = out.subscriptions.len();
    let id: Id = format!("shopify:sub-{}", 7_000 + number).into();
    let customer_id: Id = match customers.len() {
        0 => format!("shopify:{}", 900_000 + number).into(),
        n => customers[draw.below(n)].id.clone(),
    };
    let mut plan = draw.weighted(&PLANS.map(|p| p.5));
    let channel = CHANNELS[draw.weighted(&CHANNELS.map(|c| c.1))].0;
    let trial = joined >= first && draw.chance(0.34);
    let at = |day: Date, seconds: i64| calendar.at(day, seconds);
    let mut sub = Subscription {
        id: id.clone(),
        customer_id,
        plan_id: PLANS[plan].0,
        status: "active",
        mrr: Micros::from_cents(PLANS[plan].4),
        currency: CURRENCY,
        started_at: at(joined, 43_200),
        source: "shopify",
        ..Subscription::default()
    };
    let mut day = joined;
    if trial {
        sub.trial_started_at = Some(at(joined, 43_200));
        day = joined.saturating_add(TRIAL_DAYS.days());
        sub.trial_ends_at = Some(at(day, 43_200));
        (sub.trial_mrr, sub.mrr) = (sub.mrr, Micros(0));
        let pays = draw.chance(0.58);
        if day >= calendar.today {
            sub.status = "trialing";
        } else if !pays {
            sub.status = "canceled";
            sub.canceled_at = Some(at(day, 43_200));
            sub.cancel_reason = "trial ended";
        }
        if sub.status != "active" {
            out.subscriptions.push(sub);
            return;
        }
        sub.mrr = sub.trial_mrr;
    }
    let mut put = |date: Date, kind: &'static str, cents: i64, plan: usize| {
        let mrr_delta = Micros::from_cents(cents);
        out.movements.push(Movement {
            date,
            subscription_id: id.clone(),
            kind,
            mrr_delta,
            plan_id: PLANS[plan].0,
            channel,
        });
    };
    put(day, "new", PLANS[plan].4, plan);
    let mut paying = true;
    // One chance a month, on a day of its own.
    day = day.saturating_add((20 + draw.below(20) as i64).days());
    while day < calendar.today {
        if day >= first {
            if !paying {
                if draw.chance(0.05) {
                    put(day, "reactivation", PLANS[plan].4, plan);
                    (paying, sub.canceled_at, sub.cancel_reason) = (true, None, "");
                }
            } else if draw.chance(PLANS[plan].6) {
                put(day, "churn", -PLANS[plan].4, plan);
                (paying, sub.canceled_at) = (false, Some(at(day, 43_200)));
                sub.cancel_reason =
                    *draw.of(&["too expensive", "not used enough", "payment failed", "moved away"]);
            } else if plan == 0 && draw.chance(0.016) {
                put(day, "expansion", PLANS[1].4 - PLANS[0].4, 1);
                plan = 1;
            } else if plan == 1 && draw.chance(0.022) {
                put(day, "contraction", PLANS[0].4 - PLANS[1].4, 0);
                plan = 0;
            }
        }
        day = day.saturating_add((25 + draw.below(11) as i64).days());
    }
    sub.plan_id = PLANS[plan].0;
    sub.status = if paying { "active" } else { "canceled" };
    sub.mrr = if paying { Micros::from_cents(PLANS[plan].4) } else { Micros(0) };
    out.subscriptions.push(sub);
}
