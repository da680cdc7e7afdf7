//! Google Analytics 4: `runReport` (`connectors.md` §2.4).
//!
//! Streams: `site` (visits by channel, whole and by device), `channels` (visits by source, medium and campaign), `pages`,
//! `events`. Key events are credited to visits for twelve days, visits settle in four. Users of a day are counted once a
//! channel, page or event: they must not be added up. What the purchases of a site came to is told by its orders, so that
//! GA4's revenue stands as conversion value and never beside them.
mod parse;

pub use parse::{Page, Quotas, Row, page, spent};

use super::channel;
use super::client::{Ask, Judge, Payload, Reply, Verdict};
use super::contract::{
    Budget, CheckReport, Connector, ConnectorSpec, Ctx, Fact, Field, Host, Quota, Shape, Sink, StreamOutcome,
    StreamSpec, SyncRequest,
};
use super::fault::{Code, ConnectorError};
use super::rows::{Daily, Rows};
use super::shape::{self, Seen};
use super::{google, oauth};
use crate::money::Currency;
use crate::period::Window;
use async_trait::async_trait;
use jiff::civil::Date;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

pub struct Ga4;

/// Rows of one page; the API gives 250,000 at most.
const PAGE: usize = 100_000;
/// Minutes between two runs by the clock (§1.8).
const EVERY: i64 = 360;

const fn days(name: &'static str, kinds: &'static [&'static str], restate_days: i32) -> StreamSpec {
    StreamSpec {
        name,
        fact: Fact::Daily,
        shape: Shape::Series { restate_days, slice_days: 15, kinds },
        backfill_days: 90,
        every_minutes: EVERY,
    }
}

static SPEC: ConnectorSpec = ConnectorSpec {
    key: "ga4",
    title: "Google Analytics 4",
    fields: &[
        Field::needed("property_id", "the property's number: Admin → Property settings"),
        Field::needed(
            "client_id",
            "of an OAuth client in Google Cloud, with the Google Analytics Data API enabled",
        ),
        Field::secret("client_secret", "of the same OAuth client"),
        Field::secret("refresh_token", "of a consent with the scope …/auth/analytics.readonly"),
    ],
    hosts: &[
        Host { key: "", base: "https://analyticsdata.googleapis.com" },
        Host { key: "AUTH", base: "https://oauth2.googleapis.com" },
    ],
    api_version: "v1beta",
    streams: &[
        days("site", &["site"], 12),
        days("channels", &["channel"], 12),
        days("pages", &["page"], 4),
        days("events", &["event"], 12),
    ],
    // Tokens are counted, not requests, and told with each answer; ten requests at once are the most.
    budget: Budget { per_second: 2.0, burst: 10.0 },
    docs: "https://developers.google.com/analytics/devguides/reporting/data/v1",
};

/// One report: its dimensions after the day, and its metrics.
struct Report {
    dimensions: &'static [&'static str],
    metrics: &'static [&'static str],
}

const GROUP: &str = "sessionDefaultChannelGroup";
/// Visits: the same figures whatever they are split by.
const VISITS: &[&str] = &[
    "sessions",
    "engagedSessions",
    "totalUsers",
    "newUsers",
    "screenPageViews",
    "userEngagementDuration",
    "keyEvents",
    "totalRevenue",
];
const SITE: Report = Report { dimensions: &[GROUP], metrics: VISITS };
const DEVICES: Report = Report { dimensions: &[GROUP, "deviceCategory"], metrics: VISITS };
const TRAFFIC: Report =
    Report { dimensions: &[GROUP, "sessionSource", "sessionMedium", "sessionCampaignName"], metrics: VISITS };
const VIEWS: Report = Report {
    dimensions: &["pagePath"],
    metrics: &["screenPageViews", "totalUsers", "userEngagementDuration"],
};
const LANDINGS: Report = Report { dimensions: &["landingPage"], metrics: &["sessions", "engagedSessions"] };
const EVENTS: Report = Report {
    dimensions: &["eventName"],
    metrics: &["eventCount", "totalUsers", "keyEvents", "eventValue", "totalRevenue"],
};

