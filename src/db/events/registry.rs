//! Names of events that an organisation registered itself (`events.md` §3.11).
use crate::db::OrgTx;
use crate::ids::{MemberId, OrgId};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use serde_json::Value;

/// A registered name as the table has it.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct Registered {
    pub name: String,
    pub version: i32,
    pub class: String,
    /// Whether somebody must have done it.
    pub actor: bool,
    /// Types of what it must be about; empty = nothing is needed.
    pub entity: Vec<String>,
    /// The list of properties, as JSON.
    pub properties: Value,
}

pub async fn all(tx: &mut OrgTx, org: OrgId) -> Result<Vec<Registered>, sqlx::Error> {
    sqlx::query_as(
        "select name, version, class, actor, entity, properties from event_registry where org_id = $1 order by name",
    )
    .bind(org)
    .fetch_all(&mut **tx)
    .await
}

/// Registers a name, or changes it; the version grows with every change and with nothing else. Gives the version now, and
/// whether anything changed.
pub async fn put(
    tx: &mut OrgTx,
    org: OrgId,
    new: &Registered,
    by: MemberId,
    now: Timestamp,
) -> Result<(i32, bool), sqlx::Error> {
    let written: Option<i32> = sqlx::query_scalar(
        "insert into event_registry as r (org_id, name, version, class, actor, entity, properties, set_by, updated_at)
         values ($1, $2, 1, $3, $4, $5, $6, $7, $8)
         on conflict (org_id, name) do update set version = r.version + 1, class = excluded.class, actor = excluded.actor,
             entity = excluded.entity, properties = excluded.properties, set_by = excluded.set_by,
             updated_at = excluded.updated_at
         where (r.class, r.actor, r.entity, r.properties)
             is distinct from (excluded.class, excluded.actor, excluded.entity, excluded.properties)
         returning version",
    )
    .bind(org)
    .bind(&new.name)
    .bind(&new.class)
    .bind(new.actor)
    .bind(&new.entity)
    .bind(&new.properties)
    .bind(by)
    .bind(now.to_sqlx())
    .fetch_optional(&mut **tx)
    .await?;
    if let Some(version) = written {
        return Ok((version, true));
    }
    let version = sqlx::query_scalar("select version from event_registry where org_id = $1 and name = $2")
        .bind(org)
        .bind(&new.name)
        .fetch_one(&mut **tx)
        .await?;
    Ok((version, false))
}
