//! Snapchat Ads: the Ads API v1.
//!
//! Streams: `campaigns`, `ad_groups` (ad squads) and `ads` as whole lists, and `campaign_days`, `ad_group_days`, `ad_days`: each
//! level as Snapchat itself counts it. Days are the ad account's: a day begins at its midnight, and is asked for with its
//! offset. Money is in millionths.
mod parse;

pub use parse::{Account, FIELDS, Level, Page, ad, ad_group, campaign, day, page, stats};

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
use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use url::Url;

pub struct SnapchatAds;

/// Minutes between runs by the clock, as of the other ad platforms (`connectors.md` §1.8).
const EVERY: i64 = 6 * 60;
/// Where tokens are issued.
const TOKEN: &str = "login/oauth2/access_token";
/// Things of one page: the API's own maximum; of figures, entities.
const PAGE: &str = "1000";
const STATS_PAGE: &str = "200";
/// Credit goes to swipes of the last 28 days and to views of the last one, unless the account's reports are set otherwise.
const SWIPES: &str = "28_DAY";
const VIEWS: &str = "1_DAY";

/// A report by day of one level: what is credited to a swipe comes for 28 days; a request takes 31 days at most.
const fn days(name: &'static str, kinds: &'static [&'static str]) -> StreamSpec {
    StreamSpec {
        name,
        fact: Fact::Daily,
        shape: Shape::Series { restate_days: 28, slice_days: 30, kinds },
        backfill_days: 90,
        every_minutes: EVERY,
    }
}

static SPEC: ConnectorSpec = ConnectorSpec {
    key: "snapchat_ads",
    title: "Snapchat Ads",
    fields: &[
        Field::needed("ad_account_id", "under Ads Manager → Ad Accounts: an id with dashes"),
        Field::needed("client_id", "of the OAuth app under Business Details in Ads Manager"),
        Field::secret("client_secret", "of the same app"),
        Field::secret("refresh_token", "from a consent with the scope snapchat-marketing-api"),
        Field::optional(
            "conversion",
            "what counts as a conversion, in Snapchat's word, such as conversion_sign_ups",
            Some("conversion_purchases"),
        ),
    ],
    hosts: &[
        Host { key: "", base: "https://adsapi.snapchat.com" },
        Host { key: "AUTH", base: "https://accounts.snapchat.com" },
    ],
    api_version: "v1",
    streams: &[
        StreamSpec::listing("campaigns", EVERY),
        StreamSpec::listing("ad_groups", EVERY),
        StreamSpec::listing("ads", EVERY),
        days("campaign_days", &["campaign"]),
        days("ad_group_days", &["ad_group"]),
        days("ad_days", &["ad"]),
    ],
    // Ten requests a second for an app, of which Snapchat's headers tell no more.
    budget: Budget { per_second: 5.0, burst: 10.0 },
    docs: "https://developers.snap.com/api/marketing-api/Ads-API/introduction",
};

/// The level of a kind of entity, as the API names it.
fn level(kind: &'static str) -> Level {
    let breakdown = match kind {
        "ad_group" => "adsquad",
        kind => kind,
    };
    Level { kind, breakdown }
}

#[async_trait]
impl Connector for SnapchatAds {
    fn spec(&self) -> &'static ConnectorSpec {
        &SPEC
    }

    fn judge(&self) -> Judge {
        judge
    }

    fn account(&self, config: &Map<String, Value>) -> String {
        config.get("ad_account_id").and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    async fn check(&self, cx: &Ctx) -> Result<CheckReport, ConnectorError> {
        let wanted = id(cx)?;
        let reply = ask(cx, cx.url("", &format!("{}/adaccounts/{wanted}", cx.api_version))?).await?;
        let body = shape::json(&reply.body).map_err(|fault| cx.unreadable(&fault))?;
        let account = body.pointer("/adaccounts/0/adaccount").filter(|account| account.is_object());
        let account = account.ok_or_else(|| {
            let what = format!("this user does not see the ad account {wanted}");
            cx.error(
                Code::AccountNotFound,
                &what,
                "let the account's owner invite them, or correct ad_account_id",
            )
        })?;
        let zone = shape::text_if_any(account, "timezone").filter(|zone| TimeZone::get(zone).is_ok());
        Ok(CheckReport {
            account: shape::text_if_any(account, "name").unwrap_or(wanted).to_owned(),
            time_zone: zone.map(str::to_owned),
            currency: shape::text_if_any(account, "currency").and_then(|code| code.parse().ok()),
        })
    }

    async fn sync(
        &self,
        cx: &Ctx,
        request: &SyncRequest,
        sink: &mut dyn Sink,
    ) -> Result<StreamOutcome, ConnectorError> {
        let account = Account { id: id(cx)?, currency: cx.currency };
        let reader = Reader { cx, account, limit: request.page_limit };
        if let Shape::Series { kinds: &[kind, ..], .. } = request.stream.shape {
            let rows = reader.days(level(kind), request.window, sink).await?;
            sink.take(Rows::Daily(rows));
            return Ok(StreamOutcome::default());
        }
        let today = cx.today();
        let rows = match request.stream.name {
            "campaigns" => {
                let read = |entry: &Value, seen: &mut Seen| campaign(entry, account, today, seen);
                Rows::Campaigns(reader.list("campaigns", "campaign", read, sink).await?)
            }
            "ad_groups" => {
                let read = |entry: &Value, seen: &mut Seen| ad_group(entry, account, today, seen);
                Rows::AdGroups(reader.list("adsquads", "adsquad", read, sink).await?)
            }
            _ => Rows::Creatives(reader.list("ads", "ad", ad, sink).await?),
        };
        let listed = rows.len();
        sink.take(rows);
        // All or nothing: half a list would be a list without the other half.
        sink.checkpoint(json!({ "listed": listed })).await?;
        Ok(StreamOutcome::default())
    }
}

/// The account's id: it becomes part of an address, so it must be one.
fn id(cx: &Ctx) -> Result<&str, ConnectorError> {
    let id = cx.needed("ad_account_id")?;
    if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Ok(id);
    }
    let what = format!("'{id}' is no id of an ad account");
    Err(cx.error(Code::MissingConfig, &what, "write it as Ads Manager shows it: letters, digits and dashes"))
}

