//! What follows from a shop's orders: who bought first, and each customer's counts.
use crate::db::OrgTx;
use crate::ids::OrgId;

/// Marks the first order of each customer and recounts customers, for the customers named.
pub async fn recount_customers(tx: &mut OrgTx, org: OrgId, customers: &[String]) -> Result<(), sqlx::Error> {
    sqlx::query(
        "with first as (
           select distinct on (customer_id) id, customer_id from orders
           where org_id = $1 and customer_id = any($2) and not is_test and status <> 'cancelled'
           order by customer_id, ordered_at, id)
         update orders o set is_first_order = (f.id is not null)
         from orders x left join first f on f.id = x.id
         where o.org_id = $1 and x.org_id = $1 and o.id = x.id and x.customer_id = any($2)
           and o.is_first_order <> (f.id is not null)",
    )
    .bind(org)
    .bind(customers)
    .execute(&mut **tx)
    .await?;
    sqlx::query(
        "update customers c set first_order_at = s.first_at, last_order_at = s.last_at, orders_count = s.n,
                total_spent = s.spent, kind = 'customer'
         from (select customer_id, min(ordered_at) first_at, max(ordered_at) last_at, count(*) n,
                      coalesce(sum(gross_base - discount_base), 0) spent
               from orders where org_id = $1 and customer_id = any($2) and not is_test and status <> 'cancelled'
               group by customer_id) s
         where c.org_id = $1 and c.id = s.customer_id
           and (c.orders_count, c.last_order_at, c.total_spent) is distinct from (s.n, s.last_at, s.spent)",
    )
    .bind(org)
    .bind(customers)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
