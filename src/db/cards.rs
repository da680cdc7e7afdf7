//! Draft cards on chat surfaces: where they are, what they show, and the tokens of their buttons.
use super::{Error, OrgTx, instant};
use crate::access::Surface;
use crate::db::drafts::kinds::DraftState;
use crate::ids::{ConversationId, DraftId, MemberId, OrgId};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row as _};
use uuid::Uuid;

/// One card of one draft; at most one in a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    pub draft_id: DraftId,
    pub channel_ref: String,
    /// The thread it was put into; empty = it begins one.
    pub thread_ref: String,
    /// Empty until it has arrived.
    pub message_ref: String,
    pub shown_revision: i32,
    pub shown_state: DraftState,
    /// Version of the draft that it shows.
    pub shown_version: i32,
}

impl Card {
    /// The thread in which the draft is spoken of; none while the card that begins it is on its way.
    pub fn thread(&self) -> Option<&str> {
        [self.thread_ref.as_str(), self.message_ref.as_str()].into_iter().find(|text| !text.is_empty())
    }
}

impl FromRow<'_, PgRow> for Card {
    fn from_row(row: &PgRow) -> Result<Self, Error> {
        Ok(Self {
            draft_id: row.try_get("draft_id")?,
            channel_ref: row.try_get("channel_ref")?,
            thread_ref: row.try_get("thread_ref")?,
            message_ref: row.try_get("message_ref")?,
            shown_revision: row.try_get("shown_revision")?,
            shown_state: row.try_get("shown_state")?,
            shown_version: row.try_get("shown_version")?,
        })
    }
}

const CARD: &str = "select draft_id, channel_ref, thread_ref, message_ref, shown_revision, shown_state, shown_version \
                    from card_messages where org_id = $1 and surface = 'slack'";

/// Plans a card in a channel, in a thread or beginning one. `false`: the draft has a card there.
pub async fn plan(
    tx: &mut OrgTx,
    org: OrgId,
    draft: DraftId,
    channel: &str,
    thread: &str,
    at: Timestamp,
) -> Result<bool, Error> {
    let done = sqlx::query(
        "insert into card_messages (org_id, draft_id, surface, channel_ref, message_ref, thread_ref, shown_revision,
             shown_state, created_at, updated_at)
         values ($1, $2, $3, $4, '', $5, 0, 'pending', $6, $6) on conflict do nothing",
    )
    .bind(org)
    .bind(draft)
    .bind(Surface::Slack)
    .bind(channel)
    .bind(thread)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Every card of a draft.
pub async fn of_draft(tx: &mut OrgTx, org: OrgId, draft: DraftId) -> Result<Vec<Card>, Error> {
    sqlx::query_as(sqlx::AssertSqlSafe(format!("{CARD} and draft_id = $2 order by created_at, channel_ref")))
        .bind(org)
        .bind(draft)
        .fetch_all(&mut **tx)
        .await
}

/// The card of a draft in a channel.
pub async fn one(tx: &mut OrgTx, org: OrgId, draft: DraftId, channel: &str) -> Result<Option<Card>, Error> {
    sqlx::query_as(sqlx::AssertSqlSafe(format!("{CARD} and draft_id = $2 and channel_ref = $3")))
        .bind(org)
        .bind(draft)
        .bind(channel)
        .fetch_optional(&mut **tx)
        .await
}

/// Drafts whose cards in this channel do not show how they stand.
pub async fn behind_in(tx: &mut OrgTx, org: OrgId, channel: &str) -> Result<Vec<DraftId>, Error> {
    sqlx::query_scalar(
        "select c.draft_id from card_messages c join drafts d on d.org_id = c.org_id and d.id = c.draft_id
          where c.org_id = $1 and c.surface = 'slack' and c.channel_ref = $2
            and (c.message_ref = '' or c.shown_version < d.version)
          order by c.created_at",
    )
    .bind(org)
    .bind(channel)
    .fetch_all(&mut **tx)
    .await
}

/// Drafts whose cards are in this thread, or began it.
pub async fn in_thread(
    tx: &mut OrgTx,
    org: OrgId,
    channel: &str,
    thread: &str,
) -> Result<Vec<DraftId>, Error> {
    sqlx::query_scalar(
        "select draft_id from card_messages
          where org_id = $1 and surface = 'slack' and channel_ref = $2 and $3 <> ''
            and (thread_ref = $3 or (thread_ref = '' and message_ref = $3))
          order by created_at",
    )
    .bind(org)
    .bind(channel)
    .bind(thread)
    .fetch_all(&mut **tx)
    .await
}

