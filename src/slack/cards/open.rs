//! What a click or a view is about: the person, the token, the draft.
use super::reply::{self, Place, whisper};
use super::token::{self, Act, Refused};
use crate::access::Actor;
use crate::access::Surface;
use crate::db::audit::{self, NewEntry};
use crate::db::cards::{self, Token};
use crate::db::outbox::{OutKind, Outgoing};
use crate::db::{OrgTx, outbox};
use crate::drafts::{self, DraftView};
use crate::ids::{DraftId, OrgId, OutboxId};
use crate::slack::Slack;
use crate::slack::who::Who;
use crate::slack::wire::Origin;
use jiff::Timestamp;
use serde_json::json;

/// A member with a valid token.
pub struct Desk<'a> {
    pub slack: &'a Slack,
    pub org: OrgId,
    pub key: &'a str,
    pub origin: &'a Origin,
    pub actor: Actor,
    pub token: Token,
    pub place: Place,
}

impl Desk<'_> {
    pub fn draft(&self) -> DraftId {
        self.token.draft_id
    }

    /// The draft as it stands now.
    pub async fn look(&self) -> anyhow::Result<DraftView> {
        Ok(drafts::shown(&self.slack.inner.app.db, self.org, self.draft()).await?)
    }

    pub async fn people(&self) -> anyhow::Result<super::view::People> {
        let mut tx = self.slack.inner.app.db.org(self.org).await?;
        Ok(cards::people(&mut tx, self.org).await?.into_iter().collect())
    }

    /// A token for the view that is about to be opened, about this revision: good for this person only.
    pub async fn view_token(&self, act: Act, draft: &DraftView, revision: i32) -> anyhow::Result<String> {
        let app = &self.slack.inner.app;
        let mut tx = app.db.org(self.org).await?;
        let bound = token::Bound {
            draft: self.draft(),
            revision,
            act,
            channel: &self.token.channel_ref,
            member: Some(self.actor.member),
            until: draft.summary.expires_at,
        };
        let random = token::random(&mut rand::rng());
        let text = token::mint(&mut tx, self.org, random, &bound, app.clock.now()).await?;
        tx.commit().await?;
        Ok(text)
    }
}

/// Who it is; whoever is no member is told so. `None`: answered, or not to be answered.
pub async fn member(
    slack: &Slack,
    org: OrgId,
    origin: &Origin,
    place: &Place,
) -> anyhow::Result<Option<Actor>> {
    match slack.who(org, origin).await? {
        Who::Member(actor) => Ok(Some(actor)),
        other @ (Who::Unlinked | Who::Guest | Who::Foreign | Who::Bot | Who::ChannelNotAllowed) => {
            if let Some(words) = reply::not_a_member(&other, place) {
                whisper(slack, place, &words).await;
            }
            Ok(None)
        }
    }
}

/// What a token opens for this member, here, now; a refusal is answered and put on the record.
pub async fn open(
    slack: &Slack,
    org: OrgId,
    actor: &Actor,
    place: &Place,
    (act, text): (Act, &str),
    channel: Option<&str>,
    key: &str,
) -> anyhow::Result<Option<Token>> {
    let app = &slack.inner.app;
    let now = app.clock.now();
    let mut tx = app.db.org(org).await?;
    match token::open(&mut tx, org, text, act, channel, actor.member, now).await? {
        Ok(token) => Ok(Some(token)),
        Err(Refused::Forged) => {
            let mut entry = NewEntry::by(actor, "draft.refused", "draft", "", now);
            entry.after = Some(json!({"attempt": act, "code": "card.token"}));
            entry.reason = Some("The button carries no token that is good here.".to_owned());
            audit::append(&mut tx, org, &entry).await?;
            tx.commit().await?;
            let words = "This button is not good here. Nothing was changed. See what waits for you with `/approvals`.";
            whisper(slack, place, &reply::ours(words)).await;
            Ok(None)
        }
        Err(Refused::Expired(draft)) => {
            refresh(&mut tx, slack, org, draft, channel, key).await?;
            tx.commit().await?;
            slack.inner.outbox_wake.notify_one();
            let words =
                "This card has expired. Nothing was changed. The draft as it stands now: `/approvals`.";
            whisper(slack, place, &reply::ours(words)).await;
            Ok(None)
        }
    }
}

/// Has the cards of a draft rendered again from its state, even where they seem to show it: in one channel, or in all.
pub async fn refresh(
    tx: &mut OrgTx,
    slack: &Slack,
    org: OrgId,
    draft: DraftId,
    channel: Option<&str>,
    key: &str,
) -> anyhow::Result<()> {
    refresh_at(tx, slack, org, draft, channel, key, None).await
}

/// The same, not before a moment.
pub async fn refresh_at(
    tx: &mut OrgTx,
    slack: &Slack,
    org: OrgId,
    draft: DraftId,
    channel: Option<&str>,
    key: &str,
    not_before: Option<Timestamp>,
) -> anyhow::Result<()> {
    let clock = &slack.inner.app.clock;
    for card in cards::of_draft(tx, org, draft).await? {
        if channel.is_some_and(|channel| channel != card.channel_ref) {
            continue;
        }
        let out = Outgoing {
            surface: Surface::Slack,
            channel_ref: card.channel_ref.clone(),
            kind: OutKind::Card,
            payload: json!({"show": "card", "draft_id": draft, "again": true}),
            dedupe_key: format!("card:{draft}:{}:{key}", card.channel_ref),
            not_before,
        };
        outbox::enqueue(tx, org, OutboxId::new(&**clock), &out, clock.now()).await?;
    }
    Ok(())
}
