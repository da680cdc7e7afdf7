//! Shopify: orders with lines and refunds, customers, products with variants, through the GraphQL Admin API
//! (`connectors.md` §2.6).
mod changes;
mod hook;
mod parse;
mod query;
mod refunds;

pub use parse::{Look, node, page};

use super::client::{Ask, Judge, Payload, Reply, Verdict, by_status, retry_after};
use super::contract::{
    Budget, CheckReport, Connector, ConnectorSpec, Ctx, Fact, Field, Host, Quota, Shape, Sink, StreamOutcome,
    StreamSpec, SyncRequest,
};
use super::fault::{Code, ConnectorError};
use super::hook::Webhook;
use super::shape;
use async_trait::async_trait;
use changes::Reader;
use query::Kind;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use url::Url;

pub struct Shopify;

/// The host of a shop is below this one.
const HOST: &str = "myshopify.com";
/// What the key must open; `read_inventory` shows what things cost.
const SCOPES: [&str; 4] = ["read_orders", "read_customers", "read_products", "read_inventory"];

/// Hourly, since deliveries are quicker (§1.8).
const fn stream(name: &'static str) -> StreamSpec {
    StreamSpec { name, fact: Fact::Things, shape: Shape::Changes, backfill_days: 90, every_minutes: 60 }
}

static SPEC: ConnectorSpec = ConnectorSpec {
    key: "shopify",
    title: "Shopify",
    fields: &[
        Field::needed("shop", "the name before .myshopify.com, for instance fernhill"),
        Field::secret("access_token", "the Admin API access token (shpat_…) of a custom app"),
        Field::optional_secret("client_secret", "the API secret key of the same app: it signs deliveries"),
        Field::optional("base_url", "another address of the API", None),
    ],
    hosts: &[Host { key: "", base: "https://myshopify.com" }],
    api_version: "2025-07",
    streams: &[stream("orders"), stream("customers"), stream("products")],
    // What counts is the cost of queries, which every answer tells; this only keeps bursts apart.
    budget: Budget { per_second: 5.0, burst: 20.0 },
    docs: "https://shopify.dev/docs/api/admin-graphql",
};

/// The name of the shop, however it was given.
fn shop(config: &Map<String, Value>) -> String {
    let given = config.get("shop").and_then(Value::as_str).unwrap_or_default().trim().to_ascii_lowercase();
    let bare = given.trim_start_matches("https://").trim_end_matches('/');
    bare.strip_suffix(HOST).and_then(|name| name.strip_suffix('.')).unwrap_or(bare).to_owned()
}

/// Where the shop's API is.
fn endpoint(cx: &Ctx) -> Result<Url, ConnectorError> {
    let mut url = cx.url("", &format!("admin/api/{}/graphql.json", cx.api_version))?;
    let shop = shop(&cx.config);
    let good = (1..=60).contains(&shop.len()) && shop.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !good {
        let advice = "give the name before .myshopify.com";
        return Err(cx.error(Code::MissingConfig, "'shop' is no name of a shop", advice));
    }
    if url.host_str() == Some(HOST) {
        let host = format!("{shop}.{HOST}");
        url.set_host(Some(&host))
            .map_err(|_| cx.error(Code::MissingConfig, "'shop' makes no address", "correct it"))?;
    }
    Ok(url)
}

async fn ask(cx: &Ctx, query: &str, variables: Value) -> Result<Reply, ConnectorError> {
    let body = Payload::Json(json!({ "query": query, "variables": variables }));
    let token = cx.secret("access_token")?.clone();
    cx.http.send(&Ask::post(endpoint(cx)?, body).secret_header("x-shopify-access-token", token)).await
}

