//! Where messages are sent, and what signs them.
use crate::db::vault::{Keyring, VaultError};
use crate::db::{Error, OrgTx, instant, instant_if_any};
use crate::ids::{MemberId, OrgId, WebhookId};
use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;
use secrecy::SecretString;
use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row as _};

crate::closed_list! {
    /// Why nothing is sent to an endpoint.
    DisabledReason = "reason" {
        /// A person switched it off.
        Person = "person",
        /// It answered 410.
        Gone = "gone",
        /// Days without a success.
        Failing = "failing",
    }
}

/// How long the old secret signs beside the new one (`events.md` §12).
pub const OLD_SECRET_FOR: SignedDuration = SignedDuration::from_hours(24);
/// Where messages are sent.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Endpoint {
    pub id: WebhookId,
    pub url: String,
    pub description: String,
    pub types: Vec<String>,
    pub enabled: bool,
    pub disabled_reason: Option<DisabledReason>,
    /// The first try that failed since the last one that did not.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub failing_since: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_success_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

impl FromRow<'_, PgRow> for Endpoint {
    fn from_row(row: &PgRow) -> Result<Self, Error> {
        let reason: Option<String> = row.try_get("disabled_reason")?;
        Ok(Self {
            id: row.try_get("id")?,
            url: row.try_get("url")?,
            description: row.try_get("description")?,
            types: row.try_get("types")?,
            enabled: row.try_get("enabled")?,
            disabled_reason: reason.and_then(|reason| reason.parse().ok()),
            failing_since: instant_if_any(row, "failing_since")?,
            last_success_at: instant_if_any(row, "last_success_at")?,
            created_at: instant(row, "created_at")?,
        })
    }
}

const ENDPOINT: &str =
    "id, url, description, types, enabled, disabled_reason, failing_since, last_success_at, created_at";

/// What is told where, by a person's word.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    pub url: &'a str,
    pub description: &'a str,
    pub types: &'a [String],
}

/// A secret as it is stored.
#[derive(Clone, Debug)]
pub struct Sealed<'a> {
    pub secret: &'a [u8],
    pub key_id: &'a str,
}

/// The name a secret of an endpoint is sealed under.
pub const SECRET: &str = "webhook_secret";

