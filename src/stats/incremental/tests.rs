use super::*;

const TREATED: Spent = Spent { users: 349_650, revenue: 17_610.0 };
const HOLDOUT: Spent = Spent { users: 34_580, revenue: 840.0 };

#[test]
fn campaign_a_lifts_but_does_not_pay() {
    let gained = incremental_revenue(TREATED, HOLDOUT).unwrap();
    assert!((gained - 9_116.48).abs() < 0.01, "{gained}");
    assert!((net_of_cost(gained, 14_500.0, None) + 5_383.52).abs() < 0.01);
    assert!((net_of_cost(gained, 14_500.0, Some(0.35)) + 11_309.23).abs() < 0.01);
    assert!((gained / 14_500.0 - 0.629).abs() < 0.0005);
    let interval = incremental_revenue_interval(TREATED, HOLDOUT, (0.95, 0.65)).unwrap();
    assert_eq!((interval.low.round(), interval.high.round()), (6_480.0, 11_753.0));
}

#[test]
fn an_empty_arm_has_no_answer() {
    assert_eq!(incremental_revenue(TREATED, Spent { users: 0, revenue: 0.0 }), None);
}
