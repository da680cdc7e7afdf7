//! The stored rows of query runs, for receipts, follow-ups and "show data".
use super::{Error, OrgTx};
use crate::ids::{OrgId, RunId};
use serde_json::Value;

/// A row of `query_results`; `meta` holds everything of the result but columns, rows and totals.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct StoredResult {
    pub run_id: RunId,
    pub columns: Value,
    pub rows: Value,
    pub totals: Value,
    pub meta: Value,
}

/// The results of these runs that are still kept, in no order.
pub async fn get(tx: &mut OrgTx, org: OrgId, runs: &[RunId]) -> Result<Vec<StoredResult>, Error> {
    let ids: Vec<uuid::Uuid> = runs.iter().map(|run| run.0).collect();
    sqlx::query_as(
        "select run_id, columns, rows, totals, meta from query_results where org_id = $1 and run_id = any($2)",
    )
    .bind(org)
    .bind(ids)
    .fetch_all(&mut **tx)
    .await
}
