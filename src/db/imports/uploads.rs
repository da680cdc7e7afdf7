//! Files that were sent and wait: kept in pieces until they are imported, for a day at most.
use crate::db::{Error, OrgTx, instant, instant_if_any};
use crate::ids::{ImportId, MemberId, OrgId};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use serde::Serialize;
use serde_json::Value;
use sqlx::Row as _;
use sqlx::postgres::PgRow;

crate::closed_list! {
    /// How far an import is (`data-model.md` §7).
    ImportState = "import state" {
        Uploaded = "uploaded",
        Mapped = "mapped",
        Previewed = "previewed",
        Committing = "committing",
        Done = "done",
        /// Refused: nothing of it was written.
        Failed = "failed",
        Undone = "undone",
    }
}

/// Bytes of one piece.
const PIECE: usize = 1 << 20;

/// An import as the record has it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Import {
    pub id: ImportId,
    /// What the facts are called, for instance `daily_metrics` for an ad report.
    pub dataset: String,
    pub file_name: String,
    pub state: ImportState,
    /// How the file is read: as sent while it waits, as used when it is over.
    pub mapping: Value,
    /// Encoding, delimiter, and where the header stands.
    pub detected: Value,
    /// Rows read and written; for a refused file its `error`, a code.
    pub counts: Value,
    /// The first 1,000 faults of a refused file.
    pub errors: Value,
    pub by: Option<MemberId>,
    pub at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

/// A file that was sent.
pub struct NewUpload<'a> {
    pub id: ImportId,
    pub dataset: &'a str,
    pub file_name: &'a str,
    pub file_hash: &'a [u8],
    pub mapping: &'a Value,
    pub detected: &'a Value,
    pub by: Option<MemberId>,
    pub at: Timestamp,
}

const COLUMNS: &str =
    "id, dataset, file_name, state, mapping, detected, counts, errors, by_member, at, finished_at";

fn read(row: &PgRow) -> Result<Import, Error> {
    Ok(Import {
        id: row.try_get("id")?,
        dataset: row.try_get("dataset")?,
        file_name: row.try_get("file_name")?,
        state: row.try_get("state")?,
        mapping: row.try_get("mapping")?,
        detected: row.try_get("detected")?,
        counts: row.try_get("counts")?,
        errors: row.try_get("errors")?,
        by: row.try_get("by_member")?,
        at: instant(row, "at")?,
        finished_at: instant_if_any(row, "finished_at")?,
    })
}

/// Keeps a file that was sent.
pub async fn create(tx: &mut OrgTx, org: OrgId, new: &NewUpload<'_>, body: &[u8]) -> Result<(), Error> {
    sqlx::query(
        "insert into imports (org_id, id, dataset, file_name, file_hash, mapping, detected, state, by_member, at)
         values ($1, $2, $3, $4, $5, $6, $7, 'uploaded', $8, $9)",
    )
    .bind(org)
    .bind(new.id)
    .bind(new.dataset)
    .bind(new.file_name)
    .bind(new.file_hash)
    .bind(new.mapping)
    .bind(new.detected)
    .bind(new.by)
    .bind(new.at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    for (n, piece) in body.chunks(PIECE).enumerate() {
        sqlx::query("insert into import_chunks (org_id, import_id, n, body) values ($1, $2, $3, $4)")
            .bind(org)
            .bind(new.id)
            .bind(i32::try_from(n).unwrap_or(i32::MAX))
            .bind(piece)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

/// Imports, the newest first, from `after` (the last one of the page before) on.
pub async fn list(
    tx: &mut OrgTx,
    org: OrgId,
    after: Option<ImportId>,
    limit: i64,
) -> Result<Vec<Import>, Error> {
    let statement = format!(
        "select {COLUMNS} from imports where org_id = $1 and ($2::uuid is null or (at, id) <
           (select p.at, p.id from imports p where p.org_id = $1 and p.id = $2))
         order by at desc, id desc limit $3"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(statement))
        .bind(org)
        .bind(after)
        .bind(limit)
        .fetch_all(&mut **tx)
        .await?;
    rows.iter().map(read).collect()
}

pub async fn get(tx: &mut OrgTx, org: OrgId, id: ImportId) -> Result<Option<Import>, Error> {
    one(tx, org, id, "").await
}

/// The same, held until the end of the transaction.
pub async fn hold(tx: &mut OrgTx, org: OrgId, id: ImportId) -> Result<Option<Import>, Error> {
    one(tx, org, id, "for update").await
}

async fn one(tx: &mut OrgTx, org: OrgId, id: ImportId, held: &str) -> Result<Option<Import>, Error> {
    let statement = format!("select {COLUMNS} from imports where org_id = $1 and id = $2 {held}");
    let row =
        sqlx::query(sqlx::AssertSqlSafe(statement)).bind(org).bind(id).fetch_optional(&mut **tx).await?;
    row.as_ref().map(read).transpose()
}

/// The file as it was sent; nothing when it is no longer kept.
pub async fn body(tx: &mut OrgTx, org: OrgId, id: ImportId) -> Result<Option<Vec<u8>>, Error> {
    let pieces: Vec<Option<Vec<u8>>> =
        sqlx::query_scalar("select body from import_chunks where org_id = $1 and import_id = $2 order by n")
            .bind(org)
            .bind(id)
            .fetch_all(&mut **tx)
            .await?;
    let whole: Option<Vec<Vec<u8>>> = pieces.into_iter().collect();
    Ok(whole.filter(|pieces| !pieces.is_empty()).map(|pieces| pieces.concat()))
}

/// Moves an import that is not over on; with a mapping, that is the one from now on.
pub async fn mark(
    tx: &mut OrgTx,
    org: OrgId,
    id: ImportId,
    state: ImportState,
    mapping: Option<&Value>,
) -> Result<(), Error> {
    sqlx::query(
        "update imports set state = $3, mapping = coalesce($4, mapping), errors = '[]'
         where org_id = $1 and id = $2 and state not in ('done', 'undone')",
    )
    .bind(org)
    .bind(id)
    .bind(state)
    .bind(mapping)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Lets go of the bytes of a file.
pub async fn drop_body(tx: &mut OrgTx, org: OrgId, id: ImportId) -> Result<(), Error> {
    sqlx::query("delete from import_chunks where org_id = $1 and import_id = $2")
        .bind(org)
        .bind(id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Forgets an import that wrote nothing; `false` when it did.
pub async fn discard(tx: &mut OrgTx, org: OrgId, id: ImportId) -> Result<bool, Error> {
    let done =
        sqlx::query("delete from imports where org_id = $1 and id = $2 and state not in ('done', 'undone')")
            .bind(org)
            .bind(id)
            .execute(&mut **tx)
            .await?;
    Ok(done.rows_affected() > 0)
}

/// Lets go of files that were sent before a moment and never imported: there are people in them.
pub async fn forget(tx: &mut OrgTx, org: OrgId, before: Timestamp) -> Result<u64, Error> {
    let gone = sqlx::query(
        "delete from import_chunks c using imports i
         where c.org_id = $1 and i.org_id = $1 and i.id = c.import_id and i.at < $2",
    )
    .bind(org)
    .bind(before.to_sqlx())
    .execute(&mut **tx)
    .await?;
    sqlx::query(
        "update imports set state = 'failed', finished_at = at, counts = counts || '{\"error\": \"import.expired\"}'
         where org_id = $1 and at < $2 and state in ('uploaded', 'mapped', 'previewed', 'committing')",
    )
    .bind(org)
    .bind(before.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(gone.rows_affected())
}
