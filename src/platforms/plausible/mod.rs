//! Plausible Analytics, hosted or self-hosted: `POST /api/v2/query` (`connectors.md` §2.8).
//!
//! Streams: `site` (visits by channel), `pages` (views, landings, exits), `goals`. Days are those of the site's reporting time
//! zone. Visitors of a day are counted once a channel, page or goal: they must not be added up.
mod parse;

pub use parse::{Page, Row, page};

use super::client::{Ask, Judge, Payload, Reply, Verdict, by_status};
use super::contract::{
    Budget, CheckReport, Connector, ConnectorSpec, Ctx, Fact, Field, Host, Shape, Sink, StreamOutcome,
    StreamSpec, SyncRequest,
};
use super::fault::{Code, ConnectorError};
use super::rows::{Daily, Rows};
use super::shape::{self, Seen};
use crate::period::Window;
use crate::platforms::channel;
use async_trait::async_trait;
use jiff::civil::Date;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

pub struct Plausible;

/// Rows of one page: the API's own maximum.
const PAGE: usize = 10_000;

static SPEC: ConnectorSpec = ConnectorSpec {
    key: "plausible",
    title: "Plausible",
    fields: &[
        Field::needed("site_id", "the domain as Plausible lists it, for instance fernhill.example"),
        Field::secret("api_key", "a Stats API key: Settings → API keys"),
        Field::optional("base_url", "the address of a self-hosted Plausible", None),
        Field::optional("imports", "`yes` counts figures that were imported into Plausible too", Some("no")),
        Field::optional("revenue", "`yes` reads the revenue of goals; the plan must have it", Some("no")),
        Field::optional(
            "goals",
            "names of goals in our words, as `Add to cart=add_to_cart; Order=purchase`",
            None,
        ),
    ],
    hosts: &[Host { key: "", base: "https://plausible.io" }],
    api_version: "v2",
    streams: &[
        // Connectors §1.8: at 06:00 UTC and hourly for today; two days may still move.
        StreamSpec {
            name: "site",
            fact: Fact::Daily,
            shape: Shape::Series { restate_days: 2, slice_days: 30, kinds: &["site"] },
            backfill_days: 90,
            every_minutes: 60,
        },
        StreamSpec {
            name: "pages",
            fact: Fact::Daily,
            shape: Shape::Series { restate_days: 2, slice_days: 7, kinds: &["page"] },
            backfill_days: 90,
            every_minutes: 60,
        },
        StreamSpec {
            name: "goals",
            fact: Fact::Daily,
            shape: Shape::Series { restate_days: 2, slice_days: 30, kinds: &["event"] },
            backfill_days: 90,
            every_minutes: 60,
        },
    ],
    // 600 requests an hour for each key.
    budget: Budget { per_second: 600.0 / 3600.0, burst: 100.0 },
    docs: "https://plausible.io/docs/stats-api",
};

#[async_trait]
impl Connector for Plausible {
    fn spec(&self) -> &'static ConnectorSpec {
        &SPEC
    }

    fn judge(&self) -> Judge {
        judge
    }

    fn account(&self, config: &Map<String, Value>) -> String {
        config.get("site_id").and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    async fn check(&self, cx: &Ctx) -> Result<CheckReport, ConnectorError> {
        let site = cx.needed("site_id")?;
        let body = json!({"site_id": site, "metrics": ["visitors"], "date_range": "day"});
        let reply = ask(cx, body).await?;
        page(&reply.body, 0, 1).map_err(|fault| cx.unreadable(&fault))?;
        Ok(CheckReport { account: site.to_owned(), ..CheckReport::default() })
    }

    async fn sync(
        &self,
        cx: &Ctx,
        request: &SyncRequest,
        sink: &mut dyn Sink,
    ) -> Result<StreamOutcome, ConnectorError> {
        let reader =
            Reader { cx, site: cx.needed("site_id")?, days: request.window, limit: request.page_limit };
        let rows = match request.stream.name {
            "site" => reader.site(sink).await?,
            "pages" => reader.pages(sink).await?,
            _ => reader.goals(sink).await?,
        };
        sink.take(Rows::Daily(rows));
        Ok(StreamOutcome::default())
    }
}

