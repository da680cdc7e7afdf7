use super::super::facts::Facts;
use super::super::metrics::{Metric, Metrics, Supply};
use super::value::{Reason, Value, evaluate};
use super::*;
use jiff::civil::date;
use std::collections::BTreeMap;

fn registry() -> Metrics {
    Metrics::read("metrics.yaml", include_str!("../../../tools/metrics.yaml")).0
}

fn facts() -> Facts {
    let (facts, faults) = Facts::read("facts.yaml", include_str!("../../../tools/facts.yaml"));
    assert_eq!(faults, vec![]);
    facts
}

fn of(id: &str, columns: &[(&str, &str)]) -> Value {
    let metrics = registry();
    let metric: &Metric = metrics.get(id).unwrap();
    let columns: BTreeMap<&str, Decimal> =
        columns.iter().map(|(name, value)| (*name, value.parse().unwrap())).collect();
    evaluate(metric, &|column| columns.get(column).copied())
}

fn number(value: &Value, places: u32) -> String {
    value.number.map_or_else(|| "none".to_owned(), |n| n.round_dp(places).to_string())
}

#[test]
fn the_registry_and_the_facts_fit() {
    assert_eq!(faults(&registry(), &facts()), vec![]);
}

#[test]
fn every_metric_has_a_supply_or_says_what_would_be_one() {
    let metrics = registry();
    let unsaid: Vec<&str> =
        metrics.iter().filter(|m| m.supply == Supply::Unsaid).map(|m| m.id.as_str()).collect();
    assert_eq!(unsaid, Vec::<&str>::new());
    assert!(metrics.iter().all(|m| !m.grain.is_empty()));
}

#[test]
fn ratios_are_sums_over_sums() {
    let value = of("roas", &[("revenue", "40610"), ("cost", "34040")]);
    assert_eq!(number(&value, 2), "1.19");
    assert_eq!(number(&of("ctr", &[("clicks", "14562"), ("impressions", "384230")]), 4), "0.0379");
    assert_eq!(number(&of("cpm", &[("cost", "14500"), ("impressions", "384230")]), 2), "37.74");
}

#[test]
fn no_value_is_not_zero() {
    let zero = of("cpa", &[("cost", "14500"), ("conversions", "0")]);
    assert_eq!((zero.number, zero.reason), (None, Some(Reason::NothingToDivideBy)));
    assert_eq!(zero.spent, Some(Decimal::from(14500)), "spent, and none yet");
    assert_eq!(of("clicks", &[]).reason, Some(Reason::NotCovered));
    assert_eq!(of("incrementality_pct", &[]).reason, Some(Reason::NoControl));
    assert_eq!(of("retention_m1", &[("matured_30", "0")]).reason, Some(Reason::TooYoung));
}

#[test]
fn few_observations_are_labelled() {
    let few = of("ctr", &[("clicks", "9"), ("impressions", "300")]);
    assert_eq!((number(&few, 2).as_str(), few.little), ("0.03", Some(Decimal::from(300))));
    assert_eq!(of("ctr", &[("clicks", "30"), ("impressions", "1000")]).little, None);
}

#[test]
fn campaign_a_through_the_engine() {
    let arms = [
        ("treated_users", "349650"),
        ("conversions", "1226"),
        // 58 × 349650 / 34580, and 840 likewise.
        ("baseline_conversions", "586.4574898785425101214574898785"),
        ("holdout_conversions", "58"),
        ("holdout_users", "34580"),
        ("users", "384230"),
        ("revenue", "17610"),
        ("baseline_revenue", "8493.522267206477732793522267206"),
        ("cost", "14500"),
    ];
    let shown = |id: &str, places| number(&of(id, &arms), places);
    assert_eq!(shown("incrementality_pct", 3), "0.522");
    assert_eq!(shown("holdout_lift_pp", 5), "0.00183");
    assert_eq!(shown("relative_lift", 3), "1.091");
    assert_eq!(shown("incremental_conversions", 1), "639.5");
    assert_eq!(shown("incremental_revenue", 0), "9116");
    assert_eq!(shown("net_incremental_revenue", 0), "-5384");
    assert_eq!(shown("iroas", 2), "0.63");
    assert_eq!(shown("incremental_cac", 2), "22.67");
    assert_eq!(shown("holdout_share", 3), "0.090");
}

