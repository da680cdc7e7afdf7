//! Subscriptions of a file, with the movements of recurring revenue since what is stored.
use super::dataset::Columns;
use super::import::{ImportError, Owner};
use crate::clock::Clock;
use crate::db::OrgTx;
use crate::db::facts::fx::Rates;
use crate::db::facts::recurring::{self, Paid};
use crate::db::facts::{self as sink, Written};
use crate::money::Currency;
use crate::period::local_day;
use crate::platforms::movements::moved;
use crate::platforms::rows::Subscription;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// States that pay (`connectors.md` §2.7).
const PAYING: [&str; 2] = ["active", "past_due"];

/// What a line says it pays counts by its state: as recurring revenue, as that of a trial, or as what it was.
pub fn by_state(rows: &mut [Columns]) -> Vec<Subscription> {
    rows.iter_mut().filter_map(settled).collect()
}

fn settled(row: &mut Columns) -> Option<Subscription> {
    let text = |row: &Columns, name: &str| row.get(name).and_then(Value::as_str).map(str::to_owned);
    let at = |row: &Columns, name: &str| text(row, name)?.parse().ok();
    let said: Decimal = text(row, "mrr")?.parse().ok()?;
    let status = text(row, "status")?;
    let pays = if PAYING.contains(&status.as_str()) { said } else { Decimal::ZERO };
    let trial = if status == "trialing" { said } else { Decimal::ZERO };
    row.insert("mrr".to_owned(), json!(pays.normalize().to_string()));
    row.insert("trial_mrr".to_owned(), json!(trial.normalize().to_string()));
    Some(Subscription {
        id: text(row, "id")?,
        customer_id: text(row, "customer_id")?,
        plan_id: text(row, "plan_id").unwrap_or_default(),
        status: "",
        quantity: Decimal::ONE,
        mrr: pays,
        trial_mrr: trial,
        currency: text(row, "currency")?.parse().ok()?,
        started_at: at(row, "started_at")?,
        trial_started_at: at(row, "trial_started_at"),
        trial_ends_at: at(row, "trial_ends_at"),
        canceled_at: at(row, "canceled_at"),
        cancel_reason: String::new(),
        last_mrr: said,
        extra: Map::new(),
    })
}

/// Writes subscriptions and what moved. What one pays is a level: it counts at the rate of the organisation's day now.
pub async fn write(
    tx: &mut OrgTx,
    clock: &dyn Clock,
    owner: &Owner,
    mut rows: Vec<Columns>,
) -> Result<Written, ImportError> {
    let lives = by_state(&mut rows);
    let ids: Vec<&str> = lives.iter().map(|life| life.id.as_str()).collect();
    let before = recurring::paid(tx, owner.org, &ids).await?;
    let written = sink::upsert(tx, clock, owner.org, &sink::SUBSCRIPTIONS, &rows).await?;
    let after = recurring::paid(tx, owner.org, &ids).await?;
    let today = local_day(clock.now(), &owner.zone);
    let rates = Rates::load(tx, owner.org, owner.currency, today, today).await?;
    let based = |amount: Decimal, currency: Currency| {
        let none = ImportError::NoRate { from: currency, to: owner.currency, days: 1, first: today };
        if amount.is_zero() { Ok(amount) } else { rates.to_base(amount, currency, today).ok_or(none) }
    };
    let by_id: BTreeMap<&str, &Subscription> = lives.iter().map(|life| (life.id.as_str(), life)).collect();
    let mut movements = Vec::new();
    for (id, now) in &after {
        let Some(life) = by_id.get(id.as_str()) else { continue };
        let same = |was: &Paid| (was.mrr, &was.currency) == (now.mrr, &now.currency);
        if before.get(id).is_some_and(same) {
            continue;
        }
        let (pays, paid) = (based(now.mrr, life.currency)?, based(life.last_mrr, life.currency)?);
        let own = before.get(id).filter(|was| was.currency == now.currency).map(|was| (was.mrr, now.mrr));
        movements.extend(moved(life, now.moved, own, (pays, paid), &owner.zone, today));
    }
    recurring::moved(tx, owner.org, &movements).await?;
    Ok(written)
}
