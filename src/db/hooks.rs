//! Deliveries of platforms (webhooks): stored once, worked on at least once, given up visibly.
use super::{Error, OrgTx, instant, instant_if_any};
use crate::ids::{OrgId, SourceId};
use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;
use serde::Serialize;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row as _};
use uuid::Uuid;

crate::closed_list! {
    /// `ignored`: about nothing that is read. `dead`: given up after all its tries; a person may replay it.
    HookState = "delivery state" { New = "new", Done = "done", Ignored = "ignored", Dead = "dead" }
}

/// How long a delivery belongs to a worker that is not heard of again; working on one is cut before.
pub const LEASE: SignedDuration = SignedDuration::from_secs(120);

/// A delivery to be stored.
#[derive(Clone, Debug)]
pub struct NewHook<'a> {
    pub source: SourceId,
    /// The platform's own id of it: the same for every try to deliver it.
    pub id: &'a str,
    pub topic: &'a str,
    /// Those worth keeping; never a signature or a key.
    pub headers: &'a Value,
    /// What was signed, byte for byte.
    pub body: &'a [u8],
    /// `Ignored` for what is only kept.
    pub state: HookState,
}

/// A delivery that a worker holds.
#[derive(Clone, Debug)]
pub struct Claimed {
    pub source: SourceId,
    pub id: String,
    pub topic: String,
    pub body: Vec<u8>,
    /// This one included.
    pub attempts: i32,
}

impl FromRow<'_, PgRow> for Claimed {
    fn from_row(row: &PgRow) -> Result<Self, Error> {
        Ok(Self {
            source: row.try_get("source_id")?,
            id: row.try_get("external_id")?,
            topic: row.try_get("topic")?,
            body: row.try_get("body")?,
            attempts: row.try_get("attempts")?,
        })
    }
}

/// A delivery as people see it: without its body, which holds personal data.
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    pub source_id: SourceId,
    pub id: String,
    pub topic: String,
    pub state: HookState,
    pub attempts: i32,
    pub received_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    /// When it is tried next, while it is `new`.
    pub not_before: Timestamp,
    pub error_code: Option<String>,
    pub error: Option<String>,
}

/// How work on a delivery ended.
#[derive(Clone, Copy, Debug)]
pub enum Outcome<'a> {
    Done,
    Ignored,
    /// Tried again then.
    Later(Timestamp, &'a str, &'a str),
    Dead(&'a str, &'a str),
}

/// Stores a delivery; `false`: it came before.
pub async fn store(tx: &mut OrgTx, org: OrgId, new: &NewHook<'_>, at: Timestamp) -> Result<bool, Error> {
    let stored = sqlx::query(
        "insert into webhook_events (org_id, source_id, external_id, topic, headers, body, state, not_before, received_at,
                                     finished_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $8, case when $7 = 'new' then null else $8 end)
         on conflict (org_id, source_id, external_id) do nothing",
    )
    .bind(org)
    .bind(new.source)
    .bind(new.id)
    .bind(new.topic)
    .bind(new.headers)
    .bind(new.body)
    .bind(new.state)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(stored.rows_affected() == 1)
}

/// Connections with deliveries that are due and in nobody's hands.
pub async fn waiting(tx: &mut OrgTx, org: OrgId, now: Timestamp) -> Result<Vec<SourceId>, Error> {
    sqlx::query_scalar(
        "select distinct source_id from webhook_events
         where org_id = $1 and state = 'new' and not_before <= $2 and (lease_until is null or lease_until <= $2)",
    )
    .bind(org)
    .bind(now.to_sqlx())
    .fetch_all(&mut **tx)
    .await
}

/// Takes up to `limit` deliveries of a connection that are due, the oldest first, under a lease. Takers never wait for each
/// other.
pub async fn claim(
    tx: &mut OrgTx,
    org: OrgId,
    source: SourceId,
    owner: Uuid,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Claimed>, Error> {
    let until = now.checked_add(LEASE).unwrap_or(Timestamp::MAX);
    let mut claimed: Vec<(Timestamp, Claimed)> = sqlx::query(
        "with free as (
           select source_id, external_id from webhook_events
           where org_id = $1 and source_id = $6 and state = 'new' and not_before <= $3
             and (lease_until is null or lease_until <= $3)
           order by received_at, external_id limit $5 for update skip locked)
         update webhook_events e set lease_owner = $2, lease_until = $4, attempts = e.attempts + 1
         from free where e.org_id = $1 and e.source_id = free.source_id and e.external_id = free.external_id
         returning e.source_id, e.external_id, e.topic, e.body, e.attempts, e.received_at",
    )
    .bind(org)
    .bind(owner)
    .bind(now.to_sqlx())
    .bind(until.to_sqlx())
    .bind(limit)
    .bind(source)
    .fetch_all(&mut **tx)
    .await?
    .iter()
    .map(|row| Ok((instant(row, "received_at")?, Claimed::from_row(row)?)))
    .collect::<Result<_, Error>>()?;
    claimed.sort_by(|a, b| (a.0, &a.1.id).cmp(&(b.0, &b.1.id)));
    Ok(claimed.into_iter().map(|(_, one)| one).collect())
}

