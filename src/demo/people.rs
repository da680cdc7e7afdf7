//! Behavioural segments by their published rules, with weekly history; value and risk per customer; consents.
use super::buyers::{Buyer, Purchase};
use super::calendar::Calendar;
use super::draw::Draw;
use super::rows::{Consent, Customer, Segment, SegmentMember, SegmentSize, UserMetrics};
use crate::db::load::Micros;
use jiff::{Timestamp, ToSpan, civil::Date, civil::Weekday};
use serde_json::json;
use std::collections::BTreeMap;
use uuid::Uuid;

/// The eight segments in order of precedence, with their rule in words.
pub const SEGMENTS: [(&str, &str); 8] = [
    ("INACTIVE", "ordered before, last order more than 30 days ago"),
    ("NEW_SHOPPER", "first order less than 30 days ago"),
    ("HIGH_SPENDER", "spend of 90 days within the top 20 %"),
    ("FREQUENT_SHOPPER", "at least 8 orders in 28 days"),
    ("WEEKEND_SHOPPER", "at least 5 orders, 70 % of them on a Saturday or Sunday"),
    ("LOCATION_CLUSTERED", "at least 5 orders from one or two locations"),
    ("CATEGORY_FOCUSED", "at least 4 orders, half of the spend in one category"),
    ("SEASONAL_SPENDER", "highest month at least three times the median month over six months"),
];
const WEEKS: i64 = 26;

#[derive(Default)]
pub struct People {
    pub metrics: Vec<UserMetrics>,
    pub segments: Vec<Segment>,
    pub members: Vec<SegmentMember>,
    pub sizes: Vec<SegmentSize>,
    pub consents: Vec<Consent>,
}

fn days_between(from: Date, to: Date) -> i64 {
    i64::from(from.until(to).map_or(0, |span| span.get_days()))
}

fn recent(buyer: &Buyer, as_of: Date, days: i64) -> impl Iterator<Item = &Purchase> {
    buyer.orders.iter().filter(move |o| o.day <= as_of && days_between(o.day, as_of) < days)
}

fn spend<'a>(orders: impl Iterator<Item = &'a Purchase>) -> i64 {
    orders.map(|o| o.revenue.0).sum()
}

/// The primary segment (index into [`SEGMENTS`], 8 = general) of each buyer on a day; `None` before the first order.
pub fn classify(buyers: &[Buyer], as_of: Date) -> Vec<Option<usize>> {
    let spends: Vec<i64> = buyers.iter().map(|b| spend(recent(b, as_of, 90))).collect();
    let mut ranked: Vec<i64> = spends.iter().copied().filter(|s| *s > 0).collect();
    ranked.sort_unstable();
    let buying = ranked.len();
    buyers
        .iter()
        .zip(&spends)
        .map(|(buyer, spent)| {
            let last = buyer.orders.iter().rev().find(|o| o.day <= as_of)?;
            if days_between(last.day, as_of) > 30 {
                return Some(0);
            }
            if days_between(buyer.first_day, as_of) < 30 {
                return Some(1);
            }
            let worse = ranked.partition_point(|s| s < spent);
            if buying > 0 && 5 * worse >= 4 * buying {
                return Some(2);
            }
            Some(habit(buyer, as_of))
        })
        .collect()
}

fn habit(buyer: &Buyer, as_of: Date) -> usize {
    let orders: Vec<&Purchase> = recent(buyer, as_of, 90).collect();
    let count = orders.len();
    if recent(buyer, as_of, 28).count() >= 8 {
        return 3;
    }
    let weekend =
        orders.iter().filter(|o| matches!(o.day.weekday(), Weekday::Saturday | Weekday::Sunday)).count();
    if count >= 5 && weekend * 10 >= count * 7 {
        return 4;
    }
    let mut places: Vec<&str> = orders.iter().map(|o| o.location).collect();
    places.sort_unstable();
    places.dedup();
    if count >= 5 && places.len() <= 2 {
        return 5;
    }
    let mut by_category: BTreeMap<usize, i64> = BTreeMap::new();
    for order in &orders {
        *by_category.entry(order.category).or_default() += order.revenue.0;
    }
    let total: i64 = by_category.values().sum();
    if count >= 4 && by_category.values().any(|s| s * 2 >= total) {
        return 6;
    }
    let mut months: BTreeMap<Date, i64> = BTreeMap::new();
    for order in buyer.orders.iter().filter(|o| o.day <= as_of) {
        *months.entry(order.day.first_of_month()).or_default() += order.revenue.0;
    }
    let mut sums: Vec<i64> = months.into_values().collect();
    sums.sort_unstable();
    if sums.len() >= 2
        && days_between(buyer.first_day, as_of) >= 182
        && sums[sums.len() - 1] >= 3 * sums[(sums.len() - 1) / 2]
    {
        return 7;
    }
    8
}