#[async_trait]
impl Connector for Ga4 {
    fn spec(&self) -> &'static ConnectorSpec {
        &SPEC
    }

    fn judge(&self) -> Judge {
        judge
    }

    fn quota(&self) -> fn(&Reply) -> Option<Quota> {
        spent
    }

    fn account(&self, config: &Map<String, Value>) -> String {
        number(config.get("property_id").and_then(Value::as_str).unwrap_or_default())
    }

    async fn check(&self, cx: &Ctx) -> Result<CheckReport, ConnectorError> {
        let property = number(cx.needed("property_id")?);
        let today = cx.today();
        let body = asking(&SITE, Window { start: today, end: today }, 0, 1);
        let reply = ask(cx, "runReport", body).await?;
        let page = page(&reply.body, 2, VISITS.len()).map_err(|fault| cx.unreadable(&fault))?;
        for report in [&SITE, &DEVICES, &TRAFFIC, &VIEWS, &LANDINGS, &EVENTS] {
            let mut body = asking(report, Window { start: today, end: today }, 0, 1);
            let body = json!({"dimensions": body["dimensions"].take(), "metrics": body["metrics"].take(),
                "compatibilityFilter": "INCOMPATIBLE"});
            let reply = ask(cx, "checkCompatibility", body).await?;
            if let Some(odd) = parse::incompatible(&reply.body).map_err(|fault| cx.unreadable(&fault))? {
                let what =
                    format!("this property does not have '{odd}' together with what is read beside it");
                return Err(cx.error(Code::Request, &what, "look for an update of Adjutant, or report it"));
            }
        }
        Ok(CheckReport {
            account: format!("property {property}"),
            time_zone: page.time_zone,
            currency: page.currency,
        })
    }

    async fn sync(
        &self,
        cx: &Ctx,
        request: &SyncRequest,
        sink: &mut dyn Sink,
    ) -> Result<StreamOutcome, ConnectorError> {
        let property = number(cx.needed("property_id")?);
        let mut reader =
            Reader { cx, property: &property, days: request.window, limit: request.page_limit, sink };
        let rows = match request.stream.name {
            "site" => reader.site().await?,
            "channels" => reader.channels().await?,
            "pages" => reader.pages().await?,
            _ => reader.events().await?,
        };
        sink.take(Rows::Daily(rows));
        Ok(StreamOutcome::default())
    }
}

/// `properties/123` and `123` are one.
fn number(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

fn asking(report: &Report, days: Window, offset: usize, limit: usize) -> Value {
    let names = |names: &[&str]| names.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>();
    let dimensions: Vec<&str> = std::iter::once("date").chain(report.dimensions.iter().copied()).collect();
    // Pages of an order that does not move while they are read.
    let order: Vec<Value> =
        dimensions.iter().map(|name| json!({"dimension": {"dimensionName": name}})).collect();
    json!({
        "dateRanges": [{"startDate": days.start, "endDate": days.end}],
        "dimensions": names(&dimensions), "metrics": names(report.metrics), "orderBys": order,
        "limit": limit.to_string(), "offset": offset.to_string(), "returnPropertyQuota": true,
    })
}

async fn ask(cx: &Ctx, verb: &str, body: Value) -> Result<Reply, ConnectorError> {
    let property = number(cx.needed("property_id")?);
    let url = cx.url("", &format!("{}/properties/{property}:{verb}", cx.api_version))?;
    oauth::send(cx, |token| Ok(Ask::post(url.clone(), Payload::Json(body.clone())).bearer(token))).await
}

/// Rows of a report by day and dimensions.
type Table = BTreeMap<(Date, Vec<String>), Vec<Decimal>>;

/// What the property says about the figures of a report.
#[derive(Default)]
struct Said {
    currency: Option<Currency>,
    /// Small rows are withheld, so that nobody can be told by them.
    withheld: bool,
    extra: Map<String, Value>,
}

struct Reader<'a> {
    cx: &'a Ctx,
    property: &'a str,
    days: Window,
    limit: u32,
    sink: &'a mut dyn Sink,
}

