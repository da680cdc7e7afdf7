//! The envelope of net spend (`actions.md` §5): room that approvals take, and give back or use up.
use crate::db::{Error, OrgTx};
use crate::ids::{DraftId, OrgId};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_sqlx::ToSqlx as _;
use rust_decimal::Decimal;

/// Locks the organisation's envelope until the transaction ends, so that two approvals cannot use the same room, and
/// makes the day's row when missing. The window slides over midnight, so the lock is not the day's.
pub async fn lock(
    tx: &mut OrgTx,
    org: OrgId,
    day: Date,
    limit: Decimal,
    currency: &str,
) -> Result<(), Error> {
    sqlx::query("select pg_advisory_xact_lock(hashtextextended('spend_envelope ' || $1::text, 0))")
        .bind(org)
        .execute(&mut **tx)
        .await?;
    sqlx::query(
        "insert into spend_envelope (org_id, day, limit_amount, currency) values ($1, $2, $3, $4)
         on conflict (org_id, day) do update set limit_amount = excluded.limit_amount",
    )
    .bind(org)
    .bind(day.to_sqlx())
    .bind(limit)
    .bind(currency)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Takes room in the envelope for an approved draft.
pub async fn reserve(
    tx: &mut OrgTx,
    org: OrgId,
    draft: DraftId,
    day: Date,
    amount: Decimal,
) -> Result<(), Error> {
    sqlx::query(
        "with taken as (
             insert into spend_reservations (org_id, draft_id, day, amount, state) values ($1, $2, $3, $4, 'reserved')
             on conflict (org_id, draft_id, day) do update set amount = excluded.amount, state = 'reserved'
             returning amount)
         update spend_envelope set reserved = reserved + $4 where org_id = $1 and day = $3",
    )
    .bind(org)
    .bind(draft)
    .bind(day.to_sqlx())
    .bind(amount)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Gives the room back (`released`), or keeps it as spent (`executed`).
pub async fn settle(tx: &mut OrgTx, org: OrgId, draft: DraftId, state: &str) -> Result<(), Error> {
    sqlx::query(
        "with settled as (
             update spend_reservations set state = $3 where org_id = $1 and draft_id = $2 and state = 'reserved'
             returning day, amount)
         update spend_envelope e set reserved = e.reserved - s.amount,
                executed = e.executed + case when $3 = 'executed' then s.amount else 0 end
           from settled s where e.org_id = $1 and e.day = s.day",
    )
    .bind(org)
    .bind(draft)
    .bind(state)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Net increase that the envelope counts at an instant (`actions.md` §5): room that approved drafts hold, however long
/// ago it was given to them, and what was carried out since `since`. A decrease makes room once it is carried out, not
/// while it may still be cancelled.
pub async fn net_since(tx: &mut OrgTx, org: OrgId, since: Timestamp) -> Result<Decimal, Error> {
    sqlx::query_scalar(
        "select coalesce(sum(case when s.state = 'reserved' then greatest(s.amount, 0) else s.amount end), 0)
           from spend_reservations s
          where s.org_id = $1 and (s.state = 'reserved' or s.state = 'executed' and exists (
                select from executions e where e.org_id = s.org_id and e.draft_id = s.draft_id
                   and e.kind = 'apply' and e.state = 'succeeded' and e.started_at > $2))",
    )
    .bind(org)
    .bind(since.to_sqlx())
    .fetch_one(&mut **tx)
    .await
}
