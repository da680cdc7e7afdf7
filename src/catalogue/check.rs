//! Checks every query against the migrated schema (`adjutant doctor tools`): it prepares and plans as the reader role,
//! and its columns are those the file declares.
use super::decode::compatible;
use super::fault::Fault;
use super::params::bind_types;
use super::spec::Query;
use super::{Catalogue, binds, engine};
use crate::db::Db;
use crate::ids::OrgId;
use sqlx::{Column as _, Executor as _, SqlSafeStr as _, Statement as _, TypeInfo as _};
use uuid::Uuid;

/// What a check found: file, line (0 = the SQL), message.
pub type Finding = Fault;

pub(super) async fn check_all(catalogue: &Catalogue, db: &Db) -> Vec<Finding> {
    let mut out = Vec::new();
    for query in catalogue.queries.values().filter(|query| query.engine.is_none()) {
        let found = check(query, db).await;
        out.extend(found.into_iter().map(|message| Fault { path: query.path.clone(), line: 0, message }));
    }
    for (what, sql) in engine::statements(&catalogue.facts) {
        if let Err(error) = explained(db, sql).await {
            let message = format!("{what}: PostgreSQL refuses the SELECT: {}", words(&error));
            out.push(Fault { path: "facts.yaml".to_owned(), line: 0, message });
        }
    }
    out
}

/// Plans a statement as the reader, for an organisation that does not exist: the rights on every table are checked, too.
async fn explained(db: &Db, sql: String) -> Result<(), sqlx::Error> {
    let mut tx = db.reader(OrgId(Uuid::nil())).await?;
    (&mut *tx).execute(sqlx::AssertSqlSafe(format!("explain (costs off) {sql}"))).await?;
    Ok(())
}

async fn check(query: &Query, db: &Db) -> Vec<String> {
    let (sql, _) = match binds::numbered(&query.sql, &bind_types(&query.params)) {
        Ok(numbered) => numbered,
        Err(name) => return vec![format!(":{name} is no parameter")],
    };
    let found: Result<Vec<String>, sqlx::Error> = async {
        let mut found = Vec::new();
        // An organisation that does not exist: planning needs none, and no row can be seen.
        let mut tx = db.reader(OrgId(Uuid::nil())).await?;
        for source in &query.sources {
            let known: Option<String> =
                sqlx::query_scalar("select to_regclass('facts.' || quote_ident($1))::text")
                    .bind(source)
                    .fetch_one(&mut *tx)
                    .await?;
            if known.is_none() {
                found.push(format!("source '{source}' is no view of schema facts"));
            }
        }
        let statement = (&mut *tx).prepare(sqlx::AssertSqlSafe(sql).into_sql_str()).await?;
        if query.stats.is_none() {
            found.extend(columns(query, &statement));
        }
        // Planning with nulls checks the rights on every table, too.
        (&mut *tx).execute(sqlx::AssertSqlSafe(format!("explain (costs off) {}", with_nulls(query)))).await?;
        Ok(found)
    }
    .await;
    found.unwrap_or_else(|error| vec![format!("PostgreSQL refuses the SELECT: {}", words(&error))])
}

fn with_nulls(query: &Query) -> String {
    let types = bind_types(&query.params);
    let mut out = String::new();
    for piece in binds::pieces(&query.sql) {
        match piece {
            binds::Piece::Text(text) => out.push_str(&text),
            binds::Piece::Bind(name) => {
                out.push_str("null::");
                out.push_str(types.get(&name).copied().unwrap_or("text"));
            }
        }
    }
    out
}

fn columns(query: &Query, statement: &sqlx::postgres::PgStatement) -> Vec<String> {
    let real: Vec<(&str, &str)> =
        statement.columns().iter().map(|c| (c.name(), c.type_info().name())).collect();
    let declared: Vec<&str> = query.columns.iter().map(|c| c.name.as_str()).collect();
    let names: Vec<&str> = real.iter().map(|(name, _)| *name).collect();
    if names != declared {
        return vec![format!(
            "the SELECT gives the columns {} but the file declares {}",
            names.join(", "),
            declared.join(", ")
        )];
    }
    query
        .columns
        .iter()
        .zip(&real)
        .filter(|(column, (_, kind))| !compatible(column.kind, kind))
        .map(|(column, (name, kind))| {
            let declared = serde_json::to_value(column.kind)
                .ok()
                .and_then(|v| v.as_str().map(str::to_owned))
                .unwrap_or_default();
            format!(
                "column '{name}' is {} in the SELECT but declared {declared}; cast it or correct the type",
                kind.to_lowercase()
            )
        })
        .collect()
}

/// The database's own words, which name the column or function; there is nothing secret in a file of tools/.
fn words(error: &sqlx::Error) -> String {
    error.as_database_error().map_or_else(|| error.to_string(), |db| db.message().to_owned())
}
