//! The figures of one window, as a marketer would be told them.
use super::Dataset;
use super::plan::PLANS;
use super::rows::DailyMetric;
use super::truth::{ratio, round};
use crate::db::load::Micros;
use crate::period::Window;
use jiff::{civil::Date, tz::TimeZone};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Costs below this are not called waste.
const MIN_SPEND: f64 = 100.0;
const MIN_TERM_SPEND: f64 = 50.0;
const PAID: [&str; 4] = ["paid_search", "paid_social", "display", "video"];

#[derive(Clone, Copy, Default)]
struct Sums {
    impressions: i64,
    clicks: i64,
    conversions: f64,
    cost: Micros,
    revenue: Micros,
}

impl Sums {
    fn add(&mut self, row: &DailyMetric) {
        self.impressions += row.impressions;
        self.clicks += row.clicks;
        self.conversions += row.conversions.as_f64();
        self.cost += row.cost_base;
        self.revenue += row.revenue_base;
    }

    fn json(&self) -> Map<String, Value> {
        let cost = self.cost.as_f64();
        let mut out = Map::new();
        for (key, value) in [
            ("cost", money(self.cost)),
            ("impressions", json!(self.impressions)),
            ("clicks", json!(self.clicks)),
            ("ctr", ratio(self.clicks as f64, self.impressions as f64)),
            ("conversions", json!(self.conversions)),
            ("revenue", money(self.revenue)),
            ("roas", ratio(self.revenue.as_f64(), cost)),
            ("cpa", ratio(cost, self.conversions)),
        ] {
            out.insert(key.to_owned(), value);
        }
        out
    }
}

fn money(amount: Micros) -> Value {
    json!(round(amount.as_f64(), 2))
}

fn zone() -> TimeZone {
    TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap_or(TimeZone::UTC)
}

fn local(at: jiff::Timestamp, zone: &TimeZone) -> Date {
    crate::period::local_day(at, zone)
}

pub fn window(data: &Dataset, daily: &[&DailyMetric], window: Window) -> Value {
    let inside: Vec<&DailyMetric> = daily.iter().copied().filter(|r| window.contains(r.date)).collect();
    json!({
        "window": {"start": window.start, "end": window.end},
        "ads": ads(data, &inside, window),
        "wasted": wasted(data, &inside, window),
        "shop": shop(data, &inside, window),
        "site": site(&inside),
        "leads": leads(data, &inside, window),
        "seo": search(data, window),
        "email": email(&inside),
    })
}

fn ads(data: &Dataset, inside: &[&DailyMetric], window: Window) -> Value {
    let zone = zone();
    let mut campaigns: BTreeMap<&str, Sums> = BTreeMap::new();
    let mut channels: BTreeMap<&str, Sums> = BTreeMap::new();
    let mut total = Sums::default();
    for row in inside.iter().filter(|r| r.entity_kind == "campaign" && r.breakdown.is_empty()) {
        campaigns.entry(&row.entity_id).or_default().add(row);
        channels.entry(row.channel).or_default().add(row);
        total.add(row);
    }
    let mut new: BTreeMap<&str, i64> = BTreeMap::new();
    for order in data
        .orders
        .iter()
        .filter(|o| counts(o) && o.is_first_order && window.contains(local(o.ordered_at, &zone)))
    {
        if let Some(campaign) = &order.campaign_id {
            *new.entry(campaign).or_default() += 1;
        }
    }
    let by_campaign: Map<String, Value> = PLANS
        .iter()
        .filter_map(|plan| {
            let sums = campaigns.get(plan.id)?;
            let mut one = sums.json();
            let new = new.get(plan.id).copied().unwrap_or(0);
            one.insert("id".to_owned(), json!(plan.id));
            one.insert("channel".to_owned(), json!(plan.channel));
            one.insert("new_customers".to_owned(), json!(new));
            one.insert("cac".to_owned(), ratio(sums.cost.as_f64(), new as f64));
            Some((plan.name.to_owned(), Value::Object(one)))
        })
        .collect();
    let by_channel: Map<String, Value> =
        channels.iter().map(|(channel, sums)| ((*channel).to_owned(), Value::Object(sums.json()))).collect();
    json!({"total": total.json(), "by_channel": by_channel, "by_campaign": by_campaign})
}

