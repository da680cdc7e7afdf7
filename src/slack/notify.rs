//! Pushed messages: the daily digest, alerts, the weekly summary. Whoever has one publishes it as data
//! (`db::notices::publish`); here it goes to the channels that want its kind, once, and is brought up to date in place.
use super::Slack;
use super::api::{Api, ApiError};
use super::blocks::notice::notice;
use super::blocks::{Message, Mrkdwn, kit};
use super::outbox::Prepared;
use crate::access::Surface;
use crate::clock::Clock;
use crate::db::cards;
use crate::db::notices::{self, NoticeKind};
use crate::db::outbox::{self, OutKind, Outgoing, Row};
use crate::ids::{OrgId, OutboxId, new_uuid};
use crate::report::notice::{Alert, Digest, Finding, Notice, Weekly};
use jiff::{SignedDuration, ToSpan as _};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeSet;

/// Notices of one transaction.
const BATCH: i64 = 20;
const NEWS: SignedDuration = SignedDuration::from_hours(24);

/// Puts what was published on its way to the channels that want it.
pub async fn spread(slack: &Slack, org: OrgId) -> anyhow::Result<()> {
    let app = &slack.inner.app;
    let now = app.clock.now();
    loop {
        let mut tx = app.db.org(org).await?;
        if cards::workspace(&mut tx, org).await?.is_none() {
            return Ok(());
        }
        let batch = notices::published(&mut tx, org, BATCH).await?;
        if batch.is_empty() {
            return Ok(());
        }
        for published in &batch {
            let key = published.notice.key();
            let at = (published.kind, key.as_str());
            let body = json!(published.notice);
            let mut channels: BTreeSet<String> =
                notices::channels(&mut tx, org, published.kind).await?.into_iter().collect();
            // Where it stands already it is brought up to date, whatever the channel wants now.
            let posted = notices::posted(&mut tx, org, at.0, at.1).await?;
            channels.extend(posted.into_iter().map(|posted| posted.channel_ref));
            // A digest that nobody could get for a day is no news.
            let is_old = now.duration_since(published.at) > NEWS && published.kind != NoticeKind::Alert;
            for channel in channels.iter().filter(|_| !is_old) {
                let resolved = published.notice.is_resolved();
                notices::put(&mut tx, org, at, channel, (&body, resolved), now).await?;
                let out = Outgoing {
                    surface: Surface::Slack,
                    channel_ref: channel.clone(),
                    kind: OutKind::Card,
                    payload: json!({"show": "notice", "notice_kind": at.0, "key": at.1}),
                    dedupe_key: format!("notice:{}:{channel}", published.id),
                    not_before: None,
                };
                outbox::enqueue(&mut tx, org, OutboxId::new(&*app.clock), &out, now).await?;
            }
            outbox::told(&mut tx, org, published.id, now).await?;
        }
        tx.commit().await?;
        slack.inner.outbox_wake.notify_one();
    }
}

/// A row that shows a notice.
#[derive(Debug, Deserialize)]
struct Wanted {
    notice_kind: NoticeKind,
    key: String,
}

/// What the row sends now: a message, or the message brought up to date. What was over before it could be told is not told.
pub async fn render(slack: &Slack, org: OrgId, row: &Row) -> anyhow::Result<Option<Prepared>> {
    let wanted = Wanted::deserialize(&row.payload)?;
    let mut tx = slack.inner.app.db.org(org).await?;
    let posted = notices::posted(&mut tx, org, wanted.notice_kind, &wanted.key).await?;
    let Some(posted) = posted.into_iter().find(|posted| posted.channel_ref == row.channel_ref) else {
        return Ok(None);
    };
    let body = Notice::deserialize(&posted.body)?;
    let message = notice(&body);
    Ok(match (posted.message_ref.as_str(), body.is_resolved()) {
        ("", true) => None,
        ("", false) => {
            let args = message.post(&row.channel_ref, None);
            Some(Prepared { method: "chat.postMessage".to_owned(), args })
        }
        (ts, _) => {
            Some(Prepared { method: "chat.update".to_owned(), args: message.update(&row.channel_ref, ts) })
        }
    })
}

/// Notes under which reference a notice arrived.
pub async fn sent(slack: &Slack, org: OrgId, row: &Row, ts: &str) -> anyhow::Result<()> {
    let wanted = Wanted::deserialize(&row.payload)?;
    let mut tx = slack.inner.app.db.org(org).await?;
    notices::arrived(&mut tx, org, (wanted.notice_kind, &wanted.key), &row.channel_ref, ts).await?;
    tx.commit().await?;
    Ok(())
}

/// What a kind looks like, marked as a test.
fn sample(kind: NoticeKind, clock: &dyn Clock) -> Message {
    let now = clock.now();
    let day = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let shown = match kind {
        NoticeKind::Digest => Notice::Digest(Digest {
            day,
            found: 1,
            impact: Some("an amount for the next 7 days".to_owned()),
            top: vec![Finding {
                title: "An example finding".to_owned(),
                value: "what it is worth".to_owned(),
                question: None,
            }],
            health: Vec::new(),
        }),
        NoticeKind::Alert => Notice::Alert(Alert {
            incident: new_uuid(clock).to_string(),
            title: "An example alert".to_owned(),
            lines: vec!["What happened, and since when.".to_owned()],
            opened_at: now,
            resolved_at: None,
            question: None,
        }),
        NoticeKind::Weekly => Notice::Weekly(Weekly {
            week: day.saturating_sub(7.days()),
            figures: vec![("A figure".to_owned(), "its value".to_owned(), "its change".to_owned())],
            lines: vec!["What stood out.".to_owned()],
        }),
        NoticeKind::Reminder => {
            let words = Mrkdwn::ours("⏰ *An example reminder*: a draft waits for review.");
            let text = super::blocks::Plain::ours("An example reminder");
            return test_mark(Message::new(&text, kit::sections(&words)));
        }
    };
    test_mark(notice(&shown))
}

fn test_mark(mut message: Message) -> Message {
    let words =
        Mrkdwn::ours("🧪 This is a test message of Adjutant: pushed messages arrive in this channel.");
    message.blocks.extend(kit::context(&[words]));
    message
}

/// Sends a test message of a kind to a channel now, so that one sees whether it arrives.
pub async fn test(api: &Api, clock: &dyn Clock, kind: NoticeKind, channel: &str) -> Result<(), ApiError> {
    api.call("chat.postMessage", &sample(kind, clock).post(channel, None)).await.map(drop)
}
