//! Deliveries of platforms: taken in when they are theirs, stored, then worked on.
//!
//! What is answered with 200 is stored. Work reads the thing that changed from the platform as polling does; a worker that dies
//! leaves a lease that runs out, and doing it again changes nothing.
use super::sink::{DbSink, Place};
use super::{Code, ConnectorError, Engine, storage};
use crate::db::hooks::{self, Claimed, HookState, NewHook, Outcome};
use crate::db::people::RouteKind;
use crate::db::sources::{self, SecretsError, Source, SourceState};
use crate::db::syncs::Counts;
use crate::ids::{OrgId, SourceId};
use crate::platforms::contract::{Ctx, Sink as _};
use crate::platforms::fault::Voice;
use crate::platforms::hook::{Incoming, Known, Refused, Webhook, Wish};
use crate::platforms::registry;
use futures::FutureExt as _;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::HeaderMap;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Waits before another try; after the last one a delivery is dead (`connectors.md` §1.10).
const PAUSES: [SignedDuration; 3] =
    [SignedDuration::from_secs(10), SignedDuration::from_mins(1), SignedDuration::from_mins(10)];
/// How much longer a pause may be, so that many do not come back at once.
const JITTER: f64 = 0.25;
/// Working on one is cut so much before its lease ends.
const BUDGET: Duration = Duration::from_secs(90);
/// Deliveries taken at once.
const BATCH: usize = 10;

/// Where deliveries are addressed to: the connection's own id and its organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    pub org: OrgId,
    pub source: SourceId,
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// Stored; a worker has it.
    Stored,
    /// It came before.
    Again,
    /// Stored, and about nothing that is read.
    Ignored,
}

/// What came of a few deliveries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Worked {
    pub taken: usize,
    /// The others are tried again later, or somebody else has them by now.
    pub ended: usize,
    /// As many were taken as are at once, so there may be more.
    pub more: bool,
}

/// Why a delivery is not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The secrets do not open; a person has to look.
    #[error("the secrets of the connection do not open: {0}")]
    Secrets(String),
    /// It is the platform's, and one too many for now.
    #[error("too many deliveries")]
    NotNow,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<SecretsError> for NotTaken {
    fn from(error: SecretsError) -> Self {
        match error {
            SecretsError::Vault(error) => Self::Secrets(error.to_string()),
            SecretsError::Database(error) => Self::Database(error),
        }
    }
}

impl Engine {
    /// The connection that an address means; nothing where there is none of this connector that takes deliveries.
    pub async fn addressed(&self, connector: &str, source: SourceId) -> Result<Option<Address>, sqlx::Error> {
        let takes = registry::connector(connector).is_some_and(|known| known.webhook().is_some());
        if !takes {
            return Ok(None);
        }
        let route = self.db.route(RouteKind::Source, &source.to_string()).await?;
        Ok(route.filter(|route| route.target == connector).map(|route| Address { org: route.org_id, source }))
    }

    /// Takes a delivery in: proves whose it is, asks whether it may come in now, stores it, and only then says so.
    pub async fn receive(
        &self,
        address: Address,
        path_token: Option<&str>,
        (headers, body): (&HeaderMap, &[u8]),
        may: impl FnOnce() -> bool + Send,
    ) -> Result<Received, NotTaken> {
        let Address { org, source } = address;
        let now = self.outside.clock.now();
        let mut tx = self.db.org(org).await?;
        let stored = sources::get(&mut tx, org, source).await?.ok_or(Refused::NotHere)?;
        let hook = registry::connector(&stored.connector).and_then(|connector| connector.webhook());
        let hook = hook.ok_or(Refused::NotHere)?;
        // People ask what a shop stores of them, and to be forgotten, whether it is read or not.
        if stored.state == SourceState::Disabled && !hook.owed(headers) {
            return Err(Refused::NotHere.into());
        }
        let secrets = sources::secrets(&mut tx, org, source, &self.keys).await?;
        let known = Known { config: &stored.config, secrets: &secrets };
        let delivery = hook.verify(&Incoming { headers, body, path_token, now }, &known)?;
        if !may() {
            return Err(NotTaken::NotNow);
        }
        let kept = kept(hook, headers);
        let state = if delivery.wanted { HookState::New } else { HookState::Ignored };
        let new = NewHook { source, id: &delivery.id, topic: &delivery.topic, headers: &kept, body, state };
        let first = hooks::store(&mut tx, org, &new, now).await?;
        tx.commit().await?;
        Ok(match (first, delivery.wanted) {
            (false, _) => Received::Again,
            (true, true) => Received::Stored,
            (true, false) => Received::Ignored,
        })
    }

    /// Connections of an organisation with deliveries that are due.
    pub async fn delivered(&self, org: OrgId) -> Result<Vec<SourceId>, sqlx::Error> {
        let mut tx = self.db.org(org).await?;
        let waiting = hooks::waiting(&mut tx, org, self.outside.clock.now()).await;
        crate::db::let_go(tx);
        waiting
    }

    /// Works on a few deliveries of a connection that are due, the oldest first.
    pub async fn work(
        &self,
        org: OrgId,
        source: SourceId,
        owner: Uuid,
        stop: &CancellationToken,
    ) -> Result<Worked, sqlx::Error> {
        let mut tx = self.db.org(org).await?;
        let claimed =
            hooks::claim(&mut tx, org, source, owner, self.outside.clock.now(), BATCH as i64).await?;
        tx.commit().await?;
        let mut worked = Worked { taken: claimed.len(), ended: 0, more: claimed.len() >= BATCH };
        // One after the other would let one slow answer hold up the batch until its leases end.
        let work = claimed.iter().map(|hook| self.work_on(org, owner, hook, stop));
        for done in futures::future::join_all(work).await {
            worked.ended += usize::from(done?);
        }
        Ok(worked)
    }

