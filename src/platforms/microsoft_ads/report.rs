//! Reports: ordered, waited for, fetched.
use super::parse::Level;
use super::table::{self, Table};
use super::{ask, zones};
use crate::period::Window;
use crate::platforms::client::Ask;
use crate::platforms::contract::Ctx;
use crate::platforms::fault::{Code, ConnectorError};
use crate::platforms::shape::{self, Unreadable};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use url::Url;

/// Seconds of the first pause and the longest, and when a report is given up (`connectors.md` §1.4).
const FIRST_S: i64 = 5;
const LONGEST_S: i64 = 60;
const JOB: SignedDuration = SignedDuration::from_mins(30);
/// Where finished reports lie besides Microsoft's own hosts. What is asked there carries no key of ours.
const STORES: [&str; 2] = [".blob.core.windows.net", ".api.bingads.microsoft.com"];

/// The reports of figures by day, from the account down.
pub static LEVELS: [Level; 5] = [
    Level {
        stream: "account_days",
        kind: "account",
        report: "AccountPerformanceReportRequest",
        id: "AccountId",
        name: "AccountName",
        columns: &["AccountName"],
    },
    Level {
        stream: "campaign_days",
        kind: "campaign",
        report: "CampaignPerformanceReportRequest",
        id: "CampaignId",
        name: "CampaignName",
        columns: &["CampaignId", "CampaignName", "CampaignType"],
    },
    Level {
        stream: "ad_group_days",
        kind: "ad_group",
        report: "AdGroupPerformanceReportRequest",
        id: "AdGroupId",
        name: "AdGroupName",
        columns: &["CampaignId", "AdGroupId", "AdGroupName", "CampaignType"],
    },
    Level {
        stream: "ad_days",
        kind: "ad",
        report: "AdPerformanceReportRequest",
        id: "AdId",
        // Of text ads; others have no title.
        name: "AdTitle",
        columns: &["CampaignId", "AdGroupId", "AdId", "AdTitle", "CampaignType"],
    },
    Level {
        stream: "keyword_days",
        kind: "keyword",
        report: "KeywordPerformanceReportRequest",
        id: "KeywordId",
        name: "Keyword",
        columns: &["CampaignId", "AdGroupId", "KeywordId", "Keyword"],
    },
];

/// The report of what people searched for.
pub static TERMS: Level = Level {
    stream: "search_terms",
    kind: "search_term",
    report: "SearchQueryPerformanceReportRequest",
    id: "CampaignId",
    name: "SearchQuery",
    columns: &["CampaignId", "AdGroupId", "SearchQuery", "DeliveredMatchType"],
};

/// What is ordered: `columns` by day, whole days of the account.
fn order(level: &Level, days: Window, account: &str, zone: &str) -> Value {
    let date = |day: Date| json!({"Day": day.day(), "Month": day.month(), "Year": day.year()});
    json!({"ReportRequest": {
        "Type": level.report,
        "ReportName": level.stream,
        "Format": "Csv",
        "FormatVersion": "2.0",
        "ExcludeReportHeader": true,
        "ExcludeReportFooter": true,
        "ExcludeColumnHeaders": false,
        // Today is read too, and read again.
        "ReturnOnlyCompleteData": false,
        "Aggregation": "Daily",
        "Columns": level.all(),
        "Scope": {"AccountIds": [account]},
        "Time": {
            "CustomDateRangeStart": date(days.start),
            "CustomDateRangeEnd": date(days.end),
            "ReportTimeZone": zone,
        },
    }})
}

/// The table of a report, whole. Nothing to report is a table without rows.
pub async fn read(cx: &Ctx, level: &Level, days: Window) -> Result<Table, ConnectorError> {
    let zone = zones::word(&cx.zone, cx.clock.now()).ok_or_else(|| {
        cx.error(
            Code::MissingConfig,
            "the account's time zone is none that Microsoft reports in",
            "give the zone that Microsoft Advertising shows under the account's settings with --time-zone",
        )
    })?;
    let body = order(level, days, cx.needed("account_id")?, zone);
    let path = |what: &str| format!("Reporting/{}/GenerateReport/{what}", cx.api_version);
    let reply = ask(cx, "", &path("Submit"), &body).await?;
    let ordered = shape::json(&reply.body).map_err(|fault| cx.unreadable(&fault))?;
    let id = shape::id(ordered.get("ReportRequestId"))
        .ok_or_else(|| cx.unreadable(&Unreadable::Not("a report that was ordered".to_owned())))?;
    let Some(link) = wait(cx, &path("Poll"), &id).await? else { return Ok(Table::default()) };
    let url = place(cx, &link)?;
    cx.http.go_on()?;
    // The address holds a key of its own: it is shown to nobody.
    cx.voice.keep(secrecy::SecretString::from(link));
    let reply = cx.http.send(&Ask::get(url)).await?;
    let file = table::unzip(&reply.body).map_err(|fault| cx.unreadable(&fault))?;
    table::table(&file).map_err(|fault| cx.unreadable(&fault))
}

/// Where a finished report lies; nothing where there is nothing to report.
async fn wait(cx: &Ctx, path: &str, id: &str) -> Result<Option<String>, ConnectorError> {
    let end = cx.clock.now().checked_add(JOB).unwrap_or(Timestamp::MAX);
    let mut pause = FIRST_S;
    loop {
        cx.http.go_on()?;
        let reply = ask(cx, "", path, &json!({ "ReportRequestId": id })).await?;
        let body = shape::json(&reply.body).map_err(|fault| cx.unreadable(&fault))?;
        let state = body.get("ReportRequestStatus").unwrap_or(&Value::Null);
        match shape::text_if_any(state, "Status").unwrap_or_default() {
            "Success" => return Ok(shape::text_if_any(state, "ReportDownloadUrl").map(str::to_owned)),
            "Error" => {
                return Err(cx.error(
                    Code::JobFailed,
                    "the report came to nothing",
                    "the next run tries again",
                ));
            }
            "Pending" => {}
            _ => return Err(cx.unreadable(&Unreadable::Not("the state of a report".to_owned()))),
        }
        let now = cx.clock.now();
        if now >= end {
            let what = "the report was not ready after half an hour";
            return Err(cx.error(Code::JobTimeout, what, "the next run tries again"));
        }
        let next = now.checked_add(SignedDuration::from_secs(pause)).unwrap_or(end);
        tokio::select! {
            () = cx.cancel.cancelled() => cx.http.go_on()?,
            () = cx.clock.until(next) => {}
        }
        pause = (pause * 2).min(LONGEST_S);
    }
}

/// The address of a finished report, if it leads to Microsoft.
fn place(cx: &Ctx, link: &str) -> Result<Url, ConnectorError> {
    let stored = Url::parse(link).ok().filter(|url| {
        url.scheme() == "https"
            && url.host_str().is_some_and(|host| STORES.iter().any(|end| host.ends_with(end)))
    });
    stored.map_or_else(|| cx.next_link(link), Ok)
}
