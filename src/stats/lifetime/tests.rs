use super::*;
use jiff::civil::date;

#[test]
fn the_first_year_does_not_grow_with_age() {
    let orders = [
        (date(2025, 3, 10), 100.0),
        (date(2025, 9, 1), 60.0),
        (date(2026, 2, 20), 40.0),
        (date(2026, 4, 15), 90.0),
    ];
    assert_eq!(first_year_value(&orders, date(2026, 6, 1)), Some(200.0));
    assert_eq!(first_year_value(&orders, date(2028, 6, 1)), Some(200.0));
    assert_eq!(first_year_value(&orders, date(2026, 3, 9)), None, "too young");
    assert_eq!(first_year_value(&[], date(2026, 6, 1)), None);
}

const MODEL: BgNbd = BgNbd { r: 0.8, alpha: 10.0, a: 0.7, b: 2.5 };
const VALUE: GammaGamma = GammaGamma { p: 6.0, q: 4.0, gamma: 15.0 };

#[test]
fn expected_orders_of_the_worked_customers() {
    for (repeats, last, age, alive, orders) in [
        (4.0, 40.0, 52.0, 0.7367, 2.4537),
        (4.0, 12.0, 52.0, 0.0516, 0.1718),
        (0.0, 0.0, 52.0, 1.0, 0.5854),
        (1.0, 2.0, 20.0, 0.4070, 0.9565),
    ] {
        let history = History { repeats, last, age };
        assert!((MODEL.alive(history) - alive).abs() < 0.00005, "{history:?}");
        let found = MODEL.expected_orders(history, 52.0);
        assert!((found - orders).abs() < 0.00005, "{history:?}: {found}");
    }
}

#[test]
fn the_published_check() {
    let model = BgNbd { r: 0.243, alpha: 4.414, a: 0.793, b: 2.426 };
    let found = model.expected_orders(History { repeats: 2.0, last: 30.43, age: 38.86 }, 39.0);
    assert!((found - 1.2260).abs() < 0.0005, "{found}");
}

#[test]
fn expected_value_of_an_order() {
    for (repeats, mean, expected) in [(4.0, 40.0, 38.89), (1.0, 80.0, 63.33), (0.0, 0.0, 30.0)] {
        assert!((VALUE.expected_value(repeats, mean) - expected).abs() < 0.005);
    }
    let history = History { repeats: 4.0, last: 40.0, age: 52.0 };
    let value = MODEL.expected_orders(history, 52.0) * VALUE.expected_value(4.0, 40.0);
    assert!((value - 95.42).abs() < 0.005, "{value}");
    assert!((value * 0.35 - 33.40).abs() < 0.005);
}
