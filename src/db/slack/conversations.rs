//! Whose a conversation with us is (`D…`): what is addressed to the person (`U…`) and to the conversation is one queue of
//! the outbox.
use crate::db::{Error, OrgTx};
use crate::ids::OrgId;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;

/// Notes whose conversation a channel is.
pub async fn remember(
    tx: &mut OrgTx,
    org: OrgId,
    person: &str,
    channel: &str,
    at: Timestamp,
) -> Result<(), Error> {
    sqlx::query(
        "insert into slack_conversations (org_id, channel_ref, person, known_since) values ($1, $2, $3, $4)
         on conflict do nothing",
    )
    .bind(org)
    .bind(channel)
    .bind(person)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The conversation of a person, the one known last where the app was installed anew.
pub async fn of(tx: &mut OrgTx, org: OrgId, person: &str) -> Result<Option<String>, Error> {
    sqlx::query_scalar(
        "select channel_ref from slack_conversations where org_id = $1 and person = $2
          order by known_since desc, channel_ref limit 1",
    )
    .bind(org)
    .bind(person)
    .fetch_optional(&mut **tx)
    .await
}
