//! Where the rows of a run go: kept until a checkpoint, then written with the cursor in one transaction.
mod absent;
mod sold;

use crate::clock::SharedClock;
use crate::db::consents::{self, NewConsent};
use crate::db::facts::fx::Rates;
use crate::db::facts::synced::{self, Columns, Scope, Stamp};
use crate::db::facts::{self, Written};
use crate::db::privacy::{self, Gate};
use crate::db::sources::{self, Source};
use crate::db::syncs::{self, Counts};
use crate::db::{Db, OrgTx};
use crate::ids::{OrgId, SyncRunId};
use crate::money::Currency;
use crate::period::Window;
use crate::platforms::client::Meter;
use crate::platforms::contract::{Fact, Sink, StreamSpec};
use crate::platforms::fault::{Code, ConnectorError, Voice};
use crate::platforms::rows::{
    AdGroup, Campaign, Consent, Creative, Daily, Entity, Product, Rows, Search, SearchTerm,
};
use crate::platforms::shape::Seen;
use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Warnings that one run keeps.
const WARNINGS: usize = 100;

/// The days that a slice of a stream by day states whole.
#[derive(Clone, Debug)]
pub struct SliceDays {
    pub days: Window,
    pub kinds: &'static [&'static str],
    pub final_before: Date,
    /// Stored days before this one are final from now on.
    pub settled_before: Date,
    /// The account's day now: those before it are over.
    pub today: Date,
    /// Days of it that were read before.
    pub read_before: BTreeSet<Date>,
}

pub struct DbSink<'a> {
    pub db: &'a Db,
    pub clock: SharedClock,
    pub org: OrgId,
    pub base: Currency,
    pub source: &'a Source,
    pub stream: &'static StreamSpec,
    pub run: Option<SyncRunId>,
    pub account: String,
    pub voice: Voice,
    pub meter: Arc<Meter>,
    /// The cursor as it is stored now.
    pub cursor: Value,
    /// Days that were asked for are read without moving the place where changes are read from.
    pub pinned: bool,
    pub slice: Option<SliceDays>,
    pub counts: Counts,
    pub restated: BTreeSet<Date>,
    warnings: Vec<Value>,
    rows: Vec<(Option<Timestamp>, Rows)>,
    as_of: Option<Timestamp>,
    seen: Seen,
}

/// What a sink is made of.
pub struct Place<'a> {
    pub db: &'a Db,
    pub clock: SharedClock,
    pub org: OrgId,
    pub base: Currency,
    pub source: &'a Source,
    pub stream: &'static StreamSpec,
    /// None for a delivery, which is no run.
    pub run: Option<SyncRunId>,
    pub account: String,
}

impl<'a> DbSink<'a> {
    pub fn new(place: Place<'a>, voice: Voice, meter: Arc<Meter>, cursor: Value) -> Self {
        Self {
            db: place.db,
            clock: place.clock,
            org: place.org,
            base: place.base,
            source: place.source,
            stream: place.stream,
            run: place.run,
            account: place.account,
            voice,
            meter,
            cursor,
            pinned: false,
            slice: None,
            counts: Counts::default(),
            restated: BTreeSet::new(),
            warnings: Vec::new(),
            rows: Vec::new(),
            as_of: None,
            seen: Seen::default(),
        }
    }

    /// Forgets what was taken since the last checkpoint: half a slice is no slice.
    pub fn drop_slice(&mut self) {
        self.rows.clear();
        self.seen = Seen::default();
    }

    pub fn warnings(&self) -> Value {
        Value::Array(self.warnings.clone())
    }

    /// Counts with what the client measured.
    pub fn measured(&self) -> Counts {
        Counts {
            requests: self.meter.requests.load(Ordering::Relaxed),
            retries: self.meter.retries.load(Ordering::Relaxed),
            throttled_ms: self.meter.throttled_ms.load(Ordering::Relaxed),
            ..self.counts.clone()
        }
    }

    fn storage(&self, error: &sqlx::Error) -> ConnectorError {
        tracing::error!(source = %self.source.id, stream = self.stream.name, %error, "rows could not be written");
        self.voice.error(
            Code::Storage,
            "the rows could not be written",
            "",
            "look at the server's log; nothing was kept",
        )
    }