/// Spend without conversions at the three levels. `expected` is clicks × the channel's conversion rate: from 3 on the
/// waste is proven (P(0) ≤ 5 %), below it is possible.
fn wasted(data: &Dataset, inside: &[&DailyMetric], window: Window) -> Value {
    let level = |kind: &str| {
        let mut sums: BTreeMap<&str, (Sums, &str)> = BTreeMap::new();
        let mut channels: BTreeMap<&str, Sums> = BTreeMap::new();
        for row in inside.iter().filter(|r| r.entity_kind == kind && r.breakdown.is_empty()) {
            let one = sums.entry(&row.entity_id).or_insert((Sums::default(), row.channel));
            one.0.add(row);
            channels.entry(row.channel).or_default().add(row);
        }
        let mut out: Vec<(f64, Value)> = sums
            .into_iter()
            .filter(|(_, (s, _))| s.conversions == 0.0 && s.cost.as_f64() >= MIN_SPEND)
            .map(|(id, (s, channel))| {
                let all = &channels[channel];
                let expected = s.clicks as f64 * all.conversions / all.clicks.max(1) as f64;
                let name = data.entities.iter().find(|e| e.kind == kind && *e.id == *id).map_or("", |e| &e.name);
                let value = json!({"id": id, "name": name, "cost": money(s.cost), "clicks": s.clicks,
                    "expected": round(expected, 2), "evidence": if expected >= 3.0 { "proven" } else { "possible" }});
                (s.cost.as_f64(), value)
            })
            .collect();
        out.sort_by(|a, b| b.0.total_cmp(&a.0));
        let total = round(out.iter().map(|o| o.0).sum(), 2);
        json!({"total_cost": total, "rows": out.into_iter().map(|o| o.1).collect::<Vec<_>>()})
    };
    let mut terms: BTreeMap<&str, (f64, i64, f64)> = BTreeMap::new();
    for row in data.search_terms.iter().filter(|t| window.contains(t.date)) {
        let one = terms.entry(&row.term).or_default();
        one.0 += row.cost_base.as_f64();
        one.1 += row.clicks;
        one.2 += row.conversions.as_f64();
    }
    let mut rows: Vec<(&str, (f64, i64, f64))> =
        terms.into_iter().filter(|(_, t)| t.2 == 0.0 && t.0 >= MIN_TERM_SPEND).collect();
    rows.sort_by(|a, b| b.1.0.total_cmp(&a.1.0));
    json!({
        "min_spend": MIN_SPEND, "campaign": level("campaign"), "creative": level("ad"),
        "search_term": {"min_spend": MIN_TERM_SPEND, "total_cost": round(rows.iter().map(|r| r.1.0).sum(), 2),
            "rows": rows.iter().map(|(term, t)| json!({"term": term, "cost": round(t.0, 2), "clicks": t.1})).collect::<Vec<_>>()},
    })
}

fn counts(order: &super::rows::Order) -> bool {
    order.status != "cancelled" && !order.is_test
}

fn shop(data: &Dataset, inside: &[&DailyMetric], window: Window) -> Value {
    let zone = zone();
    let (mut orders, mut new, mut revenue) = (0i64, 0i64, Micros(0));
    let mut channels: BTreeMap<&str, (i64, Micros, i64)> = BTreeMap::new();
    for order in data.orders.iter().filter(|o| counts(o) && window.contains(local(o.ordered_at, &zone))) {
        let amount = order.gross_base - order.discount_base;
        orders += 1;
        revenue += amount;
        new += i64::from(order.is_first_order);
        let channel = channels.entry(order.channel).or_default();
        *channel = (channel.0 + 1, channel.1 + amount, channel.2 + i64::from(order.is_first_order));
    }
    let cost: Micros = inside
        .iter()
        .filter(|r| r.entity_kind == "campaign" && r.breakdown.is_empty())
        .map(|r| r.cost_base)
        .sum();
    let refund: Micros = inside
        .iter()
        .filter(|r| r.entity_kind == "site" && r.breakdown.is_empty())
        .map(|r| r.refund_base)
        .sum();
    let by_channel: Map<String, Value> = channels
        .into_iter()
        .map(|(channel, (orders, revenue, new))| {
            (channel.to_owned(), json!({"orders": orders, "revenue": money(revenue), "new_customers": new}))
        })
        .collect();
    json!({
        "orders": orders, "revenue": money(revenue), "aov": ratio(revenue.as_f64(), orders as f64), "new_customers": new,
        "returning_orders": orders - new, "refund": money(refund), "mer": ratio(revenue.as_f64(), cost.as_f64()),
        "blended_cac": ratio(cost.as_f64(), new as f64), "by_channel": by_channel,
    })
}

fn site(inside: &[&DailyMetric]) -> Value {
    let whole =
        |kind: &'static str| inside.iter().filter(move |r| r.entity_kind == kind && r.breakdown.is_empty());
    let sessions: i64 = whole("site").map(|r| r.sessions).sum();
    let conversions: f64 = whole("site").map(|r| r.conversions.as_f64()).sum();
    let mut channels: BTreeMap<&str, i64> = BTreeMap::new();
    for row in whole("site") {
        *channels.entry(row.channel).or_default() += row.sessions;
    }
    let mut goals: BTreeMap<&str, f64> = BTreeMap::new();
    for row in whole("event") {
        *goals.entry(&row.entity_id).or_default() += row.conversions.as_f64();
    }
    let mobile = |goal: &str| {
        inside
            .iter()
            .filter(|r| r.entity_kind == "event" && *r.entity_id == *goal && &*r.breakdown == "device=mobile")
            .map(|r| r.conversions.as_f64())
            .sum::<f64>()
    };
    let (carts, purchases) =
        (goals.get("add_to_cart").copied().unwrap_or(0.0), goals.get("purchase").copied().unwrap_or(0.0));
    json!({
        "sessions": sessions, "conversions": conversions, "cvr": ratio(conversions, sessions as f64), "sessions_by_channel": channels,
        "goals": goals, "cart_abandonment": ratio(carts - purchases, carts),
        "mobile_checkout_rate": ratio(mobile("purchase"), mobile("checkout_started")),
    })
}

