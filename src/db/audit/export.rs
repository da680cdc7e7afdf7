//! The audit log as a file: CSV or JSON lines, ending with the head of the chain.
use super::{Entry, Filter, list, origin};
use crate::db::people::hex;
use crate::db::{Error, OrgTx};
use crate::ids::OrgId;
use serde_json::json;

crate::closed_list! {
    Format = "export format" { Csv = "csv", JsonLines = "jsonl" }
}

/// A finished file. The head hash also stands in its last line.
#[derive(Clone, Debug)]
pub struct Export {
    pub body: String,
    pub entries: usize,
    pub head_seq: i64,
    /// Hexadecimal.
    pub head_hash: String,
}

const HEADER: [&str; 18] = [
    "seq",
    "at",
    "actor_type",
    "actor_id",
    "on_behalf_of",
    "surface",
    "action",
    "object_type",
    "object_id",
    "revision",
    "payload_hash",
    "before",
    "after",
    "reason",
    "consent_check",
    "request_id",
    "prev_hash",
    "entry_hash",
];

/// Writes the entries that fit the filter. The caller records the export as an entry of its own.
pub async fn export(tx: &mut OrgTx, org: OrgId, filter: &Filter, format: Format) -> Result<Export, Error> {
    let (head_seq, head_hash): (i64, Vec<u8>) =
        sqlx::query_as("select seq, hash from audit_heads where org_id = $1")
            .bind(org)
            .fetch_optional(&mut **tx)
            .await?
            .unwrap_or_else(|| (0, origin(org)));
    let head_hash = hex(&head_hash);
    let mut body = match format {
        Format::Csv => line(HEADER.iter().map(|&name| name.to_owned())),
        Format::JsonLines => String::new(),
    };
    let (mut entries, mut after) = (0, 0);
    loop {
        let page = list(tx, org, filter, after, 1000).await?;
        let Some(last) = page.last() else { break };
        after = last.seq;
        entries += page.len();
        for entry in &page {
            match format {
                Format::Csv => body.push_str(&csv(entry)),
                Format::JsonLines => {
                    body.push_str(&json!(entry).to_string());
                    body.push('\n');
                }
            }
        }
    }
    body.push_str(&match format {
        Format::Csv => line(["head".to_owned(), head_seq.to_string(), head_hash.clone()].into_iter()),
        Format::JsonLines => json!({"head_seq": head_seq, "head_hash": head_hash}).to_string() + "\n",
    });
    Ok(Export { body, entries, head_seq, head_hash })
}

fn csv(entry: &Entry) -> String {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let json =
        |value: &Option<serde_json::Value>| value.as_ref().map(ToString::to_string).unwrap_or_default();
    line(
        [
            entry.seq.to_string(),
            entry.at.to_string(),
            entry.actor_type.to_string(),
            entry.actor_id.clone(),
            entry.on_behalf_of.map(|id| id.to_string()).unwrap_or_default(),
            entry.surface.to_string(),
            entry.action.clone(),
            entry.object_type.clone(),
            entry.object_id.clone(),
            entry.revision.map(|n| n.to_string()).unwrap_or_default(),
            entry.payload_hash.as_deref().map(hex).unwrap_or_default(),
            json(&entry.before),
            json(&entry.after),
            text(&entry.reason),
            text(&entry.consent_check),
            text(&entry.request_id),
            hex(&entry.prev_hash),
            hex(&entry.entry_hash),
        ]
        .into_iter(),
    )
}

/// One CSV line (RFC 4180). A cell that a spreadsheet would take for a formula is led by an apostrophe.
fn line(cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> = cells
        .map(|cell| {
            let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']);
            let cell = if formula { format!("'{cell}") } else { cell };
            if cell.contains([',', '"', '\n', '\r']) {
                format!("\"{}\"", cell.replace('"', "\"\""))
            } else {
                cell
            }
        })
        .collect();
    cells.join(",") + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn cells_are_quoted_and_formulas_are_not_run() {
        let cells = ["plain", "a,b", "say \"hi\"", "=1+1", "＠x", "-5"].map(str::to_owned);
        assert_eq!(line(cells.into_iter()), "plain,\"a,b\",\"say \"\"hi\"\"\",'=1+1,'＠x,'-5\r\n");
    }
}
