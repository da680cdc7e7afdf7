use super::rows::{DailyMetric, Order};
use super::*;
use crate::period::Window;
use jiff::{ToSpan, civil::date};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

mod people;

const TODAY: Date = date(2026, 9, 16);

fn data() -> &'static Dataset {
    static DATA: OnceLock<Dataset> = OnceLock::new();
    DATA.get_or_init(|| generate(TODAY, 7))
}

fn valid() -> &'static [&'static DailyMetric] {
    static ROWS: OnceLock<Vec<&'static DailyMetric>> = OnceLock::new();
    ROWS.get_or_init(|| data().daily())
}

#[track_caller]
fn near(value: f64, wanted: f64, tolerance: f64) {
    assert!((value - wanted).abs() <= tolerance, "{value} is not within {tolerance} of {wanted}");
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn age(day: Date) -> i64 {
    i64::from(day.until(TODAY).unwrap().get_days())
}

/// Impressions, clicks, conversions, cost of each term.
fn terms() -> Vec<(&'static str, [f64; 4])> {
    let mut out: BTreeMap<&str, [f64; 4]> = BTreeMap::new();
    for row in &data().search_terms {
        let sums = out.entry(&row.term).or_default();
        for (sum, value) in sums.iter_mut().zip([
            row.impressions as f64,
            row.clicks as f64,
            row.conversions.as_f64(),
            row.cost_base.as_f64(),
        ]) {
            *sum += value;
        }
    }
    out.into_iter().collect()
}

fn counted() -> impl Iterator<Item = &'static Order> {
    data().orders.iter().filter(|o| o.status != "cancelled" && !o.is_test)
}

fn ads(kind: &str, id: &str, window: Window) -> (f64, f64, i64, i64, i64) {
    valid()
        .iter()
        .filter(|r| {
            r.entity_kind == kind && *r.entity_id == *id && r.breakdown.is_empty() && window.contains(r.date)
        })
        .fold((0.0, 0.0, 0, 0, 0), |s, r| {
            (
                s.0 + r.cost_base.as_f64(),
                s.1 + r.conversions.as_f64(),
                s.2 + r.clicks,
                s.3 + r.impressions,
                s.4 + r.reach,
            )
        })
}

fn last(days: i32) -> Window {
    Window::last_days(days, TODAY)
}

fn before_last_week() -> Window {
    Window { start: TODAY.saturating_sub(35.days()), end: TODAY.saturating_sub(8.days()) }
}

#[test]
fn the_same_day_and_seed_make_the_same_company() {
    let (small, again) = (Scale { months: 3 }, Scale { months: 3 });
    let texts = |seed, scale| {
        generate_scaled(TODAY, seed, scale).tables().into_iter().map(|t| t.text).collect::<Vec<_>>()
    };
    assert!(texts(3, small) == texts(3, again));
    assert!(texts(3, small) != texts(4, small));
}

#[test]
fn sizes_are_as_promised() {
    let d = data();
    assert_eq!((d.campaigns.len(), d.ad_groups.len(), d.creatives.len()), (12, 40, 120));
    near(terms().len() as f64, 3_000.0, 30.0);
    near(d.orders.len() as f64, 6_000.0, 300.0);
    near(d.leads.len() as f64, 1_500.0, 80.0);
    near(d.touches.len() as f64, 25_000.0, 500.0);
    let pairs: BTreeSet<_> = d
        .search_performance
        .iter()
        .filter(|r| r.grain == "page_query")
        .map(|r| (&r.page, &r.query))
        .collect();
    near(pairs.len() as f64, 600.0, 15.0);
    let days: BTreeSet<_> = valid().iter().map(|r| r.date).collect();
    assert_eq!(days.last(), Some(&TODAY.yesterday().unwrap()));
    assert_eq!(days.first(), Some(&date(2025, 3, 16)));
}