struct Reader<'a> {
    cx: &'a Ctx,
    site: &'a str,
    days: Window,
    limit: u32,
}

/// Rows by day and the value of one dimension.
type Table = BTreeMap<(Date, String), Vec<Value>>;

impl Reader<'_> {
    /// Every page of one report by day and one dimension.
    async fn report(
        &self,
        dimension: &str,
        metrics: &[&str],
        sink: &mut dyn Sink,
    ) -> Result<Table, ConnectorError> {
        let mut table = Table::new();
        let mut offset = 0;
        for _ in 0..self.limit {
            self.cx.http.go_on()?;
            let body = json!({
                "site_id": self.site, "metrics": metrics,
                "date_range": [self.days.start, self.days.end],
                "dimensions": ["time:day", dimension],
                // Pages of an order that does not move while they are read.
                "order_by": [["time:day", "asc"], [dimension, "asc"]],
                "include": {"imports": self.cx.setting("imports") == Some("yes"), "total_rows": true},
                "pagination": {"limit": PAGE, "offset": offset},
            });
            let reply = ask(self.cx, body).await?;
            let page = page(&reply.body, 2, metrics.len()).map_err(|fault| self.cx.unreadable(&fault))?;
            let (count, before) = (page.count, table.len());
            sink.saw(page.seen);
            for warning in page.warnings {
                sink.warn("platform.warning", warning);
            }
            for row in page.rows {
                let [_, value] = row.dimensions.as_slice() else { continue };
                table.insert((row.day, value.clone()), row.metrics);
            }
            if count > 0 && table.len() == before && offset > 0 {
                let what = format!("the page after row {offset} is one that was read before");
                return Err(self.cx.error(
                    Code::PageLoop,
                    &what,
                    "the next run tries again; report it if it stays",
                ));
            }
            offset += count;
            if count == 0 || page.total.map_or(count < PAGE, |total| offset >= total) {
                return Ok(table);
            }
        }
        let what = format!("more than {} pages in {} days", self.limit, self.days.days());
        Err(self.cx.error(Code::Request, &what, "ask for fewer days: `adjutant source sync --from … --to …`"))
    }

    fn row(&self, day: Date, kind: &'static str, id: String) -> Daily {
        Daily::new(day, self.site, kind, id, self.cx.currency)
    }

    async fn site(&self, sink: &mut dyn Sink) -> Result<Vec<Daily>, ConnectorError> {
        let metrics = ["visitors", "visits", "pageviews", "bounce_rate", "visit_duration"];
        let mut seen = Seen::default();
        let mut rows: BTreeMap<(Date, &str), Daily> = BTreeMap::new();
        for ((day, group), figures) in self.report("visit:channel", &metrics, sink).await? {
            let channel = channel::of_group(&group).unwrap_or_else(|| {
                seen.odd_word("visit:channel", &group);
                "unknown"
            });
            let row = rows.entry((day, channel)).or_insert_with(|| self.row(day, "site", "site".to_owned()));
            row.channel = channel;
            row.users += whole(&figures, 0);
            row.pageviews += whole(&figures, 2);
            visit(row, &figures[1..2], &figures[3..]);
        }
        sink.saw(seen);
        Ok(rows.into_values().collect())
    }

    /// Views of a page, the visits that began on it and those that ended on it: three reports, one row.
    async fn pages(&self, sink: &mut dyn Sink) -> Result<Vec<Daily>, ConnectorError> {
        let mut rows: BTreeMap<(Date, String), Daily> = BTreeMap::new();
        let page = |key: &(Date, String)| self.row(key.0, "page", key.1.clone());
        for (key, figures) in self.report("event:page", &["visitors", "pageviews"], sink).await? {
            let row = rows.entry(key.clone()).or_insert_with(|| page(&key));
            (row.users, row.pageviews) = (whole(&figures, 0), whole(&figures, 1));
        }
        let landing = ["visits", "bounce_rate", "visit_duration"];
        for (key, figures) in self.report("visit:entry_page", &landing, sink).await? {
            let row = rows.entry(key.clone()).or_insert_with(|| page(&key));
            visit(row, &figures[..1], &figures[1..]);
        }
        for (key, figures) in self.report("visit:exit_page", &["visits"], sink).await? {
            rows.entry(key.clone()).or_insert_with(|| page(&key)).exits = whole(&figures, 0);
        }
        // A page that nobody named (an app screen without a path) has no id.
        Ok(rows.into_values().filter(|row| row.entity_id.starts_with('/')).collect())
    }

    async fn goals(&self, sink: &mut dyn Sink) -> Result<Vec<Daily>, ConnectorError> {
        let mut metrics = vec!["visitors", "events"];
        if self.cx.setting("revenue") == Some("yes") {
            metrics.push("total_revenue");
        }
        let names = names(self.cx.setting("goals").unwrap_or_default());
        let mut rows: BTreeMap<(Date, String), Daily> = BTreeMap::new();
        for ((day, goal), figures) in self.report("event:goal", &metrics, sink).await? {
            let id = names.get(goal.as_str()).map_or(goal.clone(), |name| (*name).to_owned());
            let row = rows.entry((day, id.clone())).or_insert_with(|| self.row(day, "event", id));
            row.users += whole(&figures, 0);
            row.conversions += Decimal::from(whole(&figures, 1));
            // Null where the goal has no revenue, or goals of several currencies are mixed (then a warning says so).
            let Some(revenue) = figures.get(2).filter(|value| value.is_object()) else { continue };
            if let (Some(value), Some(currency)) =
                (shape::number(revenue.get("value")), shape::text_if_any(revenue, "currency"))
            {
                let currency = currency.parse().unwrap_or(row.currency);
                if !row.revenue.is_zero() && currency != row.currency {
                    // One row has one currency; a sum of two would be wrong.
                    let goal = format!(
                        "{goal}: its revenue in {currency} is left out, as another goal of the same name is in {}",
                        row.currency
                    );
                    sink.warn("platform.warning", goal);
                    continue;
                }
                row.currency = currency;
                row.revenue += value;
                row.conversion_value += value;
            }
        }
        Ok(rows.into_values().collect())
    }
}

