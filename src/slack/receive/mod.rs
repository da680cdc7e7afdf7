//! Receiving: the socket and HTTP give the same payload to the same code, which stores it before it acknowledges.
pub(crate) mod held;
pub mod http;
pub mod signature;
pub mod socket;

use super::wire::{self, Envelope, Inbound, Us};
use super::{Slack, cards};
use crate::db::slack::inbound::{self, InboundState, NewInbound};
use crate::db::{self, slack::installs};
use crate::ids::OrgId;
use anyhow::Context as _;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How a payload is answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Stored, or nothing to be stored: acknowledge.
    Done,
    /// Acknowledge with this body: a view that was submitted is to show something.
    Say(Value),
    Challenge(String),
    /// It could not be stored: do not acknowledge, so that it comes again.
    Later,
}

/// How long a store may take. Slack waits three seconds, and brings events again that nobody took; it does not bring
/// clicks, commands and views again.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For what comes again.
    pub events: Duration,
    /// For what does not.
    pub others: Duration,
    /// How long what does not come again is tried, whether or not Slack was told that it is late.
    pub in_the_end: Duration,
}

impl Patience {
    /// Short for events: with the database away, Slack is told so within half a second.
    pub fn for_http() -> Self {
        Self {
            events: Duration::from_millis(450),
            others: Duration::from_millis(2_500),
            in_the_end: IN_THE_END,
        }
    }

    /// Nobody waits for an answer on a socket but the envelope itself.
    pub fn for_socket() -> Self {
        Self { events: Duration::from_millis(2_500), ..Self::for_http() }
    }
}

/// How long a click that was not stored in time is held, longer than the database is away for a restart.
const IN_THE_END: Duration = Duration::from_secs(60);

/// Where a workspace leads, once it is known.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    pub org: OrgId,
    pub team: String,
    pub us: Us,
}

/// The workspaces this process has met.
#[derive(Default)]
pub(crate) struct Homes(Mutex<HashMap<String, Arc<Home>>>);

