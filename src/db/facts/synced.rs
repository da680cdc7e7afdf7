//! Facts that a connection brings: upserts that say which run wrote a row, days replaced whole, restated days noted.
use super::{BATCH, FactTable, Written, encode, hex, watched};
use crate::clock::Clock;
use crate::db::events::{self, Restated};
use crate::db::{OrgTx, privacy};
use crate::ids::{OrgId, SourceId, SyncRunId};
use crate::period::Window;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_sqlx::ToSqlx as _;
use rust_decimal::Decimal;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// Which connection and run write.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    pub source: SourceId,
    /// None for what a delivery brought.
    pub run: Option<SyncRunId>,
    /// When the platform was looked at, for rows that do not say themselves when it changed them.
    pub as_of: Option<Timestamp>,
}

/// The days that one slice of a stream states whole: rows of these kinds in them that it does not bring are gone.
#[derive(Clone, Debug)]
pub struct Scope<'a> {
    /// The connector.
    pub source: &'a str,
    pub account: &'a str,
    pub kinds: &'a [&'a str],
    pub days: Window,
    /// Days before this one do not change any more on the platform.
    pub final_before: Date,
    /// Days before this one are over; a change of one is a restatement.
    pub closed_before: Date,
    /// Days of the scope that were read before: only they can be restated.
    pub read_before: &'a BTreeSet<Date>,
}

/// What replacing days did.
#[derive(Clone, Debug, Default)]
pub struct Replaced {
    pub written: Written,
    pub removed: u64,
    /// Closed days that say something else than before.
    pub restated: Vec<Date>,
    /// Those whose conversions moved by more than a tenth: day, before, after (`connectors.md` §1.3).
    pub large: Vec<(Date, Decimal, Decimal)>,
}

/// Content columns of a row by name.
pub type Columns = Map<String, Value>;

/// When the platform changed a row last, or was looked at. Of a row that says it, it is content; the time of a look is none:
/// the same content seen later is not written.
const AS_OF: &str = "source_updated_at";

/// Adds rows and changes those whose content differs; `keep` names columns that are written only with a new row. All rows
/// must have the same columns. No row may stand twice. Rows with a moment leave those alone that are of a later one.
pub async fn upsert(
    tx: &mut OrgTx,
    clock: &dyn Clock,
    org: OrgId,
    table: &FactTable,
    rows: &[Columns],
    keep: &[&str],
    stamp: Stamp,
) -> Result<Written, sqlx::Error> {
    let mut written = Written::default();
    for read in rows.chunks(BATCH) {
        let fit = privacy::screen(tx, org, table.name, read).await?;
        let batch = fit.as_deref().unwrap_or(read);
        if batch.is_empty() {
            written.unchanged += read.len() as u64;
            continue;
        }
        let ids: Vec<&str> = batch.iter().filter_map(|row| row.get("id")?.as_str()).collect();
        let before = watched::before(tx, org, table, &ids).await?;
        let columns = columns(batch);
        let changes = changes(table, &columns, keep);
        let told = columns.contains(&AS_OF);
        let looked = stamp.as_of.filter(|_| !told);
        let newest = if told || looked.is_some() {
            format!(" and coalesce({0}.{AS_OF} <= excluded.{AS_OF}, true)", table.name)
        } else {
            String::new()
        };
        let (as_of, seen, as_seen) = match looked {
            Some(_) => (format!(", {AS_OF}"), ", $6::timestamptz", format!(", {AS_OF} = excluded.{AS_OF}")),
            None => (String::new(), "", String::new()),
        };
        let statement = format!(
            "insert into {name} (org_id, {list}, source_id, sync_run_id, first_seen_at, updated_at{as_of})
             select $1, {from}, $4, $5, $3, $3{seen} from jsonb_populate_recordset(null::{name}, $2) r
             on conflict (org_id, {key}) do update set {changes}{as_seen}
             where {name}.row_hash is distinct from excluded.row_hash{newest}
             returning (first_seen_at = updated_at)",
            name = table.name,
            key = table.key.join(", "),
            list = columns.join(", "),
            from = columns.iter().map(|c| format!("r.{c}")).collect::<Vec<_>>().join(", "),
        );
        let mut query = sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
            .bind(org)
            .bind(sqlx::types::Json(hashed(batch)?))
            .bind(clock.now().to_sqlx())
            .bind(stamp.source)
            .bind(stamp.run);
        if let Some(looked) = looked {
            query = query.bind(looked.to_sqlx());
        }
        let added: Vec<bool> = query.fetch_all(&mut **tx).await?;
        written += tally(read.len(), &added);
        if let Some(before) = before {
            watched::tell(tx, org, before, clock.now()).await?;
        }
    }
    Ok(written)
}

