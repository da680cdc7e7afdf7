//! Connections made, tried, changed and forgotten, for whoever may: the operator on the server's machine, and members over
//! HTTP. Nothing is stored of one that does not work, and every act is on the record, without what was entered.
mod change;

pub use change::Change;

use super::fault::SourceFault;
use super::{Engine, Loaded, sealing, storage, unknown};
use crate::access::Actor;
use crate::daily::connection::{self, Opening};
use crate::db::audit::{self, NewEntry};
use crate::db::sources::{self, Source, SourceState};
use crate::db::{OrgTx, let_go, people, syncs};
use crate::ids::{OrgId, SourceId};
use crate::money::Currency;
use crate::platforms::contract::{CheckReport, Connector, ConnectorSpec, Ctx};
use crate::platforms::fault::{Code, ConnectorError, Voice};
use crate::platforms::registry;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const LONGEST_NAME: usize = 100;
/// Of a setting or a secret; a service account's key has some 2,400.
const LONGEST_VALUE: usize = 10_000;
/// How long a platform may take to say whether a key works (`connectors.md` §1.1).
const CHECK: Duration = Duration::from_secs(10);
/// What every platform may be told besides its own fields: where it is, when not where it always is.
const BASE_URL: &str = "base_url";

/// A connection to be made.
pub struct Add<'a> {
    pub connector: &'a str,
    pub name: &'a str,
    pub config: Map<String, Value>,
    pub secrets: BTreeMap<String, SecretString>,
    pub time_zone: &'a str,
    pub currency: Currency,
}

/// Who does it.
#[derive(Clone, Copy)]
pub enum By<'a> {
    Operator,
    Member(&'a Actor),
}

impl By<'_> {
    pub(super) fn entry(self, action: &str, id: SourceId, after: Value, at: Timestamp) -> NewEntry {
        let entry = match self {
            Self::Operator => NewEntry::by_operator(action, "source", id, at),
            Self::Member(actor) => NewEntry::by(actor, action, "source", id, at),
        };
        NewEntry { after: Some(after), ..entry }
    }
}

/// What somebody wants connected. What is not said is the organisation's, or the platform's own.
#[derive(Default)]
pub struct Wanted<'a> {
    pub connector: &'a str,
    pub name: Option<&'a str>,
    pub config: BTreeMap<String, String>,
    pub secrets: BTreeMap<String, SecretString>,
    pub time_zone: Option<&'a str>,
    pub currency: Option<Currency>,
}

/// The connector of a key.
pub fn spec_of(key: &str) -> Result<&'static ConnectorSpec, SourceFault> {
    let known = || registry::CONNECTORS.iter().map(|c| c.spec().key).collect::<Vec<_>>().join(", ");
    registry::connector(key)
        .map(Connector::spec)
        .ok_or_else(|| SourceFault::Platform(key.to_owned(), known()))
}

pub fn is_secret(spec: &ConnectorSpec, name: &str) -> bool {
    spec.fields.iter().any(|field| field.secret && field.name == name)
}

/// Every setting and every secret is one that the platform knows, on its own side.
fn sorted<'a>(
    spec: &'static ConnectorSpec,
    settings: impl Iterator<Item = (&'a String, &'a str)>,
    secrets: impl Iterator<Item = (&'a String, &'a str)>,
) -> Result<(), SourceFault> {
    let known = |name: &str| name == BASE_URL || spec.fields.iter().any(|field| field.name == name);
    let fits = |name: &String, value: &str| {
        if !known(name) {
            let names: Vec<&str> = spec.fields.iter().map(|field| field.name).collect();
            return Err(SourceFault::Unknown(name.clone(), spec.title, names.join(", ")));
        }
        if value.chars().count() > LONGEST_VALUE {
            return Err(SourceFault::TooLong(name.clone(), LONGEST_VALUE));
        }
        Ok(())
    };
    for (name, value) in settings {
        fits(name, value)?;
        if is_secret(spec, name) {
            return Err(SourceFault::Secret(name.clone()));
        }
    }
    for (name, value) in secrets {
        fits(name, value)?;
        if !is_secret(spec, name) {
            return Err(SourceFault::NoSecret(name.clone(), spec.title));
        }
    }
    Ok(())
}

