//! What subscriptions pay, and the movements that follow when that changes: signed, in the organisation's currency a month,
//! their sum is what a subscription pays now, at the rates of the days it came (`metrics.md` §2, subscription_move).
use crate::db::OrgTx;
use crate::ids::OrgId;
use jiff::civil::Date;
use jiff_sqlx::ToSqlx as _;
use rust_decimal::Decimal;
use std::collections::BTreeMap;

/// What is stored of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paid {
    /// A month of it, in its own currency.
    pub mrr: Decimal,
    pub currency: String,
    /// The sum of its movements; nothing when there are none.
    pub moved: Option<Decimal>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    pub date: Date,
    pub subscription_id: String,
    pub kind: &'static str,
    pub mrr_delta: Decimal,
    pub plan_id: String,
}

/// Stored subscriptions among those named, held until the transaction ends, so that no two look at the same sum.
pub async fn paid(tx: &mut OrgTx, org: OrgId, ids: &[&str]) -> Result<BTreeMap<String, Paid>, sqlx::Error> {
    let rows: Vec<(String, Decimal, String)> = sqlx::query_as(
        "select id, mrr, currency::text from subscriptions where org_id = $1 and id = any($2) order by id for update",
    )
    .bind(org)
    .bind(ids)
    .fetch_all(&mut **tx)
    .await?;
    let sums: Vec<(String, Decimal)> = sqlx::query_as(
        "select subscription_id, sum(mrr_delta) from mrr_movements where org_id = $1 and subscription_id = any($2)
         group by subscription_id",
    )
    .bind(org)
    .bind(ids)
    .fetch_all(&mut **tx)
    .await?;
    let sums: BTreeMap<String, Decimal> = sums.into_iter().collect();
    let one = |(id, mrr, currency): (String, Decimal, String)| {
        let moved = sums.get(&id).copied();
        (id, Paid { mrr, currency, moved })
    };
    Ok(rows.into_iter().map(one).collect())
}

/// Adds movements; those of one day and kind are one.
pub async fn moved(tx: &mut OrgTx, org: OrgId, movements: &[Movement]) -> Result<(), sqlx::Error> {
    for one in movements {
        sqlx::query(
            "insert into mrr_movements (org_id, date, subscription_id, kind, mrr_delta, plan_id)
             values ($1, $2, $3, $4, $5, $6)
             on conflict (org_id, date, subscription_id, kind)
               do update set mrr_delta = mrr_movements.mrr_delta + excluded.mrr_delta, plan_id = excluded.plan_id",
        )
        .bind(org)
        .bind(one.date.to_sqlx())
        .bind(&one.subscription_id)
        .bind(one.kind)
        .bind(one.mrr_delta)
        .bind(&one.plan_id)
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}
