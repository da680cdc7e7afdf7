//! Everything that is stored about one person, a row a line: what an access request is answered with.
use super::erase::{condition, holds, patterns, schema};
use super::rules::{RULES, WORDS_OF};
use super::subject::Person;
use crate::db::{Error, OrgTx};
use crate::ids::OrgId;
use futures::TryStreamExt as _;
use serde_json::{Value, json};
use tokio::sync::mpsc::Sender;

/// Columns that say nothing to the person: the organisation's key, hashes of rows, sealed values.
const HIDDEN: &str =
    "'{org_id, row_hash, payload_hash, sync_run_id, source_id, api_key_id, batch_id}'::text[]";

/// Sends `{"table": …, "row": {…}}` for every row about the person, and at last `{"end": true, "rows": n}`, so that a file that
/// broke off shows. Gives how many rows; nothing where the receiver went away before the end.
pub async fn write(
    mut tx: OrgTx,
    org: OrgId,
    person: &Person,
    to: &Sender<std::io::Result<String>>,
) -> Result<Option<u64>, Error> {
    let mut count = 0;
    let schema = schema(&mut tx).await?;
    for rule in RULES {
        let Some(condition) = condition(rule, &schema) else { continue };
        let statement = format!("select to_jsonb(t) - {HIDDEN} from {} t where {condition}", rule.table);
        let mut rows = sqlx::query_scalar::<_, Value>(sqlx::AssertSqlSafe(statement))
            .bind(org)
            .bind(Person::texts(&person.ids))
            .bind(person.hashes.iter().cloned().collect::<Vec<_>>())
            .bind(Person::texts(&person.orders))
            .fetch(&mut *tx);
        while let Some(row) = rows.try_next().await? {
            count += 1;
            if to.send(Ok(json!({"table": rule.table, "row": row}).to_string())).await.is_err() {
                return Ok(None);
            }
        }
    }
    for pattern in patterns(person) {
        for words in WORDS_OF {
            let Some(condition) = holds(words, &schema) else { continue };
            let fields =
                words.texts.iter().chain(words.objects).map(|column| format!("'{column}', t.{column}"));
            let fields = fields.collect::<Vec<_>>().join(", ");
            let statement =
                format!("select jsonb_build_object({fields}) from {} t where {condition}", words.table);
            let mut rows = sqlx::query_scalar::<_, Value>(sqlx::AssertSqlSafe(statement))
                .bind(org)
                .bind(&pattern)
                .fetch(&mut *tx);
            while let Some(row) = rows.try_next().await? {
                count += 1;
                if to.send(Ok(json!({"table": words.table, "row": row}).to_string())).await.is_err() {
                    return Ok(None);
                }
            }
        }
    }
    let ended = to.send(Ok(json!({"end": true, "rows": count}).to_string())).await;
    Ok(ended.is_ok().then_some(count))
}
