//! Sends what waits for an endpoint, a few messages at a time.
use super::sign;
use crate::clock::SharedClock;
use crate::db::audit::{self, NewEntry};
use crate::db::notices;
use crate::db::vault::Keys;
use crate::db::webhooks::deliveries::{self, Due, Tried};
use crate::db::webhooks::endpoints::{self, DisabledReason, SecretsError};
use crate::db::{Db, OrgTx};
use crate::ids::{OrgId, OutboxId, WebhookId};
use crate::platforms::client::{Chance, Reply, retry_after};
use crate::platforms::public::PublicOnly;
use crate::report::notice::{Alert, Notice};
use crate::text::clean;
use anyhow::Context as _;
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, StatusCode, redirect};
use secrecy::SecretString;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::rules::check_url;

/// Pauses before the second and every further try, seconds, spread by a fifth to both sides; then it is given up
/// (`events.md` §12).
pub const PAUSES: [i64; 7] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400];
const SPREAD: f64 = 0.2;
/// The longest wait that an endpoint may ask for.
const LONGEST_ASKED: i64 = 24 * 3_600;
/// After so long without a success an endpoint is switched off.
const PATIENCE: SignedDuration = SignedDuration::from_hours(5 * 24);
const TIMEOUT: Duration = Duration::from_secs(10);

/// What lies outside.
#[derive(Clone)]
pub struct Settings {
    /// Hosts that may be of this network and without TLS, as the operator says.
    pub allowed: Arc<BTreeSet<String>>,
    pub keys: Keys,
    pub chance: Chance,
}

impl Settings {
    /// No secret can be kept, and no host of this network is allowed.
    pub fn closed() -> Self {
        let keys = || anyhow::bail!("no master key is at hand");
        Self { allowed: Arc::default(), keys: Arc::new(keys), chance: Arc::new(|| 0.5) }
    }
}

/// What sends. Cheap to clone.
#[derive(Clone)]
pub struct Sender {
    db: Db,
    clock: SharedClock,
    settings: Settings,
    http: Client,
}

/// What came of one try.
struct Answer {
    status: Option<StatusCode>,
    error: Option<String>,
    /// Seconds that were asked for.
    asked: Option<i64>,
}

