//! Connections to platforms: what they are called, how they are configured, and their sealed secrets.
use super::vault::{Keyring, VaultError};
use super::{Error, OrgTx, instant, instant_if_any};
use crate::ids::{OrgId, SourceId};
use crate::money::Currency;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use secrecy::SecretString;
use serde::Serialize;
use serde_json::{Map, Value};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use std::collections::BTreeMap;

crate::closed_list! {
    /// How a connection fares (`data-model.md` §8).
    SourceState = "source state" {
        Unconfigured = "unconfigured",
        Connected = "connected",
        /// The breaker is open: a person has to look, or half an hour has to pass.
        Attention = "attention",
        Disabled = "disabled",
    }
}

/// A connection. Its secrets are not part of it: see [`secrets`].
#[derive(Clone, Debug, Serialize)]
pub struct Source {
    pub id: SourceId,
    /// The connector, for instance `plausible`.
    pub connector: String,
    pub name: String,
    pub config: Map<String, Value>,
    pub state: SourceState,
    pub account_time_zone: String,
    pub currency: Currency,
    pub api_version: String,
    pub last_synced_at: Option<Timestamp>,
    /// With `attention`: automatic runs wait until then; without it they wait for a person.
    pub breaker_until: Option<Timestamp>,
    pub created_at: Timestamp,
}

/// A connection to be made.
pub struct NewSource<'a> {
    pub id: SourceId,
    pub connector: &'a str,
    pub name: &'a str,
    pub config: &'a Map<String, Value>,
    pub account_time_zone: &'a str,
    pub currency: Currency,
    pub api_version: &'a str,
}

/// A statement that failed, or secrets that do not open.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
}

const COLUMNS: &str = "id, source, name, config, state, account_time_zone, currency::text as currency, api_version, \
                       last_synced_at, breaker_until, created_at";

fn read(row: &PgRow) -> Result<Source, Error> {
    let currency: String = row.try_get("currency")?;
    let config: Value = row.try_get("config")?;
    Ok(Source {
        id: row.try_get("id")?,
        connector: row.try_get("source")?,
        name: row.try_get("name")?,
        config: config.as_object().cloned().unwrap_or_default(),
        state: row.try_get("state")?,
        account_time_zone: row.try_get("account_time_zone")?,
        currency: currency.parse().map_err(|e: crate::money::BadCurrency| Error::Decode(e.into()))?,
        api_version: row.try_get("api_version")?,
        last_synced_at: instant_if_any(row, "last_synced_at")?,
        breaker_until: instant_if_any(row, "breaker_until")?,
        created_at: instant(row, "created_at")?,
    })
}

/// Makes a connection, its secrets sealed with the current key.
pub async fn add(
    tx: &mut OrgTx,
    org: OrgId,
    new: &NewSource<'_>,
    secrets: &BTreeMap<String, SecretString>,
    keys: &Keyring,
    at: Timestamp,
) -> Result<(), SecretsError> {
    sqlx::query(
        "insert into sources (org_id, id, source, name, config, account_time_zone, currency, api_version, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)",
    )
    .bind(org)
    .bind(new.id)
    .bind(new.connector)
    .bind(new.name)
    .bind(Value::Object(new.config.clone()))
    .bind(new.account_time_zone)
    .bind(new.currency.as_str())
    .bind(new.api_version)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    set_secrets(tx, org, new.id, secrets, keys, at).await
}

/// Every connection of the organisation, files that people upload included, by name.
pub async fn all(tx: &mut OrgTx, org: OrgId) -> Result<Vec<Source>, Error> {
    let statement = format!("select {COLUMNS} from sources where org_id = $1 order by name, id");
    let rows = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(org).fetch_all(&mut **tx).await?;
    rows.iter().map(read).collect()
}

/// Connections that the program reads by itself: those it has secrets of.
pub async fn read_by_us(tx: &mut OrgTx, org: OrgId) -> Result<Vec<SourceId>, Error> {
    sqlx::query_scalar("select id from sources where org_id = $1 and key_id is not null")
        .bind(org)
        .fetch_all(&mut **tx)
        .await
}

pub async fn get(tx: &mut OrgTx, org: OrgId, id: SourceId) -> Result<Option<Source>, Error> {
    let statement = format!("select {COLUMNS} from sources where org_id = $1 and id = $2");
    let row =
        sqlx::query(sqlx::AssertSqlSafe(statement)).bind(org).bind(id).fetch_optional(&mut **tx).await?;
    row.as_ref().map(read).transpose()
}

/// Names of the secrets that are set, without opening them.
pub async fn secret_names(tx: &mut OrgTx, org: OrgId, id: SourceId) -> Result<Vec<String>, Error> {
    Ok(sealed(tx, org, id).await?.map(|sealed| sealed.fields.into_keys().collect()).unwrap_or_default())
}

