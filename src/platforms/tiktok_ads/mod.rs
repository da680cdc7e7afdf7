//! TikTok Ads: the Business API v1.3 (`connectors.md` §2.10).
//!
//! Streams: `campaigns`, `ad_groups`, `ads` (all there are, deleted ones included, whole each time) and `campaign_days`,
//! `ad_group_days`, `ad_days`, `account_days`: each level as TikTok itself counts it, because reach is no sum of narrower levels. Days are the
//! advertiser's. Answers come with HTTP 200 even when they are none: `code` in the body decides.
mod parse;
mod status;

pub use parse::{Account, Level, METRICS, Page, ad, ad_group, campaign, day, page};

use super::client::{Ask, Judge, Reply, Verdict, by_status, retry_after};
use super::contract::{
    Budget, CheckReport, Connector, ConnectorSpec, Ctx, Fact, Field, Host, Shape, Sink, StreamOutcome,
    StreamSpec, SyncRequest,
};
use super::fault::{Code, ConnectorError};
use super::rows::Rows;
use super::shape::{self, Missing, Seen};
use async_trait::async_trait;
use jiff::tz::TimeZone;
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

pub struct TikTokAds;

/// Rows of one page: the API's own maximum.
const PAGE: usize = 1_000;

/// Minutes between runs by the clock (§1.8).
const EVERY: i64 = 6 * 60;
/// A report by day of one level: 28 days may still move (§1.8), and one request takes 30 days at most.
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
    key: "tiktok_ads",
    title: "TikTok Ads",
    fields: &[
        Field::needed(
            "advertiser_id",
            "the number of the ad account: `aadvid` in the address of TikTok Ads Manager",
        ),
        Field::secret(
            "access_token",
            "the long-lived token that an app of business-api.tiktok.com gets when the account's owner agrees",
        ),
        Field::optional(
            "value_metric",
            "the report's metric that is the value of conversions; for shops without an app total_complete_payment_rate",
            Some("total_purchase_value"),
        ),
    ],
    hosts: &[Host { key: "", base: "https://business-api.tiktok.com" }],
    api_version: "v1.3",
    streams: &[
        StreamSpec::listing("campaigns", EVERY),
        StreamSpec::listing("ad_groups", EVERY),
        StreamSpec::listing("ads", EVERY),
        days("campaign_days", &["campaign"]),
        days("ad_group_days", &["ad_group"]),
        days("ad_days", &["ad"]),
        days("account_days", &["account"]),
    ],
    // Ten requests a second for an app of the basic level.
    budget: Budget { per_second: 10.0, burst: 10.0 },
    docs: "https://business-api.tiktok.com/portal/docs",
};

/// The level of a kind of entity, as reports name it.
fn level(kind: &'static str) -> Level {
    let (id, data_level) = match kind {
        "campaign" => ("campaign_id", "AUCTION_CAMPAIGN"),
        "ad_group" => ("adgroup_id", "AUCTION_ADGROUP"),
        "account" => ("advertiser_id", "AUCTION_ADVERTISER"),
        _ => ("ad_id", "AUCTION_AD"),
    };
    Level { kind, id, data_level }
}

