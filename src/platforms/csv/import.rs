//! One file, one transaction: read whole, validated whole, written whole or not at all.
use super::facts::{self, Facts, Setting, Tells};
use super::kinds::{KindSpec, Kinds};
use super::table::{self, Fault, Options, Table, Unreadable};
use super::{ads, attribution, channels, dataset as sets, people, place, search, store};
use crate::clock::Clock;
use crate::db::audit::{self, NewEntry};
use crate::db::facts::fx::{self, Rates};
use crate::db::facts::levels::{self, Parents, Touched};
use crate::db::facts::{self as sink, Written};
use crate::db::imports::uploads::{self, ImportState};
use crate::db::{Db, OrgTx, imports};
use crate::ids::{ImportId, MemberId, OrgId, SourceId};
use crate::money::Currency;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// What the caller says about a file.
pub struct Request<'a> {
    pub kind: &'a str,
    pub file_name: &'a str,
    pub bytes: &'a [u8],
    pub options: Options,
    /// The connector the rows come from; `csv` when nobody says.
    pub source: Option<&'a str>,
    pub account: Option<&'a str>,
    /// Currency of amounts whose line names none.
    pub currency: Option<Currency>,
    /// Rates to the organisation's currency for the days of this file.
    pub rates: BTreeMap<Currency, Decimal>,
    pub dry_run: bool,
    /// Import again although this very file was imported before.
    pub force: bool,
    /// The upload that waits, and what the record says when it is taken over; nothing for a file from elsewhere.
    pub waiting: Option<(ImportId, NewEntry)>,
}

/// The organisation a file belongs to, and who brings it.
pub struct Owner {
    pub org: OrgId,
    pub member: Option<MemberId>,
    pub currency: Currency,
    pub zone: TimeZone,
}

/// What an import did, or would do.
#[derive(Debug, Serialize)]
pub struct Report {
    pub table: Table,
    pub first_day: Option<Date>,
    pub last_day: Option<Date>,
    /// Sums over the file in its own currency.
    pub totals: BTreeMap<&'static str, Decimal>,
    pub written: BTreeMap<&'static str, Written>,
    /// Spend of this file whose channel nobody tells: it counts, but in no channel's cost per lead or customer.
    pub channel_unknown: bool,
    /// No column of this ad report tells conversions: its campaigns count as not reporting any.
    pub conversions_unknown: bool,
    pub dry_run: bool,
    /// This very file was imported then; nothing was done now.
    pub done_before: Option<Timestamp>,
}

#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("'{0}' is not a kind of export; one of: {1}")]
    Kind(String, String),
    #[error("'{0}' is not a source; one of: {1}")]
    Source(String, String),
    #[error("{0}")]
    Unreadable(#[from] Unreadable),
    #[error("{} of the file's lines are faulty; nothing was imported.", .0.len())]
    Faulty(Vec<Fault>),
    #[error(
        "no rate from {from} to {to} is known for {days} day(s) from {first}; give one with --rate {from}=<{to} for 1 {from}>"
    )]
    NoRate { from: Currency, to: Currency, days: usize, first: Date },
    #[error("the file has {0} MiB; the limit is {1} MiB. Split it by date")]
    TooLarge(usize, usize),
    #[error("this import is done; what it wrote stays. Send a corrected file to change it")]
    Over,
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    #[error("tools/imports.yaml: {0}")]
    Spec(String),
}

/// `connectors.md` §2.1.
pub const LIMIT_MIB: usize = 100;
/// Faults of a refused file that are kept (`connectors.md` §2.1).
const KEPT_FAULTS: usize = 1_000;

/// Whether a file is small enough.
pub fn fits(bytes: &[u8]) -> Result<(), ImportError> {
    if bytes.len() > LIMIT_MIB << 20 {
        return Err(ImportError::TooLarge(bytes.len() >> 20, LIMIT_MIB));
    }
    Ok(())
}

impl ImportError {
    /// The code of what is wrong with the file itself; nothing when the fault lies elsewhere.
    fn of_the_file(&self) -> Option<&'static str> {
        Some(match self {
            Self::Faulty(faults) => faults.first().map_or("csv.faulty", |fault| fault.code),
            Self::Unreadable(_) => "csv.unreadable",
            Self::NoRate { .. } => "csv.no_rate",
            Self::TooLarge(..) => "csv.too_large",
            Self::Kind(..) | Self::Source(..) | Self::Over | Self::Database(_) | Self::Spec(_) => {
                return None;
            }
        })
    }
}

