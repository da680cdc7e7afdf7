use super::*;
use crate::stats::normal_below;

#[test]
fn five_looks() {
    let rounded = |boundary| {
        let bounds = stopping_bounds(boundary, 5).unwrap();
        bounds.into_iter().map(|b| (b * 1000.0).round() / 1000.0).collect::<Vec<f64>>()
    };
    let early = rounded(Boundary::ObrienFleming);
    for (found, expected) in early.iter().zip([4.562, 3.226, 2.634, 2.281, 2.040]) {
        assert!((found - expected).abs() < 0.0015, "{found} {expected}");
    }
    assert_eq!(rounded(Boundary::Pocock), vec![2.413; 5]);
    let nominal = 2.0 * normal_below(-2.413);
    assert!((nominal - 0.0158).abs() < 0.00005);
    assert_eq!(stopping_bounds(Boundary::Pocock, 6), None);
    assert_eq!(stopping_bounds(Boundary::Pocock, 0), None);
}

#[test]
fn several_results_share_their_alpha() {
    assert_eq!(holm(&[0.04, 0.01, 0.03], 0.05), vec![false, true, false]);
    assert_eq!(holm(&[0.02, 0.01, 0.03], 0.05), vec![true, true, true]);
    assert!(holm(&[], 0.05).is_empty());
}