struct Reader<'a> {
    cx: &'a Ctx,
    account: Account<'a>,
    limit: u32,
}

impl Reader<'_> {
    /// An address below the ad account.
    fn url(&self, what: &str, pairs: &[(&str, &str)]) -> Result<Url, ConnectorError> {
        let path = format!("{}/adaccounts/{}/{what}", self.cx.api_version, self.account.id);
        let mut url = self.cx.url("", &path)?;
        url.query_pairs_mut().extend_pairs(pairs);
        Ok(url)
    }

    /// Every page from an address on, by `paging.next_link`, verbatim.
    async fn pages<T: Send>(
        &self,
        first: Url,
        read: impl Fn(&[u8]) -> Result<Page<T>, shape::Unreadable> + Send + Sync,
        sink: &mut dyn Sink,
    ) -> Result<Vec<T>, ConnectorError> {
        let (mut rows, mut asked) = (Vec::new(), BTreeSet::new());
        let mut next = Some(first);
        while let Some(url) = next.take() {
            self.cx.http.go_on()?;
            if !asked.insert(url.as_str().to_owned()) {
                let what = format!("the page after {} is one that was read before", asked.len());
                return Err(self.cx.error(
                    Code::PageLoop,
                    &what,
                    "the next run tries again; report it if it stays",
                ));
            }
            if asked.len() > usize::try_from(self.limit).unwrap_or(usize::MAX) {
                let what = format!("there are more than {} pages", self.limit);
                return Err(self.cx.error(Code::Request, &what, "report it: no account should have as many"));
            }
            let reply = ask(self.cx, url).await?;
            let page = read(&reply.body).map_err(|fault| self.cx.unreadable(&fault))?;
            sink.saw(page.seen);
            rows.extend(page.rows);
            if let Some(link) = page.next.filter(|_| page.count > 0) {
                next = Some(self.cx.next_link(&link)?);
            }
        }
        Ok(rows)
    }

    async fn list<T: Send>(
        &self,
        what: &str,
        name: &str,
        read: impl Fn(&Value, &mut Seen) -> Result<(String, T), Missing> + Send + Sync,
        sink: &mut dyn Sink,
    ) -> Result<Vec<T>, ConnectorError> {
        let first = self.url(what, &[("limit", PAGE)])?;
        let rows = self.pages(first, |body: &[u8]| page(body, what, name, &read), sink).await?;
        // One that changed while pages were turned may come twice.
        Ok(rows.into_iter().collect::<BTreeMap<String, T>>().into_values().collect())
    }

    async fn days(
        &self,
        level: Level,
        window: Window,
        sink: &mut dyn Sink,
    ) -> Result<Vec<Daily>, ConnectorError> {
        let goal = goal(self.cx)?;
        let fields =
            FIELDS.iter().copied().chain(goal.iter().map(String::as_str)).collect::<Vec<_>>().join(",");
        let after = window.end.checked_add(1.day()).unwrap_or(window.end);
        let (start, end) = (self.midnight(window.start)?, self.midnight(after)?);
        let first = self.url(
            "stats",
            &[
                ("granularity", "DAY"),
                ("breakdown", level.breakdown),
                ("fields", &fields),
                ("start_time", &start),
                ("end_time", &end),
                ("swipe_up_attribution_window", SWIPES),
                ("view_attribution_window", VIEWS),
                ("limit", STATS_PAGE),
            ],
        )?;
        let read = |body: &[u8]| stats(body, level, self.account, &self.cx.zone, &goal);
        let rows = self.pages(first, read, sink).await?;
        Ok(rows.into_iter().collect::<BTreeMap<String, Daily>>().into_values().collect())
    }

    /// The beginning of a day of the account, with its offset.
    fn midnight(&self, day: Date) -> Result<String, ConnectorError> {
        let at = day.at(0, 0, 0, 0).to_zoned(self.cx.zone.clone()).map_err(|_| {
            self.cx.error(
                Code::Request,
                "these days have no beginning in the account's zone",
                "ask for other days",
            )
        })?;
        Ok(at.strftime("%Y-%m-%dT%H:%M:%S.000%:z").to_string())
    }
}

