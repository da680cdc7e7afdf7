//! Sends what must arrive: rows of the outbox, in order within their channel, by one process at a time.
//!
//! | `payload` of a row | what it means |
//! | --- | --- |
//! | `method`, `args` | the call. A user's id in `args.channel` stands for the direct conversation with that person |
//! | `ts_of`, `thread_of` | the key of an earlier row: where that arrived becomes `args.ts`, or `args.thread_ts` |
//! | `then` | `{to: "cards" or "asking", …}`: who is told where it arrived |
//! | `file` | `{name, title, base64}` instead of `method`; `args` has `channel` and maybe `thread_ts` |
//!
//! A row of kind `card` has no call: `cards` renders it from the draft's state at the moment of sending.
mod deliver;
mod found;
mod make;

pub use make::{dm, file, message, update};

use super::Slack;
use super::api::ApiError;
use crate::access::Surface;
use crate::clock::SharedClock;
use crate::db::outbox::{self, Again, Row};
use crate::db::{Db, Error};
use crate::ids::{OrgId, new_uuid};
use deliver::{Delivered, Failure};
use jiff::{SignedDuration, Timestamp};
use rand::Rng;
use serde_json::Value;
use std::collections::HashMap;
use std::time::Duration;
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

/// How long a channel belongs to a sender that is not heard of again; longer than a message can take.
const LEASE: Duration = Duration::from_secs(90);
/// Channels that are sent to at once.
const AT_ONCE: usize = 16;
/// Between two looks at the table when nobody says that there is something: for what others stored.
const POLL: Duration = Duration::from_secs(1);
/// How long a message is tried while Slack does not answer. Cards, decisions, files and digests are not lost to an outage;
/// after days nobody wants them any more.
pub const PATIENCE: Duration = Duration::from_secs(3 * 24 * 3600);
/// Tries before a message is given up that is worth nothing later (a word to one person in passing), or that we fail to
/// make ourselves.
pub const ATTEMPTS: i32 = 24;
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(300);
/// While the token is of no use.
const GONE: Duration = Duration::from_secs(300);
/// How long a stopping sender waits for the messages in hand.
const LAST_WORDS: Duration = Duration::from_secs(12);

/// A call that is ready to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    pub method: String,
    pub args: Value,
}

/// Sends until `stop`; then the messages in hand are finished.
pub async fn run(slack: &Slack, stop: CancellationToken) {
    let mut sender = Running {
        slack: slack.clone(),
        owner: new_uuid(&*slack.inner.app.clock).to_string(),
        stop: stop.clone(),
        busy: HashMap::new(),
        lanes: JoinSet::new(),
    };
    while !stop.is_cancelled() {
        let next = match sender.start_lanes().await {
            Ok(next) => next,
            Err(error) => {
                tracing::warn!(%error, "the outbox cannot be read; it is tried again");
                None
            }
        };
        let clock = &slack.inner.app.clock;
        tokio::select! {
            () = stop.cancelled() => break,
            () = slack.inner.outbox_wake.notified() => {}
            () = tokio::time::sleep(POLL) => {}
            () = clock.until(next.unwrap_or(Timestamp::MAX)), if next.is_some() => {}
            Some(ended) = sender.lanes.join_next_with_id() => sender.ended(ended),
        }
    }
    let finished = async { while sender.lanes.join_next().await.is_some() {} };
    // What is not finished by then is found under its lease, and looked for before it is sent again.
    let _ = tokio::time::timeout(LAST_WORDS, finished).await;
}

/// The lanes under way. Dropping it ends them.
struct Running {
    slack: Slack,
    owner: String,
    stop: CancellationToken,
    busy: HashMap<Id, (OrgId, String)>,
    lanes: JoinSet<()>,
}

