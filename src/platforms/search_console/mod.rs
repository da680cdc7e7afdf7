//! Google Search Console: `searchAnalytics/query`, one request a grain (`connectors.md` §2.5).
//!
//! Days are Pacific time. Figures come two to three days late: a day without any yet is not complete. Rows of one grain are
//! never added to those of another: queries that Google keeps to itself are missing from the finer ones. Web search only.
mod parse;

pub use parse::{Page, Row, page};

use super::client::{Ask, Judge, Payload, Reply};
use super::contract::{
    Budget, CheckReport, Connector, ConnectorSpec, Ctx, Fact, Field, Host, Shape, Sink, StreamOutcome,
    StreamSpec, SyncRequest,
};
use super::fault::{Code, ConnectorError};
use super::rows::{Rows, Search, site_name};
use super::{google, oauth, shape};
use crate::period::Window;
use async_trait::async_trait;
use jiff::ToSpan as _;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

pub struct SearchConsole;

/// Rows of one page: the API's own maximum.
const PAGE: usize = 25_000;
/// So many days back the newest day with figures is looked for.
const LOOK_BACK_DAYS: i32 = 10;
/// The zone of the API's days.
const ZONE: &str = "America/Los_Angeles";

/// A stream of one grain. Fine grains are read day by day, because one request gives the top 50,000 rows at most.
const fn grain(name: &'static str, kinds: &'static [&'static str], slice_days: i32) -> StreamSpec {
    StreamSpec {
        name,
        fact: Fact::Search,
        // Five days may still move (§1.8).
        shape: Shape::Series { restate_days: 5, slice_days, kinds },
        backfill_days: 90,
        every_minutes: 24 * 60,
    }
}

static SPEC: ConnectorSpec = ConnectorSpec {
    key: "search_console",
    title: "Search Console",
    fields: &[
        Field::needed(
            "site",
            "the property: sc-domain:fernhill.example, or an address with its slash at the end",
        ),
        Field::needed("client_id", "of an OAuth client in Google Cloud, with the Search Console API enabled"),
        Field::secret("client_secret", "of the same OAuth client"),
        Field::secret("refresh_token", "of a consent with the scope …/auth/webmasters.readonly"),
    ],
    hosts: &[
        Host { key: "", base: "https://searchconsole.googleapis.com" },
        Host { key: "AUTH", base: "https://oauth2.googleapis.com" },
    ],
    api_version: "v3",
    streams: &[
        grain("site", &["site"], 10),
        grain("devices", &["device"], 10),
        grain("countries", &["country"], 10),
        grain("pages", &["page"], 1),
        grain("queries", &["query"], 1),
        grain("page_queries", &["page_query"], 1),
    ],
    // 1,200 queries a minute for each site.
    budget: Budget { per_second: 20.0, burst: 100.0 },
    docs: "https://developers.google.com/webmaster-tools/v1/searchanalytics/query",
};

/// The dimensions of a grain besides the day.
fn dimensions(grain: &str) -> &'static [&'static str] {
    match grain {
        "page" => &["page"],
        "query" => &["query"],
        "page_query" => &["page", "query"],
        "device" => &["device"],
        "country" => &["country"],
        _ => &[],
    }
}

#[async_trait]
impl Connector for SearchConsole {
    fn spec(&self) -> &'static ConnectorSpec {
        &SPEC
    }

    fn judge(&self) -> Judge {
        google::judge
    }

    fn account(&self, config: &Map<String, Value>) -> String {
        config.get("site").and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    async fn check(&self, cx: &Ctx) -> Result<CheckReport, ConnectorError> {
        let site = cx.needed("site")?;
        let reply =
            oauth::send(cx, |token| Ok(Ask::get(cx.url("", "webmasters/v3/sites")?).bearer(token))).await?;
        let body = shape::json(&reply.body).map_err(|fault| cx.unreadable(&fault))?;
        let sites = shape::list(&body, "siteEntry", false).map_err(|fault| cx.unreadable(&fault))?;
        let seen: Vec<&str> = sites
            .iter()
            .filter(|entry| shape::text_if_any(entry, "permissionLevel") != Some("siteUnverifiedUser"))
            .filter_map(|entry| shape::text_if_any(entry, "siteUrl"))
            .collect();
        if !seen.contains(&site) {
            let what = format!("this account does not see the property '{site}'");
            let advice = match seen.as_slice() {
                [] => "add it as a user of the property".to_owned(),
                seen => format!("it sees {}", seen.join(", ")),
            };
            return Err(cx.error(Code::AccountNotFound, &what, &advice));
        }
        Ok(CheckReport { account: site.to_owned(), time_zone: Some(ZONE.to_owned()), currency: None })
    }

    async fn sync(
        &self,
        cx: &Ctx,
        request: &SyncRequest,
        sink: &mut dyn Sink,
    ) -> Result<StreamOutcome, ConnectorError> {
        let Shape::Series { kinds: &[grain, ..], .. } = request.stream.shape else {
            return Err(cx.error(Code::Request, "there is no such stream", "see `adjutant source list`"));
        };
        let through = newest(cx, request.window).await?;
        let rows = report(cx, request.window, grain, request.page_limit, sink).await?;
        sink.take(Rows::Search(rows));
        Ok(StreamOutcome { through })
    }
}

