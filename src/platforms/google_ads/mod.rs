//! Google Ads: `googleAds:search` with its query language (`connectors.md` §2.2).
//!
//! Streams: lists of campaigns, ad groups, ads and keywords, and days of each of them, of campaigns by device, of the account, and
//! of search terms. Conversions are dated by the click and come late, so that a month is read again. Each level is as the platform
//! states it; none is a sum of another, since Performance Max has campaigns only. Days are the account's.
mod fault;
mod gaql;
pub mod parse;

pub use fault::judge;
pub use gaql::Query;

use super::client::{Ask, Judge, Payload, Reply};
use super::contract::{
    Budget, CheckReport, Connector, ConnectorSpec, Ctx, Fact, Field, Host, Shape, Sink, StreamOutcome,
    StreamSpec, SyncRequest,
};
use super::fault::{Code, ConnectorError};
use super::oauth;
use super::rows::{Daily, Rows, SearchTerm};
use super::shape::{Missing, Seen, number};
use async_trait::async_trait;
use jiff::civil::Date;
use parse::{Figures, at, id, ours, text};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};

pub struct GoogleAds;

/// Minutes between two runs by the clock (§1.8).
const EVERY: i64 = 360;

/// Days of one entity kind: a month may still move, and is one request.
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
    key: "google_ads",
    title: "Google Ads",
    fields: &[
        Field::needed("customer_id", "the account's number, as Google Ads shows it: 123-456-7890"),
        Field::needed("client_id", "of an OAuth client in Google Cloud, with the Google Ads API enabled"),
        Field::optional(
            "login_customer_id",
            "the number of the manager account, where access goes through one",
            None,
        ),
        Field::optional("api_version", "another version of the API, for instance v25", None),
        Field::secret("developer_token", "of the API centre of your manager account"),
        Field::secret("client_secret", "of the same OAuth client"),
        Field::secret("refresh_token", "of a consent with the scope …/auth/adwords"),
    ],
    hosts: &[
        Host { key: "", base: "https://googleads.googleapis.com" },
        Host { key: "AUTH", base: "https://oauth2.googleapis.com" },
    ],
    api_version: "v24",
    streams: &[
        StreamSpec::listing("campaigns", EVERY),
        StreamSpec::listing("ad_groups", EVERY),
        StreamSpec::listing("ads", EVERY),
        StreamSpec::listing("keywords", EVERY),
        days("daily_campaigns", Fact::Daily, &["campaign"]),
        days("daily_ad_groups", Fact::Daily, &["ad_group"]),
        days("daily_ads", Fact::Daily, &["ad"]),
        days("daily_keywords", Fact::Daily, &["keyword"]),
        days("search_terms", Fact::Terms, &["search_term"]),
        days("daily_account", Fact::Daily, &["account"]),
    ],
    // The lowest access has 2,880 operations a day, a further page counts as none; a day of runs needs about a hundred.
    budget: Budget { per_second: 1.0, burst: 30.0 },
    docs: "https://developers.google.com/google-ads/api/docs/query/overview",
};

#[async_trait]
impl Connector for GoogleAds {
    fn spec(&self) -> &'static ConnectorSpec {
        &SPEC
    }

    fn judge(&self) -> Judge {
        judge
    }

    fn account(&self, config: &Map<String, Value>) -> String {
        digits(config.get("customer_id").and_then(Value::as_str).unwrap_or_default())
    }

    async fn check(&self, cx: &Ctx) -> Result<CheckReport, ConnectorError> {
        let reply = ask(cx, &Query::customer(), None).await?;
        let page = parse::page(&reply.body).map_err(|fault| cx.unreadable(&fault))?;
        let Some(row) = page.rows.first() else {
            return Err(cx.error(
                Code::AccountNotFound,
                "the account says nothing of itself",
                "look at customer_id",
            ));
        };
        if at(row, "customer.manager").and_then(Value::as_bool).unwrap_or(false) {
            let advice =
                "give the number of an account below it as customer_id, and this one as login_customer_id";
            return Err(cx.error(
                Code::AccountManager,
                "this is a manager account, which has no ads",
                advice,
            ));
        }
        let name = text(row, "customer.descriptiveName");
        let zone = text(row, "customer.timeZone");
        Ok(CheckReport {
            account: format!("{name} ({})", text(row, "customer.id")).trim().to_owned(),
            time_zone: (!zone.is_empty()).then(|| zone.to_owned()),
            currency: text(row, "customer.currencyCode").parse().ok(),
        })
    }

    async fn sync(
        &self,
        cx: &Ctx,
        request: &SyncRequest,
        sink: &mut dyn Sink,
    ) -> Result<StreamOutcome, ConnectorError> {
        let account = digits(cx.needed("customer_id")?);
        let mut reader = Reader { cx, account: &account, limit: request.page_limit, sink };
        let window = request.window;
        match request.stream.name {
            "campaigns" => {
                let (currency, today) = (cx.currency, cx.today());
                let query = Query::campaigns(version(cx));
                let rows = reader
                    .read(&query, |row, seen| parse::campaign(row, &account, currency, today, seen))
                    .await?;
                reader.listed(Rows::Campaigns(rows)).await?;
            }
            "ad_groups" => {
                let rows = reader
                    .read(&Query::ad_groups(), |row, seen| parse::ad_group(row, cx.currency, seen))
                    .await?;
                reader.listed(Rows::AdGroups(rows)).await?;
            }
            "ads" => {
                let rows = reader.read(&Query::ads(), parse::ad).await?;
                reader.listed(Rows::Creatives(rows)).await?;
            }
            "keywords" => {
                let rows = reader
                    .read(&Query::keywords(), |row, seen| parse::keyword(row, cx.currency, seen))
                    .await?;
                reader.listed(Rows::Keywords(rows)).await?;
            }
            "daily_campaigns" => {
                reader.days(&Query::daily_campaigns(window), "campaign").await?;
                reader.days(&Query::campaigns_by_device(window), "campaign").await?;
            }
            "daily_ad_groups" => reader.days(&Query::daily_ad_groups(window), "ad_group").await?,
            "daily_ads" => reader.days(&Query::daily_ads(window), "ad").await?,
            "daily_keywords" => reader.days(&Query::daily_keywords(window), "keyword").await?,
            "daily_account" => reader.days(&Query::daily_account(window), "account").await?,
            _ => {
                reader.terms(&Query::search_terms(window)).await?;
                reader.terms(&Query::campaign_search_terms(window)).await?;
            }
        }
        Ok(StreamOutcome::default())
    }
}