/// Visits with the share of them that bounced (percent) and their mean length (seconds), as counts that can be added up.
fn visit(row: &mut Daily, visits: &[Value], rates: &[Value]) {
    let visits = whole(visits, 0);
    let share = shape::number(rates.first()).unwrap_or_default() / Decimal::ONE_HUNDRED;
    let bounces = (Decimal::from(visits) * share).round().to_i64().unwrap_or(0).clamp(0, visits);
    let seconds = shape::number(rates.get(1)).unwrap_or_default() * Decimal::from(visits);
    row.sessions += visits;
    row.bounces += bounces;
    row.engaged_sessions += visits - bounces;
    row.engaged_seconds += seconds.round().to_i64().unwrap_or(0).max(0);
}

fn whole(figures: &[Value], at: usize) -> i64 {
    shape::count(figures.get(at)).unwrap_or(0)
}

/// `Add to cart=add_to_cart; Order=purchase`
fn names(setting: &str) -> BTreeMap<&str, &str> {
    setting.split(';').filter_map(|pair| pair.split_once('=')).map(|(a, b)| (a.trim(), b.trim())).collect()
}

async fn ask(cx: &Ctx, body: Value) -> Result<Reply, ConnectorError> {
    let ask = Ask::post(cx.url("", "api/v2/query")?, Payload::Json(body)).bearer(cx.secret("api_key")?);
    cx.http.send(&ask).await
}

/// Plausible says in `error` what it does not like; a site the key does not see is a 401 as well.
fn judge(reply: &Reply) -> Verdict {
    let said = || {
        let body = shape::json(&reply.body).ok()?;
        Some(shape::text_if_any(&body, "error")?.to_owned())
    };
    let verdict = by_status(reply);
    let Verdict::Bad { code, what, platform_code, advice } = verdict else { return verdict };
    let what = said().map_or(what.clone(), |said| format!("{what}: {said}"));
    let advice = if code == Code::Invalid {
        "enter a Stats API key that sees this site: `adjutant source secret`"
    } else {
        advice
    };
    Verdict::Bad { code, what, platform_code, advice }
}
