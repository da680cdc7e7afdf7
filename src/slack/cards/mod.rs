//! Draft cards: what people do to them, and what they show.
//!
//! State lives in the database; a card is a projection of it. `drafts` announces everything that happens in the
//! transaction in which it happens; [`tell`] turns announcements into rows of the outbox; [`send`] renders a card when
//! its turn has come, from the state of that moment. A channel's rows are sent one after another by one process: that is
//! the card's one writer. Clicks and messages come in through [`handle`] and end in `drafts`, which decides.
mod act;
mod approvals;
pub mod grammar;
mod open;
mod remind;
pub(crate) mod reply;
mod send;
mod submit;
mod tell;
mod thread;
pub mod times;
pub mod token;
pub mod view;

pub use approvals::{review_button, waiting};
pub(crate) use send::{render, sent};

use super::wire::Inbound;
use super::{Handled, Slack, notify};
use crate::db::{self, OrgTx};
use crate::ids::OrgId;
use serde_json::Value;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often announcements are looked for that nobody woke us for (decisions on another surface or replica).
const LOOK: Duration = Duration::from_millis(500);
/// How often reminders are looked for.
const REMIND: Duration = Duration::from_secs(60);

/// Tells what happens to drafts, and reminds of those that wait, until `stop`.
pub async fn run(slack: &Slack, stop: CancellationToken) {
    let mut looks = tokio::time::interval(LOOK);
    let mut reminds = tokio::time::interval(REMIND);
    for ticks in [&mut looks, &mut reminds] {
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    }
    loop {
        let done = tokio::select! {
            () = stop.cancelled() => return,
            _ = looks.tick() => everywhere(slack).await,
            _ = reminds.tick() => remind::everywhere(slack).await,
        };
        if let Err(error) = done {
            tracing::error!(
                error = format!("{error:#}"),
                "what happened to drafts could not be told; trying again"
            );
        }
    }
}

/// What happened to drafts, and what was published for everybody.
async fn everywhere(slack: &Slack) -> anyhow::Result<()> {
    let Some(org) = slack.own().await? else { return Ok(()) };
    tell::all(slack, org).await?;
    notify::spread(slack, org).await
}

/// Tells what happened so far, at once: after a decision that came in through us.
pub(crate) async fn tell_now(slack: &Slack, org: OrgId) -> anyhow::Result<()> {
    tell::all(slack, org).await
}

/// Brings the cards of a channel up to date: we may speak there again.
pub(crate) async fn catch_up(
    tx: &mut OrgTx,
    slack: &Slack,
    org: OrgId,
    channel: &str,
    key: &str,
) -> anyhow::Result<()> {
    for draft in db::cards::behind_in(tx, org, channel).await? {
        open::refresh(tx, slack, org, draft, Some(channel), key).await?;
    }
    Ok(())
}

/// Reminds whoever is due now; returns how many reminders were put on their way.
pub async fn remind_now(slack: &Slack, org: OrgId) -> anyhow::Result<usize> {
    remind::all(slack, org).await
}

/// Takes clicks and views of cards (ids `card.…`), `/approvals`, and the grammar of drafts' threads.
pub(crate) async fn handle(
    slack: &Slack,
    org: OrgId,
    event_key: &str,
    inbound: &Inbound,
) -> anyhow::Result<Handled> {
    match inbound {
        Inbound::Action { origin, actions, .. } => {
            let Some(item) = actions.iter().find(|item| item.action_id.starts_with("card.")) else {
                return Ok(Handled::No);
            };
            act::clicked(slack, org, event_key, origin, item).await?;
        }
        Inbound::Submission { origin, callback_id, private_metadata, values, .. }
            if callback_id.starts_with("card.") =>
        {
            submit::sent_back(slack, org, event_key, origin, (callback_id, private_metadata, values)).await?;
        }
        Inbound::Closed { callback_id, .. } if callback_id.starts_with("card.") => {}
        Inbound::Command { origin, command, text } if command == "/approvals" => {
            approvals::command(slack, org, origin, text).await?;
        }
        Inbound::Said { origin, text, mentioned, .. } if approvals::is_asked(origin, text, *mentioned) => {
            approvals::command(slack, org, origin, "").await?;
        }
        Inbound::Said { origin, text, .. } => {
            return thread::said(slack, org, event_key, origin, text).await;
        }
        Inbound::Submission { .. }
        | Inbound::Closed { .. }
        | Inbound::Command { .. }
        | Inbound::Shortcut { .. }
        | Inbound::HomeOpened { .. }
        | Inbound::ContextChanged { .. }
        | Inbound::AssistantStarted { .. }
        | Inbound::Stopped { .. }
        | Inbound::Uninstalled { .. }
        | Inbound::TokensRevoked { .. }
        | Inbound::Challenge(_)
        | Inbound::SslCheck
        | Inbound::Own
        | Inbound::Unknown { .. } => return Ok(Handled::No),
    }
    Ok(Handled::Yes)
}

/// What a click on a card began is given up: its buttons come back, in the transaction that says so.
pub(crate) async fn given_up(
    tx: &mut OrgTx,
    slack: &Slack,
    org: OrgId,
    event_key: &str,
    inbound: &Inbound,
) -> anyhow::Result<()> {
    let Inbound::Action { origin, actions, .. } = inbound else { return Ok(()) };
    for item in actions {
        if let Some(draft) = act::draft_of(tx, org, item).await? {
            let key = format!("{event_key}:given-up");
            open::refresh(tx, slack, org, draft, origin.channel.as_deref(), &key).await?;
        }
    }
    Ok(())
}

/// The answer to a view that was submitted (`response_action`), where there is something to say before it is
/// acknowledged: errors at fields, a newer text. Uses no network. `None`: the view closes, [`handle`] does the work.
pub(crate) async fn submit_now(
    slack: &Slack,
    org: OrgId,
    inbound: &Inbound,
) -> anyhow::Result<Option<Value>> {
    let Inbound::Submission { origin, callback_id, private_metadata, values, .. } = inbound else {
        return Ok(None);
    };
    match callback_id.as_str() {
        "card.edit" => submit::check_edit(slack, org, private_metadata, values).await,
        id if id.starts_with("card.") => submit::check_filled(slack, org, origin, id, values).await,
        _ => Ok(None),
    }
}
