//! The Home tab: what waits for the person, what is theirs, what was decided lately, what the scout found, what can be asked.
mod view;

use super::api::ApiError;
use super::who::Who;
use super::wire::{Inbound, Origin};
use super::{Handled, Slack, cards};
use crate::access::Actor;
use crate::db::drafts::kinds::DraftState;
use crate::db::slack_answers::{self as stored, Home};
use crate::db::{opportunities, people};
use crate::drafts::{self, ListRequest};
use crate::ids::OrgId;
use crate::period::local_day;
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::collections::HashMap;
use view::{PAGE, Pages, Sight};

/// How far back decisions are listed.
const LATELY: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Drafts of one state that are looked through.
const MOST: i64 = 200;
/// The scout's best.
const TOP: i64 = 3;
/// How often a publication is tried that others came in between.
const TRIES: usize = 4;

/// What is open, and what has been decided.
const OPEN: &[DraftState] = &[
    DraftState::Pending,
    DraftState::ChangesRequested,
    DraftState::Approved,
    DraftState::Scheduled,
    DraftState::Executing,
    DraftState::Stale,
    DraftState::RollingBack,
];
const DECIDED: &[DraftState] = &[
    DraftState::Approved,
    DraftState::Scheduled,
    DraftState::Executing,
    DraftState::Executed,
    DraftState::Failed,
    DraftState::Measured,
    DraftState::RolledBack,
    DraftState::Rejected,
];

/// Publishes the tab when it is opened, and takes its buttons (ids `home.…`).
pub(crate) async fn handle(slack: &Slack, org: OrgId, inbound: &Inbound) -> anyhow::Result<Handled> {
    match inbound {
        Inbound::HomeOpened { origin, tab, .. } if tab == "home" => {
            publish(slack, org, origin, Turn::First).await?;
            Ok(Handled::Yes)
        }
        Inbound::Action { origin, actions, .. } => {
            let mut mine = Handled::No;
            for action in actions.iter().filter(|action| action.action_id.starts_with("home.")) {
                mine = Handled::Yes;
                let value = action.value.as_deref().unwrap_or_default();
                if action.action_id.starts_with(PAGE) {
                    publish(slack, org, origin, Turn::To(value)).await?;
                }
            }
            Ok(mine)
        }
        Inbound::HomeOpened { .. }
        | Inbound::Said { .. }
        | Inbound::Command { .. }
        | Inbound::Shortcut { .. }
        | Inbound::Submission { .. }
        | Inbound::Closed { .. }
        | Inbound::ContextChanged { .. }
        | Inbound::AssistantStarted { .. }
        | Inbound::Stopped { .. }
        | Inbound::Uninstalled { .. }
        | Inbound::TokensRevoked { .. }
        | Inbound::Challenge(_)
        | Inbound::SslCheck
        | Inbound::Own
        | Inbound::Unknown { .. } => Ok(Handled::No),
    }
}

/// Which pages are shown.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Turn<'a> {
    First,
    /// As they were: something changed that stands there.
    Same,
    /// `list:page`, the others as they were.
    To(&'a str),
}

/// Reads everything anew and publishes it. With another publication in between, once more.
pub(crate) async fn publish(
    slack: &Slack,
    org: OrgId,
    origin: &Origin,
    turn: Turn<'_>,
) -> anyhow::Result<()> {
    let app = &slack.inner.app;
    let (team, person) = (origin.team.as_str(), origin.user.as_str());
    let mut refused = None;
    for _ in 0..TRIES {
        let mut tx = app.db.org(org).await?;
        let before = stored::home(&mut tx, org, team, person).await?.unwrap_or_default();
        tx.commit().await?;
        let pages = match turn {
            Turn::First => Pages::default(),
            Turn::Same => Pages::of(&before.pages),
            Turn::To(value) => Pages::of(&before.pages).turned(value),
        };
        let view = match slack.who(org, origin).await? {
            Who::Member(actor) => view::home(&sight(slack, &actor, &pages).await?, &pages),
            Who::Unlinked | Who::Guest | Who::Foreign | Who::Bot | Who::ChannelNotAllowed => view::closed(),
        };
        let mut args = json!({"user_id": person, "view": view});
        // A hash that was refused once is somebody else's news; without one, the last publication stands.
        if !before.hash.is_empty() && refused != Some(before.hash.clone()) {
            args["hash"] = before.hash.as_str().into();
        }
        match slack.inner.api.call("views.publish", &args).await {
            Ok(reply) => {
                let hash = reply["view"]["hash"].as_str().unwrap_or_default().to_owned();
                let mut tx = app.db.org(org).await?;
                let home = Home { hash, pages: json!(pages) };
                stored::keep_home(&mut tx, org, team, person, &home, app.clock.now()).await?;
                tx.commit().await?;
                return Ok(());
            }
            Err(ApiError::Refused { code, .. }) if code == "hash_conflict" => {
                refused = Some(before.hash);
            }
            Err(error) => return Err(error.into()),
        }
    }
    anyhow::bail!("the Home tab changed each time it was published")
}

/// What the person may see now.
async fn sight(slack: &Slack, actor: &Actor, pages: &Pages) -> anyhow::Result<Sight> {
    let app = &slack.inner.app;
    let now = app.clock.now();
    let mut tx = app.db.org(actor.org).await?;
    let org = people::org(&mut tx, actor.org).await?;
    let found = opportunities::latest(&mut tx, actor.org, TOP).await?;
    tx.commit().await?;
    let zone = TimeZone::get(&org.time_zone).unwrap_or(TimeZone::UTC);
    let list = |states: &[DraftState], mine| ListRequest {
        state: states.to_vec(),
        mine,
        limit: Some(MOST),
        ..ListRequest::default()
    };
    let yours = drafts::list(&app.db, actor, &list(OPEN, true)).await?.drafts;
    let mut decided = drafts::list(&app.db, actor, &list(DECIDED, false)).await?.drafts;
    let since = now.checked_sub(LATELY)?;
    decided.retain(|draft| draft.decided_at.is_some_and(|at| at >= since));
    decided.sort_by_key(|draft| std::cmp::Reverse(draft.decided_at));
    let mut sight = Sight {
        waiting: drafts::waiting_for(&app.db, actor).await?,
        review: HashMap::new(),
        yours,
        decided,
        found,
        today: local_day(now, &zone),
        decides: actor.may(crate::access::Permission::DraftApprove),
    };
    let mut tx = app.db.org(actor.org).await?;
    let mut review = HashMap::new();
    for draft in sight.under_review(pages) {
        review.insert(draft.id, cards::review_button(slack, &mut tx, actor.org, draft).await?);
    }
    tx.commit().await?;
    sight.review = review;
    Ok(sight)
}

/// A page as it is kept.
fn number(value: &Value) -> usize {
    value.as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(0)
}
