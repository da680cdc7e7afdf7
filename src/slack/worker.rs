//! Works on what was received: takes envelopes under a lease and hands them to the room they are for.
//!
//! So many at once, those of one thread one after the other, each at least once: a worker that dies leaves a lease that
//! runs out. What fails is tried again with growing pauses, then given up with a word to the person who waits for it.
use super::api::ApiError;
use super::wire::{self, ChannelKind, Inbound, Origin};
use super::{Handled, Slack, asking, cards, early, home, lifecycle, link, notice, settings};
use crate::db::outbox;
use crate::db::slack::inbound::{self, Claimed, InboundState};
use crate::ids::{OrgId, OutboxId};
use anyhow::anyhow;
use futures::FutureExt as _;
use jiff::{SignedDuration, Timestamp};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

/// How long an envelope belongs to a worker that is not heard of again.
pub const LEASE: Duration = Duration::from_secs(30);
/// How long working on one may take: it ends before the lease does.
const BUDGET: Duration = Duration::from_secs(25);
/// How often an envelope is tried, the first time included.
pub const ATTEMPTS: i32 = 5;
/// While the bot's token is of no use: the pause between two tries, which do not count, and how long an envelope waits for
/// another token.
const NO_TOKEN: Duration = Duration::from_secs(300);
const WAITS: SignedDuration = SignedDuration::from_hours(24);
/// Between two looks at the table, when nobody says that there is something: for what other replicas stored.
const POLL: Duration = Duration::from_millis(500);
/// Polls between two looks for workspaces that other replicas recorded.
const POLLS_A_LOOK: u32 = 120;
/// How long a stopping worker waits for what it has in hand.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// The pause after so many attempts.
fn pause(attempts: i32) -> Duration {
    Duration::from_secs(match attempts {
        ..=1 => 1,
        2 => 5,
        3 => 20,
        _ => 60,
    })
}

