//! Klaviyo: e-mail campaigns, flows and profiles of the JSON:API (`connectors.md` §2.13).
//!
//! Streams: `messages` (campaigns and flows by name), `message_days` (each campaign with its totals on the day it was sent, each
//! flow with what it sent a day) and `profiles` (people as hashes, and who may and may not be written to). Klaviyo counts what a message brought about on the day
//! it was sent, so late opens and orders change past days: a week is read again. Opens include those of mail programs.
mod hook;
mod pager;
mod parse;
mod report;

pub use parse::{Account, Message, Page, campaign, flow, metric, page, profile, settings};
pub use report::{Totals, days, totals};

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
use pager::Pager;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

pub struct Klaviyo;

/// Each run begins so long before the last change that was read: clocks differ, and times are equal (`connectors.md` §1.3).
const OVERLAP: SignedDuration = SignedDuration::from_mins(10);
/// The metric that counts as a conversion unless another is set.
const ORDERED: &str = "Placed Order";

static SPEC: ConnectorSpec = ConnectorSpec {
    key: "klaviyo",
    title: "Klaviyo",
    fields: &[
        Field::needed(
            "account_id",
            "the public key (site id) under Settings → API keys: six letters and digits, the account's id",
        ),
        Field::secret(
            "api_key",
            "a private key with read access to accounts, campaigns, flows, metrics and profiles",
        ),
        Field::optional("conversion_metric_id", "the metric that is a conversion; else 'Placed Order'", None),
        Field::optional(
            "api_version",
            "the revision of the API, such as 2025-10-15; each lives two years",
            None,
        ),
        Field::optional_secret("webhook_secret", "the secret that the webhook was made with"),
    ],
    hosts: &[Host { key: "", base: "https://a.klaviyo.com" }],
    api_version: "2025-10-15",
    streams: &[
        StreamSpec::listing("messages", 60),
        // Reports are 2 a minute and 225 a day: two a run and hour, where each is one page. By day they take 60 days at most.
        StreamSpec {
            name: "message_days",
            fact: Fact::Daily,
            shape: Shape::Series { restate_days: 7, slice_days: 59, kinds: &["email"] },
            backfill_days: 90,
            every_minutes: 60,
        },
        StreamSpec {
            name: "profiles",
            fact: Fact::Things,
            shape: Shape::Changes,
            backfill_days: 90,
            every_minutes: 60,
        },
    ],
    // Of lists the strictest: campaigns, 10 a second and 150 a minute.
    budget: Budget { per_second: 2.5, burst: 10.0 },
    docs: "https://developers.klaviyo.com/en/reference/api_overview",
};

#[async_trait]
impl Connector for Klaviyo {
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
        let wanted = cx.needed("account_id")?;
        let reply = send(cx, Ask::get(cx.url("", "api/accounts")?)).await?;
        let page = page(&reply.body).map_err(|fault| cx.unreadable(&fault))?;
        let found = page.data().iter().filter_map(settings).next();
        let account = found.ok_or_else(|| cx.unreadable(&shape::Unreadable::Not("an account".to_owned())))?;
        if account.id != wanted {
            let what = format!("the key opens the account {}, not {wanted}", account.id);
            return Err(cx.error(
                Code::AccountNotFound,
                &what,
                "set account_id to that one, or use another key",
            ));
        }
        Ok(CheckReport { account: account.name, time_zone: account.time_zone, currency: account.currency })
    }

    async fn sync(
        &self,
        cx: &Ctx,
        request: &SyncRequest,
        sink: &mut dyn Sink,
    ) -> Result<StreamOutcome, ConnectorError> {
        let account = Account { id: cx.needed("account_id")?, currency: cx.currency };
        match request.stream.name {
            "messages" => messages(cx, account, request, sink).await?,
            "message_days" => message_days(cx, account, request, sink).await?,
            _ => profiles(cx, account, request, sink).await?,
        }
        Ok(StreamOutcome::default())
    }

    fn webhook(&self) -> Option<&'static dyn super::hook::Webhook> {
        Some(&Klaviyo)
    }
}

/// Every campaign that goes out by e-mail.
async fn campaigns(
    cx: &Ctx,
    account: Account<'_>,
    request: &SyncRequest,
    sink: &mut dyn Sink,
) -> Result<Vec<Message>, ConnectorError> {
    let mut rows = Vec::new();
    let channel = [("filter", "equals(messages.channel,'email')".to_owned())];
    let mut pages = Pager::new(cx, "api/campaigns", &channel, request.page_limit)?;
    while let Some(page) = pages.turn().await? {
        let mut seen = Seen::default();
        for entry in page.data() {
            let read = campaign(entry, account, &cx.zone, &mut seen);
            rows.extend(seen.row(read));
        }
        sink.saw(seen);
    }
    Ok(rows)
}

