use super::kinds::{KindSpec, Kinds};
use super::table::{Options, Table, Unreadable, read};
use super::values::{self, DecimalMark};
use super::{header, sniff};
use jiff::civil::date;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use rust_decimal::Decimal;
use std::collections::BTreeMap;

fn spec(kind: &str) -> KindSpec {
    Kinds::built_in().unwrap().kinds.remove(kind).unwrap()
}

fn options() -> Options {
    Options { map: BTreeMap::new(), decimal: None, date_format: None, zone: TimeZone::UTC }
}

fn ads(text: &str) -> Table {
    read(text.as_bytes(), &spec("ads"), &options()).unwrap()
}

fn cost(table: &Table) -> Vec<String> {
    table.rows.iter().map(|row| row.number("cost").unwrap().normalize().to_string()).collect()
}

#[test]
fn every_synonym_is_folded_and_belongs_to_one_field() {
    for (kind, spec) in Kinds::built_in().unwrap().kinds {
        let mut seen = BTreeMap::new();
        for (field, fieldspec) in &spec.fields {
            for synonym in &fieldspec.synonyms {
                assert_eq!(&header::fold(synonym), synonym, "{kind}.{field}");
                assert_eq!(seen.insert(synonym.clone(), field.clone()), None, "{kind}: '{synonym}' twice");
            }
        }
    }
}

#[test]
fn an_english_report_with_preamble_currency_and_total() {
    let table = ads(
        "Campaign report\n\"1 March 2025 - 2 March 2025\"\nDay,Campaign,Amount spent (EUR),Clicks,Impr.\n\
        2025-03-01,Spring,\"$1,234.50\",\"1,002\",--\n2025-03-02,Spring,(12.00),3,40\nTotal: all campaigns,,\"1,222.50\",\"1,005\",40\n",
    );
    assert_eq!(cost(&table), ["1234.5", "-12"]);
    assert_eq!(table.rows[0].number("clicks"), Some(Decimal::from(1002)));
    assert_eq!(table.rows[0].number("impressions"), None);
    assert_eq!(table.totals_skipped, [6]);
    assert_eq!(table.header_currency.unwrap().as_str(), "EUR");
    assert_eq!(table.detected.preamble.len(), 2);
    assert!(table.faults.is_empty(), "{:?}", table.faults);
}

#[test]
fn a_german_report_in_windows_1252_with_semicolons() {
    let text = "Tag;Kampagne;Kosten;Klicks;Währung\n01.02.2026;Frühling;1.234,50 €;12;EUR\n13.02.2026;Größe;0,99;1.001;EUR\nGesamt;;1.235,49;1.013;\n";
    let bytes = encoding_rs::WINDOWS_1252.encode(text).0.into_owned();
    let table = read(&bytes, &spec("ads"), &options()).unwrap();
    assert_eq!(table.detected.encoding, "windows-1252");
    assert_eq!(cost(&table), ["1234.5", "0.99"]);
    assert_eq!(table.rows[1].number("clicks"), Some(Decimal::from(1001)));
    assert_eq!(table.rows[0].text("campaign"), Some("Frühling"));
    assert_eq!(table.rows[0].date("date"), Some(date(2026, 2, 1)));
    assert_eq!(table.totals_skipped, [4]);
}

#[test]
fn marks_of_utf8_and_utf16_are_understood() {
    let text = "Date\tCampaign\tSpend\n2025-01-02\tAlpha\t1.5\n";
    let mut utf8 = vec![0xef, 0xbb, 0xbf];
    utf8.extend(text.as_bytes());
    assert_eq!(cost(&read(&utf8, &spec("ads"), &options()).unwrap()), ["1.5"]);
    let mut utf16 = vec![0xff, 0xfe];
    utf16.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    let table = read(&utf16, &spec("ads"), &options()).unwrap();
    assert_eq!((cost(&table), table.detected.encoding), (vec!["1.5".to_owned()], "UTF-16LE"));
    let bare: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert_eq!(sniff::decode(&bare).0, text);
}