#[async_trait]
impl Connector for TikTokAds {
    fn spec(&self) -> &'static ConnectorSpec {
        &SPEC
    }

    fn judge(&self) -> Judge {
        judge
    }

    fn account(&self, config: &Map<String, Value>) -> String {
        config.get("advertiser_id").and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    async fn check(&self, cx: &Ctx) -> Result<CheckReport, ConnectorError> {
        let advertiser = cx.needed("advertiser_id")?;
        let pairs = [
            ("advertiser_ids", json!([advertiser]).to_string()),
            (
                "fields",
                json!(["advertiser_id", "name", "currency", "timezone", "display_timezone"]).to_string(),
            ),
        ];
        let reply = ask(cx, "advertiser/info/", &pairs).await?;
        let body = shape::json(&reply.body).map_err(|fault| cx.unreadable(&fault))?;
        let list = shape::list(body.get("data").unwrap_or(&Value::Null), "list", true);
        let list = list.map_err(|fault| cx.unreadable(&fault))?;
        let mine =
            list.iter().find(|entry| shape::id(entry.get("advertiser_id")).as_deref() == Some(advertiser));
        let Some(account) = mine else {
            let what = format!("this token does not see the ad account {advertiser}");
            return Err(cx.error(Code::AccountNotFound, &what, "let its owner agree to the app again"));
        };
        // Old accounts have a zone such as `UTC+8` in one field and a name in the other.
        let zone = ["display_timezone", "timezone"]
            .into_iter()
            .filter_map(|field| shape::text_if_any(account, field));
        Ok(CheckReport {
            account: shape::text_if_any(account, "name").unwrap_or(advertiser).to_owned(),
            time_zone: zone.into_iter().find(|name| TimeZone::get(name).is_ok()).map(str::to_owned),
            currency: shape::text_if_any(account, "currency").and_then(|currency| currency.parse().ok()),
        })
    }

    async fn sync(
        &self,
        cx: &Ctx,
        request: &SyncRequest,
        sink: &mut dyn Sink,
    ) -> Result<StreamOutcome, ConnectorError> {
        let reader =
            Reader { cx, account: Account { id: cx.needed("advertiser_id")?, currency: cx.currency } };
        if let Shape::Series { kinds: &[kind, ..], .. } = request.stream.shape {
            reader.days(level(kind), request, sink).await?;
            return Ok(StreamOutcome::default());
        }
        let account = reader.account;
        let rows = match request.stream.name {
            "campaigns" => {
                let read = |entry: &Value, seen: &mut Seen| campaign(entry, account, seen);
                Rows::Campaigns(reader.list("campaign/get/", &parse::CAMPAIGN, request, read, sink).await?)
            }
            "ad_groups" => {
                let read = |entry: &Value, seen: &mut Seen| ad_group(entry, account, seen);
                Rows::AdGroups(reader.list("adgroup/get/", &parse::AD_GROUP, request, read, sink).await?)
            }
            _ => Rows::Creatives(reader.list("ad/get/", &parse::AD, request, ad, sink).await?),
        };
        let listed = rows.len();
        sink.take(rows);
        // All or nothing: half a list would be a list without the other half.
        sink.checkpoint(json!({ "listed": listed })).await?;
        Ok(StreamOutcome::default())
    }
}

struct Reader<'a> {
    cx: &'a Ctx,
    account: Account<'a>,
}

