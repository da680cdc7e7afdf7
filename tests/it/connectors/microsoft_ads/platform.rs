//! Microsoft Advertising as it answers: JSON services that ask who asks, reports that take their time, files that are zipped.
use crate::connectors::fake::{Asked, Knobs, Platform};
use jiff::ToSpan as _;
use jiff::civil::Date;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Cursor, Write as _};
use std::sync::Mutex;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

pub const ACCOUNT: &str = "180500100";
pub const CUSTOMER: &str = "251100200";
const CAMPAIGNS: [(u64, &str, &str); 3] =
    [(531, "Active", "Search"), (532, "BudgetPaused", "Shopping"), (533, "Active", "Audience")];

#[derive(Default)]
pub struct FakeMicrosoft {
    /// So often a report is said to be pending.
    pub pending: usize,
    /// Reports come to nothing.
    pub fails: bool,
    /// Where reports are said to lie; else here.
    pub elsewhere: bool,
    /// The second campaign has no ad groups: its list is null.
    pub groupless: bool,
    /// What was ordered, and how often each was asked for.
    pub orders: Mutex<Vec<(Value, usize)>>,
}

fn fault(status: u16, code: i64, named: &str) -> (u16, Value) {
    let error =
        json!({"Code": code, "ErrorCode": named, "Message": "Something is the matter.", "Details": null});
    (status, json!({"TrackingId": "t-1", "Type": "AdApiFaultDetail", "Errors": [error]}))
}

/// The word for a zone; three are enough.
fn zone(name: &str) -> &'static str {
    match name {
        "America/Los_Angeles" => "PacificTimeUSCanadaTijuana",
        "Pacific/Auckland" => "AucklandWellington",
        "Atlantis" => "AtlantisLemuria",
        _ => "AmsterdamBerlinBernRomeStockholmVienna",
    }
}

fn day(value: &Value) -> Option<Date> {
    let of = |name: &str| value[name].as_i64();
    Date::new(of("Year")?.try_into().ok()?, of("Month")?.try_into().ok()?, of("Day")?.try_into().ok()?).ok()
}

/// Columns that every report has, and those of each.
fn columns(report: &str) -> Option<&'static [&'static str]> {
    Some(match report {
        "AccountPerformanceReportRequest" => &["AccountName"],
        "CampaignPerformanceReportRequest" => &["CampaignId", "CampaignName", "CampaignType"],
        "AdGroupPerformanceReportRequest" => &["CampaignId", "AdGroupId", "AdGroupName", "CampaignType"],
        "AdPerformanceReportRequest" => &["CampaignId", "AdGroupId", "AdId", "AdTitle", "CampaignType"],
        "KeywordPerformanceReportRequest" => &["CampaignId", "AdGroupId", "KeywordId", "Keyword"],
        "SearchQueryPerformanceReportRequest" => {
            &["CampaignId", "AdGroupId", "SearchQuery", "DeliveredMatchType"]
        }
        _ => return None,
    })
}

/// A field of a line: the n-th thing of a day.
fn field(column: &str, report: &str, on: Date, n: u64, knobs: &Knobs) -> String {
    let base = u64::try_from(on.day()).unwrap() + 10 * (n + 1);
    let moved = if knobs.restated == Some(on) { 5 } else { 0 };
    match column {
        "TimePeriod" => on.to_string(),
        "AccountId" => ACCOUNT.to_owned(),
        "AccountName" => "Fernhill".to_owned(),
        "CampaignId" => CAMPAIGNS[usize::try_from(n).unwrap()].0.to_string(),
        "CampaignName" => format!("Campaign, {n}"),
        // Reports have words of their own.
        "CampaignType" => {
            ["Search & content", "Shopping", "Audience"][usize::try_from(n).unwrap()].to_owned()
        }
        "AdGroupId" => (7_000 + n).to_string(),
        "AdGroupName" => format!("Group {n}"),
        "AdId" => (80_000_000_000_000 + n).to_string(),
        "AdTitle" => {
            if n == 1 {
                "--".to_owned()
            } else {
                format!("Ad \"{n}\"")
            }
        }
        "KeywordId" => (84_000_000_000_360 + n).to_string(),
        "Keyword" => format!("tent {n}"),
        "SearchQuery" => {
            if n == 1 {
                "Red Tent".to_owned()
            } else {
                "red tent".to_owned()
            }
        }
        "DeliveredMatchType" => {
            if n == 2 {
                "Phrase (close variant)".to_owned()
            } else {
                "Phrase".to_owned()
            }
        }
        "Impressions" => format!("1,{:03}", base * 10 % 1_000),
        "Clicks" => (base + moved).to_string(),
        "Spend" => format!("{base}.{:02}", 30 + n),
        "ConversionsQualified" => {
            if n == 1 {
                "--".to_owned()
            } else {
                format!("{}.50", base / 10)
            }
        }
        "Revenue" => format!("{}.25", base * 2),
        other => panic!("{other} of {report}"),
    }
}