#[test]
fn ambiguity_is_asked_not_guessed() {
    let problem = |text: &str| read(text.as_bytes(), &spec("ads"), &options()).unwrap_err();
    assert!(matches!(problem("date,campaign,cost\n01/02/2026,a,1\n"), Unreadable::AmbiguousDates(_)));
    assert!(matches!(problem("date;campaign;cost\n2026-02-01;a;1,234\n"), Unreadable::AmbiguousNumbers(_)));
    assert!(matches!(
        problem("date;campaign;cost\n2026-02-01;a;1,5\n2026-02-01;b;1.5\n"),
        Unreadable::AmbiguousNumbers(_)
    ));
    let settled = ads("date,campaign,cost\n01/02/2026,a,1.5\n13/02/2026,a,2.25\n");
    assert_eq!(settled.rows[0].date("date"), Some(date(2026, 2, 1)));
    let told = Options { decimal: Some(DecimalMark::Comma), ..options() };
    let table = read(b"date;campaign;cost\n2026-02-01;a;1,234\n", &spec("ads"), &told).unwrap();
    assert_eq!(cost(&table), ["1.234"]);
}

#[test]
fn faults_name_line_and_column_and_what_is_wrong() {
    let table = ads(
        "date,campaign,cost,clicks\n2026-02-01,\"two\nlines\",x,1\n2026-02-30,b,1.5,1\n2026-02-03,c,2.5,-4\n2026-02-04,d\n,e,1.5,2\n",
    );
    let seen: Vec<(u64, Option<usize>, &str)> =
        table.faults.iter().map(|f| (f.line, f.column, f.code)).collect();
    assert_eq!(
        seen,
        [
            (6, None, "csv.column_count"),
            (2, Some(3), "csv.bad_number"),
            (4, Some(1), "csv.bad_date"),
            (5, Some(4), "csv.negative"),
            (7, Some(1), "csv.missing_required"),
        ]
    );
    assert_eq!(table.faults[0].message, "Line 6 has 2 fields, the header has 4.");
}

#[test]
fn texts_with_digits_in_them_are_no_numbers() {
    for text in ["10:30", "1/2", "3 of 5", "12abc", "12 pieces", "5 clicks here", "12 ABC", "1-2", "e5", "1e"]
    {
        let table = ads(&format!("date,campaign,cost,clicks\n2026-02-01,a,1.5,2\n2026-02-02,a,{text},2\n"));
        let seen: Vec<_> = table.faults.iter().map(|f| (f.line, f.column, f.code)).collect();
        assert_eq!(seen, [(3, Some(3), "csv.bad_number")], "{text}");
    }
    for (text, is) in [
        ("CHF 12.00", "12"),
        ("12 EUR", "12"),
        ("-$12.50", "-12.5"),
        ("$-12.50", "-12.5"),
        ("($12.50)", "-12.5"),
        ("$(12.50)", "-12.5"),
        ("$.50", "0.5"),
        ("Fr. 12.5", "12.5"),
        ("12.5 kr", "12.5"),
        ("US$ 1,234.50", "1234.5"),
        ("1'234.5", "1234.5"),
        ("1 234.5", "1234.5"),
        ("1.5e3", "1500"),
        ("1E-2", "0.01"),
        ("12.5 %", "0.125"),
        ("+3", "3"),
        ("−3", "-3"),
    ] {
        let read = values::number(text, DecimalMark::Dot).map(|n| n.normalize().to_string());
        assert_eq!(read.as_deref(), Some(is), "{text}");
    }
}

#[test]
fn lines_are_counted_the_same_whatever_ends_them() {
    let text = "sep=;\nReport\n\nDay;Campaign;Cost\n2026-02-01;\"two\nlines\";1,5\n\n2026-02-02;b;x\n";
    for end in ["\n", "\r\n", "\r"] {
        let table = ads(&text.replace('\n', end));
        assert_eq!(table.detected.header_line, 4, "{end:?}");
        assert_eq!(table.rows[0].line, 5, "{end:?}");
        assert_eq!(table.rows[0].text("campaign"), Some("two lines"), "{end:?}");
        assert_eq!((table.faults[0].line, table.faults[0].code), (8, "csv.bad_number"), "{end:?}");
    }
}

#[test]
fn a_preamble_that_names_the_delimiter_is_no_header() {
    let table = ads("sep=;\r\nDay;Campaign;Cost\r\n2026-02-01;a;1,5\r\n");
    assert_eq!((table.detected.header_line, table.rows[0].line), (2, 3));
    assert_eq!(cost(&table), ["1.5"]);
}

