use super::*;

#[test]
fn fewer_organic_visits_not_worse_conversion() {
    let of = |weight, cvr, aov| Yield { weight, cvr, aov };
    let paid = (of(6000.0, 0.020, 50.0), of(7000.0, 0.018, 52.0));
    let organic = (of(4000.0, 0.040, 60.0), of(2800.0, 0.041, 60.0));
    let (volume, parts) = decompose(&[paid, organic]).unwrap();
    let near = |value: f64, expected: f64| assert!((value - expected).abs() < 0.005, "{value} {expected}");
    near(volume, -312.0);
    near(parts[0].mix, -627.20);
    near(parts[1].mix, -940.80);
    near(parts[0].of_cvr, -714.0);
    near(parts[0].of_aov, 266.0);
    near(parts[1].of_cvr, 168.0);
    near(parts.iter().map(|p| p.rate).sum(), -280.0);
    near(volume + parts.iter().map(|p| p.mix + p.rate).sum::<f64>(), 13_440.0 - 15_600.0);
    assert_eq!(decompose(&[]), None);
}
