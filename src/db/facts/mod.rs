//! Writing facts: idempotent upserts that leave equal rows alone (`connectors.md` §1.6).
pub mod fx;
pub mod shop;

use super::OrgTx;
use crate::clock::Clock;
use crate::ids::OrgId;
use jiff_sqlx::ToSqlx;
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// A fact table with provenance columns, and its key after `org_id`.
pub struct FactTable {
    name: &'static str,
    key: &'static [&'static str],
}

pub const CAMPAIGNS: FactTable = FactTable { name: "campaigns", key: &["id"] };
pub const AD_GROUPS: FactTable = FactTable { name: "ad_groups", key: &["id"] };
pub const CREATIVES: FactTable = FactTable { name: "creatives", key: &["id"] };
pub const ENTITIES: FactTable = FactTable { name: "entities", key: &["kind", "id"] };
pub const CUSTOMERS: FactTable = FactTable { name: "customers", key: &["id"] };
pub const LEADS: FactTable = FactTable { name: "leads", key: &["id"] };
pub const ORDERS: FactTable = FactTable { name: "orders", key: &["id"] };
pub const PAGES: FactTable = FactTable { name: "pages", key: &["id"] };
pub const DAILY_METRICS: FactTable = FactTable {
    name: "daily_metrics",
    key: &["date", "source", "account_id", "entity_kind", "entity_id", "channel", "breakdown"],
};
pub const SEARCH_TERMS: FactTable =
    FactTable { name: "search_terms", key: &["date", "campaign_id", "ad_group_id", "term", "match_type"] };
pub const SEARCH_PERFORMANCE: FactTable = FactTable {
    name: "search_performance",
    key: &["date", "site", "search_type", "grain", "page", "query", "device", "country"],
};

/// What an upsert did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Written {
    pub added: u64,
    pub changed: u64,
    pub unchanged: u64,
}

impl std::ops::AddAssign for Written {
    fn add_assign(&mut self, other: Self) {
        self.added += other.added;
        self.changed += other.changed;
        self.unchanged += other.unchanged;
    }
}

/// Rows of one statement.
const BATCH: usize = 1_000;

/// Adds rows and changes those whose content differs; equal rows are counted, not written.
///
/// A row is any struct that serialises to a flat object of column names; columns it does not name keep their values.
pub async fn upsert<T: Serialize>(
    tx: &mut OrgTx,
    clock: &dyn Clock,
    org: OrgId,
    table: &FactTable,
    rows: &[T],
) -> Result<Written, sqlx::Error> {
    let mut written = Written::default();
    for batch in rows.chunks(BATCH) {
        let mut objects = Vec::with_capacity(batch.len());
        for row in batch {
            let Value::Object(mut object) = serde_json::to_value(row).map_err(encode)? else {
                return Err(encode("a fact row must be an object"));
            };
            let hash = Sha256::digest(serde_json::to_vec(&object).map_err(encode)?);
            object.insert("row_hash".to_owned(), Value::String(format!("\\x{}", hex(&hash))));
            objects.push(object);
        }
        let statement = statement(table, objects.first().unwrap_or(&Map::new()));
        let now = clock.now().to_sqlx();
        let added: Vec<bool> = sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
            .bind(org)
            .bind(sqlx::types::Json(&objects))
            .bind(now)
            .fetch_all(&mut **tx)
            .await?;
        let new = added.iter().filter(|new| **new).count() as u64;
        written += Written {
            added: new,
            changed: added.len() as u64 - new,
            unchanged: batch.len() as u64 - added.len() as u64,
        };
    }
    Ok(written)
}

/// Column names come from the program's own row structs, never from a file.
fn statement(table: &FactTable, object: &Map<String, Value>) -> String {
    let columns: Vec<&str> = object.keys().map(String::as_str).collect();
    let list = columns.join(", ");
    let from: String = columns.iter().map(|c| format!("r.{c}")).collect::<Vec<_>>().join(", ");
    let key = table.key.join(", ");
    let changes: String = columns
        .iter()
        .filter(|c| !table.key.contains(c))
        .map(|c| format!("{c} = excluded.{c}"))
        .chain(["updated_at = excluded.updated_at".to_owned()])
        .collect::<Vec<_>>()
        .join(", ");
    let name = table.name;
    format!(
        "insert into {name} (org_id, {list}, first_seen_at, updated_at)
         select $1, {from}, $3, $3 from jsonb_populate_recordset(null::{name}, $2) r
         on conflict (org_id, {key}) do update set {changes}
         where {name}.row_hash is distinct from excluded.row_hash
         returning (first_seen_at = updated_at)"
    )
}

fn encode(error: impl std::fmt::Display) -> sqlx::Error {
    sqlx::Error::Encode(error.to_string().into())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        text.push_str(&format!("{byte:02x}"));
        text
    })
}