/// Reads, validates and writes one file. One that is refused leaves nothing behind but a line in the list of imports.
pub async fn import(
    db: &Db,
    clock: &dyn Clock,
    owner: &Owner,
    request: &Request<'_>,
) -> Result<Report, ImportError> {
    let result = take_in(db, clock, owner, request).await;
    if let Err(error) = &result
        && let Some(code) = error.of_the_file().filter(|_| !request.dry_run)
    {
        refused(db, clock, owner, request, error, code).await?;
    }
    result
}

/// Notes a refused file: its code and how many faults it has, none of its content.
async fn refused(
    db: &Db,
    clock: &dyn Clock,
    owner: &Owner,
    request: &Request<'_>,
    error: &ImportError,
    code: &str,
) -> Result<(), sqlx::Error> {
    let listed: &[Fault] = if let ImportError::Faulty(faults) = error { faults } else { &[] };
    let (faults, listed) = (listed.len().max(1), &listed[..listed.len().min(KEPT_FAULTS)]);
    let row = imports::ImportRow {
        id: request.waiting.as_ref().map_or_else(|| ImportId::new(clock), |(id, _)| *id),
        dataset: dataset(request.kind),
        file_name: request.file_name,
        file_hash: &Sha256::digest(request.bytes),
        mapping: &json!({}),
        detected: &json!({}),
        state: imports::State::Failed,
        counts: &json!({ "rows": 0, "written_rows": 0, "error": code, "faults": faults }),
        errors: &json!(listed),
        by: owner.member,
        at: clock.now(),
    };
    let mut tx = db.org(owner.org).await?;
    imports::record(&mut tx, owner.org, &row).await?;
    tx.commit().await
}

/// What the facts of a kind are called.
pub fn dataset(kind: &str) -> &str {
    if kind == "ads" { "daily_metrics" } else { kind }
}

async fn take_in(
    db: &Db,
    clock: &dyn Clock,
    owner: &Owner,
    request: &Request<'_>,
) -> Result<Report, ImportError> {
    fits(request.bytes)?;
    let spec = spec(request.kind)?;
    let source = request.source.unwrap_or("csv");
    let source = facts::source(source)
        .ok_or_else(|| ImportError::Source(source.to_owned(), facts::SOURCES.join(", ")))?;
    let mut table = table::read(request.bytes, &spec, &request.options)?;
    if !table.faults.is_empty() {
        return Err(ImportError::Faulty(table.faults));
    }
    let days = days(&table, &spec, &owner.zone);
    let (first_day, last_day) = (days.iter().min().copied(), days.iter().max().copied());
    let by_day = spec.rows.is_empty() || spec.rows.iter().any(|row| store::by_day(&row.table));
    if let (Some(first), Some(last), true) = (first_day, last_day, by_day) {
        db.ensure_partitions(first, last).await?;
    }
    let mut tx = db.org(owner.org).await?;
    still_waits(&mut tx, owner.org, request).await?;
    // Things that stand for no day, such as what subscriptions pay, count at the rate of today.
    let today = crate::period::local_day(clock.now(), &owner.zone);
    let (from, to) = (first_day.unwrap_or(today), last_day.unwrap_or(today));
    for (currency, rate) in &request.rates {
        fx::set(&mut tx, owner.org, *currency, owner.currency, *rate, from, to).await?;
    }
    let mut setting = Setting {
        source: source.to_owned(),
        account: request.account.unwrap_or("manual").to_owned(),
        currency: request.currency.or(table.header_currency).unwrap_or(owner.currency),
        person_key: crate::db::people::person_key(&mut tx, owner.org).await?,
        rates: Rates::load(&mut tx, owner.org, owner.currency, from, to).await?,
        parents: Parents::default(),
        channel: match request.kind {
            "search_terms" => "paid_search",
            _ => channels::telling(table.mapping.keys().chain(&table.ignored)),
        },
        tells: Tells::of(table.mapping.values()),
    };
    if matches!(request.kind, "ads" | "search_terms") {
        let named = place::named(&table.rows, &setting);
        setting.parents = Parents::load(&mut tx, owner.org, &named).await?;
    }
    let (facts, built) = understood(request.kind, &spec, &table, &setting, owner);
    if !facts.faults.is_empty() {
        return Err(ImportError::Faulty(facts.faults));
    }
    table.duplicates_skipped.extend(&facts.repeated);
    table.duplicates_skipped.sort_unstable();
    if let Some((currency, days)) = facts.unconverted.first_key_value() {
        let first = days.first().copied().unwrap_or(from);
        return Err(ImportError::NoRate { from: *currency, to: owner.currency, days: days.len(), first });
    }
    let hash = Sha256::digest(request.bytes);
    // All that decides what the bytes mean: the same file read another way is another import.
    let mapping = json!({
        "columns": table.mapping, "source": source, "account": setting.account, "currency": setting.currency,
        "options": {
            "decimal": request.options.decimal, "date_format": request.options.date_format,
            "time_zone": request.options.zone.iana_name(), "rates": request.rates,
        },
    });
    let dataset = dataset(request.kind);
    let done_before = imports::done_before(&mut tx, owner.org, dataset, &hash, &mapping).await?;
    let mut report = Report {
        first_day,
        last_day,
        totals: facts.totals.clone(),
        written: BTreeMap::new(),
        channel_unknown: facts.daily.iter().any(|day| day.channel == "unknown"),
        conversions_unknown: !facts.daily.is_empty() && !facts.tells_conversions,
        dry_run: request.dry_run,
        done_before: done_before.filter(|_| !request.force && !request.dry_run),
        table,
    };
    if report.done_before.is_some() {
        return Ok(report);
    }
    report.written = match built {
        Some(set) => store::write(&mut tx, clock, owner, set).await?,
        None => write(&mut tx, clock, owner, &facts).await?,
    };
    if request.dry_run {
        tx.rollback().await?;
        return Ok(report);
    }
    let now = clock.now();
    let row = imports::ImportRow {
        id: request.waiting.as_ref().map_or_else(|| ImportId::new(clock), |(id, _)| *id),
        dataset,
        file_name: request.file_name,
        file_hash: &hash,
        mapping: &mapping,
        detected: &json!(report.table.detected),
        state: imports::State::Done,
        counts: &json!({
            "rows": report.table.rows.len(),
            "written_rows": report.written.values().map(|w| w.added + w.changed).sum::<u64>(),
            "written": report.written,
            "totals": report.totals,
        }),
        errors: &json!([]),
        by: owner.member,
        at: now,
    };
    imports::record(&mut tx, owner.org, &row).await?;
    taken_over(&mut tx, owner.org, request).await?;
    let zone = owner.zone.iana_name().unwrap_or("UTC");
    let stream = imports::Stream {
        currency: owner.currency,
        time_zone: zone,
        name: dataset,
        through: last_day,
        at: now,
    };
    imports::touch_source(&mut tx, owner.org, SourceId::new(clock), &stream).await?;
    tx.commit().await?;
    Ok(report)
}

