//! What people call the groups of an answer.
use crate::db::OrgTx;
use sqlx::Row as _;
use std::collections::BTreeMap;

/// Key → name, of the keys that have another name than the key.
pub(super) async fn of_groups(
    tx: &mut OrgTx,
    by: Option<&str>,
    keys: Vec<String>,
) -> Result<BTreeMap<String, String>, sqlx::Error> {
    let statement = match by {
        Some("campaign") => "select k.id, k.name from facts.campaigns k where k.id = any($1)",
        Some("product") => "select p.id, p.name from facts.products p where p.id = any($1)",
        Some("ad") => "select e.id, e.name from facts.entities e where e.kind = 'ad' and e.id = any($1)",
        Some("message") => {
            "select e.id, e.name from facts.entities e where e.kind = 'email' and e.id = any($1)"
        }
        Some("segment") => {
            return Ok(keys
                .into_iter()
                .map(|key| (key.clone(), key.to_lowercase().replace('_', " ")))
                .collect());
        }
        _ => return Ok(BTreeMap::new()),
    };
    let rows = sqlx::query(statement).bind(keys).fetch_all(&mut **tx).await?;
    let mut out = BTreeMap::new();
    for row in &rows {
        let name: String = row.try_get("name")?;
        if !name.is_empty() {
            out.insert(row.try_get("id")?, name);
        }
    }
    Ok(out)
}