/// Campaigns and flows by name and state.
async fn messages(
    cx: &Ctx,
    account: Account<'_>,
    request: &SyncRequest,
    sink: &mut dyn Sink,
) -> Result<(), ConnectorError> {
    let mut rows = campaigns(cx, account, request, sink).await?;
    let size = [("page[size]", "50".to_owned())];
    let mut pages = Pager::new(cx, "api/flows", &size, request.page_limit)?;
    while let Some(page) = pages.turn().await? {
        let mut seen = Seen::default();
        for entry in page.data() {
            let read = flow(entry, account, &mut seen);
            rows.extend(seen.row(read));
        }
        sink.saw(seen);
    }
    let (mut things, mut names) = (Vec::new(), Vec::new());
    for message in rows {
        // Figures of both are those of a message; a flow is an automation besides.
        names.push(account.entity("email", &message.external, &message.campaign.name));
        names.extend(message.automation);
        things.push(message.campaign);
    }
    let listed = things.len();
    sink.take(Rows::Campaigns(things));
    sink.take(Rows::Entities(names));
    // All or nothing: half a list would be a list without the other half.
    sink.checkpoint(json!({ "listed": listed })).await
}

/// What a conversion is, in Klaviyo's reports.
struct Goal {
    metric: String,
    /// A report wants a metric even where the account has none that is a conversion: then its figures are left out.
    counts: bool,
}

/// The metric that is set, else the one of placed orders.
async fn goal(cx: &Ctx, request: &SyncRequest, sink: &mut dyn Sink) -> Result<Goal, ConnectorError> {
    if let Some(metric) = cx.setting("conversion_metric_id") {
        return Ok(Goal { metric: metric.to_owned(), counts: true });
    }
    let mut any = None;
    let mut pages = Pager::new(cx, "api/metrics", &[], request.page_limit)?;
    while let Some(page) = pages.turn().await? {
        let mut seen = Seen::default();
        for entry in page.data() {
            let read = metric(entry, &mut seen);
            let Some((id, name)) = seen.row(read) else { continue };
            if name == ORDERED {
                sink.saw(seen);
                return Ok(Goal { metric: id, counts: true });
            }
            any.get_or_insert(id);
        }
        sink.saw(seen);
    }
    let said = format!("the account has no metric '{ORDERED}': conversions are left out until one is set");
    let metric = any.ok_or_else(|| {
        cx.error(
            Code::Request,
            "the account has no metric at all",
            "send something first: Klaviyo makes them",
        )
    })?;
    sink.warn("conversion.unset", said);
    Ok(Goal { metric, counts: false })
}

/// Both reports of a window: totals of campaigns that were sent in it, and flows by day.
async fn message_days(
    cx: &Ctx,
    account: Account<'_>,
    request: &SyncRequest,
    sink: &mut dyn Sink,
) -> Result<(), ConnectorError> {
    let goal = goal(cx, request, sink).await?;
    let sent: BTreeMap<String, jiff::civil::Date> = campaigns(cx, account, request, sink)
        .await?
        .into_iter()
        .filter_map(|message| Some((message.external, message.sent_on?)))
        .filter(|(_, on)| request.window.contains(*on))
        .collect();
    let mut rows = Vec::new();
    // A page of a report costs one of 225 a day: none where nothing was sent.
    if !sent.is_empty() {
        let all = pager::report(cx, report::Kind::Campaigns, request, &goal, totals, sink).await?;
        for (external, figures) in all {
            let Some(on) = sent.get(&external) else { continue };
            rows.push(figures.row(*on, account, &external, goal.counts));
        }
    }
    let read = |body: &[u8]| days(body, &cx.zone);
    let all = pager::report(cx, report::Kind::Flows, request, &goal, read, sink).await?;
    for ((external, on), figures) in all {
        if request.window.contains(on) && figures.any() {
            rows.push(figures.row(on, account, &external, goal.counts));
        }
    }
    sink.take(Rows::Daily(rows));
    Ok(())
}

/// Where profiles were left.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Place {
    /// The newest change that is in.
    updated_at: Option<Timestamp>,
    /// The next page of a list that a run did not come to the end of.
    #[serde(skip_serializing_if = "Option::is_none")]
    rest: Option<String>,
}

