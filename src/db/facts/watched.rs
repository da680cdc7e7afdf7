//! What somebody changed on a platform: a status, a budget, a bid, who is reached, where a link leads. Rows before and after a write
//! are laid side by side, and each difference is an event `entity_changed` in its transaction (`connectors.md` §1.8).
use super::FactTable;
use crate::db::OrgTx;
use crate::db::events::own::{self, Own};
use crate::ids::OrgId;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Of a table: what its rows are, and the columns that are watched.
struct Watched {
    table: &'static str,
    kind: &'static str,
    columns: &'static [&'static str],
}

const WATCHED: &[Watched] = &[
    Watched {
        table: "campaigns",
        kind: "campaign",
        columns: &[
            "status",
            "daily_budget",
            "lifetime_budget",
            "bidding",
            "landing_page",
            "final_url_suffix",
        ],
    },
    Watched {
        table: "ad_groups",
        kind: "ad_group",
        columns: &["status", "bid", "daily_budget", "targeting"],
    },
    Watched { table: "creatives", kind: "ad", columns: &["status", "final_url"] },
    Watched { table: "keywords", kind: "keyword", columns: &["status", "bid"] },
    Watched { table: "products", kind: "product", columns: &["status"] },
];

/// Rows as they were, locked until the end of the transaction: of two who write the same thing each tells what it changed.
pub struct Before {
    watched: &'static Watched,
    rows: BTreeMap<String, (Timestamp, Map<String, Value>)>,
}

/// The rows of a table under these ids before they are written; nothing where the table is not watched.
pub async fn before(
    tx: &mut OrgTx,
    org: OrgId,
    table: &FactTable,
    ids: &[&str],
) -> Result<Option<Before>, sqlx::Error> {
    let Some(watched) = WATCHED.iter().find(|watched| watched.table == table.name) else { return Ok(None) };
    let rows = read(tx, org, watched, ids, true).await?;
    Ok(Some(Before { watched, rows }))
}

/// Tells what is different now. A change that a draft of ours made is `adjutant`'s; every other one was made on the platform.
pub async fn tell(tx: &mut OrgTx, org: OrgId, before: Before, at: Timestamp) -> Result<(), sqlx::Error> {
    let Before { watched, rows } = before;
    let ids: Vec<&str> = rows.keys().map(String::as_str).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let now = read(tx, org, watched, &ids, false).await?;
    let mut changes = Vec::new();
    for (id, (written, was)) in &rows {
        let Some((_, is)) = now.get(id) else { continue };
        for column in watched.columns {
            let (from, to) = (&was[*column], &is[*column]);
            if from != to {
                changes.push((id.clone(), *column, from.clone(), to.clone(), *written));
            }
        }
    }
    if changes.is_empty() {
        return Ok(());
    }
    let ours =
        executed(tx, org, watched.kind, &changes.iter().map(|(id, ..)| id.as_str()).collect::<Vec<_>>())
            .await?;
    let events: Vec<Own> = changes
        .into_iter()
        .map(|(id, field, from, to, written)| {
            let mine = ours.iter().any(|(of, what, when)| *of == id && what == field && *when > written);
            Own {
                name: "entity_changed",
                cause: vec![
                    watched.kind.to_owned(),
                    id.clone(),
                    field.to_owned(),
                    at.to_string(),
                    to.to_string(),
                ],
                at,
                entity: Some((watched.kind, id)),
                customer: None,
                props: json!({"field": field, "from": own::told(&from), "to": own::told(&to),
                    "by": if mine { "adjutant" } else { "platform" }}),
            }
        })
        .collect();
    own::tell(tx, org, &events).await
}

async fn read(
    tx: &mut OrgTx,
    org: OrgId,
    watched: &Watched,
    ids: &[&str],
    lock: bool,
) -> Result<BTreeMap<String, (Timestamp, Map<String, Value>)>, sqlx::Error> {
    // Names are the program's own. In the order in which writers take rows.
    let pairs: Vec<String> = watched.columns.iter().map(|column| format!("'{column}', t.{column}")).collect();
    let statement = format!(
        "select t.id, t.updated_at, jsonb_build_object({}) from {} t where t.org_id = $1 and t.id = any($2)
         order by t.id collate \"C\"{}",
        pairs.join(", "),
        watched.table,
        if lock { " for no key update" } else { "" }
    );
    let rows: Vec<(String, jiff_sqlx::Timestamp, Value)> =
        sqlx::query_as(sqlx::AssertSqlSafe(statement)).bind(org).bind(ids).fetch_all(&mut **tx).await?;
    let one = |(id, at, value): (String, jiff_sqlx::Timestamp, Value)| {
        let values = value.as_object().cloned().unwrap_or_default();
        (id, (at.to_jiff(), values))
    };
    Ok(rows.into_iter().map(one).collect())
}

/// What drafts changed by themselves: thing, field, when.
async fn executed(
    tx: &mut OrgTx,
    org: OrgId,
    kind: &str,
    ids: &[&str],
) -> Result<Vec<(String, String, Timestamp)>, sqlx::Error> {
    let rows: Vec<(String, String, jiff_sqlx::Timestamp)> = sqlx::query_as(
        "select t.entity_id, t.field, x.finished_at from draft_targets t
         join executions x on x.org_id = t.org_id and x.draft_id = t.draft_id
         where t.org_id = $1 and t.entity_kind = $2 and t.entity_id = any($3) and x.mode = 'live' and x.changed
           and x.finished_at is not null",
    )
    .bind(org)
    .bind(kind)
    .bind(ids)
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|(id, field, at)| (id, field, at.to_jiff())).collect())
}
