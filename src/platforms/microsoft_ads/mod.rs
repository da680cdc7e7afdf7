//! Microsoft Advertising: reports and campaigns of the API v13 in its JSON form.
//!
//! Streams: `campaigns` and `ad_groups` (lists), and by day `account_days`, `campaign_days`, `ad_group_days`, `ad_days`,
//! `keyword_days` and `search_terms`: each level as Microsoft itself counts it. A report is ordered, waited for, fetched as a
//! zipped CSV and read whole. Days are the account's: a report is told the zone in Microsoft's own words.
mod fault;
mod parse;
mod report;
mod table;
mod zones;

pub use parse::{Account, Level, ad_group, campaign, day, named, term};
pub use report::{LEVELS, TERMS};
pub use table::{Table, table, unzip};
pub use zones::{iana, word};

use super::client::{Ask, Judge, Payload, Reply};
use super::contract::{
    Budget, CheckReport, Connector, ConnectorSpec, Ctx, Fact, Field, Host, Shape, Sink, StreamOutcome,
    StreamSpec, SyncRequest,
};
use super::fault::{Code, ConnectorError};
use super::oauth;
use super::rows::Rows;
use super::shape::{self, Missing, Seen};
use async_trait::async_trait;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

pub struct MicrosoftAds;

/// Minutes between runs by the clock, as of the other ad platforms (`connectors.md` §1.8).
const EVERY: i64 = 6 * 60;
/// Where Microsoft's identity platform issues tokens.
const TOKEN: &str = "common/oauth2/v2.0/token";
/// Every sort of campaign there is; the list has search campaigns alone unless it is told.
const SORTS: &str = "Search,Shopping,DynamicSearchAds,Audience,Hotel,PerformanceMax,App";