/// Profiles that changed since, from the first page on.
fn changed<'a>(cx: &'a Ctx, since: Option<Timestamp>) -> Result<Pager<'a>, ConnectorError> {
    let mut pairs = vec![
        ("sort", "updated".to_owned()),
        ("page[size]", "100".to_owned()),
        ("additional-fields[profile]", "subscriptions".to_owned()),
    ];
    if let Some(since) = since {
        let since = since.saturating_sub(OVERLAP).unwrap_or(since);
        pairs.push(("filter", format!("greater-than(updated,{})", since.strftime("%Y-%m-%dT%H:%M:%SZ"))));
    }
    Pager::new(cx, "api/profiles", &pairs, u32::MAX)
}

/// Profiles in the order of their last change, each page kept with its place. A list that is longer than a run is gone on with
/// in the middle.
async fn profiles(
    cx: &Ctx,
    account: Account<'_>,
    request: &SyncRequest,
    sink: &mut dyn Sink,
) -> Result<(), ConnectorError> {
    let stored = request.cursor.clone().and_then(|cursor| serde_json::from_value(cursor).ok());
    let mut place: Place = stored.unwrap_or_default();
    let rest = place.rest.take().and_then(|link| cx.next_link(&link).ok());
    let mut resumed = rest.is_some();
    let mut pages = match rest {
        Some(link) => Pager::at(cx, link, u32::MAX),
        None => changed(cx, place.updated_at)?,
    };
    let mut read = 0;
    // Days that were asked for are read to the end: no cursor is kept that another run could go on from.
    while request.asked || read < request.page_limit {
        let page = match pages.turn().await {
            // It does not know its own link any more: again from the last change on.
            Err(error) if resumed && error.code == Code::Request => {
                resumed = false;
                pages = changed(cx, place.updated_at)?;
                continue;
            }
            other => other?,
        };
        resumed = false;
        let Some(page) = page else { return Ok(()) };
        read += 1;
        place.updated_at = place.updated_at.max(take_profiles(&page, account, sink));
        place.rest = pages.rest().map(|link| link.as_str().to_owned());
        sink.checkpoint(json!(place)).await?;
        if place.rest.is_none() {
            return Ok(());
        }
    }
    sink.warn("page.limit", format!("more than {read} pages; the next run goes on after them"));
    Ok(())
}

/// Takes a page of profiles; when the last of them changed.
fn take_profiles(page: &Page, account: Account<'_>, sink: &mut dyn Sink) -> Option<Timestamp> {
    let mut seen = Seen::default();
    let (mut people, mut consents, mut last) = (Vec::new(), Vec::new(), None);
    for entry in page.data() {
        let read = profile(entry, account, &mut seen);
        let Some(person) = seen.row(read) else { continue };
        last = last.max(Some(person.updated_at));
        people.push(person.customer);
        consents.extend(person.consents);
    }
    sink.saw(seen);
    sink.take(Rows::Customers(people));
    sink.take(Rows::Consents(consents));
    last
}

async fn send(cx: &Ctx, ask: Ask) -> Result<Reply, ConnectorError> {
    let key = cx.secret("api_key")?.expose_secret();
    let key = SecretString::from(format!("Klaviyo-API-Key {key}"));
    let revision = cx.setting("api_version").unwrap_or(&cx.api_version).to_owned();
    let ask = ask.header("accept", "application/vnd.api+json").header("revision", revision);
    cx.http.send(&ask.secret_header("authorization", key)).await
}

/// `{"errors": [{"code": "not_authenticated", "detail": "…"}]}`
fn judge(reply: &Reply) -> Verdict {
    let verdict = by_status(reply);
    let body = shape::json(&reply.body).ok();
    let first = body.as_ref().and_then(|body| body.get("errors")?.get(0));
    let said = first
        .and_then(|error| shape::text_if_any(error, "detail").or_else(|| shape::text_if_any(error, "title")));
    let named = first.and_then(|error| shape::text_if_any(error, "code")).unwrap_or_default();
    let what = |words: String| said.map_or(words.clone(), |said| format!("{words}: {said}"));
    let platform_code = |code: String| if named.is_empty() { code } else { format!("{code} {named}") };
    match verdict {
        Verdict::Bad { code: Code::Scope, what: words, platform_code: status, .. } => Verdict::Bad {
            code: Code::Scope,
            what: what(words),
            platform_code: platform_code(status),
            advice: "make a key with read access to accounts, campaigns, flows, metrics and profiles",
        },
        Verdict::Bad { code, what: words, platform_code: status, advice } => {
            Verdict::Bad { code, what: what(words), platform_code: platform_code(status), advice }
        }
        Verdict::Again { code, what: words, platform_code: status, wait } => {
            Verdict::Again { code, what: what(words), platform_code: platform_code(status), wait }
        }
        Verdict::Good => Verdict::Good,
    }
}
