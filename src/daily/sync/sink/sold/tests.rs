use super::*;
use jiff::civil::date;
use rust_decimal::Decimal;
use serde_json::Map;

fn subscription(canceled: Option<&str>, trial_end: Option<&str>) -> Subscription {
    Subscription {
        id: "stripe:sub_1".to_owned(),
        customer_id: "stripe:cus_1".to_owned(),
        plan_id: "stripe:price_1".to_owned(),
        status: "active",
        quantity: Decimal::ONE,
        mrr: Decimal::from(30),
        trial_mrr: Decimal::ZERO,
        currency: "EUR".parse().unwrap(),
        started_at: "2025-03-01T10:00:00Z".parse().unwrap(),
        trial_started_at: None,
        trial_ends_at: trial_end.map(|at| at.parse().unwrap()),
        canceled_at: canceled.map(|at| at.parse().unwrap()),
        cancel_reason: String::new(),
        last_mrr: Decimal::from(30),
        extra: Map::new(),
    }
}

fn told(row: &Subscription, sum: Option<i64>, pays: i64) -> Vec<(Date, &'static str, Decimal)> {
    let of = Decimal::from;
    moved(row, sum.map(of), None, (of(pays), of(30)), &TimeZone::UTC, date(2025, 9, 17))
        .into_iter()
        .map(|one| (one.date, one.kind, one.mrr_delta))
        .collect()
}

#[test]
fn a_subscription_that_is_met_first_brings_its_life() {
    let of = Decimal::from;
    let active = subscription(None, None);
    assert_eq!(told(&active, None, 30), [(date(2025, 3, 1), "new", of(30))]);
    let after_trial = subscription(None, Some("2025-03-15T10:00:00Z"));
    assert_eq!(told(&after_trial, None, 30), [(date(2025, 3, 15), "new", of(30))]);
    let ended = subscription(Some("2025-06-02T00:30:00Z"), None);
    assert_eq!(
        told(&ended, None, 0),
        [(date(2025, 3, 1), "new", of(30)), (date(2025, 6, 2), "churn", of(-30))]
    );
    // Ended before its trial was over: it never paid.
    let tried = subscription(Some("2025-03-05T00:30:00Z"), Some("2025-03-15T10:00:00Z"));
    assert_eq!(told(&tried, None, 0), []);
}

#[test]
fn the_movements_of_a_subscription_add_up_to_what_it_pays() {
    let (of, today) = (Decimal::from, date(2025, 9, 17));
    let row = subscription(None, None);
    assert_eq!(told(&row, Some(30), 30), []);
    assert_eq!(told(&row, Some(30), 50), [(today, "expansion", of(20))]);
    assert_eq!(told(&row, Some(50), 30), [(today, "contraction", of(-20))]);
    assert_eq!(told(&row, Some(0), 30), [(today, "reactivation", of(30))]);
    assert_eq!(told(&row, Some(30), 0), [(today, "churn", of(-30))]);
    let ended = subscription(Some("2025-09-10T00:30:00Z"), None);
    assert_eq!(told(&ended, Some(30), 0), [(date(2025, 9, 10), "churn", of(-30))]);
}

#[test]
fn a_rate_that_moved_is_neither_more_nor_less() {
    let of = Decimal::from;
    let row = subscription(None, None);
    let told = |own: (i64, i64), sum: i64, pays: i64| {
        let own = Some((of(own.0), of(own.1)));
        let told = moved(&row, Some(of(sum)), own, (of(pays), of(30)), &TimeZone::UTC, date(2025, 9, 17));
        told.into_iter().map(|one| (one.kind, one.mrr_delta)).collect::<Vec<_>>()
    };
    // Less of its own money, which is worth twice as much by now: half of what came goes.
    assert_eq!(told((20, 10), 20, 20), [("contraction", of(-10))]);
    // More of it, worth half: the ten that came count at today's rate.
    assert_eq!(told((10, 20), 20, 20), [("expansion", of(10))]);
    assert_eq!(told((10, 0), 20, 0), [("churn", of(-20))]);
    assert_eq!(told((0, 10), 0, 5), [("reactivation", of(5))]);
}
