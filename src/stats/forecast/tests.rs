use super::*;

const TRAINING: [f64; 14] =
    [100.0, 104.0, 98.0, 110.0, 130.0, 160.0, 150.0, 106.0, 108.0, 104.0, 118.0, 138.0, 170.0, 156.0];
const ACTUAL: [f64; 7] = [110.0, 112.0, 100.0, 125.0, 140.0, 180.0, 150.0];

#[test]
fn the_worked_week() {
    let forecast = seasonal_naive(&TRAINING, 7).unwrap();
    assert_eq!(forecast, TRAINING[7..]);
    let found = accuracy(&TRAINING, &forecast, &ACTUAL).unwrap();
    let near = |value: f64, expected: f64, within: f64| assert!((value - expected).abs() < within, "{value}");
    near(found.mae, 5.286, 0.0005);
    near(found.mase.unwrap(), 0.7708, 0.00005);
    near(found.mape.unwrap(), 0.0397, 0.00005);
    near(found.wape.unwrap(), 37.0 / 917.0, 1e-12);
    near(found.bias.unwrap(), -0.0185, 0.00005);
    // The errors that the interval rests on are those of the week before, out of sample.
    let before = seasonal_naive(&TRAINING[..7], 7).unwrap();
    let residual = accuracy(&[], &before, &TRAINING[7..]).unwrap().root_mean_square;
    near(residual, 7.091, 0.0005);
    let half = |share| half_width(residual, share);
    near(half(0.5), 4.78, 0.005);
    near(half(0.8), 9.09, 0.005);
    near(half(0.95), 13.90, 0.005);
    let inside = |share| covered(&forecast, &ACTUAL, half(share));
    assert_eq!((inside(0.5), inside(0.8), inside(0.95)), (4, 6, 7));
}

#[test]
fn too_little_to_forecast_or_to_judge() {
    assert_eq!(seasonal_naive(&TRAINING[..6], 7), None);
    assert_eq!(accuracy(&TRAINING, &[], &[]), None);
    let flat = accuracy(&[5.0; 14], &[4.0], &[0.0]).unwrap();
    assert_eq!((flat.mape, flat.wape, flat.mase), (None, None, None));
}
