//! Rendering at the moment of sending. A row says what to show, not how: the state is read when its turn has come, so
//! that a row that waited long shows what is true now.
use super::approvals::review_button;
use super::open::refresh;
use super::token::{self, Act};
use super::view::{People, card_view};
use crate::access::{Credential, Surface};
use crate::db::cards::{self, Card, Drawn};
use crate::db::outbox::{self as rows, Row};
use crate::db::slack::conversations;
use crate::db::{OrgTx, people};
use crate::drafts::{self, DraftState, DraftView};
use crate::ids::{DraftId, OrgId, OutboxId};
use crate::slack::blocks::card::{Buttons, card as draw};
use crate::slack::blocks::{Message, kit};
use crate::slack::outbox::{self, Prepared};
use crate::slack::wire::Origin;
use crate::slack::{Slack, home, notify};
use anyhow::Context as _;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// A row's payload.
#[derive(Debug, Deserialize)]
struct Wanted {
    show: What,
    draft_id: DraftId,
    /// Rendered even where the card seems to show it.
    #[serde(default)]
    again: bool,
    #[serde(default)]
    message: Written,
    #[serde(default)]
    user: String,
    #[serde(default)]
    team: String,
    #[serde(default)]
    review: bool,
    #[serde(default)]
    revision: i32,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    Card,
    /// In the thread of the card.
    Line,
    /// To one person.
    Direct,
    /// A card in the conversation of one person with us.
    Own,
    /// The file of an approved draft.
    Export,
    /// The Home tab of one person, where the draft stands too.
    Home,
}

#[derive(Debug, Default, Deserialize)]
struct Written {
    text: String,
    blocks: Vec<Value>,
}

/// What a row of the outbox (kind `card`) sends now. `None`: there is nothing to show any more, or it is shown already.
pub(crate) async fn render(slack: &Slack, org: OrgId, row: &Row) -> anyhow::Result<Option<Prepared>> {
    // A channel may be shared with another organisation by now, or the consent to speak there withdrawn.
    if !slack.may_speak_in(org, &row.channel_ref).await? {
        return Ok(None);
    }
    if row.payload["show"] == "notice" {
        return notify::render(slack, org, row).await;
    }
    let wanted = Wanted::deserialize(&row.payload)?;
    match wanted.show {
        What::Direct => return direct(slack, org, wanted).await.map(Some),
        What::Own => return own(slack, org, &wanted).await,
        What::Home => {
            let origin = Origin { team: wanted.team, user: wanted.user, ..Origin::default() };
            return home::publish(slack, org, &origin, home::Turn::Same).await.map(|()| None);
        }
        What::Export if !wanted.user.is_empty() => {
            let place = (wanted.user.as_str(), None);
            return export(slack, org, &wanted, place, &row.dedupe_key).await.map(|()| None);
        }
        What::Card | What::Line | What::Export => {}
    }
    let mut tx = slack.inner.app.db.org(org).await?;
    let card = cards::one(&mut tx, org, wanted.draft_id, &row.channel_ref).await?;
    drop(tx);
    let Some(card) = card else { return Ok(None) };
    match wanted.show {
        What::Card => show(slack, org, &card, wanted.again).await,
        What::Line => Ok(card.thread().map(|thread| {
            let message = Message { text: wanted.message.text, blocks: wanted.message.blocks };
            post(message.post(&row.channel_ref, Some(thread)))
        })),
        What::Export => match card.thread() {
            Some(thread) => {
                let place = (card.channel_ref.as_str(), Some(thread));
                export(slack, org, &wanted, place, &row.dedupe_key).await.map(|()| None)
            }
            None => Ok(None),
        },
        What::Direct | What::Own | What::Home => Ok(None),
    }
}

fn post(args: Value) -> Prepared {
    Prepared { method: "chat.postMessage".to_owned(), args }
}

fn update(args: Value) -> Prepared {
    Prepared { method: "chat.update".to_owned(), args }
}

/// A row has arrived as the message `ts`. May be told twice.
pub(crate) async fn sent(slack: &Slack, org: OrgId, row: &Row, ts: &str) -> anyhow::Result<()> {
    if row.payload["show"] == "notice" {
        return notify::sent(slack, org, row, ts).await;
    }
    let wanted = Wanted::deserialize(&row.payload)?;
    let app = &slack.inner.app;
    let now = app.clock.now();
    let mut tx = app.db.org(org).await?;
    let channel = match wanted.show {
        What::Card => row.channel_ref.clone(),
        What::Own => conversations::of(&mut tx, org, &wanted.user).await?.context("nobody's conversation")?,
        What::Line | What::Direct | What::Export | What::Home => return Ok(()),
    };
    if row.uncertain {
        // Perhaps an earlier try of this row, with the state of that time: it is rendered once more.
        cards::found(&mut tx, org, wanted.draft_id, &channel, ts, now).await?;
        let key = format!("found:{}", row.id);
        refresh(&mut tx, slack, org, wanted.draft_id, Some(&channel), &key).await?;
    } else {
        cards::shown(&mut tx, org, wanted.draft_id, &channel, ts, now).await?;
    }
    tx.commit().await?;
    Ok(())
}