#[test]
fn files_beyond_the_limits_are_refused_in_words() {
    let wide: Vec<String> = (0..200).map(|n| format!("c{n}")).collect();
    let text = format!("Day,Campaign,Cost,{}\n", wide.join(","));
    let error = read(text.as_bytes(), &spec("ads"), &options()).unwrap_err();
    assert_eq!(error.to_string(), "the header has 203 columns; at most 200 are read. Export fewer columns");
}

#[test]
fn equal_lines_count_once_and_unknown_dimensions_keep_lines_apart() {
    let table = ads(
        "date,campaign,device,cost\n2026-02-01,a,mobile,1.5\n2026-02-01,a,desktop,1.5\n2026-02-01,a,mobile,1.5\n",
    );
    assert_eq!(table.rows.len(), 2);
    assert_eq!(table.duplicates_skipped, [4]);
    assert_eq!(table.ignored, ["device"]);
}

#[test]
fn mapping_by_hand_wins_and_is_checked() {
    let map = |pairs: &[(&str, &str)]| Options {
        map: pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect(),
        ..options()
    };
    let text = b"when,what,paid\n2026-02-01,a,1.5\n";
    let table =
        read(text, &spec("ads"), &map(&[("when", "date"), ("what", "campaign"), ("paid", "cost")])).unwrap();
    assert_eq!(cost(&table), ["1.5"]);
    let missing = read(b"date,campaign,cost\n", &spec("ads"), &map(&[("paid", "cost")])).unwrap_err();
    assert!(missing.to_string().contains("date, campaign, cost"), "{missing}");
    let unknown = read(b"date,campaign,cost\n", &spec("ads"), &map(&[("cost", "price")])).unwrap_err();
    assert!(unknown.to_string().contains("conversion_value"), "{unknown}");
}

#[test]
fn the_better_name_wins_when_two_columns_fit() {
    let table = read(b"id,name,created_at,processed_at,total_price\n7,#1007,2026-01-01 10:00:00,2026-01-01 10:05:00,12.5\n", &spec("orders"), &options()).unwrap();
    assert_eq!(table.rows[0].text("id"), Some("7"));
    assert_eq!(table.rows[0].instant("ordered_at").unwrap().to_string(), "2026-01-01T10:00:00Z");
}

#[test]
fn times_with_and_without_zone() {
    let zone = TimeZone::get("Europe/Zurich").unwrap();
    let at = |text: &str| values::instant(text, "%Y-%m-%d", &zone).unwrap().to_string();
    assert_eq!(at("2026-07-01 10:00:00"), "2026-07-01T08:00:00Z");
    assert_eq!(at("2026-07-01T10:00:00+00:00"), "2026-07-01T10:00:00Z");
    assert_eq!(at("2026-07-01 10:00:00 -0400"), "2026-07-01T14:00:00Z");
    assert_eq!(at("2026-07-01"), "2026-06-30T22:00:00Z");
}

proptest! {
    #[test]
    fn a_number_written_in_either_style_reads_back(minor in -9_999_999_999_i64..9_999_999_999) {
        let value = Decimal::new(minor, 2);
        let plain = value.abs().to_string();
        let (whole, fraction) = plain.split_once('.').unwrap();
        for (mark, thousands, point) in [(DecimalMark::Dot, ',', '.'), (DecimalMark::Comma, '.', ',')] {
            let mut grouped = String::new();
            for (i, c) in whole.chars().enumerate() {
                if i > 0 && (whole.len() - i) % 3 == 0 {
                    grouped.push(thousands);
                }
                grouped.push(c);
            }
            let sign = if minor < 0 { "-" } else { "" };
            let text = format!("{sign}{grouped}{point}{fraction}");
            prop_assert_eq!(values::number(&text, mark), Some(value), "{}", text);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&bytes, &spec("ads"), &options());
    }
}

#[test]
fn a_platform_is_known_by_the_words_that_people_have_for_it() {
    for (said, source, channel) in [
        ("Bing Ads", "microsoft_ads", "paid_search"),
        ("Microsoft Advertising", "microsoft_ads", "paid_search"),
        ("Snapchat", "snapchat_ads", "paid_social"),
        ("LinkedIn", "linkedin_ads", "paid_social"),
    ] {
        assert_eq!(super::facts::source(said), Some(source), "{said}");
        assert_eq!(super::channels::platform_channel(source), channel);
    }
    assert_eq!(super::facts::source("a friend"), None);
}
