//! What follows from a shop's orders: who bought first, and each customer's counts.
use crate::db::OrgTx;
use crate::db::events::{self, Restated};
use crate::ids::OrgId;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use std::collections::BTreeSet;

/// Holds the orders of an organisation until the transaction ends: what follows from them touches orders of other writers,
/// and two that did so crosswise would wait for each other.
pub async fn hold(tx: &mut OrgTx, org: OrgId) -> Result<(), sqlx::Error> {
    sqlx::query("select pg_advisory_xact_lock(hashtextextended($1, 42))")
        .bind(format!("{org}/orders"))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Marks the first order of each customer and recounts customers, for the customers named. The days of orders that became the
/// first or are it no longer are queued to be computed again.
pub async fn recount_customers(
    tx: &mut OrgTx,
    org: OrgId,
    customers: &[String],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let turned: Vec<String> = sqlx::query_scalar(
        "with first as (
           select distinct on (customer_id) id, customer_id from orders
           where org_id = $1 and customer_id = any($2) and not is_test and status <> 'cancelled'
           order by customer_id, ordered_at, id)
         update orders o set is_first_order = (f.id is not null), updated_at = $3
         from orders x left join first f on f.id = x.id
         where o.org_id = $1 and x.org_id = $1 and o.id = x.id and x.customer_id = any($2)
           and o.is_first_order <> (f.id is not null)
         returning o.id",
    )
    .bind(org)
    .bind(customers)
    .bind(now.to_sqlx())
    .fetch_all(&mut **tx)
    .await?;
    if !turned.is_empty() {
        restate(tx, org, Sold::Orders, Some(&turned), (now, now)).await?;
    }
    sqlx::query(
        "update customers c set first_order_at = s.first_at, last_order_at = s.last_at, orders_count = s.n,
                total_spent = s.spent, kind = case when s.n > 0 then 'customer' else c.kind end
         from (select i.id as customer_id, min(o.ordered_at) first_at, max(o.ordered_at) last_at, count(o.id) n,
                      coalesce(sum(o.gross_base - o.discount_base), 0) spent
               from unnest($2::text[]) i (id)
               left join orders o on o.org_id = $1 and o.customer_id = i.id and not o.is_test and o.status <> 'cancelled'
               group by i.id) s
         where c.org_id = $1 and c.id = s.customer_id
           and (c.orders_count, c.first_order_at, c.last_order_at, c.total_spent)
               is distinct from (s.n, s.first_at, s.last_at, s.spent)",
    )
    .bind(org)
    .bind(customers)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Which of these orders are stored as of a later moment than the one beside each.
pub async fn stored_later(
    tx: &mut OrgTx,
    org: OrgId,
    looks: &[(&str, Timestamp)],
) -> Result<BTreeSet<String>, sqlx::Error> {
    let ids: Vec<&str> = looks.iter().map(|(id, _)| *id).collect();
    let seen: Vec<_> = looks.iter().map(|(_, at)| at.to_sqlx()).collect();
    let later: Vec<String> = sqlx::query_scalar(
        "select o.id from orders o join unnest($2::text[], $3::timestamptz[]) l (id, seen) on l.id = o.id
         where o.org_id = $1 and o.source_updated_at > l.seen",
    )
    .bind(org)
    .bind(ids)
    .bind(seen)
    .fetch_all(&mut **tx)
    .await?;
    Ok(later.into_iter().collect())
}

/// Removes lines that orders do not have any more: of each order its id and how many lines it has. Returns how many went.
pub async fn drop_lines(tx: &mut OrgTx, org: OrgId, orders: &[(&str, i64)]) -> Result<u64, sqlx::Error> {
    let ids: Vec<&str> = orders.iter().map(|(id, _)| *id).collect();
    let lines: Vec<i64> = orders.iter().map(|(_, lines)| *lines).collect();
    let gone = sqlx::query(
        "delete from order_items i using unnest($2::text[], $3::bigint[]) o (id, lines)
         where i.org_id = $1 and i.order_id = o.id and i.line > o.lines",
    )
    .bind(org)
    .bind(ids)
    .bind(lines)
    .execute(&mut **tx)
    .await?;
    Ok(gone.rows_affected())
}

/// Takes what tells of somebody out of orders. Returns how many rows that changed.
pub async fn forget(
    tx: &mut OrgTx,
    org: OrgId,
    orders: &[String],
    at: Timestamp,
) -> Result<u64, sqlx::Error> {
    let sales = sqlx::query(
        "update orders set city = null, location = null, landing_site = null, extra = '{}', row_hash = '', updated_at = $3
         where org_id = $1 and id = any($2) and (city, location, landing_site) is distinct from (null, null, null)",
    )
    .bind(org)
    .bind(orders)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(sales.rows_affected())
}

/// Queues the days of sales and refunds that were written since a moment, to be computed again: those that the rounds of every
/// five minutes do not look at. `ids` are those of the orders or refunds; nothing means all. What was given back of an order
/// counts as the order says, so that with its own day go those of its refunds.
pub async fn restate(
    tx: &mut OrgTx,
    org: OrgId,
    what: Sold,
    ids: Option<&[String]>,
    (since, now): (Timestamp, Timestamp),
) -> Result<(), sqlx::Error> {
    let (table, at, also) = match what {
        Sold::Orders => (
            "orders",
            "ordered_at",
            "union all select r.refunded_at from refunds r join written s on r.order_id = s.id where r.org_id = $1",
        ),
        Sold::Refunds => ("refunds", "refunded_at", ""),
    };
    let statement = format!(
        "with written as (
           select s.id, s.{at} as at from {table} s
           where s.org_id = $1 and ($2::text[] is null or s.id = any($2)) and s.updated_at >= $3)
         select distinct (w.at at time zone g.time_zone)::date as day
         from (select at from written {also}) w join orgs g on g.org_id = $1
         where (w.at at time zone g.time_zone)::date < ($4 at time zone g.time_zone)::date - 1
         order by day"
    );
    let days: Vec<jiff_sqlx::Date> = sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
        .bind(org)
        .bind(ids)
        .bind(since.to_sqlx())
        .bind(now.to_sqlx())
        .fetch_all(&mut **tx)
        .await?;
    let all = Restated {
        entity_kind: "org".to_owned(),
        entity_id: table.to_owned(),
        channel: "unknown".to_owned(),
    };
    let days: Vec<_> = days.into_iter().map(|day| (day.to_jiff(), all.clone())).collect();
    events::restate(tx, org, &days, table, now).await
}

/// Rows that daily revenue is counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sold {
    Orders,
    Refunds,
}