impl Running {
    /// Starts on every lane that has something to send, and tells when there may be more.
    async fn start_lanes(&mut self) -> Result<Option<Timestamp>, Error> {
        let app = self.slack.inner.app.clone();
        let mut next: Option<Timestamp> = None;
        if let Some(org) = self.slack.own().await? {
            let now = app.clock.now();
            let mut tx = app.db.org(org).await?;
            let due = outbox::due(&mut tx, org, Surface::Slack, &self.owner, now, 200).await?;
            let moment = outbox::next_moment(&mut tx, org, Surface::Slack, now).await?;
            tx.commit().await?;
            next = next.into_iter().chain(moment).min();
            for channel in due {
                let key = (org, channel.clone());
                if self.lanes.len() >= AT_ONCE || self.busy.values().any(|busy| *busy == key) {
                    continue;
                }
                let (slack, owner, stop) = (self.slack.clone(), self.owner.clone(), self.stop.clone());
                let lane = Lane { slack, org, channel, owner, stop };
                let task = self.lanes.spawn(lane.run());
                self.busy.insert(task.id(), key);
            }
        }
        Ok(next)
    }

    fn ended(&mut self, lane: Result<(Id, ()), JoinError>) {
        let id = match lane {
            Ok((id, ())) => id,
            Err(error) => {
                tracing::error!(%error, "a sender of the outbox ended badly");
                error.id()
            }
        };
        self.busy.remove(&id);
    }
}

/// One channel, as long as it has something to send.
struct Lane {
    slack: Slack,
    org: OrgId,
    channel: String,
    owner: String,
    stop: CancellationToken,
}

impl Lane {
    async fn run(self) {
        if let Err(error) = self.send_all().await {
            tracing::warn!(channel = self.channel, %error, "the outbox of a channel stops until the database answers");
        }
    }

    async fn send_all(&self) -> Result<(), Error> {
        while !self.stop.is_cancelled() {
            let now = self.clock().now();
            let mut tx = self.db().org(self.org).await?;
            let row =
                outbox::take(&mut tx, self.org, Surface::Slack, &self.channel, &self.owner, now, now + LEASE);
            let row = row.await?;
            tx.commit().await?;
            let Some(row) = row else { break };
            self.send(&row).await?;
        }
        let mut tx = self.db().org(self.org).await?;
        outbox::leave(&mut tx, self.org, Surface::Slack, &self.channel, &self.owner).await?;
        tx.commit().await
    }

    async fn send(&self, row: &Row) -> Result<(), Error> {
        let arrived = match self.deliver(row).await? {
            Ok(Delivered::At(place)) => Some(place),
            Ok(Delivered::Nothing) => None,
            Err(failure) => return self.failed(row, failure).await,
        };
        if let Some(place) = &arrived {
            let mut tx = self.db().org(self.org).await?;
            outbox::arrived(&mut tx, self.org, row.id, &self.owner, place).await?;
            tx.commit().await?;
            if let Err(error) = self.hand_back(row, place).await {
                let words = format!("{error:#}");
                tracing::error!(kind = %row.kind, channel = row.channel_ref, error = words, "a message arrived, and what follows from it failed");
                if row.attempts + 1 < ATTEMPTS {
                    return self
                        .again(row, &words, Next { wait: None, failed: true, uncertain: false, plain: false })
                        .await;
                }
            }
        }
        let mut tx = self.db().org(self.org).await?;
        outbox::sent(&mut tx, self.org, row.id, &self.owner, self.clock().now()).await?;
        tx.commit().await?;
        metrics::counter!("adjutant_slack_outbox_total", "state" => "sent").increment(1);
        Ok(())
    }

