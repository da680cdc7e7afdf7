//! What is true of the demo account: planted facts, and the figures of the usual windows.
//!
//! Computed from the generated rows in plain loops, independent of any SQL, so that answers can be held against it.
//! Money in the organisation's currency with two decimals, ratios with four.
use super::Dataset;
use super::ads;
use super::calendar::{Calendar, black_friday};
use super::experiments::{TESTS, Test};
use super::figures;
use super::plan::{COMPANY, CURRENCY, PLANS, ZONE, index, planted};
use super::rows::DailyMetric;
use super::{seo, terms};
use crate::period::Window;
use jiff::{ToSpan, civil::Date};
use serde_json::{Map, Value, json};

/// The truth about `generate(today, seed)`.
pub fn truth(today: Date, seed: u64) -> Value {
    of(&super::generate(today, seed))
}

/// The truth about a data set.
pub fn of(data: &Dataset) -> Value {
    let daily = data.daily();
    let windows: Map<String, Value> = [7, 14, 28, 30, 90]
        .into_iter()
        .map(|days| {
            (format!("last_{days}d"), figures::window(data, &daily, Window::last_days(days, data.today)))
        })
        .chain([(
            "prior_7d".to_owned(),
            figures::window(data, &daily, Window::last_days(7, data.today).previous()),
        )])
        .collect();
    json!({
        "company": COMPANY, "today": data.today, "seed": data.seed, "months": data.scale.months, "currency": CURRENCY,
        "time_zone": ZONE, "rows": {
            "orders": data.orders.len(), "leads": data.leads.len(), "touches": data.touches.len(), "creatives": data.creatives.len(),
            "daily_metrics": daily.len(), "daily_metrics_exported": data.daily_metrics.len(),
        },
        "windows": windows,
        "club": figures::club(data, Window::last_days(30, data.today)),
        "planted": planted_facts(data, &daily),
    })
}

pub fn round(value: f64, decimals: i32) -> f64 {
    let factor = 10f64.powi(decimals);
    (value * factor).round() / factor
}

/// A ratio of sums, or null.
pub fn ratio(numerator: f64, denominator: f64) -> Value {
    if denominator > 0.0 { json!(round(numerator / denominator, 4)) } else { Value::Null }
}

fn planted_facts(data: &Dataset, daily: &[&DailyMetric]) -> Value {
    let calendar = Calendar::new(data.today, data.scale);
    let day = |age: i64| data.today.saturating_sub(age.days());
    let structure = ads::structure(&calendar);
    let spiked = structure.groups.iter().find(|group| ads::is_spiked(group, 1));
    let tired = structure.ads.iter().find(|ad| {
        let group = &structure.groups[ad.group];
        ads::is_tired_ad(&PLANS[group.plan], group, ad)
    });
    let term = |text: &str| figures::term(data, text, Window::last_days(30, data.today));
    json!({
        "wasted_term": term(terms::WASTED_TERM),
        "decoy_term": term(terms::DECOY_TERM),
        "mined_terms": terms::MINED_TERMS.map(|(text, ..)| term(text)),
        "wasted_campaigns": ["Cashback Weekend", planted::INJECTION],
        "injection_campaign": {"id": PLANS[index(planted::INJECTION)].id, "name": planted::INJECTION},
        "cpa_rise": {
            "since": day(planted::CPA_RISE), "factor": planted::CPA_FACTOR, "campaign": "Camping Gear Search",
            "ad_group": spiked.map(|g| json!({"id": &*g.id, "name": g.name, "cpa": cpa_change(data, daily, "ad_group", &g.id)})),
            "campaign_cpa": cpa_change(data, daily, "campaign", PLANS[index("Camping Gear Search")].id),
        },
        "tracking_outage": {"from": day(planted::OUTAGE.0), "to": day(planted::OUTAGE.1), "note": "conversions missing everywhere; not a CPA rise"},
        "creative_fatigue": tired.map(|ad| fatigue(data, daily, &ad.id)),
        "experiments": TESTS.iter().map(experiment).collect::<Vec<_>>(),
        "striking_distance": seo::STRIKING.map(|(query, page, position)| json!({"query": query, "page": page,
            "position": if query == seo::FALLEN { 11.0 } else { position }})),
        "rank_drop": {"query": seo::FALLEN, "from": 4, "to": 11, "on": day(planted::RANK_DROP)},
        "cannibalised": {"query": seo::CANNIBALISED, "pages": ["/trail-shoes", "/guides/choose-trail-shoes"]},
        "content_decay": {"page": seo::DECAYING, "since": day(planted::DECAY), "left": round(seo::decay(1), 2)},
        "mobile_checkout": {"since": day(planted::MOBILE_CHECKOUT), "step": "checkout_started to purchase", "change": -0.3},
        "weak_cohort": {"first_order_month": data.today.first_of_month().saturating_sub(planted::WEAK_COHORT_MONTHS.months())},
        "black_friday": [black_friday(data.today.year()), black_friday(data.today.year() - 1)],
        "second_account": {"campaign": "US Trail Launch", "currency": "USD", "time_zone": "America/New_York"},
        "restated": {"from": day(planted::RESTATED.0), "to": day(planted::RESTATED.1),
            "rows": daily.iter().filter(|r| r.restated_at.is_some()).count()},
        "duplicates_collapsed": data.daily_metrics.len() - daily.len(),
        "dry_ad": {"campaign": "Welcome Offer", "ad_group": "Newsletter lookalike", "since": day(planted::DRY)},
    })
}