    /// Writes everything taken and moves the cursor, or neither.
    pub async fn commit(
        &mut self,
        cursor: Value,
        complete_through: Option<Date>,
    ) -> Result<(), ConnectorError> {
        self.refuse_broken().await?;
        let rows = std::mem::take(&mut self.rows);
        let listed = self.listed(&rows);
        let read = rows.iter().map(|(_, rows)| rows.len()).sum::<usize>();
        if let Some((first, last)) = span(&rows) {
            self.db.ensure_partitions(first, last).await.map_err(|e| self.storage(&e))?;
        }
        let mut tx = self.db.org(self.org).await.map_err(|e| self.storage(&e))?;
        let written = self.write(&mut tx, rows).await?;
        let cursor = match listed {
            Some(listed) => self.absent(&mut tx, cursor, &listed).await.map_err(|e| self.storage(&e))?,
            None => cursor,
        };
        self.drifted(&mut tx).await.map_err(|e| self.storage(&e))?;
        let counts = Counts {
            rows_read: self.counts.rows_read + i64::try_from(read).unwrap_or(i64::MAX),
            rows_written: self.counts.rows_written + whole(written.added + written.changed),
            rows_unchanged: self.counts.rows_unchanged + whole(written.unchanged),
            ..self.measured()
        };
        if let Some(run) = self.run {
            let moved = syncs::checkpoint(
                &mut tx,
                self.org,
                self.source.id,
                self.stream.name,
                run,
                &self.cursor,
                &cursor,
                complete_through,
                &counts,
                self.clock.now(),
            )
            .await
            .map_err(|e| self.storage(&e))?;
            if !moved {
                let advice = "nothing of this slice was kept; see `adjutant source list`";
                return Err(self.voice.error(
                    Code::AlreadyRunning,
                    "another run moved the cursor",
                    "",
                    advice,
                ));
            }
        }
        tx.commit().await.map_err(|e| self.storage(&e))?;
        self.cursor = cursor;
        self.counts = counts;
        Ok(())
    }

    /// A required field is gone from too many rows: nothing of them is kept but the note.
    async fn refuse_broken(&mut self) -> Result<(), ConnectorError> {
        if let Some((field, count)) = self.seen.breaking() {
            let what = format!("{count} of {} rows do not have '{field}'", self.seen.rows);
            let error = self.voice.error(
                Code::SchemaBreaking,
                &what,
                "",
                "the platform changed its API: look for an update of Adjutant",
            );
            self.keep_drift().await?;
            self.drop_slice();
            return Err(error);
        }
        Ok(())
    }

