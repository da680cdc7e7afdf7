//! What was sold: orders with their lines, customers of shops, subscriptions with the movements that follow from them.
use super::DbSink;
use crate::db::OrgTx;
use crate::db::audit::{self, NewEntry};
use crate::db::facts::fx::Rates;
use crate::db::facts::recurring::{self, Paid};
use crate::db::facts::shop::Sold;
use crate::db::facts::synced;
use crate::db::facts::{self, Written, shop};
use crate::db::privacy::requests::{self, Kind};
use crate::ids::new_uuid;
use crate::money::Currency;
use crate::period::local_day;
use crate::platforms::fault::ConnectorError;
use crate::platforms::movements::moved;
use crate::platforms::rows::{Forgotten, Order, Refund, Shopper, Subscription};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::json;
use std::collections::BTreeMap;

impl DbSink<'_> {
    /// The zone in which the account counts its days.
    fn zone(&self) -> TimeZone {
        TimeZone::get(&self.source.account_time_zone).unwrap_or(TimeZone::UTC)
    }

    /// Orders with amounts in the organisation's currency, their lines, and what follows from them for their customers.
    pub(super) async fn orders(&self, tx: &mut OrgTx, rows: Vec<Order>) -> Result<Written, ConnectorError> {
        let mut by_id: BTreeMap<String, Order> = BTreeMap::new();
        for row in rows {
            by_id.insert(row.id.clone(), row);
        }
        let orders: Vec<Order> = by_id.into_values().collect();
        let zone = self.zone();
        let days: Vec<Date> = orders.iter().map(|row| local_day(row.ordered_at, &zone)).collect();
        let (Some(first), Some(last)) = (days.iter().min(), days.iter().max()) else {
            return Ok(Written::default());
        };
        let rates = Rates::load(tx, self.org, self.base, *first, *last).await;
        let rates = rates.map_err(|e| self.storage(&e))?;
        let mut columns = Vec::with_capacity(orders.len());
        for (row, day) in orders.iter().zip(&days) {
            let mut of_row = self.columns(row)?;
            for (name, amount) in [
                ("gross", row.gross),
                ("discount", row.discount),
                ("shipping", row.shipping),
                ("tax", row.tax),
                ("total", row.total),
                ("refunded", row.refunded),
                ("fees", row.fees),
                ("net", row.net),
            ] {
                let base = self.in_base(&rates, amount, row.currency, *day)?;
                of_row.insert(format!("{name}_base"), json!(base));
            }
            columns.push(of_row);
        }
        shop::hold(tx, self.org).await.map_err(|e| self.storage(&e))?;
        let began = self.clock.now();
        let mut written =
            synced::upsert(tx, &*self.clock, self.org, &facts::ORDERS, &columns, &[], self.stamp())
                .await
                .map_err(|e| self.storage(&e))?;
        // Lines follow their order: of one that is stored as of later they are left alone. Its row is locked by now.
        let looks: Vec<_> = orders
            .iter()
            .filter_map(|row| Some((row.id.as_str(), row.source_updated_at.or(self.as_of)?)))
            .collect();
        let later = shop::stored_later(tx, self.org, &looks).await.map_err(|e| self.storage(&e))?;
        let now: Vec<&Order> = orders.iter().filter(|row| !later.contains(&row.id)).collect();
        let lines: Vec<_> = now.iter().flat_map(|row| row.items.iter().cloned()).collect();
        written += self.put(tx, &facts::ORDER_ITEMS, &["order_id", "line"], &lines, &[]).await?;
        let kept: Vec<(&str, i64)> = now
            .iter()
            .map(|row| (row.id.as_str(), i64::try_from(row.items.len()).unwrap_or(i64::MAX)))
            .collect();
        written.changed += shop::drop_lines(tx, self.org, &kept).await.map_err(|e| self.storage(&e))?;
        self.restate(tx, Sold::Orders, orders.iter().map(|row| row.id.clone()).collect(), began).await?;
        let mut buyers: Vec<String> = orders.into_iter().filter_map(|row| row.customer_id).collect();
        buyers.sort_unstable();
        buyers.dedup();
        shop::recount_customers(tx, self.org, &buyers, self.clock.now())
            .await
            .map_err(|e| self.storage(&e))?;
        Ok(written)
    }

    /// The days of what was written since a moment are counted again.
    async fn restate(
        &self,
        tx: &mut OrgTx,
        what: Sold,
        ids: Vec<String>,
        began: Timestamp,
    ) -> Result<(), ConnectorError> {
        let moments = (began, self.clock.now());
        shop::restate(tx, self.org, what, Some(&ids), moments).await.map_err(|e| self.storage(&e))
    }

    /// Money that was given back.
    pub(super) async fn refunds(&self, tx: &mut OrgTx, rows: Vec<Refund>) -> Result<Written, ConnectorError> {
        let began = self.clock.now();
        let written = self.put(tx, &facts::REFUNDS, &["id"], &rows, &[]).await?;
        self.restate(tx, Sold::Refunds, rows.into_iter().map(|row| row.id).collect(), began).await?;
        Ok(written)
    }

    /// Customers; their counts follow from the orders that are there.
    pub(super) async fn shoppers(
        &self,
        tx: &mut OrgTx,
        rows: Vec<Shopper>,
    ) -> Result<Written, ConnectorError> {
        shop::hold(tx, self.org).await.map_err(|e| self.storage(&e))?;
        let written = self.put(tx, &facts::CUSTOMERS, &["id"], &rows, &[]).await?;
        let ids: Vec<String> = rows.into_iter().map(|row| row.id).collect();
        shop::recount_customers(tx, self.org, &ids, self.clock.now()).await.map_err(|e| self.storage(&e))?;
        Ok(written)
    }

    /// Takes what tells of somebody out of their orders, and asks for the people to be erased everywhere, as a person would
    /// (`events.md` §11); the sales stay.
    pub(super) async fn forget(&self, tx: &mut OrgTx, rows: &Forgotten) -> Result<Written, ConnectorError> {
        let now = self.clock.now();
        let gone = shop::forget(tx, self.org, &rows.orders, now).await;
        let mut changed = gone.map_err(|e| self.storage(&e))?;
        if !rows.customers.is_empty() {
            let reason = format!("{} asked for it", self.source.connector);
            let id = new_uuid(&*self.clock);
            let asked = requests::ask(tx, self.org, id, Kind::Erase, (&rows.customers, &reason), now).await;
            let (request, new) = asked.map_err(|e| self.storage(&e))?;
            if new {
                let mut entry =
                    NewEntry::by_system("privacy.erase_requested", "privacy_job", request.id, now);
                entry.after =
                    Some(json!({ "source_id": self.source.id, "due_at": request.due_at.to_string() }));
                entry.reason = Some(reason);
                audit::append(tx, self.org, &entry).await.map_err(|e| self.storage(&e))?;
                changed += rows.customers.len() as u64;
            }
        }
        Ok(Written { changed, ..Written::default() })
    }

    /// Subscriptions, and for each that pays something else than before the movement to it, at the rate of the account's day
    /// now: what it pays a month is a level, not a sale of a day.
    pub(super) async fn subscriptions(
        &self,
        tx: &mut OrgTx,
        rows: Vec<Subscription>,
    ) -> Result<Written, ConnectorError> {
        let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        let stored = |e: sqlx::Error| self.storage(&e);
        let before = recurring::paid(tx, self.org, &ids).await.map_err(stored)?;
        let written = self.put(tx, &facts::SUBSCRIPTIONS, &["id"], &rows, &[]).await?;
        let after = recurring::paid(tx, self.org, &ids).await.map_err(stored)?;
        let zone = self.zone();
        let today = local_day(self.clock.now(), &zone);
        let rates = Rates::load(tx, self.org, self.base, today, today).await.map_err(stored)?;
        let mut movements = Vec::new();
        let by_id: BTreeMap<&str, &Subscription> = rows.iter().map(|row| (row.id.as_str(), row)).collect();
        for (id, now) in &after {
            let Some(row) = by_id.get(id.as_str()) else { continue };
            let same = |was: &Paid| (was.mrr, &was.currency) == (now.mrr, &now.currency);
            if before.get(id).is_some_and(same) {
                continue;
            }
            let currency = now.currency.parse::<Currency>().unwrap_or(row.currency);
            // In its own currency, where that is the same as before: a rate that moved sold nothing.
            let own = before.get(id).filter(|was| was.currency == now.currency).map(|was| (was.mrr, now.mrr));
            let pays = self.in_base(&rates, now.mrr, currency, today)?;
            let paid = self.in_base(&rates, row.last_mrr, row.currency, today)?;
            movements.extend(moved(row, now.moved, own, (pays, paid), &zone, today));
        }
        recurring::moved(tx, self.org, &movements).await.map_err(stored)?;
        Ok(written)
    }
}

#[cfg(test)]
mod tests;