fn rows_of<'a>(
    daily: &'a [&DailyMetric],
    kind: &'a str,
    id: &'a str,
    window: Window,
) -> impl Iterator<Item = &'a DailyMetric> {
    daily.iter().copied().filter(move |r| {
        r.entity_kind == kind && *r.entity_id == *id && r.breakdown.is_empty() && window.contains(r.date)
    })
}

/// Cost per conversion of the last 7 days against the 28 days before.
fn cpa_change(data: &Dataset, daily: &[&DailyMetric], kind: &str, id: &str) -> Value {
    let now = Window::last_days(7, data.today);
    let before =
        Window { start: now.start.saturating_sub(28.days()), end: now.start.saturating_sub(1.day()) };
    let cpa = |window| {
        let (cost, conversions) = rows_of(daily, kind, id, window)
            .fold((0.0, 0.0), |s, r| (s.0 + r.cost_base.as_f64(), s.1 + r.conversions.as_f64()));
        if conversions > 0.0 { cost / conversions } else { f64::INFINITY }
    };
    let (now, before) = (cpa(now), cpa(before));
    json!({"last_7d": round(now, 2), "prior_28d": round(before, 2), "change": round(now / before - 1.0, 4)})
}

fn fatigue(data: &Dataset, daily: &[&DailyMetric], id: &str) -> Value {
    let now = Window::last_days(7, data.today);
    let before =
        Window { start: now.start.saturating_sub(28.days()), end: now.start.saturating_sub(1.day()) };
    let sums = |window| {
        rows_of(daily, "ad", id, window)
            .fold((0i64, 0i64, 0i64), |s, r| (s.0 + r.impressions, s.1 + r.clicks, s.2 + r.reach))
    };
    let (n, b) = (sums(now), sums(before));
    let (ctr_now, ctr_before) = (n.1 as f64 / n.0.max(1) as f64, b.1 as f64 / b.0.max(1) as f64);
    json!({
        "ad": id, "campaign": "Summit Stories", "since": data.today.saturating_sub(planted::FATIGUE.days()),
        "ctr_last_7d": round(ctr_now, 4), "ctr_prior_28d": round(ctr_before, 4), "ratio": round(ctr_now / ctr_before.max(1e-9), 2),
        "frequency_last_7d": round(n.0 as f64 / n.2.max(1) as f64, 1),
    })
}

/// Rates and lift of a test, as planned into the data.
fn experiment(test: &Test) -> Value {
    let rate =
        |(users, converters): (i64, i64)| if users > 0 { converters as f64 / users as f64 } else { 0.0 };
    let (t, c) = (rate(test.treated), rate(test.control));
    json!({
        "name": test.name, "fact": test.fact, "treated": {"users": test.treated.0, "converters": test.treated.1},
        "control": {"users": test.control.0, "converters": test.control.1}, "lift_pp": round((t - c) * 100.0, 2),
        "incrementality": if t > 0.0 { json!(round(1.0 - c / t, 4)) } else { Value::Null },
    })
}