    async fn write(
        &mut self,
        tx: &mut OrgTx,
        rows: Vec<(Option<Timestamp>, Rows)>,
    ) -> Result<Written, ConnectorError> {
        let mut written = Written::default();
        let mut daily = Vec::new();
        let mut search = Vec::new();
        let mut terms = Vec::new();
        for (as_of, rows) in rows {
            self.as_of = as_of;
            match rows {
                Rows::Daily(rows) => daily.extend(rows),
                Rows::Search(rows) => search.extend(rows),
                Rows::SearchTerms(rows) => terms.extend(rows),
                Rows::Keywords(rows) => {
                    written += self.put(tx, &facts::KEYWORDS, &["id"], &rows, &[]).await?;
                }
                Rows::Campaigns(rows) => {
                    let of = |row: &Campaign| self.entity("campaign", &row.id, &row.name);
                    let names = rows.iter().map(of).collect::<Vec<_>>();
                    written += self.put(tx, &facts::CAMPAIGNS, &["id"], &rows, &[]).await?;
                    self.put(tx, &facts::ENTITIES, &["kind", "id"], &names, &["canonical_id"]).await?;
                }
                Rows::AdGroups(rows) => {
                    let of = |row: &AdGroup| self.entity("ad_group", &row.id, &row.name);
                    let names = rows.iter().map(of).collect::<Vec<_>>();
                    written += self.put(tx, &facts::AD_GROUPS, &["id"], &rows, &[]).await?;
                    self.put(tx, &facts::ENTITIES, &["kind", "id"], &names, &["canonical_id"]).await?;
                }
                Rows::Creatives(rows) => {
                    let of = |row: &Creative| {
                        // What people call it, else what it says.
                        let named = row.extra.get("name").and_then(Value::as_str);
                        let said = named.or(row.headlines.first().map(String::as_str));
                        self.entity("ad", &row.id, said.unwrap_or(&row.id))
                    };
                    let names = rows.iter().map(of).collect::<Vec<_>>();
                    written += self.put(tx, &facts::CREATIVES, &["id"], &rows, &[]).await?;
                    self.put(tx, &facts::ENTITIES, &["kind", "id"], &names, &["canonical_id"]).await?;
                }
                Rows::Entities(rows) => {
                    written +=
                        self.put(tx, &facts::ENTITIES, &["kind", "id"], &rows, &["canonical_id"]).await?;
                }
                Rows::Customers(rows) => {
                    written += self.put(tx, &facts::CUSTOMERS, &["id"], &rows, &[]).await?;
                }
                Rows::Consents(rows) => written += self.consents(tx, &rows).await?,
                Rows::Plans(rows) => written += self.put(tx, &facts::PLANS, &["id"], &rows, &[]).await?,
                Rows::Subscriptions(rows) => written += self.subscriptions(tx, rows).await?,
                Rows::Refunds(rows) => written += self.refunds(tx, rows).await?,
                Rows::Invoices(rows) => {
                    written += self.put(tx, &facts::INVOICES, &["id"], &rows, &[]).await?
                }
                Rows::Orders(rows) => written += self.orders(tx, rows).await?,
                Rows::Shoppers(rows) => written += self.shoppers(tx, rows).await?,
                Rows::Products(rows) => {
                    let of = |row: &Product| self.entity("product", &row.id, &row.name);
                    let names = rows.iter().map(of).collect::<Vec<_>>();
                    written += self.put(tx, &facts::PRODUCTS, &["id"], &rows, &[]).await?;
                    self.put(tx, &facts::ENTITIES, &["kind", "id"], &names, &["canonical_id"]).await?;
                }
                Rows::Variants(rows) => {
                    written += self.put(tx, &facts::VARIANTS, &["id"], &rows, &[]).await?
                }
                Rows::Forgotten(rows) => written += self.forget(tx, &rows).await?,
            }
        }
        if let Some(slice) = self.slice.clone() {
            written += match self.stream.fact {
                Fact::Search => self.search_days(tx, slice, search).await?,
                Fact::Terms => self.term_days(tx, &slice, terms).await?,
                Fact::Daily | Fact::Things => self.days(tx, slice, daily).await?,
            };
        }
        Ok(written)
    }

    async fn put<T: Serialize>(
        &self,
        tx: &mut OrgTx,
        table: &facts::FactTable,
        key: &[&str],
        rows: &[T],
        keep: &[&str],
    ) -> Result<Written, ConnectorError> {
        let rows = rows.iter().map(|row| self.columns(row)).collect::<Result<Vec<_>, _>>()?;
        let rows = once(rows, key);
        let stamp = self.stamp();
        let put = synced::upsert(tx, &*self.clock, self.org, table, &rows, keep, stamp).await;
        put.map_err(|e| self.storage(&e))
    }

    /// Adds to the ledger what is not in it yet.
    async fn consents(&self, tx: &mut OrgTx, rows: &[Consent]) -> Result<Written, ConnectorError> {
        let news = rows.iter().map(|row| NewConsent {
            customer: &row.customer_id,
            channel: row.channel,
            recorded_at: row.recorded_at,
            status: row.status,
            method: "imported",
            region: "",
            evidence: row.evidence,
            source: &self.source.connector,
        });
        let news: Vec<NewConsent<'_>> = news.collect();
        privacy::pass(tx, self.org, Gate::Facts).await.map_err(|e| self.storage(&e))?;
        let now = self.clock.now();
        let added = consents::append(tx, self.org, &news, now).await.map_err(|e| self.storage(&e))?;
        Ok(Written { added, changed: 0, unchanged: rows.len() as u64 - added })
    }

    /// Which connection and run write, and when it looked.
    fn stamp(&self) -> Stamp {
        Stamp { source: self.source.id, run: self.run, as_of: self.as_of }
    }

    /// The thing behind a row, for everything that joins on canonical entities.
    fn entity(&self, kind: &'static str, id: &str, name: &str) -> Entity {
        Entity {
            kind,
            id: id.to_owned(),
            account_id: self.account.clone(),
            external_id: external(id, &self.account).to_owned(),
            name: name.to_owned(),
            canonical_id: id.to_owned(),
        }
    }

