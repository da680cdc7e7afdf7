use super::super::report::{LEVELS, TERMS};
use super::super::table::{Table, table, unzip};
use super::*;
use crate::platforms::shape::Unreadable;
use serde_json::json;
use std::io::{Cursor, Write as _};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

fn account() -> Account<'static> {
    Account { id: "180500100", currency: "EUR".parse().unwrap() }
}

/// A report as the web interface saves it: a mark, lines about the report, a footer.
const FILE: &str = "\u{feff}\"Report Name: campaigns\"\r\n\"Report Time: 1/1/2026 - 1/31/2026\"\r\n\r\n\
    \"TimePeriod\",\"AccountId\",\"CampaignId\",\"CampaignName\",\"CampaignType\",\"Impressions\",\"Clicks\",\"Ctr\",\"Spend\",\"ConversionsQualified\",\"Revenue\"\r\n\
    \"2026-01-24\",\"180500100\",\"531\",\"Tents, new\",\"Search & content\",\"12,345\",\"1,234\",\"9.99%\",\"1,234.56\",\"3.50\",\"--\"\r\n\
    \"2026-01-24\",\"180500100\",\"531\",\"Tents, new\",\"Search & content\",\"5\",\"0\",\"--\",\"--\",\"--\",\"10.25\"\r\n\
    \"2026-01-24\",\"180500100\",\"532\",\"Boots\",\"Audience\",\"7\",\"1\",\"14.29%\",\"0.10\",\"0\",\"0\"\r\n\
    \"©2026 Fernhill. All rights reserved. \"\r\n";

fn sums(table: &Table) -> (Vec<Daily>, Seen) {
    let (level, mut days) = (&LEVELS[1], BTreeMap::new());
    let mut seen = table.seen(level);
    for row in table.rows() {
        let read = day(&row, level, account(), &mut seen);
        if let Some(read) = seen.row(read) {
            add(&mut days, read);
        }
    }
    (days.into_values().collect(), seen)
}

#[test]
fn signs_of_numbers_are_no_part_of_them() {
    let (rows, seen) = sums(&table(FILE.as_bytes()).unwrap());
    assert_eq!((rows.len(), seen.rows, seen.missing.len()), (2, 3, 0), "a footer is no row: {seen:?}");
    assert_eq!(seen.new_fields.keys().collect::<Vec<_>>(), ["report.Ctr"], "nobody asks for rates");
    let told: Vec<String> = rows
        .iter()
        .map(|row| {
            let figures = format!("{} {} {} {}", row.impressions, row.clicks, row.cost, row.conversions);
            format!("{} {} {} {figures} {}", row.date, row.entity_id, row.channel, row.conversion_value)
        })
        .collect();
    assert_eq!(
        told,
        [
            "2026-01-24 microsoft_ads:531 paid_search 12350 1234 1234.56 3.50 10.25",
            "2026-01-24 microsoft_ads:532 display 7 1 0.10 0 0",
        ]
    );
}

#[test]
fn what_is_no_number_is_not_read_as_none() {
    let odd = |from: &str, to: &str| sums(&table(FILE.replace(from, to).as_bytes()).unwrap()).1.missing;
    assert_eq!(odd("\"12,345\"", "\"many\"").keys().collect::<Vec<_>>(), ["report.Impressions"]);
    assert_eq!(odd("\"12,345\"", "\"-5\"").keys().collect::<Vec<_>>(), ["report.Impressions"]);
    assert_eq!(
        odd("\"Spend\"", "\"Cost\"").get("report.Spend"),
        Some(&3),
        "a column that is gone is not zero"
    );
    assert_eq!(
        odd("\"531\",\"Tents, new\",\"Search & content\",\"5\"", "\"531\",\"5\"").len(),
        1,
        "a line of another length"
    );
    assert!(table(b"\"Something\",\"else\"\r\n").is_err());
    assert_eq!(table(b"").unwrap().rows().count(), 0);
}

#[test]
fn close_variants_and_capitals_are_one_term() {
    let file = "TimePeriod,AccountId,CampaignId,AdGroupId,SearchQuery,DeliveredMatchType,Impressions,Clicks,Spend,ConversionsQualified,Revenue\n\
        2026-01-24,180500100,531,7,Red Tent,Phrase,2,1,0.50,0,0\n\
        2026-01-24,180500100,531,7,red tent,Phrase (close variant),3,0,0,0,0\n\
        2026-01-24,180500100,531,7,red tent,Exact,1,1,0.25,1,20\n";
    let mut sums = Terms::new();
    let (table, mut seen) = (table(file.as_bytes()).unwrap(), Seen::default());
    for row in table.rows() {
        add_term(&mut sums, term(&row, account(), &mut seen).unwrap());
    }
    assert!(table.seen(&TERMS).new_fields.is_empty());
    let told: Vec<String> = sums
        .values()
        .map(|row| format!("{} {} {} {}", row.term, row.match_type, row.impressions, row.cost))
        .collect();
    assert_eq!(told, ["red tent EXACT 1 0.25", "red tent PHRASE 5 0.50"]);
}

fn zipped(files: &[&str]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for name in files {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        archive.start_file(*name, options).unwrap();
        archive.write_all(FILE.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[test]
fn an_archive_is_read_whole_or_not_at_all() {
    let body = zipped(&["report.csv"]);
    assert_eq!(unzip(&body).unwrap(), FILE.as_bytes());
    for cut in [10, body.len() / 2, body.len() - 4] {
        assert_eq!(unzip(&body[..cut]), Err(Unreadable::Truncated), "{cut}");
    }
    let mut bent = body.clone();
    bent[60] ^= 0x55;
    assert!(unzip(&bent).is_err(), "its sum does not fit");
    assert!(matches!(unzip(&zipped(&["a.csv", "b.csv"])), Err(Unreadable::Not(_))));
    assert!(matches!(unzip(b"<html>"), Err(Unreadable::Not(_))));
}

#[test]
fn campaigns_and_ad_groups_have_our_states() {
    let of = |status: &str, sort: &str| {
        let entry = json!({"Id": 531, "Name": "Tents", "Status": status, "CampaignType": sort, "DailyBudget": 50.5, "BudgetId": null,
            "BiddingScheme": {"Type": "EnhancedCpc"}});
        let (external, row) = campaign(&entry, account(), &mut Seen::default()).unwrap();
        assert_eq!((external.as_str(), row.daily_budget), ("531", Some("50.5".parse().unwrap())));
        (row.status, row.channel)
    };
    assert_eq!(of("Active", "Search"), ("active", "paid_search"));
    assert_eq!(of("BudgetPaused", "Audience"), ("paused", "display"));
    assert_eq!(of("Deleted", "Shopping"), ("removed", "paid_search"));
    assert_eq!(of("Dreaming", "Search"), ("unknown", "paid_search"));
    let entry = json!({"Id": "7", "Name": "Red", "Status": "Expired", "CpcBid": {"Amount": 2.27}});
    let (_, row) = ad_group(&entry, "531", account(), &mut Seen::default()).unwrap();
    assert_eq!(
        (row.status, row.campaign_id.as_str(), row.bid),
        ("ended", "microsoft_ads:531", Some("2.27".parse().unwrap()))
    );
}
