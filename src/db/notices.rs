//! Messages that are pushed into channels: which kind goes where, and where each stands, to be brought up to date in place.
use super::outbox::{self, OutKind, Outgoing};
use super::{Error, OrgTx};
use crate::access::Surface;
use crate::ids::{OrgId, OutboxId};
use crate::report::notice::Notice;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use serde::Deserialize as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sqlx::FromRow;
use std::fmt::Write as _;
use uuid::Uuid;

crate::closed_list! {
    /// What is pushed (`data-model.md` §2).
    NoticeKind = "notice kind" {
        /// What the scout found, every morning.
        Digest = "digest",
        /// At once, one message an incident.
        Alert = "alert",
        Weekly = "weekly",
        /// Drafts that wait for review.
        Reminder = "reminder",
    }
}

crate::closed_list! {
    /// What a channel wants of a kind.
    NoticeMode = "notice mode" {
        On = "on",
        Off = "off",
        /// Sent to another channel instead.
        Redirect = "redirect",
    }
}

/// What one channel wants of one kind.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Setting {
    pub kind: NoticeKind,
    pub channel_ref: String,
    pub mode: NoticeMode,
    /// Where to, for `redirect`.
    pub target: Option<String>,
}

/// Every setting of the organisation, or of one channel.
pub async fn settings(tx: &mut OrgTx, org: OrgId, channel: Option<&str>) -> Result<Vec<Setting>, Error> {
    sqlx::query_as(
        "select kind, channel_ref, mode, target from notification_settings
          where org_id = $1 and ($2::text is null or channel_ref = $2) order by kind, channel_ref",
    )
    .bind(org)
    .bind(channel)
    .fetch_all(&mut **tx)
    .await
}

pub async fn set(tx: &mut OrgTx, org: OrgId, setting: &Setting, at: Timestamp) -> Result<(), Error> {
    sqlx::query(
        "insert into notification_settings (org_id, kind, channel_ref, mode, target, updated_at)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (org_id, kind, channel_ref) do update
            set mode = excluded.mode, target = excluded.target, updated_at = excluded.updated_at",
    )
    .bind(org)
    .bind(setting.kind)
    .bind(&setting.channel_ref)
    .bind(setting.mode)
    .bind(&setting.target)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The channels that a kind goes to now: those that want it, and the targets of those that sent it elsewhere.
pub async fn channels(tx: &mut OrgTx, org: OrgId, kind: NoticeKind) -> Result<Vec<String>, Error> {
    let all = settings(tx, org, None).await?;
    let mut found: Vec<String> = all
        .into_iter()
        .filter(|setting| setting.kind == kind)
        .filter_map(|setting| match setting.mode {
            NoticeMode::On => Some(setting.channel_ref),
            NoticeMode::Redirect => setting.target,
            NoticeMode::Off => None,
        })
        .collect();
    found.sort();
    found.dedup();
    Ok(found)
}

/// Where a pushed message stands in one channel.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub struct Posted {
    pub channel_ref: String,
    /// Empty until it has arrived.
    pub message_ref: String,
    /// What it is to show.
    pub body: Value,
}