/// Makes the days of a scope say exactly what `rows` say. All rows must lie in the scope and have the same columns; no key
/// may stand twice. Every changed closed day is queued in `restatements`.
pub async fn replace_days(
    tx: &mut OrgTx,
    clock: &dyn Clock,
    org: OrgId,
    scope: &Scope<'_>,
    rows: &[Columns],
    stamp: Stamp,
) -> Result<Replaced, sqlx::Error> {
    let table = &super::DAILY_METRICS;
    let now = clock.now();
    let before = conversions(tx, org, scope).await?;
    let mut done = Replaced::default();
    let mut touched = vanish(tx, org, scope, rows).await?;
    done.removed = touched.len() as u64;
    for batch in rows.chunks(BATCH) {
        let columns = columns(batch);
        let changes = changes(table, &columns, &[]);
        let statement = format!(
            "insert into daily_metrics (org_id, {list}, is_final, source_id, sync_run_id, first_seen_at, updated_at)
             select $1, {from}, r.date < $6, $4, $5, $3, $3 from jsonb_populate_recordset(null::daily_metrics, $2) r
             on conflict (org_id, {key}) do update set {changes}, is_final = excluded.is_final, rolled = false,
               restated_at = case when excluded.date < $7 then $3 else daily_metrics.restated_at end
             where daily_metrics.row_hash is distinct from excluded.row_hash
             returning (first_seen_at = updated_at), date, entity_kind, entity_id, channel",
            key = table.key.join(", "),
            list = columns.join(", "),
            from = columns.iter().map(|c| format!("r.{c}")).collect::<Vec<_>>().join(", "),
        );
        let put: Vec<(bool, jiff_sqlx::Date, String, String, String)> =
            sqlx::query_as(sqlx::AssertSqlSafe(statement))
                .bind(org)
                .bind(sqlx::types::Json(hashed(batch)?))
                .bind(now.to_sqlx())
                .bind(stamp.source)
                .bind(stamp.run)
                .bind(scope.final_before.to_sqlx())
                .bind(scope.closed_before.to_sqlx())
                .fetch_all(&mut **tx)
                .await?;
        done.written += tally(batch.len(), &put.iter().map(|(new, ..)| *new).collect::<Vec<_>>());
        touched.extend(put.into_iter().map(|(_, day, kind, id, channel)| Touched {
            day: day.to_jiff(),
            kind,
            id,
            channel,
        }));
    }
    if !touched.is_empty() {
        crate::db::sums::stale(tx, org, Some((scope.days.start, scope.days.end))).await?;
    }
    touched.retain(|one| one.day < scope.closed_before && scope.read_before.contains(&one.day));
    queue(tx, org, &touched, scope.source, now).await?;
    if !rows.is_empty() {
        // What was computed of these days before the platform stated them may be too much now.
        let days = (scope.days.start, scope.days.end);
        crate::db::rollups::restate_stated(tx, org, days, scope.source, now).await?;
    }
    done.restated = touched.iter().map(|one| one.day).collect();
    done.restated.sort_unstable();
    done.restated.dedup();
    let after = conversions(tx, org, scope).await?;
    for day in &done.restated {
        let (was, is) = (at(&before, *day), at(&after, *day));
        if (is - was).abs() * Decimal::TEN > was.abs() {
            done.large.push((*day, was, is));
        }
    }
    Ok(done)
}