/// The last day that has figures, for slices of the last days; older ones have all they will ever have.
async fn newest(cx: &Ctx, days: Window) -> Result<Option<Date>, ConnectorError> {
    let today = cx.today();
    let first = today.saturating_sub(LOOK_BACK_DAYS.days());
    if days.end < first {
        return Ok(None);
    }
    let reply = ask(cx, Window { start: first, end: today }, &[], 0).await?;
    let page = page(&reply.body, 1).map_err(|fault| cx.unreadable(&fault))?;
    // Without any, nothing of these days is there.
    Ok(Some(page.rows.iter().map(|row| row.day).max().unwrap_or(first.saturating_sub(1.day()))))
}

async fn report(
    cx: &Ctx,
    days: Window,
    grain: &'static str,
    pages: u32,
    sink: &mut dyn Sink,
) -> Result<Vec<Search>, ConnectorError> {
    let names = dimensions(grain);
    let site = site_name(cx.needed("site")?);
    let mut keys: BTreeSet<(Date, Vec<String>)> = BTreeSet::new();
    let mut rows: BTreeMap<(Date, [String; 4]), Search> = BTreeMap::new();
    let mut start = 0;
    for _ in 0..pages {
        cx.http.go_on()?;
        let reply = ask(cx, days, names, start).await?;
        let page = page(&reply.body, names.len() + 1).map_err(|fault| cx.unreadable(&fault))?;
        sink.saw(page.seen);
        // The API may give fewer rows than asked for: only an empty page is the last one.
        if page.count == 0 {
            return Ok(rows.into_values().collect());
        }
        let before = keys.len();
        for row in page.rows {
            if !keys.insert((row.day, row.keys.clone())) {
                continue;
            }
            let of = |name: &str| {
                names
                    .iter()
                    .position(|known| *known == name)
                    .and_then(|at| row.keys.get(at))
                    .cloned()
                    .unwrap_or_default()
            };
            let url = of("page");
            let page = if url.is_empty() { url } else { super::csv::path(&url) };
            let made = [page, of("query"), of("device").to_lowercase(), of("country").to_lowercase()];
            // Addresses that differ in what comes after the path are one page.
            let sum =
                rows.entry((row.day, made.clone())).or_insert_with(|| empty(row.day, &site, grain, made));
            sum.clicks += row.clicks;
            sum.impressions += row.impressions;
            sum.position_x_impressions += (row.position * Decimal::from(row.impressions)).round_dp(6);
        }
        if keys.len() == before && start > 0 {
            let what = format!("the page after row {start} is one that was read before");
            return Err(cx.error(Code::PageLoop, &what, "the next run tries again; report it if it stays"));
        }
        start += page.count;
    }
    let what = format!("more than {pages} pages in {} days", days.days());
    Err(cx.error(Code::Request, &what, "ask for fewer days: `adjutant source sync --from … --to …`"))
}

fn empty(date: Date, site: &str, grain: &'static str, made: [String; 4]) -> Search {
    let [page, query, device, country] = made;
    Search {
        date,
        site: site.to_owned(),
        search_type: "web".to_owned(),
        grain,
        page,
        query,
        device,
        country,
        clicks: 0,
        impressions: 0,
        position_x_impressions: Decimal::ZERO,
        extra: Map::new(),
    }
}

async fn ask(cx: &Ctx, days: Window, names: &[&str], start: usize) -> Result<Reply, ConnectorError> {
    let site: String = form_urlencoded::byte_serialize(cx.needed("site")?.as_bytes()).collect();
    let url = cx.url("", &format!("webmasters/v3/sites/{site}/searchAnalytics/query"))?;
    let dimensions: Vec<&str> = std::iter::once("date").chain(names.iter().copied()).collect();
    let body = json!({
        "startDate": days.start, "endDate": days.end, "dimensions": dimensions, "type": "web",
        "aggregationType": "auto", "dataState": "final", "rowLimit": PAGE, "startRow": start,
    });
    oauth::send(cx, |token| Ok(Ask::post(url.clone(), Payload::Json(body.clone())).bearer(token))).await
}
