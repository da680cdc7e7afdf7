//! A reply that is faster than our note of where the message stands that it replies to.
use super::Slack;
use super::asking::start;
use super::wire::{Inbound, Us};
use crate::access::Surface;
use crate::db::{self, cards, conversations, notices, outbox};
use crate::ids::OrgId;
use jiff::{SignedDuration, Timestamp};

/// Between two looks whether the note is there.
pub const LOOK: SignedDuration = SignedDuration::from_millis(250);
/// How long a reply waits: longer than a message in the hand of a sender that died is under its lease (90 s).
const PATIENCE: SignedDuration = SignedDuration::from_secs(180);

/// The reply comes too early.
#[derive(Debug, thiserror::Error)]
#[error("what it replies to is not on record yet")]
pub struct TooEarly;

/// Whether a reply in a thread that nobody knows is to wait, because its first message may be one of ours that was sent
/// and is not noted yet. Nothing waits for a thread that others began, or in a channel where nothing is being sent.
pub async fn is(
    slack: &Slack,
    org: OrgId,
    us: &Us,
    inbound: &Inbound,
    received_at: Timestamp,
) -> Result<bool, db::Error> {
    let Inbound::Said { origin, .. } = inbound else { return Ok(false) };
    let (Some(channel), Some(thread)) = (&origin.channel, &origin.thread_ts) else { return Ok(false) };
    let app = &slack.inner.app;
    // A mention does not say who began its thread.
    let theirs = origin.thread_by.as_ref().is_some_and(|by| *by != us.bot_user);
    if theirs || origin.is_bot || app.clock.now().duration_since(received_at) >= PATIENCE {
        return Ok(false);
    }
    let mut tx = app.db.org(org).await?;
    // In this order: what is noted in between is seen by the second look.
    if !outbox::under_way(&mut tx, org, Surface::Slack, channel).await? {
        return Ok(false);
    }
    let external_ref = start::external_ref(&origin.team, channel, thread);
    Ok(conversations::of_ref(&mut tx, org, Surface::Slack, &external_ref).await?.is_none()
        && cards::in_thread(&mut tx, org, channel, thread).await?.is_empty()
        && notices::below(&mut tx, org, channel, thread).await?.is_none())
}