/// An upload that is to be taken over is not over yet. Of two at the same time the second one waits here, and finds it done.
async fn still_waits(tx: &mut OrgTx, org: OrgId, request: &Request<'_>) -> Result<(), ImportError> {
    let Some((id, _)) = &request.waiting else { return Ok(()) };
    let held = uploads::hold(tx, org, *id).await?;
    if held.is_none_or(|held| matches!(held.state, ImportState::Done | ImportState::Undone)) {
        return Err(ImportError::Over);
    }
    Ok(())
}

/// The record of an upload that was taken over, and the end of its file.
async fn taken_over(tx: &mut OrgTx, org: OrgId, request: &Request<'_>) -> Result<(), sqlx::Error> {
    let Some((id, entry)) = &request.waiting else { return Ok(()) };
    uploads::drop_body(tx, org, *id).await?;
    audit::append(tx, org, entry).await?;
    Ok(())
}

/// What the lines say: as facts, or for a data set as rows of its tables, with what is wrong and told in the facts.
fn understood(
    kind: &str,
    spec: &KindSpec,
    table: &Table,
    setting: &Setting,
    owner: &Owner,
) -> (Facts, Option<sets::Built>) {
    if !spec.rows.is_empty() {
        let told = table.mapping.values().cloned().collect();
        let mut set = sets::build(spec, &told, &table.rows, setting, (&owner.zone, owner.currency));
        let facts = Facts {
            faults: std::mem::take(&mut set.faults),
            repeated: std::mem::take(&mut set.repeated),
            unconverted: std::mem::take(&mut set.unconverted),
            totals: std::mem::take(&mut set.totals),
            ..Facts::default()
        };
        return (facts, Some(set));
    }
    let facts = match kind {
        "ads" => ads::ads(&table.rows, setting),
        "search_terms" => ads::search_terms(&table.rows, setting),
        "search_performance" => search::search_performance(&table.rows, setting),
        "orders" => people::orders(&table.rows, setting, &owner.zone),
        _ => people::leads(&table.rows, setting, &owner.zone),
    };
    (facts, None)
}