/// Works until `stop`.
pub async fn run(slack: &Slack, stop: CancellationToken) {
    let owner = crate::ids::new_uuid(&*slack.inner.app.clock);
    let room = Arc::new(Semaphore::new(slack.inner.settings.at_once.max(1)));
    let tasks = TaskTracker::new();
    let mut ticks = tokio::time::interval(POLL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut polls = 0u32;
    while !stop.is_cancelled() {
        if take(slack, owner, &room, &tasks).await > 0 {
            continue;
        }
        let clock = &slack.inner.app.clock;
        let next = next_moment(slack).await.unwrap_or(Timestamp::MAX);
        tokio::select! {
            () = stop.cancelled() => break,
            () = slack.inner.wake.notified() => {}
            () = clock.until(next), if next < Timestamp::MAX => {}
            _ = ticks.tick() => {
                if polls.is_multiple_of(POLLS_A_LOOK)
                    && let Err(error) = lifecycle::look_around(slack).await
                {
                    tracing::warn!(error = format!("{error:#}"), "the workspaces cannot be read");
                }
                polls = polls.wrapping_add(1);
            }
        }
    }
    tasks.close();
    // What is not done by then is done after the lease.
    let _ = tokio::time::timeout(LAST_WORDS, tasks.wait()).await;
}

/// Takes what there is room for and starts on it; gives how many.
async fn take(slack: &Slack, owner: Uuid, room: &Arc<Semaphore>, tasks: &TaskTracker) -> usize {
    let mut taken = 0;
    for org in slack.inner.homes.organisations() {
        let free = room.available_permits();
        if free == 0 {
            break;
        }
        let rows = match claim(slack, org, owner, free).await {
            Ok(rows) => rows,
            Err(error) => {
                tracing::warn!(%error, "envelopes cannot be taken; the database does not answer");
                continue;
            }
        };
        for row in rows {
            // Only this task takes permits: as many as were free are there.
            let Ok(permit) = Arc::clone(room).try_acquire_owned() else { break };
            taken += 1;
            let slack = slack.clone();
            tasks.spawn(async move {
                work(&slack, org, owner, &row).await;
                drop(permit);
                // There is room again, and the next one of the lane may go.
                slack.inner.wake.notify_one();
            });
        }
    }
    taken
}

async fn claim(
    slack: &Slack,
    org: OrgId,
    owner: Uuid,
    limit: usize,
) -> Result<Vec<Claimed>, crate::db::Error> {
    let now = slack.inner.app.clock.now();
    let until = now.checked_add(LEASE).unwrap_or(now);
    let mut tx = slack.inner.app.db.org_at_once(org).await?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = inbound::claim(&mut tx, org, owner, now, until, limit).await?;
    tx.commit().await?;
    Ok(rows)
}

/// When a pause ends or a lease runs out.
async fn next_moment(slack: &Slack) -> Option<Timestamp> {
    let now = slack.inner.app.clock.now();
    let mut next = None;
    for org in slack.inner.homes.organisations() {
        // With the database away there is the next poll.
        let mut tx = slack.inner.app.db.org_at_once(org).await.ok()?;
        let moment = inbound::next_moment(&mut tx, org, now).await.ok()?;
        tx.commit().await.ok()?;
        next = next.into_iter().chain(moment).min();
    }
    next
}

async fn work(slack: &Slack, org: OrgId, owner: Uuid, row: &Claimed) {
    let us = slack.inner.homes.us(&row.team);
    let inbound = wire::read(&row.body, &row.team, &us).inbound;
    let outcome = if row.attempts > ATTEMPTS {
        Err(anyhow!("the program ended each time it worked on this"))
    } else {
        let handling = async {
            if early::is(slack, org, &us, &inbound, row.received_at).await? {
                return Err(early::TooEarly.into());
            }
            dispatch(slack, org, &row.key, &inbound).await
        };
        match tokio::time::timeout(BUDGET, AssertUnwindSafe(handling).catch_unwind()).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(anyhow!("a panic")),
            Err(_) => Err(anyhow!("not done within {} s", BUDGET.as_secs())),
        }
    };
    if let Err(error) = settle(slack, org, owner, row, &inbound, outcome).await {
        // The lease runs out, and it is done again.
        tracing::warn!(kind = row.kind, error = format!("{error:#}"), "an envelope could not be closed");
    }
}

async fn settle(
    slack: &Slack,
    org: OrgId,
    owner: Uuid,
    row: &Claimed,
    inbound: &Inbound,
    outcome: anyhow::Result<()>,
) -> anyhow::Result<()> {
    let now = slack.inner.app.clock.now();
    let Err(error) = outcome else {
        // Should the database's machine crash now, it is done again, which changes nothing.
        let mut tx = slack.inner.app.db.org_unhurried(org).await?;
        inbound::finish(&mut tx, org, &row.key, owner, InboundState::Done, None, now).await?;
        tx.commit().await?;
        return Ok(());
    };
    let words = crate::text::clean(&format!("{error:#}"), 500);
    if error.is::<early::TooEarly>() {
        let again = now.checked_add(early::LOOK).unwrap_or(now);
        let mut tx = slack.inner.app.db.org(org).await?;
        inbound::wait(&mut tx, org, &row.key, owner, again, &words).await?;
        tx.commit().await?;
        return Ok(());
    }
    let api = error.downcast_ref::<ApiError>();
    let gone = matches!(api, Some(ApiError::Gone));
    let last = row.attempts >= ATTEMPTS || gone;
    let waits = if last && !gone { waits_for_an_answer(slack, org, inbound).await } else { None };
    let mut tx = slack.inner.app.db.org(org).await?;
    if gone && now.duration_since(row.received_at) < WAITS {
        tracing::error!(kind = row.kind, error = words, "an envelope waits for a token that works");
        let again = now.checked_add(NO_TOKEN).unwrap_or(now);
        inbound::wait(&mut tx, org, &row.key, owner, again, &words).await?;
        tx.commit().await?;
        return Ok(());
    }
    if !last {
        let wait = match api {
            Some(ApiError::Limited { after }) => (*after).max(pause(row.attempts)),
            _ => pause(row.attempts),
        };
        tracing::warn!(kind = row.kind, attempt = row.attempts, error = words, "an envelope is tried again");
        let again = now.checked_add(wait).unwrap_or(now);
        inbound::put_back(&mut tx, org, &row.key, owner, again, &words).await?;
        tx.commit().await?;
        return Ok(());
    }
    tracing::error!(kind = row.kind, key = row.key, error = words, "an envelope is given up");
    metrics::counter!("adjutant_slack_dead_total").increment(1);
    let mine = inbound::finish(&mut tx, org, &row.key, owner, InboundState::Dead, Some(&words), now).await?;
    let out = waits
        .filter(|_| mine)
        .and_then(|origin| notice::to_person(origin, notice::GIVEN_UP, format!("given-up:{}", row.key)));
    if let Some(out) = out {
        outbox::enqueue(&mut tx, org, OutboxId::new(&*slack.inner.app.clock), &out, now).await?;
    }
    if mine {
        cards::given_up(&mut tx, slack, org, &row.key, inbound).await?;
    }
    tx.commit().await?;
    slack.inner.outbox_wake.notify_one();
    Ok(())
}

