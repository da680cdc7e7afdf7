//! From what happened to a draft to what is sent about it: its cards, a line in their threads, a message to the requester
//! and to whoever it was handed to, the file of an approved draft. One transaction an announcement, so each is told once.
mod lines;

use super::view::{People, person};
use crate::access::{Credential, Permission, Surface};
use crate::db::OrgTx;
use crate::db::cards::{self, Announced, Card};
use crate::db::notices::{self, NoticeKind};
use crate::db::outbox::{self, OutKind, Outgoing};
use crate::db::people;
use crate::db::slack_answers::homes;
use crate::drafts::{self, DraftError, DraftState, DraftView};
use crate::ids::{MemberId, OrgId, OutboxId};
use crate::slack::Slack;
use crate::slack::blocks::card::Person;
use crate::slack::blocks::{Mrkdwn, Plain, kit, plain};
use serde_json::{Value, json};

/// Announcements of one transaction.
const BATCH: i64 = 20;
/// Reviewers who are told of a draft that has no channel of its own.
const MOST_REVIEWERS: usize = 10;
/// Home tabs that are published again, the ones opened last first.
const MOST_HOMES: i64 = 50;
/// What is older was missed while Slack was not connected: the card shows how it ended, nobody is told piece by piece.
const NEWS: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

pub async fn all(slack: &Slack, org: OrgId) -> anyhow::Result<()> {
    let app = &slack.inner.app;
    loop {
        let mut tx = app.db.org(org).await?;
        if cards::workspace(&mut tx, org).await?.is_none() {
            return Ok(());
        }
        let batch = cards::announced(&mut tx, org, BATCH).await?;
        if batch.is_empty() {
            return Ok(());
        }
        let people: People = cards::people(&mut tx, org).await?.into_iter().collect();
        for announced in &batch {
            match drafts::shown(&app.db, org, announced.draft_id).await {
                Ok(draft) => {
                    let story = Story { slack, org, announced, draft: &draft, people: &people };
                    story.tell(&mut tx).await?;
                }
                Err(DraftError::Db(error)) => return Err(error.into()),
                Err(error) => {
                    tracing::error!(draft = %announced.draft_id, %error, "a draft cannot be shown");
                }
            }
            outbox::told(&mut tx, org, announced.id, app.clock.now()).await?;
        }
        tx.commit().await?;
        slack.inner.outbox_wake.notify_one();
    }
}

/// One announcement with the draft as it stands now.
struct Story<'a> {
    slack: &'a Slack,
    org: OrgId,
    announced: &'a Announced,
    draft: &'a DraftView,
    people: &'a People,
}

