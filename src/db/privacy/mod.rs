//! People who are to be forgotten (`events.md` §11): requests, where their rows lie, what becomes of those, and the marks that
//! keep them out afterwards.
//!
//! A mark goes in before a row goes out, under a lock that whoever writes rows about people shares ([`Gate`]): what was written
//! before the mark is found, what comes after it is kept out.
mod erase;
pub mod export;
mod marks;
pub mod requests;
pub mod rules;
mod screen;
mod subject;
pub mod tombstones;

pub use erase::{Report, erase, erase_rows};
pub use marks::Marker;
pub use screen::fit;
pub(in crate::db) use screen::screen;
pub use subject::{Person, find, of_source};

use super::{Error, OrgTx};
use crate::ids::OrgId;
use std::time::Duration;

/// Writers of rows about people, by how long their transactions may be: nobody waits for those of the other kind.
#[derive(Clone, Copy, Debug)]
pub enum Gate {
    /// Batches of events: milliseconds.
    Events,
    /// Syncs and imports: as long as a slice or a file takes.
    Facts,
}

impl Gate {
    fn name(self) -> &'static str {
        match self {
            Self::Events => "erase events",
            Self::Facts => "erase facts",
        }
    }
}

/// How long marks wait for those who are writing; then they are tried again later, so that writers never queue for long.
const PATIENCE: Duration = Duration::from_secs(3);

/// Writers pass: until the end of this transaction no mark goes in that it would not see. Marks are read in a later statement.
pub async fn pass(tx: &mut OrgTx, org: OrgId, gate: Gate) -> Result<(), Error> {
    sqlx::query("select pg_advisory_xact_lock_shared(hashtextextended($1::text || ' ' || $2, 0))")
        .bind(org)
        .bind(gate.name())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Waits until every writer that may not see new marks has ended, and keeps new ones waiting until the end of this transaction.
/// Long writers first, so that batches of events do not wait for a file.
pub async fn close_gates(tx: &mut OrgTx, org: OrgId) -> Result<(), Error> {
    let patience = format!("set local lock_timeout = {}", PATIENCE.as_millis());
    sqlx::query(sqlx::AssertSqlSafe(patience)).execute(&mut **tx).await?;
    for gate in [Gate::Facts, Gate::Events] {
        sqlx::query("select pg_advisory_xact_lock(hashtextextended($1::text || ' ' || $2, 0))")
            .bind(org)
            .bind(gate.name())
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}
