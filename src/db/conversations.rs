//! Conversations: who asks where, and what was said before.
use super::{Error, OrgTx, instant, instant_if_any};
use crate::access::Surface;
use crate::ids::{ConversationId, MemberId, OrgId, TurnId};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row as _};

crate::closed_list! {
    /// `thread` = everybody who sees the chat thread; `private` = the owner alone.
    Visibility = "visibility" { Private = "private", Thread = "thread" }
}

/// A conversation to be made.
#[derive(Clone, Debug)]
pub struct NewConversation<'a> {
    pub id: ConversationId,
    pub surface: Surface,
    /// What the surface calls it, for instance `team/channel/thread`.
    pub external_ref: Option<&'a str>,
    pub title: &'a str,
    pub owner: MemberId,
    pub visibility: Visibility,
}

#[derive(Clone, Debug, Serialize)]
pub struct Conversation {
    pub id: ConversationId,
    pub surface: Surface,
    pub external_ref: Option<String>,
    pub title: String,
    pub owner: MemberId,
    pub visibility: Visibility,
    /// Of the first `summary_upto` turns.
    pub summary: Option<String>,
    pub summary_upto: i32,
    pub last_turn_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

impl Conversation {
    pub fn may_be_read_by(&self, member: MemberId) -> bool {
        self.owner == member || self.visibility == Visibility::Thread
    }
}

impl FromRow<'_, PgRow> for Conversation {
    fn from_row(row: &PgRow) -> Result<Self, Error> {
        Ok(Self {
            id: row.try_get("id")?,
            surface: row.try_get("surface")?,
            external_ref: row.try_get("external_ref")?,
            title: row.try_get("title")?,
            owner: row.try_get("owner_id")?,
            visibility: row.try_get("visibility")?,
            summary: row.try_get("summary")?,
            summary_upto: row.try_get("summary_upto")?,
            last_turn_at: instant_if_any(row, "last_turn_at")?,
            created_at: instant(row, "created_at")?,
        })
    }
}

const COLUMNS: &str = "id, surface, external_ref, title, owner_id, visibility, summary, summary_upto, last_turn_at, \
                       created_at";

/// Makes a conversation, or finds the one that has this external reference already.
pub async fn open(
    tx: &mut OrgTx,
    org: OrgId,
    new: &NewConversation<'_>,
    at: Timestamp,
) -> Result<Conversation, Error> {
    let statement = format!(
        "insert into conversations (org_id, id, surface, external_ref, title, owner_id, visibility, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict (org_id, surface, external_ref) do update set deleted_at = null
         returning {COLUMNS}"
    );
    sqlx::query_as(sqlx::AssertSqlSafe(statement))
        .bind(org)
        .bind(new.id)
        .bind(new.surface)
        .bind(new.external_ref)
        .bind(new.title)
        .bind(new.owner)
        .bind(new.visibility)
        .bind(at.to_sqlx())
        .fetch_one(&mut **tx)
        .await
}

/// The conversation that a surface calls so; `None`: there is none, or it was deleted.
pub async fn of_ref(
    tx: &mut OrgTx,
    org: OrgId,
    surface: Surface,
    external_ref: &str,
) -> Result<Option<ConversationId>, Error> {
    sqlx::query_scalar(
        "select id from conversations
          where org_id = $1 and surface = $2 and external_ref = $3 and deleted_at is null",
    )
    .bind(org)
    .bind(surface)
    .bind(external_ref)
    .fetch_optional(&mut **tx)
    .await
}

/// Gives a conversation that nothing outside refers to the name its surface has found for it. `false`: it has one.
pub async fn adopt(
    tx: &mut OrgTx,
    org: OrgId,
    id: ConversationId,
    external_ref: &str,
) -> Result<bool, Error> {
    let done = sqlx::query(
        "update conversations set external_ref = $3 where org_id = $1 and id = $2 and external_ref is null",
    )
    .bind(org)
    .bind(id)
    .bind(external_ref)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Opens a private conversation that has but one turn to the thread in which that turn was shared. `false`: it has more
/// turns, or stands in a thread already; then it stays what it is.
pub async fn publish(tx: &mut OrgTx, org: OrgId, turn: TurnId, external_ref: &str) -> Result<bool, Error> {
    let done = sqlx::query(
        "update conversations c set external_ref = $3, visibility = 'thread'
          where c.org_id = $1 and c.external_ref is null
            and c.id = (select t.conversation_id from turns t where t.org_id = $1 and t.id = $2)
            and (select count(*) from turns t where t.org_id = $1 and t.conversation_id = c.id) = 1",
    )
    .bind(org)
    .bind(turn)
    .bind(external_ref)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// `None`: unknown or deleted. Ask [`Conversation::may_be_read_by`] before showing it.
pub async fn get(tx: &mut OrgTx, org: OrgId, id: ConversationId) -> Result<Option<Conversation>, Error> {
    let statement =
        format!("select {COLUMNS} from conversations where org_id = $1 and id = $2 and deleted_at is null");
    sqlx::query_as(sqlx::AssertSqlSafe(statement)).bind(org).bind(id).fetch_optional(&mut **tx).await
}

/// A member's conversations, newest first; `before` is the last one of the page before.
pub async fn list(
    tx: &mut OrgTx,
    org: OrgId,
    owner: MemberId,
    before: Option<(Timestamp, ConversationId)>,
    limit: i64,
) -> Result<Vec<Conversation>, Error> {
    let statement = format!(
        "select {COLUMNS} from conversations
         where org_id = $1 and owner_id = $2 and deleted_at is null
           and ($3::timestamptz is null or (coalesce(last_turn_at, created_at), id) < ($3, $4))
         order by coalesce(last_turn_at, created_at) desc, id desc limit $5"
    );
    sqlx::query_as(sqlx::AssertSqlSafe(statement))
        .bind(org)
        .bind(owner)
        .bind(before.map(|(at, _)| at.to_sqlx()))
        .bind(before.map(|(_, id)| id))
        .bind(limit)
        .fetch_all(&mut **tx)
        .await
}

/// `false`: no such conversation of this owner.
pub async fn rename(
    tx: &mut OrgTx,
    org: OrgId,
    owner: MemberId,
    id: ConversationId,
    title: &str,
) -> Result<bool, Error> {
    let done = sqlx::query(
        "update conversations set title = $4
         where org_id = $1 and owner_id = $2 and id = $3 and deleted_at is null",
    )
    .bind(org)
    .bind(owner)
    .bind(id)
    .bind(title)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Hides a conversation from every list and from memory. `false`: no such conversation of this owner.
pub async fn delete(
    tx: &mut OrgTx,
    org: OrgId,
    owner: MemberId,
    id: ConversationId,
    at: Timestamp,
) -> Result<bool, Error> {
    let done = sqlx::query(
        "update conversations set deleted_at = $4
         where org_id = $1 and owner_id = $2 and id = $3 and deleted_at is null",
    )
    .bind(org)
    .bind(owner)
    .bind(id)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Stores the summary of the first `upto` turns; an older one never replaces a newer one.
pub async fn summarise(
    tx: &mut OrgTx,
    org: OrgId,
    id: ConversationId,
    summary: &str,
    upto: i32,
) -> Result<(), Error> {
    sqlx::query(
        "update conversations set summary = $3, summary_upto = $4 where org_id = $1 and id = $2 and summary_upto < $4",
    )
    .bind(org)
    .bind(id)
    .bind(summary)
    .bind(upto)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
