//! ActiveCampaign: campaigns, automations and contacts of the API v3 (`connectors.md` §2.9).
//!
//! Streams: `campaigns` (each message with its totals, on the day it was sent), `automations` (names) and `contacts` (people
//! as hashes, and who may not be written to). Totals grow for weeks, so the days of six weeks are read again each time: a
//! hundred campaigns are one request. Opens include those of mail programs; ActiveCampaign does not tell them apart here.
mod parse;

pub use parse::{
    Account, Membership, Message, Page, automation, contact, denials, membership, message, page,
};

use super::client::{Ask, Judge, Reply, Verdict, by_status};
use super::contract::{
    Budget, CheckReport, Connector, ConnectorSpec, Ctx, Fact, Field, Host, Shape, Sink, StreamOutcome,
    StreamSpec, SyncRequest,
};
use super::fault::{Code, ConnectorError};
use super::rows::Rows;
use super::shape::{self, Seen};
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

pub struct ActiveCampaign;

/// Rows of one page: the API's own maximum.
const PAGE: usize = 100;
/// Where accounts live: `https://{account}.api-us1.com`.
const HOME: &str = "api-us1.com";
/// Each run begins so long before the last one did: clocks differ, and times are equal (`connectors.md` §1.3).
const OVERLAP: SignedDuration = SignedDuration::from_mins(10);

static SPEC: ConnectorSpec = ConnectorSpec {
    key: "activecampaign",
    title: "ActiveCampaign",
    fields: &[
        Field::needed(
            "account",
            "the first word of the API URL under Settings → Developer: fernhill of https://fernhill.api-us1.com",
        ),
        Field::secret("api_token", "the key under Settings → Developer"),
        Field::optional("base_url", "the API URL, where it does not end in api-us1.com", None),
    ],
    hosts: &[Host { key: "", base: "https://api-us1.com" }],
    api_version: "3",
    streams: &[
        // Totals of a message grow for a week, and trickle for five more.
        StreamSpec {
            name: "campaigns",
            fact: Fact::Daily,
            shape: Shape::Series { restate_days: 42, slice_days: 400, kinds: &["email"] },
            backfill_days: 90,
            every_minutes: 60,
        },
        StreamSpec {
            name: "automations",
            fact: Fact::Things,
            shape: Shape::Listing,
            backfill_days: 1,
            every_minutes: 24 * 60,
        },
        StreamSpec {
            name: "contacts",
            fact: Fact::Things,
            shape: Shape::Changes,
            backfill_days: 90,
            every_minutes: 60,
        },
    ],
    // Five requests a second for each account, of which a fifth is left to others.
    budget: Budget { per_second: 5.0, burst: 5.0 },
    docs: "https://developers.activecampaign.com/reference/overview",
};

#[async_trait]
impl Connector for ActiveCampaign {
    fn spec(&self) -> &'static ConnectorSpec {
        &SPEC
    }

    fn judge(&self) -> Judge {
        judge
    }

    fn leads(&self) -> &'static [&'static str] {
        &["account"]
    }

    fn account(&self, config: &Map<String, Value>) -> String {
        config.get("account").and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    async fn check(&self, cx: &Ctx) -> Result<CheckReport, ConnectorError> {
        let account = name(cx)?;
        let reply = ask(cx, "campaigns", &[("limit", "1".to_owned())]).await?;
        page(&reply.body, "campaigns").map_err(|fault| cx.unreadable(&fault))?;
        Ok(CheckReport { account: account.to_owned(), ..CheckReport::default() })
    }

    async fn sync(
        &self,
        cx: &Ctx,
        request: &SyncRequest,
        sink: &mut dyn Sink,
    ) -> Result<StreamOutcome, ConnectorError> {
        let account = Account { name: name(cx)?, currency: cx.currency };
        match request.stream.name {
            "campaigns" => campaigns(cx, account, request, sink).await?,
            "automations" => automations(cx, account, request, sink).await?,
            _ => contacts(cx, account, request, sink).await?,
        }
        Ok(StreamOutcome::default())
    }
}

/// The account's word: it becomes part of an address, so it must be one.
fn name(cx: &Ctx) -> Result<&str, ConnectorError> {
    let name = cx.needed("account")?;
    if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Ok(name);
    }
    let what = format!("'{name}' is no name of an account");
    Err(cx.error(
        Code::MissingConfig,
        &what,
        "write the first word of the API URL under Settings → Developer",
    ))
}

