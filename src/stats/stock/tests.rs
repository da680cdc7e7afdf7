use super::*;

fn near(value: f64, expected: f64, within: f64) {
    assert!((value - expected).abs() < within, "{value} {expected}");
}

#[test]
fn the_two_worked_products() {
    let first = Demand { daily: 24.0, daily_sd: 6.0, lead_days: 10.0, lead_sd: 2.0 };
    near(first.deviation(), 51.61, 0.005);
    near(first.safety_stock(), 85.2, 0.05);
    near(Demand { lead_sd: 0.0, ..first }.safety_stock(), 31.3, 0.05);
    near(first.reorder_point(), 325.2, 0.05);
    near(first.stockout_risk(300.0), 0.123, 0.0005);
    near(economic_order_quantity(24.0 * 365.0, 60.0, 3.6).unwrap(), 540.0, 0.5);
    let second = Demand { daily: 8.0, daily_sd: 3.0, lead_days: 14.0, lead_sd: 0.0 };
    near(second.safety_stock(), 18.5, 0.05);
    near(second.reorder_point(), 130.5, 0.05);
    near(economic_order_quantity(8.0 * 365.0, 50.0, 4.0).unwrap(), 270.0, 0.5);
    assert_eq!(economic_order_quantity(8.0, 50.0, 0.0), None);
}

#[test]
fn certain_demand_is_certain() {
    let sure = Demand { daily: 5.0, daily_sd: 0.0, lead_days: 4.0, lead_sd: 0.0 };
    assert_eq!((sure.stockout_risk(19.0), sure.stockout_risk(20.0)), (1.0, 0.0));
}