/// `123-456-7890` is 1234567890 to the API.
fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

fn api_version(cx: &Ctx) -> &str {
    cx.setting("api_version").unwrap_or(&cx.api_version)
}

fn version(cx: &Ctx) -> u32 {
    api_version(cx).trim_start_matches('v').parse().unwrap_or(u32::MAX)
}

async fn ask(cx: &Ctx, query: &Query, page: Option<&str>) -> Result<Reply, ConnectorError> {
    let account = digits(cx.needed("customer_id")?);
    let url = cx.url("", &format!("{}/customers/{account}/googleAds:search", api_version(cx)))?;
    let mut body = json!({ "query": query.text() });
    if let Some(token) = page {
        body["pageToken"] = json!(token);
    }
    let developer = cx.secret("developer_token")?;
    let manager = cx.setting("login_customer_id").map(digits);
    oauth::send(cx, |token| {
        let ask = Ask::post(url.clone(), Payload::Json(body.clone()))
            .bearer(token)
            .secret_header("developer-token", developer.expose_secret().to_owned().into());
        Ok(match &manager {
            Some(manager) => ask.header("login-customer-id", manager.clone()),
            None => ask,
        })
    })
    .await
}

struct Reader<'a> {
    cx: &'a Ctx,
    account: &'a str,
    limit: u32,
    sink: &'a mut dyn Sink,
}

