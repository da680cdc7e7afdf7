//! Organisations, members, and what they may do.
use super::{Error, OrgTx};
use crate::access::{Actor, Credential, OPERATOR, Permission, Role, Surface};
use crate::ids::{MemberId, OrgId};
use crate::money::Currency;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use std::collections::BTreeSet;
use std::fmt::Write as _;

crate::closed_list! {
    /// What a key from outside can be (`directory.kind`).
    RouteKind = "route kind" {
        /// An organisation by its slug.
        Org = "org",
        SlackTeam = "slack_team",
        /// Hexadecimal SHA-256 of the folded address.
        LoginEmail = "login_email_hash",
        ApiKey = "api_key_prefix",
        Source = "source",
        /// Hexadecimal SHA-256 of the session token.
        Session = "session",
        OauthState = "oauth_state",
    }
}

/// Where a key from outside leads.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Route {
    pub org_id: OrgId,
    pub target: String,
}

/// An organisation to be made.
#[derive(Clone, Debug)]
pub struct NewOrg<'a> {
    pub name: &'a str,
    /// Short, unique on this server, for command lines and addresses.
    pub slug: &'a str,
    /// IANA name; decides what "today" is.
    pub time_zone: &'a str,
    pub currency: Currency,
    pub locale: &'a str,
}

/// An organisation as everybody needs it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Org {
    pub name: String,
    pub slug: String,
    pub time_zone: String,
    pub currency: String,
    pub locale: String,
    /// 1 = Monday … 7 = Sunday.
    pub week_start: i32,
    pub date_order: String,
    pub state: String,
}

/// A member to be made.
#[derive(Clone, Debug)]
pub struct NewMember<'a> {
    pub name: &'a str,
    pub email: &'a str,
    pub role: Role,
}

#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Member {
    pub id: MemberId,
    pub name: String,
    pub role: Role,
    pub state: String,
}

/// A grant on top of a role; `permission` may be the bundle `operator`.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct Grant {
    pub permission: String,
    /// `{platforms?, types?, max_tier?}`; empty = without limits.
    pub scope: Value,
}

/// Makes an organisation in a transaction opened for its new id, with its money defaults in its currency.
pub async fn create_org(tx: &mut OrgTx, org: OrgId, new: &NewOrg<'_>, at: Timestamp) -> Result<(), Error> {
    sqlx::query(
        "insert into orgs (org_id, name, slug, time_zone, currency, locale, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $7)",
    )
    .bind(org)
    .bind(new.name)
    .bind(new.slug)
    .bind(new.time_zone)
    .bind(new.currency.as_str())
    .bind(new.locale)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    super::defaults::write(tx, org, new.currency, at).await?;
    add_route(tx, org, RouteKind::Org, new.slug, "").await
}

/// The organisation's secret for ids of people.
pub async fn person_key(tx: &mut OrgTx, org: OrgId) -> Result<Vec<u8>, Error> {
    sqlx::query_scalar("select person_key from orgs where org_id = $1").bind(org).fetch_one(&mut **tx).await
}

pub async fn org(tx: &mut OrgTx, org: OrgId) -> Result<Org, Error> {
    sqlx::query_as(
        "select name, slug, time_zone, currency, locale, week_start, date_order, state from orgs where org_id = $1",
    )
    .bind(org)
    .fetch_one(&mut **tx)
    .await
}

