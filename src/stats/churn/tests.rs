use super::*;

#[test]
fn the_two_worked_customers() {
    let c = Coefficients {
        intercept: -1.2,
        days_since_order: 0.03,
        orders_90d: -0.35,
        spend_trend: -0.8,
        engaged: -0.5,
    };
    let risk = |days_since_order, orders_90d, spend_trend, engaged| {
        churn_probability(c, Signs { days_since_order, orders_90d, spend_trend, engaged })
    };
    let (gone, here) = (risk(45.0, 1.0, -0.4, false), risk(10.0, 4.0, 0.1, true));
    assert!((gone - 0.530).abs() < 0.0005 && (here - 0.053).abs() < 0.0005, "{gone} {here}");
    assert_eq!((churn_band(gone), churn_band(0.25), churn_band(here)), ("high", "medium", "low"));
    assert_eq!(gap_ratio(45.0, 18.0), Some(2.5));
    assert_eq!(gap_ratio(45.0, 0.0), None);
}
