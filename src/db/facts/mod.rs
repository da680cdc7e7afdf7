//! Writing facts: idempotent upserts that leave equal rows alone (`connectors.md` §1.6).
pub mod attribution;
pub mod fx;
pub mod levels;
pub mod recurring;
pub mod shop;
pub mod synced;
pub mod watched;

use super::{OrgTx, privacy, sums};
use crate::clock::Clock;
use crate::ids::OrgId;
use jiff::civil::Date;
use jiff_sqlx::ToSqlx;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Where a row may come from: platforms, files, and our own sites and programs (`data-model.md` §8).
pub const SOURCES: &[&str] = &[
    "google_ads",
    "meta_ads",
    "tiktok_ads",
    "linkedin_ads",
    "reddit_ads",
    "microsoft_ads",
    "snapchat_ads",
    "ga4",
    "search_console",
    "dataforseo",
    "plausible",
    "shopify",
    "tiendanube",
    "mercadolibre",
    "stripe",
    "quickbooks",
    "activecampaign",
    "klaviyo",
    "csv",
    "web",
    "mobile",
    "admin_portal",
    "backend",
    "slack",
    "system",
];

/// A fact table with provenance columns, and its key after `org_id`.
pub struct FactTable {
    name: &'static str,
    key: &'static [&'static str],
}

impl FactTable {
    pub fn name(&self) -> &'static str {
        self.name
    }
}

pub const CAMPAIGNS: FactTable = FactTable { name: "campaigns", key: &["id"] };
pub const AD_GROUPS: FactTable = FactTable { name: "ad_groups", key: &["id"] };
pub const CREATIVES: FactTable = FactTable { name: "creatives", key: &["id"] };
pub const KEYWORDS: FactTable = FactTable { name: "keywords", key: &["id"] };
pub const ENTITIES: FactTable = FactTable { name: "entities", key: &["kind", "id"] };
pub const CUSTOMERS: FactTable = FactTable { name: "customers", key: &["id"] };
pub const LEADS: FactTable = FactTable { name: "leads", key: &["id"] };
pub const ORDERS: FactTable = FactTable { name: "orders", key: &["id"] };
pub const ORDER_ITEMS: FactTable = FactTable { name: "order_items", key: &["order_id", "line"] };
pub const INVOICES: FactTable = FactTable { name: "invoices", key: &["id"] };
pub const PRODUCTS: FactTable = FactTable { name: "products", key: &["id"] };
pub const VARIANTS: FactTable = FactTable { name: "variants", key: &["id"] };
pub const PAGES: FactTable = FactTable { name: "pages", key: &["id"] };
pub const PLANS: FactTable = FactTable { name: "plans", key: &["id"] };
pub const SUBSCRIPTIONS: FactTable = FactTable { name: "subscriptions", key: &["id"] };
pub const REFUNDS: FactTable = FactTable { name: "refunds", key: &["id"] };
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

pub const KEYWORD_RANKS: FactTable = FactTable {
    name: "keyword_ranks",
    key: &["date", "engine", "keyword", "location", "language", "device"],
};

/// The table of a name, among those that files may fill by their data set alone.
pub fn table(name: &str) -> Option<&'static FactTable> {
    const TABLES: &[&FactTable] = &[
        &CAMPAIGNS,
        &CUSTOMERS,
        &DAILY_METRICS,
        &ENTITIES,
        &INVOICES,
        &KEYWORD_RANKS,
        &PRODUCTS,
        &REFUNDS,
        &SUBSCRIPTIONS,
        &VARIANTS,
    ];
    TABLES.iter().copied().find(|table| table.name == name)
}

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
    upsert_keeping(tx, clock, org, table, rows, |_| &[]).await
}