    fn columns(&self, row: &impl Serialize) -> Result<Columns, ConnectorError> {
        let Ok(Value::Object(mut columns)) = serde_json::to_value(row) else {
            let advice = "report it: this is a mistake of the program";
            return Err(self.voice.error(Code::Storage, "a row cannot be written", "", advice));
        };
        columns.insert("source".to_owned(), json!(self.source.connector));
        Ok(columns)
    }

    async fn search_days(
        &self,
        tx: &mut OrgTx,
        slice: SliceDays,
        rows: Vec<Search>,
    ) -> Result<Written, ConnectorError> {
        let columns = rows.iter().map(|row| self.columns(row)).collect::<Result<Vec<_>, _>>()?;
        let key = ["date", "site", "search_type", "grain", "page", "query", "device", "country"];
        let rows = once(columns, &key);
        let stamp = self.stamp();
        let site = crate::platforms::rows::site_name(&self.account);
        synced::replace_search(tx, &*self.clock, self.org, &site, slice.kinds, slice.days, &rows, stamp)
            .await
            .map_err(|e| self.storage(&e))
    }

    async fn term_days(
        &mut self,
        tx: &mut OrgTx,
        slice: &SliceDays,
        mut rows: Vec<SearchTerm>,
    ) -> Result<Written, ConnectorError> {
        rows.retain(|row| slice.days.start <= row.date && row.date <= slice.days.end);
        let rates = Rates::load(tx, self.org, self.base, slice.days.start, slice.days.end).await;
        let rates = rates.map_err(|e| self.storage(&e))?;
        let mut columns = Vec::with_capacity(rows.len());
        for row in &rows {
            let mut row_columns = self.columns(row)?;
            for (name, amount) in [("cost", row.cost), ("conversion_value", row.conversion_value)] {
                let base = self.in_base(&rates, amount, row.currency, row.date)?;
                row_columns.insert(format!("{name}_base"), json!(base));
            }
            columns.push(row_columns);
        }
        let rows = once(columns, &["date", "campaign_id", "ad_group_id", "term", "match_type"]);
        let stamp = self.stamp();
        let (source, account) = (&self.source.connector, &self.account);
        synced::replace_terms(tx, &*self.clock, self.org, source, account, slice.days, &rows, stamp)
            .await
            .map_err(|e| self.storage(&e))
    }

    /// Makes the days of the slice say what the platform says, with amounts in the organisation's currency.
    async fn days(
        &mut self,
        tx: &mut OrgTx,
        slice: SliceDays,
        mut rows: Vec<Daily>,
    ) -> Result<Written, ConnectorError> {
        let all = rows.len();
        rows.retain(|row| slice.days.start <= row.date && row.date <= slice.days.end);
        if rows.len() < all {
            self.warn(
                "platform.warning",
                format!("{} rows of days that were not asked for", all - rows.len()),
            );
        }
        let rates = Rates::load(tx, self.org, self.base, slice.days.start, slice.days.end).await;
        let rates = rates.map_err(|e| self.storage(&e))?;
        let mut columns = Vec::with_capacity(rows.len());
        for row in &rows {
            let mut row_columns = self.columns(row)?;
            for (name, amount) in
                [("cost", row.cost), ("conversion_value", row.conversion_value), ("revenue", row.revenue)]
            {
                let base = self.in_base(&rates, amount, row.currency, row.date)?;
                row_columns.insert(format!("{name}_base"), json!(base));
            }
            columns.push(row_columns);
        }
        let columns =
            once(columns, &["date", "account_id", "entity_kind", "entity_id", "channel", "breakdown"]);
        let scope = Scope {
            source: &self.source.connector,
            account: &self.account,
            kinds: slice.kinds,
            days: slice.days,
            final_before: slice.final_before,
            closed_before: slice.today,
            read_before: &slice.read_before,
        };
        let stamp = self.stamp();
        let done = synced::replace_days(tx, &*self.clock, self.org, &scope, &columns, stamp)
            .await
            .map_err(|e| self.storage(&e))?;
        synced::settle(tx, self.org, self.source.id, slice.kinds, slice.settled_before)
            .await
            .map_err(|e| self.storage(&e))?;
        self.restated.extend(&done.restated);
        for (day, was, is) in done.large {
            let detail = format!("conversions of {day} went from {} to {}", was.normalize(), is.normalize());
            self.warn("restatement.large", detail);
        }
        Ok(Written { changed: done.written.changed + done.removed, ..done.written })
    }

