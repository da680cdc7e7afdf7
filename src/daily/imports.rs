//! Files that people send: looked at, mapped, tried, and taken over whole or not at all (`connectors.md` §2.1). What is read
//! and written is the same as with `adjutant import`.
use crate::access::Actor;
use crate::clock::Clock;
use crate::db::audit::{self, NewEntry};
use crate::db::imports::uploads::{self, Import, ImportState, NewUpload};
use crate::db::{Db, let_go, people};
use crate::ids::{ImportId, OrgId};
use crate::money::Currency;
use crate::platforms::csv::header;
use crate::platforms::csv::import::{self, ImportError, Owner, Report, Request};
use crate::platforms::csv::look::{self, Look};
use crate::platforms::csv::table::{Fault, Options};
use crate::platforms::csv::values::DecimalMark;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// Rows that a preview shows.
const SHOWN: usize = 100;

/// How a file is read, where it leaves that open.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Mapping {
    /// Column of the file → field; `null` leaves a column out. Columns that are not named are recognised by their names.
    #[schema(value_type = BTreeMap<String, String>)]
    pub columns: BTreeMap<String, Option<String>>,
    pub constants: Constants,
    pub options: Reading,
}

/// What holds for the whole file where no column says it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Constants {
    /// The platform the rows come from, for instance `google_ads` or `shopify`.
    pub source: Option<String>,
    pub account_id: Option<String>,
    #[schema(value_type = Option<String>)]
    pub currency: Option<Currency>,
}

/// How cells are written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Reading {
    /// The sign before the fraction, `.` or `,`.
    pub decimal: Option<String>,
    /// Such as `%d/%m/%Y`.
    pub date_format: Option<String>,
    /// Of times without one; the organisation's when not said.
    pub time_zone: Option<String>,
    /// What one unit of a currency is worth in the organisation's on the days of the file.
    #[schema(value_type = BTreeMap<String, String>)]
    pub rates: BTreeMap<Currency, Decimal>,
}

/// What is kept of a file that waits.
#[derive(Serialize, Deserialize)]
struct Waiting {
    dataset: String,
    #[serde(default)]
    mapping: Mapping,
}