#[test]
fn search_terms_follow_zipf_with_few_clicks() {
    let terms = terms();
    let mut counts: Vec<f64> = terms.iter().map(|t| t.1[0]).collect();
    counts.sort_by(|a, b| b.total_cmp(a));
    assert_eq!(median(counts.clone()), 1.0);
    let points: Vec<(f64, f64)> =
        counts.iter().enumerate().map(|(i, n)| (((i + 1) as f64).ln(), n.ln())).collect();
    let n = points.len() as f64;
    let (mx, my) = (points.iter().map(|p| p.0).sum::<f64>() / n, points.iter().map(|p| p.1).sum::<f64>() / n);
    let slope = points.iter().map(|p| (p.0 - mx) * (p.1 - my)).sum::<f64>()
        / points.iter().map(|p| (p.0 - mx).powi(2)).sum::<f64>();
    near(slope, -0.87, 0.04);
    let sum = |i: usize| terms.iter().map(|t| t.1[i]).sum::<f64>();
    near(sum(1) / sum(0), 0.039, 0.002);
    near(sum(2) / sum(1), 0.067, 0.004);
    near(terms.iter().filter(|t| t.1[1] == 0.0).count() as f64 / n, 0.92, 0.015);
    let planted = [terms::WASTED_TERM, terms::DECOY_TERM];
    let chance = || terms.iter().filter(|t| !planted.contains(&t.0));
    let lost = chance().filter(|t| t.1[2] == 0.0).map(|t| t.1[3]).sum::<f64>();
    near(lost / chance().map(|t| t.1[3]).sum::<f64>(), 0.54, 0.08);
}

#[test]
fn ten_per_cent_of_the_ads_take_half_of_the_spend() {
    let mut costs: BTreeMap<&str, f64> = BTreeMap::new();
    for row in valid().iter().filter(|r| r.entity_kind == "ad") {
        *costs.entry(&row.entity_id).or_default() += row.cost_base.as_f64();
    }
    let mut costs: Vec<f64> = costs.into_values().collect();
    costs.sort_by(|a, b| b.total_cmp(a));
    near(costs[..12].iter().sum::<f64>() / costs.iter().sum::<f64>(), 0.5, 0.05);
}

#[test]
fn orders_are_log_normal_and_come_back_after_four_weeks() {
    let logs: Vec<f64> = counted().map(|o| o.gross.as_f64().ln()).collect();
    let mean = logs.iter().sum::<f64>() / logs.len() as f64;
    near((logs.iter().map(|l| (l - mean).powi(2)).sum::<f64>() / logs.len() as f64).sqrt(), 1.08, 0.06);
    let mut last: BTreeMap<&str, Date> = BTreeMap::new();
    let mut gaps = Vec::new();
    for order in &data().orders {
        let day = order.ordered_at.to_zoned(jiff::tz::TimeZone::UTC).date();
        if let Some(before) = last.insert(order.customer_id.as_deref().unwrap(), day) {
            gaps.push(f64::from(before.until(day).unwrap().get_days()));
        }
    }
    near(median(gaps), 28.0, 3.0);
    for order in counted() {
        let items: Vec<_> = data().order_items.iter().filter(|i| i.order_id == order.id).take(5).collect();
        let gross: i64 = items.iter().map(|i| i.unit_price.0 * i.qty).sum();
        assert_eq!(gross, order.gross.0, "{}", order.id);
        if age(order.ordered_at.to_zoned(jiff::tz::TimeZone::UTC).date()) > 8 {
            break;
        }
    }
}

#[test]
fn november_is_twice_and_a_half_february() {
    let month = |year, month| {
        counted().filter(move |o| {
            let day = o.ordered_at.to_zoned(jiff::tz::TimeZone::UTC).date();
            (day.year(), day.month()) == (year, month)
        })
    };
    near(month(2025, 11).count() as f64 / month(2026, 2).count() as f64, 2.6, 0.2);
    let friday = super::calendar::black_friday(2025);
    assert_eq!(friday, date(2025, 11, 28));
    let on = |day: Date| {
        counted().filter(|o| o.ordered_at.to_zoned(jiff::tz::TimeZone::UTC).date() == day).count()
    };
    assert!(
        on(friday) > 2 * on(friday.saturating_sub(7.days())),
        "{} {}",
        on(friday),
        on(friday.saturating_sub(7.days()))
    );
}

