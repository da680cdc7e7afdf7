use super::*;

#[test]
fn seventeen_of_twenty_pairs() {
    let converters = [0.9, 0.8, 0.55, 0.4];
    let others = [0.7, 0.5, 0.35, 0.3, 0.1];
    assert_eq!(auc(&converters, &others), Some(0.85));
    assert_eq!(auc(&[0.5], &[0.5]), Some(0.5));
    assert_eq!(auc(&[], &others), None);
}

#[test]
fn the_worked_uplift_curve() {
    let found = qini(&[(20.0, 8.0), (14.0, 8.0), (10.0, 8.0), (6.0, 6.0)]).unwrap();
    assert!((found - 0.25).abs() < 1e-9, "{found}");
    assert_eq!(qini(&[(5.0, 5.0)]), None);
}

#[test]
fn a_feature_that_stays_has_no_drift() {
    assert_eq!(stability_index(&[0.5, 0.5], &[0.5, 0.5]), 0.0);
    assert!(stability_index(&[0.5, 0.5], &[0.8, 0.2]) > 0.2);
}
