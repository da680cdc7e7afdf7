//! Marks that keep erased people out, and the search for rows under marks that came from elsewhere.
use super::erase::{addresses, schema};
use super::marks::Marker;
use super::rules::{Of, RULES};
use super::subject::Person;
use crate::db::people::hex;
use crate::db::{Error, OrgTx, instant};
use crate::ids::OrgId;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::{AssertSqlSafe, Row as _};
use std::collections::BTreeSet;

crate::closed_list! {
    /// Where rows under a mark are still to be looked for.
    Sweep = "sweep" {
        /// Everywhere: the mark was made in another life of this database.
        All = "all",
        /// In what other jobs compute: one of them may have read the person just before.
        Derived = "derived",
        Done = "done",
    }
}

/// Adds marks; one that is there is looked for again as far as either says. Gives how many are new.
pub async fn add(
    tx: &mut OrgTx,
    org: OrgId,
    marks: &[Vec<u8>],
    sweep: Sweep,
    now: Timestamp,
) -> Result<u64, Error> {
    let added: Vec<bool> = sqlx::query_scalar(
        "insert into tombstones as t (org_id, subject_hmac, at, sweep)
         select $1, mark, $3, $4 from unnest($2::bytea[]) mark
         on conflict (org_id, subject_hmac) do update
           set sweep = case when 'all' in (t.sweep, excluded.sweep) then 'all' else excluded.sweep end
         returning (xmax = 0)",
    )
    .bind(org)
    .bind(marks)
    .bind(now.to_sqlx())
    .bind(sweep)
    .fetch_all(&mut **tx)
    .await?;
    Ok(added.into_iter().filter(|new| *new).count() as u64)
}

/// Adds marks that follow from others, as old as the newest of those: whoever writes rows has no clock to ask.
pub(super) async fn add_derived(tx: &mut OrgTx, org: OrgId, marks: &[Vec<u8>]) -> Result<(), Error> {
    if marks.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into tombstones (org_id, subject_hmac, at, sweep)
         select $1, mark, (select max(at) from tombstones where org_id = $1), 'derived' from unnest($2::bytea[]) mark
         on conflict do nothing",
    )
    .bind(org)
    .bind(marks)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Anybody was ever erased.
pub async fn any(tx: &mut OrgTx, org: OrgId) -> Result<bool, Error> {
    sqlx::query_scalar("select exists (select from tombstones where org_id = $1)")
        .bind(org)
        .fetch_one(&mut **tx)
        .await
}

/// Those of some marks that are there.
pub async fn among(tx: &mut OrgTx, org: OrgId, marks: &[Vec<u8>]) -> Result<BTreeSet<Vec<u8>>, Error> {
    let found: Vec<Vec<u8>> = sqlx::query_scalar(
        "select subject_hmac from tombstones where org_id = $1 and subject_hmac = any($2)",
    )
    .bind(org)
    .bind(marks)
    .fetch_all(&mut **tx)
    .await?;
    Ok(found.into_iter().collect())
}

/// Every mark with when it was made, oldest first.
pub async fn all(tx: &mut OrgTx, org: OrgId) -> Result<Vec<(Vec<u8>, Timestamp)>, Error> {
    let rows =
        sqlx::query("select subject_hmac, at from tombstones where org_id = $1 order by at, subject_hmac")
            .bind(org)
            .fetch_all(&mut **tx)
            .await?;
    rows.iter().map(|row| Ok((row.try_get("subject_hmac")?, instant(row, "at")?))).collect()
}

/// Marks that were made by `until` and under which rows are still to be looked for.
pub async fn to_sweep(
    tx: &mut OrgTx,
    org: OrgId,
    sweep: Sweep,
    until: Timestamp,
) -> Result<Vec<Vec<u8>>, Error> {
    sqlx::query_scalar(
        "select subject_hmac from tombstones where org_id = $1 and sweep = $2 and at <= $3 order by subject_hmac",
    )
    .bind(org)
    .bind(sweep)
    .bind(until.to_sqlx())
    .fetch_all(&mut **tx)
    .await
}

pub async fn swept(tx: &mut OrgTx, org: OrgId, marks: &[Vec<u8>]) -> Result<(), Error> {
    sqlx::query("update tombstones set sweep = 'done' where org_id = $1 and subject_hmac = any($2)")
        .bind(org)
        .bind(marks)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Tables that nothing computes: whoever writes them passes the gate.
const AT_THE_GATE: &[&str] = &["events"];

/// Whose marks these are, by the rows that are still there. The database makes the marks of what it holds itself.
pub async fn people(tx: &mut OrgTx, org: OrgId, marks: &[Vec<u8>], sweep: Sweep) -> Result<Person, Error> {
    let (outer, inner) = Marker::of(tx, org).await?.pads();
    let schema = schema(tx).await?;
    let mut person = Person::default();
    for rule in RULES {
        let Some(columns) = schema.get(rule.table) else { continue };
        if sweep != Sweep::All && AT_THE_GATE.contains(&rule.table) {
            continue;
        }
        for key in rule.keys.iter().filter(|key| columns.contains(key.column)) {
            let column = key.column;
            let name = match key.of {
                Of::Hash => format!("encode({column}, 'hex')"),
                Of::Person | Of::Order => column.to_owned(),
            };
            let statement = format!(
                "select name from (select distinct {name} as name from {} where org_id = $1 and {column} is not null) names
                  where name <> '' and sha256($2 || sha256($3 || convert_to(name, 'UTF8'))) = any($4)",
                rule.table
            );
            let found: Vec<String> = sqlx::query_scalar(AssertSqlSafe(statement))
                .bind(org)
                .bind(&outer)
                .bind(&inner)
                .bind(marks)
                .fetch_all(&mut **tx)
                .await?;
            match key.of {
                Of::Order => person.orders.extend(found),
                // A hash names itself: it is an id in hex as well.
                Of::Person | Of::Hash => {
                    let named = Person::named(&found);
                    person.ids.extend(found);
                    person.hashes.extend(named.hashes);
                }
            }
        }
    }
    if sweep == Sweep::All {
        let marker = Marker::of(tx, org).await?;
        person.words = addresses(tx, org, &schema, |hash| marks.contains(&marker.mark(&hex(hash)))).await?;
    }
    Ok(person)
}