/// What a card is about to show.
pub struct Drawn {
    pub revision: i32,
    pub state: DraftState,
    pub version: i32,
}

/// Notes what was rendered, before it is sent.
pub async fn drawn(
    tx: &mut OrgTx,
    org: OrgId,
    draft: DraftId,
    channel: &str,
    drawn: &Drawn,
) -> Result<(), Error> {
    sqlx::query(
        "update card_messages set drawn_revision = $4, drawn_state = $5, drawn_version = $6
          where org_id = $1 and draft_id = $2 and channel_ref = $3",
    )
    .bind(org)
    .bind(draft)
    .bind(channel)
    .bind(drawn.revision)
    .bind(drawn.state)
    .bind(drawn.version)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What was rendered last has arrived as this message.
pub async fn shown(
    tx: &mut OrgTx,
    org: OrgId,
    draft: DraftId,
    channel: &str,
    message_ref: &str,
    at: Timestamp,
) -> Result<(), Error> {
    sqlx::query(
        "update card_messages set message_ref = $4, shown_revision = drawn_revision, shown_state = drawn_state,
                shown_version = drawn_version, updated_at = $5
          where org_id = $1 and draft_id = $2 and channel_ref = $3",
    )
    .bind(org)
    .bind(draft)
    .bind(channel)
    .bind(message_ref)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A message arrived, and what it shows is not known: an earlier try left it.
pub async fn found(
    tx: &mut OrgTx,
    org: OrgId,
    draft: DraftId,
    channel: &str,
    message_ref: &str,
    at: Timestamp,
) -> Result<(), Error> {
    sqlx::query(
        "update card_messages set message_ref = $4, shown_version = 0, updated_at = $5
          where org_id = $1 and draft_id = $2 and channel_ref = $3",
    )
    .bind(org)
    .bind(draft)
    .bind(channel)
    .bind(message_ref)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Takes a card out of the books: its message or its channel is gone.
pub async fn forget(tx: &mut OrgTx, org: OrgId, draft: DraftId, channel: &str) -> Result<(), Error> {
    sqlx::query("delete from card_messages where org_id = $1 and draft_id = $2 and channel_ref = $3")
        .bind(org)
        .bind(draft)
        .bind(channel)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// What a token stands for. The token itself is never stored.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Token {
    pub draft_id: DraftId,
    pub revision: i32,
    pub action: String,
    /// Empty = any.
    pub channel_ref: String,
    /// Only this member may use it, where there is one.
    pub member_id: Option<MemberId>,
    #[sqlx(try_from = "jiff_sqlx::Timestamp")]
    pub expires_at: Timestamp,
}

/// Stores the hash of a token.
pub async fn add_token(
    tx: &mut OrgTx,
    org: OrgId,
    hash: &[u8],
    token: &Token,
    at: Timestamp,
) -> Result<(), Error> {
    sqlx::query(
        "insert into card_tokens (org_id, token_hash, draft_id, revision, action, channel_ref, member_id, expires_at,
             created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(org)
    .bind(hash)
    .bind(token.draft_id)
    .bind(token.revision)
    .bind(&token.action)
    .bind(&token.channel_ref)
    .bind(token.member_id)
    .bind(token.expires_at.to_sqlx())
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What a hash stands for in this organisation, expired or not.
pub async fn token(tx: &mut OrgTx, org: OrgId, hash: &[u8]) -> Result<Option<Token>, Error> {
    sqlx::query_as(
        "select draft_id, revision, action, channel_ref, member_id, expires_at from card_tokens
          where org_id = $1 and token_hash = $2",
    )
    .bind(org)
    .bind(hash)
    .fetch_optional(&mut **tx)
    .await
}

/// Something that happened to a draft, not yet shown: a row of the outbox that the transaction of its cause wrote.
#[derive(Clone, Debug)]
pub struct Announced {
    pub id: Uuid,
    pub draft_id: DraftId,
    /// `draft.approved` and so on.
    pub event: String,
    /// Who did it, what they said: see `db::drafts::write::announce`.
    pub story: Value,
    pub at: Timestamp,
}

/// The oldest announcements, locked until the end of the transaction: two replicas never tell the same one.
pub async fn announced(tx: &mut OrgTx, org: OrgId, limit: i64) -> Result<Vec<Announced>, Error> {
    let rows = sqlx::query(
        "select id, payload, created_at from outbox
          where org_id = $1 and surface = 'worker' and kind = 'card' and state = 'queued'
          order by created_at, channel_ref, seq limit $2 for update",
    )
    .bind(org)
    .bind(limit)
    .fetch_all(&mut **tx)
    .await?;
    let mut found = Vec::new();
    for row in &rows {
        let payload: Value = row.try_get("payload")?;
        let text = |key: &str| payload.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let Ok(draft_id) = text("draft_id").parse() else { continue };
        let (id, event, at) = (row.try_get("id")?, text("event"), instant(row, "created_at")?);
        found.push(Announced { id, draft_id, event, story: payload, at });
    }
    Ok(found)
}

/// Notes a reminder. `false`: this person had it.
pub async fn reminded(
    tx: &mut OrgTx,
    org: OrgId,
    (draft, revision): (DraftId, i32),
    member: MemberId,
    reminder: &str,
    at: Timestamp,
) -> Result<bool, Error> {
    let done = sqlx::query(
        "insert into card_reminders (org_id, draft_id, revision, member_id, reminder, at)
         values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
    )
    .bind(org)
    .bind(draft)
    .bind(revision)
    .bind(member)
    .bind(reminder)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A draft that waits, as reminders see it.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub draft: DraftId,
    pub revision: i32,
    /// When the draft was made.
    pub since: Timestamp,
    pub expires_at: Timestamp,
    pub held_until: Option<Timestamp>,
}

/// Pending drafts in the second half of their life.
pub async fn waiting(tx: &mut OrgTx, org: OrgId, now: Timestamp) -> Result<Vec<Waiting>, Error> {
    let rows = sqlx::query(
        "select d.id, d.revision, d.created_at as since, d.expires_at, d.held_until from drafts d
          where d.org_id = $1 and d.state = 'pending' and d.expires_at > $2
            and d.created_at + (d.expires_at - d.created_at) / 2 <= $2
          order by d.number limit 500",
    )
    .bind(org)
    .bind(now.to_sqlx())
    .fetch_all(&mut **tx)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Waiting {
                draft: row.try_get("id")?,
                revision: row.try_get("revision")?,
                since: instant(row, "since")?,
                expires_at: instant(row, "expires_at")?,
                held_until: super::instant_if_any(row, "held_until")?,
            })
        })
        .collect()
}

/// Whom a workspace knows by which user id, for all members of the organisation that are linked.
pub async fn people(tx: &mut OrgTx, org: OrgId) -> Result<Vec<(MemberId, String)>, Error> {
    sqlx::query_as(
        "select distinct on (i.member_id) i.member_id, i.external_user from identities i
           join members m on m.org_id = i.org_id and m.id = i.member_id and m.state = 'active'
          where i.org_id = $1 and i.surface = 'slack' order by i.member_id, i.linked_at, i.external_user",
    )
    .bind(org)
    .fetch_all(&mut **tx)
    .await
}

/// The workspace in which the organisation has the app now.
pub async fn workspace(tx: &mut OrgTx, org: OrgId) -> Result<Option<String>, Error> {
    sqlx::query_scalar(
        "select team from slack_installs where org_id = $1 and state = 'active' order by team limit 1",
    )
    .bind(org)
    .fetch_optional(&mut **tx)
    .await
}

/// The member behind a user id of a workspace, if one is linked.
pub async fn member_of(
    tx: &mut OrgTx,
    org: OrgId,
    team: &str,
    user: &str,
) -> Result<Option<MemberId>, Error> {
    sqlx::query_scalar(
        "select member_id from identities
          where org_id = $1 and surface = 'slack' and team = $2 and external_user = $3",
    )
    .bind(org)
    .bind(team)
    .bind(user)
    .fetch_optional(&mut **tx)
    .await
}

/// The thread of Slack in which a conversation is held, as `team/channel/thread`; an inner `None`: in Slack, and answered
/// to its asker alone. `None`: not in Slack.
pub async fn thread_of(
    tx: &mut OrgTx,
    org: OrgId,
    conversation: ConversationId,
) -> Result<Option<Option<String>>, Error> {
    sqlx::query_scalar(
        "select external_ref from conversations where org_id = $1 and id = $2 and surface = 'slack'",
    )
    .bind(org)
    .bind(conversation)
    .fetch_optional(&mut **tx)
    .await
}

/// The members' own time zones, where they have one.
pub async fn zones(tx: &mut OrgTx, org: OrgId) -> Result<Vec<(MemberId, String)>, Error> {
    sqlx::query_as("select id, time_zone from members where org_id = $1 and time_zone <> ''")
        .bind(org)
        .fetch_all(&mut **tx)
        .await
}