/// The figure that is a conversion, and its value where it has one: only purchases do.
fn goal(cx: &Ctx) -> Result<Vec<String>, ConnectorError> {
    let conversion = cx.needed("conversion")?;
    if !conversion.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_') {
        let what = format!("'{conversion}' is no figure of Snapchat's");
        return Err(cx.error(Code::MissingConfig, &what, "write it as the API does: conversion_purchases"));
    }
    let value = (conversion == "conversion_purchases").then(|| "conversion_purchases_value".to_owned());
    Ok([conversion.to_owned()].into_iter().chain(value).collect())
}

async fn ask(cx: &Ctx, url: Url) -> Result<Reply, ConnectorError> {
    oauth::send_at(cx, TOKEN, |token| Ok(Ask::get(url.clone()).bearer(token))).await
}

/// Why a part of an answer failed: a request that went well may hold things that did not, each with a status of its own, and
/// what is not in them is not nothing. An account that cannot be told is not visible, which the check says.
fn in_part(body: &Value) -> Option<String> {
    let lists = body.as_object()?.iter().filter(|(name, _)| *name != "adaccounts");
    let mut entries = lists.filter_map(|(_, list)| list.as_array()).flatten();
    let failed = entries.find(|entry| {
        entry
            .get("sub_request_status")
            .is_some_and(|status| !status.as_str().is_some_and(|word| word.eq_ignore_ascii_case("SUCCESS")))
    })?;
    let reason = shape::text_if_any(failed, "sub_request_error_reason").unwrap_or("it gives no reason");
    Some(format!("a part of the answer failed: {reason}"))
}

/// `{"request_status": "ERROR", "debug_message": "…", "display_message": "…", "error_code": "E1008"}`
fn judge(reply: &Reply) -> Verdict {
    let verdict = by_status(reply);
    let Ok(body) = shape::json(&reply.body) else { return verdict };
    let failed =
        shape::text_if_any(&body, "request_status").is_some_and(|word| word.eq_ignore_ascii_case("ERROR"));
    let said =
        shape::text_if_any(&body, "display_message").or_else(|| shape::text_if_any(&body, "debug_message"));
    let named = shape::text_if_any(&body, "error_code").unwrap_or_default();
    let what = |words: String| said.map_or(words.clone(), |said| format!("{words}: {said}"));
    let platform_code = |code: String| if named.is_empty() { code } else { format!("{code} {named}") };
    match verdict {
        Verdict::Good if failed => Verdict::Bad {
            code: Code::Request,
            what: what("the platform does not take this request".to_owned()),
            platform_code: named.to_owned(),
            advice: "look for an update of Adjutant, or report it",
        },
        Verdict::Good => in_part(&body).map_or(Verdict::Good, |what| Verdict::Again {
            code: Code::Unavailable,
            what,
            platform_code: String::new(),
            wait: None,
        }),
        Verdict::Bad { code, what: words, platform_code: status, advice } => {
            Verdict::Bad { code, what: what(words), platform_code: platform_code(status), advice }
        }
        Verdict::Again { code, what: words, platform_code: status, wait } => {
            Verdict::Again { code, what: what(words), platform_code: platform_code(status), wait }
        }
    }
}
