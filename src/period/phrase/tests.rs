use super::*;
use crate::period::parse_horizon;
use jiff::civil::date;

const TODAY: Date = date(2025, 9, 17);

fn read(text: &str) -> Option<Phrase> {
    read_phrase(text, TODAY, Weekday::Monday, DateOrder::Mdy)
}

fn days(text: &str) -> String {
    read(text).map_or_else(|| "nothing".to_owned(), |p| format!("{}..{}", p.window.start, p.window.end))
}

#[test]
fn every_row_of_the_table_of_phrases() {
    for (phrase, window) in [
        ("yesterday", "2025-09-16..2025-09-16"),
        ("today", "2025-09-17..2025-09-17"),
        ("last 7 days", "2025-09-10..2025-09-16"),
        ("7d", "2025-09-10..2025-09-16"),
        ("past week", "2025-09-10..2025-09-16"),
        ("last week", "2025-09-08..2025-09-14"),
        ("this week", "2025-09-15..2025-09-16"),
        ("wtd", "2025-09-15..2025-09-16"),
        ("last 3 weeks", "2025-08-25..2025-09-14"),
        ("past 3 weeks", "2025-08-27..2025-09-16"),
        ("21d", "2025-08-27..2025-09-16"),
        ("last weekend", "2025-09-13..2025-09-14"),
        ("last 28 days", "2025-08-20..2025-09-16"),
        ("last 30 days", "2025-08-18..2025-09-16"),
        ("last 90 days", "2025-06-19..2025-09-16"),
        ("last month", "2025-08-01..2025-08-31"),
        ("this month", "2025-09-01..2025-09-16"),
        ("mtd", "2025-09-01..2025-09-16"),
        ("aug", "2025-08-01..2025-08-31"),
        ("in august", "2025-08-01..2025-08-31"),
        ("december", "2024-12-01..2024-12-31"),
        ("this quarter", "2025-07-01..2025-09-16"),
        ("qtd", "2025-07-01..2025-09-16"),
        ("last quarter", "2025-04-01..2025-06-30"),
        ("q2", "2025-04-01..2025-06-30"),
        ("q4", "2024-10-01..2024-12-31"),
        ("ytd", "2025-01-01..2025-09-16"),
        ("this year", "2025-01-01..2025-09-16"),
        ("since aug 15", "2025-08-15..2025-09-16"),
        ("on monday", "2025-09-15..2025-09-15"),
        ("3 sept", "2025-09-03..2025-09-03"),
        ("9/3", "2025-09-03..2025-09-03"),
    ] {
        assert_eq!(days(phrase), window, "{phrase}");
    }
}

#[test]
fn names_of_files_and_other_wordings() {
    for (phrase, window) in [
        ("last_30d", "2025-08-18..2025-09-16"),
        ("last_12m", "2024-09-01..2025-08-31"),
        ("last 12 months", "2024-09-01..2025-08-31"),
        ("last_4w", "2025-08-18..2025-09-14"),
        ("past 30d", "2025-08-18..2025-09-16"),
        ("past month", "2025-08-18..2025-09-16"),
        ("last two weeks", "2025-09-01..2025-09-14"),
        ("past couple of weeks", "2025-09-03..2025-09-16"),
        ("trailing 7 days", "2025-09-10..2025-09-16"),
        ("the last 14 days", "2025-09-03..2025-09-16"),
        ("last 7-days", "2025-09-10..2025-09-16"),
        ("past fortnight", "2025-09-03..2025-09-16"),
        ("day before yesterday", "2025-09-15..2025-09-15"),
        ("last year", "2024-01-01..2024-12-31"),
        ("2024", "2024-01-01..2024-12-31"),
        ("aug 2024", "2024-08-01..2024-08-31"),
        ("september", "2025-09-01..2025-09-16"),
        ("q4 2023", "2023-10-01..2023-12-31"),
        ("first quarter of 2024", "2024-01-01..2024-03-31"),
        ("h1", "2025-01-01..2025-06-30"),
        ("september 3rd 2024", "2024-09-03..2024-09-03"),
        ("3rd of september", "2025-09-03..2025-09-03"),
        ("2025-09-03", "2025-09-03..2025-09-03"),
        ("03.09.2025", "2025-03-09..2025-03-09"),
        ("last friday", "2025-09-12..2025-09-12"),
        ("since monday", "2025-09-15..2025-09-16"),
        ("since august", "2025-08-01..2025-09-16"),
        ("oct 1–15", "2024-10-01..2024-10-15"),
        ("1-15 aug", "2025-08-01..2025-08-15"),
        ("from aug 1 to aug 15", "2025-08-01..2025-08-15"),
        ("between 1 july and 3 august", "2025-07-01..2025-08-03"),
        ("aug 1 - sep 3", "2025-08-01..2025-09-03"),
        ("dec 20 to jan 5", "2024-12-20..2025-01-05"),
        ("july to august", "2025-07-01..2025-08-31"),
        ("2025-08-01 to 2025-08-15", "2025-08-01..2025-08-15"),
        ("2025-08-01..2025-08-15", "2025-08-01..2025-08-15"),
        ("month so far", "2025-09-01..2025-09-16"),
        ("week to date", "2025-09-15..2025-09-16"),
    ] {
        assert_eq!(days(phrase), window, "{phrase}");
    }
}

#[test]
fn what_is_no_window_is_refused() {
    for text in
        ["", "soon", "last", "banana", "next 7 days", "last 0 days", "31 feb", "2031-01-01", "13/13", "the"]
    {
        assert_eq!(days(text), "nothing", "{text}");
    }
}

