//! Meta Ads: the Graph API's campaigns, ad sets, ads and insights (`connectors.md` §2.3).
//!
//! Streams: lists of campaigns, ad sets and ads, and days of each of them and of the account. Each level is read by itself, because people are
//! reached once at each. Conversions are those of one action type: Meta lists the same purchase under several names. Figures
//! settle after 28 days. More than a week of insights is a report that is ordered, waited for and then read.
mod fault;
mod graph;
mod insights;
pub mod parse;

pub use fault::{judge, usage};

use super::client::{Judge, Reply};
use super::contract::{
    Budget, CheckReport, Connector, ConnectorSpec, Ctx, Fact, Field, Host, Quota, Shape, Sink, StreamOutcome,
    StreamSpec, SyncRequest,
};
use super::fault::{Code, ConnectorError};
use super::rows::Rows;
use super::shape;
use async_trait::async_trait;
use serde_json::{Map, Value, json};

pub struct MetaAds;

/// Minutes between two runs by the clock (§1.8).
const EVERY: i64 = 360;
/// Things of one page.
const PAGE: &str = "200";

/// Days of one level: four weeks may still move, and are one report.
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
    key: "meta_ads",
    title: "Meta Ads",
    fields: &[
        Field::needed("account_id", "the ad account's number, with or without act_"),
        Field::optional(
            "conversion",
            "the one action type that counts as a conversion; `lead` for accounts that gather leads",
            Some("purchase"),
        ),
        Field::optional(
            "attribution_window",
            "of 1d_click, 7d_click, 28d_click, 1d_view and 1d_engaged_view, with commas",
            Some("7d_click,1d_view"),
        ),
        Field::optional("api_version", "another version of the API, for instance v25.0", None),
        Field::secret("access_token", "of a system user who sees the account, with the right ads_read"),
        Field::secret("app_secret", "of the app that the token was made for: Settings → Basic"),
    ],
    hosts: &[Host { key: "", base: "https://graph.facebook.com" }],
    api_version: "v24.0",
    streams: &[
        StreamSpec::listing("campaigns", EVERY),
        StreamSpec::listing("ad_groups", EVERY),
        StreamSpec::listing("ads", EVERY),
        days("daily_campaigns", &["campaign"]),
        days("daily_ad_groups", &["ad_group"]),
        days("daily_ads", &["ad"]),
        days("daily_account", &["account"]),
    ],
    // There is no fixed number: what the headers say slows it down.
    budget: Budget { per_second: 5.0, burst: 20.0 },
    docs: "https://developers.facebook.com/docs/marketing-api/insights",
};

#[async_trait]
impl Connector for MetaAds {
    fn spec(&self) -> &'static ConnectorSpec {
        &SPEC
    }

    fn judge(&self) -> Judge {
        judge
    }

    fn quota(&self) -> fn(&Reply) -> Option<Quota> {
        usage
    }

    fn account(&self, config: &Map<String, Value>) -> String {
        graph::account(config.get("account_id").and_then(Value::as_str).unwrap_or_default())
    }

    async fn check(&self, cx: &Ctx) -> Result<CheckReport, ConnectorError> {
        insights::windows(cx)?;
        let ends = graph::rights(cx).await?;
        let account = graph::account(cx.needed("account_id")?);
        let fields = [("fields", "name,currency,timezone_name,account_status")];
        let reply = graph::get(cx, &format!("act_{account}"), &fields).await?;
        let body = shape::json(&reply.body).map_err(|fault| cx.unreadable(&fault))?;
        let name = shape::text_if_any(&body, "name").unwrap_or_default();
        Ok(CheckReport {
            account: format!("{name} ({account}){ends}").trim().to_owned(),
            time_zone: shape::text_if_any(&body, "timezone_name").map(str::to_owned),
            currency: shape::text_if_any(&body, "currency").and_then(|code| code.parse().ok()),
        })
    }

    async fn sync(
        &self,
        cx: &Ctx,
        request: &SyncRequest,
        sink: &mut dyn Sink,
    ) -> Result<StreamOutcome, ConnectorError> {
        let account = graph::account(cx.needed("account_id")?);
        let (limit, currency, today) = (request.page_limit, cx.currency, cx.today());
        let rows = match request.stream.name {
            "campaigns" => {
                let path = format!("act_{account}/campaigns");
                let make = |row: &Value, seen: &mut shape::Seen| {
                    parse::campaign(row, &account, currency, today, seen)
                };
                Rows::Campaigns(
                    graph::all(cx, &path, &listing(parse::CAMPAIGN, CAMPAIGN_STATES), limit, sink, make)
                        .await?,
                )
            }
            "ad_groups" => {
                let path = format!("act_{account}/adsets");
                let make = |row: &Value, seen: &mut shape::Seen| parse::ad_set(row, currency, today, seen);
                Rows::AdGroups(
                    graph::all(cx, &path, &listing(parse::AD_SET, AD_SET_STATES), limit, sink, make).await?,
                )
            }
            "ads" => {
                let path = format!("act_{account}/ads");
                Rows::Creatives(
                    graph::all(cx, &path, &listing(parse::AD, AD_STATES), limit, sink, parse::ad).await?,
                )
            }
            "daily_campaigns" => insights::read(cx, &account, "campaign", request, sink).await?,
            "daily_ad_groups" => insights::read(cx, &account, "adset", request, sink).await?,
            "daily_ads" => insights::read(cx, &account, "ad", request, sink).await?,
            "daily_account" => insights::read(cx, &account, "account", request, sink).await?,
            _ => {
                return Err(cx.error(Code::Request, "there is no such stream", "see `adjutant source list`"));
            }
        };
        sink.take(rows);
        if matches!(request.stream.shape, Shape::Listing) {
            sink.checkpoint(json!({ "listed_on": today })).await?;
        }
        Ok(StreamOutcome::default())
    }
}

// Without a filter the platform keeps what was deleted or archived to itself.
pub(super) const CAMPAIGN_STATES: &str =
    r#"["ACTIVE","PAUSED","DELETED","ARCHIVED","IN_PROCESS","WITH_ISSUES"]"#;
pub(super) const AD_SET_STATES: &str =
    r#"["ACTIVE","PAUSED","DELETED","ARCHIVED","IN_PROCESS","WITH_ISSUES","CAMPAIGN_PAUSED"]"#;
pub(super) const AD_STATES: &str = r#"["ACTIVE","PAUSED","DELETED","ARCHIVED","IN_PROCESS","WITH_ISSUES","CAMPAIGN_PAUSED","ADSET_PAUSED","PENDING_REVIEW","DISAPPROVED","PREAPPROVED","PENDING_BILLING_INFO"]"#;

fn listing(fields: &'static [&'static str], states: &'static str) -> Vec<(&'static str, String)> {
    vec![("fields", fields.join(",")), ("effective_status", states.to_owned()), ("limit", PAGE.to_owned())]
}