impl Homes {
    fn known(&self, team: &str) -> Option<Arc<Home>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(team).cloned()
    }

    /// Who we are in a workspace, as far as it is known.
    pub fn us(&self, team: &str) -> Us {
        self.known(team).map(|home| home.us.clone()).unwrap_or_default()
    }

    pub fn keep(&self, home: Home) -> Arc<Home> {
        let home = Arc::new(home);
        let mut homes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        homes.insert(home.team.clone(), Arc::clone(&home));
        home
    }

    pub fn forget(&self, team: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(team);
    }

    /// The organisations whose envelopes come here.
    pub fn organisations(&self) -> Vec<OrgId> {
        let homes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<OrgId> = homes.values().map(|home| home.org).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// After `stop`, waits for what was accepted and is not stored yet, as long as a stopping program may.
pub(crate) async fn settle(slack: &Slack, stop: CancellationToken) {
    stop.cancelled().await;
    slack.inner.held.drain().await;
}

impl Slack {
    /// Stores a payload that is known to come from Slack. Does no other work, so that the acknowledgement is quick; only
    /// a view that was submitted is checked first, because its errors can be shown now or never.
    pub async fn accept(&self, mut payload: Value, patience: Patience) -> Answer {
        if let Some(fields) = payload.as_object_mut() {
            // The old verification token is a secret, and good for nothing.
            fields.remove("token");
        }
        let first = wire::read(&payload, "", &Us::default());
        if let Inbound::Challenge(text) = first.inbound {
            return Answer::Challenge(text);
        }
        if first.inbound == Inbound::SslCheck {
            return Answer::Done;
        }
        let event = payload.get("event").is_some();
        let at = self.inner.app.clock.now();
        let limit = if event { patience.events } else { patience.others };
        // A form that could not be taken stays open, with what was written in it.
        let outcome = if event || matches!(first.inbound, Inbound::Submission { .. }) {
            timeout(limit, async {
                self.inner.held.nothing_of(&first.lane).await;
                self.keep(&payload, event, at).await
            })
            .await
        } else {
            self.keep_in_the_end(payload, &first, patience, at).await
        };
        let (answer, word) = match outcome {
            Ok(Ok((answer, word))) => (answer, word),
            Ok(Err(error)) => {
                tracing::warn!(kind = first.kind, error = format!("{error:#}"), "an envelope was not stored");
                (Answer::Later, "later")
            }
            Err(_) => {
                tracing::warn!(kind = first.kind, ?limit, "an envelope was not stored in time");
                (Answer::Later, "later")
            }
        };
        metrics::counter!("adjutant_slack_inbound_total", "outcome" => word).increment(1);
        answer
    }

    /// Stores what was received at `at`.
    async fn keep(
        &self,
        payload: &Value,
        event: bool,
        at: Timestamp,
    ) -> anyhow::Result<(Answer, &'static str)> {
        let Some(home) = self.home(&wire::teams(payload)).await? else {
            // Before the installation is recorded nobody knows whose this is; afterwards it is nobody's.
            anyhow::ensure!(
                self.inner.installed.load(Ordering::Relaxed),
                "the installation is not recorded yet"
            );
            tracing::warn!("an envelope of a workspace that leads nowhere was acknowledged and dropped");
            return Ok((Answer::Done, "stranger"));
        };
        let envelope = wire::read(payload, &home.team, &home.us);
        if envelope.is_chatter() {
            return Ok((Answer::Done, "chatter"));
        }
        if matches!(envelope.inbound, Inbound::Submission { .. })
            && let Some(view) = cards::submit_now(self, home.org, &envelope.inbound).await?
        {
            return Ok((Answer::Say(view), "answered"));
        }
        let stored = self.store(&home, &envelope, (payload, at), event).await.context("storing")?;
        if stored {
            self.inner.wake.notify_one();
        }
        Ok((Answer::Done, if stored { "stored" } else { "duplicate" }))
    }

    async fn store(
        &self,
        home: &Home,
        envelope: &Envelope,
        (payload, at): (&Value, Timestamp),
        event: bool,
    ) -> Result<bool, db::Error> {
        let db = &self.inner.app.db;
        // What is not brought again waits through a short absence of the database.
        let mut tx = if event { db.org_at_once(home.org).await? } else { db.org(home.org).await? };
        let known = !matches!(envelope.inbound, Inbound::Unknown { .. });
        let new = NewInbound {
            key: &envelope.key,
            team: &home.team,
            kind: &envelope.kind,
            message: envelope.message.as_ref().map(|(channel, ts)| (channel.as_str(), ts.as_str())),
            lane: &envelope.lane,
            place: &envelope.place,
            body: payload,
            state: if known { InboundState::New } else { InboundState::Done },
        };
        let stored = inbound::store(&mut tx, home.org, &new, at).await?;
        tx.commit().await?;
        Ok(stored)
    }

    /// The first of these workspaces that leads to the organisation this process works for. Others of the same database
    /// have a token and a signing secret of their own.
    async fn home(&self, teams: &[String]) -> Result<Option<Arc<Home>>, db::Error> {
        for team in teams {
            if let Some(home) = self.inner.homes.known(team) {
                return Ok(Some(home));
            }
            let db = &self.inner.app.db;
            let Some(org) = installs::organisation(db, team).await? else { continue };
            if self.own().await? == Some(org) {
                let mut tx = db.org_at_once(org).await?;
                let install = installs::get(&mut tx, org, team).await?;
                tx.commit().await?;
                let us = install.map(|i| Us { bot_user: i.bot_user, bot_id: i.bot_id }).unwrap_or_default();
                return Ok(Some(self.inner.homes.keep(Home { org, team: team.clone(), us })));
            }
        }
        Ok(None)
    }
}
