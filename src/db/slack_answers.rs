//! Answers on their way into Slack, and Home tabs as they were published.
//!
//! Who shows an answer holds a lease on its row; when the lease runs out another process goes on from `position`.
use super::{Error, OrgTx, instant};
use crate::ids::{MemberId, OrgId, TurnId};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row as _};

crate::closed_list! {
    /// Who sees an answer.
    Way = "way of an answer" {
        /// Everybody in a thread.
        Thread = "thread",
        /// The asker alone, through a `response_url`.
        Private = "private",
    }
}

crate::closed_list! {
    AnswerState = "state of an answer" {
        Showing = "showing",
        Shown = "shown",
        /// Slack would not take it where it belonged.
        Unsaid = "unsaid",
    }
}

/// An answer and where it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub turn_id: TurnId,
    pub member: MemberId,
    pub team: String,
    /// The asker as Slack knows them, and the workspace they are from (empty: ours).
    pub person: String,
    pub person_team: String,
    pub channel: String,
    /// Empty for private answers.
    pub thread_ts: String,
    pub way: Way,
    /// Of a private answer.
    pub response_url: String,
    /// Said before the text.
    pub lead: String,
    pub position: Value,
    pub state: AnswerState,
    pub created_at: Timestamp,
}

impl FromRow<'_, PgRow> for Answer {
    fn from_row(row: &PgRow) -> Result<Self, Error> {
        Ok(Self {
            turn_id: row.try_get("turn_id")?,
            member: row.try_get("member_id")?,
            team: row.try_get("team")?,
            person: row.try_get("person")?,
            person_team: row.try_get("person_team")?,
            channel: row.try_get("channel")?,
            thread_ts: row.try_get("thread_ts")?,
            way: row.try_get("way")?,
            response_url: row.try_get("response_url")?,
            lead: row.try_get("lead")?,
            position: row.try_get("position")?,
            state: row.try_get("state")?,
            created_at: instant(row, "created_at")?,
        })
    }
}

const COLUMNS: &str = "turn_id, member_id, team, person, person_team, channel, thread_ts, way, response_url, lead, \
                       position, state, created_at";

/// Who holds an answer, and until when.
#[derive(Clone, Copy, Debug)]
pub struct Lease<'a> {
    pub owner: &'a str,
    pub until: Timestamp,
}

/// Stores that an answer is shown, by its first owner. `false`: that is known.
pub async fn begin(
    tx: &mut OrgTx,
    org: OrgId,
    new: &Answer,
    lease: Lease<'_>,
    at: Timestamp,
) -> Result<bool, Error> {
    let done = sqlx::query(
        "insert into slack_answers (org_id, turn_id, member_id, team, person, person_team, channel, thread_ts, way,
             response_url, lead, position, owner, lease_until, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15)
         on conflict (org_id, turn_id) do nothing",
    )
    .bind(org)
    .bind(new.turn_id)
    .bind(new.member)
    .bind(&new.team)
    .bind(&new.person)
    .bind(&new.person_team)
    .bind(&new.channel)
    .bind(&new.thread_ts)
    .bind(new.way)
    .bind(&new.response_url)
    .bind(&new.lead)
    .bind(&new.position)
    .bind(lease.owner)
    .bind(lease.until.to_sqlx())
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// One answer.
pub async fn get(tx: &mut OrgTx, org: OrgId, turn: TurnId) -> Result<Option<Answer>, Error> {
    let statement = format!("select {COLUMNS} from slack_answers where org_id = $1 and turn_id = $2");
    sqlx::query_as(sqlx::AssertSqlSafe(statement)).bind(org).bind(turn).fetch_optional(&mut **tx).await
}

/// Answers whose owner went away, oldest first.
pub async fn abandoned(tx: &mut OrgTx, org: OrgId, now: Timestamp, limit: i64) -> Result<Vec<TurnId>, Error> {
    sqlx::query_scalar(
        "select turn_id from slack_answers
          where org_id = $1 and state = 'showing' and (lease_until is null or lease_until < $2)
          order by created_at, turn_id limit $3",
    )
    .bind(org)
    .bind(now.to_sqlx())
    .bind(limit)
    .fetch_all(&mut **tx)
    .await
}

/// Takes over an answer whose owner went away. `None`: it is shown, or somebody holds it.
pub async fn take(
    tx: &mut OrgTx,
    org: OrgId,
    turn: TurnId,
    lease: Lease<'_>,
    now: Timestamp,
) -> Result<Option<Answer>, Error> {
    let statement = format!(
        "update slack_answers set owner = $3, lease_until = $4, updated_at = $5
          where org_id = $1 and turn_id = $2 and state = 'showing'
            and (lease_until is null or lease_until < $5) returning {COLUMNS}"
    );
    sqlx::query_as(sqlx::AssertSqlSafe(statement))
        .bind(org)
        .bind(turn)
        .bind(lease.owner)
        .bind(lease.until.to_sqlx())
        .bind(now.to_sqlx())
        .fetch_optional(&mut **tx)
        .await
}

