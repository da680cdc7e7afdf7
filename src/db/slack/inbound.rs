//! Envelopes: stored once, worked on at least once, in order within a lane.
use crate::db::{Error, OrgTx, instant};
use crate::ids::OrgId;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row as _};
use uuid::Uuid;

crate::closed_list! {
    /// `dead`: given up after several attempts.
    InboundState = "inbound state" { New = "new", Done = "done", Dead = "dead" }
}

/// An envelope to be stored.
#[derive(Clone, Debug)]
pub struct NewInbound<'a> {
    /// The same for every delivery of one thing.
    pub key: &'a str,
    pub team: &'a str,
    pub kind: &'a str,
    /// Channel and time of a message: the same for its two events.
    pub message: Option<(&'a str, &'a str)>,
    pub lane: &'a str,
    pub place: &'a str,
    pub body: &'a Value,
    /// `Done` for what is only kept.
    pub state: InboundState,
}

/// An envelope that a worker holds.
#[derive(Clone, Debug)]
pub struct Claimed {
    pub key: String,
    pub team: String,
    pub kind: String,
    pub body: Value,
    /// This one included.
    pub attempts: i32,
    pub received_at: Timestamp,
}

impl FromRow<'_, PgRow> for Claimed {
    fn from_row(row: &PgRow) -> Result<Self, Error> {
        Ok(Self {
            key: row.try_get("event_key")?,
            team: row.try_get("team")?,
            kind: row.try_get("kind")?,
            body: row.try_get("body")?,
            attempts: row.try_get("attempts")?,
            received_at: instant(row, "received_at")?,
        })
    }
}

/// Stores an envelope; `false`: it, or the other event of its message, is there already.
pub async fn store(tx: &mut OrgTx, org: OrgId, new: &NewInbound<'_>, at: Timestamp) -> Result<bool, Error> {
    let stored = sqlx::query(
        "insert into slack_inbound (org_id, event_key, team, kind, channel_id, message_ts, lane, place, body, state,
                                    not_before, received_at, finished_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, case when $10 = 'new' then null else $11 end)
         on conflict do nothing",
    )
    .bind(org)
    .bind(new.key)
    .bind(new.team)
    .bind(new.kind)
    .bind(new.message.map(|(channel, _)| channel))
    .bind(new.message.map(|(_, ts)| ts))
    .bind(new.lane)
    .bind(new.place)
    .bind(new.body)
    .bind(new.state)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(stored.rows_affected() == 1)
}

/// Takes up to `limit` envelopes under a lease, never two of one lane, never one before an earlier one of its lane.
///
/// Takers of one organisation wait for each other (a row lock on its installation), so that what one of them decides
/// about a lane holds for the next.
pub async fn claim(
    tx: &mut OrgTx,
    org: OrgId,
    owner: Uuid,
    now: Timestamp,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<Claimed>, Error> {
    sqlx::query("select 1 from slack_installs where org_id = $1 order by team for no key update")
        .bind(org)
        .execute(&mut **tx)
        .await?;
    let mut claimed: Vec<Claimed> = sqlx::query_as(
        "with free as (
           select i.event_key from slack_inbound i
           where i.org_id = $1 and i.state = 'new' and i.not_before <= $3
             and (i.lease_until is null or i.lease_until <= $3)
             and not exists (
               select from slack_inbound b
               where b.org_id = $1 and b.lane = i.lane and b.state = 'new' and b.event_key <> i.event_key
                 and (b.lease_until > $3
                      or (b.place, b.received_at, b.event_key) < (i.place, i.received_at, i.event_key)))
           order by i.received_at, i.place, i.event_key limit $5)
         update slack_inbound i set lease_owner = $2, lease_until = $4, attempts = i.attempts + 1
         from free where i.org_id = $1 and i.event_key = free.event_key
         returning i.event_key, i.team, i.kind, i.body, i.attempts, i.received_at",
    )
    .bind(org)
    .bind(owner)
    .bind(now.to_sqlx())
    .bind(until.to_sqlx())
    .bind(limit)
    .fetch_all(&mut **tx)
    .await?;
    claimed.sort_by(|a, b| (a.received_at, &a.key).cmp(&(b.received_at, &b.key)));
    Ok(claimed)
}