pub async fn create(
    tx: &mut OrgTx,
    org: OrgId,
    id: WebhookId,
    wanted: &Wanted<'_>,
    sealed: &Sealed<'_>,
    by: MemberId,
    at: Timestamp,
) -> Result<(), Error> {
    sqlx::query(
        "insert into webhook_endpoints (org_id, id, url, description, types, secret, key_id, created_by, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)",
    )
    .bind(org)
    .bind(id)
    .bind(wanted.url)
    .bind(wanted.description)
    .bind(wanted.types)
    .bind(sealed.secret)
    .bind(sealed.key_id)
    .bind(by)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Nobody else adds an endpoint until the end of the transaction.
pub async fn hold_list(tx: &mut OrgTx, org: OrgId) -> Result<(), Error> {
    sqlx::query("select 1 from orgs where org_id = $1 for no key update")
        .bind(org)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub async fn list(tx: &mut OrgTx, org: OrgId) -> Result<Vec<Endpoint>, Error> {
    let statement =
        format!("select {ENDPOINT} from webhook_endpoints where org_id = $1 order by created_at, id");
    sqlx::query_as(sqlx::AssertSqlSafe(statement)).bind(org).fetch_all(&mut **tx).await
}

/// One endpoint; nobody else changes it until the end of the transaction.
pub async fn find(tx: &mut OrgTx, org: OrgId, id: WebhookId) -> Result<Option<Endpoint>, Error> {
    let statement =
        format!("select {ENDPOINT} from webhook_endpoints where org_id = $1 and id = $2 for no key update");
    sqlx::query_as(sqlx::AssertSqlSafe(statement)).bind(org).bind(id).fetch_optional(&mut **tx).await
}

/// Changes what is told where.
pub async fn change(
    tx: &mut OrgTx,
    org: OrgId,
    id: WebhookId,
    wanted: &Wanted<'_>,
    at: Timestamp,
) -> Result<(), Error> {
    sqlx::query(
        "update webhook_endpoints set url = $3, description = $4, types = $5, updated_at = $6 where org_id = $1 and id = $2",
    )
    .bind(org)
    .bind(id)
    .bind(wanted.url)
    .bind(wanted.description)
    .bind(wanted.types)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Sends to it again; what failed before is forgotten.
pub async fn enable(tx: &mut OrgTx, org: OrgId, id: WebhookId, at: Timestamp) -> Result<(), Error> {
    sqlx::query(
        "update webhook_endpoints set enabled = true, disabled_reason = null, failing_since = null, updated_at = $3
         where org_id = $1 and id = $2 and not enabled",
    )
    .bind(org)
    .bind(id)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Sends nothing to it any more; what waits is given up, and may be sent again by hand. `false`: it was off already.
pub async fn disable(
    tx: &mut OrgTx,
    org: OrgId,
    id: WebhookId,
    reason: DisabledReason,
    at: Timestamp,
) -> Result<bool, Error> {
    let done = sqlx::query(
        "update webhook_endpoints set enabled = false, disabled_reason = $3, updated_at = $4
         where org_id = $1 and id = $2 and enabled",
    )
    .bind(org)
    .bind(id)
    .bind(reason.as_str())
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query(
        "update webhook_deliveries set state = 'failed', next_at = null, finished_at = $3, error = 'the endpoint is switched off'
         where org_id = $1 and endpoint_id = $2 and state = 'queued'",
    )
    .bind(org)
    .bind(id)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(true)
}

/// Takes an endpoint away with its deliveries.
pub async fn remove(tx: &mut OrgTx, org: OrgId, id: WebhookId) -> Result<bool, Error> {
    let done = sqlx::query("delete from webhook_endpoints where org_id = $1 and id = $2")
        .bind(org)
        .bind(id)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// A new secret; the one before signs beside it for a while.
pub async fn rotate(
    tx: &mut OrgTx,
    org: OrgId,
    id: WebhookId,
    (new, old): (&[u8], Option<&[u8]>),
    key_id: &str,
    at: Timestamp,
) -> Result<(), Error> {
    let until = at.checked_add(OLD_SECRET_FOR).unwrap_or(at);
    sqlx::query(
        "update webhook_endpoints set secret = $3, old_secret = $4, key_id = $5, old_secret_until = $6, updated_at = $7
         where org_id = $1 and id = $2",
    )
    .bind(org)
    .bind(id)
    .bind(new)
    .bind(old)
    .bind(key_id)
    .bind(until.to_sqlx())
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The secrets that sign now: the one in force, then the one before while it still counts.
pub async fn secrets(
    tx: &mut OrgTx,
    org: OrgId,
    id: WebhookId,
    keys: &Keyring,
    at: Timestamp,
) -> Result<Vec<SecretString>, SecretsError> {
    let row = sqlx::query(
        "select secret, key_id, case when old_secret_until > $3 then old_secret end as old_secret
         from webhook_endpoints where org_id = $1 and id = $2",
    )
    .bind(org)
    .bind(id)
    .bind(at.to_sqlx())
    .fetch_one(&mut **tx)
    .await?;
    let key_id: String = row.try_get("key_id")?;
    let sealed: [Option<Vec<u8>>; 2] = [Some(row.try_get("secret")?), row.try_get("old_secret")?];
    let open = |sealed: Vec<u8>| keys.open(&key_id, &id.to_string(), SECRET, &sealed);
    Ok(sealed.into_iter().flatten().map(open).collect::<Result<_, _>>()?)
}

/// Why the secrets of an endpoint cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Database(#[from] Error),
}

/// Seals every secret with the current key; gives how many endpoints that were.
pub async fn reseal(tx: &mut OrgTx, org: OrgId, keys: &Keyring, at: Timestamp) -> Result<u64, SecretsError> {
    let ids: Vec<WebhookId> = sqlx::query_scalar(
        "select id from webhook_endpoints where org_id = $1 and key_id <> $2 order by id for no key update",
    )
    .bind(org)
    .bind(keys.key_id())
    .fetch_all(&mut **tx)
    .await?;
    for id in &ids {
        let opened = secrets(tx, org, *id, keys, at).await?;
        let seal = |secret| keys.seal(&id.to_string(), SECRET, secret, &mut rand::rng());
        let sealed = opened.iter().map(seal).collect::<Result<Vec<_>, _>>()?;
        sqlx::query(
            "update webhook_endpoints set secret = $3, old_secret = $4, key_id = $5, updated_at = $6
             where org_id = $1 and id = $2",
        )
        .bind(org)
        .bind(id)
        .bind(sealed.first())
        .bind(sealed.get(1))
        .bind(keys.key_id())
        .bind(at.to_sqlx())
        .execute(&mut **tx)
        .await?;
    }
    Ok(ids.len() as u64)
}