/// Every message, and the totals of those that were sent in the window.
async fn campaigns(
    cx: &Ctx,
    account: Account<'_>,
    request: &SyncRequest,
    sink: &mut dyn Sink,
) -> Result<(), ConnectorError> {
    let (mut ids, mut ordered, mut last) = (BTreeSet::new(), true, None);
    let (mut things, mut names, mut days) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..request.page_limit {
        cx.http.go_on()?;
        let pairs = [
            ("orders[sdate]", "DESC".to_owned()),
            ("limit", PAGE.to_string()),
            ("offset", ids.len().to_string()),
        ];
        let reply = ask(cx, "campaigns", &pairs).await?;
        let page = page(&reply.body, "campaigns").map_err(|fault| cx.unreadable(&fault))?;
        let (mut seen, before) = (Seen::default(), ids.len());
        let (mut dated, mut older) = (0, 0);
        for (n, entry) in page.list("campaigns").iter().enumerate() {
            // One that cannot be read counts for the place it takes.
            let id = shape::id(entry.get("id")).unwrap_or_else(|| format!("{before}/{n}"));
            let new = ids.insert(id);
            let read = message(entry, account, &mut seen);
            let Some(message) = seen.row(read).flatten().filter(|_| new) else { continue };
            if let Some(on) = message.sent_on {
                ordered &= last.is_none_or(|last| on <= last);
                last = Some(on);
                dated += 1;
                older += i32::from(on < request.window.start);
            }
            let inside = |on: jiff::civil::Date| request.window.start <= on && on <= request.window.end;
            days.extend(message.day.filter(|day| inside(day.date)));
            things.push(message.campaign);
            names.push(message.email);
        }
        sink.saw(seen);
        if page.count > 0 && ids.len() == before {
            return Err(repeated(cx, before));
        }
        // In order of sending, the newest first: after a page of older ones there are only older ones.
        let past = ordered && dated > 0 && dated == older;
        if page.count == 0 || past || page.total.map_or(page.count < PAGE, |total| ids.len() >= total) {
            sink.take(Rows::Campaigns(things));
            sink.take(Rows::Entities(names));
            sink.take(Rows::Daily(days));
            return Ok(());
        }
    }
    Err(too_many(cx, request.page_limit))
}

async fn automations(
    cx: &Ctx,
    account: Account<'_>,
    request: &SyncRequest,
    sink: &mut dyn Sink,
) -> Result<(), ConnectorError> {
    let mut rows = std::collections::BTreeMap::new();
    let mut offset = 0;
    for _ in 0..request.page_limit {
        cx.http.go_on()?;
        let pairs = [("limit", PAGE.to_string()), ("offset", offset.to_string())];
        let reply = ask(cx, "automations", &pairs).await?;
        let page = page(&reply.body, "automations").map_err(|fault| cx.unreadable(&fault))?;
        let (mut seen, before) = (Seen::default(), rows.len());
        for entry in page.list("automations") {
            let read = automation(entry, account);
            rows.extend(seen.row(read).map(|row| (row.id.clone(), row)));
        }
        sink.saw(seen);
        if offset > 0 && page.count > 0 && rows.len() == before {
            return Err(repeated(cx, offset));
        }
        offset += page.count;
        if page.count == 0 || page.total.map_or(page.count < PAGE, |total| offset >= total) {
            let listed = rows.len();
            sink.take(Rows::Entities(rows.into_values().collect()));
            return sink.checkpoint(json!({ "listed": listed })).await;
        }
    }
    Err(too_many(cx, request.page_limit))
}

/// Where contacts were left.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Place {
    /// Contacts changed since then are still to be read; nothing while all of them are read for the first time.
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<Timestamp>,
    /// When the round under way began; its end makes it `updated_at`.
    #[serde(skip_serializing_if = "Option::is_none")]
    begun: Option<Timestamp>,
    /// The last contact of the round under way: pages go by id, so that nobody is passed over while others change.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
}

