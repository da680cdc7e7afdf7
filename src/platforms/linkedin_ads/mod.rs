//! LinkedIn Ads: the versioned Marketing API (`connectors.md` §2.11).
//!
//! Streams: `campaigns` (with the names of their groups as labels), `creatives`, and `campaign_days`, `creative_days`, `account_days`. Days
//! are UTC, whatever the account's address. Reports have no pages and stop at 15,000 elements without a word, so days whose
//! report comes near that are asked for again in halves.
mod parse;

pub use parse::{Account, Conversions, FIELDS, Groups, Level, Page, campaign, creative, day, group, page};

use super::client::{Ask, Judge, Reply, Verdict, by_status};
use super::contract::{
    Budget, CheckReport, Connector, ConnectorSpec, Ctx, Fact, Field, Host, Shape, Sink, StreamOutcome,
    StreamSpec, SyncRequest,
};
use super::fault::{Code, ConnectorError};
use super::oauth;
use super::rows::{Daily, Rows};
use super::shape::{self, Missing, Seen};
use crate::period::Window;
use async_trait::async_trait;
use jiff::{SignedDuration, ToSpan as _};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use url::Url;

pub struct LinkedInAds;

/// Things of one page.
const PAGE: usize = 100;
/// A report with as many elements may have been cut off: the API gives 15,000 at most (`connectors.md` §2.11).
const FULL: usize = 14_000;
/// A consent that ends so soon is worth a word.
const SOON: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Finders that name every state: without, those that were removed may be left out, and with them the names of past spend.
/// A group is never completed.
const GROUPS: &str =
    "search&search=(status:(values:List(ACTIVE,PAUSED,DRAFT,CANCELED,ARCHIVED,PENDING_DELETION,REMOVED)))";
const CAMPAIGNS: &str = "search&search=(status:(values:List(ACTIVE,PAUSED,DRAFT,COMPLETED,CANCELED,ARCHIVED,PENDING_DELETION,REMOVED)))";
const CREATIVES: &str = "criteria";
/// Where tokens are issued.
const TOKEN: &str = "oauth/v2/accessToken";

