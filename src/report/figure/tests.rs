use super::*;

fn d(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn usd() -> Currency {
    "USD".parse().unwrap()
}

#[test]
fn the_displayed_results_of_the_metric_registry() {
    assert_eq!(grouped(d("384230"), 0), "384,230");
    assert_eq!(percent(d("14562") / d("384230"), 2), "3.79%");
    assert_eq!(money(d("37737813") / d("1000000"), usd()), "$37.74");
    assert_eq!(money(d("1180"), usd()), "$1,180");
    assert_eq!(money(d("-8042.5"), usd()), "-$8,043");
    assert_eq!(times(d("18450") / d("14500"), 2), "1.27x");
    assert_eq!(points(d("0.0018")), "+0.18 pp");
    assert_eq!(change(d("-0.309")), "-30.9%");
}

#[test]
fn halves_round_away_from_zero_and_zero_has_no_sign() {
    assert_eq!(grouped(d("2.5"), 0), "3");
    assert_eq!(grouped(d("-2.5"), 0), "-3");
    assert_eq!(grouped(d("-0.004"), 2), "0.00");
    assert_eq!(signed(d("-0.04"), 1), "+0.0");
    assert_eq!(money(d("-0.001"), usd()), "$0.00");
    assert_eq!(trimmed(d("2.500"), 2), "2.5");
    assert_eq!(trimmed(d("1234567.10"), 2), "1,234,567.1");
}

#[test]
fn currencies_keep_their_smallest_unit() {
    assert_eq!(money(d("12.5"), "CHF".parse().unwrap()), "CHF 12.50");
    assert_eq!(money(d("125"), "JPY".parse().unwrap()), "¥125");
}

#[test]
fn words_in_the_plural() {
    assert_eq!(plural("search_term"), "search terms");
    assert_eq!(plural("city"), "cities");
    assert_eq!(plural("day"), "days");
    assert_eq!(counted(1, "day"), "1 day");
    assert_eq!(counted(3, "campaign"), "3 campaigns");
    assert_eq!(after_one(" clicks, 4 of them"), " click, 4 of them");
    assert_eq!(after_one(" people in all"), " person in all");
    assert_eq!(after_one(" queries"), " query");
    for kept in [" was lost", " less than before", " of 3 sources", "x", ""] {
        assert_eq!(after_one(kept), kept);
    }
}

#[test]
fn times_are_said_in_their_unit() {
    let said: Vec<String> = ["0.005", "0", "0.3333", "0.995", "1", "5.25", "71.96", "83", "24"]
        .iter()
        .map(|text| hours(text.parse().unwrap()))
        .collect();
    assert_eq!(
        said,
        ["less than a minute", "0 min", "20 min", "1 h", "1 h", "5.3 h", "72 h", "3.5 days", "24 h"]
    );
}
