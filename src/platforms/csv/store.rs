//! Rows of data sets on their way into their tables, and what follows from them.
use super::attribution;
use super::dataset::{Built, Columns};
use super::import::{ImportError, Owner};
use super::subscriptions;
use crate::clock::Clock;
use crate::db::consents::{self, NewConsent};
use crate::db::facts::shop::{self, Sold};
use crate::db::facts::{self as sink, Written, fx};
use crate::db::{OrgTx, privacy};
use serde_json::Value;
use std::collections::BTreeMap;

/// Whether a table is kept in pieces by month, which have to be there before rows come.
pub fn by_day(table: &str) -> bool {
    matches!(table, "daily_metrics" | "keyword_ranks")
}

/// Writes every table of a data set; gives what was done by table.
pub async fn write(
    tx: &mut OrgTx,
    clock: &dyn Clock,
    owner: &Owner,
    built: Built,
) -> Result<BTreeMap<&'static str, Written>, ImportError> {
    let mut done = BTreeMap::new();
    for (name, rows) in built.tables {
        if rows.is_empty() {
            continue;
        }
        let (name, written) = table(tx, clock, owner, &name, rows, built.keeps).await?;
        done.insert(name, written);
    }
    Ok(done)
}

async fn table(
    tx: &mut OrgTx,
    clock: &dyn Clock,
    owner: &Owner,
    name: &str,
    rows: Vec<Columns>,
    keeps: &'static [&'static str],
) -> Result<(&'static str, Written), ImportError> {
    if name == "fx_rates" {
        return Ok(("fx_rates", fx::put(tx, owner.org, &rates(&rows)).await?));
    }
    if name == "consents" {
        return Ok(("consents", denied(tx, clock, owner, rows).await?));
    }
    let unknown =
        || ImportError::Spec(format!("a data set names the table '{name}', which files do not fill"));
    let table = sink::table(name).ok_or_else(unknown)?;
    let (org, began) = (owner.org, clock.now());
    let ids = || rows.iter().filter_map(|row| row.get("id")?.as_str().map(str::to_owned)).collect::<Vec<_>>();
    let written = match name {
        "subscriptions" => subscriptions::write(tx, clock, owner, rows).await?,
        "refunds" => {
            let written = sink::upsert(tx, clock, org, table, &rows).await?;
            shop::restate(tx, org, Sold::Refunds, Some(&ids()), (began, clock.now())).await?;
            written
        }
        "customers" => {
            shop::hold(tx, org).await?;
            let written = sink::upsert(tx, clock, org, table, &rows).await?;
            shop::recount_customers(tx, org, &ids(), clock.now()).await?;
            written
        }
        "campaigns" => {
            let written = sink::upsert_keeping(tx, clock, org, table, &rows, |_| keeps).await?;
            attribution::resolve(tx, clock, org).await?;
            written
        }
        // A member may have said since that a thing is another one.
        "entities" => {
            sink::upsert_keeping(tx, clock, org, table, &rows, |_| &["account_id", "canonical_id"]).await?
        }
        _ => sink::upsert(tx, clock, org, table, &rows).await?,
    };
    Ok((table.name(), written))
}

/// Adds what people said no to, to the ledger: what is in it already, and what is about somebody who was erased, is passed over.
async fn denied(
    tx: &mut OrgTx,
    clock: &dyn Clock,
    owner: &Owner,
    rows: Vec<Columns>,
) -> Result<Written, ImportError> {
    let all = rows.len() as u64;
    let rows = privacy::fit(tx, owner.org, "consents", rows).await?;
    let text =
        |row: &Columns, name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let said: Vec<_> = rows
        .iter()
        .filter_map(|row| {
            let at = text(row, "recorded_at").parse().ok()?;
            let [customer, channel, status, source] =
                ["customer_id", "channel", "status", "source"].map(|name| text(row, name));
            Some((customer, channel, status, source, at))
        })
        .collect();
    let news: Vec<NewConsent<'_>> = said
        .iter()
        .map(|(customer, channel, status, source, at)| NewConsent {
            customer,
            channel,
            recorded_at: *at,
            status,
            method: "imported",
            region: "",
            evidence: "list of suppressions",
            source,
        })
        .collect();
    let added = consents::append(tx, owner.org, &news, clock.now()).await?;
    Ok(Written { added, changed: 0, unchanged: all - added })
}

/// Exchange rates as their table has them: it says of no row where it came from.
fn rates(
    rows: &[Columns],
) -> Vec<(jiff::civil::Date, crate::money::Currency, crate::money::Currency, rust_decimal::Decimal)> {
    let text = |row: &Columns, name: &str| row.get(name).and_then(Value::as_str).map(str::to_owned);
    rows.iter()
        .filter_map(|row| {
            Some((
                text(row, "date")?.parse().ok()?,
                text(row, "from_currency")?.parse().ok()?,
                text(row, "to_currency")?.parse().ok()?,
                text(row, "rate")?.parse().ok()?,
            ))
        })
        .collect()
}