/// Minutes between runs by the clock (§1.8).
const EVERY: i64 = 6 * 60;
/// A report by day: 30 days may still move (§1.8), seven in one request.
const fn days(name: &'static str, kinds: &'static [&'static str]) -> StreamSpec {
    StreamSpec {
        name,
        fact: Fact::Daily,
        shape: Shape::Series { restate_days: 30, slice_days: 7, kinds },
        backfill_days: 90,
        every_minutes: EVERY,
    }
}

static SPEC: ConnectorSpec = ConnectorSpec {
    key: "linkedin_ads",
    title: "LinkedIn Ads",
    fields: &[
        Field::needed(
            "account_id",
            "the number of the ad account, as Campaign Manager shows it beside its name",
        ),
        Field::needed("client_id", "of an app of linkedin.com/developers with the Advertising API"),
        Field::secret("client_secret", "of the same app"),
        Field::secret("refresh_token", "of a consent with the scopes r_ads and r_ads_reporting"),
        Field::optional(
            "conversions",
            "`website` counts conversions on the website, `leads` forms filled in on LinkedIn",
            Some("website"),
        ),
        Field::optional(
            "api_version",
            "the month of the API's version, such as 202604: each lives about a year",
            None,
        ),
    ],
    hosts: &[
        Host { key: "", base: "https://api.linkedin.com" },
        Host { key: "AUTH", base: "https://www.linkedin.com" },
    ],
    api_version: "202604",
    streams: &[
        StreamSpec::listing("campaigns", EVERY),
        StreamSpec::listing("creatives", EVERY),
        days("campaign_days", &["campaign"]),
        days("creative_days", &["ad"]),
        days("account_days", &["account"]),
    ],
    // LinkedIn publishes limits a day only, by app and member; two a second keep well below them.
    budget: Budget { per_second: 2.0, burst: 20.0 },
    docs: "https://learn.microsoft.com/linkedin/marketing/integrations/ads-reporting/ads-reporting",
};

#[async_trait]
impl Connector for LinkedInAds {
    fn spec(&self) -> &'static ConnectorSpec {
        &SPEC
    }

    fn judge(&self) -> Judge {
        judge
    }

    fn account(&self, config: &Map<String, Value>) -> String {
        config.get("account_id").and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    async fn check(&self, cx: &Ctx) -> Result<CheckReport, ConnectorError> {
        let id = account(cx)?;
        conversions(cx)?;
        let reply = ask(cx, &format!("rest/adAccounts/{id}"), "").await?;
        let body = shape::json(&reply.body).map_err(|fault| cx.unreadable(&fault))?;
        Ok(CheckReport {
            account: shape::text_if_any(&body, "name").unwrap_or(id).to_owned(),
            time_zone: Some("UTC".to_owned()),
            currency: shape::text_if_any(&body, "currency").and_then(|currency| currency.parse().ok()),
        })
    }

    async fn sync(
        &self,
        cx: &Ctx,
        request: &SyncRequest,
        sink: &mut dyn Sink,
    ) -> Result<StreamOutcome, ConnectorError> {
        let reader = Reader {
            cx,
            account: Account { id: account(cx)?, currency: cx.currency },
            limit: request.page_limit,
        };
        match (request.stream.shape, request.stream.name) {
            (Shape::Series { kinds: &[kind, ..], .. }, _) => {
                let pivot = match kind {
                    "campaign" => "CAMPAIGN",
                    "account" => "ACCOUNT",
                    _ => "CREATIVE",
                };
                let rows = reader.days(Level { kind, pivot }, request.window, sink).await?;
                sink.take(Rows::Daily(rows));
            }
            (_, "campaigns") => {
                let groups = reader.list("adCampaignGroups", GROUPS, group, sink).await?;
                let account = reader.account;
                let read = |element: &Value, seen: &mut Seen| campaign(element, account, &groups, seen);
                let rows = reader.list("adCampaigns", CAMPAIGNS, read, sink).await?;
                listed(Rows::Campaigns(rows.into_values().collect()), sink).await?;
            }
            _ => {
                let rows = reader.list("creatives", CREATIVES, creative, sink).await?;
                listed(Rows::Creatives(rows.into_values().collect()), sink).await?;
            }
        }
        if let Some(until) = oauth::consent_until(cx).await
            && until.duration_since(cx.clock.now()) <= SOON
        {
            let day = cx.zone.to_datetime(until).date();
            sink.warn(
                "auth.expires_soon",
                format!("the consent ends on {day}: connect the account again before"),
            );
        }
        Ok(StreamOutcome::default())
    }
}

/// All or nothing: half a list would be a list without the other half.
async fn listed(rows: Rows, sink: &mut dyn Sink) -> Result<(), ConnectorError> {
    let count = rows.len();
    sink.take(rows);
    sink.checkpoint(json!({ "listed": count })).await
}

/// The account's number: it becomes part of addresses, so it must be one.
fn account(cx: &Ctx) -> Result<&str, ConnectorError> {
    let id = cx.needed("account_id")?;
    if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(id);
    }
    let what = format!("'{id}' is no number of an ad account");
    Err(cx.error(
        Code::MissingConfig,
        &what,
        "write the number that Campaign Manager shows beside the account's name",
    ))
}

fn conversions(cx: &Ctx) -> Result<Conversions, ConnectorError> {
    match cx.needed("conversions")? {
        "website" => Ok(Conversions::Website),
        "leads" => Ok(Conversions::Leads),
        other => {
            let what = format!("'{other}' is nothing that conversions can be");
            Err(cx.error(Code::MissingConfig, &what, "set conversions to website or leads"))
        }
    }
}

struct Reader<'a> {
    cx: &'a Ctx,
    account: Account<'a>,
    limit: u32,
}

