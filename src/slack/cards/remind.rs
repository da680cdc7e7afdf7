//! Reminders of drafts that wait: to each reviewer, in their working hours, once at half of the draft's life and once
//! before it ends. A channel may turn them off, or have them sent elsewhere.
use super::tell;
use super::times::{Life, due};
use super::view::People;
use crate::access::Surface;
use crate::db::cards::{self, Waiting};
use crate::db::notices::{self, NoticeKind, NoticeMode, Setting};
use crate::db::outbox::{self, OutKind, Outgoing};
use crate::db::{OrgTx, people};
use crate::drafts;
use crate::ids::{MemberId, OrgId, OutboxId};
use crate::slack::Slack;
use crate::slack::blocks::{Mrkdwn, Plain, kit, mrkdwn, plain};
use jiff::tz::TimeZone;
use serde_json::json;
use std::collections::HashMap;

pub async fn everywhere(slack: &Slack) -> anyhow::Result<()> {
    let Some(org) = slack.own().await? else { return Ok(()) };
    all(slack, org).await.map(drop)
}

/// Reminds whoever is due; gives how many reminders are on their way.
pub async fn all(slack: &Slack, org: OrgId) -> anyhow::Result<usize> {
    let app = &slack.inner.app;
    let now = app.clock.now();
    let mut tx = app.db.org(org).await?;
    if cards::workspace(&mut tx, org).await?.is_none() {
        return Ok(0);
    }
    let waiting = cards::waiting(&mut tx, org, now).await?;
    if waiting.is_empty() {
        return Ok(0);
    }
    let home = people::org(&mut tx, org).await?.time_zone;
    let rounds = Rounds {
        slack,
        org,
        people: cards::people(&mut tx, org).await?.into_iter().collect(),
        zones: cards::zones(&mut tx, org).await?.into_iter().collect(),
        home: TimeZone::get(&home).unwrap_or(TimeZone::UTC),
        settings: notices::settings(&mut tx, org, None).await?,
    };
    drop(tx);
    let mut sent = 0;
    for draft in &waiting {
        sent += rounds.remind(draft).await?;
    }
    slack.inner.outbox_wake.notify_one();
    Ok(sent)
}

struct Rounds<'a> {
    slack: &'a Slack,
    org: OrgId,
    people: People,
    zones: HashMap<MemberId, String>,
    home: TimeZone,
    settings: Vec<Setting>,
}

impl Rounds<'_> {
    fn zone(&self, member: MemberId) -> TimeZone {
        let own = self.zones.get(&member).and_then(|name| TimeZone::get(name).ok());
        own.unwrap_or_else(|| self.home.clone())
    }

    async fn remind(&self, waiting: &Waiting) -> anyhow::Result<usize> {
        let app = &self.slack.inner.app;
        let now = app.clock.now();
        let mut tx = app.db.org(self.org).await?;
        let wish = self.wish(&mut tx, waiting).await?;
        let Some(wish) = wish else { return Ok(0) };
        let life =
            Life { from: waiting.since, expires_at: waiting.expires_at, held_until: waiting.held_until };
        let mut sent = 0;
        for member in drafts::reviewers(&app.db, self.org, waiting.draft).await? {
            let Some(user) = self.people.get(&member) else { continue };
            let Some(reminder) = due(&life, &self.zone(member), now) else { continue };
            let what = (waiting.draft, waiting.revision);
            if !cards::reminded(&mut tx, self.org, what, member, reminder.as_str(), now).await? {
                continue;
            }
            let to = wish.as_deref().unwrap_or(user);
            let key = format!("remind:{}:{}:{}:{to}", waiting.draft, waiting.revision, reminder.as_str());
            sent += usize::from(self.send(&mut tx, waiting, to, key).await?);
        }
        tx.commit().await?;
        Ok(sent)
    }

    /// What the channels that show the draft want: nothing, or a channel instead of the reviewers themselves.
    /// `None`: one of them wants no reminders.
    async fn wish(&self, tx: &mut OrgTx, waiting: &Waiting) -> anyhow::Result<Option<Option<String>>> {
        let shown = cards::of_draft(tx, self.org, waiting.draft).await?;
        let of = |channel: &str| {
            self.settings.iter().find(|s| s.kind == NoticeKind::Reminder && s.channel_ref == channel)
        };
        let wishes: Vec<&Setting> = shown
            .iter()
            .filter(|card| !tell::is_copy(card))
            .filter_map(|card| of(&card.channel_ref))
            .collect();
        if wishes.iter().any(|wish| wish.mode == NoticeMode::Off) {
            return Ok(None);
        }
        let redirected = wishes.iter().find(|wish| wish.mode == NoticeMode::Redirect);
        Ok(Some(redirected.and_then(|wish| wish.target.clone())))
    }

    async fn send(&self, tx: &mut OrgTx, waiting: &Waiting, to: &str, key: String) -> anyhow::Result<bool> {
        let app = &self.slack.inner.app;
        let draft = drafts::shown(&app.db, self.org, waiting.draft).await?;
        let (number, title) = (draft.summary.number.to_string(), &draft.summary.title);
        let until = Mrkdwn::date(waiting.expires_at, "{date_short_pretty} {time}");
        let text = Mrkdwn::fill(
            "⏰ Draft {} ({}) waits for review; it expires {}.",
            &[mrkdwn(&number), mrkdwn(title), until],
        );
        let fallback = Plain::fill("Draft {} waits for review: {}", &[plain(&number), plain(title)]);
        let message = json!({"text": fallback.fallback(), "blocks": kit::sections(&text)});
        let out = Outgoing {
            surface: Surface::Slack,
            channel_ref: to.to_owned(),
            kind: OutKind::Card,
            payload: json!({
                "show": "direct", "draft_id": waiting.draft, "user": to, "review": true, "message": message,
            }),
            dedupe_key: key,
            not_before: None,
        };
        Ok(outbox::enqueue(tx, self.org, OutboxId::new(&*app.clock), &out, app.clock.now()).await?)
    }
}
