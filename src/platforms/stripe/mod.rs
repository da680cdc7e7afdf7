//! Stripe: customers, plans, subscriptions, invoices, refunds and, where it is the till, charges (`connectors.md` §2.7).
//!
//! A first run lists everything of a kind; later runs ask which objects had an event since, and read those as they are now.
//! Events themselves are not believed: they arrive out of order and show the object as it was.
mod fields;
mod hook;
mod kinds;
mod mrr;
mod nested;
mod parse;
mod read;

pub use kinds::KINDS;
pub use parse::{Look, Page, page, rows};

use super::client::{Ask, Judge, Reply, Verdict, by_status};
use super::contract::{
    Budget, CheckReport, Connector, ConnectorSpec, Ctx, Fact, Field, Host, Shape, Sink, StreamOutcome,
    StreamSpec, SyncRequest,
};
use super::fault::{Code, ConnectorError};
use super::hook::Webhook;
use super::shape;
use async_trait::async_trait;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value};

pub struct Stripe;

/// Changes of one kind; hourly, since deliveries are quicker (§1.8).
const fn stream(name: &'static str) -> StreamSpec {
    StreamSpec { name, fact: Fact::Things, shape: Shape::Changes, backfill_days: 90, every_minutes: 60 }
}

static SPEC: ConnectorSpec = ConnectorSpec {
    key: "stripe",
    title: "Stripe",
    fields: &[
        Field::secret(
            "api_key",
            "a restricted key that may read charges, customers, events, invoices, prices, products, refunds and \
             subscriptions: Developers → API keys",
        ),
        Field::optional_secret(
            "webhook_secret",
            "the signing secret (whsec_…) of the webhook endpoint; empty until there is one",
        ),
        Field::optional(
            "orders",
            "`yes` counts successful charges as orders: only where no shop is read",
            Some("no"),
        ),
        Field::optional("test_mode", "`yes` reads test data as if it were real", Some("no")),
        Field::optional("account", "acct_… of a connected account", None),
        Field::optional("base_url", "another address of the API", None),
    ],
    hosts: &[Host { key: "", base: "https://api.stripe.com" }],
    api_version: "2025-08-27.basil",
    streams: &[
        stream("customers"),
        stream("plans"),
        stream("subscriptions"),
        stream("invoices"),
        stream("refunds"),
        stream("charges"),
    ],
    // A test key's 25 a second are the least that Stripe gives.
    budget: Budget { per_second: 20.0, burst: 20.0 },
    docs: "https://docs.stripe.com/api",
};

#[async_trait]
impl Connector for Stripe {
    fn spec(&self) -> &'static ConnectorSpec {
        &SPEC
    }

    fn judge(&self) -> Judge {
        judge
    }

    fn webhook(&self) -> Option<&'static dyn Webhook> {
        Some(&Self)
    }

    fn account(&self, config: &Map<String, Value>) -> String {
        config.get("account").and_then(Value::as_str).unwrap_or("stripe").to_owned()
    }

    /// One object of each kind: the key must open them all.
    async fn check(&self, cx: &Ctx) -> Result<CheckReport, ConnectorError> {
        let test_key = ["sk_test_", "rk_test_"]
            .iter()
            .any(|start| cx.secret("api_key").is_ok_and(|key| key.expose_secret().starts_with(start)));
        if test_key && !yes(cx, "test_mode") {
            let advice = "use a live key, or give `--set test_mode=yes` if test data is meant";
            return Err(cx.error(Code::Invalid, "this is a key of test mode", advice));
        }
        let paths = KINDS.iter().filter(|kind| kind.stream != "charges" || yes(cx, "orders"));
        let mut closed = Vec::new();
        for path in paths.map(|kind| kind.path).chain(["events", "products"]) {
            match ask(cx, path, &[("limit", "1".to_owned())]).await {
                Ok(_) => {}
                Err(error) if error.code == Code::Scope => closed.push(path),
                Err(error) => return Err(error),
            }
        }
        if !closed.is_empty() {
            let what = format!("the key may not read {}", closed.join(", "));
            return Err(cx.error(Code::Scope, &what, "give the restricted key these read permissions"));
        }
        let data = if test_key { "test data" } else { "live data" };
        let account = self.account(&cx.config);
        Ok(CheckReport { account: format!("{account}, {data}"), ..CheckReport::default() })
    }

    async fn sync(
        &self,
        cx: &Ctx,
        request: &SyncRequest,
        sink: &mut dyn Sink,
    ) -> Result<StreamOutcome, ConnectorError> {
        let kind = KINDS.iter().find(|kind| kind.stream == request.stream.name).ok_or_else(|| {
            cx.error(Code::Request, "there is no such stream", "see `adjutant source list`")
        })?;
        if kind.stream == "charges" && !yes(cx, "orders") {
            // Whatever else sells here is where the orders are.
            sink.checkpoint(serde_json::json!({ "off": true })).await?;
            return Ok(StreamOutcome::default());
        }
        read::sync(cx, kind, request, sink).await?;
        Ok(StreamOutcome::default())
    }
}

fn yes(cx: &Ctx, setting: &str) -> bool {
    cx.setting(setting) == Some("yes")
}

/// `GET /v1/{path}` with parameters; brackets in names are the API's own.
async fn ask(cx: &Ctx, path: &str, parameters: &[(&str, String)]) -> Result<Reply, ConnectorError> {
    let mut url = cx.url("", &format!("v1/{path}"))?;
    if !parameters.is_empty() {
        url.query_pairs_mut().extend_pairs(parameters);
    }
    let mut ask =
        Ask::get(url).bearer(cx.secret("api_key")?).header("stripe-version", cx.api_version.clone());
    if let Some(account) = cx.setting("account") {
        ask = ask.header("stripe-account", account);
    }
    cx.http.send(&ask).await
}

/// Stripe says in `error` what it does not like, and in `Stripe-Should-Retry` whether asking again makes sense.
fn judge(reply: &Reply) -> Verdict {
    let verdict = by_status(reply);
    if verdict == Verdict::Good {
        return verdict;
    }
    let body = shape::json(&reply.body).unwrap_or_default();
    let error = body.get("error").unwrap_or(&Value::Null);
    let said = shape::text_if_any(error, "message").unwrap_or_default();
    let named = shape::text_if_any(error, "code").or_else(|| shape::text_if_any(error, "type"));
    let told = |what: &str| if said.is_empty() { what.to_owned() } else { format!("{what}: {said}") };
    let name = |code: String| named.map_or(code.clone(), |named| format!("{code} {named}"));
    let should_retry = reply.header("stripe-should-retry");
    match verdict {
        Verdict::Again { code, what, platform_code, .. } if should_retry == Some("false") => Verdict::Bad {
            code,
            what: told(&what),
            platform_code: name(platform_code),
            advice: "the next run tries again",
        },
        Verdict::Again { code, what, platform_code, wait } => {
            Verdict::Again { code, what: told(&what), platform_code: name(platform_code), wait }
        }
        Verdict::Bad { what, platform_code, .. } if should_retry == Some("true") => Verdict::Again {
            code: Code::Unavailable,
            what: told(&what),
            platform_code: name(platform_code),
            wait: super::client::retry_after(reply),
        },
        Verdict::Bad { code, what, platform_code, advice } => {
            Verdict::Bad { code, what: told(&what), platform_code: name(platform_code), advice }
        }
        Verdict::Good => Verdict::Good,
    }
}