    /// `false`: it is tried again later, or somebody else has it by now.
    async fn work_on(
        &self,
        org: OrgId,
        owner: Uuid,
        hook: &Claimed,
        stop: &CancellationToken,
    ) -> Result<bool, sqlx::Error> {
        let tries = i32::try_from(PAUSES.len()).unwrap_or(i32::MAX) + 1;
        let result = if hook.attempts > tries {
            // The program ended each time it worked on this.
            Err((Code::Unavailable.as_str(), "every try was cut off in the middle".to_owned()))
        } else {
            // A parser's panic is one delivery's trouble.
            let carried = AssertUnwindSafe(self.carry_out(org, hook, stop)).catch_unwind();
            match tokio::time::timeout(BUDGET, carried).await {
                Ok(Ok(Ok(wanted))) => Ok(wanted),
                Ok(Ok(Err(error))) => Err((error.code.as_str(), error.message)),
                Ok(Err(_)) => Err((Code::Storage.as_str(), "a mistake of the program".to_owned())),
                Err(_) => Err((Code::Unavailable.as_str(), "it took too long".to_owned())),
            }
        };
        let now = self.outside.clock.now();
        let outcome = match &result {
            Ok(true) => Outcome::Done,
            Ok(false) => Outcome::Ignored,
            Err((code, error)) => match self.again(hook.attempts, now) {
                Some(at) => Outcome::Later(at, code, error),
                None => Outcome::Dead(code, error),
            },
        };
        let mut tx = self.db.org(org).await?;
        let ours = hooks::finish(&mut tx, org, hook, owner, outcome, now).await?;
        if ours && matches!(outcome, Outcome::Dead(..)) {
            self.tell_of_dead(&mut tx, org, hook.source, now).await?;
        }
        tx.commit().await?;
        let word = match outcome {
            Outcome::Done => "done",
            Outcome::Ignored => "ignored",
            Outcome::Later(..) => "retried",
            Outcome::Dead(..) => "dead",
        };
        metrics::counter!("adjutant_webhook_work_total", "outcome" => word).increment(1);
        if let Outcome::Dead(code, error) = outcome {
            tracing::error!(
                source = %hook.source, delivery = hook.id, topic = hook.topic, code, error,
                "a delivery was given up; polling closes the gap, `adjutant source hooks replay` tries again"
            );
        }
        Ok(ours && !matches!(outcome, Outcome::Later(..)))
    }

    /// When a delivery that failed for the nth time is tried again, if at all.
    fn again(&self, attempts: i32, now: Timestamp) -> Option<Timestamp> {
        let pause = PAUSES.get(usize::try_from(attempts - 1).ok()?)?;
        let jitter = (pause.as_secs_f64() * 1000.0 * JITTER * (self.outside.chance)()) as i64;
        now.checked_add(*pause + SignedDuration::from_millis(jitter)).ok()
    }

    /// What a delivery asks of its connection, if it does: done also where its secrets are gone.
    async fn wished(&self, org: OrgId, hook: &Claimed) -> Result<Option<(Source, Wish)>, ConnectorError> {
        let voice = Voice::new("source", "webhook", Vec::new());
        let mut tx = self.db.org(org).await.map_err(|e| storage(&voice, &e))?;
        let source = sources::get(&mut tx, org, hook.source).await.map_err(|e| storage(&voice, &e))?;
        crate::db::let_go(tx);
        Ok(source.and_then(|source| {
            let reader = registry::connector(&source.connector)?.webhook()?;
            let wish = reader.wish(&hook.topic, &hook.body)?;
            Some((source, wish))
        }))
    }

    /// Reads everything a delivery is about. `false`: it is about nothing that is read.
    async fn carry_out(
        &self,
        org: OrgId,
        hook: &Claimed,
        stop: &CancellationToken,
    ) -> Result<bool, ConnectorError> {
        if let Some((source, wish)) = self.wished(org, hook).await? {
            return self.grant(org, &source, &hook.id, wish).await.map(|()| true);
        }
        let loaded = self.load(org, hook.source, "webhook", stop.child_token()).await?;
        let spec = loaded.connector.spec();
        let Some(reader) = loaded.connector.webhook() else { return Ok(false) };
        let targets: BTreeSet<_> = reader.targets(&hook.topic, &hook.body).into_iter().collect();
        let ctx: &Ctx = &loaded.ctx;
        let mut known = false;
        for target in &targets {
            let Some(stream) = spec.stream(target.stream) else { continue };
            known = true;
            let place = Place {
                db: &self.db,
                clock: self.outside.clock.clone(),
                org,
                base: loaded.base,
                source: &loaded.source,
                stream,
                run: None,
                account: loaded.connector.account(&loaded.source.config),
            };
            let mut sink = DbSink::new(place, ctx.voice.clone(), ctx.http.meter.clone(), Value::Null);
            sink.as_of(self.outside.clock.now());
            reader.fetch(ctx, target, &mut sink).await?;
            sink.commit(Value::Null, None).await?;
            let Counts { rows_read, rows_written, .. } = sink.counts;
            tracing::debug!(source = %hook.source, topic = hook.topic, rows_read, rows_written, "a delivery was read");
        }
        Ok(known)
    }
}

/// Headers worth keeping with a delivery.
fn kept(hook: &dyn Webhook, headers: &HeaderMap) -> Value {
    let one = |name: &&'static str| {
        let value = headers.get(*name)?.to_str().ok()?;
        Some(((*name).to_owned(), json!(crate::text::clean(value, 500))))
    };
    Value::Object(hook.kept_headers().iter().filter_map(one).collect::<Map<_, _>>())
}