/// Days of a connection that have grown old enough are final.
pub async fn settle(
    tx: &mut OrgTx,
    org: OrgId,
    source: SourceId,
    kinds: &[&str],
    final_before: Date,
) -> Result<u64, sqlx::Error> {
    let done = sqlx::query(
        "update daily_metrics set is_final = true
         where org_id = $1 and source_id = $2 and entity_kind = any($3) and date < $4 and not is_final",
    )
    .bind(org)
    .bind(source)
    .bind(kinds)
    .bind(final_before.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

/// Days of a connection from one on that may still move are incomplete: the next run that reads them says anew how they are.
pub async fn mark_incomplete(
    tx: &mut OrgTx,
    org: OrgId,
    source: SourceId,
    from: Date,
    at: Timestamp,
) -> Result<u64, sqlx::Error> {
    let done = sqlx::query(
        "update daily_metrics set incomplete = true, row_hash = '', updated_at = $4
         where org_id = $1 and source_id = $2 and date >= $3 and not is_final and not rolled and not incomplete",
    )
    .bind(org)
    .bind(source)
    .bind(from.to_sqlx())
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

/// Makes the days of one site say, for web search and at some grains, exactly what `rows` say.
#[expect(clippy::too_many_arguments, reason = "what is replaced, by what, by whom")]
pub async fn replace_search(
    tx: &mut OrgTx,
    clock: &dyn Clock,
    org: OrgId,
    site: &str,
    grains: &[&str],
    days: Window,
    rows: &[Columns],
    stamp: Stamp,
) -> Result<Written, sqlx::Error> {
    let keys: Vec<Columns> = rows.iter().map(|row| only(row, super::SEARCH_PERFORMANCE.key)).collect();
    let gone = sqlx::query(
        "delete from search_performance t
         where t.org_id = $1 and t.source = 'search_console' and t.site = $2 and t.search_type = 'web' and t.grain = any($3)
           and t.date between $4 and $5
           and not exists (select 1 from jsonb_populate_recordset(null::search_performance, $6) f
             where f.date = t.date and f.site = t.site and f.search_type = t.search_type and f.grain = t.grain
               and f.page = t.page and f.query = t.query and f.device = t.device and f.country = t.country)",
    )
    .bind(org)
    .bind(site)
    .bind(grains)
    .bind(days.start.to_sqlx())
    .bind(days.end.to_sqlx())
    .bind(sqlx::types::Json(&keys))
    .execute(&mut **tx)
    .await?;
    let mut written = upsert(tx, clock, org, &super::SEARCH_PERFORMANCE, rows, &[], stamp).await?;
    written.changed += gone.rows_affected();
    Ok(written)
}

/// Makes the days of one account's search terms say exactly what `rows` say: those a connection of it or a file brought.
#[expect(clippy::too_many_arguments, reason = "what is replaced, by what, by whom")]
pub async fn replace_terms(
    tx: &mut OrgTx,
    clock: &dyn Clock,
    org: OrgId,
    source: &str,
    account: &str,
    days: Window,
    rows: &[Columns],
    stamp: Stamp,
) -> Result<Written, sqlx::Error> {
    let keys: Vec<Columns> = rows.iter().map(|row| only(row, super::SEARCH_TERMS.key)).collect();
    let gone = sqlx::query(
        "delete from search_terms t
         where t.org_id = $1 and t.source = $2 and t.date between $4 and $5
           and (t.source_id = $6 or exists (select 1 from campaigns c
             where c.org_id = t.org_id and c.id = t.campaign_id and c.source = t.source and c.account_id = $3))
           and not exists (select 1 from jsonb_populate_recordset(null::search_terms, $7) f
             where f.date = t.date and f.campaign_id = t.campaign_id and f.ad_group_id = t.ad_group_id
               and f.term = t.term and f.match_type = t.match_type)",
    )
    .bind(org)
    .bind(source)
    .bind(account)
    .bind(days.start.to_sqlx())
    .bind(days.end.to_sqlx())
    .bind(stamp.source)
    .bind(sqlx::types::Json(&keys))
    .execute(&mut **tx)
    .await?;
    let mut written = upsert(tx, clock, org, &super::SEARCH_TERMS, rows, &[], stamp).await?;
    written.changed += gone.rows_affected();
    Ok(written)
}

/// Campaigns that a connection brought and that are not removed: what a full listing is compared with. Those that only a file
/// named are not the platform's to list.
pub async fn present(tx: &mut OrgTx, org: OrgId, source: SourceId) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "select id from campaigns where org_id = $1 and source_id = $2 and status <> 'removed' order by id",
    )
    .bind(org)
    .bind(source)
    .fetch_all(&mut **tx)
    .await
}

/// Campaigns that two full listings left out are removed.
pub async fn mark_removed(
    tx: &mut OrgTx,
    org: OrgId,
    ids: &[String],
    at: Timestamp,
) -> Result<u64, sqlx::Error> {
    let gone: Vec<&str> = ids.iter().map(String::as_str).collect();
    let before = watched::before(tx, org, &super::CAMPAIGNS, &gone).await?;
    let done = sqlx::query(
        "update campaigns set status = 'removed', row_hash = '', updated_at = $3
         where org_id = $1 and id = any($2) and status <> 'removed'",
    )
    .bind(org)
    .bind(ids)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    if let Some(before) = before {
        watched::tell(tx, org, before, at).await?;
    }
    Ok(done.rows_affected())
}

struct Touched {
    day: Date,
    kind: String,
    id: String,
    channel: String,
}

/// Removes the rows of a scope that `rows` do not have, and computed ones, in whose place stated ones come whole.
async fn vanish(
    tx: &mut OrgTx,
    org: OrgId,
    scope: &Scope<'_>,
    rows: &[Columns],
) -> Result<Vec<Touched>, sqlx::Error> {
    let keys: Vec<Columns> = rows.iter().map(|row| only(row, super::DAILY_METRICS.key)).collect();
    let gone: Vec<(jiff_sqlx::Date, String, String, String)> = sqlx::query_as(
        "delete from daily_metrics t
         where t.org_id = $1 and t.source = $2 and t.account_id = $3 and t.entity_kind = any($4)
           and t.date between $5 and $6
           and (t.rolled or not exists (select 1 from jsonb_populate_recordset(null::daily_metrics, $7) f
             where f.date = t.date and f.account_id = t.account_id and f.entity_kind = t.entity_kind
               and f.entity_id = t.entity_id and f.channel = t.channel and f.breakdown = t.breakdown))
         returning t.date, t.entity_kind, t.entity_id, t.channel",
    )
    .bind(org)
    .bind(scope.source)
    .bind(scope.account)
    .bind(scope.kinds)
    .bind(scope.days.start.to_sqlx())
    .bind(scope.days.end.to_sqlx())
    .bind(sqlx::types::Json(&keys))
    .fetch_all(&mut **tx)
    .await?;
    let one = |(day, kind, id, channel): (jiff_sqlx::Date, _, _, _)| Touched {
        day: day.to_jiff(),
        kind,
        id,
        channel,
    };
    Ok(gone.into_iter().map(one).collect())
}

async fn queue(
    tx: &mut OrgTx,
    org: OrgId,
    touched: &[Touched],
    cause: &str,
    at: Timestamp,
) -> Result<(), sqlx::Error> {
    let days: BTreeSet<(Date, Restated)> = touched
        .iter()
        .map(|one| {
            let (entity_kind, entity_id, channel) = (one.kind.clone(), one.id.clone(), one.channel.clone());
            (one.day, Restated { entity_kind, entity_id, channel })
        })
        .collect();
    let days: Vec<_> = days.into_iter().collect();
    events::restate(tx, org, &days, &format!("sync of {cause}"), at).await
}

/// Conversions of the days of a scope.
async fn conversions(
    tx: &mut OrgTx,
    org: OrgId,
    scope: &Scope<'_>,
) -> Result<BTreeMap<Date, Decimal>, sqlx::Error> {
    let rows: Vec<(jiff_sqlx::Date, Decimal)> = sqlx::query_as(
        "select date, sum(conversions) from daily_metrics
         where org_id = $1 and source = $2 and account_id = $3 and entity_kind = any($4) and date between $5 and $6
         group by date",
    )
    .bind(org)
    .bind(scope.source)
    .bind(scope.account)
    .bind(scope.kinds)
    .bind(scope.days.start.to_sqlx())
    .bind(scope.days.end.to_sqlx())
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|(day, sum)| (day.to_jiff(), sum)).collect())
}