/// A report by day: conversions are dated by the click and come for 30 days.
const fn days(name: &'static str, fact: Fact, kinds: &'static [&'static str]) -> StreamSpec {
    StreamSpec {
        name,
        fact,
        shape: Shape::Series { restate_days: 30, slice_days: 31, kinds },
        backfill_days: 90,
        every_minutes: EVERY,
    }
}

static SPEC: ConnectorSpec = ConnectorSpec {
    key: "microsoft_ads",
    title: "Microsoft Advertising",
    fields: &[
        Field::needed("account_id", "the number after `aid=` in the address of Microsoft Advertising"),
        Field::needed("customer_id", "the number after `cid=` in the same address"),
        Field::needed("client_id", "the application (client) id of an app registered in Microsoft Entra"),
        Field::secret("developer_token", "from developers.ads.microsoft.com, under Account"),
        Field::secret("client_secret", "a client secret of the same app"),
        Field::secret(
            "refresh_token",
            "from a consent with the scopes https://ads.microsoft.com/msads.manage and offline_access",
        ),
    ],
    hosts: &[
        Host { key: "", base: "https://reporting.api.bingads.microsoft.com" },
        Host { key: "DATA", base: "https://campaign.api.bingads.microsoft.com" },
        Host { key: "CLIENT", base: "https://clientcenter.api.bingads.microsoft.com" },
        Host { key: "AUTH", base: "https://login.microsoftonline.com" },
    ],
    api_version: "v13",
    streams: &[
        StreamSpec::listing("campaigns", EVERY),
        StreamSpec::listing("ad_groups", EVERY),
        days("account_days", Fact::Daily, &["account"]),
        days("campaign_days", Fact::Daily, &["campaign"]),
        days("ad_group_days", Fact::Daily, &["ad_group"]),
        days("ad_days", Fact::Daily, &["ad"]),
        days("keyword_days", Fact::Daily, &["keyword"]),
        days("search_terms", Fact::Terms, &["search_term"]),
    ],
    // Microsoft tells no figures of its limits, only that calls are held back when there are too many.
    budget: Budget { per_second: 1.0, burst: 20.0 },
    docs: "https://learn.microsoft.com/advertising/guides/request-download-report",
};

#[async_trait]
impl Connector for MicrosoftAds {
    fn spec(&self) -> &'static ConnectorSpec {
        &SPEC
    }

    fn judge(&self) -> Judge {
        fault::judge
    }

    fn account(&self, config: &Map<String, Value>) -> String {
        config.get("account_id").and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    async fn check(&self, cx: &Ctx) -> Result<CheckReport, ConnectorError> {
        let wanted = cx.needed("account_id")?;
        let path = format!("CustomerManagement/{}/Account/Query", cx.api_version);
        let reply = ask(cx, "CLIENT", &path, &json!({ "AccountId": wanted })).await?;
        let body = shape::json(&reply.body).map_err(|fault| cx.unreadable(&fault))?;
        let account = body.get("Account").filter(|account| account.is_object()).ok_or_else(|| {
            let what = format!("this user does not see the ad account {wanted}");
            cx.error(Code::AccountNotFound, &what, "look at account_id and customer_id")
        })?;
        let zone = shape::text_if_any(account, "TimeZone");
        // Without its zone the account's days would be counted in the organisation's.
        if let Some(word) = zone
            && iana(word).is_none()
        {
            let what = format!("the account's time zone '{word}' is none that is known here");
            return Err(cx.error(Code::MissingConfig, &what, "look for an update of Adjutant, or report it"));
        }
        Ok(CheckReport {
            account: shape::text_if_any(account, "Name").unwrap_or(wanted).to_owned(),
            time_zone: zone.and_then(iana).map(str::to_owned),
            currency: shape::text_if_any(account, "CurrencyCode").and_then(|code| code.parse().ok()),
        })
    }

    async fn sync(
        &self,
        cx: &Ctx,
        request: &SyncRequest,
        sink: &mut dyn Sink,
    ) -> Result<StreamOutcome, ConnectorError> {
        let account = Account { id: cx.needed("account_id")?, currency: cx.currency };
        match request.stream.name {
            "campaigns" => {
                let rows = campaigns(cx, account, sink).await?;
                listed(rows.len(), Rows::Campaigns(rows.into_values().collect()), sink).await?;
            }
            "ad_groups" => {
                let rows = ad_groups(cx, account, sink).await?;
                listed(rows.len(), Rows::AdGroups(rows.into_values().collect()), sink).await?;
            }
            "search_terms" => {
                let table = report::read(cx, &TERMS, request.window).await?;
                let rows = terms(&table, account, sink);
                sink.take(Rows::SearchTerms(rows));
            }
            name => {
                let level = LEVELS.iter().find(|level| level.stream == name);
                let level = level.ok_or_else(|| {
                    cx.error(Code::Request, "no such report", "look for an update of Adjutant")
                })?;
                let table = report::read(cx, level, request.window).await?;
                let (rows, names) = figures(&table, level, account, sink);
                sink.take(Rows::Daily(rows));
                sink.take(Rows::Entities(names));
            }
        }
        Ok(StreamOutcome::default())
    }
}

/// All or nothing: half a list would be a list without the other half.
async fn listed(count: usize, rows: Rows, sink: &mut dyn Sink) -> Result<(), ConnectorError> {
    sink.take(rows);
    sink.checkpoint(json!({ "listed": count })).await
}

/// The rows of a report by thing and day, and the names of those things that only reports name. Rows that differ in what is
/// no column of ours (a device, a network) are one.
fn figures(
    table: &Table,
    level: &Level,
    account: Account<'_>,
    sink: &mut dyn Sink,
) -> (Vec<super::rows::Daily>, Vec<super::rows::Entity>) {
    let mut seen = table.seen(level);
    let (mut days, mut names) = (BTreeMap::new(), BTreeMap::new());
    for row in table.rows() {
        let read = day(&row, level, account, &mut seen);
        let Some(read) = seen.row(read) else { continue };
        names.extend(named(&row, level, account).map(|entity| (entity.id.clone(), entity)));
        parse::add(&mut days, read);
    }
    sink.saw(seen);
    (days.into_values().collect(), names.into_values().collect())
}

/// Search terms, those that differ in capitals or by a close variant as one.
fn terms(table: &Table, account: Account<'_>, sink: &mut dyn Sink) -> Vec<super::rows::SearchTerm> {
    let mut seen = table.seen(&TERMS);
    let mut sums = BTreeMap::new();
    for row in table.rows() {
        let read = term(&row, account, &mut seen);
        if let Some(read) = seen.row(read) {
            parse::add_term(&mut sums, read);
        }
    }
    sink.saw(seen);
    sums.into_values().collect()
}

/// Every campaign by its number.
async fn campaigns(
    cx: &Ctx,
    account: Account<'_>,
    sink: &mut dyn Sink,
) -> Result<BTreeMap<String, super::rows::Campaign>, ConnectorError> {
    let body = json!({"AccountId": account.id, "CampaignType": SORTS});
    let read = |entry: &Value, seen: &mut Seen| campaign(entry, account, seen);
    list(cx, "Campaigns/QueryByAccountId", &body, "Campaigns", read, sink).await
}

/// Every ad group by its number: they are told campaign by campaign.
async fn ad_groups(
    cx: &Ctx,
    account: Account<'_>,
    sink: &mut dyn Sink,
) -> Result<BTreeMap<String, super::rows::AdGroup>, ConnectorError> {
    let mut rows = BTreeMap::new();
    for number in campaigns(cx, account, sink).await?.into_keys() {
        cx.http.go_on()?;
        let body = json!({ "CampaignId": number });
        let read = |entry: &Value, seen: &mut Seen| ad_group(entry, &number, account, seen);
        rows.extend(list(cx, "AdGroups/QueryByCampaignId", &body, "AdGroups", read, sink).await?);
    }
    Ok(rows)
}

/// A list of the campaign service. Elements may be null: things that could not be told. The list itself is null where there is
/// nothing.
async fn list<T: Send>(
    cx: &Ctx,
    what: &str,
    body: &Value,
    name: &str,
    read: impl Fn(&Value, &mut Seen) -> Result<(String, T), Missing> + Send + Sync,
    sink: &mut dyn Sink,
) -> Result<BTreeMap<String, T>, ConnectorError> {
    let path = format!("CampaignManagement/{}/{what}", cx.api_version);
    let reply = ask(cx, "DATA", &path, body).await?;
    let body = shape::json(&reply.body).map_err(|fault| cx.unreadable(&fault))?;
    let wanted = !body.get(name).is_some_and(Value::is_null);
    let list = shape::list(&body, name, wanted).map_err(|fault| cx.unreadable(&fault))?;
    let mut seen = Seen::default();
    let mut rows = BTreeMap::new();
    for entry in list.iter().filter(|entry| !entry.is_null()) {
        let row = read(entry, &mut seen);
        rows.extend(seen.row(row));
    }
    sink.saw(seen);
    Ok(rows)
}

/// Asks a service with everything that says who asks.
async fn ask(cx: &Ctx, host: &str, path: &str, body: &Value) -> Result<Reply, ConnectorError> {
    let url = cx.url(host, path)?;
    let (account, customer) = (cx.needed("account_id")?, cx.needed("customer_id")?);
    let developer = cx.secret("developer_token")?;
    oauth::send_at(cx, TOKEN, |token| {
        let ask = Ask::post(url.clone(), Payload::Json(body.clone())).bearer(token);
        let ask = ask.secret_header("developertoken", developer.clone());
        Ok(ask.header("customerid", customer).header("customeraccountid", account))
    })
    .await
}
