use super::*;
use crate::drafts::words::dec;
use jiff::civil::date;

fn history(days: &[(&str, &str)]) -> History {
    let today = date(2025, 9, 17);
    let n = i64::try_from(days.len()).unwrap();
    let day = |(i, (cost, revenue)): (usize, &(&str, &str))| Day {
        date: today - (n - i64::try_from(i).unwrap()).days(),
        cost: dec(cost),
        cost_base: dec(cost),
        revenue_base: dec(revenue),
        conversions: if *revenue == "0" { Decimal::ZERO } else { Decimal::ONE },
        clicks: 1,
        impressions: 100,
    };
    History { today, days: days.iter().enumerate().map(day).collect() }
}

#[test]
fn ratios_are_sums_over_sums() {
    let history = history(&[("10", "100"), ("90", "100")]);
    assert_eq!(history.totals(7).roas(), Some(2.0));
    assert_eq!(Totals::default().roas(), None);
}

#[test]
fn spend_since_the_last_conversion_counts_the_days_after_it() {
    let history = history(&[("10", "0"), ("20", "50"), ("30", "0"), ("40", "0")]);
    assert_eq!(history.spend_since_conversion().0, dec("70"));
}

#[test]
fn the_error_of_a_ratio_is_zero_when_every_day_has_it_and_grows_with_the_spread() {
    let (roas, error) = history(&[("10", "20"), ("20", "40"), ("30", "60")]).roas_with_error(28).unwrap();
    assert!((roas - 2.0).abs() < 1e-12 && error < 1e-12);
    // By hand: R = 2, residuals 10, -10, 0; s = √(3/2 · 200) ÷ 60 = 0.288675.
    let (_, error) = history(&[("20", "50"), ("20", "30"), ("20", "40")]).roas_with_error(28).unwrap();
    assert!((error - 0.288_675).abs() < 1e-6, "{error}");
    assert!(history(&[("10", "20"), ("20", "40")]).roas_with_error(28).is_none());
}