/// Who did something that is answered, where we may speak: a command, a click, a form, words to us. Nobody else is told
/// that something went wrong with what they did not ask of us.
async fn waits_for_an_answer<'a>(slack: &Slack, org: OrgId, inbound: &'a Inbound) -> Option<&'a Origin> {
    let asked = match inbound {
        Inbound::Said { origin, mentioned, .. } => *mentioned || origin.channel_kind == ChannelKind::Dm,
        Inbound::Command { .. }
        | Inbound::Action { .. }
        | Inbound::Submission { .. }
        | Inbound::Shortcut { .. } => true,
        Inbound::Closed { .. }
        | Inbound::HomeOpened { .. }
        | Inbound::ContextChanged { .. }
        | Inbound::AssistantStarted { .. }
        | Inbound::Stopped { .. }
        | Inbound::Uninstalled { .. }
        | Inbound::TokensRevoked { .. }
        | Inbound::Challenge(_)
        | Inbound::SslCheck
        | Inbound::Own
        | Inbound::Unknown { .. } => false,
    };
    let origin = inbound.origin().filter(|origin| asked && !origin.is_bot)?;
    // Where that cannot be found out, silence does less harm.
    slack.may_answer_in(org, origin).await.unwrap_or(false).then_some(origin)
}

/// Hands an envelope to the room it is for.
pub(crate) async fn dispatch(
    slack: &Slack,
    org: OrgId,
    event_key: &str,
    inbound: &Inbound,
) -> anyhow::Result<()> {
    slack.note_where(org, inbound).await?;
    if let Inbound::Said { origin, mentioned, .. } = inbound
        && origin.is_bot
        && !slack.is_allowed(origin)
    {
        // An app that talks to us is told once a day and channel that we do not talk to apps; two of them would else
        // talk for ever.
        let addressed = *mentioned || origin.channel_kind == ChannelKind::Dm;
        return if addressed {
            // In a channel shared without consent that is not said either.
            let who = slack.who(org, origin).await?;
            slack.refuse(org, event_key, origin, &who).await
        } else {
            Ok(())
        };
    }
    if lifecycle::handle(slack, org, inbound).await? == Handled::Yes
        || link::handle(slack, org, event_key, inbound).await? == Handled::Yes
        || cards::handle(slack, org, event_key, inbound).await? == Handled::Yes
        || settings::handle(slack, org, event_key, inbound).await? == Handled::Yes
        || home::handle(slack, org, inbound).await? == Handled::Yes
    {
        return Ok(());
    }
    asking::handle(slack, org, event_key, inbound).await
}