/// As [`upsert`], but the columns `kept` names for a row are written only with a new row: of an old one they stay as stored.
pub async fn upsert_keeping<T: Serialize>(
    tx: &mut OrgTx,
    clock: &dyn Clock,
    org: OrgId,
    table: &FactTable,
    rows: &[T],
    kept: impl Fn(&T) -> &[&'static str],
) -> Result<Written, sqlx::Error> {
    let mut written = Written::default();
    let mut groups: BTreeMap<Vec<&'static str>, Vec<&T>> = BTreeMap::new();
    for row in rows {
        groups.entry(kept(row).to_vec()).or_default().push(row);
    }
    for (kept, rows) in groups {
        for batch in rows.chunks(BATCH) {
            written += put(tx, clock, org, table, batch, |columns| merged(table, columns, &kept)).await?;
        }
    }
    Ok(written)
}

/// Adds rows that are not there yet and leaves all others alone.
pub async fn add_missing<T: Serialize>(
    tx: &mut OrgTx,
    clock: &dyn Clock,
    org: OrgId,
    table: &FactTable,
    rows: &[T],
) -> Result<Written, sqlx::Error> {
    let mut written = Written::default();
    let rows: Vec<&T> = rows.iter().collect();
    for batch in rows.chunks(BATCH) {
        written += put(tx, clock, org, table, batch, |_| "do nothing".to_owned()).await?;
    }
    Ok(written)
}

/// Writes one batch; `conflict` says, for the columns of its rows, what happens to a row that is there already.
async fn put<T: Serialize>(
    tx: &mut OrgTx,
    clock: &dyn Clock,
    org: OrgId,
    table: &FactTable,
    batch: &[&T],
    conflict: impl Fn(&[&str]) -> String,
) -> Result<Written, sqlx::Error> {
    let mut objects = Vec::with_capacity(batch.len());
    for row in batch {
        let Value::Object(object) = serde_json::to_value(row).map_err(encode)? else {
            return Err(encode("a fact row must be an object"));
        };
        objects.push(object);
    }
    if let Some(fit) = privacy::screen(tx, org, table.name, &objects).await? {
        objects = fit;
    }
    if objects.is_empty() {
        return Ok(Written { unchanged: batch.len() as u64, ..Written::default() });
    }
    for object in &mut objects {
        let hash = Sha256::digest(serde_json::to_vec(&object).map_err(encode)?);
        object.insert("row_hash".to_owned(), Value::String(format!("\\x{}", hex(&hash))));
    }
    // Column names come from the program's own row structs, never from a file.
    let columns: Vec<&str> =
        objects.first().map(|o| o.keys().map(String::as_str).collect()).unwrap_or_default();
    let list = columns.join(", ");
    let from: String = columns.iter().map(|c| format!("r.{c}")).collect::<Vec<_>>().join(", ");
    let (name, key) = (table.name, table.key.join(", "));
    let statement = format!(
        "insert into {name} (org_id, {list}, first_seen_at, updated_at)
         select $1, {from}, $3, $3 from jsonb_populate_recordset(null::{name}, $2) r
         on conflict (org_id, {key}) {}
         returning (first_seen_at = updated_at)",
        conflict(&columns)
    );
    let added: Vec<bool> = sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
        .bind(org)
        .bind(sqlx::types::Json(&objects))
        .bind(clock.now().to_sqlx())
        .fetch_all(&mut **tx)
        .await?;
    if sums::FAMILIES.iter().any(|family| family.rows == name) && !added.is_empty() {
        let days = objects.iter().filter_map(|row| row.get("date")?.as_str()?.parse::<Date>().ok());
        sums::stale(tx, org, days.clone().min().zip(days.max())).await?;
    }
    let new = added.iter().filter(|new| **new).count() as u64;
    Ok(Written {
        added: new,
        changed: added.len() as u64 - new,
        unchanged: batch.len() as u64 - added.len() as u64,
    })
}

/// What an upsert writes over an older row: all columns but the kept ones, where they differ. With kept columns the hash of
/// the whole row says nothing, so the others are compared themselves.
fn merged(table: &FactTable, columns: &[&str], kept: &[&str]) -> String {
    let written: Vec<&str> =
        columns.iter().copied().filter(|c| !table.key.contains(c) && !kept.contains(c)).collect();
    let changes: String = written
        .iter()
        .map(|c| match *c {
            // A row that is partly of another file is no file's row: the next whole one is compared anew.
            "row_hash" if !kept.is_empty() => "row_hash = ''".to_owned(),
            c => format!("{c} = excluded.{c}"),
        })
        .chain(["updated_at = excluded.updated_at".to_owned()])
        // A computed row is theirs now who state it.
        .chain((table.name == DAILY_METRICS.name).then(|| "rolled = false".to_owned()))
        .collect::<Vec<_>>()
        .join(", ");
    let name = table.name;
    let side = |of: &str| {
        let columns = written.iter().filter(|c| kept.is_empty() == (**c == "row_hash"));
        columns.map(|c| format!("{of}.{c}")).collect::<Vec<_>>().join(", ")
    };
    format!("do update set {changes} where ({}) is distinct from ({})", side(name), side("excluded"))
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
