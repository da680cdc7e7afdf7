//! Figures by day: asked for at once up to a week, ordered as a report beyond, and in halves where that is too much.
use super::{graph, parse};
use crate::period::Window;
use crate::platforms::contract::{Ctx, Sink, SyncRequest};
use crate::platforms::fault::{Code, ConnectorError};
use crate::platforms::rows::{Daily, Rows};
use crate::platforms::shape;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use secrecy::SecretString;
use serde_json::{Value, json};

/// Days that are asked for at once (`connectors.md` §2.3).
const AT_ONCE_DAYS: i32 = 7;
/// Rows of one page.
const PAGE: &str = "500";
/// Between two looks at a report: from 5 s growing to 60 s, for half an hour (§1.4).
const FIRST_S: i64 = 5;
const LONGEST_S: i64 = 60;
const JOB: SignedDuration = SignedDuration::from_mins(30);

/// The windows there are; those of seven and 28 days after a view went on 2026-01-12.
const WINDOWS: [&str; 5] = ["1d_click", "7d_click", "28d_click", "1d_view", "1d_engaged_view"];

/// The windows that conversions are counted in, as the connection is told.
pub fn windows(cx: &Ctx) -> Result<Vec<String>, ConnectorError> {
    let said = cx.setting("attribution_window").unwrap_or_default();
    let windows: Vec<String> =
        said.split(',').map(|window| window.trim().to_owned()).filter(|window| !window.is_empty()).collect();
    match windows.iter().find(|window| !WINDOWS.contains(&window.as_str())) {
        Some(odd) => {
            let what = format!("'{odd}' is no attribution window");
            Err(cx.error(Code::MissingConfig, &what, &format!("there are {}", WINDOWS.join(", "))))
        }
        None if windows.iter().filter(|window| window.ends_with("_click")).count() > 1
            || windows.iter().enumerate().any(|(n, window)| windows[..n].contains(window)) =>
        {
            let what = format!("'{said}' counts a conversion more than once");
            Err(cx.error(
                Code::MissingConfig,
                &what,
                "name one window of clicks, and each of the others once",
            ))
        }
        None => Ok(windows),
    }
}

/// One level of the account, day by day.
pub async fn read(
    cx: &Ctx,
    account: &str,
    level: &'static str,
    request: &SyncRequest,
    sink: &mut dyn Sink,
) -> Result<Rows, ConnectorError> {
    let windows = windows(cx)?;
    let conversion = cx.needed("conversion")?.to_owned();
    let told =
        parse::Told { level, account, currency: cx.currency, conversion: &conversion, windows: &windows };
    let mut rows: Vec<Daily> = Vec::new();
    let mut todo = vec![request.window];
    while let Some(days) = todo.pop() {
        let query = query(level, days, &windows);
        let path = format!("act_{account}/insights");
        let read = if days.days() <= AT_ONCE_DAYS {
            let query = paged(query);
            graph::all(cx, &path, &query, request.page_limit, sink, |row, seen| parse::day(row, &told, seen))
                .await
        } else {
            match report(cx, &path, query).await {
                Ok(report) => {
                    let (path, query) = (format!("{report}/insights"), paged(Vec::new()));
                    graph::all(cx, &path, &query, request.page_limit, sink, |row, seen| {
                        parse::day(row, &told, seen)
                    })
                    .await
                }
                Err(error) => Err(error),
            }
        };
        match read {
            Ok(read) => rows.extend(read),
            Err(error) if too_much(&error) && days.days() > 1 => todo.extend(halves(days)),
            Err(error) => return Err(error),
        }
    }
    Ok(Rows::Daily(rows))
}

/// The platform wants to be asked for less, or a report came to nothing.
fn too_much(error: &ConnectorError) -> bool {
    error.code == Code::JobFailed || error.message.contains("reduce the amount of data")
}

fn halves(days: Window) -> Vec<Window> {
    let middle = days.start.saturating_add((days.days() / 2 - 1).max(0).days());
    let second = middle.saturating_add(1.day());
    [Window::new(days.start, middle), Window::new(second, days.end)].into_iter().flatten().collect()
}

fn query(level: &str, days: Window, windows: &[String]) -> Vec<(&'static str, String)> {
    let mut query = Vec::new();
    // Without it the days of what was deleted are left out, with the money it cost. An account has no states, and all of it.
    if level != "account" {
        let states: Value = serde_json::from_str(states(level)).unwrap_or_default();
        let field = format!("{level}.effective_status");
        let filter = json!([{"field": field, "operator": "IN", "value": states}]);
        query.push(("filtering", filter.to_string()));
    }
    query.extend([
        ("level", level.to_owned()),
        ("time_increment", "1".to_owned()),
        ("time_range", json!({"since": days.start, "until": days.end}).to_string()),
        ("fields", parse::fields(level).join(",")),
        ("action_attribution_windows", json!(windows).to_string()),
    ]);
    query
}

/// Every state that things of a level may be in.
fn states(level: &str) -> &'static str {
    match level {
        "campaign" => super::CAMPAIGN_STATES,
        "adset" => super::AD_SET_STATES,
        _ => super::AD_STATES,
    }
}

fn paged(mut query: Vec<(&'static str, String)>) -> Vec<(&'static str, String)> {
    query.push(("limit", PAGE.to_owned()));
    query
}

/// Orders a report and waits until it is there; returns its id.
async fn report(cx: &Ctx, path: &str, query: Vec<(&'static str, String)>) -> Result<String, ConnectorError> {
    let form = query.into_iter().map(|(name, value)| (name, SecretString::from(value))).collect();
    let reply = graph::post(cx, path, form).await?;
    let body = shape::json(&reply.body).map_err(|fault| cx.unreadable(&fault))?;
    let id = match body.get("report_run_id") {
        Some(Value::String(id)) if !id.is_empty() => id.clone(),
        Some(Value::Number(id)) => id.to_string(),
        _ => return Err(cx.unreadable(&shape::Unreadable::Not("a report that was ordered".to_owned()))),
    };
    let end = cx.clock.now().checked_add(JOB).unwrap_or(Timestamp::MAX);
    let mut pause = FIRST_S;
    loop {
        let reply = graph::get(cx, &id, &[("fields", "async_status,async_percent_completion")]).await?;
        let body = shape::json(&reply.body).map_err(|fault| cx.unreadable(&fault))?;
        let done = shape::count(body.get("async_percent_completion")).unwrap_or(0);
        match shape::text_if_any(&body, "async_status").unwrap_or_default() {
            "Job Completed" if done >= 100 => return Ok(id),
            state @ ("Job Failed" | "Job Skipped") => {
                let what = format!("the report came to nothing: {state} at {done} %");
                return Err(cx.error(Code::JobFailed, &what, "the next run tries again"));
            }
            _ => {}
        }
        let now = cx.clock.now();
        if now >= end {
            let what = format!("the report was not ready after half an hour: {done} %");
            return Err(cx.error(Code::JobTimeout, &what, "the next run tries again"));
        }
        let next = now.checked_add(SignedDuration::from_secs(pause)).unwrap_or(end);
        tokio::select! {
            () = cx.cancel.cancelled() => cx.http.go_on()?,
            () = cx.clock.until(next) => {}
        }
        pause = (pause * 2).min(LONGEST_S);
    }
}
