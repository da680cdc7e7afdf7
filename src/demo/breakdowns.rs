//! Breakdowns of a campaign's day: devices, audiences, impressions lost, exposures.
use super::ads::{Sums, row};
use super::draw::{Draw, shares};
use super::money::Rates;
use super::plan::Plan;
use super::rows::{DailyMetric, Id};
use jiff::civil::Weekday;

const DEVICES: [(&str, f64, f64); 3] =
    [("device=mobile", 0.61, 0.52), ("device=desktop", 0.33, 0.43), ("device=tablet", 0.06, 0.05)];

/// Audiences: share of people reached, click propensity, purchase propensity, value propensity.
const SEGMENTS: [(&str, f64, f64, f64, f64); 8] = [
    ("segment=HIGH_SPENDER", 0.09, 1.55, 1.9, 1.7),
    ("segment=FREQUENT_SHOPPER", 0.05, 1.35, 1.7, 1.0),
    ("segment=WEEKEND_SHOPPER", 0.10, 1.15, 1.2, 0.9),
    ("segment=CATEGORY_FOCUSED", 0.15, 1.05, 1.1, 1.0),
    ("segment=LOCATION_CLUSTERED", 0.07, 1.20, 1.2, 1.0),
    ("segment=NEW_SHOPPER", 0.22, 1.00, 0.8, 0.8),
    ("segment=INACTIVE", 0.24, 0.55, 0.4, 0.8),
    ("segment=SEASONAL_SPENDER", 0.08, 1.05, 1.0, 1.1),
];

/// Exposure buckets with the mean number of exposures of each, for the spread of a frequency.
const EXPOSURES: [(&str, f64); 5] = [
    ("exposures=1", 1.0),
    ("exposures=2", 2.0),
    ("exposures=3", 3.0),
    ("exposures=4_7", 5.2),
    ("exposures=8plus", 10.0),
];

#[expect(clippy::too_many_arguments, reason = "one call site; the arguments are one campaign day")]
pub fn campaign(
    draw: &mut Draw,
    rows: &mut Vec<DailyMetric>,
    whole: &mut DailyMetric,
    plan: &Plan,
    id: &Id,
    sums: Sums,
    age: i64,
    rates: &Rates,
) {
    let date = whole.date;
    parts(draw, sums, &DEVICES.map(|d| (d.1, 1.0, d.2 / d.1, 1.0)))
        .into_iter()
        .zip(DEVICES)
        .for_each(|(part, device)| rows.push(row(date, plan, "campaign", id, &device.0.into(), part, rates)));
    for (part, segment) in
        parts(draw, sums, &SEGMENTS.map(|s| (s.1, s.2, s.3, s.4))).into_iter().zip(SEGMENTS)
    {
        let mut audience = row(date, plan, "campaign", id, &segment.0.into(), part, rates);
        audience.users = part.reach;
        rows.push(audience);
    }
    if plan.is_search() {
        // Trail Shoes Search is outranked ever more often in its last four weeks.
        let slide =
            if plan.name == "Trail Shoes Search" { 0.16 * ((28 - age).max(0) as f64 / 27.0) } else { 0.0 };
        let eligible = (sums.impressions as f64 / ((plan.share - slide) * draw.between(0.97, 1.03)).min(0.97))
            .round() as i64;
        whole.eligible_impressions = eligible.max(sums.impressions);
        let lost = whole.eligible_impressions - sums.impressions;
        let to_rank = draw.binomial(lost, 0.58 + slide);
        for (breakdown, count) in [("lost=budget", lost - to_rank), ("lost=rank", to_rank)] {
            let mut part = row(date, plan, "campaign", id, &breakdown.into(), Sums::default(), rates);
            part.eligible_impressions = count;
            rows.push(part);
        }
    }
    if date.weekday() == Weekday::Sunday {
        // People of the 7 days ending today; the spread is geometric around the mean frequency of a week.
        let mean = if sums.reach > 0 {
            1.0 + (sums.impressions as f64 / sums.reach as f64 - 1.0) * 1.6
        } else {
            1.0
        };
        let people = sums.reach * 5;
        let weights =
            EXPOSURES.map(|(_, n)| (-(n - 1.0) / mean.max(1.05)).exp() * if n > 3.5 { 2.2 } else { 1.0 });
        for ((breakdown, _), count) in EXPOSURES.iter().zip(shares(people, &weights)) {
            let mut part = row(date, plan, "campaign", id, &Id::from(*breakdown), Sums::default(), rates);
            part.frequency_users = count;
            rows.push(part);
        }
    }
}

/// Splits a day's sums by (reach share, click, purchase, value propensity); the parts add up exactly.
fn parts<const N: usize>(draw: &mut Draw, sums: Sums, weights: &[(f64, f64, f64, f64); N]) -> Vec<Sums> {
    let people: Vec<f64> = weights.iter().map(|w| w.0).collect();
    let clicking: Vec<f64> = weights.iter().map(|w| w.0 * w.1).collect();
    let impressions = shares(sums.impressions, &people);
    let clicks = draw.split(sums.clicks, &clicking);
    let by_click: Vec<f64> = clicks.iter().map(|c| *c as f64).collect();
    let buying: Vec<f64> = by_click.iter().zip(weights).map(|(c, w)| c * w.2).collect();
    let conversions = if buying.iter().sum::<f64>() > 0.0 {
        draw.split(sums.conversions, &buying)
    } else {
        shares(sums.conversions, &people)
    };
    let spending: Vec<f64> = conversions.iter().zip(weights).map(|(c, w)| *c as f64 * w.3).collect();
    let (landed, value) = (shares(sums.landed, &by_click), shares(sums.value, &spending));
    let (reach, cost) =
        (shares(sums.reach, &people), shares(sums.cost, if sums.clicks > 0 { &by_click } else { &people }));
    (0..N)
        .map(|i| Sums {
            impressions: impressions[i],
            clicks: clicks[i],
            landed: landed[i],
            reach: reach[i],
            conversions: conversions[i],
            value: value[i],
            cost: cost[i],
        })
        .collect()
}