#[async_trait]
impl Connector for Shopify {
    fn spec(&self) -> &'static ConnectorSpec {
        &SPEC
    }

    fn judge(&self) -> Judge {
        judge
    }

    fn quota(&self) -> fn(&Reply) -> Option<Quota> {
        quota
    }

    fn webhook(&self) -> Option<&'static dyn Webhook> {
        Some(&Self)
    }

    fn leads(&self) -> &'static [&'static str] {
        &["shop"]
    }

    fn account(&self, config: &Map<String, Value>) -> String {
        shop(config)
    }

    async fn check(&self, cx: &Ctx) -> Result<CheckReport, ConnectorError> {
        let reply = ask(cx, query::SHOP, json!({})).await?;
        let body = shape::json(&reply.body).map_err(|fault| cx.unreadable(&fault))?;
        let text = |path: &str| body.pointer(path).and_then(Value::as_str);
        let scopes = body.pointer("/data/currentAppInstallation/accessScopes").and_then(Value::as_array);
        let held: BTreeSet<&str> =
            scopes.into_iter().flatten().filter_map(|scope| shape::text_if_any(scope, "handle")).collect();
        // Who may write may read.
        let opens =
            |scope: &&str| held.contains(*scope) || held.contains(scope.replace("read_", "write_").as_str());
        let missing: Vec<&str> = SCOPES.iter().filter(|scope| !opens(scope)).copied().collect();
        if !missing.is_empty() {
            let what = format!("the app has not the scopes {}", missing.join(", "));
            return Err(cx.error(Code::Scope, &what, "give them to the app and install it again"));
        }
        let domain = text("/data/shop/myshopifyDomain").unwrap_or_default();
        if domain != format!("{}.{HOST}", shop(&cx.config)) {
            let what = format!("this token opens another shop, {domain}");
            return Err(cx.error(Code::AccountNotFound, &what, "give that one as 'shop', or its own token"));
        }
        Ok(CheckReport {
            account: domain.to_owned(),
            time_zone: text("/data/shop/ianaTimezone").map(str::to_owned),
            currency: text("/data/shop/currencyCode").and_then(|code| code.parse().ok()),
        })
    }

    async fn sync(
        &self,
        cx: &Ctx,
        request: &SyncRequest,
        sink: &mut dyn Sink,
    ) -> Result<StreamOutcome, ConnectorError> {
        let kind = Kind::of(request.stream.name).ok_or_else(|| {
            cx.error(Code::Request, "there is no such stream", "see `adjutant source list`")
        })?;
        Reader { cx, kind }.changes(request, sink).await?;
        Ok(StreamOutcome::default())
    }
}

/// What an answer means: a refusal may come with 200.
fn judge(reply: &Reply) -> Verdict {
    let verdict = by_status(reply);
    let Ok(body) = shape::json(&reply.body) else { return verdict };
    let errors = match body.get("errors") {
        None | Some(Value::Null) => return verdict,
        Some(errors) => errors,
    };
    let first = errors.get(0).unwrap_or(errors);
    let said = shape::text_if_any(first, "message").or_else(|| errors.as_str()).unwrap_or_default();
    let code = first.pointer("/extensions/code").and_then(Value::as_str).unwrap_or_default();
    let told = |what: &str| if said.is_empty() { what.to_owned() } else { format!("{what}: {said}") };
    let bad = |kind, what: &str, advice| Verdict::Bad {
        code: kind,
        what: told(what),
        platform_code: code.to_owned(),
        advice,
    };
    let again = |kind, what: &str, wait| Verdict::Again {
        code: kind,
        what: told(what),
        platform_code: code.to_owned(),
        wait,
    };
    match verdict {
        Verdict::Good => match code {
            "THROTTLED" => again(Code::RateLimited, "too many points", Some(refill(&body))),
            "MAX_COST_EXCEEDED" => bad(Code::CostLimit, "the query is too dear", "report it if it stays"),
            "ACCESS_DENIED" => bad(
                Code::Scope,
                "the token may not read this",
                "give the app its scopes and access to protected customer data, and install it again",
            ),
            "INTERNAL_SERVER_ERROR" => again(Code::Unavailable, "the platform is in trouble", None),
            _ => bad(
                Code::Request,
                "the platform does not take this query",
                "look for an update of Adjutant, or report it",
            ),
        },
        Verdict::Bad { code: kind, what, platform_code, advice } => {
            Verdict::Bad { code: kind, what: told(&what), platform_code, advice }
        }
        Verdict::Again { code: kind, what, platform_code, .. } => {
            Verdict::Again { code: kind, what: told(&what), platform_code, wait: retry_after(reply) }
        }
    }
}

/// Points of the budget that queries are paid from: of how many, how many there are, how many come back a second.
fn points(body: &Value) -> Option<(Decimal, Decimal, Decimal)> {
    let status = body.pointer("/extensions/cost/throttleStatus")?;
    let of = |name: &str| shape::number(status.get(name));
    let restored = of("restoreRate").filter(|rate| *rate > Decimal::ZERO)?;
    Some((of("maximumAvailable").filter(|most| *most > Decimal::ZERO)?, of("currentlyAvailable")?, restored))
}

/// Seconds until a refused query can be paid: (requested − available) ÷ restored a second.
fn refill(body: &Value) -> i64 {
    let requested = shape::number(body.pointer("/extensions/cost/requestedQueryCost")).unwrap_or_default();
    let wait = points(body).map(|(_, available, restored)| ((requested - available) / restored).ceil());
    wait.and_then(|seconds| seconds.to_i64()).unwrap_or(1).clamp(1, 60)
}

fn quota(reply: &Reply) -> Option<Quota> {
    let body = shape::json(&reply.body).ok()?;
    let (most, available, restored) = points(&body)?;
    let used = (Decimal::ONE - available / most).to_f64()?;
    let half = ((most / Decimal::TWO - available) / restored).ceil().to_i64()?;
    Some(Quota { used, resets_in: Some(half.max(1)) })
}