/// The declared fields of a kind.
pub fn spec(kind: &str) -> Result<KindSpec, ImportError> {
    let mut kinds = Kinds::built_in().map_err(|e| ImportError::Spec(e.to_string()))?.kinds;
    let known = kinds.keys().cloned().collect::<Vec<_>>().join(", ");
    kinds.remove(kind).ok_or_else(|| ImportError::Kind(kind.to_owned(), known))
}

fn days(table: &Table, spec: &KindSpec, zone: &TimeZone) -> Vec<Date> {
    table
        .rows
        .iter()
        .filter_map(|row| {
            if !spec.rows.is_empty() {
                return sets::day(spec, row, zone);
            }
            let at = row.instant("ordered_at").or_else(|| row.instant("created_at"));
            row.date("date").or_else(|| at.map(|at| crate::period::local_day(at, zone)))
        })
        .collect()
}

async fn write(
    tx: &mut OrgTx,
    clock: &dyn Clock,
    owner: &Owner,
    facts: &Facts,
) -> Result<BTreeMap<&'static str, Written>, sqlx::Error> {
    let began = clock.now();
    let mut done: BTreeMap<&'static str, Written> = BTreeMap::new();
    macro_rules! put {
        ($($table:ident $rows:ident),* $(,)?) => {$(
            let written = sink::upsert(tx, clock, owner.org, &sink::$table, &facts.$rows).await?;
            if written != Written::default() {
                done.insert(stringify!($rows), written);
            }
        )*};
    }
    // Things a file may say little of: what it leaves out stays as stored.
    macro_rules! describe {
        ($($table:ident $rows:ident),* $(,)?) => {$(
            let written = if facts.mentions {
                sink::add_missing(tx, clock, owner.org, &sink::$table, &facts.$rows).await?
            } else {
                sink::upsert_keeping(tx, clock, owner.org, &sink::$table, &facts.$rows, |row| &row.keeps).await?
            };
            if written != Written::default() {
                done.insert(stringify!($rows), written);
            }
        )*};
    }
    describe!(ENTITIES entities, CAMPAIGNS campaigns, AD_GROUPS ad_groups, CREATIVES creatives);
    let daily =
        sink::upsert_keeping(tx, clock, owner.org, &sink::DAILY_METRICS, &facts.daily, |row| &row.keeps)
            .await?;
    if daily != Written::default() {
        done.insert("daily", daily);
    }
    put!(SEARCH_TERMS terms, SEARCH_PERFORMANCE search, CUSTOMERS customers, ORDERS orders,
         LEADS leads);
    if !facts.daily.is_empty() {
        let rows: Vec<_> = facts
            .daily
            .iter()
            .map(|d| (d.date, d.entity_kind, d.entity_id.as_str(), d.channel.as_str()))
            .collect();
        levels::drop_other_channels(tx, owner.org, &rows).await?;
        *done.entry("daily").or_default() += levels::roll_up(tx, clock, owner.org, &touched(facts)).await?;
    }
    if facts.tells_conversions {
        let campaigns: Vec<String> = facts.campaigns.iter().map(|campaign| campaign.id.clone()).collect();
        levels::reports_conversions(tx, owner.org, &campaigns).await?;
    }
    if !(facts.campaigns.is_empty() && facts.orders.is_empty() && facts.leads.is_empty()) {
        attribution::resolve(tx, clock, owner.org).await?;
    }
    if !facts.orders.is_empty() {
        let orders: Vec<String> = facts.orders.iter().map(|order| order.id.clone()).collect();
        let moments = (began, clock.now());
        sink::shop::restate(tx, owner.org, sink::shop::Sold::Orders, Some(&orders), moments).await?;
    }
    if !facts.customers.is_empty() {
        let customers: Vec<String> = facts.customers.iter().map(|customer| customer.id.clone()).collect();
        sink::shop::recount_customers(tx, owner.org, &customers, clock.now()).await?;
    }
    Ok(done)
}

/// Everything above what an ad report names, and the account's fallback campaign: its ads may have found a home.
fn touched(facts: &Facts) -> Touched {
    let of = |kind: &str| {
        let found = facts.entities.iter().filter(|entity| entity.kind == kind);
        found.map(|entity| entity.id.clone()).collect::<Vec<_>>()
    };
    let accounts = facts.entities.iter().filter(|entity| entity.kind == "account");
    let fallbacks: Vec<String> =
        accounts.map(|account| place::fallback(&account.source, &account.account_id)).collect();
    let mut campaigns = of("campaign");
    campaigns.extend(fallbacks.iter().cloned());
    Touched { ad_groups: of("ad_group"), campaigns, fallbacks, accounts: of("account") }
}