/// The opened secrets of a connection, by field.
pub async fn secrets(
    tx: &mut OrgTx,
    org: OrgId,
    id: SourceId,
    keys: &Keyring,
) -> Result<BTreeMap<String, SecretString>, SecretsError> {
    let Some(sealed) = sealed(tx, org, id).await? else { return Ok(BTreeMap::new()) };
    Ok(open(&sealed, id, keys)?)
}

/// Seals and stores the secrets of a connection in place of all it had.
pub async fn set_secrets(
    tx: &mut OrgTx,
    org: OrgId,
    id: SourceId,
    secrets: &BTreeMap<String, SecretString>,
    keys: &Keyring,
    at: Timestamp,
) -> Result<(), SecretsError> {
    let mut fields = BTreeMap::new();
    for (field, value) in secrets {
        let sealed = keys.seal(&id.to_string(), field, value, &mut rand::rng())?;
        fields.insert(field.clone(), STANDARD.encode(sealed));
    }
    let packed = serde_json::to_vec(&fields).map_err(|e| Error::Encode(e.into()))?;
    sqlx::query(
        "update sources set secrets = $3, key_id = $4, updated_at = $5 where org_id = $1 and id = $2",
    )
    .bind(org)
    .bind(id)
    .bind(packed)
    .bind(keys.key_id())
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Seals every secret of the organisation that an older key sealed with the current one; returns for how many connections.
pub async fn reseal(tx: &mut OrgTx, org: OrgId, keys: &Keyring, at: Timestamp) -> Result<u64, SecretsError> {
    let ids: Vec<SourceId> = sqlx::query_scalar(
        "select id from sources where org_id = $1 and secrets is not null and key_id is distinct from $2
         order by id for update",
    )
    .bind(org)
    .bind(keys.key_id())
    .fetch_all(&mut **tx)
    .await?;
    for id in &ids {
        let opened = secrets(tx, org, *id, keys).await?;
        set_secrets(tx, org, *id, &opened, keys, at).await?;
    }
    Ok(ids.len() as u64)
}

struct Sealed {
    key_id: String,
    /// Field → base64 of nonce and ciphertext.
    fields: BTreeMap<String, String>,
}

async fn sealed(tx: &mut OrgTx, org: OrgId, id: SourceId) -> Result<Option<Sealed>, Error> {
    let row = sqlx::query(
        "select secrets, key_id from sources where org_id = $1 and id = $2 and secrets is not null",
    )
    .bind(org)
    .bind(id)
    .fetch_optional(&mut **tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let packed: Vec<u8> = row.try_get("secrets")?;
    let key_id: Option<String> = row.try_get("key_id")?;
    let fields = serde_json::from_slice(&packed).map_err(|e| Error::Decode(e.into()))?;
    Ok(Some(Sealed { key_id: key_id.unwrap_or_default(), fields }))
}

fn open(sealed: &Sealed, id: SourceId, keys: &Keyring) -> Result<BTreeMap<String, SecretString>, VaultError> {
    let one = |(field, text): (&String, &String)| {
        let bytes = STANDARD.decode(text).map_err(|_| VaultError::Damaged(field.clone()))?;
        Ok((field.clone(), keys.open(&sealed.key_id, &id.to_string(), field, &bytes)?))
    };
    sealed.fields.iter().map(one).collect()
}

/// What a platform says of the account: its time zone and currency.
pub async fn set_account(
    tx: &mut OrgTx,
    org: OrgId,
    id: SourceId,
    time_zone: &str,
    currency: Currency,
    at: Timestamp,
) -> Result<(), Error> {
    sqlx::query(
        "update sources set account_time_zone = $3, currency = $4, updated_at = $5 where org_id = $1 and id = $2",
    )
    .bind(org)
    .bind(id)
    .bind(time_zone)
    .bind(currency.as_str())
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// How a connection fares after a run. `heard` moves the time it was last heard of.
pub async fn set_state(
    tx: &mut OrgTx,
    org: OrgId,
    id: SourceId,
    state: SourceState,
    breaker_until: Option<Timestamp>,
    heard: bool,
    at: Timestamp,
) -> Result<(), Error> {
    sqlx::query(
        "update sources set state = $3, breaker_until = $4, updated_at = $6,
           last_synced_at = case when $5 then $6 else last_synced_at end
         where org_id = $1 and id = $2 and state <> 'disabled'",
    )
    .bind(org)
    .bind(id)
    .bind(state)
    .bind(breaker_until.map(|until| until.to_sqlx()))
    .bind(heard)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What a connection is called and configured with, its secrets apart.
pub struct About<'a> {
    pub name: &'a str,
    pub config: &'a Map<String, Value>,
    pub account_time_zone: &'a str,
    pub currency: Currency,
}

/// Takes over what a person says of a connection.
pub async fn describe(
    tx: &mut OrgTx,
    org: OrgId,
    id: SourceId,
    about: &About<'_>,
    at: Timestamp,
) -> Result<(), Error> {
    sqlx::query(
        "update sources set name = $3, config = $4, account_time_zone = $5, currency = $6, updated_at = $7
         where org_id = $1 and id = $2",
    )
    .bind(org)
    .bind(id)
    .bind(about.name)
    .bind(Value::Object(about.config.clone()))
    .bind(about.account_time_zone)
    .bind(about.currency.as_str())
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Switches a connection on or off. One that is switched on begins without the failures it had.
pub async fn switch(tx: &mut OrgTx, org: OrgId, id: SourceId, on: bool, at: Timestamp) -> Result<(), Error> {
    let state = if on { SourceState::Connected } else { SourceState::Disabled };
    sqlx::query(
        "update sources set state = $3, breaker_until = null, updated_at = $4 where org_id = $1 and id = $2",
    )
    .bind(org)
    .bind(id)
    .bind(state)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    if on {
        sqlx::query("update source_streams set fails = 0 where org_id = $1 and source_id = $2")
            .bind(org)
            .bind(id)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

/// Holds a connection until the end of the transaction; `false` when there is none.
pub async fn hold(tx: &mut OrgTx, org: OrgId, id: SourceId) -> Result<bool, Error> {
    let held = sqlx::query("select 1 from sources where org_id = $1 and id = $2 for update")
        .bind(org)
        .bind(id)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(held.is_some())
}

/// Takes from a connection what it gets in with, for good; `false`: that was done already. The facts it brought stay.
pub async fn disconnect(tx: &mut OrgTx, org: OrgId, id: SourceId, at: Timestamp) -> Result<bool, Error> {
    let done = sqlx::query(
        "update sources set secrets = null, key_id = null, state = $3, breaker_until = null, updated_at = $4
         where org_id = $1 and id = $2 and (secrets is not null or state <> $3)",
    )
    .bind(org)
    .bind(id)
    .bind(SourceState::Disabled)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Forgets a connection with its secrets, cursors and runs. The facts it brought stay.
pub async fn remove(tx: &mut OrgTx, org: OrgId, id: SourceId) -> Result<bool, Error> {
    sqlx::query("delete from sync_runs where org_id = $1 and source_id = $2")
        .bind(org)
        .bind(id)
        .execute(&mut **tx)
        .await?;
    super::people::remove_route(tx, super::people::RouteKind::Source, &id.to_string()).await?;
    let done = sqlx::query("delete from sources where org_id = $1 and id = $2")
        .bind(org)
        .bind(id)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// What payloads of a connection said that nobody expected.
#[derive(Clone, Debug, Serialize, PartialEq, Eq, utoipa::ToSchema)]
pub struct Drift {
    pub stream: String,
    pub field: String,
    /// `schema.new_field`, `schema.missing_field` or `schema.unknown_value`.
    pub code: String,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    pub count: i64,
}

/// Notes fields that are new or missing, and unknown words; returns those that were not on record yet.
pub async fn note_drift(
    tx: &mut OrgTx,
    org: OrgId,
    id: SourceId,
    stream: &str,
    seen: &[(&'static str, String, u64)],
    at: Timestamp,
) -> Result<Vec<(String, String)>, Error> {
    let mut new = Vec::new();
    for (code, field, count) in seen {
        let first: bool = sqlx::query_scalar(
            "insert into schema_drift as d (org_id, source_id, stream, field, code, first_at, last_at, count)
             values ($1, $2, $3, $4, $5, $6, $6, $7)
             on conflict (org_id, source_id, stream, field, code)
               do update set last_at = excluded.last_at, count = d.count + excluded.count
             returning count = $7",
        )
        .bind(org)
        .bind(id)
        .bind(stream)
        .bind(field)
        .bind(*code)
        .bind(at.to_sqlx())
        .bind(i64::try_from(*count).unwrap_or(i64::MAX))
        .fetch_one(&mut **tx)
        .await?;
        if first {
            new.push(((*code).to_owned(), field.clone()));
        }
    }
    Ok(new)
}

/// The schema log of a connection.
pub async fn drift(tx: &mut OrgTx, org: OrgId, id: SourceId) -> Result<Vec<Drift>, Error> {
    let rows = sqlx::query(
        "select stream, field, code, first_at, last_at, count from schema_drift
         where org_id = $1 and source_id = $2 order by stream, field, code",
    )
    .bind(org)
    .bind(id)
    .fetch_all(&mut **tx)
    .await?;
    let one = |row: &PgRow| {
        Ok(Drift {
            stream: row.try_get("stream")?,
            field: row.try_get("field")?,
            code: row.try_get("code")?,
            first_at: instant(row, "first_at")?,
            last_at: instant(row, "last_at")?,
            count: row.try_get("count")?,
        })
    };
    rows.iter().map(one).collect()
}