#[test]
fn metrics_of_metrics() {
    let metrics = registry();
    let part = |id: &str| match id {
        "ltv_12m" => Some(Decimal::from(485)),
        "gross_margin_rate" => "0.35".parse().ok(),
        "cac" => "14.20".parse().ok(),
        _ => None,
    };
    let value = |id: &str| match &metrics.get(id).unwrap().supply {
        Supply::Metrics(combined) => combined.value(&part).map(|n| n.round_dp(2).to_string()),
        Supply::Facts(_) | Supply::Needs(_) | Supply::Unsaid => None,
    };
    assert_eq!(value("ltv_cac_ratio").as_deref(), Some("11.95"));
    assert_eq!(value("cac_payback_months").as_deref(), Some("1.00"));
    assert_eq!(value("break_even_roas").as_deref(), Some("2.86"));
    assert_eq!(value("saas_ltv"), None, "a part without a value leaves the whole without one");
}

#[test]
fn periods_are_cut_to_the_window() {
    let window = Window { start: date(2025, 8, 20), end: date(2025, 9, 16) };
    let weeks = periods(window, Unit::Week);
    assert_eq!(weeks.len(), 5);
    assert_eq!((weeks[0].start, weeks[0].end), (date(2025, 8, 20), date(2025, 8, 24)));
    assert_eq!(weeks[4].start, date(2025, 9, 15));
    assert_eq!(periods(window, Unit::Month).len(), 2);
    assert_eq!(periods(window, Unit::Day).len(), 28);
}

#[test]
fn a_base_refuses_what_it_does_not_have() {
    let facts = facts();
    let window = Window { start: date(2025, 9, 1), end: date(2025, 9, 7) };
    let ask = |by| statement::Ask { by, filters: &[], window, series: None, shift: 0, kept: None };
    let site = facts.get("site").unwrap();
    assert!(!site.is_of_its_window(&["sessions".to_owned()]));
    assert!(facts.get("opportunities").unwrap().is_of_its_window(&["days".to_owned()]));
    assert!(facts.get("orders").unwrap().is_of_its_window(&["returning_revenue".to_owned()]));
    assert!(!facts.get("orders").unwrap().is_of_its_window(&["orders".to_owned()]));
    assert!(statement::select(site, &["sessions"], &ask(Some("channel"))).is_some());
    assert!(statement::select(site, &["sessions"], &ask(Some("campaign"))).is_none());
    assert!(statement::select(site, &["impressions"], &ask(None)).is_none());
    let split = statement::select(facts.get("ads").unwrap(), &["cost"], &ask(Some("segment"))).unwrap();
    assert!(split.contains("like 'segment=%'") && !split.contains("d.breakdown = ''"), "{split}");
}

/// One base with a row of the group, one without, one with a row that has no value.
#[test]
fn a_missing_row_is_zero_and_a_missing_value_is_not() {
    let metrics = registry();
    let metric = metrics.get("contribution_after_marketing").unwrap();
    let window = Window { start: date(2025, 9, 10), end: date(2025, 9, 16) };
    let known = Known { days: Some((window.start, window.end)), begun: true, quiet: false };
    let value = |row: &[(&str, Option<i64>)]| {
        let mut sums = Sums::default();
        let row = row.iter().map(|(name, value)| ((*name).to_owned(), value.map(Decimal::from))).collect();
        sums.of.insert(("a".to_owned(), None), row);
        for (base, columns) in
            [("margins", vec!["revenue", "cogs", "refund", "reward_cost"]), ("ads", vec!["cost"])]
        {
            sums.bases.insert(base.to_owned(), known);
            sums.owners.extend(columns.into_iter().map(|column| (column.to_owned(), base.to_owned())));
        }
        value_of(metric, &sums, ("a", None), window).number
    };
    let sold = [("revenue", Some(1000)), ("refund", Some(0)), ("reward_cost", Some(0))];
    assert_eq!(value(&[("cost", Some(500))]), Some(Decimal::from(-500)), "spend and no order");
    let costed = [&sold[..], &[("cogs", Some(400))]].concat();
    assert_eq!(value(&costed), Some(Decimal::from(600)), "orders and no spend");
    let uncosted = [&sold[..], &[("cogs", None)]].concat();
    assert_eq!(value(&uncosted), None, "goods of unknown cost");
}