/// Makes a key from outside lead to this organisation. A key that leads elsewhere is a unique violation.
pub async fn add_route(
    tx: &mut OrgTx,
    org: OrgId,
    kind: RouteKind,
    key: &str,
    target: &str,
) -> Result<(), Error> {
    sqlx::query("insert into directory (kind, key, org_id, target) values ($1, $2, $3, $4)")
        .bind(kind)
        .bind(key)
        .bind(org)
        .bind(target)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub async fn remove_route(tx: &mut OrgTx, kind: RouteKind, key: &str) -> Result<(), Error> {
    sqlx::query("delete from directory where kind = $1 and key = $2")
        .bind(kind)
        .bind(key)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// SHA-256 of an address, trimmed and folded to lower case: how people are found without storing where to write.
pub fn email_hash(email: &str) -> [u8; 32] {
    Sha256::digest(email.trim().to_lowercase().as_bytes()).into()
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

pub async fn create_member(
    tx: &mut OrgTx,
    org: OrgId,
    id: MemberId,
    new: &NewMember<'_>,
    at: Timestamp,
) -> Result<(), Error> {
    let hash = email_hash(new.email);
    sqlx::query(
        "insert into members (org_id, id, email_hash, name, role, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $6)",
    )
    .bind(org)
    .bind(id)
    .bind(hash.as_slice())
    .bind(new.name)
    .bind(new.role)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    // Somebody may be a member of two organisations: the first one is where the address leads.
    sqlx::query(
        "insert into directory (kind, key, org_id, target) values ($1, $2, $3, $4) on conflict (kind, key) do nothing",
    )
    .bind(RouteKind::LoginEmail)
    .bind(hex(&hash))
    .bind(org)
    .bind(id.to_string())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub async fn members(tx: &mut OrgTx, org: OrgId) -> Result<Vec<Member>, Error> {
    sqlx::query_as("select id, name, role, state from members where org_id = $1 order by name, id")
        .bind(org)
        .fetch_all(&mut **tx)
        .await
}

pub async fn member(tx: &mut OrgTx, org: OrgId, id: MemberId) -> Result<Option<Member>, Error> {
    sqlx::query_as("select id, name, role, state from members where org_id = $1 and id = $2")
        .bind(org)
        .bind(id)
        .fetch_optional(&mut **tx)
        .await
}

/// A member by name (without regard to case), id, role or e-mail address, or else by first name: what an operator types.
/// Several may fit.
pub async fn find_members(tx: &mut OrgTx, org: OrgId, text: &str) -> Result<Vec<Member>, Error> {
    sqlx::query_as(
        "with active as (
             select id, name, role, state,
                    lower(name) = lower($2) or id::text = $2 or role = lower($2) or email_hash = $3 as whole
             from members where org_id = $1 and state = 'active')
         select id, name, role, state from active
         where whole or (lower(split_part(name, ' ', 1)) = lower($2) and not exists (select from active where whole))
         order by name, id",
    )
    .bind(org)
    .bind(text.trim())
    .bind(email_hash(text).as_slice())
    .fetch_all(&mut **tx)
    .await
}

/// Gives a member a permission (or the bundle `operator`) beyond the role; replaces its earlier limits.
pub async fn grant(
    tx: &mut OrgTx,
    org: OrgId,
    member: MemberId,
    grant: &Grant,
    by: Option<MemberId>,
    at: Timestamp,
) -> Result<(), Error> {
    sqlx::query(
        "insert into member_grants (org_id, member_id, permission, scope, granted_by, granted_at)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (org_id, member_id, permission) do update
         set scope = excluded.scope, granted_by = excluded.granted_by, granted_at = excluded.granted_at",
    )
    .bind(org)
    .bind(member)
    .bind(&grant.permission)
    .bind(&grant.scope)
    .bind(by)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub async fn revoke_grant(
    tx: &mut OrgTx,
    org: OrgId,
    member: MemberId,
    permission: &str,
) -> Result<bool, Error> {
    let done =
        sqlx::query("delete from member_grants where org_id = $1 and member_id = $2 and permission = $3")
            .bind(org)
            .bind(member)
            .bind(permission)
            .execute(&mut **tx)
            .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn grants(tx: &mut OrgTx, org: OrgId, member: MemberId) -> Result<Vec<Grant>, Error> {
    sqlx::query_as(
        "select permission, scope from member_grants where org_id = $1 and member_id = $2 order by permission",
    )
    .bind(org)
    .bind(member)
    .fetch_all(&mut **tx)
    .await
}

/// The role's permissions and what was granted on top; the bundle `operator` opened up.
pub fn effective(role: Role, grants: &[Grant]) -> BTreeSet<Permission> {
    with_granted(role, grants.iter().map(|grant| grant.permission.as_str()))
}

fn with_granted<'a>(role: Role, granted: impl Iterator<Item = &'a str>) -> BTreeSet<Permission> {
    let mut permissions = role.permissions();
    for permission in granted {
        match permission {
            "operator" => permissions.extend(OPERATOR),
            one => permissions.extend(one.parse::<Permission>()),
        }
    }
    permissions
}

/// What an actor is made of, of a member `m`: select these columns, and [`actor_of`] reads them.
pub(super) const ACTOR_COLUMNS: &str = "m.id as actor_id, m.name as actor_name, m.role as actor_role, \
    array(select g.permission from member_grants g where g.org_id = m.org_id and g.member_id = m.id) as actor_granted";

/// The actor in a row of [`ACTOR_COLUMNS`]; the statement has looked that the member is active.
pub(super) fn actor_of(
    row: &PgRow,
    org: OrgId,
    surface: Surface,
    credential: Credential,
) -> Result<Actor, Error> {
    let role: Role = row.try_get("actor_role")?;
    let granted: Vec<String> = row.try_get("actor_granted")?;
    Ok(Actor {
        org,
        member: row.try_get("actor_id")?,
        permissions: with_granted(role, granted.iter().map(String::as_str)),
        name: row.try_get("actor_name")?,
        role,
        surface,
        credential,
        request_id: None,
    })
}

/// An active member at work. `None`: no such member, or not active.
pub async fn actor(
    tx: &mut OrgTx,
    org: OrgId,
    id: MemberId,
    surface: Surface,
    credential: Credential,
) -> Result<Option<Actor>, Error> {
    let statement = format!(
        "select {ACTOR_COLUMNS} from members m where m.org_id = $1 and m.id = $2 and m.state = 'active'"
    );
    let row =
        sqlx::query(sqlx::AssertSqlSafe(statement)).bind(org).bind(id).fetch_optional(&mut **tx).await?;
    row.map(|row| actor_of(&row, org, surface, credential)).transpose()
}
