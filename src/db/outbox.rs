//! Messages that must arrive: written in the transaction of their cause, sent in order within their channel.
//!
//! A channel is a lane: one process at a time holds it, and sends its rows by `seq`. A person's own conversation with us is
//! one lane with what is addressed to the person, and is called by the person (`slack_conversations`). A row is `queued`, then `sending`
//! while a process has it in hand, then `sent` or `dead`. A row that is being tried again holds up its channel; one whose
//! `not_before` has not come does not.
mod lane;

pub use lane::{
    Again, Row, again, arrived, dead, due, leave, next_moment, purge, reference, sent, take, under_way,
};

use super::{Error, OrgTx};
use crate::access::Surface;
use crate::ids::{OrgId, OutboxId};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use serde_json::Value;
use uuid::Uuid;

crate::closed_list! {
    OutKind = "outbox kind" {
        Message = "message",
        /// Changes a message that is there.
        Update = "update",
        /// Rendered from the draft's state at the moment of sending.
        Card = "card",
        /// To a person: the channel is opened first.
        Dm = "dm",
        File = "file",
        Email = "email",
    }
}

/// A message to be sent.
#[derive(Clone, Debug)]
pub struct Outgoing {
    pub surface: Surface,
    /// What is kept in order: a channel, or a person.
    pub channel_ref: String,
    pub kind: OutKind,
    /// What to send; the sender of the surface says in which shape.
    pub payload: Value,
    /// The same key is sent once.
    pub dedupe_key: String,
    /// Not sent before, and not counted in the order before.
    pub not_before: Option<Timestamp>,
}

/// Puts a message at the end of its lane. `false`: its key is known, nothing was written.
pub async fn enqueue(
    tx: &mut OrgTx,
    org: OrgId,
    id: OutboxId,
    out: &Outgoing,
    at: Timestamp,
) -> Result<bool, Error> {
    // Microseconds, so that two transactions rarely want the same place; then the later one looks again.
    loop {
        let done = sqlx::query(
            "insert into outbox (org_id, id, surface, channel_ref, seq, kind, payload, dedupe_key, not_before, created_at)
             with lane as (
               select coalesce((select person from slack_conversations where org_id = $1 and channel_ref = $4), $4)
                      as name),
             refs as (
               select name as ref from lane
               union select c.channel_ref from slack_conversations c, lane where c.org_id = $1 and c.person = lane.name)
             select $1, $2, $3, $4, greatest($9, 1 + coalesce(max(last.seq), 0)), $5, $6, $7, $8, $10
               from refs cross join lateral (
                 select max(seq) as seq from outbox where org_id = $1 and channel_ref = refs.ref) last
             on conflict do nothing",
        )
        .bind(org)
        .bind(id)
        .bind(out.surface)
        .bind(&out.channel_ref)
        .bind(out.kind)
        .bind(&out.payload)
        .bind(&out.dedupe_key)
        .bind(out.not_before.unwrap_or(at).to_sqlx())
        .bind(at.as_microsecond())
        .bind(at.to_sqlx())
        .execute(&mut **tx)
        .await?;
        if done.rows_affected() == 1 {
            return Ok(true);
        }
        let known: bool = sqlx::query_scalar(
            "select exists (select from outbox where org_id = $1 and (dedupe_key = $2 or id = $3))",
        )
        .bind(org)
        .bind(&out.dedupe_key)
        .bind(id)
        .fetch_one(&mut **tx)
        .await?;
        if known {
            return Ok(false);
        }
    }
}

/// An announcement (a row of surface `worker`) was turned into the messages it is about.
pub async fn told(tx: &mut OrgTx, org: OrgId, id: Uuid, at: Timestamp) -> Result<(), Error> {
    sqlx::query(
        "update outbox set state = 'sent', sent_at = $3 where org_id = $1 and id = $2 and surface = 'worker'",
    )
    .bind(org)
    .bind(id)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}