impl Story<'_> {
    async fn tell(&self, tx: &mut OrgTx) -> anyhow::Result<()> {
        let mut cards = cards::of_draft(tx, self.org, self.draft.summary.id).await?;
        let fresh = self.announced.event == "draft.created";
        if (fresh || cards.is_empty()) && self.is_open() {
            self.plan(tx, fresh).await?;
            cards = cards::of_draft(tx, self.org, self.draft.summary.id).await?;
        }
        for card in &cards {
            self.card(tx, card).await?;
        }
        self.homes(tx).await?;
        let now = self.slack.inner.app.clock.now();
        if now.duration_since(self.announced.at) > NEWS {
            return Ok(());
        }
        if let Some(line) = lines::line(self) {
            for card in cards.iter().filter(|card| !is_copy(card)) {
                self.line(tx, card, &line).await?;
            }
            self.requester(tx, &cards, &line).await?;
        }
        match self.announced.event.as_str() {
            "draft.assigned" => self.assignee(tx).await?,
            "draft.approved" => self.export(tx, &cards).await?,
            _ => {}
        }
        Ok(())
    }

    fn is_open(&self) -> bool {
        self.draft.summary.state.is_open()
    }

    /// Where the draft is shown: in the thread it was asked for in, or to the requester alone where only they saw the
    /// answer; where nobody else reads along (so, in a direct message, on another surface), also in the channels that want
    /// what waits for review, or else those who may approve it are told.
    async fn plan(&self, tx: &mut OrgTx, fresh: bool) -> anyhow::Result<()> {
        let s = &self.draft.summary;
        let now = self.slack.inner.app.clock.now();
        let held = match s.conversation_id {
            Some(conversation) => cards::thread_of(tx, self.org, conversation).await?,
            None => None,
        };
        let requester = s.requested_by.and_then(|member| self.people.get(&member));
        if let (true, Some(None), Some(user)) = (fresh, &held, requester) {
            let payload = json!({"show": "own", "draft_id": s.id, "user": user});
            self.send(tx, user, format!("own:{}", self.announced.id), payload).await?;
        }
        let home = held.flatten();
        let home = home.as_deref().and_then(|home| {
            let mut parts = home.splitn(3, '/').skip(1);
            Some((parts.next()?.to_owned(), parts.next()?.to_owned()))
        });
        if let Some((channel, thread)) = &home {
            cards::plan(tx, self.org, s.id, channel, thread, now).await?;
            if !channel.starts_with('D') {
                return Ok(());
            }
        }
        let channels = notices::channels(tx, self.org, NoticeKind::Reminder).await?;
        for channel in &channels {
            cards::plan(tx, self.org, s.id, channel, "", now).await?;
        }
        if channels.is_empty() && fresh && s.state == DraftState::Pending {
            let reviewers = drafts::reviewers(&self.slack.inner.app.db, self.org, s.id).await?;
            let linked = reviewers.iter().filter_map(|member| self.people.get(member));
            for user in linked.take(MOST_REVIEWERS) {
                let line = Mrkdwn::fill("📝 {} waits for your review.", &[lines::named(self.draft)]);
                self.direct(tx, user, "waits", &line).await?;
            }
        }
        Ok(())
    }

    /// In Slack, and answered to its asker alone.
    async fn asked_privately(&self, tx: &mut OrgTx) -> anyhow::Result<bool> {
        let Some(conversation) = self.draft.summary.conversation_id else { return Ok(false) };
        Ok(matches!(cards::thread_of(tx, self.org, conversation).await?, Some(None)))
    }

    async fn send(&self, tx: &mut OrgTx, channel: &str, key: String, payload: Value) -> anyhow::Result<()> {
        let clock = &self.slack.inner.app.clock;
        let out = Outgoing {
            surface: Surface::Slack,
            channel_ref: channel.to_owned(),
            kind: OutKind::Card,
            payload,
            dedupe_key: key,
            not_before: None,
        };
        outbox::enqueue(tx, self.org, OutboxId::new(&**clock), &out, clock.now()).await?;
        Ok(())
    }

    async fn card(&self, tx: &mut OrgTx, card: &Card) -> anyhow::Result<()> {
        let version = self.announced.story.get("version").and_then(Value::as_i64).unwrap_or_default();
        let key = format!("card:{}:{}:v{version}", self.draft.summary.id, card.channel_ref);
        let payload = json!({"show": "card", "draft_id": self.draft.summary.id});
        self.send(tx, &card.channel_ref, key, payload).await
    }

    fn message(&self, line: &Mrkdwn) -> Value {
        let s = &self.draft.summary;
        let text = Plain::fill("Draft {}: {}", &[plain(&s.number.to_string()), plain(&s.title)]);
        json!({"text": text.fallback(), "blocks": kit::sections(line)})
    }

    async fn line(&self, tx: &mut OrgTx, card: &Card, line: &Mrkdwn) -> anyhow::Result<()> {
        let key = format!("line:{}:{}", self.announced.id, card.channel_ref);
        let payload =
            json!({"show": "line", "draft_id": self.draft.summary.id, "message": self.message(line)});
        self.send(tx, &card.channel_ref, key, payload).await
    }

    async fn direct(&self, tx: &mut OrgTx, user: &str, what: &str, line: &Mrkdwn) -> anyhow::Result<()> {
        let key = format!("direct:{}:{what}:{user}", self.announced.id);
        let payload = json!({
            "show": "direct", "draft_id": self.draft.summary.id, "user": user, "review": true,
            "message": self.message(line),
        });
        self.send(tx, user, key, payload).await
    }

    /// The Home tabs on which it stands are published again: of who asked for it and of who may decide on drafts, as far
    /// as they ever opened theirs.
    async fn homes(&self, tx: &mut OrgTx) -> anyhow::Result<()> {
        let Some(team) = cards::workspace(tx, self.org).await? else { return Ok(()) };
        let s = &self.draft.summary;
        for user in homes(tx, self.org, &team, MOST_HOMES).await? {
            let Some(member) = cards::member_of(tx, self.org, &team, &user).await? else { continue };
            let actor = people::actor(tx, self.org, member, Surface::Slack, Credential::Session).await?;
            if s.requested_by == Some(member) || actor.is_some_and(|a| a.may(Permission::DraftApprove)) {
                let key = format!("home:{}:{user}", self.announced.id);
                let payload = json!({"show": "home", "draft_id": s.id, "user": user, "team": team});
                self.send(tx, &user, key, payload).await?;
            }
        }
        Ok(())
    }

    fn member(&self, key: &str) -> Option<MemberId> {
        self.announced.story.get(key)?.as_str()?.parse().ok()
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.announced.story.get(key)?.as_str().filter(|text| !text.is_empty())
    }

    fn number(&self, key: &str) -> i64 {
        self.announced.story.get(key).and_then(Value::as_i64).unwrap_or_default()
    }

    /// Who did it.
    fn by(&self) -> Option<Person> {
        person(self.people, self.member("by"), self.text("by_name"))
    }

    /// The requester hears of what others do, unless it is told in a conversation of their own anyway.
    async fn requester(&self, tx: &mut OrgTx, cards: &[Card], line: &Mrkdwn) -> anyhow::Result<()> {
        let Some(requester) = self.draft.summary.requested_by else { return Ok(()) };
        let told_there = cards.iter().any(|card| card.channel_ref.starts_with('D') && !is_copy(card));
        let own = self.member("by") == Some(requester);
        match self.people.get(&requester) {
            Some(user) if !own && !told_there && lines::concerns_requester(&self.announced.event) => {
                self.direct(tx, user, "requester", line).await
            }
            _ => Ok(()),
        }
    }

    async fn assignee(&self, tx: &mut OrgTx) -> anyhow::Result<()> {
        let Some(user) = self.member("to").and_then(|to| self.people.get(&to)) else { return Ok(()) };
        let by = self.by().map(|p| p.mrkdwn()).unwrap_or_else(|| Mrkdwn::ours("Somebody"));
        let line = Mrkdwn::fill("👉 {} handed {} to you for review.", &[by, lines::named(self.draft)]);
        self.direct(tx, user, "assignee", &line).await
    }

    /// The file goes where the draft was asked for: into that thread, or, where only the requester saw the answer, to the
    /// requester in person. Else it goes where the draft is shown. Lists of people never go into a chat.
    async fn export(&self, tx: &mut OrgTx, cards: &[Card]) -> anyhow::Result<()> {
        if lines::holds_people(self.draft) {
            return Ok(());
        }
        let revision = self.draft.summary.revision;
        let payload = json!({"show": "export", "draft_id": self.draft.summary.id, "revision": revision});
        let requester = self.draft.summary.requested_by.and_then(|member| self.people.get(&member));
        if let Some(user) = requester
            && self.asked_privately(tx).await?
        {
            let key = format!("export:{}:{revision}:{user}", self.draft.summary.id);
            let mut payload = payload.clone();
            payload["user"] = user.as_str().into();
            self.send(tx, user, key, payload).await?;
        }
        let home: Vec<&Card> = match cards.iter().find(|card| !card.thread_ref.is_empty()) {
            Some(card) => vec![card],
            None => cards.iter().filter(|card| !is_copy(card)).collect(),
        };
        for card in home {
            let key = format!("export:{}:{revision}:{}", self.draft.summary.id, card.channel_ref);
            self.send(tx, &card.channel_ref, key, payload.clone()).await?;
        }
        Ok(())
    }
}

/// A card that one reviewer had brought into a conversation of their own: it is kept up to date, and tells no story.
pub fn is_copy(card: &Card) -> bool {
    card.channel_ref.starts_with('D') && card.thread_ref.is_empty()
}
