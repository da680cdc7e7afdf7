//! API keys and sessions: shown once, stored hashed, found through the directory.
use super::people::{self, ACTOR_COLUMNS, RouteKind, hex};
use super::{Db, Error, OrgTx, instant, instant_if_any};
use crate::access::{Actor, Credential, NEVER_IN_A_KEY, Permission, Surface};
use crate::ids::{ApiKeyId, MemberId, OrgId};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use rand::Rng;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row as _};
use std::collections::BTreeSet;

/// A key to be made. `scopes` may name only what a key may hold.
#[derive(Clone, Debug)]
pub struct NewApiKey<'a> {
    pub name: &'a str,
    pub member: MemberId,
    pub scopes: &'a BTreeSet<Permission>,
    pub per_minute: i32,
    pub expires_at: Option<Timestamp>,
}

/// A key without its secret.
#[derive(Clone, Debug)]
pub struct ApiKey {
    pub id: ApiKeyId,
    pub prefix: String,
    pub name: String,
    pub member: MemberId,
    scopes: Vec<String>,
    pub per_minute: i32,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

impl FromRow<'_, PgRow> for ApiKey {
    fn from_row(row: &PgRow) -> Result<Self, Error> {
        Ok(Self {
            id: row.try_get("id")?,
            prefix: row.try_get("prefix")?,
            name: row.try_get("name")?,
            member: row.try_get("member_id")?,
            scopes: row.try_get("scopes")?,
            per_minute: row.try_get("per_minute")?,
            expires_at: instant_if_any(row, "expires_at")?,
            revoked_at: instant_if_any(row, "revoked_at")?,
            created_at: instant(row, "created_at")?,
        })
    }
}

impl ApiKey {
    /// The scopes, less what no key may hold.
    pub fn scopes(&self) -> BTreeSet<Permission> {
        let known = self.scopes.iter().filter_map(|scope| scope.parse().ok());
        known.filter(|scope| !NEVER_IN_A_KEY.contains(scope)).collect()
    }
}

/// An authenticated key or session: who acts, and how often a key may.
#[derive(Clone, Debug)]
pub struct SignedIn {
    pub actor: Actor,
    /// Requests a minute, for keys.
    pub per_minute: Option<i32>,
    /// When the member last confirmed to be the one, in this session.
    pub stepped_up_at: Option<Timestamp>,
}

const KEY_COLUMNS: &str =
    "id, prefix, name, member_id, scopes, per_minute, expires_at, revoked_at, created_at";