#[test]
fn the_order_of_numeric_days_is_the_organisations() {
    let window = parse_phrase("3/9", TODAY, Weekday::Monday, DateOrder::Dmy).unwrap();
    assert_eq!(window.start, date(2025, 9, 3));
    let window = parse_phrase("3/9", TODAY, Weekday::Monday, DateOrder::Mdy).unwrap();
    assert_eq!(window.start, date(2025, 3, 9));
}

#[test]
fn weeks_start_when_the_organisation_says() {
    let window = parse_phrase("last week", TODAY, Weekday::Sunday, DateOrder::Mdy).unwrap();
    assert_eq!((window.start, window.end), (date(2025, 9, 7), date(2025, 9, 13)));
}

#[test]
fn a_period_that_began_today_is_today() {
    let first = date(2025, 9, 1);
    let window = parse_phrase("mtd", first, Weekday::Monday, DateOrder::Mdy).unwrap();
    assert_eq!((window.start, window.end), (first, first));
}

#[test]
fn comparison_windows() {
    let prior = |text: &str| read(text).unwrap().prior_period().to_string();
    assert_eq!(prior("last week"), "2025-09-01 to 2025-09-07");
    assert_eq!(prior("7d"), "2025-09-03 to 2025-09-09");
    assert_eq!(prior("mtd"), "2025-08-01 to 2025-08-16");
    assert_eq!(prior("last month"), "2025-07-01 to 2025-07-31");
    assert_eq!(prior("qtd"), "2025-04-01 to 2025-06-16");
    assert_eq!(prior("last quarter"), "2025-01-01 to 2025-03-31");
    assert_eq!(prior("ytd"), "2024-01-01 to 2024-09-16");
    assert_eq!(prior("last 12 months"), "2023-09-01 to 2024-08-31");
    assert_eq!(prior("february"), "2025-01-01 to 2025-01-31");
    let year = read("last week").unwrap().compared(Compare::PriorYear).unwrap();
    assert_eq!(year.to_string(), "2024-09-09 to 2024-09-15");
    assert_eq!(read("7d").unwrap().compared(Compare::None), None);
    let ytd = Phrase { window: Window::new(date(2025, 1, 1), date(2025, 8, 31)).unwrap(), unit: Unit::Year };
    assert_eq!(ytd.prior_period().to_string(), "2024-01-01 to 2024-08-31");
    let march =
        Phrase { window: Window::new(date(2025, 3, 1), date(2025, 3, 30)).unwrap(), unit: Unit::Month };
    assert_eq!(march.prior_period().to_string(), "2025-02-01 to 2025-02-28");
}

#[test]
fn a_window_without_its_phrase_compares_by_its_shape() {
    let window = |a, b| Window::new(a, b).unwrap().prior_period().to_string();
    assert_eq!(window(date(2025, 8, 1), date(2025, 8, 31)), "2025-07-01 to 2025-07-31");
    assert_eq!(window(date(2025, 9, 10), date(2025, 9, 16)), "2025-09-03 to 2025-09-09");
}

#[test]
fn comparisons_as_people_write_them() {
    for text in ["wow", "mom", "vs last wk", "versus the previous period", "prior_period"] {
        assert_eq!(Compare::parse_phrase(text), Some(Compare::PriorPeriod), "{text}");
    }
    for text in ["yoy", "vs ly", "vs last year", "prior_year"] {
        assert_eq!(Compare::parse_phrase(text), Some(Compare::PriorYear), "{text}");
    }
    assert_eq!(Compare::parse_phrase("none"), Some(Compare::None));
    assert_eq!(Compare::parse_phrase("vs tuesday"), None);
}

#[test]
fn phrases_inside_questions() {
    let find = |text: &str| {
        find_phrase(text, TODAY, Weekday::Monday, DateOrder::Mdy)
            .map(|f| (text[f.place.clone()].to_owned(), f.phrase.window.to_string()))
    };
    assert_eq!(
        find("which campaigns wasted money in the last 30 days?"),
        Some(("in the last 30 days".into(), "2025-08-18 to 2025-09-16".into()))
    );
    assert_eq!(find("exec summary 30d"), Some(("30d".into(), "2025-08-18 to 2025-09-16".into())));
    assert_eq!(
        find("Give me the numbers for last week pls"),
        Some(("for last week".into(), "2025-09-08 to 2025-09-14".into()))
    );
    assert_eq!(
        find("sales from aug 1 to aug 15 by channel"),
        Some(("from aug 1 to aug 15".into(), "2025-08-01 to 2025-08-15".into()))
    );
    assert_eq!(find("what may we cut"), None);
    assert_eq!(find("spend in may"), Some(("in may".into(), "2025-05-01 to 2025-05-31".into())));
    assert_eq!(find("customers with 3 orders"), None);
    assert_eq!(find("positions 4-15"), None);
    assert_eq!(find("roas above 2.5"), None);
}

#[test]
fn horizons_look_ahead() {
    let ahead = |text: &str| parse_horizon(text, TODAY).map(|w| w.to_string());
    assert_eq!(ahead("next 7 days").as_deref(), Some("2025-09-17 to 2025-09-23"));
    assert_eq!(ahead("next two weeks").as_deref(), Some("2025-09-17 to 2025-09-30"));
    assert_eq!(ahead("end of month").as_deref(), Some("2025-09-17 to 2025-09-30"));
    assert_eq!(ahead("by oct").as_deref(), Some("2025-09-17 to 2025-09-30"));
    assert_eq!(ahead("rest of the year").as_deref(), Some("2025-09-17 to 2025-12-31"));
    assert_eq!(ahead("last week"), None);
}
