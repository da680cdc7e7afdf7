use super::*;

fn channels(bounds: [(f64, f64); 3]) -> Vec<Channel> {
    [(6000.0, 1000.0), (4500.0, 1500.0), (3000.0, 800.0)]
        .into_iter()
        .zip(bounds)
        .map(|((a, c), (low, high))| Channel { a, c, low, high })
        .collect()
}

fn revenue(channels: &[Channel], spend: &[f64]) -> f64 {
    channels.iter().zip(spend).map(|(channel, spend)| channel.response(*spend)).sum()
}

fn near(value: f64, expected: f64, within: f64) {
    assert!((value - expected).abs() < within, "{value} {expected}");
}

#[test]
fn equal_marginal_returns_bring_most() {
    let free = channels([(0.0, 1e9); 3]);
    let (spend, marginal) = allocate(&free, 10_000.0).unwrap();
    near(marginal, 1.0150, 0.00005);
    for (found, expected) in spend.iter().zip([4_911.11, 2_933.33, 2_155.56]) {
        near(*found, expected, 0.005);
    }
    near(revenue(&free, &spend), 19_458.08, 0.005);
    near(revenue(&free, &[10_000.0 / 3.0; 3]), 18_990.03, 0.005);
    let now = [3_000.0, 5_000.0, 2_000.0];
    near(revenue(&free, &now), 18_674.57, 0.005);
    near(free[0].marginal(3_000.0), 1.50, 0.005);
    near(free[1].marginal(5_000.0), 0.69, 0.005);
    near(free[2].marginal(2_000.0), 1.07, 0.005);
}

#[test]
fn a_fifth_up_or_down() {
    let bounded = channels([(2_400.0, 3_600.0), (4_000.0, 6_000.0), (1_600.0, 2_400.0)]);
    let (spend, _) = allocate(&bounded, 10_000.0).unwrap();
    for (found, expected) in spend.iter().zip([3_600.0, 4_000.0, 2_400.0]) {
        near(*found, expected, 0.01);
    }
    near(revenue(&bounded, &spend), 19_161.99, 0.01);
    assert_eq!(allocate(&bounded, 20_000.0), None);
}

#[test]
fn at_a_third_of_margin_little_spend_pays() {
    let worth = spend_worth(&channels([(0.0, 1e9); 3]), 1.0 / 0.35);
    for (found, expected) in worth.iter().zip([1_100.0, 75.0, 250.0]) {
        near(*found, expected, 0.5);
    }
}