fn quoted(line: &[String]) -> String {
    let fields: Vec<String> =
        line.iter().map(|field| format!("\"{}\"", field.replace('"', "\"\""))).collect();
    format!("{}\r\n", fields.join(","))
}

/// A report as it is saved.
fn file(order: &Value, knobs: &Knobs) -> String {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let report = text(&order["Type"]);
    let mut header: Vec<String> = order["Columns"].as_array().unwrap().iter().map(text).collect();
    let time = &order["Time"];
    let (first, last) =
        (day(&time["CustomDateRangeStart"]).unwrap(), day(&time["CustomDateRangeEnd"]).unwrap());
    let mut lines = Vec::new();
    for on in first.series(1.day()).take_while(|on| *on <= last && !knobs.empty) {
        for n in 0..if report.starts_with("Account") { 1 } else { 3 } {
            lines.push(header.iter().map(|name| field(name, &report, on, n, knobs)).collect::<Vec<_>>());
        }
    }
    if knobs.unknown_field {
        header.push("Mood".to_owned());
        lines.iter_mut().for_each(|line| line.push("sunny".to_owned()));
    }
    if knobs.missing_field {
        let place = header.iter().position(|name| name == "Spend").unwrap();
        header.remove(place);
        lines.iter_mut().for_each(|line| drop(line.remove(place)));
    }
    let lines: String = lines.iter().map(|line| quoted(line)).collect();
    format!("\u{feff}{}{lines}", quoted(&header))
}

fn zipped(text: &str) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    archive.start_file("report.csv", options).unwrap();
    archive.write_all(text.as_bytes()).unwrap();
    archive.finish().unwrap().into_inner()
}

impl FakeMicrosoft {
    fn submit(&self, order: &Value, knobs: &Knobs) -> (u16, Value) {
        let report = order["Type"].as_str().unwrap_or_default();
        let Some(own) = columns(report) else { return fault(400, 2001, "InvalidReportType") };
        let asked = order["Columns"].as_array().cloned().unwrap_or_default();
        let every =
            ["TimePeriod", "AccountId", "Impressions", "Clicks", "Spend", "ConversionsQualified", "Revenue"];
        let known = |name: &Value| every.iter().chain(own).any(|known| name == known);
        if asked.is_empty() || !asked.iter().all(known) {
            return fault(400, 2011, "InvalidReportColumns");
        }
        let time = &order["Time"];
        let days = day(&time["CustomDateRangeStart"]).zip(day(&time["CustomDateRangeEnd"]));
        let good = order["Format"] == "Csv"
            && order["FormatVersion"] == "2.0"
            && order["Aggregation"] == "Daily"
            && order["Scope"]["AccountIds"] == json!([ACCOUNT])
            && order["ReturnOnlyCompleteData"] == false
            && days.is_some_and(|(first, last)| first <= last);
        if !good || time["ReportTimeZone"] != zone(&knobs.zone) {
            return fault(400, 2004, "InvalidReportRequest");
        }
        let mut orders = self.orders.lock().unwrap();
        orders.push((order.clone(), 0));
        (200, json!({"ReportRequestId": (orders.len() - 1).to_string()}))
    }

    fn poll(&self, asked: &Asked, body: &Value, knobs: &Knobs) -> (u16, Value) {
        let mut orders = self.orders.lock().unwrap();
        let number: Option<usize> = body["ReportRequestId"].as_str().and_then(|id| id.parse().ok());
        let Some((number, order)) = number.and_then(|n| Some((n, orders.get_mut(n)?))) else {
            return fault(400, 2100, "InvalidReportRequestId");
        };
        order.1 += 1;
        let status = |status: &str, url: Value| {
            (200, json!({"ReportRequestStatus": {"Status": status, "ReportDownloadUrl": url}}))
        };
        if self.fails {
            return status("Error", Value::Null);
        }
        if order.1 <= self.pending {
            return status("Pending", Value::Null);
        }
        // Nothing to report is no file at all.
        if knobs.empty {
            return status("Success", Value::Null);
        }
        let host = if self.elsewhere { "lakeside.example" } else { asked.header("host") };
        status("Success", json!(format!("http://{host}/download/{number}?sig=once")))
    }