impl Reader<'_> {
    /// Every page of one report.
    async fn report(&mut self, report: &Report) -> Result<(Table, Said), ConnectorError> {
        let (mut table, mut said) = (Table::new(), Said::default());
        let mut flags = BTreeSet::new();
        let mut offset = 0;
        for _ in 0..self.limit {
            self.cx.http.go_on()?;
            let reply = ask(self.cx, "runReport", asking(report, self.days, offset, PAGE)).await?;
            let page = page(&reply.body, report.dimensions.len() + 1, report.metrics.len())
                .map_err(|fault| self.cx.unreadable(&fault))?;
            self.sink.saw(page.seen);
            said.currency = said.currency.or(page.currency);
            said.withheld |= page.thresholded;
            if page.other_row {
                said.extra.insert("other_row".to_owned(), json!(true));
                flags.insert((
                    "platform.other_row",
                    "rows beyond the property's limit came as one, '(other)'",
                ));
            }
            if page.thresholded {
                flags.insert((
                    "platform.thresholded",
                    "small rows are withheld; the days are marked incomplete",
                ));
            }
            if let Some(share) = page.sampled {
                said.extra.insert("sampled".to_owned(), json!(share));
                flags.insert(("platform.sampled", "figures are estimated from a sample"));
            }
            let before = table.len();
            for row in page.rows {
                table.insert((row.day, row.dimensions), row.metrics);
            }
            if page.count > 0 && table.len() == before && offset > 0 {
                let what = format!("the page after row {offset} is one that was read before");
                let advice = "the next run tries again; report it if it stays";
                return Err(self.cx.error(Code::PageLoop, &what, advice));
            }
            offset += page.count;
            if page.count == 0 || page.total.map_or(page.count < PAGE, |total| offset >= total) {
                for (code, words) in flags {
                    self.sink.warn(code, words.to_owned());
                }
                return Ok((table, said));
            }
        }
        let what = format!("more than {} pages in {} days", self.limit, self.days.days());
        Err(self.cx.error(Code::Request, &what, "ask for fewer days: `adjutant source sync --from … --to …`"))
    }

    fn row(&self, day: Date, kind: &'static str, id: String, said: &Said) -> Daily {
        let currency = said.currency.unwrap_or(self.cx.currency);
        Daily {
            incomplete: said.withheld,
            extra: said.extra.clone(),
            ..Daily::new(day, self.property, kind, id, currency)
        }
    }

    /// Visits by channel, whole and by device.
    async fn site(&mut self) -> Result<Vec<Daily>, ConnectorError> {
        let mut rows: BTreeMap<(Date, &'static str, String), Daily> = BTreeMap::new();
        for report in [&SITE, &DEVICES] {
            let (table, said) = self.report(report).await?;
            let mut seen = Seen::default();
            for ((day, dimensions), figures) in table {
                let mut dimensions = dimensions.iter();
                let channel = channel_of(dimensions.next(), &mut seen);
                let breakdown =
                    dimensions.next().map(|device| device_of(device, &mut seen)).unwrap_or_default();
                let row = rows
                    .entry((day, channel, breakdown.to_owned()))
                    .or_insert_with(|| self.row(day, "site", "site".to_owned(), &said));
                (row.channel, row.breakdown) = (channel, breakdown.to_owned());
                visits(row, &figures);
            }
            self.sink.saw(seen);
        }
        Ok(rows.into_values().collect())
    }

    /// Visits by where they came from, in the words of the property.
    async fn channels(&mut self) -> Result<Vec<Daily>, ConnectorError> {
        let (table, said) = self.report(&TRAFFIC).await?;
        let mut seen = Seen::default();
        let mut rows: BTreeMap<(Date, &'static str, String), Daily> = BTreeMap::new();
        for ((day, dimensions), figures) in table {
            let [group, source, medium, campaign] = dimensions.as_slice() else { continue };
            let channel = channel_of(Some(group), &mut seen);
            let breakdown = format!("source={source}; medium={medium}; campaign={campaign}");
            let row = rows
                .entry((day, channel, breakdown.clone()))
                .or_insert_with(|| self.row(day, "channel", channel.to_owned(), &said));
            (row.channel, row.breakdown) = (channel, breakdown);
            visits(row, &figures);
        }
        self.sink.saw(seen);
        Ok(rows.into_values().collect())
    }

    /// Views of a page, and the visits that began on it: two reports, one row.
    async fn pages(&mut self) -> Result<Vec<Daily>, ConnectorError> {
        let mut rows: BTreeMap<(Date, String), Daily> = BTreeMap::new();
        let (table, said) = self.report(&VIEWS).await?;
        for ((day, dimensions), figures) in table {
            let id = path(dimensions.first());
            let row = rows.entry((day, id.clone())).or_insert_with(|| self.row(day, "page", id, &said));
            row.pageviews += whole(&figures, 0);
            row.users += whole(&figures, 1);
            row.engaged_seconds += whole(&figures, 2);
        }
        let (table, said) = self.report(&LANDINGS).await?;
        for ((day, dimensions), figures) in table {
            let id = path(dimensions.first());
            let row = rows.entry((day, id.clone())).or_insert_with(|| self.row(day, "page", id, &said));
            row.incomplete |= said.withheld;
            let (sessions, engaged) = (whole(&figures, 0), whole(&figures, 1));
            row.sessions += sessions;
            row.engaged_sessions += engaged;
            row.bounces += (sessions - engaged).max(0);
        }
        Ok(rows.into_values().collect())
    }

    /// How often each event came about, and how often it was a key event.
    async fn events(&mut self) -> Result<Vec<Daily>, ConnectorError> {
        let (table, said) = self.report(&EVENTS).await?;
        let mut rows = Vec::with_capacity(table.len());
        for ((day, dimensions), figures) in table {
            let Some(name) = dimensions.into_iter().next().filter(|name| !name.is_empty()) else { continue };
            let mut row = self.row(day, "event", name, &said);
            row.users = whole(&figures, 1);
            row.conversions = at(&figures, 2);
            row.revenue = at(&figures, 4);
            // What an event says that it is worth, else what was bought with it.
            row.conversion_value = if row.revenue.is_zero() { at(&figures, 3) } else { row.revenue };
            row.extra.insert("event_count".to_owned(), json!(whole(&figures, 0)));
            rows.push(row);
        }
        Ok(rows)
    }
}

fn at(figures: &[Decimal], at: usize) -> Decimal {
    figures.get(at).copied().unwrap_or_default().round_dp(6)
}

fn whole(figures: &[Decimal], place: usize) -> i64 {
    at(figures, place).round().to_i64().unwrap_or(0).max(0)
}

/// Adds the figures of `VISITS`.
fn visits(row: &mut Daily, figures: &[Decimal]) {
    let (sessions, engaged) = (whole(figures, 0), whole(figures, 1));
    row.sessions += sessions;
    row.engaged_sessions += engaged;
    row.bounces += (sessions - engaged).max(0);
    row.users += whole(figures, 2);
    row.new_users += whole(figures, 3);
    row.pageviews += whole(figures, 4);
    row.engaged_seconds += whole(figures, 5);
    row.conversions += at(figures, 6);
    row.conversion_value += at(figures, 7);
}

fn channel_of(group: Option<&String>, seen: &mut Seen) -> &'static str {
    let group = group.map(String::as_str).unwrap_or_default();
    channel::of_group(group).unwrap_or_else(|| {
        seen.odd_word(GROUP, group);
        "unknown"
    })
}