#[test]
fn one_lead_in_ten_closes_within_a_fortnight() {
    let old: Vec<_> = data().leads.iter().filter(|l| age(l.created_on) > 60).collect();
    let won: Vec<_> = old.iter().filter(|l| l.won_at.is_some()).collect();
    near(won.len() as f64 / old.len() as f64, 0.105, 0.008);
    let days = won.iter().map(|l| (l.won_at.unwrap() - l.created_at).total(jiff::Unit::Hour).unwrap() / 24.0);
    near(median(days.collect()), 14.0, 2.0);
}

#[test]
fn levels_and_breakdowns_add_up() {
    let window = last(30);
    for campaign in &data().campaigns {
        let whole = ads("campaign", &campaign.id, window);
        let of = |kind: &str| {
            let ids: Vec<_> = match kind {
                "ad" => {
                    data().creatives.iter().filter(|c| c.campaign_id == campaign.id).map(|c| &c.id).collect()
                }
                _ => data()
                    .ad_groups
                    .iter()
                    .filter(|g| g.campaign_id == campaign.id)
                    .map(|g| &g.id)
                    .collect::<Vec<_>>(),
            };
            ids.into_iter()
                .map(|id| ads(kind, id, window))
                .fold((0.0, 0.0, 0), |s, a| (s.0 + a.0, s.1 + a.1, s.2 + a.2))
        };
        for kind in ["ad", "ad_group"] {
            let parts = of(kind);
            near(parts.0, whole.0, 1e-6);
            assert_eq!((parts.1, parts.2), (whole.1, whole.2), "{} {kind}", campaign.name);
        }
        for prefix in ["device=", "segment="] {
            let parts = valid().iter().filter(|r| {
                r.entity_kind == "campaign"
                    && r.entity_id == campaign.id
                    && r.breakdown.starts_with(prefix)
                    && window.contains(r.date)
            });
            let sums = parts.fold((0.0, 0.0, 0), |s, r| {
                (s.0 + r.cost_base.as_f64(), s.1 + r.conversions.as_f64(), s.2 + r.clicks)
            });
            near(sums.0, whole.0, 1e-6);
            assert_eq!((sums.1, sums.2), (whole.1, whole.2), "{} {prefix}", campaign.name);
        }
    }
    let site: f64 = valid()
        .iter()
        .filter(|r| r.entity_kind == "site" && r.breakdown.is_empty())
        .map(|r| r.revenue_base.as_f64())
        .sum();
    let orders: f64 = counted().map(|o| (o.gross_base - o.discount_base).as_f64()).sum();
    near(site, orders, 0.01);
}

#[test]
fn wasted_money_is_where_it_was_planted() {
    let truth = truth_of(data());
    let wasted = &truth["windows"]["last_30d"]["wasted"];
    let names: BTreeSet<_> =
        wasted["campaign"]["rows"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap()).collect();
    assert_eq!(names, BTreeSet::from(["Cashback Weekend", plan::planted::INJECTION]));
    assert!(wasted["creative"]["rows"].as_array().unwrap().len() >= 2);
    let terms = &wasted["search_term"]["rows"];
    assert_eq!(terms[0]["term"], terms::WASTED_TERM);
    assert_eq!(terms[0]["clicks"], 96);
    assert!(terms.as_array().unwrap().iter().any(|t| t["term"] == terms::DECOY_TERM && t["clicks"] == 5));
    for mined in truth["planted"]["mined_terms"].as_array().unwrap() {
        assert!(mined["conversions"].as_f64().unwrap() >= 3.0, "{mined}");
    }
}