    async fn failed(&self, row: &Row, failure: Failure) -> Result<(), Error> {
        let Failure { error, uncertain, ours } = failure;
        let words = match &error {
            ApiError::Refused { detail, .. } if !detail.is_empty() => {
                format!("{error} ({})", detail.join("; "))
            }
            ApiError::Refused { .. } | ApiError::Limited { .. } | ApiError::Broken(_) | ApiError::Gone => {
                error.to_string()
            }
        };
        let same = Next { wait: None, failed: true, uncertain, plain: false };
        match error {
            ApiError::Limited { after } => {
                self.again(row, &words, Next { wait: Some(after), failed: false, ..same }).await
            }
            ApiError::Gone => {
                tracing::error!(channel = row.channel_ref, "{words}; the message waits");
                self.again(row, &words, Next { wait: Some(GONE), failed: false, ..same }).await
            }
            ApiError::Refused { code, .. } if too_much(&code) && !row.plain => {
                tracing::error!(kind = %row.kind, channel = row.channel_ref, error = words, "blocks were refused; the text is sent without them");
                self.again(row, &words, Next { wait: Some(Duration::ZERO), plain: true, ..same }).await
            }
            ApiError::Broken(_) if self.is_worth_a_try(row, ours) => {
                tracing::warn!(kind = %row.kind, channel = row.channel_ref, attempt = row.attempts + 1, error = words, "a message is tried again");
                self.again(row, &words, same).await
            }
            ApiError::Broken(_) | ApiError::Refused { .. } => self.give_up(row, &words).await,
        }
    }

    /// Whether a row that Slack gave no answer to (or that was not made, by a fault of `ours`) is tried once more.
    fn is_worth_a_try(&self, row: &Row, ours: bool) -> bool {
        if row.attempts + 1 < ATTEMPTS {
            // However long it waited for its turn, or for a token.
            return true;
        }
        if ours || row.payload["method"] == "chat.postEphemeral" {
            return false;
        }
        let age = self.clock().now().duration_since(row.created_at);
        age <= SignedDuration::try_from(PATIENCE).unwrap_or(SignedDuration::MAX)
    }

    async fn again(&self, row: &Row, error: &str, next: Next) -> Result<(), Error> {
        let wait = next.wait.unwrap_or_else(|| backoff(row.attempts, &mut rand::rng()));
        let again = Again {
            retry_at: self.clock().now() + wait,
            failed: next.failed,
            uncertain: next.uncertain,
            plain: next.plain,
            error,
        };
        let mut tx = self.db().org(self.org).await?;
        outbox::again(&mut tx, self.org, row.id, &self.owner, &again).await?;
        tx.commit().await
    }

    async fn give_up(&self, row: &Row, error: &str) -> Result<(), Error> {
        tracing::error!(kind = %row.kind, channel = row.channel_ref, key = row.dedupe_key, error, "a message is given up");
        metrics::counter!("adjutant_slack_outbox_total", "state" => "dead").increment(1);
        let mut tx = self.db().org(self.org).await?;
        outbox::dead(&mut tx, self.org, row.id, &self.owner, error, self.clock().now()).await?;
        tx.commit().await
    }

    fn db(&self) -> &Db {
        &self.slack.inner.app.db
    }

    fn clock(&self) -> &SharedClock {
        &self.slack.inner.app.clock
    }
}

/// How a row goes on.
struct Next {
    /// None: by the backoff.
    wait: Option<Duration>,
    failed: bool,
    uncertain: bool,
    plain: bool,
}

/// Refusals that a message without blocks, and of moderate length, does not meet.
fn too_much(code: &str) -> bool {
    matches!(
        code,
        "invalid_blocks"
            | "invalid_blocks_format"
            | "invalid_attachments"
            | "msg_blocks_too_long"
            | "msg_too_long"
            | "block_mismatch"
            | "cannot_parse_attachment"
    )
}

/// Exponential with full jitter, so that many who failed together do not come back together.
fn backoff(attempts: i32, rng: &mut impl Rng) -> Duration {
    let doublings = u32::try_from(attempts).unwrap_or(0).min(16);
    let most = SHORTEST.saturating_mul(1 << doublings).min(LONGEST);
    let most = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(100 + rng.next_u64() % most)
}

#[cfg(test)]
mod tests;