impl Reader<'_> {
    async fn days(
        &self,
        level: Level,
        request: &SyncRequest,
        sink: &mut dyn Sink,
    ) -> Result<(), ConnectorError> {
        let value = self.cx.needed("value_metric")?;
        let mut metrics = METRICS.to_vec();
        if !metrics.contains(&value) {
            metrics.push(value);
        }
        let mut pairs = vec![
            ("service_type", "AUCTION".to_owned()),
            ("report_type", "BASIC".to_owned()),
            ("data_level", level.data_level.to_owned()),
            ("dimensions", json!([level.id, "stat_time_day"]).to_string()),
            ("metrics", json!(metrics).to_string()),
            ("start_date", request.window.start.to_string()),
            ("end_date", request.window.end.to_string()),
        ];
        // An account has no states, and all of its ads.
        if level.kind != "account" {
            let deleted = json!([{
                "field_name": level.data_level.replace("AUCTION_", "").to_lowercase() + "_status",
                "filter_type": "IN", "filter_value": "[\"STATUS_ALL\"]",
            }]);
            pairs.push(("filtering", deleted.to_string()));
        }
        let read = |entry: &Value, seen: &mut Seen| day(entry, level, self.account, &metrics, seen);
        let rows = self.pages("report/integrated/get/", pairs, request.page_limit, read, sink).await?;
        sink.take(Rows::Daily(rows));
        Ok(())
    }

    /// Everything of one sort, deleted things too: TikTok leaves them out unless it is asked.
    async fn list<T: Send>(
        &self,
        path: &str,
        fields: &[&str],
        request: &SyncRequest,
        read: impl Fn(&Value, &mut Seen) -> Result<(String, T), Missing> + Send + Sync,
        sink: &mut dyn Sink,
    ) -> Result<Vec<T>, ConnectorError> {
        let pairs = vec![
            ("fields", json!(fields).to_string()),
            ("filtering", json!({"primary_status": "STATUS_ALL"}).to_string()),
        ];
        self.pages(path, pairs, request.page_limit, read, sink).await
    }

    /// Every page, by number.
    async fn pages<T: Send>(
        &self,
        path: &str,
        mut pairs: Vec<(&'static str, String)>,
        limit: u32,
        read: impl Fn(&Value, &mut Seen) -> Result<(String, T), Missing> + Send + Sync,
        sink: &mut dyn Sink,
    ) -> Result<Vec<T>, ConnectorError> {
        pairs.push(("advertiser_id", self.account.id.to_owned()));
        pairs.push(("page_size", PAGE.to_string()));
        let mut rows: BTreeMap<String, T> = BTreeMap::new();
        for number in 1..=limit {
            self.cx.http.go_on()?;
            let asked: Vec<_> = pairs.iter().cloned().chain([("page", number.to_string())]).collect();
            let reply = ask(self.cx, path, &asked).await?;
            let page = page(&reply.body, &read).map_err(|fault| self.cx.unreadable(&fault))?;
            let before = rows.len();
            sink.saw(page.seen);
            let good = page.rows.len();
            rows.extend(page.rows);
            if good > 0 && rows.len() == before {
                let what = format!("page {number} is one that was read before");
                return Err(self.cx.error(
                    Code::PageLoop,
                    &what,
                    "the next run tries again; report it if it stays",
                ));
            }
            if page.count == 0 || number >= page.pages {
                return Ok(rows.into_values().collect());
            }
        }
        let what = format!("there are more than {limit} pages");
        Err(self.cx.error(Code::Request, &what, "ask for fewer days: `adjutant source sync --from … --to …`"))
    }
}

async fn ask(cx: &Ctx, path: &str, pairs: &[(&str, String)]) -> Result<Reply, ConnectorError> {
    let mut url = cx.url("", &format!("open_api/{}/{path}", cx.api_version))?;
    url.query_pairs_mut().extend_pairs(pairs);
    let token: SecretString = cx.secret("access_token")?.clone();
    cx.http.send(&Ask::get(url).secret_header("access-token", token)).await
}

/// `{"code": 40100, "message": "…"}` with HTTP 200. Codes as `connectors.md` §2.10 lists them, and those of the same groups.
fn judge(reply: &Reply) -> Verdict {
    let verdict = by_status(reply);
    let Ok(body) = shape::json(&reply.body) else { return verdict };
    let Some(code) = body.get("code").and_then(Value::as_i64).filter(|code| *code != 0) else {
        return verdict;
    };
    let said = shape::text_if_any(&body, "message").unwrap_or_default();
    let what = |what: &str| if said.is_empty() { what.to_owned() } else { format!("{what}: {said}") };
    let platform_code = code.to_string();
    let again = |code, words: &str| Verdict::Again {
        code,
        what: what(words),
        platform_code: platform_code.clone(),
        wait: retry_after(reply),
    };
    let bad = |code, words: &str, advice| Verdict::Bad {
        code,
        what: what(words),
        platform_code: platform_code.clone(),
        advice,
    };
    match code {
        40_100 => again(Code::RateLimited, "too many requests"),
        50_000..=50_002 => again(Code::Unavailable, "the platform is in trouble"),
        40_102..=40_105 => bad(
            Code::Invalid,
            "the token was refused",
            "let the account's owner agree to the app again, then `adjutant source secret`",
        ),
        40_001 | 40_006 => bad(
            Code::Scope,
            "the token may not read this",
            "let the owner of this ad account agree to the app, with Ads Management and Reporting to read",
        ),
        _ => bad(
            Code::Request,
            "the platform does not take this request",
            "look for an update of Adjutant, or report it",
        ),
    }
}