fn named(name: &str) -> Result<&str, SourceFault> {
    let name = name.trim();
    let fits = (1..=LONGEST_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if fits { Ok(name) } else { Err(SourceFault::Name(LONGEST_NAME)) }
}

async fn free(tx: &mut OrgTx, org: OrgId, name: &str, own: Option<SourceId>) -> Result<(), SourceFault> {
    let all = sources::all(tx, org).await?;
    if all.iter().any(|source| source.name.eq_ignore_ascii_case(name) && Some(source.id) != own) {
        return Err(SourceFault::NameTaken(name.to_owned()));
    }
    Ok(())
}

async fn held(tx: &mut OrgTx, org: OrgId, id: SourceId) -> Result<Source, SourceFault> {
    sources::get(tx, org, id).await?.filter(|source| source.connector != "csv").ok_or(SourceFault::NotFound)
}

/// Asks a platform whether a connection works, for as long as a person waits.
async fn ask(connector: &dyn Connector, ctx: &Ctx) -> Result<CheckReport, ConnectorError> {
    tokio::time::timeout(CHECK, connector.check(ctx)).await.unwrap_or_else(|_| {
        let what = format!("it did not answer within {} s", CHECK.as_secs());
        Err(ctx.error(Code::Unavailable, &what, "try again; look at the platform's status page"))
    })
}

impl Engine {
    /// Makes what somebody wants connected, once the platform said that it works.
    pub async fn connect(
        &self,
        org: OrgId,
        wanted: Wanted<'_>,
        by: By<'_>,
    ) -> Result<(Source, CheckReport), SourceFault> {
        let spec = spec_of(wanted.connector)?;
        let name = named(wanted.name.unwrap_or(spec.title))?;
        let settings = wanted.config.iter().map(|(name, value)| (name, value.as_str()));
        let secrets = wanted.secrets.iter().map(|(name, value)| (name, value.expose_secret()));
        sorted(spec, settings, secrets)?;
        let missing =
            spec.missing(|field| wanted.config.contains_key(field) || wanted.secrets.contains_key(field));
        if !missing.is_empty() {
            return Err(SourceFault::Missing { title: spec.title, missing });
        }
        let mut tx = self.db.org(org).await?;
        free(&mut tx, org, name, None).await?;
        let own = people::org(&mut tx, org).await?;
        let_go(tx);
        let add = Add {
            connector: spec.key,
            name,
            config: wanted.config.into_iter().map(|(name, value)| (name, Value::String(value))).collect(),
            secrets: wanted.secrets,
            time_zone: wanted.time_zone.unwrap_or(&own.time_zone),
            currency: match wanted.currency {
                Some(currency) => currency,
                None => own.currency.parse().map_err(|e| sqlx::Error::Decode(Box::new(e) as _))?,
            },
        };
        let now = self.outside.clock.now();
        let after = json!({"name": name, "connector": spec.key});
        let (id, report) = self.add(org, add, |id| by.entry("source.added", id, after, now)).await?;
        let mut tx = self.db.org(org).await?;
        let source = held(&mut tx, org, id).await?;
        let_go(tx);
        Ok((source, report))
    }

    /// Makes a connection, once its check was passed: nothing is stored of one that does not work. On the record.
    pub async fn add(
        &self,
        org: OrgId,
        add: Add<'_>,
        entry: impl FnOnce(SourceId) -> NewEntry,
    ) -> Result<(SourceId, CheckReport), ConnectorError> {
        let voice = Voice::new("source", "add", add.secrets.values().cloned().collect());
        let connector = registry::connector(add.connector).ok_or_else(|| unknown(&voice, add.connector))?;
        let spec = connector.spec();
        let known = |name: &String| spec.fields.iter().any(|field| field.name == name || name == "base_url");
        if let Some(name) = add.config.keys().chain(add.secrets.keys()).find(|name| !known(name)) {
            let names: Vec<&str> = spec.fields.iter().map(|field| field.name).collect();
            let what = format!("'{name}' is nothing that {} is told", spec.key);
            return Err(voice.error(
                Code::MissingConfig,
                &what,
                "",
                &format!("it knows {}", names.join(", ")),
            ));
        }
        let opening = Opening {
            connector,
            config: &add.config,
            secrets: add.secrets.clone(),
            time_zone: add.time_zone,
            currency: add.currency,
            api_version: "",
            person_key: Vec::new(),
            stream: "check",
        };
        let ctx = connection::open(&self.outside, opening, CancellationToken::new())?;
        let report = ask(connector, &ctx).await?;
        let clock = &*self.outside.clock;
        let (id, now) = (SourceId::new(clock), clock.now());
        let new = sources::NewSource {
            id,
            connector: spec.key,
            name: add.name,
            config: &add.config,
            account_time_zone: report.time_zone.as_deref().unwrap_or(add.time_zone),
            currency: report.currency.unwrap_or(add.currency),
            api_version: "",
        };
        let failed = |e: sqlx::Error| storage(&voice, &e);
        let mut tx = self.db.org(org).await.map_err(failed)?;
        sources::add(&mut tx, org, &new, &add.secrets, &self.keys, now)
            .await
            .map_err(|e| sealing(&voice, e))?;
        let streams: Vec<&str> = spec.streams.iter().map(|stream| stream.name).collect();
        syncs::expect(&mut tx, org, id, &streams, now).await.map_err(failed)?;
        if connector.webhook().is_some() {
            // Deliveries name the connection; this says whose it is.
            let key = id.to_string();
            people::add_route(&mut tx, org, people::RouteKind::Source, &key, spec.key)
                .await
                .map_err(failed)?;
        }
        audit::append(&mut tx, org, &entry(id)).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        Ok((id, report))
    }

    /// Asks the platform whether the connection works, and keeps what it says of the account.
    pub async fn check(&self, org: OrgId, id: SourceId) -> Result<CheckReport, ConnectorError> {
        let loaded: Loaded = self.load(org, id, "check", CancellationToken::new()).await?;
        let result = ask(loaded.connector, &loaded.ctx).await;
        let voice = &loaded.ctx.voice;
        let failed = |e: sqlx::Error| storage(voice, &e);
        let now = self.outside.clock.now();
        let mut tx = self.db.org(org).await.map_err(failed)?;
        match &result {
            Ok(report) => {
                let zone = report.time_zone.as_deref().unwrap_or(&loaded.source.account_time_zone);
                let currency = report.currency.unwrap_or(loaded.source.currency);
                sources::set_account(&mut tx, org, id, zone, currency, now).await.map_err(failed)?;
                sources::set_state(&mut tx, org, id, SourceState::Connected, None, false, now)
                    .await
                    .map_err(failed)?;
            }
            Err(error) if error.code.needs_a_person() => {
                sources::set_state(&mut tx, org, id, SourceState::Attention, None, false, now)
                    .await
                    .map_err(failed)?;
            }
            Err(_) => {}
        }
        tx.commit().await.map_err(failed)?;
        result
    }

    /// Forgets how far a stream was read: its next run begins with the whole history.
    pub async fn reset(
        &self,
        org: OrgId,
        id: SourceId,
        stream: &str,
        by: By<'_>,
    ) -> Result<Source, SourceFault> {
        let now = self.outside.clock.now();
        let mut tx = self.db.org(org).await?;
        let source = held(&mut tx, org, id).await?;
        known_stream(&source, stream)?;
        syncs::reset(&mut tx, org, id, stream).await?;
        let after = json!({"name": source.name, "stream": stream});
        audit::append(&mut tx, org, &by.entry("source.reset", id, after, now)).await?;
        tx.commit().await?;
        Ok(source)
    }

    /// Forgets a connection with its secrets, cursors and runs. The facts it brought stay.
    pub async fn forget(&self, org: OrgId, id: SourceId, by: By<'_>) -> Result<Source, SourceFault> {
        forget(&self.db, org, id, by, self.outside.clock.now()).await
    }
}

/// The same without an engine: what is forgotten need not be opened.
pub async fn forget(
    db: &crate::db::Db,
    org: OrgId,
    id: SourceId,
    by: By<'_>,
    now: Timestamp,
) -> Result<Source, SourceFault> {
    let mut tx = db.org(org).await?;
    let source = held(&mut tx, org, id).await?;
    sources::remove(&mut tx, org, id).await?;
    audit::append(&mut tx, org, &by.entry("source.removed", id, json!({"name": source.name}), now)).await?;
    tx.commit().await?;
    Ok(source)
}

/// A stream that the connection has.
pub(super) fn known_stream(source: &Source, stream: &str) -> Result<(), SourceFault> {
    let spec = spec_of(&source.connector)?;
    if spec.stream(stream).is_some() {
        return Ok(());
    }
    let names: Vec<&str> = spec.streams.iter().map(|stream| stream.name).collect();
    Err(SourceFault::Stream(source.name.clone(), stream.to_owned(), names.join(", ")))
}