/// Ends an envelope that `owner` holds; `false`: the lease was lost, somebody else works on it.
pub async fn finish(
    tx: &mut OrgTx,
    org: OrgId,
    key: &str,
    owner: Uuid,
    state: InboundState,
    error: Option<&str>,
    at: Timestamp,
) -> Result<bool, Error> {
    let done = sqlx::query(
        "update slack_inbound set state = $4, error = $5, finished_at = $6, lease_owner = null, lease_until = null
         where org_id = $1 and event_key = $2 and lease_owner = $3 and state = 'new'",
    )
    .bind(org)
    .bind(key)
    .bind(owner)
    .bind(state)
    .bind(error)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Gives an envelope back, to be tried again at `not_before`.
pub async fn put_back(
    tx: &mut OrgTx,
    org: OrgId,
    key: &str,
    owner: Uuid,
    not_before: Timestamp,
    error: &str,
) -> Result<bool, Error> {
    let done = sqlx::query(
        "update slack_inbound set not_before = $4, error = $5, lease_owner = null, lease_until = null
         where org_id = $1 and event_key = $2 and lease_owner = $3 and state = 'new'",
    )
    .bind(org)
    .bind(key)
    .bind(owner)
    .bind(not_before.to_sqlx())
    .bind(error)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Gives an envelope back whose turn has not come yet: the try does not count.
pub async fn wait(
    tx: &mut OrgTx,
    org: OrgId,
    key: &str,
    owner: Uuid,
    not_before: Timestamp,
    why: &str,
) -> Result<bool, Error> {
    sqlx::query(
        "update slack_inbound set attempts = greatest(attempts - 1, 0)
         where org_id = $1 and event_key = $2 and lease_owner = $3 and state = 'new'",
    )
    .bind(org)
    .bind(key)
    .bind(owner)
    .execute(&mut **tx)
    .await?;
    put_back(tx, org, key, owner, not_before, why).await
}

/// The next moment at which something changes by itself: a pause ends, a lease runs out. `None`: nothing waits for time.
pub async fn next_moment(tx: &mut OrgTx, org: OrgId, now: Timestamp) -> Result<Option<Timestamp>, Error> {
    let next: Option<jiff_sqlx::Timestamp> = sqlx::query_scalar(
        "select min(at) from slack_inbound, unnest(array[not_before, lease_until]) at
         where org_id = $1 and state = 'new' and at > $2",
    )
    .bind(org)
    .bind(now.to_sqlx())
    .fetch_one(&mut **tx)
    .await?;
    Ok(next.map(jiff_sqlx::Timestamp::to_jiff))
}

/// What a person was last known to look at beside us, where Slack said so since `since`; null when that was nothing.
pub async fn looked_at(
    tx: &mut OrgTx,
    org: OrgId,
    team: &str,
    user: &str,
    since: Timestamp,
) -> Result<Option<Value>, Error> {
    sqlx::query_scalar(
        "select body #> '{event,context}' from slack_inbound
         where org_id = $1 and team = $2 and kind in ('app_context_changed', 'app_home_opened')
           and (state = 'new' or finished_at > $4) and received_at > $4 and body #>> '{event,user}' = $3
           and body #> '{event,context}' is not null
         order by place desc, received_at desc limit 1",
    )
    .bind(org)
    .bind(team)
    .bind(user)
    .bind(since.to_sqlx())
    .fetch_optional(&mut **tx)
    .await
}

/// Forgets what ended before `before`, words of people included; returns how many.
pub async fn forget(tx: &mut OrgTx, org: OrgId, before: Timestamp) -> Result<u64, Error> {
    let gone =
        sqlx::query("delete from slack_inbound where org_id = $1 and state <> 'new' and finished_at < $2")
            .bind(org)
            .bind(before.to_sqlx())
            .execute(&mut **tx)
            .await?;
    Ok(gone.rows_affected())
}