fn at(sums: &BTreeMap<Date, Decimal>, day: Date) -> Decimal {
    sums.get(&day).copied().unwrap_or_default()
}

/// Column names come from the program's own row structs, never from a platform. `row_hash` is the last one.
fn columns(batch: &[Columns]) -> Vec<&str> {
    let mut columns: Vec<&str> =
        batch.first().map(|row| row.keys().map(String::as_str).collect()).unwrap_or_default();
    columns.push("row_hash");
    columns
}

fn changes(table: &FactTable, columns: &[&str], keep: &[&str]) -> String {
    columns
        .iter()
        .filter(|c| !table.key.contains(c) && !keep.contains(c))
        .chain(&["source_id", "sync_run_id", "updated_at"])
        .map(|c| format!("{c} = excluded.{c}"))
        .collect::<Vec<_>>()
        .join(", ")
}

fn hashed(batch: &[Columns]) -> Result<Vec<Columns>, sqlx::Error> {
    let one = |row: &Columns| {
        let hash = Sha256::digest(serde_json::to_vec(row).map_err(encode)?);
        let mut row = row.clone();
        row.insert("row_hash".to_owned(), Value::String(format!("\\x{}", hex(&hash))));
        Ok(row)
    };
    batch.iter().map(one).collect()
}

fn tally(rows: usize, added: &[bool]) -> Written {
    let new = added.iter().filter(|new| **new).count() as u64;
    let put = added.len() as u64;
    Written { added: new, changed: put - new, unchanged: rows as u64 - put }
}

fn only(row: &Columns, names: &[&str]) -> Columns {
    names.iter().filter_map(|name| Some(((*name).to_owned(), row.get(*name)?.clone()))).collect()
}