pub fn generate(seed: u64, calendar: &Calendar, buyers: &[Buyer], customers: &[Customer]) -> People {
    let mut draw = Draw::new(seed, "people");
    let yesterday = calendar.day_of_age(1);
    let ids: Vec<Uuid> = SEGMENTS.iter().map(|_| draw.uuid()).collect();
    let mut out = People::default();
    let mut current: Vec<Option<(usize, Date)>> = vec![None; buyers.len()];
    let mut snapshots: Vec<Date> = (1..WEEKS).rev().map(|week| calendar.day_of_age(1 + week * 7)).collect();
    snapshots.push(yesterday);
    for date in snapshots.into_iter().filter(|day| calendar.days.first().is_some_and(|first| day >= first)) {
        let groups = classify(buyers, date);
        for (index, group) in groups.iter().enumerate() {
            let now = group.filter(|g| *g < 8);
            if let Some((old, joined_on)) = current[index].filter(|(old, _)| Some(*old) != now) {
                let actor_id = buyers[index].id.clone();
                out.members.push(SegmentMember {
                    segment_id: ids[old],
                    actor_id,
                    joined_on,
                    left_on: Some(date),
                });
                current[index] = None;
            }
            if let (Some(now), None) = (now, current[index]) {
                current[index] = Some((now, date));
            }
        }
        for (segment, id) in ids.iter().enumerate() {
            let inside = || buyers.iter().zip(&groups).filter(move |(_, g)| **g == Some(segment));
            let spent = inside().map(|(b, _)| spend(recent(b, date, 90))).sum();
            out.sizes.push(SegmentSize {
                segment_id: *id,
                date,
                size: inside().count() as i64,
                spend: Micros(spent),
            });
        }
    }
    for (index, state) in current.iter().enumerate() {
        if let Some((segment, joined_on)) = state {
            let actor_id = buyers[index].id.clone();
            out.members.push(SegmentMember {
                segment_id: ids[*segment],
                actor_id,
                joined_on: *joined_on,
                left_on: None,
            });
        }
    }
    let rebuilt = calendar.at(yesterday, 80_000);
    for ((name, rule), id) in SEGMENTS.iter().zip(&ids) {
        out.segments.push(Segment {
            id: *id,
            name,
            kind: "behavioural",
            definition: json!({"segment": name, "rule": rule, "window_days": 90}),
            purpose: (*rule).to_owned(),
            size: out.sizes.iter().rev().find(|s| s.segment_id == *id).map_or(0, |s| s.size),
            refresh: "daily",
            definition_changed_at: calendar.at(calendar.days.first().copied().unwrap_or(yesterday), 0),
            rebuilt_at: rebuilt,
        });
    }
    out.metrics = metrics(buyers, yesterday);
    out.consents = consents(&mut draw, calendar, customers);
    out
}

/// 1 + floor(5 × strictly worse ÷ n); ties share the lower score.
fn score(sorted: &[i64], value: i64) -> i32 {
    1 + (5 * sorted.partition_point(|v| *v < value) / sorted.len().max(1)) as i32
}