#[test]
fn one_ad_group_became_dear_and_nothing_else_did() {
    let change = |kind: &str, id: &str| {
        let (now, before) = (ads(kind, id, last(7)), ads(kind, id, before_last_week()));
        ((now.0 / now.1) / (before.0 / before.1), now.1)
    };
    let group = data().ad_groups.iter().find(|g| &*g.name == "Tents and shelters").unwrap();
    near(change("ad_group", &group.id).0, 1.8, 0.3);
    for campaign in &data().campaigns {
        let (ratio, conversions) = change("campaign", &campaign.id);
        if &*campaign.name == "Camping Gear Search" {
            assert!(ratio > 1.45, "{ratio}");
        } else if conversions >= 10.0 {
            assert!(ratio < 1.35, "{} {ratio}", campaign.name);
        }
    }
}

#[test]
fn the_outage_hides_conversions_for_three_days_only() {
    let mut days: BTreeMap<Date, f64> = BTreeMap::new();
    for row in valid().iter().filter(|r| r.entity_kind == "campaign" && r.breakdown.is_empty()) {
        *days.entry(row.date).or_default() += row.conversions.as_f64();
    }
    let silent: Vec<i64> = days.iter().filter(|d| *d.1 == 0.0).map(|d| age(*d.0)).collect();
    assert_eq!(silent, [52, 51, 50]);
}

#[test]
fn the_worn_out_ad_is_seen_seven_times() {
    let truth = truth_of(data());
    let fatigue = &truth["planted"]["creative_fatigue"];
    near(fatigue["ratio"].as_f64().unwrap(), 0.6, 0.1);
    let id = fatigue["ad"].as_str().unwrap();
    let (early, late) = (
        ads(
            "ad",
            id,
            Window { start: TODAY.saturating_sub(60.days()), end: TODAY.saturating_sub(40.days()) },
        ),
        ads("ad", id, last(3)),
    );
    near(early.3 as f64 / early.4 as f64, 2.0, 0.2);
    near(late.3 as f64 / late.4 as f64, 6.85, 0.3);
    assert!(ads("ad", id, last(7)).3 >= 5_000);
}

#[test]
fn organic_search_holds_its_planted_facts() {
    let d = data();
    let mut pairs: BTreeMap<(&str, &str), (i64, i64, f64)> = BTreeMap::new();
    let mut top = (0, 0);
    for row in d.search_performance.iter().filter(|r| r.grain == "page_query") {
        if last(28).contains(row.date) {
            let sums = pairs.entry((&row.query, &row.page)).or_default();
            *sums = (sums.0 + row.clicks, sums.1 + row.impressions, sums.2 + row.position_x_impressions);
        }
        let position = row.position_x_impressions / row.impressions as f64;
        if position < 1.06 {
            top = (top.0 + row.clicks, top.1 + row.impressions);
        }
    }
    near(f64::from(top.0 as i32) / f64::from(top.1 as i32), 0.22, 0.01);
    // The fallen query was at 4 and 11 in these four weeks: in between on average.
    let striking: BTreeSet<&str> = pairs
        .iter()
        .filter(|(_, s)| s.1 >= 100 && (4.0..=15.0).contains(&(s.2 / s.1 as f64)))
        .map(|(key, _)| key.0)
        .collect();
    assert_eq!(striking, seo::STRIKING.iter().map(|s| s.0).collect());
    let shared: Vec<f64> =
        pairs.iter().filter(|(key, _)| key.0 == seo::CANNIBALISED).map(|(_, s)| s.1 as f64).collect();
    assert_eq!(shared.len(), 2);
    assert!(shared.iter().all(|n| n / shared.iter().sum::<f64>() >= 0.2));
    let ranks: Vec<i32> =
        d.keyword_ranks.iter().filter(|r| &*r.keyword == seo::FALLEN).filter_map(|r| r.rank_group).collect();
    assert_eq!((ranks[0], ranks[ranks.len() - 1]), (4, 11));
    let clicks = |window: Window| {
        d.search_performance
            .iter()
            .filter(|r| r.grain == "page" && &*r.page == seo::DECAYING && window.contains(r.date))
            .map(|r| r.clicks)
            .sum::<i64>()
    };
    let early =
        clicks(Window { start: TODAY.saturating_sub(90.days()), end: TODAY.saturating_sub(63.days()) });
    assert!(clicks(last(28)) * 10 < early * 7, "{} {early}", clicks(last(28)));
}

