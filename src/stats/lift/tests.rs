use super::*;

fn arm(converters: u64, users: u64) -> Arm {
    Arm { users, converters }
}

fn near(value: f64, expected: f64, digits: i32) {
    let half = 0.5001 * 10f64.powi(-digits);
    assert!((value - expected).abs() <= half, "{value} is not {expected} to {digits} digits");
}

#[test]
fn campaign_a_is_52_per_cent_incremental_never_95() {
    let lift = compare_arms(arm(1226, 349_650), arm(58, 34_580)).unwrap();
    near(lift.treated_rate, 0.003506, 6);
    near(lift.lift, 0.00183, 5);
    near(lift.interval.low, 0.00130, 5);
    near(lift.interval.high, 0.00226, 5);
    near(lift.relative.unwrap(), 1.091, 3);
    near(lift.incrementality.unwrap(), 0.522, 3);
    let interval = lift.incrementality_interval.unwrap();
    near(interval.low, 0.378, 3);
    near(interval.high, 0.632, 3);
    near(lift.z, 5.62, 2);
    near(lift.p, 1.9e-8, 9);
    near(lift.incremental_conversions, 639.54, 2);
}

#[test]
fn the_other_worked_cases() {
    let small = compare_arms(arm(120, 4000), arm(40, 2000)).unwrap();
    near(small.interval.low, 0.0014, 4);
    near(small.interval.high, 0.0178, 4);
    near(small.z, 2.27, 2);
    near(small.p, 0.0234, 4);
    let holdout = compare_arms(arm(540, 9000), arm(50, 1000)).unwrap();
    near(holdout.interval.low, -0.0060, 4);
    near(holdout.interval.high, 0.0229, 4);
    near(holdout.incrementality.unwrap(), 0.167, 3);
    let bounds = holdout.incrementality_interval.unwrap();
    near(bounds.low, -0.105, 3);
    near(bounds.high, 0.372, 3);
    near(holdout.p, 0.203, 3);
    let ab = compare_arms(arm(460, 20_000), arm(400, 20_000)).unwrap();
    near(ab.interval.low, 0.0002, 4);
    near(ab.interval.high, 0.0058, 4);
    near(ab.p, 0.0386, 4);
    assert_eq!(ab.method, Method::PooledZ);
}

#[test]
fn single_rates() {
    let interval = wilson(arm(8, 20)).unwrap();
    near(interval.low, 0.219, 3);
    near(interval.high, 0.613, 3);
    let none = wilson(arm(0, 40)).unwrap();
    near(none.low, 0.0, 6);
    near(none.high, 0.088, 3);
}

#[test]
fn small_cells_take_the_exact_test() {
    let lift = compare_arms(arm(1, 10), arm(11, 14)).unwrap();
    assert_eq!(lift.method, Method::Fisher);
    // The published example of the exact test: 0.002759 two-sided.
    near(lift.p, 0.002759, 6);
}

#[test]
fn no_users_no_answer() {
    assert_eq!(compare_arms(arm(0, 0), arm(1, 10)), None);
    assert_eq!(compare_arms(arm(11, 10), arm(1, 10)), None);
    let nobody = compare_arms(arm(0, 50), arm(0, 50)).unwrap();
    assert_eq!((nobody.relative, nobody.incrementality, nobody.p), (None, None, 1.0));
}
