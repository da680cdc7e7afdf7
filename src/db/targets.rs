//! Targets of metrics that an organisation has set; the registry's hold where there is none.
use super::{Error, OrgTx};
use crate::ids::OrgId;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_sqlx::ToSqlx as _;
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// The newest target of a metric for the whole organisation.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct Target {
    pub metric: String,
    pub target: Decimal,
    /// `{"per": "week"}` says for which period an amount or a count is meant.
    pub band: Value,
}

impl Target {
    /// day, week or month.
    pub fn per(&self) -> Option<&str> {
        self.band.get("per").and_then(Value::as_str)
    }
}

/// What was set for the whole organisation, by metric.
pub async fn all(tx: &mut OrgTx, org: OrgId) -> Result<Vec<Target>, Error> {
    sqlx::query_as(
        "select distinct on (metric) metric, target, band from metric_targets
          where org_id = $1 and scope in ('org', '') order by metric, valid_from desc, scope desc",
    )
    .bind(org)
    .fetch_all(&mut **tx)
    .await
}

/// Sets the target of a metric from a day on; what held before stays on record for the days before.
pub async fn set(
    tx: &mut OrgTx,
    org: OrgId,
    metric: &str,
    (target, per): (Decimal, Option<&str>),
    from: Date,
    at: Timestamp,
) -> Result<(), Error> {
    sqlx::query(
        "insert into metric_targets (org_id, metric, scope, target, band, valid_from, created_at)
         values ($1, $2, 'org', $3, $4, $5, $6)
         on conflict (org_id, metric, scope, valid_from) do update
         set target = excluded.target, band = excluded.band, created_at = excluded.created_at",
    )
    .bind(org)
    .bind(metric)
    .bind(target)
    .bind(per.map_or_else(|| json!({}), |per| json!({ "per": per })))
    .bind(from.to_sqlx())
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Takes the organisation's own targets of a metric away.
pub async fn clear(tx: &mut OrgTx, org: OrgId, metric: &str) -> Result<(), Error> {
    sqlx::query("delete from metric_targets where org_id = $1 and metric = $2 and scope in ('org', '')")
        .bind(org)
        .bind(metric)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
