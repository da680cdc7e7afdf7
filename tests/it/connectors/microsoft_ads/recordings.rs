//! What was recorded of Microsoft Advertising: reports as files and as records, and lists.
use crate::connectors::recorded::Recorded;
use adjutant::platforms::microsoft_ads::{
    Account, LEVELS, Level, TERMS, Table, ad_group, campaign, day, iana, table, term,
};
use adjutant::platforms::shape::Seen;
use rust_decimal::Decimal;
use serde_json::{Value, json};

fn account() -> Account<'static> {
    Account { id: "180500100", currency: "USD".parse().unwrap() }
}

/// Impressions, clicks, cost and value of a table, by the connector's own parser, and how many rows gave them.
fn sums(table: &Table, level: &Level) -> (usize, [Decimal; 5]) {
    let (mut rows, mut out) = (0, [Decimal::ZERO; 5]);
    let mut seen = Seen::default();
    for row in table.rows() {
        let figures = if level.kind == "search_term" {
            let term = term(&row, account(), &mut seen).unwrap();
            [term.impressions.into(), term.clicks.into(), term.cost, term.conversions, term.conversion_value]
        } else {
            let day = day(&row, level, account(), &mut seen).unwrap();
            [day.impressions.into(), day.clicks.into(), day.cost, day.conversions, day.conversion_value]
        };
        out.iter_mut().zip(figures).for_each(|(sum, figure)| *sum += figure);
        rows += 1;
    }
    assert!(seen.unknown_values.is_empty(), "{seen:?}");
    (rows, out)
}

/// The same from the bare records, counted by themselves.
fn recount(records: &[Value]) -> (usize, [Decimal; 5]) {
    let number = |record: &Value, name: &str| match &record[name] {
        Value::String(text) => text.parse().unwrap_or_default(),
        Value::Number(number) => number.to_string().parse().unwrap_or_default(),
        _ => Decimal::ZERO,
    };
    let mut out = [Decimal::ZERO; 5];
    for record in records {
        let conversions =
            if record["ConversionsQualified"].is_null() { "Conversions" } else { "ConversionsQualified" };
        for (sum, name) in out.iter_mut().zip(["Impressions", "Clicks", "Spend", conversions, "Revenue"]) {
            *sum += number(record, name);
        }
    }
    (records.len(), out)
}

/// The report a file is of, by its name. Places, ages and genders are reports of ad groups with more columns.
fn level(name: &str) -> Option<&'static Level> {
    let of = |stream: &str| LEVELS.iter().find(|level| level.stream == stream);
    match name {
        _ if name.starts_with("search_query") => Some(&TERMS),
        _ if name.starts_with("keyword") => of("keyword_days"),
        _ if name.starts_with("ad_group") => of("ad_group_days"),
        _ if name.starts_with("ad_performance") => of("ad_days"),
        _ if name.starts_with("campaign_") => of("campaign_days"),
        _ if name.starts_with("account") => of("account_days"),
        _ if ["geographic", "age_gender", "user_location"].iter().any(|sort| name.starts_with(sort)) => {
            of("ad_group_days")
        }
        _ => None,
    }
}

/// Records as a file of a report, so that they go the way of one.
fn as_file(records: &[Value]) -> Table {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let names: Vec<&String> = records[0].as_object().unwrap().keys().collect();
    writer.write_record(&names).unwrap();
    for record in records {
        let field = |name: &&String| match &record[name.as_str()] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        writer.write_record(names.iter().map(field)).unwrap();
    }
    table(&writer.into_inner().unwrap()).unwrap()
}

/// Reports and rows that another connector recorded of a real account, and bulk files that are no reports.
pub fn recorded(file: &Recorded) -> Option<usize> {
    let same = |table: &Table, records: &[Value], level: &Level, name: &str| {
        let (read, there) = (sums(table, level), recount(records));
        assert_eq!(read, there, "{name}");
        read.0
    };
    if file.name.starts_with("app_install") {
        // Files of the bulk service: no day and no figure, so no report.
        assert!(table(&file.body).is_err(), "{}", file.name);
        return Some(1);
    }
    if file.name == "accounts_records.json" {
        let accounts = file.json();
        let zone = accounts[0]["TimeZone"].as_str().unwrap();
        assert!(iana(zone).is_some(), "{zone}");
        return accounts.as_array().map(Vec::len);
    }
    if file.name == "accountperformancereportmonthly_records.json" {
        // An older report without the value of conversions: not taken for one that has none.
        let (mut records, level) = (file.json().as_array().unwrap().clone(), level("account").unwrap());
        let lacks = |row| day(&row, level, account(), &mut Seen::default()).unwrap_err();
        assert!(as_file(&records).rows().map(lacks).all(|lacks| lacks.0 == "report.Revenue"));
        records.iter_mut().for_each(|record| record["Revenue"] = json!(null));
        return Some(same(&as_file(&records), &records, level, &file.name));
    }
    if file.name == "airbyte_expected_records.jsonl" {
        let (mut read, mut others) = (0, 0);
        for (stream, mut data) in file.lines() {
            let number = data["Id"].to_string();
            match stream.as_str() {
                "campaigns" | "ad_groups" => {
                    // The other connector wrote whose they are beside them.
                    for field in ["AccountId", "CustomerId", "CampaignId"] {
                        data.as_object_mut().unwrap().remove(field);
                    }
                    let mut seen = Seen::default();
                    let (id, name) = if stream == "campaigns" {
                        let (external, row) = campaign(&data, account(), &mut seen).unwrap();
                        (external, row.name)
                    } else {
                        let (external, row) = ad_group(&data, "531", account(), &mut seen).unwrap();
                        (external, row.name)
                    };
                    assert_eq!((id, json!(name)), (number, data["Name"].clone()));
                    assert!(seen.new_fields.is_empty() && seen.unknown_values.is_empty(), "{seen:?}");
                    read += 1;
                }
                report if report.contains("_performance_report_") || report.contains("_audience_report_") => {
                    let level = level(report).unwrap();
                    read += same(
                        &as_file(std::slice::from_ref(&data)),
                        std::slice::from_ref(&data),
                        level,
                        report,
                    );
                }
                "accounts" => {
                    assert!(iana(data["TimeZone"].as_str().unwrap()).is_some());
                    read += 1;
                }
                // Ads have their names from reports, and budgets by month are nothing we order.
                "ads" | "budget_summary_report" => others += 1,
                other => panic!("{other} is a stream that nobody knows"),
            }
        }
        assert!(read >= 25, "{read} read, {others} others");
        return Some(read + others);
    }
    let name = file.name.strip_suffix(".csv").or_else(|| file.name.strip_suffix("_records.json"))?;
    let level = level(name)?;
    if file.name.ends_with(".csv") {
        let mut reader = csv::Reader::from_reader(file.body.as_slice());
        let header = reader.headers().unwrap().clone();
        let record = |record: csv::StringRecord| -> Value {
            let fields = header.iter().zip(record.iter());
            Value::Object(
                fields
                    .filter(|(_, field)| !field.is_empty())
                    .map(|(name, field)| (name.to_owned(), json!(field)))
                    .collect(),
            )
        };
        let records: Vec<Value> = reader.records().map(|line| record(line.unwrap())).collect();
        return Some(same(&table(&file.body).unwrap(), &records, level, &file.name));
    }
    let records = file.json().as_array().unwrap().clone();
    Some(same(&as_file(&records), &records, level, &file.name))
}