fn random_text(rng: &mut impl Rng, bytes: usize) -> String {
    let mut buffer = vec![0u8; bytes];
    rng.fill_bytes(&mut buffer);
    hex(&buffer)
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// A new key text, `adj_<prefix>_<secret>`. `rng` must be the operating system's (or a test's).
pub fn new_key_text(rng: &mut impl Rng) -> SecretString {
    SecretString::from(format!("adj_{}_{}", random_text(rng, 6), random_text(rng, 24)))
}

/// The prefix of a key text, if it is one.
pub fn prefix_of(text: &str) -> Option<&str> {
    let (prefix, secret) = text.strip_prefix("adj_")?.split_once('_')?;
    (!prefix.is_empty() && secret.len() >= 16).then_some(prefix)
}

/// What a key is found by, which anybody may see: the prefix of a generated key. A text that an operator chose has no
/// public part, so it is found by the start of its hash.
fn found_by(text: &str) -> String {
    match prefix_of(text) {
        Some(prefix) => prefix.to_owned(),
        None => format!("chosen_{}", &hex(&digest(text)[..6])),
    }
}

/// The key with this text, ended or not.
pub async fn key_of_text(tx: &mut OrgTx, org: OrgId, text: &SecretString) -> Result<Option<ApiKey>, Error> {
    let statement = format!("select {KEY_COLUMNS} from api_keys where org_id = $1 and secret_hash = $2");
    sqlx::query_as(sqlx::AssertSqlSafe(statement))
        .bind(org)
        .bind(digest(text.expose_secret()).as_slice())
        .fetch_optional(&mut **tx)
        .await
}

/// Makes an ended key work again; `false` when it was not ended.
pub async fn restore_api_key(tx: &mut OrgTx, org: OrgId, id: ApiKeyId) -> Result<bool, Error> {
    let prefix: Option<String> = sqlx::query_scalar(
        "update api_keys set revoked_at = null where org_id = $1 and id = $2 and revoked_at is not null returning prefix",
    )
    .bind(org)
    .bind(id)
    .fetch_optional(&mut **tx)
    .await?;
    if let Some(prefix) = &prefix {
        people::add_route(tx, org, RouteKind::ApiKey, prefix, &id.to_string()).await?;
    }
    Ok(prefix.is_some())
}

/// Stores a key under the hash of its text (a generated one, or one the operator chose). The text itself is kept nowhere.
pub async fn create_api_key(
    tx: &mut OrgTx,
    org: OrgId,
    id: ApiKeyId,
    text: &SecretString,
    new: &NewApiKey<'_>,
    at: Timestamp,
) -> Result<(), Error> {
    let text = text.expose_secret();
    let prefix = found_by(text);
    let scopes: Vec<&str> = new
        .scopes
        .iter()
        .filter(|scope| !NEVER_IN_A_KEY.contains(scope))
        .map(|scope| scope.as_str())
        .collect();
    sqlx::query(
        "insert into api_keys (org_id, id, prefix, name, secret_hash, member_id, scopes, per_minute, expires_at, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(org)
    .bind(id)
    .bind(&prefix)
    .bind(new.name)
    .bind(digest(text).as_slice())
    .bind(new.member)
    .bind(scopes)
    .bind(new.per_minute)
    .bind(new.expires_at.map(|at| at.to_sqlx()))
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    people::add_route(tx, org, RouteKind::ApiKey, &prefix, &id.to_string()).await
}

pub async fn api_keys(tx: &mut OrgTx, org: OrgId) -> Result<Vec<ApiKey>, Error> {
    let statement = format!("select {KEY_COLUMNS} from api_keys where org_id = $1 order by created_at, id");
    sqlx::query_as(sqlx::AssertSqlSafe(statement)).bind(org).fetch_all(&mut **tx).await
}

/// Ends a key; `false` when there is no such key or it was ended before.
pub async fn revoke_api_key(tx: &mut OrgTx, org: OrgId, id: ApiKeyId, at: Timestamp) -> Result<bool, Error> {
    let prefix: Option<String> = sqlx::query_scalar(
        "update api_keys set revoked_at = $3 where org_id = $1 and id = $2 and revoked_at is null returning prefix",
    )
    .bind(org)
    .bind(id)
    .bind(at.to_sqlx())
    .fetch_optional(&mut **tx)
    .await?;
    if let Some(prefix) = &prefix {
        people::remove_route(tx, RouteKind::ApiKey, prefix).await?;
    }
    Ok(prefix.is_some())
}

/// Keys that are neither ended nor expired, of members at work: `$1` the organisation, `$2` the time.
const LIVING_KEYS: &str = "from api_keys k \
    join members m on m.org_id = k.org_id and m.id = k.member_id and m.state = 'active' \
    where k.org_id = $1 and k.revoked_at is null and (k.expires_at is null or k.expires_at > $2)";
const KEYED_COLUMNS: &str = "k.id, k.prefix, k.name, k.member_id, k.scopes, k.per_minute, k.expires_at, k.revoked_at, \
                             k.created_at";

/// A key and its member, with no more than the key's scopes.
fn keyed(row: &PgRow, org: OrgId, surface: Surface) -> Result<(ApiKey, Actor), Error> {
    let key = ApiKey::from_row(row)?;
    let mut actor = people::actor_of(row, org, surface, Credential::ApiKey(key.id))?;
    // Permissions for keys only (events) come from the scope itself, all others need the member's too.
    let own = [Permission::EventWrite, Permission::EventWriteSystem];
    let scopes = key.scopes().into_iter();
    actor.permissions = scopes.filter(|s| own.contains(s) || actor.permissions.contains(s)).collect();
    Ok((key, actor))
}

/// The actor behind a key that signed in before: what the key may do now. `None`: ended or expired since, or its member
/// is not active.
pub async fn actor_of_key(
    tx: &mut OrgTx,
    org: OrgId,
    key: ApiKeyId,
    surface: Surface,
    now: Timestamp,
) -> Result<Option<Actor>, Error> {
    let statement = format!("select {KEYED_COLUMNS}, {ACTOR_COLUMNS} {LIVING_KEYS} and k.id = $3");
    let row = sqlx::query(sqlx::AssertSqlSafe(statement))
        .bind(org)
        .bind(now.to_sqlx())
        .bind(key)
        .fetch_optional(&mut **tx)
        .await?;
    row.map(|row| Ok(keyed(&row, org, surface)?.1)).transpose()
}

/// The actor behind a key text: its member, with no more than the key's scopes. `None`: unknown, ended or expired.
pub async fn sign_in_with_key(
    db: &Db,
    text: &SecretString,
    surface: Surface,
    now: Timestamp,
) -> Result<Option<SignedIn>, Error> {
    let text = text.expose_secret();
    let Some(route) = db.route(RouteKind::ApiKey, &found_by(text)).await? else {
        return Ok(None);
    };
    let org = route.org_id;
    let mut tx = db.org(org).await?;
    // Looked up by the whole hash: comparing it tells nothing about the secret.
    let statement = format!(
        "select {KEYED_COLUMNS}, {ACTOR_COLUMNS},
                k.last_used_at is null or k.last_used_at < $2 - interval '1 minute' as unnoted
         {LIVING_KEYS} and k.secret_hash = $3"
    );
    let row = sqlx::query(sqlx::AssertSqlSafe(statement))
        .bind(org)
        .bind(now.to_sqlx())
        .bind(digest(text).as_slice())
        .fetch_optional(&mut *tx)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let (key, actor) = keyed(&row, org, surface)?;
    // To the minute is enough: a row lock for every request of a busy key would make its requests wait for each other.
    if row.try_get("unnoted")? {
        sqlx::query(
            "update api_keys set last_used_at = $3
             where org_id = $1 and id = $2 and (last_used_at is null or last_used_at < $3 - interval '1 minute')",
        )
        .bind(org)
        .bind(key.id)
        .bind(now.to_sqlx())
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
    } else {
        super::let_go(tx);
    }
    Ok(Some(SignedIn { actor, per_minute: Some(key.per_minute), stepped_up_at: None }))
}

/// A new session token. `rng` must be the operating system's (or a test's).
pub fn new_session_token(rng: &mut impl Rng) -> SecretString {
    SecretString::from(format!("ses_{}", random_text(rng, 32)))
}

/// Stores a session of a member under the hash of its token.
pub async fn create_session(
    tx: &mut OrgTx,
    org: OrgId,
    member: MemberId,
    token: &SecretString,
    at: Timestamp,
    expires_at: Timestamp,
) -> Result<(), Error> {
    let hash = digest(token.expose_secret());
    sqlx::query(
        "insert into login_sessions (org_id, id_hash, member_id, expires_at, created_at) values ($1, $2, $3, $4, $5)",
    )
    .bind(org)
    .bind(hash.as_slice())
    .bind(member)
    .bind(expires_at.to_sqlx())
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    people::add_route(tx, org, RouteKind::Session, &hex(&hash), "").await
}

/// Marks a session as freshly confirmed by its member: what a vote on a high tier needs.
pub async fn step_up(tx: &mut OrgTx, org: OrgId, token: &SecretString, at: Timestamp) -> Result<bool, Error> {
    let done = sqlx::query("update login_sessions set step_up_at = $3 where org_id = $1 and id_hash = $2")
        .bind(org)
        .bind(digest(token.expose_secret()).as_slice())
        .bind(at.to_sqlx())
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// The actor behind a session token. `None`: unknown, ended, expired, or the member is not active.
pub async fn sign_in_with_session(
    db: &Db,
    token: &SecretString,
    surface: Surface,
    now: Timestamp,
) -> Result<Option<SignedIn>, Error> {
    let hash = digest(token.expose_secret());
    let Some(route) = db.route(RouteKind::Session, &hex(&hash)).await? else { return Ok(None) };
    let mut tx = db.org(route.org_id).await?;
    let statement = format!(
        "select s.step_up_at, {ACTOR_COLUMNS}
         from login_sessions s join members m on m.org_id = s.org_id and m.id = s.member_id and m.state = 'active'
         where s.org_id = $1 and s.id_hash = $2 and s.expires_at > $3"
    );
    let row = sqlx::query(sqlx::AssertSqlSafe(statement))
        .bind(route.org_id)
        .bind(hash.as_slice())
        .bind(now.to_sqlx())
        .fetch_optional(&mut *tx)
        .await?;
    super::let_go(tx);
    let Some(row) = row else { return Ok(None) };
    let actor = people::actor_of(&row, route.org_id, surface, Credential::Session)?;
    Ok(Some(SignedIn { actor, per_minute: None, stepped_up_at: instant_if_any(&row, "step_up_at")? }))
}

/// Ends one session.
pub async fn end_session(tx: &mut OrgTx, org: OrgId, token: &SecretString) -> Result<bool, Error> {
    let hash = digest(token.expose_secret());
    let ended = sqlx::query("delete from login_sessions where org_id = $1 and id_hash = $2")
        .bind(org)
        .bind(hash.as_slice())
        .execute(&mut **tx)
        .await?;
    people::remove_route(tx, RouteKind::Session, &hex(&hash)).await?;
    Ok(ended.rows_affected() == 1)
}

/// Ends every session of a member: after a change of role, a reset, a departure.
pub async fn end_sessions_of(tx: &mut OrgTx, org: OrgId, member: MemberId) -> Result<u64, Error> {
    let hashes: Vec<Vec<u8>> = sqlx::query_scalar(
        "delete from login_sessions where org_id = $1 and member_id = $2 returning id_hash",
    )
    .bind(org)
    .bind(member)
    .fetch_all(&mut **tx)
    .await?;
    for hash in &hashes {
        people::remove_route(tx, RouteKind::Session, &hex(hash)).await?;
    }
    Ok(hashes.len() as u64)
}

/// Data a surface keeps with a session (`data`), for instance its CSRF token.
pub async fn session_data(tx: &mut OrgTx, org: OrgId, token: &SecretString) -> Result<Option<Value>, Error> {
    sqlx::query_scalar("select data from login_sessions where org_id = $1 and id_hash = $2")
        .bind(org)
        .bind(digest(token.expose_secret()).as_slice())
        .fetch_optional(&mut **tx)
        .await
}
