//! Imports: what file came when, from whom, with what mapping, and what it did.
pub mod uploads;

use super::OrgTx;
use crate::ids::{ImportId, MemberId, OrgId, SourceId};
use crate::money::Currency;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_sqlx::ToSqlx;
use serde_json::Value;

/// How the import of a file ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Done,
    /// Refused: nothing of it was written.
    Failed,
}

/// An import of one file that is over.
pub struct ImportRow<'a> {
    pub id: ImportId,
    pub dataset: &'a str,
    pub file_name: &'a str,
    pub file_hash: &'a [u8],
    pub mapping: &'a Value,
    pub detected: &'a Value,
    pub state: State,
    /// Rows as numbers: `rows` read, `written_rows` added or changed; for a refused file `error`, its code.
    pub counts: &'a Value,
    /// Faults of a refused file by line.
    pub errors: &'a Value,
    pub by: Option<MemberId>,
    pub at: Timestamp,
}

/// When the same file was imported with the same mapping.
pub async fn done_before(
    tx: &mut OrgTx,
    org: OrgId,
    dataset: &str,
    file_hash: &[u8],
    mapping: &Value,
) -> Result<Option<Timestamp>, sqlx::Error> {
    let at: Option<jiff_sqlx::Timestamp> = sqlx::query_scalar(
        "select at from imports where org_id = $1 and dataset = $2 and file_hash = $3 and mapping = $4 and state = 'done'
         order by at desc limit 1",
    )
    .bind(org)
    .bind(dataset)
    .bind(file_hash)
    .bind(mapping)
    .fetch_optional(&mut **tx)
    .await?;
    Ok(at.map(|at| at.to_jiff()))
}

/// Puts the end of an import on record: of a file that waited, or of one from elsewhere. How a refused file that waits is
/// read stays, so that it can be corrected.
pub async fn record(tx: &mut OrgTx, org: OrgId, row: &ImportRow<'_>) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into imports as i (org_id, id, dataset, file_name, file_hash, mapping, detected, state, counts, by_member, at,
           finished_at, errors)
         values ($1, $2, $3, $4, $5, $6, $7, $11, $8, $9, $10, $10, $12)
         on conflict (org_id, id) do update set state = excluded.state, counts = excluded.counts, errors = excluded.errors,
           finished_at = excluded.finished_at,
           mapping = case when excluded.state = 'done' then excluded.mapping else i.mapping end
         where i.state not in ('done', 'undone')",
    )
    .bind(org)
    .bind(row.id)
    .bind(row.dataset)
    .bind(row.file_name)
    .bind(row.file_hash)
    .bind(row.mapping)
    .bind(row.detected)
    .bind(row.counts)
    .bind(row.by)
    .bind(row.at.to_sqlx())
    .bind(match row.state {
        State::Done => "done",
        State::Failed => "failed",
    })
    .bind(row.errors)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// How far one kind of uploaded rows reaches.
pub struct Stream<'a> {
    pub currency: Currency,
    pub time_zone: &'a str,
    pub name: &'a str,
    pub through: Option<Date>,
    pub at: Timestamp,
}

/// The connection that uploaded files belong to, made at the first upload, with its stream moved on to `through`.
pub async fn touch_source(
    tx: &mut OrgTx,
    org: OrgId,
    new_id: SourceId,
    stream: &Stream<'_>,
) -> Result<(), sqlx::Error> {
    let found: Option<SourceId> =
        sqlx::query_scalar("select id from sources where org_id = $1 and source = 'csv' order by id limit 1")
            .bind(org)
            .fetch_optional(&mut **tx)
            .await?;
    let id = match found {
        Some(id) => id,
        None => {
            sqlx::query(
                "insert into sources (org_id, id, source, name, currency, account_time_zone, created_at, updated_at)
                 values ($1, $2, 'csv', 'Uploaded files', $3, $4, $5, $5)",
            )
            .bind(org)
            .bind(new_id)
            .bind(stream.currency.as_str())
            .bind(stream.time_zone)
            .bind(stream.at.to_sqlx())
            .execute(&mut **tx)
            .await?;
            new_id
        }
    };
    sqlx::query("update sources set last_synced_at = $3, updated_at = $3 where org_id = $1 and id = $2")
        .bind(org)
        .bind(id)
        .bind(stream.at.to_sqlx())
        .execute(&mut **tx)
        .await?;
    sqlx::query(
        "insert into source_streams (org_id, source_id, stream, complete_through, newest_at)
         values ($1, $2, $3, $4, $5)
         on conflict (org_id, source_id, stream) do update set
           complete_through = greatest(source_streams.complete_through, excluded.complete_through),
           newest_at = excluded.newest_at",
    )
    .bind(org)
    .bind(id)
    .bind(stream.name)
    .bind(stream.through.map(ToSqlx::to_sqlx))
    .bind(stream.at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}
