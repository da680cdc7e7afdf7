use super::*;

#[test]
fn the_worked_scores() {
    let found = confidence(0.8246, 36.0, 50.0, 0.25, 1.0);
    assert!((found - 0.659).abs() < 0.0005, "{found}");
    assert!(found > EXPLORATORY_BELOW);
    assert!((opportunity_score(1500.0, 0.8, Level::Medium, Level::Medium) - 420.0).abs() < 1e-9);
    assert_eq!(opportunity_score(-5.0, 1.0, Level::Low, Level::Low), 0.0);
    assert!((pause_score(1.8, 7.0, 0.008) - 87.0).abs() < 1e-9);
    assert_eq!(priority(87.0, 1.5, 0.85), 110.9);
}