/// Writes down what a channel is to show under a key; gives what stood there before.
pub async fn put(
    tx: &mut OrgTx,
    org: OrgId,
    (kind, key): (NoticeKind, &str),
    channel: &str,
    (body, resolved): (&Value, bool),
    at: Timestamp,
) -> Result<(), Error> {
    sqlx::query(
        "insert into notice_messages (org_id, kind, notice_key, channel_ref, state, body, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $7)
         on conflict (org_id, kind, notice_key, channel_ref) do update
            set state = excluded.state, body = excluded.body, updated_at = excluded.updated_at",
    )
    .bind(org)
    .bind(kind)
    .bind(key)
    .bind(channel)
    .bind(if resolved { "resolved" } else { "open" })
    .bind(body)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Channels in which a notice stands.
pub async fn posted(tx: &mut OrgTx, org: OrgId, kind: NoticeKind, key: &str) -> Result<Vec<Posted>, Error> {
    sqlx::query_as(
        "select channel_ref, message_ref, body from notice_messages
          where org_id = $1 and kind = $2 and notice_key = $3 order by channel_ref",
    )
    .bind(org)
    .bind(kind)
    .bind(key)
    .fetch_all(&mut **tx)
    .await
}

/// What a pushed message shows that stands here; none where none does.
pub async fn below(
    tx: &mut OrgTx,
    org: OrgId,
    channel: &str,
    message_ref: &str,
) -> Result<Option<Value>, Error> {
    sqlx::query_scalar(
        "select body from notice_messages
          where org_id = $1 and channel_ref = $2 and message_ref = $3 and $3 <> '' limit 1",
    )
    .bind(org)
    .bind(channel)
    .bind(message_ref)
    .fetch_optional(&mut **tx)
    .await
}

/// Notes under which reference a notice arrived.
pub async fn arrived(
    tx: &mut OrgTx,
    org: OrgId,
    (kind, key): (NoticeKind, &str),
    channel: &str,
    message_ref: &str,
) -> Result<(), Error> {
    sqlx::query(
        "update notice_messages set message_ref = $5
          where org_id = $1 and kind = $2 and notice_key = $3 and channel_ref = $4",
    )
    .bind(org)
    .bind(kind)
    .bind(key)
    .bind(channel)
    .bind(message_ref)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Something to be pushed, not yet on its way: a row of the outbox that the transaction of its cause wrote.
#[derive(Clone, Debug)]
pub struct Published {
    pub id: Uuid,
    pub kind: NoticeKind,
    pub notice: Notice,
    pub at: Timestamp,
}

/// Publishes a notice in the transaction of its cause: surfaces send it to whoever wants its kind. The same words of the
/// same notice are told once. `false`: they were.
pub async fn publish(
    tx: &mut OrgTx,
    org: OrgId,
    id: OutboxId,
    notice: &Notice,
    at: Timestamp,
) -> Result<bool, Error> {
    let kind = match notice {
        Notice::Digest(_) => NoticeKind::Digest,
        Notice::Alert(_) => NoticeKind::Alert,
        Notice::Weekly(_) => NoticeKind::Weekly,
    };
    let body = serde_json::to_value(notice).map_err(|e| Error::Encode(Box::new(e)))?;
    let words =
        Sha256::digest(body.to_string().as_bytes()).iter().take(8).fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
    let out = Outgoing {
        surface: Surface::Worker,
        channel_ref: format!("notice:{kind}:{}", notice.key()),
        kind: OutKind::Message,
        payload: json!({"kind": kind, "notice": body}),
        dedupe_key: format!("notice:{kind}:{}:{words}", notice.key()),
        not_before: None,
    };
    outbox::enqueue(tx, org, id, &out, at).await
}

/// The oldest published notices, locked until the end of the transaction.
pub async fn published(tx: &mut OrgTx, org: OrgId, limit: i64) -> Result<Vec<Published>, Error> {
    let rows: Vec<(Uuid, Value, jiff_sqlx::Timestamp)> = sqlx::query_as(
        "select id, payload, created_at from outbox
          where org_id = $1 and surface = 'worker' and kind = 'message' and state = 'queued'
            and channel_ref like 'notice:%'
          order by created_at, channel_ref, seq limit $2 for update",
    )
    .bind(org)
    .bind(limit)
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter()
        .map(|(id, payload, at)| {
            let field = |key: &str| payload.get(key).cloned().unwrap_or_default();
            let read = |e: serde_json::Error| Error::Decode(Box::new(e));
            Ok(Published {
                id,
                kind: NoticeKind::deserialize(field("kind")).map_err(read)?,
                notice: Notice::deserialize(field("notice")).map_err(read)?,
                at: at.to_jiff(),
            })
        })
        .collect()
}