fn metrics(buyers: &[Buyer], as_of: Date) -> Vec<UserMetrics> {
    let year = as_of.saturating_sub(1.year());
    let recency: Vec<i64> =
        buyers.iter().map(|b| -b.orders.last().map_or(9_999, |o| days_between(o.day, as_of))).collect();
    let in_year =
        |b: &Buyer| b.orders.iter().filter(|o| o.day > year).map(|o| o.revenue.0).collect::<Vec<_>>();
    let yearly: Vec<Vec<i64>> = buyers.iter().map(in_year).collect();
    let counts: Vec<i64> = yearly.iter().map(|y| y.len() as i64).collect();
    let spends: Vec<i64> = yearly.iter().map(|y| y.iter().sum()).collect();
    let sorted = |values: &[i64]| {
        let mut values = values.to_vec();
        values.sort_unstable();
        values
    };
    let (by_recency, by_count, by_spend) = (sorted(&recency), sorted(&counts), sorted(&spends));
    buyers
        .iter()
        .enumerate()
        .map(|(i, buyer)| {
            let (r, f, m) =
                (score(&by_recency, recency[i]), score(&by_count, counts[i]), score(&by_spend, spends[i]));
            let idle = -recency[i];
            let quarter: Vec<&Purchase> = recent(buyer, as_of, 90).collect();
            let late = spend(recent(buyer, as_of, 45)) as f64;
            let early = spend(quarter.iter().copied()) as f64 - late;
            let trend = if early > 0.0 { ((late - early) / early).clamp(-1.0, 3.0) } else { 0.0 };
            let z = -1.2 + 0.03 * idle as f64
                - 0.35 * quarter.len() as f64
                - 0.8 * trend
                - if idle <= 14 { 0.5 } else { 0.0 };
            let mut gaps: Vec<i64> =
                buyer.orders.windows(2).map(|w| days_between(w[0].day, w[1].day)).collect();
            gaps.sort_unstable();
            let since = days_between(buyer.first_day, as_of);
            let first_year = buyer.first_day.saturating_add(1.year());
            let total = spend(buyer.orders.iter());
            UserMetrics {
                actor_id: buyer.id.clone(),
                customer_id: Some(buyer.id.clone()),
                orders_90d: quarter.len() as i64,
                spend_90d: Micros(spend(quarter.into_iter())),
                orders_12m: counts[i],
                spend_12m: Micros(spends[i]),
                aov: Micros(total / buyer.orders.len().max(1) as i64),
                ltv_12m: (since >= 365)
                    .then(|| Micros(spend(buyer.orders.iter().filter(|o| o.day < first_year)))),
                churn_30d: Some((1e6 / (1.0 + (-z).exp())).round() / 1e6),
                rfm_r: r,
                rfm_f: f,
                rfm_m: m,
                rfm_name: rfm(r, f, m, counts[i]),
                last_order_at: buyer.orders.last().map(|o| o.at),
                last_seen_at: buyer.orders.last().map(|o| o.at),
                median_gap_days: (!gaps.is_empty()).then(|| gaps[gaps.len() / 2] as f64),
                stage: match idle {
                    _ if since < 30 => "new",
                    0..=30 => "active",
                    31..=60 => "at_risk",
                    _ => "inactive",
                },
                as_of,
            }
        })
        .collect()
}

fn rfm(r: i32, f: i32, m: i32, orders: i64) -> &'static str {
    match (r, f, m) {
        (4.., 4.., 4..) => "champion",
        (3.., 4.., _) => "loyal",
        (..=2, 4.., _) => "at_risk",
        (4.., _, _) if orders == 1 => "new",
        (4.., _, _) => "promising",
        (3, _, _) => "needs_attention",
        _ if orders >= 2 => "hibernating",
        _ => "lost",
    }
}

fn consents(draw: &mut Draw, calendar: &Calendar, customers: &[Customer]) -> Vec<Consent> {
    let end = calendar.at(calendar.day_of_age(1), 86_399);
    let mut out = Vec::new();
    for customer in customers {
        let Some(at) = customer.first_order_at.or(customer.last_order_at) else { continue };
        let mut give = |channel, granted: bool, recorded_at: Timestamp, method| {
            out.push(Consent {
                customer_id: customer.id.clone(),
                channel,
                recorded_at,
                status: if granted { "granted" } else { "denied" },
                method,
                region: customer.country,
                evidence: "checkout",
                source: "shopify",
            });
        };
        give("email", customer.accepts_marketing, at, if draw.chance(0.8) { "double" } else { "single" });
        give("ads", draw.chance(0.58), at, "single");
        let later = at.checked_add((24 * (20 + draw.below(200) as i64)).hours()).unwrap_or(end);
        if customer.accepts_marketing && draw.chance(0.06) && later <= end {
            give("email", false, later, "single");
        }
    }
    out
}