impl Reader<'_> {
    /// Every page of the account's things of one sort, by id.
    async fn list<T: Send>(
        &self,
        what: &str,
        finder: &str,
        read: impl Fn(&Value, &mut Seen) -> Result<(String, T), Missing> + Send + Sync,
        sink: &mut dyn Sink,
    ) -> Result<BTreeMap<String, T>, ConnectorError> {
        let mut rows = BTreeMap::new();
        let mut token = String::new();
        for _ in 0..self.limit {
            self.cx.http.go_on()?;
            let path = format!("rest/adAccounts/{}/{what}", self.account.id);
            let reply = ask(self.cx, &path, &format!("q={finder}&pageSize={PAGE}{token}")).await?;
            let page = page(&reply.body, &read).map_err(|fault| self.cx.unreadable(&fault))?;
            let (before, good) = (rows.len(), page.rows.len());
            sink.saw(page.seen);
            rows.extend(page.rows);
            if good > 0 && rows.len() == before {
                let what = format!("a page of {what} is one that was read before");
                return Err(self.cx.error(
                    Code::PageLoop,
                    &what,
                    "the next run tries again; report it if it stays",
                ));
            }
            let Some(next) = page.next.filter(|_| page.count > 0) else { return Ok(rows) };
            let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
            token = format!("&pageToken={next}");
        }
        let what = format!("there are more than {} pages of {what}", self.limit);
        Err(self.cx.error(Code::Request, &what, "report it: no account should have as many"))
    }

    /// The days of a window, in as many requests as it takes to have them whole.
    async fn days(
        &self,
        level: Level,
        window: Window,
        sink: &mut dyn Sink,
    ) -> Result<Vec<Daily>, ConnectorError> {
        let conversions = conversions(self.cx)?;
        let mut rows: BTreeMap<String, Daily> = BTreeMap::new();
        let mut left = vec![window];
        while let Some(days) = left.pop() {
            self.cx.http.go_on()?;
            let query = format!(
                "q=analytics&pivot={}&timeGranularity=DAILY&dateRange=(start:{},end:{})\
                 &accounts=List(urn%3Ali%3AsponsoredAccount%3A{})&fields={}",
                level.pivot,
                date(days.start),
                date(days.end),
                self.account.id,
                FIELDS.join(","),
            );
            let reply = ask(self.cx, "rest/adAnalytics", &query).await?;
            let read =
                |element: &Value, seen: &mut Seen| day(element, level, self.account, conversions, seen);
            let page = page(&reply.body, read).map_err(|fault| self.cx.unreadable(&fault))?;
            if page.count >= FULL {
                left.extend(self.halves(days, page.count)?);
                continue;
            }
            sink.saw(page.seen);
            rows.extend(page.rows);
        }
        Ok(rows.into_values().collect())
    }

    /// Two parts of days whose report is too long to be trusted.
    fn halves(&self, days: Window, count: usize) -> Result<[Window; 2], ConnectorError> {
        if days.start >= days.end {
            let what = format!("the report of {} has {count} elements: LinkedIn cuts such off", days.start);
            let advice = "more ads than one day's report can hold; divide the account, or report it";
            return Err(self.cx.error(Code::Request, &what, advice));
        }
        let half = (days.days() / 2).max(1);
        let middle = days.start.saturating_add((half - 1).days());
        Ok([
            Window { start: days.start, end: middle },
            Window { start: middle.saturating_add(1.day()), end: days.end },
        ])
    }
}

/// `(year:2026,month:1,day:7)`
fn date(day: jiff::civil::Date) -> String {
    format!("(year:{},month:{},day:{})", day.year(), day.month(), day.day())
}

/// Asks with a query as it is written: parentheses and colons of Rest.li stay as they are, those within URNs are encoded
/// once, and nothing is encoded again.
async fn ask(cx: &Ctx, path: &str, query: &str) -> Result<Reply, ConnectorError> {
    let mut url: Url = cx.url("", path)?;
    url.set_query(Some(query).filter(|query| !query.is_empty()));
    let version = cx.setting("api_version").unwrap_or(&cx.api_version).to_owned();
    oauth::send_at(cx, TOKEN, |token| {
        let ask = Ask::get(url.clone()).bearer(token);
        Ok(ask.header("linkedin-version", version.clone()).header("x-restli-protocol-version", "2.0.0"))
    })
    .await
}

/// `{"status": 426, "code": "NONEXISTENT_VERSION", "message": "…"}`
fn judge(reply: &Reply) -> Verdict {
    let verdict = by_status(reply);
    if verdict == Verdict::Good {
        return verdict;
    }
    let Ok(body) = shape::json(&reply.body) else { return verdict };
    let named =
        shape::text_if_any(&body, "code").or_else(|| shape::text_if_any(&body, "error")).unwrap_or_default();
    let said =
        shape::text_if_any(&body, "message").or_else(|| shape::text_if_any(&body, "error_description"));
    let said = said.unwrap_or_default();
    let what = |what: &str| if said.is_empty() { what.to_owned() } else { format!("{what}: {said}") };
    let platform_code = |code: String| if named.is_empty() { code } else { format!("{code} {named}") };
    match verdict {
        // Limits are by day, and open again at midnight UTC.
        Verdict::Again { code: Code::RateLimited, platform_code: code, .. } if said.contains("DAY limit") => {
            Verdict::Bad {
                code: Code::QuotaDaily,
                what: what("the requests of today are used up"),
                platform_code: platform_code(code),
                advice: "they come back at midnight UTC, and the next run goes on",
            }
        }
        Verdict::Bad { platform_code: code, .. } if reply.status.as_u16() == 426 => Verdict::Bad {
            code: Code::Request,
            what: what("this version of the API has ended"),
            platform_code: platform_code(code),
            advice: "connect the account again with a newer api_version, such as the month before this one",
        },
        Verdict::Again { code, what: words, platform_code: status, wait } => {
            Verdict::Again { code, what: what(&words), platform_code: platform_code(status), wait }
        }
        Verdict::Bad { code, what: words, platform_code: status, advice } => {
            Verdict::Bad { code, what: what(&words), platform_code: platform_code(status), advice }
        }
        Verdict::Good => Verdict::Good,
    }
}