/// Why a file is not taken over, or not yet.
#[derive(Debug, thiserror::Error)]
pub enum UploadFault {
    #[error("there is no such import")]
    NotFound,
    #[error("the file is no longer kept: it waits for a day. Send it again")]
    Gone,
    #[error("this import is done; what it wrote stays. Send a corrected file to change it")]
    Done,
    #[error("this very file was imported at {0}; say `force` to import it again")]
    DoneBefore(jiff::Timestamp),
    #[error("{0}")]
    Mapping(String),
    #[error(transparent)]
    Import(#[from] ImportError),
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
}

/// What a file would do.
pub struct Preview {
    /// The first rows as they were understood.
    pub rows: Vec<Value>,
    /// Nothing when the file has faults.
    pub report: Option<Report>,
    pub faults: Vec<Fault>,
}

/// Keeps a file that was sent, and looks at it.
pub async fn upload(
    db: &Db,
    clock: &dyn Clock,
    actor: &Actor,
    kind: &str,
    file_name: &str,
    bytes: &[u8],
) -> Result<(Import, Look), UploadFault> {
    import::fits(bytes)?;
    let spec = import::spec(kind)?;
    let look = look::look(bytes, &spec).map_err(ImportError::from)?;
    let id = ImportId::new(clock);
    let waiting = json!(Waiting { dataset: kind.to_owned(), mapping: Mapping::default() });
    let new = NewUpload {
        id,
        dataset: import::dataset(kind),
        file_name: &crate::text::clean(file_name, 200),
        file_hash: &Sha256::digest(bytes),
        mapping: &waiting,
        detected: &json!(look.detected),
        by: Some(actor.member),
        at: clock.now(),
    };
    let mut tx = db.org(actor.org).await?;
    uploads::create(&mut tx, actor.org, &new, bytes).await?;
    let stored = uploads::get(&mut tx, actor.org, id).await?.ok_or(UploadFault::NotFound)?;
    tx.commit().await?;
    Ok((stored, look))
}

/// Says how a file that waits is read.
pub async fn map(db: &Db, org: OrgId, id: ImportId, mapping: Mapping) -> Result<Import, UploadFault> {
    let (waiting, bytes) = waiting(db, org, id).await?;
    let spec = import::spec(&waiting.dataset)?;
    let look = look::look(&bytes, &spec).map_err(ImportError::from)?;
    for (column, field) in &mapping.columns {
        if !look.columns.iter().any(|one| header::same(&one.name, column)) {
            let names: Vec<&str> = look.columns.iter().map(|one| one.name.as_str()).collect();
            let text = format!("the file has no column '{column}'; its columns are: {}", names.join(", "));
            return Err(UploadFault::Mapping(text));
        }
        if let Some(field) = field.as_deref().filter(|field| !spec.fields.contains_key(*field)) {
            let names: Vec<&str> = spec.fields.keys().map(String::as_str).collect();
            let text =
                format!("{} has no field '{field}'; its fields are: {}", waiting.dataset, names.join(", "));
            return Err(UploadFault::Mapping(text));
        }
    }
    options(&mapping, &TimeZone::UTC)?;
    if let Some((currency, _)) = mapping.options.rates.iter().find(|(_, rate)| **rate <= Decimal::ZERO) {
        return Err(UploadFault::Mapping(format!("the rate of {currency} is not above zero")));
    }
    let stored = json!(Waiting { dataset: waiting.dataset, mapping });
    let mut tx = db.org(org).await?;
    uploads::mark(&mut tx, org, id, ImportState::Mapped, Some(&stored)).await?;
    let import = uploads::get(&mut tx, org, id).await?.ok_or(UploadFault::NotFound)?;
    tx.commit().await?;
    Ok(import)
}

/// Says what a file would do, and does nothing.
pub async fn preview(
    db: &Db,
    clock: &dyn Clock,
    actor: &Actor,
    id: ImportId,
) -> Result<Preview, UploadFault> {
    let (waiting, bytes) = waiting(db, actor.org, id).await?;
    match take(db, clock, actor, id, &waiting, &bytes, Run { dry: true, force: true }).await {
        Ok(report) => {
            let mut tx = db.org(actor.org).await?;
            uploads::mark(&mut tx, actor.org, id, ImportState::Previewed, None).await?;
            tx.commit().await?;
            let rows = report.table.rows.iter().take(SHOWN).map(look::shown).collect();
            Ok(Preview { rows, report: Some(report), faults: Vec::new() })
        }
        Err(UploadFault::Import(ImportError::Faulty(faults))) => {
            Ok(Preview { rows: Vec::new(), report: None, faults })
        }
        Err(other) => Err(other),
    }
}

/// Takes a file over, whole or not at all. The same import again says that it is done.
pub async fn commit(
    db: &Db,
    clock: &dyn Clock,
    actor: &Actor,
    id: ImportId,
    force: bool,
) -> Result<Report, UploadFault> {
    let (waiting, bytes) = waiting(db, actor.org, id).await?;
    let mut tx = db.org(actor.org).await?;
    uploads::mark(&mut tx, actor.org, id, ImportState::Committing, None).await?;
    tx.commit().await?;
    let report = take(db, clock, actor, id, &waiting, &bytes, Run { dry: false, force }).await?;
    if let Some(at) = report.done_before {
        let mut tx = db.org(actor.org).await?;
        uploads::mark(&mut tx, actor.org, id, ImportState::Previewed, None).await?;
        tx.commit().await?;
        return Err(UploadFault::DoneBefore(at));
    }
    Ok(report)
}

/// Forgets a file that was not imported.
pub async fn discard(db: &Db, clock: &dyn Clock, actor: &Actor, id: ImportId) -> Result<(), UploadFault> {
    let mut tx = db.org(actor.org).await?;
    let import = uploads::hold(&mut tx, actor.org, id).await?.ok_or(UploadFault::NotFound)?;
    if !uploads::discard(&mut tx, actor.org, id).await? {
        return Err(UploadFault::Done);
    }
    let mut entry = NewEntry::by(actor, "import.discarded", "import", id, clock.now());
    entry.after = Some(json!({ "dataset": import.dataset }));
    audit::append(&mut tx, actor.org, &entry).await?;
    tx.commit().await?;
    Ok(())
}

/// What is kept of an import that is not over, with its file.
async fn waiting(db: &Db, org: OrgId, id: ImportId) -> Result<(Waiting, Vec<u8>), UploadFault> {
    let mut tx = db.org(org).await?;
    let import = uploads::get(&mut tx, org, id).await?.ok_or(UploadFault::NotFound)?;
    if matches!(import.state, ImportState::Done | ImportState::Undone) {
        return Err(UploadFault::Done);
    }
    let bytes = uploads::body(&mut tx, org, id).await?.ok_or(UploadFault::Gone)?;
    let_go(tx);
    let waiting = serde_json::from_value(import.mapping).map_err(|_| UploadFault::Gone)?;
    Ok((waiting, bytes))
}

/// How a file is run.
#[derive(Clone, Copy)]
struct Run {
    dry: bool,
    force: bool,
}

fn options(mapping: &Mapping, zone: &TimeZone) -> Result<Options, UploadFault> {
    let said = &mapping.options;
    let decimal = match said.decimal.as_deref() {
        None => None,
        Some(".") => Some(DecimalMark::Dot),
        Some(",") => Some(DecimalMark::Comma),
        Some(other) => {
            return Err(UploadFault::Mapping(format!("`decimal` is '.' or ',', not '{other}'")));
        }
    };
    let zone = match said.time_zone.as_deref() {
        None => zone.clone(),
        Some(name) => TimeZone::get(name).map_err(|_| {
            UploadFault::Mapping(format!("'{name}' is no time zone; write one such as Europe/Zurich"))
        })?,
    };
    let map = mapping.columns.iter();
    Ok(Options {
        map: map.map(|(column, field)| (column.clone(), field.clone().unwrap_or_default())).collect(),
        decimal,
        date_format: said.date_format.clone(),
        zone,
    })
}

async fn take(
    db: &Db,
    clock: &dyn Clock,
    actor: &Actor,
    id: ImportId,
    waiting: &Waiting,
    bytes: &[u8],
    run: Run,
) -> Result<Report, UploadFault> {
    let Run { dry, force } = run;
    let mut tx = db.org(actor.org).await?;
    let own = people::org(&mut tx, actor.org).await?;
    let import = uploads::get(&mut tx, actor.org, id).await?.ok_or(UploadFault::NotFound)?;
    let_go(tx);
    let zone = TimeZone::get(&own.time_zone).unwrap_or(TimeZone::UTC);
    let currency = own.currency.parse::<Currency>().map_err(|e| sqlx::Error::Decode(e.into()))?;
    let owner = Owner { org: actor.org, member: Some(actor.member), currency, zone: zone.clone() };
    let constants = &waiting.mapping.constants;
    let mut entry = NewEntry::by(actor, "import.committed", "import", id, clock.now());
    entry.after = Some(json!({ "dataset": import.dataset, "file": import.file_name }));
    let request = Request {
        kind: &waiting.dataset,
        file_name: &import.file_name,
        bytes,
        options: options(&waiting.mapping, &zone)?,
        source: constants.source.as_deref(),
        account: constants.account_id.as_deref(),
        currency: constants.currency,
        rates: waiting.mapping.options.rates.clone(),
        dry_run: dry,
        force,
        waiting: Some((id, entry)),
    };
    Ok(import::import(db, clock, &owner, &request).await?)
}