/// Keeps how far an answer has come, and the lease on it. `false`: it is somebody else's now; say no more.
pub async fn keep(
    tx: &mut OrgTx,
    org: OrgId,
    turn: TurnId,
    lease: Lease<'_>,
    position: &Value,
    now: Timestamp,
) -> Result<bool, Error> {
    let done = sqlx::query(
        "update slack_answers set position = $4, lease_until = $5, updated_at = $6
          where org_id = $1 and turn_id = $2 and owner = $3 and state = 'showing'",
    )
    .bind(org)
    .bind(turn)
    .bind(lease.owner)
    .bind(position)
    .bind(lease.until.to_sqlx())
    .bind(now.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// All is said, or cannot be. The address of a private answer is forgotten. `false`: it is somebody else's now.
pub async fn end(
    tx: &mut OrgTx,
    org: OrgId,
    turn: TurnId,
    owner: &str,
    state: AnswerState,
    now: Timestamp,
) -> Result<bool, Error> {
    let done = sqlx::query(
        "update slack_answers set state = $4, response_url = '', lease_until = null, updated_at = $5
          where org_id = $1 and turn_id = $2 and owner = $3 and state = 'showing'",
    )
    .bind(org)
    .bind(turn)
    .bind(owner)
    .bind(state)
    .bind(now.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Lets go of what an owner still shows, so that the next process need not wait for the lease.
pub async fn let_go(tx: &mut OrgTx, org: OrgId, owner: &str) -> Result<(), Error> {
    sqlx::query(
        "update slack_answers set lease_until = null where org_id = $1 and owner = $2 and state = 'showing'",
    )
    .bind(org)
    .bind(owner)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Turns whose answers are on their way into a thread, newest first.
pub async fn showing_in(
    tx: &mut OrgTx,
    org: OrgId,
    channel: &str,
    thread_ts: &str,
) -> Result<Vec<TurnId>, Error> {
    sqlx::query_scalar(
        "select turn_id from slack_answers
          where org_id = $1 and channel = $2 and thread_ts = $3 and state = 'showing'
          order by created_at desc, turn_id desc",
    )
    .bind(org)
    .bind(channel)
    .bind(thread_ts)
    .fetch_all(&mut **tx)
    .await
}

/// Marks a private answer as shared by this click. `false`: another click shared it before.
pub async fn share(
    tx: &mut OrgTx,
    org: OrgId,
    turn: TurnId,
    click: &str,
    at: Timestamp,
) -> Result<bool, Error> {
    let done = sqlx::query(
        "update slack_answers set shared_by = $3, updated_at = $4
          where org_id = $1 and turn_id = $2 and way = 'private' and coalesce(shared_by, $3) = $3",
    )
    .bind(org)
    .bind(turn)
    .bind(click)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A Home tab as it was last published.
#[derive(Clone, Debug, Default, PartialEq, FromRow)]
pub struct Home {
    /// Slack's own; empty: none was told.
    pub hash: String,
    /// Page by list.
    pub pages: Value,
}

/// What a person's Home tab was last; `None`: it was never published.
pub async fn home(tx: &mut OrgTx, org: OrgId, team: &str, person: &str) -> Result<Option<Home>, Error> {
    sqlx::query_as("select hash, pages from slack_homes where org_id = $1 and team = $2 and person = $3")
        .bind(org)
        .bind(team)
        .bind(person)
        .fetch_optional(&mut **tx)
        .await
}

/// The people whose Home tab was published, the latest first.
pub async fn homes(tx: &mut OrgTx, org: OrgId, team: &str, limit: i64) -> Result<Vec<String>, Error> {
    sqlx::query_scalar(
        "select person from slack_homes where org_id = $1 and team = $2 order by published_at desc, person limit $3",
    )
    .bind(org)
    .bind(team)
    .bind(limit)
    .fetch_all(&mut **tx)
    .await
}

/// Keeps what a person's Home tab is now.
pub async fn keep_home(
    tx: &mut OrgTx,
    org: OrgId,
    team: &str,
    person: &str,
    home: &Home,
    at: Timestamp,
) -> Result<(), Error> {
    sqlx::query(
        "insert into slack_homes (org_id, team, person, hash, pages, published_at) values ($1, $2, $3, $4, $5, $6)
         on conflict (org_id, team, person) do update
            set hash = excluded.hash, pages = excluded.pages, published_at = excluded.published_at",
    )
    .bind(org)
    .bind(team)
    .bind(person)
    .bind(&home.hash)
    .bind(&home.pages)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}