impl Reader<'_> {
    /// Every row of a query, page by page, as `make` reads it.
    async fn read<T>(
        &mut self,
        query: &Query,
        mut make: impl FnMut(&Value, &mut Seen) -> Result<T, Missing> + Send,
    ) -> Result<Vec<T>, ConnectorError>
    where
        T: Send,
    {
        let fields = parse::Asked::new(&query.fields);
        let (mut made, mut next) = (Vec::new(), None::<String>);
        let (mut tokens, mut pages) = (BTreeSet::new(), BTreeSet::new());
        for _ in 0..self.limit {
            self.cx.http.go_on()?;
            let reply = ask(self.cx, query, next.as_deref()).await?;
            let mut page = parse::page(&reply.body).map_err(|fault| self.cx.unreadable(&fault))?;
            let digest = Sha256::digest(serde_json::to_vec(&page.rows).unwrap_or_default()).to_vec();
            let known = page.next.as_ref().is_some_and(|token| !tokens.insert(token.clone()));
            if known || (!page.rows.is_empty() && !pages.insert(digest)) {
                return Err(self.cx.error(
                    Code::PageLoop,
                    "a page is one that was read before",
                    "the next run tries again; report it if it stays",
                ));
            }
            for row in &page.rows {
                fields.compare(row, &mut page.seen);
                let read = make(row, &mut page.seen);
                made.extend(page.seen.row(read));
            }
            self.sink.saw(page.seen);
            match page.next {
                Some(token) => next = Some(token),
                None => return Ok(made),
            }
        }
        let what = format!("more than {} pages", self.limit);
        Err(self.cx.error(Code::Request, &what, "ask for fewer days: `adjutant source sync --from … --to …`"))
    }

    /// A list is whole: it is kept.
    async fn listed(&mut self, rows: Rows) -> Result<(), ConnectorError> {
        self.sink.take(rows);
        self.sink.checkpoint(json!({"listed_on": self.cx.today()})).await
    }

    async fn days(&mut self, query: &Query, kind: &'static str) -> Result<(), ConnectorError> {
        let (account, currency) = (self.account.to_owned(), self.cx.currency);
        let by_device = query.fields.contains(&"segments.device");
        let rows = self
            .read(query, |row, seen| {
                let figures = parse::figures(row, parse::NEEDED, currency)?;
                let entity = match kind {
                    "campaign" => ours(&id(row, "campaign.id")?),
                    "ad_group" => ours(&id(row, "adGroup.id")?),
                    "ad" => ours(&id(row, "adGroupAd.ad.id")?),
                    "account" => ours(&id(row, "customer.id")?),
                    _ => parse::keyword_id(row)?,
                };
                let mut day = Daily::new(figures.date, &account, kind, entity, currency);
                // An account is of every channel that its campaigns are of.
                day.channel = if kind == "account" { "unknown" } else { parse::channel(row, seen) };
                if by_device {
                    day.breakdown = parse::device(row, seen).to_owned();
                }
                fill(&mut day, &figures);
                if kind == "campaign" && !by_device {
                    shares(&mut day, row);
                }
                Ok(day)
            })
            .await?;
        // An ad that stands in two groups, and devices that have one name with us, are one row.
        let mut sums: BTreeMap<(Date, String, &str, String), Daily> = BTreeMap::new();
        for row in rows {
            let key = (row.date, row.entity_id.clone(), row.channel, row.breakdown.clone());
            match sums.get_mut(&key) {
                Some(sum) => add(sum, &row),
                None => {
                    sums.insert(key, row);
                }
            }
        }
        self.sink.take(Rows::Daily(sums.into_values().collect()));
        Ok(())
    }

    async fn terms(&mut self, query: &Query) -> Result<(), ConnectorError> {
        let currency = self.cx.currency;
        let of_campaigns = query.from == "campaign_search_term_view";
        let rows = self
            .read(query, |row, seen| {
                let figures = parse::figures(row, parse::NEEDED, currency)?;
                let view = if of_campaigns { "campaignSearchTermView" } else { "searchTermView" };
                let matched = if of_campaigns {
                    "BROAD"
                } else {
                    parse::match_type(text(row, "segments.searchTermMatchType"), seen)
                };
                Ok(SearchTerm {
                    date: figures.date,
                    campaign_id: ours(&id(row, "campaign.id")?),
                    ad_group_id: if of_campaigns { String::new() } else { ours(&id(row, "adGroup.id")?) },
                    term: id(row, &format!("{view}.searchTerm"))?.to_lowercase(),
                    match_type: matched,
                    status: parse::term_status(text(row, &format!("{view}.status"))),
                    impressions: figures.impressions,
                    clicks: figures.clicks,
                    conversions: figures.conversions,
                    cost: figures.cost,
                    conversion_value: figures.value,
                    currency,
                })
            })
            .await?;
        // Terms that differ in capitals or by a close variant are one row, as in a report that is imported.
        let mut sums: BTreeMap<_, SearchTerm> = BTreeMap::new();
        for row in rows {
            let key = (
                row.date,
                row.campaign_id.clone(),
                row.ad_group_id.clone(),
                row.term.clone(),
                row.match_type,
            );
            match sums.get_mut(&key) {
                Some(sum) => {
                    sum.impressions += row.impressions;
                    sum.clicks += row.clicks;
                    sum.conversions += row.conversions;
                    sum.cost += row.cost;
                    sum.conversion_value += row.conversion_value;
                }
                None => {
                    sums.insert(key, row);
                }
            }
        }
        self.sink.take(Rows::SearchTerms(sums.into_values().collect()));
        Ok(())
    }
}

fn fill(day: &mut Daily, figures: &Figures) {
    day.impressions = figures.impressions;
    day.clicks = figures.clicks;
    day.cost = figures.cost;
    day.conversions = figures.conversions;
    day.conversion_value = figures.value;
    // The platform's own account of what its ads brought (§1.12).
    day.revenue = figures.value;
}

fn add(sum: &mut Daily, row: &Daily) {
    sum.impressions += row.impressions;
    sum.clicks += row.clicks;
    sum.cost += row.cost;
    sum.conversions += row.conversions;
    sum.conversion_value += row.conversion_value;
    sum.revenue += row.revenue;
}

/// How much of what could be had in search was: the impressions there were, from the share of them, and what was lost to
/// the budget and to the rank.
fn shares(day: &mut Daily, row: &Value) {
    let of = |name: &str| number(at(row, &format!("metrics.{name}")));
    let share = of("searchImpressionShare").filter(|share| *share > Decimal::ZERO && *share <= Decimal::ONE);
    if let Some(share) = share {
        let eligible = (Decimal::from(day.impressions) / share).round();
        day.eligible_impressions = eligible.to_i64().unwrap_or(0);
    }
    for (ours, theirs) in [
        ("impression_share", "searchImpressionShare"),
        ("lost_to_budget", "searchBudgetLostImpressionShare"),
        ("lost_to_rank", "searchRankLostImpressionShare"),
    ] {
        if let Some(value) = of(theirs) {
            day.extra.insert(ours.to_owned(), json!(value));
        }
    }
}