impl Sender {
    pub fn new(db: Db, clock: SharedClock, settings: Settings) -> anyhow::Result<Self> {
        let http = Client::builder()
            .timeout(TIMEOUT)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("adjutant/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Arc::new(PublicOnly { allowed: Arc::clone(&settings.allowed) }))
            .build()
            .context("what sends webhooks could not be set up")?;
        Ok(Self { db, clock, settings, http })
    }

    /// Endpoints of an organisation that something is due for now.
    pub async fn waiting(&self, org: OrgId) -> anyhow::Result<Vec<WebhookId>> {
        let mut tx = self.db.org(org).await?;
        Ok(deliveries::waiting(&mut tx, org, self.clock.now()).await?)
    }

    /// Sends a few of what is due for an endpoint; gives how many tries that were. Replicas may do so side by side.
    pub async fn send(&self, org: OrgId, endpoint: WebhookId) -> anyhow::Result<usize> {
        let now = self.clock.now();
        let mut tx = self.db.org(org).await?;
        // Before anything is taken: without a key nothing is signed, and what waits goes on waiting.
        let keys = (self.settings.keys)().context("webhooks wait to be signed")?;
        let due = deliveries::take(&mut tx, org, endpoint, now).await?;
        if due.is_empty() {
            return Ok(0);
        }
        let mut ready = Vec::with_capacity(due.len());
        for due in due {
            let secrets = endpoints::secrets(&mut tx, org, due.endpoint_id, &keys, now).await;
            ready.push((due, secrets));
        }
        tx.commit().await?;
        let tries = ready.len();
        let sent =
            ready.into_iter().map(|(due, secrets)| async move { self.deliver(org, &due, secrets).await });
        join_all(sent).await.into_iter().collect::<anyhow::Result<()>>()?;
        Ok(tries)
    }

    async fn deliver(
        &self,
        org: OrgId,
        due: &Due,
        secrets: Result<Vec<SecretString>, SecretsError>,
    ) -> anyhow::Result<()> {
        let began = self.clock.monotonic();
        let answer = match secrets {
            Ok(secrets) => self.post(due, &secrets).await,
            Err(error) => Answer { status: None, error: Some(error.to_string()), asked: None },
        };
        let took = self.clock.monotonic().duration_since(began).as_millis();
        let now = self.clock.now();
        let pause = usize::try_from(due.attempt - 1).ok().and_then(|at| PAUSES.get(at)).copied();
        let pause = pause.filter(|_| answer.status != Some(StatusCode::GONE));
        let spread = 1.0 + SPREAD * (2.0 * (self.settings.chance)() - 1.0);
        let next = pause.map(|seconds| {
            let own = SignedDuration::from_secs_f64(seconds as f64 * spread);
            let wait = answer
                .asked
                .map_or(own, |asked| own.max(SignedDuration::from_secs(asked.min(LONGEST_ASKED))));
            now.checked_add(wait).unwrap_or(now)
        });
        let tried = Tried {
            status: answer.status.map(|status| i32::from(status.as_u16())),
            error: answer.error.as_deref(),
            took_ms: i32::try_from(took).unwrap_or(i32::MAX),
            next_at: next.filter(|_| answer.error.is_some()),
        };
        let mut tx = self.db.org(org).await?;
        let failing = deliveries::tried(&mut tx, org, due, &tried, now).await?;
        let reason = match failing {
            _ if answer.status == Some(StatusCode::GONE) => Some(DisabledReason::Gone),
            Some(since) if now.duration_since(since) >= PATIENCE => Some(DisabledReason::Failing),
            _ => None,
        };
        if let Some(reason) = reason {
            self.switch_off(&mut tx, org, due, reason, now).await?;
        }
        tx.commit().await?;
        let told = if answer.error.is_none() { "done" } else { "failed" };
        metrics::counter!("adjutant_webhook_tries_total", "outcome" => told).increment(1);
        Ok(())
    }

    async fn post(&self, due: &Due, secrets: &[SecretString]) -> Answer {
        let refused = |error: String| Answer { status: None, error: Some(error), asked: None };
        // Asked again at every try: the operator's list may have changed.
        let url = match check_url(&due.url, &self.settings.allowed) {
            Ok(url) => url,
            Err(fault) => return refused(fault.to_string()),
        };
        let mut request = self.http.post(url).header("content-type", "application/json");
        for (name, value) in sign::headers(due.message_id, self.clock.now(), &due.body, secrets) {
            request = request.header(name, value);
        }
        // What it says besides its status is nobody's business: it is not read.
        let reply = match request.body(due.body.clone()).send().await {
            Ok(reply) => reply,
            Err(error) => return refused(why(&error)),
        };
        let status = reply.status();
        let reply = Reply { status, headers: reply.headers().clone(), body: Vec::new() };
        let busy = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        Answer {
            status: Some(status),
            error: (!status.is_success()).then(|| format!("the endpoint answered {}", status.as_u16())),
            asked: busy.then(|| retry_after(&reply)).flatten(),
        }
    }

    async fn switch_off(
        &self,
        tx: &mut OrgTx,
        org: OrgId,
        due: &Due,
        reason: DisabledReason,
        now: Timestamp,
    ) -> anyhow::Result<()> {
        if !endpoints::disable(tx, org, due.endpoint_id, reason, now).await? {
            return Ok(());
        }
        let mut entry = NewEntry::by_system("webhook.disabled", "webhook", due.endpoint_id, now);
        entry.after = Some(json!({ "reason": reason }));
        audit::append(tx, org, &entry).await?;
        let why = match reason {
            DisabledReason::Gone => "it answered 410, that it is gone",
            DisabledReason::Failing | DisabledReason::Person => "it took nothing for five days",
        };
        let alert = Alert {
            incident: format!("webhook:{}:{}", due.endpoint_id, now.as_second()),
            title: "A webhook was switched off".to_owned(),
            lines: vec![
                format!("{}: {why}.", host(&due.url)),
                "What waited for it was given up. When it works again, switch it on and have the failed deliveries sent again."
                    .to_owned(),
            ],
            opened_at: now,
            resolved_at: None,
            question: None,
        };
        notices::publish(tx, org, OutboxId::new(&*self.clock), &Notice::Alert(alert), now).await?;
        Ok(())
    }
}

/// The host alone: an address may hold a token.
fn host(url: &str) -> String {
    let host = url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
    host.unwrap_or_else(|| "an endpoint".to_owned())
}

/// The innermost cause, without the address.
fn why(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", TIMEOUT.as_secs());
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    format!("not reached: {}", clean(&cause.to_string(), 200))
}