#[test]
fn the_mobile_checkout_lost_a_third() {
    let rate = |window: Window| {
        let sum = |goal: &str| {
            valid()
                .iter()
                .filter(|r| {
                    r.entity_kind == "event"
                        && *r.entity_id == *goal
                        && &*r.breakdown == "device=mobile"
                        && window.contains(r.date)
                })
                .map(|r| r.conversions.as_f64())
                .sum::<f64>()
        };
        sum("purchase") / sum("checkout_started")
    };
    let before =
        rate(Window { start: TODAY.saturating_sub(60.days()), end: TODAY.saturating_sub(17.days()) });
    near(rate(last(16)) / before, 0.7, 0.06);
}

#[test]
fn one_cohort_comes_back_less() {
    let mut firsts: BTreeMap<&str, Date> = BTreeMap::new();
    let mut second: BTreeMap<Date, (f64, BTreeSet<&str>)> = BTreeMap::new();
    for order in &data().orders {
        let (id, day) = (
            order.customer_id.as_deref().unwrap(),
            order.ordered_at.to_zoned(jiff::tz::TimeZone::UTC).date(),
        );
        if order.is_first_order {
            firsts.insert(id, day);
            second.entry(day.first_of_month()).or_default().0 += 1.0;
        } else if let Some(first) = firsts.get(id).filter(|f| f.until(day).unwrap().get_days() <= 90) {
            second.get_mut(&first.first_of_month()).unwrap().1.insert(id);
        }
    }
    let rate = |month: Date| second[&month].1.len() as f64 / second[&month].0;
    let weak = rate(date(2026, 3, 1));
    for month in [date(2026, 1, 1), date(2026, 2, 1), date(2026, 4, 1), date(2026, 5, 1)] {
        assert!(weak < 0.75 * rate(month), "{weak} {month} {}", rate(month));
    }
}

#[test]
fn exports_repeat_and_restate_rows() {
    let d = data();
    assert!(d.daily_metrics.len() > valid().len() + 300);
    let restated: Vec<_> = valid().iter().filter(|r| r.restated_at.is_some()).collect();
    assert!(!restated.is_empty() && restated.iter().all(|r| (8..=14).contains(&age(r.date))));
    let earlier: f64 = d
        .daily_metrics
        .iter()
        .filter(|r| (8..=14).contains(&age(r.date)) && r.entity_kind == "campaign" && !r.is_final)
        .map(|r| r.conversions.as_f64())
        .sum();
    let later: f64 =
        restated.iter().filter(|r| r.entity_kind == "campaign").map(|r| r.conversions.as_f64()).sum();
    assert!(earlier < later * 0.8, "{earlier} {later}");
}

#[test]
fn dollars_are_converted_by_the_rate_of_the_day() {
    let d = data();
    let row = valid().iter().find(|r| r.currency == "USD" && r.cost.0 > 0).unwrap();
    let rate = d.fx_rates.iter().find(|r| r.date == row.date).unwrap().rate.as_f64();
    near(row.cost_base.as_f64(), row.cost.as_f64() * rate, 1e-6);
    assert!(d.sources.iter().any(|s| s.account_time_zone == "America/New_York" && s.currency == "USD"));
}

#[test]
fn every_segment_has_members_and_they_exclude_each_other() {
    let d = data();
    assert_eq!(d.segments.len(), 8);
    for segment in &d.segments {
        assert!(segment.size >= 1, "{} {}", segment.name, segment.size);
        let members =
            d.segment_members.iter().filter(|m| m.segment_id == segment.id && m.left_on.is_none()).count();
        assert_eq!(members as i64, segment.size, "{}", segment.name);
    }
    let open: Vec<_> =
        d.segment_members.iter().filter(|m| m.left_on.is_none()).map(|m| &m.actor_id).collect();
    assert_eq!(open.iter().collect::<BTreeSet<_>>().len(), open.len());
}