/// Ends work on a delivery that `owner` holds; `false`: the lease was lost and somebody else works on it.
pub async fn finish(
    tx: &mut OrgTx,
    org: OrgId,
    hook: &Claimed,
    owner: Uuid,
    outcome: Outcome<'_>,
    at: Timestamp,
) -> Result<bool, Error> {
    let (state, not_before, error) = match outcome {
        Outcome::Done => (HookState::Done, at, None),
        Outcome::Ignored => (HookState::Ignored, at, None),
        Outcome::Later(when, code, error) => (HookState::New, when, Some((code, error))),
        Outcome::Dead(code, error) => (HookState::Dead, at, Some((code, error))),
    };
    let done = sqlx::query(
        "update webhook_events set state = $5, not_before = $6, error_code = $7, error = $8, lease_owner = null,
           lease_until = null, finished_at = case when $5 = 'new' then null else $9::timestamptz end
         where org_id = $1 and source_id = $2 and external_id = $3 and lease_owner = $4 and state = 'new'",
    )
    .bind(org)
    .bind(hook.source)
    .bind(&hook.id)
    .bind(owner)
    .bind(state)
    .bind(not_before.to_sqlx())
    .bind(error.map(|(code, _)| code))
    .bind(error.map(|(_, error)| error))
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The latest deliveries of a connection, newest first; of one state where it is given.
pub async fn list(
    tx: &mut OrgTx,
    org: OrgId,
    source: SourceId,
    state: Option<HookState>,
    limit: i64,
) -> Result<Vec<Listed>, Error> {
    let rows = sqlx::query(
        "select source_id, external_id, topic, state, attempts, received_at, finished_at, not_before, error_code, error
         from webhook_events where org_id = $1 and source_id = $2 and ($3::text is null or state = $3)
         order by received_at desc, external_id limit $4",
    )
    .bind(org)
    .bind(source)
    .bind(state)
    .bind(limit)
    .fetch_all(&mut **tx)
    .await?;
    rows.iter().map(listed).collect()
}

fn listed(row: &PgRow) -> Result<Listed, Error> {
    Ok(Listed {
        source_id: row.try_get("source_id")?,
        id: row.try_get("external_id")?,
        topic: row.try_get("topic")?,
        state: row.try_get("state")?,
        attempts: row.try_get("attempts")?,
        received_at: instant(row, "received_at")?,
        finished_at: instant_if_any(row, "finished_at")?,
        not_before: instant(row, "not_before")?,
        error_code: row.try_get("error_code")?,
        error: row.try_get("error")?,
    })
}

/// How many deliveries of a connection there are in each state.
pub async fn counts(tx: &mut OrgTx, org: OrgId, source: SourceId) -> Result<Vec<(HookState, i64)>, Error> {
    sqlx::query_as(
        "select state, count(*) from webhook_events where org_id = $1 and source_id = $2 group by state order by state",
    )
    .bind(org)
    .bind(source)
    .fetch_all(&mut **tx)
    .await
}

/// How many deliveries since a moment were given up, by connection with its connector and name.
pub async fn dead_since(
    tx: &mut OrgTx,
    org: OrgId,
    since: Timestamp,
) -> Result<Vec<(SourceId, String, String, i64)>, Error> {
    sqlx::query_as(
        "select s.id, s.source, s.name, count(*) from webhook_events e
         join sources s on s.org_id = e.org_id and s.id = e.source_id
         where e.org_id = $1 and e.state = 'dead' and e.received_at >= $2 group by s.id, s.source, s.name order by s.id",
    )
    .bind(org)
    .bind(since.to_sqlx())
    .fetch_all(&mut **tx)
    .await
}

/// Puts deliveries back to be worked on, with all their tries: those that are dead, or one by its id, in whatever state it
/// ended. Returns how many.
pub async fn replay(
    tx: &mut OrgTx,
    org: OrgId,
    source: SourceId,
    id: Option<&str>,
    at: Timestamp,
) -> Result<u64, Error> {
    let done = sqlx::query(
        "update webhook_events set state = 'new', attempts = 0, not_before = $4, finished_at = null, error_code = null,
           error = null, lease_owner = null, lease_until = null
         where org_id = $1 and source_id = $2 and state <> 'new'
           and case when $3::text is null then state = 'dead' else external_id = $3 end",
    )
    .bind(org)
    .bind(source)
    .bind(id)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

/// Forgets every delivery of a connection but one; returns how many.
pub async fn forget_others(tx: &mut OrgTx, org: OrgId, source: SourceId, but: &str) -> Result<u64, Error> {
    let gone =
        sqlx::query("delete from webhook_events where org_id = $1 and source_id = $2 and external_id <> $3")
            .bind(org)
            .bind(source)
            .bind(but)
            .execute(&mut **tx)
            .await?;
    Ok(gone.rows_affected())
}

/// Forgets what came before `before` and is over, bodies included; returns how many.
pub async fn forget(tx: &mut OrgTx, org: OrgId, before: Timestamp) -> Result<u64, Error> {
    let gone =
        sqlx::query("delete from webhook_events where org_id = $1 and state <> 'new' and received_at < $2")
            .bind(org)
            .bind(before.to_sqlx())
            .execute(&mut **tx)
            .await?;
    Ok(gone.rows_affected())
}
