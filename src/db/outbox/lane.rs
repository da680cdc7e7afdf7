//! The sender's side: which lanes have something to send, the row in hand, and what became of it.
use super::OutKind;
use crate::access::Surface;
use crate::db::{Error, OrgTx, instant, instant_if_any};
use crate::ids::{OrgId, OutboxId};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row as _};

/// A row in hand.
#[derive(Clone, Debug)]
pub struct Row {
    pub id: OutboxId,
    pub channel_ref: String,
    pub kind: OutKind,
    pub payload: Value,
    pub dedupe_key: String,
    /// Tries that failed.
    pub attempts: i32,
    /// An earlier try may have arrived: look before it is sent again.
    pub uncertain: bool,
    /// Its blocks were refused: send the text.
    pub plain: bool,
    /// Where it arrived (a message's `ts`, a file's id), once it is known.
    pub external_ref: Option<String>,
    pub created_at: Timestamp,
}

impl FromRow<'_, PgRow> for Row {
    fn from_row(row: &PgRow) -> Result<Self, Error> {
        Ok(Self {
            id: row.try_get("id")?,
            channel_ref: row.try_get("channel_ref")?,
            kind: row.try_get("kind")?,
            payload: row.try_get("payload")?,
            dedupe_key: row.try_get("dedupe_key")?,
            attempts: row.try_get("attempts")?,
            uncertain: row.try_get("uncertain")?,
            plain: row.try_get("plain")?,
            external_ref: row.try_get("external_ref")?,
            created_at: instant(row, "created_at")?,
        })
    }
}

/// Lanes whose first row may be sent now and that nobody else holds, nor anybody under the name of a conversation that was
/// found to be a person's meanwhile.
pub async fn due(
    tx: &mut OrgTx,
    org: OrgId,
    surface: Surface,
    owner: &str,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<String>, Error> {
    sqlx::query_scalar(
        "select h.lane from (
             select distinct on (lane) coalesce(c.person, o.channel_ref) as lane, o.retry_at
             from outbox o
             left join slack_conversations c on c.org_id = o.org_id and c.channel_ref = o.channel_ref
             where o.org_id = $1 and o.surface = $2 and o.state in ('queued', 'sending') and o.not_before <= $4
             order by lane, o.seq, o.id) h
         where (h.retry_at is null or h.retry_at <= $4)
           and not exists (
             select from outbox_lanes l
             left join slack_conversations c on c.org_id = l.org_id and c.channel_ref = l.channel_ref
             where l.org_id = $1 and l.surface = $2 and coalesce(c.person, l.channel_ref) = h.lane
               and (l.owner <> $3 or l.channel_ref <> h.lane) and l.lease_until > $4)
         order by h.lane limit $5",
    )
    .bind(org)
    .bind(surface)
    .bind(owner)
    .bind(now.to_sqlx())
    .bind(limit)
    .fetch_all(&mut **tx)
    .await
}

/// The next moment after `now` at which something may become due: a start, another try, the end of a lease.
pub async fn next_moment(
    tx: &mut OrgTx,
    org: OrgId,
    surface: Surface,
    now: Timestamp,
) -> Result<Option<Timestamp>, Error> {
    let row = sqlx::query(
        "select min(at) as at from (
             select greatest(not_before, retry_at) as at from outbox
              where org_id = $1 and surface = $2 and state in ('queued', 'sending')
             union all
             select lease_until from outbox_lanes where org_id = $1 and surface = $2) t
         where at > $3",
    )
    .bind(org)
    .bind(surface)
    .bind(now.to_sqlx())
    .fetch_one(&mut **tx)
    .await?;
    instant_if_any(&row, "at")
}

/// Takes (or keeps) the lane and puts its first row in hand. None: somebody else has the lane, or nothing is due, or the lane
/// is a conversation's that belongs to a person's by now.
pub async fn take(
    tx: &mut OrgTx,
    org: OrgId,
    surface: Surface,
    lane: &str,
    owner: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Row>, Error> {
    let held = sqlx::query(
        "insert into outbox_lanes (org_id, surface, channel_ref, owner, lease_until) values ($1, $2, $3, $4, $6)
         on conflict (org_id, surface, channel_ref) do update
            set owner = excluded.owner, lease_until = excluded.lease_until
          where outbox_lanes.owner = excluded.owner or outbox_lanes.lease_until <= $5",
    )
    .bind(org)
    .bind(surface)
    .bind(lane)
    .bind(owner)
    .bind(now.to_sqlx())
    .bind(until.to_sqlx())
    .execute(&mut **tx)
    .await?;
    if held.rows_affected() == 0 {
        return Ok(None);
    }
    sqlx::query_as(
        "with head as (
             select id, uncertain from outbox
             where org_id = $1 and surface = $2 and state in ('queued', 'sending') and not_before <= $5
               and channel_ref in (
                 select $3 where not exists (
                   select from slack_conversations where org_id = $1 and channel_ref = $3)
                 union all select channel_ref from slack_conversations where org_id = $1 and person = $3)
               and not exists (
                 select from outbox_lanes l
                 join slack_conversations c on c.org_id = l.org_id and c.channel_ref = l.channel_ref
                 where l.org_id = $1 and l.surface = $2 and c.person = $3 and l.lease_until > $5)
             order by seq, id limit 1)
         update outbox o set state = 'sending', owner = $4, uncertain = true
         from head where o.org_id = $1 and o.id = head.id and (o.retry_at is null or o.retry_at <= $5)
         returning o.id, o.channel_ref, o.kind, o.payload, o.dedupe_key, o.attempts, head.uncertain, o.plain,
                   o.external_ref, o.created_at",
    )
    .bind(org)
    .bind(surface)
    .bind(lane)
    .bind(owner)
    .bind(now.to_sqlx())
    .fetch_optional(&mut **tx)
    .await
}