async fn show(slack: &Slack, org: OrgId, card: &Card, again: bool) -> anyhow::Result<Option<Prepared>> {
    let app = &slack.inner.app;
    let draft = drafts::shown(&app.db, org, card.draft_id).await?;
    let s = &draft.summary;
    if !again && !card.message_ref.is_empty() && card.shown_version >= s.version {
        return Ok(None);
    }
    let mut tx = app.db.org(org).await?;
    let people: People = cards::people(&mut tx, org).await?.into_iter().collect();
    let mut view = card_view(&draft, &people);
    view.buttons = buttons(&mut tx, org, &draft, &card.channel_ref, app.clock.now()).await?;
    let drawn = Drawn { revision: s.revision, state: s.state, version: s.version };
    cards::drawn(&mut tx, org, s.id, &card.channel_ref, &drawn).await?;
    tx.commit().await?;
    let message = draw(&view);
    Ok(Some(if card.message_ref.is_empty() {
        let thread = Some(card.thread_ref.as_str()).filter(|thread| !thread.is_empty());
        post(message.post(&card.channel_ref, thread))
    } else {
        update(message.update(&card.channel_ref, &card.message_ref))
    }))
}

/// Fresh tokens for what can be done in this state.
async fn buttons(
    tx: &mut OrgTx,
    org: OrgId,
    draft: &DraftView,
    channel: &str,
    now: Timestamp,
) -> anyhow::Result<Buttons> {
    let s = &draft.summary;
    let mut made = Buttons::default();
    for act in offered(draft) {
        let bound = token::Bound {
            draft: s.id,
            revision: s.revision,
            act: *act,
            channel,
            member: None,
            until: s.expires_at,
        };
        let random = token::random(&mut rand::rng());
        let text = Some(token::mint(tx, org, random, &bound, now).await?);
        match act {
            Act::Approve => made.approve = text,
            Act::Edit => made.edit = text,
            Act::Reject => made.reject = text,
            Act::Ask => made.ask = text,
            Act::Hold if s.held_until.is_none() => made.hold = text,
            Act::Hand => made.hand = text,
            Act::Refresh => made.refresh = text,
            Act::Apply => made.apply = text,
            Act::Again => made.again = text,
            Act::Hold
            | Act::Review
            | Act::SendEdit
            | Act::SendReject
            | Act::SendQuestion
            | Act::SendHand
            | Act::SendApplied => {}
        }
    }
    Ok(made)
}

/// What can follow a state, as far as buttons go.
fn offered(draft: &DraftView) -> &'static [Act] {
    match draft.summary.state {
        DraftState::Pending => &[Act::Approve, Act::Edit, Act::Reject, Act::Ask, Act::Hold, Act::Hand],
        DraftState::ChangesRequested => &[Act::Edit, Act::Reject, Act::Ask, Act::Hand],
        DraftState::Stale => &[Act::Refresh, Act::Edit, Act::Ask],
        DraftState::Approved => &[Act::Ask, Act::Apply],
        DraftState::Scheduled => &[Act::Ask],
        DraftState::Rejected | DraftState::Cancelled | DraftState::Expired => &[Act::Again],
        DraftState::Executing
        | DraftState::RollingBack
        | DraftState::Executed
        | DraftState::Failed
        | DraftState::Measured
        | DraftState::RolledBack => &[],
    }
}

/// A message to one person: the sender opens the conversation. The button's token is made now, so that none is stored.
async fn direct(slack: &Slack, org: OrgId, wanted: Wanted) -> anyhow::Result<Prepared> {
    let app = &slack.inner.app;
    let mut message = Message { text: wanted.message.text, blocks: wanted.message.blocks };
    if wanted.review {
        let draft = drafts::shown(&app.db, org, wanted.draft_id).await?;
        let mut tx = app.db.org(org).await?;
        let button = review_button(slack, &mut tx, org, &draft.summary).await?;
        tx.commit().await?;
        message.blocks.extend(kit::actions("card.review", vec![button]));
    }
    Ok(post(message.post(&wanted.user, None)))
}

/// The card in a person's own conversation with us, whose id Slack tells.
async fn own(slack: &Slack, org: OrgId, wanted: &Wanted) -> anyhow::Result<Option<Prepared>> {
    let app = &slack.inner.app;
    let channel = slack.open_conversation(org, &wanted.user).await??;
    let mut tx = app.db.org(org).await?;
    cards::plan(&mut tx, org, wanted.draft_id, &channel, "", app.clock.now()).await?;
    let card = cards::one(&mut tx, org, wanted.draft_id, &channel).await?;
    tx.commit().await?;
    match card {
        Some(card) => show(slack, org, &card, wanted.again).await,
        None => Ok(None),
    }
}

/// Puts the default file of the approved revision on its way, on the record as a download of whoever approved it last.
async fn export(
    slack: &Slack,
    org: OrgId,
    wanted: &Wanted,
    (channel, thread): (&str, Option<&str>),
    key: &str,
) -> anyhow::Result<()> {
    let app = &slack.inner.app;
    let draft = drafts::shown(&app.db, org, wanted.draft_id).await?;
    let s = &draft.summary;
    let Some(decider) = s.decider else { return Ok(()) };
    if s.revision != wanted.revision {
        return Ok(());
    }
    let mut tx = app.db.org(org).await?;
    let actor = people::actor(&mut tx, org, decider, Surface::Slack, Credential::Session).await?;
    let Some(actor) = actor else { return Ok(()) };
    let file = match drafts::download(&app.db, &*app.clock, &actor, s.id, None, false).await {
        Ok(file) => file,
        Err(drafts::DraftError::Db(error)) => return Err(error.into()),
        // Cancelled or out of date in the meantime: there is no file of it any more.
        Err(_) => return Ok(()),
    };
    let title = format!("Draft {}, revision {}: {}", s.number, s.revision, file.name);
    let out = outbox::file(channel, thread, &file.name, &title, &file.body, &format!("{key}:file"));
    rows::enqueue(&mut tx, org, OutboxId::new(&*app.clock), &out, app.clock.now()).await?;
    tx.commit().await?;
    slack.inner.outbox_wake.notify_one();
    Ok(())
}