fn device_of(device: &str, seen: &mut Seen) -> &'static str {
    match device {
        "mobile" => "device=mobile",
        "desktop" => "device=desktop",
        "tablet" => "device=tablet",
        "smart tv" => "device=tv",
        "(other)" | "(not set)" => "device=other",
        other => {
            seen.odd_word("deviceCategory", other);
            "device=other"
        }
    }
}

/// The id of a page. What is no path, `(not set)` and `(other)`, is kept: without it the sum over pages would be short.
fn path(said: Option<&String>) -> String {
    match said.map(String::as_str).unwrap_or_default() {
        "" => "(not set)".to_owned(),
        path if path.starts_with('/') => super::csv::path(path),
        other => other.to_owned(),
    }
}

/// A quota of the day is gone for today; one of the hour is worth a later run.
fn judge(reply: &Reply) -> Verdict {
    let verdict = google::judge(reply);
    let Verdict::Again { code: Code::RateLimited, what, platform_code, wait } = verdict else {
        return verdict;
    };
    let exhausted = shape::json(&reply.body).ok().is_some_and(|body| {
        body.get("error").and_then(|error| shape::text_if_any(error, "status")) == Some("RESOURCE_EXHAUSTED")
    });
    if exhausted && what.to_ascii_lowercase().contains("day") {
        let advice = "it is read again tomorrow";
        return Verdict::Bad { code: Code::QuotaDaily, what, platform_code, advice };
    }
    // The tokens of an hour come back within it: longer than a run waits.
    let hour = exhausted && what.to_ascii_lowercase().contains("hour");
    Verdict::Again { code: Code::RateLimited, what, platform_code, wait: wait.or(hour.then_some(3600)) }
}