    fn list(&self, path: &str, body: &Value, knobs: &Knobs) -> (u16, Value) {
        let mut rows: Vec<Value> = match path {
            "/CampaignManagement/v13/Campaigns/QueryByAccountId" if body["AccountId"] == ACCOUNT => {
                let sorts = body["CampaignType"].as_str().unwrap_or("Search");
                let row = |(n, (id, status, sort)): (usize, &(u64, &str, &str))| {
                    json!({"Id": id.to_string(), "Name": format!("Campaign, {n}"),
                    "Status": status, "CampaignType": sort, "DailyBudget": 50.5, "BudgetType": "DailyBudgetStandard", "BudgetId": null,
                    "BiddingScheme": {"Type": "EnhancedCpc"}, "TimeZone": zone(&knobs.zone), "Languages": null})
                };
                CAMPAIGNS
                    .iter()
                    .enumerate()
                    .filter(|(_, (.., sort))| sorts.split(',').any(|known| known == *sort))
                    .map(row)
                    .collect()
            }
            "/CampaignManagement/v13/AdGroups/QueryByCampaignId" => {
                let id = body["CampaignId"].as_str().and_then(|id| id.parse::<u64>().ok());
                let Some(n) = CAMPAIGNS.iter().position(|campaign| Some(campaign.0) == id) else {
                    return fault(400, 1100, "CampaignServiceInvalidCampaignId");
                };
                if n == 1 && self.groupless {
                    return (200, json!({"AdGroups": null}));
                }
                let bid = if n == 0 && knobs.restated.is_some() { 3.5 } else { 2.27 };
                vec![
                    json!({"Id": (7_000 + n).to_string(), "Name": format!("Group {n}"), "Status": "Active", "CpcBid": {"Amount": bid},
                    "StartDate": null, "EndDate": null, "Language": "German", "Network": "OwnedAndOperatedAndSyndicatedSearch"}),
                ]
            }
            _ => return fault(404, 1, "NotFound"),
        };
        if knobs.empty {
            rows.clear();
        }
        for row in &mut rows {
            let row = row.as_object_mut().unwrap();
            if knobs.unknown_field {
                row.insert("Mood".to_owned(), json!("sunny"));
            }
            if knobs.missing_field {
                row.remove("Status");
            }
        }
        // A thing that cannot be told is null.
        rows.push(Value::Null);
        let name = if path.ends_with("AccountId") { "Campaigns" } else { "AdGroups" };
        (200, json!({ name: rows }))
    }
}

impl Platform for FakeMicrosoft {
    fn answer(&self, asked: &Asked, knobs: &Knobs) -> (u16, Value) {
        if asked.path == "/common/oauth2/v2.0/token" {
            let form: BTreeMap<String, String> = asked.form();
            let good = form.get("grant_type").is_some_and(|sort| sort == "refresh_token")
                && ["client_secret", "refresh_token"]
                    .iter()
                    .all(|name| form.get(*name) == Some(&knobs.secret));
            return if good {
                (200, json!({"access_token": "EwB-access", "token_type": "Bearer", "expires_in": 3600}))
            } else {
                (400, json!({"error": "invalid_grant"}))
            };
        }
        if asked.method != "POST" {
            return fault(405, 1, "MethodNotAllowed");
        }
        let who = asked.header("authorization") == "Bearer EwB-access"
            && asked.header("developertoken") == knobs.secret;
        if !who {
            return fault(401, 105, "InvalidCredentials");
        }
        if asked.header("customerid") != CUSTOMER || asked.header("customeraccountid") != ACCOUNT {
            return fault(400, 106, "UserIsNotAuthorized");
        }
        let body = asked.json();
        match asked.path.as_str() {
            "/CustomerManagement/v13/Account/Query" if body["AccountId"] == ACCOUNT => (
                200,
                json!({"Account": {"Id": ACCOUNT,
                "Name": "Fernhill", "Number": "F100FERN", "CurrencyCode": "EUR", "TimeZone": zone(&knobs.zone)}}),
            ),
            "/Reporting/v13/GenerateReport/Submit" => self.submit(&body["ReportRequest"], knobs),
            "/Reporting/v13/GenerateReport/Poll" => self.poll(asked, &body, knobs),
            path => self.list(path, &body, knobs),
        }
    }

    fn is_data(&self, asked: &Asked) -> bool {
        asked.path != "/common/oauth2/v2.0/token"
    }

    fn bytes(&self, asked: &Asked, knobs: &Knobs) -> Option<Vec<u8>> {
        let number: usize = asked.path.strip_prefix("/download/")?.parse().ok()?;
        // Whoever has the address may fetch it; a key has no business there.
        assert!(
            asked.headers.get("authorization").is_none() && asked.headers.get("developertoken").is_none()
        );
        let orders = self.orders.lock().unwrap();
        Some(zipped(&file(&orders.get(number)?.0, knobs)))
    }
}
