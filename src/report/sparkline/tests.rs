use super::*;

#[test]
fn a_series_rises_and_keeps_its_gaps() {
    assert_eq!(sparkline(&[Some(0.0), Some(3.5), None, Some(7.0)]), "▁▅ █");
    assert_eq!(sparkline(&[Some(2.0), Some(2.0)]), "▄▄");
    assert_eq!(sparkline(&[Some(f64::NAN)]), " ");
    assert_eq!(sparkline(&[]), "");
}

#[test]
fn bars_are_proportional() {
    assert_eq!(bar(Some(10.0), 10.0, 4), "████");
    assert_eq!(bar(Some(5.0), 10.0, 4), "██");
    assert_eq!(bar(Some(1.0), 16.0, 4), "▎");
    assert_eq!(bar(None, 10.0, 4), "");
    assert_eq!(bar(Some(-1.0), 10.0, 4), "");
}