/// Contacts that changed, page by page, each kept with its place.
async fn contacts(
    cx: &Ctx,
    account: Account<'_>,
    request: &SyncRequest,
    sink: &mut dyn Sink,
) -> Result<(), ConnectorError> {
    let stored = request.cursor.clone().unwrap_or_default();
    let mut place: Place = serde_json::from_value(stored).unwrap_or_default();
    let begun = place.begun.unwrap_or_else(|| cx.clock.now());
    place.begun = Some(begun);
    for _ in 0..request.page_limit {
        cx.http.go_on()?;
        let mut pairs = vec![
            ("orders[id]", "ASC".to_owned()),
            ("id_greater", place.id.clone().unwrap_or_else(|| "0".to_owned())),
            ("include", "contactLists".to_owned()),
            ("limit", PAGE.to_string()),
        ];
        if let Some(since) = place.updated_at {
            let since = since.saturating_sub(OVERLAP).unwrap_or(since);
            pairs.push(("filters[updated_after]", since.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()));
        }
        let reply = ask(cx, "contacts", &pairs).await?;
        let page = page(&reply.body, "contacts").map_err(|fault| cx.unreadable(&fault))?;
        let mut seen = Seen::default();
        let (mut people, mut lists) = (Vec::new(), Vec::new());
        let mut furthest: Option<u64> = None;
        for entry in page.list("contacts") {
            furthest = furthest.max(shape::id(entry.get("id")).and_then(|id| id.parse().ok()));
            let read = contact(entry, account, &mut seen);
            people.extend(seen.row(read).map(|(_, row)| row));
        }
        for entry in page.list("contactLists") {
            let read = membership(entry, &mut seen);
            lists.extend(read.ok());
        }
        sink.saw(seen);
        sink.take(Rows::Customers(people));
        sink.take(Rows::Consents(denials(&lists, account)));
        if page.count == 0 {
            let done = Place { updated_at: Some(begun), ..Place::default() };
            return sink.checkpoint(json!(done)).await;
        }
        if furthest.is_none() {
            // Contacts without ids: what they lack is told before what they are.
            sink.checkpoint(json!(place)).await?;
        }
        let before = place.id.as_deref().and_then(|id| id.parse::<u64>().ok()).unwrap_or(0);
        let Some(id) = furthest.filter(|id| *id > before) else {
            return Err(repeated(cx, usize::try_from(before).unwrap_or(usize::MAX)));
        };
        place.id = Some(id.to_string());
        sink.checkpoint(json!(place)).await?;
    }
    // So many that a run has enough: the next one goes on after the last contact.
    Ok(())
}

fn repeated(cx: &Ctx, after: usize) -> ConnectorError {
    let what = format!("the page after {after} is one that was read before");
    cx.error(Code::PageLoop, &what, "the next run tries again; report it if it stays")
}

fn too_many(cx: &Ctx, pages: u32) -> ConnectorError {
    cx.error(
        Code::Request,
        &format!("there are more than {pages} pages"),
        "report it: no account should have as many",
    )
}

async fn ask(cx: &Ctx, what: &str, pairs: &[(&str, String)]) -> Result<Reply, ConnectorError> {
    let mut url = cx.url("", &format!("api/{}/{what}", cx.api_version))?;
    if url.host_str() == Some(HOME) {
        let host = format!("{}.{HOME}", name(cx)?);
        url.set_host(Some(&host)).map_err(|_| {
            cx.error(Code::MissingConfig, "no address can be made of the account", "correct it")
        })?;
    }
    url.query_pairs_mut().extend_pairs(pairs);
    cx.http.send(&Ask::get(url).secret_header("api-token", cx.secret("api_token")?.clone())).await
}

/// A wrong token is a 403 here: no scopes exist that it could lack.
fn judge(reply: &Reply) -> Verdict {
    let verdict = by_status(reply);
    let body = shape::json(&reply.body).ok();
    let said = body.as_ref().and_then(|body| {
        shape::text_if_any(body, "message")
            .or_else(|| shape::text_if_any(body.get("errors")?.get(0)?, "title"))
            .or_else(|| shape::text_if_any(body, "error"))
    });
    let what = |words: String| said.map_or(words.clone(), |said| format!("{words}: {said}"));
    match verdict {
        Verdict::Bad { code: Code::Scope | Code::Invalid, platform_code, .. } => Verdict::Bad {
            code: Code::Invalid,
            what: what("the key was refused".to_owned()),
            platform_code,
            advice: "enter the key under Settings → Developer: `adjutant source secret`",
        },
        Verdict::Bad { code, what: words, platform_code, advice } => {
            Verdict::Bad { code, what: what(words), platform_code, advice }
        }
        other @ (Verdict::Good | Verdict::Again { .. }) => other,
    }
}