    /// Without a rate nothing is written: a sum that leaves parts out is wrong.
    fn in_base(
        &self,
        rates: &Rates,
        amount: Decimal,
        currency: Currency,
        day: Date,
    ) -> Result<Decimal, ConnectorError> {
        if amount.is_zero() {
            return Ok(amount);
        }
        rates.to_base(amount, currency, day).ok_or_else(|| {
            let what = format!("no rate from {currency} to {} is known for {day}", self.base);
            let advice = format!(
                "give one: `adjutant source sync … --rate {currency}=<{} for 1 {currency}>`",
                self.base
            );
            self.voice.error(Code::FxMissing, &what, "", &advice)
        })
    }

    /// Puts what the payloads were like on record; each finding is a warning once.
    async fn drifted(&mut self, tx: &mut OrgTx) -> Result<(), sqlx::Error> {
        let findings = std::mem::take(&mut self.seen).findings();
        if findings.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        let new = sources::note_drift(tx, self.org, self.source.id, self.stream.name, &findings, now).await?;
        for (code, field) in new {
            self.push(&code, field);
        }
        Ok(())
    }

    /// The findings of a slice that is not kept are kept all the same: they tell why.
    async fn keep_drift(&mut self) -> Result<(), ConnectorError> {
        let mut tx = self.db.org(self.org).await.map_err(|e| self.storage(&e))?;
        self.drifted(&mut tx).await.map_err(|e| self.storage(&e))?;
        tx.commit().await.map_err(|e| self.storage(&e))
    }

    fn push(&mut self, code: &str, detail: String) {
        let warning = json!({"code": code, "detail": self.voice.redact(&detail)});
        if self.warnings.len() < WARNINGS && !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }
}

#[async_trait]
impl Sink for DbSink<'_> {
    fn take(&mut self, rows: Rows) {
        self.rows.push((self.as_of, rows));
    }

    fn as_of(&mut self, at: Timestamp) {
        self.as_of = Some(at);
    }

    fn saw(&mut self, seen: Seen) {
        self.seen.add(seen);
    }

    fn warn(&mut self, code: &'static str, detail: String) {
        self.push(code, detail);
    }

    async fn checkpoint(&mut self, cursor: Value) -> Result<(), ConnectorError> {
        let cursor = if self.pinned { self.cursor.clone() } else { cursor };
        self.commit(cursor, None).await
    }
}

/// The bare id on the platform: without the connector, and without the account where ids are the account's own.
fn external<'a>(id: &'a str, account: &str) -> &'a str {
    let id = id.split_once(':').map_or(id, |(_, external)| external);
    id.strip_prefix(account).and_then(|rest| rest.strip_prefix(':')).unwrap_or(id)
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// One row a key: the last one said.
fn once(rows: Vec<Columns>, key: &[&str]) -> Vec<Columns> {
    let mut by_key: BTreeMap<Vec<String>, Columns> = BTreeMap::new();
    for row in rows {
        by_key.insert(
            key.iter().map(|name| row.get(*name).map(Value::to_string).unwrap_or_default()).collect(),
            row,
        );
    }
    by_key.into_values().collect()
}

/// First and last day that will be written.
fn span(rows: &[(Option<Timestamp>, Rows)]) -> Option<(Date, Date)> {
    let days: BTreeSet<Date> = rows
        .iter()
        .flat_map(|(_, rows)| match rows {
            Rows::Daily(rows) => rows.iter().map(|row| row.date).collect::<Vec<_>>(),
            Rows::Search(rows) => rows.iter().map(|row| row.date).collect(),
            Rows::SearchTerms(rows) => rows.iter().map(|row| row.date).collect(),
            Rows::Campaigns(_)
            | Rows::AdGroups(_)
            | Rows::Creatives(_)
            | Rows::Keywords(_)
            | Rows::Entities(_)
            | Rows::Customers(_)
            | Rows::Consents(_)
            | Rows::Plans(_)
            | Rows::Subscriptions(_)
            | Rows::Refunds(_)
            | Rows::Invoices(_)
            | Rows::Orders(_)
            | Rows::Shoppers(_)
            | Rows::Products(_)
            | Rows::Variants(_)
            | Rows::Forgotten(_) => Vec::new(),
        })
        .collect();
    Some((*days.first()?, *days.last()?))
}