fn leads(data: &Dataset, inside: &[&DailyMetric], window: Window) -> Value {
    let mut channels: BTreeMap<&str, i64> = BTreeMap::new();
    let mut cities: BTreeMap<&str, i64> = BTreeMap::new();
    let mut campaigns: BTreeMap<&str, i64> = BTreeMap::new();
    let (mut total, mut paid) = (0i64, 0i64);
    for lead in data.leads.iter().filter(|l| window.contains(l.created_on)) {
        total += 1;
        *channels.entry(lead.channel).or_default() += 1;
        *cities.entry(lead.city).or_default() += 1;
        if PAID.contains(&lead.channel) {
            paid += 1;
            if let Some(campaign) = &lead.campaign_id {
                *campaigns.entry(campaign).or_default() += 1;
            }
        }
    }
    let mut costs: BTreeMap<&str, f64> = BTreeMap::new();
    for row in inside.iter().filter(|r| r.entity_kind == "campaign" && r.breakdown.is_empty()) {
        *costs.entry(&row.entity_id).or_default() += row.cost_base.as_f64();
    }
    let by_campaign: Map<String, Value> = PLANS
        .iter()
        .filter_map(|plan| {
            let (cost, leads) = (*costs.get(plan.id)?, campaigns.get(plan.id).copied().unwrap_or(0));
            (leads > 0).then(|| {
                (
                    plan.name.to_owned(),
                    json!({"cost": round(cost, 2), "paid_leads": leads, "cpl": ratio(cost, leads as f64)}),
                )
            })
        })
        .collect();
    json!({
        "leads": total, "paid_leads": paid, "cpl": ratio(costs.values().sum::<f64>(), paid as f64), "by_channel": channels,
        "by_city": cities, "by_campaign": by_campaign,
    })
}

fn search(data: &Dataset, window: Window) -> Value {
    let (clicks, impressions, weighted) = data
        .search_performance
        .iter()
        .filter(|r| r.grain == "site" && window.contains(r.date))
        .fold((0i64, 0i64, 0.0), |s, r| {
            (s.0 + r.clicks, s.1 + r.impressions, s.2 + r.position_x_impressions)
        });
    json!({"clicks": clicks, "impressions": impressions, "ctr": ratio(clicks as f64, impressions as f64),
        "avg_position": ratio(weighted, impressions as f64)})
}

fn email(inside: &[&DailyMetric]) -> Value {
    let rows = || inside.iter().filter(|r| r.entity_kind == "email");
    let sum = |f: fn(&DailyMetric) -> i64| rows().map(|r| f(r)).sum::<i64>();
    let (sends, bounces, opens, clicks) =
        (sum(|r| r.sends), sum(|r| r.email_bounces), sum(|r| r.opens), sum(|r| r.email_clicks));
    json!({"sends": sends, "open_rate": ratio(opens as f64, (sends - bounces) as f64), "clicks": clicks,
        "revenue": money(rows().map(|r| r.revenue_base).sum())})
}

/// The club at the end of a window, and what moved inside it.
pub fn club(data: &Dataset, window: Window) -> Value {
    let mut accounts: BTreeMap<&str, Micros> = BTreeMap::new();
    let (mut opening, mut moved) = (Micros(0), BTreeMap::<&str, Micros>::new());
    for one in data.mrr_movements.iter().filter(|m| m.date <= window.end) {
        *accounts.entry(&one.subscription_id).or_default() += one.mrr_delta;
        if one.date < window.start {
            opening += one.mrr_delta;
        } else {
            *moved.entry(one.kind).or_default() += one.mrr_delta;
        }
    }
    let mrr: Micros = accounts.values().copied().sum();
    let moved: Map<String, Value> =
        moved.into_iter().map(|(kind, sum)| (kind.to_owned(), money(sum))).collect();
    json!({"opening_mrr": money(opening), "mrr": money(mrr), "accounts": accounts.values().filter(|m| m.0 > 0).count(),
        "last_30d": moved})
}

/// One search term in a window.
pub fn term(data: &Dataset, text: &str, window: Window) -> Value {
    let (cost, clicks, conversions) = data
        .search_terms
        .iter()
        .filter(|t| *t.term == *text && window.contains(t.date))
        .fold((0.0, 0i64, 0.0), |s, t| {
            (s.0 + t.cost_base.as_f64(), s.1 + t.clicks, s.2 + t.conversions.as_f64())
        });
    json!({"term": text, "cost": round(cost, 2), "clicks": clicks, "conversions": conversions})
}