/// Lets a lane go.
pub async fn leave(
    tx: &mut OrgTx,
    org: OrgId,
    surface: Surface,
    lane: &str,
    owner: &str,
) -> Result<(), Error> {
    sqlx::query(
        "delete from outbox_lanes where org_id = $1 and surface = $2 and channel_ref = $3 and owner = $4",
    )
    .bind(org)
    .bind(surface)
    .bind(lane)
    .bind(owner)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Notes where a row arrived, before anything is made of it. `false`: it is not in this owner's hand any more.
pub async fn arrived(
    tx: &mut OrgTx,
    org: OrgId,
    id: OutboxId,
    owner: &str,
    external_ref: &str,
) -> Result<bool, Error> {
    let done = sqlx::query(
        "update outbox set external_ref = $4 where org_id = $1 and id = $2 and owner = $3 and state = 'sending'",
    )
    .bind(org)
    .bind(id)
    .bind(owner)
    .bind(external_ref)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Where the row with this key arrived, once it has.
pub async fn reference(tx: &mut OrgTx, org: OrgId, dedupe_key: &str) -> Result<Option<String>, Error> {
    let found: Option<Option<String>> = sqlx::query_scalar(
        "select external_ref from outbox where org_id = $1 and dedupe_key = $2 and state = 'sent'",
    )
    .bind(org)
    .bind(dedupe_key)
    .fetch_optional(&mut **tx)
    .await?;
    Ok(found.flatten())
}

/// Whether a message for this channel may have arrived of which it is not known where.
pub async fn under_way(
    tx: &mut OrgTx,
    org: OrgId,
    surface: Surface,
    channel_ref: &str,
) -> Result<bool, Error> {
    sqlx::query_scalar(
        "select exists (
           select from outbox
           where org_id = $1 and surface = $2 and state = 'sending' and uncertain
             and channel_ref in (
               select $3::text
               union all select person from slack_conversations where org_id = $1 and channel_ref = $3))",
    )
    .bind(org)
    .bind(surface)
    .bind(channel_ref)
    .fetch_one(&mut **tx)
    .await
}

/// The row is done. `false`: it is not in this owner's hand any more.
pub async fn sent(
    tx: &mut OrgTx,
    org: OrgId,
    id: OutboxId,
    owner: &str,
    at: Timestamp,
) -> Result<bool, Error> {
    let done = sqlx::query(
        "update outbox set state = 'sent', sent_at = $4, error = null, uncertain = false, retry_at = null
         where org_id = $1 and id = $2 and owner = $3 and state = 'sending'",
    )
    .bind(org)
    .bind(id)
    .bind(owner)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Why and when a row is tried again.
#[derive(Clone, Debug)]
pub struct Again<'a> {
    pub retry_at: Timestamp,
    /// The try failed; being told to wait is no failure.
    pub failed: bool,
    /// It may have arrived all the same.
    pub uncertain: bool,
    /// As plain text from now on.
    pub plain: bool,
    pub error: &'a str,
}

/// The row is tried again later. `false`: it is not in this owner's hand any more.
pub async fn again(
    tx: &mut OrgTx,
    org: OrgId,
    id: OutboxId,
    owner: &str,
    again: &Again<'_>,
) -> Result<bool, Error> {
    let done = sqlx::query(
        "update outbox set retry_at = $4, attempts = attempts + $5, uncertain = $6, plain = plain or $7, error = $8
         where org_id = $1 and id = $2 and owner = $3 and state = 'sending'",
    )
    .bind(org)
    .bind(id)
    .bind(owner)
    .bind(again.retry_at.to_sqlx())
    .bind(i32::from(again.failed))
    .bind(again.uncertain)
    .bind(again.plain)
    .bind(again.error)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The row is given up; what follows it in its channel goes on. `false`: it is not in this owner's hand any more.
pub async fn dead(
    tx: &mut OrgTx,
    org: OrgId,
    id: OutboxId,
    owner: &str,
    error: &str,
    at: Timestamp,
) -> Result<bool, Error> {
    let done = sqlx::query(
        "update outbox set state = 'dead', sent_at = $5, error = $4
         where org_id = $1 and id = $2 and owner = $3 and state = 'sending'",
    )
    .bind(org)
    .bind(id)
    .bind(owner)
    .bind(error)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes what was done with before `before`; returns how many rows.
pub async fn purge(tx: &mut OrgTx, org: OrgId, before: Timestamp) -> Result<u64, Error> {
    let done =
        sqlx::query("delete from outbox where org_id = $1 and state in ('sent', 'dead') and sent_at < $2")
            .bind(org)
            .bind(before.to_sqlx())
            .execute(&mut **tx)
            .await?;
    Ok(done.rows_affected())
}
